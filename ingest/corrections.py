"""Facts of an article that were read wrongly, or not at all, put right; pure.

A correction lies over what is read: it stays when the article's text changes, and can be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from ingest.formats.clean import without_surrogates
from rag.errors import SourceError
from rag.store.catalog import Corrected
from rag.types import Article, corrected_version

__all__ = ["FACTS", "as_read", "correct", "differing_facts", "normalised_facts"]

FACTS = ("title", "source", "published")
_LONGEST = 5_000  # characters of a title or a source


def normalised_facts(facts: Mapping[str, str | date | None]) -> dict[str, str | None]:
    """Facts as they are stored: spaces evened out, a day as YYYY-MM-DD, `None` for unknown.

    Raises `SourceError` for a fact that cannot be corrected, a day that is none, and words longer than 5,000
    characters.

    >>> normalised_facts({"title": " Iran  strikes ", "source": "", "published": date(2024, 1, 17)})
    {'title': 'Iran strikes', 'source': None, 'published': '2024-01-17'}
    """
    if not isinstance(facts, Mapping):
        raise SourceError(f"facts are named, as in {{'title': 'Rain'}}, not as {facts!r}")
    found: dict[str, str | None] = {}
    for name, value in facts.items():
        if name not in FACTS:
            raise SourceError(f"{name!r} cannot be corrected; these can: {', '.join(FACTS)}")
        fits = isinstance(value, str) or (
            name == "published" and isinstance(value, date) and not isinstance(value, datetime)
        )
        if value is not None and not fits:
            kind = "a day, as in date(2024, 1, 20)," if name == "published" else "a text"
            raise SourceError(f"the {name} must be {kind} or None, not {value!r}")
        words = (
            " ".join(without_surrogates(value).split())
            if isinstance(value, str)
            else value.isoformat()
            if value
            else ""
        )
        if len(words) > _LONGEST:
            raise SourceError(
                f"the {name} has {len(words):,} characters; at most {_LONGEST:,} are allowed. Shorten it"
            )
        if name == "published" and words:
            words = _day(words).isoformat()
        found[name] = words or None
    return found


def correct(article: Article, facts: Mapping[str, str | None]) -> tuple[Article, Corrected | None]:
    """An article as it was read, with those facts in place of its own; and the record of them, `None` where
    there are none.

    The version tells the two apart, where they differ, so that the passages are indexed under the new title.
    """
    if not facts:
        return article, None
    own = _facts(article)
    record = Corrected(article.version, {name: (value, own[name]) for name, value in facts.items()})
    changed = {name: value for name, value in facts.items() if value != own[name]}
    if not changed:
        return article, record
    return _with(article, corrected_version(article.version, changed), changed), record


def differing_facts(
    read: Article, before: Mapping[str, str | None], facts: Mapping[str, str | None]
) -> dict[str, str | None]:
    """What of earlier corrections and new ones differs from what was read; spaces apart."""
    own = {name: " ".join(value.split()) if value else None for name, value in _facts(read).items()}
    return {
        name: value for name, value in {**before, **facts}.items() if name not in facts or value != own[name]
    }


def as_read(article: Article, corrected: Corrected | None) -> Article:
    """A stored article as it was before it was corrected."""
    if corrected is None:
        return article
    return _with(article, corrected.version, {name: was for name, (_, was) in corrected.facts.items()})


def _facts(article: Article) -> dict[str, str | None]:
    published = article.published.isoformat() if article.published else None
    return {"title": article.title, "source": article.source, "published": published}


def _with(article: Article, version: str, facts: Mapping[str, str | None]) -> Article:
    all_of_them = {**_facts(article), **facts}
    published = all_of_them["published"]
    return replace(
        article,
        version=version,
        title=all_of_them["title"],
        source=all_of_them["source"],
        published=_day(published) if published else None,
    )


def _day(words: str) -> date:
    try:
        return date.fromisoformat(words)
    except ValueError as exc:
        raise SourceError(
            f"{words[:40]!r} is not a day like 2024-01-20. Leave it empty if it is not known"
        ) from exc
