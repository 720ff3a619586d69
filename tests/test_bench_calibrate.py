"""Fitting the confidence: what tells the answerable apart gets the weight, and a constant moves no threshold."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from conftest import WordEncoder, WordReader, write_jsonl

from eval.bench.calibrate import _judged, _Watching, fit
from ingest import sync
from rag import Config, Filters


def test_the_sign_that_tells_gets_the_weight_and_odds_come_out_right() -> None:
    dice = np.random.default_rng(3)
    telling, noise = dice.normal(size=4_000), dice.normal(size=4_000)
    can = dice.random(4_000) < 1 / (1 + np.exp(-(2 * telling - 1)))
    bias, weights = fit([((a, b), bool(y)) for a, b, y in zip(telling, noise, can, strict=True)])
    assert weights[0] == pytest.approx(2, abs=0.3)
    assert weights[1] == pytest.approx(0, abs=0.1)
    assert bias == pytest.approx(-1, abs=0.2)


def test_a_sign_that_never_changes_is_no_reason_to_fail() -> None:
    bias, weights = fit([((1.0, 5.0), True), ((-1.0, 5.0), False)] * 20)
    assert all(map(math.isfinite, (bias, *weights)))
    assert weights[0] > 0


def test_the_threshold_answers_the_share_that_was_asked_for() -> None:
    rows = [((x,), True) for x in (4.0, 3.0, 2.0, -2.0)] + [((x,), False) for x in (3.5, 1.0, 0.0, -1.0)]
    found = _judged({"small": rows}, 0.0, [1.0], 0.75)["small"]
    assert found["threshold"] == pytest.approx(1 / (1 + math.exp(-2)))
    assert (found["answerable"], found["unanswerable"], found["declined_at_threshold"]) == (4, 4, 0.75)


def test_the_signs_are_those_of_the_part_that_speaks_most_for_an_answer(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    news = write_jsonl(
        tmp_path / "n.jsonl",
        {"id": "a", "text": "Iran struck first."},
        {"id": "b", "text": "Snow fell in Bern."},
    )
    sync(news, config, encoder=encoder)
    watching = _Watching(config, encoder, WordReader())
    both = watching.features("Who struck first, and which zebra sang?")
    assert both[0] == pytest.approx(math.log(0.98 / 0.02))
    assert watching.features("Who struck first?", filters=Filters(exclude_articles=("a",)))[0] < both[0]
