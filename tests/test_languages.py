"""Which language a text is taken to be in, when nobody can say, and how many articles a warning names."""

from __future__ import annotations

import re

import pytest

from ingest.languages import language, warnings

GERMAN = "Die Untersuchung zum Untergang der Fähre begann am Dienstag in der Hafenstadt. " * 20
ENGLISH = "The inquiry into the sinking of the ferry opened on Tuesday in the harbour town. " * 40


@pytest.mark.parametrize(("letters", "code"), [(149, None), (150, "de")])
def test_a_text_of_fewer_than_150_letters_is_too_short_to_tell(letters: int, code: str | None) -> None:
    ends = [found.end() for found in re.finditer(r"[^\W\d_]", GERMAN)]
    assert language(GERMAN[: ends[letters - 1]]) == code


@pytest.mark.parametrize(("german", "code"), [(440, None), (460, "de"), (600, "de")])
def test_the_first_600_characters_are_looked_at_and_must_be_of_one_language_almost_surely(
    german: int, code: str | None
) -> None:
    """With 440 of them in German it is 98.6 in 100 likely, with 460 99.1. What follows the 600 has no say."""
    assert language(GERMAN[:german] + ENGLISH) == code


def test_a_warning_names_five_articles_and_counts_the_others() -> None:
    def said(names: list[str]) -> str:
        return warnings({"de": names}, frozenset({"en"}))[0].rpartition(": ")[2]

    assert said(list("abcde")) == "a, b, c, d, e"
    assert said(list("abcdef")) == "a, b, c, d, e and 1 more"
