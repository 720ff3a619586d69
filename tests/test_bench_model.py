"""The bench of the language model: what a scripted model says of one article, counted beside the reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ScriptedModel, WordEncoder, WordReader, write_jsonl

from eval.bench.model import Question, Watched, asked, main, table
from ingest import sync
from rag import open_assistant
from rag.config import Config

STORY = {
    "id": "strike",
    "text": "Iran struck first on Tuesday. Pakistan replied on Thursday.",
    "source": "Dawn",
}
QUESTIONS = [Question("who", "Who struck first?", (("Iran",),)), Question("snow", "Where did snow fall?", ())]


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
            "facts right": 1.0, "verbatim": 1, "consistent": 0, "withheld": 2, "wrong citations": 0,
        },
        {
            "set": "one", "who": "reader", "questions": 2, "fell back": 0, "abstained": 1, "rightly abstained": "1/1",
            "facts right": 1.0, "verbatim": 1, "consistent": 0, "withheld": 0, "wrong citations": 0,
        },
    ]  # fmt: skip


def test_without_a_model_it_says_how_to_have_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err == (
        "eval.bench.model: no language model is configured. Try it with CLIPPINGS_MODEL_PROVIDER=local\n"
    )
