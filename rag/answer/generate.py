"""A language model's reply as draft sentences, each with the passage numbers it claims, while it streams."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise

from rag.answer.prompts import DECLINE, REWRITING_VERSION, VERSION, messages, rewriting, within
from rag.english.sentences import sentences
from rag.types import Abstention, Claim, DraftSentence, Evidence, LanguageModel, Turn

__all__ = ["Generative", "split_reply"]

# Bracketed numbers are matched without nested repeats, and white space only from where it begins: either cost
# a minute of CPU on a hostile reply.
_MARKER = re.compile(r"(?<!\s)\s*[\[【]\s*(\d{1,3}(?:\s*[,;–-]\s*\d{1,3}){0,8})\s*[\]】]")
_OPEN_MARKER = re.compile(r"(?<!\s)\s*[\[【][\d\s,;–-]{0,60}\Z")
_CODE = re.compile(r"`[^`\n]{1,200}`")
_WIDEST_RANGE = 20
# Single quotation marks, told from the apostrophe of "don’t" by the side on which the word stands.
_SINGLE_OPENED = re.compile(r"(?<![\w’'])['‘](?=\w)")
_SINGLE_CLOSED = re.compile(r"(?<=[\w.,!?…])['’](?!\w)")
# A sentence is finished when the next has begun in earnest: "U.S." may be the end of one or not.
_BEGUN = 12
_LONGEST_QUESTION = 500  # characters; a longer rewriting is an answer, or nonsense


class Generative:
    """Lets a language model write the answer from the evidence. What it says is a draft like any other."""

    def __init__(self, model: LanguageModel, *, window: int, max_tokens: int) -> None:
        self._model = model
        self._room = window - max_tokens
        self.model = model.name
        self.name = f"generate:{model.name}, prompt {VERSION}, follow-ups {REWRITING_VERSION}"

    def draft(
        self, question: str, evidence: Evidence, *, asked_on: date | None = None
    ) -> Iterator[DraftSentence | Abstention]:
        """Sentences as they are finished. The phrase for no answer yields `WEAK_EVIDENCE`. Raises
        `ModelError`.
        """
        reply = ""
        given = 0
        shown = within(evidence, question, self._room)
        for piece in self._model.stream(messages(question, shown, asked_on)):
            reply += piece
            finished, rest = split_reply(reply, complete=False)
            for sentence in finished:
                given += 1
                yield sentence
            reply = rest
        if not given and _declines(reply):
            yield Abstention.WEAK_EVIDENCE
            return
        yield from split_reply(reply, complete=True)[0]

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


def split_reply(reply: str, *, complete: bool) -> tuple[list[DraftSentence], str]:
    """The finished sentences of a reply with the numbers they claim, and what is not finished yet.

    >>> finished, rest = split_reply("Iran struck first [1]. Pakistan replied. [2, 3]", complete=True)
    >>> [(sentence.text, [claim.number for claim in sentence.claims]) for sentence in finished]
    [('Iran struck first.', [1]), ('Pakistan replied.', [2, 3])]
    """
    held_back = "" if complete else (m.group() if (m := _OPEN_MARKER.search(reply)) else "")
    body = reply[: len(reply) - len(held_back)] if held_back else reply
    plain, markers = _without_markers(body)
    borders = list(sentences(plain))
    spans = borders
    if not complete and borders:
        spans = borders[:-1] if borders[-1][1] - borders[-1][0] >= _BEGUN else borders[:-2]
        # A full stop inside a quotation ends nothing, and until the quotation is closed it cannot be told
        # apart.
        ends = [0, *(end for _, end in spans)]
        spans = spans[: next((i for i, (a, b) in enumerate(pairwise(ends)) if _quoting(plain[a:b])), None)]
    found = []
    for start, end in spans:
        # A marker belongs to the sentence it stands in or follows; the space before it has gone with it.
        numbers = [n for at, _, numbers in markers for n in numbers if start < at <= end]
        text = " ".join(plain[start:end].split())
        if re.search(r"\w", text):
            found.append(DraftSentence(text, tuple(Claim(n) for n in dict.fromkeys(numbers))))
    if complete or not spans:
        return found, "" if complete else reply
    # What follows the last finished sentence and its markers is kept as it came.
    cut = spans[-1][1]
    consumed = cut + sum(length for at, length, _ in markers if at <= cut)
    return found, reply[consumed:]


def _quoting(text: str) -> bool:
    """Whether a quotation or a bracket is still open at the end."""
    if text.count('"') % 2 or len(_SINGLE_OPENED.findall(text)) > len(_SINGLE_CLOSED.findall(text)):
        return True
    return any(text.count(opened) > text.count(closed) for opened, closed in ("“”", "«»", "()", "[]"))


def _without_markers(text: str) -> tuple[str, list[tuple[int, int, list[int]]]]:
    """The text without its markers, and for each where it stood in what remains, how long it was, and its
    numbers.
    """
    plain = ""
    markers: list[tuple[int, int, list[int]]] = []
    last = 0
    code = [match.span() for match in _CODE.finditer(text)]
    for match in _MARKER.finditer(text):
        if any(start < match.start() < end for start, end in code):  # there it is an index
            continue
        plain += text[last : match.start()]
        markers.append((len(plain), len(match.group()), _marked(match.group(1))))
        last = match.end()
    return plain + text[last:], markers


def _marked(inside: str) -> list[int]:
    found: list[int] = []
    for part in re.split(r"[,;]", inside):
        ends = [int(n) for n in re.findall(r"\d+", part)]
        if len(ends) == 2 and 0 <= ends[1] - ends[0] <= _WIDEST_RANGE:
            found.extend(range(ends[0], ends[1] + 1))
        else:
            found.extend(ends)
    return found


def _declines(reply: str) -> bool:
    return DECLINE in re.sub(r"[^A-Z ]", "", reply.upper())
