"""Sync, preview and remove, over real files, real indexes and a real catalog; the encoder is one to compute
in the head.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tantivy
from conftest import WordEncoder, write_jsonl

from ingest import apply as applying
from ingest import collection, preview, remove, sync
from ingest import writer as batching
from ingest.apply import Progress
from ingest.formats.kinds import KINDS
from rag.config import Config, PassageSettings
from rag.errors import CollectionError, ModelError
from rag.retrieval.search import Retriever
from rag.store.bm25 import WHOLE, LexicalIndex
from rag.store.catalog import FILE, Catalog
from rag.store.vectors import DenseIndex
from rag.types import Failure, IngestReport, Plan

pytestmark = pytest.mark.slow  # builds collections over and over

ROOT = Path(__file__).parent.parent
KNOWN = ", ".join(KINDS)
IRAN = "Iran struck first. Pakistan replied."
WEATHER = "The weather was fine. Nobody complained."


@pytest.fixture
def news(tmp_path: Path) -> Path:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "iran.txt").write_text(IRAN)
    (folder / "weather.txt").write_text(WEATHER)
    return folder


def found(config: Config, question: str, *stages: str) -> set[str]:
    """The articles that a question finds, with each of the stages alone."""
    with Retriever(
        config.home, config, Direction() if config.encoder == "direction" else WordEncoder()
    ) as retriever:
        hits = [
            {p.article.id for p in retriever.find(question, stages=(stage,)) if best(p.scores)}
            for stage in stages or ("dense", "lexical")
        ]
    assert all(ids == hits[0] for ids in hits), "the indexes disagree"
    return hits[0]


def best(scores: Any) -> bool:
    """Whether a passage shares a word with the question; the dense index always has a nearest passage."""
    return (scores.lexical or scores.dense or 0) > 0.05


class Direction:
    """Another encoder: 8 numbers, by the first letters of the words."""

    name = "direction"
    dims = 8

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([self.question(text) for text in texts], dtype=np.float32).reshape(len(texts), 8)

    def question(self, text: str) -> np.ndarray:
        vector = np.full(8, 0.01, dtype=np.float32)
        for word in text.split():
            vector[ord(word[0]) % 8] += 1
        return vector / np.linalg.norm(vector)


def held(config: Config) -> tuple[set[str], set[str], set[str]]:
    """The keys that the catalog, the dense and the lexical index hold; the index of whole articles has all it
    should.
    """
    catalog = Catalog(config.home, config)
    known, build = catalog.keys(), catalog.build()
    assert LexicalIndex(config.home, WHOLE, build=build).keys() == {
        place.key for place in catalog.first_passages().values()
    }
    assert (catalog.count_hidden(), catalog.without_passages(), catalog.obsolete_builds()) == (0, [], [])
    catalog.close()
    dense = DenseIndex(config.home, build=build)
    keys = dense.cache.keys()
    assert dense.keys() == keys, "Chroma holds the same"
    dense.close()
    return known, keys, LexicalIndex(config.home, build=build).keys()


def whole(config: Config) -> int:
    """The number of passages, when all three hold the same."""
    known, dense, lexical = held(config)
    assert known == dense == lexical
    return len(known)


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


# Taking in


def test_what_a_folder_holds_is_found(news: Path, config: Config, encoder: WordEncoder) -> None:
    report = sync(news, config, encoder=encoder)
    assert report == IngestReport(added=("news/iran.txt", "news/weather.txt"), passages=2)
    assert whole(config) == 2
    assert found(config, "Who struck?") == {"news/iran.txt"}
    assert found(config, "weather") == {"news/weather.txt"}


@pytest.mark.parametrize(
    "spelled",
    [str, Path, lambda folder: [folder], lambda folder: (str(folder / "iran.txt"), folder / "weather.txt")],
)
def test_the_places_may_be_one_or_many(
    news: Path, config: Config, encoder: WordEncoder, spelled: Callable[[Path], Any]
) -> None:
    assert sync(spelled(news), config, encoder=encoder).added == ("news/iran.txt", "news/weather.txt")


def test_without_a_config_the_users_own_is_used(
    news: Path, tmp_path: Path, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIPPINGS_ENCODER", "words")
    monkeypatch.setenv("CLIPPINGS_HOME", str(tmp_path / "mine"))
    sync(news, encoder=encoder)
    assert preview(news).kept == ("news/iran.txt", "news/weather.txt")
    remove("news/iran.txt", encoder=encoder)
    assert whole(Config(home=tmp_path / "mine", encoder="words")) == 1


def test_an_article_is_stored_with_what_is_known_of_it(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    record = {
        "url": "https://example.org/1",
        "title": "Iran",
        "text": IRAN,
        "published": "2024-01-18",
        "source": "DAWN",
    }
    sync(write_jsonl(tmp_path / "feed.jsonl", record), config, encoder=encoder)
    catalog = Catalog(config.home, config)
    (listing,) = catalog.listings()
    catalog.close()
    assert (listing.headline.id, listing.headline.title, listing.headline.published, listing.headline.source) == (
        "https://example.org/1", "Iran", date(2024, 1, 18), "DAWN"
    )  # fmt: skip
    assert (listing.origin, listing.words, listing.passages) == (str(tmp_path / "feed.jsonl"), 5, 1)


def test_syncing_again_encodes_nothing_and_writes_nothing(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    before, encoded = files(config.home), list(encoder.encoded)
    report = sync(news, config, encoder=encoder, prune=True)
    assert report == IngestReport(kept=("news/iran.txt", "news/weather.txt"))
    assert encoder.encoded == encoded
    assert files(config.home) == before


def test_a_changed_article_is_replaced_everywhere_and_the_others_are_not_touched(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    encoder.encoded.clear()
    (news / "iran.txt").write_text("Sweden joined an alliance.")
    assert sync(news, config, encoder=encoder) == IngestReport(
        replaced=("news/iran.txt",), kept=("news/weather.txt",), passages=1
    )
    assert encoder.encoded == ["Sweden joined an alliance."]
    assert found(config, "alliance") == {"news/iran.txt"}
    assert found(config, "struck Pakistan") == set()
    assert whole(config) == 2


def test_an_article_with_other_facts_and_the_same_text_is_replaced(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    path = write_jsonl(tmp_path / "feed.jsonl", {"id": "1", "text": IRAN})
    sync(path, config, encoder=encoder)
    write_jsonl(path, {"id": "1", "text": IRAN, "published": "2024-01-18"})
    assert sync(path, config, encoder=encoder).replaced == ("1",)
    assert whole(config) == 1
    assert found(config, "struck") == {"1"}


def test_the_same_words_in_two_files_are_two_articles(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    (news / "copy.txt").write_text(IRAN)
    sync(news, config, encoder=encoder)
    assert found(config, "struck") == {"news/copy.txt", "news/iran.txt"}


def test_a_renamed_file_is_the_same_article_and_not_encoded_again(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    encoder.encoded.clear()
    (news / "iran.txt").rename(news / "strikes.txt")
    place = str(news / "strikes.txt")
    assert sync(news, config, encoder=encoder, prune=True) == IngestReport(
        kept=("news/iran.txt", "news/weather.txt"), renamed=(("news/iran.txt", place),)
    )
    assert encoder.encoded == []
    (news / "strikes.txt").write_text(IRAN + " Corrected.")
    assert sync(news, config, encoder=encoder, prune=True).replaced == ("news/iran.txt",)
    assert found(config, "corrected") == {"news/iran.txt"}
    catalog = Catalog(config.home, config)
    assert catalog.known()["news/iran.txt"][1] == place
    catalog.close()


def test_what_has_gone_is_removed_from_both_indexes_with_prune_and_kept_without(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    (news / "iran.txt").unlink()
    assert sync(news, config, encoder=encoder) == IngestReport(kept=("news/weather.txt",))
    assert found(config, "struck") == {"news/iran.txt"}
    assert sync(news, config, encoder=encoder, prune=True) == IngestReport(
        removed=("news/iran.txt",), kept=("news/weather.txt",)
    )
    assert found(config, "struck") == set()
    assert whole(config) == 1


def test_the_title_is_indexed_with_every_passage_and_is_in_none(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    path = write_jsonl(
        tmp_path / "feed.jsonl", {"id": "1", "title": "Monsoon", "text": WEATHER}, {"id": "2", "text": IRAN}
    )
    sync(path, config, encoder=encoder)
    assert encoder.encoded == [f"Monsoon\n{WEATHER}", IRAN]
    with Retriever(config.home, config, encoder) as retriever:
        assert [(p.article.id, p.passage.text) for p in retriever.find("monsoon", stages=("lexical",))] == [
            ("1", WEATHER)
        ]
    bare = replace(config, home=tmp_path / "bare", passages=PassageSettings(title=False))
    sync(path, bare, encoder=encoder)
    assert encoder.encoded[2:] == [WEATHER, IRAN]
    assert found(bare, "monsoon", "lexical") == set()


def test_the_passages_are_cut_as_configured(tmp_path: Path, config: Config, encoder: WordEncoder) -> None:
    (tmp_path / "a.txt").write_text(" ".join(f"Report {n} names one witness." for n in range(40)))
    short = replace(config, passages=PassageSettings(words=20, overlap=0))
    assert (
        sync(tmp_path / "a.txt", short, encoder=encoder).passages == 10
    )  # four sentences of five words each
    assert whole(short) == 10


def test_an_empty_folder_makes_an_empty_collection_that_answers_with_nothing(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    (tmp_path / "empty").mkdir()
    said = IngestReport(
        warnings=(f"{tmp_path}/empty: the folder contains no file that can be read. Supported are {KNOWN}",)
    )
    assert sync(tmp_path / "empty", config, encoder=encoder) == said
    before = files(config.home)
    assert sync(tmp_path / "empty", config, encoder=encoder) == said
    assert files(config.home) == before
    with Retriever(config.home, config, encoder) as retriever:
        assert len(retriever.find("Who struck first?")) == 0
    assert whole(config) == 0


def test_what_cannot_be_read_is_in_the_report_and_stops_nothing(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    (news / "broken.txt").write_bytes(b"")
    (news / "photo.png").write_bytes(b"x")
    write_jsonl(news / "feed.jsonl", {"id": "1", "text": "Snow fell.", "published": "soon"}, {"id": "2"})
    report = sync([news, news / "nowhere"], config, encoder=encoder)
    assert report.added == ("1", "news/iran.txt", "news/weather.txt")
    assert report.failed == (
        Failure("news/broken.txt", "it is empty. Remove it, or put the article's text into it"),
        Failure("news/feed.jsonl line 2", 'it has no "text". Put the article\'s text under that name'),
        Failure(
            f"{news}/nowhere", "there is no such file or folder. Check the spelling, or give the whole path"
        ),
    )
    assert report.warnings == (
        f"{news}: 1 file with .png skipped. Supported are {KNOWN}",
        "news/feed.jsonl line 1: its date 'soon' is not YYYY-MM-DD and is treated as unknown",
    )
    assert report.items == 6
    again = sync([news, news / "nowhere"], config, encoder=encoder)
    assert (again.failed, again.warnings, again.items) == (report.failed, report.warnings, 6)


def test_a_file_that_changes_during_a_sync_is_stored_as_it_was_read_and_replaced_the_next_time(
    news: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BATCH", 1)
    monkeypatch.setattr(applying, "_READ_AHEAD", 0)

    class Meddler(WordEncoder):
        def passages(self, texts: Sequence[str]) -> np.ndarray:
            (news / "weather.txt").write_text("Snow fell.")  # while the first article is encoded
            return super().passages(texts)

    report = sync(news, config, encoder=Meddler())
    assert (report.added, report.failed) == (("news/iran.txt", "news/weather.txt"), ())
    assert found(config, "snow") == set()
    assert sync(news, config, encoder=WordEncoder()).replaced == ("news/weather.txt",)
    assert found(config, "snow") == {"news/weather.txt"}


def test_progress_is_told_within_an_article_that_is_a_book(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    (tmp_path / "book.txt").write_text("It rained on Monday in the hills of the far south. " * 9_000)
    told: list[Progress] = []
    report = sync(tmp_path / "book.txt", config, encoder=encoder, progress=told.append)
    assert report.passages > 512
    assert [(p.done, p.total, p.passages) for p in told] == [
        *((0, 1, min(512 * n, report.passages)) for n in range(1, -(-report.passages // 512) + 1)),
        (1, 1, report.passages),
    ]
    made = [min(1.0, 512 * n / report.passages) for n in range(1, -(-report.passages // 512) + 1)]
    assert [p.share for p in told] == [*made, 1.0], "a bar that shows how far the one article is"
    assert whole(config) == report.passages


def test_progress_is_told_after_each_batch(
    news: Path, config: Config, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BATCH", 2)
    for n in range(3):
        (news / f"{n}.txt").write_text(f"Story {n} of three.")
    told: list[Progress] = []
    sync(news, config, encoder=encoder, progress=told.append)
    assert told == [Progress(2, 5, 4, 2), Progress(4, 5, 5, 1), Progress(5, 5, 5)], (
        "while one is stored the next is encoded"
    )


def test_the_new_and_the_changed_of_a_large_run_are_all_there(
    tmp_path: Path, config: Config, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BATCH", 16)
    records = [{"id": f"{n:03}", "text": f"Story{n} happened. " * (1 + n % 40)} for n in range(120)]
    path = write_jsonl(tmp_path / "feed.jsonl", *records)
    first = sync(path, config, encoder=encoder)
    assert (len(first.added), first.passages) == (120, whole(config))
    for n in range(0, 120, 3):
        records[n] = {"id": f"{n:03}", "text": f"Correction{n} happened."}
    write_jsonl(path, *records[:100])
    second = sync(path, config, encoder=encoder, prune=True)
    assert (len(second.replaced), len(second.kept), len(second.removed)) == (34, 66, 20)
    whole(config)
    assert found(config, "correction30", "lexical") == {"030"}
    assert found(config, "story30", "lexical") == set()
    assert found(config, "story110", "lexical") == set()


# Other settings


def test_a_collection_made_with_another_encoder_is_refused_with_the_command_to_run(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    before = files(config.home)
    other = replace(config, encoder="direction")
    for attempt in (
        lambda: sync(news, other, encoder=Direction()),
        lambda: preview(news, other),
        lambda: remove("news/iran.txt", other, encoder=Direction()),
        lambda: Retriever(other.home, other, Direction()),
    ):
        with pytest.raises(CollectionError) as refused:
            attempt()
        assert str(refused.value) == (
            f"the collection in {config.home} was made with encoder = words; the configuration asks for "
            f"direction. "
            f"Set encoder back, or make the indexes again: clippings sync --rebuild --home {config.home}"
        )
    assert files(config.home) == before


def test_a_rebuild_makes_both_indexes_again_from_the_stored_articles(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    (news / "iran.txt").unlink()  # what is stored is enough
    other = replace(config, encoder="direction", passages=PassageSettings(words=40, overlap=0))
    report = sync([], other, rebuild=True, encoder=Direction())
    assert report == IngestReport(passages=2)
    assert whole(other) == 2
    assert found(other, "struck", "lexical") == {"news/iran.txt"}
    with Retriever(other.home, other, Direction()) as retriever:
        assert {p.article.id for p in retriever.find("Iran", stages=("dense",))} == {
            "news/iran.txt",
            "news/weather.txt",
        }
    with pytest.raises(CollectionError, match="was made with encoder = direction"):
        sync(news, config, encoder=encoder)


def test_a_rebuild_can_take_in_what_is_new_and_tell_its_progress(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    (news / "snow.txt").write_text("Snow fell.")
    (news / "iran.txt").write_text("Iran struck second.")
    (news / "weather.txt").rename(news / "sun.txt")
    told: list[Progress] = []
    report = sync(news, config, rebuild=True, encoder=encoder, progress=told.append)
    assert report == IngestReport(
        added=("news/snow.txt",), replaced=("news/iran.txt",), kept=("news/weather.txt",),
        renamed=(("news/weather.txt", str(news / "sun.txt")),), passages=4,
    )  # fmt: skip
    assert told == [Progress(2, 4, 2), Progress(4, 4, 4)], (
        "what is stored is indexed anew, and then what has changed"
    )
    assert whole(config) == 3
    assert sync(news, config, encoder=encoder).renamed == (), "the rebuild forgot where the renamed file lies"


@pytest.mark.parametrize("folder", ["vectors", "dense", "lexical", "whole"])
def test_an_index_that_is_lost_is_made_again_by_the_next_change_encoding_nothing(
    news: Path, config: Config, encoder: WordEncoder, folder: str
) -> None:
    sync(news, config, encoder=encoder)
    encoder.encoded.clear()
    for change in (
        lambda: sync(news, config, encoder=encoder),
        lambda: remove("news/iran.txt", config, encoder=encoder),
    ):
        shutil.rmtree(config.home / folder)
        change()
        whole(config)
    assert encoder.encoded == []
    assert found(config, "weather") == {"news/weather.txt"}


def test_vectors_that_are_lost_altogether_are_encoded_again_only_by_who_asks_for_it(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    for folder in ("vectors", "dense"):
        shutil.rmtree(config.home / folder)
    for attempt in (
        lambda: sync(news, config, encoder=encoder),
        lambda: remove("news/iran.txt", config, encoder=encoder),
    ):
        with pytest.raises(CollectionError) as lost:
            attempt()
        assert str(lost.value) == (
            f"the vectors of the collection in {config.home} are lost: neither Chroma's store nor the cache of them "
            f"can be used. Make them again: clippings sync --rebuild --home {config.home}"
        )
    assert sync([], config, rebuild=True, encoder=encoder).passages == 2
    assert whole(config) == 2


def test_a_rebuild_repairs_indexes_that_are_damaged(news: Path, config: Config, encoder: WordEncoder) -> None:
    sync(news, config, encoder=encoder)
    for damaged in (config.home / "dense").rglob("*.bin"):
        damaged.write_bytes(b"")
    for damaged in (config.home / "lexical").glob("*.term"):
        damaged.write_bytes(b"")
    assert sync(news, config, rebuild=True, encoder=encoder).passages == 2
    assert found(config, "struck") == {"news/iran.txt"}


def test_a_rebuild_takes_over_lexical_indexes_of_another_version(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    for folder in ("lexical", "whole"):
        shutil.rmtree(config.home / folder)
        (config.home / folder).mkdir()
        schema = tantivy.SchemaBuilder()
        schema.add_text_field("key", stored=True)
        tantivy.Index(schema.build(), path=str(config.home / folder))
    with sqlite3.connect(config.home / FILE) as db:
        db.execute("UPDATE meta SET value = '2' WHERE name = 'index layout'")
    with pytest.raises(CollectionError, match="were made by another version of Clippings"):
        found(config, "struck")
    assert sync(news, config, renew=True, encoder=encoder).passages == 2
    assert (whole(config), found(config, "struck")) == (2, {"news/iran.txt"})


@pytest.mark.slow
def test_an_encoder_that_cannot_be_loaded_does_not_cost_the_indexes_there_are(
    news: Path, config: Config, encoder: WordEncoder, tmp_path: Path
) -> None:
    sync(news, config, encoder=encoder)
    with pytest.raises(ModelError, match="cannot be loaded"):
        sync(news, replace(config, encoder=str(tmp_path / "no model")), rebuild=True)
    assert found(config, "struck") == {"news/iran.txt"}
    assert whole(config) == 2


def test_there_is_nothing_to_rebuild_where_there_is_no_collection(
    config: Config, encoder: WordEncoder
) -> None:
    with pytest.raises(
        CollectionError, match=r"there is no collection in .* to rebuild\. Create one: clippings sync FOLDER"
    ):
        sync([], config, rebuild=True, encoder=encoder)


# Preview and remove


def test_a_preview_says_what_a_sync_would_do_and_writes_nothing(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    assert preview(news, config) == Plan(added=("news/iran.txt", "news/weather.txt"))
    assert not config.home.exists()
    sync(news, config, encoder=encoder)
    (news / "iran.txt").write_text("Sweden joined.")
    (news / "snow.txt").write_text("Snow fell.")
    (news / "weather.txt").unlink()
    before = files(config.home)
    assert preview(news, config) == Plan(added=("news/snow.txt",), replaced=("news/iran.txt",))
    planned = preview(news, config, prune=True)
    assert planned == Plan(
        added=("news/snow.txt",), replaced=("news/iran.txt",), removed=("news/weather.txt",)
    )
    assert files(config.home) == before
    report = sync(news, config, encoder=encoder, prune=True)
    assert (report.added, report.replaced, report.removed, report.kept) == (
        planned.added, planned.replaced, planned.removed, planned.kept
    )  # fmt: skip


def test_a_removed_article_is_found_no_more_and_its_file_stays(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    encoder.encoded.clear()
    remove("news/iran.txt", config, encoder=encoder)
    assert found(config, "struck") == set()
    assert (whole(config), encoder.encoded, (news / "iran.txt").read_text()) == (1, [], IRAN)
    assert sync(news, config, encoder=encoder).added == ("news/iran.txt",)
    remove(["news/iran.txt", "news/weather.txt", "news/iran.txt"], config, encoder=encoder)
    assert whole(config) == 0


def test_removing_an_unknown_article_removes_nothing(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    before = files(config.home)
    with pytest.raises(CollectionError) as refused:
        remove(["news/iran.txt", "news/none.txt"], config, encoder=encoder)
    assert (
        str(refused.value) == "there is no article news/none.txt. `clippings articles` lists those there are"
    )
    assert files(config.home) == before


def test_there_is_nothing_to_remove_where_there_is_no_collection(
    config: Config, encoder: WordEncoder
) -> None:
    with pytest.raises(CollectionError, match=r"there is no collection in .*, so there is nothing to change"):
        remove("news/iran.txt", config, encoder=encoder)
    assert not config.home.exists()


# One writer at a time


@pytest.mark.slow
def test_a_second_writer_is_refused_at_once_and_nothing_is_lost(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    code = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
from conftest import WordEncoder
from ingest import sync
from rag.config import Config

class Patient(WordEncoder):
    def passages(self, texts):
        print("encoding", flush=True)
        sys.stdin.readline()
        return super().passages(texts)

print(sync(sys.argv[1], Config(home=sys.argv[2], encoder="words"), encoder=Patient()).added)
"""
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(news), str(config.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "encoding\n"
    (news / "snow.txt").write_text("Snow fell.")
    for attempt in (
        lambda: sync(news, config, encoder=encoder),
        lambda: remove("news/iran.txt", config, encoder=encoder),
    ):
        began = time.perf_counter()
        with pytest.raises(CollectionError) as refused:
            attempt()
        assert time.perf_counter() - began < 1
        assert str(refused.value) == (
            f"another process is writing to the collection in {config.home}. "
            "Wait until it is done and run this again; nothing is lost"
        )
    out, _ = first.communicate("go on\n", timeout=60)
    assert (first.returncode, out) == (0, "('news/iran.txt', 'news/weather.txt')\n")
    assert sync(news, config, encoder=encoder) == IngestReport(
        added=("news/snow.txt",), kept=("news/iran.txt", "news/weather.txt"), passages=1
    )
    assert whole(config) == 3


def test_a_run_that_fails_gives_the_lock_back(news: Path, config: Config, encoder: WordEncoder) -> None:
    class Broken(WordEncoder):
        def passages(self, texts: Sequence[str]) -> np.ndarray:
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        sync(news, config, encoder=Broken())
    assert sync(news, config, encoder=encoder).added == ("news/iran.txt", "news/weather.txt")
    assert whole(config) == 2


def test_a_home_that_cannot_be_written_to_is_named(news: Path, tmp_path: Path, encoder: WordEncoder) -> None:
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "file" / "home"):
        with pytest.raises(
            CollectionError, match=r"is, or lies in, a file and not a folder\. Name a folder with --home"
        ):
            sync(news, Config(home=home, encoder="words"), encoder=encoder)


