"""The check: what becomes a citation, of which words, under which number, and what is withheld."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from conftest import SEEDS, article, evidence
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer.check import Checker, cited_text
from rag.english.sentences import sentences
from rag.types import (
    Article,
    Citation,
    Claim,
    DraftSentence,
    Evidence,
    Judgement,
    RetrievedPassage,
    Scores,
    Sentence,
    Support,
)

pytestmark = pytest.mark.slow  # the bundled judge

same_every_run = settings(derandomize=True, deadline=None, database=None)

STRIKE = article("Iran struck first on Tuesday. Pakistan replied on Thursday with 9 missiles.", id="strike")
PROFIT = article("Profit rose 12% to $3bn. Officials do not expect more.", id="profit")

QUOTED, SUPPORTED, CHECK = Support.QUOTED, Support.SUPPORTED, Support.CHECK


def check(text: str, *articles: Article, claims: tuple[Claim, ...] = ()) -> Sentence | None:
    return Checker(evidence(*articles)).check(DraftSentence(text, claims))


def cited(sentence: Sentence | None) -> list[tuple[int, str, str, Support]]:
    """Each citation as number, article, quote and support."""
    return [(c.number, c.article.id, c.quote, c.support) for c in sentence.citations] if sentence else []


# What is not a citation.


@pytest.mark.parametrize(
    ("text", "source"),
    [
        # numbers
        ("Profit rose 13%.", "Profit rose 12% to $3bn."),
        ("Profit rose 1.", "Profit rose 12% to $3bn."),
        ("Profit rose 2%.", "Profit rose 12%."),
        ("Profit rose to 3.", "Profit rose to 3.5 in May."),
        ("5 percent growth was seen.", "They say 4.5 percent growth was seen."),
        ("Profit rose to $3 million.", "Profit rose to $3 billion."),
        ("Profit rose 12 percent in May.", "Profit rose 12 in May."),
        ("Two hundred people died there.", "Two thousand people died there."),
        ("The strike killed nine people.", "The strike killed ten people."),
        ("The strike killed 20 people there.", "The strike there killed twenty-one people."),
        # names
        ("Pakistan struck first.", "Iran struck first."),
        ("It was Pakistan that struck first.", "It was Iran that struck first."),
        ("He said: “Pakistan struck first there.”", "He said: “Iran struck first there.”"),
        ("Iran struck first on Wednesday.", "Iran struck first on Tuesday."),
        ("Çelik said on Monday that it ended.", "Erdoğan said on Monday that it ended."),
        # negation
        ("Iran did not strike first.", "Iran did strike first."),
        ("Iran did strike first.", "Iran did not strike first."),
        ("Iran didn’t strike first.", "Iran did strike first."),
        ("Iran did strike first.", "Iran didn't strike first."),
        ("Iran never struck first.", "Iran struck first."),
        ("Iran admits that it struck first.", "Iran denies that it struck first."),
        ("Iran struck first.", "Officials deny that Iran struck first."),
        ("Iran struck first.", "That Iran struck first is not true."),
        ("Iran struck first.", "Iran struck first, the ministry denied."),
        # words
        ("It is what it is.", "It was what it was."),
        ("", "Iran struck first."),
        ("…", "Iran struck first."),
    ],
)
@pytest.mark.parametrize("claims", [(), (Claim(1),)], ids=["unnumbered", "numbered"])
def test_what_no_passage_says_is_withheld(text: str, source: str, claims: tuple[Claim, ...]) -> None:
    checker = Checker(evidence(article(source)))
    assert checker.check(DraftSentence(text, claims)) is None
    assert (checker.withheld, checker.citations) == ([text], ())


@pytest.mark.parametrize(
    "quote",
    [
        "rose 13%",  # not there
        "",
        " ",
        "rose 1",  # a number cut in two
        "Officials do not expect more.",  # there, but something else
    ],
)
def test_a_quote_does_not_carry_a_sentence_it_does_not_state(quote: str) -> None:
    assert check("Profit rose 13%.", PROFIT, claims=(Claim(1, quote),)) is None


def test_a_quote_is_not_taken_out_of_its_denial() -> None:
    story = article("Officials deny that Iran struck first.")
    assert check("Iran struck first.", story, claims=(Claim(1, "Iran struck first"),)) is None
    turned = check("First struck was Iran.", story, claims=(Claim(1, "Iran struck first"),))
    assert turned is None or turned.support is CHECK


# What is one.


@pytest.mark.parametrize(
    ("text", "source", "quote", "support"),
    [
        ("Iran struck first.", "Iran struck first.", "Iran struck first.", QUOTED),
        (
            "iran's “base” BURNT",
            'So Iran’s  "base" burnt, he said.',
            'Iran’s  "base" burnt',
            QUOTED,
        ),  # typography
        (
            "Iran struck first.",
            "He said “Iran struck first.” It did.",
            "Iran struck first.”",
            QUOTED,
        ),  # to the full stop
        (
            "Iran struck first!",
            "Iran struck first, and Pakistan did not reply.",
            "Iran struck first",
            QUOTED,
        ),
        (
            "Pakistan did not reply.",
            "Iran struck, but Pakistan did not reply.",
            "Pakistan did not reply.",
            QUOTED,
        ),
        ("Profit rose 12%.", "Profit rose 12% to $3bn.", "Profit rose 12%", QUOTED),
        ("Iran did not strike.", "He said Iran did not strike.", "Iran did not strike.", QUOTED),
        (
            "Pakistan struck back.",
            "Nobody knew; then Pakistan struck back.",
            "Pakistan struck back.",
            QUOTED,
        ),
        # in other words: whole sentences
        (
            "First, Iran struck Pakistan.",
            "Iran first struck Pakistan. It fell.",
            "Iran first struck Pakistan.",
            SUPPORTED,
        ),
        ("At least 9 died there.", "There died at least nine.", "There died at least nine.", SUPPORTED),
        (
            "Officials said Iran struck.",
            "Iran struck, officials said.",
            "Iran struck, officials said.",
            SUPPORTED,
        ),
        pytest.param(
            "Officials said Iran struck.",
            "Iran struck, it was said.",
            "Iran struck, it was said.",
            CHECK,
            marks=pytest.mark.xfail(strict=True, reason="the judge takes whoever said it for officials"),
        ),
        (
            "Those shot were Iranian.",
            "Those shot were Iranians.",
            "Those shot were Iranians.",
            SUPPORTED,
        ),  # not the word
        (
            "He spoke of the moth.",
            "He spoke of the moth-eaten moth.",
            "He spoke of the moth-eaten moth.",
            SUPPORTED,
        ),
        ("Nine people died at dawn.", "9 people died at dawn.", "9 people died at dawn.", SUPPORTED),
        (
            "He said: “According to all in town, it began.”",
            "He said to all in town it began.",
            "He said to all in town it began.",
            SUPPORTED,
        ),
        (
            "The villages burnt down.",
            "Villages burnt down to ashes.",
            "Villages burnt down to ashes.",
            SUPPORTED,
        ),
        ("Profit: 12 percent more.", "12% more profit.", "12% more profit.", SUPPORTED),
        ("Iran won’t reply to it.", "To it Iran cannot reply.", "To it Iran cannot reply.", SUPPORTED),
    ],
)
def test_words_that_carry_a_sentence_are_cited_as_they_stand(
    text: str, source: str, quote: str, support: Support
) -> None:
    story = article(source)
    sentence = check(text, story)
    assert sentence is not None
    assert sentence.text == text, "the sentence is shown as it was drafted"
    assert cited(sentence) == [(1, "a", quote, support)]
    assert story.text[sentence.citations[0].start : sentence.citations[0].end] == quote


def test_a_first_word_is_taken_for_a_name_unless_the_evidence_has_it_in_small_letters() -> None:
    hit = "Villages of Panjgur were hit on Tuesday."
    assert check(hit, article("Houses of Panjgur were hit on Tuesday.")) is None
    story = article("On Tuesday the villages of Panjgur were hit.")
    assert cited(check(hit, story)) == [(1, "a", story.text, SUPPORTED)]


def test_two_words_are_too_few_to_be_found_anywhere() -> None:
    assert cited(check("Iran struck.", article("Iran struck Pakistan and Iraq today."))) == [
        (1, "a", "Iran struck Pakistan and Iraq today.", SUPPORTED)
    ]


def test_sentences_of_a_passage_may_carry_one_between_them_and_those_that_follow_one_another_are_one_quote() -> (
    None
):
    story = article("Iran struck Panjgur. It was Tuesday. Two children died.", id="x")
    assert cited(check("Iran struck Panjgur on Tuesday.", story)) == [
        (1, "x", "Iran struck Panjgur. It was Tuesday.", SUPPORTED)
    ]
    assert [quote for _, _, quote, _ in cited(check("Two children died as Iran struck Panjgur.", story))] == [
        "Iran struck Panjgur.",
        "Two children died.",
    ]


def test_the_stretch_that_carries_most_is_cited_and_of_equals_the_shortest_first() -> None:
    story = article(
        "Iran struck a base near Panjgur. Iran struck a base near the town of Panjgur at dawn. It ended."
    )
    assert cited(check("At dawn Iran struck a base near Panjgur.", story))[0][2] == (
        "Iran struck a base near the town of Panjgur at dawn."
    )


def test_a_place_inside_another_word_is_passed_over_for_one_that_stands_alone() -> None:
    story = article("The non-Iran struck first of all, and the Iran struck first of all.")
    sentence = check("Iran struck first of all.", story)
    assert sentence is not None
    assert (sentence.citations[0].start, sentence.citations[0].support) == (42, QUOTED)


# Which passage.


def test_a_claim_is_looked_for_where_it_says() -> None:
    again = article("Iran struck first on Tuesday, it is said.", id="again")
    assert cited(check("Iran struck first on Tuesday.", STRIKE, again, claims=(Claim(2),))) == [
        (1, "again", "Iran struck first on Tuesday", QUOTED)
    ]


@pytest.mark.parametrize(
    "claims", [(Claim(1),), (Claim(1, "Profit rose 12% to $3bn."),), (Claim(0), Claim(-1), Claim(99)), ()]
)
def test_a_citation_that_points_wrong_or_nowhere_is_repaired_to_the_first_passage_that_carries_it(
    claims: tuple[Claim, ...],
) -> None:
    again = article("Iran struck first on Tuesday.", id="again")
    assert cited(check("Iran struck first on Tuesday.", PROFIT, STRIKE, again, claims=claims)) == [
        (1, "strike", "Iran struck first on Tuesday.", QUOTED)
    ]


def test_of_two_claims_the_one_that_holds_is_kept() -> None:
    sentence = check("Iran struck first on Tuesday.", PROFIT, STRIKE, claims=(Claim(1), Claim(2), Claim(7)))
    assert cited(sentence) == [(1, "strike", "Iran struck first on Tuesday.", QUOTED)]


def test_each_claim_that_holds_is_a_citation_in_the_order_claimed() -> None:
    again = article("Iran struck first on Tuesday, it is said.", id="again")
    sentence = check("Iran struck first on Tuesday.", STRIKE, again, claims=(Claim(2), Claim(1), Claim(2)))
    assert cited(sentence) == [
        (1, "again", "Iran struck first on Tuesday", QUOTED),
        (2, "strike", "Iran struck first on Tuesday.", QUOTED),
    ]


def test_a_quote_is_cited_and_not_the_sentence_around_it() -> None:
    claim = Claim(1, "replied on Thursday with 9 missiles")
    assert cited(check("On Thursday 9 missiles replied.", STRIKE, claims=(claim,))) == [
        (1, "strike", "replied on Thursday with 9 missiles", SUPPORTED)
    ]
    assert cited(check("Replied on Thursday with 9 missiles", STRIKE, claims=(claim,))) == [
        (1, "strike", "replied on Thursday with 9 missiles", QUOTED)
    ]


def test_a_citation_counts_from_the_start_of_the_article_and_not_of_the_passage() -> None:
    later = STRIKE.passage(30, len(STRIKE.text))
    found = Evidence((RetrievedPassage(later, evidence(STRIKE).passages[0].article, 1, Scores()),))
    for claim in (Claim(1), Claim(1, "Pakistan replied on Thursday with 9 missiles.")):
        sentence = Checker(found).check(
            DraftSentence("Pakistan replied on Thursday with 9 missiles.", (claim,))
        )
        assert sentence is not None
        assert (sentence.citations[0].start, sentence.citations[0].end) == (30, 75)


# Numbers.


def test_numbers_run_by_first_appearance_and_a_quote_keeps_its_own() -> None:
    checker = Checker(evidence(STRIKE, PROFIT))
    drafts = [
        ("Profit rose 12% to $3bn.", 2),
        ("Iran struck first on Tuesday.", 1),
        ("Iran lost 40 ships.", 1),
        ("Profit rose 12% to $3bn.", 2),
        ("Pakistan replied on Thursday with 9 missiles.", 1),
    ]
    kept = [s for text, n in drafts if (s := checker.check(DraftSentence(text, (Claim(n),))))]
    assert cited_text(kept) == (
        "Profit rose 12% to $3bn. [1] Iran struck first on Tuesday. [2] "
        "Profit rose 12% to $3bn. [1] Pakistan replied on Thursday with 9 missiles. [3]"
    )
    assert [(c.number, c.article.id, c.quote) for c in checker.citations] == [
        (1, "profit", "Profit rose 12% to $3bn."),
        (2, "strike", "Iran struck first on Tuesday."),
        (3, "strike", "Pakistan replied on Thursday with 9 missiles."),
    ]
    assert checker.withheld == ["Iran lost 40 ships."]


def test_one_quote_may_be_one_sentence_and_merely_fit_another_under_one_number() -> None:
    checker = Checker(evidence(STRIKE))
    fits = checker.check(DraftSentence("On Tuesday Iran struck first.", (Claim(1),)))
    same = checker.check(DraftSentence("Iran struck first on Tuesday.", (Claim(1),)))
    assert cited(fits) == [(1, "strike", "Iran struck first on Tuesday.", SUPPORTED)]
    assert cited(same) == [(1, "strike", "Iran struck first on Tuesday.", QUOTED)]
    assert [(c.number, c.support) for c in checker.citations] == [(1, SUPPORTED)], (
        "each stands as it first appeared"
    )


def test_the_same_words_in_two_overlapping_passages_are_one_quote() -> None:
    facts = evidence(STRIKE).passages[0].article
    both = (STRIKE.passage(0, 29), STRIKE.passage(0, len(STRIKE.text)))
    checker = Checker(Evidence(tuple(RetrievedPassage(p, facts, n, Scores()) for n, p in enumerate(both, 1))))
    sentence = checker.check(DraftSentence("Iran struck first on Tuesday.", (Claim(1), Claim(2))))
    assert cited(sentence) == [(1, "strike", "Iran struck first on Tuesday.", QUOTED)]


def test_the_same_words_in_two_articles_are_two_quotes() -> None:
    checker = Checker(evidence(STRIKE, article(STRIKE.text, id="copy")))
    sentence = checker.check(DraftSentence("Iran struck first on Tuesday.", (Claim(1), Claim(2))))
    assert [(n, id) for n, id, _, _ in cited(sentence)] == [(1, "strike"), (2, "copy")]


def test_without_evidence_everything_is_withheld() -> None:
    checker = Checker(Evidence())
    assert checker.check(DraftSentence("Iran struck first.", (Claim(1),))) is None
    assert checker.withheld == ["Iran struck first."]
    assert cited_text([]) == ""


# Whatever is drafted.

DEMO = [article(path.read_text(encoding="utf-8"), id=path.name) for path in sorted(SEEDS.glob("*.txt"))]
SHORT = [article(story.text[:500], id=story.id) for story in DEMO[:3]]
BY_ID = {story.id: story for story in SHORT}


def holds(citation: Citation) -> bool:
    return BY_ID[citation.article.id].text[citation.start : citation.end] == citation.quote


@pytest.mark.parametrize("number", range(1, len(DEMO) + 1))
def test_every_sentence_of_an_article_is_its_own_citation(number: int) -> None:
    """What answers without a model: whole sentences, quoted. Each is found, and none is found to be only
    near.
    """
    text = DEMO[number - 1].text
    drafts = [text[start:end] for start, end in sentences(text)]
    checker = Checker(evidence(*DEMO))
    for draft in drafts:
        sentence = checker.check(DraftSentence(draft, (Claim(number, draft),)))
        assert [(c[1], c[2], c[3]) for c in cited(sentence)] == [(DEMO[number - 1].id, draft, QUOTED)]
    assert checker.withheld == []


pieces = st.sampled_from([word for story in SHORT for word in story.text.split()])
stretches = st.builds(
    lambda story, start, length: story.text[start : start + length],
    st.sampled_from(SHORT),
    st.integers(0, 500),
    st.integers(0, 120),
)
texts = st.one_of(st.text(max_size=40), stretches, st.lists(pieces, max_size=8).map(" ".join))
drafted = st.builds(
    DraftSentence,
    texts,
    st.lists(st.builds(Claim, st.integers(-1, 7), st.one_of(st.none(), texts)), max_size=3).map(tuple),
)


@same_every_run
@given(st.lists(drafted, max_size=4))
def test_whatever_is_drafted_every_citation_slices_its_article_and_nothing_is_lost(
    drafts: list[DraftSentence],
) -> None:
    checker = Checker(evidence(*SHORT))
    checked = [checker.check(draft) for draft in drafts]
    kept = [sentence for sentence in checked if sentence]
    assert all(holds(c) for sentence in kept for c in sentence.citations)
    assert all(sentence.citations for sentence in kept)
    # Nothing is lost, doubled or reworded.
    withheld = iter(checker.withheld)
    assert [s.text if s else next(withheld) for s in checked] == [d.text for d in drafts]
    assert next(withheld, None) is None
    # Numbers run from 1 by first appearance, one per quote.
    seen = dict.fromkeys(c.number for s in kept for c in s.citations)
    assert [c.number for c in checker.citations] == list(seen) == list(range(1, len(seen) + 1))
    at = {(c.number, c.article.id, c.start, c.end) for s in kept for c in s.citations}
    assert len(at) == len(seen)


@same_every_run
@given(stretches)
def test_quoted_is_said_only_of_words_that_are_the_sentence(text: str) -> None:
    sentence = Checker(evidence(*SHORT)).check(DraftSentence(text))
    for citation in sentence.citations if sentence else ():
        if citation.support is QUOTED:
            assert citation.quote.startswith(text.rstrip(" .!?"))
            assert len(citation.quote) <= len(text) + 3


def test_a_hostile_sentence_is_checked_in_its_time() -> None:
    import time

    story = article("a b " * 300 + "x")
    began = time.process_time()
    for text in ("a b", "a b a", "b a b c", "a b " * 300, "“" * 500, "A" * 2_000):
        check(text, story, claims=(Claim(1, text), Claim(1)))
    assert time.process_time() - began < 5


# Short answers


def test_words_that_stand_in_their_quote_are_quoted_and_cite_the_whole_of_it() -> None:
    story = article("Late on Tuesday, Iran struck first in the hills. Nobody slept.")
    quote = "Late on Tuesday, Iran struck first in the hills."
    sentence = Checker(evidence(story)).check(
        DraftSentence("Iran struck first.", (Claim(1, quote),), "Iran", "Later:")
    )
    assert sentence is not None
    assert [(c.quote, c.support) for c in sentence.citations] == [(quote, Support.QUOTED)]
    assert (sentence.short, sentence.lead, sentence.marked()) == (
        "Iran",
        "Later:",
        "Later: Iran struck first. [1]",
    )


def test_words_that_their_quote_denies_are_not_quoted() -> None:
    story = article("Iran has never struck first in the hills, said the ministry.")
    assert Checker(evidence(story)).check(DraftSentence("Struck first.", (Claim(1, story.text),))) is None


@pytest.mark.parametrize(
    ("text", "source", "carried"),
    [
        # Who does it to whom.
        ("Pakistan struck Iran on Tuesday.", "Iran struck Pakistan on Tuesday, officials said.", False),
        ("Pakistan was struck by Iran on Tuesday.", "Iran struck Pakistan on Tuesday, officials said.", True),
        (
            "Iran was struck by Pakistan on Tuesday.",
            "Pakistan was struck by Iran on Tuesday, officials said.",
            False,
        ),
        (
            "Iran met Pakistan and Pakistan met Iran.",
            "Iran met Pakistan and then Pakistan met Iran again.",
            True,
        ),
        ("Joe Biden defeated Donald Trump in Georgia.", "In Georgia Donald Trump defeated Joe Biden.", False),
        ("Manchester City beat Real Madrid at home.", "Real Madrid beat Manchester City at home.", False),
        ("Twitter bought Elon Musk in October.", "Twitter was bought by Elon Musk in October.", False),
        ("Biden met Netanyahu in Tel Aviv.", "In Tel Aviv Netanyahu met Biden.", True),  # neither is first
        ("Germany signed an agreement with France.", "France signed an agreement with Germany.", True),
        # What is denied.
        ("Officials reached a deal on Monday.", "Officials failed to reach a deal on Monday.", False),
        ("Turkey did not sign the agreement.", "Turkey has not yet signed the agreement.", True),
        ("Iran struck Pakistan on Tuesday.", "Iran struck Pakistan without warning on Tuesday.", True),
        ("Iran struck Pakistan and also Iraq.", "Iran struck not only Pakistan but also Iraq.", True),
        ("Iran will attack Pakistan on Tuesday.", "Iran may attack Pakistan on Tuesday.", False),
        ("Iran might attack Pakistan on Tuesday.", "Iran may attack Pakistan on Tuesday.", True),
        (
            "The strike killed nobody in Quetta.",
            "The strike killed nine in Quetta, and nobody claimed it.",
            False,
        ),
        (
            "The strike killed nine in Quetta.",
            "The strike killed nine in Quetta, and nobody claimed it.",
            True,
        ),
        (  # denied of one thing, and said of another
            "On Monday officials decide how to use the hall.",
            "Officials decide how to use the hall on Monday, and Ona said the works will not use the fund.",
            True,
        ),
        (
            "On Monday officials decide how to use the fund.",
            "Officials decide how to use the hall on Monday, and Ona said the works will not use the fund.",
            False,
        ),
        ("Iran would help the talks in Doha.", "Iran would not help the talks in Doha.", False),
        (
            "Iran would not help the talks in Doha, nor leave.",
            "Iran would help the talks in Doha but not leave.",
            False,
        ),
        (
            "The attack on Quetta happened at dawn.",
            "The attack on Quetta happened at dawn, a claim the army denied.",
            False,
        ),
        # Who says it.
        ("Miller said the border was calm.", "The border was calm, Kirby said beside Miller.", False),
        ("Kirby said the border was calm.", "The border was calm, Kirby said beside Miller.", True),
        ("Kirby said the border was calm.", "The border was calm, according to Kirby.", True),
        ("Kirby said Iran struck first.", "Kirby, a spokesman, said Iran struck first.", True),
        ("Iran said it struck first.", "Kirby, a spokesman, said Iran struck first.", False),
        (
            "He said on Tuesday that Iran struck first.",
            "Iran struck first on Tuesday, Miller told reporters.",
            True,
        ),
        ("Musk confirmed the talks ended.", "Miller confirmed the talks with Musk ended.", False),
        ("Çavuşoğlu said the border was calm.", "Miller said the border was calm near Çavuşoğlu.", False),
    ],
)
def test_a_paraphrase_keeps_who_did_it_what_is_denied_and_who_says_so(
    text: str, source: str, carried: bool
) -> None:
    sentence = Checker(evidence(article(source))).check(DraftSentence(text, (Claim(1),)))
    # What the judge is unsure of may be shown to be checked. It is not called supported.
    assert (sentence is not None and (carried or sentence.support is not CHECK)) is carried


class _Preferring:
    """Finds a sentence likelier supported by texts with a word."""

    name = "preferring"

    def __init__(self, word: str) -> None:
        self._word = word

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        sure = [0.9 if self._word in text else 0.4 for _, text in pairs]
        return [Judgement(p, 0.0, 0.0, 1 - p, p) for p in sure]


def test_the_stretch_that_no_rule_objects_to_is_cited_though_the_judge_likes_another_better() -> None:
    right = article("On Friday evening the minister Jana Kis spoke to Olaf Berg.", id="right")
    other = article("On Monday the minister Jana Kis met and spoke to Olaf Berg.", id="other")
    draft = DraftSentence("Jana Kis spoke to the minister Olaf Berg on Friday evening.")
    for likes in ("Monday", "Friday"):
        weighed = Checker(evidence(other, right), _Preferring(likes)).weighed(draft)
        objected = {w.located.stretches[0].source.article.id: bool(w.objections) for w in weighed}
        assert objected == {"right": False, "other": True}, "this tests nothing"
        assert weighed[0].located.stretches[0].source.article.id == "right"


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Reports of the flood at Karvel differ on the toll.", "please check"),
        ("Parties in the flood inquiry at Karvel differ on the toll.", "supported"),
        ("The accounts of Karvel differ.", "quoted"),
    ],
)
def test_that_sources_differ_is_no_passage_s_to_say_but_in_its_own_words(text: str, state: str) -> None:
    story = "The toll of the flood at Karvel is nine. The parties of the inquiry differ. The accounts of Karvel differ."
    sentence = Checker(evidence(article(story)), _Preferring("Karvel")).check(DraftSentence(text))
    assert sentence is not None
    assert str(sentence.support) == state


def test_an_item_that_is_judged_with_its_lead_in_is_weighed_as_what_is_judged() -> None:
    story = article("Iran struck Panjgur on Tuesday and closed the border.")
    said = "Iran struck Panjgur on Tuesday."
    alone, joined = (
        Checker(evidence(story)).weighed(DraftSentence(said, statement=statement))[0]
        for statement in (None, f"Attacks that the ministry told of: {said}")
    )
    assert (alone.repeated, alone.stands) == (1.0, True)
    assert (joined.repeated, joined.stands) == (pytest.approx(5 / 11), True)


@pytest.mark.parametrize(("contradicted", "shown"), [(0.29, True), (0.3, False)])
def test_a_denial_that_the_judge_takes_for_a_contradiction_too_is_never_shown(
    contradicted: float, shown: bool
) -> None:
    class Judge:
        name = "contradicting"

        def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
            return [Judgement(0.5, 0.0, contradicted, 0.5 - contradicted, 0.5) for _ in pairs]

    checker = Checker(evidence(article("Iran denies that it struck first.")), Judge())
    assert (checker.check(DraftSentence("Iran admits that it struck first.")) is not None) is shown
