"""The page's collections: the reader's own and the demo are never mixed; uploads are kept, and gone when
removed.
"""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from eval.cases import Fact, Span, load
from rag import Config
from rag.errors import CollectionError, ForbiddenError, NameTaken, QuestionError, SourceError
from rag.surfaces.cited_article import cited_article
from rag.surfaces.library import DEMO, OWN, Library
from rag.surfaces.record import record
from rag.surfaces.upload_form import Upload, UploadedFile
from rag.types import IngestReport

pytestmark = pytest.mark.slow  # builds collections over and over


def upload(tmp_path: Path, name: str, text: str) -> Path:
    folder = tmp_path / "sent"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def add(library: Library, files: list[Path], progress: Any, **options: Any) -> IngestReport:
    """Take files in as if they had been uploaded together."""
    return library.add(
        Upload("u", "ann", tuple(UploadedFile(f.name, f, f.stat().st_size) for f in files)),
        progress,
        **options,
    )


def lies(library: Library) -> dict[str, str]:
    """What lies in the folder of uploaded files, and in those inside it: each file's place and text."""
    folder = library.own.home / "upload"
    return {
        f.relative_to(folder).as_posix(): f.read_text(encoding="utf-8")
        for f in folder.rglob("*")
        if f.is_file()
    }


def ids(library: Library, name: str) -> list[str]:
    return [item.headline.id for item in library.assistant(name).collection.articles()]


def test_a_newcomer_sees_the_demo_and_is_told_how_to_begin(library: Library) -> None:
    assert library.first == DEMO
    assert ids(library, DEMO) == ["demo/one.txt"]
    with pytest.raises(CollectionError, match="you have no articles yet"):
        library.assistant(OWN)
    with pytest.raises(CollectionError):
        library.assistant("another")


def test_an_open_collection_is_asked_while_the_other_is_in_the_making(
    library: Library, tmp_path: Path
) -> None:
    add(library, [upload(tmp_path, "a.txt", "Ann swam to Thun.")], lambda _: None)
    own, make, begun, goes_on = (
        library.assistant(OWN),
        library.make_demo,
        threading.Event(),
        threading.Event(),
    )

    def slowly() -> object:
        begun.set()
        assert goes_on.wait(30)
        return make()

    library.make_demo = slowly
    with ThreadPoolExecutor(2) as others:
        making = others.submit(library.assistant, DEMO)
        assert begun.wait(30)
        assert others.submit(library.assistant, OWN).result(5) is own
        assert others.submit(library.shown).result(5) is own
        goes_on.set()
        assert making.result(30) is library.assistant(DEMO)


def test_what_is_watched_is_neither_made_nor_replaced_by_the_other_collection(
    library: Library, tmp_path: Path
) -> None:
    with pytest.raises(CollectionError, match="no collection is open"):
        library.shown()
    assert not library.demo.home.exists()
    assert library.assistant(DEMO) is library.shown()
    add(library, [upload(tmp_path, "a.txt", "Ann swam to Thun.")], lambda _: None)
    own = library.shown()
    assert own is library.assistant(OWN)
    (library.own.home).rename(tmp_path / "away")
    with pytest.raises(CollectionError, match=r"is gone. Restore it from a backup$"):
        library.shown()
    (tmp_path / "away").rename(library.own.home)
    assert library.shown() is own


def test_what_is_uploaded_is_the_reader_s_own_and_leaves_the_demo_alone(
    library: Library, tmp_path: Path
) -> None:
    steps: list[Any] = []
    files = [upload(tmp_path, "a.txt", "Ann swam to Thun."), upload(tmp_path, "b.png", "no")]
    report = add(library, files, steps.append)
    assert report.added == ("upload/a.txt",)
    assert [(f.item.rsplit("/", 1)[-1], "cannot be read" in f.reason) for f in report.failed] == [
        ("b.png", True)
    ]
    assert steps[-1].done == 1
    assert library.first == OWN
    assert (ids(library, OWN), ids(library, DEMO)) == (["upload/a.txt"], ["demo/one.txt"])
    assert library.assistant(OWN) is library.assistant(OWN)


