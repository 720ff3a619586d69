"""The published numbers: examples computed by hand, a second way to compute each, and what must always hold."""

from __future__ import annotations

import doctest
import importlib
import random
from collections.abc import Callable, Collection, Sequence
from itertools import permutations
from math import log2, sqrt
from types import ModuleType
from typing import Protocol

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics import abstention, answers, citations, conflicts, followups, interval, retrieval
from eval.metrics.abstention import (
    aurc,
    auroc,
    declined_at_answered,
    false_answer_rate,
    false_refusal_rate,
    risk_coverage,
)
from eval.metrics.answers import contained, exact_match, fact_recall, token_f1
from eval.metrics.citations import (
    Span,
    citation_precision,
    citation_recall,
    fact_coverage,
    offsets_hold,
    supports,
)
from eval.metrics.conflicts import conflict_precision, conflict_recall
from eval.metrics.followups import followup_gain
from eval.metrics.interval import bootstrap, paired_difference
from eval.metrics.retrieval import average_precision, hit_at, mrr, multihop_average_precision, ndcg

MODULES = [abstention, answers, citations, conflicts, followups, interval, retrieval]
# The same examples on every run, however busy the machine is, and nothing written to disk.
same_every_run = settings(derandomize=True, deadline=None, database=None)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_number_has_a_source_or_says_it_has_none_and_an_example_that_runs(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0
    for name in module.__all__:
        if (
            callable(function := getattr(module, name))
            and getattr(function, "__module__", "") == module.__name__
        ):
            assert ">>>" in function.__doc__, f"{name} has no example"


def test_the_package_lists_its_functions_and_imports_none_of_them() -> None:
    page = importlib.import_module("eval.metrics").__doc__ or ""
    for module in MODULES:
        for name in module.__all__:
            if name[0].islower():
                assert name in page.split("Those of")[0].replace(",", " ").split(), f"{name} is not listed"


# Retrieval. Rankings of up to 12 items over up to 4 facts; `one_to_one` has one fact an item and none twice.


@st.composite
def rankings(draw: st.DrawFn) -> tuple[list[set[int]], int]:
    facts = draw(st.integers(1, 4))
    return draw(st.lists(st.sets(st.integers(0, facts - 1), max_size=3), max_size=12)), facts


@st.composite
def one_to_one(draw: st.DrawFn) -> tuple[list[set[int]], int]:
    facts = draw(st.integers(1, 12))
    found = draw(st.integers(0, facts))
    items: list[set[int]] = [{fact} for fact in range(found)] + [set()] * draw(st.integers(0, 6))
    return draw(st.permutations(items)), facts


class PerQuestion(Protocol):
    def __call__(self, facts_at: Sequence[Collection[int]], facts: int, k: int = ..., /) -> float | None: ...


PER_QUESTION: list[PerQuestion] = [mrr, ndcg, average_precision, multihop_average_precision]


def scored(metric: PerQuestion, facts_at: Sequence[Collection[int]], facts: int) -> float:
    score = metric(facts_at, facts)
    assert score is not None
    return score


@pytest.mark.parametrize("metric", PER_QUESTION)
def test_a_question_without_gold_facts_has_no_retrieval_score(metric: PerQuestion) -> None:
    assert metric([[], []], 0) is None
    assert hit_at([[]], 0, k=1) is None


@pytest.mark.parametrize("metric", PER_QUESTION)
def test_finding_nothing_is_zero_and_not_absent(metric: PerQuestion) -> None:
    assert metric([], 2) == 0.0
    assert metric([[]] * 10 + [[0, 1]], 2) == 0.0, "rank 11 lies outside the ten"
    assert hit_at([], 2, k=4) == 0.0


@pytest.mark.parametrize("metric", PER_QUESTION)
def test_a_fact_that_is_not_gold_is_an_error_of_the_caller(metric: PerQuestion) -> None:
    with pytest.raises(
        ValueError, match="rank 2 supports fact 2, but there are 2 gold facts, numbered from 0"
    ):
        metric([[0], [2]], 2)
    with pytest.raises(ValueError, match="k must be at least 1, not 0"):
        metric([[0]], 1, 0)
    with pytest.raises(ValueError, match="is -1: it cannot be negative"):
        metric([], -1)


def test_hit_counts_the_item_at_rank_k_and_not_the_next() -> None:
    ranking: list[list[int]] = [[], [], [], [1], []]
    assert hit_at(ranking, 2, k=3) == 0.0
    assert hit_at(ranking, 2, k=4) == 1.0


def test_reciprocal_rank_is_that_of_the_first_relevant_item_only() -> None:
    assert mrr([[], [], [], [0], [1]], 2) == 0.25
    assert mrr([[]] * 9 + [[0]], 1) == 0.1


def test_ndcg_of_a_second_fact_at_rank_three() -> None:
    assert ndcg([[0], [], [1]], 2) == pytest.approx((1 + 1 / 2) / (1 + 1 / log2(3)))


def test_average_precision_divides_by_the_facts_that_can_be_found() -> None:
    assert average_precision([[0]], 4) == 0.25
    assert average_precision([[i] for i in range(10)], 20) == 1.0, (
        "ten of twenty facts are all that ten items can hold"
    )


@pytest.mark.parametrize("metric", [ndcg, average_precision, multihop_average_precision])
def test_the_same_fact_in_ten_passages_is_one_fact(metric: PerQuestion) -> None:
    assert metric([[0]] * 10, 2) == metric([[0]], 2)


@pytest.mark.parametrize("metric", [ndcg, average_precision])
def test_one_item_with_both_facts_is_as_good_as_two_items(metric: PerQuestion) -> None:
    assert metric([[0, 1]], 2) == metric([[0], [1]], 2) == 1.0
    assert scored(metric, [[], [0, 1]], 2) > scored(metric, [[], [0], [1]], 2)


def test_ten_facts_in_one_item_at_the_last_rank_do_not_exceed_the_best() -> None:
    ranking: list[list[int]] = [[]] * 9 + [list(range(12))]
    assert average_precision(ranking, 12) == pytest.approx(sum(i / 10 for i in range(1, 11)) / 10)
    assert average_precision([list(range(12))], 12) == 1.0
    assert ndcg([list(range(12))], 12) == pytest.approx(1.0)


def test_multihop_precision_of_the_papers_script_stays_under_one_for_a_perfect_ranking() -> None:
    # (1/1 + 1/2 + 1/3 + 1/4) / 4, where the textbook's figure is 1.
    assert multihop_average_precision([[0], [1], [2], [3]], 4) == pytest.approx(25 / 48)
    assert average_precision([[0], [1], [2], [3]], 4) == 1.0
    assert multihop_average_precision([[0, 1], [1], [0, 2]], 3) == pytest.approx((2 / 1 + 1 / 3) / 3)


def multihop_on_texts(passages: Sequence[str], gold: Sequence[str]) -> float:
    """MultiHop-RAG's figure from its description, on texts: a fact is found where its words first stand."""
    first = {fact: next((r for r, text in enumerate(passages, 1) if fact in text), 11) for fact in gold}
    return sum(1 / rank for rank in first.values() if rank <= 10) / min(len(gold), 10)


@same_every_run
@given(rankings())
def test_multihop_precision_agrees_with_a_search_in_texts(case: tuple[list[set[int]], int]) -> None:
    ranking, facts = case
    passages = [" ".join(f"<fact {fact}>" for fact in sorted(found)) for found in ranking]
    expected = multihop_on_texts(passages, [f"<fact {fact}>" for fact in range(facts)])
    assert multihop_average_precision(ranking, facts) == pytest.approx(expected)
    assert expected <= scored(average_precision, ranking, facts) + 1e-12


@same_every_run
@given(one_to_one())
def test_one_fact_an_item_gives_the_textbook_figures(case: tuple[list[set[int]], int]) -> None:
    ranking, facts = case
    relevant = [bool(found) for found in ranking][:10]
    precisions = [sum(relevant[: i + 1]) / (i + 1) for i in range(len(relevant)) if relevant[i]]
    assert average_precision(ranking, facts) == pytest.approx(sum(precisions) / min(facts, 10))
    gains = np.array(relevant, dtype=float)
    ideal = np.array([1.0] * facts)[:10]
    discounted = [float((g / np.log2(np.arange(2, len(g) + 2))).sum()) for g in (gains, ideal)]
    assert ndcg(ranking, facts) == pytest.approx(discounted[0] / discounted[1])


def test_no_order_of_the_items_beats_the_one_that_ndcg_calls_best() -> None:
    items: list[Collection[int]] = [{0}, {1}, {1, 2}, set()]
    for metric in (ndcg, average_precision):
        assert max(scored(metric, order, 3) for order in permutations(items)) == 1.0


@same_every_run
@given(rankings())
def test_retrieval_scores_stay_between_zero_and_one(case: tuple[list[set[int]], int]) -> None:
    ranking, facts = case
    for metric in PER_QUESTION:
        assert 0 <= scored(metric, ranking, facts) <= 1 + 1e-12, metric
    assert hit_at(ranking, facts, k=4) in (0.0, 1.0)


@same_every_run
@given(rankings(), st.integers(0, 11), st.integers(0, 3))
def test_supporting_one_more_fact_never_lowers_a_score(
    case: tuple[list[set[int]], int], rank: int, fact: int
) -> None:
    ranking, facts = case
    better = [set(found) for found in ranking] + [set() for _ in range(12 - len(ranking))]
    better[rank].add(fact % facts)
    for metric in PER_QUESTION:
        assert scored(metric, better, facts) >= scored(metric, ranking, facts) - 1e-12, metric


# Answers.


def test_the_three_text_measures_are_the_projects_own() -> None:
    own = importlib.import_module("rag.english.matching")
    assert (contained, exact_match, token_f1) == (own.contained, own.exact_match, own.token_f1)


def test_fact_recall_takes_any_wording_of_a_fact_but_whole_words_only() -> None:
    facts = [["nine", "9"], ["ten"]]
    assert fact_recall("It said 9 people died.", facts) == 0.5
    assert fact_recall("Ninety people attended.", facts) == 0.0, "'nine' is not a word of 'Ninety'"
    assert fact_recall("", facts) == 0.0


def test_a_fact_without_answers_has_no_opinion() -> None:
    assert fact_recall("nine", [["nine"], []]) == 1.0
    assert fact_recall("nine", [[]]) is None
    assert fact_recall("nine", []) is None


@same_every_run
@given(
    st.lists(st.lists(st.sampled_from(["nine", "ten", "May", "Iran"]), max_size=2), min_size=1), st.randoms()
)
def test_fact_recall_does_not_depend_on_the_order_of_facts(
    facts: list[list[str]], chance: random.Random
) -> None:
    shuffled = chance.sample(facts, len(facts))
    assert fact_recall("Iran, in May", facts) == fact_recall("Iran, in May", shuffled)


# Citations. A gold fact at [10, 20) of one article, unless a test says otherwise.

FACT: list[Span] = [("dawn", 10, 20)]
RIGHT: Span = ("dawn", 10, 20)
WRONG: Span = ("dawn", 50, 60)


@pytest.mark.parametrize(
    ("cited", "verdict"),
    [
        (("dawn", 15, 25), True),  # 5 shared of 10
        (("dawn", 16, 26), False),  # 4 shared of 10
        (("dawn", 0, 100), True),  # the gold span lies inside: all of the shorter
        (("dawn", 12, 13), True),  # the citation lies inside
        (("dawn", 18, 22), True),  # 2 shared of 4: the citation is the shorter
        (("dawn", 20, 30), False),  # they touch and share nothing
        (("bbc", 10, 20), False),  # the same offsets of another article
        (("dawn", 15, 15), False),  # empty
        (("dawn", 18, 12), False),  # the wrong way round
    ],
)
def test_a_citation_supports_what_it_shares_half_of(cited: Span, verdict: bool) -> None:
    assert supports(cited, FACT) is verdict


@same_every_run
@given(st.tuples(st.integers(0, 15), st.integers(1, 15)), st.tuples(st.integers(0, 15), st.integers(1, 15)))
def test_support_agrees_with_counting_characters(cited: tuple[int, int], gold: tuple[int, int]) -> None:
    a, b = set(range(cited[0], sum(cited))), set(range(gold[0], sum(gold)))
    expected = len(a & b) / min(len(a), len(b)) >= 0.5
    assert supports(("x", cited[0], sum(cited)), [("x", gold[0], sum(gold))]) is expected
    assert supports(("x", gold[0], sum(gold)), [("x", cited[0], sum(cited))]) is expected


def test_a_sentence_needs_one_right_citation_and_each_wrong_one_costs_precision() -> None:
    answer = [[RIGHT, WRONG], [WRONG, WRONG], []]
    assert citation_recall(answer, [FACT]) == pytest.approx(1 / 3)
    assert citation_precision(answer, [FACT]) == 0.25


def test_a_fact_may_be_stated_in_several_places_and_any_will_do() -> None:
    assert citation_recall([[("bbc", 5, 9)]], [[RIGHT, ("bbc", 5, 9)]]) == 1.0
    assert fact_coverage([[("bbc", 5, 9)]], [[RIGHT, ("bbc", 5, 9)]]) == 1.0


def test_an_answer_that_abstains_is_not_a_perfect_score() -> None:
    assert citation_recall([], [FACT]) is None
    assert citation_precision([], [FACT]) is None
    assert fact_coverage([], [FACT]) == 0.0, "the fact was there to be found"


def test_sentences_without_any_citation_are_unsupported_but_have_no_precision() -> None:
    assert citation_recall([[], []], [FACT]) == 0.0
    assert citation_precision([[], []], [FACT]) is None


def test_without_gold_spans_nothing_is_judged() -> None:
    for facts in (list[list[Span]](), [list[Span]()]):
        assert citation_recall([[RIGHT]], facts) is None
        assert citation_precision([[RIGHT]], facts) is None
        assert fact_coverage([[RIGHT]], facts) is None


def test_saying_one_fact_twice_covers_it_once() -> None:
    assert fact_coverage([[RIGHT], [RIGHT]], [FACT, [WRONG]]) == 0.5


def alce_as_published(
    answer: Sequence[Sequence[Span]], facts: Sequence[Sequence[Span]]
) -> tuple[float, float]:
    """Recall and precision with ALCE's own steps: judge the set, then each citation alone, then the set
    without it.
    """

    def entailed(cited: Sequence[Span]) -> bool:
        return any(supports(span, fact) for span in cited for fact in facts)

    relevant = 0
    for sentence in answer:
        for position, span in enumerate(sentence):
            others = [*sentence[:position], *sentence[position + 1 :]]
            relevant += entailed(sentence) and (entailed([span]) or not entailed(others))
    return sum(map(entailed, answer)) / len(answer), relevant / sum(map(len, answer))


@same_every_run
@given(st.lists(st.lists(st.sampled_from([RIGHT, WRONG, ("bbc", 0, 5)]), min_size=1, max_size=3), min_size=1))
def test_citation_scores_are_those_of_alces_own_steps(answer: list[list[Span]]) -> None:
    facts = [FACT, [("bbc", 0, 8)]]
    assert (citation_recall(answer, facts), citation_precision(answer, facts)) == alce_as_published(
        answer, facts
    )


def test_a_quote_holds_only_at_its_own_offsets() -> None:
    text = "Iran struck first."
    assert offsets_hold([(text, 0, 4, "Iran"), (text, 5, 11, "struck"), (text, 12, 18, "first.")]) == 1.0
    for bad in [(text, 1, 5, "Iran"), (text, -6, -1, "first"), (text, 12, 99, "first."), (text, 4, 4, "")]:
        assert offsets_hold([bad]) == 0.0, bad
    assert offsets_hold([]) is None


# Abstention.


def test_answering_what_should_be_declined_and_the_reverse() -> None:
    decisions = [(True, False), (True, True), (True, True), (True, True), (False, True), (False, False)]
    assert false_answer_rate(decisions) == 0.25
    assert false_refusal_rate(decisions) == 0.5


def test_a_set_without_such_questions_has_no_rate() -> None:
    assert false_answer_rate([(False, True)]) is None
    assert false_refusal_rate([(True, False)]) is None
    assert false_answer_rate([]) is None


def test_declining_everything_is_no_false_answer_and_only_false_refusals() -> None:
    decisions = [(True, True), (False, True)]
    assert (false_answer_rate(decisions), false_refusal_rate(decisions)) == (0.0, 1.0)


SCORES = st.lists(
    st.integers(0, 5).map(float), min_size=1, max_size=12
)  # few values, so that ties are common


@same_every_run
@given(SCORES, SCORES)
def test_auroc_agrees_with_comparing_every_pair(answerable: list[float], unanswerable: list[float]) -> None:
    wins = sum((a > u) + (a == u) / 2 for a in answerable for u in unanswerable)
    assert auroc(answerable, unanswerable) == pytest.approx(wins / (len(answerable) * len(unanswerable)))


@same_every_run
@given(SCORES, SCORES)
def test_auroc_sees_only_the_order_of_scores(answerable: list[float], unanswerable: list[float]) -> None:
    forward = auroc(answerable, unanswerable)
    assert forward is not None
    assert auroc([2 * s - 7 for s in reversed(answerable)], [2 * s - 7 for s in unanswerable]) == forward
    assert auroc(unanswerable, answerable) == pytest.approx(1 - forward)


def test_auroc_of_one_side_only_is_absent() -> None:
    assert auroc([], [1.0]) is None
    assert auroc([1.0], []) is None
    assert auroc([1.0], [1.0]) == 0.5


@pytest.mark.parametrize(
    "measure",
    [
        lambda: auroc([float("nan")], [1.0]),
        lambda: declined_at_answered([1.0], [float("nan")]),
        lambda: risk_coverage([float("nan")], [True]),
        lambda: aurc([float("nan")], [True]),
    ],
)
def test_a_score_that_is_no_number_is_refused(measure: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="NaN"):
        measure()


def test_risk_rises_where_the_confident_answers_are_the_right_ones() -> None:
    assert risk_coverage([4, 3, 2, 1], [True, True, False, False]) == [
        (0.25, 0.0),
        (0.5, 0.0),
        (0.75, 1 / 3),
        (1.0, 0.5),
    ]
    assert aurc([4, 3, 2, 1], [True, True, False, False]) == pytest.approx((1 / 3 + 1 / 2) / 4)
    assert aurc([4, 3, 2, 1], [False, False, True, True]) == pytest.approx((1 + 1 + 2 / 3 + 1 / 2) / 4)


def test_one_confidence_for_all_is_one_point() -> None:
    assert risk_coverage([1, 1, 1, 1], [True, False, False, False]) == [(1.0, 0.75)]
    assert aurc([1, 1, 1, 1], [True, False, False, False]) == 0.75


def test_no_questions_have_no_curve() -> None:
    assert risk_coverage([], []) == []
    assert aurc([], []) is None


def test_a_confidence_without_a_verdict_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        risk_coverage([0.5, 0.4], [True])


JUDGED = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=12)


