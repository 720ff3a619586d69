"""What a file or a page says, before it is an article: its text, and facts that each remember where they were
read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

__all__ = ["Extracted", "Fact"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact with the place it was read at, in words for a reader: "JSON-LD datePublished", "dateline",
    "column date".

    >>> Fact(date(2024, 1, 17), "dateline").value
    datetime.date(2024, 1, 17)
    """

    value: str | date
    place: str


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of an article; its facts by name (`title, author, source, published, language, url`), an
    unknown one left out; where its pages begin in the text, in code points, for what has pages; and what a
    reader should be warned of."""

    text: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    pages: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
