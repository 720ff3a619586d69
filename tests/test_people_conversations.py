"""Conversations that the server keeps: nothing that was put is lost or written over, and nobody sees
another's.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from answers import DATED, abstained, answered, disputed, earlier_record, quoting
from conftest import evidence
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from rag.errors import CollectionError, QuestionError
from rag.people.conversations import Conversations, ConversationSummary, Exchange, Quota, title_of
from rag.people.store import People
from rag.surfaces.markup import answer_html
from rag.surfaces.record import record
from rag.types import Support

MARK = "the line of now"


def mark(_: str) -> str | None:
    return MARK


NOBODY = "this conversation does not exist. It may have been deleted; start a new one"
RECORD = {"question": "Who?", "text": "Iran. [1]"}


class Calendar:
    """A second passes at each look."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def people(tmp_path: Path, calendar: Calendar) -> Iterator[People]:
    people = People(tmp_path / "home", now=calendar)
    yield people
    people.close()


@pytest.fixture
def talk(people: People) -> Conversations:
    return people.conversations


def begun(talk: Conversations, question: str = "Who?", owner: str = "") -> Exchange:
    return talk.add_question(owner, question, "own", conversation=None, after=None)


def then(talk: Conversations, after: Exchange, question: str) -> Exchange:
    return talk.add_question("", question, "own", conversation=after.conversation, after=after.id)


def instead(talk: Conversations, of: Exchange, question: str) -> Exchange:
    return talk.add_question("", question, "own", conversation=of.conversation, after=of.after)


def questions(talk: Conversations, conversation: str) -> list[str]:
    return [e.question for e in talk.shown("", conversation).exchanges]


# Asking and answering


def test_a_question_is_kept_before_it_is_answered_and_its_answer_after_that(
    people: People, tmp_path: Path
) -> None:
    put = begun(people.conversations, " Who  struck first? ")
    second = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=1)
    assert put == Exchange(
        put.id, put.conversation, None, " Who  struck first? ", "own", {}, "asked", None, None, None, False, second, None, None,
        (put.id,),
    )  # fmt: skip
    people.close()
    again = People(tmp_path / "home", now=lambda: second + timedelta(seconds=5))
    assert again.conversations.exchange("", put.id) == put, "also when the server was killed in between"
    ended = again.conversations.answer("", put.id, RECORD)
    assert ended == replace(put, state="answered", record=RECORD, ended=second + timedelta(seconds=5))
    assert again.conversations.exchange("", put.id) == ended
    assert again.conversations.all("") == (
        ConversationSummary(
            put.conversation, "Who struck first?", "own", second, second + timedelta(seconds=5), None
        ),
    )
    again.close()


def test_what_failed_says_why_and_an_answer_is_final(talk: Conversations) -> None:
    failed, halted, done = begun(talk), begun(talk), begun(talk)
    assert (e := talk.fail("", failed.id, "The model is away.")).state == "failed"
    assert (e.why, e.record) == ("The model is away.", None)
    assert talk.stop("", halted.id).state == "stopped"
    assert talk.stop("", failed.id) == e, "what has ended is not ended otherwise"
    assert talk.fail("", halted.id, "x").state == "stopped"
    kept = talk.answer("", done.id, RECORD)
    for late in (
        talk.answer("", done.id, {"text": "another"}), talk.fail("", done.id, "x"), talk.stop("", done.id), talk.exchange("", done.id),
    ):  # fmt: skip
        assert late == kept
    for ended in (failed, halted):  # an answer that comes all the same is worth more than none
        late = talk.answer("", ended.id, RECORD)
        assert (late.state, late.record, late.why) == ("answered", RECORD, None)


def test_what_nobody_answers_any_more_is_told_so_when_the_server_starts(talk: Conversations) -> None:
    left, done = begun(talk), begun(talk, owner="ann")
    talk.answer("ann", done.id, RECORD)
    assert talk.interrupted("The server was stopped. Ask again.") == 1
    assert talk.interrupted("The server was stopped. Ask again.") == 0
    assert (talk.exchange("", left.id).state, talk.exchange("", left.id).why) == (
        "failed",
        "The server was stopped. Ask again.",
    )
    assert talk.exchange("ann", done.id).state == "answered"


