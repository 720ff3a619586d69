"""The bench of the language model: what a scripted model says of one article, counted beside the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import ScriptedModel, WordEncoder, WordReader, write_jsonl
from judging import WordJudge

from eval.bench.model import Question, Watched, asked, main, table
from eval.bench.recorded import Recorded, measures, read_questions, replied
from eval.bench.support import State
from ingest import sync
from rag import open_assistant
from rag.config import Config

STORY = {
    "id": "strike",
    "text": "Iran struck first on Tuesday. Pakistan replied on Thursday.",
    "source": "Dawn",
}
SURVEY = (
    "The survey counted 212 corals on the reef in June.",
    "Divers found two nests of turtles.",
    "Shares fell on Tuesday.",
)
QUESTIONS = [Question("who", "Who struck first?", (("Iran",),)), Question("snow", "Where did snow fall?", ())]


@pytest.fixture(autouse=True)
def judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.answer.check.bundled_judge", WordJudge)


def test_what_the_model_says_is_counted_beside_the_reader_s_answers(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(write_jsonl(tmp_path / "news.jsonl", STORY), config, encoder=encoder)
    model = Watched(
        ScriptedModel(
            "Iran struck first on Tuesday [1]. ", "Snow fell in Quetta [1]. ", "Pakistan slept [1]."
        )
    )
    with open_assistant(config, model=model, encoder=encoder, reader=WordReader()) as assistant:
        rows = list(asked("one", QUESTIONS, assistant, model))
    assert [(row.who, row.id, row.declined, row.right) for row in rows] == [
        ("model", "who", False, 1.0),
        ("reader", "who", False, 1.0),
        ("model", "snow", True, None),
        ("reader", "snow", True, None),
    ]
    assert rows[0].reply == "Iran struck first on Tuesday [1]. Snow fell in Quetta [1]. Pakistan slept [1]."
    assert [text for _, text in rows[0].shown] == ["Iran struck first on Tuesday."]
    assert rows[0].withheld == ("Snow fell in Quetta.", "Pakistan slept.")
    assert (rows[1].reply, rows[2].reply) == ("", ""), "what was not asked of the model is not its"
    timeless = [
        {name: value for name, value in row.items() if not name.endswith((" s", "/s"))} for row in table(rows)
    ]
    assert timeless == [
        {
            "set": "one", "who": "model", "questions": 2, "fell back": 0, "abstained": 1, "rightly abstained": "1/1",
            "facts right": 1.0, "quoted": 1, "supported": 0, "please check": 0, "withheld": 2, "wrong citations": 0,
        },
        {
            "set": "one", "who": "reader", "questions": 2, "fell back": 0, "abstained": 1, "rightly abstained": "1/1",
            "facts right": 1.0, "quoted": 1, "supported": 0, "please check": 0, "withheld": 0, "wrong citations": 0,
        },
    ]  # fmt: skip


def test_without_a_model_it_says_how_to_have_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err == (
        "eval.bench.model: no language model is configured. Try it with CLIPPINGS_MODEL_PROVIDER=local\n"
    )


# Recorded questions.


def recorded(*pieces: str, prompt: str = "numbers", passages: int = 8) -> tuple[ScriptedModel, Any]:
    model = ScriptedModel(*pieces)
    asked = Recorded("What did the survey of the reef find?", SURVEY)
    return model, replied(asked, model, prompt, passages=passages, window=8_192, max_tokens=700)


def test_a_recorded_question_is_asked_with_the_nearest_of_its_passages() -> None:
    model, reply = recorded(
        "In June 212 corals were counted on the reef [1]. ", "The king sang [9].", passages=2
    )
    told = model.heard[0][1]["content"]
    assert [text in told for text in SURVEY] == [True, True, False]
    assert (reply.states, reply.in_form, reply.quotes) == (
        (State.SUPPORTED, State.WITHHELD),
        False,
        (0, 0),
    )
    assert reply.text == "In June 212 corals were counted on the reef [1]. The king sang [9]."


def test_a_reply_is_in_form_when_each_sentence_says_what_it_rests_on() -> None:
    numbered = "Divers found two nests of turtles [2]. Shares fell on Tuesday [3]."
    half = 'Divers found two nests of turtles. [2: "two nests of turtles"] Shares fell on Tuesday [3].'
    whole = half.replace("[3]", '[3: "Shares fell on Tuesday"]')
    wrong = whole.replace('"two nests', '"three nests')
    forms = [
        (reply.in_form, reply.quotes)
        for prompt, text in (
            ("numbers", numbered), ("quotes", numbered), ("quotes", half), ("quotes", whole), ("quotes", wrong),
            ("numbers", ""), ("numbers", "THE ARTICLES DO NOT SAY"),
        )
        for _, reply in [recorded(text, prompt=prompt)]
    ]  # fmt: skip
    assert forms == [
        (True, (0, 0)), (False, (0, 0)), (False, (1, 1)), (True, (2, 2)), (False, (2, 1)),
        (False, (0, 0)), (True, (0, 0)),
    ]  # fmt: skip


def test_the_numbers_of_some_replies() -> None:
    texts = [
        'Divers found two nests of turtles. [2: "two nests of turtles"] The king sang. [1: "a b c"]',
        "The king sang.",
        "THE ARTICLES DO NOT SAY",
        "",
    ]
    assert measures([recorded(text, prompt="quotes")[1] for text in texts]) == {
        "replies": 4, "in form": 0.25, "declined": 0.25, "nothing holds": 0.5, "quotes": 2,
        "quotes located": 0.5, "sentences": 3, "quoted": 1 / 3, "supported": 0, "please check": 0,
        "never shown": 2 / 3,
    }  # fmt: skip
    with pytest.raises(ValueError, match="no reply"):
        measures([])


def test_recorded_questions_are_asked_once_each_and_in_halves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [{"question": f"What fell {n}?", "evidence": [f"Shares fell {n}."]} for n in (1, 1, 2, 3, 4)]
    file, out = write_jsonl(tmp_path / "asked.jsonl", *lines), tmp_path / "replies.jsonl"
    assert [asked.question for asked in read_questions(file)] == [f"What fell {n}?" for n in (1, 2, 3, 4)]
    monkeypatch.setattr("eval.bench.model.configured_model", lambda _: ScriptedModel("Shares fell [1]."))
    of_half = [
        "--recorded",
        str(file),
        "--part",
        "second",
        "--prompt",
        "quotes",
        "--replies",
        str(out),
        "--json",
    ]
    assert main(of_half) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["prompt"], found["passages"], found["replies"]) == ("quotes", 8, 2)
    replies = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [reply["question"] for reply in replies] == ["What fell 3?", "What fell 4?"]
    assert [reply["text"] for reply in replies] == ["Shares fell [1]."] * 2
    assert main(["--recorded", str(file), "--limit", "2"]) == 0
    assert "numbers" in (table := capsys.readouterr().out)
    assert "2" in table.split("replies")[1].split("\n")[0]
