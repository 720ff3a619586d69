"""Damaged and hostile files of every format, by every way in: an article whole or a reason that helps, and
never a hang.

The files of the corpus are bent, cut and spliced, with and without their packing, and looked for traps put
into them. Run longer by hand: FUZZ_EXAMPLES=300 .venv/bin/python -m pytest tests/test_fuzz.py
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import re
import struct
import time
import unicodedata
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from conftest import WordEncoder
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingest.collection import sync
from ingest.formats.articles import FACTS
from ingest.formats.parsing import Parsers
from ingest.scan import ArticleReader, scan
from rag.config import Config
from rag.errors import SourceError
from rag.store.catalog import Catalog
from rag.types import Article, Failure

pytestmark = pytest.mark.slow

CORPUS = Path(__file__).parent / "corpus"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))  # of each format
SECONDS = 20.0  # for one document
LONGEST = 30.0  # seconds for one file, with all that is in it
WORDS = "Iran struck first. Pakistan replied."
# What stands in a file as it is: a text is stored as decoded, and its offsets are those of the file.
AS_IT_STANDS = (".txt", ".md", ".jsonl", ".csv")

SEEDS = {
    kind: [
        (path.name, path.read_bytes())
        for path in sorted((CORPUS / kind).iterdir())
        if 0 < path.stat().st_size < 200_000 and path.suffix != ".mhtml"
    ]
    for kind in ("txt", "md", "jsonl", "csv", "html", "pdf", "docx", "epub", "eml", "zip", "gz")
}


# Changes to a file


ANYWHERE = (
    b"\0\0\0\0",
    b"\xed\xa0\x80\xed\xb0\x80",  # two halves of a pair, as UTF-8 that is none
    b"\xff\xfe",
    b"\x1b[2J\x07\x9b31m",
    "\u202eOLLEH\u2066\u200b\ufeff\u2028\x85".encode(),
    b"A" * 20_000,
    b"word " * 20_000,
    b"\n" * 20_000,
    b"9" * 6_000,
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b"(" * 5_000,
    b"=cmd()|' /C calc'!A0",
    b"%s%n{0}${x}\\u0000\\ud800",
    b"data:text/html;base64," + b"QUJD" * 500 + b"!!!",
)
MARKUP = (
    b"<div>" * 5_000,
    b"<p>" * 5_000,
    b"<ul><li>" * 2_000,
    b"<table><tr><td>" * 300,
    b"<b " + b"a='1' " * 3_000 + b">",
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>&c;',
    b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><p>&a;</p>',
    b"<![CDATA[ <p> ]]>",
    b"]]>",
    b"<!--",
    b"<script>",
    b"&#0;&#x1b;&#xd800;&#x110000;&#133;&#99999999999;",
    b'<script type="application/ld+json">{"@type":"NewsArticle","headline":"A\\u0000\\ud800B","datePublished":"0000-99-99",'
    b'"author":[[[{"name":{}}]]],"url":"http://[::1"}</script>',
    b'<meta name="author" content="\x1b[1m&#27;A">',
    b'<meta property="article:published_time" content="99999999-01-01">',
    b'<base href="http://[">',
    b'<meta charset="utf-7">',
    b'<meta charset="idna">',
    b'<html lang="\x07">',
)
OWN = {
    "txt": (b"date 0000-00-00 ", b"date 9999-12-31 ", "By Ａ١٢\n٣ March ٢٠٢٤\n".encode()),
    "md": (
        b"---\ntitle: &a [*a]\n---\n",
        b"---\ntitle: *" + b"a" * 5_000 + b"\n---\n",
        b"---\n" + b"{" * 5_000 + b"\n---\n",
        b"---\n? [a]\n: b\n!!python/object:os.system x\n---\n",
        b'---\ntitle: "a\\0\\ud800"\nurl: [1, {}]\ndate: 99999-01-01\n---\n',
        b"# \x00\n",
    ),
    "jsonl": (
        b'{"id": 1e999, "text": NaN}\n',
        b'{"id": "1", "text": "\\u0000\\ud800"}\n',
        b'{"url\\n": 5, "id": "7", "text": "a"}\n',
        b'{"' + b" " * 600 + b'url": 5, "text": "a"}\n',
        b'{"id": "1", "id": "2", "text": "a", "text": []}\n',
        b'{"id": "' + b"i" * 9_000 + b'", "text": "a", "published": "' + b"1" * 90 + b'"}\n',
        b'{"id": {}, "text": "a"}\n',
        b"\xef\xbb\xbf",
    ),
    "csv": (b'"', b'""",\r\n"', b"\r", b";" * 1_500 + b"\n", b'a,a\n"' + b"x" * 200_000, b"id,text," + b"n" * 900 + b",", b"\t|;"),
    "html": MARKUP,
    "pdf": (
        b"startxref\n0\n%%EOF",
        b"trailer << /Size 9 /Root 1 0 R /Prev 9 >>\nstartxref\n9\n%%EOF",
        b"/Kids [2 0 R 2 0 R]",
        b"/Parent 1 0 R /Count -1",
        b"1 0 obj 1 0 R endobj",
        b"2 0 obj << /Type /Pages /Kids [2 0 R] /Count 999999999 >> endobj",
        b"/Length 99999999999",
        b"/Length 7 0 R",
        b"<< /Type /ObjStm /N 999999999 /First 9 >>",
        b"/Filter [/FlateDecode /FlateDecode /LZWDecode /ASCII85Decode]",
        b"/Filter /JBIG2Decode /DecodeParms << /Predictor 15 /Columns 99999999 >>",
        b"/MediaBox [0 0 1e40 -1e40]",
        b" 1e300 0 0 1e-300 0 0 cm 1e30 0 0 1e30 9e99 9e99 Tm ",
        b" /F1 99999999 Tf -99 TL 1e9 Tc (A) ' ",
        b" /Fm0 Do /Fm1 Do q q q q Q ",
        b"[" * 3_000,
        b"<<" * 3_000,
        b"/Title (\xfe\xff\xd8\x00\x00\x00\x00\x1b) /Lang (\x07\x00)",
        b"(A) Tj " * 3_000,
    ),
    "docx": (
        *MARKUP,
        b"<w:tbl><w:tr><w:tc>" * 400,
        b"<w:sdt><w:sdtContent>" * 400,
        b'<w:numId w:val="99999999999999999999"/><w:ilvl w:val="-1"/>',
        b'<w:basedOn w:val="Normal"/>',
    ),
    "epub": (*MARKUP, b'<itemref idref="a"/>', b'href="../../../etc/passwd"', b"<dc:title>\n\x85</dc:title>", b'<a href="%00%ff"/>'),
    "eml": (
        *MARKUP,
        b"\nSubject: =?utf-8?b?////?= =?x-none?q?=00=FF?=\n",
        b"\nFrom: <<<@@@>,:;\n",
        b"\nFrom: " + b"(" * 200 + b"a@b\n",
        b"\nDate: Mon, 99 Foo 99999 99:99:99 +99999\n",
        b"\nDate: Mon, 1 Jan 2024 10:00:00 +9999999999\n",
        b"\nContent-Type: multipart/mixed; boundary=a\n\n" + b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 60,
        b"\nContent-Type: message/rfc822\n\n" * 60,
        b'\nContent-Type: text/plain; charset="\x00\xff"; charset*0=utf-8\n',
        b"\nContent-Transfer-Encoding: base64\n\n" + b"QUJ\x00=D!" * 300,
        b"\nContent-Transfer-Encoding: x-uuencode\n\nbegin 666 a\n#AAAAA\n",
        b'\nContent-Disposition: attachment; filename*=utf-8\'\'a%00%ff%0Ab; filename="' + b"f" * 900 + b'"\n',
        b"\n> " * 5_000,
        b"\nList-Id: \x1b[1mA\x00 <a>\nArchived-At: <http://[\x07>\n",
    ),
    "zip": (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06" + bytes(18), b"PK\x06\x07" + b"\xff" * 16, b"../../"),
    "gz": (b"\x1f\x8b\x08\x00", b"\x1f\x8b\x08\x04" + bytes(6) + b"\xff\xff", bytes(9)),
}  # fmt: skip
HOW = ("flip", "insert", "delete", "repeat", "swap", "cut", "splice", "trap", "trap", "lie")


