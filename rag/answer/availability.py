"""Whether a language model is worth asking just now.

A model that could not be used is left alone for a while, so that the next questions do not wait for it. When
the while is over, one question tries it, and the others go on without it until that one knows. What is known
comes from questions alone: nothing is contacted to find it out.

What counts is a failure before the first word of a reply:

- UNREACHABLE, SILENT: each question would wait for the same connection, or for all of `model.timeout`.
- BUSY: it was asked three times, and asks to be left alone.
- KEY, UNKNOWN: the same for every question until somebody changes something. A key that is refused again and
  again may be locked.
- UNUSABLE: loading takes seconds, or reads the whole file, each time.
- BROKEN, OTHER: a server that hangs up before the first word has none for anybody.
- MISSING: looking for a file takes no time, and it may be there in a moment. So it is known, but looked for
  again at the next question.

What does not count: QUESTION is the refusal of a server that works, WAITING a queue of our own, STOPPED the
reader's wish; and a reply that broke off in the middle came from a server that was reached.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from rag.errors import ModelError, ModelTrouble
from rag.types import ModelState

__all__ = ["Attempt", "Availability", "LeftAlone", "pause_after"]

_FIRST_PAUSE = 30.0  # seconds: a server that was restarted is back
_LONGEST_PAUSE = 600.0  # seconds: who repairs a server wants to see it used soon after
_NO_FAILURE = (ModelTrouble.WAITING, ModelTrouble.STOPPED)
_NO_PAUSE = (ModelTrouble.MISSING,)


class LeftAlone(ModelError):
    """The model was not asked, because it could not be used a while ago."""


def pause_after(failures: int) -> float:
    """Seconds for which a model is left alone after so many failures in a row, from 1.

    >>> [pause_after(failures) for failures in range(1, 8)]
    [30.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0]
    """
    return min(_FIRST_PAUSE * 2.0 ** min(failures - 1, 10), _LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One reply that is asked for. `tries` says that it is the one question that tries a model again."""

    changes: int
    tries: bool


class Availability:
    """What the questions so far have found of one model. Safe to share between threads.

    `clock` gives seconds that never run backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._trouble: ModelTrouble | None = None
        self._failures = 0  # in a row
        self._until = 0.0  # on the clock: the end of the pause
        self._trying = False  # one question is trying it again
        self._changes = 0  # of all this; an attempt that began before the last one knows nothing new

    def state(self, name: str) -> ModelState:
        """What is known, for a model of this name."""
        with self._lock:
            return ModelState(name, self._trouble, max(0.0, self._until - self._clock()))

    def check(self) -> None:
        """Raise `LeftAlone` where the model should not be asked now."""
        with self._lock:
            self._check()

    def begin(self) -> Attempt:
        """An attempt, which ends with `reached`, `failed` or `given_up`. Raises `LeftAlone`."""
        with self._lock:
            self._check()
            self._trying = self._trouble is not None
            return Attempt(self._changes, self._trying)

    def reached(self) -> None:
        """The model has answered."""
        with self._lock:
            if self._trouble is not None:
                self._trouble, self._failures, self._until, self._trying = None, 0, 0.0, False
                self._changes += 1

    def failed(self, attempt: Attempt, trouble: ModelTrouble) -> None:
        """The model has failed before the first word of its reply. Several questions that fail at the same
        time are one failure."""
        if trouble in _NO_FAILURE:
            self.given_up(attempt)
        elif trouble is ModelTrouble.QUESTION:
            self.reached()
        else:
            with self._lock:
                if attempt.changes == self._changes:
                    self._failures += 1
                    pause = 0.0 if trouble in _NO_PAUSE else pause_after(self._failures)
                    self._trouble, self._until = trouble, self._clock() + pause
                    self._trying = False
                    self._changes += 1

    def given_up(self, attempt: Attempt) -> None:
        """The attempt has ended without telling anything; after one of the others it changes nothing."""
        with self._lock:
            if attempt.tries and attempt.changes == self._changes:
                self._trying = False

    def _check(self) -> None:
        left = self._until - self._clock()
        if self._trouble is None or (left <= 0 and not self._trying):
            return
        why = f"it is left alone for {left:.0f} s" if left > 0 else "another question is trying it again"
        raise LeftAlone(
            f"the language model {self._trouble.words}: {why}", retryable=True, trouble=self._trouble
        )
