"""An open collection: its articles and their earlier versions, its sources, and what it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rag.config import Config
from rag.errors import CollectionError
from rag.models.engine import resident
from rag.retrieval.search import Retriever
from rag.store.catalog import Listing
from rag.types import Article, Encoder, Filters, Headline, Reader
from rag.validation import closed, known_sources

__all__ = ["Collection", "Listing"]


class Collection:
    """What an assistant answers from, for looking things up in it. Safe to share between threads.

    Every method raises `CollectionError` once it is closed, and where the collection cannot be read.
    """

    def __init__(self, config: Config, encoder: Encoder, reader: Reader) -> None:
        self.config = config
        self._encoder, self._reader = encoder, reader
        self._retriever = Retriever(config.home, config, encoder, reader)
        self._closed = False
        self._sources: tuple[int, tuple[str, ...]] | None = None  # those of a generation

    def close(self) -> None:
        """Let go of the files. A second time does nothing."""
        self._closed = True
        self._retriever.close()

    def check_open(self) -> None:
        """Raise `CollectionError` once this is closed."""
        if self._closed:
            raise closed()

    @property
    def retriever(self) -> Retriever:
        """What finds passages in it."""
        self.check_open()
        return self._retriever

    def article(self, article_id: str) -> Article:
        """A whole article, for showing a citation in place; of a fact that was corrected its provenance says
        so.

        Raises `CollectionError` when there is none of that id.
        """
        catalog = self.retriever.catalog
        article = catalog.article(_id(article_id))
        if article is None:
            raise _unknown(article_id)
        corrected = catalog.corrections().get(article_id)
        if corrected is None:
            return article
        read = {name: place for name, place in article.provenance if name not in corrected.facts}
        return replace(
            article, provenance=(*read.items(), *((name, "corrected") for name in corrected.facts))
        )

    def headline(self, article_id: str) -> Headline:
        """An article's facts without its text. Raises `CollectionError` when there is none of that id."""
        facts = self.retriever.catalog.headline(_id(article_id))
        if facts is None:
            raise _unknown(article_id)
        return facts

    def articles(self) -> list[Listing]:
        """Every article with its facts and counts, by id."""
        return self.retriever.catalog.listings()

    def versions(self, article_id: str) -> list[tuple[str, datetime]]:
        """An article's earlier versions, the latest first, each with the time (UTC) until which it was the
        present one.
        """
        return self.retriever.catalog.versions(_id(article_id))

    def earlier(self, article_id: str, version: str) -> Article | None:
        """An article as it was before its text changed; `None` where that version is not kept."""
        return self.retriever.catalog.earlier(_id(article_id), version)

    def read_from(self, file: Path) -> list[str]:
        """The ids of the articles that were read from a file, or from within it where it is an archive."""
        return self.retriever.catalog.read_from(file.resolve().as_posix())

    def sources(self) -> list[str]:
        """Every source there is, in alphabetical order."""
        return self.retriever.catalog.sources()

    def with_known_sources(self, filters: Filters) -> Filters:
        """The filters with their sources spelled as the collection has them. Raises `QuestionError` for one
        it has not.
        """
        if not filters.sources:
            return filters
        generation = self.retriever.catalog.generation()
        if self._sources is None or self._sources[0] != generation:
            self._sources = generation, tuple(self.sources())
        return replace(filters, sources=known_sources(filters.sources, self._sources[1]))

    def holds(self) -> tuple[int, int, int]:
        """How many articles and passages there are, and how many times the collection was written. Waits for
        no question.
        """
        self.retriever.check()
        catalog = self.retriever.catalog
        return *catalog.count(), catalog.generation()

    def warm(self) -> None:
        """Load what the first question would otherwise wait for."""
        self.check_open()
        self._encoder.question("warm")
        self._reader.read("warm", ["warm"])

    def memory(self) -> dict[str, float]:
        """Megabytes by part: `resident` in all, `encoder` and `reader` as far as the process grew when each
        was loaded (the first of them brings the library that both run on), and what the indexes map. What is
        not known is left out."""
        indexes = self.retriever.memory()
        parts = {"resident": resident(), "encoder": _size(self._encoder), "reader": _size(self._reader)}
        return {name: size for name, size in parts.items() if size is not None} | indexes


def _id(stated: object) -> str:
    if isinstance(stated, str):
        return stated
    raise CollectionError(f"the id of an article is a text, not {stated!r}. `clippings articles` lists them")


def _unknown(article_id: str) -> CollectionError:
    return CollectionError(
        f"there is no article {article_id} in this collection. `clippings articles` lists those there are",
        missing=True,
    )


def _size(engine: Encoder | Reader) -> float | None:
    """What an encoder or a reader says of its memory; one of somebody else's making need not."""
    megabytes: float | None = getattr(engine, "memory", None)
    return megabytes
