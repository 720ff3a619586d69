"""What a question asks for, told from its words: a wrong part or kind would answer something else."""

from __future__ import annotations

import pytest

from rag.question.parts import (
    Kind,
    Part,
    decided,
    kind_of,
    parts_of,
    qualified,
    reversed_roles,
    tells_of_the_opposite,
    worded,
)


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Who struck first?", ["Who struck first?"]),
        ("Who struck first, and whom did they target?", ["Who struck first", "whom did they target?"]),
        ("Who struck first and when?", ["Who struck first", "when?"]),
        ("Who struck first? When did they?", ["Who struck first", "When did they?"]),
        ("Who struck; AND WHY was it?", ["Who struck", "WHY was it?"]),
        ("What do Iran and Pakistan say?", ["What do Iran and Pakistan say?"]),
        ("What do Iran and whoever else say?", ["What do Iran and whoever else say?"]),
        (
            "How many died, how many were hurt, and in which city?",
            ["How many died", "how many were hurt", "in which city?"],
        ),
        (
            "On what day and to which city did she go?",
            ["On what day did she go?", "to which city did she go?"],
        ),
        ("Tell me when it began, and where.", ["Tell me when it began, and where."]),
        ("Did Iran strike, and whom did it hit?", ["Did Iran strike", "whom did it hit?"]),
        ("  Why?  ", ["Why?"]),
        ("", []),
    ],
)
def test_a_question_is_parted_where_it_asks_again(question: str, parts: list[str]) -> None:
    assert [part.question for part in parts_of(question)] == parts


@pytest.mark.parametrize(
    ("question", "rest", "speaker"),
    [
        ("According to Kirby, which country struck first?", "which country struck first?", "Kirby"),
        ("Which country struck first, according to John Kirby?", "Which country struck first?", "John Kirby"),
        ("Why, in Ali Vaez's view, might Iran strike?", "Why might Iran strike?", "Ali Vaez"),
        ("Which event did it hide, says the expert?", "Which event did it hide?", "the expert"),
        ("Which country is in accord with Iran?", "Which country is in accord with Iran?", None),
    ],
)
def test_whose_word_is_asked_for(question: str, rest: str, speaker: str | None) -> None:
    assert [(part.question, part.speaker) for part in parts_of(question)] == [(rest, speaker)]


@pytest.mark.parametrize("letters", [1, 2, 40, 41, 60, 61])
@pytest.mark.parametrize(
    ("question", "most"),
    [
        ("According to {}, who won?", 60),
        ("Who won, according to {}?", 60),
        ("Who won, says {}?", 60),
        ("Why, in {}'s view, did it fall?", 40),
    ],
)
def test_a_speaker_has_two_letters_at_least_and_as_many_as_a_long_name(
    question: str, most: int, letters: int
) -> None:
    name = "K" * letters
    found = parts_of(question.format(name))[0].speaker
    assert found == (name if 2 <= letters <= most else None)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        (f"What did {'K' * 59} say?", Kind.SENTENCE),
        (f"What did {'K' * 60} say?", Kind.WORDS),
        (f"What is {'K' * 39} role in it?", Kind.ACCOUNT),
        (f"What is {'K' * 40} role in it?", Kind.WORDS),
        ("Which new old countries won?", Kind.LIST),
        ("Which big new old countries won?", Kind.WORDS),
    ],
    ids=["view", "longer", "role", "a longer one", "two adjectives", "three"],
)
def test_what_stands_between_the_words_of_a_question_is_short(question: str, kind: Kind) -> None:
    assert kind_of(question) is kind


@pytest.mark.parametrize(
    ("kind", "questions"),
    [
        (
            Kind.WORDS,
            [
                "Who struck first?",
                "How many died?",
                "In what year was it?",
                "What is the men's record?",
                "wher was he",
            ],
        ),
        (
            Kind.LIST,
            [
                "Which two cities host officers?",
                "Which countries sold jets?",
                "What are the names?",
                "Name the cities.",
            ],
        ),
        (
            Kind.SENTENCE,
            [
                "Why did it burn?",
                "How does it work?",
                "What did Miller say about protests?",
                "Quote Miller on tensions.",
            ],
        ),
        (Kind.DECIDE, ["Is Pakistan an ally?", "Did China mediate?", "Hasn't it ended?"]),
        (
            Kind.ACCOUNT,
            [
                "What happened?",
                "Summarise the dispute.",
                "Tell me about the groups.",
                "What are the risks of war?",
            ],
        ),
    ],
)
def test_what_kind_of_answer_is_wanted(kind: Kind, questions: list[str]) -> None:
    assert {question: kind_of(question) for question in questions} == dict.fromkeys(questions, kind)


