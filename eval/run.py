"""Put gold questions to a collection and measure: one row a case, one number a metric, an interval on each.

`collection_for` makes the collection a gold file belongs to; `evaluate` asks; `Report` holds what came back.
A case that raised is a row with its error, and counts as wrong wherever it should have counted.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.cases import GOLD, Case
from eval.metrics import abstention, answers, citations, conflicts, followups, retrieval
from eval.metrics.interval import bootstrap
from ingest import sync
from rag import Answer, Assistant, Config, Evidence, Support
from rag.english.normalise import fold
from rag.errors import ConfigError
from rag.system.installed import checkout, version

__all__ = ["Report", "Row", "collection_for", "evaluate", "read_report", "write_report"]

DEPTH = 10  # passages looked at for the retrieval metrics


@dataclass(frozen=True, slots=True)
class Row:
    """What one case gave. `measures` holds a number for each metric that has an opinion on it."""

    id: str
    split: str
    kind: str
    question: str
    understood: str
    must_decline: bool
    declined: str | None
    confidence: float | None
    text: str
    cited: tuple[dict[str, Any], ...]
    evidence: tuple[dict[str, Any], ...]
    gold: tuple[dict[str, Any], ...]
    measures: dict[str, float]
    milliseconds: dict[str, float]
    conflict: tuple[bool, list[list[str]], list[list[str]]]
    error: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """Rows, and what they come to: each metric as (value, low, high, cases it has an opinion on). `commit` is
    the revision that was measured: a commit of a checkout, or an installed version (`v0.2.0`)."""

    gold: str
    split: str
    commit: str
    made: str
    config: str
    answerer: str
    metrics: dict[str, tuple[float, float | None, float | None, int]]
    rows: tuple[Row, ...]


def collection_for(gold: Path, home: Path, progress: Callable[[Any], None] = lambda _: None) -> Config:
    """The collection that a gold file asks about, made or brought up to date in `home`.

    `NAME.jsonl` belongs to the articles of `NAME_articles.jsonl` beside it; `seeds.jsonl` to the demo
    articles. Raises `ConfigError` when there is neither: name the collection with --home then.
    """
    config = Config(home=home)
    articles = gold.with_name(f"{gold.stem}_articles.jsonl")
    if articles.is_file():
        sync(articles, config, progress=progress, renew=True)
    elif gold.resolve() == (GOLD / "seeds.jsonl").resolve():
        sync(GOLD.parent.parent / "seeds", config, progress=progress, renew=True)
    else:
        raise ConfigError(
            f"{gold} has no articles beside it ({articles.name}). Name the collection it asks about with "
            f"--home"
        )
    return config


def evaluate(
    cases: Sequence[Case],
    assistant: Assistant,
    *,
    gold: str,
    split: str = "all",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Ask every case of the split (`dev`, `test` or `all`) and measure the answers."""
    chosen = [case for case in cases if split in ("all", case.split)]
    rows: list[Row] = []
    for number, case in enumerate(chosen, 1):
        rows.append(_row(case, assistant))
        progress(number, len(chosen))
    return Report(
        gold=gold,
        split=split,
        commit=_revision(),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        config=assistant.config.fingerprint(),
        answerer=assistant.answerer,
        metrics=_totals(rows, _follow_ups(chosen, assistant)),
        rows=tuple(rows),
    )


def _row(case: Case, assistant: Assistant) -> Row:
    gold = tuple(
        {"answers": list(f.answers), "spans": [[s.article, s.start, s.end] for s in f.spans]}
        for f in case.facts
    )
    values = [list(f.answers) for f in case.facts] if case.conflict else []
    try:
        answer = assistant.ask(case.question, case.history, asked_on=case.asked_on)
        found = assistant.search(answer.question, DEPTH, asked_on=case.asked_on)
    except Exception as exc:  # noqa: BLE001  whatever it was, it is this case's row, and the rest goes on
        # Wrong wherever it should have counted: an error must never raise an average.
        measures = {} if case.declined else dict.fromkeys(_OF_FACTS, 0.0)
        return Row(
            case.id, case.split, case.kind, case.question, case.question, case.declined, None, None, "", (),
            (), gold, measures,
            {}, (case.conflict, values, []), f"{type(exc).__name__}: {exc}",
        )  # fmt: skip
    return Row(
        id=case.id,
        split=case.split,
        kind=case.kind,
        question=case.question,
        understood=answer.question,
        must_decline=case.declined,
        declined=answer.abstained.name if answer.abstained else None,
        confidence=answer.trace.confidence,
        text=answer.text,
        cited=tuple(
            {
                "number": c.number, "article": c.article.id, "start": c.start, "end": c.end, "quote": c.quote,
                "support": str(c.support),
            }
            for c in answer.citations
        ),
        evidence=tuple(
            {
                "rank": p.rank,
                "article": p.article.id,
                "start": p.passage.start,
                "end": p.passage.end,
                "text": p.passage.text,
            }
            for p in answer.evidence
        ),
        gold=gold,
        measures=_measures(case, answer, found, assistant),
        milliseconds=dict(answer.trace.milliseconds),
        conflict=(case.conflict, values, [[c.value for c in found.claims] for found in answer.conflicts]),
        error=None,
    )  # fmt: skip


