"""Where a sentence in other words may stand: each stretch that is cited adds something, names and numbers come
first, and what is laid before the judge is no longer than it reads."""

from __future__ import annotations

import pytest

from rag.answer.located import around, located, place_of
from rag.types import Article, Evidence, Headline, RetrievedPassage, Scores


def evidence(*texts: str) -> Evidence:
    found = []
    for rank, text in enumerate(texts, 1):
        article = Article(f"a{rank}", "1", text)
        facts = Headline(article.id, "1", f"Article {rank}")
        found.append(RetrievedPassage(article.passage(0, len(text)), facts, rank, Scores()))
    return Evidence(tuple(found))


SHIP = "The Odile left Brest on Monday. She carried 212 passengers. The weather was fair."
ENGINE = "An engine of the Odile failed near Ushant. Nobody was hurt. The captain is Jana Roux."
OTHER = "Prices of wheat rose in Chicago. Farmers were content."


def test_the_passage_with_most_of_the_words_comes_first_and_one_without_any_not_at_all() -> None:
    found = located("The captain of the Odile is Jana Roux.", evidence(OTHER, SHIP, ENGINE))
    assert [text.text for text in found[:2]] == [ENGINE, SHIP]
    assert not any("wheat" in text.text for text in found)
    assert found[0].stretches[0].text == "The captain is Jana Roux."


def test_a_sentence_that_rests_on_two_passages_is_laid_beside_both_stretches() -> None:
    found = located(
        "The Odile, which left Brest with 212 passengers, lost an engine near Ushant.", evidence(SHIP, ENGINE)
    )
    together = found[-1]
    assert {stretch.source.rank for stretch in together.stretches} == {1, 2}
    assert "An engine of the Odile failed near Ushant." in together.text
    assert "She carried 212 passengers." in together.text


def test_a_stretch_that_adds_nothing_is_not_cited() -> None:
    twice = "Jana Roux is the captain. Jana Roux is the captain of the ship. It rained."
    (found,) = located("Jana Roux is the captain of the ship.", evidence(twice))
    assert [stretch.text for stretch in found.stretches] == ["Jana Roux is the captain of the ship."]


def test_a_name_outweighs_common_words() -> None:
    texts = "Officials said the new plan was a good plan for the town. Zofia Weber opposed it."
    (found,) = located("Zofia Weber was against the plan of the town.", evidence(texts))
    assert "Zofia Weber opposed it." in [stretch.text for stretch in found.stretches]


def test_a_passage_that_is_named_comes_before_an_equal_one() -> None:
    found = located("The weather was fair.", evidence(SHIP, SHIP), named=[2])
    assert found[0].stretches[0].source.rank == 2


def test_nothing_is_found_for_words_that_no_passage_has() -> None:
    assert located("Volcanoes erupt.", evidence(SHIP, OTHER)) == []
    assert located("It is.", evidence(SHIP)) == []


@pytest.mark.parametrize("words", [40, 165])
def test_a_long_passage_is_cut_to_whole_sentences_around_the_stretch(words: int) -> None:
    before = " ".join(f"Sentence number {n} stands before it." for n in range(60))
    after = " ".join(f"Sentence number {n} stands after it." for n in range(60))
    text = f"{before} Jana Roux is the captain. {after}"
    (source,) = evidence(text)
    start = text.index("Jana")
    found = around(source, start, start + len("Jana Roux is the captain."), words=words)
    assert "Jana Roux is the captain." in found.text
    assert words - 12 < len(found.text.split()) <= words
    assert found.text.startswith("Sentence number")
    assert found.text.endswith("it.")


# The words of a quote.

NORVIK = (
    "Norvik’s profit, the firm said, “fell by 3.5 %” — the most since May 2021 — as costs rose by a third."
)


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        ("the firm said", "the firm said"),
        ("NORVIK'S PROFIT", "Norvik’s profit"),
        ("fell  by\n3.5%", "fell by 3.5 %"),
        ('the firm said, "fell by 3.5 %"', "the firm said, “fell by 3.5 %"),
        ("the firm said, 'fell by 3.5 %'.", "the firm said, “fell by 3.5 %"),
        ("the most since May 2021-as costs rose", "the most since May 2021 — as costs rose"),
        ("fell by 3.5 % - the most", "fell by 3.5 %” — the most"),
        ("… costs rose by a third …", "costs rose by a third"),
        ("costs rose by a third!", "costs rose by a third"),
        ("profit … fell by 3.5 %", "profit, the firm said, “fell by 3.5 %"),
        ("profit [...] fell by 3.5 %", "profit, the firm said, “fell by 3.5 %"),
        ("profit . . . costs", "profit, the firm said, “fell by 3.5 %” — the most since May 2021 — as costs"),
    ],
)
def test_a_quote_is_found_whatever_its_typography(quote: str, words: str) -> None:
    place = place_of(quote, NORVIK)
    assert place is not None
    assert NORVIK[place[0] : place[1]] == words


@pytest.mark.parametrize(
    "quote",
    [
        "fell by 3.6 %",
        "fell by 3 %",
        "fell by 3.",
        "rose by 3.5 %",
        "most since May 202",
        "costs rose by third",
        "costs rise by a third",
        "profit the firm",
        "costs … profit",
        "profit … sales",
        "rofit",
        "the fir",
        "…",
        "",
        "“”",
    ],
)
def test_a_quote_of_which_a_word_or_a_digit_differs_is_none(quote: str) -> None:
    assert place_of(quote, NORVIK) is None


def test_a_quote_may_leave_out_a_few_sentences_and_no_more() -> None:
    def cut(size: int) -> str:
        return f"It fell. {'x ' * (size // 2)} It rose."

    assert place_of("fell … rose", cut(400)) is not None
    assert place_of("fell … rose", cut(700)) is None


def test_a_quote_stands_where_it_is_whole() -> None:
    assert place_of("rose 1", "It rose 1.5 %, then rose 1-2 %, then rose 1 point.") == (37, 43)
