"""What is wrong with what came back: each citation by the catalog of its moment, each error by whether it is
a sentence.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["EXAMPLES", "Change", "Cited", "Reply", "Version", "fault", "histories", "is_sentence", "judged"]

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Change:
    """A version of an article put into the catalog, or (`version` None) the article taken out, at some moment
    from `began` to `ended` (seconds since 1970). `ended` is infinite where the change failed and may have
    happened or not."""

    article_id: str
    version: str | None
    text: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Version:
    """A text that an article may have had from `since` to `until` (seconds since 1970), and surely not before
    or after.
    """

    version: str
    text: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation as the page gave it: the words, where they are said to stand, [start, end) in code points,
    and in what.
    """

    article_id: str
    version: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a question, asked and answered at these times (seconds since 1970): what it was limited
    to, citations, or an `error`, which is the page's own words where it `said` some."""

    asked: float
    came: float
    limits: str
    abstained: bool = False
    citations: tuple[Cited, ...] = ()
    error: str | None = None
    said: bool = False


def histories(changes: Iterable[Change]) -> dict[str, list[Version]]:
    """By article, the versions it had, in order; the changes of one article must not overlap.

    A version may have been there from the beginning of its change on, and until the end of the next one.

    >>> rain, snow = Change("a", "v1", "Rain.", 0, 0), Change("a", "v2", "Snow.", 10, 12)
    >>> for version in histories([rain, snow, Change("a", None, "", 30, 31)])["a"]:
    ...     print(version)
    Version(version='v1', text='Rain.', since=0, until=12)
    Version(version='v2', text='Snow.', since=10, until=31)
    """
    by_article: dict[str, list[Change]] = {}
    for change in sorted(changes, key=lambda change: change.began):
        by_article.setdefault(change.article_id, []).append(change)
    return {
        article_id: [
            Version(
                change.version,
                change.text,
                change.began,
                min((c.ended for c in theirs[at + 1 :]), default=math.inf),
            )
            for at, change in enumerate(theirs)
            if change.version is not None
        ]
        for article_id, theirs in by_article.items()
    }


def fault(cited: Cited, versions: Sequence[Version], asked: float, came: float) -> str | None:
    """What is wrong with a citation of an answer asked and received at these times, given its article's
    versions; `None` where it is right.

    >>> rain = Version("v1", "Rain fell on Oslo.", since=10.0, until=20.0)
    >>> print(fault(Cited("a", "v1", 0, 4, "Rain"), [rain], asked=19.0, came=21.0))
    None
    >>> fault(Cited("a", "v1", 0, 4, "Rain"), [rain], asked=20.5, came=21.0)
    'the version had gone 0.50 s before the question'
    >>> fault(Cited("a", "v1", 0, 4, "Snow"), [rain], asked=19.0, came=21.0)
    'other words stand there'
    """
    named = [version for version in versions if version.version == cited.version]
    if not named:
        return "no such version was ever there"
    there = [version for version in named if version.since <= came and asked <= version.until]
    if not there:
        gone = [asked - version.until for version in named if version.until < asked]
        return (
            f"the version had gone {min(gone):.2f} s before the question"
            if gone
            else "the version came after the answer"
        )
    if all(version.text[cited.start : cited.end] != cited.quote for version in there):
        return "other words stand there"
    return None


def is_sentence(said: str) -> bool:
    """Whether what a page says in place of an answer is written for a reader: words, and not what a program
    says of itself.

    >>> is_sentence("the question is empty. Ask something about the articles")
    True
    >>> is_sentence("Queue is full! Please try again.")
    True
    >>> is_sentence("KeyError: 'article'"), is_sentence("Internal Server Error"), is_sentence("")
    (False, False, False)
    >>> is_sentence("'NoneType' object has no attribute 'text'")
    False
    >>> is_sentence("(sqlite3.OperationalError) the table is locked")
    False
    """
    few = len(re.findall(r"[^\W\d_]+", said)) < 4
    inner = (
        r"Traceback \(most recent|\b\w+(?:\.\w+)*(?:Error|Exception)\b|\bobject has no\b| object at 0x|"
        r"\bFile \".+\", line \d"
    )
    return not few and re.search(inner, said) is None


def judged(replies: Sequence[Reply], before: Sequence[Change], changes: Sequence[Change]) -> dict[str, Any]:
    """Answers, citations and errors, counted, given what was in the catalog `before` and the changes since.
    `while_it_changed` counts the citations of articles that were being changed at some moment between the
    question and the answer."""
    versions = histories([*before, *changes])
    changing: dict[str, list[Change]] = {}
    for change in changes:
        changing.setdefault(change.article_id, []).append(change)
    count: Counter[str] = Counter()
    wrong: list[dict[str, Any]] = []
    for reply in replies:
        for cited in reply.citations:
            theirs = changing.get(cited.article_id, ())
            count["checked"] += 1
            count["changed"] += bool(theirs)
            count["meanwhile"] += any(
                change.began <= reply.came and reply.asked <= change.ended for change in theirs
            )
            if why := fault(cited, versions.get(cited.article_id, ()), reply.asked, reply.came):
                wrong.append({"why": why, **asdict(cited), "asked": reply.asked, "came": reply.came})
    answered = [reply for reply in replies if reply.error is None]
    unsaid = Counter(reply.error for reply in replies if reply.error is not None and not reply.said)
    return {
        "questions": dict(Counter(reply.limits for reply in replies).most_common()),
        "answers": len(answered),
        "abstained": sum(reply.abstained for reply in answered),
        "citations": {
            "checked": count["checked"],
            "of_articles_that_changed": count["changed"],
            "while_it_changed": count["meanwhile"],
            "wrong": len(wrong),
            "examples": wrong[:EXAMPLES],
        },
        "errors": {
            "sentences": dict(
                Counter(reply.error for reply in replies if reply.error is not None and reply.said)
            ),
            "no_sentences": unsaid.total(),
            "examples": dict(unsaid.most_common(EXAMPLES)),
        },
    }
