"""What was extracted, made an article: its version, its facts, and what its opening lines say where nothing else does."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date

from ingest.clean import without_surrogates
from ingest.dates import dateline, day_in, read_date
from ingest.extracted import Extracted, Fact
from rag.errors import SourceError
from rag.types import Article

__all__ = ["FACTS", "article", "opening"]

FACTS = ("url", "title", "source", "author", "published", "language")
_LONGEST = 5_000  # characters of a fact; longer is no title and no name
_LINES = 6  # non-empty ones at the start of a text, among which a byline may stand
_BYLINE = re.compile(r"(?:by|von|par|por|di|av|door)[ ]+(?P<name>[^\d,|•·–—]{3,80}?)[ ]*(?:[,|•·–—(].{0,80})?", re.IGNORECASE)
_DAY_LINE = re.compile(r"(?:by|von|par|por|published|posted|date|dated|veröffentlicht|publié|publicado)\b", re.IGNORECASE)


def article(article_id: str, found: Extracted) -> Article:
    """The article, with the hash of its content as its version. Raises `SourceError` where there are no words in it."""
    if not found.text.strip():
        raise SourceError("it holds no words. Remove it, or put the article's text into it")
    facts = {name: found.facts[name] for name in FACTS if name in found.facts}
    values = {name: _value(fact) for name, fact in facts.items()}
    content = {"text": found.text, **{name: str(value) for name, value in values.items()}}
    version = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    provenance = tuple((name, fact.place) for name, fact in facts.items())
    return Article(article_id, version, found.text, **values, provenance=provenance, pages=found.pages)  # type: ignore[arg-type]


def _value(fact: Fact) -> str | date:
    return fact.value if isinstance(fact.value, date) else without_surrogates(fact.value)[:_LONGEST]


def opening(text: str, facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """The facts with what the first lines of a plain text say of its author and its day, where these are not known: a byline,
    a line that is a date, or a dateline. The day of a change is none of them.

    >>> opening("Ferry inquiry opens\\nBy Ana Torell, 14 March 2023\\n\\nThe inquiry", {})["published"].value
    datetime.date(2023, 3, 14)
    """
    known = dict(facts)
    lines = [line for line in (" ".join(line.split()) for line in text[:4_000].split("\n")) if line][:_LINES]
    for line in lines:
        if len(line) > 160:
            break  # the article itself has begun
        byline = _BYLINE.fullmatch(line)
        if byline and "author" not in known and not line.endswith((".", "!", "?")):
            known["author"] = Fact(byline.group("name").strip(), "byline")
        day = day_in(line) if byline or _DAY_LINE.match(line) else read_date(line)
        if day and "published" not in known:
            known["published"] = Fact(day, "byline" if byline else "first lines")
    if "published" not in known:
        for line in lines[:3]:
            if day := dateline(line):
                known["published"] = Fact(day, "dateline")
                break
    return known
