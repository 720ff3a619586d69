"""Answers without a language model: which words and sentences are given, in which order, and when none is.

The reader is scripted: for each text the words it points at with a score, the score of no answer, and its two
judgements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from conftest import WordEncoder, WordReader, article, evidence

from rag.answer import abstain
from rag.answer.extract import Extractive
from rag.answer.study import claims, study
from rag.question.parts import parts_of
from rag.types import (
    Abstention,
    Article,
    Claim,
    DraftSentence,
    Evidence,
    Reader,
    Reading,
    Retrieved,
    RetrievedPassage,
    Scores,
    Span,
    Turn,
)


class Pointing:
    """Points, whatever the question, at the words it was told of, wherever they stand."""

    name = "pointing"

    def __init__(self, words: Mapping[str, float], answerable: float = 0.5) -> None:
        self.words, self.answerable = words, answerable
        self.asked: list[str] = []
        self._read: list[tuple[str, str]] = []

    def read_texts(self, during: Callable[[], object]) -> list[tuple[str, str]]:
        """The questions and texts that are read meanwhile, in order."""
        self._read.clear()
        during()
        return list(self._read)

    def read(self, question: str, texts: Sequence[str], *, spans: int = 5) -> list[Reading]:
        self.asked.append(question)
        self._read += [(question, text) for text in texts]
        return [
            Reading(
                tuple(
                    Span(text.index(words), text.index(words) + len(words), score)
                    for words, score in sorted(self.words.items(), key=lambda pair: -pair[1])
                    if words in text
                ),
                0.0,
                self.answerable,
                0.5,
            )
            for text in texts
        ]


class Encoding:
    """An encoder of passages by a function. By default all texts are alike to it: every score is 0.7, and up to
    0.3 for words and 0.1 for the kind.
    """

    name = "encoding"
    dims = 1

    def __init__(self, encode: Callable[[Sequence[str]], np.ndarray[Any, Any]] | None = None) -> None:
        self.passages = encode or (lambda texts: np.ones((len(texts), 1), dtype=np.float32))

    def question(self, text: str) -> np.ndarray[Any, Any]:
        raise AssertionError("sentences are encoded, and beside them the question as one of them")


def certain(
    question: str, evidence: Evidence, answerable: Sequence[float], supported: float | None = None
) -> float:
    return 1.0


def drafted(
    question: str,
    *articles: Article,
    reader: Reader | None = None,
    sure: float = 0.5,
    least: float = 0.0,
    judge: Any = certain,
    encoder: Any = None,
) -> list[DraftSentence | Abstention]:
    with (
        patch.object(abstain, "MIN_BELIEF", sure),
        patch.object(abstain, "MIN_CONFIDENCE", least),
    ):
        answerer = Extractive(encoder or Encoding(), reader or Pointing({}), judge)
        return list(answerer.draft(question, evidence(*articles)))


def best(question: str, found: Evidence, reader: Reader) -> str:
    """The words that the reader believes in most."""
    return study(parts_of(question), Retrieved(question, found), reader, certain).parts[0].candidates[0].words


def said(question: str, *articles: Article, **options: Any) -> list[str]:
    found = drafted(question, *articles, **options)
    assert all(isinstance(d, DraftSentence) for d in found)
    return [d.text for d in found if isinstance(d, DraftSentence)]


# Words


STORY = article(
    "It was a long week for everyone. Late on Tuesday, Iran struck first in the dry hills. Nobody slept "
    "well.",
    id="s",
)
SENTENCE = "Late on Tuesday, Iran struck first in the dry hills."


def test_words_are_answered_shortly_and_then_in_the_sentence_they_stand_in() -> None:
    assert drafted("Who struck first?", STORY, reader=Pointing({"Iran": 3.0})) == [
        DraftSentence("Iran struck first.", (Claim(1, SENTENCE),), "Iran"),
        DraftSentence(SENTENCE, (Claim(1, SENTENCE),)),
    ]


def test_a_short_answer_never_says_more_than_its_sentence() -> None:
    """The question's words go into it only where the sentence has them all."""
    assert said("Who attacked first?", STORY, reader=Pointing({"Iran": 3.0})) == ["Iran.", SENTENCE]


def test_a_sentence_that_is_hardly_longer_than_the_short_answer_is_given_alone() -> None:
    story = article("Iran struck first.")
    assert drafted("Who struck first?", story, reader=Pointing({"Iran": 3.0})) == [
        DraftSentence("Iran struck first.", (Claim(1, "Iran struck first."),), "Iran")
    ]


def test_a_reader_that_is_not_sure_gives_sentences_only() -> None:
    reader = Pointing({"Iran": 1.0, "Nobody": 1.0})  # half of its belief falls on each
    assert said("Who struck first?", STORY, reader=reader, sure=0.5)[0] == "Iran struck first."
    unsure = drafted("Who struck first?", STORY, reader=reader, sure=0.51)
    assert unsure[0] == DraftSentence(SENTENCE, (Claim(1, SENTENCE),), "Iran"), "its guess is marked"


