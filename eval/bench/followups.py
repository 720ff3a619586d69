"""How near resolved follow-ups come to a person's rewrites of them, and how often a whole question is
touched.

    python -m eval.bench.followups --data DIR [--gold FILE …] [--alone FILE …] [--split dev|test] [--show]

DIR holds, for each name, `NAME_questions.jsonl` (every question of a conversation up to and with the last,
one to a line), `NAME_lastturn.jsonl` (the last alone) and `NAME_rewrite.jsonl` (a person's rewrite of it),
with `_id` and `text`, each question marked by `|user|: `: the form of MTRAG's conversations (Katsis et al.,
2025), which come without their answers. A gold file adds its follow-ups, whose history has answers. A file of
questions that stand alone (`id`, `question` and, if known, `answers`) has each asked as if it followed the
one before it: none should be altered. Conversations are split whole, by their ids.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.cases import load, split_of
from rag.english.matching import squad_normalise
from rag.english.normalise import content_stems
from rag.errors import ConfigError
from rag.question.followup import standalone
from rag.types import Turn

__all__ = ["FollowUp", "conversations", "from_gold", "main", "one_after_another", "summary"]

_MARK = "|user|:"


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question with what was asked before it, and a person's rewrite of it."""

    id: str
    history: tuple[Turn, ...]
    question: str
    rewritten: str

    @property
    def stands_alone(self) -> bool:
        """Whether the person saw nothing to add.

        >>> FollowUp("a", (), "who is Ann Lee", "Who is Ann Lee?").stands_alone
        True
        """
        return squad_normalise(self.question) == squad_normalise(self.rewritten)


def conversations(folder: Path, name: str, split: str) -> list[FollowUp]:
    """The follow-ups of one set, in order, without the first question of each conversation."""
    asked, last, rewritten = (
        _texts(folder / f"{name}_{part}.jsonl") for part in ("questions", "lastturn", "rewrite")
    )
    found: list[FollowUp] = []
    for key, text in asked.items():
        # A question can have line breaks of its own, so the history is cut at the marks and not at the lines.
        turns = [turn.strip() for turn in text.split(_MARK) if turn.strip()]
        if len(turns) > 1 and split_of(key.split("<::>")[0]) == split:
            history = tuple(Turn(question, "") for question in turns[:-1])
            found.append(FollowUp(key, history, _unmarked(last[key]), _unmarked(rewritten[key])))
    return found


def from_gold(path: Path, split: str) -> list[FollowUp]:
    """The follow-ups of a gold file."""
    return [
        FollowUp(case.id, case.history, case.question, case.rewritten)
        for case in load(path)
        if case.history and case.rewritten and case.split == split
    ]


def one_after_another(path: Path, split: str) -> list[FollowUp]:
    """Questions that stand alone, each after the one before it in the file and that one's first answer."""
    records = [record for record in _records(path) if not record.get("history")]
    turns = [Turn(record["question"], next(iter(record.get("answers") or [""]))) for record in records]
    return [
        FollowUp(record["id"], (before,), record["question"], record["question"])
        for record, before in zip(records[1:], turns, strict=False)
        if split_of(record["id"]) == split
    ]


def _texts(path: Path) -> dict[str, str]:
    try:
        return {record["_id"]: record["text"] for record in _records(path)}
    except (KeyError, TypeError) as exc:
        raise ConfigError(f"{path} is not a file of questions with `_id` and `text`: {exc!r}") from exc


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{path} cannot be read as JSON lines: {exc}") from exc


def _unmarked(text: str) -> str:
    return text.removeprefix(_MARK).strip()


def _shared(said: str, meant: str) -> tuple[float, float, float]:
    """Recall, precision and F1 of the stems said, against those meant, repeats counted.

    >>> _shared("When did Ann Lee speak?", "When did Ann Lee speak in Iowa?")
    (0.75, 1.0, 0.8571428571428571)
    """
    mine, gold = Counter(content_stems(said)), Counter(content_stems(meant))
    both = (mine & gold).total()
    recall = both / gold.total() if gold else 1.0
    precision = both / mine.total() if mine else float(not gold)
    return recall, precision, 2 * both / (mine.total() + gold.total()) if mine or gold else 1.0


