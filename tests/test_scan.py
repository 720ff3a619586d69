"""Files and folders to articles: ids that are the same on every machine, and a reason for whatever is not
taken in.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from conftest import SEEDS, write_jsonl

import ingest.scan.scanner
from ingest.formats.kinds import KINDS
from ingest.scan import ArticleReader, Scan, ScannedArticle, scan
from ingest.scan.walk import Walked
from rag.errors import SourceError
from rag.types import Article, Failure

KNOWN = ", ".join(KINDS)
UNSEEN = "its id, or its name, contains a line break or another invisible character. Rename it"
WORDS = "Iran struck first. Pakistan replied."


@pytest.fixture
def news(tmp_path: Path) -> Path:
    folder = tmp_path / "news"
    folder.mkdir()
    return folder


def write(path: Path, text: str | bytes = WORDS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def ids(scanned: Scan) -> list[str]:
    return [found.id for found in scanned.found]


def read(found: ScannedArticle) -> Article:
    with ArticleReader() as readings:
        return readings.read(found)[0]


def only(scanned: Scan) -> Article:
    """The one article there is, read."""
    assert scanned.failed == ()
    (found,) = scanned.found
    return read(found)


def refused(scanned: Scan) -> str:
    """Why the one thing there is was not taken in."""
    assert scanned.found == ()
    (failure,) = scanned.failed
    return failure.reason


# Files and folders


def test_a_file_is_named_by_its_folder_and_its_place_in_it(news: Path) -> None:
    for name in ("b.txt", "a.md", "2024/05/c.TXT", "2024/d.txt"):
        write(news / name)
    scanned = scan([news])
    assert ids(scanned) == ["news/a.md", "news/b.txt", "news/2024/d.txt", "news/2024/05/c.TXT"]
    assert [found.origin for found in scanned.found] == [
        str(news / found.id.removeprefix("news/")) for found in scanned.found
    ]
    assert scanned.origins == {found.origin for found in scanned.found}
    assert scanned.scopes == (str(news),)
    assert (scanned.failed, scanned.warnings, scanned.unsure) == ((), (), frozenset())


def test_an_id_does_not_depend_on_how_the_folder_was_named(
    news: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(news / "a.txt")
    monkeypatch.chdir(news.parent)
    (news.parent / "link").symlink_to(news)
    monkeypatch.setenv("HOME", str(news.parent))
    for spelled in ("news", "./news/", "news/../news", str(news), "link", "~/news", Path("news")):
        assert scan([spelled]).found == scan([news]).found
    monkeypatch.chdir(news)
    assert scan(["."]).found == scan([news]).found


def test_a_single_file_is_named_by_its_folder_too(news: Path) -> None:
    path = write(news / "a.txt")
    assert scan([path]).found == scan([news]).found
    assert scan([path]).scopes == (str(path),)


def test_what_is_named_twice_is_read_once(news: Path) -> None:
    path = write(news / "a.txt")
    scanned = scan([news, path, news])
    assert ids(scanned) == ["news/a.txt"]
    assert scanned.scopes == (str(news), str(path), str(news))


def test_a_txt_file_is_stored_as_decoded_less_its_leading_date(news: Path) -> None:
    write(news / "a.txt", " date 2024-01-20 WASHINGTON -\r\n The “end” \n")
    assert only(scan([news])) == Article(
        "news/a.txt",
        scan([news]).found[0].content_hash,
        "WASHINGTON -\r\n The “end” \n",
        published=date(2024, 1, 20),
        provenance=(("published", "leading date"),),
    )


def test_the_seed_articles_are_read_to_the_letter() -> None:
    scanned = scan([SEEDS])
    articles = [read(found) for found in scanned.found]
    assert (len(articles), scanned.failed, scanned.warnings) == (5, (), ())
    for article in articles:
        whole = (SEEDS / article.id.removeprefix("seeds/")).read_bytes().decode()
        date_line = f"date {article.published}" if article.published else ""
        assert whole.removesuffix(article.text).strip() == date_line
        assert whole.endswith(article.text)
    assert [article.published for article in articles] == [
        date(2024, 1, 20),
        date(2024, 1, 18),
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Iran struck first #\n\nText.", "Iran struck first"),
        ("\n\n#\tIran  struck\r\nText.", "Iran  struck"),
        ("date 2024-01-20\n# Iran\nText.", "Iran"),
        ("Text.\n# Iran\n", None),
        ("## Iran\nText.", None),
        ("#Iran\nText.", None),
        ("# # #\nText.", None),
        ("Text.", None),
    ],
)
def test_the_title_of_a_markdown_file_is_its_first_heading(news: Path, text: str, title: str | None) -> None:
    write(news / "a.md", text)
    article = only(scan([news]))
    assert article.title == title
    assert text.endswith(article.text), "the heading stays in the text"


def test_a_txt_file_has_no_heading(news: Path) -> None:
    write(news / "a.txt", "# Iran\nText.")
    assert only(scan([news])).title is None


def test_an_article_that_says_something_else_is_another_version(news: Path) -> None:
    versions = []
    for text in (WORDS, WORDS + " ", "date 2024-01-20 " + WORDS, "# T\n" + WORDS):
        write(news / "a.md", text)
        versions.append(scan([news]).found[0].content_hash)
    assert len(set(versions)) == 4
    write(news / "b.md", WORDS)
    assert scan([news / "b.md"]).found[0].content_hash == versions[0], (
        "the version is the content's, wherever it lies"
    )


def test_a_text_that_is_not_utf8_is_taken_in_with_a_warning(news: Path) -> None:
    write(news / "a.txt", "Un été à Téhéran, où l'on attend.".encode("latin-1"))
    scanned = scan([news])
    assert only(scanned).text == "Un été à Téhéran, où l'on attend."
    assert scanned.warnings == (
        "news/a.txt: it is not UTF-8 and was read as cp1252; if letters look wrong, save it as UTF-8",
    )


def test_a_text_in_utf16_needs_no_warning(news: Path) -> None:
    write(news / "a.txt", WORDS.encode("utf-16"))
    scanned = scan([news])
    assert only(scanned).text == WORDS
    assert scanned.warnings == ()


def test_hidden_files_and_folders_belong_to_programs(news: Path) -> None:
    for name in (".a.txt", ".git/b.txt", "sub/.c.md", "d.txt"):
        write(news / name)
    scanned = scan([news])
    assert ids(scanned) == ["news/d.txt"]
    assert scanned.warnings == ()


def test_other_kinds_are_passed_over_and_counted(news: Path) -> None:
    for name in ("a.txt", "b.png", "c.PNG", "d.doc", "README", "e.tar.gz"):
        write(news / name)
    scanned = scan([news])
    assert ids(scanned) == ["news/a.txt"]
    assert scanned.warnings == (
        f"{news}: 1 file with .doc skipped. Supported are {KNOWN}",
        f"{news}: 1 file with .gz skipped. Supported are {KNOWN}",
        f"{news}: 2 files with .png skipped. Supported are {KNOWN}",
        f"{news}: 1 file with no ending skipped. Supported are {KNOWN}",
    )


def test_a_folder_named_like_a_text_is_a_folder(news: Path) -> None:
    write(news / "a.txt" / "b.txt")
    assert ids(scan([news])) == ["news/a.txt/b.txt"]


def test_an_empty_folder_holds_nothing_and_is_no_failure(news: Path) -> None:
    note = f"{news}: the folder contains no file that can be read. Supported are {KNOWN}"
    assert scan([news]) == Scan((), (), frozenset(), frozenset(), (str(news),), (note,))


def test_a_link_to_a_folder_is_said_not_to_be_followed(news: Path) -> None:
    write(news / "a.txt")
    write(news.parent / "other" / "b.txt")
    (news / "link").symlink_to(news.parent / "other")
    scanned = scan([news])
    assert ids(scanned) == ["news/a.txt"]
    assert scanned.warnings == (f"{news}/link: a link to a folder is not followed. Name the folder itself",)


def test_a_link_that_leads_out_of_the_folder_is_said_not_to_be_followed(news: Path) -> None:
    secret = write(news.parent / "secret" / "key.txt", "A secret.")
    write(news / "a.txt")
    (news / "inside.txt").symlink_to("a.txt")
    (news / "outside.txt").symlink_to(secret)
    (news / "up.txt").symlink_to(Path("..") / "secret" / "key.txt")
    (news / "chain.txt").symlink_to("outside.txt")
    (news / "nowhere.txt").symlink_to(news.parent / "nowhere.txt")
    (news / "ring.txt").symlink_to("ring.txt")
    scanned = scan([news])
    assert ids(scanned) == ["news/a.txt", "news/inside.txt"]
    assert [item.item for item in scanned.failed] == ["news/ring.txt"]
    assert scanned.warnings == tuple(
        f"{news}/{name}.txt: a link that leads out of the folder is not followed. Name what it leads to"
        for name in ("chain", "nowhere", "outside", "up")
    )
    assert ids(scan([news / "outside.txt"])) == ["secret/key.txt"], "one that is named is meant"


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.zip"])
def test_a_link_put_in_a_files_place_just_before_it_is_read_is_not_followed(
    news: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = write(news.parent / "secret" / name, '{"id": "s", "text": "A secret."}')
    if name == "a.zip":
        with zipfile.ZipFile(secret, "w") as archive:
            archive.writestr("s.txt", "A secret.")
    path = write(news / name, secret.read_bytes())
    walk = ingest.scan.scanner.files

    def swapped(place: str | os.PathLike[str]) -> Walked:
        found = walk(place)
        path.unlink()
        path.symlink_to(secret)
        return found

    monkeypatch.setattr("ingest.scan.scanner.files", swapped)
    assert (
        refused(scan([news]))
        == "it is a link that leads out of the folder. Name what it leads to, if that is meant"
    )


def test_a_link_put_in_a_files_place_after_it_was_looked_at_is_noticed(news: Path) -> None:
    secret = write(news.parent / "secret" / "key.txt", "A secret.")
    path = write(news / "a.txt")
    (found,) = scan([news]).found
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(SourceError, match=r"^it changed while it was being read\. Sync again$"):
        read(found)


# What an article cannot go by


@pytest.mark.parametrize(
    ("article_id", "item", "reason"),
    [
        ("a\nb", "lines.jsonl line 1", UNSEEN),
        ("a\x1b[2Jb", "lines.jsonl line 1", UNSEEN),
        ("a\u202eb", "lines.jsonl line 1", UNSEEN),
        (
            "x" * 1_001,
            "lines.jsonl line 1",
            "its id has 1,001 characters; at most 1,000 are kept. Give it a shorter one",
        ),
    ],
)
@pytest.mark.parametrize("key", ["id", "url"])
def test_an_id_that_cannot_be_shown_or_is_too_long_is_a_failure(
    news: Path, key: str, article_id: str, item: str, reason: str
) -> None:
    write_jsonl(news / "lines.jsonl", {key: article_id, "text": WORDS}, {"id": "x" * 1_000, "text": WORDS})
    scanned = scan([news])
    assert scanned.failed == (Failure(f"news/{item}", reason),)
    assert ids(scanned) == ["x" * 1_000]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\nb.txt", r"a\nb.txt"), ("a\x1b[2Jb.txt", r"a\x1b[2Jb.txt"), ("a\u202eb.txt", r"a\u202eb.txt")],
)
def test_a_file_whose_name_cannot_be_shown_is_a_failure_as_in_an_archive(
    news: Path, name: str, shown: str
) -> None:
    write(news / name)
    with zipfile.ZipFile(news / "pack.zip", "w") as archive:
        archive.writestr(name, WORDS)
    assert scan([news]).failed == (
        Failure(f"news/{shown}", UNSEEN),
        Failure(f"news/pack.zip/{shown}", UNSEEN),
    )


def test_of_several_files_of_one_name_in_an_archive_the_last_is_taken_in_and_the_others_are_told(
    news: Path,
) -> None:
    with zipfile.ZipFile(news / "pack.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells of the names itself
        for words in ("First.", "Second.", "Third."):
            archive.writestr("a.txt", words)
        for _ in range(2):
            archive.writestr("picture.png", b"")
        archive.writestr("b.txt", WORDS)
    scanned = scan([news])
    assert [(found.id, read(found).text) for found in scanned.found] == [
        ("news/pack.zip/a.txt", "Third."), ("news/pack.zip/b.txt", WORDS),
    ]  # fmt: skip
    reason = "3 files in the archive are called 'a.txt'; only the last is added. Give each a name of its own"
    assert scanned.failed == (Failure("news/pack.zip/a.txt", reason),)


# What cannot be taken in: each by itself, and the rest goes on


def test_a_place_that_cannot_be_read_does_not_stop_the_others(news: Path) -> None:
    write(news / "a.txt")
    picture = write(news.parent / "b.png")
    bare = write(news.parent / "c")
    nowhere = news.parent / "nowhere"
    ring = news.parent / "ring"
    ring.symlink_to(ring)
    places = [
        nowhere,
        "https://example.org/a",
        picture,
        bare,
        "/dev/null",
        ring,
        "a\0b",
        "~nobody-of-that-name/x",
        news,
    ]
    scanned = scan(places)
    assert ids(scanned) == ["news/a.txt"]
    assert scanned.scopes == (str(news),), "nothing may be pruned where nothing could be read"
    assert [failure.item for failure in scanned.failed] == [
        str(place).replace("\0", r"\x00") for place in places[:-1]
    ]
    reasons = [failure.reason for failure in scanned.failed]
    assert reasons[:5] == [
        "there is no such file or folder. Check the spelling, or give the whole path",
        "web addresses are not fetched here. Name a file or a folder",
        f"files of the kind .png cannot be read. Supported are {KNOWN}",
        f"files of the kind without ending cannot be read. Supported are {KNOWN}",
        "it is neither a file nor a folder. Name one of these",
    ]
    assert all(reason.startswith("it cannot be opened (") for reason in reasons[5:])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty. Remove it, or put the article's text into it"),
        (b" \n\t", "it contains no words. Remove it, or put the article's text into it"),
        (b"\xef\xbb\xbf", "it contains no words. Remove it, or put the article's text into it"),
        (b"date 2024-01-20\n", "it contains no words. Remove it, or put the article's text into it"),
        (
            b"\x89PNG\r\n\x1a\n" + bytes(90),
            "it is not text (it contains zero bytes). Export it as text first",
        ),
    ],
)
def test_a_file_without_words_is_a_failure_under_its_own_name(news: Path, data: bytes, reason: str) -> None:
    path = write(news / "a.txt", data)
    write(news / "b.txt")
    scanned = scan([news])
    assert ids(scanned) == ["news/b.txt"]
    assert scanned.failed == (Failure("news/a.txt", reason),)
    assert scanned.unsure == {str(path)}
    assert scanned.origins == {str(path), str(news / "b.txt")}


def test_a_file_that_is_gone_is_a_failure(news: Path) -> None:
    for name in ("a.txt", "b.jsonl"):
        (news / name).symlink_to(news / "nowhere")
    assert scan([news]).failed == (
        Failure("news/a.txt", "it is a broken link, or has just been removed. Repair the link or remove it"),
        Failure(
            "news/b.jsonl", "it is a broken link, or has just been removed. Repair the link or remove it"
        ),
    )


def test_a_pipe_is_not_waited_for(news: Path) -> None:
    os.mkfifo(news / "a.txt")
    os.mkfifo(news / "b.jsonl")
    assert scan([news]).failed == (
        Failure("news/a.txt", "it is neither a file nor a folder. Remove it from there"),
        Failure("news/b.jsonl", "it is neither a file nor a folder. Remove it from there"),
    )


def test_a_name_that_is_not_utf8_is_a_failure_and_not_the_end_of_the_run(news: Path) -> None:
    write(news / "a.txt")
    with open(os.fsencode(news) + b"/caf\xe9.txt", "w", encoding="utf-8") as file:
        file.write(WORDS)
    scanned = scan([news])
    assert ids(scanned) == ["news/a.txt"]
    assert scanned.failed == (
        Failure(
            r"news/caf\udce9.txt", "its name, or its folder's, is not UTF-8 and cannot be stored. Rename it"
        ),
    )
    assert len(scanned.unsure) == 1


@pytest.fixture
def barred() -> Iterator[Path]:
    """A folder with permissions that hold for this process: for a while it is not root's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    me = os.geteuid()
    try:
        if me == 0:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        yield folder
    finally:
        if me == 0:
            os.seteuid(0)
        for path in folder.rglob("*"):
            path.chmod(0o755)
        shutil.rmtree(folder)


