"""Checks of arguments, before anything is loaded: questions, types, and whether a home has a collection.
Nothing heavy is imported here, so errors are reported at once.

Values (`Filters`, `Turn`) raise `ValueError` for invalid fields; functions raise an error of our own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import quote

from rag.config import Config
from rag.errors import CollectionError, ConfigError, QuestionError
from rag.types import Filters, Turn

__all__ = [
    "CATALOG", "LONGEST_QUESTION", "RESTORING", "askable", "closed", "configuration", "day", "has_collection",
    "how_many", "interrupted", "known_sources", "limits", "require_collection", "turns",
]  # fmt: skip

CATALOG = "catalog.sqlite"  # the file in a home by which a collection is known
RESTORING = ".restoring"  # beside the home, what is being made of a backup
LONGEST_QUESTION = 2_000  # characters; the encoder reads about 1,000 of them
_SHOWN = 10  # sources that a message lists
_LONG = 60  # characters of a value in a message


def askable(question: object) -> str:
    """The question with its spaces evened out. Raises `QuestionError` for what cannot be asked."""
    if not isinstance(question, str):
        raise QuestionError(
            f"the question must be text, as in ask('Who struck first?'), not {_shown(question)}"
        )
    asked = " ".join(question.split())
    if not asked:
        raise QuestionError("the question is empty. Ask something about the articles")
    if len(asked) > LONGEST_QUESTION:
        raise QuestionError(
            f"the question has {len(asked):,} characters; the limit is {LONGEST_QUESTION:,}. Shorten it"
        )
    if any("\ud800" <= c <= "\udfff" for c in asked):
        raise QuestionError(
            "the question has bytes that are not UTF-8 text. Type it again in a terminal set to UTF-8"
        )
    if not any(c.isalnum() for c in asked):
        raise QuestionError("the question has no word to search for. Ask it in words")
    return asked


def turns(history: object) -> tuple[Turn, ...]:
    """The past turns. Raises `QuestionError` for anything but a sequence of `Turn`s."""
    if isinstance(history, str | bytes) or not isinstance(history, Iterable):
        raise QuestionError(
            f"history must be a list of rag.Turn(question, answer), oldest first, not {_shown(history)}"
        )
    past = tuple(history)
    for turn in past:
        if not isinstance(turn, Turn):
            raise QuestionError(
                f"each turn of the history must be a rag.Turn(question, answer), not {_shown(turn)}"
            )
    return past


def day(name: str, stated: object) -> date | None:
    """A day of the calendar, or `None`. Raises `QuestionError` for a text, a moment, or anything else."""
    if stated is None or (isinstance(stated, date) and not isinstance(stated, datetime)):
        return stated
    raise QuestionError(f"{name} must be a date, as in date(2024, 1, 20), not {_shown(stated)}")


def limits(filters: object) -> Filters:
    """The filters. Raises `QuestionError` for anything else."""
    if isinstance(filters, Filters):
        return filters
    raise QuestionError(f"filters must be rag.Filters(after=…, before=…, sources=…), not {_shown(filters)}")


def how_many(k: object) -> int | None:
    """A number of passages, or `None` for the usual one. Raises `QuestionError` for what is not a whole
    number above 0.
    """
    if k is None:
        return None
    if isinstance(k, bool) or not isinstance(k, int):
        raise QuestionError(f"k must be a whole number of passages, as in k=8, not {_shown(k)}")
    if k < 1:
        raise QuestionError(f"k must be at least 1, not {k}")
    return k


def known_sources(wanted: Sequence[str], there: Iterable[str]) -> tuple[str, ...]:
    """The sources wanted, spelled as the collection has them: capitals do not matter where no source has
    exactly these.

    Raises `QuestionError` for a source that the collection does not have, with the nearest and some of those
    there are.

    >>> known_sources(["dawn"], ["Dawn", "VOA"])
    ('Dawn',)
    """
    known = list(dict.fromkeys(there))
    exact = set(known)
    folded: dict[str, list[str]] = {}
    for name in known:
        folded.setdefault(name.casefold(), []).append(name)
    found: list[str] = []
    for name in wanted:
        same = [name] if name in exact else folded.get(name.strip().casefold())
        if same is None:
            raise QuestionError(_unknown_source(name, known, folded))
        found += same
    return tuple(dict.fromkeys(found))


def _unknown_source(name: str, known: Sequence[str], folded: dict[str, list[str]]) -> str:
    stated = f"there is no source {name[:_LONG]!r}"
    if not known:
        return f"{stated}: no article of this collection has a source. Remove the filter"
    near = get_close_matches(name.strip().casefold(), list(folded), 1)
    meant = f" Did you mean {folded[near[0]][0]}?" if near else ""
    more = f" and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else ""
    return f"{stated}.{meant} The sources are: {', '.join(sorted(known)[:_SHOWN])}{more}"


def configuration(config: object, load: Callable[[], Config]) -> Config:
    """The configuration handed in, or where none was the one that `load` finds. Raises `ConfigError` for
    anything else.
    """
    if config is None:
        return load()
    if isinstance(config, Config):
        return config
    raise ConfigError(f"config must be a rag.Config, as in Config(home='folder'), not {_shown(config)}")


def has_collection(home: Path) -> bool:
    """Whether there is a collection in a home, with articles or without. Raises `CollectionError` where
    nobody can tell.
    """
    try:
        return (home / CATALOG).is_file()
    except OSError as exc:
        raise CollectionError(
            f"the folder {home} cannot be read: {exc.strerror}. Name another one with --home"
        ) from exc


def interrupted(home: Path) -> str | None:
    """What to say where a backup is being restored to `home`, or that was interrupted; else `None`."""
    import sqlite3

    beside = home.with_name(f"{home.name}{RESTORING}")
    if (home / CATALOG).exists() or not beside.is_dir():
        return None
    done = ""
    catalog = f"file:{quote(str(beside / 'new' / CATALOG))}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(catalog, uri=True)) as db:
        there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        table = "next_passages" if "next_passages" in there else "passages"
        (cut,) = db.execute(f"SELECT count(DISTINCT article_id) FROM {table}").fetchone()
        (whole,) = db.execute("SELECT count(*) FROM articles").fetchone()
        done = f" ({cut:,} of {whole:,} articles are indexed)"
    return (
        f"a backup is being restored to {home}, or that was interrupted{done}. The collection can be used "
        "when it is complete. If no process is working on it, continue with: clippings restore FILE --home "
        f"{home}"
    )


def require_collection(home: Path) -> None:
    """Raise `CollectionError` unless there is a collection in a home."""
    if has_collection(home):
        return
    if unfinished := interrupted(home):
        raise CollectionError(unfinished)
    if home.is_file():
        raise CollectionError(
            f"{home} is a file, not a collection. Name the folder of a collection with --home"
        )
    raise CollectionError(
        f"there is no collection in {home}. Create one: clippings sync FOLDER --home {home}", missing=True
    )


def closed() -> CollectionError:
    """What a closed assistant says."""
    return CollectionError("this assistant is closed. Open the collection again with open_assistant(config)")


def _shown(value: object) -> str:
    """A value fit for a message."""
    stated = os.fspath(value) if isinstance(value, os.PathLike) else value
    said = repr(stated)
    return said if len(said) <= _LONG else f"{said[: _LONG - 1]}…"
