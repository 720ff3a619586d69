"""What other programs are written against, and what importing it costs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ingest
import rag

ROOT = Path(__file__).parent.parent


def test_the_public_names_are_exactly_these() -> None:
    assert set(rag.__all__) == {
        "Abstention", "Answer", "Answerer", "Article", "Assistant", "BusyError", "Citation", "ClippingsError", "CollectionError", "Config",
        "ConfigError", "Conflict", "Encoder", "Evidence", "Filters", "IngestReport", "LanguageModel", "ModelError", "Passage",
        "QuestionError", "Reader", "Reading", "Sentence", "SourceError", "Span", "Step", "Support", "Turn", "ask",
        "open_assistant",
    }  # fmt: skip
    assert set(ingest.__all__) == {"backup", "edit", "preview", "remove", "restore", "sync"}


@pytest.mark.parametrize("name", rag.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(rag, name) is not None


def test_sync_is_the_function_however_it_is_reached() -> None:
    import ingest.collection

    assert ingest.sync is ingest.collection.sync
    with pytest.raises(AttributeError):
        ingest.nothing  # noqa: B018
    with pytest.raises(AttributeError):
        rag.nothing  # noqa: B018


@pytest.mark.slow
def test_importing_is_silent_fast_and_writes_nothing(tmp_path: Path) -> None:
    program = (
        "import sys, time; began = time.perf_counter(); import rag, ingest; took = time.perf_counter() - "
        "began\n"
        "heavy = {'torch', 'chromadb', 'gradio', 'llama_index', 'sqlalchemy', 'numpy'} & set(sys.modules)\n"
        "print(round(took, 3), sorted(heavy))"
    )
    environ = {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT),
    }
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in range(3)
    ]
    assert all(run.stderr == "" for run in runs)
    took, heavy = min((float(run.stdout.split()[0]), run.stdout.split(maxsplit=1)[1].strip()) for run in runs)
    assert heavy == "[]"
    assert took < 0.3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_help_answers_at_once(tmp_path: Path) -> None:
    import time

    took = []
    for _ in range(3):
        began = time.perf_counter()
        run = subprocess.run(
            [sys.executable, "app.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        took.append(time.perf_counter() - began)
    assert run.stdout.startswith("usage: clippings")
    assert min(took) < 0.5
    assert list(tmp_path.iterdir()) == []
