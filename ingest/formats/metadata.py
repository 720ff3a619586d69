"""What a page states of its article: address, title, author, outlet, day and language, each with the place it
stands at.

The plainest place counts. A day is taken where the publisher states one; the day of a change is no
publication date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urljoin, urlsplit

from ingest.formats.clean import tidy
from ingest.formats.dates import day_in, day_line, read_date
from ingest.formats.extracted import Fact
from ingest.formats.json_ld import addresses, articles, as_list, comparable, names, text_of
from rag.english.lexicon import MONTH_NUMBERS, SHORT_WEEKDAYS, WEEKDAYS, alternation

__all__ = ["PageMetadata", "Spots", "flat", "is_aside", "same_words"]

Spots = Sequence[tuple[Any, str]]  # the words of a page in order, each with the element they stand in
_SNIFFED = 4096  # characters at a page's beginning, where a browser says where it was saved from
_LONGEST_TITLE = 1_000
_SAVED = re.compile(r"<!--\s*saved from url=\(\d+\)(https?://\S+?)\s*-->", re.IGNORECASE)
_CANONICAL = "canonical link"

# What pages call the day of publication in their meta elements, the plainest first.
_PUBLISHED = (
    "article:published_time og:article:published_time article.published datepublished publishdate "
    "publish-date publish_date "
    "publication_date publicationdate published_time pubdate parsely-pub-date sailthru.date "
    "cxenseparse:recs:publishtime "
    "citation_publication_date dc.date.issued dcterms.issued dc.date.created dcterms.created dcterms.date "
    "dc.date "
    "article_date_original original-publish-date date"
).split()
_AUTHORS = (
    "author article:author parsely-author byl sailthru.author dc.creator dcterms.creator citation_author"
).split()
_OUTLETS = "og:site_name application-name dc.publisher dcterms.publisher citation_journal_title".split()
_TITLES = "og:title twitter:title dc.title dcterms.title parsely-title sailthru.title".split()
_LANGUAGES = "content-language dc.language dcterms.language og:locale".split()
_APART = (
    " | ",
    " - ",
    " – ",
    " — ",
    " :: ",
    " · ",
    " • ",
    " » ",
    " // ",
)  # between a title and the outlet's name
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
    r"/((?:19|20)\d{2})[/-](\d{1,2})[/-](\d{1,2})(?:[/-]|\Z)|[/-]((?:19|20)\d{2})(\d{2})(\d{2})(?:[/-]|\Z)",
    re.ASCII,
)
_BY_SOMEWHERE = re.compile(
    r"(?:\A|[–—|·•,]\s*|\A(?:posted|published)\b.{0,40}?)\b(?:by|von|par|por|di|av|door)\b:?\s+(?=[^\W\d_])",
    re.IGNORECASE,
)
_BY = re.compile(
    r"\A(?:(?:written|reported|posted|story|words)\s+)?(?:by|von|par|por|di|av|door)\b:?\s+", re.IGNORECASE
)
# A weekday or a month at the end of a byline, left of a date that was cut off before it.
_DAY_NAME = re.compile(
    rf",?\s+(?:{alternation(n.capitalize() for n in (*WEEKDAYS, *SHORT_WEEKDAYS, *MONTH_NUMBERS))})\.?\Z"
)
_HOST = re.compile(r"\S+\.\S{2,}")


def flat(text: str) -> str:
    return " ".join(text.split())


def same_words(one: str, other: str) -> bool:
    return flat(one).casefold() == flat(other).casefold()


class PageMetadata:
    """A page and what it says of its article."""

    def __init__(self, tree: Any, text: str, url: str | None, spots: Spots) -> None:
        self.tree, self.text, self.given, self.spots = tree, text, url, spots
        self.metas = dict(self._metas())
        self.url = self._url()
        self.parted = self._parted()
        self.titles = self._titles()
        self.items = list(articles(tree))
        self.names = dict(names(tree))
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
            name: fact if isinstance(fact.value, date) else Fact(flat(tidy(fact.value)), fact.place)
            for name, fact in found.items()
            if fact
        }
        return {name: fact for name, fact in clean.items() if fact.value}

    def _metas(self) -> Iterator[tuple[str, str]]:
        for meta in reversed(self.tree.xpath("//meta[@content]")):  # the first of a name counts
            name = meta.get("property") or meta.get("name") or meta.get("itemprop") or meta.get("http-equiv")
            if name and (content := flat(meta.get("content"))):
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
        items = list(articles(self.tree))
        stated = {address for item in items[:1] for address in addresses(item) if self._address(address)}
        return Fact(stated.pop(), "JSON-LD url") if len(items) == 1 and len(stated) == 1 else None

    def _address(self, stated: str) -> str | None:
        try:
            address = urljoin(self.given or "", stated.strip())
            parts = urlsplit(address)
        except ValueError:
            return None
        fits = parts.scheme in ("http", "https") and parts.hostname and not re.search(r"\s", address)
        # A front page's address on every article is a mistake of some publishers; it names no article.
        is_home_page = parts.path in ("", "/") and not parts.query
        return (
            address
            if fits
            and not (is_home_page and (self.given is None or urlsplit(self.given).path not in ("", "/")))
            else None
        )

    def _page_title(self) -> str:
        titles = self.tree.xpath("//head/title | //title")
        return flat("".join(titles[0].itertext())) if titles else ""

    def _parted(self) -> tuple[str, str] | None:
        """The page's title as the article's and the outlet's, where one of its parts stands on the page by
        itself and the other is at its end or its beginning."""
        stated = self._page_title()
        there = {words.casefold() for element, words in self.spots if len(words) <= len(stated)}
        for mark in (*_APART, ": "):
            parts = stated.split(mark)
            if len(parts) < 2:
                continue
            first, last = parts[0], parts[-1]
            site = urlsplit(str(self.url.value)).hostname if self.url else None
            headed = first.casefold() in self._headings("//h1") and last.casefold() in self._headings(
                "//h2 | //h3"
            )
            ends = last.casefold() in there and (
                first.casefold() not in there or _named(first, site) or headed
            )
            if ends or mark == ": ":
                if ends:
                    return last, first
            elif first.casefold() in there:
                return first, last
        return None

    def _headings(self, path: str) -> set[str]:
        return {flat("".join(heading.itertext())).casefold() for heading in self.tree.xpath(path)}

    def _titles(self) -> list[Fact]:
        """What may be the title, the plainest first."""
        found = [Fact(self.metas[name], f"meta {name}") for name in _TITLES if name in self.metas]
        headings = [flat("".join(h.itertext())) for h in self.tree.xpath("//h1") if not is_aside(h)]
        outlet = self.parted[1] if self.parted else ""
        if len(headings) == 1 and headings[0] and not same_words(headings[0], outlet):
            found.insert(0, Fact(headings[0], "heading"))
        found += [Fact(self.parted[0], "page title")] if self.parted else []
        return found + ([Fact(stated, "page title")] if (stated := self._page_title()) else [])

    def _own_item(self) -> Mapping[str, Any]:
        """The JSON-LD object of the page's article: that with its address or its title, else the only one."""
        address = comparable(str(self.url.value)) if self.url else None
        titles = {str(fact.value).casefold() for fact in self.titles}
        for item in self.items:
            if address and address in {comparable(a) for a in addresses(item)}:
                return item
        for item in self.items:
            headline = text_of(item.get("headline") or item.get("name"))
            if headline and any(title.startswith(headline.casefold()) for title in titles):
                return item
        # A lone one may be of a story that is promoted: then it says that it lies elsewhere.
        lone = self.items[0] if len(self.items) == 1 else {}
        return (
            {}
            if address
            and any(comparable(stated) != address for stated in addresses(lone) if self._address(stated))
            else lone
        )

    def _title(self, outlet: Fact | None) -> Fact | None:
        found = list(self.titles)
        if headline := text_of(self.item.get("headline")):
            found.insert(
                0 if not found or found[0].place != "heading" else 1, Fact(headline, "JSON-LD headline")
            )
        for fact in found:
            if title := _without_outlet(str(fact.value), str(outlet.value) if outlet else None, self.titles):
                return Fact(title[:_LONGEST_TITLE], fact.place)
        return None

    def _author(self, outlet: Fact | None) -> Fact | None:
        names = [name for part in as_list(self.item.get("author")) if (name := self._called(part))]
        candidates = [Fact(", ".join(dict.fromkeys(names)), "JSON-LD author")] if names else []
        candidates += [Fact(self.metas[name], f"meta {name}") for name in _AUTHORS if name in self.metas]
        marked = self.tree.xpath(
            "//*[@itemprop='author'] | //*[contains(concat(' ', @rel, ' '), ' author ')]"
        )
        candidates += [Fact(flat("".join(e.itertext())), "author's mark") for e in marked if not is_aside(e)]
        candidates += [
            Fact(words, "byline") for words in self._marked(_BYLINE) if _BY.match(words) or len(words) < 60
        ]
        candidates += [
            Fact(words[m.end() :], "byline")
            for words in self._under_title()
            if (m := _BY_SOMEWHERE.search(words))
        ]
        for fact in candidates:
            author = _name(str(fact.value))
            if author and (outlet is None or not same_words(author, str(outlet.value))):
                return Fact(author, fact.place)
        return None

    def _outlet(self) -> Fact | None:
        for name in _OUTLETS:
            # An address is no name, with or without its beginning.
            if name in self.metas and not _HOST.fullmatch(self.metas[name]):
                return Fact(self.metas[name], f"meta {name}")
        for part in as_list(self.item.get("publisher")):
            if name := self._called(part):
                return Fact(name, "JSON-LD publisher")
        if self.parted:
            return Fact(self.parted[1], "page title")
        host = urlsplit(str(self.url.value)).hostname if self.url else None
        return (
            Fact(host.removeprefix("www.").removeprefix("m.").removeprefix("amp."), "its address")
            if host
            else None
        )

    def _called(self, part: Any) -> str:
        """The name of somebody in JSON-LD, who may be described elsewhere on the page."""
        if not isinstance(part, Mapping):
            return text_of(part)
        return text_of(part.get("name")) or self.names.get(str(part.get("@id")), "")

    def _language(self) -> Fact | None:
        declared = [
            (value, "html lang") for value in self.tree.xpath("/html/@lang | /html/@*[local-name()='lang']")
        ]
        declared += [(self.metas[name], f"meta {name}") for name in _LANGUAGES if name in self.metas]
        declared += [(str(self.item.get("inLanguage") or ""), "JSON-LD inLanguage")]
        for spoken, place in declared:
            if re.fullmatch(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*", spoken.strip()):
                return Fact(spoken.strip().replace("_", "-"), place)
        return None

    def _published(self) -> Fact | None:
        stated = [
            (str(self.item.get(name) or ""), f"JSON-LD {name}") for name in ("datePublished", "dateCreated")
        ]
        stated += [(self.metas[name], f"meta {name}") for name in _PUBLISHED if name in self.metas]
        marked = self.tree.xpath("//*[@itemprop='datePublished'] | //time[@pubdate]")
        stated += [
            (e.get("content") or e.get("datetime") or flat("".join(e.itertext())), "datePublished mark")
            for e in marked
            if not is_aside(e)
        ]
        for words, place in stated:
            if day := read_date(words):
                return Fact(day, place)
        return self._timed() or self._in_byline() or self._in_address()

    def _timed(self) -> Fact | None:
        """The day of the time elements that belong to the article, if it is one day."""
        times = [
            t for t in self.tree.xpath("//time[@datetime]") if not is_aside(t) and not _is_of_a_change(t)
        ]
        days = {day for t in times if (day := read_date(t.get("datetime")))}
        return Fact(days.pop(), "time element") if len(days) == 1 else None

    def _in_byline(self) -> Fact | None:
        for words in self._marked(_DATED):
            before_change = _CHANGED.split(words)[0]
            if day := day_in(before_change):
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
            (
                n
                for n, (element, words) in enumerate(self.spots)
                if words.casefold() in titles and not is_aside(element)
            ),
            0,
        )

    def _under_title(self) -> Iterator[str]:
        """The short lines between the title and the text."""
        at = self._at_title()
        for element, words in self.spots[at + 1 : at + 8] if at or self.spots else ():
            if len(words) > 160 or (len(words) > 80 and words.endswith((".", "!", "?"))):
                return
            if not is_aside(element):
                yield words

    def _in_address(self) -> Fact | None:
        match = _IN_ADDRESS.search(urlsplit(str(self.url.value)).path) if self.url else None
        if match and (day := read_date("-".join(part.zfill(2) for part in match.groups() if part))):
            return Fact(day, "its address")
        return None

    def _marked(self, pattern: re.Pattern[str]) -> Iterator[str]:
        """The words of the short elements that the page's own names mark as what is looked for, the inmost
        first.
        """
        for element in self.tree.xpath("//body//*[@class or @id or @data-testid]"):
            names = " ".join(element.get(name) or "" for name in ("class", "id", "data-testid"))
            if pattern.search(names) and not is_aside(element):
                words = flat(" ".join(element.itertext()))
                if 3 < len(words) <= 200:
                    yield words


