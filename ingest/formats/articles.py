"""What was extracted, made an article: its version, its facts, and what its opening lines say where nothing
else does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from ingest.formats.clean import without_surrogates
from ingest.formats.dates import agency, dateline, day_in, day_line, read_date
from ingest.formats.extracted import Extracted, Fact
from rag.errors import SourceError
from rag.system.address import hidden, without_login
from rag.types import FACTS, Article, content_version

__all__ = ["FACTS", "LONGEST", "address", "article", "as_opened", "opening"]

# Characters of a text, which is held in memory with its passages: some 70 books. A line of a .jsonl file may
# have little more bytes than that, and few documents have.
LONGEST = 50_000_000
_LONGEST = 5_000  # characters of a fact; longer is no title and no name
_LINES = 6  # non-empty ones at the start of a text, among which a byline may stand
_PROPERTIES = ("document properties", "PDF author")
_BY = "by|von|par|por|di|av|door"
_BYLINE = re.compile(
    rf"(?:\A|[–—|·•,.]\s+)(?:{_BY})\s+(?P<name>[^\W\d_][^\d,|•·–—]{{2,80}}?)\s*(?:[,|•·–—(].{{0,80}})?\Z",
    re.IGNORECASE,
)
_CHANGED = re.compile(
    r"\b(?:updated|modified|revised|aktualisiert|mis\s+à\s+jour|actualizado)\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"[.!?…。！？:;,]\Z")


def article(article_id: str, found: Extracted) -> Article:
    """The article, with the hash of its content as its version. Raises `SourceError` where there are no words
    in it, or too many."""
    if not found.text.strip():
        raise SourceError("it contains no words. Remove it, or put the article's text into it")
    if len(found.text) > LONGEST:
        raise SourceError(
            f"its text has {len(found.text):,} characters; at most {LONGEST:,} can be added. Split it"
        )
    facts = {name: found.facts[name] for name in FACTS if name in found.facts}
    values = {name: _value(name, fact) for name, fact in facts.items()}
    version = content_version(found.text, values)
    provenance = tuple((name, fact.place) for name, fact in facts.items())
    return Article(article_id, version, found.text, **values, provenance=provenance, pages=found.pages)  # type: ignore[arg-type]


def _value(name: str, fact: Fact) -> str | date:
    if isinstance(fact.value, date):
        return fact.value
    return without_surrogates(address(fact.value) if name == "url" else fact.value)[:_LONGEST]


def address(stated: str) -> str:
    """An article's web address as it is kept: without the login that one may hold, and as it is where it is
    none.

    >>> address("https://ana:s3cret@paper.example/a"), address("https://[paper")
    ('https://paper.example/a', 'https://[paper')
    """
    try:
        return without_login(stated)
    except ValueError:
        return hidden(stated)


def opening(text: str, facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """The facts with what the first lines of a plain text say where these are not known: a title on a line of
    its own, a byline, a line with a day and little else, or a dateline. The day of a change is none of them.

    >>> head = "Ferry inquiry opens\\nBy Ana Torell, 14 March 2023"
    >>> found = opening(head + "\\n\\nThe inquiry into the sinking has opened.", {})
    >>> {name: str(fact.value) for name, fact in found.items()}
    {'author': 'Ana Torell', 'published': '2023-03-14', 'title': 'Ferry inquiry opens'}
    """
    known = dict(facts)
    head = [line.strip() for line in text[:4_000].split("\n")]
    lines = [line for line in (" ".join(line.split()).strip("*_ ") for line in head) if line][:_LINES]
    for n, line in enumerate(lines):
        if len(line) > 160 or (_SENTENCE.search(line) and not _byline(line)):
            break
        byline = _byline(line)
        if byline and "author" not in known:
            known["author"] = Fact(byline.group("name").strip(" ."), "byline")
        if "published" not in known and not _CHANGED.search(line) and (day := _day_of(line, first=n == 0)):
            known["published"] = Fact(day, "first lines")
    if "title" not in known and len(lines) > 1 and _is_title(lines[0], text):
        at = next(n for n, line in enumerate(head) if line)
        if not head[at + 1] or _byline(lines[1]) or _day_of(lines[1], first=False):
            known["title"] = Fact(lines[0], "first line")
    for line in lines[:3]:
        if "published" not in known and (day := dateline(line)):
            known["published"] = Fact(day, "dateline")
        if "source" not in known and (name := agency(line)):
            known["source"] = Fact(name, "dateline")
    return known


def as_opened(text: str, facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """The facts of a document with what its first lines say: of the author more than its properties do, which
    name whoever's machine it was made on."""
    stated = facts.get("author")
    without = {name: fact for name, fact in facts.items() if name != "author"}
    known = opening(text, without if stated and stated.place in _PROPERTIES else facts)
    return {**({"author": stated} if stated else {}), **known}


def _byline(line: str) -> re.Match[str] | None:
    """The byline in a line. A name has a capital, where the script has capitals: "by and large" is none."""
    match = _BYLINE.search(line)
    return match if match and not match.group("name")[0].islower() else None


def _is_title(line: str, text: str) -> bool:
    """Whether a line that stands alone may be a title: a few words, not a sentence, no byline, no day, no
    address.
    """
    few = len(re.findall(r"[^\W\d_]{2,}", line)) >= 2 and len(line) <= 150 and len(text) > 2 * len(line)
    return few and not (_SENTENCE.search(line) or _byline(line) or day_in(line) or "://" in line)


def _day_of(line: str, *, first: bool) -> date | None:
    """The day that a line of the head is there to say. The first line may be a headline that names one: that
    says nothing.
    """
    if first and not (read_date(line) or _byline(line) or line.split(" ")[0].isupper()):
        return None
    return day_line(line)