def test_what_two_articles_say_is_believed_before_what_one_says_louder() -> None:
    """At a temperature of two, and .2 less for each rank: e^.4 + e^.3 against e^.75."""
    one = article("On that day the toll in the hills reached nine.", id="1")
    two = article("There were nine dead in the burning village on Friday.", id="2")
    loud = article("Some had counted seventy by the evening of the attack.", id="3")
    reader = Pointing({"nine": 1.0, "seventy": 1.5})
    assert drafted("How many died?", loud, one, two, reader=reader)[0].short == "nine"  # type: ignore[union-attr]
    assert drafted("How many died?", loud, one, reader=reader)[0].short == "seventy"  # type: ignore[union-attr]


def test_words_of_a_clause_that_tells_of_the_opposite_are_hardly_believed() -> None:
    story = article(
        "Pakistan struck into Iran on Wednesday, after Iran carried out strikes in Pakistan late on Tuesday."
    )
    reader = Pointing({"Wednesday": 1.0, "Tuesday": 2.0})
    assert drafted("When did Pakistan strike Iran?", story, reader=reader)[0].short == "Wednesday"  # type: ignore[union-attr]
    assert drafted("When did Iran strike Pakistan?", story, reader=reader)[0].short == "Tuesday"  # type: ignore[union-attr]


def test_copies_of_one_article_are_one_voice() -> None:
    one = article("On that day the toll in the hills reached nine.", id="1")
    copy = article("WIRE: On that day the toll in the hills reached nine.", id="2")
    loud = article("Some had counted seventy by the evening of the attack.", id="3")
    reader = Pointing({"nine": 1.0, "seventy": 1.5})
    apart = evidence(loud, one, copy)
    together = Evidence(
        tuple(
            p if p.article.id == "3" else replace(p, article=replace(p.article, group="1"))
            for p in apart.passages
        )
    )
    said = [best("How many died?", found, reader) for found in (apart, together)]
    assert said == ["nine", "seventy"]


def test_an_article_that_repeats_itself_is_one_voice() -> None:
    story = article(
        "The toll is nine. " + "Nothing more was known at that hour of the day. " * 3 + "Again: nine.", id="1"
    )
    facts = evidence(story).passages[0].article
    halves = [(0, 80), (80, len(story.text))]
    twice = Evidence(
        tuple(RetrievedPassage(story.passage(a, b), facts, n, Scores()) for n, (a, b) in enumerate(halves, 1))
    )
    loud = evidence(article("Seventy were counted by evening.", id="2")).passages[0]
    found = Evidence((*twice.passages, RetrievedPassage(loud.passage, loud.article, 3, Scores())))
    reader = Pointing({"nine": 1.0, "Seventy": 2.0})
    assert best("How many died?", found, reader) == "Seventy"


@pytest.mark.parametrize(("answerable", "first"), [(0.5, "Beta"), (0.99, "Alpha")])
def test_a_passage_that_answers_outweighs_a_span_that_scores_higher(answerable: float, first: str) -> None:
    """Half of logit 0.99 is 2.3; the score of Beta is 2 more."""

    class Both(Pointing):
        def read(self, question: str, texts: Sequence[str], *, spans: int = 5) -> list[Reading]:
            sure, unsure = super().read(question, texts)
            return [Reading(sure.spans, 0.0, answerable, 0.5), unsure]

    one, two = (
        article("Alpha came by sea to the island.", id="1"),
        article("Beta came by land to the city.", id="2"),
    )
    found = drafted("Who came?", one, two, reader=Both({"Alpha": 0.0, "Beta": 2.0}), sure=0.0)
    assert found[0].short == first  # type: ignore[union-attr]


def test_a_list_gives_all_members_that_stand_together() -> None:
    story = article(
        "Officers go to the cities of Turbat on this side and Zahedan on the other one. Zahedan is old."
    )
    reader = Pointing({"Turbat": 3.0, "Zahedan": 2.0})
    assert (
        drafted("Which two cities host officers?", story, reader=reader)[0].short
        == "Turbat on this side and Zahedan"
    )  # type: ignore[union-attr]
    assert drafted("Which city hosts officers?", story, reader=reader)[0].short == "Turbat"  # type: ignore[union-attr]
    faint = Pointing({"Turbat": 3.0, "Zahedan": -3.0})
    assert drafted("Which two cities host officers?", story, reader=faint)[0].short == "Turbat"  # type: ignore[union-attr]


# Parts


def test_each_part_is_answered_in_the_order_asked_and_a_pronoun_means_the_answer_before() -> None:
    story = article(
        "Jaish al-Adl was their target in the far south. After weeks of quiet in the hills Iran struck first."
    )
    reader = Pointing({"Iran": 3.0})
    assert (
        said("Who struck first, and whom did they target?", story, reader=reader)[0] == "Iran struck first."
    )
    assert reader.asked == ["Who struck first", "whom did Iran target?"]


def test_of_several_parts_one_the_reader_is_not_sure_of_gets_the_sentence_of_its_best_words() -> None:
    story = article(
        "Iran struck first at dawn in the hills. Their target was Jaish al-Adl. The Houthis were no target "
        "at all."
    )
    reader = Pointing({"Jaish al-Adl": 3.1, "Houthis": 3.0})
    quote = "Their target was Jaish al-Adl."
    asked = "Who struck first at dawn in the hills, and where was it?"
    assert drafted(asked, story, reader=reader, sure=0.6)[0] == DraftSentence(
        quote, (Claim(1, quote),), "Jaish al-Adl"
    )


