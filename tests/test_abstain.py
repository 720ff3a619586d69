"""When not to answer: each threshold met, and missed by a little."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import article, evidence

from rag.abstain import LEAST_CONFIDENCE, after, before, confidence
from rag.types import Abstention, Article, Evidence, Scores, Sentence


def scored(*cosines: float | None, texts: tuple[str, ...] = ()) -> Evidence:
    """A passage for each cosine, which a dense index gave it; `None`: it did not see it."""
    articles = [article(texts[i] if i < len(texts) else "Nothing of the kind.", id=str(i)) for i in range(len(cosines))]
    found = evidence(*articles)
    return Evidence(tuple(replace(p, scores=Scores(dense=c)) for p, c in zip(found, cosines, strict=True)))


def test_confidence_is_half_the_best_cosine_and_half_the_share_of_the_question_s_words() -> None:
    found = scored(0.5, 0.75, texts=("Iran was hit.", "A strike."))
    assert confidence("Did Iran strike targets?", found) == 0.75 / 2 + (2 / 3) / 2  # "target" is missing


def test_words_of_the_title_are_held_too() -> None:
    story: Article = article("It began at dawn.", title="Iran strikes")
    assert confidence("Did Iran strike?", evidence(story)) == (1 + 1) / 2


def test_only_the_three_nearest_passages_hold_words() -> None:
    texts = ("One.", "Two.", "Three.", "Iran.")
    assert confidence("Iran?", scored(0.5, 0.5, 0.5, 0.5, texts=texts)) == 0.25
    assert confidence("Iran?", scored(0.5, 0.5, 0.5, texts=texts[1:])) == 0.75


def test_the_best_cosine_counts_at_whatever_rank_it_stands() -> None:
    assert confidence("Iran?", scored(0.1, 0.1, 0.1, None, 0.9)) == 0.45


def test_a_passage_that_no_dense_index_saw_or_that_points_away_has_no_nearness() -> None:
    assert confidence("Iran?", scored(None)) == 0.0
    assert confidence("Iran?", scored(-0.8)) == 0.0


def test_a_question_of_function_words_only_is_judged_by_its_cosine() -> None:
    assert confidence("What is it?", scored(0.5)) == (0.5 + 1) / 2


def test_without_evidence_there_is_no_confidence_and_no_answer() -> None:
    assert confidence("Iran?", Evidence()) == 0.0
    assert before("Iran?", Evidence()) is Abstention.NO_EVIDENCE


@pytest.mark.parametrize(("below", "reason"), [(0.0, None), (0.001, Abstention.WEAK_EVIDENCE)])
def test_evidence_at_the_threshold_is_tried_and_just_below_it_is_not(below: float, reason: Abstention | None) -> None:
    assert before("Iran?", scored(2 * (LEAST_CONFIDENCE - below))) is reason


def test_after_a_draft_the_reason_says_whether_anything_was_claimed() -> None:
    assert after([Sentence("Iran struck first.", ())], 5) is None
    assert after([], 1) is Abstention.UNSUPPORTED_DRAFT
    assert after([], 0) is Abstention.WEAK_EVIDENCE
