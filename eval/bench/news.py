"""A year of news-quiz questions put to one collection of news: retrieval, answers, abstention twins, speed by
step.

    python -m eval.bench.news --data DIR [--questions FILE …] [--home DIR] [--out DIR] [--limit N]
                              [--retrieval-only] [--without-titles]

DIR holds `articles.jsonl` or `articles.jsonl.gz` in the ingest format and `questions_*.jsonl`: `id, date,
question, answers, articles_with_answer`. The question's date is the day it was asked. Rows are written as
they come, so a run that was stopped goes on; the collection is built once and brought up to date after that.

A twin is the same question with every article of the collection excluded whose normalised text holds an
answer: it has to be declined.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from eval.metrics import abstention
from eval.metrics.interval import bootstrap, paired_difference
from ingest import sync
from rag import Answer, Assistant, Config, Evidence, Filters, open_assistant
from rag.config import PassageSettings, default_home
from rag.english.matching import contained, exact_match, squad_normalise, token_f1
from rag.errors import ConfigError
from rag.models.encoder import SentenceEncoder
from rag.models.reader import WEIGHTS_SHA256, SpanReader
from rag.retrieval.search import Retriever
from rag.store.bm25 import WHOLE, LexicalIndex
from rag.store.catalog import Catalog
from rag.types import Encoder, Reader

__all__ = ["ask_all", "collection", "main", "normalised_texts", "summary"]

_DEPTHS = (1, 5, 10, 20)
_PASSAGES = 200  # looked at for distinct articles
_READ = (4, 8, 12, 16)  # passages an answer may be made from
# Rankings of passages: the stages that are asked, and whether they are told the day.
_RANKINGS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("bm25 passages", ("lexical",), False),
    ("dense", ("dense",), False),
    ("two fused", ("dense", "lexical"), False),
    ("fused", ("dense", "lexical", "whole"), False),
    ("fused, dated", ("dense", "lexical", "whole"), True),
    ("fused, dated, read", ("dense", "lexical", "whole", "reader"), True),
)
_SHARES = (0.25, 0.5, 0.75, 1.0)

Row = dict[str, Any]


class _Remembering:
    """Encodes a question once, though several variants ask it."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name = encoder.name
        self._last: tuple[str, Any] = ("", None)

    @property
    def dims(self) -> int:
        return self._encoder.dims

    def passages(self, texts: Sequence[str]) -> Any:
        return self._encoder.passages(texts)

    def question(self, text: str) -> Any:
        if self._last[0] != text:
            self._last = text, self._encoder.question(text)
        return self._last[1]


def collection(
    data: Path, home: Path, progress: Callable[[Any], None] = lambda _: None, *, titles: bool = True
) -> Config:
    """The collection of all articles in a folder, built or brought up to date. Raises `ConfigError` without
    articles.
    """
    config = Config(home=home, passages=PassageSettings(title=titles))
    plain, packed = data / "articles.jsonl", data / "articles.jsonl.gz"
    if not plain.is_file() and not packed.is_file():
        raise ConfigError(f"there is no articles.jsonl or articles.jsonl.gz in {data}")
    if not plain.is_file():
        plain = home.with_name(f"{home.name}-articles.jsonl")
        if not plain.is_file():
            plain.parent.mkdir(parents=True, exist_ok=True)
            with gzip.open(packed) as source, plain.open("wb") as target:
                shutil.copyfileobj(source, target)
    sync(plain, config, progress=progress)
    return config


class _Variants:
    """The rankings that are compared, over the same passages and the same vectors."""

    def __init__(self, config: Config, encoder: Encoder, reader: Reader) -> None:
        wide = replace(config, retrieval=replace(config.retrieval, candidates=_PASSAGES, top_k=_PASSAGES))
        self._wide = Retriever(config.home, wide, encoder, reader)
        self._whole = LexicalIndex(config.home, WHOLE, build=self._wide.catalog.build())

    def rank(self, question: str, asked_on: date) -> Iterator[tuple[str, list[str], Evidence | None]]:
        """For each variant the distinct articles in order and, where it finds passages, the passages."""
        openings = [key for key, _ in self._whole.search(question, max(_DEPTHS))]
        places = self._wide.catalog.passages(openings)
        yield "bm25 articles", [places[key].article_id for key in openings if key in places], None
        for name, stages, dated in _RANKINGS:
            found = self._wide.find(question, stages=stages, asked_on=asked_on if dated else None)
            yield name, _distinct(p.passage.article_id for p in found), found


def _made_with(config: Config) -> str:
    """What a row depends on beside the articles: the settings, the reader and the rankings compared."""
    rankings = "; ".join(name for name, _, _ in _RANKINGS)
    return f"{replace(config, home=Path()).fingerprint()} {WEIGHTS_SHA256[:8]} {rankings}, first of {_READ}"


