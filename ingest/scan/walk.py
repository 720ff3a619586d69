"""A place to its files: which of a folder's are articles, what each is called, and what is passed over."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ingest.formats.kinds import KINDS, kind_of
from rag.errors import SourceError

__all__ = ["Walked", "exists", "files", "is_address"]

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def is_address(place: str) -> bool:
    """Whether a place is a web address and no path.

    >>> is_address("https://example.org/a"), is_address("C:/news"), is_address("news/a.html")
    (True, False, False)
    """
    return bool(_ADDRESS.match(place))


def exists(origin: str) -> bool:
    """Whether a file is still there; of an archive's member, whether the archive is."""
    return os.path.exists(origin) or any(
        parent.suffix.lower() == ".zip" and parent.is_file() for parent in Path(origin).parents
    )


@dataclass(frozen=True, slots=True)
class Walked:
    """The files of a place with their ids, its absolute path, the folder they lie in, what was passed over,
    and the folders that are closed."""

    files: tuple[tuple[Path, str], ...]
    scope: str
    root: Path
    notes: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()  # a folder, and why it cannot be read
    closed: tuple[str, ...] = ()


def files(place: str | os.PathLike[str]) -> Walked:
    """The files of a folder, or the one file. Raises `SourceError` for a place that is not there, or is
    neither.
    """
    stated = os.fspath(place)
    if not stated.strip():
        raise SourceError("the name of the place is empty. Write it out; the current folder is a single dot")
    try:
        path = Path(stated).expanduser().resolve(strict=True)
    except FileNotFoundError as exc:
        raise SourceError(
            "there is no such file or folder. Check the spelling, or give the whole path"
        ) from exc
    except (OSError, RuntimeError, ValueError) as exc:  # a folder that holds itself, ~nobody, a zero byte
        raise SourceError(f"it cannot be opened ({exc}). Check the name, and what it leads to") from exc
    if path.is_file():
        if kind_of(path.name) is None:
            raise SourceError(
                f"files of the kind {path.suffix or 'without ending'} cannot be read. Known are "
                f"{', '.join(KINDS)}"
            )
        return Walked(((path, _file_id(path.parent, path)),), path.as_posix(), path.parent)
    if not path.is_dir():
        raise SourceError("it is neither a file nor a folder. Name one of these")
    found: list[tuple[Path, str]] = []
    passed: dict[str, int] = {}
    linked: list[str] = []
    outward: list[str] = []
    failed: list[tuple[str, str]] = []

    def cannot_be_read(error: OSError) -> None:
        failed.append(
            (str(error.filename), f"the folder cannot be read: {error.strerror}. Check its permissions")
        )

    beside = 0
    for folder, folders, names in os.walk(path, onerror=cannot_be_read):
        # Hidden files belong to programs; a fixed order makes every machine plan alike.
        pages = {name for name in names if kind_of(name) == "html"}
        inner = [name for name in folders if not name.startswith(".")]
        # A browser that saves a page puts its pictures and scripts into a folder beside it; the frames there
        # are no articles.
        saved = {name for name in inner if _page_beside(name, pages)}
        beside += len(saved)
        folders[:] = sorted(set(inner) - saved)
        linked.extend(
            os.path.join(folder, name) for name in folders if os.path.islink(os.path.join(folder, name))
        )
        for name in sorted(names):
            file = Path(folder, name)
            if name.startswith("."):
                continue
            if kind_of(name) and file.is_symlink() and _leads_out(file, path):
                outward.append(str(file))
            elif kind_of(name):
                found.append((file, _file_id(path, file)))
            else:
                passed[file.suffix.lower() or "no ending"] = (
                    passed.get(file.suffix.lower() or "no ending", 0) + 1
                )
    known = ", ".join(KINDS)
    notes = [
        f"{stated}: {count} file{'' if count == 1 else 's'} with {kind} passed over; known are {known}"
        for kind, count in sorted(passed.items())
    ]
    if beside:
        notes.append(
            f"{stated}: {beside} folder{'' if beside == 1 else 's'} with the parts of saved pages passed over"
        )
    # A link may lead back up, or to another place that is synced by itself.
    notes += [
        f"{link}: a link to a folder is not followed. Name the folder itself" for link in sorted(linked)
    ]
    # What it leads to may be anybody's: a key, or another's mail.
    notes += [
        f"{link}: a link that leads out of the folder is not followed. Name what it leads to"
        for link in outward
    ]
    if not found and not failed:
        notes.append(f"{stated}: the folder holds no file that can be read; known are {known}")
    closed = tuple(Path(folder).as_posix() for folder, _ in failed)
    return Walked(tuple(found), path.as_posix(), path, tuple(notes), tuple(failed), closed)


def _leads_out(link: Path, root: Path) -> bool:
    """Whether a link, or the chain of links that it begins, ends outside of a folder. One that ends nowhere
    does not.
    """
    return not Path(os.path.realpath(link)).is_relative_to(root)


def _page_beside(folder: str, pages: set[str]) -> bool:
    for ending in ("_files", "-Dateien", "_fichiers", "_archivos", ".files"):
        if folder.endswith(ending):
            stem = folder.removesuffix(ending)
            return any(f"{stem}{kind}" in pages for kind in (".html", ".htm", ".xhtml"))
    return False


def _file_id(root: Path, file: Path) -> str:
    return f"{root.name or 'root'}/{file.relative_to(root).as_posix()}"
