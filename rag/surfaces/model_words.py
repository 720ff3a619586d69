"""A language model in words: whether it words the answers just now, and what it cost to answer. The page, the
terminal, REST and MCP all take them from here.

They are for a reader: no address, no key, no exception. Who runs the model finds those in the log, and with
`clippings doctor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rag.types import ModelState, Trace, Usage

__all__ = ["state_json", "state_text", "trace_usage_text", "usage_json", "usage_text"]

_BY_MODEL = "generate:"  # how the answerer of a trace begins where a language model worded the answer


def state_text(state: ModelState) -> str:
    """Who words the answers just now.

    >>> state_text(ModelState("llama-3"))
    'Answers are worded by llama-3.'
    """
    if state.trouble is None:
        return f"Answers are worded by {state.name}."
    said = f"Answers come straight from the articles just now: the language model {state.trouble.words}."
    return said if state.retry_in else f"{said} The next question tries it again."


def state_json(state: ModelState) -> dict[str, Any]:
    """The state as JSON values: the model's `name`, `ready` or the trouble as `state`, both as `text`, and in
    how many seconds a question tries the model again (`retry_in`).

    >>> state_json(ModelState("llama-3"))["state"]
    'ready'
    """
    return {
        "name": state.name,
        "state": str(state.trouble) if state.trouble else "ready",
        "text": state_text(state),
        "retry_in": round(state.retry_in, 1),
    }


def usage_json(usage: Usage | None) -> dict[str, Any] | None:
    """What a model cost, as JSON values."""
    return asdict(usage) if usage else None


def usage_text(usage: Mapping[str, Any] | None, answerer: str) -> str:
    """What a model cost, in words; empty where none was asked. `answerer` is that of the answer's trace.

    >>> usage = usage_json(Usage(2, 1840, 96, 4.12, "llama-3"))
    >>> usage_text(usage, "generate:llama-3, prompt 1")
    'Worded by llama-3: 2 calls, 1,840 tokens read, 96 written, 4.1 s'
    >>> usage_text(usage_json(Usage(1, None, None, 4.12, "llama-3")), "extract")
    'llama-3 was asked: 1 call, tokens not known, 4.1 s'
    """
    if usage is None:
        return ""
    name = usage["model"] or "A language model"
    who = f"Worded by {name}" if answerer.startswith(_BY_MODEL) else f"{name} was asked"
    read, written = usage["prompt_tokens"], usage["reply_tokens"]
    if read is None and written is None:
        tokens = "tokens not known"
    else:
        shown = ["?" if number is None else f"{number:,}" for number in (read, written)]
        tokens = f"{shown[0]} token{'' if read == 1 else 's'} read, {shown[1]} written"
    calls = f"{usage['calls']} call{'' if usage['calls'] == 1 else 's'}"
    return f"{who}: {calls}, {tokens}, {usage['seconds']:.1f} s"


def trace_usage_text(trace: Trace) -> str:
    """What a model cost for the answer of this trace, in words."""
    return usage_text(usage_json(trace.usage), trace.answerer)
