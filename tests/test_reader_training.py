"""What the reader is trained on and how: no part of the test fold is trained on, a negative lacks the answer,
a window holds it, and a run that was broken off ends where an unbroken one does."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rag.errors import SourceError
from rag.training.data import Example, _turn, examples, fold_of, read_squad, with_negatives
from rag.training.train import Settings, _epoch, batches, encoded, train

pytestmark = pytest.mark.slow

RIVER = "The Aar rises in the Alps near Guttannen. It flows past Bern. The river meets the Rhine at Koblenz in the north."
LAKE = "Lake Thun lies in the Alps. The Aar flows through it. Steamers have crossed the lake since 1835 in every season."


def squad(path: Path, *paragraphs: tuple[str, str, list[dict[str, Any]]]) -> Path:
    data = [
        {"title": title, "paragraphs": [{"context": context, "qas": qas}]}
        for title, context, qas in paragraphs
    ]
    path.write_text(json.dumps({"version": "1", "data": data}), encoding="utf-8")
    return path


def qa(id: str, question: str, context: str, *answers: str, impossible: bool = False) -> dict[str, Any]:
    return {
        "id": id,
        "question": question,
        "answers": [{"text": a, "answer_start": context.index(a)} for a in answers],
        "is_impossible": impossible,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A training folder of every file, all paragraphs of which fall into the training part."""
    data = tmp_path / "data"
    data.mkdir()
    names = iter(name for name in (f"title {n}" for n in range(1_000)) if fold_of(name) == "train")

    def contexts() -> Any:
        for n in range(1_000):
            for text in (f"{RIVER} That is note {n}.", f"{LAKE} That is note {n}."):
                if fold_of(text) == "train":
                    yield text

    texts = contexts()
    for stem in ("squadshifts_new_wiki", "squadshifts_amazon_reviews", "squadshifts_reddit", "qed_nq_train", "qed_nq_dev",
                 "qamr_dev", "qamr_test"):  # fmt: skip
        context = next(texts)
        asked = (
            "Where does the Aar rise?" if "Guttannen" in context else "Since when do steamers cross the lake?"
        )
        answer = "Guttannen" if "Guttannen" in context else "1835"
        squad(data / f"{stem}.json", (next(names), context, [qa(f"{stem}-1", asked, context, answer)]))
    context = next(
        text
        for n in range(99)
        if fold_of(text := f"Rain fell on bare hills all night long, note {n} says. Ann swam home alone.")
        == "train"
    )
    squad(
        data / "squad2_unanswerable_calibration.json",
        (
            next(names),
            context,
            [
                qa("c1", "What fell?", context, "Rain"),
                qa("c2", "Who sang on the hills?", context, impossible=True),
            ],
        ),
    )
    record = {
        "idx": next(
            i for i in (f"/wiki/T{n}#P1#0" for n in range(99)) if fold_of(i.split("#")[0]) == "train"
        ),
        "question": "Where does the Aar rise?",
        "targets": ["Guttannen"],
        "paragraphs": [{"title": "t", "text": LAKE}, {"title": "t", "text": RIVER}],
    }
    (data / "timeqa_easy.jsonl.gz").write_bytes(gzip.compress((json.dumps(record) + "\n").encode()))
    return data


def test_every_source_is_read_and_the_paragraph_with_the_answer_is_chosen(folder: Path) -> None:
    found = examples(folder, seed=1)
    assert len(found) == 7 + 2 + 1
    assert {e.fold for e in found} == {"train"}
    for e in found:
        assert all(e.context[at : at + len(text)] == text for at, text in e.answers)
    assert [(e.context, e.answers) for e in found if e.source == "timeqa"] == [(RIVER, ((31, "Guttannen"),))]
    assert [e.answers for e in found if e.id == "c2"] == [()]


def test_folds_are_fixed_by_the_name_and_most_are_for_training() -> None:
    folds = [fold_of(str(n)) for n in range(10_000)]
    assert [round(folds.count(f) / 100) for f in ("train", "dev", "test")] == [84, 8, 8]
    assert fold_of("Geology") == fold_of("Geology")


def test_articles_of_squad_s_development_set_are_kept_out(folder: Path) -> None:
    context = f"{RIVER} More of it."
    for title, kept in (("Super Bowl 50", 0), ("Aar", 1)):
        squad(
            folder / "qed_nq_train.json",
            (title, context, [qa("q", "Where does the Aar rise?", context, "Guttannen")]),
        )
        assert sum(e.id == "q" for e in examples(folder, seed=1)) == kept


