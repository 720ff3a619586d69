"""Web pages, as they are fetched or saved: the article without the page around it.

trafilatura finds the article's text; what the page says of it is read here, so that each fact knows its place. A date is
taken where the publisher states one, in the order of how plainly; the day of a change is no publication date.
"""

from __future__ import annotations

import codecs
import copy
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urljoin, urlsplit

from ingest.clean import decode, tidy
from ingest.dates import agency, dateline, day_in, day_line, read_date
from ingest.extracted import Extracted, Fact
from rag.errors import SourceError

__all__ = ["extract"]

_SNIFFED = 4096  # bytes in which a page says its encoding: four times what HTML asks for, since many pages say it later
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w-]{2,40})""", re.IGNORECASE)
_XML = re.compile(rb"""\A\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w-]{2,40})["']""", re.IGNORECASE)
_SAVED = re.compile(r"<!--\s*saved from url=\(\d+\)(https?://\S+?)\s*-->", re.IGNORECASE)
_CANONICAL = "canonical link"

# What pages call the day of publication in their meta elements, the plainest first.
_PUBLISHED = (
    "article:published_time og:article:published_time article.published datepublished publishdate publish-date publish_date "
    "publication_date publicationdate published_time pubdate parsely-pub-date sailthru.date cxenseparse:recs:publishtime "
    "citation_publication_date dc.date.issued dcterms.issued dc.date.created dcterms.created dcterms.date dc.date "
    "article_date_original original-publish-date date"
).split()
_AUTHORS = "author article:author parsely-author byl sailthru.author dc.creator dcterms.creator citation_author".split()
_OUTLETS = "og:site_name application-name dc.publisher dcterms.publisher citation_journal_title".split()
_TITLES = "og:title twitter:title dc.title dcterms.title parsely-title sailthru.title".split()
_LANGUAGES = "content-language dc.language dcterms.language og:locale".split()
_ARTICLE = re.compile(r"(?:Article|BlogPosting|Report|Review)\Z")
_APART = (" | ", " - ", " – ", " — ", " :: ", " · ", " • ", " » ", " // ")  # between a title and the outlet's name
_ASIDE = re.compile(
    r"\b(?:related|recommend\w*|comments?|promo\w*|most-?(?:read|popular)|trending|newsletter|sidebar|more-?(?:on|from|stories)"
    r"|read-?(?:more|next|also)|teaser-list|outbrain|taboola|widget|(?<!post-)(?<!entry-)(?<!article-)footer|nav|menu|cookie\w*|consent)\b",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"byline|dateline|pub(?:lish|date)|posted|timestamp|article-?(?:date|meta|info)|entry-?(?:date|meta)|\bdate\b|\bmeta\b",
    re.I,
)
_BYLINE = re.compile(r"byline|author|writer", re.IGNORECASE)
_CHANGED = re.compile(
    r"\b(?:updated|modified|revised|last\s+(?:update|changed|edited)|aktualisiert|mis\s+à\s+jour|actualizado|aggiornat[oa])\b",
    re.IGNORECASE,
)
_IN_ADDRESS = re.compile(
    r"/((?:19|20)\d{2})[/-](\d{1,2})[/-](\d{1,2})(?:[/-]|\Z)|[/-]((?:19|20)\d{2})(\d{2})(\d{2})(?:[/-]|\Z)", re.ASCII
)
_BY_SOMEWHERE = re.compile(
    r"(?:\A|[–—|·•,]\s*|\A(?:posted|published)\b.{0,40}?)\b(?:by|von|par|por|di|av|door)\b:?\s+(?=[^\W\d_])", re.IGNORECASE
)
_BY = re.compile(r"\A(?:(?:written|reported|posted|story|words)\s+)?(?:by|von|par|por|di|av|door)\b:?\s+", re.IGNORECASE)
_HOST = re.compile(r"\S+\.\S{2,}")
_STANDFIRST = re.compile(
    r"standfirst|subtitle|sub-?head|\b(?:description|summary|dek|deck|lede|lead|intro|excerpt|teaser|sottotitolo|occhiello|chapo"
    r"|vorspann|alternativeheadline)\b",
    re.IGNORECASE,
)
_HEADINGS = ("h2", "h3", "h4", "h5", "h6")
_BLOCKS = frozenset(
    "address article aside blockquote body br center dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 "
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
    | this\s+(?:article|content|story)\s+is\s+(?:only\s+)?(?:for|available\s+to)\s+(?:our\s+)?(?:subscribers|members)\b .{0,120}
    | (?:get\s+)?unlimited\s+(?:digital\s+)?access\b .{0,80}
    ) \Z"""
)
# Lines that are the page's own even inside an article. Only whole short lines: a sentence may begin with any of these words.
_FURNITURE = re.compile(
    r"""(?ix) \A [^\w"“„«]{0,4} (?:
      (?:read|see|related|also|more|further)\s*
        (?:more|also|next|on\s+this|stories|articles|coverage|reading|content)?\s*[:–—|»>] .{0,200}
    | (?:ALSO\s+READ|READ\s+(?:ALSO|MORE|NEXT)|MORE:) .{0,200}
    | (?:read|see)\s+(?:more|also|next|full\s+story|the\s+full\s+story)\b .{0,60}
    | (?:related|recommended|more\s+from|most\s+read|most\s+popular|trending|don['’]t\s+miss|you\s+may\s+(?:also\s+)?like)
        \b .{0,60}
    | (?:advertisement|advertising|sponsored|promoted|story\s+continues\s+below(?:\s+advertisement)?
        |article\s+continues\s+(?:below|after).{0,40})
    | (?:share|tweet|email|print|save|comments?|copy\s+link|follow\s+us|subscribe|sign\s+in|log\s+in|register)
        (?:\s*(?:this|on|to|via|by|now|today|here|article|story|page|post|link|facebook|twitter|x|whatsapp|linkedin|[|/·,&]|and
        |for\s+free))*
    | (?:sign\s+up|subscribe|register)\s+(?:for|to|here|now|today)\b .{0,160}
    | (?:photo(?:graph)?s?|image|picture|video|credit|caption|illustration|foto|bild)\s*(?:credit|by)?\s*[:/] .{0,200}
    | (?:we\s+use|this\s+(?:web)?site\s+uses)\s+cookies .{0,300}
    | (?:accept|reject)\s+(?:all|cookies) .{0,60}
    | (?:printer[\s-]friendly|print)\s+version | add\s+to\s+favou?rites .{0,20}
    | next\s+(?:page|article|story) | previous\s+(?:page|article)
    | (?:back|return)\s+to\s+(?:index|top|home|list|news|all\s+\w+)
    | (?:total\s+)?visitors:?\s*\d+ | best\s+viewed\s+(?:in|with|at)\b .{0,60}
    | (?:sign|view)\s+our\s+guestbook | web\s?master .{0,40} | report\s+(?:an?\s+)?(?:error|problem|typo)\b .{0,40}
    | our\s+standards:? .{0,80} | for\s+(?:redistribution|reprint|licens)\w*\s+rights\b .{0,120} | last\s+updated:? .{0,40}
    | (?:story|article)\s+continues\s+(?:below|after)\b .{0,60}
    | you\s+have\s+(?:read|used)\b .{0,40} free\s+(?:articles|stories) .{0,40}
    | (?:click|tap)\b .{0,30} \bto\s+(?:enlarge|expand|zoom|play|view)\b .{0,30}
    | the\s+post\b .{1,200} \bappeared\s+first\s+on\b .{1,80}
    | (?:impressum|agb|datenschutz)(?:\s*[|·]\s*\w+)*
    | (?:skip|jump|back|go)\s+to\s+(?:the\s+)?(?:main\s+)?(?:content|top|homepage|navigation|comments) .{0,20}
    | (?:lesen\s+sie\s+auch|mehr\s+zum\s+thema|(?:à\s+)?lire\s+aussi|lea?e?r?\s+también|leggi\s+anche)\b .{0,200}
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
    page = _Page(tree, text, url, spots)
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


def _require_article(tree: Any, blocks: Sequence[str], page: _Page) -> None:
    """Raise `SourceError` for a page that is something else: a list of links, a video, a sign-in, an error."""
    words = sum(len(block.split()) for block in blocks)
    told = any(_SENTENCE.search(block) for block in blocks)
    titles = " ".join(str(fact.value) for fact in page.titles)
    other = bool(tree.xpath("//input[@type='password']")) or bool(_NO_ARTICLE.search(titles))
    if not told or (other and words < _FEW):
        raise SourceError(
            "no article's text was found on the page: it may be a list of links, a video, a sign-in page or an error. "
            "Save the article itself, or put its text into a .txt file"
        )


def _decoded(data: bytes, charset: str | None) -> tuple[str, tuple[str, ...]]:
    """The page's characters. A byte-order mark decides, then the server, then the page, as in HTML's own rules; what they
    say is believed as long as the bytes fit."""
    stated = [charset] if charset else []
    if not data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = data[:_SNIFFED]
        stated += [m.group(1).decode("ascii") for pattern in (_XML, _CHARSET) if (m := pattern.search(head))]
        for name in stated:
            # Browsers read these names as Windows-1252, and so do those who write them.
            named = "cp1252" if name.lower() in ("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii") else name
            try:
                return data.decode(codecs.lookup(named).name), ()
            except (LookupError, ValueError):  # Python has codecs of other kinds, and "undefined" raises what it likes
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
    except (etree.LxmlError, ValueError, AssertionError) as exc:  # it raises the last for a document of comments only
        raise SourceError(f"it is not a web page that can be read ({_short(exc)}). Save the article as text") from exc
    return tree


def _short(exc: BaseException) -> str:
    return next(iter(str(exc).splitlines()), "") or type(exc).__name__


# The text


def _blocks(tree: Any, spots: Sequence[tuple[Any, str]], title: str | None) -> tuple[list[str], bool]:
    """The article's paragraphs, headings, lists and tables, in order; and whether the page says that there is more for those
    who sign in. `spots` are all words of the page, by which headings that were lost are put back."""
    from trafilatura import bare_extraction

    found: Any = bare_extraction(copy.deepcopy(tree), include_comments=False, include_tables=True, with_metadata=False)
    if found is None or found.body is None:
        return [], False
    rendered = list(_rendered(found.body))
    if rendered and "\n" in rendered[0]:  # a page with few words comes as one paragraph of lines, its title among them
        rendered = [*rendered[0].split("\n"), *rendered[1:]] if len(rendered) == 1 else rendered
    named = [at for at, block in enumerate(rendered[:_HEAD]) if title and _same(block, title)]
    if named and named[-1] + 1 < len(rendered):  # what stands before the title is the page's
        rendered = rendered[named[-1] + 1 :]
    cut = any(_CUT.match(line.removeprefix("- ")) for block in rendered for line in block.split("\n"))
    rendered = _restored(_without_ends(rendered), spots, title)
    blocks: list[str] = []
    told: set[str] = set()
    for whole in rendered:
        lines = whole.split("\n")
        ours = [line for line in lines if not any(mark.match(line.removeprefix("- ")) for mark in (_FURNITURE, _CUT))]
        if not (block := "\n".join(ours)):
            continue
        if block in told and len(block) > 20:  # a pull quote, or a page that holds its text twice
            continue
        told.add(block)
        blocks.append(block)
    return blocks, cut


def _without_ends(blocks: list[str]) -> list[str]:
    """The blocks from the first to the last that says something: a short line before or after, or a row of cells, is no
    sentence of the article, and no heading without a text under it."""

    def says(block: str) -> bool:
        return bool(_SENTENCE.search(block)) or "\n" in block or len(block) > 100

    saying = [n for n, block in enumerate(blocks) if says(block)]
    return blocks[saying[0] : saying[-1] + 1] if saying else blocks


def _restored(blocks: list[str], spots: Sequence[tuple[Any, str]], title: str | None) -> list[str]:
    """The blocks with the headings between them, and the sentences between the title and the first of them, which count as
    furniture to trafilatura where they are short."""
    at = {line.removeprefix("- "): n for n, block in reversed(list(enumerate(blocks))) for line in block.split("\n")}
    before: dict[int, list[str]] = {}
    begun = False
    for n, (element, words) in enumerate(spots):
        if title and _same(words, title):
            begun = True
        if words in at or _aside(element):
            continue
        heading = any(around.tag in _HEADINGS for around in (element, *element.iterancestors()))
        standfirst = begun and len(words) >= 40 and (bool(_SENTENCE.search(words)) or _is_standfirst(element))
        # Between a standfirst and the text stand a byline, a date and buttons.
        following = next((at[later] for _, later in spots[n + 1 : n + (15 if standfirst else 3)] if later in at), None)
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
    """The words of a page in order, parted where a browser begins a new line, each with the element they stand in."""
    spots: list[tuple[Any, str]] = []
    parts: list[str] = []
    inside: list[Any] = [None]

    def end() -> None:
        if words := _flat("".join(parts)):
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


def _same(one: str, other: str) -> bool:
    return _flat(one).casefold() == _flat(other).casefold()


def _unname_around_titles(tree: Any) -> None:
    """Take the names off what the article's heading stands in: a page with a sidebar is often called "with-sidebar" as a whole,
    and a blog's posts lie in a "widget". What holds the heading is not beside the article."""
    title = _flat("".join(tree.xpath("string((//head/title | //title)[1])"))).casefold()
    for heading in tree.xpath("//h1 | //h2 | //h3"):
        words = _flat("".join(heading.itertext())).casefold()
        if heading.tag == "h1" or (len(words) > 10 and words in title):
            for around in heading.iterancestors():
                for name in ("class", "id"):
                    around.attrib.pop(name, None)


def _strip(body: Any) -> None:
    """Take out what no browser shows as part of an article."""
    hidden = (
        "//script | //style | //template | //noscript | //figcaption | //form | //*[@hidden] | //*[@aria-hidden='true']"
        " | //*[contains(translate(@style, ' ', ''), 'display:none')]"
        " | //*[contains(translate(@style, ' ', ''), 'visibility:hidden')]"
    )
    for element in body.xpath(hidden):
        if element.getparent() is not None and element.tag not in ("html", "body"):
            element.drop_tree()
    _unwrap_layouts(body)


def _unwrap_layouts(body: Any) -> None:
    """Make blocks of the cells of tables that hold a page in its place: with another table in them, or with a whole text."""
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
            items = [_flat("".join(item.itertext())) for item in element.iter("item")]
            yield "\n".join(f"{f'{n}.' if numbered else '-'} {item}" for n, item in enumerate((i for i in items if i), 1))
        elif element.tag == "table":
            rows = ([_flat("".join(cell.itertext())) for cell in row.iter("cell")] for row in element.iter("row"))
            yield "\n".join(" | ".join(row) for row in rows if any(row))
        elif element.tag in ("quote", "div") and len(element):
            if element.text and element.text.strip():
                yield _flat(element.text)
            yield from _rendered(element)
        else:
            whole = "\n".join(_flat(line) for line in _with_breaks(element).split("\n"))
            if whole.strip():
                yield whole.strip()
        if element.tail and element.tail.strip():
            yield _flat(element.tail)


def _with_breaks(element: Any) -> str:
    """An element's words, with its line breaks."""
    parts = [element.text or ""]
    for inner in element:
        parts.append("\n" if inner.tag == "lb" else _with_breaks(inner))
        parts.append(inner.tail or "")
    return "".join(parts)


def _flat(text: str) -> str:
    return " ".join(text.split())


# The facts


class _Page:
    """A page and what it says of its article."""

    def __init__(self, tree: Any, text: str, url: str | None, spots: Sequence[tuple[Any, str]]) -> None:
        self.tree, self.text, self.given, self.spots = tree, text, url, spots
        self.metas = dict(self._metas())
        self.url = self._url()
        self.parted = self._parted()
        self.titles = self._titles()
        self.items = list(_items(tree))
        self.names = dict(_names(tree))
        self.item = self._own_item()

    def facts(self) -> dict[str, Fact]:
        outlet = self._outlet()
        found = {
            "url": self.url,
            "title": self._title(outlet),
            "author": self._author(outlet),
            "source": outlet,
            "published": self._published(),
            "language": self._language(),
        }
        # A character reference, an escape in JSON or a wrong encoding makes control characters.
        clean = {
            name: fact if isinstance(fact.value, date) else Fact(_flat(tidy(fact.value)), fact.place)
            for name, fact in found.items()
            if fact
        }
        return {name: fact for name, fact in clean.items() if fact.value}

    def _metas(self) -> Iterator[tuple[str, str]]:
        for meta in reversed(self.tree.xpath("//meta[@content]")):  # the first of a name counts
            name = meta.get("property") or meta.get("name") or meta.get("itemprop") or meta.get("http-equiv")
            if name and (content := _flat(meta.get("content"))):
                yield name.strip().lower(), content

    def _url(self) -> Fact | None:
        for path, place in (
            ("//link[translate(@rel, 'CANONIL', 'canonil')='canonical']/@href", _CANONICAL),
            ("//meta[@property='og:url']/@content", "meta og:url"),
        ):
            for stated in self.tree.xpath(path):
                if address := self._address(stated):
                    return Fact(address, place)
        if match := _SAVED.search(self.text[:_SNIFFED]):
            return Fact(match.group(1), "the address it was saved from")
        if self.given:
            return Fact(self.given, "its address")
        items = list(_items(self.tree))
        stated = {address for item in items[:1] for address in _addresses(item) if self._address(address)}
        return Fact(stated.pop(), "JSON-LD url") if len(items) == 1 and len(stated) == 1 else None

    def _address(self, stated: str) -> str | None:
        try:
            address = urljoin(self.given or "", stated.strip())
            parts = urlsplit(address)
        except ValueError:
            return None
        fits = parts.scheme in ("http", "https") and parts.hostname and not re.search(r"\s", address)
        # A front page's address on every article is a mistake of some publishers; it names no article.
        bare = parts.path in ("", "/") and not parts.query
        return address if fits and not (bare and (self.given is None or urlsplit(self.given).path not in ("", "/"))) else None

    def _page_title(self) -> str:
        titles = self.tree.xpath("//head/title | //title")
        return _flat("".join(titles[0].itertext())) if titles else ""

    def _parted(self) -> tuple[str, str] | None:
        """The page's title as the article's and the outlet's, where one of its parts stands on the page by itself and the
        other is at its end or its beginning."""
        stated = self._page_title()
        there = {words.casefold() for element, words in self.spots if len(words) <= len(stated)}
        for mark in (*_APART, ": "):
            parts = stated.split(mark)
            if len(parts) < 2:
                continue
            first, last = parts[0], parts[-1]
            site = urlsplit(str(self.url.value)).hostname if self.url else None
            headed = first.casefold() in self._headings("//h1") and last.casefold() in self._headings("//h2 | //h3")
            ends = last.casefold() in there and (first.casefold() not in there or _named(first, site) or headed)
            if ends or mark == ": ":
                if ends:
                    return last, first
            elif first.casefold() in there:
                return first, last
        return None

    def _headings(self, path: str) -> set[str]:
        return {_flat("".join(heading.itertext())).casefold() for heading in self.tree.xpath(path)}

    def _titles(self) -> list[Fact]:
        """What may be the title, the plainest first."""
        found = [Fact(self.metas[name], f"meta {name}") for name in _TITLES if name in self.metas]
        headings = [_flat("".join(h.itertext())) for h in self.tree.xpath("//h1") if not _aside(h)]
        outlet = self.parted[1] if self.parted else ""
        if len(headings) == 1 and headings[0] and not _same(headings[0], outlet):
            found.insert(0, Fact(headings[0], "heading"))
        found += [Fact(self.parted[0], "page title")] if self.parted else []
        return found + ([Fact(stated, "page title")] if (stated := self._page_title()) else [])

    def _own_item(self) -> Mapping[str, Any]:
        """The JSON-LD object of the page's article: the one with its address or its title, else the only one."""
        address = _bare(str(self.url.value)) if self.url else None
        titles = {str(fact.value).casefold() for fact in self.titles}
        for item in self.items:
            if address and address in {_bare(a) for a in _addresses(item)}:
                return item
        for item in self.items:
            headline = _words(item.get("headline") or item.get("name"))
            if headline and any(title.startswith(headline.casefold()) for title in titles):
                return item
        # A lone one may be of a story that is promoted: then it says that it lies elsewhere.
        lone = self.items[0] if len(self.items) == 1 else {}
        return {} if address and any(_bare(stated) != address for stated in _addresses(lone) if self._address(stated)) else lone

    def _title(self, outlet: Fact | None) -> Fact | None:
        found = list(self.titles)
        if headline := _words(self.item.get("headline")):
            found.insert(0 if not found or found[0].place != "heading" else 1, Fact(headline, "JSON-LD headline"))
        for fact in found:
            if title := _without_outlet(str(fact.value), str(outlet.value) if outlet else None, self.titles):
                return Fact(title[:_LONGEST_TITLE], fact.place)
        return None

    def _author(self, outlet: Fact | None) -> Fact | None:
        names = [name for part in _listed(self.item.get("author")) if (name := self._called(part))]
        candidates = [Fact(", ".join(dict.fromkeys(names)), "JSON-LD author")] if names else []
        candidates += [Fact(self.metas[name], f"meta {name}") for name in _AUTHORS if name in self.metas]
        marked = self.tree.xpath("//*[@itemprop='author'] | //*[contains(concat(' ', @rel, ' '), ' author ')]")
        candidates += [Fact(_flat("".join(e.itertext())), "author's mark") for e in marked if not _aside(e)]
        candidates += [Fact(words, "byline") for words in self._marked(_BYLINE) if _BY.match(words) or len(words) < 60]
        candidates += [Fact(words[m.end() :], "byline") for words in self._under_title() if (m := _BY_SOMEWHERE.search(words))]
        for fact in candidates:
            author = _name(str(fact.value))
            if author and (outlet is None or not _same(author, str(outlet.value))):
                return Fact(author, fact.place)
        return None

    def _outlet(self) -> Fact | None:
        for name in _OUTLETS:
            # An address is no name, with or without its beginning.
            if name in self.metas and not _HOST.fullmatch(self.metas[name]):
                return Fact(self.metas[name], f"meta {name}")
        for part in _listed(self.item.get("publisher")):
            if name := self._called(part):
                return Fact(name, "JSON-LD publisher")
        if self.parted:
            return Fact(self.parted[1], "page title")
        host = urlsplit(str(self.url.value)).hostname if self.url else None
        return Fact(host.removeprefix("www.").removeprefix("m.").removeprefix("amp."), "its address") if host else None

    def _called(self, part: Any) -> str:
        """The name of somebody in JSON-LD, who may be described elsewhere on the page."""
        if not isinstance(part, Mapping):
            return _words(part)
        return _words(part.get("name")) or self.names.get(str(part.get("@id")), "")

    def _language(self) -> Fact | None:
        declared = [(value, "html lang") for value in self.tree.xpath("/html/@lang | /html/@*[local-name()='lang']")]
        declared += [(self.metas[name], f"meta {name}") for name in _LANGUAGES if name in self.metas]
        declared += [(str(self.item.get("inLanguage") or ""), "JSON-LD inLanguage")]
        for spoken, place in declared:
            if re.fullmatch(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*", spoken.strip()):
                return Fact(spoken.strip().replace("_", "-"), place)
        return None

    def _published(self) -> Fact | None:
        stated = [(str(self.item.get(name) or ""), f"JSON-LD {name}") for name in ("datePublished", "dateCreated")]
        stated += [(self.metas[name], f"meta {name}") for name in _PUBLISHED if name in self.metas]
        marked = self.tree.xpath("//*[@itemprop='datePublished'] | //time[@pubdate]")
        stated += [
            (e.get("content") or e.get("datetime") or _flat("".join(e.itertext())), "datePublished mark")
            for e in marked
            if not _aside(e)
        ]
        for words, place in stated:
            if day := read_date(words):
                return Fact(day, place)
        return self._timed() or self._in_byline() or self._in_address()

    def _timed(self) -> Fact | None:
        """The day of the time elements that belong to the article, if it is one day."""
        times = [t for t in self.tree.xpath("//time[@datetime]") if not _aside(t) and not _is_of_a_change(t)]
        days = {day for t in times if (day := read_date(t.get("datetime")))}
        return Fact(days.pop(), "time element") if len(days) == 1 else None

    def _in_byline(self) -> Fact | None:
        for words in self._marked(_DATED):
            said = _CHANGED.split(words)[0]
            if day := day_in(said):
                return Fact(day, "byline")
        for words in self._under_title():
            if day := day_line(_CHANGED.split(words)[0]):
                return Fact(day, "byline")
        at = self._at_title()
        for _, words in self.spots[max(0, at - 3) : at]:
            if day := read_date(words):
                return Fact(day, "above the title")
        return None

    def _at_title(self) -> int:
        """Where in `spots` the title stands; 0 where it does not."""
        titles = {str(fact.value).casefold() for fact in self.titles[:3]}
        return next(
            (n for n, (element, words) in enumerate(self.spots) if words.casefold() in titles and not _aside(element)), 0
        )

    def _under_title(self) -> Iterator[str]:
        """The short lines between the title and the text."""
        at = self._at_title()
        for element, words in self.spots[at + 1 : at + 8] if at or self.spots else ():
            if len(words) > 160 or (len(words) > 80 and words.endswith((".", "!", "?"))):
                return
            if not _aside(element):
                yield words

    def _in_address(self) -> Fact | None:
        match = _IN_ADDRESS.search(urlsplit(str(self.url.value)).path) if self.url else None
        if match and (day := read_date("-".join(part.zfill(2) for part in match.groups() if part))):
            return Fact(day, "its address")
        return None

    def _marked(self, pattern: re.Pattern[str]) -> Iterator[str]:
        """The words of the short elements that the page's own names mark as what is looked for, the inmost first."""
        for element in self.tree.xpath("//body//*[@class or @id or @data-testid]"):
            names = " ".join(element.get(name) or "" for name in ("class", "id", "data-testid"))
            if pattern.search(names) and not _aside(element):
                words = _flat(" ".join(element.itertext()))
                if 3 < len(words) <= 200:
                    yield words


_LONGEST_TITLE = 1_000


def _items(tree: Any) -> Iterator[Mapping[str, Any]]:
    """The articles among the page's JSON-LD objects; not those that stand in lists or are only mentioned."""
    for item in _objects(tree):
        if _is_article(item):
            yield item
        elif isinstance(inner := item.get("mainEntity"), Mapping) and _is_article(inner):
            yield inner


def _names(tree: Any) -> Iterator[tuple[str, str]]:
    """What the page's JSON-LD objects are called, by the address that others refer to them by."""
    for item in _objects(tree):
        if isinstance(item.get("@id"), str) and (name := _words(item.get("name"))):
            yield item["@id"], name


def _objects(tree: Any) -> Iterator[Mapping[str, Any]]:
    for script in tree.xpath("//script[contains(@type, 'ld+json')]"):
        source = "".join(script.itertext()).strip().removeprefix("<!--").removesuffix("-->").strip()
        source = re.sub(r"\A(?://\s*)?<!\[CDATA\[|(?://\s*)?\]\]>\Z", "", source).strip()
        for part in _listed(_json(source)):
            for item in [part, *_listed(part.get("@graph"))] if isinstance(part, Mapping) else ():
                if isinstance(item, Mapping):
                    yield item


def _is_article(item: Any) -> bool:
    return isinstance(item, Mapping) and any(_ARTICLE.search(str(kind)) for kind in _listed(item.get("@type")))


def _json(source: str) -> Any:
    """The object, or `None`; commas too many and line breaks in strings, which publishers write, are put up with."""
    try:
        return json.loads(source, strict=False)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(re.sub(r",(\s*[}\]])", r"\1", source).rstrip("; \n"), strict=False)
    except (ValueError, RecursionError):
        return None


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _words(value: Any) -> str:
    """A string of JSON-LD as text: publishers put entities and tags into it."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, str):
        return ""
    import html

    return _flat(re.sub(r"<[^<>]{1,200}>", " ", html.unescape(value)))


def _addresses(item: Mapping[str, Any]) -> Iterator[str]:
    for name in ("url", "@id", "mainEntityOfPage"):
        for part in _listed(item.get(name)):
            address = part.get("@id") or part.get("url") if isinstance(part, Mapping) else part
            if isinstance(address, str):
                yield address


def _bare(address: str) -> str:
    """An address without what differs between two spellings of it."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    return f"{(parts.hostname or '').removeprefix('www.')}{parts.path.rstrip('/')}?{parts.query}"


def _aside(element: Any) -> bool:
    """Whether an element stands in a part of the page that is not its article."""
    for around in (element, *element.iterancestors()):
        if around.tag in ("aside", "nav", "footer"):
            return True
        if around.tag not in ("html", "body") and _ASIDE.search(
            f"{around.get('class') or ''} {around.get('id') or ''}".replace("_", "-")
        ):
            return True
    return False


def _is_of_a_change(element: Any) -> bool:
    """Whether the words at a time say that something was changed then."""
    around = element.getparent()
    before = element.getprevious()
    said = [element.get("class"), element.get("itemprop"), "".join(element.itertext())]
    said += [
        before.tail or "".join(before.itertext())
        if before is not None and isinstance(before.tag, str)
        else around.text
        if around is not None
        else None
    ]
    if around is not None and len("".join(around.itertext())) < 60:
        said += [around.get("class"), "".join(around.itertext())]
    return any(_CHANGED.search(words.replace("Modified", " modified")) for words in said if words)


def _without_outlet(title: str, outlet: str | None, all_of_them: Iterable[Fact]) -> str:
    """A title less the outlet's name at its end or beginning: told by the name itself, or by another of the page's titles
    that is the same without it."""
    others = {str(fact.value).casefold() for fact in all_of_them}
    for mark in _APART:
        head, found, tail = title.rpartition(mark)
        if found and (head.casefold() in others or _named(tail, outlet)):
            return _without_outlet(head, outlet, ())
        head, found, tail = title.partition(mark)
        if found and (tail.casefold() in others or _named(head, outlet)):
            return tail
    return title


def _named(words: str, outlet: str | None) -> bool:
    """Whether words are an outlet's name, or begin its address: "The Harbor Courier" and harborcourier.example. The beginning
    of a name is not enough: "China - a forecast" in the China Daily."""
    if not outlet:
        return False
    ours, theirs = (re.sub(r"\W", "", name.casefold().removeprefix("www.")).removeprefix("the") for name in (words, outlet))
    return bool(ours) and (ours == theirs or (_HOST.fullmatch(outlet) is not None and theirs.startswith(ours)))


def _name(stated: str) -> str | None:
    """Who wrote it, of what stands in a byline; `None` for addresses and for what is no name."""
    if stated.startswith(("http://", "https://", "@")):
        return None
    words = re.sub(r"\A[^\W\d_]{3,12}:\s+", "", _BY.sub("", stated))  # "Text: Ana Torell"
    # "By Ana Torell, 14 March 2023" and "Ana Torell | Correspondent": the name comes first.
    words = re.split(r"\s+[|•·–—]\s+|\s{2,}|,?\s*(?:\b(?:[Oo]n|[Pp]ublished|[Uu]pdated|[Pp]osted)\b|\d)", words, maxsplit=1)[
        0
    ].strip(" ,;:|-–—")
    words = re.sub(
        r",?\s+(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?\Z|,?\s+(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*\.?\Z",
        "",
        words,
    )
    if not words or words[0].islower() or len(words) > 200 or "@" in words or not re.search(r"[^\W\d_]{2}", words):
        return None
    return words
