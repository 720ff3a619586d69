"""The folder of a collection's uploaded files. A file is moved into it when its articles are added, and
deleted with the last of them.

Each change is journaled in the folder until it is complete. A process that is killed in the middle leaves no
unwanted file, and loses no file that was replaced.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from filelock import FileLock, Timeout

from rag.errors import CollectionError, NameTaken, SourceError
from rag.surfaces.file_names import numbered
from rag.surfaces.upload_form import Upload
from rag.system.files import private_folder
from rag.types import Failure, IngestReport

__all__ = ["Conflict", "UploadFolder"]

Conflict = Literal["ask", "replace", "keep"]
_FOLDER = "upload"
_ADDING = ".adding"  # the folder inside it for a change in progress; hidden, so that a sync skips it
_JOURNAL = "files.json"


@dataclass(frozen=True, slots=True)
class _Placed:
    """A file that was moved into the folder: its path before, its path now, and a copy of what it
    replaced."""

    source: Path
    target: Path
    replaced: Path | None


class UploadFolder:
    """The uploaded files of the collection in `home`. `articles` gives the ids of the articles read from a
    file."""

    def __init__(self, home: Path, articles: Callable[[Path], Sequence[str]]) -> None:
        self.folder, self._articles = (home / _FOLDER).resolve(), articles
        self._change = self.folder / _ADDING

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder. Raises `CollectionError` while another thread or process has it locked."""
        try:
            with _translated_errors(self.folder):
                private_folder(self.folder.parent)
                private_folder(self.folder)
                lock = FileLock(self.folder.parent / "upload.lock", timeout=0)
                lock.acquire()
        except Timeout as exc:
            raise CollectionError(
                "articles are already being added or removed. Try again when that is done"
            ) from exc
        try:
            with _translated_errors(self.folder):
                self._recover()
            yield
        finally:
            lock.release()

    def name_conflicts(self, upload: Upload) -> tuple[str, ...]:
        """The names of uploaded files that belong to files with other content already."""
        with _translated_errors(self.folder):
            return tuple(file.name for file in upload.files if self._is_conflict(file.path, file.name))

    @contextmanager
    def placing(
        self, upload: Upload, conflict: Conflict
    ) -> Iterator[tuple[list[Path], Callable[[IngestReport], None]]]:
        """Move the files of an upload into the folder. Yields their paths and a function to confirm them.

        Confirm with the report of the sync: files with an added, replaced or unchanged article stay. Without
        it, all files are moved back at the end of the block. Raises `NameTaken`, with nothing changed, where
        `conflict` is "ask" and there are name conflicts.
        """
        placed: list[_Placed] = []
        reports: list[IngestReport] = []
        try:
            with _translated_errors(self.folder):
                files = self._place(upload, conflict, placed)
            yield files, reports.append
        finally:
            with _translated_errors(self.folder):
                if reports:
                    self._confirm(files, placed, reports[0])
                else:
                    for file in reversed(placed):
                        self._move_back(file)
                shutil.rmtree(self._change, ignore_errors=True)

    def remove_unused(self, file: Path) -> None:
        """Delete a file if none of its articles is left. Raises `SourceError` where that fails."""
        if file.is_file() and not self._articles(file):
            try:
                file.unlink()
            except OSError as exc:
                raise SourceError(
                    f"the article was removed, but its file in {self.folder} cannot be deleted: "
                    f"{exc.strerror}"
                ) from exc

    def file_of(self, origin: str) -> Path | None:
        """The uploaded file of an article, by its origin; `None` for an article from elsewhere."""
        path = Path(origin)
        if not path.is_relative_to(self.folder) or path == self.folder:
            return None
        return self.folder / path.relative_to(self.folder).parts[0]

    def with_short_paths(self, report: IngestReport) -> IngestReport:
        """The report with `upload/NAME` instead of paths of this machine."""

        def shortened(text: str) -> str:
            return text.replace(f"{self.folder.as_posix()}/", f"{_FOLDER}/")

        failed = tuple(
            Failure(shortened(failure.item), shortened(failure.reason)) for failure in report.failed
        )
        renamed = tuple((article_id, shortened(origin)) for article_id, origin in report.renamed)
        return replace(
            report, failed=failed, renamed=renamed, warnings=tuple(map(shortened, report.warnings))
        )

    def _is_conflict(self, file: Path, name: str) -> bool:
        """Whether another file of this name, with other content, is still used by an article."""
        there = self.folder / name
        return there.is_file() and not filecmp.cmp(file, there, shallow=False) and bool(self._articles(there))

    def _place(self, upload: Upload, conflict: Conflict, placed: list[_Placed]) -> list[Path]:
        if conflict not in get_args(Conflict):
            raise ValueError(f"replace must be one of {', '.join(get_args(Conflict))}, not {conflict!r}")
        others = set(self.name_conflicts(upload))
        if others and conflict == "ask":
            raise NameTaken([file.name for file in upload.files if file.name in others])
        plan: list[tuple[Path, Path]] = []
        same: list[Path] = []
        named = {file.name for file in upload.files}
        for file in upload.files:
            name = file.name
            is_blocked = (self.folder / name).exists() and not (self.folder / name).is_file()
            if is_blocked or (name in others and conflict == "keep"):
                name = self._free(name, named)
                named.add(name)
            there = self.folder / name
            if there.is_file() and filecmp.cmp(file.path, there, shallow=False):
                same.append(there)  # synced again, since an earlier run may have been stopped
            else:
                plan.append((file.path, there))
        self._write_journal(plan)
        for source, there in plan:
            earlier = self._change / "earlier" / there.name if there.exists() else None
            if earlier:
                earlier.parent.mkdir(mode=0o700, exist_ok=True)
                os.replace(there, earlier)
            placed.append(_Placed(source, there, earlier))
            shutil.move(source, there)
        return [*same, *(there for _, there in plan)]

    def _free(self, name: str, named: set[str]) -> str:
        number = 2
        while (free := numbered(name, number)) in named or (self.folder / free).exists():
            number += 1
        return free

    def _confirm(self, files: Sequence[Path], placed: Sequence[_Placed], report: IngestReport) -> None:
        good = {*report.added, *report.replaced, *report.kept}
        moved = {file.target: file for file in placed}
        for file in files:
            ids = self._articles(file)
            if good.intersection(ids) or (ids and file not in moved):
                continue
            if ids and (replaced := moved[file].replaced):
                os.replace(replaced, file)  # the stored articles are still those of the replaced file
            else:
                file.unlink(missing_ok=True)

    def _move_back(self, placed: _Placed) -> None:
        if placed.source.exists():  # it was not moved, or not completely
            placed.target.unlink(missing_ok=True)
        else:
            shutil.move(placed.target, placed.source)
        if placed.replaced:
            os.replace(placed.replaced, placed.target)

    def _write_journal(self, plan: Sequence[tuple[Path, Path]]) -> None:
        self._change.mkdir(mode=0o700)
        notes = json.dumps([there.name for _, there in plan])
        (self._change / "unfinished").write_text(notes, encoding="utf-8")
        os.replace(self._change / "unfinished", self._change / _JOURNAL)

    def _recover(self) -> None:
        """Undo the incomplete change of a killed process."""
        if not self._change.is_dir():
            return
        notes = self._change / _JOURNAL
        for name in json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else ():
            earlier, there = self._change / "earlier" / name, self.folder / name
            if earlier.exists():
                os.replace(earlier, there)
            elif there.exists() and not self._articles(there):
                there.unlink()
        shutil.rmtree(self._change)


@contextmanager
def _translated_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if isinstance(exc, Timeout):
            raise
        raise SourceError(f"uploaded files cannot be stored in {folder}: {exc.strerror or exc}") from exc