@pytest.mark.parametrize(
    ("question", "bare"),
    [("What happened?", True), ("Summarise the articles.", True), ("What happened in Panjgur?", False)],
)
def test_a_bare_question_names_nothing_to_look_for(question: str, bare: bool) -> None:
    assert Part(question, Kind.ACCOUNT).bare is bare


@pytest.mark.parametrize(
    ("question", "bare"),
    [
        ("What's new?", True), ("What is going on?", True), ("WHAT HAPPENED?", True), ("What happened in the US?", False),
        ("Tell me about the WHO", False), ("According to Kirby, what happened?", False),
    ],
)  # fmt: skip
def test_capitals_and_speakers_are_names_too(question: str, bare: bool) -> None:
    assert [part.bare for part in parts_of(question)] == [bare]


@pytest.mark.parametrize(
    ("question", "events"),
    [
        ("What happened in Gwadar?", True), ("What’s new?", True), ("Summarise the articles", True),
        ("What are the consequences of the new law?", False), ("Tell us what the minister thinks", False),
        ("Who happened to be there?", False),
    ],
)  # fmt: skip
def test_an_account_is_of_events_or_of_something_else(question: str, events: bool) -> None:
    assert [part.of_events for part in parts_of(question)] == [events]


@pytest.mark.parametrize(
    ("question", "words", "said"),
    [
        ("Who struck first?", "Iran", "Iran struck first."),
        (
            "Who announced war on the state of Pakistan?",
            "the Army",
            "The Army announced war on the state of Pakistan.",
        ),
        ("Which country recalled its envoy?", "Iraq", "Iraq recalled its envoy."),
        ("WHO STRUCK PAKISTAN FIRST?", "Iran", "Iran."),  # nobody knows which of its words have a capital
        ("Who struck first?", "They were struck first by Iran", "Iran struck first."),
        ("WHO STRUCK FIRST?", "They were struck first by Iran", "Iran."),
        ("Who killed the mayor?", "He was not killed by Hill’s men", "He was not killed by Hill’s men."),
        ("Who killed the mayor?", "He may have been killed by Hill", "He may have been killed by Hill."),
        (
            "Who killed the mayor?",
            "The mayor’s wife and three others were killed by Hill",
            "The mayor’s wife and three others were killed by Hill.",
        ),
        ("Who killed the mayor?", "The mayor had been killed by Hill", "Hill killed the mayor."),
        ("Who struck first?", "the two old towns were struck by Iran", "Iran struck first."),
        (  # five words before "were" may say more than who it was
            "Who struck first?",
            "the two very old towns were struck by Iran",
            "The two very old towns were struck by Iran.",
        ),
        ("Who struck first?", "They were targeted first by Iran", "They were targeted first by Iran."),
        ("Who shot the mayor?", "a man shot him", "A man shot him."),  # which has said it already
        ("Whom did Iran target?", "Jaish al-Adl", "Jaish al-Adl."),  # the answer is not the subject
        ("Who was killed?", "two children", "Two children."),  # "was" agrees with one
        ("Who is the envoy?", "Ann Lee", "Ann Lee."),
        ("Which film won?", "Up!", "Up! won."),
        ("How many died?", "at least nine people,", "At least nine people."),
        ("Where?", "in the U.S.", "In the U.S."),
        ("Who struck first?", " ; ", ""),
    ],
)
def test_a_short_answer_is_worded_with_the_question_only_where_that_is_safe(
    question: str, words: str, said: str
) -> None:
    assert worded(question, words) == said