def test_a_file_of_the_same_name_is_a_new_version(library: Library, tmp_path: Path) -> None:
    add(library, [upload(tmp_path, "a.txt", "Ann swam to Thun.")], lambda _: None)
    report = add(library, [upload(tmp_path, "a.txt", "Ann swam to Bern.")], lambda _: None, replace="replace")
    assert report.replaced == ("upload/a.txt",)
    assert library.assistant(OWN).article("upload/a.txt").text == "Ann swam to Bern."


def texts(library: Library) -> dict[str, str]:
    assistant = library.assistant(OWN)
    return {i: assistant.article(i).text for i in ids(library, OWN)}


def test_a_name_that_is_taken_is_asked_about_before_anything_is_done(
    library: Library, tmp_path: Path
) -> None:
    add(
        library,
        [upload(tmp_path, "a.txt", "Ann swam."), upload(tmp_path, "b.txt", "Bob sang.")],
        lambda _: None,
    )
    again = [
        upload(tmp_path, *f) for f in (("c.txt", "Cy ran."), ("b.txt", "Bob slept."), ("a.txt", "Ann swam."))
    ]
    before = lies(library)
    with pytest.raises(NameTaken, match=r"the file b\.txt exists with other content") as asked:
        add(library, again, lambda _: None)
    assert (asked.value.names, asked.value.status) == (("b.txt",), 409)
    assert library.name_conflicts(Upload("u", "ann", tuple(UploadedFile(f.name, f, 0) for f in again))) == (
        "b.txt",
    )
    assert (lies(library), ids(library, OWN)) == (before, ["upload/a.txt", "upload/b.txt"])
    assert [f.read_text() for f in again] == ["Cy ran.", "Bob slept.", "Ann swam."], "the upload is as it was"

    report = add(library, again, lambda _: None, replace="keep")
    assert (report.added, report.kept) == (("upload/c.txt", "upload/b (2).txt"), ("upload/a.txt",))
    assert lies(library) == {
        "a.txt": "Ann swam.",
        "b.txt": "Bob sang.",
        "b (2).txt": "Bob slept.",
        "c.txt": "Cy ran.",
    }
    # And where the other name is taken too, here or in the same upload.
    more = [upload(tmp_path, *f) for f in (("b.txt", "Bob ate."), ("b (3).txt", "Bob drank."))]
    assert add(library, more, lambda _: None, replace="keep").added == (
        "upload/b (4).txt",
        "upload/b (3).txt",
    )
    assert texts(library)["upload/b (4).txt"] == "Bob ate."


@pytest.mark.slow
def test_what_takes_another_s_place_gives_it_back_where_it_cannot_be_read(
    library: Library, tmp_path: Path
) -> None:
    line = '{"id": "%s", "text": "%s"}\n'
    add(
        library,
        [
            upload(tmp_path, "a.html", "<p>Ann swam.</p>"),
            upload(tmp_path, "b.jsonl", line % ("b", "Bob sang.")),
        ],
        lambda _: None,
    )
    before = lies(library)
    bad = [
        upload(tmp_path, "a.html", ""),
        upload(tmp_path, "b.jsonl", "{no"),
        upload(tmp_path, "c.png", "no"),
        upload(tmp_path, "d.txt", ""),
    ]
    report = add(library, bad, lambda _: None, replace="replace")
    assert sorted(f.item for f in report.failed) == [
        "upload/a.html",
        "upload/b.jsonl line 1",
        "upload/c.png",
        "upload/d.txt",
    ]
    assert (lies(library), ids(library, OWN)) == (before, ["b", "upload/a.html"])
    # Half of a file that holds several is enough for it to stay.
    half = [upload(tmp_path, "b.jsonl", line % ("b", "Bob slept.") + "{no\n")]
    report = add(library, half, lambda _: None, replace="replace")
    assert (report.replaced, [f.item for f in report.failed]) == (("b",), ["upload/b.jsonl line 2"])
    assert (lies(library)["b.jsonl"], texts(library)["b"]) == (
        line % ("b", "Bob slept.") + "{no\n",
        "Bob slept.",
    )