def test_a_file_that_may_not_be_read_is_a_failure(barred: Path) -> None:
    write(barred / "a.txt").chmod(0)
    write(barred / "b.jsonl", "{}").chmod(0)
    write(barred / "c.txt")
    scanned = scan([barred])
    reason = "it cannot be read: Permission denied. Check the file's permissions"
    assert ids(scanned) == [f"{barred.name}/c.txt"]
    assert scanned.failed == (
        Failure(f"{barred.name}/a.txt", reason),
        Failure(f"{barred.name}/b.jsonl", reason),
    )
    assert scanned.unsure == {str(barred / "a.txt"), str(barred / "b.jsonl")}


def test_a_folder_that_may_not_be_read_is_a_failure_and_the_rest_of_its_place_is_read(barred: Path) -> None:
    write(barred / "closed" / "a.txt")
    write(barred / "open" / "b.txt")
    (barred / "closed").chmod(0)
    scanned = scan([barred])
    assert scanned.failed == (
        Failure(f"{barred}/closed", "the folder cannot be read: Permission denied. Check its permissions"),
    )
    assert ids(scanned) == [f"{barred.name}/open/b.txt"]
    assert (scanned.scopes, scanned.unsure) == ((str(barred),), {f"{barred}/closed"})


# .jsonl


