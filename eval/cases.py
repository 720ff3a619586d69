"""Gold questions: what is asked, what a right answer has to give, and the words that support it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rag.errors import ConfigError
from rag.types import Turn

__all__ = ["GOLD", "Case", "Fact", "Span", "faults", "load", "save", "split_of"]

GOLD = Path(__file__).parent / "gold"
_KEYS = {"id", "question", "history", "rewritten", "kind", "facts", "declined", "conflict", "asked_on"}


@dataclass(frozen=True, slots=True)
class Span:
    """Words of an article that support a fact: [start, end) in code points."""

    article: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing the answer has to give: wordings of it, any of which will do, and places, each of which supports it."""

    answers: tuple[str, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its gold. `declined`: the articles do not answer it. `conflict`: the facts are rival values."""

    id: str
    question: str
    kind: str
    facts: tuple[Fact, ...] = ()
    history: tuple[Turn, ...] = ()
    rewritten: str | None = None
    declined: bool = False
    conflict: bool = False
    asked_on: date | None = None

    @property
    def split(self) -> str:
        """`dev` or `test`, fixed by the id."""
        return split_of(self.id)


def split_of(case_id: str) -> str:
    """`dev` for one half of all ids and `test` for the other: the parity of the first 32 bits of SHA-256.

    >>> split_of("seeds-who-struck-first") in {"dev", "test"}
    True
    """
    return "dev" if int(hashlib.sha256(case_id.encode()).hexdigest()[:8], 16) % 2 == 0 else "test"


def load(path: Path) -> list[Case]:
    """The cases of a `.jsonl` file, in order. Raises `ConfigError` naming the line that is not a case."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the gold questions {path} cannot be read: {exc}") from exc
    cases: list[Case] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            cases.append(_case(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise ConfigError(f"{path} line {number} is not a gold question: {exc!r}. See eval/gold/README.md") from exc
    if repeated := _repeated(case.id for case in cases):
        raise ConfigError(f"{path} has two questions with the id {repeated}")
    return cases


def save(path: Path, case: Case) -> None:
    """Add a case to a file, which is made if it is not there. Raises `ConfigError` if its id is taken."""
    if path.exists() and any(known.id == case.id for known in load(path)):
        raise ConfigError(f"{path} already has a question with the id {case.id}")
    record = asdict(case)
    record["asked_on"] = case.asked_on.isoformat() if case.asked_on else None
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(record, ensure_ascii=False) + "\n")


def faults(cases: Sequence[Case], text_of: Callable[[str], str | None]) -> list[str]:
    """What is wrong with the cases, measured against the articles' texts; empty when nothing is.

    Every span has to lie in its article, no wording may be empty, what must be declined has no facts, what must
    not has some, and a conflict has at least two facts from at least two articles.
    """
    found: list[str] = []
    for case in cases:
        if case.declined == bool(case.facts):
            found.append(f"{case.id}: a declined question has no facts, any other has some")
        if case.conflict and (len(case.facts) < 2 or len({s.article for f in case.facts for s in f.spans}) < 2):
            found.append(f"{case.id}: a conflict needs two facts from two articles")
        for fact in case.facts:
            if any(not answer.strip() for answer in fact.answers):
                found.append(f"{case.id}: an empty wording")
            if not fact.spans:
                found.append(f"{case.id}: a fact without words that support it")
            for span in fact.spans:
                text = text_of(span.article)
                if text is None:
                    found.append(f"{case.id}: there is no article {span.article}")
                elif not 0 <= span.start < span.end <= len(text) or not text[span.start : span.end].strip():
                    found.append(f"{case.id}: [{span.start}, {span.end}) is not in {span.article}")
    return found


def _case(record: Mapping[str, Any]) -> Case:
    if unknown := set(record) - _KEYS:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    return Case(
        id=str(record["id"]),
        question=str(record["question"]),
        kind=str(record["kind"]),
        facts=tuple(
            Fact(
                tuple(str(a) for a in fact["answers"]),
                tuple(Span(str(s["article"]), int(s["start"]), int(s["end"])) for s in fact["spans"]),
            )
            for fact in record["facts"]
        ),
        history=tuple(Turn(str(t["question"]), str(t["answer"])) for t in record.get("history", ())),
        rewritten=record.get("rewritten"),
        declined=bool(record["declined"]),
        conflict=bool(record.get("conflict", False)),
        asked_on=date.fromisoformat(record["asked_on"]) if record.get("asked_on") else None,
    )


def _repeated(ids: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for case_id in ids:
        if case_id in seen:
            return case_id
        seen.add(case_id)
    return None
