"""Fit how the judge and the rules are weighed in the check of a sentence, and choose from which likelihood a
sentence is called supported, and shown at all.

    python -m eval.bench.calibrate_check --support FOLDER --data FOLDER [--each N] [--rows FILE]
                                         [--weights FILE]

`--support` holds `claims.jsonl` as `eval.bench.support` reads it, `--data` is what the reader is trained on.
Only what neither network was trained on is used: the kept-out parts of the claims that people labelled, those
sources that may calibrate but not train, statements made by machine from kept-out paragraphs, and kept-out
families of contrasting sentences.

An objection that at most `CERTAIN` of the supported claims of people meet is certain: what it objects to is
never shown. Sentences that repeat the words of the evidence, changed or not, and those in words of their own
are weighed apart. For each kind logistic regression (every source and label weighs alike) over the judge's
log-odds and the other objections gives the weights in `rag.answer.abstain`, and the thresholds follow stated
rules. A sentence in words of its own is *supported* from the least likelihood at which, in the mean over the
sources, at most `ERROR` of what is not supported passes; one that repeats, from the least at which of all
statements that were spoiled by machine at most `SPOILED_ERROR` pass. Either kind is *shown* from the greatest
at which of no source more than `WITHHELD` of the supported ones are withheld to which no certain rule
objects, and at most `FAITHFUL_WITHHELD` of the faithful statements made by machine. With `--rows` what was
collected is kept in a file and used again.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.support import Label, evidence_of, read_claims
from rag.answer.abstain import MIN_REPEATED, NEVER, Weighing, judge_signs
from rag.answer.check import Checker
from rag.models.judge import TextJudge
from rag.scores import auroc
from rag.training.contrasts import read_families, told
from rag.training.data import examples, fold_of
from rag.training.pairs import window
from rag.training.statements import made
from rag.types import DraftSentence, Objection

__all__ = [
    "CERTAIN",
    "ERROR",
    "FAITHFUL_WITHHELD",
    "SPOILED_ERROR",
    "WITHHELD",
    "Row",
    "certain_objections",
    "fit",
    "likelihood",
    "main",
    "parted",
    "thresholds",
]

ERROR, SPOILED_ERROR, CERTAIN = 0.12, 0.04, 0.02
WITHHELD, FAITHFUL_WITHHELD = 0.05, 0.001
# Sources that were not trained on at all, of which every claim may calibrate. Others, measured only, are not
# looked at here.
_CALIBRATING = frozenset({"lfqa"})
_MEASURED_ONLY = frozenset({"qags-cnndm", "qags-xsum"})
_RIDGE = 0.5
_EXACT = 1e-9  # what a share computed in binary may be off by
_VETOED = 1e-4  # a likelihood under this is a certain rule's doing
_MADE, _TOLD = "made by machine", "contrasts"
_OBJECTIONS = tuple(Objection)


_FEWEST = 10  # claims of a source and kind from which they count
_Signs = tuple[float, float]
_Text = tuple[
    _Signs, tuple[str, ...], float
]  # the judge's signs, objections, and the share of repeated words


@dataclass(frozen=True, slots=True)
class Row:
    """A claim as the check saw it: whether it is supported, whether its words stand in the evidence, and for
    each text it was laid beside the judge's signs, the rules' objections and how much of it is repeated."""

    source: str
    kind: str
    supported: bool
    quoted: bool
    texts: tuple[_Text, ...]


def _claims(path: Path, each: int, judge: TextJudge, rng: random.Random) -> Iterator[Row]:
    by_source = defaultdict(list)
    for claim in read_claims(path):
        kept_out = fold_of(" ".join(claim.evidence)) != "train"
        if claim.source not in _MEASURED_ONLY and (kept_out or claim.source in _CALIBRATING):
            by_source[claim.source].append(claim)
    for source, claims in sorted(by_source.items()):
        for claim in rng.sample(claims, min(each, len(claims))):
            evidence = evidence_of(claim.evidence, nearest_to=claim.text)
            row = _row(source, str(claim.label), claim.label is Label.SUPPORTED, claim.text)
            yield row(Checker(evidence, judge))


def _made(data: Path, each: int, judge: TextJudge, rng: random.Random) -> Iterator[Row]:
    kept_out = {e.context for e in examples(data, seed=17) if e.fold != "train"}
    paragraphs = sorted(text for text in kept_out if len(text.split()) > 40)
    rng.shuffle(paragraphs)
    count: Counter[str] = Counter()
    for text in paragraphs[: 20 * each]:
        part = window(text, rng)
        found = list(made(part, rng))
        rng.shuffle(found)
        for kind, faithful, statement, _, _ in found[:4]:
            if count[kind] < each // 5:
                count[kind] += 1
                yield _row(_MADE, kind, faithful, statement)(Checker(evidence_of([part]), judge))


def _contrasts(judge: TextJudge, rng: random.Random) -> Iterator[Row]:
    for family in read_families():
        if fold_of(family.texts[0]) != "train":
            for statement, text, label in told(family, rng):
                row = _row(_TOLD, family.kind, label == "supported", statement)
                yield row(Checker(evidence_of([text]), judge))


def _row(source: str, kind: str, supported: bool, text: str) -> Callable[[Checker], Row]:
    def seen(checker: Checker) -> Row:
        draft = DraftSentence(text)
        texts = tuple(
            (judge_signs(w.judgement), tuple(sorted(map(str, w.objections))), w.repeated)
            for w in checker.weighed(draft)
        )
        return Row(source, kind, supported, checker.is_quoted(draft), texts)

    return seen


# --- weights -------------------------------------------------------------------------------------------


def _features(text: _Text) -> list[float]:
    return [*text[0], *(float(str(each) in text[1]) for each in _OBJECTIONS)]


def fit(rows: Sequence[Row], certain: frozenset[Objection]) -> Weighing:
    """What the judge's signs are multiplied by, and what each objection takes; no thresholds yet. What speaks
    for a sentence never counts against it, nor an objection for it. Of the texts of a claim the one counts to
    which rules object least, and then the likeliest."""
    asked = [row for row in rows if not row.quoted and row.texts]
    seen = [row for row in asked if not certain & {*map(Objection, _best(row)[1])}]
    counts = Counter((row.source, row.supported) for row in seen)
    best = [_best(row) for row in seen]
    weights = np.array([1 / counts[row.source, row.supported] for row in seen])
    weights /= weights.mean()
    y = np.array([float(row.supported) for row in seen])
    first = 1 + len(best[0][0])  # the bias and the signs come before the objections
    free = [*[True] * first, *(each not in certain for each in _OBJECTIONS)]
    while True:
        x = np.array([[1.0, *_features(text)] for text in best])[:, free]
        w = np.zeros(x.shape[1])
        ridge = _RIDGE * np.diag([0.0, *np.ones(x.shape[1] - 1)])
        for _ in range(50):
            p = 1 / (1 + np.exp(-x @ w))
            slope = (x * (weights * p * (1 - p))[:, None]).T @ x + ridge
            w -= np.linalg.solve(slope, x.T @ (weights * (p - y)) + ridge @ w)
        places = [at for at, kept in enumerate(free) if kept]
        wrong = [at for at, value in zip(places, w, strict=True) if at and (value > 0) == (at >= first)]
        if not wrong:
            break
        for at in wrong:
            free[at] = False
    found = dict(zip(places, w, strict=True))
    taken = {
        each: NEVER if each in certain else round(abs(float(found.get(at, 0.0))), 2)
        for at, each in enumerate(_OBJECTIONS, first)
    }
    supported, unchanged = (float(found.get(at, 0.0)) for at in range(1, first))
    return Weighing(float(found[0]), (supported, unchanged), taken, 0.0, 0.0)


def _best(row: Row) -> _Text:
    return max(row.texts, key=lambda text: (-len(text[1]), text[0][0]))


def certain_objections(rows: Sequence[Row]) -> frozenset[Objection]:
    """The objections that hardly any supported claim of people meets."""
    asked = [row for row in rows if not row.quoted and row.texts]
    right = [frozenset(_best(row)[1]) for row in asked if row.supported and row.source not in (_MADE, _TOLD)]
    return frozenset(
        each for each in _OBJECTIONS if sum(str(each) in met for met in right) <= CERTAIN * len(right)
    )


def parted(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The claims in words of their own and those that repeat words, by their best text, which alone is
    kept."""
    asked = [replace(row, texts=(_best(row),)) for row in rows if not row.quoted and row.texts]
    return (
        [row for row in asked if row.texts[0][2] < MIN_REPEATED],
        [row for row in asked if row.texts[0][2] >= MIN_REPEATED],
    )


