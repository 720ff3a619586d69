"""Web pages, as they are fetched or saved: the article without the page around it.

trafilatura finds the article's text; what the page says of it is read by `ingest.formats.metadata`.
"""

from __future__ import annotations

import codecs
import copy
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ingest.formats.clean import decode, tidy
from ingest.formats.dates import agency, dateline
from ingest.formats.extracted import Extracted, Fact
from ingest.formats.metadata import PageMetadata, Spots, flat, is_aside, same_words
from rag.errors import SourceError

__all__ = ["extract"]

# bytes in which a page says its encoding: four times what HTML asks for, since many pages say it later
_SNIFFED = 4096
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w-]{2,40})""", re.IGNORECASE)
_XML = re.compile(rb"""\A\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w-]{2,40})["']""", re.IGNORECASE)
_STANDFIRST = re.compile(
    r"standfirst|subtitle|sub-?head|\b(?:description|summary|dek|deck|lede|lead|intro|excerpt|teaser|sottotitolo|occhiello|chapo"
    r"|vorspann|alternativeheadline)\b",
    re.IGNORECASE,
)
_HEADINGS = ("h2", "h3", "h4", "h5", "h6")
_BLOCKS = frozenset(
    "address article aside blockquote body br center dd details div dl dt fieldset figure footer form h1 h2 "
    "h3 h4 h5 h6 "
    "header hr li main nav ol option p pre section select summary table tbody td tfoot th thead tr ul".split()
)
_LONGEST_CELL = 600  # characters; a cell with more is a column of the page
_HEAD = 12  # blocks at the start of a page, among which the title stands
_SENTENCE = re.compile(r"[.!?…。！？؟۔।][\"”’»）」』)\]]*\Z")  # ends one
_FEW = 80  # words: fewer beside a password or under "Page not found" are no article
_NO_ARTICLE = re.compile(
    r"\b404\b|\bnot\s+found\b|(?:can['’]?t|cannot|couldn['’]t)\s+find|\b(?:log|sign)\s*in\b|\bnicht\s+gefunden\b|\bintrouvable\b"
    r"|\bno\s+encontrada\b|\baccess\s+denied\b|\bare\s+you\s+(?:a\s+robot|human)\b|\bjust\s+a\s+moment\b",
    re.IGNORECASE,
)
# Where a page ends an article for those who have not paid.
_CUT = re.compile(
    r"""(?ix) \A (?:
      (?:to\s+)?(?:continue|keep)\s+reading\b .{0,120}
    | already\s+(?:a\s+(?:subscriber|member)|subscribed|registered|have\s+an\s+account)\b .{0,80}
    | (?:subscribe|register|sign\s+(?:in|up)|log\s+in)\s+(?:now\s+)?(?:to|for)\s+
        (?:read|continue|unlimited|full|access|unlock)\b .{0,120}
    | this\s+(?:article|content|story)\s+is\s+(?:only\s+)?(?:for|available\s+to)\s+
        (?:our\s+)?(?:subscribers|members)\b .{0,120}
    | (?:get\s+)?unlimited\s+(?:digital\s+)?access\b .{0,80}
    ) \Z"""
)
# Lines that are the page's own even inside an article. Only whole short lines: a sentence may begin with any
# of these words.
_FURNITURE = re.compile(
    r"""(?ix) \A [^\w"“„«]{0,4} (?:
      (?:read|see|related|also|more|further)\s*
        (?:more|also|next|on\s+this|stories|articles|coverage|reading|content)?\s*[:–—|»>] .{0,200}
    | (?:ALSO\s+READ|READ\s+(?:ALSO|MORE|NEXT)|MORE:) .{0,200}
    | (?:read|see)\s+(?:more|also|next|full\s+story|the\s+full\s+story)\b .{0,60}
    | (?:related|recommended|more\s+from|most\s+read|most\s+popular|trending|don['’]t\s+miss
        |you\s+may\s+(?:also\s+)?like)
        \b .{0,60}
    | (?:advertisement|advertising|sponsored|promoted|story\s+continues\s+below(?:\s+advertisement)?
        |article\s+continues\s+(?:below|after).{0,40})
    | (?:share|tweet|email|print|save|comments?|copy\s+link|follow\s+us|subscribe|sign\s+in|log\s+in|register)
        (?:\s*(?:this|on|to|via|by|now|today|here|article|story|page|post|link|facebook|twitter|x|whatsapp|linkedin|[|/·,&]|and
        |for\s+free))*
    | (?:sign\s+up|subscribe|register)\s+(?:for|to|here|now|today)\b .{0,160}
    | (?:photo(?:graph)?s?|image|picture|video|credit|caption|illustration|foto|bild)
        \s*(?:credit|by)?\s*[:/] .{0,200}
    | (?:we\s+use|this\s+(?:web)?site\s+uses)\s+cookies .{0,300}
    | (?:accept|reject)\s+(?:all|cookies) .{0,60}
    | (?:printer[\s-]friendly|print)\s+version | add\s+to\s+favou?rites .{0,20}
    | next\s+(?:page|article|story) | previous\s+(?:page|article)
    | (?:back|return)\s+to\s+(?:index|top|home|list|news|all\s+\w+)
    | (?:total\s+)?visitors:?\s*\d+ | best\s+viewed\s+(?:in|with|at)\b .{0,60}
    | (?:sign|view)\s+our\s+guestbook | web\s?master .{0,40}
    | report\s+(?:an?\s+)?(?:error|problem|typo)\b .{0,40}
    | our\s+standards:? .{0,80} | for\s+(?:redistribution|reprint|licens)\w*\s+rights\b .{0,120}
    | last\s+updated:? .{0,40}
    | (?:story|article)\s+continues\s+(?:below|after)\b .{0,60}
    | you\s+have\s+(?:read|used)\b .{0,40} free\s+(?:articles|stories) .{0,40}
    | (?:click|tap)\b .{0,30} \bto\s+(?:enlarge|expand|zoom|play|view)\b .{0,30}
    | the\s+post\b .{1,200} \bappeared\s+first\s+on\b .{1,80}
    | (?:impressum|agb|datenschutz)(?:\s*[|·]\s*\w+)*
    | (?:skip|jump|back|go)\s+to\s+(?:the\s+)?(?:main\s+)?(?:content|top|homepage|navigation|comments) .{0,20}
    | (?:lesen\s+sie\s+auch|mehr\s+zum\s+thema|(?:à\s+)?lire\s+aussi|lea?e?r?\s+también|leggi\s+anche)
        \b .{0,200}
    ) \Z"""
)