def test_a_line_with_everything_known_is_an_article_with_everything_known(news: Path) -> None:
    record = {
        "id": " x1 ", "url": "https://example.org/x1", "title": " Iran struck ", "text": WORDS, "published": "2024-01-18T23:00-05:00",
        "source": "DAWN", "author": "A. Writer", "language": "en", "unheard_of": {"kept": False},
    }  # fmt: skip
    scanned = scan([write_jsonl(news / "feed.jsonl", record)])
    assert only(scanned) == Article(
        "x1",
        scanned.found[0].content_hash,
        WORDS,
        "https://example.org/x1",
        "Iran struck",
        "DAWN",
        "A. Writer",
        date(2024, 1, 18),
        "en",
        tuple(
            (name, f"key {name}") for name in ("url", "title", "source", "author", "published", "language")
        ),
    )
    assert scanned.warnings == ()


@pytest.mark.parametrize(
    ("record", "article_id", "url"),
    [
        ({"url": "https://example.org/1"}, "https://example.org/1", "https://example.org/1"),
        ({"id": "1", "url": "https://example.org/1"}, "1", "https://example.org/1"),
        ({"id": "", "url": "https://example.org/1"}, "https://example.org/1", "https://example.org/1"),
        ({"id": 7}, "7", None),
        ({"id": 0}, "0", None),
    ],
)
def test_the_id_of_a_line_is_its_id_or_else_its_url(
    news: Path, record: dict, article_id: str, url: str | None
) -> None:
    article = only(scan([write_jsonl(news / "feed.jsonl", {**record, "text": WORDS})]))
    assert (article.id, article.url) == (article_id, url)