def test_an_archive_stays_while_one_of_its_articles_is_there(library: Library, tmp_path: Path) -> None:
    packed = tmp_path / "news.zip"
    with ZipFile(packed, "w") as archive:
        for name, text in (("a.txt", "Ann swam."), ("in/b.txt", "Bob sang."), ("c.txt", "")):
            archive.writestr(name, text)
    report = add(library, [packed], lambda _: None)
    assert (report.added, [f.item for f in report.failed]) == (
        ("upload/news.zip/a.txt", "upload/news.zip/in/b.txt"), ["upload/news.zip/c.txt"],
    )  # fmt: skip
    folder = library.own.home / "upload"
    library.delete("upload/news.zip/a.txt")
    assert [p.name for p in folder.iterdir()] == ["news.zip"]
    library.delete("upload/news.zip/in/b.txt")
    assert list(folder.iterdir()) == []


def test_where_taking_in_fails_everything_is_as_before(library: Library, tmp_path: Path) -> None:
    add(library, [upload(tmp_path, "a.txt", "Ann swam.")], lambda _: None)
    before, sync_as_ever = lies(library), library.sync
    files = [upload(tmp_path, "a.txt", "Ann ran."), upload(tmp_path, "b.txt", "Bob sang.")]

    def full(places: Any, config: Config, **options: Any) -> IngestReport:
        assert {p.name: p.read_text() for p in places} == {"a.txt": "Ann ran.", "b.txt": "Bob sang."}
        (library.own.home / "while").mkdir(exist_ok=True)
        shutil.copytree(
            library.own.home / "upload", library.own.home / "while" / "upload", dirs_exist_ok=True
        )
        raise failure

    library.sync = full
    for failure in (CollectionError("the disk is nearly full"), KeyboardInterrupt()):
        with pytest.raises(type(failure)):
            add(library, files, lambda _: None, replace="replace")
        assert (lies(library), [f.read_text() for f in files]) == (before, ["Ann ran.", "Bob sang."])

    # And where the process is killed in the middle, when the next one adds or removes something.
    shutil.rmtree(library.own.home / "upload")
    (library.own.home / "while" / "upload").rename(library.own.home / "upload")
    assert lies(library) == {
        "a.txt": "Ann ran.",
        "b.txt": "Bob sang.",
        ".adding/files.json": '["a.txt", "b.txt"]',
        ".adding/earlier/a.txt": "Ann swam.",
    }
    library.sync = sync_as_ever
    library.recover()
    assert lies(library) == before
    assert add(library, files, lambda _: None, replace="replace").items == 2
    assert texts(library) == {"upload/a.txt": "Ann ran.", "upload/b.txt": "Bob sang."}


def test_what_could_not_be_moved_is_put_back(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(library, [upload(tmp_path, "b.txt", "Bob sang.")], lambda _: None)
    files, move = (
        [upload(tmp_path, "a.txt", "Ann swam."), upload(tmp_path, "b.txt", "Bob slept.")],
        shutil.move,
    )

    def full(come: Path, to: Path) -> None:
        if to.name == "b.txt":
            to.write_text("Bob sl")
            raise OSError(28, "No space left on device")
        move(come, to)

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "move", full)
        with pytest.raises(
            SourceError, match=r"^uploaded files cannot be stored in .*upload: No space left on device$"
        ):
            add(library, files, lambda _: None, replace="replace")
    assert (lies(library), [f.read_text() for f in files]) == (
        {"b.txt": "Bob sang."},
        ["Ann swam.", "Bob slept."],
    )
    with pytest.raises(ValueError, match="replace must be one of ask, replace, keep, not 'all'"):
        add(library, files, lambda _: None, replace="all")
    assert lies(library) == {"b.txt": "Bob sang."}


def test_what_the_disk_refuses_is_said(library: Library, tmp_path: Path) -> None:
    library.own.home.mkdir()
    (library.own.home / "upload").write_text("a file where the folder should be")
    with pytest.raises(SourceError, match=r"^uploaded files cannot be stored in .*upload: File exists$"):
        add(library, [upload(tmp_path, "a.txt", "Ann swam.")], lambda _: None)


def test_a_folder_that_lies_in_the_way_stays(library: Library, tmp_path: Path) -> None:
    (library.own.home / "upload" / "a.txt").mkdir(parents=True)
    (library.own.home / "upload" / "a.txt" / "of somebody.md").write_text("kept")
    assert add(library, [upload(tmp_path, "a.txt", "Ann swam.")], lambda _: None).added == (
        "upload/a (2).txt",
    )
    assert lies(library) == {"a.txt/of somebody.md": "kept", "a (2).txt": "Ann swam."}


