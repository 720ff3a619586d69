"""What is shown: everything an article says, and nothing of it obeyed."""

from __future__ import annotations

import json
from datetime import date
from types import SimpleNamespace

import pytest
from answers import DATED, STORY, abstained, answered, disputed, quoting
from conftest import article, evidence

from rag.surfaces import render
from rag.types import Evidence, Failure, IngestReport, Plan


def test_the_terminal_shows_the_answer_its_source_its_words_and_where_they_stand() -> None:
    assert render.answer_text(answered(), asked="Who struck first?") == (
        "Iran struck first. [1]\n"
        "\n"
        "[1] Iran struck first. — Dawn, 20 January 2024\n"
        "    “Iran struck first.”\n"
        "    a, characters 0–18 (quoted)\n"
        "\n"
        "Sentences: 1 quoted"
    )


def test_the_question_as_understood_is_shown_where_it_differs() -> None:
    assert render.answer_text(answered(), asked="And who?").startswith(
        "Understood as: Who struck first?\n\nIran"
    )


def test_an_abstention_shows_what_came_closest_and_calls_it_that() -> None:
    assert render.answer_text(abstained(evidence(STORY))) == (
        "The articles do not answer this.\n"
        "\n"
        "The closest passages (they do not answer it):\n"
        "- Iran struck first. — Dawn, 20 January 2024: Iran struck first. Pakistan replied."
    )
    assert render.answer_text(abstained(Evidence())) == "The articles do not answer this."


def test_what_a_model_said_beyond_the_articles_is_listed_apart() -> None:
    text = render.answer_text(answered(notice="The model is slow.", withheld=("It rained.",)))
    assert text.endswith(
        "Claimed by the model, but not found in the articles:\n- It rained.\n\nNote: The model is slow."
    )


def test_json_holds_every_field_of_the_answer() -> None:
    whole = json.loads(render.answer_json(answered()))
    assert list(whole) == [
        "question", "text", "sentences", "citations", "evidence", "filters", "conflicts", "abstained", "withheld", "notice", "trace",
        "unanswered", "counts",
    ]  # fmt: skip
    assert whole["sentences"] == [
        {
            "text": "Iran struck first.", "citations": whole["citations"], "short": None, "lead": "", "layout": None,
            "support": "quoted",
        }
    ]  # fmt: skip
    assert whole["counts"] == {
        "quoted": 1, "supported": 0, "check": 0, "withheld": 0, "text": "Sentences: 1 quoted",
    }  # fmt: skip
    assert whole["citations"] == [
        {
            "number": 1,
            "article": {
                "id": "a", "version": STORY.version, "label": "Iran struck first.", "url": None, "title": None, "source": "Dawn",
                "author": None, "published": "2024-01-20", "language": None, "group": None, "also": [],
            },
            "start": 0, "end": 18, "quote": "Iran struck first.", "support": "quoted", "page": None, "dates": [],
        }
    ]  # fmt: skip


def test_the_terminal_shows_the_days_that_are_meant_below_the_words_that_say_them() -> None:
    answer = quoting(DATED, "Iran struck late\non Tuesday, its worst strike this month, and on Tuesday only.")
    assert render.answer_text(answer).splitlines()[2:] == [
        "[1] It is over. — Dawn, 18 January 2024",
        "    “Iran struck late on Tuesday, its worst strike this month, and on Tuesday only.”",
        "    on Tuesday = 16 January 2024; this month = January 2024",
        "    a, characters 12–90 (quoted)",
        "",
        "Sentences: 1 quoted",
    ]