@pytest.mark.parametrize(
    ("question", "said"),
    [("", "the question is empty. Enter one"), (" \n", "the question is empty. Enter one"),
     ("x" * 25_001, "the question is longer than 25,000 characters. Shorten it")],
)  # fmt: skip
def test_what_is_no_question_is_not_kept(talk: Conversations, question: str, said: str) -> None:
    with pytest.raises(QuestionError) as refused:
        begun(talk, question)
    assert (str(refused.value), talk.all("")) == (said, ())


def test_no_more_is_kept_of_one_owner_than_there_is_room_for(tmp_path: Path, calendar: Calendar) -> None:
    full = "your conversations have reached the limit of 1 MB"
    people = People(tmp_path / "home", now=calendar, quota=Quota(owner_bytes=1_000_000, reserve_bytes=0))
    talk = people.conversations
    talk.answer("", begun(talk, "é" * 10_000).id, {"text": "x" * 300_000})
    people.close()
    people = People(
        tmp_path / "home", now=calendar, quota=Quota(owner_bytes=1_000_000, reserve_bytes=0)
    )  # counts what the first has kept
    talk = people.conversations
    talk.answer("", begun(talk, "é" * 10_000).id, {"text": "é" * 320_000})
    for refused in (lambda: begun(talk, "x" * 20_000), lambda: talk.import_from_browser("", big())):
        with pytest.raises(CollectionError, match=full):
            refused()
    assert len(talk.all("")) == 2, "what was refused is not kept by half"
    assert begun(talk, "Why?", "ann").question == "Why?", "others have room of their own"
    for conversation in talk.all(""):
        talk.delete("", conversation.id)
    with pytest.raises(CollectionError, match=full):
        begun(talk, "x" * 20_000)
    talk.purge(calendar())
    assert begun(talk, "x" * 20_000).state == "asked"
    people.close()


def big() -> dict[str, Any]:
    found = {**earlier_record(answered(), "own"), "text": "x" * 20_000}
    return {
        "conversations": [
            {
                "id": "big",
                "title": "Big",
                "exchanges": [{"asked": "Who?", "collection": "own", "found": found}],
            }
        ]
    }


def test_where_the_disk_is_nearly_full_no_more_is_kept_and_answers_that_were_asked_for_are(
    talk: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = begun(talk)
    usage = shutil.disk_usage("/")._replace(total=100_000_000_000, free=500_000_499)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    for refused in (lambda: begun(talk), lambda: talk.import_from_browser("", big())):
        with pytest.raises(CollectionError) as told:
            refused()
        assert str(told.value) == "the disk is nearly full: 500 MB must stay free. Free some space"
    assert talk.answer("", put.id, RECORD).state == "answered"
    assert len(talk.all("")) == 1


def test_text_that_cannot_be_stored_is_cleaned_wherever_it_comes_in(people: People, tmp_path: Path) -> None:
    talk, bad = people.conversations, "a\x00b\ud800c😀"
    put = talk.add_question(bad, bad, bad, conversation=None, after=None)
    assert (put.question, put.collection) == ("a\ufffdb\ufffdc😀", "a\ufffdb\ufffdc😀")
    assert talk.answer(bad, put.id, {bad: [bad, (1, 2.5, None, True, {"x": bad})]}).record == {
        "a\ufffdb\ufffdc😀": ["a\ufffdb\ufffdc😀", [1, 2.5, None, True, {"x": "a\ufffdb\ufffdc😀"}]]
    }
    other = talk.add_question(bad, "x", "own", conversation=put.conversation, after=put.id)
    assert talk.fail(bad, other.id, bad).why == "a\ufffdb\ufffdc😀"
    talk.rename(bad, put.conversation, bad)
    assert talk.all(bad)[0].title == "a\ufffdb\ufffdc😀"
    people.settings.set(bad, "wording", bad)
    assert people.settings.get(bad) == {"wording": "a\ufffdb\ufffdc😀"}
    people.sessions.start(bad, MARK)
    people.sessions.end_all(bad)
    assert (people.sessions.account_of(bad, mark), people.tokens.find("clip_" + bad)) == (None, None)
    for method in (talk.shown, talk.exchange, talk.show_version, talk.delete, talk.restore):
        with pytest.raises(CollectionError, match="this conversation does not exist"):
            method("", bad)
    assert talk.shown(bad, put.conversation).exchanges[0].id == put.id


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 10**30, b"x", {1: "x"}, {"x": {1, 2}}], ids=repr
)
def test_a_record_that_is_not_json_is_refused_and_the_question_stays(talk: Conversations, value: Any) -> None:
    put = begun(talk)
    with pytest.raises(ValueError, match="cannot be stored as JSON"):
        talk.answer("", put.id, {"x": value})
    nested: list[Any] = []
    for _ in range(100):
        nested = [nested]
    with pytest.raises(ValueError, match="cannot be stored as JSON"):
        talk.answer("", put.id, {"x": nested})
    assert talk.exchange("", put.id) == put


