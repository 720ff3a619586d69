"""What a form or a program states as text, made into the values that a question is asked with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rag.errors import QuestionError
from rag.types import Filters

__all__ = ["day", "filters"]


def filters(sources: Sequence[str] | None, published_from: str | None, published_to: str | None) -> Filters:
    """What a form or a program says. Raises `QuestionError` for a day that is none, or a time without days."""
    first, last = day(published_from), day(published_to)
    try:
        return Filters(first, last, tuple(sources or ()))
    except ValueError as exc:
        raise QuestionError(f"{exc}. Correct the days that limit the evidence") from exc


def day(stated: str | None) -> date | None:
    """A day as a form has it; `None` where nothing is stated. Raises `QuestionError` for what is no day."""
    try:
        return date.fromisoformat(stated.strip()) if stated and stated.strip() else None
    except ValueError:
        raise QuestionError(
            f"{stated!r} is not a day. Days are written as 2024-01-20; correct it, or leave it empty"
        ) from None
