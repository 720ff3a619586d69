"""Accounts: the right pair and no other, a wait for who guesses, and no password in a message or a log."""

from __future__ import annotations

import io
import logging
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import argon2
import pytest

import app
from rag.errors import ConfigError, TooManyAttempts
from rag.people.accounts import Accounts, add_account, convert, hash_password, remove_account
from rag.people.attempts import Attempts
from rag.people.store import People

MARK = "the line of now"


def mark(_: str) -> str | None:
    return MARK


ROOT = Path(__file__).parent.parent
CHEAP = argon2.PasswordHasher(
    time_cost=1, memory_cost=8, parallelism=1
)  # what a hash costs stands in the hash


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def line(name: str, password: str) -> str:
    return f"{name}:{CHEAP.hash(password)}\n"


@pytest.fixture
def who(tmp_path: Path) -> Path:
    path = tmp_path / "who"
    path.write_text(line("ann", "pass:word") + line("bob", "sésame"), encoding="utf-8")
    return path


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """New hashes cost nothing."""
    monkeypatch.setattr("rag.people.accounts._hasher", CHEAP)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The hashes that passwords are compared with."""
    verify, seen = argon2.PasswordHasher.verify, []

    def watched(self: Any, hashed: str, password: bytes) -> bool:
        seen.append(hashed)
        return verify(self, hashed, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", watched)
    return seen


def outcome(accounts: Accounts, name: str, password: str, address: str) -> bool | float:
    """Whether they belong together, or the seconds to wait."""
    try:
        return accounts.check(name, password, address)
    except TooManyAttempts as exc:
        return exc.retry_after


# The file


def test_a_name_goes_with_its_own_password_only(tmp_path: Path) -> None:
    path = tmp_path / "who"
    path.write_text(
        f"\ufeff{line('ann', 'pass:word')}\r\n\n  # the desk\n{line('bob', 'sésame')}", encoding="utf-8"
    )
    accounts = Accounts.read(path)
    assert accounts.names == {"ann", "bob"}
    pairs = [
        ("ann", "pass:word"), ("bob", "sésame"), ("bob", "se\u0301same"), ("ann", "sésame"), ("ann", ""), ("eve", "x"), ("", ""),
        ("# the desk", ""), ("Ann", "pass:word"), ("ann", "pass:word" * 200), ("ann", "\ud800"), ("\ud800", "x"),
    ]  # fmt: skip
    assert [accounts.check(*pair, f"10.0.0.{n}") for n, pair in enumerate(pairs)] == [True] * 3 + [False] * 9


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "{path} has no accounts, so nobody could log in. Run: clippings account add NAME --auth-file {path}"),
        (b"# nobody\n\n", "{path} has no accounts, so nobody could log in. Run: clippings account add NAME --auth-file {path}"),
        (b"# x\nann:hunter2\n", "line 2 of {path} has a password that is not hashed. Run: clippings account convert {path}"),
        (b"ann:hunter2:x\n", "line 1 of {path} has a password that is not hashed. Run: clippings account convert {path}"),
        (b"hunter2\n", "line 1 of {path} must be a name, a colon and a hashed password. Correct it"),
        (b":hunter2\n", "line 1 of {path} must be a name, a colon and a hashed password. Correct it"),
        (b"ann: \n", "line 1 of {path} must be a name, a colon and a hashed password. Correct it"),
        (b"ann:$argon2id$hunter2\n", "the hash in line 1 of {path} is damaged or not Argon2id. Remove the line and add the account again"),
        (b"ann:$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA\n", "the hash in line 1 of {path} is damaged or not Argon2id. Remove the line and add the account again"),
        (b"a\x1bnn:hunter2\n", "line 1 of {path} has a name that has an unprintable character. Correct it"),
        (b"ann :hunter2\n", "line 1 of {path} has a name that starts or ends with a space. Correct it"),
        (b"x" * 65 + b":hunter2\n", "line 1 of {path} has a name that does not have 1 to 64 characters. Correct it"),
        (b"ann:hunter2\n\nann:hunter3\n", "lines 1 and 3 of {path} have the same name. Remove one of them"),
        (b"ann:\xff\n", "the accounts file {path} is not UTF-8 text. Save it as UTF-8"),
        (None, "the accounts file {path} cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_named_and_nothing_of_it_told(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "who"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        Accounts.read(path)
    assert str(refused.value) == said.format(path=path)


def test_a_removed_account_is_out_at_once_and_a_file_that_is_damaged_lets_nobody_in(
    who: Path, cheap: None
) -> None:
    accounts = Accounts.read(who)
    assert accounts.check("ann", "pass:word", "")
    remove_account(who, "ann")
    assert accounts.names == {"bob"}
    assert not accounts.check("ann", "pass:word", "")
    add_account(who, "eve", "apple")
    assert accounts.check("eve", "apple", "")
    kept = who.read_bytes()
    who.write_text("ann:pass:word\n")
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"line 1 of .* has a password that is not hashed"):
            _ = accounts.names
    with pytest.raises(ConfigError, match=r"line 1 of .* has a password that is not hashed"):
        accounts.check("ann", "pass:word", "10.0.0.2")
    who.write_bytes(kept)
    assert accounts.check("eve", "apple", "10.0.0.2")
    who.unlink()
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        accounts.check("eve", "apple", "10.0.0.2")


def test_a_file_that_has_not_changed_is_not_read_again(who: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts.read(who)
    monkeypatch.setattr("rag.people.accounts._lines", None)
    assert accounts.names == {"ann", "bob"}
    assert accounts.check("ann", "pass:word", "")


def test_an_account_is_added_hashed_as_rfc_9106_recommends_in_a_file_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "who"
    add_account(path, "ann", "apple")
    text = path.read_text()
    assert text.startswith("ann:$argon2id$v=19$m=65536,t=3,p=4$")
    assert text.count("\n") == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    path.write_text("# the desk\n\n" + text)
    link = tmp_path / "link"
    link.symlink_to(path)
    monkeypatch.setattr("rag.people.accounts._hasher", CHEAP)  # the rest of this needs no second real one
    add_account(link, "bøb", "pear")
    assert link.is_symlink()
    assert path.read_text().splitlines()[:3] == ["# the desk", "", text.rstrip()]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Accounts.read(path).names == {"ann", "bøb"}
    before = path.read_bytes()
    for name, password, said in [
        ("ann", "x", f"{path} already has an account ann. Remove it first, or choose another name"),
        ("a:b", "x", "'a:b' is not a valid account name: it has a colon or starts with #"),
        ("#a", "x", "'#a' is not a valid account name: it has a colon or starts with #"),
        ("", "x", "'' is not a valid account name: it does not have 1 to 64 characters"),
        ("eve", "", "the password is empty. Choose one"),
        ("eve", "é" * 513, "the password is longer than 1,024 bytes. Choose a shorter one"),
    ]:
        with pytest.raises(ConfigError) as refused:
            add_account(path, name, password)
        assert str(refused.value) == said
    with pytest.raises(ConfigError, match="has no account named eve"):
        remove_account(path, "eve")
    assert (path.read_bytes(), sorted(p.name for p in tmp_path.iterdir())) == (before, ["link", "who"])
    for name in ("ann", "bøb"):
        remove_account(path, name)
    assert path.read_text() == "# the desk\n\n"
    add_account(path, "eve", "plum")
    assert Accounts.read(path).check("eve", "plum", "")


def test_plain_passwords_are_hashed_in_place_and_the_rest_of_the_file_stays(
    tmp_path: Path, cheap: None
) -> None:
    path = tmp_path / "who"
    hashed = line("bob", "pear")
    path.write_text(f"# the desk\nann:pass:word\n\n{hashed}", encoding="utf-8")
    assert convert(path) == 1
    lines = path.read_text().splitlines()
    assert (lines[0], lines[1][:14], lines[2], lines[3]) == (
        "# the desk",
        "ann:$argon2id$",
        "",
        hashed.rstrip(),
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    accounts = Accounts.read(path)
    assert accounts.check("ann", "pass:word", "")
    assert accounts.check("bob", "pear", "")
    before = path.stat().st_mtime_ns
    assert convert(path) == 0
    assert path.stat().st_mtime_ns == before
    path.write_text(f"ann:ok\nbob:{'x' * 1_025}\n")
    with pytest.raises(ConfigError, match=r"line 2 of .*: the password is longer than 1,024 bytes"):
        convert(path)
    assert path.read_text().startswith("ann:ok\n")


def test_what_another_program_writes_meanwhile_is_not_written_over(
    who: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(password: str) -> str:
        with who.open("a") as file:
            file.write(line("eve", "apple"))
        return CHEAP.hash(password)

    monkeypatch.setattr("rag.people.accounts.hash_password", slow)
    with pytest.raises(ConfigError, match=r"was changed by another program. Run the command again"):
        add_account(who, "zoe", "plum")
    assert Accounts.read(who).names == {"ann", "bob", "eve"}
    assert [p.name for p in who.parent.iterdir()] == ["who"]


# Guessing


def test_an_unknown_name_takes_as_long_as_a_known_one(who: Path, computed: list[str]) -> None:
    accounts = Accounts.read(who)
    assert not accounts.check("ann", "x", "")
    assert not accounts.check("eve", "x", "")
    assert len(computed) == 2
    ann, nobody = (argon2.extract_parameters(hashed) for hashed in computed)
    assert ann == nobody


def test_who_is_wrong_too_often_waits_longer_each_time_until_a_quarter_of_an_hour_has_passed(
    who: Path, computed: list[str]
) -> None:
    clock = Clock()
    accounts = Accounts.read(who, clock=clock)
    assert [outcome(accounts, "ann", "x", "10.0.0.1") for _ in range(6)] == [False] * 5 + [1.0]
    assert outcome(accounts, "ann", "pass:word", "10.0.0.1") == 1.0, (
        "the right one has to wait too, or it could be guessed"
    )
    clock.now += 0.75
    with pytest.raises(TooManyAttempts, match=r"^too many failed logins. Try again in 1 s$") as refused:
        accounts.check("ann", "x", "10.0.0.1")
    assert refused.value.retry_after == 0.25
    waits = []
    for _ in range(11):
        clock.now += outcome(accounts, "ann", "x", "10.0.0.1")
        assert outcome(accounts, "ann", "x", "10.0.0.1") is False
        waits.append(outcome(accounts, "ann", "x", "10.0.0.1"))
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert len(computed) == 16
    clock.now += 899
    assert [outcome(accounts, "ann", "x", "10.0.0.1") for _ in range(2)] == [False, 300]
    clock.now += 900
    assert [outcome(accounts, "ann", "x", "10.0.0.1") for _ in range(6)] == [False] * 5 + [1.0]


def test_a_right_log_in_begins_its_own_count_anew_and_not_that_of_its_address(who: Path) -> None:
    clock = Clock()
    accounts = Accounts.read(who, clock=clock)
    assert [outcome(accounts, "ann", "x", "10.0.0.1") for _ in range(4)] == [False] * 4
    assert outcome(accounts, "ann", "pass:word", "10.0.0.1") is True
    assert [outcome(accounts, "bob", "x", "10.0.0.1") for _ in range(2)] == [False, 1.0]
    assert [outcome(accounts, "ann", "x", "10.0.0.1") for _ in range(6)] == [False] * 5 + [1.0], (
        "where it has logged in"
    )


def test_a_thousand_wrong_passwords_cost_as_much_as_five_and_keep_nobody_else_out(
    who: Path, computed: list[str]
) -> None:
    accounts = Accounts.read(who, clock=Clock())
    for guess in range(1_000):
        outcome(accounts, "ann", f"guess {guess}", "203.0.113.5")
    for guess in range(1_000):
        outcome(accounts, f"name {guess}", "apple", "203.0.113.6")
    assert len(computed) == 10
    assert accounts.check("ann", "pass:word", "10.0.0.1")


def test_guesses_from_many_addresses_are_slowed_and_the_owner_still_gets_in(
    who: Path, computed: list[str]
) -> None:
    clock = Clock()
    accounts = Accounts.read(who, clock=clock)
    assert accounts.check("ann", "pass:word", "10.0.0.1")
    guesses = [outcome(accounts, "ann", "x", f"203.0.{n // 250}.{n % 250}") for n in range(1_000)]
    assert guesses == [False] * 50 + [1.0] * 950
    assert accounts.check("ann", "pass:word", "10.0.0.1"), "from where she has logged in before"
    assert outcome(accounts, "ann", "pass:word", "10.0.0.2") == 1.0
    assert outcome(accounts, "bob", "sésame", "10.0.0.2") is True
    for n in range(10):
        clock.now += 8
        assert outcome(accounts, "ann", "x", f"203.1.0.{n}") is False
    assert outcome(accounts, "ann", "pass:word", "10.0.0.2") == 8.0
    clock.now += 8
    assert outcome(accounts, "ann", "pass:word", "10.0.0.2") is True


def test_an_address_is_what_one_customer_has(who: Path) -> None:
    accounts = Accounts.read(who, clock=Clock())
    assert [outcome(accounts, f"n{n}", "x", f"2001:db8:0:1::{n:x}") for n in range(6)] == [False] * 5 + [1.0]
    assert outcome(accounts, "n", "x", "2001:db8:0:2::1") is False
    assert [
        outcome(accounts, f"n{n}", "x", "::ffff:192.0.2.1" if n % 2 else "192.0.2.1") for n in range(6)
    ] == [False] * 5 + [1.0]
    unknown = [outcome(accounts, f"m{n}", "x", "") for n in range(6)]
    assert unknown == [False] * 6, "where the address is unknown, nobody waits for another's mistakes"
    assert [outcome(accounts, "m", "x", "") for _ in range(6)] == [False] * 5 + [1.0]


def test_guesses_at_once_are_no_more_than_one_after_the_other_and_two_are_computed_at_a_time(
    who: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, most, tried = 0, 0, 0
    lock = threading.Lock()

    def slow(self: Any, hashed: str, password: bytes) -> bool:
        nonlocal now, most, tried
        with lock:
            now, tried = now + 1, tried + 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1
        raise argon2.exceptions.VerifyMismatchError

    accounts = Accounts.read(who, clock=Clock())
    monkeypatch.setattr(argon2.PasswordHasher, "verify", slow)
    threads = [threading.Thread(target=outcome, args=(accounts, "ann", "x", "10.0.0.1")) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
    assert 5 <= tried <= 6, "one may be at work while another's is counted"


def test_a_log_in_that_cannot_be_computed_is_told_to_come_back(
    who: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(self: Any, hashed: str, password: bytes) -> bool:
        raise argon2.exceptions.VerificationError("Memory allocation error")

    accounts = Accounts.read(who)
    monkeypatch.setattr(argon2.PasswordHasher, "verify", no_memory)
    with pytest.raises(TooManyAttempts, match=r"could not be checked .Memory allocation error") as refused:
        accounts.check("ann", "pass:word", "")
    assert refused.value.retry_after == 5.0
    monkeypatch.setattr("rag.people.accounts._LOCK_TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr("rag.people.accounts._computing", busy := threading.BoundedSemaphore(1))
    with busy, pytest.raises(TooManyAttempts, match="too many logins at the same time"):
        accounts.check("ann", "pass:word", "")


def test_what_is_remembered_of_guesses_is_bounded() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for n in range(12_000):
        attempts.record_failure(
            "x" * 100_000 if n % 2 else f"name {n}", f"10.{n // 65_536}.{n // 256 % 256}.{n % 256}"
        )
        attempts.record_success(f"name {n}", "10.0.0.1")
    assert (len(attempts._failures), len(attempts._successes)) == (10_000, 10_000)
    assert max(len(name) for _, name, _ in attempts._failures) == 65
    clock.now += 900
    attempts.record_failure("ann", "10.0.0.1")
    assert len(attempts._failures) == 3


def test_each_wrong_log_in_is_logged_with_its_name_and_address_and_without_the_password(
    who: Path, caplog: pytest.LogCaptureFixture
) -> None:
    accounts = Accounts.read(who, clock=Clock())
    with caplog.at_level(logging.WARNING, logger="clippings"):
        accounts.check("ann", "pass:word", "10.0.0.1")
        for n in range(7):
            outcome(accounts, "ann\n\x1b[31m\u202e" + "x" * 200, f"hunter{n}", "10.0.0.2")
        outcome(accounts, "eve", "hunter7", "")
    said = [record.getMessage() for record in caplog.records]
    name = "ann\\n\\x1b[31m\\u202e" + "x" * 61
    assert len(name) == 80
    assert said == [f"failed login: name {name}, address 10.0.0.2"] * 5 + [
        "failed login: name eve, address unknown"
    ]


# The commands


def typed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))


def test_accounts_are_added_and_removed_by_command(
    tmp_path: Path, cheap: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, home = tmp_path / "who", tmp_path / "home"
    typed(monkeypatch, b"pass word \r\nnot this\n")
    assert app.main(["account", "add", "ann", "--auth-file", str(path), "--password-stdin"]) == 0
    answers = iter(["apple", "apple", "apple", "pear"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    assert app.main(["account", "add", "bob", "--auth-file", str(path)]) == 0
    assert app.main(["account", "add", "eve", "--auth-file", str(path)]) == 2
    typed(monkeypatch, b"")
    assert app.main(["account", "add", "eve", "--auth-file", str(path), "--password-stdin"]) == 2
    typed(monkeypatch, b"\xff\n")
    assert app.main(["account", "add", "eve", "--auth-file", str(path), "--password-stdin"]) == 2
    accounts = Accounts.read(path)
    assert accounts.names == {"ann", "bob"}
    assert accounts.check("ann", "pass word ", "")
    assert accounts.check("bob", "apple", "")
    people = People(home)
    session, other = people.sessions.start("ann", MARK), people.sessions.start("bob", MARK)
    assert app.main(["account", "remove", "ann", "--auth-file", str(path), "--home", str(home)]) == 0
    assert app.main(["account", "remove", "ann", "--auth-file", str(path), "--home", str(home)]) == 2
    assert (people.sessions.account_of(session, mark), people.sessions.account_of(other, mark)) == (
        None,
        "bob",
    )
    people.close()
    path.write_text("zoe:plum\n")
    assert app.main(["account", "convert", str(path)]) == 0
    assert Accounts.read(path).check("zoe", "plum", "")
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "ann can log in now", "bob can log in now", "removed ann; servers that use this file no longer accept this account", "hashed 1 password",
    ]  # fmt: skip
    assert printed.err.splitlines() == [
        "clippings: the two passwords are different. Nothing was changed; run the command again",
        "clippings: the password is empty. Choose one",
        "clippings: the password on standard input is not UTF-8. Send it as UTF-8",
        f"clippings: {path} has no account named ann",
    ]


def test_the_mark_of_an_account_changes_with_its_line(tmp_path: Path, cheap: None) -> None:
    path = tmp_path / "who"
    add_account(path, "ann", "apple")
    add_account(path, "bob", "apple")
    accounts = Accounts.read(path)
    ann, bob = accounts.fingerprint("ann"), accounts.fingerprint("bob")
    assert ann
    assert ann != bob
    assert accounts.fingerprint("eve") is None
    remove_account(path, "ann")
    assert (accounts.fingerprint("ann"), accounts.fingerprint("bob")) == (None, bob)
    add_account(path, "ann", "apple")
    assert accounts.fingerprint("ann") not in (None, ann), "added again, be it with the same password"
    assert Accounts.read(path).fingerprint("bob") == bob, "another process sees the same"


@pytest.mark.slow
def test_without_a_terminal_the_command_says_how_to_hand_over_a_password(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "app.py", "account", "add", "ann", "--auth-file", str(tmp_path / "who")],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL, start_new_session=True, capture_output=True, text=True,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (2, "")
    assert (
        run.stderr == "clippings: there is no terminal to ask for a password. Pass it with --password-stdin\n"
    )
    assert not (tmp_path / "who").exists()


def test_a_server_is_not_started_over_plain_passwords(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "who").write_text("ann:hunter2\n")
    assert app.main(["serve", "--home", str(tmp_path / "home"), "--auth-file", str(tmp_path / "who")]) == 2
    assert capsys.readouterr().err == (
        f"clippings: line 1 of {tmp_path / 'who'} has a password that is not hashed. "
        f"Run: clippings account convert {tmp_path / 'who'}\n"
    )


def test_the_same_password_never_has_the_same_hash(cheap: None) -> None:
    assert hash_password("apple") != hash_password("apple")
