"""Questions of a conversation, made to stand alone: what is filled in, from which turn, and what is left alone."""

from __future__ import annotations

import pytest

from rag.followup import standalone
from rag.types import Turn

KIRBY = Turn("Who is John Kirby?", "A White House spokesman.")
PRICES = Turn("What did inflation do in April?", "It rose.")
STRIKE = Turn("Why did Iran strike Pakistan?", "Iran targeted Jaish al-Adl.")


def asked(question: str, *history: Turn) -> str:
    return standalone(question, history)


@pytest.mark.parametrize("question", ["And in May?", "Why?", "When did he speak?", "What about it?", ""])
def test_without_a_conversation_a_question_is_left_as_it_is(question: str) -> None:
    assert asked(question) == question


@pytest.mark.parametrize(
    "question",
    [
        "Who struck first?",
        "And who replied first?",
        "What did the White House say about it?",  # a name stands before the pronoun
        "Why did Iran say it struck?",
        "Is it true?",  # "it" stands for nothing
        "Was it likely to rain?",
        "Who said that Iran struck?",  # "that" begins a clause
        "Who said that?",  # what was said is no name
        "What did that strike hit?",  # "that" belongs to "strike"
        "What did this hit?",
        "And the price of oil in all of the years since the war began?",  # too long for a fragment
        "After the strike?",
        "And?",
        "?",
        "",
    ],
)
def test_a_question_that_stands_alone_or_cannot_be_completed_is_left_as_it_is(question: str) -> None:
    assert asked(question, STRIKE) == question


# Fragments.


@pytest.mark.parametrize(
    ("fragment", "whole"),
    [
        ("And in May?", "What did inflation do in May?"),
        ("and in May", "What did inflation do in May?"),
        ("What about May?", "What did inflation do in May?"),
        ("But how about in the summer of 2023?", "What did inflation do in the summer of 2023?"),
        ("Or on Monday?", "What did inflation do in April on Monday?"),  # no "on" to be replaced
        ("And after the strike?", "What did inflation do in April after the strike?"),
        ("and wages?", "What did inflation do in April, and wages?"),
        ("So what about the price of oil?", "What did inflation do in April, and the price of oil?"),
        ("But why?", "Why: what did inflation do in April?"),
        ("Why?", "Why: what did inflation do in April?"),
        ("How much", "How much: what did inflation do in April?"),
    ],
)
def test_a_fragment_is_put_into_the_last_question(fragment: str, whole: str) -> None:
    assert asked(fragment, PRICES) == whole


def test_a_name_takes_the_place_of_the_first_name() -> None:
    assert asked("What about Matthew Miller?", KIRBY) == "Who is Matthew Miller?"
    assert asked("And Iraq?", STRIKE) == "Why did Iraq strike Pakistan?"


def test_only_the_place_that_is_asked_for_is_replaced() -> None:
    last = Turn("Who met in the Baltic Sea in May 2023?", "Nobody.")
    assert asked("And in Iceland?", last) == "Who met in Iceland in May 2023?"
    assert asked("And in winter?", Turn("What rose in the summer?", "Rents.")) == "What rose in winter?"


def test_two_words_of_asking_are_a_fragment_and_three_are_a_question() -> None:
    assert asked("And why so?", PRICES) == "Why so: what did inflation do in April?"
    assert asked("And why did oil?", PRICES) == "And why did oil?"


# Pronouns.


@pytest.mark.parametrize(
    ("question", "whole"),
    [
        ("When did he speak?", "When did John Kirby speak?"),
        ("What is HIS view?", "What is John Kirby’s view?"),
        ("Who asked him?", "Who asked John Kirby?"),
        ("Whose view is his?", "Whose view is John Kirby?"),
        ("Did he say why he left?", "Did John Kirby say why he left?"),
        ("and when did he speak?", "and when did John Kirby speak?"),
    ],
)
def test_a_pronoun_stands_for_the_name_of_the_last_turn(question: str, whole: str) -> None:
    assert asked(question, KIRBY) == whole


@pytest.mark.parametrize(
    ("pronoun", "turn", "name"),
    [
        ("it", STRIKE, "Iran"),
        ("they", STRIKE, "Iran"),
        ("it", Turn("Where did the Bank of England meet?", "In London."), "Bank of England"),
        ("he", Turn("Did President Joe Biden speak?", "Yes. In Iowa."), "Joe Biden"),  # less the title
        ("he", Turn("What did Iran tell Matthew Miller?", "Nothing."), "Matthew Miller"),  # a person has two names
        ("she", Turn("What did Truss tell Kwarteng?", "Nothing."), "Truss"),  # or one, where nobody has two
        ("they", Turn("Who struck first?", "Iran did. Pakistan replied."), "Iran"),  # who was asked for
        ("it", Turn("what happened?", "Then Tehran’s forces fired."), "Tehran"),  # without the possessive
        ("it", Turn("Who hosted Iran?", "Oman did."), "Iran"),  # the question names it itself
    ],
)
def test_what_a_pronoun_stands_for(pronoun: str, turn: Turn, name: str) -> None:
    assert asked(f"When did {pronoun} speak?", turn) == f"When did {name} speak?"


@pytest.mark.parametrize(
    "turn", [PRICES, Turn("What fell on Monday?", "In May it did."), Turn("who leads?", "no one"), Turn("", "")]
)
def test_a_pronoun_with_nothing_to_stand_for_is_left_and_no_month_is_put_in_its_place(turn: Turn) -> None:
    assert asked("When did it fall?", turn) == "When did it fall?"


def test_a_follow_up_uses_the_newest_of_21_turns() -> None:
    older = [Turn(f"Who is Person {chr(65 + i)}?", "An official.") for i in range(20)]
    assert standalone("When did he speak?", [*older, KIRBY]) == "When did John Kirby speak?"
    assert standalone("And in May?", [*older, PRICES]) == "What did inflation do in May?"


def test_a_turn_that_names_nobody_is_passed_over_for_the_one_before() -> None:
    assert asked("When did he speak?", Turn("Who is Ann Lee?", "x"), KIRBY, Turn("Who said so?", "no one")) == (
        "When did John Kirby speak?"
    )


def test_a_hostile_question_is_answered_in_its_time() -> None:
    import time

    began = time.process_time()
    for hostile in ("and " * 500, "that " * 400, "A" * 2_000, "A of " * 400, "what about " * 180 + "?"):
        asked(hostile[:2_000], STRIKE)
        asked("When did he speak?", Turn(hostile, hostile))
        asked("And in May?", Turn(hostile, hostile))
    assert time.process_time() - began < 5