def test_empty_facts_are_unknown(news: Path) -> None:
    empty = {"title": "", "source": " ", "author": None, "language": "", "published": "", "url": None}
    scanned = scan([write_jsonl(news / "feed.jsonl", {"id": "1", "text": WORDS, **empty})])
    assert only(scanned) == Article("1", scanned.found[0].content_hash, WORDS)
    assert scanned.warnings == ()


def test_every_fact_of_a_line_counts_for_its_version(news: Path) -> None:
    facts = {
        "url": "u",
        "title": "t",
        "source": "s",
        "author": "a",
        "language": "l",
        "published": "2024-01-20",
        "text": "x",
    }
    versions = set()
    for name in facts:
        path = write_jsonl(news / "feed.jsonl", {"id": "1", "text": WORDS, "url": "w", name: facts[name]})
        versions.add(scan([path]).found[0].content_hash)
    assert len(versions) == len(facts)
    same = write_jsonl(
        news / "feed.jsonl", {"published": "2024-01-20T10:00Z", "text": WORDS, "url": "w", "id": "2"}
    )
    assert scan([same]).found[0].content_hash in versions, (
        "neither the id nor how a date is written is content"
    )


def test_a_bad_date_is_a_warning_and_unknown(news: Path) -> None:
    path = write_jsonl(
        news / "feed.jsonl",
        {"id": "1", "text": WORDS, "published": "last Tuesday, " + "very " * 20 + "early"},
    )
    scanned = scan([path])
    assert only(scanned).published is None
    assert scanned.warnings == (
        "news/feed.jsonl line 1: its date 'last Tuesday, very very very very very v' is not YYYY-MM-DD and "
        "is treated as unknown",
    )


