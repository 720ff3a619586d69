"""What only nearly happened, was promised, denied or alleged is not said to have happened, and what did happen
may be said.

The cases were written together with the rules, for each kind of cue; they keep what works from being lost.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import article, evidence

from rag.answer.check import Checker
from rag.types import Claim, DraftSentence

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "checks-kept.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_claim_is_released_if_its_sentence_gives_it_as_a_fact(case: dict[str, Any]) -> None:
    checker = Checker(evidence(article(case["source_sentence"])))
    released = checker.check(DraftSentence(case["claim"], (Claim(1),))) is not None
    assert released is case["supported"]