@pytest.mark.parametrize(
    ("question", "text", "words", "whole"),
    [
        ("How many died?", "killing at least nine people", "nine people", "at least nine people"),
        ("How many died?", "that killed more than 90 people", "90 people", "more than 90 people"),
        ("How much did it cost?", "it cost about $3bn", "$3bn", "about $3bn"),
        ("How many died?", "killing nine people", "nine people", "nine people"),
        ("How many died?", "it was over. Nine died", "Nine", "Nine"),
        ("Who died?", "at least nine people", "nine people", "nine people"),
    ],
)
def test_a_quantity_keeps_its_qualifier(question: str, text: str, words: str, whole: str) -> None:
    start = text.index(words)
    assert text[qualified(question, text, start) : start + len(words)] == whole


@pytest.mark.parametrize(
    ("question", "sentence", "verdict"),
    [
        (
            "Did Iraq recall its ambassador?",
            "Iraq has recalled its ambassador from Iran for consultations.",
            True,
        ),
        ("Does Pakistan have nuclear weapons?", "Pakistan has nuclear weapons.", True),
        ("Did Iraq recall its ambassador?", "Iraq has not recalled its ambassador.", False),
        ("Did Iraq recall its ambassador?", "Iraq never recalled its ambassador.", False),
        ("Did Iraq recall its ambassador?", "Iraq threatened to recall its ambassador.", None),  # not done
        ("Did Iraq recall its ambassador?", "Iraq said it recalled its ambassador.", None),  # somebody's word
        ("Did Iraq recall its ambassador?", "“Iraq recalled its ambassador.”", None),
        ("Did Iran strike Pakistan?", "Pakistan did strike Iran.", None),  # the other way round
        (
            "Did Iran strike Pakistan?",
            "Iran held a summit in the spring while a storm did strike Pakistan.",
            None,
        ),
        ("Did Iran strike Pakistan?", "Iran did quickly, quietly strike Pakistan.", True),
        ("Did Iran strike Pakistan?", "Iran did quickly, quietly, boldly strike Pakistan.", None),
        ("Did Iran strike Pakistan?", "Iran struck, and Pakistan too.", None),  # "struck" is not "strike"
        ("Did Iraq not recall its ambassador?", "Iraq recalled its ambassador.", None),
        ("Did Iraq recall its ambassador?", "Iraq recalled its ambassador, but not its consul.", None),
        ("Is it over?", "It is over.", None),  # one word is not enough to go by
    ],
)
def test_yes_and_no_are_said_only_where_the_words_leave_no_choice(
    question: str, sentence: str, verdict: bool | None
) -> None:
    assert decided(question, sentence) is verdict


@pytest.mark.parametrize(
    ("sentence", "opposite"),
    [
        ("Pakistan responded with strikes that killed nine.", True),  # whom it was done to does it
        ("Pakistan’s own air force hit a camp.", True),
        ("The next day Pakistan launched strikes.", True),
        ("Pakistan was struck on Tuesday.", False),
        ("Pakistan said it struck nobody.", False),  # what it says is not what it does
        ("Pakistan said Iran struck its territory on Tuesday.", False),
        ("Pakistan accused Iran of striking a village.", False),
        ("Pakistan was hit by missiles that Iran fired.", False),
        ("Pakistan, hit by missiles, mourned.", False),
        ("Pakistan fired on camps hit by Iran.", False),
        ("Two died in strikes on Pakistan.", False),  # a name after a preposition does nothing
        ("Iran killed two, and Pakistan responded.", False),
        ("Pakistan responded after Iran struck.", False),  # one clause of the two
        ("Nine died.", False),
    ],
)
def test_a_sentence_tells_of_the_opposite_where_whom_it_was_done_to_does_it(
    sentence: str, opposite: bool
) -> None:
    assert tells_of_the_opposite("How many did Iran's strikes on Pakistan kill?", sentence) is opposite


def test_roles_are_known_only_where_the_question_names_both() -> None:
    sentence = "Pakistan responded with strikes."
    assert reversed_roles("When did Iran strike Pakistan?", sentence, 0)
    assert not reversed_roles("When did Iran strike?", sentence, 0)
    assert not reversed_roles("Who struck Pakistan?", sentence, 0)
    assert not reversed_roles(
        "How many did Iran kill on Wednesday?", "Wednesday responded to Iran.", 0
    )  # no day does anything
