"""What turning a follow-up into a question that stands alone is worth."""

from __future__ import annotations

__all__ = ["followup_gain"]


def followup_gain(alone: float, resolved: float, rewritten: float) -> float | None:
    """How much of the gap between the bare follow-up and a person's rewrite the resolved question closes.

    From three means of one metric over the same cases: with the follow-up asked alone, with the question the
    program made of it, and with the one a person made of it; raw and manual utterances, in the terms of TREC
    CAsT 2019 (Dalton, Xiong and Callan). The share is ours: (resolved - alone) / (rewritten - alone). 0 is no
    better than asking alone, 1 as good as the person; below 0 it does harm, above 1 it beats the person. The
    smaller the gap, the less sure the share. `None` if the rewrite does not help: then there is no gap.

    >>> followup_gain(alone=0.25, resolved=0.5, rewritten=0.75)
    0.5
    """
    if rewritten <= alone:
        return None
    return (resolved - alone) / (rewritten - alone)