@dataclass(frozen=True, slots=True)
class Change:
    """A change at a place in a file; `at` and `to` are shares of its length, `which` says which trap and
    which other file.
    """

    how: str
    at: float
    to: float
    which: int


def changed(data: bytes, change: Change, kind: str, other: bytes) -> bytes:
    at, to = sorted((int(change.at * len(data)), int(change.to * len(data))))
    to = min(to, at + 1 + change.which % 400)
    if change.how == "flip":
        return (
            data[:at]
            + bytes(byte ^ (1 << change.which % 8) for byte in data[at : at + 1 + change.which % 4])
            + data[at + 4 :]
        )
    if change.how == "insert":
        return data[:at] + random.Random(change.which).randbytes(1 + change.which % 60) + data[at:]
    if change.how == "delete":
        return data[:at] + data[to:]
    if change.how == "repeat":
        return data[:to] + data[at:to] * (1 + change.which % 50) + data[to:]
    if change.how == "swap":
        middle = (at + to) // 2
        return data[:at] + data[middle:to] + data[at:middle] + data[to:]
    if change.how == "cut":
        return data[:at]
    if change.how == "splice":
        return data[:at] + other[int(change.to * len(other)) :]
    if change.how == "lie":
        return lied(data, change.which)
    traps = (*OWN[kind], *OWN[kind], *ANYWHERE)
    return data[:at] + traps[change.which % len(traps)] + data[at:]


