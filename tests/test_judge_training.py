"""What the judge is trained on and how: nothing that may only be measured on, nothing of the kept-out parts,
and a run that was broken off ends where an unbroken one does."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from rag.errors import SourceError
from rag.training import judge, pairs
from rag.training.data import Example, fold_of
from rag.training.judge import Settings, Teachers, begun, train
from rag.training.pairs import Pair

pytestmark = pytest.mark.slow

FERRY = "The ferry Odile left Brest at noon on Tuesday with 212 passengers. Captain Jana Roux turned back."


def pair(claim: str = "It left.", evidence: str = FERRY, label: str = "supported") -> Pair:
    return Pair(claim, evidence, label, "test", "train")


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_sources_that_may_only_be_measured_on_are_left_out(tmp_path: Path) -> None:
    row = {"claim": "It left.", "evidence": ["The ferry left.", "At noon."], "label": "supported"}
    path = lines(
        tmp_path / "c.jsonl", *({**row, "source": source} for source in ("wice", "lfqa", "qags-cnndm"))
    )
    text = "The ferry left. At noon."
    assert list(pairs.read_pairs(path)) == [Pair("It left.", text, "supported", "wice", fold_of(text))]


@pytest.mark.parametrize("content", ["no json", '{"claim": "x"}', "[]"])
def test_a_file_in_another_format_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "c.jsonl").write_text(content)
    with pytest.raises(SourceError, match=r"c\.jsonl does not hold claims"):
        list(pairs.read_pairs(tmp_path / "c.jsonl"))


def test_a_short_answer_is_a_claim_and_words_like_it_are_not_supported() -> None:
    asked = Example(
        "1", "How many passengers were aboard?", f"{FERRY} It was built for 400.",
        ((FERRY.index("212"), "212"),), True, "qed:1", "t", "train",
    )  # fmt: skip
    found = list(pairs.from_answers([asked], random.Random(1)))
    assert [(p.claim, p.label) for p in found] == [
        ("How many passengers were aboard? 212", "supported"),
        ("How many passengers were aboard? 400", "unsupported"),
    ]


def test_words_of_a_passage_that_does_not_answer_are_not_supported() -> None:
    asked = Example("1", "Who owns the ferry?", FERRY, (), True, "squad2:1", "t", "train")
    found = list(pairs.from_answers([asked], random.Random(1)))
    assert [p.label for p in found] == ["unsupported"]
    assert found[0].claim.startswith("Who owns the ferry? ")


def test_a_claim_beside_the_text_of_another_is_absent() -> None:
    found = [pair(f"Ship {n} left.", f"Ship {n} left at noon.") for n in range(50)]
    made = list(pairs.elsewhere(found, random.Random(1), share=1.0))
    assert 45 <= len(made) <= 50
    assert {p.label for p in made} == {"absent"}
    assert not any(p.claim.removesuffix(".") in p.evidence for p in made)
    assert list(pairs.elsewhere(found, random.Random(1), share=0.0)) == []


def test_evidence_set_among_others_keeps_its_label_and_its_words() -> None:
    found = [pair(evidence=f"Text {n} is here.") for n in range(20)]
    made = list(pairs.among_others(found, random.Random(1), share=1.0))
    assert all(before.evidence in after.evidence for before, after in zip(found, made, strict=True))
    assert all(len(after.evidence) > len(before.evidence) for before, after in zip(found, made, strict=True))
    assert list(pairs.among_others(found, random.Random(1), share=0.0)) == found


def test_a_statement_without_its_sentence_is_absent_and_joined_to_another_only_partly_there() -> None:
    text = (
        f"{FERRY} The harbour office of Brest opened an inquiry into the second engine. "
        "The company moved all passengers to another ship in the evening."
    )
    made = list(pairs.from_text([(text, "train")], random.Random(3), each=1))
    by_kind = {p.source: p for p in made}
    cut, half = by_kind["made: cut"], by_kind["made: half"]
    assert (cut.label, half.label) == ("absent", "partial")
    assert cut.claim not in cut.evidence
    assert len(cut.evidence) < len(text)
    assert half.evidence == cut.evidence
    assert by_kind["made: both"].evidence == text


def test_an_unsupported_claim_may_be_contradicted_or_absent_and_a_contradicted_one_may_not() -> None:
    judged = torch.tensor([[0.0, 0.0, -20.0, 20.0] * 2])
    losses = {
        label: judge.loss_of(judged, judge.encoded([pair(label=label)], 64)).item()
        for label in ("unsupported", "absent", "contradicted", "supported")
    }
    assert losses["unsupported"] < 0.01
    assert losses["absent"] < 0.01
    assert losses["contradicted"] > 30
    assert losses["supported"] > 15


@pytest.mark.parametrize(
    ("source", "label", "asked"),
    [
        ("made: number", "contradicted", (6,)),
        ("made: cut", "absent", (3, 7)),
        ("wice", "unsupported", (2, 3)),
        ("wice", "supported", (0, 4)),
        ("contrasts", "partial", (1, 5)),
        ("conjnli", "unsupported", (2, 3, 6, 7)),
    ],
)
def test_each_head_learns_from_what_it_is_for(source: str, label: str, asked: tuple[int, ...]) -> None:
    assert judge.outputs(Pair("It left.", FERRY, label, source, "train")) == asked


def test_a_head_that_is_not_asked_does_not_learn() -> None:
    judged = torch.zeros(1, 8, requires_grad=True)
    made = Pair("It left.", FERRY, "contradicted", "made: number", "train")
    judge.loss_of(judged, judge.encoded([made], 64)).backward()
    assert judged.grad is not None
    assert judged.grad[0, :4].abs().sum() == 0
    assert judged.grad[0, 6] < 0 < judged.grad[0, 4]


@pytest.mark.parametrize(
    ("source", "own"),
    [
        ("wice", True),
        ("elsewhere", True),
        ("qamr answers", True),
        ("made: half", True),
        ("made: number", False),
        ("contrasts", False),
        ("med", False),
    ],
)
def test_the_first_head_is_taught_of_claims_in_words_of_their_own(source: str, own: bool) -> None:
    told = Pair("It left.", FERRY, "supported", source, "train")
    assert judge.in_own_words(told) is own
    judged = torch.zeros(1, 8, requires_grad=True)
    taught = torch.tensor([[[0.7, 0.1, 0.1, 0.1]] * 2])
    judge.loss_of(judged, judge.encoded([told], 64), taught).backward()
    assert judged.grad is not None
    assert bool(judged.grad[0, :4].abs().sum()) is own
    assert judged.grad[0, 4] < 0


def test_what_is_taught_counts_beside_the_labels_and_alone_where_there_is_none() -> None:
    learned = {}
    for source in ("cg2c", "qamr answers"):
        judged = torch.zeros(1, 8, requires_grad=True)
        told = Pair("It left.", FERRY, "contradicted", source, "train")
        taught = torch.tensor([[[0.0, 1.0, 0.0, 0.0]] * 2])  # "partly"
        judge.loss_of(judged, judge.encoded([told], 64), taught).backward()
        assert judged.grad is not None
        learned[source] = (2 * judged.grad[0]).tolist()
    # A softmax of zeros is a quarter each; three parts of the first head's in ten are the label's, and half of
    # the second's. The second is not asked about people's claims that are not supported.
    first, labelled, taught_alone = (
        [0.25, 0.25 - 0.7, 0.25 - 0.3, 0.25],
        [0.25, 0.25 - 0.5, 0.25 - 0.5, 0.25],
        [0.25, 0.25 - 1.0, 0.25, 0.25],
    )
    assert learned["cg2c"] == pytest.approx([*first, *taught_alone])
    assert learned["qamr answers"] == pytest.approx([*first, *labelled])


def test_two_networks_teach_the_first_head_and_one_of_them_the_second() -> None:
    networks = []
    for at in (0, 3):
        network = begun(None)
        with torch.no_grad():
            network.classifier.weight.zero_()
            network.classifier.bias.copy_(torch.tensor([20.0 if n % 4 == at else 0.0 for n in range(8)]))
        networks.append(network.eval())
    rows = [torch.zeros(1, 4, dtype=torch.long)] * 2 + [torch.ones(1, 4, dtype=torch.long)]
    found = Teachers(*networks).probabilities(rows)[0].tolist()
    assert found[0] == pytest.approx([0.35, 0.0, 0.0, 0.65], abs=1e-4)
    assert found[1] == pytest.approx([1.0, 0.0, 0.0, 0.0], abs=1e-4)


def test_the_mean_of_networks_has_a_share_of_each_one_s_weights() -> None:
    networks = [begun(None), begun(None)]
    for value, network in enumerate(networks, 1):
        with torch.no_grad():
            network.classifier.bias.fill_(float(value))
    found = judge.mean_of(networks, [0.25, 0.75])
    assert found.classifier.bias.tolist() == pytest.approx([1.75] * 8)


def test_of_a_long_text_what_stands_nearest_to_the_claim_is_kept_in_its_order() -> None:
    filler = "The harbour office said nothing more about the matter on that day."
    text = " ".join([filler] * 10 + ["Captain Jana Roux turned back."] + [filler] * 10 + ["Nobody was hurt."])
    found = pairs.nearest("Nobody was hurt when Jana Roux turned back.", text, most=30)
    assert found == f"{filler} Captain Jana Roux turned back. Nobody was hurt."
    assert pairs.nearest("Nobody was hurt.", FERRY) == FERRY


def test_claims_that_are_read_often_are_varied_and_keep_what_supports_them() -> None:
    text = f"{FERRY} The company did not say when it will sail again. Nobody was hurt on the ferry."
    claims = [pair("The ferry left Brest on Tuesday.", text, label) for label in ("supported", "unsupported")]
    found = [list(pairs.varied(claims, random.Random(seed))) for seed in range(40)]
    assert len({(p.claim, p.evidence) for told in found for p in told}) > 2
    assert {supported.evidence for supported, _ in found} == {text}
    assert all("left Brest" in unsupported.evidence for _, unsupported in found)
    assert {(a.label, b.label) for a, b in found} == {("supported", "unsupported")}


def test_a_question_keeps_an_answer_in_its_window() -> None:
    filler = "The harbour office said nothing more about the matter on that day. " * 12
    asked = Example(
        "1", "Who?", f"{filler}{FERRY} {filler}", ((0, "Jana Roux"),), True, "qed:1", "t", "train"
    )
    for seed in range(10):
        found = pairs.narrowed(asked, random.Random(seed))
        ((at, text),) = found.answers
        assert found.context[at : at + len(text)] == "Jana Roux"
        assert len(found.context) < len(asked.context)


def test_a_long_text_gives_a_run_of_whole_sentences() -> None:
    text = " ".join(f"Sentence number {n} has exactly seven words." for n in range(60))
    for seed in range(20):
        found = pairs.window(text, random.Random(seed))
        assert found in text
        assert found.startswith("Sentence")
        assert found.endswith("words.")
        assert len(found.split()) <= 170
    assert pairs.window(FERRY, random.Random(1)) == FERRY


def test_training_begins_with_the_reader_s_layers() -> None:
    reader = judge.read_weights(judge.READER_WEIGHTS, None)
    network = begun(judge.READER_WEIGHTS).state_dict()
    name = "encoder.layer.3.output.dense.weight"
    assert torch.equal(network[name], torch.from_numpy(reader[name]))
    assert network["classifier.weight"].shape == (8, 384)
    assert "qa_outputs.weight" not in network


def test_training_that_was_broken_off_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    class Broken(Exception):
        pass

    def breaks(row: dict[str, Any]) -> None:
        raise Broken

    settings = Settings(tokens=64, rate=1e-3, halfway=0.5)
    found = [pair(f"It left at {n}.", label=label) for n in range(30) for label in ("supported", "absent")]
    plan = [judge.batches(judge.encoded(found, 64), settings.tokens, random.Random(1))]

    def run(work: Path, **rest: Any) -> dict[str, torch.Tensor]:
        torch.manual_seed(settings.seed)
        return train(begun(None), plan, settings, work, **rest).state_dict()

    whole = run(tmp_path / "whole", said=lambda _: None)
    steps = round(settings.halfway * len(plan[0]))
    last = torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True)
    assert 1 < steps < last["done"] == len(plan[0])
    assert all(
        torch.allclose(whole[name], (last["halfway"][name] + last["model"][name]) / 2) for name in whole
    )
    with pytest.raises(Broken):
        run(tmp_path / "parts", every=0.0, said=breaks)
    parts = run(tmp_path / "parts", said=lambda _: None)
    assert all(torch.allclose(whole[name], parts[name], atol=1e-4) for name in whole)
    with pytest.raises(SystemExit, match="made with other settings"):
        train(begun(None), plan, Settings(), tmp_path / "parts", said=lambda _: None)