def _distinct(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ids))


def ask_all(
    questions: Sequence[Mapping[str, Any]], config: Config, kept: Path, *, answers: bool
) -> list[Row]:
    """Ask every question that is not yet among the rows of `kept`, and return all rows. Rows that other
    settings, weights or rankings made do not count."""
    made_with = _made_with(config)
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.is_file() else []
    rows = [row for line in lines if (row := json.loads(line)).get("made_with") == made_with]
    done = {row["id"] for row in rows}
    todo = [q for q in questions if q["id"] not in done]
    if todo:
        encoder = _Remembering(SentenceEncoder(config.encoder))
        reader = (
            SpanReader()
        )  # one for both: what the rankings made it read need not be read again for the answer
        variants = _Variants(config, encoder, reader)
        texts = normalised_texts(config) if answers else {}
        kept.parent.mkdir(parents=True, exist_ok=True)
        with (
            open_assistant(config, encoder=encoder, reader=reader) as assistant,
            kept.open("a", encoding="utf-8") as out,
        ):
            for number, question in enumerate(todo, 1):
                row = {
                    "made_with": made_with,
                    **_row(question, variants, assistant if answers else None, texts),
                }
                rows.append(row)
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                if number % 50 == 0 or number == len(todo):
                    out.flush()
                    print(f"{number} of {len(todo)} questions", file=sys.stderr, flush=True)
    wanted = {q["id"] for q in questions}
    return [row for row in rows if row["id"] in wanted]


def _row(
    question: Mapping[str, Any], variants: _Variants, assistant: Assistant | None, texts: Mapping[str, str]
) -> Row:
    asked, golds, asked_on = (
        question["question"],
        list(question["answers"]),
        date.fromisoformat(question["date"]),
    )
    holding = set(question["articles_with_answer"])
    row: Row = {"id": question["id"], "holding": len(holding), "rank": {}, "in_passages": {}}
    for name, articles, found in variants.rank(asked, asked_on):
        ranks = [rank for rank, article in enumerate(articles, 1) if article in holding]
        row["rank"][name] = ranks[0] if ranks else None
        if found is not None:
            within = found.passages[: max(_READ)]
            row["in_passages"][name] = next(
                (p.rank for p in within if contained(p.passage.text, golds)), None
            )
    if assistant is not None:
        answer = assistant.ask(asked, asked_on=asked_on)
        row |= {"answer": _judged(answer, golds, holding), "milliseconds": dict(answer.trace.milliseconds)}
        normal = [f" {squad_normalise(gold)} " for gold in golds]
        barred = tuple(article for article, text in texts.items() if any(gold in text for gold in normal))
        twin = assistant.ask(asked, asked_on=asked_on, filters=Filters(exclude_articles=barred))
        row["twin"] = {
            "barred": len(barred),
            "declined": twin.abstained is not None,
            "confidence": twin.trace.confidence,
        }
    return row


def _judged(answer: Answer, golds: Sequence[str], holding: set[str]) -> dict[str, Any]:
    text = " ".join(sentence.text for sentence in answer.sentences)
    said = answer.short[0] if answer.short else text  # quiz answers are phrases
    return {
        "declined": answer.abstained is not None,
        "confidence": answer.trace.confidence,
        "exact_match": exact_match(said, golds),
        "token_f1": token_f1(said, golds),
        "contained": contained(text, golds),
        "citations": len(answer.citations),
        "citations_in_holding": sum(c.article.id in holding for c in answer.citations),
        "citations_with_answer": sum(contained(c.quote, golds) for c in answer.citations),
    }


def normalised_texts(config: Config) -> dict[str, str]:
    """Every article's text as answers are compared with, between two spaces, by id."""
    catalog = Catalog(config.home, config)
    try:
        ids = list(catalog.known())
        found = {i: a for i in ids if (a := catalog.article(i))}
        return {i: f" {squad_normalise(a.text)} " for i, a in found.items()}
    finally:
        catalog.close()


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """What the rows come to. Retrieval is judged on questions of which some article holds the answer."""
    judged = [row for row in rows if row["holding"]]
    found: dict[str, Any] = {
        "questions": len(rows),
        "with_an_article_that_holds_the_answer": len(judged),
        "retrieval": {},
    }
    names = list(judged[0]["rank"]) if judged else []
    hits = {
        (name, k): [float(row["rank"][name] is not None and row["rank"][name] <= k) for row in judged]
        for name in names
        for k in _DEPTHS
    }
    for name in names:
        figures: dict[str, Any] = {f"hit@{k}": _with_interval(hits[name, k]) for k in _DEPTHS}
        if name in judged[0]["in_passages"]:
            first = [row["in_passages"][name] for row in judged]
            for read in _READ:
                inside = [float(rank is not None and rank <= read) for rank in first]
                figures[f"answer_in_{read}_passages"] = _with_interval(inside)
        for other in ("bm25 articles", "bm25 passages"):
            if name != other and (gain := paired_difference(hits[name, 10], hits[other, 10])):
                figures[f"hit@10_over_{other.replace(' ', '_')}"] = [round(x, 4) for x in gain]
        found["retrieval"][name] = figures
    answered = [row for row in rows if "answer" in row]
    if answered:
        found["answers"] = _answers(answered)
        found["twins"] = _twins([row for row in answered if row["holding"]])
        found["milliseconds"] = _speed(answered)
    return found


