"""Tokens, sessions and settings: what a secret stands for, until when, and nothing after that."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

import app
from rag.errors import CollectionError, ConfigError
from rag.people.store import People
from rag.people.tokens import Token

MARK = "the line of now"


def mark(_: str) -> str | None:
    return MARK


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Calendar:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def people(tmp_path: Path, calendar: Calendar) -> Iterator[People]:
    people = People(tmp_path / "home", now=calendar)
    yield people
    people.close()


def noted(people: People, column: str, table: str) -> list[str]:
    with people._database.reading() as db:
        return [str(value)[:16] for value in db.exec_driver_sql(f"SELECT {column} FROM {table}").scalars()]


# Tokens


def test_a_token_is_found_by_its_secret_until_it_is_revoked(people: People, calendar: Calendar) -> None:
    reader, writer = people.tokens.add("the desk’s bot", True), people.tokens.add("archive", False)
    assert re.fullmatch(r"clip_[\w-]{43}", reader)
    assert reader != writer
    plain = Token("the desk’s bot", True, NOON, None)
    calendar.now += timedelta(days=400)
    assert people.tokens.find(reader) == plain
    used = replace(plain, last_used=calendar.now)
    assert people.tokens.all() == (Token("archive", False, NOON, None), used)
    calendar.now += timedelta(seconds=59)
    assert people.tokens.find(reader) == used
    assert people.tokens.find(reader) == used, "a use is noted once a minute"
    calendar.now += timedelta(seconds=1)
    people.tokens.find(reader)
    assert people.tokens.find(reader) == replace(plain, last_used=calendar.now)
    people.tokens.revoke("the desk’s bot")
    assert people.tokens.find(reader) is None
    assert people.tokens.all() == (Token("archive", False, NOON, None),)
    for other in (
        "",
        "clip_",
        reader,
        writer[:-1],
        writer + "x",
        writer.removeprefix("clip_"),
        "archive",
        "clip_\ud800\x00",
    ):
        assert people.tokens.find(other) is None
    again = people.tokens.add("the desk’s bot", False)
    assert people.tokens.find(reader) is None
    assert people.tokens.find(again) == Token("the desk’s bot", False, calendar.now, None)


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 65, "a\nb", "a\x00", " a", "a ", "\x1b[31m", "\ud800", "\u202ea"]
)
def test_what_cannot_be_the_name_of_a_token_is_refused(people: People, name: str) -> None:
    with pytest.raises(
        ConfigError, match=r"is not a valid token name. Use 1 to 64 printable characters"
    ) as refused:
        people.tokens.add(name, False)
    assert str(refused.value).isprintable()
    assert people.tokens.all() == ()
    people.tokens.add("x" * 64, False)


def test_a_name_stands_for_one_token(people: People) -> None:
    first = people.tokens.add("bot", False)
    with pytest.raises(
        CollectionError,
        match=r"^there already is a token bot. Choose another name, or revoke that one first$",
    ):
        people.tokens.add("bot", True)
    assert people.tokens.find(first) == Token("bot", False, NOON, None)
    with pytest.raises(
        CollectionError, match=r"^there is no token dog. `clippings token list` lists the tokens$"
    ):
        people.tokens.revoke("dog")


def test_tokens_are_made_listed_and_revoked_by_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert app.main(["token", "list", *home]) == 0
    assert not (tmp_path / "home").exists()
    assert app.main(["token", "add", "bot", "--read-only", *home]) == 0
    empty, secret = capsys.readouterr().out.splitlines()
    assert empty == "NAME  ACCESS  CREATED  LAST USED (UTC)"
    assert app.main(["token", "add", "archive", *home]) == 0
    assert app.main(["token", "add", "bot", *home]) == 1
    assert app.main(["token", "add", "", *home]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "(Store the token where the program can read it: it is not shown again.)",
        "clippings: there already is a token bot. Choose another name, or revoke that one first",
        "clippings: '' is not a valid token name. Use 1 to 64 printable characters, without a space at either end",
    ]
    people = People(tmp_path / "home")
    found = people.tokens.find(secret)
    assert found is not None
    assert (found.name, found.read_only) == ("bot", True)
    assert app.main(["token", "list", *home]) == 0
    listed = capsys.readouterr().out
    assert [re.split(r"  +", line)[:2] for line in listed.splitlines()] == [
        ["NAME", "ACCESS"],
        ["archive", "read and write"],
        ["bot", "read-only"],
    ]
    assert [line.endswith("never") for line in listed.splitlines()] == [False, True, False]
    assert secret not in listed
    assert app.main(["token", "revoke", "bot", *home]) == 0
    assert app.main(["token", "revoke", "bot", *home]) == 1
    assert people.tokens.find(secret) is None
    people.close()


@pytest.mark.parametrize("group", ["account", "token"])
def test_a_group_of_commands_needs_one_of_them(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app.main([group])
    assert ended.value.code == 2
    assert "the following arguments are required: COMMAND" in capsys.readouterr().err


# Sessions


def test_a_session_ends_after_a_week_without_use_and_after_thirty_days_in_any_case(
    people: People, calendar: Calendar
) -> None:
    unused, used = people.sessions.start("ann", MARK), people.sessions.start("ann", MARK)
    assert len(unused) == 43
    assert unused != used
    calendar.now = NOON + timedelta(days=7, microseconds=-1)
    assert (people.sessions.account_of(unused, mark), people.sessions.account_of(used, mark)) == (
        "ann",
        "ann",
    )
    calendar.now += timedelta(days=6, hours=23)
    assert people.sessions.account_of(used, mark) == "ann"
    calendar.now += timedelta(hours=1)
    assert people.sessions.account_of(unused, mark) is None
    for day in range(14, 30, 5):
        calendar.now = NOON + timedelta(days=day)
        assert people.sessions.account_of(used, mark) == "ann"
    calendar.now = NOON + timedelta(days=30, microseconds=-1)
    assert people.sessions.account_of(used, mark) == "ann"
    calendar.now += timedelta(microseconds=1)
    assert people.sessions.account_of(used, mark) is None
    people.sessions.start("bob", MARK)
    assert noted(people, "account", "sessions") == ["bob"], "those that have ended are forgotten"
    calendar.now += timedelta(days=7)
    people.sessions.start("eve", MARK)
    assert noted(people, "account", "sessions") == ["eve"], "and those that were not used"


def test_that_a_session_is_used_is_written_once_an_hour(people: People, calendar: Calendar) -> None:
    secret = people.sessions.start("ann", MARK)
    seen = []
    for minutes in (0, 59, 60, 61, 119, 120):
        calendar.now = NOON + timedelta(minutes=minutes)
        assert people.sessions.account_of(secret, mark) == "ann"
        seen += noted(people, "used", "sessions")
    assert seen == ["2026-03-01T12:00"] * 2 + ["2026-03-01T13:00"] * 3 + ["2026-03-01T14:00"]


def test_ending_a_session_ends_that_one_and_ending_all_those_of_one_account(people: People) -> None:
    one, two, other = (people.sessions.start(name, MARK) for name in ("ann", "ann", "bob"))
    people.sessions.end(one)
    people.sessions.end(one)
    people.sessions.end("nobody's")
    assert [people.sessions.account_of(s, mark) for s in (one, two, other, "", "\ud800")] == [
        None,
        "ann",
        "bob",
        None,
        None,
    ]
    people.sessions.end_all("ann")
    assert [people.sessions.account_of(s, mark) for s in (two, other)] == [None, "bob"]


def test_a_session_ends_when_the_account_has_another_password_or_is_gone(people: People) -> None:
    lines: dict[str, str | None] = {"ann": "old", "bob": "his"}
    ann, bob = people.sessions.start("ann", "old"), people.sessions.start("bob", "his")
    assert [people.sessions.account_of(s, lines.get) for s in (ann, bob)] == ["ann", "bob"]
    lines = {"ann": "new", "bob": None}
    assert [people.sessions.account_of(s, lines.get) for s in (ann, bob)] == [None, None]
    again = people.sessions.start("ann", "new")
    assert [people.sessions.account_of(s, lines.get) for s in (ann, again)] == [None, "ann"]


def test_nobody_is_shut_out_because_a_use_cannot_be_noted(
    people: People, calendar: Calendar, caplog: pytest.LogCaptureFixture
) -> None:
    session, token = people.sessions.start("ann", MARK), people.tokens.add("bot", True)
    people.close()
    sa.event.listen(people._database._engine, "connect", lambda c, _: c.execute("PRAGMA query_only=ON"))
    calendar.now += timedelta(hours=2)
    assert people.sessions.account_of(session, mark) == "ann"
    assert people.tokens.find(token) == Token("bot", True, NOON, None)
    assert [r.getMessage().partition(": ")[0] for r in caplog.records] == [
        "the use of a session could not be stored", "the use of a token could not be stored",
    ]  # fmt: skip


# Settings


def test_each_owner_has_settings_of_their_own_and_the_last_choice_counts(people: People) -> None:
    people.settings.set("", "collection", "own")
    people.settings.set("ann", "collection", "demo")
    people.settings.set("ann", "collection", "own")
    people.settings.set("ann", "wording", "articles")
    assert people.settings.get("ann") == {"collection": "own", "wording": "articles"}
    assert people.settings.get("") == {"collection": "own"}
    assert people.settings.get("bob") == {}


def test_a_setting_that_there_is_not_is_refused(people: People) -> None:
    with pytest.raises(
        ConfigError, match=r"^there is no setting 'colour'. The settings are: collection, wording$"
    ):
        people.settings.set("", "colour", "red")
    with pytest.raises(ConfigError, match=r"^the setting wording must have at most 200 characters$"):
        people.settings.set("", "wording", "x" * 201)
    assert people.settings.get("") == {}


def test_what_readers_said_of_answers_is_printed_a_line_each(
    people: People, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, question in (("ann", "Who\x9b31m struck?"), ("bob", "Who swam?"), ("bob", "Why?")):
        put = people.conversations.add_question(name, question, "own", conversation=None, after=None)
        people.conversations.answer(name, put.id, {"text": f"An answer to {question}"})
        if question != "Why?":
            people.conversations.judge(name, put.id, "wrong" if name == "ann" else "right")
    assert app.main(["verdicts", "--home", str(tmp_path / "home")]) == 0
    printed = capsys.readouterr().out
    assert "\x9b" not in printed, "it would steer a terminal"
    assert [json.loads(line) for line in printed.splitlines()] == [
        {
            "at": "2026-03-01T12:00:00+00:00",
            "verdict": "wrong",
            "asked": "Who\x9b31m struck?",
            "text": "An answer to Who\x9b31m struck?",
        },
        {
            "at": "2026-03-01T12:00:00+00:00",
            "verdict": "right",
            "asked": "Who swam?",
            "text": "An answer to Who swam?",
        },
    ]
    assert "bob" not in printed


@pytest.mark.slow
def test_verdicts_that_the_output_has_no_room_for_end_in_a_sentence(people: People, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no device here that is always full")
    put = people.conversations.add_question("ann", "Who struck?", "own", conversation=None, after=None)
    people.conversations.answer("ann", put.id, {"text": "Iran. " * 10_000})
    people.conversations.judge("ann", put.id, "right")
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "app.py", "verdicts", "--home", str(tmp_path / "home")],
            cwd=Path(__file__).parent.parent, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (
        1, "clippings: the output could not be written: No space left on device\n",
    )  # fmt: skip