def test_a_part_that_is_not_answered_is_passed_over_and_the_other_answered() -> None:
    def judge(
        question: str, evidence: Evidence, answerable: Sequence[float], supported: float | None = None
    ) -> float:
        return float("struck" in question)

    reader = Pointing({"Iran": 3.0})
    texts = said("Who struck first, and where is the zebra?", STORY, reader=reader, judge=judge, least=0.5)
    assert texts == ["Iran struck first.", SENTENCE]


def test_one_sentence_may_answer_both_parts_and_is_given_once() -> None:
    story = article("Iran struck first and hit the target. Rain is expected at sea.")
    assert said("Who struck first, and what target was hit?", story) == [
        "Iran struck first and hit the target."
    ]


def test_the_judge_hears_what_the_reader_saw_of_the_part() -> None:
    heard: list[tuple[str, list[float]]] = []

    def judge(
        question: str, evidence: Evidence, answerable: Sequence[float], supported: float | None = None
    ) -> float:
        heard.append((question, list(answerable)))
        return 1.0

    drafted(
        "Who struck first?",
        STORY,
        reader=Pointing({"Iran": 3.0, "Nobody": -1.0}, answerable=0.7),
        judge=judge,
    )
    assert heard == [("Who struck first?", [0.7])]


def test_a_part_under_the_least_confidence_gets_nothing() -> None:
    def judge(
        question: str, evidence: Evidence, answerable: Sequence[float], supported: float | None = None
    ) -> float:
        return 0.4

    reader = Pointing({"Iran": 3.0})
    assert drafted("Who struck first?", STORY, reader=reader, judge=judge, least=0.41) == [
        Abstention.WEAK_EVIDENCE
    ]
    assert drafted("Who struck first?", STORY, reader=reader, judge=judge, least=0.4) != [
        Abstention.WEAK_EVIDENCE
    ]


def test_according_to_someone_keeps_to_where_they_are_named() -> None:
    one = article("Ann Lee of the Institute said the toll was seven.", id="1")
    two = article("The ministry reported that the toll had reached nine.", id="2")
    reader = Pointing({"seven": 0.0, "nine": 5.0})
    assert drafted("According to Ann Lee, how many died?", two, one, reader=reader)[0].short == "seven"  # type: ignore[union-attr]
    assert drafted("How many died?", two, one, reader=reader)[0].short == "nine"  # type: ignore[union-attr]
    assert said("According to Ann Lee, why did they die?", two, one) == [one.text]
    assert drafted("According to Bob Ray, why did they die?", two, one) == [Abstention.WEAK_EVIDENCE]


# Sentences


def test_why_is_answered_with_the_sentence_nearest_to_the_question() -> None:
    weather = article("Rain fell on the whole coast. Snow is expected.", id="weather")
    strike = article("It was a long week. Iran struck because of a bombing. Nobody slept well.", id="strike")
    assert drafted("Why did Iran strike, because of what?", weather, strike, encoder=WordEncoder()) == [
        DraftSentence("Iran struck because of a bombing.", (Claim(2, "Iran struck because of a bombing."),))
    ]


def test_the_sentence_with_the_reader_s_words_comes_before_one_as_near() -> None:
    one, two = article("Alpha came by sea.", id="1"), article("Beta came by land.", id="2")
    assert said("Why was that?", one, two)[0] == "Alpha came by sea."
    assert said("Why was that?", one, two, reader=Pointing({"land": 1.0}))[0] == "Beta came by land."


def test_a_sentence_that_points_away_is_no_worse_than_one_that_is_square() -> None:
    """A cosine of −1 counts as none: the words decide."""

    def encode(texts: Sequence[str]) -> np.ndarray[Any, Any]:
        return np.array(
            [[1.0]] + [[-1.0] if "Iran" in text else [0.0] for text in texts[1:]], dtype=np.float32
        )

    assert (
        said("Why Iran?", article("Now Iran strikes again. It rained all day."), encoder=Encoding(encode))[0]
        == "Now Iran strikes again."
    )


def test_a_rare_word_of_the_question_tells_more_than_a_frequent_one() -> None:
    story = article("Iran spoke at noon. Iran dined late there. Iran left by sea. Then Panjgur burned down.")
    assert said("Why Iran, Panjgur?", story)[0] == "Then Panjgur burned down."


def test_words_are_compared_by_their_stems() -> None:
    assert said("Why target?", article("They slept all day. They were targeting something. It ended well."))[
        0
    ] == ("They were targeting something.")


def test_equal_sentences_are_given_in_the_order_of_the_evidence() -> None:
    one = article("Alpha met delegates. Beta hosted dancers.", id="z")
    two = article("Gamma sold trucks.", id="a")
    assert said("Why?", one, two) == ["Alpha met delegates.", "Beta hosted dancers.", "Gamma sold trucks."]


def test_a_quoted_sentence_is_given_with_whoever_said_it_and_once() -> None:
    story = article(
        "“A limited reply,” said Vaez.\n“It will not escalate beyond alpha beta.” Ministers met for lunch."
    )
    together = "“A limited reply,” said Vaez. “It will not escalate beyond alpha beta.”"
    assert said("Why will it escalate beyond alpha beta?", story)[0] == together
    # The sentence with the speaker, chosen too, does not come a second time, whichever of the two is nearer.
    assert said("Why reply alpha beta?", story) == [together]
    assert said("Why limited reply alpha?", story) == [together]
    words = drafted("Where will it escalate?", story, reader=Pointing({"beyond alpha beta": 3.0}))
    assert [(d.text, d.claims) for d in words if isinstance(d, DraftSentence)][-1] == (
        together,
        (Claim(1, together),),
    )


