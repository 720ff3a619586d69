"""The doctor: each fault is made, and must be seen and come with what to do."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ScriptedModel, WordEncoder, article

from ingest import remove, sync
from rag import doctor
from rag.config import Config, PassageSettings
from rag.doctor import Finding, examine
from rag.errors import ConfigError, ModelError
from rag.models.encoder import BUNDLED
from rag.store import Record
from rag.store.bm25 import PASSAGES, WHOLE, LexicalWriter
from rag.store.cache import FOLDER as CACHE
from rag.store.catalog import FILE, ArticleUpdate, Catalog
from rag.store.vectors import FOLDER as CHROMA
from rag.store.vectors import DenseIndex
from rag.types import LanguageModel

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("loaded_once")]

NAMES = [
    "version",
    "configuration",
    "encoder",
    "reader",
    "judge",
    "collection",
    "indexes",
    "disk",
    "language model",
]


class Transformer:
    """Stands for sentence_transformers.SentenceTransformer."""

    def __init__(self, where: str, **_: Any) -> None:
        if where == "no/such-model":
            raise OSError("no/such-model is not a local folder")

    def get_embedding_dimension(self) -> int:
        return 256


@pytest.fixture(autouse=True)
def _vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    import sentence_transformers

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", Transformer)


@pytest.fixture
def config(config: Config, tmp_path: Path, encoder: WordEncoder) -> Config:
    """With a collection of two articles in it."""
    news = tmp_path / "news"
    news.mkdir()
    (news / "iran.txt").write_text("Iran struck first.")
    (news / "weather.txt").write_text("The weather was fine.")
    sync(news, config, encoder=encoder)
    return config


def examined(config: Config, model: LanguageModel | None = None) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(config, lambda: model)}


def faults(config: Config, model: LanguageModel | None = None) -> dict[str, str]:
    return {name: finding.detail for name, finding in examined(config, model).items() if not finding.well}


def test_what_is_well_is_said_with_what_was_seen(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "native_bf16", lambda: True)
    findings = examined(config, ScriptedModel("yes"))
    assert list(findings) == NAMES
    assert all(finding.well for finding in findings.values())
    said = {name: finding.detail for name, finding in findings.items()}
    assert said["configuration"] == f"fingerprint {config.fingerprint()}, collection in {config.home}"
    assert said["encoder"].startswith("words, 256 dimensions, bf16; loaded in ")
    assert said["collection"] == "2 articles, 2 passages, generation 1"
    assert said["indexes"] == "dense and lexical have the catalog's 2 passages, whole its 2 articles"
    assert said["disk"].endswith(" GB free")
    assert said["language model"].startswith("scripted answers; first words after ")


def test_the_bundled_encoder_is_named_as_such(
    config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor, "native_bf16", lambda: False)
    encoder = examined(Config(home=tmp_path / "none", encoder=BUNDLED))["encoder"]
    assert encoder.detail.startswith(
        f"{BUNDLED}, 384 dimensions, fp32, bundled, weights as published; loaded in "
    )


def test_no_collection_yet_is_no_fault_and_nothing_is_made(tmp_path: Path) -> None:
    config = Config(home=tmp_path / "deep" / "home", encoder="words")
    findings = examined(config)
    assert list(findings) == [name for name in NAMES if name != "indexes"]
    assert findings["collection"] == Finding(
        "collection", True, "none yet; the demo articles are used. Create one: clippings sync FOLDER"
    )
    assert findings["disk"].well
    assert not (tmp_path / "deep").exists()


def test_an_encoder_that_cannot_be_loaded_is_a_fault_and_the_rest_is_looked_at(config: Config) -> None:
    findings = examined(replace(config, encoder="no/such-model"))
    assert list(findings) == NAMES
    assert findings["encoder"].detail.startswith(
        "the encoder no/such-model cannot be loaded: no/such-model is not a local folder"
    )
    assert not findings["encoder"].well


def test_a_collection_made_otherwise_is_a_fault_with_the_command(config: Config) -> None:
    seen = faults(replace(config, passages=PassageSettings(words=80)))
    assert seen.keys() == {"collection", "indexes"}
    assert seen["collection"].endswith(
        f"or make the indexes again: clippings sync --rebuild --home {config.home}"
    )


def test_a_damaged_catalog_is_a_fault(config: Config) -> None:
    (config.home / FILE).write_bytes(b"no database" * 400)
    seen = faults(config)
    assert seen.keys() == {"collection", "indexes"}
    assert "is not a catalog of Clippings, or is damaged" in seen["collection"]


def remedy(config: Config, name: str, lacking: int, spare: int) -> dict[str, str]:
    what = "articles" if name == WHOLE else "passages"
    return {
        "indexes": f"the {name} index lacks {lacking} {what} and has {spare} too many. Rebuild it: clippings sync --rebuild --home {config.home}"
    }


def test_missing_vectors_are_seen_and_the_remedy_helps(config: Config, encoder: WordEncoder) -> None:
    index = DenseIndex(config.home)
    index.delete(sorted(index.cache.keys())[:1])
    index.close()
    assert faults(config) == remedy(config, "Chroma", 1, 0)
    sync([], config, rebuild=True, encoder=encoder)
    assert faults(config) == {}


def test_vectors_that_belong_to_nothing_are_seen(config: Config, encoder: WordEncoder) -> None:
    index = DenseIndex(config.home)
    index.add([Record("orphan", "a")], encoder.passages(["orphan"]))
    index.close()
    assert faults(config) == remedy(config, "Chroma", 0, 1)
    encoder.encoded.clear()
    remove("news/iran.txt", config, encoder=encoder)
    assert (faults(config), encoder.encoded) == ({}, []), "any change removes them, and encodes nothing"


@pytest.mark.parametrize("folder", [PASSAGES, WHOLE])
def test_a_lexical_index_of_its_own_opinion_is_seen(
    config: Config, encoder: WordEncoder, folder: str
) -> None:
    with LexicalWriter(config.home, folder) as writer:
        writer.wipe()
        writer.add([Record("orphan", "a", "orphan")])
        writer.commit()
    assert faults(config) == remedy(config, folder, 2, 1)
    sync([], config, rebuild=True, encoder=encoder)
    assert faults(config) == {}


@pytest.mark.parametrize("folder", [PASSAGES, WHOLE])
def test_a_missing_index_is_seen_and_the_next_sync_makes_it_again(
    config: Config, encoder: WordEncoder, folder: str
) -> None:
    shutil.rmtree(config.home / folder)
    assert faults(config) == {
        "indexes": f"the lexical index {config.home / folder} is missing. It is made again by the next sync: "
        f"clippings sync FOLDER --home {config.home}"
    }
    sync([], config, encoder=encoder)
    assert faults(config) == {}


def test_a_cache_that_is_not_whole_is_seen_and_the_next_sync_makes_it_again(
    config: Config, encoder: WordEncoder
) -> None:
    shutil.rmtree(config.home / CACHE)
    assert faults(config) == {
        "indexes": "the cache of vectors is not whole: questions are answered from Chroma, more slowly. The next "
        f"sync makes it again: clippings sync FOLDER --home {config.home}"
    }
    encoder.encoded.clear()
    sync([], config, encoder=encoder)
    assert (faults(config), encoder.encoded) == ({}, [])


def test_chromas_missing_folder_is_seen_and_the_next_sync_fills_it_without_encoding(
    config: Config, encoder: WordEncoder
) -> None:
    shutil.rmtree(config.home / CHROMA)
    assert faults(config) == {
        "indexes": f"{config.home / CHROMA} is missing. It is made again by the next `clippings sync`"
    }
    encoder.encoded.clear()
    sync([], config, encoder=encoder)
    assert (faults(config), encoder.encoded) == ({}, [])


def test_chromas_lack_of_a_vector_is_seen_beside_an_index_that_has_it(
    config: Config, encoder: WordEncoder
) -> None:
    index = DenseIndex(config.home)
    with index.collection() as collection:
        collection.delete(ids=sorted(index.cache.keys())[:1])
    index.close()
    assert faults(config) == remedy(config, "Chroma", 1, 0)
    sync([], config, rebuild=True, encoder=encoder)
    assert faults(config) == {}


@pytest.fixture
def catalog(config: Config) -> Iterator[Catalog]:
    catalog = Catalog(config.home, config)
    yield catalog
    catalog.close()


def test_an_interrupted_addition_is_seen_and_the_next_sync_finishes_it(
    config: Config, catalog: Catalog, encoder: WordEncoder, tmp_path: Path
) -> None:
    catalog.put([ArticleUpdate(article("Snow fell. It melted.", "snow"), "/p/snow", ((0, 10), (11, 21)))])
    assert (
        faults(config)["collection"]
        == "a sync was interrupted (2 passages left). Run `clippings sync` again on any folder"
    )
    assert sync(tmp_path / "news", config, encoder=encoder).completed == 2
    assert faults(config) == {}


def test_an_interrupted_removal_is_seen_and_the_next_sync_finishes_it(
    config: Config, catalog: Catalog, encoder: WordEncoder, tmp_path: Path
) -> None:
    catalog.remove(["news/iran.txt"])
    assert faults(config)["collection"].startswith("a sync was interrupted (1 passages left)")
    sync(tmp_path / "news" / "weather.txt", config, encoder=encoder)
    assert faults(config) == {}


def test_an_interrupted_rebuild_is_seen_and_the_next_sync_finishes_it(
    config: Config, encoder: WordEncoder, tmp_path: Path
) -> None:
    # As a version has left it that emptied the indexes before it made them again.
    with sqlite3.connect(config.home / FILE) as db:
        db.execute("DELETE FROM passages")
    assert faults(config)["collection"].startswith("a sync was interrupted (2 passages left)")
    sync(tmp_path / "news", config, encoder=encoder)
    assert faults(config) == {}


def test_little_room_on_the_disk_is_seen_before_it_is_none(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(config.home)
    for free, well, detail in (
        (499_999_999, False, "0.5 GB free. Free some space before the next sync"),
        (500_000_000, True, "0.5 GB free"),
    ):
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        assert examined(config)["disk"] == Finding("disk", well, detail)


# The language model


def test_no_language_model_is_no_fault(config: Config) -> None:
    assert examined(config)["language model"] == Finding(
        "language model",
        True,
        "none configured; answers quote the articles. To add one, set CLIPPINGS_MODEL_URL and CLIPPINGS_MODEL_NAME",
    )


def test_a_model_that_is_down_is_a_fault_in_its_own_words_and_says_where_it_is_set(config: Config) -> None:
    model = ScriptedModel(ModelError("no answer from http://localhost:1 within 30 s", retryable=True))
    (fault,) = (
        finding for finding in examine(config, lambda: model, "it was saved on the page") if not finding.well
    )
    assert (fault.name, fault.detail) == (
        "language model",
        "no answer from http://localhost:1 within 30 s; it was saved on the page",
    )
    assert model.closed


def test_a_model_that_says_nothing_is_a_fault(config: Config) -> None:
    assert faults(config, ScriptedModel())["language model"].startswith("scripted sent an empty reply after ")
    assert faults(config, ScriptedModel())["language model"].endswith("Check that the model is loaded")


def test_a_model_is_asked_one_thing_and_its_reply_not_read_to_the_end(config: Config) -> None:
    model = ScriptedModel("yes", ModelError("read too far"))
    assert faults(config, model) == {}
    assert (model.heard, model.closed) == ([[{"role": "user", "content": "Reply with the word yes."}]], True)


def test_a_model_whose_reply_cannot_be_closed_is_asked_all_the_same(config: Config) -> None:
    class Plain:
        name = "plain"

        def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
            return iter(["yes"] * len(messages))

    assert faults(config, Plain()) == {}


def test_settings_that_forbid_a_model_are_a_fault_of_the_model_alone(config: Config) -> None:
    def forbidden() -> LanguageModel | None:
        raise ConfigError("model.key_file nowhere cannot be read")

    findings = {finding.name: finding for finding in examine(config, forbidden)}
    assert [name for name, finding in findings.items() if not finding.well] == ["language model"]
    assert findings["language model"].detail == "model.key_file nowhere cannot be read"
