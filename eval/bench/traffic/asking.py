"""Those who ask: what they ask, and what becomes of it."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx

from eval.bench.traffic.judging import Cited, Reply, is_sentence

__all__ = ["PATIENCE", "Pool", "Question", "Topic", "put_questions", "waits"]

PATIENCE = 120.0  # seconds without an answer after which a question has failed
Question = tuple[str, dict[str, Any]]  # the kind of its limits, and what the page's `ask` is called with


@dataclass(frozen=True, slots=True)
class Topic:
    """What a question can be made of: an article's title, its day and its source."""

    title: str
    published: date | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Pool:
    """What there is to ask: topics that change, others, and questions that are put as they are."""

    changing: Sequence[Topic]
    others: Sequence[Topic]
    questions: Sequence[str]
    only_questions: bool

    def drawn(self, person: int) -> Iterator[Question]:
        """A person's questions, without end."""
        dice = random.Random(person)
        while True:
            topic = dice.choice(self.changing if dice.random() < 0.67 or not self.others else self.others)
            put = self.only_questions or dice.random() < 0.25
            question = dice.choice(self.questions) if put else f"What is said about {topic.title}?"
            kind = dice.choice(("plain", "plain", "published", "sources"))
            if kind == "published" and topic.published:
                first, last = topic.published - timedelta(30), topic.published + timedelta(30)
                yield (
                    kind,
                    {
                        "question": question,
                        "published_from": first.isoformat(),
                        "published_to": last.isoformat(),
                    },
                )
            elif kind == "sources" and topic.source:
                yield kind, {"question": question, "sources": [topic.source]}
            else:
                yield "plain", {"question": question}


def put_questions(url: str, questions: Iterable[Question], seconds: float) -> list[Reply]:
    """Put questions to the page at an address, one after the other, until there are none left or the time is
    up; what became of each. One that fails stops nothing."""
    until = time.monotonic() + seconds
    replies: list[Reply] = []
    with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as page:
        for kind, named in questions:
            if time.monotonic() > until:
                break
            asked = time.time()
            try:
                found = _answer(page, named)
                cited = tuple(
                    Cited(c["article"]["id"], c["article"]["version"], c["start"], c["end"], c["quote"])
                    for c in found["citations"]
                )
                replies.append(Reply(asked, time.time(), kind, bool(found["abstained"]), cited))
                continue
            except _Refused as exc:
                said = str(exc)
                replies.append(
                    Reply(asked, time.time(), kind, error=said or "nothing was said", said=is_sentence(said))
                )
            except (httpx.HTTPError, OSError, ValueError, LookupError, TypeError) as exc:
                replies.append(Reply(asked, time.time(), kind, error=f"{type(exc).__name__}: {exc}"))
            # After a refusal, wait. Otherwise a page that is gone would be asked a thousand times a second.
            time.sleep(0.5)
    return replies


class _Refused(Exception):
    """What the page said in place of an answer."""


def _answer(page: httpx.Client, named: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a question. Raises `_Refused` with the page's own words, or none, and what `httpx`
    raises.
    """
    told = page.post("/api/ask", json=named)
    if told.is_error:
        raise _Refused(_words(told.text))
    found: dict[str, Any] = told.json()
    return found


def _words(body: str) -> str:
    """What a reply that is no answer says to a reader: the message of its `error`, its `detail`, or all of
    it.
    """
    try:
        found = json.loads(body)
    except ValueError:
        return body
    if isinstance(found, Mapping):
        error = found.get("error")
        found = (error.get("message") if isinstance(error, Mapping) else error) or found.get("detail")
    return found if isinstance(found, str) else ""


def waits(seconds: Iterable[float]) -> dict[str, float] | None:
    """Median, 95th percentile and longest of some waits, in seconds; `None` where nobody waited.

    >>> waits([3.0, 1.0, 2.0])
    {'questions': 3, 'median_s': 2.0, 'p95_s': 3.0, 'longest_s': 3.0}
    """
    took = sorted(seconds)
    if not took:
        return None
    p95 = took[min(len(took) - 1, int(0.95 * len(took)))]
    figures = {"median_s": statistics.median(took), "p95_s": p95, "longest_s": took[-1]}
    return {"questions": len(took), **{name: round(value, 3) for name, value in figures.items()}}