@same_every_run
@given(JUDGED, st.randoms())
def test_the_curve_is_one_point_a_threshold_in_whatever_order_questions_come(
    judged: list[tuple[int, bool]], chance: random.Random
) -> None:
    expected = []
    for threshold in sorted({confidence for confidence, _ in judged}, reverse=True):
        verdicts = [right for confidence, right in judged if confidence >= threshold]
        expected.append((len(verdicts) / len(judged), verdicts.count(False) / len(verdicts)))
    shuffled = chance.sample(judged, len(judged))
    assert risk_coverage([c for c, _ in shuffled], [r for _, r in shuffled]) == expected


@same_every_run
@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_without_ties_the_area_is_the_mean_risk_of_the_first_so_many(correct: list[bool]) -> None:
    risks = [correct[:n].count(False) / n for n in range(1, len(correct) + 1)]
    assert aurc([-i for i in range(len(correct))], correct) == pytest.approx(sum(risks) / len(risks))


def test_three_quarters_of_four_answerable_are_the_best_three() -> None:
    assert declined_at_answered([9, 8, 7, 1], [6, 6, 6, 6]) == 1.0
    assert declined_at_answered([9, 8, 7, 1], [7, 7, 6, 6]) == 0.5, "a score at the threshold is answered"
    assert declined_at_answered([9, 8, 7, 1], [6, 6, 0, 0], answered=1.0) == 0.5
    assert declined_at_answered([9, 8, 7], [8, 8, 7, 6]) == 0.25, (
        "two of three are too few: all three are answered"
    )


