"""The plan: what is added, replaced, kept, renamed, refused and removed, from what was found and what is
known.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import write_jsonl
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.plan import plan
from ingest.scan import Scan, ScannedArticle, scan
from ingest.scan.walk import exists
from rag.types import Failure, Plan

NEWS = "/p/news"


def file(article_id: str, version: str, origin: str | None = None) -> ScannedArticle:
    """A file of one article; it lies where its id says, under /p, unless told otherwise."""
    return ScannedArticle(article_id, version, origin or f"/p/{article_id}", article_id)


def line(article_id: str, version: str, origin: str, number: int = 1) -> ScannedArticle:
    return ScannedArticle(article_id, version, origin, f"{origin} line {number}", position=(number - 1) * 100)


def scanned(
    *found: ScannedArticle,
    failed: Collection[str] = (),
    scopes: tuple[str, ...] = (NEWS,),
    also: Collection[str] = (),
) -> Scan:
    """`failed` are the files that could not be read, `also` those in which there was nothing."""
    origins = frozenset({item.origin for item in found} | set(failed) | set(also))
    many = frozenset(origin for origin in origins if origin.endswith(".jsonl"))
    failures = tuple(Failure(name, "damaged") for name in failed)
    return Scan(found, failures, origins, frozenset(failed), scopes, ("a warning",), many)


def planned(
    looked: Scan,
    known: dict[str, tuple[str, str]],
    *,
    prune: bool = False,
    there: Collection[str] | None = None,
) -> tuple[Plan, dict[str, ScannedArticle]]:
    """`there` are the files that exist; unless told otherwise, those that were looked at."""
    existing = looked.origins if there is None else there
    return plan(looked, known, prune=prune, exists=lambda origin: origin in existing)


def stored(*items: ScannedArticle) -> dict[str, tuple[str, str]]:
    return {item.id: (item.content_hash, item.origin) for item in items}


A, B, C = file("news/a.txt", "1"), file("news/b.txt", "2"), file("news/c.txt", "3")


def test_a_new_article_is_added_a_changed_one_replaced_and_an_equal_one_kept() -> None:
    known = stored(A, file("news/b.txt", "old"))
    todo, reading = planned(scanned(A, B, C), known)
    assert todo == Plan(
        added=("news/c.txt",), replaced=("news/b.txt",), kept=("news/a.txt",), warnings=("a warning",)
    )
    assert reading == {"news/b.txt": B, "news/c.txt": C}


def test_an_article_whose_file_has_gone_is_removed_only_when_asked() -> None:
    known = stored(A, B)
    assert planned(scanned(A), known)[0].removed == ()
    assert planned(scanned(A), known, prune=True)[0].removed == ("news/b.txt",)


def test_prune_touches_only_what_came_from_the_places_named() -> None:
    beside = file("newsroom/d.txt", "4")  # /p/newsroom begins with /p/news, and is another folder
    elsewhere, feed = file("x", "5", "/q/x.txt"), line("y", "6", "/p/y.jsonl")
    known = stored(A, B, C, beside, elsewhere, feed)
    assert planned(scanned(A), known, prune=True)[0].removed == ("news/b.txt", "news/c.txt")
    assert planned(scanned(A, scopes=(A.origin,)), known, prune=True)[0].removed == ()
    gone = scanned(A, scopes=(A.origin, B.origin))
    assert planned(gone, known, prune=True)[0].removed == ("news/b.txt",)
    assert planned(scanned(scopes=("/",)), known, prune=True)[0].removed == tuple(sorted(known))
    assert planned(scanned(scopes=()), known, prune=True)[0].removed == ()


def test_nothing_is_pruned_from_a_file_of_which_a_part_could_not_be_read() -> None:
    feed = "/p/news/feed.jsonl"
    known = stored(A, line("one", "1", feed), line("two", "2", feed))
    todo, _ = planned(scanned(line("one", "1", feed), failed=[feed, A.origin]), known, prune=True)
    assert (todo.kept, todo.removed) == (("one",), ())
    todo, _ = planned(scanned(line("one", "1", feed)), known, prune=True)
    assert (todo.kept, todo.removed) == (("one",), ("news/a.txt", "two"))


def test_a_line_that_has_gone_from_its_feed_is_pruned_with_the_feed_named() -> None:
    feed = "/p/news/feed.jsonl"
    known = stored(line("one", "1", feed), line("two", "2", feed))
    assert planned(scanned(line("one", "1", feed), scopes=(feed,)), known, prune=True)[0].removed == ("two",)
    assert planned(scanned(also=[feed], scopes=(feed,)), known, prune=True)[0].removed == ("one", "two")


# Collisions


def test_two_lines_with_one_id_are_a_collision_and_the_first_is_taken() -> None:
    feed = "/p/feed.jsonl"
    first, second = line("x", "1", feed, 1), line("x", "2", feed, 2)
    todo, reading = planned(scanned(first, second), {})
    assert todo.added == ("x",)
    assert reading == {"x": first}
    assert todo.failed == (
        Failure(
            "/p/feed.jsonl line 2",
            "its id x is already in use by /p/feed.jsonl line 1. Give it an id of its own",
        ),
    )


def test_two_folders_of_one_name_collide_and_nothing_is_overwritten() -> None:
    theirs = file("news/a.txt", "other", "/q/news/a.txt")
    for known in ({}, stored(A)):
        todo, reading = planned(scanned(A, theirs, scopes=(NEWS, "/q/news")), known)
        assert "news/a.txt" not in todo.replaced
        assert reading.get("news/a.txt") in (A, None)
        assert todo.failed == (
            Failure(
                "news/a.txt", "its id news/a.txt is already in use by news/a.txt. Give it an id of its own"
            ),
        )


def test_a_folder_of_the_same_name_synced_later_does_not_overwrite_the_first() -> None:
    theirs = file("news/a.txt", "other", "/q/news/a.txt")
    todo, reading = planned(
        scanned(theirs, scopes=("/q/news",)), stored(A), prune=True, there=[A.origin, theirs.origin]
    )
    assert (todo.replaced, todo.removed, reading) == ((), (), {})
    assert todo.failed == (
        Failure(
            "news/a.txt",
            "its id news/a.txt is already in use by /p/news/a.txt. Rename the file or its folder, or remove "
            "the other",
        ),
    )


def test_an_id_that_another_feed_still_holds_is_a_collision() -> None:
    old, new = line("x", "1", "/p/one.jsonl"), line("x", "2", "/p/two.jsonl")
    todo, reading = planned(scanned(new), stored(old), there=[old.origin, new.origin])
    assert (todo.added, todo.replaced, reading) == ((), (), {})
    assert [failure.item for failure in todo.failed] == ["/p/two.jsonl line 1"]


# Renamed and moved


def test_a_renamed_file_keeps_its_id() -> None:
    renamed = file("news/z.txt", "1")
    todo, reading = planned(scanned(renamed, B), stored(A, B), prune=True)
    assert todo == Plan(
        kept=("news/a.txt", "news/b.txt"), renamed=(("news/a.txt", "/p/news/z.txt"),), warnings=("a warning",)
    )
    assert reading == {}


def test_a_renamed_file_keeps_its_id_when_it_changes_later_and_is_renamed_again() -> None:
    known = {"news/a.txt": ("1", "/p/news/z.txt")}
    changed = file("news/z.txt", "2")
    todo, reading = planned(scanned(changed), known, prune=True)
    assert (todo.replaced, todo.added, todo.removed, todo.renamed) == (("news/a.txt",), (), (), ())
    assert reading["news/a.txt"].origin == "/p/news/z.txt"
    assert reading["news/a.txt"].id == "news/a.txt"
    again = planned(scanned(file("news/y.txt", "1")), known, prune=True)[0]
    assert (again.kept, again.renamed, again.removed) == (
        ("news/a.txt",),
        (("news/a.txt", "/p/news/y.txt"),),
        (),
    )


def test_a_new_file_under_the_old_name_of_a_renamed_one_is_a_collision() -> None:
    known = {"news/a.txt": ("1", "/p/news/z.txt")}
    newcomer = file("news/a.txt", "9")
    todo, reading = planned(scanned(newcomer, file("news/z.txt", "1")), known, prune=True)
    assert (todo.kept, todo.removed, reading) == (("news/a.txt",), (), {})
    assert [failure.item for failure in todo.failed] == ["news/a.txt"]


def test_a_copy_is_an_article_of_its_own() -> None:
    copy = file("news/z.txt", "1")
    todo, _ = planned(scanned(A, copy), stored(A))
    assert (todo.added, todo.kept, todo.renamed) == (("news/z.txt",), ("news/a.txt",), ())
    todo, _ = planned(scanned(copy, scopes=(copy.origin,)), stored(A), there=[A.origin, copy.origin])
    assert (todo.added, todo.kept, todo.renamed) == (("news/z.txt",), (), ())


def test_of_two_copies_of_a_vanished_file_the_first_is_the_renamed_one() -> None:
    todo, _ = planned(scanned(file("news/y.txt", "1"), file("news/z.txt", "1")), stored(A))
    assert (todo.kept, todo.added, todo.renamed) == (
        ("news/a.txt",),
        ("news/z.txt",),
        (("news/a.txt", "/p/news/y.txt"),),
    )


def test_two_vanished_copies_are_two_renamed_files() -> None:
    known = stored(A, file("news/b.txt", "1"))
    todo, _ = planned(scanned(file("news/y.txt", "1"), file("news/z.txt", "1")), known)
    assert todo.renamed == (("news/a.txt", "/p/news/y.txt"), ("news/b.txt", "/p/news/z.txt"))


def test_a_file_that_could_not_be_read_is_not_taken_for_vanished() -> None:
    todo, _ = planned(scanned(file("news/z.txt", "1"), failed=[A.origin]), stored(A), prune=True, there=[])
    assert (todo.added, todo.renamed, todo.removed) == (("news/z.txt",), (), ())


def test_files_that_swapped_their_names_are_two_changed_articles() -> None:
    todo, _ = planned(scanned(file("news/a.txt", "2"), file("news/b.txt", "1")), stored(A, B))
    assert (todo.replaced, todo.renamed, todo.failed) == (("news/a.txt", "news/b.txt"), (), ())


def test_a_moved_folder_keeps_its_articles_changed_or_not() -> None:
    moved = [file("news/a.txt", "1", "/q/news/a.txt"), file("news/b.txt", "new", "/q/news/b.txt")]
    todo, reading = planned(scanned(*moved, scopes=("/q/news",)), stored(A, B), prune=True)
    assert (todo.kept, todo.replaced) == (("news/a.txt",), ("news/b.txt",))
    assert todo.renamed == (("news/a.txt", "/q/news/a.txt"),), (
        "a replaced article is stored with its new place anyway"
    )
    assert (todo.added, todo.removed, todo.failed) == ((), (), ())
    assert reading == {"news/b.txt": moved[1]}


def test_a_folder_under_another_name_keeps_the_ids_of_its_articles() -> None:
    todo, _ = planned(
        scanned(file("press/a.txt", "1"), file("press/b.txt", "2"), scopes=("/p/press",)), stored(A, B)
    )
    assert todo.kept == ("news/a.txt", "news/b.txt")
    assert todo.renamed == (("news/a.txt", "/p/press/a.txt"), ("news/b.txt", "/p/press/b.txt"))


def test_a_file_synced_from_nearer_or_farther_keeps_its_id() -> None:
    known = {"news/2024/a.txt": ("1", "/p/news/2024/a.txt")}
    nearer = ScannedArticle("2024/a.txt", "1", "/p/news/2024/a.txt", "2024/a.txt")
    assert planned(scanned(nearer), known)[0] == Plan(kept=("news/2024/a.txt",), warnings=("a warning",))


def test_a_renamed_feed_keeps_its_articles() -> None:
    old = [line("x", "1", "/p/feed.jsonl"), line("y", "2", "/p/feed.jsonl", 2)]
    new = [line("x", "1", "/p/may.jsonl"), line("y", "3", "/p/may.jsonl", 2)]
    todo, _ = planned(scanned(*new, scopes=("/p",)), stored(*old), prune=True)
    assert (todo.kept, todo.replaced, todo.removed, todo.failed) == (("x",), ("y",), (), ())
    assert todo.renamed == (("x", "/p/may.jsonl"),)


def test_an_article_that_moved_from_one_feed_to_another_is_no_collision() -> None:
    today, archive = "/p/today.jsonl", "/p/archive.jsonl"
    known = stored(line("x", "1", today), line("y", "2", today))
    looked = scanned(line("x", "1", archive), line("y", "2", today), scopes=("/p",))
    todo, _ = planned(looked, known, prune=True)
    assert (todo.kept, todo.removed, todo.failed) == (("x", "y"), (), ())
    assert todo.renamed == (("x", archive),)
    # Where the first feed could not be read in full, it may still hold it.
    unsure = scanned(line("x", "1", archive), line("y", "2", today), failed=[today], scopes=("/p",))
    todo, _ = planned(unsure, known, prune=True)
    assert (todo.kept, todo.removed, todo.renamed) == (("y",), (), ())
    assert [failure.item for failure in todo.failed] == [today, f"{archive} line 1"]


def test_nothing_under_a_folder_that_could_not_be_read_is_taken_for_gone() -> None:
    open_file, closed_file = file("p/a.txt", "1", "/p/a.txt"), file("p/closed/b.txt", "2", "/p/closed/b.txt")
    beside = file("p/closed-by/c.txt", "3", "/p/closed-by/c.txt")
    looked = scanned(failed=["/p/closed"], scopes=("/p",))
    todo, _ = planned(looked, stored(open_file, closed_file, beside), prune=True)
    assert todo.removed == ("p/a.txt", "p/closed-by/c.txt")


def test_a_line_with_the_words_of_a_vanished_file_is_not_a_renamed_file() -> None:
    todo, _ = planned(scanned(line("x", "1", "/p/feed.jsonl")), stored(A))
    assert (todo.added, todo.renamed) == (("x",), ())


def test_twenty_thousand_moved_files_are_planned_in_seconds() -> None:
    known = {f"news/{n}.txt": (f"{n}", f"/p/news/{n}.txt") for n in range(20_000)}
    looked = scanned(*(file(f"news/{n}.txt", f"{n}", f"/q/news/{n}.txt") for n in range(20_000)))
    began = time.perf_counter()
    assert len(planned(looked, known)[0].renamed) == 20_000
    assert time.perf_counter() - began < 5  # 0.2 s; it was 10 when each looked through all the others


# Whatever is found and known

_IDS = st.sampled_from(["n/a", "n/b", "n/c"])
_VERSIONS = st.sampled_from(["1", "2"])
_FILES = st.builds(
    lambda i, v, folder: file(i, v, f"/{folder}/{i}"), _IDS, _VERSIONS, st.sampled_from(["p", "q"])
)
_LINES = st.builds(
    lambda i, v, feed: line(i, v, f"/p/n/{feed}.jsonl"),
    st.sampled_from(["n/a", "x"]),
    _VERSIONS,
    st.sampled_from("fg"),
)


@given(
    st.lists(_FILES | _LINES, max_size=6, unique_by=lambda item: (item.origin, item.id)),
    st.lists(_FILES | _LINES, max_size=4, unique_by=lambda item: item.id),
    st.sets(st.sampled_from(["/p/n/a", "/p/n/b", "/p/n/f.jsonl"])),
    st.booleans(),
)
@settings(derandomize=True, deadline=None, database=None, max_examples=400)
def test_the_counts_add_up_and_no_article_has_two_fates(
    found: list[ScannedArticle], before: list[ScannedArticle], failed: set[str], prune: bool
) -> None:
    looked = scanned(*found, failed=failed, scopes=("/p/n",))
    todo, reading = planned(looked, stored(*before), prune=prune)
    assert todo.items == len(found) + len(failed)
    fates = [*todo.added, *todo.replaced, *todo.kept, *todo.removed]
    assert len(fates) == len(set(fates))
    assert set(reading) == {*todo.added, *todo.replaced}
    assert {article_id for article_id, _ in todo.renamed} <= set(todo.kept)
    assert {*todo.replaced, *todo.kept, *todo.removed} <= {item.id for item in before}
    assert not {*todo.added} & {item.id for item in before}
    assert prune or not todo.removed


@pytest.mark.parametrize("prune", [False, True])
def test_a_plan_of_real_files_is_the_plan_of_what_they_hold(tmp_path: Path, prune: bool) -> None:
    news = tmp_path / "news"
    news.mkdir()
    (news / "a.txt").write_text("one")
    write_jsonl(news / "f.jsonl", {"id": "x", "text": "two"}, {"id": "x", "text": "three"}, {"id": "y"})
    looked = scan([news])
    todo, _ = plan(looked, {}, prune=prune, exists=lambda origin: Path(origin).exists())
    assert (todo.added, [failure.item for failure in todo.failed]) == (
        ("news/a.txt", "x"),
        ["news/f.jsonl line 3", "news/f.jsonl line 2"],
    )
    assert todo.items == 4
    known = {found.id: (found.content_hash, found.origin) for found in looked.found[:2]} | {
        "z": ("9", str(news / "gone.txt"))
    }
    again, _ = plan(looked, known, prune=prune, exists=lambda origin: Path(origin).exists())
    assert (again.added, again.kept, again.removed) == ((), ("news/a.txt", "x"), ("z",) if prune else ())


def test_a_renamed_archive_keeps_its_articles_for_good(tmp_path: Path) -> None:
    def packed(name: str) -> Scan:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member in ("x/one.txt", "x/two.txt"):
                archive.writestr(member, f"This is {member}.")
        return scan([tmp_path / name])

    first = packed("a.zip")
    known = stored(*first.found)
    (tmp_path / "a.zip").unlink()
    later = packed("b.zip")
    todo, _ = plan(later, known, prune=True, exists=exists)
    ids = tuple(found.id for found in first.found)
    assert (todo.kept, todo.added, todo.removed) == (ids, (), ())
    moved = {article_id: (mark, dict(todo.renamed)[article_id]) for article_id, (mark, _) in known.items()}
    again, _ = plan(scan([tmp_path / "b.zip"]), moved, prune=True, exists=exists)
    assert (again.kept, again.added, again.removed, again.renamed) == (ids, (), (), ())


def test_a_file_that_is_packed_away_keeps_its_article_and_one_in_an_archive_that_is_still_there_is_another(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.txt").write_text("Rain fell.")
    known = stored(*scan([tmp_path / "a.txt"]).found)
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        archive.writestr("a.txt", "Rain fell.")
    assert plan(scan([tmp_path / "old.zip"]), known, prune=False, exists=exists)[0].added == (
        f"{tmp_path.name}/old.zip/a.txt",
    )
    (tmp_path / "a.txt").unlink()
    assert plan(scan([tmp_path / "old.zip"]), known, prune=False, exists=exists)[0].kept == tuple(known)


def test_a_member_that_has_gone_from_its_archive_is_pruned_and_one_of_a_damaged_archive_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.zip"
    for members in (("one.txt", "two.txt"), ("one.txt",)):
        with zipfile.ZipFile(path, "w") as archive:
            for member in members:
                archive.writestr(member, f"This is {member}.")
        if len(members) == 2:
            known = stored(*scan([path]).found)
    assert plan(scan([path]), known, prune=True, exists=exists)[0].removed == (
        f"{tmp_path.name}/a.zip/two.txt",
    )
    path.write_bytes(path.read_bytes()[:-30])
    assert plan(scan([path]), known, prune=True, exists=exists)[0].removed == ()


def test_a_line_does_not_replace_what_was_fetched_from_the_address_it_names(tmp_path: Path) -> None:
    address = "https://example.org/a"
    known = {address: ("1", address)}
    todo, _ = planned(scanned(line(address, "2", "/p/news/feed.jsonl")), known)
    assert (todo.replaced, todo.kept) == ((), ())
    assert [failure.item for failure in todo.failed] == ["/p/news/feed.jsonl line 1"]
    gone = replace(scanned(line(address, "2", "/p/news/feed.jsonl")), gone={address: "it is gone"})
    assert planned(gone, known)[0].replaced == (address,), "unless there is nothing any more"
