"""What was extracted becomes an article, and the first lines of a plain text say what nothing else does."""

from __future__ import annotations

from datetime import date

import pytest

from ingest.formats.articles import article, opening
from ingest.formats.extracted import Extracted, Fact
from rag.errors import SourceError

DAY = date(2023, 3, 14)
BODY = "The inquiry into the sinking of the ferry opened on Tuesday in the port town of Varn, with three witnesses heard."


def told(text: str) -> dict[str, str]:
    return {name: str(fact.value) for name, fact in opening(text, {}).items()}


@pytest.mark.parametrize(
    ("head", "facts"),
    [
        ("Ferry inquiry opens\n\n", {"title": "Ferry inquiry opens"}),
        (
            "Ferry inquiry opens\nBy Ana Torell, 14 March 2023\n\n",
            {"title": "Ferry inquiry opens", "author": "Ana Torell", "published": "2023-03-14"},
        ),
        (
            "Ferry inquiry opens\n\nBy Ana Torell\n14 March 2023\n\n",
            {"title": "Ferry inquiry opens", "author": "Ana Torell", "published": "2023-03-14"},
        ),
        (
            "Fähre: Anhörung beginnt\n\nVon Jörg Hänßler\nVarner Bote, 14.3.2023\n\n",
            {"title": "Fähre: Anhörung beginnt", "author": "Jörg Hänßler", "published": "2023-03-14"},
        ),
        (
            "# Ferry inquiry opens\n\n*By Ana Torell, 14 March 2023*\n\n",
            {"title": "# Ferry inquiry opens", "author": "Ana Torell", "published": "2023-03-14"},
        ),
        (
            "Ferry inquiry opens\n\nHarbor Courier | 14 March 2023 – by Ana Torell\n\n",
            {"title": "Ferry inquiry opens", "author": "Ana Torell", "published": "2023-03-14"},
        ),
        (f"Ferry {'inquiry ' * 12}opens\n\n", {"title": f"Ferry {'inquiry ' * 12}opens"}),  # 107 characters
        # A byline may stand in the sixth line, and not in the seventh.
        (
            "Ferry inquiry opens\n\nNews\nHome\nPort\nSea\nBy Ana Torell\n\n",
            {"title": "Ferry inquiry opens", "author": "Ana Torell"},
        ),
        (
            "Ferry inquiry opens\n\nNews\nHome\nPort\nSea\nShips\nBy Ana Torell\n\n",
            {"title": "Ferry inquiry opens"},
        ),
        ("VARN, March 14, 2023 (Northwire) — ", {"published": "2023-03-14", "source": "Northwire"}),
        # What would be guesses
        ("", {}),
        ("The ferry sank.\n\n", {}),
        ("What we know of 14 March 2023\n\n", {}),  # a headline that names a day
        ("Ferry inquiry opens\n\nUpdated 14 March 2023\n\n", {"title": "Ferry inquiry opens"}),
        (
            "Ferry inquiry opens\n\nImogen Farr and the others had waited on the quay since 14 March 2023 "
            "for news\n\n",
            {"title": "Ferry inquiry opens"},
        ),
        ("By and large it was quiet.\n\n", {}),
        ("-----\n\n", {}),
        ("12\n\n", {}),
        ("https://example.org/a/b\n\n", {}),
        ("\n\nThe committee met on Tuesday to discuss the\n", {}),
        ("Concert in the park\n\nTickets on sale 14 March 2025\n\n", {"title": "Concert in the park"}),
        ("Parking\n\nValid until 31 December 2030\n\n", {}),
        ("NATO (North Atlantic Treaty Organization) – an alliance. ", {}),
        ("GENEVA (Northwire) – ", {"source": "Northwire"}),
        ("WASHINGTON -\n The talks", {}),
    ],
)
def test_the_first_lines_say_what_they_say_and_no_more(head: str, facts: dict[str, str]) -> None:
    assert told(head + BODY) == facts


def test_what_is_known_is_not_read_again() -> None:
    known = {
        "title": Fact("Another", "document properties"),
        "published": Fact(date(2020, 1, 1), "mail Date"),
    }
    found = opening(f"Ferry inquiry opens\nBy Ana Torell, 14 March 2023\n\n{BODY}", known)
    assert found == {**known, "author": Fact("Ana Torell", "byline")}


def test_an_article_has_its_facts_and_where_each_was_read() -> None:
    made = article(
        "a", Extracted(BODY, {"published": Fact(DAY, "dateline"), "title": Fact("Ferry", "heading")}, (0, 40))
    )
    assert (made.id, made.title, made.published, made.text, made.pages) == ("a", "Ferry", DAY, BODY, (0, 40))
    assert made.provenance == (("title", "heading"), ("published", "dateline"))


def test_the_version_changes_with_the_text_and_the_facts_and_not_with_where_they_were_read() -> None:
    one = article("a", Extracted(BODY, {"title": Fact("Ferry", "heading")}))
    assert (
        article("b", Extracted(BODY, {"title": Fact("Ferry", "meta og:title")}, (0,))).version == one.version
    )
    others = [
        Extracted(BODY + " ", {"title": Fact("Ferry", "heading")}),
        Extracted(BODY, {"title": Fact("Ferries", "heading")}),
        Extracted(BODY),
    ]
    assert len({one.version, *(article("a", other).version for other in others)}) == 4


def test_there_is_no_article_without_words_and_no_fact_of_a_book_s_length() -> None:
    with pytest.raises(SourceError, match="it contains no words"):
        article("a", Extracted(" \n"))
    assert len(article("a", Extracted(BODY, {"title": Fact("x" * 9_000, "heading")})).title or "") == 5_000