def lied(data: bytes, which: int) -> bytes:
    """A number that a file states of itself, made wrong: a size in a zip file's directory, a length or a
    place in a PDF, else whatever number comes."""
    places = [
        (m.start(), shift) for m in re.finditer(rb"PK\x01\x02", data) for shift in (8, 10, 20, 24, 28, 42)
    ]
    if places:
        at, shift = places[which % len(places)]
        return data[: at + shift] + struct.pack("<I", which * 2_654_435_761 % 2**32) + data[at + shift + 4 :]
    numbers = list(re.finditer(rb"\d+", data))
    if not numbers:
        return data
    found = numbers[which % len(numbers)]
    return (
        data[: found.start()] + (b"0", b"-1", b"1", b"4294967296", b"9" * 20)[which % 5] + data[found.end() :]
    )


def inside(kind: str, data: bytes, where: float, change: Callable[[bytes], bytes]) -> bytes:
    """The file with the change made to what it packs."""
    if kind == "gz":
        return gzip.compress(change(gzip.decompress(data)), mtime=0)
    if kind == "pdf":
        streams = list(re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL))
        for found in streams[int(where * len(streams)) :]:
            try:
                plain = zlib.decompress(found.group(1))
            except zlib.error:
                continue
            return data[: found.start(1)] + zlib.compress(change(plain)) + data[found.end(1) :]
        return change(data)
    if kind not in ("docx", "epub", "zip"):
        return change(data)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as packed, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as copy:
        members = [info for info in packed.infolist() if info.file_size < 1_000_000]
        chosen = members[int(where * len(members))].filename if members else ""
        for info in packed.infolist():
            content = packed.read(info) if info in members else b""
            copy.writestr(info.filename, change(content) if info.filename == chosen else content)
    return out.getvalue()


def bent(kind: str, which: int, unpacked: float | None, changes: Sequence[Change]) -> tuple[str, bytes]:
    """One of the corpus's files after these changes, made to what it packs at the share `unpacked`, or to its
    bytes.
    """
    seeds = SEEDS[kind]
    name, data = seeds[which % len(seeds)]

    def change(plain: bytes) -> bytes:
        for one in changes:
            plain = changed(plain, one, kind, seeds[one.which % len(seeds)][1])
        return plain

    return name, change(data) if unpacked is None else inside(kind, data, unpacked, change)


# Spread out: hypothesis prefers numbers near 0, and there stands what tells a format.
SHARES = st.integers(0, 10_006).map(lambda n: (6_180 * n + 3_000) % 10_007 / 10_007)
CHANGES = st.lists(
    st.builds(Change, st.sampled_from(HOW), SHARES, SHARES, st.integers(0, 10_000)), min_size=1, max_size=4
)


# What must hold


def failure_is_helpful(failure: Failure) -> None:
    """It names an item, says in a few words what is the matter, and in another sentence what to do."""
    assert failure.item
    assert failure.item.encode()
    helpful(failure.reason)
    assert re.search(r"[.?!)] [A-Z]|: .*\. ", failure.reason), (
        f"it does not say what to do: {failure.reason[:500]}"
    )


