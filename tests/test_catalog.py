"""The catalog, with SQLite itself: what is stored comes back, and its generations say what the indexes have
still to do.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import article, headline

from rag.config import Config, PassageSettings, RetrievalSettings
from rag.errors import CollectionError
from rag.store.catalog import FILE, ArticleUpdate, Catalog, Listing, PassageRef, passage_key
from rag.types import Article, Filters

IRAN = article(
    "Iran struck first. Pakistan replied.", "news/iran", title="Iran  struck", source="DAWN", author="A. Writer",
    url="https://example.org/1", published=date(2024, 1, 18), language="en",
)  # fmt: skip
WEATHER = article("The weather was fine 😀. Nobody struck.", "news/weather")
ORIGINS = {"news/iran": "/p/news/iran.txt", "news/weather": "/p/news/weather.txt"}


PLACES = ("dense", "lexical", "whole")


def indexed(catalog: Catalog, *updates: ArticleUpdate) -> None:
    """Store articles as a writer does: staged, written to the indexes, committed, and what they replace deleted."""
    catalog.stage([ref for update in updates for ref in update.refs()])
    catalog.put(updates)
    if catalog.tombstones():
        catalog.mark_indexed(PLACES)


def unindexed(catalog: Catalog) -> list[str]:
    """The keys that an index has still to add."""
    cursor = catalog.cursor("lexical")
    return [ref.key for refs in catalog.added_since(cursor or 0) for ref in refs]


def entry(a: Article, *spans: tuple[int, int]) -> ArticleUpdate:
    return ArticleUpdate(a, ORIGINS.get(a.id, f"/p/{a.id}"), spans or ((0, len(a.text)),))


def key(a: Article, start: int = 0, end: int | None = None) -> str:
    return passage_key(a, start, len(a.text) if end is None else end)


@pytest.fixture
def catalog(config: Config) -> Iterator[Catalog]:
    catalog = Catalog(config.home, config, create=True)
    catalog.follow(PLACES)
    indexed(catalog, entry(IRAN, (0, 18), (19, 36)), entry(WEATHER))
    yield catalog
    catalog.close()


# What is stored


def test_an_article_comes_back_as_it_was_stored(catalog: Catalog) -> None:
    assert catalog.article("news/iran") == IRAN
    assert catalog.article("news/weather") == WEATHER
    assert catalog.article("news/none") is None
    assert catalog.headline("news/iran") == headline(IRAN)
    assert catalog.headline("news/iran").label == "Iran struck"  # type: ignore[union-attr]
    assert catalog.headline("news/weather").label == "The weather was fine 😀."  # type: ignore[union-attr]
    assert catalog.headline("news/none") is None


def test_it_comes_back_in_another_process(catalog: Catalog, config: Config) -> None:
    catalog.close()
    again = Catalog(config.home, config)
    assert again.article("news/iran") == IRAN
    assert again.count() == (2, 3)
    again.close()


@pytest.mark.parametrize(
    "text", ["a\x00b", "’“” 😀", "x" * 2_000_000, "'; DROP TABLE articles; --", "e\u0301"]
)
def test_any_text_can_be_stored(catalog: Catalog, text: str) -> None:
    odd = article(text, "odd%_'\"", title="'", source="%")
    catalog.put([entry(odd)])
    assert catalog.article(odd.id) == odd


def test_the_listing_has_every_article_by_id_with_its_counts(catalog: Catalog) -> None:
    bare = article("No passage yet.", "news/bare")
    catalog.put([ArticleUpdate(bare, "/p/bare", ())])
    first, second, third = catalog.listings()
    assert (first, second, third) == (
        Listing(headline(bare), "/p/bare", 3, 0, first.added),
        Listing(headline(IRAN), ORIGINS["news/iran"], 5, 2, second.added),
        Listing(headline(WEATHER), ORIGINS["news/weather"], 7, 1, third.added),
    )
    assert abs(datetime.now(UTC) - first.added) < timedelta(minutes=1)


def test_what_is_known_of_each_article_is_its_version_and_its_file(catalog: Catalog) -> None:
    assert catalog.known() == {a.id: (a.version, ORIGINS[a.id]) for a in (IRAN, WEATHER)}
    catalog.save_origins({"news/iran": "/q/elsewhere.txt", "news/none": "/q/none.txt"})
    assert catalog.known() == {
        "news/iran": (IRAN.version, "/q/elsewhere.txt"),
        "news/weather": (WEATHER.version, ORIGINS["news/weather"]),
    }


def test_a_key_leads_to_its_place_and_an_unknown_one_nowhere(catalog: Catalog) -> None:
    place = PassageRef(key(IRAN, 19, 36), "news/iran", 19, 36)
    assert catalog.passages([place.key, "unheard of"]) == {place.key: place}
    assert place.id == "news/iran:19-36"
    assert catalog.passages([]) == {}


def test_a_key_names_the_version_so_that_an_old_vector_is_never_taken_for_a_new_one() -> None:
    changed = replace(IRAN, version="f" * 64)
    assert key(IRAN) != key(changed)
    assert key(IRAN) == f"news/iran@{IRAN.version[:16]}:0-36"


def test_the_sources_are_named_once_and_in_order(catalog: Catalog) -> None:
    assert catalog.sources() == ["DAWN"]
    catalog.put(
        [entry(article("x", str(n), source=source)) for n, source in enumerate(["VOA", "DAWN", "AP", None])]
    )
    assert catalog.sources() == ["AP", "DAWN", "VOA"]


def test_the_dates_of_articles_leave_out_what_is_unknown(catalog: Catalog) -> None:
    assert catalog.published(["news/iran", "news/weather", "news/none", "news/iran"]) == {
        "news/iran": date(2024, 1, 18)
    }
    assert catalog.published([]) == {}


@pytest.mark.slow
def test_more_than_sqlite_takes_at_once_is_written_read_and_removed(config: Config) -> None:
    catalog = Catalog(config.home, config, create=True)
    long = article("a " * 3_000, "long")
    spans = [(2 * n, 2 * n + 1) for n in range(3_000)]
    others = [article("b", f"{n:04}") for n in range(1_100)]
    catalog.follow(PLACES)
    catalog.put([entry(long, *spans), *map(entry, others)])
    assert catalog.published([a.id for a in others]) == {}
    keys = [key(long, *span) for span in spans] + [key(a) for a in others]
    assert sorted(unindexed(catalog)) == sorted(keys)
    catalog.mark_indexed(PLACES)
    assert (unindexed(catalog), catalog.count()) == ([], (1_101, 4_100))
    assert len(catalog.passages(keys)) == 4_100
    catalog.remove([a.id for a in others] + ["long"])
    assert (catalog.count(), sorted(keys)) == ((0, 0), catalog.tombstones())
    catalog.mark_indexed(PLACES)
    assert catalog.tombstones() == []
    catalog.close()


# Changes, and what the indexes have still to do


def test_a_new_passage_that_was_not_staged_is_still_to_be_indexed(catalog: Catalog) -> None:
    news = article("New. News.", "news/a")
    catalog.put([entry(news, (5, 10), (0, 4))])
    assert list(catalog.added_since(catalog.cursor("lexical") or 0)) == [
        [PassageRef(key(news, 0, 4), "news/a", 0, 4), PassageRef(key(news, 5, 10), "news/a", 5, 10)]
    ]
    catalog.mark_indexed(["lexical"])
    assert unindexed(catalog) == []
    assert catalog.cursor("whole") < catalog.latest_added(), "each index has a cursor of its own"  # type: ignore[operator]


def test_what_was_staged_counts_from_the_commit_on_and_the_cursors_move_along(catalog: Catalog) -> None:
    news = entry(article("New. News.", "news/a"), (0, 4), (5, 10))
    catalog.stage(news.refs())
    assert (catalog.count()[1], catalog.count_hidden(), catalog.passages(news.passage_keys())) == (3, 2, {})
    assert (catalog.keys().isdisjoint(news.passage_keys()), catalog.without_passages()) == (True, [])
    catalog.put([news])
    assert (catalog.count()[1], catalog.count_hidden(), unindexed(catalog)) == (5, 0, [])
    assert (
        [catalog.cursor(name) for name in PLACES]
        == [catalog.latest_added()] * 3
        == [catalog.generation()] * 3
    )


def test_what_a_killed_run_had_staged_is_deleted_by_the_next(catalog: Catalog) -> None:
    news = entry(article("New. News.", "news/a"), (0, 4), (5, 10))
    catalog.stage(news.refs())
    before = catalog.generation()
    catalog.abandon_staged()
    assert (catalog.tombstones(), catalog.generation()) == (sorted(news.passage_keys()), before + 1)
    catalog.mark_indexed(PLACES)
    assert (catalog.tombstones(), catalog.count_hidden()) == ([], 0)
    generation = catalog.generation()
    catalog.abandon_staged()
    assert catalog.generation() == generation, "nothing was staged"


def test_a_changed_article_is_replaced_and_its_old_passages_are_tombstones(catalog: Catalog) -> None:
    before = catalog.listings()[0].added
    changed = article("Pakistan struck first.", "news/iran", title="Corrected")
    catalog.put([entry(changed)])
    assert catalog.article("news/iran") == changed, "the facts that are gone are gone"
    assert catalog.tombstones() == sorted([key(IRAN, 0, 18), key(IRAN, 19, 36)])
    assert unindexed(catalog) == [key(changed)]
    assert catalog.passages([key(IRAN, 0, 18), key(changed)]).keys() == {key(changed)}
    assert (catalog.count(), catalog.listings()[0].added) == ((2, 2), before)


def test_a_tombstone_stays_until_every_index_has_passed_it(catalog: Catalog) -> None:
    catalog.remove(["news/iran"])
    keys = sorted([key(IRAN, 0, 18), key(IRAN, 19, 36)])
    for name in PLACES:
        assert catalog.tombstones() == keys
        assert catalog.tombstones(catalog.cursor(name) or 0) == keys
        catalog.mark_indexed([name])
    assert catalog.tombstones() == []


def test_an_index_that_nobody_keeps_any_more_holds_up_no_tombstone(catalog: Catalog) -> None:
    catalog.remove(["news/iran"])
    assert catalog.follow(["elsewhere", "lexical", "whole"])["elsewhere"] == 0
    assert catalog.cursor("dense") is None
    catalog.mark_indexed(["elsewhere", "lexical", "whole"])
    assert catalog.tombstones() == []


def test_an_article_that_is_changed_back_is_no_tombstone_any_more(catalog: Catalog) -> None:
    catalog.put([entry(article("Other.", "news/iran"))])
    catalog.put([entry(IRAN, (0, 18), (19, 36))])
    assert catalog.tombstones() == [key(article("Other.", "news/iran"))]
    assert unindexed(catalog) == [key(IRAN, 0, 18), key(IRAN, 19, 36)]


def test_the_same_passages_put_again_stay_as_they_are(catalog: Catalog) -> None:
    catalog.put([entry(IRAN, (0, 18), (19, 36))])
    assert (catalog.tombstones(), unindexed(catalog), catalog.count()) == ([], [], (2, 3))


def test_a_removed_article_is_gone_and_its_passages_are_tombstones(catalog: Catalog) -> None:
    catalog.remove(["news/iran", "news/none"])
    assert (catalog.article("news/iran"), catalog.headline("news/iran")) == (None, None)
    assert catalog.tombstones() == sorted([key(IRAN, 0, 18), key(IRAN, 19, 36)])
    assert (catalog.count(), catalog.without_passages()) == ((1, 1), [])


def test_near_copies_are_looked_for_among_what_has_changed_since(catalog: Catalog) -> None:
    assert catalog.changed_since_grouping() == {"news/iran", "news/weather"}
    catalog.save_groups({"news/iran": "news/iran", "news/weather": "news/iran"})
    assert catalog.changed_since_grouping() == set()
    catalog.save_origins({"news/iran": "/q"})
    assert catalog.changed_since_grouping() == set(), "where it lies does not matter"
    catalog.put([entry(article("New.", "news/a"))])
    assert catalog.changed_since_grouping() == {"news/a"}
    catalog.remove(["news/iran"])
    assert catalog.changed_since_grouping() == {"news/a", "news/weather"}, "its group has changed"


@pytest.mark.parametrize(
    ("write", "times"),
    [
        (lambda catalog: catalog.put([entry(article("New."))]), 1),
        (lambda catalog: catalog.remove(["news/iran"]), 1),
        (lambda catalog: catalog.save_origins({"news/iran": "/q"}), 1),
        (lambda catalog: catalog.put([entry(article("New.", "news/iran"))]), 2),  # added, and removed
        (lambda catalog: catalog.mark_indexed(PLACES), 0),
        (lambda catalog: catalog.reset_cursor("dense"), 1),
        (lambda catalog: catalog.stage(entry(article("New.", "x")).refs()), 0),
        (lambda catalog: catalog.rebuild(Config()).put([entry(IRAN)]), 0),
        (lambda catalog: catalog.rebuild(Config()).swap(), 1),
        (lambda catalog: catalog.listings(), 0),
    ],
)
def test_every_write_raises_the_generation(catalog: Catalog, write: Any, times: int) -> None:
    before = catalog.generation()
    write(catalog)
    assert catalog.generation() == before + times


def test_a_change_that_fails_half_way_changes_nothing(catalog: Catalog) -> None:
    before = (catalog.known(), catalog.count(), catalog.generation(), catalog.tombstones())
    twice = article("Twice.", "b")
    with pytest.raises(CollectionError, match="UNIQUE constraint failed"):
        catalog.put([entry(article("New.", "a")), entry(twice, (0, 2), (0, 2))])
    assert (catalog.known(), catalog.count(), catalog.generation(), catalog.tombstones()) == before


def test_a_rebuild_is_not_seen_before_it_takes_the_place_of_what_was_there(
    catalog: Catalog, config: Config
) -> None:
    other = replace(config, encoder="other", passages=PassageSettings(words=80, overlap=2, title=False))
    before = (catalog.count(), catalog.keys(), catalog.generation(), catalog.build())
    anew = Catalog(config.home, other, create=True, rebuild=True).rebuild(other)
    assert (anew.without_passages(), anew.build(), anew.count()[1]) == (
        ["news/iran", "news/weather"],
        "indexes/1",
        0,
    )
    anew.follow(PLACES)
    anew.stage(ArticleUpdate(IRAN, "/n/iran.txt", ((0, 7), (0, 18))).refs())
    anew.put([ArticleUpdate(IRAN, "/n/iran.txt", ((0, 7),))])
    assert (anew.without_passages(), anew.keys(), anew.count_hidden()) == (
        ["news/weather"],
        {key(IRAN, 0, 7)},
        1,
    )
    again = catalog.rebuild(other)
    assert (again.build(), again.keys()) == ("indexes/1", {key(IRAN, 0, 7)}), (
        "one of the same settings goes on"
    )
    assert (
        catalog.count(),
        catalog.keys(),
        catalog.generation(),
        catalog.build(),
        catalog.obsolete_builds(),
    ) == (
        *before,
        [],
    )
    expected = again.generation_after_swap()
    again.swap()
    with pytest.raises(
        CollectionError, match="was made with encoder = other; the configuration asks for words"
    ):
        catalog.check(config)
    catalog.check(other)
    assert catalog.generation() == expected > before[2]
    assert (catalog.build(), catalog.obsolete_builds()) == ("indexes/1", [""])
    assert (catalog.keys(), catalog.without_passages()) == ({key(IRAN, 0, 7)}, ["news/weather"])
    assert (
        [catalog.cursor(name) for name in PLACES]
        == [catalog.latest_added()] * 3
        == [catalog.generation()] * 3
    )
    catalog.abandon_staged()
    assert catalog.tombstones() == [key(IRAN, 0, 18)], (
        "what the new indexes may hold too much is to be deleted"
    )
    assert catalog.article("news/iran") == IRAN
    anew.close()


def test_a_rebuild_with_other_settings_or_after_a_change_begins_anew_under_another_number(
    catalog: Catalog, config: Config
) -> None:
    first = catalog.rebuild(config)
    first.put([entry(IRAN)])
    other = catalog.rebuild(replace(config, encoder="other"))
    assert (other.build(), other.without_passages()) == ("indexes/2", ["news/iran", "news/weather"])
    assert catalog.obsolete_builds() == ["indexes/1"]
    catalog.abandon_rebuild()
    assert catalog.obsolete_builds() == ["indexes/1", "indexes/2"]
    with sqlite3.connect(config.home / FILE) as db:
        assert db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'next%'").fetchall() == []
    catalog.forget_builds(["indexes/1", "indexes/2"])
    assert (catalog.obsolete_builds(), catalog.rebuild(config).build()) == ([], "indexes/1")


# What the indexes hold, and what filters admit


DAYS = {
    "a": ("AP", date(2024, 1, 10)),
    "b": ("DAWN", date(2024, 1, 20)),
    "c": ("AP", date(2024, 1, 30)),
    "d": (None, None),
}


@pytest.fixture
def shelf(config: Config) -> Iterator[Catalog]:
    catalog = Catalog(config.home, config, create=True)
    catalog.put(
        [entry(article(f"Report {i}.", i, source=source, published=day)) for i, (source, day) in DAYS.items()]
    )
    yield catalog
    catalog.close()


@pytest.mark.parametrize(
    ("filters", "admitted"),
    [
        (Filters(), "abcd"),
        (Filters(after=date(2024, 1, 20)), "bc"),  # both days are included; an unknown date passes neither
        (Filters(after=date(2024, 1, 21)), "c"),
        (Filters(before=date(2024, 1, 20)), "ab"),
        (Filters(before=date(2024, 1, 19)), "a"),
        (Filters(before=date(9999, 12, 31)), "abc"),
        (Filters(after=date(1, 1, 1)), "abc"),
        (Filters(after=date(2024, 1, 20), before=date(2024, 1, 20)), "b"),
        (Filters(sources=("AP",)), "ac"),
        (Filters(sources=("DAWN", "AP")), "abc"),
        (Filters(sources=("ap",)), ""),
        (Filters(sources=("Unheard of",)), ""),
        (Filters(exclude_articles=("a", "d", "unheard of")), "bc"),
        (Filters(after=date(2024, 1, 15), sources=("AP",), exclude_articles=("b",)), "c"),
    ],
)
def test_the_filters_admit_what_they_say(shelf: Catalog, filters: Filters, admitted: str) -> None:
    assert "".join(sorted(shelf.latest(9, filters))) == admitted


def test_the_latest_come_first_and_what_was_still_to_come_last(shelf: Catalog) -> None:
    assert shelf.latest(9) == ["c", "b", "a", "d"]
    assert shelf.latest(2) == ["c", "b"]
    assert shelf.latest(9, until=date(2024, 1, 20)) == ["b", "a", "d", "c"]


def test_articles_are_read_whole_with_their_headlines_at_once(catalog: Catalog) -> None:
    found = catalog.read([IRAN.id, WEATHER.id, "nothing"])
    assert found == {i: (catalog.article(i), catalog.headline(i)) for i in (IRAN.id, WEATHER.id)}
    catalog.save_groups({IRAN.id: IRAN.id, WEATHER.id: IRAN.id})
    assert {i: facts for i, (_, facts) in catalog.read([WEATHER.id]).items()} == {
        WEATHER.id: catalog.headline(WEATHER.id)
    }
    assert catalog.read([]) == {}


def test_a_collection_has_an_identity_of_its_own_and_keeps_it(
    catalog: Catalog, config: Config, tmp_path: Path
) -> None:
    again = Catalog(config.home, config, create=True)
    assert (again.identity(), len(again.identity())) == (catalog.identity(), 12)
    again.close()
    other = Catalog(tmp_path / "other", config, create=True)
    assert other.identity() != catalog.identity()
    other.close()


# Opening


def test_a_missing_collection_is_named_with_the_command_that_makes_it(config: Config) -> None:
    for opening in (
        lambda: Catalog(config.home, config),
        lambda: Catalog(config.home, config, create=True, rebuild=True),
    ):
        with pytest.raises(CollectionError) as missing:
            opening()
        assert str(missing.value).startswith(f"there is no collection in {config.home}")
        assert str(missing.value).endswith(f"Make one: clippings sync FOLDER --home {config.home}")
    assert not config.home.exists(), "looking for it made something"


@pytest.mark.parametrize(
    ("name", "was", "wanted", "other"),
    [
        ("encoder", "words", "other", lambda c: replace(c, encoder="other")),
        ("passages.words", "150", "80", lambda c: replace(c, passages=PassageSettings(words=80))),
        ("passages.overlap", "1", "0", lambda c: replace(c, passages=PassageSettings(overlap=0))),
        ("passages.title", "true", "false", lambda c: replace(c, passages=PassageSettings(title=False))),
    ],
)
def test_other_settings_than_it_was_made_with_are_refused_with_the_command_to_run(
    catalog: Catalog, config: Config, name: str, was: str, wanted: str, other: Any
) -> None:
    message = (
        f"the collection in {config.home} was made with {name} = {was}; the configuration asks for {wanted}. "
        f"Set {name} back, or make the indexes again: clippings sync --rebuild --home {config.home}"
    )
    for create in (False, True):
        with pytest.raises(CollectionError) as refused:
            Catalog(config.home, other(config), create=create)
        assert str(refused.value) == message
    with pytest.raises(CollectionError) as refused:
        catalog.check(other(config))
    assert str(refused.value) == message
    catalog.check(config)


def test_settings_that_only_matter_at_a_question_may_change(catalog: Catalog, config: Config) -> None:
    other = Catalog(config.home, replace(config, retrieval=RetrievalSettings(top_k=3)))
    assert other.count() == (2, 3)
    other.close()


def test_a_collection_of_another_layout_is_refused(catalog: Catalog, config: Config) -> None:
    catalog.close()
    with sqlite3.connect(config.home / FILE) as db:
        db.execute("UPDATE meta SET value = '0' WHERE name = 'schema'")
    with pytest.raises(CollectionError) as refused:
        Catalog(config.home, config)
    assert str(refused.value) == (
        f"the collection in {config.home} has layout 0, this version of Clippings reads layout 3. "
        "Make it again in another folder: clippings sync FOLDER --home NEW"
    )


@pytest.mark.parametrize("layout", ["DELETE FROM meta", "UPDATE meta SET value = '2'"])
def test_indexes_that_are_too_old_to_be_read_are_refused_with_the_command_that_mends_them(
    catalog: Catalog, config: Config, layout: str
) -> None:
    catalog.close()
    with sqlite3.connect(config.home / FILE) as db:
        assert db.execute(f"{layout} WHERE name = 'index layout'").rowcount == 1
    with pytest.raises(CollectionError) as refused:
        Catalog(config.home, config)
    assert str(refused.value) == (
        f"the indexes of the collection in {config.home} were made by another version of Clippings. The articles "
        f"are safe; bring them to this one: clippings sync FOLDER --home {config.home}"
    )
    Catalog(config.home, config, create=True).close()  # as the sync does that mends it


def test_indexes_of_a_later_version_are_refused_by_who_writes_too(catalog: Catalog, config: Config) -> None:
    catalog.close()
    with sqlite3.connect(config.home / FILE) as db:
        db.execute("UPDATE meta SET value = '99' WHERE name = 'index layout'")
    for create in (False, True):
        with pytest.raises(CollectionError, match="were made by another version of Clippings"):
            Catalog(config.home, config, create=create)


def test_the_whole_article_goes_by_its_first_passage(catalog: Catalog) -> None:
    openings = catalog.first_passages()
    assert {i: place.key for i, place in openings.items()} == {
        IRAN.id: key(IRAN, 0, 18),
        WEATHER.id: key(WEATHER),
    }
    assert catalog.first_passages([IRAN.id, "nothing"]) == {IRAN.id: openings[IRAN.id]}


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_a_file_that_is_no_catalog_is_named(config: Config, content: bytes) -> None:
    config.home.mkdir()
    (config.home / FILE).write_bytes(content)
    with pytest.raises(CollectionError) as damaged:
        Catalog(config.home, config)
    assert str(damaged.value).startswith(
        f"{config.home / FILE} is not a catalog of Clippings, or is damaged ("
    )
    assert str(damaged.value).endswith("Put a backup in its place, or name another folder with --home")
    assert damaged.value.__cause__ is not None


def test_a_damaged_catalog_is_a_collection_error_in_every_call(catalog: Catalog, config: Config) -> None:
    with sqlite3.connect(config.home / FILE) as db:
        for table in ("meta", "articles", "passages", "indexes"):
            db.execute(f"DROP TABLE {table}")
    calls = [
        catalog.generation, catalog.listings, catalog.known, catalog.count, catalog.sources, catalog.keys,
        catalog.tombstones, catalog.without_passages, catalog.obsolete_builds, catalog.build, catalog.layout,
        catalog.abandon_rebuild, catalog.abandon_staged, catalog.articles, catalog.count_hidden, catalog.identity,
        catalog.latest_added, catalog.changed_since_grouping, catalog.spans,
        lambda: catalog.article("a"), lambda: catalog.headline("a"), lambda: catalog.latest(1),
        lambda: catalog.read(["a"]), lambda: catalog.passages(["a"]), lambda: catalog.put([entry(IRAN)]),
        lambda: catalog.remove(["a"]), lambda: catalog.save_origins({"a": "b"}), lambda: catalog.cursor("dense"),
        lambda: catalog.mark_indexed(["a"]), lambda: catalog.reset_cursor("a"), lambda: catalog.follow(["a"]),
        lambda: catalog.check(config), lambda: catalog.rebuild(config), lambda: catalog.stage(entry(IRAN).refs()),
        lambda: catalog.forget_builds([]), lambda: list(catalog.vector_facts()),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(
            CollectionError, match=r"is not a catalog of Clippings, or is damaged \(no such table"
        ):
            call()


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path, config: Config) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        CollectionError, match=r"file/home cannot be used: .*\. Name another folder with --home"
    ):
        Catalog(tmp_path / "file" / "home", config, create=True)


@pytest.mark.slow
def test_a_catalog_that_another_process_keeps_locked_is_an_error_after_a_while(
    catalog: Catalog, config: Config
) -> None:
    code = (
        "import sqlite3, sys, time; db = sqlite3.connect(sys.argv[1]); db.execute('BEGIN IMMEDIATE');"
        "print('locked', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(config.home / FILE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    other.stdout.readline()
    hurried = Catalog(config.home, config)
    sa.event.listen(
        hurried._engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout=100")
    )
    with pytest.raises(CollectionError, match="is being written by another process"):
        hurried.remove(["news/iran"])
    assert hurried.article("news/iran") == IRAN, "reading goes on while another process writes"
    hurried.close()
    other.communicate()


def test_a_commit_survives_a_power_cut_and_readers_do_not_wait(catalog: Catalog) -> None:
    with catalog._engine.connect() as db:
        settings = {
            name: db.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 10_000}
