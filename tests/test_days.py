"""Any day of the calendar, from the year 1 to 9999, through everything: files, catalog, both kinds of index,
filters, order, answers and what is printed of them. Chroma, tantivy, SQLite and the mapped files are real."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
from conftest import WordEncoder, WordReader, write_jsonl

from ingest import edit, sync
from rag import Config, Filters, open_assistant
from rag.assistant import Assistant
from rag.surfaces.render import answer_json, answer_text
from rag.types import Reading, Span

DAYS = (
    "0001-01-01",
    "0999-05-04",
    "1899-12-31",
    "1900-01-01",
    "1969-12-31",
    "1970-01-01",
    "2024-01-20",
    "9999-12-31",
)
QUESTION = "Who struck the bell yesterday?"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("days")
    config = Config(home=folder / "home", encoder=WordEncoder.name)
    records = [
        {"id": day, "text": f"Yesterday bell-ringer Number{n} struck the bell on Monday.", "published": day}
        for n, day in enumerate(DAYS)
    ]
    unknown = {"id": "unknown", "text": "Somebody unknown struck the bell yesterday."}
    report = sync(write_jsonl(folder / "news.jsonl", *records, unknown), config, encoder=WordEncoder())
    assert (len(report.added), report.failed, report.warnings) == (len(DAYS) + 1, (), ())
    return config


@pytest.fixture
def assistant(config: Config) -> Iterator[Assistant]:
    with open_assistant(config, encoder=WordEncoder(), reader=WordReader()) as assistant:
        yield assistant


def test_every_day_is_kept_as_it_was_stated(assistant: Assistant) -> None:
    listed = {a.headline.id: a.headline.published for a in assistant.collection.articles()}
    assert listed == {day: date.fromisoformat(day) for day in DAYS} | {"unknown": None}


@pytest.mark.parametrize("limit", [*DAYS, "0500-01-01", "1950-06-15"])
def test_filters_admit_the_same_days_in_every_index(assistant: Assistant, limit: str) -> None:
    day = date.fromisoformat(limit)
    for filters, expected in (
        (Filters(after=day), {d for d in DAYS if d >= limit}),
        (Filters(before=day), {d for d in DAYS if d <= limit}),
        (Filters(after=day, before=day), {d for d in DAYS if d == limit}),
    ):
        found = assistant.search(QUESTION, 20, filters)
        assert {p.article.id for p in found} == expected
        assert all(p.scores.dense is not None and p.scores.lexical is not None for p in found)
        assert {p.article.id for p in assistant.search("What happened?", 20, filters)} == expected


def test_the_latest_come_first_and_the_undated_last(assistant: Assistant) -> None:
    found = [p.article.id for p in assistant.search("What happened?", 20)]
    assert found == [*sorted(DAYS, reverse=True), "unknown"]
    before = [p.article.id for p in assistant.search("What happened?", 20, asked_on=date(1969, 12, 31))]
    assert before[:5] == ["1970-01-01", "1969-12-31", "1900-01-01", "1899-12-31", "0999-05-04"]


@pytest.mark.parametrize("asked_on", DAYS)
def test_any_day_may_be_the_day_of_asking(assistant: Assistant, asked_on: str) -> None:
    day = date.fromisoformat(asked_on)
    first = assistant.search(QUESTION, 20, asked_on=day).passages[0]
    assert first.article.id == asked_on or abs((date.fromisoformat(first.article.id) - day).days) <= 1
    assert assistant.search("What happened?", asked_on=day).passages[0].rank == 1
    answer = assistant.ask(QUESTION, filters=Filters(after=day, before=day), asked_on=day)
    assert {p.article.id for p in answer.evidence} == {asked_on}
    whole = json.loads(answer_json(answer))
    assert whole["filters"]["after"] == asked_on
    year = str(day.year)
    assert f"{day.day} " in answer_text(answer)
    assert year in answer_text(answer)


def test_a_day_can_be_corrected_to_the_first_and_to_the_last(config: Config, tmp_path: Path) -> None:
    own = Config(home=tmp_path / "home", encoder=WordEncoder.name)
    sync(write_jsonl(tmp_path / "a.jsonl", {"id": "a", "text": "Rain fell."}), own, encoder=WordEncoder())
    for day in (date.min, date.max):
        assert edit("a", {"published": day}, own, encoder=WordEncoder()).published == day
        with open_assistant(own, encoder=WordEncoder(), reader=WordReader()) as assistant:
            assert len(assistant.search("rain", filters=Filters(day, day))) == 1


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_times_at_either_end_of_the_calendar_are_compared(tmp_path: Path, day: str) -> None:
    own = Config(home=tmp_path / "home", encoder=WordEncoder.name)
    said = ("on Monday", "yesterday", "tomorrow", "on 2024-01-16", "on Jan. 16, 2024")
    records = [{"id": w, "text": f"The bell was struck {w}.", "published": day, "source": w} for w in said]
    sync(write_jsonl(tmp_path / "a.jsonl", *records), own, encoder=WordEncoder())
    with open_assistant(own, encoder=WordEncoder(), reader=Pointing()) as assistant:
        answer = assistant.ask("When was the bell struck?")
    rivals = {rival.value for conflict in answer.conflicts for rival in conflict.claims}
    assert rivals & {"yesterday", "tomorrow"}


class Pointing(WordReader):
    """It points at all that follows "struck", and is sure."""

    def read(self, question: str, texts: Sequence[str], *, spans: int = 5) -> list[Reading]:
        found = []
        for text in texts:
            start = text.index("struck ") + len("struck ") if "struck " in text else 0
            found.append(Reading((Span(start, len(text) - 1, 9.0),), -9.0, 0.98, 0.98))
        return found