def helpful(words: str) -> None:
    assert words.encode()
    assert "Traceback" not in words
    assert len(words) <= 400, words[:500]
    assert not controls(words), ascii(words)


def controls(text: str, but: str = "") -> set[str]:
    return {c for c in text if c not in but and unicodedata.category(c) in ("Cc", "Cs")}


def article_is_whole(article: Article, kind: str) -> None:
    assert article.id
    assert article.text.strip()
    assert article.published is None or type(article.published) is date
    stated = {name for name in FACTS if getattr(article, name) is not None}
    assert {name for name, _ in article.provenance} == stated
    assert all(place.strip() for _, place in article.provenance)
    assert all(0 <= begin <= len(article.text) for begin in article.pages)
    assert list(article.pages) == sorted(article.pages)
    for value in (article.id, article.text, *(str(getattr(article, name)) for name in stated)):
        value.encode()
    for name in stated - {"published"}:
        assert getattr(article, name).strip(), name
    if kind not in AS_IT_STANDS:
        assert not controls(article.text, "\n\t"), controls(article.text, "\n\t")
        assert article.text == article.text.strip()
        for name in stated - {"published"}:
            assert not controls(getattr(article, name)), (name, ascii(getattr(article, name)))


def read_all(place: Path, parsers: Parsers) -> tuple[list[Article], list[Failure]]:
    """Everything that a place holds, by the way a sync takes."""
    began = time.monotonic()
    articles: list[Article] = []
    with ArticleReader(parsers=parsers) as readings:
        scanned = scan([place])
        failed = list(scanned.failed)
        said = list(scanned.warnings)
        for found in scanned.found:
            try:
                article, more = readings.read(found)
            except SourceError as exc:
                failed.append(Failure(found.name, str(exc)))
                continue
            article_is_whole(article, Path((found.member or found.origin).removesuffix(".gz")).suffix)
            articles.append(article)
            said += more
    for failure in failed:
        failure_is_helpful(failure)
    for warning in said:
        helpful(warning.replace(place.as_posix(), ""))
    assert time.monotonic() - began < LONGEST
    assert articles or failed or said, "something is said of every file"
    return articles, failed


@pytest.fixture(scope="module")
def parsers() -> Iterator[Parsers]:
    with Parsers(seconds=SECONDS) as them:
        yield them


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bent")


@pytest.mark.parametrize("kind", SEEDS)
def test_a_damaged_file_is_read_or_refused_with_a_reason(kind: str, folder: Path, parsers: Parsers) -> None:
    came = Counter[str]()

    # Without shrinking: a hang would be repeated for minutes. What failed is left in the folder.
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 10_000), st.none() | SHARES, CHANGES)
    def fuzz(which: int, unpacked: float | None, changes: list[Change]) -> None:
        name, data = bent(kind, which, unpacked, changes)
        place = folder / name
        place.write_bytes(data)
        articles, failed = read_all(place, parsers)
        came.update(articles=len(articles), failed=len(failed))
        place.unlink()

    fuzz()
    assert came["articles"] or EXAMPLES < 10, "where nothing can be read any more, little is tried"


