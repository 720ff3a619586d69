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
from rag.types import Claim, DraftSentence, Support

pytestmark = pytest.mark.slow  # the bundled judge

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "checks-kept.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case["id"],
            marks=pytest.mark.xfail(strict=True, reason="that reports of it were false is not read")
            if case["id"] == "more-media-35-0"
            else (),
        )
        for case in CASES
    ],
)
def test_a_claim_is_released_if_its_sentence_gives_it_as_a_fact(case: dict[str, Any]) -> None:
    checker = Checker(evidence(article(case["source_sentence"])))
    sentence = checker.check(DraftSentence(case["claim"], (Claim(1),)))
    # What the judge is unsure of may be shown to be checked. It is not called supported.
    released = sentence is not None and (case["supported"] or sentence.support is not Support.CHECK)
    assert released is case["supported"]
