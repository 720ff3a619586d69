"""What an article is called."""

from __future__ import annotations

import pytest

from rag.store.label import label


@pytest.mark.parametrize(
    ("title", "text", "shown"),
    [
        ("  Strikes\n in  Iran ", "It began.", "Strikes in Iran"),
        (None, "Iran struck\tfirst. Then Pakistan.", "Iran struck first."),
        (" ", "Iran struck first.", "Iran struck first."),
        (None, "ab " * 26 + "ab.", "ab " * 26 + "ab."),
        (None, "", ""),
    ],
)
def test_an_article_is_called_by_its_title_or_its_first_sentence(
    title: str | None, text: str, shown: str
) -> None:
    assert label(title, text, longest=81) == shown


def test_a_long_first_sentence_is_cut_at_a_word_and_says_so() -> None:
    assert label(None, "Iran struck first, and Pakistan replied", longest=20) == "Iran struck first…"
    assert label(None, "Iran struck first", longest=17) == "Iran struck first"
    assert label(None, "x" * 100, longest=20) == "x" * 20 + "…"
    assert len(label(None, "word " * 100)) <= 80


def test_a_first_sentence_of_80_characters_is_whole_and_a_longer_one_is_cut() -> None:
    assert label(None, "Iran " * 15 + "first") == "Iran " * 15 + "first"
    assert label(None, "Iran " * 15 + "struck") == "Iran " * 14 + "Iran…"
