"""A language model writes the answer, or words a follow-up so that it stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import copy
from datetime import date

from rag.answer.conflict import Disagreement
from rag.answer.drafts import ReplyReader
from rag.answer.prompts import DECLINE, QUOTING, REWRITING_VERSION, VERSIONS, messages, rewriting, within
from rag.answer.supervised import ModelCalls, SupervisedModel
from rag.types import Abstention, DraftSentence, Evidence, LanguageModel, RetrievedPassage, Turn

__all__ = ["Generative"]

_LONGEST_QUESTION = 500  # characters; a longer rewriting is an answer, or nonsense


class Generative:
    """Lets a language model write the answer from the evidence. What it says is a draft like any other.

    `window` and `max_tokens` are in tokens; `prompt` is the design of what it is asked, one of
    `rag.config.PROMPTS`.
    """

    def __init__(
        self, model: LanguageModel, *, window: int, max_tokens: int, prompt: str = "numbers"
    ) -> None:
        self.supervised = SupervisedModel.of(model)
        self._model: LanguageModel = self.supervised
        self._room = window - max_tokens
        self._prompt = prompt
        self.model = model.name
        self.name = (
            f"generate:{model.name}, prompt {prompt} {VERSIONS[prompt]}, follow-ups {REWRITING_VERSION}"
        )

    def for_question(self) -> tuple[Generative, ModelCalls]:
        """The same for one question, and what counts that question's calls."""
        calls, bound = self.supervised.for_question(), copy(self)
        bound._model = calls
        return bound, calls

    def draft(
        self,
        question: str,
        evidence: Evidence,
        *,
        asked_on: date | None = None,
        disagreements: Sequence[Disagreement] = (),
    ) -> Iterator[DraftSentence | Abstention]:
        """Sentences as they are finished. The phrase for no answer, where the reply begins with it, yields
        `WEAK_EVIDENCE`. `disagreements` of the passages are pointed out to the model. Raises `ModelError`.
        """
        shown = self.shown(question, evidence, disagreements)
        reader = self.reader(shown)
        pieces = self._model.stream(
            messages(question, shown, asked_on, prompt=self._prompt, disagreements=disagreements)
        )
        for at, draft in enumerate(_read(pieces, reader)):
            if not at and _declines(draft.text):
                yield Abstention.WEAK_EVIDENCE
                return
            yield draft

    def shown(
        self, question: str, evidence: Evidence, disagreements: Sequence[Disagreement] = ()
    ) -> list[RetrievedPassage]:
        """The passages that the model is given."""
        return within(evidence, question, self._room, prompt=self._prompt, disagreements=disagreements)

    def reader(self, shown: Sequence[RetrievedPassage]) -> ReplyReader:
        """What reads a reply to a prompt with those passages."""
        return ReplyReader([source.passage.text for source in shown], quoting=self._prompt in QUOTING)

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


def _declines(reply: str) -> bool:
    return DECLINE in re.sub(r"[^A-Z ]", "", reply.upper())