def test_fifty_five_of_a_hundred_are_enough_for_a_share_of_055() -> None:
    scores = [float(score) for score in range(100)]
    assert declined_at_answered(scores, [44.5, 45.5], answered=0.55) == 0.5  # the threshold is 45, not 44


def test_declined_at_answered_needs_both_sides_and_a_share() -> None:
    assert declined_at_answered([], [1.0]) is None
    assert declined_at_answered([1.0], []) is None
    for answered in (0.0, 1.1):
        with pytest.raises(ValueError, match="answered must lie"):
            declined_at_answered([1.0], [1.0], answered=answered)


@same_every_run
@given(SCORES, SCORES, st.sampled_from([0.25, 0.5, 0.75, 1.0]))
def test_declined_at_answered_is_the_best_of_all_thresholds_that_answer_enough(
    answerable: list[float], unanswerable: list[float], answered: float
) -> None:
    enough = [t for t in answerable if sum(s >= t for s in answerable) / len(answerable) >= answered]
    expected = max(sum(s < t for s in unanswerable) / len(unanswerable) for t in enough)
    assert declined_at_answered(answerable, unanswerable, answered) == expected


# Conflicts.

NINE_OR_TEN = [["nine", "9"], ["ten", "10"]]


@pytest.mark.parametrize(
    ("found", "right"),
    [
        (["nine", "ten"], True),
        (["at least nine people", "10 people"], True),  # the gold stands in the found value
        (["nine", "eleven"], False),  # one gold value only
        (["nine", "9 people"], False),  # two wordings of one value are no conflict
        (["between nine and ten"], False),  # both gold values, but in one found value
        (["nine and ten", "Nine and ten."], False),  # the same, said twice
        (["ninety", "tenth"], False),  # parts of words
        (["", "the"], False),  # nothing left to compare
        ([], False),
    ],
)
def test_a_right_conflict_shows_two_gold_values_in_two_places(found: list[str], right: bool) -> None:
    case = (True, NINE_OR_TEN, [found])
    assert conflict_recall([case]) == conflict_precision([case]) == float(right)