def test_json_places_the_days_that_are_meant_in_the_article() -> None:
    quote = "late\non Tuesday, its worst strike this month"
    answer = quoting(DATED, quote)
    whole = json.loads(render.answer_json(answer))
    assert whole["citations"][0]["quote"] == quote
    assert whole["citations"][0]["dates"] == [
        {"start": 29, "end": 39, "words": "on Tuesday", "first": "2024-01-16", "last": "2024-01-16"},
        {"start": 58, "end": 68, "words": "this month", "first": "2024-01-01", "last": "2024-01-31"},
    ]
    assert DATED.text[29:39] == "on Tuesday"
    assert whole["sentences"][0]["citations"] == whole["citations"]


def test_the_words_around_a_quote_say_which_day_it_means() -> None:
    ahead = article(
        "Pakistan will vote, or so we hear; it will vote on Friday. It rained.",
        "b",
        published=date(2024, 1, 18),
    )
    answer = quoting(ahead, "vote on Friday")
    (moment,) = render.dates(answer.citations[0], answer.evidence)
    assert (moment.start, moment.shown) == (ahead.text.index("on Friday"), "19 January 2024")


def test_without_a_day_of_publication_no_day_is_shown() -> None:
    undated = article("Iran struck on Tuesday.", "a")
    answer = quoting(undated, "Iran struck on Tuesday.")
    assert render.dates(answer.citations[0], answer.evidence) == ()
    assert "=" not in render.answer_text(answer)


def test_the_terminal_lays_what_disagrees_side_by_side_and_says_what_is_not_answered() -> None:
    assert render.answer_text(disputed()).split("\n\n[1]")[0] == (
        "The strike killed seven. [1] Later: At least nine were killed, <b>officials</b> said.\n"
        "[2]\n"
        "\n"
        "The sources disagree: How many were killed?\n"
        "- seven: The strike killed seven. — Dawn, 18 January 2024 [1]\n"
        "- At least nine: At least nine were killed, <b>officials</b> said. — VOA, date unknown\n"
        "  [2]\n"
        "\n"
        "The articles do not say: and <who> did it?"
    )


def test_escape_sequences_in_an_article_do_not_reach_the_terminal() -> None:
    hostile = article("Iran \x1b[2Jstruck\x07 first\u202e.", "a")
    assert render.terminal_safe(hostile.text) == "Iran [2Jstruck first."


def test_a_report_counts_everything_and_names_every_failure() -> None:
    report = IngestReport(
        ("a", "b"),
        ("c",),
        (),
        ("d",),
        (Failure("x.txt", "it is empty"),),
        (("d", "new.txt"),),
        ("odd letters",),
        7,
        2,
    )
    assert render.report_text(report) == (
        "2 added, 1 replaced, 0 removed, 1 unchanged, 1 failed; 7 passages written; 2 passages of an interrupted run finished\n"
        "moved: d is now read from new.txt\n"
        "warning: odd letters\n"
        "failed: x.txt: it is empty"
    )
    assert (
        render.report_text(Plan(added=("a",)), planned=True)
        == "Dry run: 1 added, 0 replaced, 0 removed, 0 unchanged, 0 failed"
    )


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert render.listing_text([("a", "1"), ("bbb", "22")], ("ID", "N")) == "ID   N\na    1\nbbb  22"


@pytest.mark.parametrize(
    ("done", "passages", "share", "seconds", "told"),
    [
        (10, 500, 0.25, 10.0, "10 of 40 articles, 500 passages, 50 per second, about 30 seconds left"),
        (10, 500, 0.25, 100.0, "10 of 40 articles, 500 passages, 5 per second, about 5 minutes left"),
        (0, 0, 0.0, 1.0, "0 of 40 articles, 0 passages"),  # nobody can tell yet
        (40, 900, 1.0, 100.0, "40 of 40 articles, 900 passages"),
        (10, 500, 0.25, 0.0, "10 of 40 articles, 500 passages"),
    ],
)
def test_progress_says_how_fast_and_how_long_still(
    done: int, passages: int, share: float, seconds: float, told: str
) -> None:
    step = SimpleNamespace(done=done, total=40, passages=passages, share=share)
    assert render.progress_text(step, seconds) == told
