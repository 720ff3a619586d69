"""Facts that somebody put right: they are found by, stay through syncs, and can be taken back."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from conftest import WordEncoder, WordReader, article, write_jsonl

from ingest import edit, preview, remove, sync
from ingest.corrections import as_read, correct, normalised_facts
from rag import open_assistant
from rag.assistant import Assistant
from rag.config import Config
from rag.errors import CollectionError, QuestionError, SourceError
from rag.store.catalog import FILE, Corrected
from rag.types import Article, Filters

pytestmark = pytest.mark.slow  # builds collections over and over

STORY = {"id": "a", "title": "Snow", "source": "Wire", "text": "The pass is closed. Trucks wait in Quetta."}
OTHER = {"id": "b", "title": "Rain", "source": "Dawn", "text": "The river rose over its banks."}
RIGHT: dict[str, Any] = {"title": "Avalanche", "source": "Dawn", "published": date(2024, 1, 17)}


@pytest.fixture
def ready(tmp_path: Path, config: Config, encoder: WordEncoder) -> Config:
    sync(write_jsonl(tmp_path / "news.jsonl", STORY, OTHER), config, encoder=encoder)
    return config


def opened(config: Config) -> Assistant:
    return open_assistant(config, encoder=WordEncoder(), reader=WordReader())


def facts(a: Article) -> tuple[str | None, str | None, date | None]:
    return a.title, a.source, a.published


def stored(config: Config, article_id: str = "a") -> Article:
    with opened(config) as assistant:
        return assistant.article(article_id)


def test_what_is_corrected_is_shown_searched_and_filtered_by(ready: Config, encoder: WordEncoder) -> None:
    right = edit("a", RIGHT, ready, encoder=encoder)
    assert (facts(right), right.text) == (("Avalanche", "Dawn", date(2024, 1, 17)), STORY["text"])
    with opened(ready) as assistant:
        shown = assistant.article("a")
        assert replace(shown, provenance=right.provenance) == right
        assert dict(shown.provenance) == {
            "published": "corrected",
            "source": "corrected",
            "title": "corrected",
        }
        found = assistant.search("avalanche")  # the word stands in the title alone
        first = found.passages[0]
        assert (first.passage.article_id, first.article.title) == ("a", "Avalanche")
        assert None not in (first.scores.lexical, first.scores.dense)
        for filters, expected in (
            (Filters(after=date(2024, 1, 17)), {"a"}),
            (Filters(sources=("Dawn",)), {"a", "b"}),
        ):
            assert {p.passage.article_id for p in assistant.search("pass", filters=filters)} == expected
        with pytest.raises(QuestionError, match=r"^there is no source 'Wire'"):
            assistant.search("pass", filters=Filters(sources=("Wire",)))
        assert not any(p.scores.lexical for p in assistant.search("snow"))  # no index holds the old title


def test_a_correction_outlives_the_next_sync_and_a_change_of_the_text(
    tmp_path: Path, ready: Config, encoder: WordEncoder
) -> None:
    edit("a", RIGHT, ready, encoder=encoder)
    news = tmp_path / "news.jsonl"
    assert sync(news, ready, encoder=encoder).kept == ("a", "b")
    assert preview(news, ready).kept == ("a", "b")
    assert facts(stored(ready)) == ("Avalanche", "Dawn", date(2024, 1, 17))
    write_jsonl(news, {**STORY, "text": "The pass is open.", "author": "Ann", "title": "Thaw"}, OTHER)
    assert sync(news, ready, encoder=encoder).replaced == ("a",)
    after = stored(ready)
    assert (facts(after), after.text, after.author) == (tuple(RIGHT.values()), "The pass is open.", "Ann")
    assert sync(news, ready, encoder=encoder).kept == ("a", "b")
    # What was read is not forgotten, though it has changed since the correction was made.
    assert facts(edit("a", {}, ready, undo=True, encoder=encoder)) == ("Thaw", "Wire", None)


def test_a_correction_outlives_indexes_made_again_and_can_be_taken_back_after_that(
    tmp_path: Path, ready: Config, encoder: WordEncoder
) -> None:
    as_it_was = stored(ready)
    edit("a", RIGHT, ready, encoder=encoder)
    sync([], ready, rebuild=True, encoder=encoder)
    assert facts(stored(ready)) == tuple(RIGHT.values())
    assert edit("a", {}, ready, undo=True, encoder=encoder) == as_it_was == stored(ready)
    assert sync(tmp_path / "news.jsonl", ready, encoder=encoder).kept == ("a", "b")


def test_a_second_correction_joins_the_first_and_unless_undone_replaces_nothing_else(
    ready: Config, encoder: WordEncoder
) -> None:
    edit("a", {"title": "Avalanche"}, ready, encoder=encoder)
    assert facts(edit("a", {"source": None}, ready, encoder=encoder)) == ("Avalanche", None, None)
    assert facts(edit("a", {"published": "2024-01-17"}, ready, undo=True, encoder=encoder)) == (
        "Snow",
        "Wire",
        date(2024, 1, 17),
    )


def test_a_correction_goes_with_its_article(tmp_path: Path, ready: Config, encoder: WordEncoder) -> None:
    edit("a", RIGHT, ready, encoder=encoder)
    remove("a", ready, encoder=encoder)
    assert sync(tmp_path / "news.jsonl", ready, encoder=encoder).added == ("a",)
    assert facts(stored(ready)) == ("Snow", "Wire", None)


def test_what_is_right_already_writes_nothing(ready: Config, encoder: WordEncoder) -> None:
    with open_assistant(ready, encoder=encoder, reader=WordReader()) as assistant:
        before = len(encoder.encoded)
        assert edit("a", {"title": " Snow ", "published": None}, ready, encoder=encoder) == assistant.article(
            "a"
        )
        assert len(encoder.encoded) == before


def test_a_collection_from_before_there_were_corrections_is_read_and_takes_one(
    tmp_path: Path, ready: Config, encoder: WordEncoder
) -> None:
    with sqlite3.connect(ready.home / FILE) as db:
        db.execute("DROP TABLE corrections")
        db.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")
    assert preview(tmp_path / "news.jsonl", ready).kept == ("a", "b")
    assert edit("a", RIGHT, ready, encoder=encoder).title == "Avalanche"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"text": "No."}, "'text' cannot be corrected; these can: title, source, published"),
        ({"published": "soon"}, "'soon' is not a day like 2024-01-20. Leave it empty if it is not known"),
        ({"title": "x" * 5_001}, "the title has 5,001 characters; at most 5,000 are allowed. Shorten it"),
    ],
)
def test_facts_that_cannot_be_kept_are_refused(
    ready: Config, encoder: WordEncoder, given: dict[str, str], told: str
) -> None:
    with pytest.raises(SourceError) as refused:
        edit("a", given, ready, encoder=encoder)
    assert str(refused.value) == told
    assert facts(stored(ready)) == ("Snow", "Wire", None)


def test_an_article_or_a_collection_that_is_not_there_is_refused(
    config: Config, ready: Config, encoder: WordEncoder
) -> None:
    with pytest.raises(CollectionError, match="there is no article nowhere"):
        edit("nowhere", RIGHT, ready, encoder=encoder)
    with pytest.raises(CollectionError, match=r"there is no collection in .*, so there is nothing to change"):
        edit("a", RIGHT, Config(home=config.home / "none"), encoder=encoder)


def test_the_version_tells_a_corrected_article_from_the_one_that_was_read() -> None:
    story = article("The pass is closed.", title="Snow")
    right, record = correct(story, normalised_facts({"title": "Avalanche", "source": None}))
    assert (right.title, right.version != story.version) == ("Avalanche", True)
    assert record == Corrected(story.version, {"title": ("Avalanche", "Snow"), "source": (None, None)})
    assert (as_read(right, record), as_read(story, None)) == (story, story)
    assert correct(story, {}) == (story, None)


def test_a_correction_holds_though_what_is_read_agrees_with_it_for_a_while(
    tmp_path: Path, ready: Config, encoder: WordEncoder
) -> None:
    edit("a", {"title": "Avalanche"}, ready, encoder=encoder)
    for title in ("Avalanche", "Thaw"):
        sync(write_jsonl(tmp_path / "news.jsonl", {**STORY, "title": title}, OTHER), ready, encoder=encoder)
        assert stored(ready).title == "Avalanche"
    assert edit("a", {"title": "Thaw"}, ready, encoder=encoder).title == "Thaw"
    sync(write_jsonl(tmp_path / "news.jsonl", {**STORY, "title": "Flood"}, OTHER), ready, encoder=encoder)
    assert stored(ready).title == "Flood", "what was put back to what was read is no correction any more"


def test_spaces_and_forms_of_a_day_make_no_correction(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    spaced = {**STORY, "title": "Snow\xa0on  the pass", "published": "2024-01-17"}
    sync(write_jsonl(tmp_path / "news.jsonl", spaced), config, encoder=encoder)
    before = stored(config)
    assert (
        edit("a", {"title": "Snow on the pass", "published": "20240117"}, config, encoder=encoder) == before
    )
    assert edit("a", {"title": "Snow \udce9"}, config, encoder=encoder).title == "Snow \ufffd"
