"""When not to answer: every threshold that decides whether a question is answered and whether a claim
counts, with the run that set it.

Other numbers decide other things and stand where they are used. The weights that rank passages are in
`rag.retrieval.search`, those that rank words and sentences in `rag.answer.study` and `rag.answer.extract`.
How close two figures have to be to be one, and how far apart in a sentence two words may stand, are part of
the rules that read English, in `rag.answer.check`, `rag.answer.conflict`, `rag.question` and `rag.english`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rag.english.normalise import content_stems
from rag.scores import log_odds
from rag.types import Abstention, Evidence, Judgement, Objection, Sentence

__all__ = [
    "BIAS",
    "CONTRADICTED",
    "MIN_ANSWERED",
    "MIN_BELIEF",
    "MIN_CONFIDENCE",
    "MIN_LIST_SHARE",
    "MIN_MARGIN",
    "MIN_NEXT_SENTENCE",
    "MIN_REPEATED",
    "MIN_RIVAL",
    "MIN_RIVAL_FIGURE",
    "MIN_SHORT",
    "NEVER",
    "REPEATED",
    "REWORDED",
    "WEIGHTS",
    "Weighing",
    "after",
    "before",
    "confidence",
    "features",
    "judge_signs",
    "weighing",
]

# Logistic regression over the four features, by `python -m eval.bench.calibrate`; see eval/LOG.md.
BIAS = -2.2744
WEIGHTS = (0.2694, 0.0465, 1.0830, 1.8060)
# The highest at which no more than 15 in 100 of the demo articles' development questions that can be answered
# are refused.
MIN_CONFIDENCE = 0.399
# The share of the reader's belief from which a short answer is given before the sentences.
MIN_BELIEF = 0.30
# What an article says counts as a claim that may disagree with another article's under two conditions. First,
# the reader believes in its words at least this much, as a share of its belief in the best words of all.
# Figures need less, because rules check them further. Second, MIN_MARGIN: the words score this much better
# than "no answer here" does in the same passage. See eval/LOG.md.
MIN_RIVAL_FIGURE = 0.05
MIN_RIVAL = 0.3
MIN_MARGIN = 5.0
# How likely the judge must think what a short answer says with its question supported, for it to be given
# beside the sentence it stands in.
MIN_SHORT = 0.15
# And for the question to be answered at all: fewer than 2 in 100 of the development questions that can be
# answered lie under it.
MIN_ANSWERED = 0.1
# From which likelihood the judge's "contradicted" counts, beside an objection of a rule: of the supported
# claims of people in the development data fewer than 1 in 100 meet both.
CONTRADICTED = 0.3
NEVER = 20.0  # more than the judge can give: what a certain rule objects to is never shown


@dataclass(frozen=True, slots=True)
class Weighing:
    """How likely a sentence is supported: what the judge's log-odds are worth, and what each objection of a
    rule takes from them; and from which likelihood it is called supported, and is shown at all."""

    bias: float
    signs: tuple[float, float]
    objections: Mapping[Objection, float]
    supported: float
    shown: float

    def likelihood(self, judgement: Judgement, objections: Collection[Objection]) -> float:
        """How likely the sentence is supported, 0 to 1.

        >>> sure = Judgement(0.9, 0.05, 0.02, 0.03, 0.9)
        >>> found = [REWORDED.likelihood(sure, each) for each in ([], [Objection.DEEDS], [Objection.CHANGED])]
        >>> found == sorted(found, reverse=True)
        True
        """
        signs = judge_signs(judgement)
        odds = self.bias + sum(weight * sign for weight, sign in zip(self.signs, signs, strict=True))
        odds -= sum(self.objections[each] for each in objections)
        return 1 / (1 + math.exp(-odds))


# What hardly any supported claim of people meets.
_CERTAIN = dict.fromkeys(
    (
        Objection.UNKNOWN_FIGURES,
        Objection.ROLES,
        Objection.FACTS,
        Objection.SPEAKERS,
        Objection.CHANGED,
        Objection.CONTRADICTED,
    ),
    NEVER,
)
# Logistic regression and stated rules about errors, by `python -m eval.bench.calibrate_check` (eval/LOG.md).
# Sentences in words of their own and those that repeat the article's, with something changed or not, are two
# matters: one can be told in many ways and be right, the other be wrong by one word.
REWORDED = Weighing(
    bias=0.29,
    signs=(0.30, 0.26),
    objections=_CERTAIN
    | {
        Objection.FIGURES: 0.0,
        Objection.NAMES: 0.0,
        Objection.UNKNOWN_NAMES: 1.49,
        Objection.DENIALS: 0.0,
        Objection.DEEDS: 2.05,
    },
    supported=0.51,
    shown=0.06,
)
REPEATED = Weighing(
    bias=-0.66,
    signs=(0.82, 0.00),
    objections=_CERTAIN
    | {
        Objection.FIGURES: 0.0,
        Objection.NAMES: 1.43,
        Objection.UNKNOWN_NAMES: 1.43,
        Objection.DENIALS: 0.0,
        Objection.DEEDS: 0.0,
    },
    supported=0.5,
    shown=0.26,
)
# Share of a sentence's words that the stretches have in its order, from which it repeats them: nine in ten
# statements of people in words of their own lie under it, and nine in ten of those made by machine above.
MIN_REPEATED = 0.9
# A further member of a list has at least this share of the belief in the best one.
MIN_LIST_SHARE = 0.1
# A further sentence is given when it is nearly as good as the best: from this share of that one's score.
# Chosen on the development half of eval/gold, see eval/LOG.md.
MIN_NEXT_SENTENCE = 0.88


def features(
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


def confidence(
    question: str, evidence: Evidence, answerable: Sequence[float], supported: float | None = None
) -> float:
    """How likely the evidence answers the question, 0 to 1: a logistic function of `features`. It is 0 where
    the judge finds the best short answer not `supported` at all."""
    if not evidence.passages or (supported is not None and supported < MIN_ANSWERED):
        return 0.0
    seen = features(question, evidence, answerable)
    value = BIAS + sum(weight * sign for weight, sign in zip(WEIGHTS, seen, strict=True))
    return 1 / (1 + math.exp(-value))


def weighing(repeated: float) -> Weighing:
    """How a sentence is weighed of whose words a share, 0 to 1, is `repeated`."""
    return REPEATED if repeated >= MIN_REPEATED else REWORDED


def judge_signs(judgement: Judgement) -> tuple[float, float]:
    """What the judge says, as log-odds: that a sentence is supported, and that nothing is changed in it."""
    return log_odds(judgement.supported), log_odds(judgement.unchanged)


def before(evidence: Evidence, confidence: float) -> Abstention | None:
    """A reason not to try, or `None`."""
    if not evidence.passages:
        return Abstention.NO_EVIDENCE
    return Abstention.WEAK_EVIDENCE if confidence < MIN_CONFIDENCE else None


def after(sentences: Sequence[Sentence], claimed: int) -> Abstention | None:
    """A reason why nothing is left of what an answerer claimed, or `None`."""
    if sentences:
        return None
    return Abstention.UNSUPPORTED_DRAFT if claimed else Abstention.WEAK_EVIDENCE
