"""Records as HTML for the page. Text of an article is always escaped, so it never becomes markup."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from rag.surfaces.layout import Part, Shown, is_laid_out, shown_blocks, table_rows
from rag.surfaces.model_words import usage_text
from rag.surfaces.record import Record, markdown, record_counts
from rag.surfaces.render import day
from rag.surfaces.states import counts_text, support_text
from rag.types import Article, BlockKind, Headline, Support

__all__ = [
    "VERDICTS",
    "answer_html",
    "article_parts",
    "asked_html",
    "digest",
    "escape",
    "sentence_html",
    "sentences_html",
]

_CLOSEST_SHOWN = 3  # passages shown where there is no answer


def escape(text: str) -> str:
    """Text escaped for HTML. Braces and dollar signs too, since Gradio reads `{{…}}` and `${…}` as
    templates."""
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
    """A question as it was typed, with its buttons. `version` is its number among its versions and their
    count; `earlier` and `later` are the ids of the versions before and after it.
    """
    at, of = version
    versions = ""
    if of > 1:
        versions = (
            f'<span class="versions" role="group" aria-label="Versions of this question">'
            f"{_version(earlier, 'Earlier version', '‹')} {at} of {of} "
            f"{_version(later, 'Later version', '›')}</span>"
        )
    return (
        f'<p class="asked">{escape(question)}</p><div class="actions">{versions}'
        f'<button type="button" data-act="edit" data-key="{escape(key)}">Edit</button>'
        f'<button type="button" data-act="again" data-key="{escape(key)}">Ask again</button></div>'
    )


def _version(key: str, label: str, sign: str) -> str:
    able = f'data-key="{escape(key)}"' if key else "disabled"
    return f'<button type="button" data-act="version" {able} aria-label="{label}">{sign}</button>'


def sentence_html(sentence: Record, citations: Mapping[int, Record]) -> str:
    """A sentence with its citation markers, which are buttons that open the cited words. One that the reader
    has to check also has a sign that says so.
    """
    lead = f"<em>{escape(sentence['lead'])}</em> " if sentence["lead"] else ""
    support = Support(sentence["support"])
    # A citation may be shared by sentences in different states, so a marker has that of its sentence.
    marks = "".join(_marker(citations[number], support) for number in sentence["citations"])
    text = f'<span class="said">{escape(sentence["text"])}</span>'
    sign = _SIGN if support is Support.CHECK else ""
    return f'<span class="sentence {_css(support)}">{lead}{text}{sign} {marks}</span>'


def sentences_html(sentences: Sequence[Record], citations: Mapping[int, Record]) -> str:
    """The sentences of an answer, laid out as the model laid them out. Nothing of them becomes markup."""
    blocks = shown_blocks(sentences)
    if not is_laid_out(blocks):
        text = " ".join(_part_html(part, citations) for block in blocks for part in block.parts)
        return f'<p class="answer">{text}</p>'
    made: list[str] = []
    lists: list[str] = []  # the tags of the lists that are open, each with an item

    def close(depth: int) -> None:
        while len(lists) > depth:
            made.append(f"</li></{lists.pop()}>")

    for block in blocks:
        text = " ".join(_part_html(part, citations) for part in block.parts)
        if block.kind is BlockKind.ITEM:
            tag = "ul" if block.number is None else "ol"
            close(block.depth)
            if len(lists) == block.depth:
                if lists[-1] == tag:
                    made.append("</li>")
                else:
                    close(block.depth - 1)
            if len(lists) < block.depth:
                lists.append(tag)
                made.append(f"<{tag}>")
            made.append("<li>" if block.number is None else f'<li value="{int(block.number)}">')
            made.append(text)
            continue
        close(block.depth if block.kind is not BlockKind.HEADING else 0)
        if block.kind is BlockKind.HEADING:
            made.append(f'<p class="heading" role="heading" aria-level="4">{text}</p>')
        elif block.kind is BlockKind.CELL:
            made.append(_table(block, citations))
        else:
            tag = {BlockKind.QUOTE: "blockquote", BlockKind.CODE: "pre"}.get(
                block.kind or BlockKind.PARAGRAPH, "p"
            )
            made.append(f"<{tag}>{text}</{tag}>")
    close(0)
    return f'<div class="answer">{"".join(made)}</div>'


def _part_html(part: Part, citations: Mapping[int, Record]) -> str:
    if part.sentence is None:
        return f'<span class="line">{escape(part.line)}</span>'
    return sentence_html(part.sentence, citations)


def _table(block: Shown, citations: Mapping[int, Record]) -> str:
    head, *rows = [
        [" ".join(_part_html(part, citations) for part in cell) for cell in row] for row in table_rows(block)
    ]
    header = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return f'<div class="wide"><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>'


# A screen reader says the words. The sign itself is in the style sheet, so that copied text does not have it.
_SIGN = (
    f' <span class="sign" role="img" title="{support_text(Support.CHECK)}" '
    f'aria-label="{support_text(Support.CHECK)}"></span>'
)


def _css(support: Support) -> str:
    """The CSS class of a state."""
    return support.name.lower()


def _marker(citation: Record, support: Support | None = None) -> str:
    """The button that opens a citation's words. `support` is the state of the sentence that it stands at;
    elsewhere it is the citation's own.
    """
    number, state = citation["number"], support or Support(citation["support"])
    words = support_text(state)
    return (
        f'<button type="button" class="cite {_css(state)}" {_place(citation)} data-number="{number}" '
        f'data-quote="{escape(_flat(citation["quote"]))}" '
        f'data-from="{escape(citation["article"]["byline"])}" '
        f'data-support="{words}" aria-label="Citation {number}, {words}: open the article at these words">'
        f"[{number}]</button>"
    )


def _place(found: Record) -> str:
    """The data attributes that identify the words to open."""
    return " ".join(f'data-{name}="{escape(str(value))}"' for name, value in place(found).items())


def place(found: Record) -> dict[str, Any]:
    """Where the words of a citation or passage are: the article, its version, their offsets and their digest.

    By the digest the same words are found where the article has changed since.
    """
    article, words = found["article"], found.get("quote") or found["text"]
    return {
        "article": article["id"], "version": article["version"], "start": found["start"], "end": found["end"],
        "words": digest(words),
    }  # fmt: skip


def digest(words: str) -> str:
    """The first twelve hex digits of the SHA-256 of some words."""
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def permalink(found: Record, collection: str) -> str:
    """The URL, relative to the page, that opens the article at the same words."""
    return f"?{urlencode({'collection': collection, **place(found)})}"


def answer_html(
    found: Record, asked: str, key: str = "", verdict: str = "", *, given_here: bool = True
) -> str:
    """An answer with its conflicts, footnotes, timeline and buttons; or the reason why there is none, with
    the closest passages. `verdict` is the user's rating so far. Imported answers (not `given_here`) cannot be
    rated.
    """
    parts: list[str] = []
    if found["question"] != " ".join(asked.split()):
        parts.append(f'<p class="understood">Understood as: {escape(found["question"])}</p>')
    if found["filters"]:
        parts.append(f'<p class="filtered">Filters: {escape(found["filters"])}</p>')
    citations = {c["number"]: c for c in found["citations"]}
    if found["abstained"]:
        parts.append(f'<p class="abstained">{escape(found["abstained"])}</p>')
        if found["evidence"]:
            rows = (f"<li>{_passage(p)}</li>" for p in found["evidence"][:_CLOSEST_SHOWN])
            parts.append(
                f'<p class="closest">The closest passages (they do not answer it):</p>'
                f'<ul class="near">{"".join(rows)}</ul>'
            )
    else:
        parts.append(sentences_html(found["sentences"], citations))
        parts += [_conflict(conflict, citations) for conflict in found["conflicts"]]
        parts += [
            f'<p class="unanswered">The articles do not say: {escape(part)}</p>'
            for part in found["unanswered"]
        ]
        notes = "".join(_note(c, found["collection"]) for c in found["citations"])
        parts.append(f'<ol class="notes">{notes}</ol>')
        parts.append(_timeline(found))
    if counted := counts_text(record_counts(found)):
        parts.append(f'<p class="counts">{escape(counted)}</p>')
    if cost := usage_text(found["usage"], found["answerer"]):
        parts.append(f'<p class="cost">{escape(cost)}</p>')
    if found["withheld"]:
        rows = (f"<li>{escape(text)}</li>" for text in found["withheld"])
        parts.append(
            "<details><summary>Claimed by the model, but not found in the articles "
            f"({len(found['withheld'])})</summary><ul>{''.join(rows)}</ul></details>"
        )
    if found["notice"]:
        parts.append(f'<p class="notice">{escape(found["notice"])}</p>')
    parts.append(_actions(found, asked, key, verdict, given_here=given_here))
    return "".join(parts)


def _conflict(conflict: Record, citations: Mapping[int, Record]) -> str:
    """A table of what the sources disagree on, with one row per value."""
    rows = []
    for claim in conflict["claims"]:
        citation = citations[claim["number"]]
        article = citation["article"]
        rows.append(
            f'<tr><th scope="row">{escape(claim["value"])}</th>'
            f"<td>{escape(article['source'] or article['label'])}</td>"
            f"<td>{_time(article['published'])}</td><td>“{escape(_flat(citation['quote']))}” "
            f"{_marker(citation)}</td></tr>"
        )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Value", "Source", "Published", "Quote"))
    return (
        f'<div class="wide"><table class="conflict">'
        f"<caption>The sources disagree: {escape(conflict['about'])}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _time(published: str | None) -> str:
    if published is None:
        return "date unknown"
    return f'<time datetime="{published}">{day(date.fromisoformat(published))}</time>'


def _note(citation: Record, collection: str) -> str:
    state = Support(citation["support"])
    page = f' <span class="page">page {citation["page"]}</span>' if citation.get("page") else ""
    said = f'{page} <span class="dates">{escape(citation["dates"])}</span>' if citation["dates"] else page
    return (
        f'<li value="{citation["number"]}">{escape(citation["article"]["byline"])} '
        f'<span class="support {_css(state)}">{support_text(state)}</span>{said} '
        f'<a class="permalink" href="{escape(permalink(citation, collection))}">Copy link</a></li>'
    )


def _timeline(found: Record) -> str:
    """The evidence by date, undated articles last: citations with their numbers, then other passages."""
    cited = {(c["article"]["id"], c["start"], c["end"]) for c in found["citations"]}
    articles = {p["article"]["id"] for p in found["evidence"]}
    if len(articles) < 2:
        return ""
    points = [(c["article"], f"{_marker(c)} “{escape(_flat(c['quote']))}”") for c in found["citations"]]
    for passage in found["evidence"]:
        is_cited = any(
            i == passage["article"]["id"] and passage["start"] <= a < passage["end"] for i, a, _ in cited
        )
        if not is_cited:
            points.append((passage["article"], _passage(passage)))
    points.sort(key=lambda point: (point[0]["published"] is None, point[0]["published"] or ""))
    rows = "".join(
        f"<li>{_time(article['published'])}"
        f'<span class="who">{escape(article["source"] or article["label"])}</span>'
        f"<p>{shown}</p></li>"
        for article, shown in points
    )
    return (
        f'<details class="timeline"><summary>Evidence by date: {len(points)} passages from '
        f"{len(articles)} articles</summary><ol>{rows}</ol></details>"
    )


def _passage(found: Record) -> str:
    """A passage that is not cited, as a button that opens it."""
    return (
        f'<button type="button" class="cite nearest" {_place(found)} '
        f'data-quote="{escape(_flat(found["text"]))}" '
        f'data-from="{escape(found["article"]["byline"])}">{escape(found["article"]["byline"])}</button>'
        f'<span class="gist">{escape(_flat(found["text"]))}</span>'
    )


VERDICTS = {"right": "Right", "wrong": "Wrong", "missing": "Incomplete"}


def _actions(found: Record, asked: str, key: str, verdict: str, *, given_here: bool) -> str:
    text = escape(markdown([(asked, found)]))
    copy = f'<button type="button" data-act="copy" data-text="{text}">Copy with citations</button>'
    if not given_here:
        return f'<div class="actions">{copy}</div>'
    judge = "".join(
        f'<button type="button" data-act="verdict" data-key="{escape(key)}" data-verdict="{name}" '
        f'aria-pressed="{"true" if name == verdict else "false"}">{label}</button>'
        for name, label in VERDICTS.items()
    )
    hidden = "" if verdict else " hidden"
    gold = (
        f'<button type="button" data-act="gold" data-key="{escape(key)}"{hidden}>'
        f"Add to gold questions</button>"
    )
    return (
        f'<div class="actions">{copy}<span class="verdicts" role="group" aria-label="Rate this answer">'
        f"{judge}{gold}</span></div>"
    )


def _flat(text: str) -> str:
    return " ".join(text.split())


def article_parts(article: Article, facts: Headline, start: int, end: int, note: str = "") -> dict[str, str]:
    """An article split at the words to highlight, as plain strings that the page sets as text. `note` is
    shown above it.
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
