"""Accounts in a file, one per line, as `name:$argon2id$…`.

Passwords are hashed with Argon2id and the parameters that RFC 9106 recommends for limited memory: 64 MB and
some tenths of a second each. That is expensive for the server too, so at most two hashes are computed at a
time, and after too many failures a login is refused before anything is computed.

Only names of the file are ever printed or logged.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
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
from rag.system.files import replace_private, small_text

__all__ = ["Accounts", "add_account", "convert", "hash_password", "remove_account"]

_MAX_NAME_CHARACTERS = 64
_MAX_FILE_BYTES = 10_000_000  # some tens of thousands of accounts
_MAX_PASSWORD_BYTES = 1_024
_MAX_LOGGED_CHARACTERS = 80  # of a name in the log
_LOCK_TIMEOUT_SECONDS = 10.0  # that a login waits to be computed
_hasher = argon2.PasswordHasher()  # its defaults are RFC 9106's second recommendation
_computing = threading.BoundedSemaphore(2)
_FileStamp = tuple[int, int, int]  # modification time in nanoseconds, size and inode: changes with the file


class Accounts:
    """The accounts of a file, which is read again when it changes. Safe from any thread."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._attempts = Attempts(clock)
        self._lock = threading.Lock()
        self._stamp: _FileStamp | None = None
        self._hashes: dict[str, str] = {}
        self._dummy = ""
        self._current()

    @classmethod
    def read(cls, path: Path, *, clock: Callable[[], float] = time.monotonic) -> Accounts:
        """The accounts of a file. Empty lines and lines that start with # are skipped. `clock` gives seconds.

        Raises `ConfigError` for a file that cannot be read, is not UTF-8, has no account, a duplicate name,
        or a password that is not hashed. The message has the line number and never the line.
        """
        return cls(path, clock)

    @property
    def names(self) -> frozenset[str]:
        """The names of all accounts. Raises `ConfigError` as `read` does, if the file has changed and is
        invalid."""
        return frozenset(self._current()[0])

    def fingerprint(self, name: str) -> str | None:
        """A digest of an account's name and password hash; `None` if there is no such account.

        It changes with the password, and a session is valid only as long as it is the same. Raises as `names`
        does.
        """
        hashed = self._current()[0].get(name)
        return None if hashed is None else hashlib.sha256(f"{name}:{hashed}".encode()).hexdigest()

    def check(self, name: str, password: str, address: str) -> bool:
        """Whether name and password are correct, for a login from this network address ("" if unknown).

        After five wrong logins with one name from one address, or from one address with any names, the next
        one has to wait a second, and twice as long after each further one, up to five minutes. After 15
        minutes without a failure, counting starts again. After fifty wrong logins with one name from
        anywhere, logins with that name wait up to eight seconds, except from addresses that have logged in
        with it before: so strangers cannot lock the owner out. A login that comes too early raises
        `TooManyAttempts` whether it is right or wrong, and so does one that waits too long to be computed.
        """
        self._attempts.admit(name, address)
        if not _computing.acquire(timeout=_LOCK_TIMEOUT_SECONDS):
            raise TooManyAttempts("too many logins at the same time. Try again in a moment", retry_after=5.0)
        try:
            self._attempts.admit(name, address)  # again: others may have failed while this one waited
            hashes, dummy = self._current()
            # An unknown name must take as long as a known one.
            right = _verified(hashes.get(name, dummy), password) and name in hashes
            (self._attempts.record_success if right else self._attempts.record_failure)(name, address)
        finally:
            _computing.release()
        if not right:
            logging.getLogger("clippings").warning(
                "failed login: name %s, address %s",
                escaped(name, _MAX_LOGGED_CHARACTERS),
                escaped(address, _MAX_LOGGED_CHARACTERS) or "unknown",
            )
        return right

    def _current(self) -> tuple[dict[str, str], str]:
        """The hashes by name, and a dummy hash with the same parameters."""
        with self._lock:
            if (stamp := _stamp(self._path)) != self._stamp:
                self._hashes = _hashes(self._path, _lines(self._path))
                like = argon2.extract_parameters(next(iter(self._hashes.values())))
                self._dummy = argon2.PasswordHasher.from_parameters(like).hash(secrets.token_bytes(32))
                self._stamp = stamp  # last, so that an invalid file is read again
            return self._hashes, self._dummy


def hash_password(password: str) -> str:
    """The hash of a password. Raises `ConfigError` for one that is empty or longer than 1,024 bytes."""
    given = _bytes(password)
    if not given:
        raise ConfigError("the password is empty. Choose one")
    if len(given) > _MAX_PASSWORD_BYTES:
        raise ConfigError(f"the password is longer than {_MAX_PASSWORD_BYTES:,} bytes. Choose a shorter one")
    return _hasher.hash(given)


