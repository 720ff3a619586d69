"""Reads documents in a process of its own, so that a hostile one can take no more than its share of time and
memory.

    python -m ingest.formats.worker BYTES SECONDS

takes requests on standard input and answers on standard output, each a line of JSON with the length of what
follows it. BYTES is how much memory the process may use, SECONDS how long one document may take.
`ingest.formats.parsing` starts it, and gives it up in time. Should that process be killed meanwhile, this
one ends by itself.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, BinaryIO

from ingest.formats.extracted import Extracted, Fact
from ingest.formats.feeds import FeedEntry, entries
from rag.errors import SourceError

__all__ = ["main", "pack", "pack_entries", "unpack", "unpack_entries"]


_TOO_LARGE = "it needs more memory than a document may use. Split it, or save its text as .txt"


def pack(found: Extracted) -> dict[str, Any]:
    """What was extracted, as JSON values."""
    facts, pages, warnings = _pack_facts(found.facts), list(found.pages), list(found.warnings)
    return {"text": found.text, "facts": facts, "pages": pages, "warnings": warnings}


def unpack(packed: dict[str, Any]) -> Extracted:
    """The reverse of `pack`.

    >>> found = Extracted("Words.", {"published": Fact(date(2024, 1, 17), "dateline")}, (0, 3))
    >>> unpack(pack(found)) == found
    True
    """
    facts = _unpack_facts(packed["facts"])
    return Extracted(packed["text"], facts, tuple(packed["pages"]), tuple(packed["warnings"]))


def pack_entries(found: Iterable[FeedEntry]) -> list[list[Any]]:
    """A feed's entries, as JSON values."""
    return [[entry.id, entry.url, _pack_facts(entry.facts), entry.html, entry.digest] for entry in found]


def unpack_entries(packed: Iterable[list[Any]]) -> tuple[FeedEntry, ...]:
    """The reverse of `pack_entries`.

    >>> found = (FeedEntry("1", None, {"title": Fact("A storm", "feed entry title")}, "<p>Words.</p>", "d"),)
    >>> unpack_entries(pack_entries(found)) == found
    True
    """
    return tuple(
        FeedEntry(entry_id, url, _unpack_facts(facts), html, digest)
        for entry_id, url, facts, html, digest in packed
    )


def _pack_facts(facts: Mapping[str, Fact]) -> dict[str, list[str]]:
    return {
        name: [fact.value.isoformat() if isinstance(fact.value, date) else fact.value, fact.place]
        for name, fact in facts.items()
    }


def _unpack_facts(packed: Mapping[str, list[str]]) -> dict[str, Fact]:
    return {
        name: Fact(date.fromisoformat(value) if name == "published" else value, place)
        for name, (value, place) in packed.items()
    }


def _limit(memory: int) -> None:
    try:
        import resource
    except ImportError:  # not Unix: time is still limited, by whoever started this process
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    memory = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(request: dict[str, Any], data: bytes) -> dict[str, Any]:
    try:
        if request["kind"] == "feeds":
            return {"found": pack_entries(entries(data, **request["options"]))}
        extract = importlib.import_module(f"ingest.formats.{request['kind']}").extract
        return {"found": pack(extract(data, **request["options"]))}
    except SourceError as exc:
        return {"error": str(exc)}
    except MemoryError:
        return {"error": _TOO_LARGE, "spent": True}
    except RecursionError:
        return {"error": "it is nested too deeply to be read. Save its text as .txt"}
    except Exception as exc:  # noqa: BLE001  libraries raise anything on a damaged file; the trace goes to the log
        message = next(iter(str(exc).splitlines()), "")[:200]
        # As the loader says it of a library, and as lxml says it of an XPath: libxml2 gives no reason.
        spent = (type(exc).__name__, message) == ("XPathEvalError", "unknown error")
        if spent or "failed to map segment" in message or "Cannot allocate memory" in message:
            return {"error": _TOO_LARGE, "spent": spent}
        what = f"it cannot be read, and seems to be damaged ({type(exc).__name__}: {message})"
        return {
            "error": f"{what}. Open it and save it again, or as text",
            "trace": traceback.format_exc(),
        }


def main(memory: int, seconds: int) -> None:
    """Answer requests until standard input ends."""
    requests: BinaryIO = sys.stdin.buffer
    # What a library prints must not end up among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit(memory)
    while line := requests.readline():
        request = json.loads(line)
        if hasattr(signal, "alarm"):
            signal.alarm(seconds)
        answer = json.dumps(_answer(request, requests.read(request["size"]))).encode()
        answers.write(b"%d\n" % len(answer) + answer)
        answers.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
