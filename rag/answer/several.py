"""A sentence that makes several claims: each is checked by itself, and all of them have to hold."""

from __future__ import annotations

from dataclasses import replace

from rag.answer.check import Checker
from rag.types import Claim, DraftSentence, Sentence, Support

__all__ = ["checked_in_parts", "with_best_claims"]


def checked_in_parts(checker: Checker, draft: DraftSentence) -> Sentence | None:
    """The sentence with the citations of all its claims, or `None` where one of them is not supported.

    Its state is the weakest of theirs. A sentence that the evidence has word for word is not taken apart.
    Raises `ModelError` when the judge is needed and cannot be loaded.
    """
    if not draft.parts or checker.is_quoted(draft):
        return checker.check(draft)
    parts = _parts(draft)
    # First whether all hold: a citation has its number from the moment that its part is checked.
    if not all(checker.support(part) for part in parts):
        return None
    found = [checker.check(part) for part in parts]
    citations = dict.fromkeys(citation for part in found if part for citation in part.citations)
    return Sentence(draft.text, tuple(citations), draft.short, draft.lead)


def with_best_claims(checker: Checker, draft: DraftSentence) -> DraftSentence:
    """A draft with the quotes that it claims, if these carry it as well as any words of the evidence;
    otherwise with the passages it claims alone. A model may quote too little, or the wrong words.

    Raises `ModelError` when the judge is needed and cannot be loaded.
    """
    if all(claim.quote is None for claim in draft.claims):
        return draft
    if (quoted := _support(checker, draft)) in {Support.QUOTED, Support.SUPPORTED}:
        return draft
    numbers = dict.fromkeys(claim.number for claim in draft.claims)
    bare = replace(draft, claims=tuple(Claim(number) for number in numbers))
    found = _support(checker, bare)
    return bare if found and found is not quoted else draft


def _support(checker: Checker, draft: DraftSentence) -> Support | None:
    """The weakest of what the claims of a sentence may be called, as `checked_in_parts` goes about it."""
    if not draft.parts or checker.is_quoted(draft):
        return checker.support(draft)
    found = [checker.support(part) for part in _parts(draft)]
    supports = [each for each in found if each]
    return Support.weakest(supports) if len(supports) == len(found) else None


def _parts(draft: DraftSentence) -> list[DraftSentence]:
    return [replace(draft, text=part, statement=None, parts=()) for part in draft.parts]
