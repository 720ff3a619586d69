"""All surfaces give one answer to one question: Python, the terminal, JSON, the stream, and the page's HTML."""

from __future__ import annotations

import html
import json
import re

import pytest
from conftest import SEEDS

import app
from ingest import sync
from rag import Config, ask, open_assistant
from rag.surfaces import render
from rag.surfaces.conversation import Exchange
from rag.surfaces.page import conversations
from rag.types import Sentence

QUESTION = "Who struck first, and whom did they target?"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    config = Config(home=tmp_path_factory.mktemp("seeds") / "home")
    sync(SEEDS, config)
    return config


def test_all_surfaces_agree(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    answer = ask(QUESTION, config)
    assert "Iran" in answer.text
    assert answer.citations
    with open_assistant(config) as assistant:
        for c in answer.citations:
            assert assistant.article(c.article.id).text[c.start : c.end] == c.quote
        streamed = tuple(e for e in assistant.stream(QUESTION) if isinstance(e, Sentence))
        shown = [e.answer(at_work=True) for e in conversations.exchanges(lambda _: assistant, Exchange("1", QUESTION), [])]
    assert streamed == answer.sentences

    assert app.main(["ask", QUESTION, "--home", str(config.home)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith(" ".join(answer.text.split()))

    assert app.main(["ask", QUESTION, "--json", "--home", str(config.home)]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["text"] == answer.text
    assert [(c["start"], c["end"], c["quote"]) for c in whole["citations"]] == [
        (c.start, c.end, c.quote) for c in answer.citations
    ]

    body = shown[-1].split('<p class="answer">')[1].split("</p>")[0]
    on_page = " ".join(html.unescape(re.sub(r"<[^>]+>", "", body)).split())
    assert on_page == " ".join(answer.text.replace("] [", "][").split())


def test_all_surfaces_name_the_same_days(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    question = "When did Iran stage airstrikes in Iraq and Syria?"
    answer = ask(question, config)
    days = [
        f"{c.quote[m.start - c.start : m.end - c.start]} = {m.shown}"
        for c in answer.citations
        for m in render.dates(c, answer.evidence)
    ]
    assert "Monday = 15 January 2024" in days
    with open_assistant(config) as assistant:
        page = list(conversations.exchanges(lambda _: assistant, Exchange("1", question), []))[-1].answer(at_work=False)
    assert app.main(["ask", question, "--home", str(config.home)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert app.main(["ask", question, "--json", "--home", str(config.home)]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert [day for day in days if day not in page or day not in printed] == []
    assert [(d["words"], d["first"]) for c in whole["citations"] for d in c["dates"]] == [
        (c.quote[m.start - c.start : m.end - c.start], m.first.isoformat())
        for c in answer.citations
        for m in render.dates(c, answer.evidence)
    ]


def test_the_articles_are_silent_about_biryani(config: Config) -> None:
    answer = ask("What is the best recipe for biryani?", config)
    assert (answer.abstained is not None, answer.sentences, answer.text) == (True, (), "The articles do not answer this.")


def test_the_seeds_are_what_was_published() -> None:
    texts = {path.name: path.read_bytes() for path in SEEDS.iterdir()}
    assert len(texts) == 5
    assert sum(text.startswith(b" date 2024-01-") for text in texts.values()) == 2