def test_a_paragraph_that_shares_twelve_words_with_the_unanswerable_set_is_kept_out(folder: Path) -> None:
    kept = json.loads((folder / "squad2_unanswerable_calibration.json").read_text())["data"][0]["paragraphs"][
        0
    ]["context"]
    context = "Otherwise: " + " ".join(kept.split()[:13])
    squad(folder / "qed_nq_train.json", ("Aar", context, [qa("q", "What?", context, "Rain")]))
    assert not any(e.id == "q" for e in examples(folder, seed=1))


def test_answers_that_do_not_stand_where_they_say_are_found_or_marked(tmp_path: Path) -> None:
    qas = [
        {
            "id": "1",
            "question": "Where?",
            "answers": [{"text": "Bern", "answer_start": 3}, {"text": "Basel", "answer_start": 0}],
        }
    ]
    found = read_squad(squad(tmp_path / "x.json", ("t", RIVER, qas)))
    assert found[0].answers == ((RIVER.index("Bern"), "Bern"), (-1, "Basel"))


@pytest.mark.parametrize(
    "content", ["", "[]", '{"data": 1}', '{"data": [{"paragraphs": [{"context": "x"}]}]}']
)
def test_a_file_in_another_format_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(SourceError, match=r"x\.json is not a file in SQuAD format"):
        read_squad(path)


def example(question: str, context: str, *answers: str, group: str = "g") -> Example:
    return Example(
        group, question, context, tuple((context.index(a), a) for a in answers), True, group, "t", "train"
    )


def test_the_nearest_passage_that_lacks_the_answer_is_the_negative() -> None:
    asked = example("Where in the Alps does the Aar rise?", RIVER, "Guttannen")
    holds = example(
        "What?", "The Aar rises in the Alps at Guttannen, they say in the Alps.", "Guttannen", group="h"
    )
    far = example("What?", "Nothing of the kind is told of in these words.", "Nothing", group="f")
    near = example("What?", LAKE, "1835", group="n")
    made = with_negatives([asked, holds, far, near], seed=1, near=1.0, cut=0.0, swapped=0.0)
    assert [(e.context, e.answers, e.relevant, e.group) for e in made if e.id == "g/near"] == [
        (LAKE, (), False, "g")
    ]


def test_a_passage_less_the_sentence_that_answers_is_relevant_and_unanswerable() -> None:
    context = f"{RIVER} {LAKE}"
    made = with_negatives([example("Which town?", context, "Bern")], seed=1, near=0.0, cut=1.0, swapped=0.0)
    assert [(e.context, e.answers, e.relevant) for e in made[1:]] == [
        (context.replace("It flows past Bern. ", ""), (), True)
    ]
    short = with_negatives(
        [example("Which town?", RIVER[:65], "Bern")], seed=1, near=0.0, cut=1.0, swapped=0.0
    )
    assert len(short) == 1, "too little is left to read"


def test_a_name_of_the_question_is_swapped_for_one_that_the_passage_does_not_hold() -> None:
    asked = example("Where does the Aar rise?", RIVER, "Guttannen")
    other = example("Who built the Eiffel Tower?", LAKE, "1835", group="o")
    made = with_negatives([asked, other], seed=1, near=0.0, cut=0.0, swapped=1.0)
    assert [(e.question, e.answers, e.relevant) for e in made if e.id == "g/swapped"] == [
        ("Where does the Eiffel Tower rise?", (), True)
    ]


def test_a_window_of_a_long_passage_holds_an_answer_and_a_negative_s_none() -> None:
    filler = "word " * 300
    long = example("Where is the town?", f"{filler}It is Guttannen. {filler}", "Guttannen")
    for e in encoded([long] * 20, 128, random.Random(1)):
        assert len(e.tokens) == 128
        ((start, end),) = e.spans
        assert e.answered
        assert start <= end < 127
        assert start >= e.passage
    negative = Example("n", "Where?", filler, (), False, "n", "t", "train")
    assert [(e.answered, e.spans, len(e.tokens)) for e in encoded([negative], 128, random.Random(1))] == [
        (False, (), 128)
    ]


def test_an_answer_in_other_words_than_the_passage_s_is_not_trained_on() -> None:
    other = Example("n", "Where?", RIVER, ((-1, "Basel"),), True, "n", "t", "train")
    assert encoded([other], 128, random.Random(1)) == []


