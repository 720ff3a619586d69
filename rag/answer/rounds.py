"""A question that gathers from many passages, answered by a language model in rounds.

Passages are read in groups, one reply of the model each, for the sentences that matter: notes, each located
in its passage. A last reply is the answer, written from the notes, and its sentences are checked as any
model's are. Where that fails, the notes themselves are the answer.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date

from rag.answer.drafts import ReplyReader
from rag.answer.generate import Generative, closed
from rag.answer.note_prompts import VERSION, choosing, groups, notes_that_fit, reading, room_of, writing
from rag.answer.notes import Note, located_notes, merged, ordered, spread
from rag.answer.prompts import REWRITING_VERSION
from rag.answer.reply import Reply
from rag.answer.study import widened
from rag.english.normalise import words
from rag.errors import ModelError
from rag.question.gathering import Form, Gathering
from rag.types import (
    Abstention,
    BlockKind,
    Claim,
    DraftSentence,
    Evidence,
    Layout,
    Line,
    Place,
    RetrievedPassage,
    Sentence,
    Step,
)

__all__ = ["Rounds"]

_GROUP = 6  # passages read at once, where there are calls enough: of many a model leaves the later ones out
_REPEATS = 2  # lines of a reply that repeat earlier ones of it, after which a model is going round in circles
_MOST_SHOWN = 12  # notes that are shown where they are the answer themselves


class Rounds:
    """The rounds of one question: `read` fills `notes`, `release` makes the answer of them.

    `evidence` is the part of what was retrieved that the calls suffice to read; nothing else is prompted.
    `failure` is the model's last failure, `dropped` counts the sentences it gave as copied that stand
    in no passage, and `calls` the replies so far. `declined`: the model wrote that the notes do not answer.
    """

    def __init__(
        self,
        model: Generative,
        question: str,
        gathered: Gathering,
        retrieved: Evidence,
        asked_on: date | None,
        max_calls: int,
    ) -> None:
        self._model, self._question, self._gathered, self._asked_on = model, question, gathered, asked_on
        self._max_calls = max_calls
        self._room = room_of(model.room, question)
        readings = max_calls - 1
        # One call is kept for choosing among the notes, as long as there are enough.
        share = max(1, max_calls - 2)
        most = max(_GROUP, -(-len(retrieved) // share))
        self._groups = groups(retrieved.passages, self._room, most)[:readings]
        self.evidence = Evidence(retrieved.passages[: sum(map(len, self._groups))])
        self.name = f"generate:{model.model}, notes {VERSION}, follow-ups {REWRITING_VERSION}"
        self.notes: tuple[Note, ...] = ()
        self.passages_read = 0
        self.dropped = self.calls = 0
        self.failure: ModelError | None = None
        self.declined = False

    @property
    def unread(self) -> int:
        """Passages of the evidence that were not read, because the model failed before."""
        return len(self.evidence) - self.passages_read

    def read(self, reply: Reply) -> Iterator[Step]:
        """Take notes of the passages, group by group. There is a step before each call and after each line
        of a reply, so that it can be stopped there. A failure ends the reading; what was found before is
        kept."""
        steps = self._read()
        while True:
            reply.check_open()
            with reply.stopwatch.step("notes"):
                step = next(steps, None)
            if step is None:
                return
            yield step

    def release(self, reply: Reply) -> Generator[Step | Sentence, None, bool]:
        """Release what the model writes from its notes, and the notes themselves where nothing of that holds.
        Returns whether it was the notes."""
        before = len(reply.sentences)
        yield self._writing()
        try:
            yield from reply.release(self._write(), ours=False)
        except ModelError as exc:
            self.failure = exc
        if len(reply.sentences) > before or self.declined:
            return False
        yield from reply.release(self._quoted())
        return True

    def _read(self) -> Iterator[Step]:
        found: list[Note] = []
        try:
            for group in self._groups:
                yield self._reading(group, len(found))
                for note in self._taken(group):
                    if note is not None:
                        found = merged([*found, note], by_source=self._gathered.form is Form.COMPARISON)
                    yield self._reading(group, len(found))
                self.passages_read += len(group)
        except ModelError as exc:
            self.failure = exc
        self.notes = tuple(ordered(found, self._gathered))
        yield from self._condense()
        self.notes = self._within(self.notes)

    def _write(self) -> Iterator[DraftSentence | Abstention]:
        """The answer, sentence by sentence, written from the notes. Raises `ModelError`."""
        reader = ReplyReader([source.passage.text for source in self.evidence])
        prompt = writing(self._question, self._gathered.form, self.notes, self._asked_on)
        self.calls += 1
        for draft in self._model.drafts(prompt, reader):
            self.declined = self.declined or isinstance(draft, Abstention)
            yield draft

    def _writing(self) -> Step:
        dropped = f"; {_counted(self.dropped, 'quote')} not in the articles left out" if self.dropped else ""
        return Step("write", f"writing the answer from {_counted(len(self.notes), 'note')}{dropped}")

    def _quoted(self) -> Iterator[DraftSentence]:
        """The notes as the answer: an item for each, under its source where sources are compared."""
        for number, note in enumerate(spread(self.notes, _MOST_SHOWN)):
            start, end = note.at[1:]
            shown = widened(note.source, start, end)[2]
            place = Place(number, BlockKind.ITEM, 1)
            under: tuple[Line, ...] = ()
            facts = note.source.article
            if self._gathered.form is Form.COMPARISON and not self._gathered.sides and facts.source:
                under = (Line(f"{facts.source}:", place),)
            yield DraftSentence(shown, (Claim(note.source.rank, shown),), layout=Layout(place, under))

    def _reading(self, group: Sequence[RetrievedPassage], notes: int) -> Step:
        first, last = group[0].rank, group[-1].rank
        of = f"{first} to {last}" if last > first else f"{first}"
        passages = "passages" if last > first else "passage"
        return Step(
            "note", f"reading {passages} {of} of {len(self.evidence)}: {_counted(notes, 'note')} so far"
        )

    def _taken(self, group: Sequence[RetrievedPassage]) -> Iterator[Note | None]:
        """The notes of a group as they are written; `None` for a line without one."""
        with self._reply(reading(self._question, group, self._asked_on)) as pieces:
            for line in _lines(_unrepeated(pieces)):
                notes, lost = located_notes(line, group)
                self.dropped += lost
                yield from notes or (None,)

    def _condense(self) -> Iterator[Step]:
        """Have the model choose where the notes are too many for the answer's prompt: what it chooses stays
        as it is. Where no call is left for a part of them, the first of each passage stay."""
        if notes_that_fit(self.notes, self._room) == len(self.notes):
            return
        parts: list[tuple[Note, ...]] = []
        left = self.notes
        while left:
            fit = notes_that_fit(left, self._room)
            parts.append(left[:fit])
            left = left[fit:]
        room = notes_that_fit(self.notes, self._room)
        kept: list[Note] = []
        for part in parts:
            most = max(1, room * len(part) // len(self.notes))
            chosen: list[Note] = []
            if self.calls < self._max_calls - 1 and self.failure is None:
                yield Step("note", f"choosing among {_counted(len(self.notes), 'note')}")
                try:
                    chosen = self._chosen(part, most)
                except ModelError as exc:
                    self.failure = exc
            kept += chosen or spread(part, most)
        self.notes = tuple(kept)

    def _chosen(self, notes: Sequence[Note], most: int) -> list[Note]:
        with self._reply(choosing(self._question, notes, most)) as pieces:
            reply = "".join(pieces)
        numbers = dict.fromkeys(int(n) for n in re.findall(r"\d{1,4}", reply))
        chosen = [number for number in numbers if 1 <= number <= len(notes)][:most]
        return [notes[number - 1] for number in sorted(chosen)]

    def _within(self, notes: tuple[Note, ...]) -> tuple[Note, ...]:
        """As many of the notes as the answer's prompt has room for."""
        most = len(notes)
        while most > 1 and notes_that_fit(notes, self._room) < len(notes):
            most -= 1
            notes = tuple(spread(notes, most))
        return notes

    def _reply(self, prompt: Sequence[Mapping[str, str]]) -> AbstractContextManager[Iterator[str]]:
        self.calls += 1
        return closed(self._model.reply(prompt))


def _unrepeated(pieces: Iterable[str]) -> Iterator[str]:
    """The pieces of a reply up to where the model goes round in circles: small ones write the same few
    sentences until nothing more may be written."""
    said: set[str] = set()
    line, repeated = "", 0
    for piece in pieces:
        yield piece
        *whole, line = f"{line}{piece}".split("\n")
        for each in whole:
            key = " ".join(words(each))
            repeated += bool(key) and key in said
            said.add(key)
        if repeated >= _REPEATS:
            return


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of a reply, each when it is finished."""
    held = ""
    for piece in pieces:
        *whole, held = f"{held}{piece}".split("\n")
        yield from (line.strip() for line in whole if line.strip())
    if held.strip():
        yield held.strip()


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
