"""Where the subject of a question ends and its verb begins, and which phrases stand where."""

from __future__ import annotations

import pytest

from rag.question.parse import parse
from rag.question.phrases import phrases, read


@pytest.mark.parametrize(
    ("question", "subject", "verb"),
    [
        ("Why did Tesla recall cars?", "Tesla", "recall"),  # and not "Tesla recall" doing something to cars
        ("When did the Tesla recall hurt sales?", "the Tesla recall", "hurt"),
        ("What did Rovers score last season?", "Rovers", "score"),
        ("Why did the score change last season?", "the score", "change"),
        ("Did the strike vote fail?", "the strike vote", "fail"),
        ("Did Brazil export soya to China?", "Brazil", "export"),
        ("Where did people shelter?", "people", "shelter"),  # a verb that no list has
        ("Did the death toll in Gaza rise?", "the death toll in Gaza", "rise"),
        ("By how much did shares in Ostmark fall on Friday?", "shares in Ostmark", "fall"),
        ("Did the Bank of England raise rates?", "the Bank of England", "raise"),
        ("how does the mls all star game work", "the mls all star game", "work"),
        ("why did velora motors recall vans?", "velora motors", "recall"),
        ("did doctor strange always have powers", "doctor strange", "have"),
        ("How many votes did he get?", "he", "get"),
        ("Where was he born?", "he", "born"),
        ("What's he doing?", "he", "doing"),
        ("Is the Tamarind line closed on Sundays?", "the Tamarind line", "closed"),
        ("why is the ship similar to an ark", "the ship", "similar"),
        ("Will the Karoo telescope be repaired?", "the Karoo telescope", "repaired"),
        ("Has Portugal approved the dengue vaccine?", "Portugal", "approved"),
        ("In Oslo, what did Iran say?", "Iran", "say"),
        ("And who was her rival?", "her rival", None),
        ("How fast were the winds of Cyclone Petra?", "the winds of Cyclone Petra", None),
        ("Why are nurses on strike?", "nurses", None),
        ("Who is Maud Tilling?", "Maud Tilling", None),
    ],
)
def test_the_verb_is_found_by_its_form_and_by_what_may_follow_it(
    question: str, subject: str, verb: str | None
) -> None:
    asked = parse(question)
    assert (asked.subject_text, asked.verb.text if asked.verb else None) == (subject, verb)
    assert not asked.asks_subject


@pytest.mark.parametrize(
    ("question", "asks", "verb"),
    [
        ("Who won the Tamsin Cup in 2022?", "Who", "won"),
        ("Which storm hit Cádiz?", "Which storm", "hit"),
        ("Which parties govern Eskerby?", "Which parties", "govern"),  # a verb that no list has
        ("How many people died when the ferry Aster sank?", "How many people", "died"),
        ("How many people were hurt on the ferry Aster?", "How many people", "hurt"),
        ("Who was elected mayor of Torrevasa?", "Who", "elected"),
        ("Who will win the cup?", "Who", "win"),
        ("Which town had the most snow?", "Which town", "had"),
        ("What causes wildfires?", "What", "causes"),
    ],
)
def test_a_question_phrase_that_is_the_subject_has_its_verb_behind_it(
    question: str, asks: str, verb: str
) -> None:
    asked = parse(question)
    assert asked.asks_subject
    assert asked.verb is not None
    assert (" ".join(word.text for word in asked.asks), asked.verb.text) == (asks, verb)
    assert asked.subject is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cars to the US last year", [("", "cars", False), ("to", "the US", False), ("", "last year", True)]),
        ("on 5 May in the final", [("on", "5 May", True), ("in", "the final", False)]),
        ("may fall in may", [("", "fall", True), ("in", "may", True)]),  # an auxiliary, and a month
        ("the museum and its roof", [("", "the museum and its roof", False)]),
        ("the ferry Aster, a ship", [("", "the ferry Aster", False), ("", "a ship", False)]),
        ("since before the war", [("since before", "the war", False)]),
        ("the late king", [("", "the late king", False)]),
        ("Dr. Ann Lee's book", [("", "Dr. Ann Lee's book", False)]),
        ("the year before", [("", "the year before", True)]),
    ],
)
def test_phrases_end_at_prepositions_times_and_marks(text: str, found: list[tuple[str, str, bool]]) -> None:
    said = read(text)
    there = phrases(text, said, 0, len(said))
    assert [(phrase.preposition, phrase.text, phrase.time) for phrase in there] == found


def test_what_is_no_question_has_phrases_and_no_more() -> None:
    told = parse("Prices in Oslo")
    assert not told.structured
    assert [phrase.text for phrase in told.phrases] == ["Prices", "Oslo"]
    assert parse("") == parse("?")
    assert not parse("").phrases
