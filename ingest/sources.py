"""Files and folders to articles.

`scan` finds what there is and says what each would be called, without keeping its text; `read` reads
one of them in full. So a collection of any size is planned in little memory, and a file is read again
only if its article is new or has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.clean import decode, without_surrogates
from ingest.dates import leading_date, read_date
from rag.errors import SourceError
from rag.types import Article, Failure

__all__ = ["KINDS", "Found", "Scan", "read", "scan"]

KINDS = (".txt", ".md", ".jsonl")
_EMPTY = "it is empty. Remove it, or put the article's text into it"
_HEADING = re.compile(r"\A\s*#[ \t]+(\S[^\n\r]*)")


@dataclass(frozen=True, slots=True)
class Found:
    """An article as it lies somewhere: its id and version, the file it is in, and how to call it in a message.

    `offset` is where its line begins, in bytes, for a file that holds many articles; `None` for a file that is one.
    """

    id: str
    version: str
    origin: str
    name: str
    offset: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """What a number of files and folders hold. `origins` are all files that were looked at, `unsure` those files and
    folders of which some part could not be read, `scopes` the files and folders asked for."""

    found: tuple[Found, ...]
    failed: tuple[Failure, ...]
    origins: frozenset[str]
    unsure: frozenset[str]
    scopes: tuple[str, ...]
    warnings: tuple[str, ...]


def scan(places: Iterable[str | os.PathLike[str]]) -> Scan:
    """Look through files and folders. What cannot be read is a `Failure`; nothing stops the rest."""
    found: list[Found] = []
    failed: list[Failure] = []
    warnings: list[str] = []
    unsure: set[str] = set()
    seen: dict[str, None] = {}
    scopes: list[str] = []
    for place in places:
        try:
            walked = _files(place)
        except SourceError as exc:
            failed.append(Failure(str(place), str(exc)))
            continue
        scopes.append(walked.scope)
        warnings.extend(walked.notes)
        failed.extend(walked.failed)
        unsure.update(walked.closed)
        for path, article_id in walked.files:
            origin = path.as_posix()
            if origin in seen:  # named twice, or a file of a folder also named
                continue
            seen[origin] = None
            for item in _items(path, article_id):
                if isinstance(item, Failure):
                    failed.append(item)
                    unsure.add(origin)
                else:
                    found.append(item)
                    warnings.extend(f"{item.name}: {w}" for w in item.warnings)
    return Scan(tuple(found), tuple(failed), frozenset(seen), frozenset(unsure), tuple(scopes), tuple(warnings))


def read(found: Found) -> Article:
    """The article, whole. Raises `SourceError` when it cannot be read or is no longer what was found."""
    path = Path(found.origin)
    if found.offset is None:
        article, _ = _file_article(path, found.id)
    else:
        try:
            with path.open("rb") as lines:
                lines.seek(found.offset)
                line = lines.readline()
        except OSError as exc:
            raise _unreadable(exc) from exc
        article, _ = _line_article(line)
    if article.version != found.version or (found.offset is not None and article.id != found.id):
        raise SourceError("it changed while it was being read. Sync again")
    return article


@dataclass(frozen=True, slots=True)
class _Walked:
    """The files of a place with their ids, its absolute path, what was passed over, and the folders that are closed."""

    files: tuple[tuple[Path, str], ...]
    scope: str
    notes: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    closed: tuple[str, ...] = ()


def _files(place: str | os.PathLike[str]) -> _Walked:
    stated = os.fspath(place)
    if re.match(r"[a-z][a-z0-9+.-]+://", stated, re.IGNORECASE):
        raise SourceError("web addresses cannot be read yet. Save the page as text, or list it in a .jsonl file")
    try:
        path = Path(stated).expanduser().resolve(strict=True)
    except FileNotFoundError as exc:
        raise SourceError("there is no such file or folder. Check the spelling, or give the whole path") from exc
    except (OSError, RuntimeError, ValueError) as exc:  # a folder that holds itself, ~nobody, a zero byte
        raise SourceError(f"it cannot be opened ({exc})") from exc
    if path.is_file():
        if path.suffix.lower() not in KINDS:
            raise SourceError(
                f"files of the kind {path.suffix or 'without ending'} cannot be read. Known are {', '.join(KINDS)}"
            )
        return _Walked(((path, _file_id(path.parent, path)),), path.as_posix())
    if not path.is_dir():
        raise SourceError("it is neither a file nor a folder")
    files: list[tuple[Path, str]] = []
    passed: dict[str, int] = {}
    linked: list[str] = []
    failed: list[Failure] = []
    closed: list[str] = []

    def cannot_be_read(error: OSError) -> None:
        folder = str(error.filename)
        failed.append(Failure(folder, f"the folder cannot be read: {error.strerror}. Check its permissions"))
        closed.append(Path(folder).as_posix())

    for folder, folders, names in os.walk(path, onerror=cannot_be_read):
        # Hidden files belong to programs; a fixed order makes every machine plan alike.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        linked.extend(os.path.join(folder, name) for name in folders if os.path.islink(os.path.join(folder, name)))
        for name in sorted(names):
            file = Path(folder, name)
            if name.startswith("."):
                continue
            if file.suffix.lower() in KINDS:
                files.append((file, _file_id(path, file)))
            else:
                passed[file.suffix.lower() or "no ending"] = passed.get(file.suffix.lower() or "no ending", 0) + 1
    known = ", ".join(KINDS)
    notes = [
        f"{stated}: {count} file{'' if count == 1 else 's'} with {kind} passed over; known are {known}"
        for kind, count in sorted(passed.items())
    ]
    # A link may lead back up, or to another place that is synced by itself.
    notes += [f"{link}: a link to a folder is not followed. Name the folder itself" for link in sorted(linked)]
    if not files and not failed:
        notes.append(f"{stated}: the folder holds no {', '.join(KINDS[:-1])} or {KINDS[-1]} file")
    return _Walked(tuple(files), path.as_posix(), tuple(notes), tuple(failed), tuple(closed))


def _file_id(root: Path, file: Path) -> str:
    return f"{root.name or 'root'}/{file.relative_to(root).as_posix()}"


def _items(path: Path, article_id: str) -> Iterator[Found | Failure]:
    try:
        path.as_posix().encode()
    except UnicodeEncodeError:
        yield Failure(without_surrogates(article_id), "its name, or its folder's, is not UTF-8 and cannot be stored. Rename it")
        return
    if os.path.exists(path) and not os.path.isfile(path):  # reading a pipe would wait for ever
        yield Failure(article_id, "it is neither a file nor a folder")
        return
    if path.suffix.lower() != ".jsonl":
        try:
            article, warnings = _file_article(path, article_id)
        except SourceError as exc:
            yield Failure(article_id, str(exc))
        else:
            yield Found(article_id, article.version, path.as_posix(), article_id, None, warnings)
        return
    offset = 0
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                name = f"{article_id} line {number}"
                try:
                    if line.strip():
                        article, warnings = _line_article(line)
                        yield Found(article.id, article.version, path.as_posix(), name, offset, warnings)
                except SourceError as exc:
                    yield Failure(name, str(exc))
                offset += len(line)
    except OSError as exc:
        yield Failure(article_id, str(_unreadable(exc)))
        return
    if not offset:
        yield Failure(article_id, _EMPTY)


def _unreadable(exc: OSError) -> SourceError:
    if isinstance(exc, FileNotFoundError):
        return SourceError("it is a link to nothing, or has just been removed. Mend the link or remove it")
    return SourceError(f"it cannot be read: {exc.strerror or exc}. Check the file's permissions")


def _file_article(path: Path, article_id: str) -> tuple[Article, tuple[str, ...]]:
    """A file that is one article: its text as decoded, less a leading date."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise _unreadable(exc) from exc
    if not data:
        raise SourceError(_EMPTY)
    text, encoding = decode(data)
    published, text = leading_date(text)
    if not text.strip():
        raise SourceError("it holds no words. Remove it, or put the article's text into it")
    title = None
    if path.suffix.lower() == ".md" and (heading := _HEADING.match(text)):
        title = heading.group(1).strip(" #") or None
    certain = encoding.startswith("utf-")  # as a mark or the bytes themselves tell; not charset-normalizer's guess, utf_16
    warnings = () if certain else (f"it is not UTF-8 and was read as {encoding}; if letters look wrong, save it as UTF-8",)
    return _article(article_id, text=text, title=title, published=published), warnings


