"""An answer as a record: plain JSON values that the server stores and the page shows. Also exports to
Markdown and JSON.

The page shows nothing but records, so an earlier conversation looks as it did when it took place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rag.surfaces.layout import Part, Shown, layout_record, shown_blocks, table_rows
from rag.surfaces.model_words import usage_json
from rag.surfaces.render import abstention_text, byline, dates_text, day
from rag.surfaces.states import StateCounts, counts, counts_json, counts_text, support_text
from rag.types import (
    Answer,
    BlockKind,
    Citation,
    Evidence,
    Filters,
    Headline,
    RetrievedPassage,
    Sentence,
    Support,
)

__all__ = [
    "Record",
    "citation_record",
    "conversation_json",
    "filters_text",
    "markdown",
    "passage_record",
    "record",
    "record_counts",
    "sentence_record",
]

Record = dict[str, Any]

_EXCERPT_CHARACTERS = 240  # of a passage in the evidence
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$!])")


def record(answer: Answer, collection: str = "") -> Record:
    """What the page shows of an answer: sentences, citations, conflicts and excerpts of the evidence.

    `collection` is the name of its collection, for links to the cited words.
    """
    return {
        "collection": collection,
        "question": answer.question,
        "text": answer.text,
        "sentences": [sentence_record(s) for s in answer.sentences],
        "citations": [citation_record(c, answer.evidence) for c in answer.citations],
        "conflicts": [
            {"about": c.about, "claims": [{"value": r.value, "number": r.citation.number} for r in c.claims]}
            for c in answer.conflicts
        ],
        "evidence": [
            {**(passage := passage_record(source)), "text": _excerpt(passage["text"])}
            for source in answer.evidence
        ],
        "abstained": abstention_text(answer.abstained) if answer.abstained else None,
        "unanswered": list(answer.unanswered),
        "withheld": list(answer.withheld),
        "notice": answer.notice,
        "filters": filters_text(answer.filters),
        "answerer": answer.trace.answerer,
        "usage": usage_json(answer.trace.usage),
    }


def sentence_record(sentence: Sentence) -> Record:
    """A sentence with the numbers of its citations, its state, and its layout where it has one."""
    return {
        "text": sentence.text,
        "lead": sentence.lead,
        "citations": [c.number for c in sentence.citations],
        "support": str(sentence.support),
        **({"layout": layout_record(sentence.layout)} if sentence.layout else {}),
    }


def citation_record(citation: Citation, evidence: Evidence) -> Record:
    """A citation with its article's facts. `dates` resolves relative dates in its words."""
    return {
        "number": citation.number,
        "article": _facts(citation.article),
        "start": citation.start,
        "end": citation.end,
        "page": citation.page,
        "quote": citation.quote,
        "support": str(citation.support),
        "dates": dates_text(citation, evidence),
    }


def _facts(headline: Headline) -> Record:
    return {
        "id": headline.id,
        "version": headline.version,
        "label": headline.label,
        "url": headline.url,
        "source": headline.source,
        "published": headline.published.isoformat() if headline.published else None,
        "byline": byline(headline),
    }


def passage_record(source: RetrievedPassage) -> Record:
    """A passage with its article's facts."""
    passage = source.passage
    return {
        "article": _facts(source.article),
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
    }


def _excerpt(text: str) -> str:
    if len(text) <= _EXCERPT_CHARACTERS:
        return text
    return f"{text[:_EXCERPT_CHARACTERS].rsplit(' ', 1)[0]} …"


def filters_text(filters: Filters) -> str:
    """The filters of a question as text; empty if there are none.

    >>> filters_text(Filters(sources=("Dawn", "VOA")))
    'only Dawn or VOA'
    """
    said = []
    if filters.sources:
        said.append(f"only {' or '.join(filters.sources)}")
    if filters.after:
        said.append(f"published on or after {day(filters.after)}")
    if filters.before:
        said.append(f"published on or before {day(filters.before)}")
    return ", ".join(said)


def markdown(exchanges: Iterable[tuple[str, Record]], title: str | None = None) -> str:
    """Questions and answers as Markdown. Each citation is a footnote with the exact words and their place.

    Footnotes are numbered continuously. Text of an article is escaped, so it never becomes markup.
    """
    lines = [f"# {_plain(title)}", ""] if title else []
    notes: list[str] = []
    for asked, answer in exchanges:
        lines += [f"**{_plain(asked)}**", ""]
        if answer["question"] != " ".join(asked.split()):
            lines += [f"Understood as: {_plain(answer['question'])}", ""]
        if answer["filters"]:
            lines += [f"Filters: {_plain(answer['filters'])}", ""]
        if answer["abstained"]:
            lines += [answer["abstained"], ""]
            continue
        names = {c["number"]: len(notes) + at for at, c in enumerate(answer["citations"], 1)}
        lines += [*_laid_out(answer["sentences"], names), ""]
        for conflict in answer["conflicts"]:
            lines += [f"The sources disagree: {_plain(conflict['about'])}", ""]
            lines += [
                f"- {_plain(claim['value'])}[^{names[claim['number']]}]" for claim in conflict["claims"]
            ]
            lines += [""]
        lines += [f"The articles do not say: {_plain(part)}\n" for part in answer["unanswered"]]
        lines += [counts_text(record_counts(answer)), ""]
        notes += [_note(names[c["number"]], c) for c in answer["citations"]]
    return "\n".join([*lines, *notes]).strip() + "\n"


