"""Follow-up questions of many desks, each made to stand alone.

`followups.jsonl` was written by somebody who had not seen the rules. What a rule gets wrong is named in
`KNOWN_MISSES` with the reason; a case that passes must not stand there, so that the table only shrinks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag.question.followup import standalone
from rag.types import Turn

KNOWN_MISSES: dict[str, str] = {
    "business-5": "what somebody owns (profit) is not exchanged for another thing (revenue)",
    "courts-4": "the judge was named two turns before, and is called by her office",
    "business-7": "“her” after “is” is not seen to be an owner",
    "technology-4": "of two things spoken of, neither is chosen: both are put in brackets",
    "transport-8": "“the first” without a noun is not read as one of a list",
    "weather-10": "“Tell me more” repeats the question, and not its answer",
    "courts-12": "“And” stays before a question that is whole",
    "technology-10": "a slip is mended as it was typed, in small letters",
}


def cases(name: str) -> list[dict[str, Any]]:
    text = (Path(__file__).parent / "cases" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def resolved(case: dict[str, Any]) -> str:
    return standalone(case["question"], [Turn(question, answer) for question, answer in case["history"]])


def is_accepted(whole: str, case: dict[str, Any]) -> bool:
    """Whether it is one of the wordings that the case accepts, or holds its words and none that it may not."""
    if "expect" in case:
        return whole in case["expect"]
    said = whole.casefold()
    lacking = [word for word in case["contains"] if word.casefold() not in said]
    return not lacking and not any(word.casefold() in said for word in case.get("lacks", ()))


@pytest.mark.parametrize("case", cases("followups.jsonl"), ids=lambda case: case["id"])
def test_a_follow_up_of_another_desk_stands_alone(case: dict[str, Any]) -> None:
    whole = resolved(case)
    assert is_accepted(whole, case) != (case["id"] in KNOWN_MISSES), whole


@pytest.mark.parametrize("case", cases("followups-kept.jsonl"), ids=lambda case: case["id"])
def test_a_follow_up_that_worked_still_does(case: dict[str, Any]) -> None:
    assert resolved(case) == case["expect"][0]


def test_every_known_miss_is_a_case() -> None:
    assert set(KNOWN_MISSES) <= {case["id"] for case in cases("followups.jsonl")}


@pytest.mark.parametrize("case", cases("followups.jsonl"), ids=lambda case: case["id"])
def test_a_follow_up_that_stands_alone_is_left_whatever_was_said_before(case: dict[str, Any]) -> None:
    """A question that was made to stand alone asks the same after any other turn."""
    if "expect" not in case or not case["history"] or case["question"].isupper():
        return
    whole = case["expect"][0]
    assert standalone(whole, [Turn("Who won the regatta at Malmby?", "The Osk crew.")]) == whole
