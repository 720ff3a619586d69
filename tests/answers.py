"""Answers for the tests of what is shown: built as the checker builds them, from articles of a sentence or
two.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from conftest import article, evidence
from judging import Judging

from rag.answer.check import Checker, cited_text
from rag.surfaces.record import record
from rag.types import (
    Abstention,
    Answer,
    Article,
    Claim,
    Conflict,
    DraftSentence,
    Evidence,
    Filters,
    Rival,
    Trace,
)

STORY = article("Iran struck first. Pakistan replied.", "a", source="Dawn", published=date(2024, 1, 20))
TRACE = Trace("f00", 1, "extract")


def answered(
    text: str = "Iran struck first.", notice: str | None = None, withheld: tuple[str, ...] = ()
) -> Answer:
    found = evidence(STORY)
    checker = Checker(found, Judging())
    sentence = checker.check(DraftSentence(text, (Claim(1),)))
    assert sentence
    return Answer(
        "Who struck first?",
        cited_text([sentence]),
        (sentence,),
        checker.citations,
        found,
        Filters(),
        (),
        None,
        withheld,
        notice,
        TRACE,
    )


def abstained(found: Evidence) -> Answer:
    return Answer("Why?", "", (), (), found, Filters(), (), Abstention.WEAK_EVIDENCE, (), None, TRACE)


DATED = article(
    "It is over. Iran struck late\non Tuesday, its worst strike this month, and on Tuesday only.", "a", source="Dawn",
    published=date(2024, 1, 18),
)  # fmt: skip


def quoting(story: Article, quote: str) -> Answer:
    found = evidence(story)
    checker = Checker(found, Judging())
    sentence = checker.check(DraftSentence(quote, (Claim(1, quote),)))
    assert sentence
    return Answer(
        "When?", cited_text([sentence]), (sentence,), checker.citations, found, Filters(), (), None, (), None, TRACE
    )  # fmt: skip


OTHER = article("At least nine were killed, <b>officials</b> said.", "b", source="VOA")


def disputed() -> Answer:
    """Two articles with two figures, a part that none answers, and a sentence with a lead."""
    story = article("The strike killed seven.", "a", source="Dawn", published=date(2024, 1, 18))
    found = evidence(story, OTHER)
    checker = Checker(found, Judging())
    drafts = [DraftSentence(p.passage.text, (Claim(p.rank, p.passage.text),)) for p in found]
    sentences = tuple(s for d in drafts if (s := checker.check(d)))
    rivals = tuple(
        Rival(value, s.citations[0], s.citations[0].article.published)
        for value, s in zip(("seven", "At least nine"), sentences, strict=True)
    )
    sentences = (sentences[0], replace(sentences[1], lead="Later:"))
    conflict = Conflict("How many were killed?", rivals)
    return Answer(
        "How many were killed?", cited_text(sentences), sentences, checker.citations, found, Filters(), (conflict,), None, (), None,
        TRACE, ("and <who> did it?",),
    )  # fmt: skip


def earlier_record(answer: Answer, collection: str = "") -> dict[str, Any]:
    """The record of an answer as release 0.1 wrote it."""
    found = record(answer, collection)
    old = {"quoted": "verbatim", "supported": "consistent", "please check": "consistent"}
    return {
        **{name: value for name, value in found.items() if name != "usage"},
        "sentences": [{k: v for k, v in s.items() if k != "support"} for s in found["sentences"]],
        "citations": [{**c, "support": old[c["support"]]} for c in found["citations"]],
    }
