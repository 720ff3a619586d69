"""When not to answer: every threshold, with the run that set it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rag.english.normalise import content_stems
from rag.scores import log_odds
from rag.types import Abstention, Evidence, Sentence

__all__ = [
    "BIAS",
    "LEAST_BELIEF",
    "LEAST_CONFIDENCE",
    "LEAST_MARGIN",
    "LEAST_RIVAL",
    "LEAST_RIVAL_FIGURE",
    "WEIGHTS",
    "after",
    "before",
    "confidence",
    "signs",
]

# Logistic regression over the four signs, by `python -m eval.bench.calibrate`; see eval/LOG.md.
BIAS = -2.2744
WEIGHTS = (0.2694, 0.0465, 1.0830, 1.8060)
# The highest at which no more than 15 in 100 of the demo articles' development questions that can be answered
# are refused.
LEAST_CONFIDENCE = 0.399
# The share of the reader's belief from which a short answer is given before the sentences.
LEAST_BELIEF = 0.30
# What an article says counts as a claim that may disagree with another's from this share of the belief in the
# best words on (figures, and anything else), and from this much more in its own best words than in there
# being none. Figures are checked further by rule; other words that the reader half believes in are more often
# about something else. See eval/LOG.md.
LEAST_RIVAL_FIGURE = 0.05
LEAST_RIVAL = 0.3
LEAST_MARGIN = 5.0


def signs(
    question: str, evidence: Evidence, answerable: Sequence[float]
) -> tuple[float, float, float, float]:
    """What speaks for an answer, each higher the likelier it is. `answerable`: how likely each passage
    answers, 0 to 1.

    From the reader: the log-odds that the first passage answers, and that the likeliest one does. From
    retrieval: the best cosine, and the share of the question's words that the likeliest passage holds, its
    article's title included.
    """
    cosine = max((p.scores.dense for p in evidence if p.scores.dense is not None), default=0.0)
    asked = set(content_stems(question))
    if not answerable:
        return log_odds(0.0), log_odds(0.0), 0.0, 0.0
    likeliest = max(range(len(answerable)), key=lambda i: (answerable[i], -i))
    best = evidence.passages[likeliest]
    held = set(content_stems(f"{best.article.title or ''} {best.passage.text}"))
    share = len(asked & held) / len(asked) if asked else 1.0
    return log_odds(answerable[0]), log_odds(answerable[likeliest]), max(cosine, 0.0), share


def confidence(question: str, evidence: Evidence, answerable: Sequence[float]) -> float:
    """How likely the evidence answers the question, 0 to 1: the logistic function of the weighted `signs`."""
    if not evidence.passages:
        return 0.0
    seen = signs(question, evidence, answerable)
    value = BIAS + sum(weight * sign for weight, sign in zip(WEIGHTS, seen, strict=True))
    return 1 / (1 + math.exp(-value))


def before(evidence: Evidence, confidence: float) -> Abstention | None:
    """A reason not to try, or `None`."""
    if not evidence.passages:
        return Abstention.NO_EVIDENCE
    return Abstention.WEAK_EVIDENCE if confidence < LEAST_CONFIDENCE else None


def after(sentences: Sequence[Sentence], claimed: int) -> Abstention | None:
    """A reason why nothing is left of what an answerer claimed, or `None`."""
    if sentences:
        return None
    return Abstention.UNSUPPORTED_DRAFT if claimed else Abstention.WEAK_EVIDENCE
