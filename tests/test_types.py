"""The nouns: none of them can be built holding what is not so."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from datetime import date
from typing import Any

import pytest
from conftest import article, evidence, headline

from rag import types
from rag.types import (
    Abstention,
    Answer,
    Article,
    Citation,
    Conflict,
    Evidence,
    Failure,
    Filters,
    IngestReport,
    Passage,
    Plan,
    RetrievedPassage,
    Rival,
    Scores,
    Sentence,
    Support,
    Trace,
)

STORY = article("Iran struck first. Pakistan replied.", id="story")
OTHER = article("Pakistan struck first, wrote another.", id="other")
WHOLE = STORY.passage(0, 36)


def cited(story: Article, start: int, end: int, /, **wrong: Any) -> Citation:
    """The citation of [start, end), or one that differs from it in what is given."""
    right: dict[str, Any] = {
        "number": 1,
        "article": headline(story),
        "start": start,
        "end": end,
        "quote": story.text[start:end],
    }
    return Citation(
        **(right | {"support": Support.QUOTED, "passage": story.passage(0, len(story.text))} | wrong)
    )


def answered(**facts: Any) -> Answer:
    """An answer of one sentence, or one that differs from it in what is given."""
    citation = cited(STORY, 0, 18)
    right = Answer(
        question="Who struck first?",
        text="Iran struck first. [1]",
        sentences=(Sentence("Iran struck first.", (citation,)),),
        citations=(citation,),
        evidence=evidence(STORY),
        filters=Filters(),
        conflicts=(),
        abstained=None,
        withheld=(),
        notice=None,
        trace=Trace("0123456789ab", 1, "extract"),
    )
    return replace(right, **facts)


@pytest.mark.parametrize(
    "noun", [getattr(types, name) for name in types.__all__ if is_dataclass(getattr(types, name))]
)
def test_no_noun_can_be_changed_after_it_was_checked(noun: type) -> None:
    bare: object = object.__new__(noun)
    for field in fields(noun):
        with pytest.raises(FrozenInstanceError):
            setattr(bare, field.name, None)
    assert not hasattr(bare, "__dict__"), "without slots a misspelt name would be stored"


def test_a_passage_counts_code_points_and_not_bytes() -> None:
    story = article("“Żółw” 🐢 ran. It won.", id="turtle")
    passage = story.passage(7, 13)
    assert passage == Passage("turtle:7-13", "turtle", 7, 13, "🐢 ran.", story)


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 5), (6, 5), (0, 37), (36, 37)])
def test_a_passage_outside_its_article_cannot_exist(start: int, end: int) -> None:
    with pytest.raises(
        ValueError, match=rf"passage \[{start}, {end}\) lies outside article story \(36 code points\)"
    ):
        STORY.passage(start, end)


def test_the_whole_article_is_a_passage() -> None:
    assert STORY.passage(0, 36).text == STORY.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "Iraq"},
        {"start": 1},
        {"end": 5},
        {"text": "", "end": 0},
        {"article_id": "other"},
        {"article": OTHER},
    ],
)
def test_a_passage_with_words_that_are_not_at_its_offsets_cannot_exist(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {
        "id": "x",
        "article_id": "story",
        "start": 0,
        "end": 4,
        "text": "Iran",
        "article": STORY,
    }
    assert Passage(**right).text == "Iran"
    with pytest.raises(ValueError, match="passage x is not the text of article"):
        Passage(**(right | wrong))


def test_a_passage_cannot_be_copied_with_other_words() -> None:
    with pytest.raises(ValueError, match="article"):
        replace(WHOLE, text="Iraq struck first. Pakistan replied.")  # type: ignore[call-arg]  # which is the point


def test_an_article_does_not_print_its_text() -> None:
    assert "Iran" not in repr(STORY)


def test_the_evidence_is_numbered_from_one_without_gaps() -> None:
    one, two = evidence(STORY, OTHER)
    assert [p.rank for p in Evidence((one, two))] == [1, 2]
    for wrong in (
        (two,),
        (two, one),
        (one, one),
        (one, replace(two, rank=3)),
        (replace(one, rank=0), replace(two, rank=1)),
    ):
        with pytest.raises(ValueError, match="ranks of evidence run from 1 without gaps"):
            Evidence(wrong)


def test_a_made_up_number_finds_no_passage() -> None:
    found = evidence(STORY, OTHER)
    assert len(found) == 2
    assert [found.numbered(n) for n in (-1, 0, 1, 2, 3, 99)] == [
        None,
        None,
        found.passages[0],
        found.passages[1],
        None,
        None,
    ]
    assert (len(Evidence()), list(Evidence()), Evidence().numbered(1)) == (0, [], None)


def test_a_stage_that_did_not_see_a_passage_has_no_score_of_it() -> None:
    assert Scores(dense=0.0) == Scores(0.0, None, None, None)
    assert RetrievedPassage(WHOLE, headline(STORY), 1, Scores()).scores.reader is None


@pytest.mark.parametrize(
    ("filters", "given"),
    [
        (Filters(), False),
        (Filters(sources=()), False),
        (Filters(after=date(2024, 1, 1)), True),
        (Filters(before=date(2024, 1, 1)), True),
        (Filters(sources=("Dawn",)), True),
        (Filters(exclude_articles=("story",)), True),
    ],
)
def test_filters_that_admit_everything_are_none(filters: Filters, given: bool) -> None:
    assert bool(filters) is given


def test_dates_that_admit_no_article_are_refused_and_a_single_day_is_not() -> None:
    day, next_day = date(2024, 1, 18), date(2024, 1, 19)
    with pytest.raises(
        ValueError, match="no article can be published after 2024-01-19 and before 2024-01-18"
    ):
        Filters(after=next_day, before=day)
    assert Filters(after=day, before=day).after == day
    assert Filters(after=day, before=next_day).before == next_day


def test_a_citation_holds_the_words_at_its_offsets() -> None:
    citation = cited(STORY, 19, 36)
    assert (citation.number, citation.article.id, citation.start, citation.end) == (1, "story", 19, 36)
    assert citation.quote == STORY.text[citation.start : citation.end] == "Pakistan replied."


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"quote": "Iraq struck first."}, r"the quote is not the text of story at \[0, 18\)"),
        ({"quote": "Iran struck first"}, r"the quote is not the text of story at \[0, 18\)"),
        ({"start": 1}, r"the quote is not the text of story at \[1, 18\)"),
        ({"start": 18}, r"\[18, 18\) of story lies outside passage story:0-36"),
        ({"start": 19}, r"\[19, 18\) of story lies outside passage story:0-36"),
        ({"end": 37}, r"\[0, 37\) of story lies outside passage story:0-36"),
        ({"start": -17}, r"\[-17, 18\) of story lies outside passage story:0-36"),
        ({"passage": STORY.passage(0, 17)}, r"\[0, 18\) of story lies outside passage story:0-17"),
        ({"passage": STORY.passage(5, 36)}, r"\[0, 18\) of story lies outside passage story:5-36"),
        ({"article": headline(OTHER)}, r"\[0, 18\) of other lies outside passage story:0-36"),
        ({"number": 0}, "citations are numbered from 1"),
    ],
)
def test_a_citation_of_words_that_are_not_there_cannot_exist(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        cited(STORY, 0, 18, **wrong)


def test_a_citation_is_checked_at_the_article_s_offsets_and_not_the_passage_s() -> None:
    later = STORY.passage(19, 36)
    assert cited(STORY, 28, 36, passage=later).quote == "replied."
    with pytest.raises(ValueError, match="not the text of story"):
        cited(STORY, 19, 27, passage=later, quote="replied.")


def test_a_citation_cannot_be_copied_with_other_words() -> None:
    with pytest.raises(ValueError, match="passage"):
        replace(cited(STORY, 0, 18), quote="Iraq struck first.")  # type: ignore[call-arg]  # which is the point


def test_a_sentence_ends_with_the_numbers_of_its_citations_in_their_order() -> None:
    both = (cited(STORY, 0, 18, number=3), cited(STORY, 19, 36, number=1))
    assert Sentence("So it was.", both).marked() == "So it was. [3] [1]"


def test_a_conflict_needs_two_values_from_two_articles() -> None:
    one = Rival("Iran", cited(STORY, 0, 4), date(2024, 1, 18))
    same_value = Rival("Iran", cited(OTHER, 0, 8), None)
    same_article = Rival("Pakistan", cited(STORY, 19, 27), date(2024, 1, 18))
    rival = Rival("Pakistan", cited(OTHER, 0, 8), None)
    assert Conflict("who struck first", (one, rival)).claims == (one, rival)
    for claims in ((), (one,), (one, same_value), (one, same_article)):
        with pytest.raises(ValueError, match="a conflict needs two different values from two articles"):
            Conflict("who struck first", claims)


def test_an_answer_has_a_citation_for_every_sentence() -> None:
    assert answered().sentences[0].citations == answered().citations
    bare = Sentence("Iran lost.", ())
    for sentences in ((), (bare,), (*answered().sentences, bare)):
        with pytest.raises(ValueError, match="a citation for every sentence, or says why it abstains"):
            answered(sentences=sentences)


@pytest.mark.parametrize("reason", list(Abstention))
def test_an_answer_that_abstains_says_nothing_else(reason: Abstention) -> None:
    assert answered(sentences=(), citations=(), abstained=reason).abstained is reason
    for facts in ({"citations": ()}, {"sentences": ()}, {}):
        with pytest.raises(ValueError, match="an answer that abstains has no sentences"):
            answered(abstained=reason, **facts)


def test_the_reasons_and_the_supports_are_a_closed_list() -> None:
    assert [str(a) for a in Abstention] == [
        "no evidence",
        "weak evidence",
        "unsupported draft",
        "out of range",
    ]
    assert [str(s) for s in Support] == ["quoted", "supported", "please check"]


def test_the_earlier_names_and_values_of_the_supports_are_still_read() -> None:
    assert (Support.VERBATIM, Support.CONSISTENT) == (Support.QUOTED, Support.CHECK)
    assert (Support("verbatim"), Support("consistent")) == (Support.QUOTED, Support.CHECK)
    with pytest.raises(ValueError, match="'contradicted' is not a valid Support"):
        Support("contradicted")


@pytest.mark.parametrize(
    ("states", "weakest"),
    [
        ((Support.QUOTED, Support.QUOTED), Support.QUOTED),
        ((Support.SUPPORTED, Support.QUOTED), Support.SUPPORTED),
        ((Support.QUOTED, Support.CHECK, Support.SUPPORTED), Support.CHECK),
    ],
)
def test_a_sentence_is_as_well_supported_as_its_weakest_citation(
    states: tuple[Support, ...], weakest: Support
) -> None:
    citations = tuple(cited(STORY, 0, 18, support=state) for state in states)
    assert Sentence("Iran struck first.", citations).support is weakest


def test_a_sentence_without_citations_has_no_state() -> None:
    with pytest.raises(ValueError, match="empty"):
        _ = Sentence("Iran struck first.", ()).support


def test_the_counts_of_a_plan_add_up_to_what_was_read() -> None:
    plan = Plan(
        added=("a", "b"),
        replaced=("c",),
        removed=("gone", "gone too"),
        kept=("d", "e", "f", "g"),
        failed=(Failure("h", "it is empty"),),
        renamed=(("d", "new/d.txt"),),
        warnings=("x.pdf was skipped",),
    )
    assert plan.items == 2 + 1 + 4 + 1, "what is gone was not read, and what was renamed is among the kept"
    assert Plan().items == 0
    assert IngestReport(("a",), (), (), ("b",), passages=7, completed=2).items == 2


@pytest.mark.parametrize("value", [STORY, WHOLE, cited(STORY, 0, 18), answered()])
def test_a_value_crosses_to_another_process_as_it_is(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == value