def test_a_long_question_is_cut_at_a_word_for_a_title() -> None:
    assert title_of("who struck " * 20) == "who struck who struck who struck who struck who struck who …"


# Versions


def test_editing_a_question_keeps_the_earlier_one_with_all_that_followed_it(talk: Conversations) -> None:
    first = begun(talk, "Who?")
    second = then(talk, first, "When?")
    third = then(talk, second, "Why?")
    edited = instead(talk, second, "Where?")
    assert questions(talk, first.conversation) == ["Who?", "Where?"]
    assert [e.versions for e in talk.shown("", first.conversation).exchanges] == [
        (first.id,),
        (second.id, edited.id),
    ]
    shown = talk.show_version("", second.id)
    assert shown == talk.shown("", first.conversation)
    assert [e.id for e in shown.exchanges] == [first.id, second.id, third.id]
    again = instead(talk, first, "Who?")
    assert [(e.id, e.versions) for e in talk.shown("", first.conversation).exchanges] == [
        (again.id, (first.id, again.id))
    ]
    assert [e.id for e in talk.show_version("", first.id).exchanges] == [first.id, edited.id]
    assert talk.all("")[0].title == "Who?"


def test_a_version_is_shown_with_what_was_put_last_below_it(talk: Conversations) -> None:
    first = begun(talk, "1")
    left = then(talk, first, "2")
    below = then(talk, left, "3")
    right = instead(talk, left, "2b")
    assert [e.id for e in talk.show_version("", first.id).exchanges] == [first.id, right.id], (
        "the newest leaf"
    )
    assert [e.id for e in talk.show_version("", left.id).exchanges] == [first.id, left.id, below.id]
    newest = then(talk, below, "4")
    talk.show_version("", right.id)
    assert [e.id for e in talk.show_version("", first.id).exchanges] == [
        first.id,
        left.id,
        below.id,
        newest.id,
    ]


def test_two_tabs_that_go_on_from_the_same_exchange_make_two_versions(talk: Conversations) -> None:
    first = begun(talk)
    one, two = then(talk, first, "When?"), then(talk, first, "Why?")
    assert two.versions == (one.id, two.id)
    talk.answer("", one.id, RECORD)
    assert questions(talk, first.conversation) == ["Who?", "Why?"], "an answer does not change what is shown"
    assert talk.exchange("", one.id).versions == (one.id, two.id)


def test_an_exchange_follows_only_one_of_its_own_conversation(talk: Conversations) -> None:
    one, two = begun(talk), begun(talk)
    for conversation, after in [
        (one.conversation, two.id),
        (None, two.id),
        (one.conversation, "x"),
        ("x", None),
        ("x", one.id),
    ]:
        with pytest.raises(CollectionError) as refused:
            talk.add_question("", "And?", "own", conversation=conversation, after=after)
        assert str(refused.value) == NOBODY
    assert len(talk.all("")) == 2


# Order


def test_conversations_are_listed_by_when_something_was_last_asked_or_answered(talk: Conversations) -> None:
    one, two, three = begun(talk, "1"), begun(talk, "2"), begun(talk, "3")
    assert [c.title for c in talk.all("")] == ["3", "2", "1"]
    then(talk, two, "x")
    talk.answer("", one.id, RECORD)
    talk.rename("", three.conversation, "  Three \n times ")
    talk.show_version("", three.id)
    talk.judge("", one.id, "right")
    assert [c.title for c in talk.all("")] == ["1", "2", "Three times"]
    with pytest.raises(QuestionError, match="the title is empty"):
        talk.rename("", three.conversation, " \n")
    assert talk.all("")[2].title == "Three times"


