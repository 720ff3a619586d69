"""A place to its files: which of a folder's are articles, what each is called, and what is passed over."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
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
    neither."""
    stated = os.fspath(place)
    if not stated.strip():
        raise SourceError("the place is empty. For the current folder, write a single dot")
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
            kind = path.suffix or "without ending"
            raise SourceError(f"files of the kind {kind} cannot be read. Supported are {', '.join(KINDS)}")
        return Walked(((path, _file_id(path.parent, path)),), path.as_posix(), path.parent)
    if not path.is_dir():
        raise SourceError("it is neither a file nor a folder. Name one of these")
    return _Folder(path, stated).walked()


class _Folder:
    """A folder that is walked through; `stated` is how it was named."""

    def __init__(self, path: Path, stated: str) -> None:
        self._path, self._stated = path, stated
        self._files: list[tuple[Path, str]] = []
        self._passed_over: Counter[str] = Counter()  # by ending
        self._page_parts = 0  # folders with the parts of saved pages
        self._linked_folders: list[str] = []
        self._outward_links: list[str] = []
        self._failed: list[tuple[str, str]] = []

    def walked(self) -> Walked:
        for folder, folders, names in os.walk(self._path, onerror=self._cannot_be_read):
            folders[:] = self._to_enter(folder, folders, names)
            for name in sorted(names):  # a fixed order makes every machine plan alike
                if not name.startswith("."):
                    self._file(Path(folder, name))
        closed = tuple(Path(folder).as_posix() for folder, _ in self._failed)
        scope = self._path.as_posix()
        return Walked(
            tuple(self._files), scope, self._path, tuple(self._notes()), tuple(self._failed), closed
        )

    def _cannot_be_read(self, error: OSError) -> None:
        why = f"the folder cannot be read: {error.strerror}. Check its permissions"
        self._failed.append((str(error.filename), why))

    def _to_enter(self, folder: str, folders: list[str], names: list[str]) -> list[str]:
        """The folders to go on into. Hidden ones belong to programs. A browser that saves a page puts its
        pictures and scripts into a folder beside it; the frames there are no articles."""
        pages = {name for name in names if kind_of(name) == "html"}
        shown = {name for name in folders if not name.startswith(".")}
        parts = {name for name in shown if _page_beside(name, pages)}
        self._page_parts += len(parts)
        entered = sorted(shown - parts)
        places = (os.path.join(folder, name) for name in entered)
        self._linked_folders += [place for place in places if os.path.islink(place)]  # os.walk passes them
        return entered

    def _file(self, file: Path) -> None:
        if kind_of(file.name) is None:
            self._passed_over[file.suffix.lower() or "no ending"] += 1
        elif file.is_symlink() and _leads_out(file, self._path):
            self._outward_links.append(str(file))
        else:
            self._files.append((file, _file_id(self._path, file)))

    def _notes(self) -> Iterator[str]:
        known = ", ".join(KINDS)
        for kind, count in sorted(self._passed_over.items()):
            files = f"{count} file{'' if count == 1 else 's'}"
            yield f"{self._stated}: {files} with {kind} skipped. Supported are {known}"
        if count := self._page_parts:
            folders = f"{count} folder{'' if count == 1 else 's'}"
            yield f"{self._stated}: {folders} with the parts of saved pages skipped"
        for link in sorted(self._linked_folders):  # it may lead back up, or to a place synced by itself
            yield f"{link}: a link to a folder is not followed. Name the folder itself"
        for link in self._outward_links:  # what it leads to may be anybody's: a key, or another's mail
            yield f"{link}: a link that leads out of the folder is not followed. Name what it leads to"
        if not self._files and not self._failed:
            yield f"{self._stated}: the folder contains no file that can be read. Supported are {known}"


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