def is_aside(element: Any) -> bool:
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
    texts = [element.get("class"), element.get("itemprop"), "".join(element.itertext())]
    texts += [
        before.tail or "".join(before.itertext())
        if before is not None and isinstance(before.tag, str)
        else around.text
        if around is not None
        else None
    ]
    if around is not None and len("".join(around.itertext())) < 60:
        texts += [around.get("class"), "".join(around.itertext())]
    return any(_CHANGED.search(words.replace("Modified", " modified")) for words in texts if words)


def _without_outlet(title: str, outlet: str | None, all_of_them: Iterable[Fact]) -> str:
    """A title less the outlet's name at its end or beginning: told by the name itself, or by another of the
    page's titles that is the same without it."""
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
    """Whether words are an outlet's name, or begin its address: "The Harbor Courier" and
    harborcourier.example. The beginning of a name is not enough: "China - a forecast" in the China Daily."""
    if not outlet:
        return False
    ours, theirs = (
        re.sub(r"\W", "", name.casefold().removeprefix("www.")).removeprefix("the")
        for name in (words, outlet)
    )
    return bool(ours) and (
        ours == theirs or (_HOST.fullmatch(outlet) is not None and theirs.startswith(ours))
    )


def _name(stated: str) -> str | None:
    """Who wrote it, of what stands in a byline; `None` for addresses and for what is no name."""
    if stated.startswith(("http://", "https://", "@")):
        return None
    words = re.sub(r"\A[^\W\d_]{3,12}:\s+", "", _BY.sub("", stated))  # "Text: Ana Torell"
    # "By Ana Torell, 14 March 2023" and "Ana Torell | Correspondent": the name comes first.
    words = re.split(
        r"\s+[|•·–—]\s+|\s{2,}|,?\s*(?:\b(?:[Oo]n|[Pp]ublished|[Uu]pdated|[Pp]osted)\b|\d)", words, maxsplit=1
    )[0].strip(" ,;:|-–—")
    words = _DAY_NAME.sub("", words)
    if (
        not words
        or words[0].islower()
        or len(words) > 200
        or "@" in words
        or not re.search(r"[^\W\d_]{2}", words)
    ):
        return None
    return words