def test_the_lock_is_beside_the_catalog(news: Path, config: Config, encoder: WordEncoder) -> None:
    sync(news, config, encoder=encoder)
    assert {path.name for path in config.home.iterdir()} == {
        FILE, collection.LOCK, "dense", "dense.changes", "dense.lock", "lexical", "vectors", "whole"
    }  # fmt: skip


# Size


@pytest.mark.slow
def test_thirty_megabytes_in_one_article_are_taken_in_and_found_again(tmp_path: Path, config: Config) -> None:
    class Quick(WordEncoder):  # the others count the words of what they are given, which takes a minute here
        @staticmethod
        def _vector(text: str) -> np.ndarray:
            return WordEncoder._vector(text[-60:])

    path = tmp_path / "long.txt"
    with path.open("w", encoding="utf-8") as file:
        for n in range(300_000):
            file.write(
                f"The committee heard on day {n} that nothing of any note had happened in the eastern "
                f"province at all. "
            )
    assert path.stat().st_size > 30_000_000
    # Passages of 3,000 words: at 150 it is Chroma that is measured here, at 1,200 a second.
    long = replace(config, passages=PassageSettings(words=3_000))
    began = time.perf_counter()
    report = sync(path, long, encoder=Quick())
    took = time.perf_counter() - began
    assert (len(report.added), report.failed) == (1, ())
    with Retriever(config.home, long, Quick()) as retriever:
        hit = retriever.find("What did the committee hear on day 200123?", stages=("lexical",)).numbered(1)
        assert retriever.catalog.count() == (1, report.passages)
    assert whole(long) == report.passages
    assert hit is not None
    assert "on day 200123 that" in hit.passage.text
    assert took < 120  # 15 s on two cores that are idle


