"""The judge: that its graph computes what was trained, that it tells the plainest cases apart, and that wrong
weights are refused. The bundled weights are the real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rag.errors import ModelError
from rag.models.encoder import bundled_folder
from rag.models.engine import WORD_EMBEDDINGS, Graph, encoder_weights, read_weights
from rag.models.judge import WEIGHTS, WEIGHTS_SHA256, TextJudge
from rag.training.network import Network, save
from rag.training.pairs import LABELS
from rag.types import Judgement

pytestmark = pytest.mark.slow

FERRY = (
    "The ferry Odile left Brest at noon with 212 passengers, the harbour office said. Captain Jana Roux "
    "turned back after the second engine failed. Nobody was hurt. The company did not say when the crossing "
    "will be repeated."
)
FILLER = "The committee met again and heard the same reports about grain, rain and roads as before. "


@pytest.fixture(scope="module")
def judge() -> TextJudge:
    return TextJudge()


def likeliest(judgement: Judgement) -> str:
    return max(LABELS, key=lambda label: getattr(judgement, label))


def test_the_graph_computes_what_the_trained_network_does(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = Network(spans=False, judgements=2 * len(LABELS)).eval()
    save(network, str(tmp_path / "w.safetensors"), eight_bits=True)
    weights = read_weights(tmp_path / "w.safetensors", None)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()}, strict=False)
    words = encoder_weights(bundled_folder() / "model.safetensors")[WORD_EMBEDDINGS]
    graph = Graph({**weights, WORD_EMBEDDINGS: words}, bf16=False)
    dice = np.random.default_rng(1)
    tokens = dice.integers(1_000, 20_000, (3, 40))
    kinds, mask = np.zeros_like(tokens), np.ones_like(tokens)
    kinds[:, 9:] = 1
    mask[1, 25:] = 0
    with torch.no_grad():
        spans, judged = network(*(torch.from_numpy(a) for a in (tokens, kinds, mask)))
    ((found,),) = graph.run([(tokens, kinds, mask)])
    assert spans is None
    assert np.abs(found - judged.numpy()).max() < 1e-4


def test_matrices_are_stored_in_eight_bits_and_come_back_within_half_a_step(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = Network(spans=False, judgements=2 * len(LABELS))
    save(network, str(tmp_path / "whole"))
    save(network, str(tmp_path / "eight"), eight_bits=True)
    whole, eight = (read_weights(tmp_path / name, None) for name in ("whole", "eight"))
    assert whole.keys() == eight.keys()
    for name, value in whole.items():
        step = np.abs(value).max(axis=-1, keepdims=True) / 127 if value.ndim == 2 else 1e-3
        assert (np.abs(value - eight[name]) <= 0.51 * step + 1e-3 * np.abs(value)).all(), name
    assert (tmp_path / "eight").stat().st_size < 0.52 * (tmp_path / "whole").stat().st_size


def test_plain_cases_are_told_apart(judge: TextJudge) -> None:
    said = {
        "The captain is called Jana Roux.": "supported",
        "There were no injuries.": "supported",
        "It was the second engine that failed.": "supported",
        "The crossing will be repeated on Sunday.": "contradicted",
        "Jana Roux won a prize for her novel.": "absent",
        "The mayor has resigned.": "absent",
    }
    judged = judge.judge([(text, FERRY) for text in said])
    assert {text: likeliest(each) for text, each in zip(said, judged, strict=True)} == said
    # Another number may be a contradiction, or not there at all; that it is no repetition is certain.
    changed = judge.judge([("The ferry left Brest with 340 passengers.", FERRY)])[0]
    assert likeliest(changed) in {"absent", "contradicted"}
    assert changed.unchanged < 0.2


def test_what_it_says_are_shares_and_do_not_depend_on_what_is_judged_beside_it(judge: TextJudge) -> None:
    pairs = [("Nobody was hurt.", FERRY), ("Jana Roux is the captain.", FERRY), ("Nobody was hurt.", FERRY)]
    together = judge.judge(pairs)
    assert together[0] == together[2]
    for judged in together:
        whole = judged.supported + judged.partly + judged.contradicted + judged.absent
        assert whole == pytest.approx(1.0)
        assert 0 <= judged.unchanged <= 1
    for pair, judged in zip(pairs, together, strict=True):
        assert judge.judge([pair])[0].supported == pytest.approx(judged.supported, abs=0.02)
    assert judge.judge([]) == []


def test_a_long_text_is_read_to_its_beginning_and_a_long_statement_too(judge: TextJudge) -> None:
    far = judge.judge([("Nobody was hurt.", FILLER * 30 + FERRY), ("Nobody was hurt.", FILLER * 30)])
    assert far[0] == far[1]
    wordy = judge.judge([(FILLER * 30, FERRY), (FILLER * 31, FERRY)])
    assert wordy[0] == wordy[1]


def test_other_weights_than_those_shipped_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "judge.safetensors"
    damaged.write_bytes(WEIGHTS.read_bytes()[:-1] + b"x")
    monkeypatch.setattr("rag.models.judge.WEIGHTS", damaged)
    with pytest.raises(ModelError, match=rf"expected {WEIGHTS_SHA256[:12]}"):
        TextJudge().judge([("Nobody was hurt.", FERRY)])
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        TextJudge(tmp_path / "none").judge([("Nobody was hurt.", FERRY)])
