"""Filters and dates, parsed from the text of a form or a request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rag.errors import QuestionError
from rag.types import Filters

__all__ = ["parse_date", "parse_filters"]


def parse_filters(
    sources: Sequence[str] | None, published_from: str | None, published_to: str | None
) -> Filters:
    """Raises `QuestionError` for an invalid date, and for a last day before the first one."""
    first, last = parse_date(published_from), parse_date(published_to)
    try:
        return Filters(first, last, tuple(sources or ()))
    except ValueError as exc:
        raise QuestionError(f"{exc}. Correct the dates in the filters") from exc


def parse_date(stated: str | None) -> date | None:
    """A date such as 2024-01-20; `None` for an empty text. Raises `QuestionError` for an invalid date."""
    try:
        return date.fromisoformat(stated.strip()) if stated and stated.strip() else None
    except ValueError:
        raise QuestionError(
            f"{stated!r} is not a date like 2024-01-20. Correct it, or leave it empty"
        ) from None
