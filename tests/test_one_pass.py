"""A sync opens each file once and parses each article once: counted where Python opens files and where lines
become objects, not in functions of ours."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import WordEncoder

import ingest.scan.scanner
from ingest import preview, remove, sync
from ingest.formats.articles import article
from ingest.formats.extracted import Extracted
from ingest.scan import ArticleReader, Spool, scan
from rag.config import Config
from rag.errors import SourceError
from rag.types import IngestReport

pytestmark = pytest.mark.slow  # documents are parsed in processes of their own

CORPUS = Path(__file__).parent / "corpus"
WORDS = "The storm reached the coast on Monday and felled nine trees, the harbour master said."

_opened: Counter[str] = Counter()
_watched: list[str] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched and event == "open" and isinstance(arguments[0], str | os.PathLike):
        path = os.fspath(arguments[0])
        if isinstance(path, str) and path.startswith(_watched[0]):
            _opened[os.path.relpath(path, _watched[0])] += 1


sys.addaudithook(_audit)  # for ever: it cannot be taken away, only given nothing to watch


@pytest.fixture
def news(tmp_path: Path) -> Path:
    """A folder with a file of each kind, packed and not."""
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "a.txt").write_text(f"{WORDS} Text.")
    (folder / "b.md").write_text(f"# Storm\n\n{WORDS} Markdown.")
    (folder / "c.txt.gz").write_bytes(gzip.compress(f"{WORDS} Packed.".encode()))
    lines = [json.dumps({"id": f"line {n}", "text": f"{WORDS} Line {n}."}) for n in range(3)]
    (folder / "d.jsonl").write_text("\n".join(lines))
    (folder / "e.csv").write_text(f'id,text\nrow 1,"{WORDS} Row 1."\nrow 2,"{WORDS} Row 2."\n')
    for name in ("pdf/*.pdf", "docx/*.docx", "epub/*.epub", "eml/*.eml", "html/harbor*.html"):
        source = sorted(CORPUS.glob(name))[0]
        (folder / f"f{source.suffix}").write_bytes(source.read_bytes())
    with zipfile.ZipFile(folder / "g.zip", "w") as archive:
        archive.writestr("a.txt", f"{WORDS} In an archive.")
        archive.writestr("b.jsonl", json.dumps({"id": "inner", "text": f"{WORDS} A line in an archive."}))
        archive.writestr("c.html", (folder / "f.html").read_bytes().replace(b"<p>", b"<p>Again: "))
    return folder


@pytest.fixture
def opened(news: Path) -> Iterator[Callable[[], dict[str, int]]]:
    """What was opened in the folder since the last call, and how often."""
    _opened.clear()
    _watched[:] = [str(news)]

    def since() -> dict[str, int]:
        found = dict(_opened)
        _opened.clear()
        return found

    yield since
    _watched.clear()


@pytest.fixture
def take(news: Path, tmp_path: Path) -> Callable[..., IngestReport]:
    config = Config(home=tmp_path / "home", encoder=WordEncoder.name)
    return lambda **options: sync(news, config, encoder=WordEncoder(), **options)


def age(folder: Path) -> None:
    """As if written long ago: a file that is fresh is not trusted to be as it was noted."""
    for path in folder.iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))


def test_a_sync_opens_each_file_once_and_the_next_opens_none(
    news: Path, take: Callable[..., IngestReport], opened: Callable[[], dict[str, int]]
) -> None:
    age(news)
    report = take()
    assert (len(report.added), report.failed) == (16, ())
    assert opened() == {path.name: 1 for path in news.iterdir()}
    assert len(take().kept) == 16
    assert opened() == {}


def test_a_changed_file_is_opened_once_and_its_neighbours_are_not(
    news: Path, take: Callable[..., IngestReport], opened: Callable[[], dict[str, int]]
) -> None:
    age(news)
    take()
    (news / "a.txt").write_text(f"{WORDS} Corrected.")
    (news / "f.html").write_bytes((news / "f.html").read_bytes().replace(b"<p>", b"<p>Corrected: "))
    opened()
    assert take().replaced == ("news/a.txt", "news/f.html")
    assert opened() == {"a.txt": 1, "f.html": 1}


def test_what_was_removed_is_read_from_its_unchanged_file_opened_once(
    news: Path,
    tmp_path: Path,
    take: Callable[..., IngestReport],
    opened: Callable[[], dict[str, int]],
) -> None:
    age(news)
    take()
    gone = ["news/a.txt", "line 0", "line 2", "row 1", "news/f.pdf", "news/g.zip/a.txt", "inner"]
    remove(gone, Config(home=tmp_path / "home", encoder=WordEncoder.name), encoder=WordEncoder())
    opened()
    assert sorted(take().added) == sorted(gone)
    assert opened() == {"a.txt": 1, "d.jsonl": 1, "e.csv": 1, "f.pdf": 1, "g.zip": 1}


def test_a_preview_opens_each_file_once_and_keeps_nothing(
    news: Path, tmp_path: Path, opened: Callable[[], dict[str, int]]
) -> None:
    config = Config(home=tmp_path / "home", encoder=WordEncoder.name)
    assert len(preview(news, config).added) == 16
    assert opened() == {path.name: 1 for path in news.iterdir()}


def test_each_line_is_parsed_once(
    news: Path, take: Callable[..., IngestReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: Counter[str] = Counter()
    loads = json.loads

    def counted(source: str, **options: Any) -> Any:
        found = loads(source, **options)
        if isinstance(found, dict) and "id" in found and "text" in found:
            parsed[found["id"]] += 1
        return found

    monkeypatch.setattr(json, "loads", counted)
    take()
    assert parsed == {"line 0": 1, "line 1": 1, "line 2": 1, "inner": 1}


def test_a_large_document_is_opened_again_and_not_taken_for_another(
    news: Path, monkeypatch: pytest.MonkeyPatch, opened: Callable[[], dict[str, int]]
) -> None:
    monkeypatch.setattr(ingest.scan.scanner, "LARGEST_DOCUMENT", 100)
    with Spool() as spool, ArticleReader(spool=spool) as reader:
        (found,) = scan([news / "f.html"], spool=spool).found
        assert found.slot is None
        made, _ = reader.read(found)
        assert (made.id, opened()) == ("news/f.html", {"f.html": 2})
        (news / "f.html").write_text("<p>Another.</p>")
        with pytest.raises(SourceError, match=r"^it changed while it was being read\. Sync again$"):
            reader.read(found)


def test_a_file_that_changes_after_the_scan_is_stored_as_it_was_planned(news: Path) -> None:
    with Spool() as spool, ArticleReader(spool=spool) as reader:
        (found,) = scan([news / "a.txt"], spool=spool).found
        (news / "a.txt").write_text("Another.")
        assert reader.read(found)[0].text == f"{WORDS} Text."


# The spool


def test_what_outgrows_the_memory_lies_in_a_temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{WORDS} {n} " * 100 for n in range(20)]
    with Spool(memory=50_000, free=0) as spool:
        slots = [spool.put(article(str(n), Extracted(text))) for n, text in enumerate(texts)]
        assert {slot.offset >= 0 for slot in slots if slot} == {False, True}
        read = [spool.get(slot) for slot in reversed(slots) if slot]
    assert [made.text for made in reversed(read)] == texts  # type: ignore[union-attr]


def test_without_room_on_the_disk_nothing_more_is_kept_and_files_are_read_again(news: Path) -> None:
    with Spool(memory=1, free=10**18) as spool, ArticleReader(spool=spool) as reader:
        assert spool.put(b"some bytes") is None
        found = scan([news], spool=spool).found
        assert {item.slot for item in found} == {None}
        assert len({reader.read(item)[0].id for item in found}) == 16
