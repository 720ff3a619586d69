"""The trip of a question, step by step, and what is resident meanwhile.

Every question is asked once, of the assistant as anybody opens it, with the calls between its parts timed.
Nothing is asked twice.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace
from datetime import date
from typing import Any

from eval.bench.scale.figures import spread
from eval.bench.scale.watch import Clock, Timed, holding
from eval.bench.scale.work import WARM, Work
from rag.models.encoder import SentenceEncoder
from rag.models.reader import SpanReader
from rag.opening import open_assistant

__all__ = ["STEPS", "trip"]

_CALLS = ("encode the question", "dense search", "lexical search", "whole-article search", "reading for rank")
STEPS = (
    *_CALLS[:-1], "look-ups and merging", "retrieval without reader", "reading for rank", "whole answer",
)  # fmt: skip


class _Watched:
    """A retriever of which each search leaves its steps in `rows`."""

    def __init__(self, retriever: Any, clock: Clock) -> None:
        self._retriever, self._clock = retriever, clock
        self.rows: list[dict[str, float]] = []
        steps = dict(zip(("_encoder", "dense", "lexical", "whole", "_reader"), _CALLS, strict=True))
        for name in ("_encoder", "_reader"):
            setattr(retriever, name, Timed(getattr(retriever, name), steps[name], clock))
        now = retriever._opened
        timed = {
            name: Timed(getattr(now, name), steps[name], clock) for name in ("dense", "lexical", "whole")
        }
        retriever._opened = replace(now, **timed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._retriever, name)

    def retrieve(self, *given: Any, **named: Any) -> Any:
        self._clock.taken()
        began = time.perf_counter()
        found = self._retriever.retrieve(*given, **named)
        whole = (time.perf_counter() - began) * 1000
        self.rows.append(_split(self._clock.taken(), whole))
        return found


def _split(calls: dict[str, float], whole: float) -> dict[str, float]:
    """The steps of a search, in milliseconds, from the times of its calls and of all of it.

    >>> for step, ms in _split({"dense search": 3.0, "reading for rank": 50.0}, 60.0).items():
    ...     print(step, ms)
    dense search 3.0
    reading for rank 50.0
    look-ups and merging 7.0
    retrieval without reader 10.0
    """
    return {
        **calls,
        "look-ups and merging": whole - sum(calls.values()),
        "retrieval without reader": whole - calls.get("reading for rank", 0.0),
    }


def trip(work: Work, size: int) -> dict[str, Any]:
    """Milliseconds by step, and megabytes before anything is loaded, after the first questions, and at the
    end.
    """
    config = work.config(size)
    questions = work.asked()
    clock = Clock()
    begun = holding()
    with open_assistant(config, encoder=SentenceEncoder(config.encoder), reader=SpanReader()) as assistant:
        collection = assistant.collection
        watched = collection._retriever = _Watched(collection.retriever, clock)  # type: ignore[assignment]
        warm: dict[str, float] = {}
        traced: defaultdict[str, list[float]] = defaultdict(list)
        answers: list[float] = []
        declined = 0
        for number, question in enumerate(questions):
            if number == WARM:
                warm = holding()
                watched.rows.clear()
            began = time.perf_counter()
            answer = assistant.ask(question["question"], asked_on=date.fromisoformat(question["date"]))
            if number >= WARM:
                answers.append((time.perf_counter() - began) * 1000)
                declined += answer.abstained is not None
                for step, took in answer.trace.milliseconds:
                    traced[step].append(took)
        ended = holding()
        told = assistant.collection.memory()
    found = {
        step: spread(row[step] for row in watched.rows if step in row)
        for step in STEPS
        if step != "whole answer"
    }
    return {
        "questions": len(answers),
        "declined": declined,
        "ms": {**found, "whole answer": spread(answers)},
        "trace_ms": {step: spread(took) for step, took in traced.items()},
        "memory_mb": {"before": begun, "warm": warm, "after": ended},
        "told_mb": told,
    }
