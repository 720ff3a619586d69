"""The page's collections: the reader's own and the demo are never mixed; uploads are kept, and gone when removed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from eval.cases import Fact, Span, load
from rag.errors import CollectionError, ForbiddenError, QuestionError
from rag.surfaces.library import DEMO, OWN, Library
from rag.surfaces.page.articles import Articles
from rag.surfaces.places import opened_at
from rag.surfaces.record import record
from rag.surfaces.uploads import Received, Upload
from rag.types import IngestReport


def upload(tmp_path: Path, name: str, text: str) -> Path:
    folder = tmp_path / "sent"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def add(library: Library, files: list[Path], progress: Any, **options: Any) -> IngestReport:
    """Take files in as if they had been uploaded together."""
    return library.add(Upload("u", "ann", tuple(Received(f.name, f, f.stat().st_size) for f in files)), progress, **options)


def lies(library: Library) -> dict[str, str]:
    """What lies in the folder of uploaded files, and in those inside it: each file's place and text."""
    folder = library.own.home / "upload"
    return {f.relative_to(folder).as_posix(): f.read_text(encoding="utf-8") for f in folder.rglob("*") if f.is_file()}


def ids(library: Library, name: str) -> list[str]:
    return [item.headline.id for item in library.assistant(name).articles()]


def test_a_newcomer_sees_the_demo_and_is_told_how_to_begin(library: Library) -> None:
    assert library.first == DEMO
    assert ids(library, DEMO) == ["demo/one.txt"]
    with pytest.raises(CollectionError, match="there are no articles of your own yet"):
        library.assistant(OWN)
    with pytest.raises(CollectionError):
        library.assistant("another")


def test_an_open_collection_is_asked_while_the_other_is_in_the_making(library: Library, tmp_path: Path) -> None:
    add(library, [upload(tmp_path, "a.txt", "Ann swam to Thun.")], lambda _: None)
    own, make, begun, goes_on = library.assistant(OWN), library.make_demo, threading.Event(), threading.Event()

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


def test_what_is_watched_is_neither_made_nor_replaced_by_the_other_collection(library: Library, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="no collection is open"):
        library.shown()
    assert not library.demo.home.exists()
    assert library.assistant(DEMO) is library.shown()
    add(library, [upload(tmp_path, "a.txt", "Ann swam to Thun.")], lambda _: None)
    own = library.shown()
    assert own is library.assistant(OWN)
    (library.own.home).rename(tmp_path / "away")
    with pytest.raises(CollectionError, match=r"is gone. Put a backup in its place$"):
        library.shown()
    (tmp_path / "away").rename(library.own.home)
    assert library.shown() is own


def test_what_is_uploaded_is_the_reader_s_own_and_leaves_the_demo_alone(library: Library, tmp_path: Path) -> None:
    steps: list[Any] = []
    files = [upload(tmp_path, "a.txt", "Ann swam to Thun."), upload(tmp_path, "b.png", "no")]
    report = add(library, files, steps.append)
    assert report.added == ("upload/a.txt",)
    assert [(f.item.rsplit("/", 1)[-1], "cannot be read" in f.reason) for f in report.failed] == [("b.png", True)]
    assert steps[-1].done == 1
    assert library.first == OWN
    assert (ids(library, OWN), ids(library, DEMO)) == (["upload/a.txt"], ["demo/one.txt"])
    assert library.assistant(OWN) is library.assistant(OWN)


def test_a_file_of_the_same_name_is_a_new_version(library: Library, tmp_path: Path) -> None:
    add(library, [upload(tmp_path, "a.txt", "Ann swam to Thun.")], lambda _: None)
    report = add(library, [upload(tmp_path, "a.txt", "Ann swam to Bern.")], lambda _: None, replace="replace")
    assert report.replaced == ("upload/a.txt",)
    assert library.assistant(OWN).article("upload/a.txt").text == "Ann swam to Bern."


def test_what_is_removed_does_not_come_back_with_the_next_upload(library: Library, tmp_path: Path) -> None:
    add(library, [upload(tmp_path, "a.txt", "Ann swam."), upload(tmp_path, "b.txt", "Bob sang.")], lambda _: None)
    library.take_out("upload/a.txt")
    assert ids(library, OWN) == ["upload/b.txt"]
    assert [p.name for p in (library.own.home / "upload").iterdir()] == ["b.txt"]
    add(library, [upload(tmp_path, "c.txt", "Eve ran.")], lambda _: None)
    assert ids(library, OWN) == ["upload/b.txt", "upload/c.txt"]
    with pytest.raises(CollectionError, match=r"there is no article upload/a\.txt"):
        library.take_out("upload/a.txt")


