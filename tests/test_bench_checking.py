"""The statements that the check of sentences is measured on: spoiled in one way and no other, or not at all."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from eval.bench import checking
from eval.bench.checking import FAITHFUL, Statement, checked, overlapping, statements
from eval.bench.support import State
from rag.types import Article

pytestmark = pytest.mark.slow  # the bundled judge

TEXT = (
    (
        "The army of Karvel announced on Tuesday that seven people died in the strike on Quetta, which began "
        "at dawn.\n\n"
        "Later in Quetta, Iran attacked Pakistan on Thursday, and the border was closed for two whole days "
        "after that.\n\n"
        "“The border will stay closed until the talks in Doha are over,” Karim said. Miller said the talks "
        "will not help.\n\n"
    )
    + "In Doha, Anna Weber told reporters that the talks went on as they had been planned by the ministers. "
    * 12
)
STORY = Article("a", "v", TEXT)


def test_statements_are_cited_to_the_passage_of_their_sentence() -> None:
    made = list(statements([STORY], random.Random(1)))
    assert {s.kind for s in made} >= {"verbatim", "number", "name", "date", "negation", "role", "speaker"}
    for statement in made:
        source = statement.evidence.numbered(statement.cited)
        assert source is not None
        if statement.kind == "verbatim":
            assert statement.text in " ".join(source.passage.text.split())
    assert max(sum(s.kind == kind for s in made) for kind in FAITHFUL) == 1


def test_ours_tells_a_spoiled_sentence_and_the_overlap_of_words_does_not() -> None:
    evidence = next(statements([STORY], random.Random(1))).evidence
    spoiled = Statement(
        "role", "Later in Quetta, Pakistan attacked Iran on Thursday, and the border was closed.", 1, evidence
    )
    assert (checked(spoiled), overlapping(spoiled)) == (State.WITHHELD, True)
    alien = Statement("name", "Penguins danced in Oslo.", 1, evidence)
    assert (checked(alien), overlapping(alien)) == (State.WITHHELD, False)


def test_the_table_gives_rates_with_intervals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "articles.jsonl").write_text(
        "".join(json.dumps({"id": str(n), "text": TEXT}) + "\n" for n in range(3))
    )
    assert checking.main(["--data", str(tmp_path)]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["faithful: verbatim"] == {
        "statements": 3,
        "quoted": [1.0, 1.0, 1.0],
        "supported": [0.0, 0.0, 0.0],
        "please check": [0.0, 0.0, 0.0],
        "never shown": [0.0, 0.0, 0.0],
        "passes": [1.0, 1.0, 1.0],
        "overlap passes": [1.0, 1.0, 1.0],
    }
    assert table["spoiled: all"]["overlap passes"] == [1.0, 1.0, 1.0]
    assert table["spoiled: all"]["passes"][0] < 0.2
    assert table["milliseconds a sentence"] < 50
