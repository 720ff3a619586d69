"""Who may use a server: accounts in a file, one a line, as `name:$argon2id$…`.

Passwords are hashed by Argon2id with the parameters that RFC 9106 recommends where memory is limited: 64 MB
and some tenths of a second each. That is dear for whoever guesses, and for the server too. So at most two are
computed at a time, and who was wrong too often is refused before anything is computed.

Of what stands in the file only names are ever printed or logged.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import tempfile
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import argon2
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from rag.errors import ConfigError, TooManyAttempts
from rag.people.attempts import Attempts
from rag.people.text import escaped
from rag.system.files import small_text

__all__ = ["Accounts", "add_account", "convert", "hash_password", "remove_account"]

_LONGEST = 64  # characters of a name
_LONGEST_FILE = 10_000_000  # bytes: some tens of thousands of accounts
_PASSWORD = 1_024  # bytes
_LOGGED = 80  # characters of a name in the log
_PATIENCE = 10.0  # seconds that a log-in waits for its turn to be computed
_hasher = argon2.PasswordHasher()  # its defaults are RFC 9106's second recommendation
_computing = threading.BoundedSemaphore(2)
_Stamp = tuple[
    int, int, int
]  # by which a change of the file is told: its time in nanoseconds, its size, its number


class Accounts:
    """The accounts of a file, which is read again when it has changed. Safe from any thread."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._attempts = Attempts(clock)
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._hashes: dict[str, str] = {}
        self._dummy = ""
        self._now()

    @classmethod
    def read(cls, path: Path, *, clock: Callable[[], float] = time.monotonic) -> Accounts:
        """The accounts of a file; empty lines and lines that begin with # are passed over. `clock` gives
        seconds.

        Raises `ConfigError`, which names the line and never what stands in it, for a file that cannot be
        read, is not UTF-8, names nobody, has a name twice, or a password that is not hashed.
        """
        return cls(path, clock)

    @property
    def names(self) -> frozenset[str]:
        """The accounts there are now. Raises `ConfigError` as `read` does, where the file has changed and
        cannot be used.
        """
        return frozenset(self._now()[0])

    def mark(self, name: str) -> str | None:
        """A digest of an account's line, which is another once its password is; `None` where there is no such
        account now.

        A session is good for as long as the mark is what it was at the log-in. Raises as `names` does.
        """
        hashed = self._now()[0].get(name)
        return None if hashed is None else hashlib.sha256(f"{name}:{hashed}".encode()).hexdigest()

    def check(self, name: str, password: str, address: str) -> bool:
        """Whether a name and a password belong together, for somebody at this network address ("" where it is
        unknown).

        After five wrong log-ins of one name from one address, or of one address, the next has to wait a
        second, and after each further one twice as long, up to five minutes; a quarter of an hour without one
        is a new beginning. After fifty of one name from anywhere, those wait who have not logged in by that
        name from their address before, for eight seconds at most, so that strangers cannot keep its owner
        out. Who comes sooner is not looked at, right or wrong: that raises `TooManyAttempts`, as do more
        log-ins at once than can be computed.
        """
        self._attempts.admit(name, address)
        if not _computing.acquire(timeout=_PATIENCE):
            raise TooManyAttempts(
                "more people log in than can be checked at once. Try again in a moment", retry_after=5.0
            )
        try:
            self._attempts.admit(name, address)  # others may have guessed while this one waited
            hashes, dummy = self._now()
            # An unknown name takes as long as a known one.
            right = _verified(hashes.get(name, dummy), password) and name in hashes
            (self._attempts.right if right else self._attempts.wrong)(name, address)
        finally:
            _computing.release()
        if not right:
            logging.getLogger("clippings").warning(
                "a log-in was wrong: name %s, address %s",
                escaped(name, _LOGGED),
                escaped(address, _LOGGED) or "unknown",
            )
        return right

    def _now(self) -> tuple[dict[str, str], str]:
        """The hashes by name, and one that nobody has, computed like them."""
        with self._lock:
            if (stamp := _stamp(self._path)) != self._stamp:
                self._hashes = _hashes(self._path, _lines(self._path))
                like = argon2.extract_parameters(next(iter(self._hashes.values())))
                self._dummy = argon2.PasswordHasher.from_parameters(like).hash(secrets.token_bytes(32))
                self._stamp = stamp  # last: a file that could not be used is read again
            return self._hashes, self._dummy


def hash_password(password: str) -> str:
    """What is kept of a password. Raises `ConfigError` for one that is empty or longer than 1,024 bytes."""
    given = _bytes(password)
    if not given:
        raise ConfigError("the password is empty. Choose one")
    if len(given) > _PASSWORD:
        raise ConfigError(f"the password is longer than {_PASSWORD:,} bytes. Choose a shorter one")
    return _hasher.hash(given)


def add_account(path: Path, name: str, password: str) -> None:
    """Add an account to a file, which is made where there is none. Raises `ConfigError` for a name that is
    taken or cannot be one, for a password as `hash_password` does, and for a file as `Accounts.read` does."""
    if fault := _fault(name):
        raise ConfigError(f"{escaped(name, _LONGEST)!r} cannot be the name of an account: it {fault}")
    stamp = _stamp(path) if path.exists() else None
    lines = _lines(path) if stamp else []
    if name in _hashes(path, lines, may_be_empty=True):
        raise ConfigError(
            f"{path} has an account named {name} already. Remove it first, or choose another name"
        )
    new = _Line(0, f"{name}:{hash_password(password)}")
    _replace(path, [*lines, new], stamp)