def test_a_deleted_conversation_is_out_of_sight_until_it_is_taken_back_or_purged(
    talk: Conversations, calendar: Calendar
) -> None:
    kept, gone = begun(talk, "kept"), begun(talk, "gone")
    before = talk.shown("", gone.conversation)
    talk.delete("", gone.conversation)
    assert [c.title for c in talk.all("")] == ["kept"]
    assert [(c.title, c.deleted) for c in talk.all("", deleted=True)] == [("gone", calendar.now)]
    for attempt in (
        lambda: talk.shown("", gone.conversation), lambda: talk.exchange("", gone.id), lambda: then(talk, gone, "x"),
        lambda: instead(talk, gone, "x"), lambda: talk.show_version("", gone.id), lambda: talk.rename("", gone.conversation, "x"),
        lambda: talk.delete("", gone.conversation), lambda: talk.judge("", gone.id, "right"),
    ):  # fmt: skip
        with pytest.raises(CollectionError, match="this conversation does not exist"):
            attempt()
    answer = talk.answer("", gone.id, RECORD)  # it was being made
    talk.restore("", gone.conversation)
    talk.restore("", gone.conversation)
    assert talk.shown("", gone.conversation) == replace(before, updated=answer.ended, exchanges=(answer,))
    talk.delete("", gone.conversation)
    deleted = calendar.now
    assert talk.purge(deleted) == 0
    assert talk.purge(deleted + timedelta(microseconds=1)) == 1
    with pytest.raises(CollectionError, match="this conversation does not exist"):
        talk.restore("", gone.conversation)
    with pytest.raises(CollectionError, match="this conversation does not exist"):
        talk.answer("", gone.id, RECORD)
    assert [c.id for c in talk.all("")] == [kept.conversation]
    assert talk.exchange("", kept.id) == kept


def test_a_purge_takes_every_version_and_leaves_nothing_behind(people: People, calendar: Calendar) -> None:
    talk = people.conversations
    first = begun(talk)
    instead(talk, then(talk, first, "x"), "y")
    talk.delete("", first.conversation)
    assert talk.purge(calendar.now + timedelta(days=1)) == 1
    with people._database.reading() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM exchanges").scalar_one() == 0
        assert db.exec_driver_sql("PRAGMA foreign_key_check").all() == []


# Whose


def test_another_owner_sees_nothing_and_changes_nothing(talk: Conversations, calendar: Calendar) -> None:
    mine = begun(talk, owner="ann")
    talk.answer("ann", mine.id, RECORD)
    talk.judge("ann", mine.id, "right")
    before = talk.shown("ann", mine.conversation)
    for other in ("bob", "", "ANN", "ann "):
        for id in (mine.id, "0" * 16):
            for attempt in (
                lambda o=other, i=id: talk.exchange(o, i), lambda o=other, i=id: talk.answer(o, i, RECORD),
                lambda o=other, i=id: talk.fail(o, i, "x"), lambda o=other, i=id: talk.stop(o, i),
                lambda o=other, i=id: talk.show_version(o, i), lambda o=other, i=id: talk.judge(o, i, "wrong"),
            ):  # fmt: skip
                with pytest.raises(CollectionError) as refused:
                    attempt()
                assert str(refused.value) == NOBODY, "the same, whether it is another's or nobody's"
        for id in (mine.conversation, "0" * 16):
            for attempt in (
                lambda o=other, i=id: talk.shown(o, i), lambda o=other, i=id: talk.rename(o, i, "x"),
                lambda o=other, i=id: talk.delete(o, i), lambda o=other, i=id: talk.restore(o, i),
                lambda o=other, i=id: talk.add_question(o, "x", "own", conversation=i, after=None),
                lambda o=other, i=id: talk.add_question(o, "x", "own", conversation=i, after=mine.id),
            ):  # fmt: skip
                with pytest.raises(CollectionError) as refused:
                    attempt()
                assert str(refused.value) == NOBODY
        assert (talk.all(other), talk.all(other, deleted=True)) == ((), ())
        theirs = begun(talk, owner=other)
        with pytest.raises(CollectionError):
            talk.add_question(other, "x", "own", conversation=theirs.conversation, after=mine.id)
        talk.delete(other, theirs.conversation)
    assert talk.shown("ann", mine.conversation) == before
    assert [c.id for c in talk.all("ann")] == [mine.conversation]


# Verdicts


def test_only_an_answer_that_was_given_here_can_be_judged(talk: Conversations) -> None:
    asked, done = begun(talk), begun(talk)
    talk.answer("", done.id, RECORD)
    with pytest.raises(QuestionError, match="the verdict must be one of right, wrong, missing"):
        talk.judge("", done.id, "splendid")
    with pytest.raises(QuestionError, match=r"there is no answer to rate yet. Wait for it"):
        talk.judge("", asked.id, "right")
    with pytest.raises(CollectionError, match="this conversation does not exist"):
        talk.judge("", "x", "right")
    assert talk.judge("", done.id, "right").verdict == "right"
    judged = talk.judge("", done.id, "missing")
    assert (judged.verdict, judged) == ("missing", talk.exchange("", done.id))
    assert judged.judged > judged.ended


