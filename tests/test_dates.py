"""Dates: those a publisher wrote are read, and none is made up."""

from __future__ import annotations

from datetime import date

import pytest

from ingest.dates import leading_date, read_date

DAY = date(2024, 1, 20)


@pytest.mark.parametrize(
    ("text", "day", "rest"),
    [
        (" date 2024-01-20 WASHINGTON - The", DAY, "WASHINGTON - The"),
        ("date 2024-01-20 The", DAY, "The"),
        ("\n\tdate\t 2024-01-20\r\n\r\n  The\nend ", DAY, "The\nend "),
        ("date 2024-01-20", DAY, ""),
        ("date 2024-02-29 Leap", date(2024, 2, 29), "Leap"),
        # Not dates, or not leading: the text stays as it is, to the last space.
        (" date 2023-02-29 Leap", None, " date 2023-02-29 Leap"),
        ("date 2024-13-20 was", None, "date 2024-13-20 was"),
        ("date 2024-01-20. The", None, "date 2024-01-20. The"),
        ("date 2024-01-20T10:00 The", None, "date 2024-01-20T10:00 The"),
        ("date 2024-1-2 The", None, "date 2024-1-2 The"),
        ("date 12024-01-20 The", None, "date 12024-01-20 The"),
        ("date\n2024-01-20 The", None, "date\n2024-01-20 The"),
        ("Date 2024-01-20 The", None, "Date 2024-01-20 The"),
        ("The date 2024-01-20 was", None, "The date 2024-01-20 was"),
        ("2024-01-20 The", None, "2024-01-20 The"),
        ("date ٢٠٢٤-٠١-٢٠ The", None, "date ٢٠٢٤-٠١-٢٠ The"),
        ("", None, ""),
    ],
)
def test_only_a_leading_date_is_taken_off_the_text(text: str, day: date | None, rest: str) -> None:
    assert leading_date(text) == (day, rest)


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ("2024-01-20", DAY),
        ("  2024-01-20\n", DAY),
        ("2024-01-20T10:00:00Z", DAY),
        ("2024-01-20 10:00:00.123456", DAY),
        ("2024-01-20T23:30:00-05:00", DAY),  # the publisher's day, though it is the 21st in London
        ("2024-01-20T00:30:00+09:00", DAY),  # though it is the 19th in London
        ("20240120", DAY),
        ("0001-01-01", date(1, 1, 1)),
        ("last Tuesday", None),
        ("20/01/2024", None),
        ("January 20, 2024", None),
        ("2024", None),
        ("2024-01", None),
        ("2024-02-30", None),
        ("2024-01-20T25:00", None),
        ("0000-00-00", None),
        ("2024-01-20\x00", None),
        ("", None),
    ],
)
def test_a_date_is_read_or_stays_unknown(stated: str, day: date | None) -> None:
    assert read_date(stated) == day
