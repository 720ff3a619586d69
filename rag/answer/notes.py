"""Notes that a language model takes of passages: sentences that it copies, each located in its passage.

A sentence that stands in no passage word for word is no note. What a note says is always the article's own
sentence, whole; the model only chose it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from rag.answer.located import place_of
from rag.english.normalise import words
from rag.english.sentences import Span, sentences
from rag.english.times import Moment, days
from rag.question.gathering import Form, Gathering
from rag.types import RetrievedPassage

__all__ = ["Note", "located_notes", "merged", "ordered", "spread"]

_FEWEST_WORDS = 3  # one or two words stand anywhere, and say nothing
# "[2]", "(passage 2)", "Passage 2:", where a line begins or ends.
_NUMBER = r"[\[【(]?\s*(?:(?:passage|source|article|note)\s*)?(\d{1,3})\s*[\]】)]"
_NAMED = r"(?:passage|source|article)\s+(\d{1,3})\s*[:.–-]?"
_FIRST = re.compile(rf"\s*(?:{_NUMBER}|{_NAMED})[\s:.,–-]*", re.IGNORECASE)
_LAST = re.compile(rf"[\s.,–-]*(?:{_NUMBER}|\(?{_NAMED}\)?)\s*\.?\s*\Z", re.IGNORECASE)
_BULLET = re.compile(r"\s*(?:[-*+•>]\s+|\d{1,2}\.\s+)*")
_QUOTED = re.compile(r"[“\"](.+?)[”\"]")
_MARKS = "“”\"'‘’*_` "


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence of a passage, at [start, end) of the passage's text. `time`: the day or days it speaks of,
    itself or in the sentence before it, if they are known."""

    source: RetrievedPassage
    start: int
    end: int
    time: Moment | None

    @property
    def text(self) -> str:
        """The sentence in one line."""
        return " ".join(self.source.passage.text[self.start : self.end].split())

    @property
    def when(self) -> date | None:
        """The day by which it is put in order: the first it speaks of, or else that of its article."""
        return self.time.first if self.time else self.source.article.published

    @property
    def at(self) -> tuple[str, int, int]:
        """The article, and where the sentence stands in it."""
        passage = self.source.passage
        return passage.article_id, passage.start + self.start, passage.start + self.end


def located_notes(line: str, passages: Sequence[RetrievedPassage]) -> tuple[list[Note], int]:
    """The notes of a line of a model's reply, and how many sentences of it stand in no passage.

    They are looked for in the passage that the line names, and then in the others in their order: the words
    decide, and a wrong number is put right.
    """
    number, said = _numbered(line)
    if len(words(said)) < _FEWEST_WORDS or said.startswith("<<"):
        return [], 0
    order = sorted(passages, key=lambda source: source.rank != number)
    if notes := _standing(said.strip(_MARKS), order):
        return notes, 0
    lost = 0
    for start, end in sentences(said):
        each = said[start:end].strip(_MARKS)
        if len(words(each)) >= _FEWEST_WORDS:
            # "Dawn reports: “…”": the words of the article are those it quotes.
            inside = max(_QUOTED.findall(said[start:end]), key=len, default="")
            found = _standing(each, order) or _standing(inside, order)
            notes += found
            lost += not found
    return notes, lost


def _numbered(line: str) -> tuple[int | None, str]:
    """The number of the passage that a line names, and the line without it."""
    said = line[match.end() :] if (match := _BULLET.match(line)) else line
    number = None
    if first := _FIRST.match(said):
        number, said = _number(first), said[first.end() :]
    elif last := _LAST.search(said):
        number, said = _number(last), said[: last.start()]
    return number, said.strip()


def _number(match: re.Match[str]) -> int:
    return int(match[1] or match[2])


def _standing(said: str, passages: Sequence[RetrievedPassage]) -> list[Note]:
    """The whole sentences around the words, in the first passage that has them."""
    bare = said.rstrip(" .!?…,;:")
    if len(words(bare)) < _FEWEST_WORDS:
        return []
    for source in passages:
        if span := place_of(bare, source.passage.text):
            return _notes(source, span)
    return []


def _notes(source: RetrievedPassage, span: Span) -> list[Note]:
    """A note for each sentence that a stretch of a passage touches."""
    text, published = source.passage.text, source.article.published
    found: list[Note] = []
    before: Moment | None = None
    for start, end in sentences(text):
        # One day says more than a month does, as in `day_of`.
        said = sorted(days(text[start:end], published), key=lambda m: (m.first != m.last, m.start))
        own = said[0] if said else None
        before, time = own, own or before
        if start < span[1] and span[0] < end and len(words(text[start:end])) >= _FEWEST_WORDS:
            found.append(Note(source, start, end, time))
    return found


def merged(notes: Iterable[Note], *, by_source: bool = False) -> list[Note]:
    """The notes without those that repeat one before them: the same place of an article, or a part of it,
    from passages that overlap; and the same words of another article, as in a report of an agency that
    several have. With `by_source` the same words of two sources are two notes: who says it is asked for."""
    kept: list[Note] = []
    said: set[tuple[str, ...]] = set()
    for note in notes:
        whose = (note.source.article.voice,) if by_source else ()
        key = (*words(note.text), *whose)
        if key in said or any(_covers(other, note) for other in kept):
            continue
        said.add(key)
        kept = [*(other for other in kept if not _covers(note, other)), note]
    return kept


def _covers(one: Note, other: Note) -> bool:
    (article, start, end), (its, first, last) = one.at, other.at
    return article == its and start <= first and last <= end


def ordered(notes: Iterable[Note], gathered: Gathering) -> list[Note]:
    """The notes in the order in which they are told: a timeline by day, undated ones last; a comparison by
    the side that a note names first, or by source where no sides are named; else by rank."""
    return sorted(notes, key=lambda note: (_place(note, gathered), note.source.rank, note.start))


def _place(note: Note, gathered: Gathering) -> tuple[int, str]:
    if gathered.form is Form.TIMELINE:
        return (note.when.toordinal() if note.when else date.max.toordinal() + 1, "")
    if gathered.form is Form.COMPARISON and gathered.sides:
        held = words(note.text)
        named = [
            (min(held.index(word) for word in words(side) if word in held), number)
            for number, side in enumerate(gathered.sides)
            if set(words(side)) <= set(held)
        ]
        return (min(named)[1] if named else len(gathered.sides), "")
    if gathered.form is Form.COMPARISON:
        return (0, note.source.article.source or note.source.article.voice)
    return (0, "")


def spread(notes: Sequence[Note], most: int) -> list[Note]:
    """At most so many notes, in their order: the first of each passage before the second of any, and of those
    the ones of the best passages."""
    turn: dict[int, int] = {}
    turns: list[tuple[int, int, int]] = []
    for place, note in enumerate(notes):
        rank = note.source.rank
        turns.append((turn.get(rank, 0), rank, place))
        turn[rank] = turn.get(rank, 0) + 1
    return [notes[place] for place in sorted(place for _, _, place in sorted(turns)[:most])]
