"""Conversations as the page shows them: what stands under a question, whatever has become of it, and the file
that is saved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from answers import abstained, answered, earlier_record
from conftest import evidence

from rag.errors import QuestionError
from rag.people.conversations import Exchange
from rag.people.store import People
from rag.surfaces.conversation import (
    PartialAnswer,
    QuestionOptions,
    exchange_html,
    exported,
    partial_html,
    reply_html,
    stream_answer,
    turns_of,
)
from rag.surfaces.record import record
from rag.types import Filters, Step, Turn


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    people = People(tmp_path / "home")
    yield people
    people.close()


def put(
    people: People,
    question: str,
    conversation: str | None = None,
    after: str | None = None,
    collection: str = "own",
) -> Exchange:
    return people.conversations.add_question("", question, collection, conversation=conversation, after=after)


class Asked:
    """An assistant that says what it is told to."""

    def __init__(self, *events: Any) -> None:
        self.events, self.given = events, {}

    def stream(self, question: str, history: Any, **options: Any) -> Iterator[Any]:
        self.given = {"question": question, "history": history, **options}
        for event in self.events:
            if isinstance(event, Exception):
                raise event
            yield event


# While it is answered


def test_an_answer_grows_by_its_sentences_and_ends_as_a_record(people: People) -> None:
    whole = answered()
    assistant = Asked(Step("retrieve", "searching <5> articles"), whole.sentences[0], whole)
    turns = [Turn("Who?", "Iran.")]
    grown = list(
        stream_answer(
            lambda _: assistant,
            put(people, "Who struck first?"),
            turns,
            QuestionOptions(("Dawn",), "2024-01-01", "", False),
        )
    )
    assert [(g.step, g.record is not None, g.error) for g in grown] == [
        ("searching <5> articles", False, ""), ("searching <5> articles", False, ""), ("", True, ""),
    ]  # fmt: skip
    assert partial_html(grown[0]) == '<p class="step" role="status">searching &lt;5&gt; articles…</p>'
    assert "Iran struck first." in grown[1].sentences
    assert grown[2].record == record(whole, "own")
    assert assistant.given == {
        "question": "Who struck first?", "history": turns, "use_model": False,
        "filters": Filters(after=date(2024, 1, 1), sources=("Dawn",)),
    }  # fmt: skip


def test_what_is_refused_is_told_and_what_was_not_foreseen_is_logged(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = put(people, "?!")
    assert list(
        stream_answer(lambda _: Asked(QuestionError("no word")), exchange, [], QuestionOptions())
    ) == [PartialAnswer(error="no word")]
    (told,) = stream_answer(lambda _: Asked(), exchange, [], QuestionOptions(after="yesterday"))
    assert told.error.startswith("'yesterday' is not a date")
    (told,) = stream_answer(lambda _: Asked(RuntimeError("secret")), exchange, [], QuestionOptions())
    assert told.error == "Something went wrong. The server's log has the details. Ask again."
    assert "secret" in caplog.text


def test_what_was_asked_of_other_articles_is_no_turn(people: People) -> None:
    first = put(people, "Who struck?")
    people.conversations.answer("", first.id, record(answered()))
    second = put(people, "And then?", first.conversation, first.id, "demo")
    people.conversations.answer("", second.id, record(answered()))
    third = put(people, "Why?", first.conversation, second.id)
    last = put(people, "When?", first.conversation, third.id)  # the third was never answered
    before = people.conversations.before("", last.id)
    assert [e.id for e in before] == [first.id, second.id, third.id]
    assert turns_of(before, "own") == [Turn("Who struck first?", "Iran struck first. [1]")]
    assert turns_of(before, "demo") == turns_of(before[1:], "demo") != []


# What stands under a question


def test_a_question_that_was_not_answered_says_so_and_can_be_asked_again(people: People) -> None:
    exchange = put(people, "Who <b>struck</b>?")
    assert reply_html(exchange) == (
        '<p class="notice">Not answered: it was stopped, or the page was closed, before the answer was complete.</p>'
    )
    assert reply_html(exchange, running=True) == '<p class="step" role="status">answering…</p>'
    shown = exchange_html(exchange)
    assert "Who &lt;b&gt;struck&lt;/b&gt;?" in shown
    assert 'data-act="again"' in shown
    assert "versions" not in shown
    failed = people.conversations.fail("", exchange.id, "the disk is <full>")
    assert reply_html(failed) == '<p class="abstained">the disk is &lt;full&gt;</p>'


def test_an_answer_can_be_judged_where_it_was_given_here(people: People) -> None:
    exchange = put(people, "Why?")
    exchange = people.conversations.answer("", exchange.id, record(abstained(evidence())))
    assert 'data-act="verdict"' in reply_html(exchange)
    shelf = {"current": "c", "conversations": [{"id": "c", "title": "T", "exchanges": [
        {"key": "1", "asked": "Why?", "collection": "own", "found": earlier_record(answered()), "verdict": ""}]}]}  # fmt: skip
    assert people.conversations.import_from_browser("", shelf) == 1
    (taken,) = [c for c in people.conversations.all("") if c.title == "T"]
    (old,) = people.conversations.shown("", taken.id).exchanges
    assert "Iran struck first." in reply_html(old)
    assert 'data-act="verdict"' not in reply_html(old)


def test_versions_of_a_question_are_counted_and_lead_to_each_other(people: People) -> None:
    first = put(people, "Who?")
    second = put(people, "Who struck?", first.conversation, None)
    third = put(people, "Who struck first?", first.conversation, None)
    middle = exchange_html(people.conversations.exchange("", second.id))
    assert f'data-key="{first.id}" aria-label="Earlier version">' in middle
    assert " 2 of 3 " in middle
    assert f'data-key="{third.id}" aria-label="Later version">' in middle
    newest = exchange_html(people.conversations.exchange("", third.id))
    assert 'data-act="version" disabled aria-label="Later version">' in newest


# What leaves the page


def test_a_conversation_is_saved_as_it_is_shown(people: People) -> None:
    first = put(people, "Who struck first?")
    people.conversations.answer("", first.id, record(answered()))
    put(people, "And why?", first.conversation, first.id)
    shown = people.conversations.shown("", first.conversation)
    name, kind, text = exported(shown, "markdown")
    assert (name, kind) == ("conversation.md", "text/markdown")
    assert text.startswith("# Who struck first?\n\n**Who struck first?**\n\nIran struck first.[^1]")
    assert "And why?" not in text, "it has no answer"
    name, kind, text = exported(shown, "json")
    assert (name, kind, [e["asked"] for e in json.loads(text)["exchanges"]]) == (
        "conversation.json", "application/json", ["Who struck first?"],
    )  # fmt: skip
