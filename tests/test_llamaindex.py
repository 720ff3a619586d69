"""The collection in llama-index's own pipelines: nodes keep their places, and an answer stays checked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from conftest import WordEncoder, WordReader, write_jsonl
from llama_index.core import get_response_synthesizer
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode

from ingest import sync
from rag import open_assistant
from rag.assistant import Assistant
from rag.config import Config
from rag.errors import QuestionError
from rag.llamaindex import ClippingsQueryEngine, ClippingsRetriever
from rag.types import Abstention, Filters

STRIKE = {
    "id": "strike", "title": "Strikes", "source": "Dawn", "published": "2024-01-18", "url": "https://dawn.example/1",
    "text": "Iran struck first on Tuesday. Pakistan replied on Thursday.",
}  # fmt: skip
ALLY = {"id": "ally", "source": "VOA", "text": "Pakistan is a major ally of the United States, Miller said."}


@pytest.fixture
def assistant(tmp_path: Path, config: Config, encoder: WordEncoder) -> Iterator[Assistant]:
    sync(write_jsonl(tmp_path / "news.jsonl", STRIKE, ALLY), config, encoder=encoder)
    with open_assistant(config, encoder=encoder, reader=WordReader()) as assistant:
        yield assistant


def test_nodes_are_the_passages_in_their_order_with_their_places(assistant: Assistant) -> None:
    nodes = ClippingsRetriever(assistant, k=2).retrieve("Who struck first?")
    found = assistant.search("Who struck first?", 2)
    assert [(n.node.node_id, n.node.get_content(), n.score) for n in nodes] == [
        (p.passage.id, p.passage.text, p.scores.reader) for p in found
    ]
    version = assistant.article("strike").version
    assert nodes[0].metadata == {
        "article_id": "strike", "version": version, "start": 0, "end": 59, "title": "Strikes", "source": "Dawn",
        "published": "2024-01-18", "url": "https://dawn.example/1", "rank": 1,
    }  # fmt: skip
    assert assistant.article("strike").text[0:59] == nodes[0].text
    assert (
        nodes[0]
        .node.get_content(MetadataMode.LLM)
        .startswith("title: Strikes\nsource: Dawn\npublished: 2024-01-18\n")
    )


def test_a_retriever_keeps_to_its_filters(assistant: Assistant) -> None:
    retriever = ClippingsRetriever(assistant, filters=Filters(after=date(2024, 1, 1)))
    assert {n.metadata["article_id"] for n in retriever.retrieve("Pakistan")} == {"strike"}


def test_an_answer_brings_its_citations_as_source_nodes(assistant: Assistant) -> None:
    response = ClippingsQueryEngine(assistant).query("Who struck first?")
    assert str(response) == "Iran struck first on Tuesday. [1]"
    (node,) = response.source_nodes
    assert (node.text, node.metadata["start"], node.metadata["end"]) == (
        "Iran struck first on Tuesday.",
        0,
        29,
    )
    assert (node.metadata["number"], node.metadata["support"], node.metadata["title"]) == (
        1,
        "quoted",
        "Strikes",
    )
    declined = ClippingsQueryEngine(assistant).query("What is the best recipe for biryani?")
    assert (declined.metadata["answer"].abstained, declined.source_nodes) == (Abstention.WEAK_EVIDENCE, [])
    with pytest.raises(QuestionError, match="empty"):
        ClippingsQueryEngine(assistant).query(" ")


def test_a_pipeline_of_theirs_uses_the_collection_in_five_lines(assistant: Assistant) -> None:
    retriever = ClippingsRetriever(assistant, k=1)
    synthesizer = get_response_synthesizer(llm=MockLLM())  # it says what it was told
    engine = RetrieverQueryEngine(retriever, synthesizer)
    response = engine.query("Who struck first?")
    assert STRIKE["text"] in str(response), "their model was shown the passage"
    assert response.source_nodes[0].metadata["article_id"] == "strike"
