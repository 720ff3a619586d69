"""The reader: that its graph computes what was trained, that it points at whole words of the right text, and
that wrong weights are refused. The bundled weights are the real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rag.errors import ModelError
from rag.models.encoder import bundled_folder
from rag.models.engine import WORD_EMBEDDINGS, Graph, read_weights
from rag.models.reader import WEIGHTS, WEIGHTS_SHA256, SpanReader, _whole_words
from rag.training import score
from rag.training.network import Network, save

pytestmark = pytest.mark.slow

SEEDS = Path(__file__).parent.parent / "seeds"
STRIKE = "It was a quiet week. On Tuesday Iran struck a camp near Panjgur, killing at least two children. Nobody answered."
FILLER = (
    "The committee met again and heard the same reports about grain, rain and roads as in the week before. "
)


@pytest.fixture(scope="module")
def reader() -> SpanReader:
    return SpanReader()


def words(text: str, reading: Any) -> str:
    return text[reading.spans[0].start : reading.spans[0].end]


def test_the_graph_computes_what_the_trained_network_does(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = Network().eval()
    save(network, str(tmp_path / "w.safetensors"))
    weights = read_weights(tmp_path / "w.safetensors", None)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()}, strict=False)
    vocabulary = load_file(str(bundled_folder() / "model.safetensors"))[
        "embeddings.word_embeddings.weight"
    ].numpy()
    graph = Graph({**weights, WORD_EMBEDDINGS: vocabulary}, bf16=False)
    dice = np.random.default_rng(1)
    tokens = dice.integers(1_000, 20_000, (3, 40))
    kinds, mask = np.zeros_like(tokens), np.ones_like(tokens)
    kinds[:, 9:] = 1
    mask[1, 25:] = 0
    with torch.no_grad():
        spans, judged = network(*(torch.from_numpy(a) for a in (tokens, kinds, mask)))
    (found_spans, found_judged), again = graph.run([(tokens, kinds, mask), (tokens[:1], kinds[:1], mask[:1])])
    assert np.abs(found_spans - spans.numpy())[mask > 0].max() < 1e-4
    assert np.abs(found_judged - judged.numpy()).max() < 1e-4
    assert np.abs(again[0] - found_spans[:1]).max() < 1e-4, (
        "a text's result does not depend on what is read beside it"
    )


def test_the_shipped_file_s_earlier_names_and_those_that_training_writes_load_alike(
    tmp_path: Path, reader: SpanReader
) -> None:
    shipped = read_weights(WEIGHTS, WEIGHTS_SHA256)
    network = Network()
    assert shipped.keys() == network.state_dict().keys() - {WORD_EMBEDDINGS}
    network.load_state_dict({name: torch.from_numpy(value) for name, value in shipped.items()}, strict=False)
    written = tmp_path / "w.safetensors"
    save(network, str(written))
    again = read_weights(written, None)
    assert again.keys() == shipped.keys()
    assert all(np.array_equal(again[name], value) for name, value in shipped.items())
    question = "Who struck a camp near Panjgur?"
    assert SpanReader(written).read(question, [STRIKE]) == reader.read(question, [STRIKE])


def test_the_bundled_weights_are_small_and_each_file_has_its_hash(tmp_path: Path) -> None:
    assert WEIGHTS.stat().st_size < 50_000_000
    assert SpanReader().weights_sha256 == SpanReader(WEIGHTS).weights_sha256 == WEIGHTS_SHA256
    with pytest.raises(ModelError, match="none cannot be read: No such file or directory"):
        SpanReader(tmp_path / "none").weights_sha256  # noqa: B018


def test_weights_that_are_missing_changed_or_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"none cannot be read: No such file or directory. Install Clippings again"
    ):
        read_weights(tmp_path / "none", None)
    changed = bytearray(WEIGHTS.read_bytes())
    changed[-1] ^= 1
    (tmp_path / "changed").write_bytes(changed)
    with pytest.raises(
        ModelError, match=r"have SHA-256 \w{12}…, expected \w{12}…. They are damaged or another version's"
    ):
        read_weights(tmp_path / "changed", WEIGHTS_SHA256)
    (tmp_path / "text").write_text("not weights")
    with pytest.raises(ModelError, match="are not a safetensors file"):
        read_weights(tmp_path / "text", None)


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("Who struck a camp near Panjgur?", {"Iran"}),
        ("When did Iran strike?", {"Tuesday", "On Tuesday"}),
        ("How many children were killed?", {"at least two", "two"}),
    ],
)
def test_it_points_at_the_words_that_answer(reader: SpanReader, question: str, answers: set[str]) -> None:
    assert words(STRIKE, reader.read(question, [STRIKE])[0]) in answers


def test_it_tells_a_text_that_answers_from_ones_that_do_not(reader: SpanReader) -> None:
    answering, near, far = reader.read(
        "Who struck a camp near Panjgur?", [STRIKE, STRIKE.replace("Iran struck", "Iran spoke of"), FILLER]
    )
    assert answering.answerable > max(near.answerable, far.answerable)
    assert far.answerable < 0.5
    assert answering.relevant > far.relevant


def test_an_answer_far_into_a_long_text_is_found_where_it_stands(reader: SpanReader) -> None:
    text = FILLER * 30 + STRIKE + FILLER * 5
    reading = reader.read("Who struck a camp near Panjgur?", [text])[0]
    assert words(text, reading) == "Iran"
    assert reading.spans[0].start == text.index("Iran")
    assert reading.answerable > reader.read("Who struck a camp near Panjgur?", [FILLER * 30])[0].answerable


def test_spans_are_best_first_apart_and_as_many_as_asked(reader: SpanReader) -> None:
    for most in (1, 5):
        spans = reader.read("Who struck a camp near Panjgur?", [STRIKE], spans=most)[0].spans
        assert len(spans) == most
        assert [s.score for s in spans] == sorted((s.score for s in spans), reverse=True)
        assert all(a.end <= b.start or b.end <= a.start for a in spans for b in spans if a is not b)


def test_a_text_without_words_has_no_span_and_no_texts_no_readings(reader: SpanReader) -> None:
    assert reader.read("Who?", ["", STRIKE])[0].spans == ()
    assert reader.read("Who?", []) == []


def test_a_text_that_is_handed_in_twice_has_one_reading_and_each_question_its_own(reader: SpanReader) -> None:
    first = reader.read("Who struck a camp near Panjgur?", [STRIKE, FILLER, STRIKE])
    assert first[0] == first[2]
    assert reader.read("Who struck a camp near Panjgur?", [FILLER, STRIKE]) == [first[1], first[0]]
    assert reader.read("When did they strike?", [STRIKE])[0] != first[0]


@pytest.mark.parametrize(
    ("text", "start", "end", "whole"),
    [
        ("the Baluchis came", 4, 7, "Baluchis"),
        ("a 1,566-mile road", 2, 3, "1"),
        ("it. Then", 4, 8, "Then"),
        ("ab", 1, 2, "ab"),
    ],
)
def test_a_part_of_a_word_is_widened_to_the_word(text: str, start: int, end: int, whole: str) -> None:
    a, b = _whole_words(text, start, end)
    assert text[a:b] == whole


def test_the_score_counts_each_kind_of_question(
    tmp_path: Path, reader: SpanReader, capsys: pytest.CaptureFixture[str]
) -> None:
    qas = [
        {
            "id": "1",
            "question": "Who struck a camp near Panjgur?",
            "answers": [{"text": "Iran", "answer_start": 32}],
        },
        {"id": "2", "question": "Which bank paid for the bridge?", "answers": [], "is_impossible": True},
    ]
    path = tmp_path / "x.json"
    path.write_text(
        json.dumps({"data": [{"title": "t", "paragraphs": [{"context": STRIKE, "qas": qas}]}]}),
        encoding="utf-8",
    )
    score.main([str(path)])
    found = json.loads(capsys.readouterr().out)
    assert (found["answerable"], found["exact_match"], found["f1"]) == (1, 100.0, 100.0)
    assert (found["unanswerable"], found["unanswerable_accuracy"], found["auroc"]) == (1, 100.0, 1.0)
    score.main([str(path), "--limit", "1"])
    alone = json.loads(capsys.readouterr().out)
    assert (alone["unanswerable"], alone["unanswerable_accuracy"], alone["auroc"]) == (0, None, None)