def _laid_out(sentences: Sequence[Record], names: Mapping[int, int]) -> Iterator[str]:
    """The lines of an answer's sentences; a blank one between blocks that are not of one list."""
    previous: Shown | None = None
    for block in shown_blocks(sentences):
        if previous and not (previous.kind is block.kind is BlockKind.ITEM):
            yield ""
        indent = (
            "    " * (block.depth - (block.kind is BlockKind.ITEM))
            if block.kind is not BlockKind.HEADING
            else ""
        )
        text = " ".join(_part(part, names) for part in block.parts)
        if block.kind is BlockKind.CELL:
            yield from _table(block, names)
        elif block.kind is BlockKind.CODE:
            yield from (f"{indent}{line}" for part in block.parts for line in _code(part, names))
        elif block.kind is BlockKind.HEADING:
            yield f"#### {text}"
        elif block.kind is BlockKind.ITEM:
            yield f"{indent}{'-' if block.number is None else f'{block.number}.'} {_opening(text)}"
        else:
            yield f"{indent}{'> ' if block.kind is BlockKind.QUOTE else ''}{_opening(text)}"
        previous = block


def _part(part: Part, names: Mapping[int, int]) -> str:
    if part.sentence is None:
        return _plain(part.line)
    lead = f"*{_plain(part.sentence['lead'])}* " if part.sentence["lead"] else ""
    return f"{lead}{_plain(part.sentence['text'])}{_marks(part.sentence, names)}"


def _marks(sentence: Record, names: Mapping[int, int]) -> str:
    marks = "".join(f"[^{names[number]}]" for number in sentence["citations"])
    return marks + (f" *({support_text(Support.CHECK)})*" if sentence["support"] == Support.CHECK else "")


def _table(block: Shown, names: Mapping[int, int]) -> Iterator[str]:
    for at, row in enumerate(table_rows(block)):
        yield f"| {' | '.join(' '.join(_part(part, names) for part in cell) for cell in row)} |"
        if not at:
            yield f"|{' --- |' * len(row)}"


def _code(part: Part, names: Mapping[int, int]) -> Iterator[str]:
    """Code in a fence that is longer than any in it, with its marks below."""
    sentence = part.sentence or {}
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", sentence["text"])), default=0))
    yield from (fence, *sentence["text"].split("\n"), fence, _marks(sentence, names))


def _opening(text: str) -> str:
    """A line that does not become an item or a rule by what it begins with.

    >>> _opening("1. May"), _opening("- 4 degrees")
    ('1\\\\. May', '\\\\- 4 degrees')
    """
    return re.sub(r"^(\d*)([.)+=-])", r"\1\\\2", text)


def record_counts(found: Record) -> StateCounts:
    """How many sentences of an answer are in each state, and how many are withheld."""
    return counts((Support(s["support"]) for s in found["sentences"]), len(found["withheld"]))


def _note(name: int, citation: Record) -> str:
    page = f"page {citation['page']}, " if citation.get("page") else ""  # older records have no pages
    place = f"{citation['article']['id']}, {page}characters {citation['start']}–{citation['end']}"
    said = f" {_plain(citation['dates'])}." if citation["dates"] else ""
    quote, byline = _plain(citation["quote"]), _plain(citation["article"]["byline"])
    state = support_text(Support(citation["support"]))
    return f"[^{name}]: “{quote}” — {byline}.{said} {_plain(place)} ({state})"


def _plain(text: str) -> str:
    """Text on one line, escaped for Markdown.

    >>> _plain("[a](b) *c*")
    '\\\\[a\\\\](b) \\\\*c\\\\*'
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def conversation_json(title: str, exchanges: Sequence[tuple[str, Record]]) -> str:
    """A conversation as JSON, with every citation and its place, and the counts of each answer's sentences as
    in `answer_json`."""
    answers = [
        {"asked": asked, **answer, "counts": counts_json(record_counts(answer))}
        for asked, answer in exchanges
    ]
    return json.dumps({"title": title, "exchanges": answers}, ensure_ascii=False, indent=2)
