"""A sentence that makes several claims: each is checked by itself, and all of them have to hold."""

from __future__ import annotations

from dataclasses import replace

from rag.answer.check import Checker
from rag.types import Citation, Claim, DraftSentence, Sentence, Support

__all__ = ["checked_in_parts", "with_best_claims"]

_ORDER = list(Support)  # from the strongest to the weakest


def checked_in_parts(checker: Checker, draft: DraftSentence) -> Sentence | None:
    """The sentence with the citations of all its claims, or `None` where one of them is not supported.

    Its state is the weakest of theirs. A sentence that the evidence has word for word is not taken apart.
    Raises `ModelError` when the judge is needed and cannot be loaded.
    """
    if not draft.parts or checker.is_quoted(draft):
        return checker.check(draft)
    parts = [
        with_best_claims(checker, replace(draft, text=part, statement=None, parts=())) for part in draft.parts
    ]
    # First whether all hold: a citation has its number from the moment that its part is checked.
    if not all(checker.may_be_shown(part) for part in parts):
        return None
    found = [checker.check(part) for part in parts]
    citations: dict[int, Citation] = {}
    for citation in (citation for part in found if part for citation in part.citations):
        # The words may be one part, and only fit another: they stand once, in the weaker state.
        known = citations.setdefault(citation.number, citation)
        if Support.weakest((known.support, citation.support)) is not known.support:
            citations[citation.number] = citation
    return Sentence(draft.text, tuple(citations.values()), draft.short, draft.lead)


def with_best_claims(checker: Checker, draft: DraftSentence) -> DraftSentence:
    """A draft with the quotes that it claims, if these carry it as well as any words of the evidence do;
    otherwise with the passages it claims alone. A model may quote too little, or the wrong words.

    One in parts is left as it is: its parts are looked at one by one. Raises `ModelError` when the judge is
    needed and cannot be loaded.
    """
    if draft.parts or all(claim.quote is None for claim in draft.claims):
        return draft
    quoted = _standing(checker, draft)
    if quoted <= (_ORDER.index(Support.SUPPORTED), 0):
        return draft
    numbers = dict.fromkeys(claim.number for claim in draft.claims)
    bare = replace(draft, claims=tuple(Claim(number) for number in numbers))
    return draft if quoted <= _standing(checker, bare) else bare


def _standing(checker: Checker, draft: DraftSentence) -> tuple[int, int]:
    """How well the evidence carries a draft, the lower the better: its state, and how many rules object."""
    if checker.is_quoted(draft):
        return _ORDER.index(Support.QUOTED), 0
    best = next(iter(checker.weighed(draft)), None)
    if best is None or best.support is None:
        return len(_ORDER), 0
    return _ORDER.index(best.support), len(best.objections)