def test_of_two_sentences_as_near_the_one_that_does_not_tell_of_the_opposite_comes_first() -> None:
    story = article(
        "Pakistan responded with strikes that hurt nine. Iran had begun with strikes that hurt two."
    )
    assert said("How did Iran strike Pakistan?", story) == ["Iran had begun with strikes that hurt two."]


def test_at_most_three_sentences_tell_why() -> None:
    story = article("Alpha met delegates. Beta hosted dancers. Gamma sold trucks. Delta bought bread.")
    assert len(said("Why?", story)) == 3


def test_a_further_sentence_must_be_nearly_as_good_as_the_best() -> None:
    # The second sentence holds the two words that both do: 0.7 + 0.3 × 2 / (3 + ln 1.5) = 0.876, less than
    # 0.88 × 1.0.
    assert said("Why alpha beta gamma?", article("Alpha beta gamma. Gamma beta delta.")) == [
        "Alpha beta gamma."
    ]


def test_what_another_passage_says_in_nearly_the_same_words_is_not_repeated() -> None:
    one = article("Iran struck a camp near Panjgur on Tuesday.", id="one")
    copy = article("On Tuesday, Iran struck a camp near Panjgur town.", id="copy")
    other = article("Ministers met for lunch in Davos.", id="other")
    assert said("Why?", one, copy, other) == [one.text, other.text]


def test_twins_share_more_than_six_in_ten_words_of_the_shorter() -> None:
    def both(second: str) -> bool:
        return len(said("Why?", article("Alpha bravo charlie delta echo."), article(second, id="b"))) == 2

    assert both("Alpha bravo charlie yankee zulu."), "three of five are six in ten, and not more"
    assert not both("Alpha bravo charlie delta zulu.")
    assert not both("Alpha bravo charlie."), "three of the shorter's three"


@pytest.mark.parametrize(
    ("question", "plain", "fitting"),
    [
        ("Explain how long was it?", "It was quite long.", "It was 900 long."),
        ("Explain when did it begin?", "It did not begin.", "It did begin yesterday."),
        ("Why did it burn?", "It did burn down.", "It did burn because of sparks."),
        ("Explain who shot the bear?", "The bear was shot.", "The bear was shot by Ann."),
    ],
)
def test_a_sentence_with_the_kind_of_thing_asked_for_comes_first(
    question: str, plain: str, fitting: str
) -> None:
    given = said(
        question, article(plain, id="b", published=date(2024, 1, 2)), article(fitting, id="a"), sure=2.0
    )
    assert fitting in given
    if question.startswith("Why"):
        assert given[0] == fitting


def test_a_heading_and_a_byline_are_no_answer() -> None:
    assert said("Why Iran strikes?", article("Iran strikes\nBy Iran\nNow Iran strikes again.")) == [
        "Now Iran strikes again."
    ]
    assert drafted("Why Iran strikes?", article("Iran strikes\nBy Iran")) == [Abstention.WEAK_EVIDENCE]


def test_a_sentence_that_decides_is_led_by_yes_or_no() -> None:
    story = article("Iraq has recalled its ambassador from Tehran.", id="1")
    assert [
        (d.lead, d.text)
        for d in drafted("Did Iraq recall its ambassador?", story)
        if isinstance(d, DraftSentence)
    ] == [("Yes:", "Iraq has recalled its ambassador from Tehran.")]
    rumour = article("Iraq may have recalled its ambassador from Tehran.", id="1")
    assert [
        d.lead for d in drafted("Did Iraq recall its ambassador?", rumour) if isinstance(d, DraftSentence)
    ] == [""]


def test_a_quantity_is_given_with_its_qualifier() -> None:
    story = article("The strikes in the hills killed at least nine people, the ministry said on Friday.")
    drafts = drafted("How many people did the strikes kill?", story, reader=Pointing({"nine people": 3.0}))
    assert drafts[0].short == "at least nine people"  # type: ignore[union-attr]


# Accounts


