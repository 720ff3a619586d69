"""Conversations as browsers kept them before the server did: {"current": id, "conversations": [{"id",
"title", "exchanges": [{"key", "asked", "collection", "found", "verdict"}]}]}, the newest first.

What a browser hands over can be anything, and what is kept of it will be shown: so a record is kept only if
it has the form that pages wrote then, down to each value. That form will not change any more, so it is
written down here once.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from rag.errors import QuestionError
from rag.people.text import plain

__all__ = ["Held", "HeldExchange", "conversations", "id_of", "report"]

_BYTES = 10_000_000
_MOST = 1_000  # conversations; pages kept sixty
_LONGEST = 200  # characters of an id or of a collection's name
_VERDICTS = ("right", "wrong", "missing")


@dataclass(frozen=True, slots=True)
class HeldExchange:
    """A question and its answer's record, as a page showed them."""

    question: str
    collection: str
    record: dict[str, Any]
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """A conversation, with at least one exchange. `id` is the browser's."""

    id: str
    title: str
    exchanges: tuple[HeldExchange, ...]


def conversations(shelf: object) -> tuple[list[Held], int]:
    """The conversations on a shelf, in its order, and how many entries are left out as malformed.

    Raises `QuestionError` for what is no shelf, and for one of more than 1,000 conversations or 10 MB.
    """
    try:
        size = len(json.dumps(shelf, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except (TypeError, ValueError, RecursionError) as exc:
        raise QuestionError("what was handed over are no conversations of a browser") from exc
    kept = shelf.get("conversations") if isinstance(shelf, dict) else None
    if not isinstance(kept, list):
        raise QuestionError("what was handed over are no conversations of a browser")
    if size > _BYTES or len(kept) > _MOST:
        raise QuestionError(
            f"at most {_MOST:,} conversations and {_BYTES // 1_000_000} MB of them can be taken over at once"
        )
    held: list[Held] = []
    malformed = 0
    for one in kept:
        found, left_out = _conversation(one)
        held += [found] if found else []
        malformed += left_out
    return held, malformed


def id_of(owner: str, id: str) -> str:
    """What a browser's conversation is called here: the same each time for one owner, and never what
    another's is.
    """
    return hashlib.sha256(json.dumps([owner, id]).encode()).hexdigest()[:16]


def report(malformed: int) -> None:
    """Log how much was left out, and nothing of what stood in it."""
    if malformed:
        logging.getLogger("clippings").warning(
            "of a browser's conversations, %d entries were left out: they are not as a page kept them",
            malformed,
        )


def _conversation(one: Any) -> tuple[Held | None, int]:
    if not (
        isinstance(one, dict)
        and _short(one.get("id"))
        and _text(one.get("title"))
        and isinstance(one.get("exchanges"), list)
    ):
        return None, 1
    exchanges = [found for e in one["exchanges"] if (found := _exchange(e))]
    left_out = len(one["exchanges"]) - len(exchanges)
    return (Held(one["id"], one["title"], tuple(exchanges)) if exchanges else None), left_out or int(
        not exchanges
    )


def _exchange(one: Any) -> HeldExchange | None:
    if not (
        isinstance(one, dict)
        and _text(one.get("asked"))
        and one["asked"].strip()
        and _short(one.get("collection"))
    ):
        return None
    try:
        record = plain(one.get("found"))
    except ValueError:
        return None
    if not _record(record):
        return None
    verdict = one.get("verdict")
    return HeldExchange(one["asked"], one["collection"], record, verdict if verdict in _VERDICTS else None)


# The form of a record. A check says whether a value is as it should be.

_Check = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _short(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _day(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _support(value: Any) -> bool:
    return value in ("verbatim", "consistent")


def _or_none(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _list(check: _Check) -> _Check:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


def _object(**checks: _Check) -> _Check:
    """What has each of these and nothing else; a name that ends in an underscore may be missing."""
    wanted = {name.rstrip("_"): check for name, check in checks.items()}
    required = {name for name in checks if not name.endswith("_")}

    def check(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and required <= value.keys() <= wanted.keys()
            and all(wanted[name](item) for name, item in value.items())
        )

    return check


_ARTICLE = _object(
    id=_text,
    version=_text,
    label=_text,
    url=_or_none(_text),
    source=_or_none(_text),
    published=_or_none(_day),
    byline=_text,
)
_CITATION = _object(
    number=_count,
    article=_ARTICLE,
    start=_count,
    end=_count,
    page_=_or_none(_count),
    quote=_text,
    support=_support,
    dates=_text,
)
_FORM = _object(
    collection=_text,
    question=_text,
    text=_text,
    sentences=_list(_object(text=_text, lead=_text, citations=_list(_count))),
    citations=_list(_CITATION),
    conflicts=_list(_object(about=_text, claims=_list(_object(value=_text, number=_count)))),
    evidence=_list(_object(article=_ARTICLE, start=_count, end=_count, text=_text)),
    abstained=_or_none(_text),
    unanswered=_list(_text),
    withheld=_list(_text),
    notice=_or_none(_text),
    filters=_text,
    answerer=_text,
)


def _record(value: Any) -> bool:
    """Whether a value has the form of an answer's record, and its numbers stand for citations it has."""
    if not _FORM(value):
        return False
    numbers = {citation["number"] for citation in value["citations"]}
    used = [n for sentence in value["sentences"] for n in sentence["citations"]]
    used += [claim["number"] for conflict in value["conflicts"] for claim in conflict["claims"]]
    return numbers.issuperset(used)