def test_all_verdicts_are_there_for_evaluation_in_the_order_of_asking(
    talk: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.people.conversations._BATCH_SIZE", 2)
    put = [begun(talk, f"{n}?", owner=("", "ann")[n % 2]) for n in range(7)]
    for e, owner in zip(put, ("", "ann") * 4, strict=False):
        talk.answer(owner, e.id, RECORD)
    for n in (5, 0, 1, 2, 3):
        talk.judge(("", "ann")[n % 2], put[n].id, "wrong")
    talk.delete("ann", put[3].conversation)
    assert [(e.question, e.verdict, e.record) for e in talk.verdicts()] == [
        (f"{n}?", "wrong", RECORD) for n in (0, 1, 2, 5)
    ]


# What earlier versions stored


def test_an_answer_of_an_earlier_version_is_read_in_the_form_of_today(talk: Conversations) -> None:
    reworded = answered("Iran was the first that struck.")
    assert reworded.sentences[0].support is Support.CHECK
    for answer in (answered(notice="Slow.", withheld=("It rained.",)), disputed(), reworded):
        put = begun(talk)
        talk.answer("", put.id, earlier_record(answer, "own"))
        assert talk.exchange("", put.id).record == record(answer, "own")


def test_what_clippings_had_worded_by_itself_is_no_longer_read_as_said_by_a_model(
    talk: Conversations,
) -> None:
    """Without a model nobody else can have said it. With one, nothing tells who did."""
    alone, beside = answered(withheld=("Iran lost.",)), answered(notice="Slow.", withheld=("Iran lost.",))
    assert alone.trace.answerer == beside.trace.answerer == "extract"
    read = []
    for answer in (alone, beside):
        put = begun(talk)
        read.append(talk.answer("", put.id, earlier_record(answer)).record)
    assert [r["withheld"] for r in read if r] == [[], ["Iran lost."]]


# What browsers kept


def held(key: str, question: str, found: Any, verdict: str = "") -> dict[str, Any]:
    return {"key": key, "asked": question, "collection": "own", "found": found, "verdict": verdict}


def shelf() -> dict[str, Any]:
    """As a page of before kept it, the newest conversation first."""
    return {
        "current": "b",
        "conversations": [
            {"id": "b", "title": "Where?", "exchanges": [held("3", "Where?", earlier_record(disputed(), "own"))]},
            {"id": "a", "title": "Two strikes", "exchanges": [
                held("1", "Who?", earlier_record(answered(), "own"), "right"), held("2", "Why?", earlier_record(abstained(evidence()))),
            ]},
        ],
    }  # fmt: skip


def test_what_a_browser_kept_is_taken_over_once(talk: Conversations) -> None:
    before = begun(talk, "Before")
    kept = json.loads(json.dumps(shelf()))
    assert talk.import_from_browser("", kept) == 2
    assert [c.title for c in talk.all("")] == ["Where?", "Two strikes", "Before"]
    shown = talk.shown("", talk.all("")[1].id)
    assert [(e.question, e.state, e.verdict, e.imported) for e in shown.exchanges] == [
        ("Who?", "answered", "right", True), ("Why?", "answered", None, True),
    ]  # fmt: skip
    assert [e.record for e in shown.exchanges] == [record(answered(), "own"), record(abstained(evidence()))]
    assert [e.after for e in shown.exchanges] == [None, shown.exchanges[0].id]
    with pytest.raises(QuestionError, match="this answer was imported"):
        talk.judge("", shown.exchanges[0].id, "wrong")
    assert list(talk.verdicts()) == []
    went_on = then(talk, shown.exchanges[1], "And then?")
    assert talk.import_from_browser("", kept) == 0
    talk.delete("", talk.all("")[1].id)
    assert talk.import_from_browser("", kept) == 0, "also after it was deleted"
    assert len(talk.all("")) + len(talk.all("", deleted=True)) == 3
    assert talk.import_from_browser("ann", kept) == 2, "another's browser may have kept the same"
    assert talk.exchange("", went_on.id) == went_on
    assert talk.exchange("", before.id) == before


@pytest.mark.parametrize(
    "answer",
    [
        answered("Iran struck first.", "slow", ("x",)),
        abstained(evidence()),
        disputed(),
        quoting(DATED, DATED.text[12:]),
    ],
)
def test_every_record_that_the_page_makes_is_taken_over(talk: Conversations, answer: Any) -> None:
    found = json.loads(json.dumps(earlier_record(answer, "own")))
    assert (
        talk.import_from_browser(
            "",
            {
                "current": "",
                "conversations": [{"id": "c", "title": " ", "exchanges": [held("1", "Who?", found)]}],
            },
        )
        == 1
    )
    (only,) = talk.shown("", talk.all("")[0].id).exchanges
    assert (only.record, talk.all("")[0].title) == (record(answer, "own"), "Who?")


def spoiled() -> Iterator[tuple[str, Any]]:
    """Records with one value of each place replaced, left out, or added."""
    whole = json.loads(json.dumps(earlier_record(disputed(), "own")))

    def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        yield path
        for key, item in (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        ):
            yield from places(item, (*path, key))

    def changed(path: tuple[Any, ...], change: Any) -> Any:
        copy = json.loads(json.dumps(whole))
        at = copy
        for key in path[:-1]:
            at = at[key]
        change(at, path[-1])
        return copy

    for path in places(whole):
        if path:
            yield f"another kind at {path}", changed(path, lambda at, key: at.__setitem__(key, {"x": 1}))
            if isinstance(path[-1], str) and path[-1] != "page":
                yield f"nothing at {path}", changed(path, lambda at, key: at.__delitem__(key))
        yield (
            f"more at {path}",
            changed(
                (*path, "extra"),
                lambda at, key: (
                    at.__setitem__(key, 1)
                    if isinstance(at, dict)
                    else at.append(None)
                    if isinstance(at, list)
                    else None
                ),
            ),
        )
    for path, value in [
        (("citations", 0, "support"), "<script>"), (("citations", 0, "number"), "1"), (("citations", 0, "number"), True),
        (("citations", 0, "start"), -1), (("citations", 0, "article", "published"), '2024-01-01" onclick="x'),
        (("citations", 0, "article", "published"), "20240101"), (("sentences", 0, "citations", 0), 99), (("conflicts", 0, "claims", 0, "number"), 99),
    ]:  # fmt: skip
        yield f"{value} at {path}", changed(path, lambda at, key, value=value: at.__setitem__(key, value))


def test_a_record_of_another_form_is_left_out_and_counted_and_what_is_kept_can_be_shown(
    talk: Conversations, caplog: pytest.LogCaptureFixture
) -> None:
    good = json.loads(json.dumps(earlier_record(disputed(), "own")))
    bad = [found for _, found in spoiled() if found != good]
    assert len(bad) > 100
    exchanges = [held(str(n), f"{n}?", found) for n, found in enumerate([*bad, good])]
    with caplog.at_level(logging.WARNING, logger="clippings"):
        assert (
            talk.import_from_browser(
                "", {"conversations": [{"id": "c", "title": "x", "exchanges": exchanges}]}
            )
            == 1
        )
    assert questions(talk, talk.all("")[0].id) == [f"{len(bad)}?"]
    assert [r.getMessage() for r in caplog.records] == [
        f"{len(bad)} entries of a browser's conversations are malformed and were skipped"
    ]
    (only,) = talk.shown("", talk.all("")[0].id).exchanges
    assert answer_html(only.record or {}, only.question)


def test_entries_that_are_none_are_left_out_and_the_others_taken_over(
    talk: Conversations, caplog: pytest.LogCaptureFixture
) -> None:
    found = earlier_record(answered())
    whole = shelf()
    whole["conversations"][1:1] = [
        None, 7, [], {}, {"id": 1, "title": "x", "exchanges": []}, {"id": "x" * 201, "title": "x", "exchanges": []},
        {"id": "c", "title": None, "exchanges": []}, {"id": "d", "title": "x", "exchanges": {}}, {"id": "e", "title": "x", "exchanges": []},
        {"id": "f", "title": "x", "exchanges": [None, held("1", " ", found), {**held("1", "x", found), "asked": None}, {**held("1", "x", found), "collection": "x" * 201}]},
    ]  # fmt: skip
    whole["conversations"][-1]["exchanges"].insert(1, {**held("9", "Odd verdict?", found), "verdict": ["x"]})
    with caplog.at_level(logging.WARNING, logger="clippings"):
        assert talk.import_from_browser("", whole) == 2
    assert [c.title for c in talk.all("")] == ["Where?", "Two strikes"]
    assert [(e.question, e.verdict) for e in talk.shown("", talk.all("")[1].id).exchanges] == [
        ("Who?", "right"), ("Odd verdict?", None), ("Why?", None),
    ]  # fmt: skip
    assert caplog.records[-1].getMessage().startswith("13 entries of a browser's conversations are malformed")


def nested() -> dict[str, Any]:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"x": deep}
    return deep