def test_an_account_has_five_sentences_in_the_order_of_their_days() -> None:
    names = ("Alpha", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot")
    days = (3, 1, None, 2, 6, 5)
    stories = [
        article(f"{name} met their {name.lower()}.", id=name, published=date(2024, 1, day) if day else None)
        for name, day in zip(names, days, strict=True)
    ]
    assert said("What happened?", *stories) == [
        "Bravo met their bravo.", "Delta met their delta.", "Alpha met their alpha.", "Echo met their echo.",
        "Charlie met their charlie.",
    ]  # fmt: skip


def test_an_account_follows_the_days_that_the_sentences_speak_of() -> None:
    told = article(
        "Talks opened on Friday. Bombs fell late on Tuesday. Roads closed after that. Envoys left on "
        "Thursday.",
        published=date(2024, 1, 20),
    )
    later = article("Markets rallied all day.", id="later", published=date(2024, 1, 22))
    assert said("What happened?", later, told) == [
        "Bombs fell late on Tuesday.", "Roads closed after that.", "Envoys left on Thursday.", "Talks opened on Friday.",
        "Markets rallied all day.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("days", "order"),
    [
        (("Friday", "Tuesday", "Thursday"), ("Tuesday", "Thursday", "Friday")),
        (("Monday", "Sunday", "Saturday"), ("Saturday", "Sunday", "Monday")),
        (("Sunday",), ("Sunday",)),
    ],
)
def test_weekdays_of_articles_without_a_date_are_one_stretch_of_days(
    days: tuple[str, ...], order: tuple[str, ...]
) -> None:
    stories = [article(f"Case{i} came on {day}.", id=str(i), published=None) for i, day in enumerate(days)]
    undated = article("Nothing else came.", id="undated", published=None)
    assert [s.split()[-1] for s in said("What happened?", undated, *stories)] == [
        *(f"{day}." for day in order),
        "came.",
    ]


_WORDS, _NAMES = ("Yes", "Never", "Soon", "Maybe", "Enough"), ("Alpha", "Bravo", "Charlie", "Delta", "Echo")
_OTHERS, _PLACES = ("Foxtrot", "Golf", "Hotel", "India", "Juliet"), ("Rome", "Oslo", "Bern", "Lima", "Riga")


def test_an_account_of_events_prefers_what_happened_to_what_was_said() -> None:
    quotes = [f"“{word},” {who} said." for word, who in zip(_WORDS, _NAMES, strict=True)]
    deeds = [f"{who} left {where} on Monday." for who, where in zip(_OTHERS, _PLACES, strict=True)]
    story = article(" ".join([*quotes, *deeds]))
    assert said("What happened?", story) == deeds
    assert said("Describe the risks.", story) == quotes


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("Bombs fell on Tuesday.", "Snow melts in Bern."),  # says when
        ("Snow melts in Bern.", "Talks opened, Lee said."),  # quotes nobody
        ("Snow melts in Bern.", "Talks will open."),  # has happened
    ],
)
def test_a_sentence_that_tells_an_event_is_worth_more(better: str, worse: str) -> None:
    others = [
        "Envoys left Rome on Monday.",
        "Roads closed on Friday.",
        "Ships sank on Sunday.",
        "Trains ran on Saturday.",
    ]
    found = said("What happened?", article(" ".join([worse, better, *others])))
    assert (better in found, worse in found) == (True, False)


def test_a_sentence_where_an_article_begins_is_worth_more() -> None:
    story = article("Iran struck camps. " + "Snow fell. " * 60 + "Envoys met in Oslo. Rain reached Lima. Bells rang in Bern. "
                    "Fires burned in Rome. Ships sank near Riga.")  # fmt: skip
    assert "Iran struck camps." in said("What happened?", story)


def test_sentences_of_one_article_keep_their_order_whatever_their_passages_ranks() -> None:
    story = article("Iran struck camps at dawn. Bells rang in Bern. Roads closed near Oslo.")
    whole = evidence(story).passages[0]
    first, last = story.passage(0, 26), story.passage(27, len(story.text))
    found = Evidence((replace(whole, passage=last, rank=1), replace(whole, passage=first, rank=2)))
    answerer = Extractive(Encoding(), Pointing({}), certain)
    assert [d.text for d in answerer.draft("What happened?", found)] == [  # type: ignore[union-attr]
        "Iran struck camps at dawn.", "Bells rang in Bern.", "Roads closed near Oslo.",
    ]  # fmt: skip


def test_a_bare_question_is_answered_with_what_most_sentences_are_about() -> None:
    texts = [
        f"Iran {deed}."
        for deed in ("struck camps", "recalled envoys", "closed roads", "blamed rebels", "held talks")
    ]
    stories = [article(text, id=text) for text in ("Lunch was late.", *texts)]
    assert sorted(said("What happened?", *stories, encoder=WordEncoder())) == sorted(texts)


def test_a_bare_question_needs_no_confidence_but_something_to_tell_of() -> None:
    def judge(
        question: str, evidence: Evidence, answerable: Sequence[float], supported: float | None = None
    ) -> float:
        return 0.0

    assert "It was a long week for everyone." in said(
        "Summarise the articles.", STORY, judge=judge, least=0.5
    )
    assert drafted("Explain photosynthesis.", STORY, judge=judge, least=0.5) == [Abstention.WEAK_EVIDENCE]
    assert drafted("Summarise the articles.", judge=judge, least=0.5) == [Abstention.WEAK_EVIDENCE]


# Weights and thresholds: a case on either side of each, with the answerer as it is delivered


def pointed(words: Mapping[str, float], null: float = 0.0, answerable: float = 0.5) -> Pointing:
    """A reader whose score of no answer, and whose judgement, are these wherever the first words stand."""

    class Judging(Pointing):
        def read(self, question: str, texts: Sequence[str], *, spans: int = 5) -> list[Reading]:
            first = next(iter(words))
            return [
                replace(reading, null=null, answerable=answerable) if first in text else reading
                for reading, text in zip(super().read(question, texts), texts, strict=True)
            ]

    return Judging(words)


def delivered(question: str, *articles: Article, reader: Reader, encoder: Any = None) -> list[str]:
    drafts = Extractive(encoder or Encoding(), reader, certain).draft(question, evidence(*articles))
    return [d.text for d in drafts if isinstance(d, DraftSentence)]