def test_half_a_surrogate_pair_in_a_line_is_replaced_before_it_meets_the_catalog(news: Path) -> None:
    write(
        news / "feed.jsonl",
        json.dumps({"id": "x\ud800", "text": "Iran \udc00struck", "title": "\ud83d\ude00"}),
    )
    article = only(scan([news]))
    assert (article.id, article.text, article.title) == ("x\ufffd", "Iran \ufffdstruck", "😀")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            '{"id": "1", "text": "a"',
            "it is not valid JSON: Expecting ',' delimiter at character 26. Correct the line, or export it "
            "again",
        ),
        (
            "id,text",
            "it is not valid JSON: Expecting value at character 1. Correct the line, or export it again",
        ),
        ('["1", "a"]', 'it is not an object like {"url": …, "text": …}. Write each article as one'),
        ('{"text": "a"}', 'it has neither "id" nor "url"; an article needs one of them. Give it one'),
        (
            '{"id": " ", "url": "", "text": "a"}',
            'it has neither "id" nor "url"; an article needs one of them. Give it one',
        ),
        ('{"id": "1"}', 'it has no "text". Put the article\'s text under that name'),
        ('{"id": "1", "text": null}', 'it has no "text". Put the article\'s text under that name'),
        ('{"id": "1", "text": " \\n"}', 'it has no "text". Put the article\'s text under that name'),
        ('{"id": "1", "text": ["a"]}', 'it has no "text". Put the article\'s text under that name'),
        ('{"id": true, "text": "a"}', 'its "id" is bool, not text. Write it as text, in quotation marks'),
        ('{"id": 1.5, "text": "a"}', 'its "id" is float, not text. Write it as text, in quotation marks'),
        ('{"url": 1, "text": "a"}', 'its "url" is int, not text. Write it as text, in quotation marks'),
        (
            '{"id": "1", "text": "a", "title": {}}',
            'its "title" is dict, not text. Write it as text, in quotation marks',
        ),
        (
            '{"id": "1", "text": "a", "source": ["DAWN"]}',
            'its "source" is list, not text. Write it as text, in quotation marks',
        ),
        (
            '{"id": "1", "text": "a", "published": 20240120}',
            'its "published" is int, not text. Write it as text, in quotation marks',
        ),
        (
            '{"id": "1", "text": "a", "author": 0}',
            'its "author" is int, not text. Write it as text, in quotation marks',
        ),
        (
            '{"id": "1", "text": "a", "language": false}',
            'its "language" is bool, not text. Write it as text, in quotation marks',
        ),
        (
            '{"id": ' + "1" * 5_000 + ', "text": "a"}',
            "it is not an article: a number in it is too long. Write it as text, in quotation marks",
        ),
        (
            "[" * 100_000,
            "it is not an article: JSON nested too deeply. Keep an article's fields side by side",
        ),
    ],
)
def test_a_line_that_is_no_article_is_named_by_its_number(news: Path, line: str, reason: str) -> None:
    path = write(
        news / "feed.jsonl", f'{{"id": "a", "text": "one"}}\n\n{line}\r\n{{"id": "b", "text": "two"}}'
    )
    scanned = scan([path])
    assert ids(scanned) == ["a", "b"]
    assert [found.name for found in scanned.found] == ["news/feed.jsonl line 1", "news/feed.jsonl line 4"]
    assert scanned.failed == (Failure("news/feed.jsonl line 3", reason),)
    assert scanned.unsure == {str(path)}