def add_account(path: Path, name: str, password: str) -> None:
    """Add an account to a file, which is created if needed. Raises `ConfigError` for a name that is invalid
    or in use, for a password as `hash_password` does, and for a file as `Accounts.read` does.
    """
    if problem := _name_problem(name):
        raise ConfigError(
            f"{escaped(name, _MAX_NAME_CHARACTERS)!r} is not a valid account name: it {problem}"
        )
    stamp = _stamp(path) if path.exists() else None
    lines = _lines(path) if stamp else []
    if name in _hashes(path, lines, may_be_empty=True):
        raise ConfigError(f"{path} already has an account {name}. Remove it first, or choose another name")
    new = _Line(0, f"{name}:{hash_password(password)}")
    _replace(path, [*lines, new], stamp)


def remove_account(path: Path, name: str) -> None:
    """Remove an account from a file; servers that use it notice at once. Raises `ConfigError` where there is
    no such account, and for a file as `Accounts.read` does.
    """
    stamp, lines = _stamp(path), _lines(path)
    if name not in _hashes(path, lines, may_be_empty=True):
        raise ConfigError(f"{path} has no account named {escaped(name, _MAX_NAME_CHARACTERS)}")
    _replace(path, [line for line in lines if line.name != name], stamp)


def convert(path: Path) -> int:
    """Hash the plain-text passwords of a file with lines `name:password`; returns their number. Comments and
    order stay.

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
    """A line of the file. Numbers start at 1."""

    number: int
    text: str

    @property
    def blank(self) -> bool:
        """Whether the line is empty or a comment."""
        return not self.text.strip() or self.text.lstrip().startswith("#")

    @property
    def name(self) -> str:
        """The name of the account; "" for an empty line or a comment."""
        return "" if self.blank else self.text.partition(":")[0]

    @property
    def kept(self) -> str:
        """The hash, or in an unconverted file the password."""
        return self.text.partition(":")[2]

    @property
    def plain(self) -> bool:
        return bool(self.name) and not self.kept.startswith("$argon2")


def _lines(path: Path) -> list[_Line]:
    """The lines of a file. Raises `ConfigError` for malformed lines and duplicate names."""
    text = small_text(path, "the accounts file", _MAX_FILE_BYTES).replace("\r\n", "\n").replace("\r", "\n")
    lines = [
        _Line(number, line)
        for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], 1)
    ]
    seen: dict[str, int] = {}
    for line in lines:
        if line.blank:
            continue
        if not line.name or not line.kept.strip():
            raise ConfigError(
                f"line {line.number} of {path} must be a name, a colon and a hashed password. Correct it"
            )
        if problem := _name_problem(line.name):
            raise ConfigError(f"line {line.number} of {path} has a name that {problem}. Correct it")
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
                    f"the hash in line {line.number} of {path} is damaged or not Argon2id. Remove the line "
                    "and add the account again"
                )
            found[line.name] = line.kept.strip()
    if not found and not may_be_empty:
        raise ConfigError(
            f"{path} has no accounts, so nobody could log in. Run: clippings account add NAME --auth-file "
            f"{path}"
        )
    return found


def _name_problem(name: str) -> str | None:
    """Why a name is invalid, as the end of a sentence; `None` if it is valid."""
    if not 0 < len(name) <= _MAX_NAME_CHARACTERS:
        return f"does not have 1 to {_MAX_NAME_CHARACTERS} characters"
    if not name.isprintable():
        return "has an unprintable character"
    if name != name.strip():
        return "starts or ends with a space"
    if ":" in name or name.startswith("#"):
        return "has a colon or starts with #"
    return None


def _hashed(path: Path, line: _Line) -> str:
    try:
        return hash_password(line.kept)
    except ConfigError as exc:
        raise ConfigError(f"line {line.number} of {path}: {exc}") from exc


def _replace(path: Path, lines: Iterable[_Line], stamp: _FileStamp | None) -> None:
    """Replace the file atomically, readable only by its owner. Raises `ConfigError` if it changed since
    `stamp`."""

    def check() -> None:
        if (_stamp(path) if path.exists() else None) != stamp:
            raise ConfigError(f"{path} was changed by another program. Run the command again")

    try:
        replace_private(path, "".join(f"{line.text}\n" for line in lines), check=check)
    except OSError as exc:
        raise ConfigError(
            f"the accounts file {path} cannot be written: {exc.strerror}. Nothing was changed"
        ) from exc


def _stamp(path: Path) -> _FileStamp:
    try:
        found = path.stat()
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    return found.st_mtime_ns, found.st_size, found.st_ino


def _unreadable(path: Path, exc: OSError) -> ConfigError:
    return ConfigError(f"the accounts file {path} cannot be read: {exc.strerror}")


def _bytes(password: str) -> bytes:
    """The password in the form that is hashed: NFC, so that é is the same on every keyboard (RFC 8265)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _verified(hashed: str, password: str) -> bool:
    given = _bytes(password)
    if len(given) > _MAX_PASSWORD_BYTES:
        return False
    try:
        return _hasher.verify(hashed, given)
    except VerifyMismatchError:
        return False
    except VerificationError as exc:  # for example, out of memory
        raise TooManyAttempts(
            f"the password could not be checked ({exc}). Try again in a moment", retry_after=5.0
        ) from exc
