"""When not to answer: what confidence is made of, and each threshold met, and missed by a little."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from conftest import article, evidence

from rag.answer import abstain
from rag.answer.abstain import MIN_CONFIDENCE, after, before, confidence
from rag.types import Abstention, Article, Evidence, Judgement, Scores, Sentence


def scored(*cosines: float | None, texts: tuple[str, ...] = ()) -> Evidence:
    """A passage for each cosine, which a dense index gave it; `None`: it did not see it."""
    articles = [
        article(texts[i] if i < len(texts) else "Nothing of the kind.", id=str(i))
        for i in range(len(cosines))
    ]
    found = evidence(*articles)
    return Evidence(tuple(replace(p, scores=Scores(dense=c)) for p, c in zip(found, cosines, strict=True)))


def odds(probability: float) -> float:
    """The logarithm of the odds, less the constant: what the four signs add up to."""
    return math.log(probability / (1 - probability)) - abstain.BIAS


def sure(question: str, found: Evidence, answerable: Sequence[float] | None = None) -> float:
    return odds(confidence(question, found, answerable or [0.5] * len(found)))


def test_confidence_weighs_the_reader_s_two_signs_retrieval_s_two() -> None:
    found = scored(0.5, 0.75, texts=("Iran was hit.", "A strike on Iran."))
    signs = (math.log(0.2 / 0.8), math.log(9), 0.75, 2 / 3)  # "target" is missing
    assert sure("Did Iran strike targets?", found, [0.2, 0.9]) == pytest.approx(
        sum(w * s for w, s in zip(abstain.WEIGHTS, signs, strict=True))
    )


def test_a_short_answer_that_the_judge_does_not_find_supported_at_all_is_none() -> None:
    found = scored(0.5, texts=("Iran was hit.",))
    before_it = confidence("Was Iran hit?", found, [0.9])
    assert confidence("Was Iran hit?", found, [0.9], abstain.MIN_ANSWERED) == before_it > 0.5
    assert confidence("Was Iran hit?", found, [0.9], abstain.MIN_ANSWERED - 0.001) == 0.0


def test_a_sentence_repeats_the_article_from_nine_words_in_ten() -> None:
    assert [abstain.weighing(share) for share in (0.89, 0.9)] == [abstain.REWORDED, abstain.REPEATED]


@pytest.mark.parametrize(
    ("repeated", "supported", "shown", "sure"), [(0.5, 0.51, 0.06, 0.787), (1.0, 0.5, 0.26, 0.758)]
)
def test_a_sentence_is_supported_and_shown_from_the_likelihoods_that_were_chosen(
    repeated: float, supported: float, shown: float, sure: float
) -> None:
    weighing = abstain.weighing(repeated)
    assert (weighing.supported, weighing.shown) == (supported, shown)
    judged = Judgement(0.9, 0.05, 0.02, 0.03, 0.8)
    assert weighing.likelihood(judged, ()) == pytest.approx(sure, abs=0.001)


def test_words_of_the_title_are_held_too() -> None:
    story: Article = article("It began at dawn.", title="Iran strikes")
    bare: Article = article("It began at dawn.")
    difference = sure("Did Iran strike?", evidence(story)) - sure("Did Iran strike?", evidence(bare))
    assert difference == pytest.approx(abstain.WEIGHTS[3])


@pytest.mark.parametrize(
    ("answerable", "held"), [([0.5, 0.9, 0.1], 1.0), ([0.9, 0.5, 0.1], 0.0), ([0.9, 0.9, 0.1], 0.0)]
)
def test_only_the_passage_that_is_likeliest_to_answer_holds_words(
    answerable: list[float], held: float
) -> None:
    found = scored(0.0, 0.0, 0.0, texts=("One.", "Iran.", "Three."))
    assert abstain.features("Iran?", found, answerable)[3] == held


def test_the_best_cosine_counts_at_whatever_rank_it_stands() -> None:
    assert sure("Iran?", scored(0.1, 0.1, 0.1, None, 0.9)) == pytest.approx(abstain.WEIGHTS[2] * 0.9)


def test_a_passage_that_no_dense_index_saw_or_that_points_away_has_no_nearness() -> None:
    assert sure("Iran?", scored(None)) == pytest.approx(0.0)
    assert sure("Iran?", scored(-0.8)) == pytest.approx(0.0)


def test_a_question_of_function_words_only_lacks_none_of_its_words() -> None:
    assert sure("What is it?", scored(0.5)) == pytest.approx(abstain.WEIGHTS[2] * 0.5 + abstain.WEIGHTS[3])


def test_the_signs_are_the_reader_s_and_retrieval_s() -> None:
    found = scored(0.5, 0.75, texts=("Iran was hit.", "A strike."))
    assert abstain.features("Did Iran strike targets?", found, [0.9, 0.5]) == (
        pytest.approx(math.log(9)), pytest.approx(math.log(9)), 0.75, 1 / 3,
    )  # fmt: skip


@pytest.mark.parametrize("answerable", [0.0, 1.0])
def test_a_reader_that_is_certain_does_not_make_the_sum_infinite(answerable: float) -> None:
    assert 0.0 < confidence("Iran?", scored(0.5), [answerable]) < 1.0


def test_without_evidence_there_is_no_confidence_and_no_answer() -> None:
    assert confidence("Iran?", Evidence(), []) == 0.0
    assert abstain.features("Iran?", Evidence(), [])[2:] == (0.0, 0.0)
    assert before(Evidence(), 1.0) is Abstention.NO_EVIDENCE


@pytest.mark.parametrize(("below", "reason"), [(0.0, None), (0.001, Abstention.WEAK_EVIDENCE)])
def test_evidence_at_the_threshold_is_tried_and_just_below_it_is_not(
    below: float, reason: Abstention | None
) -> None:
    assert before(scored(0.5), MIN_CONFIDENCE - below) is reason


@pytest.mark.parametrize(
    ("cosine", "text", "answerable", "reason"),
    [
        # −2.2744 + 1.806 for all of the question's words, and 1.083 times the cosine; −0.41 is enough.
        (0.05, "Iran.", [0.5], Abstention.WEAK_EVIDENCE),
        (0.06, "Iran.", [0.5], None),
        # 1.083 alone cannot do it; with half of the words, 0.903, it can.
        (1.0, "Nothing.", [0.5], Abstention.WEAK_EVIDENCE),
        (0.88, "Iran struck.", [0.5], Abstention.WEAK_EVIDENCE),
        (0.90, "Iran struck.", [0.5], None),
        # 0.2694 times the log-odds of the first passage, 0.0465 times those of the likeliest: 5.9 in both.
        (0.0, "Nothing.", [0.9970], Abstention.WEAK_EVIDENCE),
        (0.0, "Nothing.", [0.9975], None),
        # With all the words a likeliest passage that is not the first needs log-odds of 1.3.
        (0.0, "Iran.", [0.5, 0.77], Abstention.WEAK_EVIDENCE),
        (0.0, "Iran.", [0.5, 0.79], None),
    ],
)
def test_a_question_is_tried_from_confidence_of_two_in_five_on(
    cosine: float, text: str, answerable: list[float], reason: Abstention | None
) -> None:
    found = scored(*([cosine] * len(answerable)), texts=(text, text))
    question = "Iran attacks?" if text == "Iran struck." else "Iran?"
    assert before(found, confidence(question, found, answerable)) is reason


def test_after_a_draft_the_reason_says_whether_anything_was_claimed() -> None:
    assert after([Sentence("Iran struck first.", ())], 5) is None
    assert after([], 1) is Abstention.UNSUPPORTED_DRAFT
    assert after([], 0) is Abstention.WEAK_EVIDENCE