def test_a_shorter_wording_than_the_gold_meets_it() -> None:
    days = [["18 January 2024", "Thursday"], ["16 January 2024", "Tuesday"]]
    assert conflict_recall([(True, days, [["18 January", "16 January"]])]) == 1.0


def test_agreeing_sources_count_for_precision_only() -> None:
    cases = [
        (True, NINE_OR_TEN, [["9", "10"], ["9", "12"]]),
        (True, NINE_OR_TEN, []),
        (False, NINE_OR_TEN, [["9", "10"]]),
        (False, [], []),
    ]
    assert conflict_recall(cases) == 0.5
    assert conflict_precision(cases) == pytest.approx(1 / 3)


def test_no_gold_conflict_and_nothing_found_have_no_score() -> None:
    assert conflict_recall([(False, [], [["9", "10"]])]) is None
    assert conflict_precision([(True, NINE_OR_TEN, [])]) is None
    assert conflict_recall([]) is None
    assert conflict_precision([]) is None


def test_a_gold_conflict_of_one_value_is_an_error_of_the_gold() -> None:
    with pytest.raises(ValueError, match="at least two values, but this one has 1"):
        conflict_recall([(True, [["nine"]], [])])


@same_every_run
@given(st.permutations(["nine", "ten people", "eleven"]), st.permutations([*NINE_OR_TEN, ["eight"]]))
def test_the_order_of_values_does_not_matter(found: list[str], gold: list[list[str]]) -> None:
    assert conflict_recall([(True, gold, [found])]) == 1.0


