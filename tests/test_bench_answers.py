"""Recorded answers of language models: how they are marked, checked, counted and printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import write_jsonl
from judging import WordJudge

from eval.bench.answers import Mark, Outcome, RecordedAnswer, check, main, mark_of, measures
from eval.bench.support import State
from rag.answer.drafts import drafts_of
from rag.errors import ConfigError

REEF = "The survey counted 212 corals on the reef in June. Divers found two nests of turtles."
SHARES = "Shares of Norvik fell 4 % on Tuesday."


def record(answer: str, marks: Any, *, model: str = "ada", id: str = "a-1") -> dict[str, Any]:
    return {
        "id": id,
        "model": model,
        "question": "What did the survey find?",
        "history": [],
        "evidence": [SHARES, REEF],
        "answer": answer,
        "faithfulness": marks,
    }


RECORDS = (
    record("The survey counted 212 corals on the reef in June [2]. In June 212 corals were counted on the reef.", [4, 4, 4]),
    record("Divers found two nests of turtles. The minister praised the divers.", [4, 4], id="a-2"),
    record("Divers found two nests of turtles.", [4, 2, 1], id="a-3"),
    record("Divers found two nests of turtles. It was a record year.", [1, 2, 2], id="b-1", model="bo"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.answer.check.bundled_judge", WordJudge)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "answers.jsonl", *RECORDS)


def recorded(text: str, *evidence: str) -> RecordedAnswer:
    drafts = tuple(drafts_of(text, evidence))
    return RecordedAnswer("a", "ada", "What was found?", evidence, drafts, Mark.FAITHFUL)


@pytest.mark.parametrize(
    ("marks", "mark"),
    [
        ([4, 4, 4], Mark.FAITHFUL),
        ([4], Mark.FAITHFUL),
        ([4, 4, 3], Mark.MIXED),
        ([3, 2, 2], Mark.MIXED),
        ([2, 2, 2], Mark.UNFAITHFUL),
        ([1, 4, 1], Mark.UNFAITHFUL),
    ],
)
def test_the_judges_marks_as_one(marks: list[int], mark: Mark) -> None:
    assert mark_of(marks) is mark


def test_an_answer_is_split_and_checked_as_a_reply_is() -> None:
    text = f"{REEF.split('. ')[0]} [7]. The minister was pleased. The survey counted 212 corals in June on the reef."
    found = check(recorded(text, SHARES, REEF))
    assert found.states == (State.QUOTED, State.WITHHELD, State.SUPPORTED)


def test_a_sentence_that_is_said_twice_has_one_state() -> None:
    twice = "Divers found two nests of turtles. It rained. Divers found two nests of turtles. It rained."
    found = check(recorded(twice, REEF))
    assert found.states == (State.QUOTED, State.WITHHELD, State.QUOTED, State.WITHHELD)


def test_all_that_the_model_was_given_is_evidence_however_much_it_is() -> None:
    texts = [f"Station {n} measured {n + 20} degrees at noon." for n in range(12)]
    assert check(recorded(texts[11], *texts)).states == (State.QUOTED,)


def test_the_numbers_of_sentences_and_of_whole_answers() -> None:
    answer = recorded("It rained.", REEF)
    made = [
        Outcome(answer, (State.QUOTED, State.SUPPORTED)),
        Outcome(answer, (State.SUPPORTED, State.CHECK)),
        Outcome(answer, (State.QUOTED, State.WITHHELD, State.WITHHELD, State.CHECK)),
        Outcome(answer, (State.WITHHELD, State.WITHHELD)),
    ]
    assert measures(made) == {
        "answers": 4,
        "sentences": 10,
        "quoted": 0.2,
        "supported": 0.2,
        "please check": 0.2,
        "never shown": 0.4,
        "whole shown": 0.5,
        "whole supported": 0.25,
    }


def test_an_answer_that_claims_nothing_counts_among_the_answers_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declines = record("I do not have information about the survey. Feel free to ask again!", [4, 4, 4])
    none = {"sentences": 0, "quoted": None, "supported": None, "please check": None, "never shown": None}
    whole = {"whole shown": None, "whole supported": None}
    main([str(write_jsonl(tmp_path / "one.jsonl", declines)), "--json"])
    assert json.loads(capsys.readouterr().out)["rows"][0] == {
        "model": declines["model"], "mark": "all 4", "answers": 1, **none, **whole,
    }  # fmt: skip
    main([str(write_jsonl(tmp_path / "two.jsonl", declines, record(REEF, [4, 4, 4])))])
    assert capsys.readouterr().out.splitlines()[1].split()[-6:] == [
        "100.0",
        "0.0",
        "0.0",
        "0.0",
        "100.0",
        "100.0",
    ]


def test_the_table_by_model_and_mark_and_what_to_look_at(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(file), "--show", "1"]) == 0
    assert capsys.readouterr().out == (
        "model  mark            answers  sentences  quoted %  supported %  please check %  never shown %  whole shown %  whole supported %\n"
        "ada    all 4                 2          4      50.0         25.0             0.0           25.0           50.0               50.0\n"
        "ada    mean above 2          1          1     100.0          0.0             0.0            0.0          100.0              100.0\n"
        "ada    any                   3          5      60.0         20.0             0.0           20.0           66.7               66.7\n"
        "bo     mean at most 2        1          2      50.0          0.0             0.0           50.0            0.0                0.0\n"
        "bo     any                   1          2      50.0          0.0             0.0           50.0            0.0                0.0\n"
        "all    all 4                 2          4      50.0         25.0             0.0           25.0           50.0               50.0\n"
        "all    mean above 2          1          1     100.0          0.0             0.0            0.0          100.0              100.0\n"
        "all    mean at most 2        1          2      50.0          0.0             0.0           50.0            0.0                0.0\n"
        "all    any                   4          7      57.1         14.3             0.0           28.6           50.0               50.0\n"
        "\n"
        "ada a-2: all 4, never shown\n"
        "  What did the survey find?\n"
        "  The minister praised the divers.\n"
        "\n"
        "bo b-1: mean at most 2, quoted\n"
        "  What did the survey find?\n"
        "  Divers found two nests of turtles.\n"
    )


def test_one_model_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_jsonl(tmp_path / "one.jsonl", RECORDS[1])
    main([str(path), "--show", "1", "--json"])
    row = {
        "answers": 1, "sentences": 2, "quoted": 0.5, "supported": 0.0, "please check": 0.0, "never shown": 0.5,
        "whole shown": 0.0, "whole supported": 0.0,
    }  # fmt: skip
    assert json.loads(capsys.readouterr().out) == {
        "rows": [{"model": "ada", "mark": "all 4", **row}, {"model": "ada", "mark": "any", **row}],
        "wrong": [
            {
                "model": "ada",
                "id": "a-2",
                "mark": "all 4",
                "state": "never shown",
                "question": "What did the survey find?",
                "sentence": "The minister praised the divers.",
            }
        ],
    }


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("no", "it is not valid JSON (Expecting value at character 1)"),
        (json.dumps({**RECORDS[0], "answer": "…"}), "its 'answer' has no word: '…'"),
        (json.dumps({**RECORDS[0], "model": None}), "its 'model' must be a text that is not blank, not None"),
        (json.dumps({**RECORDS[0], "evidence": []}), "its 'evidence' is empty: none of its 0 texts has a word"),
        *(
            (json.dumps(record("It rained.", marks)), f"its 'faithfulness' must be a list of marks from 1 to 4, not {shown}")
            for marks, shown in [([], "[]"), (None, "None"), (4, "4"), ([4, 5], "[4, 5]"), (["4"], "['4']"), ([True], "[True]")]
        ),
    ],
)  # fmt: skip
def test_a_line_that_is_no_recorded_answer_is_named_with_its_fault(
    tmp_path: Path, line: str, fault: str
) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(f"{json.dumps(RECORDS[0])}\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        main([str(path)])
    assert str(raised.value) == f"{path} line 2 is not a recorded answer: {fault}"


def test_fewer_than_no_sentences_cannot_be_shown(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(file), "--show", "-1"])
    assert "--show must be at least 0" in capsys.readouterr().err