def extract(data: bytes, *, url: str | None = None, charset: str | None = None) -> Extracted:
    """The article on a page. `url` is where it was fetched, `charset` what its server said.

    Raises `SourceError` for a page that holds no article's text, or cannot be read.
    """
    text, warnings = _decoded(data, charset)
    tree = _parsed(text)
    shown = copy.deepcopy(tree)
    _strip(shown)
    _unname_around_titles(tree)
    named = copy.deepcopy(shown)
    _unname_around_titles(named)
    spots = _spots(named)
    page = PageMetadata(tree, text, url, spots)
    facts = page.facts()
    blocks, cut = _blocks(shown, spots, str(facts["title"].value) if "title" in facts else None)
    _require_article(tree, blocks, page)
    body = tidy("\n\n".join(blocks))
    if "published" not in facts and (day := dateline(body)):
        facts["published"] = Fact(day, "dateline")
    if "source" not in facts and (name := agency(body)):
        facts["source"] = Fact(name, "dateline")
    if cut:
        warnings += ("the page shows only the beginning of the article; the rest is for those who sign in",)
    return Extracted(body, facts, (), warnings)


def _require_article(tree: Any, blocks: Sequence[str], page: PageMetadata) -> None:
    """Raise `SourceError` for a page that is no article: a list of links, a video, a sign-in, an error."""
    words = sum(len(block.split()) for block in blocks)
    has_sentence = any(_SENTENCE.search(block) for block in blocks)
    titles = " ".join(str(fact.value) for fact in page.titles)
    other = bool(tree.xpath("//input[@type='password']")) or bool(_NO_ARTICLE.search(titles))
    if not has_sentence or (other and words < _FEW):
        raise SourceError(
            "no article's text was found on the page: it may be a list of links, a video, a sign-in page or "
            "an error. "
            "Save the article itself, or put its text into a .txt file"
        )


def _decoded(data: bytes, charset: str | None) -> tuple[str, tuple[str, ...]]:
    """The page's characters. A byte-order mark decides, then the server, then the page, as in HTML's own
    rules; what they say is believed as long as the bytes fit."""
    encodings = [charset] if charset else []
    if not data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = data[:_SNIFFED]
        encodings += [
            m.group(1).decode("ascii") for pattern in (_XML, _CHARSET) if (m := pattern.search(head))
        ]
        for name in encodings:
            # Browsers read these names as Windows-1252, and so do those who write them.
            named = (
                "cp1252" if name.lower() in ("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii") else name
            )
            try:
                return data.decode(codecs.lookup(named).name), ()
            except (
                LookupError,
                ValueError,
            ):  # Python has codecs of other kinds, and "undefined" raises what it likes
                continue
    text, encoding = decode(data)
    certain = encoding.startswith("utf-")
    return text, () if certain else (
        f"it does not say its encoding and was read as {encoding}; if letters look wrong, save it as UTF-8",
    )


