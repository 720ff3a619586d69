"""A collection for llama-index's own pipelines: as a retriever, and as a query engine whose answers are
checked.

    from rag import open_assistant
    from rag.llamaindex import ClippingsQueryEngine, ClippingsRetriever

    assistant = open_assistant()
    nodes = ClippingsRetriever(assistant, k=8).retrieve("Who struck first?")
    response = ClippingsQueryEngine(assistant).query("Who struck first?")

Each node keeps where its words stand: `metadata` has `article_id, version, start, end` (code points of the
article's text), `title, source, published, url`.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from rag.assistant import Assistant
from rag.types import Citation, Filters, Headline, RetrievedPassage

__all__ = ["ClippingsQueryEngine", "ClippingsRetriever"]

_Facts = dict[str, str | int | None]


class ClippingsRetriever(BaseRetriever):  # type: ignore[misc]
    """The passages nearest to a question, best first, scored as they were ranked. Raises as
    `Assistant.search` does.
    """

    def __init__(
        self,
        assistant: Assistant,
        *,
        k: int | None = None,
        filters: Filters = Filters(),
        asked_on: date | None = None,
    ) -> None:
        super().__init__()
        self._assistant, self._k, self._filters, self._asked_on = assistant, k, filters, asked_on

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._assistant.search(
            query_bundle.query_str, self._k, self._filters, asked_on=self._asked_on
        )
        return [_passage_node(source) for source in found]


class ClippingsQueryEngine(BaseQueryEngine):  # type: ignore[misc]
    """Answers whose every sentence rests on checked words. The response's text has the markers `[n]`; its
    source nodes are the citations in their order, and `metadata` has `answer`, the whole `rag.types.Answer`.
    Raises as `Assistant.ask` does."""

    def __init__(
        self, assistant: Assistant, *, filters: Filters = Filters(), asked_on: date | None = None
    ) -> None:
        super().__init__(CallbackManager())
        self._assistant, self._filters, self._asked_on = assistant, filters, asked_on

    def _query(self, query_bundle: QueryBundle) -> Response:
        answer = self._assistant.ask(query_bundle.query_str, filters=self._filters, asked_on=self._asked_on)
        nodes = [_citation_node(citation) for citation in answer.citations]
        return Response(response=answer.text, source_nodes=nodes, metadata={"answer": answer})

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return self._query(query_bundle)

    def _get_prompt_modules(self) -> dict[str, Any]:
        return {}


def _passage_node(source: RetrievedPassage) -> NodeWithScore:
    passage = source.passage
    facts = _facts(source.article, passage.start, passage.end) | {"rank": source.rank}
    scores = source.scores
    # The last stage that saw it put it where it stands.
    score = next(
        (
            s
            for s in (scores.reader, scores.dated, scores.fused, scores.lexical, scores.dense)
            if s is not None
        ),
        None,
    )
    return NodeWithScore(node=_node(passage.id, passage.text, facts), score=score)


def _citation_node(citation: Citation) -> NodeWithScore:
    facts = _facts(citation.article, citation.start, citation.end)
    facts |= {"number": citation.number, "support": str(citation.support)}
    name = f"{citation.article.id}:{citation.start}-{citation.end}"
    return NodeWithScore(node=_node(name, citation.quote, facts), score=None)


def _node(name: str, text: str, facts: _Facts) -> TextNode:
    # What a model of theirs is shown of it: who says it and when, not where it stands.
    hidden = [key for key in facts if key not in {"title", "source", "published"}]
    return TextNode(
        id_=name,
        text=text,
        metadata=facts,
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=list(facts),
    )


def _facts(article: Headline, start: int, end: int) -> _Facts:
    return {
        "article_id": article.id,
        "version": article.version,
        "start": start,
        "end": end,
        "title": article.title or article.label,
        "source": article.source,
        "published": article.published.isoformat() if article.published else None,
        "url": article.url,
    }
