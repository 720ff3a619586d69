"""The errors Clippings raises, and nothing else: each message says what happened and what to do.

    ClippingsError          catch this one to catch all of them
    ├── ConfigError         a setting is missing, unknown, or contradicts another
    ├── CollectionError     the collection is missing, busy, damaged, or was made with other settings
    ├── ModelError          a language model or an encoder did not answer (`retryable` says if trying again may help)
    ├── QuestionError       the question cannot be asked as it is
    ├── BusyError           too many ask at once, or the page is being stopped: the same question may be answered later
    └── SourceError         one article or file could not be taken in; the rest of the run goes on

A vendor's exception is always the `__cause__` of one of these. None of them shows a password that stands in a web address.
"""

from __future__ import annotations

from rag.address import hidden

__all__ = ["BusyError", "ClippingsError", "CollectionError", "ConfigError", "ModelError", "QuestionError", "SourceError"]


class ClippingsError(Exception):
    """Anything Clippings refuses or cannot do, as a sentence a reader can act on."""

    def __init__(self, message: str = "") -> None:
        super().__init__(hidden(message))


class ConfigError(ClippingsError):
    """A setting is missing, unknown, or contradicts another."""


class CollectionError(ClippingsError):
    """The collection is missing, busy, damaged, or was made with other settings. `outdated` is true where another version
    of Clippings made its indexes, and a rebuild is all it takes."""

    def __init__(self, message: str, *, outdated: bool = False) -> None:
        super().__init__(message)
        self.outdated = outdated


class ModelError(ClippingsError):
    """A model did not answer. `retryable` is true where the same call may succeed later."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class QuestionError(ClippingsError):
    """The question is empty, too long, or holds no word to look for."""


class BusyError(ClippingsError):
    """The question was not looked at: too many ask at once, it waited too long, or the page is being stopped."""


class SourceError(ClippingsError):
    """One file or article could not be taken in."""
