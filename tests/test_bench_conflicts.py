"""The measuring of conflicts: what makes a claim, a gold conflict, a stranger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import WordReader

from eval.bench.conflicts import as_read, half, main, measured, ramdocs, rgb, said
from rag.errors import ConfigError


def row(question: str, *documents: tuple[str, str]) -> dict[str, object]:
    return {
        "question": question,
        "documents": [{"answer": answer, "text": text} for answer, text in documents],
    }


BORN = row(
    "When was Omid Karimi born?",
    ("1950", "Omid Karimi was born in 1950."),
    ("1960", "Omid Karimi was born in 1960."),
    ("unknown", "Omid Karimi was born in 1970."),
    ("1980", "Omid Karimi was born long ago."),
)
ALONE = row("When was Ali Rezaei born?", ("1940", "Ali Rezaei was born in 1940."))


def test_only_answers_that_stand_in_their_document_are_claims() -> None:
    (question,) = ramdocs([BORN])
    assert [(value, [c.value for c in claims]) for value, claims in question.values] == [
        ("1950", ["1950"]),
        ("1960", ["1960"]),
    ]


def test_an_answer_across_two_sentences_is_no_claim() -> None:
    assert said("spoke. It", "Iran spoke. It killed nine.", "a") is None


def test_what_is_counted() -> None:
    assert measured(ramdocs([BORN, ALONE])) == {
        "questions": 2,
        "gold conflicts": 1,
        "recall": 1.0,
        "precision": 1.0,
        "flagged alone": 0.0,
        "strangers": 2,
        "flagged with a stranger": 0.0,
    }


def test_rgb_takes_the_wording_that_stands_in_the_snippet() -> None:
    line = {
        "query": "When was it?",
        "answer": [["May 1 2020", "1 May 2020"]],
        "fakeanswer": "2 May 2020",
        "positive": ["It was on 1 May 2020."],
        "positive_wrong": ["It was on 2 May 2020."],
    }
    (question,) = rgb([line])
    assert [(value, claims[0].value) for value, claims in question.values] == [
        ("May 1 2020", "1 May 2020"),
        ("2 May 2020", "2 May 2020"),
    ]


def test_the_command_prints_both_halves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ramdocs.jsonl").write_text("\n".join(map(json.dumps, [BORN, ALONE])), encoding="utf-8")
    assert main(["--data", str(tmp_path)]) == 0
    printed = json.loads(capsys.readouterr().out)
    halves = [half(str(r["question"])) for r in (BORN, ALONE)]
    assert {name: numbers["questions"] for name, numbers in printed.items()} == {
        "ramdocs dev": halves.count("dev"),
        "ramdocs test": halves.count("test"),
    }


def test_a_folder_without_data_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"neither ramdocs\.jsonl nor rgb_fact\.jsonl"):
        main(["--data", str(tmp_path)])


def test_as_read_the_claims_are_the_reader_s_own() -> None:
    question = ramdocs(
        [
            {
                "question": "Whom did the flood kill?",
                "documents": [
                    {"text": "The flood did kill nine. Rain fell.", "type": "correct", "answer": "nine"},
                    {"text": "Seven did the flood kill.", "type": "misinfo", "answer": "Seven"},
                ],
            }
        ]
    )[0]
    claims = as_read(WordReader())(question.text, question.claims)
    assert [(claim.value, claim.sentence) for claim in claims] == [
        ("nine", "The flood did kill nine."), ("Seven", "Seven did the flood kill."),
    ]  # fmt: skip