def _line_article(line: bytes) -> tuple[Article, tuple[str, ...]]:
    """One line of a `.jsonl` file: `text`, `id` or `url`, and what is known of `title, published, source, author, language`."""
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise SourceError(f"it is not UTF-8 (byte {exc.start} of the line). Save the file as UTF-8") from exc
    except json.JSONDecodeError as exc:
        raise SourceError(f"it is not valid JSON: {exc.msg} at character {exc.pos + 1}") from exc
    except ValueError as exc:  # a number of thousands of digits
        raise SourceError("it is not an article: a number in it is too long") from exc
    except RecursionError as exc:
        raise SourceError("it is not an article: JSON nested too deeply") from exc
    if not isinstance(record, dict):
        raise SourceError('it is not an object like {"url": …, "text": …}')
    article_id, url = _fact(record, "id"), _fact(record, "url")
    if article_id is None and url is None:
        raise SourceError('it has neither "id" nor "url"; an article needs one of them')
    text = record.get("text")
    if not isinstance(text, str) or not text.strip():
        raise SourceError('it has no "text". Put the article\'s text under that name')
    stated = _fact(record, "published")
    published = read_date(stated) if stated else None
    warnings = () if published or not stated else (f"its date {stated[:40]!r} is not YYYY-MM-DD and is taken as unknown",)
    article = _article(
        article_id or url or "",
        text=without_surrogates(text),
        url=url,
        title=_fact(record, "title"),
        source=_fact(record, "source"),
        author=_fact(record, "author"),
        language=_fact(record, "language"),
        published=published,
    )
    return article, warnings


def _fact(record: dict[str, Any], name: str) -> str | None:
    value = record.get(name)
    if value is None or value == "":
        return None
    if name == "id" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise SourceError(f'its "{name}" is {type(value).__name__}, not text')
    return without_surrogates(value).strip() or None


def _article(article_id: str, **facts: Any) -> Article:
    content = {name: str(value) for name, value in facts.items() if value is not None}
    version = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return Article(article_id, version, **facts)
