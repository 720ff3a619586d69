"""Reciprocal rank fusion, by hand and against a second way to compute it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.retrieval.fuse import fuse


def test_a_key_that_both_rankings_name_passes_the_first_of_either() -> None:
    assert fuse([["a", "b"], ["b", "c"]], k=1) == [("b", 1 / 3 + 1 / 2), ("a", 1 / 2), ("c", 1 / 3)]


def test_the_constant_of_the_paper_is_sixty() -> None:
    assert fuse([["a"], ["b", "a"]]) == [("a", 1 / 61 + 1 / 62), ("b", 1 / 61)]


def test_a_larger_constant_counts_being_named_twice_for_more() -> None:
    one, other = ["a", "b", "c"], ["d", "e", "c"]
    assert fuse([one, other], k=1)[0][0] == "a"  # 1/2 against 1/4 + 1/4: equal, and a is before c
    assert fuse([one, other], k=2)[0][0] == "c"  # 1/3 against 1/5 + 1/5


def test_equal_scores_are_ordered_by_key_whichever_ranking_comes_first() -> None:
    assert [key for key, _ in fuse([["z", "b"], ["a", "y"]])] == ["a", "z", "b", "y"]
    assert [key for key, _ in fuse([["a", "y"], ["z", "b"]])] == ["a", "z", "b", "y"]


@pytest.mark.parametrize("rankings", [[], [[]], [[], []]])
def test_nothing_found_is_nothing_fused(rankings: list[list[str]]) -> None:
    assert fuse(rankings) == []


@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8), max_size=4), st.integers(1, 100)
)
@settings(derandomize=True, deadline=None, database=None)
def test_the_scores_are_the_sums_of_reciprocal_ranks(rankings: list[list[str]], k: int) -> None:
    expected = {
        key: sum(
            (Fraction(1, k + ranking.index(key) + 1) for ranking in rankings if key in ranking), Fraction(0)
        )
        for key in {key for ranking in rankings for key in ranking}
    }
    fused = fuse(rankings, k=k)
    assert {key for key, _ in fused} == set(expected)
    assert all(score == pytest.approx(float(expected[key])) for key, score in fused)
    assert [key for key, _ in fused] == [key for key, _ in sorted(fused, key=lambda hit: (-hit[1], hit[0]))]