def _answers(rows: Sequence[Row]) -> dict[str, Any]:
    cited = sum(row["answer"]["citations"] for row in rows)
    return {
        **{
            name: _with_interval([float(row["answer"][name]) for row in rows])
            for name in ("exact_match", "token_f1", "contained")
        },
        "declined": _with_interval([float(row["answer"]["declined"]) for row in rows]),
        "not_contained_when_the_surest_share_is_answered": _risks(rows),
        "citations_with_answer": sum(row["answer"]["citations_with_answer"] for row in rows) / cited
        if cited
        else None,
        "citations_in_articles_of_the_question": sum(r["answer"]["citations_in_holding"] for r in rows)
        / cited
        if cited
        else None,
    }


def _risks(rows: Sequence[Row]) -> dict[str, list[float]]:
    """The share of answers that lack the gold's words, if only the surest quarter, half, … of the questions
    were answered.
    """
    surest = sorted(rows, key=lambda row: (-row["answer"]["confidence"], row["id"]))
    found = {}
    for share in _SHARES:
        some = surest[: max(1, round(share * len(surest)))]
        found[f"{share:.0%}"] = _with_interval([float(not row["answer"]["contained"]) for row in some])
    return found


def _twins(rows: Sequence[Row]) -> dict[str, Any]:
    sure = [row["answer"]["confidence"] for row in rows]
    unsure = [row["twin"]["confidence"] for row in rows]
    return {
        "declined": _with_interval([float(row["twin"]["declined"]) for row in rows]),
        "auroc": abstention.auroc(sure, unsure),
        "declined_when_75_percent_are_answered": abstention.declined_at_answered(sure, unsure),
    }


def _speed(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    steps = sorted({step for row in rows for step in row["milliseconds"]})
    figures = {}
    for step in steps:
        values = sorted(row["milliseconds"][step] for row in rows if step in row["milliseconds"])
        figures[step] = {"p50": values[len(values) // 2], "p95": values[int(len(values) * 0.95)]}
    return figures


def _with_interval(values: Sequence[float]) -> list[float]:
    low, high = bootstrap(values) or (float("nan"), float("nan"))
    return [round(sum(values) / len(values), 4), round(low, 4), round(high, 4)] if values else []


def main(arguments: Sequence[str] | None = None) -> None:
    """Build, ask, and print the summary of each questions file as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.news", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of articles and questions")
    parser.add_argument(
        "--questions", nargs="*", help="names of question files (default: all questions_*.jsonl)"
    )
    parser.add_argument(
        "--home",
        type=Path,
        default=default_home().with_name("bench-news"),
        help="where the collection is kept",
    )
    parser.add_argument("--out", type=Path, help="where rows are kept (default: beside the collection)")
    parser.add_argument("--limit", type=int, help="only the first so many questions of each file")
    parser.add_argument("--retrieval-only", action="store_true", help="no answers and no twins")
    parser.add_argument(
        "--without-titles", action="store_true", help="index passages without the title before each"
    )
    options = parser.parse_args(arguments)
    config = collection(
        options.data,
        options.home,
        lambda p: print(f"{p.done} of {p.total} articles", file=sys.stderr, flush=True),
        titles=not options.without_titles,
    )
    names = options.questions or sorted(path.name for path in options.data.glob("questions_*.jsonl"))
    for name in names:
        lines = (options.data / name).read_text(encoding="utf-8").splitlines()
        questions = [json.loads(line) for line in lines if line.strip()][: options.limit]
        kind = "retrieval" if options.retrieval_only else "answers"
        kept = (
            options.out or options.home.with_name(f"{options.home.name}-rows")
        ) / f"{Path(name).stem}-{kind}.jsonl"
        rows = ask_all(questions, config, kept, answers=not options.retrieval_only)
        print(json.dumps({"questions_file": name, **summary(rows)}, indent=2), flush=True)


if __name__ == "__main__":
    main()
