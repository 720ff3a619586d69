"""What the tests share: an encoder and a language model one can compute in the head, and small collections.

Fakes stand at the vendor's door: the encoder in place of sentence-transformers, the model in place of a
server. Chroma, tantivy, SQLite and the files are the real ones.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiers import LEFT_OUT, FastTier

from rag.config import Config
from rag.english.normalise import content_stems
from rag.english.sentences import sentences
from rag.store.label import label
from rag.types import Article, Evidence, Headline, Reading, RetrievedPassage, Scores, Span, content_version

collect_ignore = [
    "watch/sitecustomize.py"
]  # not a module of the tests: Python itself imports one of this name
DIMS = 256
SEEDS = Path(__file__).parent.parent / "seeds"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fast", action="store_true", help="the fast tier alone: no server, browser, model or process"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--fast"):
        config.pluginmanager.register(FastTier())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files with the most slow tests come first, so that of two processes neither is left with one of
    them at the end."""
    slow = Counter(item.path for item in items if any(item.get_closest_marker(mark) for mark in LEFT_OUT))
    items.sort(key=lambda item: -slow[item.path])


class WordEncoder:
    """Its cosine is the overlap of content words: each word is one of 256 directions, given by its hash."""

    name = "words"
    dims = DIMS

    def __init__(self) -> None:
        self.encoded: list[str] = []  # every text seen, to count what was encoded again

    def passages(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        self.encoded.extend(texts)
        return np.array([self._vector(text) for text in texts], dtype=np.float32).reshape(len(texts), DIMS)

    def question(self, text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
        return self._vector(text)

    @staticmethod
    def _vector(text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
        vector = np.zeros(DIMS, dtype=np.float32)
        for stem in content_stems(text):
            vector[int(hashlib.sha256(stem.encode()).hexdigest()[:8], 16) % DIMS] += 1
        if not vector.any():
            vector[0] = 1
        return vector / np.linalg.norm(vector)


class WordReader:
    """It points, in each sentence that shares a word with the question, at the first word the question does
    not hold.

    A sentence's span scores eight times its share of the question's words, less four; no answer scores −4. A
    text answers with the probability of its best share, kept between 0.02 and 0.98.
    """

    name = "words"

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def read(self, question: str, texts: Sequence[str], *, spans: int = 5) -> list[Reading]:
        self.asked.append((question, tuple(texts)))
        return [self._reading(set(content_stems(question)), text, spans) for text in texts]

    @staticmethod
    def _reading(asked: set[str], text: str, most: int) -> Reading:
        found: list[Span] = []
        best = 0.0
        for start, end in sentences(text):
            share = len(asked & set(content_stems(text[start:end]))) / len(asked) if asked else 0.0
            new = [
                m for m in re.finditer(r"[\w’'-]+", text[start:end]) if set(content_stems(m.group())) - asked
            ]
            if share and new:
                found.append(Span(start + new[0].start(), start + new[0].end(), 8 * share - 4))
            best = max(best, share)
        found.sort(key=lambda s: (-s.score, s.start))
        return Reading(tuple(found[:most]), -4.0, min(max(best, 0.02), 0.98), min(max(best, 0.02), 0.98))


class ScriptedModel:
    """Replies with the given pieces in order; an exception among them is raised where it stands."""

    name = "scripted"

    def __init__(self, *pieces: str | Exception) -> None:
        self.pieces = pieces
        self.heard: list[Sequence[Mapping[str, str]]] = []
        self.closed = False

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        self.heard.append(messages)
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed = True


def article(text: str, id: str = "a", **facts: Any) -> Article:
    """An article as an ingest would make it."""
    return Article(id, content_version(text, facts), text, **facts)


def headline(a: Article) -> Headline:
    return Headline(
        a.id, a.version, label(a.title, a.text), a.url, a.title, a.source, a.author, a.published, a.language
    )


def evidence(*articles: Article) -> Evidence:
    """Each article whole as one passage, ranked as given."""
    return Evidence(
        tuple(
            RetrievedPassage(
                a.passage(0, len(a.text)), headline(a), rank, Scores(dense=1 / rank, fused=1 / rank)
            )
            for rank, a in enumerate(articles, 1)
        )
    )


def write_jsonl(path: Path, *records: Mapping[str, Any]) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    return path


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def reader() -> WordReader:
    return WordReader()


@pytest.fixture(scope="module")
def loaded_once() -> Iterator[None]:
    """The bundled encoder, reader and judge are the real ones, loaded once for all tests of a file: for each
    assistant that a test opens it would take a second.
    """
    from rag.models import encoder, judge, reader

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "_Bundled", functools.cache(encoder._Bundled))
        for module in (reader, judge):
            patch.setattr(module, "network", functools.cache(module.network))
        yield


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A collection of its own for each test; the encoder's name is the fake's."""
    return Config(home=tmp_path / "home", encoder=WordEncoder.name)


@pytest.fixture(autouse=True)
def _nobody_elses_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the settings or the collection of the person who runs it."""
    import os

    for name in list(os.environ):
        if name.startswith("CLIPPINGS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


DAY = date(2024, 1, 20)


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns wherever they may, and not every five milliseconds."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture
def library(tmp_path: Path, encoder: WordEncoder) -> Iterator[Any]:
    """A server's collections over the fakes: a demo of one article, and none of one's own yet."""
    from eval.command import keep_case
    from ingest import edit, remove, sync
    from rag import open_assistant
    from rag.opening import collection_exists
    from rag.surfaces.library import Library

    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "one.txt").write_text("The demo tells of Iran.")
    demo = Config(home=tmp_path / "demo-home")
    library = Library(
        Config(home=tmp_path / "home"),
        demo,
        open=lambda config: open_assistant(config, encoder=encoder, reader=WordReader()),
        exists=collection_exists,
        make_demo=lambda: sync(tmp_path / "demo", demo, encoder=encoder),
        sync=lambda places, config, **options: sync(places, config, encoder=encoder, **options),
        edit=lambda *given, **options: edit(*given, encoder=encoder, **options),
        remove=lambda ids, config: remove(ids, config, encoder=encoder),
        add_to_gold=keep_case,
    )
    yield library
    library.close()
