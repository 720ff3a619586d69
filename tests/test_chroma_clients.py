"""Any client of Chroma opens a collection of ours and finds in it what we have: passages, texts, titles, days."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import chromadb
import pytest
from conftest import WordEncoder, write_jsonl

from ingest import edit, sync
from rag.config import ChromaSettings, Config
from rag.store.catalog import Catalog
from rag.types import Article

pytestmark = pytest.mark.slow  # builds collections over and over

STORIES = [
    {
        "id": "iran", "title": "Iran strikes", "text": "Iran struck first. " + "Pakistan replied at dawn. " * 40,
        "source": "Dawn", "author": "A. Writer", "url": "https://example.org/1", "published": "2024-01-18",
        "language": "en",
    },
    {"id": "snow", "text": "Snow fell on Karvel 😀. It melted."},
]  # fmt: skip


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "feed.jsonl", *STORIES)


@pytest.fixture
def articles(feed: Path, config: Config) -> Iterator[dict[str, Article]]:
    sync(feed, config, encoder=WordEncoder())
    catalog = Catalog(config.home, config)
    yield {name: article for name, (article, _) in catalog.read(["iran", "snow"]).items()}
    catalog.close()


@contextmanager
def opened(config: Config) -> Iterator[Any]:
    client = chromadb.PersistentClient(str(config.home / "dense"))
    try:
        yield client.get_collection("passages", embedding_function=None)
    finally:
        client.close()


def records(config: Config, **wanted: Any) -> Any:
    with opened(config) as collection:
        return collection.get(**wanted)


def test_a_plain_client_finds_every_passage_with_its_words_and_its_article_s_facts(
    articles: dict[str, Article], config: Config
) -> None:
    held = records(config, include=["documents", "metadatas", "embeddings"])
    assert len(held["ids"]) > 2
    for key, text, facts in zip(held["ids"], held["documents"], held["metadatas"], strict=True):
        article = articles[facts["article_id"]]
        assert article.text[facts["start"] : facts["end"]] == text
        assert key == f"{article.id}@{article.version[:16]}:{facts['start']}-{facts['end']}"
        known = {"article_id": article.id, "document_id": article.id, "version": article.version}
        if article.id == "iran":
            known |= {
                "title": "Iran strikes", "source": "Dawn", "author": "A. Writer", "url": "https://example.org/1",
                "published": "2024-01-18", "language": "en", "day": date(2024, 1, 18).toordinal(),
            }  # fmt: skip
        else:
            known |= {"day": 0}
        assert facts == {**known, "start": facts["start"], "end": facts["end"]}, "what is unknown is left out"


def test_a_plain_client_asks_it_with_our_encoder_s_vectors_and_its_own_filters(
    articles: dict[str, Article], config: Config
) -> None:
    vector = WordEncoder().question("snow on Karvel")
    with opened(config) as collection:
        found = collection.query(query_embeddings=[vector], n_results=1)
        since = {"day": {"$gte": date(2024, 1, 1).toordinal()}}
        dated = collection.query(query_embeddings=[vector], n_results=1, where=since)
    assert found["documents"] == [["Snow fell on Karvel 😀. It melted."]]
    assert dated["metadatas"][0][0]["title"] == "Iran strikes"
    words = records(config, where_document={"$contains": "melted"})
    assert [facts["article_id"] for facts in words["metadatas"]] == ["snow"]


def test_a_correction_reaches_every_record_of_the_article(
    articles: dict[str, Article], config: Config
) -> None:
    before = len(records(config, where={"article_id": "iran"})["ids"])
    edit("iran", {"title": "Who struck first", "published": date(2024, 1, 16)}, config, encoder=WordEncoder())
    held = records(config, where={"article_id": "iran"})
    facts = {(f["title"], f["published"], f["day"]) for f in held["metadatas"]}
    assert facts == {("Who struck first", "2024-01-16", date(2024, 1, 16).toordinal())}
    assert len(held["ids"]) == before


def test_llama_index_gives_nodes_with_the_passages_words_and_facts(
    articles: dict[str, Article], config: Config
) -> None:
    pytest.importorskip("llama_index.vector_stores.chroma")
    from llama_index.core.vector_stores import MetadataFilter, MetadataFilters, VectorStoreQuery
    from llama_index.vector_stores.chroma import ChromaVectorStore

    vector = WordEncoder().question("Iran struck first").tolist()
    dawn = MetadataFilters(filters=[MetadataFilter(key="source", value="Dawn")])
    snow = MetadataFilters(filters=[MetadataFilter(key="article_id", value="snow")])
    with opened(config) as collection:
        store = ChromaVectorStore.from_collection(collection)
        found = store.query(VectorStoreQuery(query_embedding=vector, similarity_top_k=2, filters=dawn))
        (other,) = store.get_nodes(None, snow)
    article = articles["iran"]
    assert found.nodes
    for node, key in zip(found.nodes, found.ids or (), strict=True):
        start, end = node.metadata["start"], node.metadata["end"]
        assert (node.node_id, node.get_content()) == (key, article.text[start:end])
        assert (node.metadata["title"], node.metadata["published"]) == ("Iran strikes", "2024-01-18")
    assert (other.get_content(), other.metadata["day"]) == ("Snow fell on Karvel 😀. It melted.", 0)


def test_texts_may_be_left_out_and_then_only_what_filters_ask_for_is_there(
    feed: Path, config: Config
) -> None:
    config = replace(config, chroma=ChromaSettings(texts=False))
    sync(feed, config, encoder=WordEncoder())
    held = records(config, include=["documents", "metadatas"])
    assert set(held["documents"]) == {None}
    day = date(2024, 1, 18).toordinal()
    for facts in held["metadatas"]:
        dawn = {"article_id": "iran", "day": day, "source": "Dawn"}
        assert facts == (dawn if facts["article_id"] == "iran" else {"article_id": "snow", "day": 0})