def near(cosines: Mapping[str, float]) -> Encoding:
    """An encoder that finds these texts so near to the question, and all others not at all."""

    def encode(texts: Sequence[str]) -> np.ndarray[Any, Any]:
        at = [1.0 if text.endswith("?") else cosines.get(text, 0.0) for text in texts]
        return np.array([[c, (1 - c * c) ** 0.5] for c in at], dtype=np.float32)

    return Encoding(encode)


@pytest.mark.parametrize(
    ("words", "sure"), [("Alpha Bravo Charlie", True), ("Alpha Bravo Charlie Delta", False)]
)
def test_one_of_three_equal_guesses_is_given_shortly_and_one_of_four_is_not(words: str, sure: bool) -> None:
    """A third of the belief is more than 0.3, a quarter is less."""
    story = article("Late on a wet Tuesday evening came Alpha, Bravo, Charlie and old Delta.")
    reader = Pointing(dict.fromkeys(words.split(), 1.0))
    assert delivered("Who came?", story, reader=reader) == ["Alpha came."] * sure + [story.text]


@pytest.mark.parametrize(("score", "short"), [(-4.5, "Turbat and Zahedan"), (-4.7, "Turbat")])
def test_a_member_of_a_list_has_a_tenth_of_the_belief_in_the_best(score: float, short: str) -> None:
    """At a temperature of two: e^(−4.5 / 2) is 0.105, e^(−4.7 / 2) is 0.095."""
    story = article("Officers of both sides go to the old cities of Turbat and Zahedan every week.")
    reader = Pointing({"Turbat": 0.0, "Zahedan": score})
    assert drafted("Which two cities host officers?", story, reader=reader)[0].short == short  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("one", "other", "less", "claimed"),
    [
        ("Alpha", "Bravo", 2.3, 2), ("Alpha", "Bravo", 2.5, 1),  # e^(−2.3 / 2) is 0.317, e^(−2.5 / 2) is 0.287
        ("nine", "seventy", 5.8, 2), ("nine", "seventy", 6.1, 1),  # 0.055, and 0.047
    ],
)  # fmt: skip
def test_a_rival_has_three_tenths_of_the_belief_in_the_best_and_a_figure_a_twentieth(
    one: str, other: str, less: float, claimed: int
) -> None:
    stories = [article(f"They counted {words} that day.", id=words) for words in (one, other)]
    reader = Pointing({one: 20.0, other: 20.2 - less})  # the second rank costs 0.2
    found = Retrieved("Which did they count?", evidence(*stories))
    assert len(claims(study(parts_of(found.question), found, reader, certain).parts[0])) == claimed


@pytest.mark.parametrize(("score", "claimed"), [(5.0, 1), (4.9, 0)])
def test_a_claim_scores_five_more_than_there_being_none(score: float, claimed: int) -> None:
    found = Retrieved("Who came?", evidence(article("Alpha came by sea.")))
    reading = study(parts_of(found.question), found, Pointing({"Alpha": score}), certain).parts[0]
    assert len(claims(reading)) == claimed


@pytest.mark.parametrize(
    ("reader", "first"),
    [
        # The second rank costs 0.2.
        (pointed({"Alpha": 0.0, "Bravo": 0.15}), "Alpha"), (pointed({"Alpha": 0.0, "Bravo": 0.25}), "Bravo"),
        # Half of the log-odds of 0.9 is 1.1.
        (pointed({"Alpha": 0.0, "Bravo": 1.2}, answerable=0.9), "Alpha"),
        (pointed({"Alpha": 0.0, "Bravo": 1.4}, answerable=0.9), "Bravo"),
        # No answer scores −2 where Alpha stands, of which half speaks for it.
        (pointed({"Alpha": 0.0, "Bravo": 1.1}, null=-2.0), "Alpha"),
        (pointed({"Alpha": 0.0, "Bravo": 1.3}, null=-2.0), "Bravo"),
    ],
)  # fmt: skip
def test_belief_weighs_score_rank_judgement_and_the_score_of_no_answer(reader: Reader, first: str) -> None:
    stories = article("Alpha came by sea.", id="1"), article("Then Bravo came by land.", id="2")
    assert best("Who came?", evidence(*stories), reader) == first


def test_a_score_that_is_higher_by_twice_the_logarithm_of_two_has_twice_the_belief() -> None:
    found = Retrieved("Who came?", evidence(article("Alpha and Bravo came.")))
    reader = Pointing({"Alpha": 2 * math.log(2), "Bravo": 0.0})
    beliefs = [c.score for c in study(parts_of(found.question), found, reader, certain).parts[0].candidates]
    assert beliefs == pytest.approx([2 / 3, 1 / 3])


@pytest.mark.parametrize(("score", "first"), [(5.9, "Wednesday"), (6.1, "Tuesday")])
def test_words_of_a_clause_that_tells_of_the_opposite_score_six_less(score: float, first: str) -> None:
    """Three less in belief, at a temperature of two."""
    story = article(
        "Pakistan struck into Iran on Wednesday, after Iran carried out strikes in Pakistan late on Tuesday."
    )
    reader = Pointing({"Wednesday": 0.0, "Tuesday": score})
    assert best("When did Pakistan strike Iran?", evidence(story), reader) == first