# Follow-ups.


def test_the_gap_closed_by_resolving_a_follow_up() -> None:
    assert followup_gain(0.25, 0.25, 0.75) == 0.0
    assert followup_gain(0.25, 0.75, 0.75) == 1.0
    assert followup_gain(0.25, 0.125, 0.75) == -0.25, "resolving may do harm"
    assert followup_gain(0.25, 1.0, 0.75) == 1.5, "and may beat the person"


def test_no_gap_has_no_share() -> None:
    assert followup_gain(0.5, 0.75, 0.5) is None
    assert followup_gain(0.5, 0.75, 0.25) is None


# Intervals.


def test_the_interval_of_a_mean_is_about_two_standard_errors_either_way() -> None:
    values = [float(value) for value in range(200)]
    found = bootstrap(values, resamples=4000)
    error = float(np.std(values)) / sqrt(len(values))  # 4.08, so the interval is 99.5 - 8.0 to 99.5 + 8.0
    assert found == pytest.approx((99.5 - 1.96 * error, 99.5 + 1.96 * error), abs=0.5)
    middle_half = bootstrap(values, resamples=4000, level=0.5)
    assert middle_half == pytest.approx((99.5 - 0.67 * error, 99.5 + 0.67 * error), abs=0.5)


def test_a_higher_level_is_a_wider_interval() -> None:
    narrow = bootstrap([0.0, 1.0] * 20, level=0.5)
    wide = bootstrap([0.0, 1.0] * 20, level=0.99)
    assert narrow is not None
    assert wide is not None
    assert wide[0] < narrow[0] < 0.5 < narrow[1] < wide[1]