_OF_FACTS = (
    "hit@1", "hit@5", "hit@10", "mrr@10", "ndcg@10", "map@10", "multihop_map@10", "fact_recall", "token_f1",
    "fact_coverage",
)  # fmt: skip


def _measures(case: Case, answer: Answer, found: Evidence, assistant: Assistant) -> dict[str, float]:
    gold = [[(s.article, s.start, s.end) for s in fact.spans] for fact in case.facts]
    said = [[(c.article.id, c.start, c.end) for c in sentence.citations] for sentence in answer.sentences]
    measured: dict[str, float | None] = {"citations_exact": _citations_exact(answer, assistant)}
    if not case.declined:
        facts_at = [
            {
                i
                for i, spans in enumerate(gold)
                for span in spans
                if _holds(p.passage.article_id, p.passage.start, p.passage.end, span)
            }
            for p in found
        ]
        worded = [f.answers for f in case.facts]
        text = " ".join(s.text for s in answer.sentences)
        short = [a for wordings in worded for a in wordings]
        measured |= {
            "hit@1": retrieval.hit_at(facts_at, len(gold), 1),
            "hit@5": retrieval.hit_at(facts_at, len(gold), 5),
            "hit@10": retrieval.hit_at(facts_at, len(gold), 10),
            "mrr@10": retrieval.mrr(facts_at, len(gold)),
            "ndcg@10": retrieval.ndcg(facts_at, len(gold)),
            "map@10": retrieval.average_precision(facts_at, len(gold)),
            "multihop_map@10": retrieval.multihop_average_precision(facts_at, len(gold)),
            "fact_recall": answers.fact_recall(text, worded),
            "token_f1": answers.token_f1("; ".join(answer.short) or text, short) if short else None,
            "citation_recall": citations.citation_recall(said, gold),
            "citation_precision": citations.citation_precision(said, gold),
            "fact_coverage": citations.fact_coverage(said, gold),
        }
    return {name: float(value) for name, value in measured.items() if value is not None}


def _citations_exact(answer: Answer, assistant: Assistant) -> float | None:
    """The share of citations whose words stand in their article at their offsets and, where they claim to be
    the sentence word for word, hold the sentence; 0 to 1, `None` without citations."""
    verdicts: list[float] = []
    for sentence in answer.sentences:
        for c in sentence.citations:
            text = assistant.article(c.article.id).text
            stands = citations.offsets_hold([(text, c.start, c.end, c.quote)]) == 1.0
            says = c.support is not Support.QUOTED or fold(sentence.text)[0].strip(" .") in fold(c.quote)[0]
            verdicts.append(float(stands and says))
    return sum(verdicts) / len(verdicts) if verdicts else None


def _holds(article: str, start: int, end: int, span: tuple[str, int, int]) -> bool:
    """Whether a passage holds at least half of a gold span."""
    return article == span[0] and 2 * (min(end, span[2]) - max(start, span[1])) >= span[2] - span[1]


def _follow_ups(cases: Iterable[Case], assistant: Assistant) -> dict[str, list[float]]:
    """For every follow-up, whether a passage with its fact is found: asked alone, as resolved, as a person
    rewrote it.
    """
    hits: dict[str, list[float]] = {"alone": [], "resolved": [], "rewritten": []}
    for case in cases:
        if not case.history or not case.rewritten or case.declined:
            continue
        resolved = assistant.ask(case.question, case.history).question
        for how, asked in (("alone", case.question), ("resolved", resolved), ("rewritten", case.rewritten)):
            found = assistant.search(asked, 3)
            spans = [(s.article, s.start, s.end) for f in case.facts for s in f.spans]
            hits[how].append(
                float(
                    any(
                        _holds(p.passage.article_id, p.passage.start, p.passage.end, s)
                        for p in found
                        for s in spans
                    )
                )
            )
    return hits


