"""How well claims that disagree are found: by `rag.answer.conflict` alone, with the claims made from gold
answers, or as read.

    python -m eval.bench.conflicts --data DIR [--read] [--misses]

DIR holds `ramdocs.jsonl` (RAMDocs: Wang et al., 2025) or `rgb_fact.jsonl` (RGB's counterfactual split: Chen
et al., AAAI 2024), or both. Each document is one article; where its answer stands in it is one claim.

With `--read` the claims are those that the bundled reader makes of the same documents.

A question whose documents give two values is a gold conflict. Its claims are also put in two ways that must
flag nothing: `alone`, only the claims of its first value; `stranger`, those and a claim about something else,
from the next question that begins alike. RAMDocs is halved by the parity of the question's hash: rules are
chosen on `dev`. RGB is only measured.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.metrics.conflicts import conflict_precision, conflict_recall
from rag.answer.conflict import ClaimedValue, find
from rag.answer.study import claims as claims_of
from rag.answer.study import study
from rag.english.normalise import locate
from rag.english.sentences import sentences
from rag.errors import ConfigError
from rag.models.reader import SpanReader
from rag.question.parts import parts_of
from rag.store.label import label
from rag.types import Article, Evidence, Headline, Reader, Retrieved, RetrievedPassage, Scores

__all__ = ["Question", "as_read", "half", "main", "measured", "ramdocs", "rgb", "said"]

Claimed = Callable[[str, Sequence[ClaimedValue]], Sequence[ClaimedValue]]
_SURE = 0.9  # every gold answer is as sure as another


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its claims by the value they give, in the order of the file."""

    text: str
    values: tuple[tuple[str, tuple[ClaimedValue, ...]], ...]

    @property
    def claims(self) -> list[ClaimedValue]:
        return [claim for _, claims in self.values for claim in claims]


def said(answer: str, text: str, article_id: str) -> ClaimedValue | None:
    """The claim that an article of that text makes with those words, at the first place where they stand;
    `None` without one.

    >>> said("nine", "Iran spoke. It killed nine.", "a").sentence
    'It killed nine.'
    """
    span = locate(answer, text)
    around = next((s for s in sentences(text) if span and s[0] <= span[0] and span[1] <= s[1]), None)
    if span is None or around is None:
        return None
    article = Article(article_id, "", text)
    source = RetrievedPassage(
        article.passage(0, len(text)), Headline(article_id, "", label(None, text)), 1, Scores()
    )
    return ClaimedValue(text[slice(*span)], text[slice(*around)], source, *span, _SURE)


def half(question: str) -> str:
    """Which half a question is in.

    >>> half("Who won?"), half("When?")
    ('dev', 'test')
    """
    return "test" if hashlib.sha256(question.encode()).digest()[0] % 2 else "dev"


def ramdocs(rows: Iterable[dict[str, Any]]) -> list[Question]:
    """The questions of RAMDocs. Documents without an answer, or in which it does not stand, make no claim."""
    found = []
    for row in rows:
        pairs = [(d["answer"], d["answer"], d["text"]) for d in row["documents"] if d["answer"] != "unknown"]
        found.append(_question(row["question"], pairs))
    return found


def rgb(rows: Iterable[dict[str, Any]]) -> list[Question]:
    """The questions of RGB: snippets with the true answer, in any of its wordings, and snippets with a false
    one.
    """
    found = []
    for row in rows:
        wordings = row["answer"][0] if isinstance(row["answer"][0], list) else [row["answer"]]
        pairs = [
            (wordings[0], next((w for w in wordings if locate(w, text)), wordings[0]), text)
            for text in row["positive"]
        ]
        pairs += [(row["fakeanswer"], row["fakeanswer"], text) for text in row["positive_wrong"]]
        found.append(_question(row["query"], pairs))
    return found


def _question(text: str, pairs: Iterable[tuple[str, str, str]]) -> Question:
    """A question from the value, its wording, and the text of each document."""
    values: dict[str, list[ClaimedValue]] = {}
    for number, (value, wording, document) in enumerate(pairs):
        if claim := said(wording, document, f"{text}/{number}"):
            values.setdefault(value, []).append(claim)
    return Question(text, tuple((value, tuple(claims)) for value, claims in values.items()))


