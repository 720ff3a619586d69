"""Where a run reads and keeps things: the folder of news, and one in which everything costly stays between
runs.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.config import Config
from rag.errors import ConfigError
from rag.store.catalog import Catalog

__all__ = ["WARM", "Task", "Work"]

WARM = 5  # questions before the clock starts


@dataclass(frozen=True, slots=True)
class Task:
    """One part of a run: of what size, and of which of several things that are compared; figures are kept
    under its key.

    >>> Task("dense", "numpy", 1000).key, Task("cold").key
    ('dense-numpy-1000', 'cold')
    """

    part: str
    name: str = ""
    size: int = 0

    @property
    def key(self) -> str:
        return "-".join(str(word).replace(" ", "_") for word in (self.part, self.name, self.size) if word)


@dataclass(frozen=True, slots=True)
class Work:
    """A run's folders and what it may take. `patience` is in seconds; `megabytes` is how much is read and
    written to see what memory and disk can do."""

    data: Path
    folder: Path
    questions: int = 200
    patience: float = 900.0
    megabytes: int = 1_000

    @property
    def vectors(self) -> Path:
        return self.folder / "vec"

    @property
    def real(self) -> Path:
        """The articles as they are read and cut."""
        return self.folder / "real.jsonl"

    @property
    def composed(self) -> Path:
        return self.folder / "composed.jsonl"

    def config(self, size: int) -> Config:
        """Of the collection of about so many passages."""
        return Config(home=self.folder / f"home-{size}")

    def build(self, size: int) -> str:
        """Where in that collection's folder its indexes lie: elsewhere once it was rebuilt or restored."""
        config = self.config(size)
        with closing(Catalog(config.home, config)) as catalog:
            return catalog.build()

    def passages(self, size: int) -> Path:
        """The passages and vectors of that collection, for whatever else searches them."""
        return self.folder / f"passages-{size}"

    def articles(self) -> Path:
        """The file of articles, unpacked. Raises `ConfigError` when there is none."""
        plain, packed = self.data / "articles.jsonl", self.data / "articles.jsonl.gz"
        if plain.is_file():
            return plain
        if not packed.is_file():
            raise ConfigError(f"there is no articles.jsonl or articles.jsonl.gz in {self.data}")
        unpacked = self.folder / "articles.jsonl"
        if not unpacked.is_file():
            aside = self.folder / "articles.new"
            with gzip.open(packed) as source, aside.open("wb") as target:
                shutil.copyfileobj(source, target)
            os.replace(aside, unpacked)
        return unpacked

    def asked(self) -> list[dict[str, Any]]:
        """The questions in a fixed order as if shuffled, no two alike; the first `WARM` of them are not
        measured. Raises `ConfigError` when there are no more than those."""
        files = sorted(self.data.glob("questions_*.jsonl"))
        lines = [
            line for file in files for line in file.read_text(encoding="utf-8").splitlines() if line.strip()
        ]
        found = list({question["question"]: question for question in map(json.loads, lines)}.values())
        random.Random(0).shuffle(found)
        if len(found) <= WARM:
            raise ConfigError(
                f"the questions_*.jsonl in {self.data} hold {len(found)} questions; at least {WARM + 1} are "
                f"needed"
            )
        return found[: WARM + self.questions]

    def kept(self, task: Task) -> dict[str, Any] | None:
        """A task's figures; `None` while it is not done."""
        path = self._kept(task)
        if not path.is_file():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def keep(self, task: Task, figures: dict[str, Any]) -> None:
        path = self._kept(task)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".new")
        aside.write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf-8")
        os.replace(aside, path)

    def forget(self, task: Task) -> None:
        self._kept(task).unlink(missing_ok=True)

    def _kept(self, task: Task) -> Path:
        return self.folder / "figures" / f"{task.key}.json"
