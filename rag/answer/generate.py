"""A language model writes the answer, or words a follow-up so that it stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import date

from rag.answer.conflict import Disagreement
from rag.answer.drafts import ReplyReader
from rag.answer.prompts import (
    DECLINE,
    QUOTING,
    REWRITING_VERSION,
    VERSIONS,
    is_border,
    messages,
    rewriting,
    within,
)
from rag.answer.remarks import is_fragment
from rag.answer.supervised import ModelCalls, SupervisedModel
from rag.english.lexicon import QUESTION_WORDS
from rag.english.normalise import words
from rag.question.parts import stated
from rag.types import (
    Abstention,
    BlockKind,
    DraftSentence,
    Evidence,
    LanguageModel,
    RetrievedPassage,
    Turn,
)

__all__ = ["Generative", "closed", "declines", "in_answer_to"]

_LONGEST_QUESTION = 500  # characters; a longer rewriting is an answer, or nonsense
_LONGEST_SHORT = 8  # words of an answer that is no sentence
_FULL_STOP = re.compile(r"(?<=[^\W\d_]{2})\.\Z")  # not that of "U.S."
_REPEATS = 2  # sentences that were said before, after which a model is going round in circles
_FINISHED = re.compile(r"[.!?…][\"'”’)\]*_]*\Z")


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
        self.room = window - max_tokens  # tokens of a prompt
        self._max_tokens = max_tokens
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
        conversation = messages(question, shown, asked_on, prompt=self._prompt, disagreements=disagreements)
        for draft in self.drafts(conversation, self.reader(shown)):
            if isinstance(draft, Abstention):
                yield draft
            elif not repeats(question, draft.text):
                yield in_answer_to(question, draft)

    def drafts(
        self, conversation: Sequence[Mapping[str, str]], reader: ReplyReader
    ) -> Iterator[DraftSentence | Abstention]:
        """The reply to a conversation, as `draft` gives it. A sentence that the reply ended in the middle of
        is left out; one that is said again is not given again, and ends the reply where a model goes round in
        circles: small ones do so until nothing more may be written. The borders of the passages, where a
        model writes them as well, are no sentences. Raises `ModelError`.
        """
        said: set[tuple[str, tuple[str, ...]]] = set()
        repeated = 0
        with closed(self._model.stream(conversation)) as pieces:
            for draft in self._read(pieces, reader):
                if is_border(draft.text):
                    continue
                if not said and declines(draft.text):
                    yield Abstention.WEAK_EVIDENCE
                    return
                # One cell of a table may say what another does, and an item what one of another list does.
                under = tuple(line.text for line in draft.layout.under) if draft.layout else ()
                cell = draft.layout is not None and draft.layout.place.kind is BlockKind.CELL
                if (draft.text, under) in said and not cell:
                    repeated += 1
                    if repeated >= _REPEATS:
                        return
                    continue
                said.add((draft.text, under))
                yield draft

    def _read(self, pieces: Iterator[str], reader: ReplyReader) -> Iterator[DraftSentence]:
        for piece in pieces:
            yield from reader.feed(piece)
        last = list(reader.close())
        written = getattr(self._model, "reply_tokens", None)
        if (
            last
            and written is not None
            and written >= self._max_tokens
            and not _FINISHED.search(last[-1].text)
        ):
            last.pop()
        yield from last

    def shown(
        self, question: str, evidence: Evidence, disagreements: Sequence[Disagreement] = ()
    ) -> list[RetrievedPassage]:
        """The passages that the model is given."""
        return within(evidence, question, self.room, prompt=self._prompt, disagreements=disagreements)

    def reader(self, shown: Sequence[RetrievedPassage]) -> ReplyReader:
        """What reads a reply to a prompt with those passages."""
        return ReplyReader([source.passage.text for source in shown], quoting=self._prompt in QUOTING)

    def reply(self, conversation: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """The pieces of the model's reply to another conversation. Raises `ModelError`."""
        return self._model.stream(conversation)

    def rewritten(self, question: str, history: Sequence[Turn]) -> str | None:
        """The question as the model would ask it without the conversation; `None` for a reply that is no
        single line.

        Untrusted: see `rag.question.followup.faithful`. Raises `ModelError`.
        """
        reply = ""
        with closed(self._model.stream(rewriting(question, history))) as pieces:
            for piece in pieces:
                reply += piece
                if len(reply) > _LONGEST_QUESTION:
                    return None
        line = reply.strip().strip('"“”').strip()
        return line if line and "\n" not in line else None


@contextmanager
def closed(pieces: Iterator[str]) -> Iterator[Iterator[str]]:
    """The pieces of a reply, which is ended at the end of the block, as far as the iterator can be closed: a
    generator that is not run to its end still holds its connection."""
    try:
        yield iter(pieces)
    finally:
        if close := getattr(pieces, "close", None):
            close()


def in_answer_to(question: str, draft: DraftSentence) -> DraftSentence:
    """A draft that is no sentence, such as a name, judged as the statement that it makes with the question:
    the words may stand in a passage, and answer something else.

    >>> in_answer_to("Who struck first?", DraftSentence("Iran.")).statement
    'Iran struck first.'
    >>> in_answer_to("Who struck first?", DraftSentence("Iran struck.")).statement is None
    True
    """
    claims = draft.statement is None and not (draft.layout and draft.layout.place.kind is BlockKind.CELL)
    short = len(words(draft.text)) <= _LONGEST_SHORT and not declines(draft.text)
    if claims and short and is_fragment(draft.text):
        return replace(draft, statement=stated(question, _FULL_STOP.sub("", draft.text)))
    return draft


def repeats(question: str, text: str) -> bool:
    """Whether a sentence is the question, or a part of it, with a full stop.

    >>> repeats("The FDA approved a vaccine for which virus?", "The FDA approved a vaccine for which virus.")
    True
    >>> repeats("Did Iran strike first?", "Iran did strike first.")
    False
    >>> repeats("Which mayor, who left, lied?", "The mayor who left lied.")
    False
    """
    asked, said = words(question), set(words(text))
    asking = next((word for word in asked if word in QUESTION_WORDS), None)
    return asking in said and said <= set(asked)


def declines(reply: str) -> bool:
    """Whether a sentence of a reply is the phrase for no answer.

    >>> declines("**The articles do not say.**"), declines("The articles do.")
    (True, False)
    """
    return DECLINE in re.sub(r"[^A-Z ]", "", reply.upper())