def test_a_file_of_which_no_article_is_left_does_not_keep_its_name(library: Library, tmp_path: Path) -> None:
    add(library, [upload(tmp_path, "b.txt", "Bob sang.")], lambda _: None)
    (library.own.home / "upload" / "a.txt").write_text("left by an earlier version")
    assert add(library, [upload(tmp_path, "a.txt", "Ann swam.")], lambda _: None).added == ("upload/a.txt",)
    (library.own.home / "upload" / "c.html").write_text("left as well")
    assert [f.item for f in add(library, [upload(tmp_path, "c.html", "")], lambda _: None).failed] == [
        "upload/c.html"
    ]
    assert sorted(lies(library)) == ["a.txt", "b.txt"]


def test_two_do_not_add_at_once_and_stop_is_passed_on(library: Library, tmp_path: Path) -> None:
    add(library, [upload(tmp_path, "a.txt", "Ann swam.")], lambda _: None)
    given: list[Any] = []
    sync_as_ever, stop = library.sync, threading.Event()

    def slowly(places: Any, config: Config, **options: Any) -> IngestReport:
        given.append(options.pop("stop", None))
        with pytest.raises(CollectionError, match="already being added or removed"):
            add(library, [upload(tmp_path, "b.txt", "Bob.")], lambda _: None)
        with pytest.raises(CollectionError, match="already being added or removed"):
            library.delete("upload/a.txt")
        return sync_as_ever(places, config, **options)

    library.sync = slowly
    add(library, [upload(tmp_path, "c.txt", "Cy ran.")], lambda _: None, stop=stop)
    add(library, [upload(tmp_path, "d.txt", "Di sang.")], lambda _: None)
    assert (given, ids(library, OWN)) == ([stop, None], ["upload/a.txt", "upload/c.txt", "upload/d.txt"])


def test_what_is_removed_does_not_come_back_with_the_next_upload(library: Library, tmp_path: Path) -> None:
    add(
        library,
        [upload(tmp_path, "a.txt", "Ann swam."), upload(tmp_path, "b.txt", "Bob sang.")],
        lambda _: None,
    )
    library.delete("upload/a.txt")
    assert ids(library, OWN) == ["upload/b.txt"]
    assert [p.name for p in (library.own.home / "upload").iterdir()] == ["b.txt"]
    add(library, [upload(tmp_path, "c.txt", "Eve ran.")], lambda _: None)
    assert ids(library, OWN) == ["upload/b.txt", "upload/c.txt"]
    with pytest.raises(CollectionError, match=r"there is no article upload/a\.txt"):
        library.delete("upload/a.txt")


def test_a_file_that_may_hold_other_articles_stays(library: Library, tmp_path: Path) -> None:
    lines = '{"id": "upload/b.txt", "text": "Ann swam."}\n{"id": "r2", "text": "Eve ran."}\n'
    add(library, [upload(tmp_path, "a.jsonl", lines), upload(tmp_path, "c.txt", "Bob sang.")], lambda _: None)
    (library.own.home / "upload" / "b.txt").write_text("not that article's file")
    library.delete("upload/b.txt")
    assert sorted(lies(library)) == ["a.jsonl", "b.txt", "c.txt"]
    assert ids(library, OWN) == ["r2", "upload/c.txt"]
    library.delete("r2")
    assert sorted(lies(library)) == ["b.txt", "c.txt"], "with its last article the file goes too"


def test_a_gold_case_is_refused_where_it_would_say_something_untrue(library: Library, tmp_path: Path) -> None:
    add(library, [upload(tmp_path, "a.txt", "Ann swam to Thun. Bob sang.")], lambda _: None)
    found = record(library.assistant(OWN).ask("Who swam to Thun?"), OWN)
    with pytest.raises(QuestionError, match="without filters"):
        library.gold(OWN, "right", {**found, "filters": "only Dawn"}, [])
    with pytest.raises(QuestionError, match="are no longer in the article"):
        library.gold(OWN, "wrong", found, [("upload/a.txt", 5, 500)])
    library.read_only = True
    with pytest.raises(ForbiddenError, match="read-only"):
        library.gold(OWN, "right", found, [])
    assert not (library.own.home / "gold.jsonl").exists()


