"""What programs may ask: the same answer as a person gets, and a reason where there can be none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import SEEDS, WordEncoder, WordReader

from ingest import sync
from rag import Config, Filters, Turn, open_assistant
from rag.errors import ClippingsError, QuestionError
from rag.surfaces.programs import programs
from rag.surfaces.render import answer_json

QUESTION = "Who struck first, and whom did they target?"


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Any:
    encoder = WordEncoder()
    config = Config(home=tmp_path_factory.mktemp("programs") / "home")
    sync(SEEDS, config, encoder=encoder)
    with open_assistant(config, encoder=encoder, reader=WordReader()) as opened:
        yield opened


def test_ask_gives_the_whole_answer_and_heeds_every_parameter(assistant: Any) -> None:
    opened: list[str] = []

    def open_(name: str) -> Any:
        opened.append(name)
        return assistant

    ask = programs(open_)[0]

    def same(found: dict[str, Any], expected: Any) -> bool:
        whole = json.loads(answer_json(expected))
        return {**found, "trace": None} == {**whole, "trace": None}

    assert same(ask(QUESTION), assistant.ask(QUESTION))
    assert same(ask("And who replied?", [["Who struck Iran?", "Pakistan."]]),
                assistant.ask("And who replied?", [Turn("Who struck Iran?", "Pakistan.")]))  # fmt: skip
    limited = ask(QUESTION, published_from="2024-01-19", published_to=" 2024-02-01 ", collection="demo")
    assert limited["filters"]["after"] == "2024-01-19"
    assert limited["filters"]["before"] == "2024-02-01"
    with pytest.raises(QuestionError, match=r"^there is no source 'Nobody': no article of this collection names its source"):
        ask(QUESTION, sources=["Nobody"])
    assert opened[-2:] == ["demo", ""]


def test_search_and_article_give_what_the_assistant_does(assistant: Any) -> None:
    _, search, article = programs(lambda _: assistant)
    found = search(QUESTION, 3)["passages"]
    expected = assistant.search(QUESTION, 3, Filters())
    assert [(p["rank"], p["article"]["id"], p["start"], p["text"]) for p in found] == [
        (s.rank, s.article.id, s.passage.start, s.passage.text) for s in expected
    ]
    whole = article(found[0]["article"]["id"])
    assert whole["text"][found[0]["start"] : found[0]["end"]] == found[0]["text"]
    assert list(whole) == ["id", "version", "title", "source", "author", "published", "url", "language", "text"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"published_from": "yesterday"}, "'yesterday' is not a day. Days are written as 2024-01-20"),
        ({"asked_on": "2024-02-30"}, "'2024-02-30' is not a day"),
        (
            {"published_from": "2024-02-02", "published_to": "2024-02-01"},
            "no article can be published after 2024-02-02 and before",
        ),
        ({"history": [["only one"]]}, "each turn of the history must be a pair"),
        ({"question": " "}, "the question is empty"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_reason(assistant: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(QuestionError, match=said):
        programs(lambda _: assistant)[0](**{"question": QUESTION, **options})


def test_an_article_that_is_not_there_is_an_error_of_ours(assistant: Any) -> None:
    with pytest.raises(ClippingsError, match="there is no article nowhere"):
        programs(lambda _: assistant)[2]("nowhere")


@pytest.mark.parametrize(
    ("program", "options", "said"),
    [
        (0, {"question": 5}, "question must be a text, and is 5"),
        (0, {"question": None}, "question is missing. It must be a text"),
        (0, {"history": "earlier"}, 'history must be a list of pairs: each a question and its answer, and is "earlier"'),
        (0, {"history": [5]}, r"history must be a list of pairs: each a question and its answer, and is \[5\]"),
        (0, {"sources": "VOA"}, 'sources must be a list of names, and is "VOA"'),
        (0, {"sources": [7]}, r"sources must be a list of names, and is \[7\]"),
        (0, {"published_from": 2024}, "published_from must be a text, and is 2024"),
        (1, {"k": "many"}, 'k must be a whole number, and is "many"'),
        (1, {"k": 2.5}, "k must be a whole number, and is 2.5"),
        (1, {"k": True}, "k must be a whole number, and is true"),
        (1, {"k": [3]}, r"k must be a whole number, and is \[3\]"),
    ],
)
def test_an_argument_of_another_kind_is_refused_by_its_name(
    assistant: Any, program: int, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(QuestionError, match=f"^{said}$"):
        programs(lambda _: assistant)[program](**{"question": QUESTION, **options})


def test_an_article_is_named_by_a_text(assistant: Any) -> None:
    with pytest.raises(QuestionError, match=r'^article_id must be a text, and is \["a"\]$'):
        programs(lambda _: assistant)[2](["a"])


def test_what_is_null_is_left_out_and_a_number_may_be_written_in_any_way(assistant: Any) -> None:
    _, search, _ = programs(lambda _: assistant)
    nothing = dict.fromkeys(("k", "sources", "published_from", "published_to", "asked_on", "collection"))
    assert search(QUESTION, **nothing) == search(QUESTION)
    assert search(QUESTION, "2") == search(QUESTION, 2.0) == search(QUESTION, 2)
    assert len(search(QUESTION, 2)["passages"]) == 2
