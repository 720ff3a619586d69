"""The floors below which a release does not go, each with the run that set it. A floor rises when the number
does.

A floor is the value of that run less two cases' worth, or for a rate of errors plus two: the questions are
always the same, and what may differ from one machine to the next is the last digit of a vector. A bound that
has to hold for every case has no such room.
"""

from __future__ import annotations

from eval.run import Report

__all__ = ["CEILINGS", "FLOORS", "broken"]

# Set by the run on the test halves, 133 and 191 questions, with the reader of three cycles and the threshold
# at .399 (2026-11-25, see eval/LOG.md). Against the run before, wider: hit@1 by a case of each set, citation
# precision of the seeds by .017 (four questions more are answered), false answers, from ceilings of .273 and
# .175 to .333 and .263, and conflicts of the public set by one of twenty; narrower: the seeds' refusals, and
# facts of the public set.
FLOORS: dict[str, dict[str, float]] = {
    "seeds": {
        "hit@1": 0.78,
        "hit@5": 0.95,
        "mrr@10": 0.857,
        "fact_recall": 0.634,
        "fact_coverage": 0.639,
        "citation_precision": 0.781,
        "citations_exact": 1.0,
        "auroc": 0.859,
    },
    "public": {
        "hit@1": 0.94,
        "hit@5": 0.985,
        "mrr@10": 0.96,
        "fact_recall": 0.565,
        "fact_coverage": 0.577,
        "citation_precision": 0.778,
        "citations_exact": 1.0,
        "auroc": 0.941,
        "conflict_recall": 0.3,
        "conflict_precision": 0.41,
    },
}
CEILINGS: dict[str, dict[str, float]] = {
    "seeds": {"false_answer_rate": 0.333, "false_refusal_rate": 0.19, "errors": 0.0},
    "public": {"false_answer_rate": 0.263, "false_refusal_rate": 0.112, "errors": 0.0},
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