def test_facts_are_corrected_in_the_readers_own_collection_and_stay_through_an_upload(
    library: Library, tmp_path: Path
) -> None:
    add(library, [upload(tmp_path, "one.txt", "Iran struck first.")], lambda _: None)
    assert (
        library.correct("upload/one.txt", {"title": "Strikes", "published": "2024-01-17"}).title == "Strikes"
    )
    add(
        library,
        [upload(tmp_path, "one.txt", "Iran struck first, they say.")],
        lambda _: None,
        replace="replace",
    )
    article = library.chosen("").article("upload/one.txt")
    assert (article.title, str(article.published), article.text) == (
        "Strikes",
        "2024-01-17",
        "Iran struck first, they say.",
    )
    assert library.correct("upload/one.txt", {}, undo=True).title is None
    library.read_only = True
    with pytest.raises(ForbiddenError, match="this server is read-only"):
        library.correct("upload/one.txt", {"title": "Strikes"})


@pytest.mark.slow
def test_only_what_was_changed_in_the_form_is_corrected(library: Library, tmp_path: Path) -> None:
    story = '{"id": "r", "title": "Rain", "source": "AP", "text": "It rained on Quetta."}\n'
    add(library, [upload(tmp_path, "rain.jsonl", story)], lambda _: None)
    from rag.surfaces.page.articles import Articles  # it imports Gradio, which takes seconds

    page = Articles(library)
    picked, told, *now = page.correct(
        {"collection": OWN, "article": "r", "facts": ("Rain", "AP", "")}, "Rain", "AP", "2024-05-01"
    )
    assert (picked["facts"], now) == (("Rain", "AP", "2024-05-01"), ["Rain", "AP", "2024-05-01"])
    assert "Later syncs keep the correction" in told
    add(
        library,
        [upload(tmp_path, "rain.jsonl", story.replace("Rain", "Flood"))],
        lambda _: None,
        replace="replace",
    )
    article = library.chosen(OWN).article("r")
    assert (article.title, str(article.published)) == ("Flood", "2024-05-01"), (
        "the title was not said to be right"
    )


@pytest.mark.parametrize(
    "place",
    [{"article_id": "r"}, {"start": -5, "end": 3}, {"start": 0, "end": 10**30}, {"start": 3, "end": 3}, {"version": "other"},
     {"collection": "none"}, {"article_id": "\x00"}],
)  # fmt: skip
def test_a_place_that_is_none_opens_nothing(library: Library, place: Any) -> None:
    with pytest.raises(
        CollectionError,
        match=r"^This article was changed or removed after the answer was given. Ask again.$",
    ):
        cited_article(library, **{"collection": "", "article_id": "demo/one.txt", **place})
    whole = cited_article(library, "", "demo/one.txt", start=5)
    assert (whole["before"], whole["quote"], whole["after"]) == ("", "", "The demo tells of Iran.")
    words = cited_article(library, "demo", "demo/one.txt", start=4, end=8)
    assert (words["before"], words["quote"], words["after"]) == ("The ", "demo", " tells of Iran.")


def test_a_page_that_is_read_only_takes_nothing_in_or_out(library: Library, tmp_path: Path) -> None:
    library.read_only = True
    for change in (
        lambda: add(library, [upload(tmp_path, "a.txt", "x y z.")], lambda _: None),
        lambda: library.delete("a"),
    ):
        with pytest.raises(ForbiddenError, match="this server is read-only"):
            change()
    assert not library.own.home.exists()


def test_a_judged_answer_becomes_a_gold_case(library: Library, tmp_path: Path) -> None:
    add(library, [upload(tmp_path, "a.txt", "Ann swam to Thun. Bob sang.")], lambda _: None)
    found = record(library.assistant(OWN).ask("Who swam to Thun?"), OWN)
    assert found["citations"]
    with pytest.raises(QuestionError, match="select them in the article"):
        library.gold(OWN, "wrong", found, [])
    said = library.gold(OWN, "missing", found, [("upload/a.txt", 18, 27)])
    (case,) = load(library.own.home / "gold.jsonl")
    assert said.startswith(f"{case.id} is in ")
    cited = [Fact((), (Span("upload/a.txt", c["start"], c["end"]),)) for c in found["citations"]]
    assert (case.question, case.facts[-1], case.facts[0]) == (
        "Who swam to Thun?", Fact((), (Span("upload/a.txt", 18, 27),)), cited[0],
    )  # fmt: skip
