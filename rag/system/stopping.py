"""Whether the work that runs in this thread is still wanted.

A question is answered by a chain of generators, and each can only be closed between two of its steps. A step
that takes long, such as a reply of a language model, asks `stopped` meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["stoppable", "stopped"]

_stopped: ContextVar[Callable[[], bool] | None] = ContextVar("stopped", default=None)


@contextmanager
def stoppable(asked_to_stop: Callable[[], bool]) -> Iterator[None]:
    """In the block, `stopped` is what `asked_to_stop` returns.

    >>> with stoppable(lambda: True):
    ...     stopped()
    True
    """
    token = _stopped.set(asked_to_stop)
    try:
        yield
    finally:
        _stopped.reset(token)


def stopped() -> bool:
    """Whether the caller has been asked to stop; `False` where nobody can ask.

    >>> stopped()
    False
    """
    asked_to_stop = _stopped.get()
    return asked_to_stop is not None and asked_to_stop()
