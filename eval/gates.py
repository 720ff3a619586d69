"""The floors below which a release does not go, each with the run that set it. A floor rises when the number does.

A floor is the lower end of the 95 % interval of that run on the test halves, or for a rate of errors its upper end, so that
another draw of questions of the same kind passes and a real loss does not.
"""

from __future__ import annotations

from eval.run import Report

__all__ = ["CEILINGS", "FLOORS", "broken"]

# Set by the run of 2026-11-22 on the test half: 133 questions, see eval/LOG.md.
FLOORS: dict[str, dict[str, float]] = {
    "seeds": {
        "hit@5": 0.93,
        "mrr@10": 0.73,
        "fact_recall": 0.525,
        "fact_coverage": 0.568,
        "citation_precision": 0.601,
        "citations_exact": 1.0,  # not a matter of luck: every citation, every time
    },
}
CEILINGS: dict[str, dict[str, float]] = {
    "seeds": {"false_answer_rate": 0.727, "false_refusal_rate": 0.23, "errors": 0.0},
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
