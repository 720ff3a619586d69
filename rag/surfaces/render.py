"""Answers as text for a terminal and as JSON. Dates, bylines and reasons have the same wording on every
surface."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date
from functools import partial
from typing import Any

from rag.english.times import Moment, resolved
from rag.surfaces.layout import Part, Shown, is_laid_out, layout_record, shown_blocks, table_rows
from rag.surfaces.model_words import trace_usage_text
from rag.surfaces.services import SyncProgress
from rag.surfaces.states import counts_json, counts_of, counts_text, support_text
from rag.system.terminal import one_line, terminal_safe
from rag.types import (
    Abstention,
    Answer,
    BlockKind,
    Citation,
    Evidence,
    Headline,
    IngestReport,
    Plan,
    RetrievedPassage,
    Rival,
    Sentence,
)

__all__ = [
    "abstention_text",
    "answer_json",
    "answer_text",
    "byline",
    "dates",
    "dates_text",
    "day",
    "json_value",
    "listing_text",
    "progress_text",
    "report_text",
    "terminal_safe",
    "where",
]

_CLOSEST_SHOWN = 3  # passages shown where there is no answer
_REASONS = {
    Abstention.NO_EVIDENCE: "No article in the collection matches the question and its filters.",
    Abstention.WEAK_EVIDENCE: "The articles do not answer this.",
    Abstention.UNSUPPORTED_DRAFT: "The articles support no sentence of the draft, so there is no answer.",
    Abstention.OUT_OF_RANGE: "The articles do not cover the time the question asks about.",
}


def answer_json(answer: Answer) -> str:
    """The whole answer as JSON, with every field. A citation also has its `page` and its `dates`, a sentence
    its `support`, and the answer the `counts` of its sentences, in numbers and as `text`."""
    return json.dumps(answer, default=partial(_plain, answer.evidence), ensure_ascii=False, indent=2)


def json_value(value: Any, evidence: Evidence = Evidence()) -> Any:
    """One of our values as JSON values, in the form of `answer_json`. A citation's `dates` are read from the
    evidence; without it they are empty.
    """
    return json.loads(json.dumps(value, default=partial(_plain, evidence), ensure_ascii=False))


def _plain(evidence: Evidence, value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} has no JSON form")
    facts = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Headline):
        del facts["pages"]  # one number per page of a book; a citation has its own page
    if isinstance(value, Citation):
        facts |= {"page": value.page, "dates": _date_facts(value, evidence)}
    if isinstance(value, Sentence):
        facts["support"] = value.support
    if isinstance(value, Answer):
        facts["counts"] = counts_json(counts_of(value))
    return facts


def dates(citation: Citation, evidence: Evidence) -> tuple[Moment, ...]:
    """The relative dates in a citation ("on Tuesday"), resolved by the article's date of publication.

    Their places are in the article, in code points. Surfaces show them beside the words, never instead of
    them. The whole passage is read, because the words before matter: "will vote on Friday".
    """
    for source in evidence:
        passage = source.passage
        if (
            passage.article_id == citation.article.id
            and passage.start <= citation.start
            and citation.end <= passage.end
        ):
            said = resolved(passage.text, citation.article.published)
            placed = (replace(m, start=passage.start + m.start, end=passage.start + m.end) for m in said)
            return tuple(m for m in placed if citation.start <= m.start and m.end <= citation.end)
    return ()


def _words(citation: Citation, moment: Moment) -> str:
    return citation.quote[moment.start - citation.start : moment.end - citation.start]


def _date_facts(citation: Citation, evidence: Evidence) -> list[dict[str, Any]]:
    return [
        {"start": m.start, "end": m.end, "words": _words(citation, m), "first": m.first, "last": m.last}
        for m in dates(citation, evidence)
    ]


def dates_text(citation: Citation, evidence: Evidence) -> str:
    """The dates as text, each wording once: "on Tuesday = 16 January 2024; last week = 8–14 January 2024"."""
    said = [f"{_flat(_words(citation, moment))} = {moment.shown}" for moment in dates(citation, evidence)]
    return "; ".join(dict.fromkeys(said))


def abstention_text(reason: Abstention) -> str:
    """Why there is no answer, as a sentence."""
    return _REASONS[reason]


def day(stated: date) -> str:
    """A date as text.

    >>> day(date(2024, 1, 20))
    '20 January 2024'
    """
    return f"{stated.day} {stated:%B %Y}"


def byline(facts: Headline) -> str:
    """An article's label, source and date, and the outlets that published a near-copy of it.

    >>> byline(Headline("a", "v", "Iran struck first.", source="Dawn", published=date(2024, 1, 20)))
    'Iran struck first. — Dawn, 20 January 2024'
    """
    when = day(facts.published) if facts.published else "date unknown"
    also = f" (also in {', '.join(facts.also)})" if facts.also else ""
    return f"{facts.label} — {', '.join(part for part in (facts.source, when) if part)}{also}"


def where(citation: Citation) -> str:
    """The page and characters of a citation's words."""
    page = f"page {citation.page}, " if citation.page else ""
    return f"{page}characters {citation.start}–{citation.end}"


