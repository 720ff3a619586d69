"""When not to answer: every threshold, with the run that set it."""

from __future__ import annotations

from collections.abc import Sequence

from rag.text import content_stems
from rag.types import Abstention, Evidence, Sentence

__all__ = ["LEAST_CONFIDENCE", "LEAST_SENTENCE", "after", "before", "confidence"]

# Chosen on the development half of eval/gold/seeds.jsonl and of the public set; see eval/LOG.md.
LEAST_CONFIDENCE = 0.50
LEAST_SENTENCE = 0.42


def confidence(question: str, evidence: Evidence) -> float:
    """How near the evidence is to the question, 0 to 1: half the best cosine, half the share of the question's
    words that the nearest passages hold between them."""
    if not evidence.passages:
        return 0.0
    cosine = max((p.scores.dense for p in evidence if p.scores.dense is not None), default=0.0)
    asked = set(content_stems(question))
    held = {stem for p in evidence.passages[:3] for stem in content_stems(f"{p.article.title or ''} {p.passage.text}")}
    share = len(asked & held) / len(asked) if asked else 1.0
    return (max(cosine, 0.0) + share) / 2


def before(question: str, evidence: Evidence) -> Abstention | None:
    """A reason not to try, or `None`."""
    if not evidence.passages:
        return Abstention.NO_EVIDENCE
    return Abstention.WEAK_EVIDENCE if confidence(question, evidence) < LEAST_CONFIDENCE else None


def after(sentences: Sequence[Sentence], claimed: int) -> Abstention | None:
    """A reason why nothing is left of what an answerer claimed, or `None`."""
    if sentences:
        return None
    return Abstention.UNSUPPORTED_DRAFT if claimed else Abstention.WEAK_EVIDENCE