def _parsed(text: str) -> Any:
    from lxml import etree, html

    # Without network and entities: a page decides nothing here.
    parser = html.HTMLParser(encoding="utf-8", no_network=True, remove_pis=True, huge_tree=False)
    clean = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", " ", re.sub(r"\A\s*<\?xml[^>]*\?>", "", text))
    try:
        tree = html.document_fromstring(clean.encode("utf-8", "replace"), parser=parser)
    except (
        etree.LxmlError,
        ValueError,
        AssertionError,
    ) as exc:  # it raises the last for a document of comments only
        raise SourceError(
            f"it is not a web page that can be read ({_short(exc)}). Save the article as text"
        ) from exc
    return tree


def _short(exc: BaseException) -> str:
    return next(iter(str(exc).splitlines()), "") or type(exc).__name__


# The text


def _blocks(tree: Any, spots: Spots, title: str | None) -> tuple[list[str], bool]:
    """The article's paragraphs, headings, lists and tables, in order; and whether the page says that there is
    more for those who sign in. `spots` are all words of the page, by which headings that were lost are put
    back."""
    from trafilatura import bare_extraction

    found: Any = bare_extraction(
        copy.deepcopy(tree), include_comments=False, include_tables=True, with_metadata=False
    )
    if found is None or found.body is None:
        return [], False
    rendered = list(_rendered(found.body))
    if (
        rendered and "\n" in rendered[0]
    ):  # a page with few words comes as one paragraph of lines, its title among them
        rendered = [*rendered[0].split("\n"), *rendered[1:]] if len(rendered) == 1 else rendered
    named = [at for at, block in enumerate(rendered[:_HEAD]) if title and same_words(block, title)]
    if named and named[-1] + 1 < len(rendered):  # what stands before the title is the page's
        rendered = rendered[named[-1] + 1 :]
    cut = any(_CUT.match(line.removeprefix("- ")) for block in rendered for line in block.split("\n"))
    rendered = _restored(_without_ends(rendered), spots, title)
    blocks: list[str] = []
    seen: set[str] = set()
    for whole in rendered:
        lines = whole.split("\n")
        ours = [
            line
            for line in lines
            if not any(mark.match(line.removeprefix("- ")) for mark in (_FURNITURE, _CUT))
        ]
        if not (block := "\n".join(ours)):
            continue
        if block in seen and len(block) > 20:  # a pull quote, or a page that holds its text twice
            continue
        seen.add(block)
        blocks.append(block)
    return blocks, cut


def _without_ends(blocks: list[str]) -> list[str]:
    """The blocks from the first to the last that says something: a short line before or after, or a row of
    cells, is no sentence of the article, and no heading without a text under it."""

    def is_prose(block: str) -> bool:
        return bool(_SENTENCE.search(block)) or "\n" in block or len(block) > 100

    prose = [n for n, block in enumerate(blocks) if is_prose(block)]
    return blocks[prose[0] : prose[-1] + 1] if prose else blocks


def _restored(blocks: list[str], spots: Spots, title: str | None) -> list[str]:
    """The blocks with the headings between them, and the sentences between the title and the first of them,
    which count as furniture to trafilatura where they are short."""
    at = {
        line.removeprefix("- "): n
        for n, block in reversed(list(enumerate(blocks)))
        for line in block.split("\n")
    }
    before: dict[int, list[str]] = {}
    begun = False
    for n, (element, words) in enumerate(spots):
        if title and same_words(words, title):
            begun = True
        if words in at or is_aside(element):
            continue
        heading = any(around.tag in _HEADINGS for around in (element, *element.iterancestors()))
        standfirst = begun and len(words) >= 40 and (bool(_SENTENCE.search(words)) or _is_standfirst(element))
        # Between a standfirst and the text stand a byline, a date and buttons.
        following = next(
            (at[later] for _, later in spots[n + 1 : n + (15 if standfirst else 3)] if later in at), None
        )
        if following is not None and ((heading and following > 0) or (standfirst and following == 0)):
            before.setdefault(following, []).append(words)
    return [block for n, whole in enumerate(blocks) for block in (*before.get(n, ()), whole)]


