"""The lexical index, with tantivy itself: words and not operators, stems, filters that change no score, a
total order.
"""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections import Counter
from datetime import date
from math import log
from pathlib import Path
from typing import Any, Literal

import pytest

from rag.errors import CollectionError
from rag.store import Record
from rag.store.bm25 import PASSAGES as FOLDER
from rag.store.bm25 import LexicalIndex, LexicalWriter
from rag.types import Filters

PASSAGES = [
    ("p1", "a", "Iran struck the militants first, in Balochistan."),
    ("p2", "a", "Pakistan responded with strikes of its own."),
    ("p3", "b", "The weather in Quetta was fine; nobody was striking."),
    ("p4", "c", "Café prices rose by 12% in 1,566 towns."),
]


def rows(*given: tuple[Any, ...]) -> list[Record]:
    return [Record(*facts) for facts in given]


def write(home: Path, *given: tuple[Any, ...]) -> None:
    with LexicalWriter(home) as writer:
        writer.add(rows(*given))
        writer.commit()


def opened(home: Path, *given: tuple[Any, ...]) -> LexicalIndex:
    write(home, *(given or PASSAGES))
    return LexicalIndex(home)


def keys(index: LexicalIndex, question: str, k: int = 10, **limits: Any) -> list[str]:
    return [key for key, _ in index.search(question, k, Filters(**limits))]


# Words


def test_a_word_is_found_in_another_form_and_case_and_without_its_accent(tmp_path: Path) -> None:
    index = opened(tmp_path)
    assert keys(index, "STRIKE") == ["p2", "p3"]  # strikes, striking; struck is another stem
    assert keys(index, "militant") == ["p1"]
    assert keys(index, "cafe") == ["p4"]
    assert keys(index, "CAFÉS") == ["p4"]
    assert keys(index, "1,566 towns") == ["p4"]
    assert keys(index, "sunshine") == []


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Zoltán", "Zoltan"), ("Zoltan", "Zoltán"), ("Łukasz", "Lukasz"), ("Jørgen", "Jorgen"), ("Şimşek", "simsek"),
        ("Gauß", "Gauss"), ("Nguyễn", "Nguyen"), ("Čapková", "CAPKOVA"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_is_found_with_and_without_its_accents_however_they_are_written(
    tmp_path: Path, written: str, asked: str, form: Literal["NFC", "NFD"]
) -> None:
    other: Literal["NFC", "NFD"] = "NFD" if form == "NFC" else "NFC"
    index = opened(
        tmp_path, ("p1", "a", f"The judge {unicodedata.normalize(form, written)} adjourned the trial.")
    )
    for question in (asked, unicodedata.normalize(other, written), unicodedata.normalize(form, written)):
        assert keys(index, question) == ["p1"]
    assert keys(index, "án") == [], "no piece of the name is a word"


def test_the_more_words_of_a_question_a_passage_has_the_better(tmp_path: Path) -> None:
    assert keys(opened(tmp_path), "Who struck militants in Balochistan, Pakistan?")[0] == "p1"


def test_the_scores_are_bm25(tmp_path: Path) -> None:
    texts = [("x", "a", "iran iran struck"), ("y", "a", "iran"), ("z", "a", "weather today in town")]
    index = opened(tmp_path, *texts)
    lengths = {key: len(text.split()) for key, _, text in texts}
    mean = sum(lengths.values()) / 3

    def bm25(key: str, word: str) -> float:
        counts = {name: Counter(text.split())[word] for name, _, text in texts}
        holding = sum(count > 0 for count in counts.values())
        idf = log(1 + (3 - holding + 0.5) / (holding + 0.5))
        return idf * counts[key] * 2.2 / (counts[key] + 1.2 * (0.25 + 0.75 * lengths[key] / mean))

    expected = sorted(("x", "y"), key=lambda key: -bm25(key, "iran"))
    assert index.search("iran", 5) == [(key, pytest.approx(bm25(key, "iran"))) for key in expected]
    (first, score), _ = index.search("iran struck", 5)
    assert (first, score) == ("x", pytest.approx(bm25("x", "iran") + bm25("x", "struck")))


def test_a_word_said_twice_in_a_question_counts_once(tmp_path: Path) -> None:
    index = opened(tmp_path)
    assert index.search("Iran, Iran, IRAN", 5) == index.search("Iran", 5)


@pytest.mark.parametrize(
    "question",
    [
        "+weather -Quetta", "weather AND NOT Quetta", "weather OR Quetta", '"Quetta weather"~2', "body:weather key:Quetta",
        "weat* Quetta weather", "(weather Quetta", "weather^9 Quetta", "[weather TO Quetta]", "weather\\ Quetta{", "weather/Quetta",
    ],
)  # fmt: skip
def test_what_a_query_language_calls_operators_are_words_or_nothing(tmp_path: Path, question: str) -> None:
    assert keys(opened(tmp_path), question)[0] == "p3"


@pytest.mark.parametrize("question", ["", " ", "?!", "“…”", '+-&&||!(){}[]^"~*?:\\/', "x" * 60])
def test_a_question_without_a_word_finds_nothing(tmp_path: Path, question: str) -> None:
    assert opened(tmp_path).search(question, 5) == []


def test_a_word_longer_than_any_word_is_not_indexed(tmp_path: Path) -> None:
    index = opened(tmp_path, ("p", "a", "x" * 59 + " and " + "y" * 60))
    assert keys(index, "x" * 59) == ["p"]
    assert keys(index, "y" * 60) == []


# Order


def test_equal_scores_are_ordered_by_key(tmp_path: Path) -> None:
    same = [(key, "a", "Iran struck first.") for key in ("m", "z", "a", "b", "k")]
    assert keys(opened(tmp_path, *same), "Iran") == ["a", "b", "k", "m", "z"]


def test_equal_scores_are_cut_by_key_and_not_by_when_they_were_added(tmp_path: Path) -> None:
    names = [f"{n:03}" for n in range(200)]
    index = opened(
        tmp_path,
        *((name, "a", "Iran struck first.") for name in reversed(names)),
        ("best", "b", "Iran. Iran."),
    )
    assert keys(index, "Iran", 4) == ["best", "000", "001", "002"]
    assert keys(index, "Iran", 201) == ["best", *names]
    assert keys(index, "Iran", 1) == ["best"]
    assert keys(index, "Iran", 0) == []


# Filters

JANUARY, FEBRUARY = date(2024, 1, 18), date(2024, 2, 1)
DATED = [
    ("p1", "a", "Iran struck first", JANUARY, "DAWN"),
    ("p2", "a", "Iran, again", JANUARY, "DAWN"),
    ("p3", "b", "Iran and the weather in Quetta", FEBRUARY, "AP"),
    ("p4", "c", "Iran in 1,566 towns, all of them far", None, None),
]


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"after": JANUARY}, {"p1", "p2", "p3"}),  # both days are included; an unknown date passes neither
        ({"after": date(2024, 1, 19)}, {"p3"}),
        ({"before": JANUARY}, {"p1", "p2"}),
        ({"before": date(2024, 1, 17)}, set()),
        ({"after": JANUARY, "before": JANUARY}, {"p1", "p2"}),
        ({"after": date(1, 1, 1)}, {"p1", "p2", "p3"}),
        ({"before": date(9999, 12, 31)}, {"p1", "p2", "p3"}),
        ({"sources": ("AP",)}, {"p3"}),
        ({"sources": ("AP", "DAWN")}, {"p1", "p2", "p3"}),
        ({"sources": ("ap",)}, set()),
        ({"exclude_articles": ("a", "unheard of")}, {"p3", "p4"}),
        ({"after": JANUARY, "sources": ("DAWN", "AP"), "exclude_articles": ("b",)}, {"p1", "p2"}),
    ],
)
def test_a_filter_changes_which_passages_count_and_never_their_scores(
    tmp_path: Path, limits: Any, left: set[str]
) -> None:
    index = opened(tmp_path, *DATED)
    every = dict(index.search("Iran, Quetta", 10))
    assert set(every) == {"p1", "p2", "p3", "p4"}
    assert dict(index.search("Iran, Quetta", 10, Filters(**limits))) == {key: every[key] for key in left}