@pytest.mark.parametrize(
    ("what", "said"),
    [(None, "this is not a list of conversations from the browser"), ([], "this is not a list of conversations from the browser"),
     ({"conversations": {}}, "this is not a list of conversations from the browser"), ({"conversations": {1, 2}}, "this is not a list of conversations from the browser"),
     (nested(), "this is not a list of conversations from the browser"),
     ({"conversations": [{}] * 1_001}, "at most 1,000 conversations or 10 MB can be imported at once"),
     ({"conversations": [], "current": "é" * 5_000_000}, "at most 1,000 conversations or 10 MB can be imported at once")],
    ids=["none", "a list", "no list", "no JSON", "deep", "many", "large"],
)  # fmt: skip
def test_what_is_no_shelf_or_too_large_is_refused(talk: Conversations, what: Any, said: str) -> None:
    with pytest.raises(QuestionError) as refused:
        talk.import_from_browser("", what)
    assert (str(refused.value), talk.all("")) == (said, ())


# Many at once


def test_threads_that_put_and_answer_at_once_lose_nothing(tmp_path: Path) -> None:
    people = People(tmp_path / "home")
    talk, faults = people.conversations, []
    # They take turns: nobody depends on SQLite's own waiting, which may keep one waiting too long.
    sa.event.listen(people._database._engine, "connect", lambda c, _: c.execute("PRAGMA busy_timeout=0"))
    first = begun(talk)
    start = threading.Barrier(8)

    def work(number: int) -> None:
        try:
            start.wait()
            last = begun(talk, f"{number}.0", owner=str(number))
            for n in range(1, 6):
                then(talk, first, f"{number}.{n}")  # all go on from the same exchange
                talk.answer(str(number), last.id, {"text": f"{number}.{n - 1}"})
                last = talk.add_question(
                    str(number), f"{number}.{n}", "own", conversation=last.conversation, after=last.id
                )
                talk.shown(str(number), last.conversation)
                talk.all("")
        except Exception as exc:
            faults.append(exc)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    for n in range(8):
        (own,) = talk.all(str(n))
        assert [(e.question, e.record) for e in talk.shown(str(n), own.id).exchanges] == [
            *((f"{n}.{m}", {"text": f"{n}.{m}"}) for m in range(5)), (f"{n}.5", None),
        ]  # fmt: skip
    _, head = talk.shown("", first.conversation).exchanges
    assert {talk.exchange("", id).question for id in head.versions} == {
        f"{n}.{m}" for n in range(8) for m in range(1, 6)
    }
    people.close()