def test_values_that_are_absent_are_left_out() -> None:
    assert bootstrap([0.0, None, 1.0, 1.0]) == bootstrap([0.0, 1.0, 1.0])
    assert bootstrap([None, 1.0]) is None
    assert bootstrap([]) is None


def test_another_statistic_may_be_asked_for() -> None:
    assert bootstrap([1.0, 2.0, 9.0], statistic=lambda values: float(len(values))) == (3.0, 3.0)


def test_the_seed_and_nothing_else_decides_the_draw() -> None:
    values = [0.0, 0.25, 0.5, 1.0, 1.0, 0.0, 0.125]
    assert bootstrap(values, seed=1) == bootstrap(values, seed=1)
    assert bootstrap(values) == bootstrap(values, resamples=1000, level=0.95, seed=0)
    assert paired_difference(values, [0.0] * 7) == (sum(values) / 7, *(bootstrap(values) or ()))
    assert bootstrap(values, seed=1, resamples=50) != bootstrap(values, seed=2, resamples=50)


@pytest.mark.parametrize(("level", "resamples"), [(0.0, 10), (1.0, 10), (95, 10), (0.95, 0)])
def test_a_level_in_per_cent_or_no_resamples_is_refused(level: float, resamples: int) -> None:
    with pytest.raises(ValueError, match=r"level must lie|resamples must be"):
        bootstrap([0.0, 1.0], level=level, resamples=resamples)