def test_the_k_best_are_those_admitted_and_not_what_the_filter_leaves_of_the_k_best(tmp_path: Path) -> None:
    better = [(f"b{n}", "loud", "Iran Iran Iran", JANUARY, "AP") for n in range(20)]
    quiet = (
        "quiet",
        "q",
        "a long passage in which Iran is named once and no more than that",
        FEBRUARY,
        "DAWN",
    )
    index = opened(tmp_path, *better, quiet)
    for limits in ({"sources": ("DAWN",)}, {"after": FEBRUARY}, {"exclude_articles": ("loud",)}):
        assert keys(index, "Iran", 2, **limits) == ["quiet"]


def test_an_article_id_is_compared_whole_and_to_the_letter(tmp_path: Path) -> None:
    index = opened(
        tmp_path, ("1", "news/A one.txt", "Iran"), ("2", "news/a one.txt", "Iran"), ("3", "news", "Iran")
    )
    assert keys(index, "Iran", exclude_articles=("news",)) == ["1", "2"]
    assert keys(index, "Iran", exclude_articles=("news/A one.txt",)) == ["2", "3"]


# Writing


def test_a_passage_that_is_there_already_is_replaced_and_not_doubled(tmp_path: Path) -> None:
    index = opened(tmp_path)
    write(tmp_path, ("p3", "b", "Snow in Quetta."))
    with LexicalWriter(tmp_path) as writer:
        writer.add(rows(("p4", "c", "first"), ("p4", "c", "Snow in Zhob.")))  # twice within one commit
        writer.commit()
    index.reload()
    assert (keys(index, "snow"), keys(index, "weather"), keys(index, "first prices")) == (
        ["p3", "p4"],
        [],
        ["p1"],
    )
    assert (index.count(), index.keys()) == (4, {"p1", "p2", "p3", "p4"})