def measured(
    questions: Sequence[Question], claimed: Claimed = lambda _, claims: claims
) -> dict[str, float | int | None]:
    """Conflict recall and precision by `eval.metrics.conflicts`, and the share of questions wrongly flagged,
    alone and with a stranger."""
    gold = [q for q in questions if len(q.values) > 1]
    cases = [
        (True, [[value] for value, _ in q.values], _shown(q.text, claimed(q.text, q.claims))) for q in gold
    ]
    alone = [bool(_shown(q.text, claimed(q.text, q.values[0][1]))) for q in questions if q.values]
    strangers = [bool(_shown(q.text, claimed(q.text, claims))) for q, claims in _with_strangers(questions)]
    return {
        "questions": len(questions),
        "gold conflicts": len(gold),
        "recall": conflict_recall(cases),
        "precision": conflict_precision(cases),
        "flagged alone": sum(alone) / len(alone) if alone else None,
        "strangers": len(strangers),
        "flagged with a stranger": sum(strangers) / len(strangers) if strangers else None,
    }


def as_read(reader: Reader) -> Claimed:
    """The claims that the reader makes of the documents, in place of those made from gold answers."""

    def certain(
        question: str,  # noqa: ARG001
        evidence: Evidence,  # noqa: ARG001
        answerable: Sequence[float],  # noqa: ARG001
        supported: float | None = None,  # noqa: ARG001
    ) -> float:
        return 1.0

    def claims(question: str, given: Sequence[ClaimedValue]) -> list[ClaimedValue]:
        evidence = Evidence(tuple(replace(claim.source, rank=rank) for rank, claim in enumerate(given, 1)))
        read = study(parts_of(question), Retrieved(question, evidence), reader, certain)
        return [claim for part in read.parts for claim in claims_of(part)]

    return claims


def _shown(question: str, claims: Sequence[ClaimedValue]) -> list[list[str]]:
    return [
        [group.value for group in found.groups] for found in find(question, claims) if found.later is None
    ]


def _with_strangers(questions: Sequence[Question]) -> Iterator[tuple[Question, list[ClaimedValue]]]:
    """Each question's first value beside the next question's that begins with the same two words."""
    for at, question in enumerate(questions):
        following = [*questions[at + 1 :], *questions[:at]]
        kin = next(
            (q for q in following if q.values and q.text.split()[:2] == question.text.split()[:2]), None
        )
        if question.values and kin:
            yield question, [*question.values[0][1], kin.values[0][1][0]]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the numbers of each set as one JSON object; with `--misses`, the development questions not
    found.
    """
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.conflicts", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder of ramdocs.jsonl and rgb_fact.jsonl"
    )
    parser.add_argument("--read", action="store_true", help="with the claims that the bundled reader makes")
    parser.add_argument(
        "--misses", action="store_true", help="name the gold conflicts of the development half not found"
    )
    args = parser.parse_args(argv)
    sets: dict[str, list[Question]] = {}
    if (args.data / "ramdocs.jsonl").is_file():
        questions = ramdocs(_rows(args.data / "ramdocs.jsonl"))
        sets |= {
            f"ramdocs {part}": [q for q in questions if half(q.text) == part] for part in ("dev", "test")
        }
    if (args.data / "rgb_fact.jsonl").is_file():
        sets["rgb"] = rgb(_rows(args.data / "rgb_fact.jsonl"))
    if not sets:
        raise ConfigError(f"there is neither ramdocs.jsonl nor rgb_fact.jsonl in {args.data}")
    claimed: Claimed = as_read(SpanReader()) if args.read else lambda _, claims: claims
    print(json.dumps({name: measured(questions, claimed) for name, questions in sets.items()}, indent=2))
    if args.misses:
        for question in sets.get("ramdocs dev", []):
            if len(question.values) > 1 and not _shown(
                question.text, claimed(question.text, question.claims)
            ):
                print(f"{question.text}  {' | '.join(value for value, _ in question.values)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