@pytest.mark.parametrize(
    ("question", "plain", "other", "cosine", "belief", "wins"),
    [
        # All of the question's words weigh 0.3: with a cosine of 4/7 they make up for one of 1.
        ("Why burn sparks?", "Snow lies deep.", "Sparks burn here.", 0.56, False, False),
        ("Why burn sparks?", "Snow lies deep.", "Sparks burn here.", 0.58, False, True),
        # A reason, where one is asked for, weighs 0.1: that makes up for 1/7.
        ("Why burn sparks?", "Snow lies deep.", "Ice melts because.", 0.85, False, False),
        ("Why burn sparks?", "Snow lies deep.", "Ice melts because.", 0.87, False, True),
        # All of the reader's belief weighs 0.4: that makes up for 4/7.
        ("Why burn sparks?", "Snow lies deep.", "Ice melts slowly.", 0.42, True, False),
        ("Why burn sparks?", "Snow lies deep.", "Ice melts slowly.", 0.44, True, True),
        # Telling of the opposite takes 0.3 away.
        ("How did Iran strike Pakistan?", "Pakistan responded with strikes that hurt nine.",
         "Iran had begun with strikes that hurt two.", 0.56, False, False),
        ("How did Iran strike Pakistan?", "Pakistan responded with strikes that hurt nine.",
         "Iran had begun with strikes that hurt two.", 0.58, False, True),
    ],
)  # fmt: skip
def test_a_sentence_farther_from_the_question_wins_by_what_else_speaks_for_it(
    question: str, plain: str, other: str, cosine: float, belief: bool, wins: bool
) -> None:
    stories = article(plain, id="1"), article(other, id="2")
    reader = Pointing({"melts": 0.0} if belief else {})
    given = delivered(question, *stories, reader=reader, encoder=near({plain: 1.0, other: cosine}))
    assert given[0] == (other if wins else plain)


@pytest.mark.parametrize(("cosine", "given"), [(0.84, 2), (0.82, 1)])
def test_a_further_sentence_has_88_hundredths_of_the_best_ones_score(cosine: float, given: int) -> None:
    """Both hold all words of the question, 0.3. 0.7 × 0.84 more is 0.888, 0.7 × 0.82 more is 0.874, and the
    best has 1."""
    texts = "Sparks burn old dry barns.", "Paper burns where sparks fly off trains."
    encoder = near({texts[0]: 1.0, texts[1]: cosine})
    stories = [article(text, id=text) for text in texts]
    assert len(delivered("Why burn sparks?", *stories, reader=Pointing({}), encoder=encoder)) == given


_FOUR = ("Envoys left Rome.", "Roads closed nearby.", "Ships sank there.", "Trains ran again.")


@pytest.mark.parametrize(
    ("one", "other", "cosine", "at", "wins"),
    [
        ("Snow fell again.", "Rain fell Monday.", 0.75, 0, False),  # 0.7 × 0.9 against 0.7 × 0.75 and 0.1
        ("Snow fell again.", "Rain fell Monday.", 0.77, 0, True),
        ("Lee said snow.", "Rain fell again.", 0.68, 0, False),  # 0.7 × 0.9 less 0.15 against 0.7 × 0.68
        ("Lee said snow.", "Rain fell again.", 0.69, 0, True),
        ("Snow fell again.", "Rain fell again.", 0.75, 600, False),  # the other begins its article: 0.1 more
        ("Snow fell again.", "Rain fell again.", 0.77, 600, True),
        (
            "Snow fell again.",
            "Rain fell again.",
            0.77,
            599,
            False,
        ),  # the first 600 characters are a beginning
    ],
)
def test_of_events_a_day_or_an_article_s_beginning_weighs_a_tenth_and_a_quotation_less_than_nothing(
    one: str, other: str, cosine: float, at: int, wins: bool
) -> None:
    stories = [article(text, id=text) for text in _FOUR]
    stories.append(article("x" * (at - 2) + ". " + one if at else one, id="one"))
    stories.append(article(other, id="other"))
    encoder = near({**dict.fromkeys(_FOUR, 1.0), one: 0.9, other: cosine})
    given = delivered("What happened in Davos?", *stories, reader=Pointing({}), encoder=encoder)
    assert sorted(given) == sorted([*_FOUR, other if wins else one])


@pytest.mark.parametrize(("words", "alone"), [("Alpha Bravo", False), ("Alpha Bravo Charlie", True)])
def test_a_short_answer_of_six_tenths_of_its_sentence_is_not_given_beside_it(words: str, alone: bool) -> None:
    story = article("Alpha Bravo Charlie beat Delta.")
    given = delivered("Which club won?", story, reader=Pointing({words: 0.0}))
    assert given == [story.text] if alone else [f"{words}.", story.text]


@pytest.mark.parametrize(
    ("text", "given"), [("Burning sparks.", []), ("Burning sparks fly.", ["Burning sparks fly."])]
)
def test_two_words_are_no_sentence_and_three_are(text: str, given: list[str]) -> None:
    assert delivered("Why burn sparks?", article(text), reader=Pointing({})) == given


# Evidence


def test_the_same_place_in_two_overlapping_passages_counts_once_at_its_better_rank() -> None:
    story = article("Rain fell on Monday. Iran struck because of it. Snow is expected.")
    facts = evidence(story).passages[0].article
    spans = [(0, 47), (21, len(story.text))]
    found = Evidence(
        tuple(RetrievedPassage(story.passage(a, b), facts, n, Scores()) for n, (a, b) in enumerate(spans, 1))
    )
    encoder = WordEncoder()
    answerer = Extractive(encoder, Pointing({}), certain)
    assert list(answerer.draft("Why did Iran strike?", found)) == [
        DraftSentence("Iran struck because of it.", (Claim(1, "Iran struck because of it."),))
    ]
    assert encoder.encoded[1:] == ["Rain fell on Monday.", "Iran struck because of it.", "Snow is expected."]


