"""The news benchmark on a folder of its own: what it counts, that it goes on where it stopped, and that a
twin loses every article that holds the answer."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from eval.bench import news, peers
from eval.bench.news import main
from rag.errors import ConfigError

pytestmark = pytest.mark.slow

ARTICLES = [
    {
        "id": "dam",
        "title": "Dam",
        "text": "The Karvel dam burst on Sunday. Forty houses were lost in Lindau.",
        "published": "2022-06-13",
    },
    {
        "id": "copy",
        "title": "Dam",
        "text": "A dam burst at Karvel, officials said. Forty houses were lost.",
        "published": "2022-06-14",
    },
    {
        "id": "clock",
        "title": "Clocks",
        "text": "The museum of clocks in Basel opened a new wing.",
        "published": "2022-06-10",
    },
    {
        "id": "ferry",
        "title": "Ferry",
        "text": "A ferry line to Corsica closed after ninety years.",
        "published": "2022-06-11",
    },
]
QUESTIONS = [
    {
        "id": "q1", "date": "2022-06-15", "question": "How many houses were lost when the Karvel dam burst?", "answers": ["Forty"],
        "articles_with_answer": ["dam", "copy"],
    },
    {
        "id": "q2", "date": "2022-06-15", "question": "Which museum opened a new wing in Basel?", "answers": ["museum of clocks"],
        "articles_with_answer": ["clock"],
    },
    {"id": "q3", "date": "2022-06-15", "question": "Who won the chess cup in Oslo?", "answers": ["Ann Lee"], "articles_with_answer": []},
]  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    packed = "".join(json.dumps(article) + "\n" for article in ARTICLES)
    (folder / "articles.jsonl.gz").write_bytes(gzip.compress(packed.encode()))
    (folder / "questions_2022.jsonl").write_text("".join(json.dumps(q) + "\n" for q in QUESTIONS))
    return folder


def run(data: Path, *options: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    main(["--data", str(data), "--home", str(data.parent / "home"), *options])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def rows(data: Path) -> list[dict[str, Any]]:
    kept = data.parent / "home-rows" / "questions_2022-answers.jsonl"
    return [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]


def test_it_counts_articles_found_answers_and_twins_and_goes_on(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(data, "--limit", "1", capsys=capsys)
    assert (first["questions"], len(rows(data))) == (1, 1)
    whole = run(data, capsys=capsys)
    assert [row["id"] for row in rows(data)] == ["q1", "q2", "q3"], "what was asked is not asked again"
    assert (whole["questions_file"], whole["questions"], whole["with_an_article_that_holds_the_answer"]) == (
        "questions_2022.jsonl", 3, 2,
    )  # fmt: skip
    assert set(whole["retrieval"]) == {
        "bm25 articles", "bm25 passages", "dense", "two fused", "fused", "fused, dated", "fused, dated, read",
    }  # fmt: skip
    assert whole["retrieval"]["fused, dated, read"]["hit@5"] == [1.0, 1.0, 1.0]
    assert [row["twin"]["barred"] for row in rows(data)] == [2, 1, 0]
    assert rows(data)[0]["answer"]["contained"] is True
    assert whole["answers"]["contained"][0] == pytest.approx(2 / 3, abs=1e-4)
    assert {"retrieve", "read"} <= whole["milliseconds"].keys()


def test_it_counts_questions_whose_answer_stands_in_the_first_passages() -> None:
    found = news.summary(
        [
            {
                "id": str(rank),
                "holding": 1,
                "rank": {"bm25 articles": 1, "bm25 passages": 1},
                "in_passages": {"bm25 passages": rank},
            }
            for rank in (1, 4, 5, 12, None)
        ]
    )["retrieval"]["bm25 passages"]
    assert {k: found[f"answer_in_{k}_passages"][0] for k in (4, 8, 12, 16)} == {
        4: 0.4,
        8: 0.6,
        12: 0.8,
        16: 0.8,
    }


def test_without_titles_no_passage_is_found_by_a_word_of_its_title_alone(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = {
        "id": "q4",
        "date": "2022-06-15",
        "question": "Clocks?",
        "answers": ["x"],
        "articles_with_answer": ["tower"],
    }
    with gzip.open(data / "articles.jsonl.gz", "at", encoding="utf-8") as more:
        more.write(
            json.dumps({"id": "tower", "title": "Zyzzogeton", "text": "The old tower was painted white."})
            + "\n"
        )
    (data / "questions_2022.jsonl").write_text(json.dumps({**only, "question": "Zyzzogeton?"}) + "\n")
    found = run(data, "--retrieval-only", capsys=capsys)
    assert found["retrieval"]["bm25 passages"]["hit@1"][0] == 1.0
    bare = data.parent / "bare"
    main(["--data", str(data), "--home", str(bare), "--retrieval-only", "--without-titles"])
    assert json.loads(capsys.readouterr().out)["retrieval"]["bm25 passages"]["hit@1"][0] == 0.0


def test_a_folder_without_articles_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no articles\.jsonl or articles\.jsonl\.gz in"):
        main(["--data", str(tmp_path), "--home", str(tmp_path / "home")])


def test_the_peers_that_need_no_other_package_find_the_same_articles(data: Path, tmp_path: Path) -> None:
    config = news.collection(data, tmp_path / "home")
    work = tmp_path / "work"
    peers.dump(config, work)
    found = [
        peers.measure(name, config, work, QUESTIONS[:2], 60.0, 2) for name in ("clippings", "bm25", "dense")
    ]
    assert [[row["rank"] for row in system["rows"]] for system in found] == [[1, 1]] * 3
    assert [[row["in_passages"] for row in system["rows"]] for system in found] == [[True, True]] * 3
    assert all(system["taken_in_per_second"] > 0 for system in found)
    lines = peers.table(found).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["clippings", "bm25", "dense"]
    assert "+0.0%" in lines[3]
    found[1]["rows"].append(
        {"id": "q9", "rank": None, "in_passages": False}
    )  # it was faster, and got further
    assert "+0.0%" in peers.table(found).splitlines()[3]
