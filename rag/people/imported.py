"""Conversations that earlier versions stored in the browser: {"current": id, "conversations": [{"id",
"title", "exchanges": [{"key", "asked", "collection", "found", "verdict"}]}]}, newest first.

A browser can send anything, and the server will show it. So a record is imported only if it has exactly the
form that those versions wrote. That form is fixed, and described here.
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

__all__ = ["BrowserConversation", "BrowserExchange", "conversations", "id_of", "log_malformed"]

_MAX_BYTES = 10_000_000
_MAX_CONVERSATIONS = 1_000  # those versions stored sixty
_MAX_ID_CHARACTERS = 200  # of an id or the name of a collection
_VERDICTS = ("right", "wrong", "missing")


@dataclass(frozen=True, slots=True)
class BrowserExchange:
    """A question and the record of its answer."""

    question: str
    collection: str
    record: dict[str, Any]
    verdict: str | None


@dataclass(frozen=True, slots=True)
class BrowserConversation:
    """A conversation with at least one exchange. `id` is the browser's."""

    id: str
    title: str
    exchanges: tuple[BrowserExchange, ...]


def conversations(stored: object) -> tuple[list[BrowserConversation], int]:
    """The conversations in their order, and the number of malformed entries, which are skipped.

    Raises `QuestionError` for other data, and for more than 1,000 conversations or 10 MB.
    """
    try:
        size = len(json.dumps(stored, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except (TypeError, ValueError, RecursionError) as exc:
        raise QuestionError("this is not a list of conversations from the browser") from exc
    entries = stored.get("conversations") if isinstance(stored, dict) else None
    if not isinstance(entries, list):
        raise QuestionError("this is not a list of conversations from the browser")
    if size > _MAX_BYTES or len(entries) > _MAX_CONVERSATIONS:
        raise QuestionError(
            f"at most {_MAX_CONVERSATIONS:,} conversations or {_MAX_BYTES // 1_000_000} MB can be imported "
            "at once"
        )
    found: list[BrowserConversation] = []
    malformed = 0
    for one in entries:
        conversation, left_out = _conversation(one)
        found += [conversation] if conversation else []
        malformed += left_out
    return found, malformed


def id_of(owner: str, id: str) -> str:
    """The id of an imported conversation: always the same for one owner, and different for others."""
    return hashlib.sha256(json.dumps([owner, id]).encode()).hexdigest()[:16]


def log_malformed(malformed: int) -> None:
    """Log the number of skipped entries, and none of their content."""
    if malformed:
        logging.getLogger("clippings").warning(
            "%d entries of a browser's conversations are malformed and were skipped",
            malformed,
        )


def _conversation(one: Any) -> tuple[BrowserConversation | None, int]:
    if not (
        isinstance(one, dict)
        and _short(one.get("id"))
        and _text(one.get("title"))
        and isinstance(one.get("exchanges"), list)
    ):
        return None, 1
    exchanges = [found for e in one["exchanges"] if (found := _exchange(e))]
    left_out = len(one["exchanges"]) - len(exchanges)
    return (
        BrowserConversation(one["id"], one["title"], tuple(exchanges)) if exchanges else None
    ), left_out or int(not exchanges)


def _exchange(one: Any) -> BrowserExchange | None:
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
    return BrowserExchange(one["asked"], one["collection"], record, verdict if verdict in _VERDICTS else None)


# The form of a record, as checks of its values.

_Check = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _short(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_ID_CHARACTERS


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
    """An object with exactly these keys; a name that ends in an underscore is optional."""
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
    """Whether a value has the form of an answer's record, and its citation numbers exist."""
    if not _FORM(value):
        return False
    numbers = {citation["number"] for citation in value["citations"]}
    used = [n for sentence in value["sentences"] for n in sentence["citations"]]
    used += [claim["number"] for conflict in value["conflicts"] for claim in conflict["claims"]]
    return numbers.issuperset(used)
