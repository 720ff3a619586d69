"""A collection's life: take in, ask, restart, ask, correct, ask, delete, ask. With the real encoder and the
real indexes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest import sync
from rag import Config, open_assistant
from rag.types import Answer

pytestmark = pytest.mark.slow


def asked(config: Config, question: str) -> Answer:
    with open_assistant(config) as assistant:  # a restart each time
        return assistant.ask(question)


def test_a_first_answer_waits_for_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    ask = [sys.executable, "-X", "importtime", "app.py", "ask", "Who struck first?"]
    environ = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    for _ in range(2):  # the first makes the demo collection
        done = subprocess.run(
            ask, cwd=Path(__file__).parent.parent, env=environ, capture_output=True, text=True, check=True
        )
    loaded = {
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert {"openvino", "sqlalchemy", "tantivy"} <= loaded
    assert (
        not {"chromadb", "torch", "sentence_transformers", "ingest", "llama_index.core", "gradio", "httpx"}
        & loaded
    )


def test_a_correction_and_a_deletion_reach_the_next_answer(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    config = Config(home=tmp_path / "home")
    (folder / "toll.txt").write_text(
        " date 2024-01-18 The flood in Karvel killed seven people, the mayor said.\n"
    )
    (folder / "aid.txt").write_text("Switzerland sent forty tents to the flooded town of Karvel.\n")
    (folder / "other.txt").write_text("The museum of clocks in Lindau opened a new wing on Sunday.\n")

    assert len(sync(folder, config).added) == 3
    question = "How many people did the flood in Karvel kill?"
    first = asked(config, question)
    assert first.citations[0].quote == "The flood in Karvel killed seven people, the mayor said."
    assert first.citations[0].article.published.isoformat() == "2024-01-18"  # type: ignore[union-attr]
    again = asked(config, question)
    assert (again.text, again.citations, again.evidence) == (first.text, first.citations, first.evidence)

    (folder / "toll.txt").write_text(
        " date 2024-01-19 The flood in Karvel killed nine people, the mayor said.\n"
    )
    assert sync(folder, config).replaced == ("desk/toll.txt",)
    corrected = asked(config, question)
    assert corrected.citations[0].quote == "The flood in Karvel killed nine people, the mayor said."
    assert "seven" not in "".join(p.passage.text for p in corrected.evidence)

    (folder / "toll.txt").unlink()
    assert sync(folder, config, prune=True).removed == ("desk/toll.txt",)
    gone = asked(config, question)
    assert "desk/toll.txt" not in {p.article.id for p in gone.evidence}
    assert "nine" not in gone.text