def summary(cases: Sequence[FollowUp]) -> dict[str, tuple[float | None, ...]]:
    """Each measure for the question alone, resolved, and rewritten by a person.

    `recall`, `precision`, `f1`: content stems against the rewrite's, means over the cases; `f1 where
    changed`, over those in which the person changed more than case, punctuation and articles. `found`: of the
    stems of the rewrites that the questions lack and the history has, the share that is there. `apt`: of the
    stems that were added, the share that the rewrites have; `None` where none was. `left alone`: of the
    questions in which the person changed no more than that, the share that comes out letter for letter.
    """
    forms = [(case.question, standalone(case.question, case.history), case.rewritten) for case in cases]
    columns = [_measured(cases, [form[way] for form in forms]) for way in range(3)]
    return {measure: tuple(column[measure] for column in columns) for measure in columns[0]}


def _measured(cases: Sequence[FollowUp], said: Sequence[str]) -> dict[str, float | None]:
    shares = [_shared(text, case.rewritten) for case, text in zip(cases, said, strict=True)]
    found = lacking = apt = added = 0
    for case, text in zip(cases, said, strict=True):
        known = set(content_stems(case.question))
        wanted = set(content_stems(case.rewritten)) - known
        earlier = {stem for turn in case.history for stem in content_stems(f"{turn.question} {turn.answer}")}
        new = set(content_stems(text)) - known
        found, lacking = found + len(new & wanted & earlier), lacking + len(wanted & earlier)
        apt, added = apt + len(new & wanted), added + len(new)
    changed = [f for (_, _, f), case in zip(shares, cases, strict=True) if not case.stands_alone]
    whole = [text == case.question for case, text in zip(cases, said, strict=True) if case.stands_alone]
    return {
        "recall": _ratio(sum(r for r, _, _ in shares), len(shares)),
        "precision": _ratio(sum(p for _, p, _ in shares), len(shares)),
        "f1": _ratio(sum(f for _, _, f in shares), len(shares)),
        "f1 where changed": _ratio(sum(changed), len(changed)),
        "found": _ratio(found, lacking),
        "apt": _ratio(apt, added),
        "left alone": _ratio(sum(whole), len(whole)),
    }


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _sets(options: argparse.Namespace) -> Iterator[tuple[str, list[FollowUp]]]:
    names = sorted(
        path.name.removesuffix("_questions.jsonl") for path in options.data.glob("*_questions.jsonl")
    )
    if not names:
        raise ConfigError(f"{options.data} has no *_questions.jsonl")
    for name in names:
        yield name, conversations(options.data, name, options.split)
    for path in options.gold:
        yield path.stem, from_gold(path, options.split)
    for path in options.alone:
        yield f"{path.stem} in turn", one_after_another(path, options.split)


def _table(title: str, measures: Mapping[str, tuple[float | None, ...]]) -> str:
    lines = [f"{title:32}{'alone':>10}{'resolved':>10}{'rewritten':>10}"]
    for measure, values in measures.items():
        lines.append(f"  {measure:30}" + "".join(f"{'-' if v is None else f'{v:.3f}':>10}" for v in values))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table for each set; with `--show`, each question that was changed or should have
    been.
    """
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.followups", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the conversations")
    parser.add_argument(
        "--gold", type=Path, action="append", default=[], help="a gold file with follow-ups (repeatable)"
    )
    parser.add_argument(
        "--alone",
        type=Path,
        action="append",
        default=[],
        help="questions that stand alone, to ask in turn (repeatable)",
    )
    parser.add_argument(
        "--split", choices=["dev", "test"], default="dev", help="which half of the ids (default: dev)"
    )
    parser.add_argument("--show", action="store_true", help="print the questions too")
    options = parser.parse_args(arguments)
    for name, cases in _sets(options):
        alone = sum(case.stands_alone for case in cases)
        print(_table(f"{name} {options.split}: {len(cases)}, {alone} alone", summary(cases)) + "\n")
        for case in cases if options.show else ():
            print(
                f"{case.id}\n  {case.question}\n  {standalone(case.question, case.history)}\n  "
                f"{case.rewritten}"
            )


if __name__ == "__main__":
    main()
