"""Names: where they begin and end, and when two of them name the same."""

from __future__ import annotations

import pytest

from rag.english.lexicon import PLACES
from rag.english.names import Name, names, same_name


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ajax beat PSV on Sunday in May.", ["Ajax", "PSV"]),
        ("Police arrested John O’Neill in St Albans.", ["John O’Neill", "St Albans"]),
        ("Toxic fumes filled Oslo. Asked about it, Kis left.", ["Oslo", "Kis"]),
        (
            "The Department for Transport fined Harbour Lines plc.",
            ["Department for Transport", "Harbour Lines plc"],
        ),
        ("Prime Minister Theresa May met Will Smith.", ["Theresa May", "Will Smith"]),
        ("Will Ajax win? May Thornbury did.", ["Ajax", "May Thornbury"]),
        ("The President of France called General Motors.", ["France", "General Motors"]),
        ("“We won,” said Luka Modrić of Real Madrid.", ["Luka Modrić", "Real Madrid"]),
        ("In THE US they met J. K. Rowling’s agent.", ["US", "J. K. Rowling"]),
    ],
)
def test_a_name_is_whole_and_holds_nothing_else(text: str, found: list[str]) -> None:
    assert [name.text for name in names(text)] == found


def test_a_name_says_where_it_stands_and_what_stood_around_it() -> None:
    assert names("Gen. Mark Milley’s plane") == (Name(5, 16, "Mark Milley", True, "gen", True),)


def test_a_full_stop_after_a_title_of_four_letters_ends_no_sentence_and_after_one_of_five_does() -> None:
    assert [(n.text, n.title) for n in names("They met Insp. Ann Lee.")] == [("Ann Lee", "insp")]
    assert [(n.text, n.title) for n in names("They met the Mayor. Ann Lee left.")] == [("Ann Lee", "")]


def test_names_in_small_letters_are_found_where_they_are_asked_for() -> None:
    assert [name.text for name in names("why did iran strike pakistan", lower=PLACES)] == ["iran", "pakistan"]
    assert names("why did iran strike pakistan") == ()


def test_a_word_that_other_text_has_in_small_letters_opens_a_sentence_as_no_name() -> None:
    assert [n.text for n in names("Harbours closed.")] == ["Harbours"]
    assert names("Harbours closed.", common={"harbours"}) == ()
    assert [n.text for n in names("Gold fell.", known={"gold"})] == ["Gold"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("US", "the United States of America", True),
        ("Tehran", "Iranian", True),
        ("Zolta\u0301n Kis", "Kis", True),
        ("Łódź", "LODZ", True),
        ("Mohammed Ali", "Muhammad Ali", True),
        ("ECB", "European Central Bank", True),
        ("Kestrel", "Kestrel plc", True),
        ("Ann Lee", "Bob Lee", False),
        ("Iran", "Iraq", False),
        ("Ajax", "Alcaraz", False),
        ("", "Ajax", False),
    ],
)
def test_names_are_compared_by_what_they_name(one: str, other: str, same: bool) -> None:
    assert (same_name(one, other), same_name(other, one)) == (same, same)
