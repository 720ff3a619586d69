"""Dates as publishers write them. What cannot be read stays unknown."""

from __future__ import annotations

import re
from datetime import date, datetime

__all__ = ["leading_date", "read_date"]

_LEADING = re.compile(r"\A\s*date[ \t]+(\d{4}-\d{2}-\d{2})(?!\S)\s*")


def leading_date(text: str) -> tuple[date | None, str]:
    """The publication date a text opens with, and the text without it.

    Only the form ` date YYYY-MM-DD` is recognised, and only if there is such a day.

    >>> leading_date(" date 2024-01-20 WASHINGTON - The")
    (datetime.date(2024, 1, 20), 'WASHINGTON - The')
    >>> leading_date("date 2024-13-20 was")
    (None, 'date 2024-13-20 was')
    """
    if (match := _LEADING.match(text)) and (day := read_date(match.group(1))):
        return day, text[match.end() :]
    return None, text


def read_date(stated: str) -> date | None:
    """A date in ISO 8601, alone or with a time and a time zone; the day is the one the publisher wrote.

    >>> read_date("2024-01-20T23:30:00-05:00")
    datetime.date(2024, 1, 20)
    >>> read_date("last Tuesday") is None
    True
    """
    try:
        return datetime.fromisoformat(stated.strip()).date()
    except ValueError:
        return None