def test_a_file_that_may_hold_other_articles_stays(library: Library, tmp_path: Path) -> None:
    lines = '{"id": "upload/b.txt", "text": "Ann swam."}\n{"id": "r2", "text": "Eve ran."}\n'
    add(library, [upload(tmp_path, "a.jsonl", lines), upload(tmp_path, "c.txt", "Bob sang.")], lambda _: None)
    (library.own.home / "upload" / "b.txt").write_text("not that article's file")
    library.take_out("upload/b.txt")
    assert sorted(lies(library)) == ["a.jsonl", "b.txt", "c.txt"]
    assert ids(library, OWN) == ["r2", "upload/c.txt"]
    library.take_out("r2")
    assert sorted(lies(library)) == ["b.txt", "c.txt"], "with its last article the file goes too"


def test_a_gold_case_is_refused_where_it_would_say_something_untrue(library: Library, tmp_path: Path) -> None:
    add(library, [upload(tmp_path, "a.txt", "Ann swam to Thun. Bob sang.")], lambda _: None)
    found = record(library.assistant(OWN).ask("Who swam to Thun?"), OWN)
    with pytest.raises(QuestionError, match="without limits"):
        library.gold(OWN, "right", {**found, "filters": "only Dawn"}, [])
    with pytest.raises(QuestionError, match="do not stand in the article any more"):
        library.gold(OWN, "wrong", found, [("upload/a.txt", 5, 500)])
    library.read_only = True
    with pytest.raises(ForbiddenError, match="read-only"):
        library.gold(OWN, "right", found, [])
    assert not (library.own.home / "gold.jsonl").exists()


def test_facts_are_corrected_in_the_readers_own_collection_and_stay_through_an_upload(library: Library, tmp_path: Path) -> None:
    add(library, [upload(tmp_path, "one.txt", "Iran struck first.")], lambda _: None)
    assert library.correct("upload/one.txt", {"title": "Strikes", "published": "2024-01-17"}).title == "Strikes"
    add(library, [upload(tmp_path, "one.txt", "Iran struck first, they say.")], lambda _: None, replace="replace")
    article = library.chosen("").article("upload/one.txt")
    assert (article.title, str(article.published), article.text) == ("Strikes", "2024-01-17", "Iran struck first, they say.")
    assert library.correct("upload/one.txt", {}, undo=True).title is None
    library.read_only = True
    with pytest.raises(ForbiddenError, match="this page is read-only"):
        library.correct("upload/one.txt", {"title": "Strikes"})


def test_only_what_was_changed_in_the_form_is_corrected(library: Library, tmp_path: Path) -> None:
    story = '{"id": "r", "title": "Rain", "source": "AP", "text": "It rained on Quetta."}\n'
    add(library, [upload(tmp_path, "rain.jsonl", story)], lambda _: None)
    page = Articles(library)
    picked, told, *now = page.correct(
        {"collection": OWN, "article": "r", "facts": ("Rain", "AP", "")}, "Rain", "AP", "2024-05-01"
    )
    assert (picked["facts"], now) == (("Rain", "AP", "2024-05-01"), ["Rain", "AP", "2024-05-01"])
    assert "stay so" in told
    add(library, [upload(tmp_path, "rain.jsonl", story.replace("Rain", "Flood"))], lambda _: None, replace="replace")
    article = library.chosen(OWN).article("r")
    assert (article.title, str(article.published)) == ("Flood", "2024-05-01"), "the title was not said to be right"


@pytest.mark.parametrize(
    "place",
    [{"article_id": "r"}, {"start": -5, "end": 3}, {"start": 0, "end": 10**30}, {"start": 3, "end": 3}, {"version": "other"},
     {"collection": "none"}, {"article_id": "\x00"}],
)  # fmt: skip
def test_a_place_that_is_none_opens_nothing(library: Library, place: Any) -> None:
    with pytest.raises(
        CollectionError, match=r"^This article has been changed or removed since the answer was given. Ask again.$"
    ):
        opened_at(library, **{"collection": "", "article_id": "demo/one.txt", **place})
    whole = opened_at(library, "", "demo/one.txt", start=5)
    assert (whole["before"], whole["quote"], whole["after"]) == ("", "", "The demo tells of Iran.")
    words = opened_at(library, "demo", "demo/one.txt", start=4, end=8)
    assert (words["before"], words["quote"], words["after"]) == ("The ", "demo", " tells of Iran.")


def test_a_page_that_is_read_only_takes_nothing_in_or_out(library: Library, tmp_path: Path) -> None:
    library.read_only = True
    for change in (lambda: add(library, [upload(tmp_path, "a.txt", "x y z.")], lambda _: None), lambda: library.take_out("a")):
        with pytest.raises(ForbiddenError, match="this page is read-only"):
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
