"""Questions that gather from many articles, told from those that only hold a word of such a question."""

from __future__ import annotations

import pytest

from rag.question.gathering import Gathering, gathering


def form(question: str) -> str | None:
    found = gathering(question)
    return str(found.form) if found else None


@pytest.mark.parametrize(
    "question",
    [
        "Summarise what the minister said in March",
        "sum up the trial of Ann Lee",
        "Give me an overview of the budget talks",
        "Could you please give me a short summary of the match?",
        "Overview of quantum computing this year",
        "COULD YOU SUMMARIZE THE COURT'S RULING?",
        "What are the main points of the report on bees?",
        "I'd like a brief rundown of the strikes",
        "Hello, can you sum up Norvik's results for me please?",
        "What was the gist of her speech",
        "Would you mind summarising the hearing?",
        "TL;DR of the merger",
        "Please recap the final",
    ],
)
def test_a_summary_is_asked_for(question: str) -> None:
    assert form(question) == "summary"


@pytest.mark.parametrize(
    "question",
    [
        "Timeline of the strikes between Iran and Pakistan",
        "Give me a timeline of the hunt for the prisoner",
        "What happened when in the Teixeira case?",
        "chronology of the merger",
        "How did the scandal at the bank unfold?",
        "List the trial's hearings in chronological order",
        "What was the sequence of events before the crash?",
        "Draw up a chronological list of the eruptions",
        "I need a timeline for the bridge's repair",
        "Summarise the season chronologically",
        "In which order did the ministers resign?",
    ],
)
def test_a_timeline_is_asked_for(question: str) -> None:
    assert form(question) == "timeline"


@pytest.mark.parametrize(
    "question",
    [
        "Compare what Iran and Pakistan said about the strikes",
        "How do the accounts of the crash differ?",
        "Differences between the two vaccines",
        "What is the difference between the two bills?",
        "How does Delaware's law compare with Ohio's?",
        "Contrast the union's and the company's demands",
        "In what ways do the studies of coffee disagree?",
        "where do Kis and Lee disagree?",
        "Can you compare Rovers' season with United's?",
        "how different were the two verdicts",
        "Are there any discrepancies between the witnesses?",
    ],
)
def test_a_comparison_is_asked_for(question: str) -> None:
    assert form(question) == "comparison"


@pytest.mark.parametrize(
    "question",
    [
        "List all articles that mention bees",
        "Which companies recalled cars?",
        "which people were charged",
        "In which towns did it snow?",
        "Name the ministers who resigned",
        "Could you name all the winners of the cup?",
        "Would you mind listing the drugs that were approved?",
        "Give me a list of drugs that were approved",
        "What films came out in May?",
        "Who are the candidates for mayor?",
        "Name three reasons for the delay",
        "WHICH ARTICLES SPEAK OF TARIFFS?",
        "list Pakistani cities that were hit",
        "What are the main demands of the union?",
        "Is there a list of the dead?",
        "List who testified",
    ],
)
def test_a_list_is_asked_for(question: str) -> None:
    assert form(question) == "list"


@pytest.mark.parametrize(
    "question",
    [
        "What did the summary say?",
        "Who compared the two bills?",
        "Which list did he publish?",
        "Which country struck first?",
        "Which two cities were hit?",
        "What happened when the dam broke?",
        "What happened in Karvel?",
        "How did the pastor compare the law to apartheid?",
        "When was the timeline published?",
        "Who wrote the overview of the case?",
        "What does the overview effect mean?",
        "List prices rose by how much?",
        "What is the list price of the car?",
        "Name the minister who resigned",
        "Can you name the winner?",
        "Who are the Houthis?",
        "Which Rovers player scored?",
        "Which sales manager resigned?",
        "Which is better?",
        "Which of the teams won?",
        "What news is there from Oslo?",
        "The list of winners was printed when?",
        "Did the court summarise the evidence?",
        "How much did prices differ?",
        "Why do studies of coffee disagree?",
        "Don't summarise, who won?",
        "What difference did the law make?",
        "What outline did the architect draw?",
        "Describe the storm",
        "Who named the storm?",
        "Were the highlights shown on television?",
    ],
)
def test_a_question_that_only_holds_such_a_word_gathers_nothing(question: str) -> None:
    assert gathering(question) is None


@pytest.mark.parametrize(
    ("question", "topic", "sides"),
    [
        ("Could you please list all articles that mention Ann Lee?", "that Ann Lee", ()),
        ("How do the accounts of the crash differ?", "the of the crash", ()),
        ("List the hearings of the trial in chronological order", "the hearings of the trial", ()),
        ("Summarise the articles", "the articles", ()),  # there is nothing else to look for
        ("Compare what Kis and Lee said about the Oslo talks", "Kis and Lee said about the Oslo talks", ("Kis", "Lee")),
        ("How does Delaware's law compare with Ohio's?", "Delaware's law with Ohio's", ("Delaware", "Ohio")),
        ("Compare the demands of the union", "the demands of the union", ()),
        ("Summarise what Kis and Lee said", "Kis and Lee said", ()),  # a summary has no sides
    ],
)  # fmt: skip
def test_what_is_looked_for_has_no_word_of_the_form(
    question: str, topic: str, sides: tuple[str, ...]
) -> None:
    found = gathering(question)
    assert found == Gathering(found.form, topic, sides) if found else False
