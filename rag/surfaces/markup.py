"""Records as HTML for the page: every character of an article is shown and none is obeyed."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from rag.surfaces.record import SUPPORT, Record, markdown
from rag.surfaces.render import day
from rag.types import Article, Headline

__all__ = ["VERDICTS", "answer_html", "article_parts", "asked_html", "digest", "escape", "sentence_html"]

_CLOSEST = 3


def escape(text: str) -> str:
    """Text for HTML. Braces and dollar signs too: the page's components read `{{…}}` and `${…}` as templates."""
    return (
        html.escape(text)
        .replace("{", "&#123;")
        .replace("}", "&#125;")
        .replace("$", "&#36;")
        .replace("\x00", "")
    )


def asked_html(
    question: str, key: str, version: tuple[int, int] = (1, 1), earlier: str = "", later: str = ""
) -> str:
    """A question as it was typed, with what can be done about it. `version` is which of how many it is of
    those that were asked in its place; `earlier` and `later` name the ones beside it."""
    at, of = version
    others = ""
    if of > 1:
        others = (
            f'<span class="versions" role="group" aria-label="Versions of this question">'
            f"{_version(earlier, 'Earlier version', '‹')} {at} of {of} "
            f"{_version(later, 'Later version', '›')}</span>"
        )
    return (
        f'<p class="asked">{escape(question)}</p><div class="actions">{others}'
        f'<button type="button" data-act="edit" data-key="{escape(key)}">Edit</button>'
        f'<button type="button" data-act="again" data-key="{escape(key)}">Ask again</button></div>'
    )


def _version(key: str, label: str, sign: str) -> str:
    able = f'data-key="{escape(key)}"' if key else "disabled"
    return f'<button type="button" data-act="version" {able} aria-label="{label}">{sign}</button>'


def sentence_html(sentence: Record, citations: Mapping[int, Record]) -> str:
    """A sentence with its markers as buttons that name the words they open, and how well they carry it."""
    lead = f"<em>{escape(sentence['lead'])}</em> " if sentence["lead"] else ""
    marks = "".join(_marker(citations[number]) for number in sentence["citations"])
    return f'<span class="sentence">{lead}{escape(sentence["text"])} {marks}</span>'


def _marker(citation: Record) -> str:
    number, words = citation["number"], SUPPORT[citation["support"]]
    return (
        f'<button type="button" class="cite {citation["support"]}" {_place(citation)} data-number="{number}" '
        f'data-quote="{escape(_flat(citation["quote"]))}" data-from="{escape(citation["article"]["byline"])}" '
        f'data-support="{words}" aria-label="Citation {number}, {words}: open the article at these words">[{number}]</button>'
    )


def _place(found: Record) -> str:
    """What names the words to be opened."""
    return " ".join(f'data-{name}="{escape(str(value))}"' for name, value in place(found).items())


def place(found: Record) -> dict[str, Any]:
    """A citation's or a passage's article, its version, where the words stand in it, and their digest: where
    the article has changed since, they may stand there still."""
    article, words = found["article"], found.get("quote") or found["text"]
    return {
        "article": article["id"], "version": article["version"], "start": found["start"], "end": found["end"],
        "words": digest(words),
    }  # fmt: skip


def digest(words: str) -> str:
    """Twelve digits that stand for some words."""
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def permalink(found: Record, collection: str) -> str:
    """The address, relative to the page, that opens an article at the same words."""
    return f"?{urlencode({'collection': collection, **place(found)})}"


def answer_html(
    found: Record, asked: str, key: str = "", verdict: str = "", *, given_here: bool = True
) -> str:
    """The answer with its conflicts, footnotes and timeline, or why there is none with what came closest; and
    what the reader can do with it, `verdict` being what they said of it. One that this server has not given
    cannot be judged."""
    parts: list[str] = []
    if found["question"] != " ".join(asked.split()):
        parts.append(f'<p class="understood">Understood as: {escape(found["question"])}</p>')
    if found["filters"]:
        parts.append(f'<p class="filtered">Evidence: {escape(found["filters"])}</p>')
    citations = {c["number"]: c for c in found["citations"]}
    if found["abstained"]:
        parts.append(f'<p class="abstained">{escape(found["abstained"])}</p>')
        if found["evidence"]:
            rows = (f"<li>{_passage(p)}</li>" for p in found["evidence"][:_CLOSEST])
            parts.append(
                f'<p class="closest">Closest, but not an answer:</p><ul class="near">{"".join(rows)}</ul>'
            )
    else:
        parts.append(
            f'<p class="answer">{" ".join(sentence_html(s, citations) for s in found["sentences"])}</p>'
        )
        parts += [_conflict(conflict, citations) for conflict in found["conflicts"]]
        parts += [
            f'<p class="unanswered">The articles do not say: {escape(part)}</p>'
            for part in found["unanswered"]
        ]
        notes = "".join(_note(c, found["collection"]) for c in found["citations"])
        parts.append(f'<ol class="notes">{notes}</ol>')
        parts.append(_timeline(found))
    if found["withheld"]:
        rows = (f"<li>{escape(text)}</li>" for text in found["withheld"])
        parts.append(
            f"<details><summary>Said by the model, not found in the articles "
            f"({len(found['withheld'])})</summary>"
            f"<ul>{''.join(rows)}</ul></details>"
        )
    if found["notice"]:
        parts.append(f'<p class="notice">{escape(found["notice"])}</p>')
    parts.append(_actions(found, asked, key, verdict, given_here=given_here))
    return "".join(parts)


