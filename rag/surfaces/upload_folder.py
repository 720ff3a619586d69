"""The folder in which a collection keeps what was uploaded: a file comes into it when it is taken in, and
leaves it with the last of its articles.

What is done to the folder is noted in it until it is done with, so that a process that is killed in the
middle leaves no file that nobody asked for, and loses none that was replaced.
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
from rag.surfaces.uploads import Upload, numbered
from rag.system.files import private_folder
from rag.types import Failure, IngestReport

__all__ = ["Conflict", "UploadFolder"]

Conflict = Literal["ask", "replace", "keep"]
_FOLDER = "upload"
# the folder inside it for what is under way; hidden, so that a sync of the whole folder passes over it
_ADDING = ".adding"
_NOTES = "files.json"


@dataclass(frozen=True, slots=True)
class _Placed:
    """A file that was put into the folder: where it came from, where it lies, and where the one lies that it
    replaces.
    """

    came: Path
    lies: Path
    earlier: Path | None


class UploadFolder:
    """The uploaded files of the collection in `home`. `articles` are the ids of those that were read from one
    of them.
    """

    def __init__(self, home: Path, articles: Callable[[Path], Sequence[str]]) -> None:
        self.folder, self._articles = (home / _FOLDER).resolve(), articles
        self._under_way = self.folder / _ADDING

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder against every other thread and process. Raises `CollectionError` while another one
        has it.
        """
        try:
            with _kept_in(self.folder):
                private_folder(self.folder.parent)
                private_folder(self.folder)
                lock = FileLock(self.folder.parent / "upload.lock", timeout=0)
                lock.acquire()
        except Timeout as exc:
            raise CollectionError(
                "articles are being added or removed just now. Try again when that is done"
            ) from exc
        try:
            with _kept_in(self.folder):
                self._recover()
            yield
        finally:
            lock.release()

    def taken(self, upload: Upload) -> tuple[str, ...]:
        """The names of an upload's files under which articles with other content are here already."""
        with _kept_in(self.folder):
            return tuple(file.name for file in upload.files if self._other(file.path, file.name))

    @contextmanager
    def holding(
        self, upload: Upload, conflict: Conflict
    ) -> Iterator[tuple[list[Path], Callable[[IngestReport], None]]]:
        """The files of an upload put into the folder, and what settles which of them stay: those that a
        report says something good of. Where that is not called, everything is put back as it was.

        Raises `NameTaken`, having done nothing, where `conflict` is "ask" and names are taken.
        """
        placed: list[_Placed] = []
        settled: list[IngestReport] = []
        try:
            with _kept_in(self.folder):
                files = self._put(upload, conflict, placed)
            yield files, settled.append
        finally:
            with _kept_in(self.folder):
                if settled:
                    self._settle(files, placed, settled[0])
                else:
                    for each in reversed(placed):
                        self._put_back(each)
                shutil.rmtree(self._under_way, ignore_errors=True)

    def let_go(self, file: Path) -> None:
        """Remove a file of the folder if no article is left of it. Raises `SourceError` where that cannot be
        done.
        """
        if file.is_file() and not self._articles(file):
            try:
                file.unlink()
            except OSError as exc:
                raise SourceError(
                    f"the article is removed, but its file stays in {self.folder}: {exc.strerror}"
                ) from exc

    def file_of(self, origin: str) -> Path | None:
        """The file in the folder from which an article was read, by its origin; `None` where it is from
        elsewhere.
        """
        path = Path(origin)
        if not path.is_relative_to(self.folder) or path == self.folder:
            return None
        return self.folder / path.relative_to(self.folder).parts[0]

    def told(self, report: IngestReport) -> IngestReport:
        """A report that calls the files as their articles are called, and does not say where on this machine
        they lie.
        """

        def shortened(text: str) -> str:
            return text.replace(f"{self.folder.as_posix()}/", f"{_FOLDER}/")

        failed = tuple(
            Failure(shortened(failure.item), shortened(failure.reason)) for failure in report.failed
        )
        renamed = tuple((article_id, shortened(origin)) for article_id, origin in report.renamed)
        return replace(
            report, failed=failed, renamed=renamed, warnings=tuple(map(shortened, report.warnings))
        )

    def _other(self, file: Path, name: str) -> bool:
        """Whether a file of this name is here with other content. One that no article is left of is none."""
        there = self.folder / name
        return there.is_file() and not filecmp.cmp(file, there, shallow=False) and bool(self._articles(there))

    def _put(self, upload: Upload, conflict: Conflict, placed: list[_Placed]) -> list[Path]:
        if conflict not in get_args(Conflict):
            raise ValueError(f"replace must be one of {', '.join(get_args(Conflict))}, not {conflict!r}")
        others = set(self.taken(upload))
        if others and conflict == "ask":
            raise NameTaken([file.name for file in upload.files if file.name in others])
        plan: list[tuple[Path, Path]] = []
        same: list[Path] = []
        named = {file.name for file in upload.files}
        for file in upload.files:
            name = file.name
            in_the_way = (self.folder / name).exists() and not (self.folder / name).is_file()
            if in_the_way or (name in others and conflict == "keep"):
                name = self._free(name, named)
                named.add(name)
            there = self.folder / name
            if there.is_file() and filecmp.cmp(file.path, there, shallow=False):
                same.append(
                    there
                )  # it is read again all the same: an earlier run may have been stopped before its end
            else:
                plan.append((file.path, there))
        self._note(plan)
        for came, there in plan:
            earlier = self._under_way / "earlier" / there.name if there.exists() else None
            if earlier:
                earlier.parent.mkdir(mode=0o700, exist_ok=True)
                os.replace(there, earlier)
            placed.append(_Placed(came, there, earlier))
            shutil.move(came, there)
        return [*same, *(there for _, there in plan)]

    def _free(self, name: str, named: set[str]) -> str:
        number = 2
        while (free := numbered(name, number)) in named or (self.folder / free).exists():
            number += 1
        return free

    def _settle(self, files: Sequence[Path], placed: Sequence[_Placed], report: IngestReport) -> None:
        good = {*report.added, *report.replaced, *report.kept}
        put = {each.lies: each for each in placed}
        for file in files:
            ids = self._articles(file)
            if good.intersection(ids) or (ids and file not in put):
                continue
            if ids and (earlier := put[file].earlier):
                os.replace(earlier, file)  # what is stored is still what was read from that one
            else:
                file.unlink(missing_ok=True)

    def _put_back(self, placed: _Placed) -> None:
        if placed.came.exists():  # it was not moved, or not wholly
            placed.lies.unlink(missing_ok=True)
        else:
            shutil.move(placed.lies, placed.came)
        if placed.earlier:
            os.replace(placed.earlier, placed.lies)

    def _note(self, plan: Sequence[tuple[Path, Path]]) -> None:
        self._under_way.mkdir(mode=0o700)
        notes = json.dumps([there.name for _, there in plan])
        (self._under_way / "unfinished").write_text(notes, encoding="utf-8")
        os.replace(self._under_way / "unfinished", self._under_way / _NOTES)

    def _recover(self) -> None:
        """Undo what a process that was killed has begun."""
        if not self._under_way.is_dir():
            return
        notes = self._under_way / _NOTES
        for name in json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else ():
            earlier, there = self._under_way / "earlier" / name, self.folder / name
            if earlier.exists():
                os.replace(earlier, there)
            elif there.exists() and not self._articles(there):
                there.unlink()
        shutil.rmtree(self._under_way)


@contextmanager
def _kept_in(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if isinstance(exc, Timeout):
            raise
        raise SourceError(f"what was uploaded cannot be kept in {folder}: {exc.strerror or exc}") from exc
