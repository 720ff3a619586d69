"""How well the check of a model's sentences tells a faithful one from a spoiled one, beside a plain overlap
of words.

    python -m eval.bench.checking --data FOLDER [--articles N] [--skip N] [--seed N] [--show]

FOLDER holds `articles.jsonl` or `articles.jsonl.gz` in the ingest format. From sentences of its articles
statements are made by machine, half of them faithful, half spoiled in one way; each is cited to the passage
its sentence stands in, among passages of the same article. For each way the share in each state is printed,
with its interval. A spoiled one that is supported, or quoted, is an error, and so is a faithful one that is
never shown. The plain check releases what shares six in ten content words with a sentence of the passage
cited.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.bench.support import State, state_of
from eval.metrics.interval import bootstrap
from ingest.split import passage_spans
from rag.answer.check import Checker
from rag.config import PassageSettings
from rag.english.normalise import content_stems
from rag.english.sentences import sentences
from rag.errors import ConfigError
from rag.store.label import label
from rag.training.statements import FAITHFUL, SPOILED
from rag.training.wording import usable
from rag.types import Article, Claim, DraftSentence, Evidence, Headline, RetrievedPassage, Scores

__all__ = ["FAITHFUL", "SPOILED", "Statement", "overlapping", "statements"]

_KEEP = 8  # passages of evidence, as many as a question gets
_OVERLAP = 0.6


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence as a model might say it: of which kind, the passage it is cited to, and the others of the
    article.
    """

    kind: str
    text: str
    cited: int  # its rank in the evidence
    evidence: Evidence


def statements(articles: Sequence[Article], rng: random.Random, each: int = 60) -> Iterator[Statement]:
    """At most `each` statements of every kind, one of each kind an article; the spoiled ones that say what
    the article says elsewhere, word for word, are left out."""
    wanted = dict.fromkeys((*FAITHFUL, *SPOILED), each)
    for article in articles:
        if not any(wanted.values()):
            return
        spans = passage_spans(article.text, PassageSettings())[:_KEEP]
        facts = Headline(
            article.id, article.version, label(article.title, article.text), None, article.title,
            article.source, None, article.published, None,
        )  # fmt: skip
        evidence = Evidence(
            tuple(
                RetrievedPassage(article.passage(a, b), facts, n, Scores(fused=1 / n))
                for n, (a, b) in enumerate(spans, 1)
            )
        )
        plain = " ".join(article.text.split())
        pool = [
            (source.rank, sentence)
            for source in evidence
            for a, b in sentences(source.passage.text)
            if usable(sentence := " ".join(source.passage.text[a:b].split()))
        ]
        rng.shuffle(pool)
        for kind, change in (*FAITHFUL.items(), *SPOILED.items()):
            for rank, sentence in pool[:20] if wanted[kind] else ():
                text = change(sentence, article.text, rng)
                if text and (kind in FAITHFUL or text not in plain):
                    wanted[kind] -= 1
                    yield Statement(kind, text, rank, evidence)
                    break


def overlapping(statement: Statement) -> bool:
    """Whether the plain check releases it."""
    said = content_stems(statement.text)
    source = statement.evidence.numbered(statement.cited)
    if source is None or not said:
        return False
    passage = source.passage.text
    held = (set(content_stems(passage[a:b])) for a, b in sentences(passage))
    return any(sum(s in h for s in said) >= _OVERLAP * len(said) for h in held)


def checked(statement: Statement) -> State:
    """The state that ours gives it."""
    draft = DraftSentence(statement.text, (Claim(statement.cited),))
    return state_of(Checker(statement.evidence).check(draft))


def _articles(folder: Path, skip: int, most: int) -> Iterator[Article]:
    path = next(
        (p for name in ("articles.jsonl", "articles.jsonl.gz") if (p := folder / name).is_file()), None
    )
    if path is None:
        raise ConfigError(f"there is neither articles.jsonl nor articles.jsonl.gz in {folder}")
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8") as lines
    ):
        for number, line in enumerate(lines):
            if number == skip + most:
                return
            row = json.loads(line) if number >= skip else {"text": ""}
            if len(row["text"]) > 1_500:
                yield Article(str(number), str(number), row["text"], title=row.get("title"))


def _rate(counted: Sequence[bool]) -> list[float] | None:
    """The share that counts, with its interval: value, low, high."""
    values = [float(each) for each in counted]
    interval = bootstrap(values)
    return None if interval is None else [round(v, 3) for v in (sum(values) / len(values), *interval)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.checking", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder of articles.jsonl or articles.jsonl.gz"
    )
    parser.add_argument(
        "--articles", type=int, default=2_000, help="how many of them to look through (default: 2000)"
    )
    parser.add_argument(
        "--skip", type=int, default=0, help="how many to leave out before that: those it was tuned on"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the random choices (default: 1)")
    parser.add_argument("--show", action="store_true", help="print what was told wrongly")
    args = parser.parse_args(arguments)
    made = list(statements(list(_articles(args.data, args.skip, args.articles)), random.Random(args.seed)))
    if not made:
        raise ConfigError(
            f"no statements can be made from the articles in {args.data}: they are too few, or too short"
        )
    began = time.perf_counter()
    ours = [checked(s) for s in made]
    milliseconds = 1000 * (time.perf_counter() - began) / len(made)
    plain = [overlapping(s) for s in made]
    table: dict[str, object] = {}
    for group, kinds in (("faithful", FAITHFUL), ("spoiled", SPOILED)):
        for kind in (*kinds, "all"):
            rows = [i for i, s in enumerate(made) if s.kind == kind or (kind == "all" and s.kind in kinds)]
            table[f"{group}: {kind}"] = {
                "statements": len(rows),
                **{str(state): _rate([ours[i] is state for i in rows]) for state in State},
                "passes": _rate([ours[i].passes for i in rows]),
                "overlap passes": _rate([plain[i] for i in rows]),
            }
    print(
        json.dumps(
            {"statements": len(made), "milliseconds a sentence": round(milliseconds, 2), **table}, indent=2
        )
    )
    if args.show:
        for statement, state in zip(made, ours, strict=True):
            if state is State.WITHHELD if statement.kind in FAITHFUL else state.passes:
                print(f"{statement.kind}: {state}: {statement.text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