def test_a_folder_of_damaged_files_is_synced_and_a_second_sync_changes_nothing(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    chance = random.Random(20_240_120)
    news = tmp_path / "news"
    news.mkdir()
    kinds = list(SEEDS)
    for number in range(60):
        changes = [
            Change(chance.choice(HOW), chance.random(), chance.random(), chance.randrange(10_000))
            for _ in range(chance.randint(1, 3))
        ]
        kind = kinds[number % len(kinds)]
        name, data = bent(kind, chance.randrange(100), chance.random() if number % 3 else None, changes)
        (news / f"{number}-{name}").write_bytes(data)
    (news / "long.txt").write_text("Profit rose 12% to $3bn. " + "x" * 200_000 + "\n" + "word " * 20_000)
    scanned = scan([news])
    began = time.monotonic()
    first = sync([news], config, encoder=encoder)
    second = sync([news], config, encoder=encoder)
    assert time.monotonic() - began < 2 * LONGEST
    assert first.items == len(scanned.found) + len(scanned.failed)
    assert second.items == first.items
    assert (first.replaced, first.removed, first.kept) == ((), (), ())
    assert (second.added, second.replaced, second.removed, second.passages) == ((), (), (), 0)
    assert set(second.kept) == set(first.added)
    assert set(second.failed) == set(first.failed)
    assert len(first.added) >= 30
    assert len(first.failed) >= 20
    for failure in first.failed:
        failure_is_helpful(failure)
    catalog = Catalog(config.home, config)
    try:
        articles, passages = catalog.count()
        assert (articles, passages) == (len(first.added), first.passages)
        keys = catalog.keys()
        assert len(keys) == passages, "every passage is in the indexes"
        texts = {article_id: catalog.article(article_id) for article_id in catalog.known()}
        for place in catalog.passages(keys).values():
            article = texts[place.article_id]
            assert article is not None
            assert article.passage(place.start, place.end).text.strip()
    finally:
        catalog.close()


# Hostile folders and archives


@pytest.fixture
def news(tmp_path: Path) -> Path:
    place = tmp_path / "news"
    place.mkdir()
    return place


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        warnings.simplefilter("ignore")  # it says that a name is doubled
        for name, content in members:
            packed.writestr(name, content)
    return out.getvalue()


def test_links_that_lead_in_a_ring_are_not_followed(news: Path, parsers: Parsers) -> None:
    (news / "a.txt").write_text(WORDS)
    (news / "deeper").mkdir()
    (news / "deeper" / "up").symlink_to(news)
    (news / "self.txt").symlink_to("self.txt")
    (news / "one.html").symlink_to("two.html")
    (news / "two.html").symlink_to("one.html")
    articles, failed = read_all(news, parsers)
    assert [article.id for article in articles] == ["news/a.txt"]
    assert [failure.item for failure in failed] == ["news/one.html", "news/self.txt", "news/two.html"]


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.html", "a.zip", "a.csv.gz"])
@pytest.mark.parametrize("how", ["vanishes", "is emptied", "is a folder"])
def test_a_file_that_is_another_when_it_is_read_is_said_to_be(
    news: Path, parsers: Parsers, name: str, how: str
) -> None:
    path = news / name
    record = json.dumps({"id": "1", "text": WORDS}).encode()
    path.write_bytes(
        {
            ".txt": WORDS.encode(),
            ".jsonl": record,
            ".html": SEEDS["html"][0][1],
            ".zip": zipped(("a.txt", WORDS.encode())),
            ".gz": gzip.compress(b"id,text\n1,Iran struck first.\n"),
        }[path.suffix]
    )
    (found,) = scan([news]).found
    path.unlink()
    if how == "is emptied":
        path.touch()
    elif how == "is a folder":
        path.mkdir()
    with ArticleReader(parsers=parsers) as readings, pytest.raises(SourceError) as refused:
        readings.read(found)
    failure_is_helpful(Failure(found.name, str(refused.value)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_not_waited_for_whatever_its_name_says(news: Path) -> None:
    for name in ("a.txt", "b.jsonl", "c.csv", "d.pdf", "e.zip", "f.txt.gz"):
        os.mkfifo(news / name)
    scanned = scan([news])
    assert (len(scanned.found), len(scanned.failed)) == (0, 6)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_failure_and_the_rest_is_read(news: Path, parsers: Parsers) -> None:
    for name in ("a.txt", "b.txt", "c.zip"):
        (news / name).write_text(WORDS)
    for name in ("b.txt", "c.zip"):
        (news / name).chmod(0)
    articles, failed = read_all(news, parsers)
    assert [article.id for article in articles] == ["news/a.txt"]
    assert [failure.item for failure in failed] == ["news/b.txt", "news/c.zip"]


def test_names_with_anything_in_them_are_read_or_refused_and_synced(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    unseen = ["a\nb.txt", "\u202egpj.txt"]  # an id of an article is shown and typed
    odd = [
        "🗞️ news.md",
        " .txt ",
        " lead.txt",
        "-rf.txt",
        "'; DROP TABLE.txt",
        "%00.txt",
        "a" * 250 + ".md",
    ]
    for name in [*odd, *unseen]:
        (news / name).write_text(WORDS)
    try:
        with open(os.fsencode(news) + b"/caf\xe9.txt", "w", encoding="utf-8") as file:
            file.write(WORDS)
    except OSError:  # a file system on which every name is UTF-8
        pass
    report = sync([news], config, encoder=encoder)
    assert set(report.added) == {f"news/{name}" for name in odd if name != " .txt "}, (
        "“.txt ” is no ending that is known"
    )
    refused = {failure.item for failure in report.failed}
    assert refused - {"news/caf\\udce9.txt"} == {"news/a\\nb.txt", "news/\\u202egpj.txt"}
    for failure in report.failed:
        failure_is_helpful(failure)
    assert set(sync([news], config, encoder=encoder).kept) == set(report.added)


def test_thousands_of_files_in_one_folder_are_found_in_order(news: Path) -> None:
    for number in range(3_000):
        (news / f"{number:04}.txt").write_text(WORDS)
    began = time.monotonic()
    scanned = scan([news])
    assert [found.id for found in scanned.found] == [f"news/{number:04}.txt" for number in range(3_000)]
    assert scanned.failed == ()
    assert time.monotonic() - began < LONGEST


def test_a_folder_two_hundred_deep_is_walked_to_its_end(news: Path, parsers: Parsers) -> None:
    place = news.joinpath(*["in"] * 200)
    place.mkdir(parents=True)
    (place / "a.txt").write_text(WORDS)
    articles, failed = read_all(news, parsers)
    assert ([article.id for article in articles], failed) == (["news/" + "in/" * 200 + "a.txt"], [])


def test_a_zip_of_thousands_is_scanned_and_read(news: Path, parsers: Parsers) -> None:
    (news / "a.zip").write_bytes(zipped(*((f"{number:04}.txt", WORDS.encode()) for number in range(5_000))))
    began = time.monotonic()
    scanned = scan([news])
    assert (len(scanned.found), scanned.failed) == (5_000, ())
    with ArticleReader(parsers=parsers) as readings:
        assert readings.read(scanned.found[-1])[0].text == WORDS
    assert time.monotonic() - began < LONGEST


def test_of_two_members_of_a_zip_with_one_name_the_last_is_read(news: Path, parsers: Parsers) -> None:
    (news / "a.zip").write_bytes(
        zipped(("a.txt", b"The first."), ("a.txt", b"The second."), ("A.txt", b"The third."))
    )
    articles, failed = read_all(news, parsers)
    assert [(article.id, article.text) for article in articles] == [
        ("news/a.zip/A.txt", "The third."),
        ("news/a.zip/a.txt", "The second."),
    ]
    reason = "2 files in the archive are called 'a.txt'; only the last is added. Give each a name of its own"
    assert failed == [Failure("news/a.zip/a.txt", reason)]


def test_a_packed_file_within_a_packed_file_is_not_unpacked(news: Path, parsers: Parsers) -> None:
    (news / "a.zip").write_bytes(
        zipped(("in.zip", zipped(("a.txt", WORDS.encode()))), ("a.txt.gz", gzip.compress(WORDS.encode())))
    )
    (news / "b.txt.gz").write_bytes(gzip.compress(gzip.compress(WORDS.encode())))
    (news / "c.txt.gz.gz").write_bytes(gzip.compress(gzip.compress(WORDS.encode())))
    (news / "d.zip.gz").write_bytes(gzip.compress(zipped(("a.txt", WORDS.encode()))))
    articles, failed = read_all(news, parsers)
    assert [article.id for article in articles] == ["news/a.zip/a.txt.gz"]
    assert [failure.item for failure in failed] == ["news/a.zip/in.zip", "news/b.txt.gz"]


def test_a_table_of_ten_thousand_columns_is_no_table_of_articles(news: Path, parsers: Parsers) -> None:
    (news / "a.csv").write_text("id,text," + ",".join(f"c{n}" for n in range(10_000)) + "\n1,a\n")
    (news / "b.csv").write_text("id,text\n1,a" + "," * 10_000 + "\n")
    articles, failed = read_all(news, parsers)
    assert (articles, [failure.item for failure in failed]) == ([], ["news/a.csv row 1", "news/b.csv row 1"])


# What was found


def reasons(place: Path, parsers: Parsers, data: bytes) -> list[str]:
    place.write_bytes(data)
    return [failure.reason for failure in read_all(place, parsers)[1]]


def mail(*headers: str, body: str = WORDS) -> bytes:
    return "\n".join(("From: Ana Torell <ana@example.org>", "Subject: Talks", *headers, "", body)).encode()


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "1", "text": "a\tb"}',
        '{"url\\n": 5, "id": "7", "text": "a"}',
        '{"' + " " * 600 + 'url": 5, "text": "a"}',
        '{"title": "a"}',
        "[1]",
        '{"id": ' + "1" * 5_000 + "}",
        "[" * 100_000,
    ],
    ids=range(7),
)
def test_a_bad_line_is_said_in_a_line_of_its_own_with_what_to_do(
    news: Path, parsers: Parsers, line: str
) -> None:
    assert len(reasons(news / "a.jsonl", parsers, line.encode())) == 1


def test_a_bad_table_is_said_in_a_line_of_its_own_with_what_to_do(news: Path, parsers: Parsers) -> None:
    doubled = "n" * 900
    assert (
        "'" + "n" * 60 + "'"
        in reasons(news / "a.csv", parsers, f"id,text,{doubled},{doubled}\n1,a".encode())[0]
    )
    assert reasons(news / "a.csv", parsers, b'id\ttext\n1\t"a"b\n') == [
        "its table is damaged below row 0: 'tab' expected after '\"'. Export it again"
    ]


def test_front_matter_does_not_fill_a_warning(news: Path, parsers: Parsers) -> None:
    assert (
        reasons(news / "a.md", parsers, b"---\ntitle: *" + b"a" * 5_000 + b"\n---\n" + WORDS.encode()) == []
    )


def test_the_facts_of_a_page_hold_no_control_characters(news: Path, parsers: Parsers) -> None:
    text = f"<p>{WORDS} " + "The talks went on until midnight, and nobody left. " * 5 + "</p>"
    said = '<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Iran\\u0000 struck\\u0085 first"}</script>'
    place = news / "a.html"
    place.write_text(
        f"<html><head>{said}<meta name='author' "
        f"content='\x07'></head><body><article>{text}</article></body></html>"
    )
    ((article,), _) = read_all(place, parsers)
    assert (article.title, article.author) == ("Iran struck first", None)


@pytest.mark.parametrize("charset", ["undefined", "idna", "hex", "none-such"])
def test_a_page_that_names_an_encoding_of_another_kind_is_read(
    news: Path, parsers: Parsers, charset: str
) -> None:
    page = SEEDS["html"][3][1].replace(b"<head>", f'<head><meta charset="{charset}">'.encode(), 1)
    assert reasons(news / "a.html", parsers, page) == []


@pytest.mark.parametrize("charset", ["utf-7x", "iso-2022-none", "hz-none", "undefined"])
def test_a_mail_in_an_encoding_that_there_is_not_is_read(news: Path, parsers: Parsers, charset: str) -> None:
    place = news / "a.eml"
    place.write_bytes(mail(f'Content-Type: text/plain; charset="{charset}"'))
    assert read_all(place, parsers)[0][0].text == WORDS


def test_a_mail_with_an_endless_header_is_read_at_once(news: Path, parsers: Parsers) -> None:
    place = news / "a.eml"
    place.write_bytes(mail("Content-Type: text/plain; " + '"' * 100_000))
    began = time.monotonic()
    assert read_all(place, parsers)[0][0].text == WORDS
    assert time.monotonic() - began < SECONDS / 2


def test_attachments_are_named_only_as_far_as_a_reader_reads(news: Path, parsers: Parsers) -> None:
    part = '--a\nContent-Type: image/png\nContent-Disposition: attachment; filename="' + "f" * 900 + '"\n\n\n'
    data = mail("Content-Type: multipart/mixed; boundary=a", body=part * 60 + "--a--\n")
    (reason,) = reasons(news / "a.eml", parsers, data)
    assert "and 55 more" in reason


def test_the_name_of_a_member_does_not_fill_a_reason(news: Path, parsers: Parsers) -> None:
    data = bytearray(zipped(("a" * 60_000 + "\n.txt", WORDS.encode())))
    data[30 + 60_005 + 2] ^= 0xFF  # within what is packed, behind the header and the name
    (reason,) = reasons(news / "a.zip", parsers, bytes(data))
    assert "in it is damaged" in reason