def answer_text(answer: Answer, *, width: int = 88, asked: str | None = None) -> str:
    """The answer with its footnotes. `asked` is the question as typed; if it was understood differently, the
    answer says how.
    """
    lines: list[str] = []
    if asked is not None and " ".join(asked.split()) != answer.question:
        lines += [_wrapped(f"Understood as: {answer.question}", width), ""]
    if answer.abstained:
        lines += [abstention_text(answer.abstained)]
        if answer.evidence.passages:
            lines += ["", "The closest passages (they do not answer it):"]
            lines += [_closest(source, width) for source in answer.evidence.passages[:_CLOSEST_SHOWN]]
    else:
        lines += [*_laid_out(answer, width), ""]
        for conflict in answer.conflicts:
            lines += [_wrapped(f"The sources disagree: {conflict.about}", width)]
            lines += [
                _wrapped(f"- {_rival(rival)} [{rival.citation.number}]", width, "  ")
                for rival in conflict.claims
            ]
            lines += [""]
        for part in answer.unanswered:
            lines += [_wrapped(f"The articles do not say: {part}", width), ""]
        lines += [_footnote(citation, answer.evidence, width) for citation in answer.citations]
    if said := counts_text(counts_of(answer)):
        lines += ["", _wrapped(said, width)]
    if said := trace_usage_text(answer.trace):
        lines += ["", _wrapped(said, width)]
    if answer.withheld:
        lines += ["", "Claimed by the model, but not found in the articles:"]
        lines += [_wrapped(f"- {text}", width, "  ") for text in answer.withheld]
    if answer.notice:
        lines += ["", _wrapped(f"Note: {answer.notice}", width)]
    return terminal_safe("\n".join(lines))


def _laid_out(answer: Answer, width: int) -> Iterator[str]:
    """The sentences as paragraphs, headings, lists and tables; as one paragraph where there is no layout."""
    marked = [
        {"marked": s.marked(), "layout": layout_record(s.layout) if s.layout else None}
        for s in answer.sentences
    ]
    blocks = shown_blocks(marked)
    if not is_laid_out(blocks):
        yield _wrapped(answer.text, width)
        return
    previous: Shown | None = None
    for block in blocks:
        if previous and not (previous.kind is block.kind is BlockKind.ITEM):
            yield ""
        indent = "   " * block.depth if block.kind is not BlockKind.HEADING else ""
        text = " ".join(_said(part) for part in block.parts)
        if block.kind is BlockKind.CELL:
            head, *rows = [[" ".join(map(_said, cell)) for cell in row] for row in table_rows(block)]
            yield listing_text(rows, head)
        elif block.kind is BlockKind.CODE:
            yield textwrap.indent("\n".join(_said(part) for part in block.parts), indent + "    ")
        elif block.kind is BlockKind.ITEM:
            sign = "-" if block.number is None else f"{block.number}."
            yield textwrap.indent(_wrapped(f"{sign} {text}", width - len(indent), "   "), indent[3:])
        else:
            yield textwrap.indent(_wrapped(text, width - len(indent)), indent)
        previous = block


def _said(part: Part) -> str:
    return part.line if part.sentence is None else str(part.sentence["marked"])


def _rival(rival: Rival) -> str:
    return f"{_flat(rival.value)}: {byline(rival.citation.article)}"


def _footnote(citation: Citation, evidence: Evidence, width: int) -> str:
    head = _wrapped(f"[{citation.number}] {byline(citation.article)}", width, "    ")
    lines = [head, _wrapped(f"    “{_flat(citation.quote)}”", width, "    ")]
    if said := dates_text(citation, evidence):
        lines.append(_wrapped(f"    {said}", width, "    "))
    lines.append(f"    {citation.article.id}, {where(citation)} ({support_text(citation.support)})")
    return "\n".join(lines)


def _closest(source: RetrievedPassage, width: int) -> str:
    return _wrapped(
        f"- {byline(source.article)}: {textwrap.shorten(_flat(source.passage.text), 160, placeholder=' …')}",
        width,
        "  ",
    )


def _flat(text: str) -> str:
    return " ".join(text.split())


def _wrapped(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


_CONTINUE = "Run it again to continue"


def report_text(report: Plan, *, planned: bool = False, how_to_continue: str = _CONTINUE) -> str:
    """What a sync did, or with `planned` would do, with every failure and its reason. `how_to_continue` is
    shown where it was stopped.
    """
    counts = [
        f"{len(ids)} {word}"
        for ids, word in (
            (report.added, "added"),
            (report.replaced, "replaced"),
            (report.removed, "removed"),
            (report.kept, "unchanged"),
            (report.failed, "failed"),
        )
    ]
    head = f"{'Dry run: ' if planned else ''}{', '.join(counts)}"
    if isinstance(report, IngestReport):
        head += f"; {report.passages} passages written"
        if report.completed:
            head += f"; {report.completed} passages of an interrupted run finished"
        if report.stopped:
            head += f"; stopped with {report.left} left. {how_to_continue}"
    lines = [head]
    lines += [f"moved: {article_id} is now read from {origin}" for article_id, origin in report.renamed]
    lines += [f"warning: {warning}" for warning in report.warnings]
    lines += [f"failed: {failure.item}: {failure.reason}" for failure in report.failed]
    return "\n".join(one_line(line) for line in lines)


def progress_text(step: SyncProgress, seconds: float) -> str:
    """The progress of a sync after `seconds`: counts, passages per second, and the estimated time left."""
    counts = f"{step.done} of {step.total} articles, {step.passages} passages"
    if seconds <= 0 or not 0 < step.share < 1:
        return counts
    left = seconds / step.share - seconds
    wait = f"{left / 60:.0f} minutes" if left >= 90 else f"{max(left, 1):.0f} seconds"
    return f"{counts}, {step.passages / seconds:.0f} per second, about {wait} left"


def listing_text(rows: Iterable[Sequence[str]], header: Sequence[str]) -> str:
    """A table as text, each column as wide as its widest cell."""
    table = [[one_line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in table
    )
