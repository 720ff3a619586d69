"""Answers without a language model: which sentences are given, in which order, and when none is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest
from conftest import WordEncoder, article, evidence

from rag.answer.extract import Extractive, parts_of
from rag.types import Abstention, Article, Claim, DraftSentence, Evidence, RetrievedPassage, Scores


def even(texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """An encoder to which all texts are alike: every score is 0.7, and up to 0.3 for words and 0.1 for the kind."""
    return np.ones((len(texts), 1), dtype=np.float32)


def drafted(question: str, *articles: Article, least: float = 0.0, encode: Any = even) -> list[DraftSentence | Abstention]:
    return list(Extractive(encode, least=least).draft(question, evidence(*articles)))


def said(question: str, *articles: Article, least: float = 0.0, encode: Any = even) -> list[str]:
    found = drafted(question, *articles, least=least, encode=encode)
    assert all(isinstance(d, DraftSentence) for d in found)
    return [d.text for d in found if isinstance(d, DraftSentence)]


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Who struck first?", ["Who struck first?"]),
        ("Who struck first, and whom did they target?", ["Who struck first", "whom did they target?"]),
        ("Who struck first and when?", ["Who struck first", "when?"]),
        ("Who struck first? When did they?", ["Who struck first", "When did they?"]),
        ("Who struck; AND WHY was it?", ["Who struck", "WHY was it?"]),
        ("Who struck? and how?", ["Who struck", "how?"]),
        ("What do Iran and Pakistan say?", ["What do Iran and Pakistan say?"]),
        ("What do Iran and whoever else say?", ["What do Iran and whoever else say?"]),
        ("  Why?  ", ["Why?"]),
        ("", []),
    ],
)
def test_a_question_is_parted_where_it_asks_again(question: str, parts: list[str]) -> None:
    assert parts_of(question) == parts


def test_the_sentence_nearest_to_the_question_is_given_with_its_words_and_its_passage() -> None:
    weather = article("Rain fell on the whole coast. Snow is expected.", id="weather")
    strike = article("It was a long week. Iran struck first on Tuesday. Nobody slept well.", id="strike")
    assert drafted("Did Iran strike first, or was it struck?", weather, strike, encode=WordEncoder().passages) == [
        DraftSentence("Iran struck first on Tuesday.", (Claim(2, "Iran struck first on Tuesday."),))
    ]


def test_nearness_decides_where_no_word_is_shared() -> None:
    story = article("Alpha came by sea. Beta came by land. Gamma came by air.")
    vectors = {"Who won?": (1.0, 0.0), "Alpha came by sea.": (0.6, 0.8), "Beta came by land.": (1.0, 0.0)}

    def encode(texts: Sequence[str]) -> np.ndarray[Any, Any]:
        return np.array([vectors.get(text, (-1.0, 0.0)) for text in texts], dtype=np.float32)

    assert said("Who won?", story, encode=encode) == ["Beta came by land."]


def test_a_sentence_that_points_away_is_no_worse_than_one_that_is_square() -> None:
    """0.3 for the words alone, whether the cosine is 0 or −1."""
    for cosine in (0.0, -1.0):

        def encode(texts: Sequence[str], cosine: float = cosine) -> np.ndarray[Any, Any]:
            return np.array([[1.0]] + [[cosine]] * (len(texts) - 1), dtype=np.float32)

        assert said("Iran strikes", article("Now Iran strikes again."), least=0.3, encode=encode) == ["Now Iran strikes again."]


def test_a_rare_word_of_the_question_tells_more_than_a_frequent_one() -> None:
    story = article("Iran spoke at noon. Iran dined late there. Iran left by sea. Then Panjgur burned down.")
    assert said("Iran Panjgur", story)[0] == "Then Panjgur burned down."


def test_words_are_compared_by_their_stems() -> None:
    assert said("target", article("They slept all day. They were targeting something. It ended well."))[0] == (
        "They were targeting something."
    )


def test_equal_sentences_are_given_in_the_order_of_the_evidence() -> None:
    one = article("Alpha met delegates. Beta hosted dancers.", id="z")
    two = article("Gamma sold trucks.", id="a")
    assert said("anything", one, two) == ["Alpha met delegates.", "Beta hosted dancers.", "Gamma sold trucks."]


def test_at_most_three_sentences_answer_a_question_of_one_part() -> None:
    story = article("Alpha met delegates. Beta hosted dancers. Gamma sold trucks. Delta bought bread.")
    assert len(said("anything", story)) == 3


def test_each_part_of_a_question_gets_one_sentence_in_the_order_asked() -> None:
    story = article("Jaish al-Adl was the target. Some wrote letters about it. Iran struck first.")
    assert said("Who struck first, and whom did they target?", story) == ["Iran struck first.", "Jaish al-Adl was the target."]


def test_one_sentence_may_answer_both_parts_and_is_given_once() -> None:
    story = article("Iran struck first and hit the target. Rain is expected at sea.")
    assert said("Who struck first, and what target was hit?", story) == ["Iran struck first and hit the target."]


def test_a_further_sentence_must_be_nearly_as_good_as_the_best() -> None:
    # The second sentence holds the two words that both do: 0.7 + 0.3 × 2 / (3 + ln 1.5) = 0.876, less than 0.88 × 1.0.
    assert said("alpha beta gamma", article("Alpha beta gamma. Gamma beta delta.")) == ["Alpha beta gamma."]


def test_what_another_passage_says_in_nearly_the_same_words_is_not_repeated() -> None:
    one = article("Iran struck a camp near Panjgur on Tuesday.", id="one")
    copy = article("On Tuesday, Iran struck a camp near Panjgur town.", id="copy")
    other = article("Ministers met for lunch in Davos.", id="other")
    assert said("anything", one, copy, other) == [one.text, other.text]


def test_twins_share_more_than_six_in_ten_words_of_the_shorter() -> None:
    def both(second: str) -> bool:
        return len(said("anything", article("Alpha bravo charlie delta echo."), article(second, id="b"))) == 2

    assert both("Alpha bravo charlie yankee zulu."), "three of five are six in ten, and not more"
    assert not both("Alpha bravo charlie delta zulu.")
    assert not both("Alpha bravo charlie."), "three of the shorter's three"


def test_the_same_place_in_two_overlapping_passages_counts_once_at_its_better_rank() -> None:
    story = article("Rain fell on Monday. Iran struck first. Snow is expected.")
    facts = evidence(story).passages[0].article
    spans = [(0, 39), (21, len(story.text))]
    found = Evidence(tuple(RetrievedPassage(story.passage(a, b), facts, n, Scores()) for n, (a, b) in enumerate(spans, 1)))
    encoder = WordEncoder()
    drafts = list(Extractive(encoder.passages, least=0.0).draft("Who struck first?", found))
    assert drafts == [DraftSentence("Iran struck first.", (Claim(1, "Iran struck first."),))]
    assert encoder.encoded[2:] == ["Rain fell on Monday.", "Iran struck first.", "Snow is expected."]


@pytest.mark.parametrize(
    ("question", "plain", "fitting"),
    [
        ("How many died?", "Several of them died.", "Nine of them died."),
        ("How long was it?", "It was quite long.", "It was 900 long."),
        ("When did it begin?", "It did not begin.", "It did begin yesterday."),
        ("On what day did it begin?", "The day it begins.", "It begins Friday, a day."),
        ("Why did it burn?", "It did burn down.", "It did burn because of sparks."),
        ("Who shot the bear?", "The bear was shot.", "The bear was shot by Ann."),
        ("Whom did it bite?", "It bit one of them.", "It bit old Mary Smith."),
    ],
)
def test_a_sentence_with_the_kind_of_thing_asked_for_comes_first(question: str, plain: str, fitting: str) -> None:
    assert said(question, article(plain, id="a"), article(fitting, id="b"))[0] == fitting
    assert said("So it was", article(plain, id="a"), article(fitting, id="b"))[0] == plain, "where no kind is asked for"


def test_a_heading_and_a_byline_are_no_answer() -> None:
    assert said("Iran strikes", article("Iran strikes\nBy Iran\nNow Iran strikes again.")) == ["Now Iran strikes again."]
    assert drafted("Iran strikes", article("Iran strikes\nBy Iran")) == [Abstention.WEAK_EVIDENCE]


@pytest.mark.parametrize(("least", "given"), [(0.999, True), (1.001, False)])
def test_a_sentence_under_the_least_is_not_offered(least: float, given: bool) -> None:
    """All words and the same vector: a score of 1."""
    sentence = DraftSentence("Now Iran strikes again.", (Claim(1, "Now Iran strikes again."),))
    found = drafted("Iran strikes", article("Now Iran strikes again."), least=least)
    assert found == [sentence if given else Abstention.WEAK_EVIDENCE]


def test_a_further_sentence_under_the_least_is_not_offered_either() -> None:
    story = article("Old Iran spoke up. Young Iran kept quiet.")

    def encode(texts: Sequence[str]) -> np.ndarray[Any, Any]:
        return np.array([[1.0], [1.0], [1.0], [0.95]], dtype=np.float32)  # scores of 1.0 and 0.665 + 0.3 = 0.965

    assert said("Iran", story, least=0.96, encode=encode) == ["Old Iran spoke up.", "Young Iran kept quiet."]
    assert said("Iran", story, least=0.98, encode=encode) == ["Old Iran spoke up."]


def test_a_part_that_nothing_answers_is_passed_over_and_the_other_answered() -> None:
    story = article("Iran struck first. Rain is expected at sea.")
    assert said("Who struck first, and what about zebras?", story, least=0.9) == ["Iran struck first."]


def test_without_evidence_nothing_is_encoded_and_nothing_said() -> None:
    encoder = WordEncoder()
    assert list(Extractive(encoder.passages, least=0.0).draft("Who struck first?", Evidence())) == [Abstention.WEAK_EVIDENCE]
    assert encoder.encoded == []


@pytest.mark.parametrize(
    ("question", "said_to_it"),
    [
        ("Who began, and whom did they target?", ["Gamma came by air.", "Beta came by land."]),
        ("Who began, and what was ITS end?", ["Gamma came by air.", "Beta came by land."]),
        ("Who began, and whom did Iran target?", ["Gamma came by air.", "Alpha came by sea."]),  # stands alone
        ("Who began it, and whom did Iran target?", ["Gamma came by air.", "Alpha came by sea."]),  # comes first
    ],
)
def test_a_later_part_with_a_pronoun_is_read_with_the_whole_question(question: str, said_to_it: list[str]) -> None:
    """The first part is Gamma's. The second by itself is nearer to Alpha (1 to 0.6), with the whole to Beta (0.7 to 0.5)."""
    first, second = parts_of(question)
    vectors = {
        first: (0.0, 0.0, 1.0),
        second: (0.0, 1.0, 0.0),
        question: (1.0, 0.0, 0.0),
        "Alpha came by sea.": (0.0, 1.0, 0.0),
        "Beta came by land.": (0.8, 0.6, 0.0),
        "Gamma came by air.": (0.0, 0.0, 0.6),  # and Beta, were the first part read with the whole: 0.4 to 0.3
    }

    def encode(texts: Sequence[str]) -> np.ndarray[Any, Any]:
        return np.array([vectors[text] for text in texts], dtype=np.float32)

    story = article("Alpha came by sea. Beta came by land. Gamma came by air.")
    assert said(question, story, encode=encode) == said_to_it


def test_question_and_sentences_are_encoded_together_and_once() -> None:
    encoder = WordEncoder()
    list(Extractive(encoder.passages, least=0.0).draft("Who struck, and when?", evidence(article("Iran struck first."))))
    assert encoder.encoded == ["Who struck", "when?", "Who struck, and when?", "Iran struck first."]


def test_the_day_of_the_question_changes_no_word_of_an_article() -> None:
    found = evidence(article("Iran struck first."))
    drafts = [list(Extractive(even, least=0.0).draft("Who?", found, asked_on=day)) for day in (None, date(2024, 1, 20))]
    assert drafts[0] == drafts[1]
    assert Extractive(even, least=0.0).name == "extract"
