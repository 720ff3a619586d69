"""The floors below which a release does not go, each with the run that set it. A floor rises when the number does.

A floor is the value of that run less two cases' worth, or for a rate of errors plus two: the questions are always the same,
and what may differ from one machine to the next is the last digit of a vector. A bound that has to hold for every case
has no such room.
"""

from __future__ import annotations

from eval.run import Report

__all__ = ["CEILINGS", "FLOORS", "broken"]

# Set by the run on the test halves, 133 and 191 questions, with the reader (2026-11-24, see eval/LOG.md). One bound is
# wider than before it: the public set's refusals, from .046 to .09, for a ceiling on its false answers of .299, not .509.
FLOORS: dict[str, dict[str, float]] = {
    "seeds": {
        "hit@1": 0.78,
        "hit@5": 0.95,
        "mrr@10": 0.862,
        "fact_recall": 0.659,
        "fact_coverage": 0.684,
        "citation_precision": 0.797,
        "citations_exact": 1.0,
        "auroc": 0.848,
    },
    "public": {
        "hit@1": 0.94,
        "hit@5": 0.985,
        "mrr@10": 0.961,
        "fact_recall": 0.544,
        "fact_coverage": 0.593,
        "citation_precision": 0.765,
        "citations_exact": 1.0,
        "auroc": 0.909,
        "conflict_recall": 0.32,
        "conflict_precision": 0.45,
    },
}
CEILINGS: dict[str, dict[str, float]] = {
    "seeds": {"false_answer_rate": 0.364, "false_refusal_rate": 0.17, "errors": 0.0},
    "public": {"false_answer_rate": 0.299, "false_refusal_rate": 0.09, "errors": 0.0},
}


def broken(report: Report) -> list[str]:
    """The floors and ceilings that a report breaks, each as a sentence; empty when it may go out.

    A metric that is missing breaks its gate: what is not measured is not passed.
    """
    found = []
    for bounds, wrong, word in ((FLOORS, float.__lt__, "under"), (CEILINGS, float.__gt__, "over")):
        for name, bound in bounds[report.gold].items():
            value = report.metrics[name][0] if name in report.metrics else None
            if value is None or wrong(float(value), bound):
                shown = "missing" if value is None else f"{value:.3f}"
                found.append(f"{report.gold} {name} is {shown}, {word} {bound:.3f}")
    return found
