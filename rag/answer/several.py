"""A sentence that makes several claims: each is checked by itself, and all of them have to hold."""

from __future__ import annotations

from dataclasses import replace

from rag.answer.check import Checker
from rag.types import DraftSentence, Sentence

__all__ = ["checked_in_parts"]


def checked_in_parts(checker: Checker, draft: DraftSentence) -> Sentence | None:
    """The sentence with the citations of all its claims, or `None` where one of them is not supported.

    Its state is the weakest of theirs. A sentence that the evidence has word for word is not taken apart.
    Raises `ModelError` when the judge is needed and cannot be loaded.
    """
    if not draft.parts or checker.is_quoted(draft):
        return checker.check(draft)
    parts = [replace(draft, text=part, statement=None, parts=()) for part in draft.parts]
    # First whether all hold: a citation has its number from the moment that its part is checked.
    if not all(checker.may_be_shown(part) for part in parts):
        return None
    found = [checker.check(part) for part in parts]
    citations = dict.fromkeys(citation for part in found if part for citation in part.citations)
    return Sentence(draft.text, tuple(citations), draft.short, draft.lead)
