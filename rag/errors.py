"""The errors Clippings raises, and nothing else: each message says what happened and what to do.

    ClippingsError          catch this one to catch all of them
    ├── ConfigError         a setting is missing, unknown, or contradicts another
    ├── CollectionError     the collection is missing, busy, damaged, or was made with other settings
    ├── ModelError          a language model or an encoder did not answer (`retryable` says if trying again
    may help) ├── QuestionError       the question cannot be asked as it is ├── BusyError           too many
    ask at once, or the page is being stopped: the same question may be answered later ├── ForbiddenError
    whoever asks may read, and asked for a change ├── TooManyAttempts     too many log-ins were wrong: the
    next is looked at after `retry_after` seconds ├── SourceError         one article or file could not be
    taken in; the rest of the run goes on └── UploadError         files that were sent are refused (`status`
    is the HTTP status that says so)
        └── NameTaken       articles of these names are there already, with other content

A vendor's exception is always the `__cause__` of one of these. None of them shows a password that stands in a
web address.
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
    """Anything Clippings refuses or cannot do, as a sentence a reader can act on."""

    def __init__(self, message: str = "") -> None:
        super().__init__(hidden(message))


class ConfigError(ClippingsError):
    """A setting is missing, unknown, or contradicts another."""


class CollectionError(ClippingsError):
    """The collection is missing, busy, damaged, or was made with other settings. `outdated` is true where
    another version of Clippings made its indexes, and a rebuild is all it takes; `missing` where what was
    named, the collection or an article, is not there; `busy` where another process is at work in it, and the
    same call may succeed later."""

    def __init__(
        self, message: str, *, outdated: bool = False, missing: bool = False, busy: bool = False
    ) -> None:
        super().__init__(message)
        self.outdated, self.missing, self.busy = outdated, missing, busy


class ModelError(ClippingsError):
    """A model did not answer. `retryable` is true where the same call may succeed later."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class QuestionError(ClippingsError):
    """The question is empty, too long, or holds no word to look for."""


class BusyError(ClippingsError):
    """The question was not looked at: too many ask at once, it waited too long, or the page is being stopped."""


class ForbiddenError(ClippingsError):
    """The page, or the token that was sent, is for reading, and something was to be changed."""


class TooManyAttempts(ClippingsError):
    """A log-in was not looked at: too many before it were wrong, or too many come at once. `retry_after` is
    in seconds.
    """

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SourceError(ClippingsError):
    """One file or article could not be taken in."""


class UploadError(ClippingsError):
    """An upload is refused: it is over a limit, broken, not allowed, or not there. `status` is the HTTP
    status for that: 400, 403, 404, 408, 409, 413, 415, 503 or 507."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class NameTaken(UploadError):
    """Files of these `names` were uploaded before, with other content, and nobody said which shall stay."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        listed = ", ".join(self.names)
        there = f"a file {listed} is" if len(self.names) == 1 else f"files {listed} are"
        super().__init__(
            f"{there} here already, with other content. Say whether to replace or to keep both", status=409
        )