# Whatever is done


class Talking(RuleBasedStateMachine):
    """Two people, each with two tabs or more that know only what they were shown; beside it a list of all
    that was put.
    """

    exchanges = Bundle("exchanges")
    aside = Bundle("aside")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.people = People(Path(self.folder.name) / "home")
        self.talk = self.people.conversations
        self.put: dict[str, tuple[str, Exchange]] = {}  # by id: the owner, and what was put, in order
        self.heads: dict[str, str] = {}
        self.away: set[str] = set()

    def teardown(self) -> None:
        self.everything_can_be_reached()
        self.people.close()
        self.folder.cleanup()

    def _do(self, conversation: str, action: Any) -> Any:
        """What comes of it; where the conversation is deleted, a refusal."""
        if conversation not in self.away:
            return action()
        with pytest.raises(CollectionError, match="this conversation does not exist"):
            action()
        return None

    def _added(self, owner: str, new: Exchange | None) -> str | None:
        if new is None:
            return None
        self.put[new.id] = (owner, new)
        self.heads[new.conversation] = new.id
        return new.id

    @precondition(lambda self: len(self.heads) < 3)  # few and deep
    @rule(target=exchanges, owner=st.sampled_from(["", "ann"]), question=st.text(max_size=5))
    def begin(self, owner: str, question: str) -> str | None:
        return self._added(
            owner, self.talk.add_question(owner, question + "?", "own", conversation=None, after=None)
        )

    @rule(target=exchanges, at=exchanges)
    def go_on(self, at: str | None) -> str | None:
        if at is None:
            return None
        owner, e = self.put[at]
        return self._added(
            owner,
            self._do(
                e.conversation,
                lambda: self.talk.add_question(owner, "on?", "own", conversation=e.conversation, after=at),
            ),
        )

    @rule(target=exchanges, at=exchanges)
    def ask_again(self, at: str | None) -> str | None:
        if at is None:
            return None
        owner, e = self.put[at]
        return self._added(
            owner,
            self._do(
                e.conversation,
                lambda: self.talk.add_question(
                    owner, "again?", "own", conversation=e.conversation, after=e.after
                ),
            ),
        )

    @rule(at=exchanges, how=st.sampled_from(["answer", "fail", "stop"]))
    def end(self, at: str | None, how: str) -> None:
        if at is None:
            return
        owner, e = self.put[at]
        now = {
            "answer": lambda: self.talk.answer(owner, at, RECORD),
            "fail": lambda: self.talk.fail(owner, at, "x"),
            "stop": lambda: self.talk.stop(owner, at),
        }[how]()
        final = e.state == "answered" or (e.state != "asked" and how != "answer")
        assert now.state == (
            e.state if final else {"answer": "answered", "fail": "failed", "stop": "stopped"}[how]
        )
        self.put[at] = (owner, now)

    @rule(at=exchanges)
    def show_version(self, at: str | None) -> None:
        if at is None:
            return
        owner, e = self.put[at]
        if self._do(e.conversation, lambda: self.talk.show_version(owner, at)):
            below = {at}
            for id, (_, other) in self.put.items():
                if other.after in below:
                    below.add(id)
            self.heads[e.conversation] = [id for id in self.put if id in below][-1]

    @rule(target=aside, at=exchanges)
    def delete(self, at: str | None) -> str | None:
        if at is None:
            return None
        owner, e = self.put[at]
        self._do(e.conversation, lambda: self.talk.delete(owner, e.conversation))
        self.away.add(e.conversation)
        return at

    @rule(at=consumes(aside))
    def undelete(self, at: str | None) -> None:
        if at is None:
            return
        owner, e = self.put[at]
        self.talk.restore(owner, e.conversation)
        self.away.discard(e.conversation)

    @rule(at=exchanges)
    def another_sees_nothing(self, at: str | None) -> None:
        if at is not None:
            with pytest.raises(CollectionError, match="this conversation does not exist"):
                self.talk.exchange({"": "ann", "ann": ""}[self.put[at][0]], at)

    @invariant()
    def what_is_shown_is_the_way_to_the_head(self) -> None:
        for conversation, head in self.heads.items():
            if conversation in self.away:
                continue
            way: list[str] = []
            at: str | None = head
            while at is not None:
                way.insert(0, at)
                at = self.put[at][1].after
            shown = self.talk.shown(self.put[head][0], conversation).exchanges
            assert [e.id for e in shown] == way
            for e in shown:
                _, known = self.put[e.id]
                beside = tuple(
                    i
                    for i, (_, o) in self.put.items()
                    if (o.conversation, o.after) == (conversation, e.after)
                )
                assert e == replace(known, versions=beside)
        listed = {c.id for owner in ("", "ann") for c in self.talk.all(owner)}
        assert listed == self.heads.keys() - self.away

    def everything_can_be_reached(self) -> None:
        """By what the page offers: undo of a deletion, and another version of what is shown."""
        for owner in ("", "ann"):
            for gone in self.talk.all(owner, deleted=True):
                self.talk.restore(owner, gone.id)
            seen: set[str] = set()
            for conversation in self.talk.all(owner):
                waiting = [self.talk.shown(owner, conversation.id)]
                tried: set[str] = set()
                while waiting:
                    for e in waiting.pop().exchanges:
                        seen.add(e.id)
                        for version in set(e.versions) - tried:
                            tried.add(version)
                            waiting.append(self.talk.show_version(owner, version))
            assert seen == {id for id, (whose, _) in self.put.items() if whose == owner}


TestTalking = Talking.TestCase
# Shrinking takes minutes where every step is written to a disk: add Phase.shrink to look into a failure.
TestTalking.settings = settings(
    max_examples=10,
    stateful_step_count=25,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
