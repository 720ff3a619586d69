"""What is the same for Chroma in a folder and on a server: records, filters, queries, settings.

A record has the passage's key as its id, its vector, its text as the document, and its article's facts as
metadata (`Record.of`). So any client of Chroma can open the collection, and llama-index's
`ChromaVectorStore` gives back nodes with texts and facts. Other programs may read it. Writing is for a sync:
it does not look for what others have changed in a record."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from rag.store import Record
from rag.system.telemetry import disable_telemetry
from rag.types import Filters

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]

__all__ = [
    "BATCH_SIZE",
    "HNSW_FOLDER",
    "HNSW_SERVER",
    "Store",
    "add",
    "client_settings",
    "delete",
    "nearest",
    "where",
]

disable_telemetry()

# A server is there to be asked: recall@50 against exact search on real news vectors chose; see eval/LOG.md.
# In a folder the graph is asked where the cache is not whole. It stays as Chroma makes it, since it is the
# memory that a sync takes, and only a question looks further.
HNSW_SERVER = {"space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 200}
HNSW_FOLDER = {"space": "cosine", "ef_search": 200}
BATCH_SIZE = 1_000  # records in one call; Chroma's rate is flat from 100 to 1,000


class Store(Protocol):
    """Where Chroma keeps the records."""

    @property
    def place(self) -> str:
        """The name of the store among all stores: its cursor in the catalog goes by it."""

    def open(self) -> None: ...
    def close(self) -> None: ...
    def forget_others(self) -> None:
        """Remove a store of this machine that was used before this one, now that this one holds
        everything."""

    def is_full(self) -> bool:
        """Whether an error may be the fault of a full disk."""

    def verify(self) -> None:
        """Raise `CollectionError` where the store's own check finds its files damaged."""

    def wipe(self) -> None: ...
    def add(self, records: Sequence[Record], vectors: Vectors) -> None: ...
    def delete(self, keys: Sequence[str]) -> None: ...
    def collection(self) -> AbstractContextManager[Any]:
        """Chroma's collection, up to date, for reading. In the context Chroma's errors are
        `CollectionError`."""


def client_settings() -> Any:
    """Settings of every client. Passed to it, they win over variables, and over a file .env that lies in the
    working folder for other programs."""
    from chromadb.config import Settings

    return Settings(
        anonymized_telemetry=False, chroma_otel_granularity="none", chroma_otel_collection_endpoint=""
    )


def add(collection: Any, records: Sequence[Record], vectors: Vectors, *, texts: bool) -> None:
    """Add records; one whose key is there is replaced. Without `texts` only what filters ask for is kept."""
    keys = [record.key for record in records]
    # Adding is four times faster than upserting, and a key that exists is rare: an interrupted run's.
    delete(collection, keys)
    collection.add(
        ids=keys,
        embeddings=vectors,
        documents=[record.document for record in records] if texts else None,
        metadatas=[_metadata(record, texts) for record in records],
    )


def _metadata(record: Record, texts: bool) -> dict[str, str | int]:
    found: dict[str, str | int] = {
        "article_id": record.article_id,
        "day": record.published.toordinal() if record.published else 0,
    }
    if record.source is not None:
        found["source"] = record.source
    return {**record.metadata, **found} if texts else found


def delete(collection: Any, keys: Sequence[str]) -> None:
    """Delete records; a key that is not there is no error."""
    if there := collection.get(ids=list(keys), include=[])["ids"]:
        collection.delete(ids=there)


def where(filters: Filters) -> dict[str, Any] | None:
    """Filters as Chroma takes them; `None` for none.

    >>> where(Filters(sources=("DAWN",), exclude_articles=("a",)))
    {'$and': [{'source': {'$in': ['DAWN']}}, {'article_id': {'$nin': ['a']}}]}
    """
    clauses: list[dict[str, Any]] = []
    if filters.after:
        clauses.append({"day": {"$gte": filters.after.toordinal()}})
    if filters.before:
        clauses += [{"day": {"$lte": filters.before.toordinal()}}, {"day": {"$gt": 0}}]
    if filters.sources:
        clauses.append({"source": {"$in": list(filters.sources)}})
    if filters.exclude_articles:
        clauses.append({"article_id": {"$nin": list(filters.exclude_articles)}})
    if not clauses:
        return None
    return {"$and": clauses} if len(clauses) > 1 else clauses[0]


def nearest(collection: Any, vector: Vectors, k: int, filters: Filters) -> list[tuple[str, float]]:
    """The k nearest keys that the filters admit with their cosines, best first, equal cosines by key; as
    Chroma's graph has them.

    Chroma orders what is equally near as it pleases. So more is asked for until the cut parts two distances,
    and the equal ones are cut by key.
    """
    if k < 1:
        return []
    chosen, held = where(filters), int(collection.count())
    wanted = min(k + 1, held)
    hits: list[tuple[str, float]] = []
    while wanted:
        found = collection.query(
            query_embeddings=[vector], n_results=wanted, where=chosen, include=["distances"]
        )
        hits = [
            (key, 1.0 - float(distance))
            for key, distance in zip(found["ids"][0], found["distances"][0], strict=True)
        ]
        if wanted == held or len(hits) < wanted or hits[-1][1] < hits[k - 1][1]:
            break
        wanted = min(2 * wanted, held)
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]
