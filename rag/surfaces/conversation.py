"""A conversation as the page holds it: what was asked, what came of it, and what a browser keeps of that."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.people.conversations import title_of
from rag.surfaces.markup import answer_html, asked_html, escape
from rag.surfaces.record import Record
from rag.types import Turn

__all__ = ["Asked", "Exchange", "Shelf", "deleted", "judged", "kept", "renamed", "taken_up"]

Asked = list[list[str]]  # the questions put, each with its key, oldest first
Shelf = dict[str, Any]  # {"current": id, "conversations": [{"id", "title", "exchanges"}]}, the newest first

_KEPT = 60  # conversations
# Characters of them: a browser keeps about five million for a page, and Gradio scrambles them, which adds a third.
_ROOM = 2_000_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, the collection it is put to, and as much of its answer as there is; `step` says what is done for it now,
    if anything is.

    `found` is the finished answer's record, and `verdict` what the reader said of it; `so_far` the HTML of what stands
    already, or of why there is no answer.
    """

    key: str
    question: str
    collection: str = ""
    so_far: str = ""
    step: str = ""
    found: Record | None = None
    verdict: str = ""

    @property
    def turn(self) -> Turn | None:
        return Turn(self.found["question"], self.found["text"]) if self.found else None

    def asked(self) -> str:
        return asked_html(self.question, self.key)

    def answer(self, *, at_work: bool) -> str:
        if self.found:
            return answer_html(self.found, self.question, self.key, self.verdict)
        if self.step and not at_work:
            return f'{self.so_far}<p class="notice">Stopped.</p>'
        return self.so_far + (f'<p class="step" role="status">{escape(self.step)}…</p>' if self.step else "")


def judged(answered: Mapping[str, Exchange], verdicts: Mapping[str, str]) -> dict[str, Exchange]:
    """The exchanges with the verdicts, by key, that were given since."""
    return {key: replace(e, verdict=verdicts.get(key, e.verdict)) for key, e in answered.items()}


def kept(shelf: Shelf, current: str, asked: Asked, answered: Mapping[str, Exchange]) -> Shelf:
    """The shelf with the conversation as it stands now, in front; one that holds no answer is not kept."""
    exchanges = [
        {"key": key, "asked": e.question, "collection": e.collection, "found": e.found, "verdict": e.verdict}
        for key, _ in asked
        if (e := answered.get(key)) and e.found
    ]
    others = [c for c in shelf["conversations"] if c["id"] != current]
    if not exchanges:
        return {"current": current, "conversations": others}
    known = next((c["title"] for c in shelf["conversations"] if c["id"] == current), None)
    own = {"id": current, "title": known or title_of(str(exchanges[0]["asked"])), "exchanges": exchanges}
    return {"current": current, "conversations": _fitting([own, *others][:_KEPT])}


def _fitting(conversations: Sequence[Record]) -> list[Record]:
    """The newest of the conversations that a browser has room for; the first is kept in any case."""
    room = _ROOM
    fitting: list[Record] = []
    for held in conversations:
        room -= len(json.dumps(held))
        if fitting and room < 0:
            break
        fitting.append(held)
    return fitting


def taken_up(shelf: Shelf, wanted: str) -> tuple[Asked, dict[str, Exchange]]:
    """What was asked and answered in a conversation of the shelf; nothing, where it is not there."""
    exchanges: Sequence[Record] = next((c["exchanges"] for c in shelf["conversations"] if c["id"] == wanted), [])
    answered = {
        e["key"]: Exchange(e["key"], e["asked"], e["collection"], found=e["found"], verdict=e["verdict"]) for e in exchanges
    }
    return [[e["key"], e["asked"]] for e in exchanges], answered


def renamed(shelf: Shelf, wanted: str, title: str) -> Shelf:
    """The shelf with another title for a conversation; an empty one changes nothing."""
    new = title_of(title)
    changed = [{**c, "title": new} if c["id"] == wanted and new else c for c in shelf["conversations"]]
    return {**shelf, "conversations": changed}


def deleted(shelf: Shelf, wanted: str) -> Shelf:
    """The shelf without a conversation."""
    return {**shelf, "conversations": [c for c in shelf["conversations"] if c["id"] != wanted]}
