"""The benchmark of growing collections: what its figures mean, that recombined articles are made of real ones
and the same every time, and a small run from articles to tables."""

from __future__ import annotations

import json
import random
from datetime import date
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from eval.bench.scale import __main__ as scale
from eval.bench.scale import build, compose
from eval.bench.scale.compose import composed, halves, neighbours
from eval.bench.scale.data import Looked, Real, Stock, indexed, real
from eval.bench.scale.figures import percentile, recall, slope, table
from eval.bench.scale.filters import chosen
from eval.bench.scale.peers import expected
from eval.bench.scale.trip import STEPS
from eval.bench.scale.work import Task, Work
from rag.errors import ConfigError
from rag.store.catalog import Catalog
from rag.types import Headline

PLACES = "Bergen Lindau Basel Corsica Oslo Karvel Turin Ghent".split()
THINGS = "dam bridge ferry museum market station harbour school".split()


def article(number: int) -> dict[str, str]:
    place, thing = PLACES[number % len(PLACES)], THINGS[number // len(PLACES) % len(THINGS)]
    lines = [
        f"The {thing} of {place} was closed on day {number} after a storm that lasted {line + 2} hours. "
        f"{line * 7 + number} people had to be brought to a hall in the north of {place}, said its mayor. "
        f"Work on the {thing} will begin in week {line + 3} and cost {number + line} million francs, the "
        f"council said."
        for line in range(4)
    ]
    return {
        "id": f"n{number:02}", "title": f"The {thing} of {place}", "text": "\n\n".join(lines),
        "published": f"2023-{number % 12 + 1:02}-15", "source": ("Post", "Herald", "Echo")[number % 3],
    }  # fmt: skip


@pytest.fixture
def work(tmp_path: Path) -> Work:
    data = tmp_path / "data"
    data.mkdir()
    (data / "articles.jsonl").write_text("".join(json.dumps(article(number)) + "\n" for number in range(20)))
    questions = [
        {
            "id": f"q{n}",
            "date": "2023-06-15",
            "question": f"Why was the {THINGS[n // 8]} of {PLACES[n % 8]} closed?",
        }
        for n in range(12)
    ]
    (data / "questions_2023.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    folder = tmp_path / "work"
    folder.mkdir()
    return Work(data, folder, questions=6, megabytes=4)


def test_percentiles_are_values_that_were_measured() -> None:
    assert [percentile(range(1, 101), share) for share in (0.5, 0.95, 1.0)] == [50, 95, 100]
    assert percentile([7.0], 0.95) == 7.0


def test_a_slope_is_the_exponent_of_growth() -> None:
    assert slope((1_000, 1.0), (1_000_000, 1_000.0)) == pytest.approx(1.0)
    assert slope((100, 8.0), (10_000, 0.8)) == pytest.approx(-0.5)
    assert slope((100, 0.0), (10_000, 1.0)) is None


def test_recall_counts_what_is_as_good_as_the_last_of_the_best() -> None:
    assert recall([0.9, 0.7, 0.7], [0.9, 0.7, 0.7], 2) == 1.0
    assert recall([0.9, 0.6], [0.9, 0.7, 0.7], 2) == 0.5
    assert recall([0.9], [0.9], 10) == 1.0  # a filter admits no more


def test_a_table_leaves_out_what_there_is_not() -> None:
    assert table(["size", "ms"], [[10, None]]).splitlines()[-1] == "| 10 |  |"


def test_a_system_is_left_out_when_the_size_before_says_so() -> None:
    fast, big = {"seconds": 1.0, "memory_mb": 10.0}, {"seconds": 1.0, "memory_mb": 2_000.0}
    assert expected([], 1_000, 60) is None
    assert expected([(1_000, fast)], 60_000, 60) is None
    assert expected([(1_000, fast)], 61_000, 60) == "61 s of indexing are to be expected"
    assert expected([(1_000, big)], 10_000, 60) == "20,000 MB are to be expected"
    # Once left out, it stays so, for the reason it was.
    assert (
        expected([(1_000, fast), (9_000, {"left_out": "61 s of indexing are to be expected"})], 90_000, 60)
        is not None
    )


def one(number: int) -> Real:
    row = article(number)
    first = row["text"].index("\n\n")
    spans = ((0, first), (first + 2, len(row["text"])))
    return Real(
        row["id"], row["title"], row["source"], date.fromisoformat(row["published"]), row["text"], spans, 0
    )


def test_a_recombined_article_is_halves_of_real_passages() -> None:
    a, b = one(0), one(1)
    made, spans, pairs = compose.compose(7, a, b, random.Random(1))
    assert (made.id, made.title, made.source, made.published) == (
        "made-0000007",
        a.title,
        a.source,
        a.published,
    )
    assert len(spans) == len(a.spans)
    for (start, end), (ours, theirs) in zip(spans, pairs, strict=True):
        assert (
            made.passage(start, end).text
            == f"{halves(a.passages()[ours])[0]} {halves(b.passages()[theirs])[1]}"
        )
    assert halves(a.passages()[0])[0] in a.text
    assert halves(b.passages()[1])[1] in b.text


def test_recombining_gives_the_same_every_time_and_uses_every_article_before_any_again() -> None:
    articles = [one(number) for number in range(5)]
    near = neighbours(np.eye(5, dtype=np.float32), 4).tolist()
    first, again = (list(islice(composed(articles, near), 12)) for _ in "ab")
    assert first == again
    assert sorted(number for number, _, _ in first[:5]) == [0, 1, 2, 3, 4]
    assert all(one != other for one, other, _ in first)


def test_filters_reach_from_a_day_to_everything() -> None:
    def listed(number: int, day: str | None, source: str, passages: int) -> tuple[Headline, int]:
        return Headline(
            f"a{number}", "v", "", None, None, source, None, day and date.fromisoformat(day), None
        ), passages

    found = chosen([
        listed(1, "2023-05-01", "Post", 30), listed(2, "2023-05-20", "Post", 30), listed(3, "2024-01-01", "Echo", 12),
        listed(4, None, "Blog", 3),
    ])  # fmt: skip
    assert (found["one day"].after, found["one day"].before) == (date(2023, 5, 20), date(2023, 5, 20))
    assert found["one month"].after == date(2023, 5, 1)
    assert found["a small source"].sources == ("Echo",)  # Blog has too few passages to find ten
    assert found["the largest source"].sources == ("Post",)
    assert found["fifty excluded"].exclude_articles == ("a1", "a2", "a3", "a4")


def test_a_text_without_a_vector_is_no_silent_zero(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a passage has no vector"):
        Looked("any", Stock(tmp_path)).passages(["never encoded"])


@pytest.mark.slow
def test_a_small_run_from_articles_to_tables(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = [20, 60]
    parts = ("vectors", "build", "trip", "filters", "dense")
    for task in (task for task in scale.tasks(parts, sizes) if task.part != "limits"):
        work.keep(task, json.loads(json.dumps(scale.perform(task, work, sizes))))
    found = {task: work.kept(task) or {} for task in scale.tasks(parts, sizes)}

    known = [a for a in real(work) if a.spans]
    passages = sum(len(a.spans) for a in known)
    assert 20 < passages < 60  # so that the larger one takes recombining
    assert [found[Task("build", size=size)]["passages"] >= size for size in sizes] == [True, True]
    assert found[Task("build", size=60)]["began_with"] == 20
    catalog = Catalog(work.config(60).home, work.config(60))
    ids = set(catalog.known())
    made = [m for m in compose.made(work) if m[0].id in ids]
    assert {a.id for a in known} < ids
    assert made
    assert catalog.article(made[0][0].id) == made[0][0]
    catalog.close()

    # Recombined passages are found by the sum of the two vectors they are made of.
    stock = Stock(work.vectors)
    rows = made[0][2]
    assert np.linalg.norm(compose.summed(stock, rows), axis=1) == pytest.approx(1.0)
    assert min(row for pair in rows for row in pair) >= 0
    assert -1 not in stock.rows([indexed(a.title, text) for a in known for text in a.passages()])
    assert 0.5 < found[Task("likeness", size=60)]["cosine"]["mean"] < 1.0

    for size in sizes:
        trip = found[Task("trip", size=size)]
        assert trip["questions"] == 6
        assert all(trip["ms"][step]["p50"] > 0 for step in STEPS)
        figures = found[Task("filters", size=size)]["filters"]
        assert {figures[name]["recall@10"] for name in figures} <= {1.0, None}
        assert figures["any date"]["admitted"] == 1.0
        ours = found[Task("dense", "clippings", size)]
        assert (ours["recall@10"], ours["recall@50"]) == (1.0, 1.0)
    disk = found[Task("build", size=60)]["disk_bytes"]
    assert disk["all"] >= sum(disk[name] for name in disk if name != "all")
    assert build.disk(work.config(20).home)["all"] < disk["all"]

    # What is done is not done again: only the machine's limits are, each in a process of its own.
    given = [
        "--data",
        str(work.data),
        "--work",
        str(work.folder),
        "--questions",
        "6",
        "--megabytes",
        "4",
        "--sizes",
        "20",
        "60",
    ]
    assert scale.main([*given, "--only", *parts]) == 0
    told = capsys.readouterr()
    assert told.err.split() == ["limits-one", "…", "limits-all", "…", "limits-bf16", "…", "limits-disk", "…"]
    for head in (
        "The machine",
        "Encoding",
        "Taking in",
        "Recombined passages",
        "A question",
        "Filters",
        "Dense search",
        "How it grows",
    ):
        assert f"## {head}" in told.out
    out = work.folder / "out"
    assert (out / "scale.md").read_text(encoding="utf-8") == told.out[:-1]
    assert json.loads((out / "scale.json").read_text())["trip-20"]["questions"] == 6


def test_a_run_without_articles_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match=r"there is no articles\.jsonl or articles\.jsonl\.gz in"):
        Work(tmp_path, tmp_path).articles()
    (tmp_path / "questions_1.jsonl").write_text(json.dumps({"question": "Who?"}) + "\n")
    with pytest.raises(ConfigError, match="hold 1 questions; at least 6 are needed"):
        Work(tmp_path, tmp_path).asked()
