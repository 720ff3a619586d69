"""Rows and lines: which is an article, what other programs call our facts, and what is no table."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import date
from pathlib import Path

import pytest

from ingest.formats.records import stated_columns
from ingest.scan import ArticleReader, Scan, ScannedArticle, scan
from ingest.scan.files import numbered_lines
from rag.errors import SourceError
from rag.types import Article, Failure

TEXT = "The storm reached the coast on Monday and felled nine trees."


def write(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def articles(scanned: Scan, columns: dict[str, str] | None = None) -> list[Article]:
    with ArticleReader(columns or {}) as readings:
        return [readings.read(found)[0] for found in scanned.found]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", f"id,title,text,published,source,author,language,url\n1,Storm,{TEXT},2024-01-15,Dawn,Ana,en,https://example.org/1\n"),
        ("a.csv", f"id;title;text;published;source;author;language;url\r\n1;Storm;{TEXT};15.1.2024;Dawn;Ana;en;https://example.org/1\r\n"),
        ("a.tsv", f"id\ttitle\ttext\tpublished\tsource\tauthor\tlanguage\turl\n1\tStorm\t{TEXT}\tJan. 15, 2024\tDawn\tAna\ten\thttps://example.org/1"),
        ("a.csv", f"\ufeffid|title|text|published|source|author|language|url\n1|Storm|{TEXT}|20240115|Dawn|Ana|en|https://example.org/1\n"),
        ("a.csv", f'"id","headline","body","date","outlet","byline","lang","link"\n"1","Storm","{TEXT}","2024-01-15","Dawn","Ana","en","https://example.org/1"\n'),
        ("a.csv", f"ID,Headline,Article Text,Publication Date,Outlet,Authors,Lang,Permalink\n1,Storm,{TEXT},2024-01-15,Dawn,Ana,en,https://example.org/1\n"),
        ("a.jsonl", json.dumps({"id": 1, "headline": "Storm", "content": TEXT, "published_at": "2024-01-15T10:00Z", "publisher": "Dawn", "authors": ["Ana"], "lang": "en", "link": "https://example.org/1"})),
    ],
)  # fmt: skip
def test_a_row_is_an_article_whatever_divides_it_and_whatever_its_columns_are_commonly_called(
    tmp_path: Path, name: str, data: str
) -> None:
    scanned = scan([write(tmp_path / name, data)])
    assert (scanned.failed, scanned.warnings) == ((), ())
    (made,) = articles(scanned)
    assert (made.id, made.url, made.title, made.text) == ("1", "https://example.org/1", "Storm", TEXT)
    assert (made.source, made.author, made.language, made.published) == (
        "Dawn",
        "Ana",
        "en",
        date(2024, 1, 15),
    )


def test_a_mapping_names_columns_that_nobody_could_guess(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"Nr;Inhalt;Zeile;Tag\n7;{TEXT};Sturm;15.01.2024\n")
    (failure,) = scan([path]).failed
    assert failure == Failure(
        f"{tmp_path.name}/a.csv row 1",
        'it has neither "id" nor "url"; an article needs one of them. If a column has another name, say so with --column url=NAME',
    )
    columns = {"id": "Nr", "text": "Inhalt", "title": "Zeile", "published": "Tag"}
    (made,) = articles(scan([path], columns=columns), columns)
    assert (made.id, made.text, made.title, made.published) == ("7", TEXT, "Sturm", date(2024, 1, 15))
    assert dict(made.provenance) == {"title": "column Zeile", "published": "column Tag"}


def test_a_mapping_goes_before_a_column_of_our_own_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json.dumps({"id": "1", "text": "In short.", "body": TEXT}))
    (made,) = articles(scan([path], columns={"text": "body"}), {"text": "body"})
    assert made.text == TEXT
    (made,) = articles(scan([path]))
    assert made.text == "In short."


@pytest.mark.parametrize(
    ("columns", "reason"), [({"txt": "Body"}, "there is no column 'txt'"), ({"text": " "}, "has no name")]
)
def test_a_mapping_of_what_we_do_not_have_is_refused(columns: dict[str, str], reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        stated_columns(columns)


def test_a_cell_may_hold_lines_quotation_marks_and_the_divider(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,text\n1,"He said ""no"", twice;\nand left."\n\n2,"Then, rain."\n')
    scanned = scan([path])
    assert [(made.id, made.text) for made in articles(scanned)] == [
        ("1", 'He said "no", twice;\nand left.'),
        ("2", "Then, rain."),
    ]
    assert [found.position for found in scanned.found] == [1, 3]


def test_rows_are_read_again_one_by_one_in_any_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,text\n" + "".join(f"{n},Story {n}.\n" for n in range(50)))
    found = scan([path]).found
    with ArticleReader() as readings:
        order = [*found[::-1], *found[::7]]
        assert [readings.read(item)[0].id for item in order] == [item.id for item in order]


@pytest.mark.parametrize(
    ("data", "reasons"),
    [
        ("", ["it is empty. Remove it, or put the article's text into it"]),
        ("id,text\n", ["it is empty. Remove it, or put the article's text into it"]),
        ("id,text\n1,\n2,Rain.\n", ['it has no "text". Put the article\'s text under that name, or say which column it is with --column text=NAME']),
        ("id,text,text\n1,a,b\n", ["two of its columns are called 'text'. Give each a name of its own"]),
        (",".join(f"c{n}" for n in range(10_000)) + "\n1\n", ["it has 10,000 columns; a table of articles may have at most 1,000. Keep only those needed"]),
        ("id,text\n1," + ",".join("x" * 10_000) + "\n", ["its row 1 has 10,001 cells under 2 names. Export it again"]),
        ('id,text\n1,"Rain.\n', ["its table is damaged below row 0: unexpected end of data. Export it again"]),
        (b"id,text\n1,\xff\xfe\x00\x01\x02\x03\x04\x05\x06\n", None),
    ],
)  # fmt: skip
def test_what_is_no_table_is_a_reason(tmp_path: Path, data: str | bytes, reasons: list[str] | None) -> None:
    scanned = scan([write(tmp_path / "a.csv", data)])
    if reasons is None:
        assert len(scanned.failed) == 1
    else:
        assert [failure.reason for failure in scanned.failed] == reasons


def test_a_table_in_another_encoding_is_read_and_one_that_is_damaged_far_down_is_a_reason(
    tmp_path: Path,
) -> None:
    rows = "".join(f"{n},Der Bürgermeister von Köln sprach über Straßen.\n" for n in range(20))
    (tmp_path / "b").mkdir()
    scanned = scan([write(tmp_path / "b" / "a.csv", ("id,text\n" + rows).encode("cp1252"))])
    assert {made.text for made in articles(scanned)} == {"Der Bürgermeister von Köln sprach über Straßen."}
    long = "id,text\n" + "".join(
        f"{n},Rain fell on the hills of the far south for days.\n" for n in range(3_000)
    )
    scanned = scan([write(tmp_path / "c.csv", long.encode() + b"9999,\xff\xff\n")])
    assert scanned.failed[-1].reason.startswith("it looks like utf-8 but is damaged below row")
    assert scanned.unsure == {str(tmp_path / "c.csv")}, "nothing may be pruned from it"


# Archives and packed files


def zipped(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.slow
def test_an_archive_is_a_folder(tmp_path: Path) -> None:
    page = f"<html><h1>Storm</h1><p>{TEXT}</p></html>"
    path = zipped(
        tmp_path / "news.zip",
        {"b/a.txt": TEXT, "page.html": page, "feed.jsonl": '{"id": "x", "text": "One."}\n{"id": "y", "text": "Two."}', "c.txt.gz": gzip.compress(b"Rain."),
         "t.csv": "id,text\nz,Three.\n", "picture.png": b"x", "__MACOSX/b/._a.txt": "x", ".hidden.txt": "x"},
    )  # fmt: skip
    scanned = scan([path])
    name = f"{tmp_path.name}/news.zip"
    assert [found.id for found in scanned.found] == [
        f"{name}/b/a.txt",
        f"{name}/c.txt.gz",
        "x",
        "y",
        f"{name}/page.html",
        "z",
    ]
    assert [made.text for made in articles(scanned)] == [TEXT, "Rain.", "One.", "Two.", TEXT, "Three."]
    assert [found.origin for found in scanned.found][:3] == [
        f"{path}/b/a.txt",
        f"{path}/c.txt.gz",
        f"{path}/feed.jsonl",
    ]
    assert scanned.many == {str(path), f"{path}/feed.jsonl", f"{path}/t.csv"}
    assert [warning.split(". ")[0] for warning in scanned.warnings] == [f"{name}: 1 file in it skipped"]


def test_a_member_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.txt", "x")
    path = zipped(
        tmp_path / "news.zip",
        {"../../out.txt": "Out.", "a.txt": TEXT, "b.txt": "", "deep.zip": inner.getvalue()},
    )
    scanned = scan([path])
    assert [made.text for made in articles(scanned)] == [TEXT]
    name = f"{tmp_path.name}/news.zip"
    assert scanned.failed == (
        Failure(f"{name}/../../out.txt", "its name leads out of the archive. Do not trust it"),
        Failure(f"{name}/b.txt", "it is empty. Remove it, or put the article's text into it"),
        Failure(f"{name}/deep.zip", "it is an archive within an archive. Unpack it, and name the folder"),
    )
    assert not (tmp_path.parent / "out.txt").exists()
    assert scanned.unsure == {str(path)}


def test_a_packed_file_is_read_as_what_it_packs(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"id": str(n), "text": f"Story {n}."}) + "\n" for n in range(300))
    scanned = scan([write(tmp_path / "feed.jsonl.gz", gzip.compress(lines.encode()))])
    assert [made.text for made in articles(scanned)] == [f"Story {n}." for n in range(300)]
    assert (
        scan([write(tmp_path / "a.txt.gz", b"Rain.")])
        .failed[0]
        .reason.startswith("it is not a whole gzip file")
    )
    cut = gzip.compress(lines.encode())[:-20]
    assert (
        scan([write(tmp_path / "cut.jsonl.gz", cut)])
        .failed[-1]
        .reason.startswith("it is not a whole gzip file")
    )


@pytest.mark.slow
def test_a_bomb_is_refused_before_it_has_gone_off(tmp_path: Path) -> None:
    bomb = gzip.compress(b"\0" * 150_000_000)
    (failure,) = scan([write(tmp_path / "bomb.txt.gz", bomb)]).failed
    assert "which suggests a file made to do harm" in failure.reason
    (failure,) = scan([write(tmp_path / "bomb.jsonl.gz", bomb)]).failed
    assert "longer than 64,000,000 bytes" in failure.reason
    lines = gzip.compress(b"\n" * 150_000_000)
    (failure,) = scan([write(tmp_path / "lines.jsonl.gz", lines)]).failed
    assert "which suggests a file made to do harm" in failure.reason


def test_lines_keep_their_places_and_numbers_behind_many_empty_ones(tmp_path: Path) -> None:
    lines = [b"", b"one", *[b""] * 20_000, b" ", b"", b"two", b"\r", b"", b"", b"three"]
    path = write(tmp_path / "a.jsonl", b"\n".join(lines))
    plain, buffered = io.BytesIO(path.read_bytes()), path.open("rb")
    with buffered:
        found = list(numbered_lines(buffered))
    assert found == list(numbered_lines(plain))
    assert [(number, line.strip()) for _, number, line in found] == [
        (2, b"one"),
        (20_005, b"two"),
        (20_009, b"three"),
    ]
    assert [path.read_bytes()[place:].split(b"\n")[0] for place, _, _ in found] == [b"one", b"two", b"three"]


def test_an_article_in_an_archive_that_was_renamed_keeps_its_mark(tmp_path: Path) -> None:
    found: list[ScannedArticle] = []
    for name in ("a.zip", "b.zip"):
        found += scan([zipped(tmp_path / name, {"a.txt": TEXT, "p.pdf": b"%PDF-1.4"})]).found
    assert (found[0].content_hash, found[1].content_hash) == (found[2].content_hash, found[3].content_hash)
    assert all(item.named_by_place for item in found)


def test_a_long_table_in_utf16_is_read(tmp_path: Path) -> None:
    rows = "id,text\n" + "".join(f"{n},Rain fell on the hills of Köln for days.\n" for n in range(3_000))
    scanned = scan([write(tmp_path / "a.csv", rows.encode("utf-16"))])
    assert (len(scanned.found), scanned.failed) == (3_000, ())