def _totals(
    rows: Sequence[Row], follow_ups: Mapping[str, Sequence[float]]
) -> dict[str, tuple[float, float | None, float | None, int]]:
    """Each metric over the rows that it has an opinion on."""
    totals: dict[str, tuple[float, float | None, float | None, int]] = {}
    for name in sorted({name for row in rows for name in row.measures}):
        values = [row.measures[name] for row in rows if name in row.measures]
        _add(totals, name, sum(values) / len(values), values)
    wrong = [float(row.declined is None) for row in rows if row.must_decline]
    refused = [float(row.declined is not None) for row in rows if not row.must_decline]
    decisions = [(row.must_decline, row.declined is not None) for row in rows if row.error is None]
    _add(totals, "false_answer_rate", abstention.false_answer_rate(decisions), wrong)
    _add(totals, "false_refusal_rate", abstention.false_refusal_rate(decisions), refused)
    sure = [row.confidence for row in rows if not row.must_decline and row.confidence is not None]
    unsure = [row.confidence for row in rows if row.must_decline and row.confidence is not None]
    _add(totals, "auroc", abstention.auroc(sure, unsure), [*sure, *unsure], interval=False)
    _add(totals, "declined_at_75", abstention.declined_at_answered(sure, unsure), unsure, interval=False)
    scored = [
        (row.confidence, row.measures.get("fact_coverage", 0.0) > 0)
        for row in rows
        if row.confidence is not None
    ]
    _add(
        totals,
        "aurc",
        abstention.aurc([c for c, _ in scored], [r for _, r in scored]),
        [c for c, _ in scored],
        interval=False,
    )
    kept = [row.conflict for row in rows if row.error is None]
    gold = [c for c in kept if c[0]]
    _add(totals, "conflict_recall", conflicts.conflict_recall(kept), [1.0] * len(gold), interval=False)
    _add(
        totals,
        "conflict_precision",
        conflicts.conflict_precision(kept),
        [1.0 for c in kept for _ in c[2]],
        interval=False,
    )
    means = {how: sum(hits) / len(hits) for how, hits in follow_ups.items() if hits}
    for how, hits in follow_ups.items():
        if hits:
            _add(totals, f"follow_up_hit@3_{how}", means[how], hits)
    if len(means) == 3:
        gain = followups.followup_gain(means["alone"], means["resolved"], means["rewritten"])
        _add(totals, "follow_up_gain", gain, follow_ups["alone"], interval=False)
    totals["errors"] = (float(sum(row.error is not None for row in rows)), None, None, len(rows))
    return totals


def _add(
    totals: dict[str, Any], name: str, value: float | None, values: Sequence[float], *, interval: bool = True
) -> None:
    if value is None:
        return
    around = bootstrap(values) if interval else None
    totals[name] = (value, *(around or (None, None)), len(values))


def write_report(report: Report, path: Path) -> None:
    """Keep a report as JSON, without the passages' texts: enough to compare with, small enough to keep for
    every commit.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = asdict(report)
    for row in kept["rows"]:
        row["evidence"] = [{key: value for key, value in p.items() if key != "text"} for p in row["evidence"]]
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_report(path: Path) -> Report:
    """A report that was kept. Raises `ConfigError` when the file is none."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(Row(**{**row, "conflict": tuple(row["conflict"])}) for row in kept.pop("rows"))
        return Report(
            **{**kept, "metrics": {name: tuple(m) for name, m in kept["metrics"].items()}}, rows=rows
        )
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ConfigError(f"{path} is not a report of `clippings eval`: {exc!r}") from exc


def _revision() -> str:
    """What was measured: the commit, with a `+` where files had been changed since, or outside a checkout the
    version, as in `v0.2.0`.

    An installed copy may lie in a folder of somebody else's repository, whose commits say nothing of it.
    """
    here = checkout()
    if here is None or not (here / ".git").exists():  # a file in a worktree, else a folder
        return f"v{version()}"
    environ = {
        **os.environ,
        "GIT_OPTIONAL_LOCKS": "0",
    }  # or it writes to the checkout's index, which nobody asked for

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *words], cwd=here, env=environ, capture_output=True, text=True)

    try:
        head = git("rev-parse", "--short=12", "HEAD")
        dirty = git("status", "--porcelain", "--untracked-files=no")
    except OSError:
        return f"v{version()}"
    if head.returncode != 0:
        return f"v{version()}"
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")