def likelihood(text: _Text, weighing: Weighing) -> float:
    """How likely a claim is supported by a text, as the check weighs it."""
    signs, objections, _ = text
    odds = weighing.bias + sum(weight * sign for weight, sign in zip(weighing.signs, signs, strict=True))
    odds -= sum(weighing.objections[Objection(each)] for each in objections)
    return 1 / (1 + float(np.exp(-odds)))


# --- thresholds ----------------------------------------------------------------------------------------


_Likelihood = tuple[str, bool, float]  # source, whether it is supported, likelihood
_GRID = [n / 100 for n in range(1, 100)]


def thresholds(
    reworded: Sequence[_Likelihood], repeated: Sequence[_Likelihood]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """For either kind from which likelihood a sentence is supported, and from which it is shown, by the rules
    above, in hundredths."""
    others = _by_source([row for row in reworded if row[0] != _MADE], supported=False)
    own = next(
        (least for least in _GRID if _mean(_share(v, least) for v in others.values()) <= ERROR + _EXACT), 0.99
    )
    spoiled = [value for source, supported, value in repeated if source == _MADE and not supported]
    so_far = [value for source, supported, value in reworded if source == _MADE and not supported]
    most = SPOILED_ERROR * (len(spoiled) + len(so_far)) - sum(value >= own for value in so_far)
    copied = next((least for least in _GRID if sum(v >= least for v in spoiled) <= most + _EXACT), 0.99)
    shown, copy_shown = _shown_from(reworded), _shown_from(repeated)
    return (own, min(own, shown)), (copied, min(copied, copy_shown))


def _shown_from(scored: Sequence[_Likelihood]) -> float:
    # What a certain rule objects to is withheld whatever the threshold is.
    right = _by_source([row for row in scored if row[2] > _VETOED], supported=True)
    return max(
        (
            least
            for least in _GRID
            if all(
                1 - _share(values, least) <= WITHHELD + _EXACT
                for values in right.values()
                if len(values) * WITHHELD >= 1  # of fewer one alone would be too many
            )
            and (_MADE not in right or 1 - _share(right[_MADE], least) <= FAITHFUL_WITHHELD + _EXACT)
        ),
        default=0.01,
    )


def _by_source(scored: Sequence[_Likelihood], *, supported: bool) -> dict[str, list[float]]:
    """The likelihoods of each source that has claims enough to count."""
    found: dict[str, list[float]] = defaultdict(list)
    for source, is_supported, value in scored:
        if is_supported is supported:
            found[source].append(value)
    return {source: values for source, values in found.items() if len(values) >= _FEWEST}


def _share(values: Sequence[float], least: float) -> float:
    return sum(value >= least for value in values) / len(values) if values else 0.0


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Collect, fit, choose, and print as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.calibrate_check", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--support", type=Path, required=True, help="the folder of claims.jsonl")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the reader's training data")
    parser.add_argument("--each", type=int, default=200, help="claims of each source (default: 200)")
    parser.add_argument("--rows", type=Path, help="where what was collected is kept")
    parser.add_argument("--weights", type=Path, help="the judge's weights; those shipped, by default")
    options = parser.parse_args(arguments)
    if options.rows and options.rows.is_file():
        rows = [_read(line) for line in options.rows.read_text(encoding="utf-8").splitlines()]
    else:
        judge, rng = TextJudge(options.weights), random.Random(1)
        rows = [
            *_claims(options.support / "claims.jsonl", options.each, judge, rng),
            *_made(options.data, options.each, judge, rng),
            *_contrasts(judge, rng),
        ]
        if options.rows:
            options.rows.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")
    certain = certain_objections(rows)
    kinds = parted(rows)
    fitted = [fit(kind, certain) for kind in kinds]
    chosen = thresholds(
        *(
            [(row.source, row.supported, likelihood(row.texts[0], weighing)) for row in kind]
            for kind, weighing in zip(kinds, fitted, strict=True)
        )
    )
    weighings = [
        replace(weighing, supported=supported, shown=shown)
        for weighing, (supported, shown) in zip(fitted, chosen, strict=True)
    ]
    scored = [_scored(row, *weighings) for row in rows]
    made_ones = [found for found in scored if found.row.source == _MADE]
    print(
        json.dumps(
            {
                **{
                    name: {
                        "bias": round(weighing.bias, 3),
                        "signs": [round(value, 3) for value in weighing.signs],
                        "objections": {str(each): value for each, value in weighing.objections.items()},
                        "supported from": weighing.supported,
                        "shown from": weighing.shown,
                    }
                    for name, weighing in zip(("reworded", "repeated"), weighings, strict=True)
                },
                "sources": {
                    source: _table([found for found in scored if found.row.source == source])
                    for source in sorted({row.source for row in rows})
                },
                "made": {
                    kind: round(
                        _mean(f.passes for f in scored if (f.row.source, f.row.kind) == (_MADE, kind)), 2
                    )
                    for kind in sorted({f.row.kind for f in made_ones})
                },
            },
            indent=2,
        )
    )
    return 0


