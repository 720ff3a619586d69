"""How the judge and the rules are weighed: a rule that supported claims hardly meet is certain, thresholds keep
the stated rates, and what may only be measured on is never looked at."""

from __future__ import annotations

import random

from eval.bench.calibrate_check import Row, fit, likelihood, thresholds
from rag.answer.abstain import NEVER
from rag.scores import log_odds
from rag.types import Objection


def signs(judged: float) -> tuple[float, float, float]:
    return log_odds(judged), 0.0, -log_odds(judged)


def rows(number: int = 400) -> list[Row]:
    """Claims of people where the judge is right four times in five. `changed` is met by unsupported ones
    alone, `deeds` by some of both."""
    dice = random.Random(3)
    found = []
    for at in range(number):
        supported = at % 2 == 0
        right = dice.random() < 0.8
        judged = 0.9 if supported is right else 0.1
        objections = []
        if not supported and dice.random() < 0.3:
            objections.append("changed")
        if dice.random() < (0.1 if supported else 0.4):
            objections.append("deeds")
        found.append(Row("people", "claim", supported, False, ((signs(judged), tuple(objections)),)))
    return found


def test_a_rule_that_no_supported_claim_meets_is_certain_and_another_is_weighed() -> None:
    bias, weights, taken = fit(rows())
    assert taken[Objection.CHANGED] == NEVER
    assert 0.5 < taken[Objection.DEEDS] < 4
    assert weights[0] - weights[2] > 0.3
    sure = Row("people", "claim", True, False, ((signs(0.9), ()),))
    doubted = Row("people", "claim", True, False, ((signs(0.9), ("deeds",)),))
    never = Row("people", "claim", True, False, ((signs(0.999), ("changed",)),))
    found = [likelihood(row, bias, weights, taken) for row in (sure, doubted, never)]
    assert found[0] > found[1] > found[2]
    assert found[2] < 0.001


def test_the_text_that_supports_most_counts_and_words_that_stand_there_are_certain() -> None:
    taken = dict.fromkeys(Objection, 0.0)
    two = Row("people", "claim", True, False, ((signs(0.2), ()), (signs(0.8), ())))
    assert round(likelihood(two, 0.0, (1.0, 0.0, 0.0), taken), 6) == 0.8
    assert likelihood(Row("people", "claim", True, True, ()), 0.0, (1.0, 0.0, 0.0), taken) == 1.0
    assert likelihood(Row("people", "claim", True, False, ()), 0.0, (1.0, 0.0, 0.0), taken) == 0.0


def test_thresholds_are_the_least_and_the_greatest_that_keep_the_stated_rates() -> None:
    others = [("people", False, n / 100) for n in range(100)]
    right = [("people", True, 0.30 + n / 200) for n in range(100)]
    supported, shown = thresholds([*others, *right])
    assert supported == 0.90  # a tenth of the others lies at .90 and above
    assert shown == 0.31  # three in a hundred of the supported lie under .315
    spoiled = [("made by machine", False, 0.95) for _ in range(5)] + [
        ("made by machine", False, 0.1) for _ in range(95)
    ]
    assert thresholds([*others, *right, *spoiled])[0] == 0.96  # or five in a hundred spoiled ones would pass
