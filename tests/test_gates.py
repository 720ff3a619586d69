"""The test half of the seeds' gold may not fall under its floors; and a gate that is broken says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from conftest import SEEDS

import rag.cite
from eval.cases import GOLD, load
from eval.gates import CEILINGS, FLOORS, broken
from eval.run import Report, evaluate
from ingest import sync
from rag import Assistant, Config, open_assistant

CASES = load(GOLD / "seeds.jsonl")


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    config = Config(home=tmp_path_factory.mktemp("gates") / "home")
    sync(SEEDS, config)
    with open_assistant(config) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(assistant: Assistant) -> Report:
    return evaluate(CASES, assistant, gold="seeds", split="test")


def test_the_test_half_stands_above_its_floors(report: Report) -> None:
    assert broken(report) == []


def test_every_gate_bites(report: Report) -> None:
    for bounds, beyond in ((FLOORS, -0.001), (CEILINGS, 0.001)):
        for name, bound in bounds["seeds"].items():
            worse = replace(report, metrics={**report.metrics, name: (bound + beyond, None, None, 1)})
            assert [line.split()[1] for line in broken(worse)] == [name]
            without = replace(report, metrics={n: m for n, m in report.metrics.items() if n != name})
            assert [line.split()[1:4] for line in broken(without)] == [[name, "is", "missing,"]]


def test_citations_that_are_off_by_one_break_the_gate(assistant: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = rag.cite._at

    def off_by_one(source: Any, span: tuple[int, int], *rest: Any) -> Any:
        return exact(source, (span[0] + 1, span[1] + 1), *rest)

    monkeypatch.setattr(rag.cite, "_at", off_by_one)
    few = [case for case in CASES if case.kind == "who"]
    found = broken(evaluate(few, assistant, gold="seeds"))
    assert any(line.startswith("seeds citations_exact is") for line in found)