def test_a_line_that_is_not_utf8_is_named_by_its_number(news: Path) -> None:
    path = write(news / "feed.jsonl", b'{"id": "a", "text": "one"}\n{"id": "b", "text": "caf\xe9"}\n')
    scanned = scan([path])
    assert ids(scanned) == ["a"]
    assert scanned.failed == (
        Failure("news/feed.jsonl line 2", "it is not UTF-8 (byte 24 of the line). Save the file as UTF-8"),
    )


def test_an_empty_jsonl_file_is_a_failure(news: Path) -> None:
    path = write(news / "feed.jsonl", b"")
    scanned = scan([path])
    assert refused(scanned) == "it is empty. Remove it, or put the article's text into it"
    assert scanned.unsure == {str(path)}


def test_a_mark_at_the_start_of_a_jsonl_file_is_no_fault(news: Path) -> None:
    write(news / "feed.jsonl", b'\xef\xbb\xbf{"id": "a", "text": "one"}\n{"id": "b", "text": "two"}\n')
    assert ids(scan([news])) == ["a", "b"]


# Reading again, when the plan is carried out


def test_each_line_is_read_from_where_it_stands(news: Path) -> None:
    lines = [
        '{"id": "a", "text": "“one”"}\r\n',
        "\n",
        '{"id": "b", "text": "two"}\n',
        '{"id": "c", "text": "three"}',
    ]
    write(news / "feed.jsonl", "".join(lines))
    scanned = scan([news])
    assert [found.position for found in scanned.found] == [
        0,
        len(lines[0].encode()) + 1,
        len("".join(lines[:3]).encode()),
    ]
    assert [read(found).text for found in scanned.found] == ["“one”", "two", "three"]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("a.txt", "Iran struck first.", "Iran struck second."),
        ("a.jsonl", '{"id": "a", "text": "one"}', '{"id": "a", "text": "two"}'),
        ("a.jsonl", '{"id": "a", "text": "one"}', '{"id": "b", "text": "one"}'),
    ],
)
def test_what_has_changed_since_it_was_found_is_not_taken_for_what_was_planned(
    news: Path, name: str, before: str, after: str
) -> None:
    path = write(news / name, before)
    (found,) = scan([news]).found
    write(path, after)
    with pytest.raises(SourceError, match=r"^it changed while it was being read. Sync again$"):
        read(found)


@pytest.mark.parametrize(("name", "text"), [("a.txt", WORDS), ("a.jsonl", '{"id": "a", "text": "one"}')])
def test_what_has_gone_since_it_was_found_is_a_source_error(news: Path, name: str, text: str) -> None:
    path = write(news / name, text)
    (found,) = scan([news]).found
    path.unlink()
    with pytest.raises(SourceError, match="it is a broken link, or has just been removed"):
        read(found)


def test_a_found_article_holds_no_text(news: Path) -> None:
    write(news / "a.txt", WORDS * 1_000)
    (found,) = scan([news]).found
    assert found == ScannedArticle("news/a.txt", found.content_hash, str(news / "a.txt"), "news/a.txt")
    assert WORDS not in repr(found)
