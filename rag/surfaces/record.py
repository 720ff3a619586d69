"""An answer as plain JSON values, small enough for a browser to keep, and what leaves the page: Markdown and
JSON.

The page shows records and nothing else, so a conversation taken up again looks as it did when it was held.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from rag.surfaces.render import abstention_text, byline, dates_text, day
from rag.types import Answer, Citation, Evidence, Filters, Headline, RetrievedPassage

__all__ = [
    "SUPPORT",
    "Record",
    "citation_record",
    "conversation_json",
    "filters_text",
    "markdown",
    "passage_record",
    "record",
]

Record = dict[str, Any]

_SHOWN = 240  # characters of a passage that came close
# A citation's state in words; see `rag.types.Support`.
SUPPORT = {
    "verbatim": "word for word",
    "consistent": "same names and figures",
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$!])")


def record(answer: Answer, collection: str = "") -> Record:
    """All that the page shows of an answer: its sentences, citations, conflicts, and the evidence in brief.

    `collection` names the one it is from, for the links to its words.
    """
    return {
        "collection": collection,
        "question": answer.question,
        "text": answer.text,
        "sentences": [
            {"text": s.text, "lead": s.lead, "citations": [c.number for c in s.citations]}
            for s in answer.sentences
        ],
        "citations": [citation_record(c, answer.evidence) for c in answer.citations],
        "conflicts": [
            {"about": c.about, "claims": [{"value": r.value, "number": r.citation.number} for r in c.claims]}
            for c in answer.conflicts
        ],
        "evidence": [
            {**(found := passage_record(source)), "text": _brief(found["text"])} for source in answer.evidence
        ],
        "abstained": abstention_text(answer.abstained) if answer.abstained else None,
        "unanswered": list(answer.unanswered),
        "withheld": list(answer.withheld),
        "notice": answer.notice,
        "filters": filters_text(answer.filters),
        "answerer": answer.trace.answerer,
    }


def citation_record(citation: Citation, evidence: Evidence) -> Record:
    """A citation with its article's facts; `dates` says which days its words mean, where they say so."""
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


def _brief(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN].rsplit(' ', 1)[0]} …"


def filters_text(filters: Filters) -> str:
    """What the evidence was limited to, in words; empty where it was not.

    >>> filters_text(Filters(sources=("Dawn", "VOA")))
    'only Dawn or VOA'
    """
    said = []
    if filters.sources:
        said.append(f"only {' or '.join(filters.sources)}")
    if filters.after:
        said.append(f"published from {day(filters.after)}")
    if filters.before:
        said.append(f"published up to {day(filters.before)}")
    return ", ".join(said)


def markdown(exchanges: Iterable[tuple[str, Record]], title: str | None = None) -> str:
    """Questions and answers as Markdown, each citation a footnote with the exact words and where they stand.

    Footnotes are numbered through; what an article says is shown as it stands, and never becomes markup.
    """
    lines = [f"# {_plain(title)}", ""] if title else []
    notes: list[str] = []
    for asked, found in exchanges:
        lines += [f"**{_plain(asked)}**", ""]
        if found["question"] != " ".join(asked.split()):
            lines += [f"Understood as: {_plain(found['question'])}", ""]
        if found["filters"]:
            lines += [f"Evidence: {_plain(found['filters'])}", ""]
        if found["abstained"]:
            lines += [found["abstained"], ""]
            continue
        names = {c["number"]: len(notes) + at for at, c in enumerate(found["citations"], 1)}
        said = []
        for sentence in found["sentences"]:
            lead = f"*{_plain(sentence['lead'])}* " if sentence["lead"] else ""
            marks = "".join(f"[^{names[number]}]" for number in sentence["citations"])
            said.append(f"{lead}{_plain(sentence['text'])}{marks}")
        lines += [" ".join(said), ""]
        for conflict in found["conflicts"]:
            lines += [f"The sources disagree: {_plain(conflict['about'])}", ""]
            lines += [
                f"- {_plain(claim['value'])}[^{names[claim['number']]}]" for claim in conflict["claims"]
            ]
            lines += [""]
        lines += [f"The articles do not say: {_plain(part)}\n" for part in found["unanswered"]]
        notes += [_note(names[c["number"]], c) for c in found["citations"]]
    return "\n".join([*lines, *notes]).strip() + "\n"


def _note(name: int, citation: Record) -> str:
    page = (
        f"page {citation['page']}, " if citation.get("page") else ""
    )  # a record kept from before there were pages has none
    place = f"{citation['article']['id']}, {page}characters {citation['start']}–{citation['end']}"
    said = f" {_plain(citation['dates'])}." if citation["dates"] else ""
    return f"[^{name}]: “{_plain(citation['quote'])}” — {_plain(citation['article']['byline'])}.{said} {_plain(place)}"


def _plain(text: str) -> str:
    """Text on one line whose characters mean nothing to Markdown.

    >>> _plain("[a](b) *c*")
    '\\\\[a\\\\](b) \\\\*c\\\\*'
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def conversation_json(title: str, exchanges: Sequence[tuple[str, Record]]) -> str:
    """A conversation with every citation and its place, as JSON."""
    said = [{"asked": asked, **found} for asked, found in exchanges]
    return json.dumps({"title": title, "exchanges": said}, ensure_ascii=False, indent=2)
