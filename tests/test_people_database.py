"""The file of people's things: made when it is first needed, for its owner only; and a sentence where it
cannot be used.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from test_scan import barred  # noqa: F401

from rag.errors import CollectionError
from rag.people.database import settings
from rag.people.store import People

MARK = "the line of now"


def mark(_: str) -> str | None:
    return MARK


ROOT = Path(__file__).parent.parent


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def people(home: Path) -> Iterator[People]:
    people = People(home)
    yield people
    people.close()


def put(people: People, question: str = "Who?") -> Any:
    return people.conversations.add_question("", question, "own", conversation=None, after=None)


def asked(people: People) -> list[str]:
    return [c.title for c in reversed(people.conversations.all(""))]


READS: list[Callable[[People], Any]] = [
    lambda p: p.conversations.all(""), lambda p: list(p.conversations.verdicts()), lambda p: p.tokens.all(), lambda p: p.tokens.find("clip_x"),
    lambda p: p.sessions.account_of("x", mark), lambda p: p.settings.get(""), lambda p: p.sessions.end("x"), lambda p: p.sessions.end_all("ann"),
    lambda p: p.conversations.interrupted("x"), lambda p: p.conversations.purge(p._database.now()),
]  # fmt: skip


def test_reading_where_there_is_nothing_finds_nothing_and_makes_nothing(people: People, home: Path) -> None:
    assert [read(people) for read in READS] == [(), [], (), None, None, {}, None, None, 0, 0]
    for refused in (lambda: people.conversations.shown("", "x"), lambda: people.tokens.revoke("x")):
        with pytest.raises(CollectionError, match=r"does not exist|there is no token"):
            refused()
    assert not home.exists()


def test_the_file_is_made_at_the_first_write_for_its_owner_only(people: People, home: Path) -> None:
    usual = os.umask(0)
    try:
        put(people)
    finally:
        os.umask(usual)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in home.iterdir()}
    assert modes == {"people.sqlite": 0o600, "people.sqlite-wal": 0o600, "people.sqlite-shm": 0o600}
    people.close()
    with sqlite3.connect(home / "people.sqlite") as db:
        assert db.execute("PRAGMA user_version").fetchall() == [(1,)]
        assert db.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_what_was_asked_stands_in_no_traceback(people: People) -> None:
    with pytest.raises(CollectionError) as refused, people._database.writing() as db:
        db.execute(settings.insert().values(owner="ann", name=None, value="a secret question"))
    assert "NOT NULL" in str(refused.value.__cause__)
    assert "secret" not in str(refused.value.__cause__)


def test_a_file_in_which_nothing_was_made_yet_is_as_good_as_none(people: People, home: Path) -> None:
    home.mkdir()
    (home / "people.sqlite").touch()  # as a process that is killed in between leaves it
    assert asked(people) == []
    put(people)
    assert asked(people) == ["Who?"]


def test_secrets_are_nowhere_in_the_file(people: People, home: Path) -> None:
    secrets = [people.sessions.start("ann", MARK), people.tokens.add("desk", False)]
    people.close()
    content = b"".join(p.read_bytes() for p in home.iterdir())
    assert b"ann" in content
    assert b"desk" in content
    assert [s for s in secrets if s.encode() in content or s.removeprefix("clip_").encode() in content] == []


def test_a_file_that_is_replaced_or_removed_under_a_server_is_followed(
    people: People, home: Path, tmp_path: Path
) -> None:
    put(people, "first")
    for name in ("people.sqlite", "people.sqlite-wal", "people.sqlite-shm"):
        (home / name).unlink()
    assert asked(people) == [], "what is written into a file without a name is lost"
    put(people, "second")
    other = People(tmp_path / "other")
    put(other, "third")
    other.close()
    (tmp_path / "other" / "people.sqlite").replace(home / "people.sqlite")
    for name in ("people.sqlite-wal", "people.sqlite-shm"):
        (home / name).unlink(missing_ok=True)
    put(people, "fourth")
    assert asked(people) == ["third", "fourth"]


def refusals(people: People, *, of: list[Callable[[People], Any]]) -> set[str]:
    said = set()
    for use in of:
        with pytest.raises(CollectionError) as refused:
            use(people)
        assert (
            refused.value.__cause__ is not None
            or "layout" in str(refused.value)
            or "is not a Clippings" in str(refused.value)
        )
        said.add(str(refused.value))
    return said


def test_a_file_of_a_later_version_is_refused_and_left_as_it_is(people: People, home: Path) -> None:
    put(people)
    people.close()
    with sqlite3.connect(home / "people.sqlite") as db:
        db.execute("PRAGMA user_version=2")
    db.close()
    before = (home / "people.sqlite").read_bytes()
    assert refusals(people, of=[*READS, put]) == {
        f"{home / 'people.sqlite'} was written by a later version of Clippings (layout 2, this version reads 1). Use that version, or another folder with --home"
    }
    people.close()
    assert (home / "people.sqlite").read_bytes() == before


def test_a_file_of_another_program_is_refused_and_left_as_it_is(people: People, home: Path) -> None:
    home.mkdir()
    with sqlite3.connect(home / "people.sqlite") as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    assert refusals(people, of=[*READS, put]) == {
        f"{home / 'people.sqlite'} is not a Clippings database. Move it elsewhere and start again"
    }


@pytest.mark.parametrize("damage", ["no database", "no table", "pages"])
def test_a_damaged_file_is_told_so(people: People, home: Path, damage: str) -> None:
    path = home / "people.sqlite"
    for n in range(200):
        put(people, f"{n} " + "x" * 400) if n < 40 else None
    people.close()
    if damage == "no database":
        path.write_bytes(b"x" * 5_000)
    elif damage == "no table":
        with sqlite3.connect(path) as db:
            db.execute("DROP TABLE conversations")
        db.close()
    else:
        content = path.read_bytes()
        path.write_bytes(content[:4_096] + b"\xff" * (len(content) - 4_096))
    (said,) = {" ".join(s.split()) for s in refusals(people, of=[lambda p: p.conversations.all("")])}
    assert said.startswith(f"{path} is damaged (")
    assert said.endswith("Restore a copy of it, or move it elsewhere")


def test_a_folder_that_cannot_be_written_to_is_told_so(barred: Path) -> None:
    home = barred / "home"
    home.mkdir()
    barred_people = People(home)
    home.chmod(0o500)
    assert asked(barred_people) == [], "it can still be read"
    (said,) = refusals(barred_people, of=[put])
    assert said == (
        f"conversations cannot be stored in {home / 'people.sqlite'} (Permission denied). Check the permissions of the file and its folder"
    )
    home.chmod(0o700)
    put(barred_people)
    barred_people.close()
    (home / "people.sqlite").chmod(0o400)
    (said,) = refusals(barred_people, of=[put])
    assert said.startswith(
        f"conversations cannot be stored in {home / 'people.sqlite'} (attempt to write a readonly database)"
    )
    barred_people.close()
    (home / "people.sqlite").chmod(0o600)


def test_a_full_disk_is_told_so_and_nothing_that_was_kept_is_lost(people: People) -> None:
    secret, token = people.sessions.start("ann", MARK), people.tokens.add("desk", False)
    put(people, "kept")
    people.close()

    def full(connection: Any, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count={connection.execute('PRAGMA page_count').fetchone()[0]}")

    sa.event.listen(people._database._engine, "connect", full)
    said = refusals(people, of=[lambda p: put(p, "x" * 25_000)])
    assert said == {
        f"the disk with {people._database.path.parent} is full. Nothing stored is lost. Free some space and retry"
    }
    assert asked(people) == ["kept"]
    assert people.sessions.account_of(secret, mark) == "ann"
    assert people.tokens.find(token)
    sa.event.remove(people._database._engine, "connect", full)
    people.close()
    put(people, "there is room again")
    assert asked(people) == ["kept", "there is room again"]


def test_a_writer_that_takes_too_long_is_told_of_and_readers_do_not_wait_for_it(
    people: People, home: Path
) -> None:
    put(people, "kept")
    people.close()
    sa.event.listen(people._database._engine, "connect", lambda c, _: c.execute("PRAGMA busy_timeout=50"))
    other = sqlite3.connect(home / "people.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert asked(people) == ["kept"]
    assert refusals(people, of=[put]) == {
        f"{home / 'people.sqlite'} is being written by another process. Try again in a moment"
    }
    other.execute("ROLLBACK")
    other.close()
    put(people, "then")
    assert asked(people) == ["kept", "then"]


def test_what_fails_half_way_leaves_nothing(people: People) -> None:
    kept = put(people, "kept")
    with pytest.raises(CollectionError, match="this conversation does not exist"):
        people.conversations.add_question("", "x", "own", conversation=kept.conversation, after="x")

    def interrupted() -> None:
        with people._database.writing() as db:
            db.exec_driver_sql("DELETE FROM exchanges")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [e.question for e in people.conversations.shown("", kept.conversation).exchanges] == ["kept"]


@pytest.mark.slow
def test_threads_and_processes_that_write_first_at_once_make_one_file(home: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from rag.people.store import People\n"
        "people = People(Path(sys.argv[1])); sys.stdin.readline()\n"
        "for n in range(10): people.conversations.add_question('', 'there', 'own', conversation=None, after=None)"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", program, home], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]  # fmt: skip
    people, faults = People(home), []

    def work() -> None:
        try:
            for _ in range(10):
                put(people, "here")
        except Exception as exc:
            faults.append(exc)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for other in others:
        assert other.stdin
        other.stdin.write("go\n")
        other.stdin.flush()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.communicate(timeout=60)[1] for other in others] == ["", ""]
    assert faults == []
    assert sorted(asked(people)) == ["here"] * 40 + ["there"] * 20
    people.close()