def _is_standfirst(element: Any) -> bool:
    """Whether the page calls some words the lines under a headline."""
    around = [element, *itertools.islice(element.iterancestors(), 2)]
    names = (
        e.get(name) or ""
        for e in around
        for name in ("class", "id", "itemprop", "data-gu-name", "data-testid", "data-component")
    )
    return any(_STANDFIRST.search(name) for name in names)


def _spots(tree: Any) -> list[tuple[Any, str]]:
    """The words of a page in order, parted where a browser begins a new line, each with the element they
    stand in.
    """
    spots: list[tuple[Any, str]] = []
    parts: list[str] = []
    inside: list[Any] = [None]

    def end() -> None:
        if words := flat("".join(parts)):
            spots.append((inside[0], words))
        parts.clear()

    bodies = tree.xpath("//body")
    if not bodies:
        return []
    # Not by recursion: pages nest a thousand deep.
    todo: list[tuple[str, Any]] = [("enter", bodies[0])]
    while todo:
        step, element = todo.pop()
        if step == "text":
            if element[1].strip() and not "".join(parts).strip():
                inside[0] = element[0]
            parts.append(element[1])
            continue
        block = element.tag in _BLOCKS
        if block or step == "leave":
            end()
        if step == "leave" or not isinstance(element.tag, str):
            continue
        if block:
            todo.append(("leave", element))
        for inner in reversed(element):
            todo.append(("text", (element, inner.tail or "")))
            todo.append(("enter", inner))
        todo.append(("text", (element, element.text or "")))
    end()
    return spots


def _unname_around_titles(tree: Any) -> None:
    """Take the names off what the article's heading stands in: a page with a sidebar is often called
    "with-sidebar" as a whole, and a blog's posts lie in a "widget". What holds the heading is not beside the
    article."""
    title = flat("".join(tree.xpath("string((//head/title | //title)[1])"))).casefold()
    for heading in tree.xpath("//h1 | //h2 | //h3"):
        words = flat("".join(heading.itertext())).casefold()
        if heading.tag == "h1" or (len(words) > 10 and words in title):
            for around in heading.iterancestors():
                for name in ("class", "id"):
                    around.attrib.pop(name, None)


def _strip(body: Any) -> None:
    """Take out what no browser shows as part of an article."""
    hidden = (
        "//script | //style | //template | //noscript | //figcaption | //form | //*[@hidden] | "
        "//*[@aria-hidden='true']"
        " | //*[contains(translate(@style, ' ', ''), 'display:none')]"
        " | //*[contains(translate(@style, ' ', ''), 'visibility:hidden')]"
    )
    for element in body.xpath(hidden):
        if element.getparent() is not None and element.tag not in ("html", "body"):
            element.drop_tree()
    _unwrap_layouts(body)


def _unwrap_layouts(body: Any) -> None:
    """Make blocks of the cells of tables that hold a page in its place: with another table in them, or with a
    whole text.
    """
    for table in body.xpath("//table"):
        if table.xpath(".//table") or any(
            len("".join(cell.itertext())) > _LONGEST_CELL for cell in table.xpath("./tr/td | ./*/tr/td")
        ):
            for part in (table, *table.xpath("./tbody | ./thead | ./tr | ./*/tr | ./tr/td | ./*/tr/td")):
                part.tag = "div"


def _rendered(body: Any) -> Iterator[str]:
    for element in body:
        if not isinstance(element.tag, str):
            continue
        if element.tag == "list":
            numbered = "ol" in (element.get("rend") or "")
            items = [flat("".join(item.itertext())) for item in element.iter("item")]
            yield "\n".join(
                f"{f'{n}.' if numbered else '-'} {item}" for n, item in enumerate((i for i in items if i), 1)
            )
        elif element.tag == "table":
            rows = (
                [flat("".join(cell.itertext())) for cell in row.iter("cell")] for row in element.iter("row")
            )
            yield "\n".join(" | ".join(row) for row in rows if any(row))
        elif element.tag in ("quote", "div") and len(element):
            if element.text and element.text.strip():
                yield flat(element.text)
            yield from _rendered(element)
        else:
            whole = "\n".join(flat(line) for line in _with_breaks(element).split("\n"))
            if whole.strip():
                yield whole.strip()
        if element.tail and element.tail.strip():
            yield flat(element.tail)


def _with_breaks(element: Any) -> str:
    """An element's words, with its line breaks."""
    parts = [element.text or ""]
    for inner in element:
        parts.append("\n" if inner.tag == "lb" else _with_breaks(inner))
        parts.append(inner.tail or "")
    return "".join(parts)
