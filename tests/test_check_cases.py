"""The check, tried on claims of eleven desks that were written by somebody who had not seen its rules.

Each claim rests on one sentence: it is released if that carries it, and withheld if it does not. What the check
gets wrong is named in `KNOWN_MISSES` with the reason; a case that passes must not stand there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import article, evidence

from rag.answer.check import Checker
from rag.types import Claim, DraftSentence, Support

pytestmark = pytest.mark.slow  # the bundled judge

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "checks.jsonl").read_text(encoding="utf-8").splitlines()
]
KNOWN_MISSES = {
    "transport-3": "an exception (“all trains except”) is not read",
    "health-7": "half is not compared with 50 percent",
}


def tried() -> list[Any]:
    def marks(case: dict[str, Any]) -> Any:
        reason = KNOWN_MISSES.get(case["id"])
        return pytest.mark.xfail(strict=True, reason=reason) if reason else ()

    return [pytest.param(case, id=f"{case['kind']}-{case['id']}", marks=marks(case)) for case in CASES]


@pytest.mark.parametrize("case", tried())
def test_a_claim_is_released_if_its_sentence_carries_it(case: dict[str, Any]) -> None:
    checker = Checker(evidence(article(case["source_sentence"])))
    sentence = checker.check(DraftSentence(case["claim"], (Claim(1),)))
    # What the judge is unsure of may be shown to be checked. It is not called supported.
    released = sentence is not None and (case["supported"] or sentence.support is not Support.CHECK)
    assert released is case["supported"], case["why"]


def test_the_known_misses_are_cases() -> None:
    assert set(KNOWN_MISSES) <= {case["id"] for case in CASES}
