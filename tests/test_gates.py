"""The test halves of the gold may not fall under their floors; a gate that is broken says so; and what must
break one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

import rag.answer.abstain
import rag.answer.check
import rag.retrieval.search
from eval.cases import GOLD, Case, load
from eval.gates import CEILINGS, FLOORS, broken
from eval.reading import RememberingReader
from eval.run import Report, collection_for, evaluate
from rag import Assistant, open_assistant
from rag.models.encoder import BUNDLED, SentenceEncoder

pytestmark = pytest.mark.slow

GOLDS = sorted(FLOORS)
CASES = {name: load(GOLD / f"{name}.jsonl") for name in GOLDS}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Assistant]:
    """Opens a gold collection anew, with the thresholds of the moment, and the encoder and the reader of `clippings eval`
    for all."""
    homes = tmp_path_factory.mktemp("gates")
    configs = {name: collection_for(GOLD / f"{name}.jsonl", homes / name) for name in GOLDS}
    encoder, reader = SentenceEncoder(BUNDLED), RememberingReader()
    return lambda name: open_assistant(configs[name], encoder=encoder, reader=reader)


@pytest.fixture(scope="module")
def assistants(opened: Callable[[str], Assistant]) -> Iterator[dict[str, Assistant]]:
    found = {name: opened(name) for name in GOLDS}
    yield found
    for assistant in found.values():
        assistant.close()


@pytest.fixture(scope="module")
def reports(assistants: dict[str, Assistant]) -> dict[str, Report]:
    return {name: evaluate(CASES[name], assistants[name], gold=name, split="test") for name in GOLDS}


@pytest.mark.parametrize("name", GOLDS)
def test_the_test_half_stands_above_its_floors(reports: dict[str, Report], name: str) -> None:
    assert broken(reports[name]) == []


@pytest.mark.parametrize("name", GOLDS)
def test_every_gate_bites(reports: dict[str, Report], name: str) -> None:
    report = reports[name]
    for bounds, beyond in ((FLOORS, -0.001), (CEILINGS, 0.001)):
        for metric, bound in bounds[name].items():
            worse = replace(report, metrics={**report.metrics, metric: (bound + beyond, None, None, 1)})
            assert [line.split()[1] for line in broken(worse)] == [metric]
            without = replace(report, metrics={n: m for n, m in report.metrics.items() if n != metric})
            assert [line.split()[1:4] for line in broken(without)] == [[metric, "is", "missing,"]]


def _gates_broken(cases: list[Case], assistant: Assistant, name: str) -> set[str]:
    return {line.split()[1] for line in broken(evaluate(cases, assistant, gold=name))}


def test_citations_that_are_off_by_one_break_the_gate(
    assistants: dict[str, Assistant], monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = rag.answer.check._at

    def off_by_one(source: Any, span: tuple[int, int], *rest: Any) -> Any:
        return exact(source, (span[0] + 1, span[1] + 1), *rest)

    monkeypatch.setattr(rag.answer.check, "_at", off_by_one)
    few = [case for case in CASES["seeds"] if case.kind == "who"]
    assert "citations_exact" in _gates_broken(few, assistants["seeds"], "seeds")


def test_half_the_abstention_threshold_breaks_the_gate(
    opened: Callable[[str], Assistant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.answer.abstain, "MIN_CONFIDENCE", rag.answer.abstain.MIN_CONFIDENCE / 2)
    unanswerable = [case for case in CASES["public"] if case.split == "test" and case.declined]
    with opened("public") as assistant:
        assert "false_answer_rate" in _gates_broken(unanswerable, assistant, "public")


def test_a_much_higher_abstention_threshold_breaks_the_gate(
    opened: Callable[[str], Assistant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.answer.abstain, "MIN_CONFIDENCE", (1 + rag.answer.abstain.MIN_CONFIDENCE) / 2)
    answerable = [case for case in CASES["seeds"] if case.kind == "who" and not case.declined]
    with opened("seeds") as assistant:
        assert "false_refusal_rate" in _gates_broken(answerable, assistant, "seeds")


def test_a_fused_ranking_in_the_wrong_order_breaks_the_gate(
    assistants: dict[str, Assistant], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = rag.retrieval.search.fuse

    def worst_first(*rankings: Any, **options: Any) -> Any:
        return [(key, 1 / score) for key, score in right(*rankings, **options)]

    monkeypatch.setattr(rag.retrieval.search, "fuse", worst_first)
    few = [case for case in CASES["public"] if case.split == "test" and not case.declined][:20]
    assert {"hit@1", "hit@5", "mrr@10"} <= _gates_broken(few, assistants["public"], "public")