def test_indexes_of_another_version_are_made_again_and_what_is_lost_of_them_where_that_is_wished(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder, renew=True)
    before = whole(config)
    encoder.encoded.clear()

    def make_old() -> None:
        with sqlite3.connect(config.home / FILE) as db:
            db.execute("DELETE FROM meta WHERE name = 'index layout'")

    make_old()
    sync(news, config, encoder=encoder)
    assert (whole(config), encoder.encoded) == (before, []), "the vectors are taken over"
    make_old()
    for folder in ("vectors", "dense"):
        shutil.rmtree(config.home / "indexes" / "1" / folder)
    with pytest.raises(
        CollectionError, match=r"and 2 of its vectors are not there.*clippings sync --rebuild"
    ):
        sync(news, config, encoder=encoder)
    sync(news, config, encoder=encoder, renew=True)
    assert (whole(config), len(encoder.encoded)) == (before, before)
    sync(news, config, encoder=encoder, renew=True)
    assert len(encoder.encoded) == before, "what is of this version is left alone"
    with pytest.raises(CollectionError, match=r"was made with passages\.words"):
        sync(news, replace(config, passages=PassageSettings(words=80)), encoder=encoder, renew=True)


# Articles as they are: what they say of themselves, how they change, and who else has them

HARBOUR = " ".join(f"Ship {n} left the harbour of Varn with {n} crew and a cargo of salt." for n in range(12))


