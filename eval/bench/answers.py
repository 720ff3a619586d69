"""How much of recorded answers of language models comes through the check, by how faithful people call them.

    python -m eval.bench.answers FILE.jsonl [--json] [--show N]

Each line of FILE is an object with `id`, `model`, `question`, `evidence` (the texts that the model was
given), `answer` and `faithfulness` (a list of marks: 4 is yes, 1 is no). The evidence is split into passages
as articles are, and all of them are kept, since the model saw them all. The answer is split and checked as a
model's reply is.

The output has, by model and mark, the share of sentences in each state, and the share of answers of which
every sentence is shown, and of which every sentence is quoted or supported. An answer that claims nothing,
since it declines or only speaks to the reader, has no sentences, and counts among the answers alone.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from eval.bench.support import (
    State,
    aligned,
    evidence_of,
    percent,
    read_lines,
    shares,
    state_of,
    text_in,
    texts_in,
)
from rag.answer.drafts import drafts_of
from rag.answer.generate import in_answer_to
from rag.answer.reply import Reply, Stopwatch
from rag.types import DraftSentence

__all__ = ["Mark", "Outcome", "RecordedAnswer", "check", "main", "mark_of", "measures"]

_FAITHFUL, _LOWEST = 4, 1  # a judge's best and worst mark


class Mark(StrEnum):
    """How faithful the judges call an answer."""

    FAITHFUL = "all 4"
    MIXED = "mean above 2"
    UNFAITHFUL = "mean at most 2"


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """An answer that a model gave, as draft sentences, with the texts it was given and its mark."""

    id: str
    model: str
    question: str
    evidence: tuple[str, ...]
    drafts: tuple[DraftSentence, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of an answer: the state of each of its sentences, in their order."""

    answer: RecordedAnswer
    states: tuple[State, ...]


def mark_of(marks: object) -> Mark:
    """The judges' list of marks as one. Raises `ValueError` for what is no such list, without any mark, and
    for one that is not from 1 to 4.

    >>> [str(mark_of(marks)) for marks in ([4, 4, 4], [4, 4, 1], [2, 3, 1])]
    ['all 4', 'mean above 2', 'mean at most 2']
    """
    given = marks if isinstance(marks, list) else []
    numbers = [mark for mark in given if isinstance(mark, int | float) and not isinstance(mark, bool)]
    if not numbers or len(numbers) < len(given) or not all(_LOWEST <= m <= _FAITHFUL for m in numbers):
        raise ValueError(
            f"its 'faithfulness' must be a list of marks from {_LOWEST} to {_FAITHFUL}, not {marks!r}"
        )
    if all(mark == _FAITHFUL for mark in numbers):
        return Mark.FAITHFUL
    return Mark.MIXED if sum(numbers) / len(numbers) > 2 else Mark.UNFAITHFUL


def _answer(record: Mapping[str, Any]) -> RecordedAnswer:
    evidence = texts_in(record, "evidence")
    question = text_in(record, "question")
    drafts = drafts_of(answer := text_in(record, "answer"), evidence)
    if not re.search(r"\w", answer):
        raise ValueError(f"its 'answer' has no word: {answer!r}")
    return RecordedAnswer(
        text_in(record, "id"),
        text_in(record, "model"),
        question,
        evidence,
        tuple(in_answer_to(question, draft) for draft in drafts),
        mark_of(record.get("faithfulness")),
    )


def check(answer: RecordedAnswer) -> Outcome:
    """What becomes of an answer in the product. A sentence that is said twice is shown once; both have its
    state.
    """
    reply = Reply(evidence_of(answer.evidence), Stopwatch(), lambda: None)
    found: dict[tuple[str, str | None], State] = {}
    for draft in answer.drafts:
        released = next(reply.release(iter([draft])), None)
        found.setdefault((draft.text, draft.statement), state_of(released))
    return Outcome(answer, tuple(found[draft.text, draft.statement] for draft in answer.drafts))


def measures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Every number of some answers: the share of sentences in each state, and, of the answers that claim
    anything, the share of which every sentence is shown, or passes as quoted or supported. Shares are from 0
    to 1, and `None` where nothing is claimed.
    """
    states = [state for outcome in outcomes for state in outcome.states]
    claiming = [outcome.states for outcome in outcomes if outcome.states]
    share_of = shares(states) if states else dict.fromkeys(State)
    return {
        "answers": len(outcomes),
        "sentences": len(states),
        **{str(state): share for state, share in share_of.items()},
        "whole shown": _share([State.WITHHELD not in found for found in claiming]),
        "whole supported": _share([all(state.passes for state in found) for found in claiming]),
    }


def _share(holds: Sequence[bool]) -> float | None:
    return sum(holds) / len(holds) if holds else None


def _rows(outcomes: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
    """The numbers of each model and mark, and of all models, where there are several."""
    models = sorted({o.answer.model for o in outcomes})
    for model in [*models, *(["all"] if len(models) > 1 else [])]:
        of_model = [o for o in outcomes if model in {o.answer.model, "all"}]
        for mark in Mark:
            if marked := [o for o in of_model if o.answer.mark is mark]:
                yield {"model": model, "mark": str(mark), **measures(marked)}
        yield {"model": model, "mark": "any", **measures(of_model)}


def _wrong(outcomes: Sequence[Outcome], most: int) -> Iterator[dict[str, Any]]:
    """At most so many sentences of each model that are never shown though all judges call their answer
    faithful, and as many that pass though the judges do not.

    Not every sentence of an unfaithful answer is wrong: the second kind is to look through, not to count.
    """
    for model in sorted({o.answer.model for o in outcomes}):
        for mark in (Mark.FAITHFUL, Mark.UNFAITHFUL):
            sentences = [
                (o.answer, draft.text, state)
                for o in outcomes
                if (o.answer.model, o.answer.mark) == (model, mark)
                for draft, state in zip(o.answer.drafts, o.states, strict=True)
                if (state is State.WITHHELD if mark is Mark.FAITHFUL else state.passes)
            ]
            for answer, text, state in sentences[:most]:
                yield {
                    "model": model,
                    "id": answer.id,
                    "mark": str(mark),
                    "state": str(state),
                    "question": answer.question,
                    "sentence": text,
                }


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    head = ["model", "mark", "answers", "sentences"]
    parts = [*map(str, State), "whole shown", "whole supported"]
    lines = [[*(str(row[name]) for name in head), *(percent(row[name]) for name in parts)] for row in rows]
    return aligned([[*head, *(f"{name} %" for name in parts)], *lines], left=2)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.bench.answers", description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="a file of recorded answers, one JSON object on each line")
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of a table")
    parser.add_argument(
        "--show",
        type=int,
        default=0,
        help="print so many sentences of each model's faithful answers that are never shown, and of its "
        "unfaithful ones that pass",
    )
    args = parser.parse_args(arguments)
    if args.show < 0:
        parser.error("--show must be at least 0")
    outcomes = [check(answer) for answer in read_lines(args.file, "a recorded answer", _answer)]
    rows, wrong = list(_rows(outcomes)), list(_wrong(outcomes, args.show))
    if args.json:
        print(json.dumps({"rows": rows, "wrong": wrong}, ensure_ascii=False, indent=2))
        return 0
    print(_table(rows))
    for row in wrong:
        print(f"\n{row['model']} {row['id']}: {row['mark']}, {row['state']}\n  {row['question']}")
        print(f"  {row['sentence']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
