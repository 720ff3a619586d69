"""How the judge and the rules are weighed: a rule that supported claims hardly meet is certain, thresholds keep
the stated rates, and what may only be measured on is never looked at."""

from __future__ import annotations

import random

from eval.bench.calibrate_check import Row, certain_objections, fit, likelihood, parted, thresholds
from rag.answer.abstain import NEVER
from rag.scores import log_odds
from rag.types import Objection


def signs(judged: float) -> tuple[float, float]:
    return log_odds(judged), 0.0


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
        found.append(Row("people", "claim", supported, False, ((signs(judged), tuple(objections), 0.5),)))
    return found


def test_a_rule_that_no_supported_claim_meets_is_certain_and_another_is_weighed() -> None:
    assert certain_objections(rows()) == {*Objection} - {Objection.DEEDS}
    weighing = fit(rows(), frozenset({Objection.CHANGED}))
    assert weighing.objections[Objection.CHANGED] == NEVER
    assert 0.5 < weighing.objections[Objection.DEEDS] < 4
    assert weighing.signs[0] > 0.3
    found = [
        likelihood((signs(judged), objections, 0.5), weighing)
        for judged, objections in ((0.9, ()), (0.9, ("deeds",)), (0.999, ("changed",)))
    ]
    assert found[0] > found[1] > found[2]
    assert found[2] < 0.001


def test_claims_are_parted_by_the_text_that_speaks_for_them() -> None:
    near, far = (signs(0.8), (), 0.9), (signs(0.2), (), 0.3)
    repeats = Row("people", "claim", True, False, (far, near))
    reworded = Row("people", "claim", True, False, (far,))
    quoted, unfound = Row("people", "claim", True, True, ()), Row("people", "claim", True, False, ())
    assert parted([repeats, reworded, quoted, unfound]) == (
        [reworded],
        [Row("people", "claim", True, False, (near,))],
    )


OTHERS = [("people", False, n / 100) for n in range(100)]
RIGHT = [("people", True, 0.30 + n / 200) for n in range(100)]


def test_thresholds_are_the_least_and_the_greatest_that_keep_the_stated_rates() -> None:
    spoiled = [("made by machine", False, n / 100) for n in range(100)]
    assert thresholds([*OTHERS, *RIGHT], [*spoiled, *RIGHT]) == (
        (0.88, 0.32),  # 12 in a hundred others lie at .88 and above; five supported ones under .325
        (0.96, 0.32),  # and four in a hundred spoiled ones at .96 and above
    )


def test_of_no_source_with_claims_enough_more_than_five_in_a_hundred_are_withheld() -> None:
    low = [("letters", True, 0.2), *[("letters", True, 0.9)] * 18]
    assert thresholds([*OTHERS, *RIGHT, *low], [])[0][1] == 0.32  # one of nineteen says too little
    low = [*[("letters", True, 0.2)] * 2, *[("letters", True, 0.9)] * 18]
    assert thresholds([*OTHERS, *RIGHT, *low], [])[0][1] == 0.2


def test_what_speaks_for_a_sentence_never_counts_against_it() -> None:
    contrary = [
        Row(row.source, row.kind, not row.supported, False, row.texts)
        for row in rows()
        if "changed" not in row.texts[0][1]
    ]
    weighing = fit(contrary, frozenset())
    assert weighing.signs == (0.0, 0.0)
    assert set(weighing.objections.values()) == {0.0}


def test_spoiled_statements_that_pass_in_words_of_their_own_count_too() -> None:
    spoiled = [("made by machine", False, n / 100) for n in range(100)]
    passing = [("made by machine", False, 0.9)] * 4
    assert thresholds([*OTHERS, *RIGHT, *passing], [*spoiled, *RIGHT])[1][0] == 0.99


def test_hardly_a_faithful_statement_made_by_machine_is_withheld() -> None:
    faithful = [("made by machine", True, 0.05 + n / 100) for n in range(100)]
    assert thresholds([*OTHERS, *RIGHT], [*OTHERS, *RIGHT, *faithful])[1][1] == 0.01
    assert thresholds([*OTHERS, *RIGHT], [*RIGHT, *faithful, ("made by machine", False, 0.5)])[1][1] == 0.05


def test_a_source_with_few_claims_does_not_choose_a_threshold() -> None:
    few = [("others", False, 0.99) for _ in range(9)]
    assert thresholds([*OTHERS, *RIGHT, *few], []) == thresholds([*OTHERS, *RIGHT], [])
    assert thresholds([*OTHERS, *RIGHT, *few, ("others", False, 0.99)], [])[0][0] > 0.88
