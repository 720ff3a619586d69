"""A reply in pieces that says how many tokens it took."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

__all__ = ["CountedReply", "Tokens"]


@dataclass(slots=True)
class Tokens:
    """How many tokens a reply took so far: those that were read, and those that were written. `None` where
    nobody says."""

    prompt: int | None = None
    reply: int | None = None


class CountedReply:
    """The pieces that `write` yields, with the tokens that it notes meanwhile.

    >>> def write(tokens):
    ...     tokens.prompt = 3
    ...     yield "Yes."
    ...     tokens.reply = 2
    >>> reply = CountedReply(write)
    >>> next(reply), reply.prompt_tokens, reply.reply_tokens
    ('Yes.', 3, None)
    >>> list(reply), reply.reply_tokens
    ([], 2)
    """

    def __init__(self, write: Callable[[Tokens], Generator[str, None, None]]) -> None:
        # The generator does not know this object: a reply that is dropped is closed at once, and its
        # connection with it, not when the garbage collector next looks for cycles.
        self._tokens = Tokens()
        self._pieces = write(self._tokens)

    def __iter__(self) -> CountedReply:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    def close(self) -> None:
        """End the reply."""
        self._pieces.close()

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens that were read."""
        return self._tokens.prompt

    @property
    def reply_tokens(self) -> int | None:
        """Tokens that were written."""
        return self._tokens.reply
