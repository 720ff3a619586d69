"""What the public functions are handed and cannot use is refused in a sentence; a closed assistant says that
it is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import WordEncoder, WordReader, write_jsonl

import ingest
import rag
from rag.assistant import Assistant
from rag.collection import Collection
from rag.config import Config
from rag.errors import CollectionError, ConfigError, QuestionError, SourceError
from rag.types import Filters, Turn
from rag.validation import known_sources, require_collection

RECORDS = [
    {
        "id": "strike",
        "text": "Iran struck first on Tuesday. Pakistan replied.",
        "published": "2024-01-18",
        "source": "Dawn",
    },
    {"id": "rain", "text": "Rain fell on Bern on Monday.", "published": "2024-01-19", "source": "VOA"},
]
QUESTION = "Who struck first?"
A_DAY, A_MOMENT = date(2024, 1, 20), datetime(2024, 1, 20, 9, 30)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("refusals")
    config = Config(home=folder / "home", encoder=WordEncoder.name)
    ingest.sync(write_jsonl(folder / "news.jsonl", *RECORDS), config, encoder=WordEncoder())
    return config


def opened(config: Config) -> Assistant:
    return rag.open_assistant(config, encoder=WordEncoder(), reader=WordReader())


@pytest.fixture
def assistant(made: Config) -> Iterator[Assistant]:
    with opened(made) as assistant:
        yield assistant


# Arguments of another kind


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"question": None}, "the question must be text, as in ask('Who struck first?'), not None"),
        ({"question": 5}, "the question must be text, as in ask('Who struck first?'), not 5"),
        ({"question": b"Who?"}, "the question must be text, as in ask('Who struck first?'), not b'Who?'"),
        ({"question": ""}, "the question is empty. Ask something about the articles"),
        ({"question": "?!"}, "the question has no word to search for. Ask it in words"),
        ({"question": "caf\udce9"}, "the question has bytes that are not UTF-8 text. Type it again in a terminal set to UTF-8"),
        ({"filters": None}, "filters must be rag.Filters(after=…, before=…, sources=…), not None"),
        ({"filters": {"after": 1}}, "filters must be rag.Filters(after=…, before=…, sources=…), not {'after': 1}"),
        ({"asked_on": "2024-01-01"}, "asked_on must be a date, as in date(2024, 1, 20), not '2024-01-01'"),
        ({"asked_on": A_MOMENT}, "asked_on must be a date, as in date(2024, 1, 20), not datetime.datetime(2024, 1, 20, 9, 30)"),
    ],
)  # fmt: skip
def test_ask_stream_and_search_refuse_the_same(
    assistant: Assistant, given: dict[str, Any], says: str
) -> None:
    whole = {"question": QUESTION, **given}
    for call in (assistant.ask, lambda **named: list(assistant.stream(**named)), assistant.search):
        with pytest.raises(QuestionError) as refused:
            call(**whole)  # type: ignore[operator]
        assert str(refused.value) == says


@pytest.mark.parametrize(
    ("history", "says"),
    [
        ("x", "history must be a list of rag.Turn(question, answer), oldest first, not 'x'"),
        (5, "history must be a list of rag.Turn(question, answer), oldest first, not 5"),
        (None, "history must be a list of rag.Turn(question, answer), oldest first, not None"),
        (
            [("Who?", "Iran.")],
            "each turn of the history must be a rag.Turn(question, answer), not ('Who?', 'Iran.')",
        ),
    ],
)
def test_a_history_that_is_none_is_refused(assistant: Assistant, history: Any, says: str) -> None:
    with pytest.raises(QuestionError) as refused:
        assistant.ask("And who replied?", history)
    assert str(refused.value) == says


@pytest.mark.parametrize(
    ("k", "says"),
    [
        (0, "k must be at least 1, not 0"),
        (-3, "k must be at least 1, not -3"),
        ("8", "k must be a whole number of passages, as in k=8, not '8'"),
        (1.5, "k must be a whole number of passages, as in k=8, not 1.5"),
        (True, "k must be a whole number of passages, as in k=8, not True"),
    ],
)
def test_a_number_of_passages_that_is_none_is_refused(assistant: Assistant, k: Any, says: str) -> None:
    with pytest.raises(QuestionError) as refused:
        assistant.search(QUESTION, k)
    assert str(refused.value) == says


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Filters("2024-01-01"), "after must be a date, as in date(2024, 1, 20), not '2024-01-01'"),  # type: ignore[arg-type]
        (lambda: Filters(before=A_MOMENT), "before must be a date, as in date(2024, 1, 20), not datetime.datetime(2024, 1, 20, 9, 30)"),
        (lambda: Filters(date(2024, 2, 1), date(2024, 1, 1)), "no article can be published after 2024-02-01 and before 2024-01-01"),
        (lambda: Filters(sources="Dawn"), "sources must be a tuple of names, as in ('Dawn',), not 'Dawn'"),  # type: ignore[arg-type]
        (lambda: Filters(sources=(None,)), 'sources must be a tuple of names, as in ("Dawn", "VOA"), not (None,)'),  # type: ignore[arg-type]
        (lambda: Filters(exclude_articles="a"), "exclude_articles must be a tuple of names, as in ('a',), not 'a'"),  # type: ignore[arg-type]
        (lambda: Turn(None, "Iran."), "the question of a turn must be a text, not None"),  # type: ignore[arg-type]
        (lambda: Turn("Who?", 5), "the answer of a turn must be a text, not 5"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_built_says_what_to_pass(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match="") as refused:
        make()
    assert str(refused.value) == says


def test_a_list_of_sources_is_taken_as_a_tuple() -> None:
    assert Filters(sources=["Dawn"]) == Filters(sources=("Dawn",))  # type: ignore[arg-type]


@pytest.mark.parametrize("config", ["path", Path("path"), 5, {"home": "x"}])
def test_what_is_no_configuration_is_refused_by_every_function(config: Any, tmp_path: Path) -> None:
    calls: list[Callable[[], object]] = [
        lambda: rag.open_assistant(config),
        lambda: rag.ask(QUESTION, config),
        lambda: ingest.sync(tmp_path, config),
        lambda: ingest.preview(tmp_path, config),
        lambda: ingest.remove("a", config),
        lambda: ingest.edit("a", {"title": "b"}, config),
    ]
    for call in calls:
        with pytest.raises(
            ConfigError, match=r"^config must be a rag\.Config, as in Config\(home='folder'\), not "
        ):
            call()


@pytest.mark.parametrize(
    ("places", "says"),
    [
        (None, "a place is a path or a web address, or a list of these, not None"),
        (5, "a place is a path or a web address, or a list of these, not 5"),
        (b"news", "a place is a path or a web address, or a list of these, not b'news'"),
        ([None], "a place is a path or a web address, or a list of these, not None"),
        ({"news": 1}, "a place is a path or a web address, or a list of these, not {'news': 1}"),
        ("", "a place is empty. For the current folder, write a single dot"),
        ([" "], "a place is empty. For the current folder, write a single dot"),
    ],
)
def test_what_names_no_place_is_refused_before_anything_is_made(
    config: Config, places: Any, says: str
) -> None:
    for call in (ingest.sync, ingest.preview):
        with pytest.raises(SourceError) as refused:
            call(places, config)
        assert str(refused.value) == says
    assert not config.home.exists()


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"author": "Ann"}, "'author' cannot be corrected; these can: title, source, published"),
        ({5: "x"}, "5 cannot be corrected; these can: title, source, published"),
        ("title", "facts are named, as in {'title': 'Rain'}, not as 'title'"),
        (None, "facts are named, as in {'title': 'Rain'}, not as None"),
        ({"title": 5}, "the title must be a text or None, not 5"),
        ({"title": A_DAY}, "the title must be a text or None, not datetime.date(2024, 1, 20)"),
        (
            {"published": A_MOMENT},
            "the published must be a day, as in date(2024, 1, 20), or None, not datetime.datetime(2024, 1, "
            "20, 9, 30)",
        ),
        (
            {"published": "2024-02-30"},
            "'2024-02-30' is not a day like 2024-01-20. Leave it empty if it is not known",
        ),
    ],
)
def test_facts_that_cannot_be_corrected_are_named(made: Config, facts: Any, says: str) -> None:
    with pytest.raises(SourceError) as refused:
        ingest.edit("strike", facts, made, encoder=WordEncoder())
    assert str(refused.value) == says


@pytest.mark.parametrize("article_id", [None, 5, b"strike"])
def test_what_is_no_id_is_refused(made: Config, assistant: Assistant, article_id: Any) -> None:
    for change in (
        lambda: ingest.remove(article_id, made),
        lambda: ingest.edit(article_id, {"title": "x"}, made),
    ):
        with pytest.raises(CollectionError, match=r"^the id of an article is a text, not "):
            change()
    for read in (
        assistant.article,
        assistant.collection.headline,
        assistant.collection.versions,
        lambda i: assistant.collection.earlier(i, "v"),
    ):
        with pytest.raises(CollectionError, match=r"^the id of an article is a text, not "):
            read(article_id)


def test_a_home_that_is_a_file_or_has_too_long_a_name_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for home, says in (
        (tmp_path / "none", "there is no collection in "),
        (tmp_path / "file", "file is a file, not a collection"),
        (tmp_path / ("x" * 300), "cannot be read: File name too long"),
    ):
        with pytest.raises(CollectionError, match=says):
            require_collection(home)


# Sources


def test_a_source_that_is_not_there_is_named_with_those_there_are(assistant: Assistant) -> None:
    for call in (assistant.ask, lambda q, **named: list(assistant.stream(q, **named)), assistant.search):
        with pytest.raises(QuestionError) as refused:
            call(QUESTION, filters=Filters(sources=("Down",)))  # type: ignore[operator]
        assert (
            str(refused.value) == "there is no source 'Down'. Did you mean Dawn? The sources are: Dawn, VOA"
        )


def test_capitals_do_not_matter_and_the_answer_has_the_sources_own(assistant: Assistant) -> None:
    answer = assistant.ask(QUESTION, filters=Filters(sources=("DAWN", "Dawn")))
    assert answer.filters == Filters(sources=("Dawn",))
    assert [p.article.id for p in answer.evidence] == ["strike"]


def test_a_source_that_a_sync_brings_is_known_at_once(tmp_path: Path) -> None:
    config = Config(home=tmp_path / "home", encoder=WordEncoder.name)
    ingest.sync(write_jsonl(tmp_path / "a.jsonl", RECORDS[0]), config, encoder=WordEncoder())
    with opened(config) as assistant:
        with pytest.raises(QuestionError, match=r"^there is no source 'VOA'\. The sources are: Dawn$"):
            assistant.search("rain", filters=Filters(sources=("VOA",)))
        ingest.sync(write_jsonl(tmp_path / "b.jsonl", RECORDS[1]), config, encoder=WordEncoder())
        assert [p.article.id for p in assistant.search("rain", filters=Filters(sources=("VOA",)))] == ["rain"]


def test_many_sources_are_not_all_listed() -> None:
    there = [f"Paper {n:02}" for n in range(30)]
    with pytest.raises(QuestionError) as refused:
        known_sources(["Nobody"], there)
    assert (
        str(refused.value)
        == f"there is no source 'Nobody'. The sources are: {', '.join(there[:10])} and 20 more"
    )
    with pytest.raises(QuestionError, match="no article of this collection has a source"):
        known_sources(["Nobody"], [])
    assert known_sources(["ap", "AP"], ["AP", "ap", "Ap"]) == ("ap", "AP")
    assert known_sources(["aP"], ["AP", "ap"]) == ("AP", "ap")


# A closed assistant

CLOSED = "this assistant is closed. Open the collection again with open_assistant(config)"


def test_every_method_of_a_closed_assistant_says_so_and_closing_twice_is_fine(made: Config) -> None:
    assistant = opened(made)
    assistant.close()
    assistant.close()
    calls: dict[str, Callable[[], object]] = {
        "ask": lambda: assistant.ask(QUESTION),
        "stream": lambda: list(assistant.stream(QUESTION)),
        "search": lambda: assistant.search(QUESTION),
        "article": lambda: assistant.article("strike"),
        "headline": lambda: assistant.collection.headline("strike"),
        "earlier": lambda: assistant.collection.earlier("strike", "v"),
        "versions": lambda: assistant.collection.versions("strike"),
        "sources": assistant.collection.sources,
        "read_from": lambda: assistant.collection.read_from(Path("a.jsonl")),
        "articles": assistant.collection.articles,
        "holds": assistant.collection.holds,
        "memory": assistant.collection.memory,
        "warm": assistant.collection.warm,
        "with_known_sources": lambda: assistant.collection.with_known_sources(Filters(sources=("Dawn",))),
        "check_open": assistant.collection.check_open,
        "answered_by": lambda: assistant.answered_by(None, assistant.config),
        "__enter__": assistant.__enter__,
    }
    public = {
        name
        for kind in (Assistant, Collection)
        for name, value in vars(kind).items()
        if callable(value) and not name.startswith("_")
    }
    assert public - {"close"} == set(calls) - {"__enter__"}
    for call in calls.values():
        with pytest.raises(CollectionError) as refused:
            call()
        assert str(refused.value) == CLOSED


def test_a_stream_that_is_under_way_ends_at_its_next_step(made: Config) -> None:
    with opened(made) as whole:
        steps = len(list(whole.stream(QUESTION)))
    for before in range(1, steps):
        assistant = opened(made)
        stream = assistant.stream(QUESTION)
        for _ in range(before):
            next(stream)
        assistant.close()
        with pytest.raises(CollectionError) as refused:
            next(stream)
        assert str(refused.value) == CLOSED
