"""A language model writes the answer, or words a follow-up so that it stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from rag.answer.drafts import ReplyReader
from rag.answer.prompts import DECLINE, REWRITING_VERSION, VERSION, messages, rewriting, within
from rag.types import Abstention, DraftSentence, Evidence, LanguageModel, Turn

__all__ = ["Generative", "declines"]

_LONGEST_QUESTION = 500  # characters; a longer rewriting is an answer, or nonsense


class Generative:
    """Lets a language model write the answer from the evidence. What it says is a draft like any other."""

    def __init__(self, model: LanguageModel, *, window: int, max_tokens: int) -> None:
        self._model = model
        self.room = window - max_tokens  # tokens of a prompt
        self.model = model.name
        self.name = f"generate:{model.name}, prompt {VERSION}, follow-ups {REWRITING_VERSION}"

    def draft(
        self, question: str, evidence: Evidence, *, asked_on: date | None = None
    ) -> Iterator[DraftSentence | Abstention]:
        """Sentences as they are finished. The phrase for no answer, where the reply begins with it, yields
        `WEAK_EVIDENCE`. Raises `ModelError`.
        """
        shown = within(evidence, question, self.room)
        reader = ReplyReader([source.passage.text for source in shown])
        pieces = self._model.stream(messages(question, shown, asked_on))
        for at, draft in enumerate(_read(pieces, reader)):
            if not at and declines(draft.text):
                yield Abstention.WEAK_EVIDENCE
                return
            yield draft

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """The pieces of the model's reply to another conversation. Raises `ModelError`."""
        return self._model.stream(messages)

    def rewritten(self, question: str, history: Sequence[Turn]) -> str | None:
        """The question as the model would ask it without the conversation; `None` for a reply that is no
        single line.

        Untrusted: see `rag.question.followup.faithful`. Raises `ModelError`.
        """
        reply = ""
        pieces = self._model.stream(rewriting(question, history))
        try:
            for piece in pieces:
                reply += piece
                if len(reply) > _LONGEST_QUESTION:
                    return None
        finally:
            if close := getattr(pieces, "close", None):
                close()
        line = reply.strip().strip('"“”').strip()
        return line if line and "\n" not in line else None


def _read(pieces: Iterator[str], reader: ReplyReader) -> Iterator[DraftSentence]:
    """The drafts of a reply that comes in pieces."""
    for piece in pieces:
        yield from reader.feed(piece)
    yield from reader.close()


def declines(reply: str) -> bool:
    """Whether a sentence of a reply is the phrase for no answer.

    >>> declines("**The articles do not say.**"), declines("The articles do.")
    (True, False)
    """
    return DECLINE in re.sub(r"[^A-Z ]", "", reply.upper())