def test_without_evidence_nothing_is_encoded_and_nothing_said() -> None:
    encoder = WordEncoder()
    answerer = Extractive(encoder, WordReader(), certain)
    assert list(answerer.draft("Who struck first?", Evidence())) == [Abstention.WEAK_EVIDENCE]
    assert encoder.encoded == []


def test_the_sentences_are_encoded_once_for_all_parts_of_a_question() -> None:
    encoder = WordEncoder()
    story = article("Iran struck because of a bombing. Pakistan replied for its honour.")
    drafts = list(
        Extractive(encoder, Pointing({}), certain).draft("Why did Iran strike, and why did Pakistan reply?",
                                                         evidence(story))
    )  # fmt: skip
    assert [d.text for d in drafts if isinstance(d, DraftSentence)] == [
        "Iran struck because of a bombing.",
        "Pakistan replied for its honour.",
    ]
    assert encoder.encoded == [
        "Why did Iran strike",
        "Iran struck because of a bombing.",
        "Pakistan replied for its honour.",
        "why did Pakistan reply?",
    ]


def test_the_day_of_the_question_changes_no_word_of_an_article() -> None:
    answerer = Extractive(Encoding(), Pointing({"Iran": 1.0}), certain)
    drafts = [
        list(answerer.draft("Who struck?", evidence(STORY), asked_on=day))
        for day in (None, date(2024, 1, 20))
    ]
    assert drafts[0] == drafts[1]
    assert answerer.name == "extract"


def test_a_later_part_is_resolved_with_every_part_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[str, list[Turn]]] = []

    def standalone(question: str, history: Sequence[Turn]) -> str:
        heard.append((question, list(history)))
        return question

    monkeypatch.setattr("rag.answer.study.standalone", standalone)
    drafted("Who struck, and when, and why?", STORY, reader=Pointing({"Iran": 3.0}))
    first = Turn("Who struck", "Iran")
    assert heard == [("when", [first]), ("why?", [first, Turn("when", "Iran")])]


# What the re-ranker has read


def test_what_the_re_ranker_has_read_is_not_read_again_and_what_it_has_not_is() -> None:
    one, two = article("Iran struck first.", id="1"), article("Snow fell over Bern.", id="2")
    found = evidence(one, two)
    reader, elsewhere = Pointing({"Iran": 3.0}), Pointing({"Snow": 3.0})
    known = {found.passages[1].passage.id: elsewhere.read("Who struck first?", [two.text])[0]}
    retrieved = Retrieved("Who struck first?", found, known)
    assert reader.read_texts(lambda: study(parts_of("Who struck first?"), retrieved, reader, certain)) == [
        ("Who struck first?", one.text)
    ]
    # Another question than the one it was ranked for, be it by its speaker alone, is read everywhere.
    asked = "According to Snow, who struck first?"
    retrieved = Retrieved(asked, found, known)
    assert reader.read_texts(lambda: study(parts_of(asked), retrieved, reader, certain)) == [
        ("who struck first?", one.text),
        ("who struck first?", two.text),
    ]


def test_a_part_that_is_asked_twice_is_read_once() -> None:
    reader, asked = Pointing({"Iran": 3.0}), "Who struck first?"
    twice = [*parts_of(asked), *parts_of(asked)]
    assert reader.read_texts(lambda: study(twice, Retrieved(asked, evidence(STORY)), reader, certain)) == [
        (asked, STORY.text)
    ]


# What the question takes for done.


@pytest.mark.parametrize(
    ("question", "sentence", "words"),
    [
        ("Who won the regatta?", "Late on Sunday the sculler Ilse Horn came close to winning the regatta in Sete.", "Ilse Horn"),
        ("Who robbed the bank?", "The plumber Abe Rill was charged on Friday with robbing the bank in Cork.", "Abe Rill"),
        ("Which firm bought the quarry?", "The firm Granitas offered in May to buy the quarry near Vyborg.", "Granitas"),
        ("Who resigned?", "The bishop Otto Lenz has refused to resign over the repairs to the cathedral.", "Otto Lenz"),
    ],
)  # fmt: skip
def test_no_short_answer_is_taken_from_a_sentence_that_does_not_give_the_deed_as_done(
    question: str, sentence: str, words: str
) -> None:
    found = drafted(question, article(sentence), reader=Pointing({words: 5.0}))
    assert found == [DraftSentence(sentence, (Claim(1, sentence),))]


def test_a_sentence_that_gives_the_deed_as_done_comes_before_one_that_does_not() -> None:
    nearly = article("The sculler Ilse Horn came close to winning the regatta in Sete on Sunday.", id="n")
    won = article("The sculler Britt Aas won the regatta in Sete on Sunday with ease.", id="w")
    reader = Pointing({"Ilse Horn": 5.0, "Britt Aas": 5.0})
    found = drafted("Who won the regatta?", nearly, won, reader=reader, sure=0.2)
    assert [d.text for d in found if isinstance(d, DraftSentence)] == ["Britt Aas won the regatta.", won.text]
