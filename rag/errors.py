"""The errors that Clippings raises. Each message says what happened and what to do.

    ClippingsError           the base of all of them
    ├── ConfigError          a setting or option is missing, unknown, or contradicts another
    ├── CollectionError      the collection is missing, busy, damaged, or was made with other settings
    ├── ModelError           a language model or encoder did not answer (`retryable`: trying again may help)
    ├── QuestionError        the question cannot be asked as it is
    ├── BusyError            the server is busy or stopping: the same question may be answered later
    ├── ForbiddenError       a change was requested with read-only access
    ├── TooManyAttempts      too many failed logins: try again after `retry_after` seconds
    ├── SourceError          one article or file could not be added; a sync continues with the others
    └── UploadError          an upload was refused (`status` is the HTTP status)
        └── NameTaken        files with these names exist with other content

Exceptions of other libraries are the `__cause__` of these. No message shows a password in a web address.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from rag.system.address import hidden

__all__ = [
    "BusyError",
    "ClippingsError",
    "CollectionError",
    "ConfigError",
    "ForbiddenError",
    "ModelError",
    "ModelTrouble",
    "NameTaken",
    "QuestionError",
    "SourceError",
    "TooManyAttempts",
    "UploadError",
]


class ClippingsError(Exception):
    """The base class. The message says what happened and what to do."""

    def __init__(self, message: str = "") -> None:
        super().__init__(hidden(message))


class ConfigError(ClippingsError):
    """A setting or option is missing, unknown, or contradicts another."""


class CollectionError(ClippingsError):
    """The collection is missing, busy, damaged, or was made with other settings.

    `outdated`: another version of Clippings made its indexes, and a rebuild helps. `missing`: the collection
    or article does not exist. `busy`: another process is using it, and the same call may succeed later.
    """

    def __init__(
        self, message: str, *, outdated: bool = False, missing: bool = False, busy: bool = False
    ) -> None:
        super().__init__(message)
        self.outdated, self.missing, self.busy = outdated, missing, busy


class ModelTrouble(StrEnum):
    """Why a language model did not answer. `words` says it to a reader, who need not know where it runs.

    UNREACHABLE: nothing answers at its address. SILENT: not a word came within `model.timeout`. KEY: the key
    is missing, or refused. UNKNOWN: the server does not have the model, or not at this address. BUSY: the
    server takes no more requests, or fails. MISSING: its file, or what runs it, is not installed. UNUSABLE:
    it cannot be loaded. BROKEN: the reply broke off. QUESTION: only this question is refused, such as one
    that is too long. WAITING: other questions had it for too long. STOPPED: the question was stopped.

    >>> f"The language model {ModelTrouble.UNREACHABLE.words}."
    'The language model cannot be reached.'
    """

    UNREACHABLE = "unreachable"
    SILENT = "silent"
    KEY = "key"
    UNKNOWN = "unknown"
    BUSY = "busy"
    MISSING = "missing"
    UNUSABLE = "unusable"
    BROKEN = "broken"
    QUESTION = "question"
    WAITING = "waiting"
    STOPPED = "stopped"
    OTHER = "other"

    @property
    def words(self) -> str:
        """What goes on the words "the language model"."""
        return _TROUBLES[self]


_TROUBLES = {
    ModelTrouble.UNREACHABLE: "cannot be reached",
    ModelTrouble.SILENT: "does not answer in time",
    ModelTrouble.KEY: "refuses access",
    ModelTrouble.UNKNOWN: "is not available",
    ModelTrouble.BUSY: "is overloaded",
    ModelTrouble.MISSING: "is not installed",
    ModelTrouble.UNUSABLE: "cannot be loaded",
    ModelTrouble.BROKEN: "broke off its reply",
    ModelTrouble.QUESTION: "could not take this question",
    ModelTrouble.WAITING: "is busy with other questions",
    ModelTrouble.STOPPED: "was stopped",
    ModelTrouble.OTHER: "does not answer",
}


class ModelError(ClippingsError):
    """A model did not answer. With `retryable` the same call may succeed later.

    The message is for who runs the model. `trouble` is what a reader is told of a language model, and what
    decides how long it is left alone: see `rag.answer.availability`.
    """

    def __init__(
        self, message: str, *, retryable: bool = False, trouble: ModelTrouble = ModelTrouble.OTHER
    ) -> None:
        super().__init__(message)
        self.retryable, self.trouble = retryable, trouble


class QuestionError(ClippingsError):
    """The question is empty, too long, or has no word to search for; or an argument of it is invalid."""


class BusyError(ClippingsError):
    """The question was not answered: the queue is full, it waited too long, or the server is stopping."""


class ForbiddenError(ClippingsError):
    """A change was requested, but the server or the token is read-only."""


class TooManyAttempts(ClippingsError):
    """A login was not checked: too many failed before it, or too many come at the same time. `retry_after` is
    in seconds.
    """

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SourceError(ClippingsError):
    """One file or article could not be added."""


class UploadError(ClippingsError):
    """An upload was refused: too large, malformed, not allowed, or missing. `status` is the HTTP status: 400,
    403, 404, 408, 409, 413, 415, 503 or 507.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class NameTaken(UploadError):
    """Files with these `names` exist with other content, and the request does not say which to keep."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        listed = ", ".join(self.names)
        exist = f"the file {listed} exists" if len(self.names) == 1 else f"the files {listed} exist"
        super().__init__(f"{exist} with other content. Choose whether to replace or to keep both", status=409)