@dataclass(frozen=True, slots=True)
class _Scored:
    row: Row
    score: float
    passes: bool
    shown: bool


def _scored(row: Row, reworded: Weighing, repeated: Weighing) -> _Scored:
    if row.quoted:
        return _Scored(row, 1.0, True, True)
    weighed = [
        (value < weighing.shown, len(text[1]), -value, value >= weighing.supported)
        for text in row.texts
        for weighing in [repeated if text[2] >= MIN_REPEATED else reworded]
        for value in [likelihood(text, weighing)]
    ]
    if not weighed:
        return _Scored(row, 0.0, False, False)
    withheld, _, less, passes = min(weighed)  # the text that the check takes
    return _Scored(row, -less, passes and not withheld, not withheld)


def _table(found: Sequence[_Scored]) -> dict[str, Any]:
    right, others = ([f for f in found if f.row.supported is supported] for supported in (True, False))
    return {
        "claims": [len(right), len(others)],
        "auroc": auroc([f.score for f in right], [f.score for f in others]),
        "supported ones that pass": round(_mean(f.passes for f in right), 3),
        "others that pass": round(_mean(f.passes for f in others), 3),
        "supported ones never shown": round(_mean(not f.shown for f in right), 3),
        "others never shown": round(_mean(not f.shown for f in others), 3),
    }


def _read(line: str) -> Row:
    found = json.loads(line)
    texts = tuple((tuple(signs), tuple(objections), share) for signs, objections, share in found.pop("texts"))
    return Row(**found, texts=texts)


if __name__ == "__main__":
    sys.exit(main())