def page(title: str, text: str, around: str = "") -> str:
    return f"<html lang='en'><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p>{around}</body></html>"


def entry(config: Config, article_id: str) -> tuple[Any, Any]:
    """An article and its headline."""
    catalog = Catalog(config.home, config)
    try:
        return catalog.article(article_id), catalog.headline(article_id)
    finally:
        catalog.close()


@pytest.mark.slow
def test_a_document_is_read_out_once_and_then_only_if_its_bytes_change(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    (tmp_path / "news").mkdir()
    path = tmp_path / "news" / "a.html"
    path.write_text(page("Ships", HARBOUR))
    assert sync(path, config, encoder=encoder).added == ("news/a.html",)
    article, _ = entry(config, "news/a.html")
    assert (article.title, article.text, article.provenance) == (
        "Ships",
        HARBOUR,
        (("title", "heading"), ("language", "html lang")),
    )
    assert sync(path, config, encoder=encoder).kept == ("news/a.html",)
    encoded = len(encoder.encoded)
    path.write_text(page("Ships", HARBOUR, "<footer>Updated at 10:15</footer>"))
    report = sync(path, config, encoder=encoder)
    assert (report.kept, report.replaced, report.passages, report.items) == (("news/a.html",), (), 0, 1)
    assert len(encoder.encoded) == encoded, "its article is as it was"
    assert preview(path, config).kept == ("news/a.html",), "and is known by its new bytes"
    path.write_text(page("Ships", HARBOUR.replace("salt", "coal")))
    assert sync(path, config, encoder=encoder).replaced == ("news/a.html",)


@pytest.mark.slow
def test_a_document_that_cannot_be_read_is_a_failure_of_the_sync_and_tried_again(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "a.pdf").write_bytes(b"%PDF-1.4 no more")
    (tmp_path / "news" / "b.txt").write_text(IRAN)
    for _ in range(2):
        report = sync(tmp_path / "news", config, encoder=encoder)
        assert [failure.item for failure in report.failed] == ["news/a.pdf"]
        assert report.items == 2
    assert report.kept == ("news/b.txt",)


class Opened:
    """The files that are opened while it is on, as the interpreter itself reports them."""

    def __init__(self) -> None:
        self.on = False
        self.names: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event == "open" and isinstance(arguments[0], str):
            self.names.append(arguments[0])


OPENED = Opened()


@pytest.mark.slow
def test_a_file_that_is_as_it_was_is_not_opened(tmp_path: Path, config: Config, encoder: WordEncoder) -> None:
    news = tmp_path / "news"
    news.mkdir()
    (news / "a.txt").write_text(IRAN)
    write_jsonl(news / "b.jsonl", {"id": "b", "text": WEATHER, "published": "soon"})
    (news / "c.html").write_text(page("Ships", HARBOUR))
    with zipfile.ZipFile(news / "d.zip", "w") as archive:
        archive.writestr("e.txt", "Snow fell.")
    long_ago = time.time() - 100
    for file in news.iterdir():
        os.utime(file, (long_ago, long_ago))
    first = sync(news, config, encoder=encoder)
    OPENED.names.clear()
    OPENED.on = True
    report = sync(news, config, encoder=encoder)
    OPENED.on = False
    assert [name for name in OPENED.names if str(news) in name] == []
    assert report.kept == ("news/a.txt", "b", "news/c.html", "news/d.zip/e.txt")
    assert report.warnings == first.warnings, "what there was to warn of is still so"
    # By another name of the same folder the ids are what they would have been.
    assert preview(news / "a.txt", config).kept == ("news/a.txt",)
    (news / "b.jsonl").write_text('{"id": "b", "text": "Rain fell."}\n')
    os.utime(news / "b.jsonl", (long_ago, long_ago))
    assert sync(news, config, encoder=encoder).replaced == ("b",), "though its time was set back"


def test_a_file_that_was_written_just_now_is_opened_again(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    # Two writes within a tick of the clock leave the same time; a file of the same size would pass for
    # unchanged.
    (tmp_path / "a.txt").write_text("Rain fell.")
    sync(tmp_path / "a.txt", config, encoder=encoder)
    catalog = Catalog(config.home, config)
    assert catalog.snapshots() == {}
    catalog.close()


def test_another_mapping_reads_an_unchanged_table_anew(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    table = tmp_path / "a.csv"
    table.write_text("id,text,summary\n1,The storm reached the coast.,Storm.\n")
    os.utime(table, (time.time() - 100,) * 2)
    sync(table, config, encoder=encoder)
    assert sync(table, config, encoder=encoder, columns={"text": "summary"}).replaced == ("1",)
    assert entry(config, "1")[0].text == "Storm."


def test_an_earlier_version_is_kept_as_long_as_its_article(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    first, _ = entry(config, "news/iran.txt")
    for text in ("Iran struck again.", "Iran struck a third time."):
        (news / "iran.txt").write_text(text)
        sync(news, config, encoder=encoder)
    catalog = Catalog(config.home, config)
    versions = [version for version, _ in catalog.versions("news/iran.txt")]
    assert (len(versions), set(versions) >= {first.version}) == (2, True)
    assert catalog.earlier("news/iran.txt", first.version) == first
    assert catalog.earlier("news/iran.txt", "none") is None
    assert found(config, "Pakistan") == set(), "it is not searched"
    catalog.close()
    (news / "iran.txt").write_text(IRAN)
    sync(news, config, encoder=encoder)
    catalog = Catalog(config.home, config)
    assert catalog.earlier("news/iran.txt", first.version) is None, "what has come back is the present one"
    assert len(catalog.versions("news/iran.txt")) == 2
    catalog.close()
    remove("news/iran.txt", config, encoder=encoder)
    catalog = Catalog(config.home, config)
    assert catalog.versions("news/iran.txt") == []
    catalog.close()


def test_near_copies_are_one_group_with_every_outlet_and_leave_it_when_they_change(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    records = [
        {"id": "a", "text": HARBOUR, "source": "Dawn"},
        {"id": "b", "text": f"VARN (Wire) - {HARBOUR}", "source": "Wire"},
        {"id": "c", "text": f"{HARBOUR} More soon.", "source": "Dawn"},
        {"id": "d", "text": WEATHER, "source": "VOA"},
    ]
    feed = write_jsonl(tmp_path / "feed.jsonl", *records)
    sync(feed, config, encoder=encoder)
    told = {name: (entry(config, name)[1].group, entry(config, name)[1].also) for name in "abcd"}
    assert told == {"a": ("a", ("Wire",)), "b": ("a", ("Dawn",)), "c": ("a", ("Wire",)), "d": (None, ())}
    write_jsonl(feed, *records[:2], {"id": "c", "text": "Nothing is left of it.", "source": "Dawn"})
    sync(feed, config, encoder=encoder)
    assert entry(config, "c")[1].group is None
    remove("b", config, encoder=encoder)
    assert entry(config, "a")[1].group is None, "of a group of one nothing is a copy"


def test_groups_that_a_killed_run_did_not_make_are_made_by_the_next(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    records = [{"id": name, "text": HARBOUR, "source": name} for name in "ab"]
    feed = write_jsonl(tmp_path / "feed.jsonl", *records)
    sync(feed, config, encoder=encoder)
    with sqlite3.connect(config.home / FILE) as db:
        db.execute("UPDATE articles SET copy_of = NULL")
        db.execute("DELETE FROM indexes WHERE name = 'near-copies'")
    assert sync(feed, config, encoder=encoder).kept == ("a", "b")
    assert entry(config, "a")[1].group == "a"


def test_copies_fill_one_place_of_the_evidence(tmp_path: Path, config: Config, encoder: WordEncoder) -> None:
    records = [{"id": f"copy{n}", "text": HARBOUR, "source": f"Outlet {n}"} for n in range(6)]
    records.append({"id": "other", "text": "A ship left the harbour of Thun.", "source": "VOA"})
    sync(write_jsonl(tmp_path / "feed.jsonl", *records), config, encoder=encoder)
    with Retriever(config.home, config, WordEncoder()) as retriever:
        evidence = retriever.find("ship left the harbour", k=3)
    articles = [p.article.id for p in evidence]
    assert len({name[:4] for name in articles}) == 2, articles
    assert next(p.article.also for p in evidence if p.article.id.startswith("copy")) == tuple(
        f"Outlet {n}" for n in range(6) if f"copy{n}" != articles[0]
    )


GERMAN = "Die Fähre lief am Montag aus dem Hafen von Varn aus, und neun Menschen standen am Kai. " * 4


def test_a_text_in_a_language_that_the_encoder_does_not_know_is_taken_in_with_a_warning(
    tmp_path: Path, config: Config
) -> None:
    class English(WordEncoder):
        languages = frozenset({"en"})

    (tmp_path / "de").mkdir()
    for n in range(7):
        (tmp_path / "de" / f"{n}.txt").write_text(GERMAN + f"Nummer {n}.")
    (tmp_path / "de" / "english.txt").write_text(HARBOUR)
    report = sync(tmp_path / "de", config, encoder=English())
    assert len(report.added) == 8
    shown = ", ".join(f"de/{n}.txt" for n in range(5))
    assert report.warnings == (
        f"7 articles are in German, which the encoder does not know, and will seldom be found: {shown} and 2 "
        f"more",
    )
    assert entry(config, "de/0.txt")[0].language is None, (
        "what was found out is not what the article says of itself"
    )


def test_of_an_encoder_whose_languages_nobody_knows_there_is_nothing_to_warn(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    (tmp_path / "a.txt").write_text(GERMAN)
    assert sync(tmp_path / "a.txt", config, encoder=encoder).warnings == ()


@pytest.mark.slow
def test_who_stops_a_sync_keeps_what_was_written_and_goes_on_with_the_next(
    tmp_path: Path, config: Config, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BATCH", 1)
    news = tmp_path / "news"
    news.mkdir()
    for n in range(6):
        (news / f"{n}.html").write_text(
            page(f"Story {n}", f"Story{n} happened at noon in the harbour of Varn, the mayor said.")
        )

    class Interrupted(WordEncoder):
        def passages(self, texts: Sequence[str]) -> np.ndarray:
            if len(self.encoded) >= 3:
                raise KeyboardInterrupt  # as Ctrl-C does, wherever the main thread is
            return super().passages(texts)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        sync(news, config, encoder=Interrupted())
    assert time.monotonic() - began < 10
    report = sync(news, config, encoder=encoder)
    assert (len(report.kept), len(report.added), report.items) == (3, 3, 6)


@pytest.mark.slow
def test_after_a_rebuild_everything_stored_is_found_also_what_cannot_be_read_any_more(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    news = tmp_path / "news"
    news.mkdir()
    (news / "a.html").write_text(page("Ships", HARBOUR))
    (news / "b.html").write_text(
        page("Storm", "The storm reached the coast of Thun on Monday, the mayor said.")
    )
    sync(news, config, encoder=encoder)
    (news / "a.html").write_text(page("Ships", HARBOUR, "<footer>10:15</footer>"))  # its article is as it was
    (news / "b.html").write_text(
        "<html><body><a href='x'>Moved</a></body></html>"
    )  # and this is none any more
    report = sync(news, config, rebuild=True, encoder=encoder)
    assert (report.kept, [failure.item for failure in report.failed]) == (("news/a.html",), ["news/b.html"])
    assert found(config, "harbour", "dense") == {"news/a.html"}
    assert found(config, "storm", "dense") == {"news/b.html"}
    catalog = Catalog(config.home, config)
    assert catalog.without_passages() == []
    catalog.close()


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_a_document(tmp_path: Path, config: Config) -> None:
    paragraphs = "".join(
        f"<p>The storm of the year {n} felled nine trees on the coast.</p>" for n in range(150_000)
    )
    (tmp_path / "long.html").write_text(page("Storms", "Long.", paragraphs))
    # In the background of a shell Ctrl-C is turned off, and children inherit that.
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from ingest import "
        "sync; "
        "from rag import Config; print('on', flush=True); sync(sys.argv[1], Config(home=sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "long.html"), str(config.home)]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout is not None
    running.stdout.readline()
    time.sleep(4)  # it is being read by now, or is about to be; that takes far longer than we wait
    running.send_signal(signal.SIGINT)
    began = time.monotonic()
    running.communicate(timeout=60)
    assert time.monotonic() - began < 15
