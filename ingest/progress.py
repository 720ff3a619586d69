"""How far a change to a collection is, and whether somebody wants it stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Course", "Progress"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is: articles done, of how many, and passages made so far; `part` is how many more
    articles, or how much of one, are encoded and still to be stored."""

    done: int
    total: int
    passages: int
    part: float = 0.0

    @property
    def share(self) -> float:
        """Of the whole, 0 to 1; it grows within an article that is a book."""
        return min(1.0, (self.done + self.part) / self.total) if self.total else 1.0


class Course:
    """How far a change is, through all its steps, and whether somebody wants it stopped. An article that is
    passed over, or is encoded, counts from then on, so that the share of the whole that is
    reported never falls."""

    def __init__(
        self,
        total: int,
        progress: Callable[[Progress], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> None:
        self.total, self.passages = total, 0
        self._progress, self._stop = progress, stop
        self._done = self._encoded = 0
        self._shown = -1.0

    @property
    def stopped(self) -> bool:
        return self._stop is not None and self._stop.is_set()

    def passed(self, articles: int = 1) -> None:
        """Articles are done without being encoded."""
        self._done += articles

    def encoding(self, passages: int, articles: float) -> None:
        """Report that so many passages of a batch are made, which are as much as so many articles."""
        self._report(passages, articles)

    def encoded(self, passages: int, articles: int) -> None:
        """A batch is encoded, and still to be stored."""
        self.passages += passages
        self._encoded += articles

    def stored(self, articles: int) -> None:
        """Report that a batch is stored."""
        self._encoded -= articles
        self._done += articles
        self._report()

    def finish(self) -> None:
        """Report that all is done, if that was not reported yet."""
        if not self.stopped and self.total and self._shown < 1.0:
            self._report()

    def _report(self, passages: int = 0, articles: float = 0.0) -> None:
        progress = Progress(self._done, self.total, self.passages + passages, self._encoded + articles)
        self._shown = progress.share
        self._progress(progress)