def remove_account(path: Path, name: str) -> None:
    """Remove an account from a file; a server that reads it knows at once. Raises `ConfigError` where there
    is none of this name, and for a file as `Accounts.read` does."""
    stamp, lines = _stamp(path), _lines(path)
    if name not in _hashes(path, lines, may_be_empty=True):
        raise ConfigError(f"{path} has no account named {escaped(name, _LONGEST)}")
    _replace(path, [line for line in lines if line.name != name], stamp)


def convert(path: Path) -> int:
    """Hash every plain password of a file, of `name:password` a line; how many that were. Comments and order
    stay.

    Raises `ConfigError` as `Accounts.read` does, but not for plain passwords.
    """
    stamp, lines = _stamp(path), _lines(path)
    new = [_Line(line.number, f"{line.name}:{_hashed(path, line)}") if line.plain else line for line in lines]
    plain = sum(line.plain for line in lines)
    _hashes(path, new)
    if plain:
        _replace(path, new, stamp)
    return plain


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the file, by its number from 1, without its end."""

    number: int
    text: str

    @property
    def blank(self) -> bool:
        """Whether it is empty or a comment."""
        return not self.text.strip() or self.text.lstrip().startswith("#")

    @property
    def name(self) -> str:
        """Whose account it is; "" for an empty line or a comment."""
        return "" if self.blank else self.text.partition(":")[0]

    @property
    def kept(self) -> str:
        """The hash; or the password, in a file of before."""
        return self.text.partition(":")[2]

    @property
    def plain(self) -> bool:
        return bool(self.name) and not self.kept.startswith("$argon2")


def _lines(path: Path) -> list[_Line]:
    """The lines of a file, each of which is empty, a comment, or a name, a colon and something more; no name
    twice.
    """
    text = small_text(path, "the file of accounts", _LONGEST_FILE).replace("\r\n", "\n").replace("\r", "\n")
    lines = [
        _Line(number, line)
        for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], 1)
    ]
    seen: dict[str, int] = {}
    for line in lines:
        if line.blank:
            continue
        if not line.name or not line.kept.strip():
            raise ConfigError(f"line {line.number} of {path} is not a name, a colon and a hashed password")
        if fault := _fault(line.name):
            raise ConfigError(f"line {line.number} of {path} has a name that {fault}. Correct it")
        if line.name in seen:
            raise ConfigError(
                f"lines {seen[line.name]} and {line.number} of {path} have the same name. Remove one of them"
            )
        seen[line.name] = line.number
    return lines


def _hashes(path: Path, lines: Iterable[_Line], *, may_be_empty: bool = False) -> dict[str, str]:
    """The hashes by name."""
    found: dict[str, str] = {}
    for line in lines:
        if line.plain:
            raise ConfigError(
                f"line {line.number} of {path} has a password that is not hashed. Run: clippings account "
                f"convert {path}"
            )
        if line.name:
            try:
                kind = argon2.extract_parameters(line.kept.strip()).type
            except InvalidHashError:
                kind = None
            if kind is not argon2.Type.ID:
                raise ConfigError(
                    f"the hash in line {line.number} of {path} is damaged or of another kind than Argon2id. "
                    "Remove the line, and add the account again"
                )
            found[line.name] = line.kept.strip()
    if not found and not may_be_empty:
        raise ConfigError(
            f"{path} names nobody, so nobody could log in. Run: clippings account add NAME --auth-file {path}"
        )
    return found


def _fault(name: str) -> str | None:
    """What keeps this from being a name, to be said after "it"."""
    if not 0 < len(name) <= _LONGEST:
        return f"is not 1 to {_LONGEST} characters long"
    if not name.isprintable():
        return "has a character that is not printable"
    if name != name.strip():
        return "begins or ends with a space"
    if ":" in name or name.startswith("#"):
        return "has a colon, or begins with #"
    return None


def _hashed(path: Path, line: _Line) -> str:
    try:
        return hash_password(line.kept)
    except ConfigError as exc:
        raise ConfigError(f"line {line.number} of {path}: {exc}") from exc


def _replace(path: Path, lines: Iterable[_Line], stamp: _Stamp | None) -> None:
    """Put a file of these lines in place of the one that had this stamp, all at once, readable by its owner
    only.
    """
    real = Path(os.path.realpath(path))  # a link stays one
    try:
        handle, aside = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")  # made with mode 600
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.writelines(f"{line.text}\n" for line in lines)
                file.flush()
                os.fsync(file.fileno())
            if (_stamp(path) if path.exists() else None) != stamp:
                raise ConfigError(
                    f"{path} was changed by another program meanwhile. Run the same command again"
                )
            os.replace(aside, real)
        except BaseException:
            os.unlink(aside)
            raise
    except OSError as exc:
        raise ConfigError(
            f"the file of accounts {path} cannot be written: {exc.strerror}. Nothing was changed"
        ) from exc


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    return found.st_mtime_ns, found.st_size, found.st_ino


def _unreadable(path: Path, exc: OSError) -> ConfigError:
    return ConfigError(f"the file of accounts {path} cannot be read: {exc.strerror}")


def _bytes(password: str) -> bytes:
    """A password as it is hashed: an é is the same however a keyboard composes it (NFC, as RFC 8265 has it)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _verified(hashed: str, password: str) -> bool:
    given = _bytes(password)
    if len(given) > _PASSWORD:
        return False
    try:
        return _hasher.verify(hashed, given)
    except VerifyMismatchError:
        return False
    except VerificationError as exc:  # no memory, for one
        raise TooManyAttempts(
            f"the password could not be checked ({exc}). Try again in a moment", retry_after=5.0
        ) from exc
