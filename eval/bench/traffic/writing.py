"""Those who write: each in a process of its own, with articles of its own, so that the changes of one article
never overlap.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import random
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from eval.bench.traffic.judging import Change
from ingest import remove, sync
from ingest.formats.articles import article
from ingest.formats.records import line_article
from rag.config import Config
from rag.errors import ClippingsError, SourceError
from rag.models.encoder import SentenceEncoder
from rag.types import Article

__all__ = ["START", "journals", "keep_removing", "keep_syncing", "revised", "stored"]

START = 180.0  # seconds for everybody to be ready; on a machine that is busy the page takes half a minute
_NEW, _REPLACED, _REMOVED = 2, 3, 2  # articles in a change
_PAUSE = 0.5  # seconds between two changes of one process
_POLL = 0.1  # seconds until the lock is tried again
_LOCKED = "another process is writing to the collection"


def revised(text: str, edition: int) -> str:
    """The text as an edition (1 and up) has it: by turns with a sentence before it, which moves all its
    words, with another number in it, with a sentence after it, and as it was at first.

    >>> [revised("Rain killed 9.", edition) for edition in (1, 2, 4)]
    ['This is edition 1 of the report. Rain killed 9.', 'Rain killed 11.', 'Rain killed 9.']
    """
    note = f"This is edition {edition} of the report."
    number = re.search(r"[0-9]{1,9}", text)
    if edition % 4 == 0:
        return text
    if edition % 4 == 1:
        return f"{note} {text}"
    if edition % 4 == 2 and number:
        return f"{text[: number.start()]}{int(number.group()) + edition}{text[number.end() :]}"
    return f"{text} {note}"


def stored(line: bytes) -> Article:
    """A line's article as a sync stores it, with its version."""
    return article(*line_article(line))


@dataclass(slots=True)
class Writer:
    """Changes a collection and writes down, a JSON object a line, what it did and when."""

    config: Config
    folder: Path
    name: str
    encoder: SentenceEncoder = field(init=False)
    changes: int = 0

    def __post_init__(self) -> None:
        self.encoder = SentenceEncoder(self.config.encoder)

    def take_in(self, records: Sequence[Mapping[str, Any]], *, again: bool = False) -> bool:
        """Sync these articles; whether that succeeded."""
        if not records:
            return True
        self.changes += 1
        # Each change has a file that is gone afterwards: an article may then be read from another.
        path = self.folder / f"{self.name}-{self.changes:05}.jsonl"
        lines = [json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records]
        path.write_bytes(b"".join(lines))
        articles = {made.id: made for made in map(stored, lines)}
        try:
            began, report, ended = self._patiently(lambda: sync(path, self.config, encoder=self.encoder))
        finally:
            path.unlink()
        done = dict.fromkeys(articles, "unsure")
        if report is not None:
            done = dict.fromkeys(report.added, "added again" if again else "added")
            done |= dict.fromkeys(report.replaced, "replaced")
            for failure in report.failed:
                self._note({"kind": "failed", "text": failure.reason})
        for article_id, kind in done.items():
            facts = {
                "id": article_id,
                "version": articles[article_id].version,
                "text": articles[article_id].text,
            }
            self._note({"kind": kind, **facts, "began": began, "ended": ended})
        return report is not None

    def take_out(self, article_ids: Sequence[str]) -> bool:
        """Remove these articles; whether that succeeded."""
        began, _, ended = self._patiently(lambda: remove(article_ids, self.config, encoder=self.encoder))
        kind = "removed" if ended < math.inf else "unsure"
        for article_id in article_ids:
            self._note(
                {"kind": kind, "id": article_id, "version": None, "text": "", "began": began, "ended": ended}
            )
        return ended < math.inf

    def _patiently(self, change: Callable[[], Any]) -> tuple[float, Any, float]:
        """When the change began and ended, with what it returned between; it never ends if it fails. While
        another process writes it has not begun."""
        waited = False
        while True:
            began = time.time()
            try:
                return began, change(), time.time()
            except ClippingsError as exc:
                if _LOCKED not in str(exc):
                    self._note({"kind": "failed", "text": str(exc)})
                    return began, None, math.inf
            if not waited:
                self._note({"kind": "waited"})
            waited = True
            time.sleep(_POLL)

    def _note(self, row: Mapping[str, Any]) -> None:
        with (self.folder / f"{self.name}.journal").open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(row) + "\n")


def keep_syncing(
    config: Config,
    folder: Path,
    changing: Sequence[bytes],
    supply: tuple[Path, int, frozenset[str]],
    start: Any,
    done: Any,
) -> None:
    """Add new articles and replace the texts of some, a few at a time, until it is `done`."""
    writer, dice = Writer(config, folder, "syncing"), random.Random(1)
    records = [json.loads(line) for line in changing]
    new = _records(*supply)
    _ready(writer, start)
    while _goes_on(done):
        edition = writer.changes + 1
        picked = dice.sample(records, min(_REPLACED, len(records)))
        again = [{**record, "text": revised(record["text"], edition)} for record in picked]
        writer.take_in([*islice(new, _NEW), *again])


def keep_removing(config: Config, folder: Path, changing: Sequence[bytes], start: Any, done: Any) -> None:
    """Remove some articles and add those again that have been away longest, a few at a time, until it is
    `done`.
    """
    writer, dice = Writer(config, folder, "removing"), random.Random(2)
    records = {stored(line).id: json.loads(line) for line in changing}
    there, away = list(records), deque[str]()
    _ready(writer, start)
    while _goes_on(done):
        if there and len(away) <= _REMOVED:
            picked = dice.sample(there, min(_REMOVED, len(there)))
            there = [article_id for article_id in there if article_id not in picked]
            if writer.take_out(picked):
                away.extend(picked)
        elif away:
            picked = [away.popleft() for _ in range(min(_REMOVED, len(away)))]
            if writer.take_in([records[article_id] for article_id in picked], again=True):
                there.extend(picked)


def _ready(writer: Writer, start: Any) -> None:
    _ = writer.encoder.dims  # loading it is no part of a change
    start.wait(START)  # until everything is there
    start.wait(START)  # until one person has asked alone


def _goes_on(done: Any) -> bool:
    """Whether there is to be another change, after a pause."""
    parent = multiprocessing.parent_process()
    return (
        not done.wait(_PAUSE) and parent is not None and parent.is_alive()
    )  # one that was killed says nothing


def _records(path: Path, base: int, known: frozenset[str]) -> Iterator[dict[str, Any]]:
    """The records of a file after the first, without those whose articles are known."""
    with path.open("rb") as lines:
        for line in islice(lines, base, None):
            try:
                if stored(line).id not in known:
                    yield json.loads(line)
            except SourceError:
                continue  # not an article


def journals(folder: Path) -> tuple[list[Change], Counter[str], Counter[str]]:
    """What the writers noted: the changes, how many there were of each kind, and what they failed with."""
    changes: list[Change] = []
    kinds: Counter[str] = Counter(
        {"added": 0, "replaced": 0, "removed": 0, "added again": 0, "unsure": 0, "waited": 0}
    )
    failed: Counter[str] = Counter()
    for journal in sorted(folder.glob("*.journal")):
        with journal.open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if row["kind"] == "failed":
                    failed[row["text"]] += 1
                    continue
                kinds[row["kind"]] += 1
                if row["kind"] != "waited":
                    changes.append(Change(row["id"], row["version"], row["text"], row["began"], row["ended"]))
    return changes, kinds, failed
