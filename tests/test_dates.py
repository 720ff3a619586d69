"""Dates: those a publisher wrote are read, and none is made up."""

from __future__ import annotations

from datetime import date

import pytest

from ingest.formats.dates import dateline, day_in, day_line, leading_date, read_date

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
        ("20/01/2024", DAY),  # there is no month 20
        ("1/20/2024", DAY),
        ("20.01.2024", DAY),
        ("03.04.2024", date(2024, 4, 3)),  # where dots are written, the day comes first
        ("03/04/2024", None),  # March or April
        ("04/04/2024", date(2024, 4, 4)),
        ("20/01/24", None),
        ("2024/1/20 10:00", DAY),
        ("January 20, 2024", DAY),
        ("Sat., Jan. 20th, 2024, 10:30 a.m. ET", DAY),
        ("20 January, 2024 at 10.30 GMT", DAY),
        ("Sat, 20 Jan 2024 23:30:00 -0500", DAY),
        ("2024-01-20T10:00:00+0000", DAY),
        ("2024-01-20 10:00 EST", DAY),
        ("20. Januar 2024", DAY),
        ("sábado, 20 de enero de 2024", DAY),
        ("20 janvier 2024", DAY),
        ("2024年1月20日", DAY),
        ("20 января 2024 г.", DAY),
        ("May 2024", None),
        ("20 January", None),
        ("30 February 2024", None),
        ("yesterday", None),
        ("Published 20 January 2024", None),  # a sentence, which `day_in` reads
        ("1705500000", None),
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


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("By Ana Torell, 20 January 2024", DAY),
        ("Posted on January 20th, 2024 by Ana", DAY),
        ("Published 2024-01-20 10:00", DAY),
        ("Von Ana Torell, 20. Januar 2024, 10:30 Uhr", DAY),
        ("Par Ana Torell – le 20 janvier 2024 à 10 h", DAY),
        ("20/01/2024 – 10:30", DAY),
        ("20 January 2024, updated 20 January 2024", DAY),
        ("20 January 2024, updated 21 January 2024", None),
        ("By Ana Torell, 20 January", None),
        ("since 2024", None),
        ("", None),
    ],
)
def test_a_byline_holds_one_day_or_none(text: str, day: date | None) -> None:
    assert day_in(text) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("GENEVA, Jan. 20, 2024 (Northwire) — The talks", DAY),
        ("PORT VARN, 20 January 2024 -- The talks", DAY),
        ("ST. JOHN’S, Jan 20, 2024 - The talks", DAY),
        ("GENEVA, Jan 20 (Northwire) — The talks", None),  # of which year?
        ("GENEVA (Northwire) — On Jan 20, 2024, the talks", None),
        ("The talks on Jan 20, 2024 — a first — ended", None),
        ("GENEVA", None),
    ],
)
def test_only_the_dateline_gives_the_day_of_a_dispatch(text: str, day: date | None) -> None:
    assert dateline(text) == day


@pytest.mark.parametrize(("characters", "day"), [(100, date(2024, 1, 20)), (101, None)])
def test_nothing_longer_than_100_characters_is_a_date(characters: int, day: date | None) -> None:
    stated = "Sat, 20 Jan 2024 23:30:00 +0100 ("
    assert read_date(stated + "x" * (characters - len(stated) - 1) + ")") == day


def test_beside_a_day_stand_ten_words_at_most() -> None:
    words = "Harbor Courier Varner Bote Oslo Ana Torell Bo Lind Kai Moe".split()
    assert day_line(f"{' '.join(words[:10])}, 14 March 2023") == date(2023, 3, 14)
    assert day_line(f"{' '.join(words)}, 14 March 2023") is None
