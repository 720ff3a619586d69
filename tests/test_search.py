"""From a question to its evidence: one order, one cut, filters that change no score, and nothing stale."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from conftest import DAY, WordEncoder, WordReader, article, evidence, headline, write_jsonl

from ingest import remove, sync
from rag.config import Config, RetrievalSettings
from rag.errors import CollectionError
from rag.retrieval import search as retrieve
from rag.retrieval.search import Retriever
from rag.store.catalog import ArticleUpdate, Catalog
from rag.types import Evidence, Filters, Reading, Scores

pytestmark = pytest.mark.slow  # builds collections over and over

ROOT = Path(__file__).parent.parent

# Every text shares a word or two with "Who struck Balochistan?"; the encoder sees "struck" and "balochistan".
SHELF: list[dict[str, Any]] = [
    {"id": "a", "text": "Iran struck Balochistan.", "published": "2024-01-10", "source": "AP"},
    {"id": "b", "text": "Pakistan struck Sistan province.", "published": "2024-01-20", "source": "DAWN"},
    {
        "id": "c",
        "text": "Snow fell in Balochistan and nobody struck.",
        "published": "2024-01-30",
        "source": "AP",
    },
    {"id": "d", "text": "Workers struck for wages.", "source": "DAWN"},
    {"id": "e", "text": "Tents reached the flooded province of Balochistan."},
]
QUESTION = "Who struck Balochistan?"


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, retrieval=RetrievalSettings(rrf_k=60))


@pytest.fixture
def collect(tmp_path: Path, config: Config, encoder: WordEncoder) -> Callable[..., None]:
    def collect(*records: dict[str, Any]) -> None:
        """Make the collection hold these articles and no others."""
        sync(write_jsonl(tmp_path / "feed.jsonl", *records), config, encoder=encoder, prune=True)

    return collect


@pytest.fixture
def retriever(collect: Callable[..., None], config: Config, encoder: WordEncoder) -> Iterator[Retriever]:
    collect(*SHELF)
    with Retriever(config.home, config, encoder) as retriever:
        yield retriever


def ids(evidence: Evidence) -> list[str]:
    return [p.article.id for p in evidence]


def cosine(question: str, text: str) -> float:
    return float(WordEncoder._vector(question) @ WordEncoder._vector(text))


# The trip


def test_evidence_is_passages_of_articles_with_their_facts_and_all_their_scores(retriever: Retriever) -> None:
    evidence = retriever.find(QUESTION)
    first = evidence.numbered(1)
    assert first is not None
    stored = retriever.catalog.article("a")
    assert stored is not None
    assert (first.passage, first.article, first.rank) == (stored.passage(0, 24), headline(stored), 1)
    assert first.passage.id == "a:0-24"
    assert first.scores == Scores(
        dense=pytest.approx(cosine(QUESTION, SHELF[0]["text"])),
        lexical=pytest.approx(first.scores.lexical),
        whole=pytest.approx(first.scores.lexical),  # an article of one passage
        fused=3 / 61,
    )
    assert (first.scores.lexical or 0) > 0
    assert [p.rank for p in evidence] == [1, 2, 3, 4, 5]


def test_the_rankings_are_merged_by_reciprocal_rank(retriever: Retriever) -> None:
    dense, lexical = (
        ids(retriever.find(QUESTION, stages=("dense",))),
        ids(retriever.find(QUESTION, stages=("lexical",))),
    )
    whole = lexical  # each article is one passage
    merged = {
        i: sum(1 / (61 + ranking.index(i)) for ranking in (dense, lexical, whole) if i in ranking)
        for i in "abcde"
    }
    found = retriever.find(QUESTION)
    assert ids(found) == sorted(merged, key=lambda i: (-merged[i], i))
    assert [p.scores.fused for p in found] == [pytest.approx(merged[i]) for i in ids(found)]


def test_the_constant_of_the_fusion_is_a_setting(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect(*SHELF)
    for k in (1, 10):
        with Retriever(
            config.home, replace(config, retrieval=RetrievalSettings(rrf_k=k)), encoder
        ) as retriever:
            assert retriever.find(QUESTION).passages[0].scores.fused == pytest.approx(3 / (k + 1))


@pytest.mark.parametrize(
    "stages",
    [("dense",), ("lexical",), ("dense", "lexical"), ("lexical", "whole"), ("dense", "lexical", "whole")],
)
def test_only_the_stages_asked_for_give_scores(retriever: Retriever, stages: tuple[str, ...]) -> None:
    best = retriever.find(QUESTION, stages=stages).passages[0]
    seen = {"dense": best.scores.dense, "lexical": best.scores.lexical, "whole": best.scores.whole}
    assert tuple(stage for stage, score in seen.items() if score is not None) == stages
    assert best.scores.fused == pytest.approx(len(stages) / 61)


def test_whole_articles_put_passages_in_order_but_find_none(retriever: Retriever) -> None:
    assert ids(retriever.find(QUESTION, stages=("whole",))) == []


def test_of_equal_passages_that_of_the_article_about_the_matter_comes_first(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    filler, matter = (
        "The committee met and then adjourned. " * 60,
        "The harbour of Gwadar was shelled at dawn. " * 60,
    )
    start = f"Nine people died. {filler}"  # longer than a passage
    collect({"id": "a", "text": start + filler}, {"id": "b", "text": start + matter})
    with Retriever(config.home, config, encoder) as retriever:
        question = "How many people died in Gwadar harbour?"
        found = retriever.find(question, k=40, stages=("lexical", "whole"))
        firsts = [p for p in found if p.passage.start == 0]
        assert [p.article.id for p in firsts] == ["b", "a"]
        alone = retriever.find(question, k=40, stages=("lexical",))
        assert [p.article.id for p in alone if p.passage.start == 0] == ["a", "b"]


def test_the_ranking_of_whole_articles_follows_what_is_changed_and_removed(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    last = [f"Nothing happened on day{n}. " * 30 for n in range(20)]
    collect({"id": "a", "text": f"Iran struck. {''.join(last)} Gwadar"}, {"id": "b", "text": "Iran struck."})
    with Retriever(config.home, config, encoder) as retriever:

        def whole(word: str) -> dict[str, bool]:
            found = retriever.find(word, k=50, stages=("dense", "whole"))
            return {p.article.id: (p.scores.whole or 0) > 0 for p in found if p.passage.start == 0}

        collect(
            {"id": "a", "text": f"Iran struck. {''.join(last)} Turbat"}, {"id": "b", "text": "Iran struck."}
        )
        assert (whole("Gwadar")["a"], whole("Turbat")["a"]) == (False, True)
        collect({"id": "b", "text": "Iran struck."})
        assert whole("Turbat").keys() == {"b"}


def test_the_lexical_stage_alone_does_not_encode_the_question(
    collect: Callable[..., None], config: Config
) -> None:
    class Silent(WordEncoder):
        def question(self, text: str) -> Any:
            raise AssertionError("encoded")

    collect(*SHELF)
    with Retriever(config.home, config, Silent()) as retriever:
        assert ids(retriever.find("snow", stages=("lexical",))) == ["c"]
        assert len(retriever.find(QUESTION, stages=())) == 0


def test_a_question_that_shares_no_word_has_only_dense_evidence(retriever: Retriever) -> None:
    assert ids(retriever.find("zebra", stages=("lexical",))) == []
    assert all(p.scores.lexical is None for p in retriever.find("zebra"))


# Order and cut


def test_k_is_how_many_are_kept_and_by_default_what_the_configuration_says(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect(*({"id": f"{n:02}", "text": f"Iran struck place{n}."} for n in range(60)))
    with Retriever(config.home, config, encoder) as retriever:
        everything = ids(retriever.find("Iran", k=60))
        assert len(everything) == 60, "more can be asked for than the candidates of each index"
        assert ids(retriever.find("Iran")) == everything[:8]
        assert ids(retriever.find("Iran", k=1)) == everything[:1]
        assert len(retriever.find("Iran", k=0)) == 0
    with Retriever(config.home, replace(config, retrieval=RetrievalSettings(top_k=3)), encoder) as retriever:
        assert len(retriever.find("Iran")) == 3


def test_the_candidates_are_those_of_each_index(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect(*({"id": f"{n:02}", "text": f"Iran struck place{n}."} for n in range(20)))
    few = replace(config, retrieval=RetrievalSettings(candidates=3, top_k=3))
    with Retriever(config.home, few, encoder) as retriever:
        assert len(retriever.find("Iran", stages=("dense",))) == 3
        assert {
            p.scores.lexical is None
            for p in retriever.find("Iran", filters=Filters(exclude_articles=("99",)))
        } == {False}


def test_equal_passages_come_in_the_order_of_their_ids_however_they_were_taken_in(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    records = [{"id": f"{n:02}", "text": "Iran struck first."} for n in range(70)]
    orders = []
    for name, batches in {
        "forwards": [records],
        "backwards": [records[::-1]],
        "in parts": [records[40:], records[20:40], records[:20]],
    }.items():
        home = replace(config, home=tmp_path / name)
        for number, batch in enumerate(batches):
            sync(write_jsonl(tmp_path / f"{name}-{number}.jsonl", *batch), home, encoder=encoder)
        with Retriever(home.home, home, encoder) as retriever:
            for filters in (Filters(), Filters(exclude_articles=("99",))):
                orders.append(
                    [(p.passage.id, p.scores) for p in retriever.find("Iran", k=12, filters=filters)]
                )
    assert [i for i, _ in orders[0]] == [f"{n:02}:0-18" for n in range(12)]
    assert all([i for i, _ in order] == [i for i, _ in orders[0]] for order in orders)


def test_passages_of_one_article_are_ordered_too(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect({"id": "a", "text": "Iran struck. " * 400})
    with Retriever(config.home, config, encoder) as retriever:
        found = [p.passage.id for p in retriever.find("Iran struck", k=4)]
        assert found == [p.passage.id for p in retriever.find("Iran struck", k=4)]
        assert len(set(found)) == 4


# Filters


@pytest.mark.parametrize(
    ("filters", "admitted"),
    [
        (Filters(), "abcde"),
        (Filters(after=DAY), "bc"),
        (Filters(before=DAY), "ab"),
        (Filters(after=DAY, before=DAY), "b"),
        (Filters(before=date(2024, 1, 9)), ""),
        (Filters(sources=("AP",)), "ac"),
        (Filters(sources=("DAWN",)), "bd"),
        (Filters(sources=("Unheard of",)), ""),
        (Filters(exclude_articles=("a",)), "bcde"),
        (Filters(exclude_articles=("a", "b", "c", "d")), "e"),
        (Filters(exclude_articles=tuple("abcde")), ""),
        (Filters(after=DAY, sources=("AP",), exclude_articles=("b",)), "c"),
    ],
)
def test_evidence_is_only_what_the_filters_admit_with_the_scores_it_has_without_them(
    retriever: Retriever, filters: Filters, admitted: str
) -> None:
    unfiltered = {p.article.id: p.scores for p in retriever.find(QUESTION)}
    found = retriever.find(QUESTION, filters=filters)
    assert sorted(ids(found)) == list(admitted)
    for passage in found:
        scores = unfiltered[passage.article.id]
        assert (passage.scores.lexical, passage.scores.whole) == (scores.lexical, scores.whole)
        assert passage.scores.dense == pytest.approx(scores.dense, abs=1e-6)
    assert ids(found) == sorted(
        ids(found), key=lambda i: -next(p.scores.fused or 0 for p in found if p.article.id == i)
    )


def test_a_filter_reaches_past_the_candidates_that_it_bars(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    loud = [{"id": f"loud{n:03}", "text": "Iran struck.", "source": "AP"} for n in range(120)]
    collect(
        *loud, {"id": "quiet", "text": "A long report in which Iran is named but once.", "source": "DAWN"}
    )
    with Retriever(config.home, config, encoder) as retriever:
        assert "quiet" not in ids(retriever.find("Iran struck", k=20))
        for filters in (
            Filters(sources=("DAWN",)),
            Filters(exclude_articles=tuple(record["id"] for record in loud)),
        ):
            assert [
                (p.article.id, p.scores.fused) for p in retriever.find("Iran struck", filters=filters)
            ] == [("quiet", 3 / 61)]


# Asked on a day


def test_of_equal_articles_the_one_of_the_day_comes_first_and_unknown_dates_lose_nothing(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    days = {"a": None, "b": "2023-06-01", "c": "2024-01-20", "d": "2024-01-10", "e": "2024-03-01"}
    collect(
        *(
            {"id": i, "text": "Iran struck first.", **({"published": day} if day else {})}
            for i, day in days.items()
        )
    )
    with Retriever(config.home, config, encoder) as retriever:
        undated = retriever.find("Iran", k=5)
        assert ids(undated) == list("abcde")
        assert all(p.scores.dated is None for p in undated)
        found = retriever.find("Iran", k=5, asked_on=DAY)
        assert ids(found)[:2] == ["c", "d"]
        scores = {p.article.id: p.scores for p in found}
        assert scores["a"].dated == scores["a"].fused, "an unknown date is neither near nor far"
        assert scores["e"].dated == scores["e"].fused, (
            "what appeared after the question was asked is not timely"
        )
        fused, dated = scores["c"].fused, scores["c"].dated
        assert fused is not None
        assert dated == pytest.approx(fused * (1 + retrieve._RECENCY_WEIGHT))
        assert [p.scores.dated for p in found] == sorted((p.scores.dated or 0 for p in found), reverse=True)


@pytest.mark.parametrize(
    ("day", "times"),
    [
        ("2024-01-20", 2.0),
        ("2023-12-21", 1 + math.exp(-1)),  # thirty days before
        ("2024-01-23", 1 + math.exp(-0.1)),  # three days ahead, as a magazine is dated
        ("2024-01-24", 1.0),  # four days ahead: it appeared after the question
    ],
)
def test_an_article_of_the_day_counts_twice_and_a_month_later_by_a_third_more(
    day: str, times: float, collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect({"id": "a", "text": "Iran struck first.", "published": day})
    with Retriever(config.home, config, encoder) as retriever:
        scores = retriever.find("Iran", asked_on=date(2024, 1, 20)).passages[0].scores
    assert scores.fused is not None
    assert scores.dated == pytest.approx(scores.fused * times)


# What is written meanwhile


def test_the_next_question_sees_what_was_added_changed_and_removed(
    retriever: Retriever, collect: Callable[..., None]
) -> None:
    before = retriever.generation
    assert ids(retriever.find("wages", stages=("lexical",))) == ["d"]
    for filters in (Filters(), Filters(exclude_articles=("none",))):
        retriever.find(QUESTION, filters=filters)  # so that everything there is to remember is remembered
    collect(
        *SHELF[:3], {"id": "d", "text": "Workers went back."}, {"id": "f", "text": "Balochistan struck gold."}
    )
    for filters in (Filters(), Filters(exclude_articles=("none",))):
        for stage in ("dense", "lexical"):
            assert "f" in ids(retriever.find("gold", k=1, stages=(stage,), filters=filters))
            assert "e" not in ids(
                retriever.find("Tents reached the flooded", stages=(stage,), filters=filters)
            )
        assert ids(retriever.find("wages", stages=("lexical",), filters=filters)) == []
        assert [p.passage.text for p in retriever.find("workers", k=1, filters=filters)] == [
            "Workers went back."
        ]
    assert retriever.generation == retriever.catalog.generation() > before


@pytest.mark.slow
def test_the_next_question_sees_what_another_process_wrote(
    retriever: Retriever, config: Config, tmp_path: Path, encoder: WordEncoder
) -> None:
    with Retriever(config.home, config, encoder) as another:  # two in one process must both follow
        for reader in (retriever, another):
            assert ids(reader.find("Iran struck Balochistan.", k=1)) == ["a"]
        path = write_jsonl(
            tmp_path / "feed.jsonl", *SHELF[1:], {"id": "f", "text": "Balochistan struck gold."}
        )
        code = (
            f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
            "from conftest import WordEncoder\nfrom ingest import sync\nfrom rag.config import Config\n"
            f"sync({str(path)!r}, Config(home={str(config.home)!r}, encoder='words'), encoder=WordEncoder(), "
            f"prune=True)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
        for reader in (retriever, another):
            for filters in (Filters(), Filters(exclude_articles=("none",))):
                for stage in ("dense", "lexical"):
                    assert ids(reader.find("gold", k=1, stages=(stage,), filters=filters)) == ["f"]
                    assert "a" not in ids(
                        reader.find("Iran struck Balochistan.", stages=(stage,), filters=filters)
                    )


def test_what_the_catalog_has_retired_is_not_shown_and_takes_nobodys_place(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect(*({"id": f"{n}", "text": "Iran struck." + " Then it rained." * n} for n in range(6)))
    few = replace(config, retrieval=RetrievalSettings(candidates=2, top_k=2))
    with Retriever(config.home, few, encoder) as retriever:
        assert ids(retriever.find("Iran struck")) == ["0", "1"]
        writer = Catalog(config.home, config)
        writer.remove(["0", "1", "2"])  # the indexes have not followed yet
        for stages in (("dense",), ("lexical",), ("dense", "lexical")):
            assert ids(retriever.find("Iran struck", stages=stages)) == ["3", "4"]
            assert ids(
                retriever.find("Iran struck", stages=stages, filters=Filters(exclude_articles=("3",)))
            ) == ["4", "5"]
        new = article("Iran struck again and again.", "new")
        writer.put([ArticleUpdate(new, "/p/new", ((0, 28),))])
        assert "new" not in ids(retriever.find("Iran struck again")), (
            "what is not indexed yet cannot be found"
        )
        writer.close()


@pytest.mark.parametrize("times", [1, 5])
@pytest.mark.parametrize("at", ["passages", "read"])
def test_an_article_replaced_during_a_search_is_found_in_its_new_words(
    retriever: Retriever,
    collect: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    times: int,
) -> None:
    looked_up, editions = getattr(retriever.catalog, at), iter(range(1, times + 1))

    def just_replaced(wanted: Any) -> Any:
        """As if a writer had committed between the search and this look at the catalog."""
        if number := next(editions, None):
            collect(*SHELF[1:], {"id": "a", "text": f"Iran struck Balochistan {number} times."})
        return looked_up(wanted)

    monkeypatch.setattr(retriever.catalog, at, just_replaced)
    found = retriever.find("Iran struck Balochistan.", k=1)
    assert [p.passage.text for p in found] == [f"Iran struck Balochistan {times} times."]


def test_an_article_replaced_while_the_latest_are_looked_up_is_among_them(
    retriever: Retriever, collect: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, replaced = retriever.catalog.read, iter([True])

    def just_replaced(wanted: Any) -> Any:
        if next(replaced, False):
            collect(*SHELF[:2], {**SHELF[2], "text": "Snow melted."})
        return read(wanted)

    monkeypatch.setattr(retriever.catalog, "read", just_replaced)
    assert [p.passage.text for p in retriever.openings(k=1)] == ["Snow melted."]


def test_an_article_that_is_replaced_in_every_search_is_left_out_and_the_next_moves_up(
    retriever: Retriever, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieve, "_PATIENCE", 0.0)
    writer = Catalog(config.home, config)
    passages = retriever.catalog.passages

    def then_replaced(keys: Any) -> Any:
        found = passages(keys)
        writer.put([ArticleUpdate(article("Something else entirely.", "a"), "/p/a", ((0, 24),))])
        writer.remove(["b"])
        return found

    monkeypatch.setattr(retriever.catalog, "passages", then_replaced)
    found = retriever.find(QUESTION)
    assert set(ids(found)) == {"c", "d", "e"}
    assert [p.rank for p in found] == [1, 2, 3]
    writer.close()


def test_a_collection_rebuilt_with_another_encoder_is_refused_at_the_next_question(
    retriever: Retriever, config: Config, encoder: WordEncoder
) -> None:
    retriever.find(QUESTION)
    sync([], replace(config, encoder="others"), rebuild=True, encoder=encoder)
    with pytest.raises(
        CollectionError, match="was made with encoder = others; the configuration asks for words"
    ):
        retriever.find(QUESTION)


def test_the_readings_go_with_the_evidence_that_was_ranked_by_them(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect(*({"id": i, "text": f"Iran struck first, said {i}."} for i in "abc"))
    reader = WordReader()
    few = replace(config, retrieval=replace(config.retrieval, rerank_top_n=2, top_k=2))
    with Retriever(config.home, few, encoder, reader) as retriever:
        found = retriever.retrieve("Who struck first?", k=3)
        assert found.question == "Who struck first?"
        read = {p.passage.id for p in found.evidence if p.scores.reader is not None}
        assert (len(found.evidence), found.readings.keys()) == (3, read)
        assert len(read) == 2, "the third was ranked without the reader"
        for p in found.evidence.passages[:2]:
            assert reader.read("Who struck first?", [p.passage.text]) == [found.readings[p.passage.id]]
        assert retriever.retrieve("Who struck first?", stages=("dense",)).readings == {}
        assert retriever.find("Who struck first?", k=3) == found.evidence


@pytest.mark.slow
def test_threads_share_a_retriever_while_the_collection_is_written(
    retriever: Retriever, config: Config, tmp_path: Path, encoder: WordEncoder
) -> None:
    faults: list[BaseException] = []
    done = threading.Event()

    def ask(filters: Filters) -> None:
        try:
            while not done.is_set():
                assert "b" in ids(retriever.find("Pakistan struck Sistan province.", filters=filters))
        except BaseException as exc:
            faults.append(exc)

    threads = [
        threading.Thread(target=ask, args=(filters,))
        for filters in (Filters(), Filters(exclude_articles=("none",)))
    ]
    for thread in threads:
        thread.start()
    for n in range(5):
        sync(
            write_jsonl(tmp_path / f"{n}.jsonl", {"id": f"n{n}", "text": f"Story{n} broke."}),
            config,
            encoder=encoder,
        )
    remove([f"n{n}" for n in range(5)], config, encoder=encoder)
    done.set()
    for thread in threads:
        thread.join(60)
    assert faults == []


# Opening


def test_there_is_no_retriever_without_a_collection(config: Config, encoder: WordEncoder) -> None:
    with pytest.raises(CollectionError, match="there is no collection in"):
        Retriever(config.home, config, encoder)


def test_a_collection_with_nothing_in_it_has_no_evidence(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect()
    with Retriever(config.home, config, encoder) as retriever:
        assert len(retriever.find(QUESTION)) == 0
        assert len(retriever.find(QUESTION, filters=Filters(after=DAY), asked_on=DAY)) == 0


# Reading


class Judging:
    """Finds a text as likely to answer, and to be about the matter, as it was told for the words in it; 0.5
    otherwise.
    """

    name = "judging"

    def __init__(self, **words: float) -> None:
        self.words = words
        self.read_texts: list[list[str]] = []

    def read(self, question: str, texts: Sequence[str], *, spans: int = 5) -> list[Reading]:
        self.read_texts.append(list(texts))
        likely = [next((p for word, p in self.words.items() if word in text), 0.5) for text in texts]
        return [Reading((), 0.0, p, p) for p in likely]


def test_the_reader_puts_what_answers_first(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect(*SHELF)
    with Retriever(config.home, config, encoder, Judging()) as retriever:
        even = ids(retriever.find(QUESTION))
    with Retriever(config.home, config, encoder, Judging(wages=0.999)) as retriever:
        found = retriever.find(QUESTION)
        unread = retriever.find(QUESTION, stages=("dense", "lexical", "whole"))
    assert ids(found) == ["d", *[i for i in even if i != "d"]]
    assert [p.rank for p in found] == [1, 2, 3, 4, 5]
    assert found.passages[0].scores.reader == max(p.scores.reader or 0.0 for p in found)
    assert (ids(unread), unread.passages[0].scores.reader) == (even, None)


@pytest.mark.parametrize(
    ("answerable", "relevant", "first"),
    [(0.88, 0.5, "a"), (0.90, 0.5, "b"), (0.5, 0.88, "a"), (0.5, 0.90, "b")],
)
def test_log_odds_of_two_make_up_for_a_tenth_of_the_score_before(
    answerable: float, relevant: float, first: str
) -> None:
    """A twentieth of the log-odds, 1.99 at 0.88 and 2.20 at 0.90, against the logarithm of 0.9, −0.105."""
    one, other = evidence(article("Iran struck.", id="a"), article("Snow fell.", id="b"))
    found = [replace(one, scores=Scores(fused=1.0)), replace(other, scores=Scores(fused=0.9))]
    readings = {
        one.passage.id: Reading((), 0.0, 0.5, 0.5),
        other.passage.id: Reading((), 0.0, answerable, relevant),
    }
    assert retrieve._reranked(found, readings)[0].article.id == first


@pytest.mark.parametrize(("shown", "repeats"), [("a b c d e f g h", True), ("a b c d e f g", False)])
def test_seven_of_ten_pairs_of_words_make_a_passage_a_repetition_and_six_do_not(
    shown: str, repeats: bool
) -> None:
    assert retrieve._repeats("a b c d e f g h i j k", evidence(article(shown)).passages[0]) is repeats


def test_without_a_preference_the_order_before_the_reader_stands(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect(*SHELF)
    with Retriever(config.home, config, encoder, Judging()) as retriever:
        read, unread = (
            retriever.find(QUESTION),
            retriever.find(QUESTION, stages=("dense", "lexical", "whole")),
        )
    fused = {p.article.id: p.scores.fused or 0.0 for p in unread}
    assert ids(read) == sorted(fused, key=lambda i: (-fused[i], i))


def test_only_so_many_are_read_and_the_rest_keep_their_places_behind(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect(*SHELF)
    few = replace(config, retrieval=replace(config.retrieval, rerank_top_n=2))
    reader = Judging()
    with Retriever(config.home, few, encoder, reader) as retriever:
        order = ids(retriever.find(QUESTION, stages=("dense", "lexical", "whole")))
        found = ids(retriever.find(QUESTION))
    assert [len(texts) for texts in reader.read_texts] == [2]
    assert (sorted(found[:2]), found[2:]) == (sorted(order[:2]), order[2:])


def test_of_a_question_with_parts_fewer_passages_are_read_but_all_that_are_kept(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect(*SHELF)
    few = replace(config, retrieval=replace(config.retrieval, rerank_top_n=4, top_k=1))
    reader = Judging()
    with Retriever(config.home, few, encoder, reader) as retriever:
        retriever.find(QUESTION, parts=2)
        retriever.find(QUESTION, parts=2, k=3)
    assert [len(texts) for texts in reader.read_texts] == [2, 3]


def test_fewer_are_kept_than_are_read(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect(*SHELF)
    reader = Judging(Tents=0.999)
    with Retriever(config.home, config, encoder, reader) as retriever:
        assert ids(retriever.find(QUESTION, k=1)) == ["e"]
    assert [len(texts) for texts in reader.read_texts] == [5]


def test_the_date_counts_beside_the_reader(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    same = {"text": "Iran struck Balochistan.", "source": "AP"}
    collect({**same, "id": "a", "published": "2023-01-10"}, {**same, "id": "b", "published": "2024-01-20"})
    with Retriever(config.home, config, encoder, Judging()) as retriever:
        assert ids(retriever.find(QUESTION)) == ["a", "b"]
        assert ids(retriever.find(QUESTION, asked_on=date(2024, 1, 20))) == ["b", "a"]


def test_a_question_that_names_nothing_gets_how_the_latest_articles_begin(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect(
        *SHELF[:4], {"id": "e", "text": "Tents reached the province. " + "It rained on the tents. " * 200}
    )
    with Retriever(config.home, config, encoder) as retriever:
        found = retriever.openings()
        assert [(p.article.id, p.rank, p.passage.start) for p in found] == [
            ("c", 1, 0), ("b", 2, 0), ("a", 3, 0), ("d", 4, 0), ("e", 5, 0)
        ]  # fmt: skip
        assert {p.scores for p in found} == {Scores()}
        assert ids(retriever.openings(filters=Filters(sources=("AP",)))) == ["c", "a"]
        assert ids(retriever.openings(filters=Filters(sources=("nobody",)))) == []
        assert ids(retriever.openings(k=2, asked_on=date(2024, 1, 20))) == ["b", "a"], (
            "c appeared ten days later"
        )
        assert ids(retriever.openings(asked_on=date(2024, 1, 27))) == ["c", "b", "a", "d", "e"], (
            "or three days, as weeklies do"
        )
        collect(*SHELF[:2])
        assert ids(retriever.openings()) == ["b", "a"]
    with Retriever(config.home, replace(config, retrieval=RetrievalSettings(top_k=1)), encoder) as retriever:
        assert ids(retriever.openings()) == ["b"]


def test_nothing_found_is_not_read(
    collect: Callable[..., None], config: Config, encoder: WordEncoder
) -> None:
    collect(*SHELF)
    reader = Judging()
    with Retriever(config.home, config, encoder, reader) as retriever:
        assert ids(retriever.find(QUESTION, filters=Filters(sources=("nobody",)))) == []
    assert reader.read_texts == []