def _conflict(conflict: Record, citations: Mapping[int, Record]) -> str:
    """What the sources disagree on, a row a value: who says it, when, in which words."""
    rows = []
    for claim in conflict["claims"]:
        citation = citations[claim["number"]]
        article = citation["article"]
        rows.append(
            f'<tr><th scope="row">{escape(claim["value"])}</th><td>{escape(article["source"] or article["label"])}</td>'
            f"<td>{_time(article['published'])}</td><td>“{escape(_flat(citation['quote']))}” "
            f"{_marker(citation)}</td></tr>"
        )
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("Value", "Who says so", "When", "In which words")
    )
    return (
        f'<div class="wide"><table class="conflict"><caption>The sources disagree: {escape(conflict["about"])}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _time(published: str | None) -> str:
    if published is None:
        return "date unknown"
    return f'<time datetime="{published}">{day(date.fromisoformat(published))}</time>'


def _note(citation: Record, collection: str) -> str:
    page = f' <span class="page">page {citation["page"]}</span>' if citation.get("page") else ""
    said = f'{page} <span class="dates">{escape(citation["dates"])}</span>' if citation["dates"] else page
    return (
        f'<li value="{citation["number"]}">{escape(citation["article"]["byline"])} '
        f'<span class="support {citation["support"]}">{SUPPORT[citation["support"]]}</span>{said} '
        f'<a class="permalink" href="{escape(permalink(citation, collection))}">Link to these words</a></li>'
    )


def _timeline(found: Record) -> str:
    """The evidence by date, undated last: what is cited by its number, and what else was read."""
    cited = {(c["article"]["id"], c["start"], c["end"]) for c in found["citations"]}
    held = {(p["article"]["id"]) for p in found["evidence"]}
    if len(held) < 2:
        return ""
    points = [(c["article"], f"{_marker(c)} “{escape(_flat(c['quote']))}”") for c in found["citations"]]
    for passage in found["evidence"]:
        around = any(
            i == passage["article"]["id"] and passage["start"] <= a < passage["end"] for i, a, _ in cited
        )
        if not around:
            points.append((passage["article"], _passage(passage)))
    points.sort(key=lambda point: (point[0]["published"] is None, point[0]["published"] or ""))
    rows = "".join(
        f'<li>{_time(article["published"])}<span class="who">{escape(article["source"] or article["label"])}</span>'
        f"<p>{shown}</p></li>"
        for article, shown in points
    )
    return (
        f'<details class="timeline"><summary>The evidence by date: {len(points)} passages of {len(held)} articles</summary>'
        f"<ol>{rows}</ol></details>"
    )


def _passage(found: Record) -> str:
    """A passage that was read and is not cited, as a button that opens it."""
    return (
        f'<button type="button" class="cite nearest" {_place(found)} data-quote="{escape(_flat(found["text"]))}" '
        f'data-from="{escape(found["article"]["byline"])}">{escape(found["article"]["byline"])}</button>'
        f'<span class="gist">{escape(_flat(found["text"]))}</span>'
    )


VERDICTS = {"right": "Right", "wrong": "Wrong", "missing": "Something is missing"}


def _actions(found: Record, asked: str, key: str, verdict: str, *, given_here: bool) -> str:
    copy = f'<button type="button" data-act="copy" data-text="{escape(markdown([(asked, found)]))}">Copy with footnotes</button>'
    if not given_here:
        return f'<div class="actions">{copy}</div>'
    judge = "".join(
        f'<button type="button" data-act="verdict" data-key="{escape(key)}" data-verdict="{name}" '
        f'aria-pressed="{"true" if name == verdict else "false"}">{label}</button>'
        for name, label in VERDICTS.items()
    )
    hidden = "" if verdict else " hidden"
    gold = (
        f'<button type="button" data-act="gold" data-key="{escape(key)}"{hidden}>Make it a gold case</button>'
    )
    return f'<div class="actions">{copy}<span class="verdicts" role="group" aria-label="Your verdict">{judge}{gold}</span></div>'


def _flat(text: str) -> str:
    return " ".join(text.split())


def article_parts(article: Article, facts: Headline, start: int, end: int, note: str = "") -> dict[str, str]:
    """An article cut at the words to be highlighted, as plain strings that the page sets as text; `note` is
    said above it.
    """
    page = facts.page(start) if end else None
    also = f"also in {', '.join(facts.also)}" if facts.also else ""
    return {
        "title": facts.label,
        "source": ", ".join(part for part in (facts.source, also, f"page {page}" if page else "") if part),
        "note": note,
        "read": "; ".join(f"{name}: {place}" for name, place in article.provenance),
        "published": day(facts.published) if facts.published else "date unknown",
        "url": facts.url if facts.url and facts.url.startswith(("https://", "http://")) else "",
        "before": article.text[:start],
        "quote": article.text[start:end],
        "after": article.text[end:],
    }
