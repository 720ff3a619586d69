"""Notices of correction: what an article takes back is no answer and carries no sentence."""

from __future__ import annotations

import pytest
from conftest import article, evidence
from test_extract import Pointing, drafted

from rag.answer.check import Checker
from rag.answer.corrections import corrections
from rag.types import Claim, DraftSentence

pytestmark = pytest.mark.slow  # the bundled judge

TOWER = "Clarification: A previous version of this report gave the height of the tower as 120 metres. The tower is 102 metres high."
NOTE = "Editor's note: An earlier version of this article said that the choir had 60 members; it has 45."


def released(text: str, source: str) -> bool:
    return Checker(evidence(article(source))).check(DraftSentence(text, (Claim(1),))) is not None


@pytest.mark.parametrize(
    ("notice", "wrong"),
    [
        ("(Corrects profit to 12.5 million euros, not 21 million, in paragraph 2)", ["21 million"]),
        (
            "This article was amended on 4 June to remove a claim that the dam had cracked.",
            ["the dam had cracked"],
        ),
        (
            "An earlier version of this story misspelled a name. She is Ana Ruíz, not Anna Reis.",
            ["Anna Reis"],
        ),
        (TOWER, ["120 metres"]),
        ("Editor's note: the caption was changed from Lake Garda to Lake Como.", ["Lake Garda"]),
        (NOTE, ["the choir had 60 members"]),
        ("The bank corrected its forecast on Monday, not Tuesday.", []),
        ("The council said an earlier version of the plan was better.", []),
    ],
)
def test_a_notice_is_told_from_news_of_corrections(notice: str, wrong: list[str]) -> None:
    assert [each.words for found in corrections(notice) for each in found.wrong] == wrong


def test_a_notice_ends_with_its_paragraph_and_before_a_dateline() -> None:
    text = f"{NOTE}\nThe choir sang. It won."
    assert [(c.start, c.end) for c in corrections(text)] == [(0, len(NOTE))]
    text = (
        "CORRECTS name of captain to Falk, not Volk. KOTKA - Captain Rasmus Falk was fined. It was not much."
    )
    assert [text[c.start : c.end] for c in corrections(text)] == [
        "CORRECTS name of captain to Falk, not Volk."
    ]


@pytest.mark.parametrize(
    ("text", "carried"),
    [
        ("The choir had 60 members.", False),
        ("The choir has 45 members.", True),
        ("An earlier version of this article said that the choir had 60 members.", True),
        ("The choir sang in Lahti with 60 members.", False),  # in the article itself
        ("The choir sang in Lahti.", True),
    ],
)
def test_what_was_wrong_is_said_only_with_the_correction(text: str, carried: bool) -> None:
    assert released(text, f"The choir sang in Lahti with 60 members.\n\n{NOTE}") is carried


def test_nothing_of_a_retracted_article_is_said() -> None:
    story = "The drug cured nine mice in Basel."
    assert released(story, story)
    assert not released(story, f"{story}\n\nThis article has been retracted.")


def test_the_corrected_value_is_the_answer_and_the_notice_is_shown_whole() -> None:
    story = article(f"The choir sang in Lahti with 60 members.\n\n{NOTE}")
    reader = Pointing({"60": 9.0, "45": 2.0})
    found = drafted("How many members did the choir have?", story, reader=reader)
    assert found == [
        DraftSentence("45.", (Claim(1, NOTE),), "45"),
        DraftSentence(NOTE, (Claim(1, NOTE),)),
    ]


def test_without_a_corrected_value_the_notice_stands_alone() -> None:
    story = article(f"The choir sang in Lahti with 60 members.\n\n{NOTE}")
    found = drafted("How many members did the choir have?", story, reader=Pointing({"60": 9.0}))
    assert found == [DraftSentence(NOTE, (Claim(1, NOTE),))]
