"""What the configured language model makes of recorded questions with their evidence, in one design of the
prompt. `python -m eval.bench.model --recorded FILE.jsonl` runs it.

Each line of FILE has a `question` and its `evidence`, a list of texts, as in `eval.bench.answers`. Equal
ones are asked once. The evidence is split into passages as articles are; the model gets those that share the
most words with the question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.bench.support import State, evidence_of, read_lines, shares, state_of, text_in, texts_in
from rag.answer.generate import Generative
from rag.answer.prompts import QUOTING
from rag.answer.reply import Reply, Stopwatch
from rag.types import Abstention, DraftSentence, Evidence, LanguageModel

__all__ = ["Recorded", "Replied", "measures", "read_questions", "replied"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A question and the texts that it was asked of."""

    question: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replied:
    """A model's reply to a question. `states`: of the sentences that claim something, in their order.
    `quotes`: how many it gave, and how many of them a passage has. `in_form`: whether every sentence says
    what it rests on, as the design asks.
    """

    question: str
    text: str
    states: tuple[State, ...]
    quotes: tuple[int, int]
    declined: bool
    in_form: bool


def read_questions(path: Path) -> list[Recorded]:
    """The questions of a file, each with its evidence, equal ones once. Raises `ConfigError` as `read_lines`
    does."""
    read = read_lines(path, "a recorded question", _recorded)
    return list(dict.fromkeys(read))


def _recorded(record: Mapping[str, Any]) -> Recorded:
    return Recorded(text_in(record, "question"), texts_in(record, "evidence"))


def replied(
    asked: Recorded, model: LanguageModel, prompt: str, *, passages: int, window: int, max_tokens: int
) -> Replied:
    """What a model replies, and what becomes of it in the product."""
    evidence = evidence_of(asked.evidence, nearest_to=asked.question, most=passages)
    heard = _Heard(model)
    answerer = Generative(heard, window=window, max_tokens=max_tokens, prompt=prompt)
    drafts: list[DraftSentence] = []
    declined = False
    reply = Reply(evidence, Stopwatch(), lambda: None)
    states = []
    for draft in answerer.draft(asked.question, evidence):
        if isinstance(draft, Abstention):
            declined = True
            break
        drafts.append(draft)
        before = reply.claimed
        sentence = next(reply.release(iter([draft]), ours=False), None)
        if reply.claimed > before:  # what was said before is not said again
            states.append(state_of(sentence))
    shown = answerer.shown(asked.question, evidence)
    reader = answerer.reader(shown)
    for _ in (*reader.feed(heard.text), *reader.close()):
        pass
    return Replied(
        asked.question,
        heard.text,
        tuple(states),
        reader.quoted,
        declined,
        declined or _in_form(drafts, evidence, prompt),
    )


@dataclass(slots=True)
class _Heard:
    """A language model, with what it wrote last."""

    model: LanguageModel
    text: str = ""
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.model.name

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        self.text = ""
        for piece in self.model.stream(messages):
            self.text += piece
            yield piece


def _in_form(drafts: Sequence[DraftSentence], evidence: Evidence, prompt: str) -> bool:
    """Whether each sentence names a passage that there is, and has a quote of it where it should."""

    def rests(draft: DraftSentence) -> bool:
        named = [claim for claim in draft.claims if evidence.numbered(claim.number)]
        return any(claim.quote for claim in named) if prompt in QUOTING else bool(named)

    return bool(drafts) and all(rests(draft) for draft in drafts)


def measures(replies: Sequence[Replied]) -> dict[str, Any]:
    """Every number of some replies: shares are from 0 to 1, of replies or of sentences. Raises `ValueError`
    without any reply."""
    if not replies:
        raise ValueError("there is no reply to measure")
    states = [state for reply in replies for state in reply.states]
    given, located = (sum(reply.quotes[at] for reply in replies) for at in (0, 1))
    answered = [reply for reply in replies if not reply.declined]
    return {
        "replies": len(replies),
        "in form": sum(reply.in_form for reply in replies) / len(replies),
        "declined": (len(replies) - len(answered)) / len(replies),
        "nothing holds": sum(set(r.states) <= {State.WITHHELD} for r in answered) / len(replies),
        "quotes": given,
        "quotes located": located / given if given else None,
        "sentences": len(states),
        **{str(state): share for state, share in (shares(states) if states else {}).items()},
    }