def test_what_is_deleted_is_not_found_again_in_this_index_or_another(tmp_path: Path) -> None:
    index = opened(tmp_path)
    with LexicalWriter(tmp_path) as writer:
        writer.delete(["p1", "p2", "never there"])
        writer.commit()
    assert keys(index, "Iran") == ["p1"], "an index answers as of its last reload"
    index.reload()
    for seen in (index, LexicalIndex(tmp_path)):
        assert (keys(seen, "Iran Pakistan strike"), seen.keys(), seen.count()) == (["p3"], {"p3", "p4"}, 2)


def test_a_deleted_passage_can_be_added_again(tmp_path: Path) -> None:
    index = opened(tmp_path)
    with LexicalWriter(tmp_path) as writer:
        writer.delete(["p1"])
        writer.add(rows(*PASSAGES[:1]))
        writer.commit()
    index.reload()
    assert (keys(index, "militants"), index.count()) == (["p1"], 4)


def test_nothing_is_seen_before_it_is_committed_and_nothing_of_it_stays_after_a_fault(tmp_path: Path) -> None:
    index = opened(tmp_path)

    def stopped() -> None:
        with LexicalWriter(tmp_path) as writer:
            writer.add(rows(("p5", "d", "Snow.")))
            writer.delete(["p1"])
            index.reload()
            assert (index.count(), keys(index, "snow")) == (4, [])
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        stopped()
    index.reload()
    assert (index.count(), keys(index, "snow"), keys(index, "militants")) == (4, [], ["p1"])
    write(tmp_path, ("p5", "d", "Snow."))  # tantivy's own lock was given back
    index.reload()
    assert keys(index, "snow") == ["p5"]


def test_a_wiped_index_is_empty_and_can_be_filled_again(tmp_path: Path) -> None:
    index = opened(tmp_path)
    with LexicalWriter(tmp_path) as writer:
        writer.wipe()
        writer.add(rows(*PASSAGES[3:]))
        writer.commit()
    index.reload()
    assert (index.keys(), keys(index, "Iran")) == ({"p4"}, [])


def test_an_index_with_nothing_in_it_answers_with_nothing(tmp_path: Path) -> None:
    with LexicalWriter(tmp_path):
        pass
    index = LexicalIndex(tmp_path)
    assert (index.count(), index.keys(), index.search("Iran", 5)) == (0, set(), [])


def test_small_segments_do_not_pile_up(tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path, (f"p{number}", "a", "Iran struck first."))
    segments = {path.name.split(".")[0] for path in (tmp_path / "lexical").glob("*.idx")}
    assert len(segments) < 15
    assert LexicalIndex(tmp_path).count() == 30


# Faults


def test_a_missing_index_is_named_with_the_command_that_makes_it_again(tmp_path: Path) -> None:
    with pytest.raises(CollectionError) as missing:
        LexicalIndex(tmp_path)
    assert str(missing.value) == (
        f"the lexical index {tmp_path}/lexical is missing. It is made again by the next sync: "
        f"clippings sync FOLDER --home {tmp_path}"
    )


def test_a_damaged_index_is_named_with_the_command_that_makes_it_again(tmp_path: Path) -> None:
    write(tmp_path, *PASSAGES)
    (tmp_path / "lexical" / "meta.json").write_text("{")
    for opening in (LexicalIndex, LexicalWriter):
        with pytest.raises(CollectionError) as damaged:
            opening(tmp_path)
        assert str(damaged.value).startswith(f"the lexical index {tmp_path}/lexical cannot be used: ")
        assert str(damaged.value).endswith(f"Make it again: clippings sync --rebuild --home {tmp_path}")
        assert damaged.value.__cause__ is not None


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    with LexicalWriter(tmp_path), pytest.raises(CollectionError, match="cannot be used"):
        LexicalWriter(tmp_path)


def test_a_file_that_a_killed_run_has_left_does_not_stand_in_the_way_of_the_next(tmp_path: Path) -> None:
    """tantivy names a file of deletions by segment and operation, and a run that begins again counts the same
    operations.
    """
    with LexicalWriter(tmp_path / "one") as writer:
        writer.add(rows(("a", "a", "alpha beta"), ("b", "b", "beta gamma")))
        writer.commit()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    with LexicalWriter(tmp_path / "two") as writer:
        writer.delete(["a"])
        writer.commit()
    (left,) = (tmp_path / "two" / FOLDER).glob("*.del")
    folder = (
        tmp_path / "one" / FOLDER
    )  # killed after that file was written, and before what says that it counts
    shutil.copy(left, folder / left.name)
    managed = json.loads((folder / ".managed.json").read_text())
    (folder / ".managed.json").write_text(json.dumps([*managed, left.name]))
    with LexicalWriter(tmp_path / "one") as writer:
        writer.delete(["a"])
        writer.commit()
    assert LexicalIndex(tmp_path / "one").keys() == {"b"}