def test_a_batch_keeps_a_question_s_passages_together_and_within_the_tokens() -> None:
    found = [
        example(f"Where does the Aar rise in year {n}?", RIVER, "Guttannen", group=str(n // 2))
        for n in range(12)
    ]
    made = batches(encoded(found, 128, random.Random(1)), 128, random.Random(1))
    groups = [{e.group for e in batch} for batch in made]
    assert sum(map(len, made)) == 12
    assert all(len(batch) == 2 * len(group) for batch, group in zip(made, groups, strict=True))
    assert all(
        sum(len(e.tokens) for e in batch) <= 128 or len(group) == 1
        for batch, group in zip(made, groups, strict=True)
    )


SMALL = Settings(
    longest=((64,), (64,)),
    turned=(0.0, 0.0),
    tokens=64,
    singles=1.0,
    near=1.0,
    cut=0.0,
    swapped=0.0,
    rate=1e-3,
)


def test_training_that_was_broken_off_goes_on_to_the_same_weights(folder: Path, tmp_path: Path) -> None:
    class Broken(Exception):
        pass

    steps: list[dict[str, float]] = []

    def breaks(row: dict[str, float]) -> None:
        steps.append(row)
        raise Broken

    whole = train(folder, tmp_path / "whole", SMALL, said=lambda _: None).state_dict()
    with pytest.raises(Broken):
        train(folder, tmp_path / "parts", SMALL, every=0.0, said=breaks)
    assert steps[0]["step"] == 10
    assert steps[0]["of"] > 10
    parts = train(folder, tmp_path / "parts", SMALL, said=lambda _: None).state_dict()
    assert all(torch.allclose(whole[name], parts[name], atol=1e-4) for name in whole)
    rows = [json.loads(line)["step"] for line in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()]
    assert rows[0] == 10


def test_a_cycle_begins_at_the_mean_of_the_ends_so_far_and_the_last_weighs_half(
    folder: Path, tmp_path: Path
) -> None:
    cycles = {n: replace(SMALL, longest=SMALL.longest[:1] * n, turned=(0.0,) * n) for n in (1, 2)}
    first = train(folder, tmp_path / "one", cycles[1], said=lambda _: None).state_dict()
    second = train(folder, tmp_path / "two", cycles[2], said=lambda _: None).state_dict()
    last = torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)["model"]
    assert all(torch.allclose(second[name], (first[name] + last[name]) / 2, atol=1e-5) for name in second)
    assert not torch.allclose(first["qa_outputs.weight"], last["qa_outputs.weight"], atol=1e-4)
    still = replace(
        SMALL, longest=SMALL.longest[:1] * 3, turned=(0.0,) * 3, again=0.0
    )  # later cycles learn nothing
    third = train(folder, tmp_path / "still", still, said=lambda _: None).state_dict()
    assert all(torch.allclose(third[name], first[name], atol=1e-5) for name in third)


def test_questions_are_turned_in_the_cycles_that_say_so() -> None:
    asked = [example("When did the first ship leave Bern?", RIVER, "Bern", group=str(n)) for n in range(40)]
    settings = replace(SMALL, turned=(0.0, 1.0), near=0.0)
    sizes = [sum(len(batch) for batch in _epoch(asked, settings, number)) for number in (0, 1)]
    assert sizes == [40, 80]


@pytest.mark.parametrize(
    ("question", "turned"),
    [
        ("Which last ship sank?", {"Which first ship sank?"}),
        # The passage's other name, and not one that stands beside the answer.
        ("Who met someone in Bern?", {"Who met someone in Thun?"}),
        ("What can be seen?", {"What can't be seen?", None}),
        ("Where?", {None}),
    ],
)
def test_a_question_is_turned_to_its_contrary(question: str, turned: set[str | None]) -> None:
    asked = example(question, "In Bern someone met Ann, as did others. Later someone was in Thun.", "Ann")
    assert {_turn(asked, random.Random(seed)) for seed in range(60)} == turned


def test_a_checkpoint_of_other_settings_is_refused(folder: Path, tmp_path: Path) -> None:
    train(folder, tmp_path / "w", SMALL, said=lambda _: None)
    with pytest.raises(SystemExit, match="made with other settings"):
        train(folder, tmp_path / "w", Settings(), said=lambda _: None)
