"""Gold questions: what is asked, what a right answer has to give, and the words that support it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rag.errors import ClippingsError, ConfigError
from rag.system.files import small_text
from rag.types import Turn

__all__ = ["GOLD", "Case", "Fact", "Span", "faults", "gold_file", "load", "save", "split_of", "writing"]

GOLD = Path(__file__).parent / "gold"
_LARGEST = 500_000_000  # bytes of a file of gold questions
_KEYS = {"id", "question", "history", "rewritten", "kind", "facts", "declined", "conflict", "asked_on"}


@dataclass(frozen=True, slots=True)
class Span:
    """Words of an article that support a fact: [start, end) in code points."""

    article: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing the answer has to give: wordings of it, any of which will do, and places, each of which
    supports it.
    """

    answers: tuple[str, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its gold. `declined`: the articles do not answer it. `conflict`: the facts are rival
    values.
    """

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


def gold_file(named: Path | None = None) -> Path:
    """The file of gold questions that is meant: one of our own by its name (`seeds`, the default, or
    `public`), any other by its path. A file of that name in the current folder comes first.

    >>> gold_file(Path("public")) == GOLD / "public.jsonl"
    True
    """
    if named is None:
        return GOLD / "seeds.jsonl"
    if named.name == str(named) and not named.exists() and (ours := GOLD / f"{named}.jsonl").is_file():
        return ours
    return named


def load(path: Path) -> list[Case]:
    """The cases of a `.jsonl` file, in order. Raises `ConfigError` naming the line that is not a case."""
    cases: list[Case] = []
    # Lines end at a line feed: some other ends of lines may stand in a question.
    for number, line in enumerate(small_text(path, "the file of gold questions", _LARGEST).split("\n"), 1):
        if not line.strip():
            continue
        try:
            cases.append(_case(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise ConfigError(
                f"{path} line {number} is not a gold question: {_fault(exc)}. See {GOLD / 'README.md'}"
            ) from exc
    if repeated := _repeated(case.id for case in cases):
        raise ConfigError(f"{path} has two questions with the id {repeated}")
    return cases


def save(path: Path, case: Case) -> None:
    """Add a case to a file, which is made if it is not there. Raises `ConfigError` if its id is taken, or the
    file cannot be written."""
    with writing(path):
        there = path.exists()
    if there and any(known.id == case.id for known in load(path)):
        raise ConfigError(f"{path} already has a question with the id {case.id}")
    record = asdict(case)
    record["asked_on"] = case.asked_on.isoformat() if case.asked_on else None
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+", buffering=0) as lines:
            size = lines.seek(0, os.SEEK_END)
            lines.seek(max(0, size - 1))
            joint = (
                b"" if lines.read() in (b"", b"\n") else b"\n"
            )  # a file of somebody's own may not end its last line
            left = joint + json.dumps(record, ensure_ascii=False).encode() + b"\n"
            try:
                while left:
                    left = left[lines.write(left) :]
            except OSError:
                os.truncate(path, size)  # half a line would spoil the file
                raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says of a file that cannot be written into `ConfigError`, or `ClippingsError` for
    a full disk.
    """
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ClippingsError(
                f"{path} cannot be written: the disk is full. Free some space and run again"
            ) from exc
        raise ConfigError(f"{path} cannot be written: {exc.strerror}. Name another place") from exc


def _fault(exc: Exception) -> str:
    if isinstance(exc, KeyError):
        return f"it has no {exc}"
    if isinstance(exc, json.JSONDecodeError):
        return f"it is not valid JSON ({exc.msg} at character {exc.pos + 1})"
    return "it is nested too deeply" if isinstance(exc, RecursionError) else str(exc)


def faults(cases: Sequence[Case], text_of: Callable[[str], str | None]) -> list[str]:
    """What is wrong with the cases, measured against the articles' texts; empty when nothing is.

    Every span has to lie in its article, no wording may be empty, what must be declined has no facts, what
    must not has some, and a conflict has at least two facts from at least two articles.
    """
    found: list[str] = []
    for case in cases:
        if case.declined == bool(case.facts):
            found.append(f"{case.id}: a declined question has no facts, any other has some")
        if case.conflict and (
            len(case.facts) < 2 or len({s.article for f in case.facts for s in f.spans}) < 2
        ):
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
    if not isinstance(record, Mapping):
        raise ValueError("it is not an object with keys and values")
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
