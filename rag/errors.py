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

from rag.system.address import hidden

__all__ = [
    "BusyError",
    "ClippingsError",
    "CollectionError",
    "ConfigError",
    "ForbiddenError",
    "ModelError",
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


class ModelError(ClippingsError):
    """A model did not answer. With `retryable` the same call may succeed later."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


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