def test_one_resample_is_an_interval_without_width() -> None:
    found = bootstrap([0.0, 1.0, 1.0], resamples=1)
    assert found is not None
    assert found[0] == found[1]


SHARES = st.lists(st.floats(0, 1, width=32), min_size=2, max_size=15)


@same_every_run
@given(SHARES, st.randoms())
def test_an_interval_lies_among_the_values_whatever_their_order(
    values: list[float], chance: random.Random
) -> None:
    found = bootstrap(values, resamples=50)
    assert found is not None
    assert min(values) - 1e-9 <= found[0] <= found[1] <= max(values) + 1e-9
    assert bootstrap(chance.sample(values, len(values)), resamples=50) == found


def test_paired_differences_leave_out_questions_only_one_side_has() -> None:
    found = paired_difference([1.0, None, 0.5, 1.0], [0.5, 1.0, None, 0.5])
    assert found == (0.5, 0.5, 0.5)
    assert paired_difference([1.0, None], [0.5, 1.0]) is None


def test_a_steady_small_lead_shows_in_pairs_where_it_drowns_in_the_means() -> None:
    b = [i / 100 for i in range(100)]
    a = [value + 0.01 + 0.005 * (-1) ** i for i, value in enumerate(b)]
    found, spread = paired_difference(a, b), bootstrap(b)
    assert found is not None
    assert spread is not None
    assert found[0] == pytest.approx(0.01)
    assert found[1] > 0
    assert spread[1] - spread[0] > 0.05


def test_two_runs_of_different_length_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired_difference([1.0, 0.0], [1.0])


@same_every_run
@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), min_size=2, max_size=15))
def test_swapping_the_two_turns_the_sign(pairs: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    forward, backward = paired_difference(a, b, resamples=50), paired_difference(b, a, resamples=50)
    assert forward is not None
    assert backward is not None
    assert forward[0] == pytest.approx(-backward[0], abs=1e-9)
    assert forward[0] == pytest.approx(float(np.mean(a) - np.mean(b)), abs=1e-6)
    assert forward[1] <= forward[2]
