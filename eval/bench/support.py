"""How well the check of a model's sentences agrees with people who labelled claims beside their evidence.

    python -m eval.bench.support FILE.jsonl [--source NAME …] [--limit N] [--seed N] [--timed N] [--show N]
                                 [--json]

Each line of FILE is an object with `id`, `source`, `claim`, `evidence` (a list of texts) and `label`:
supported, partial, unsupported or contradicted. The evidence is split into passages as articles are. The
eight that share the most words with the claim are what the check sees.

The output has, by source and label, the share of claims in each state. Balanced accuracy is the mean of two
shares: of supported claims that are quoted or supported, and of the others that are not. AUROC is that of the
check's score. The time for a sentence stands beside the reader's over the same passages, in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from ingest.split import passage_spans
from rag.answer.check import Checker
from rag.config import PassageSettings
from rag.english.normalise import content_stems
from rag.errors import ConfigError
from rag.models.reader import SpanReader
from rag.scores import auroc
from rag.store.label import label
from rag.system.files import small_text
from rag.types import (
    Article,
    DraftSentence,
    Evidence,
    Headline,
    Reader,
    RetrievedPassage,
    Scores,
    Sentence,
    Support,
)

__all__ = [
    "STATES",
    "Label",
    "LabelledClaim",
    "Outcome",
    "State",
    "aligned",
    "balanced_accuracy",
    "decide",
    "evidence_of",
    "main",
    "measures",
    "percent",
    "read_claims",
    "read_lines",
    "shares",
    "state_of",
    "text_in",
    "texts_in",
]

Record = TypeVar("Record")

_KEEP = 8  # passages of evidence, as many as a question gets
_TIMED = 50  # claims of each source that are timed: the reader is several times slower than the check
_LARGEST = 500_000_000  # bytes of a file of claims


class Label(StrEnum):
    """What people, or the way a claim was made, say of it."""

    SUPPORTED = "supported"
    PARTIAL = "partial"
    UNSUPPORTED = "unsupported"
    CONTRADICTED = "contradicted"


class State(StrEnum):
    """What becomes of a sentence, the best first."""

    QUOTED = "quoted"
    SUPPORTED = "supported"
    CHECK = "please check"
    WITHHELD = "never shown"

    @property
    def passes(self) -> bool:
        """Whether the reader is told that the evidence supports the sentence."""
        return self in {State.QUOTED, State.SUPPORTED}


STATES = {Support.QUOTED: State.QUOTED, Support.SUPPORTED: State.SUPPORTED, Support.CHECK: State.CHECK}


@dataclass(frozen=True, slots=True)
class LabelledClaim:
    """A claim, the texts it was compared with, and its label."""

    id: str
    source: str
    text: str
    evidence: tuple[str, ...]
    label: Label


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the check decides about a claim. `score`: 0 to 1, the higher the better supported. `quote`: the
    first words cited, if it is shown. `passages`: how many it was compared with. The times are in
    milliseconds, `None` where they were not measured.
    """

    claim: LabelledClaim
    state: State
    score: float
    quote: str | None
    passages: int
    milliseconds: float | None = None
    reading: float | None = None

    @property
    def right(self) -> bool:
        """Whether the state agrees with the label."""
        return self.state.passes == (self.claim.label is Label.SUPPORTED)


# --- lines of a file -----------------------------------------------------------------------------------


def read_lines(path: Path, called: str, made: Callable[[Mapping[str, Any]], Record]) -> list[Record]:
    """What `made` makes of the object on each line of a file; blank lines are left out.

    `called` is what a line should be, such as "a claim". Raises `ConfigError` for a file that cannot be read
    or has no lines, and names the line that is no JSON object or of which `made` raises `ValueError`.
    """
    found = []
    # Lines end at a line feed: some other ends of lines may stand in a text.
    for number, line in enumerate(small_text(path, "the data file", _LARGEST).split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("it is not a JSON object")
            found.append(made(record))
        except json.JSONDecodeError as exc:
            why = f"it is not valid JSON ({exc.msg} at character {exc.pos + 1})"
            raise ConfigError(f"{path} line {number} is not {called}: {why}") from exc
        except RecursionError as exc:
            raise ConfigError(f"{path} line {number} is not {called}: it is nested too deeply") from exc
        except ValueError as exc:
            raise ConfigError(f"{path} line {number} is not {called}: {exc}") from exc
    if not found:
        raise ConfigError(f"{path} is empty: each line should be {called}")
    return found


def text_in(record: Mapping[str, Any], key: str) -> str:
    """The text under a key. Raises `ValueError` where there is none, or a blank one.

    >>> text_in({"claim": "Snow fell."}, "claim")
    'Snow fell.'
    """
    if key not in record:
        raise ValueError(f"it has no {key!r}")
    value = record[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"its {key!r} must be a text that is not blank, not {value!r}")
    return value


def texts_in(record: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The texts in the list under a key. Raises `ValueError` where none of them has a word, and for what is
    no list of texts.

    >>> texts_in({"evidence": ["Snow fell.", "It was cold."]}, "evidence")
    ('Snow fell.', 'It was cold.')
    """
    if key not in record:
        raise ValueError(f"it has no {key!r}")
    value = record[key]
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"its {key!r} must be a list of texts, not {value!r}")
    if not any(re.search(r"\w", text) for text in value):
        raise ValueError(f"its {key!r} is empty: none of its {len(value)} texts has a word")
    return tuple(value)


def _claim(record: Mapping[str, Any]) -> LabelledClaim:
    stated = text_in(record, "label")
    if stated not in set(Label):
        raise ValueError(f"its 'label' must be one of {', '.join(Label)}, not {stated!r}")
    return LabelledClaim(
        text_in(record, "id"),
        text_in(record, "source"),
        text_in(record, "claim"),
        texts_in(record, "evidence"),
        Label(stated),
    )


def read_claims(path: Path) -> list[LabelledClaim]:
    """The claims of a file. Raises `ConfigError` as `read_lines` does."""
    return read_lines(path, "a claim", _claim)


# --- deciding ------------------------------------------------------------------------------------------


def evidence_of(texts: Sequence[str], *, nearest_to: str | None = None, most: int = _KEEP) -> Evidence:
    """The passages of some texts, each text as an article of its own: all of them in their order, or those
    that share the most words with a text, at most so many, the nearest first.

    >>> texts = "Snow fell in Oslo.", "Rain fell in Rome."
    >>> [source.passage.text for source in evidence_of(texts, nearest_to="It rained in Rome.")]
    ['Rain fell in Rome.', 'Snow fell in Oslo.']
    """
    found = []
    for number, text in enumerate(texts, 1):
        article = Article(f"text-{number}", "", text)
        facts = Headline(article.id, article.version, label(None, text))
        found += [(article.passage(a, b), facts) for a, b in passage_spans(text, PassageSettings())]
    if nearest_to is not None:
        # `sorted` keeps the order of passages that share as many words.
        found = sorted(found, key=lambda each: -_share_held(nearest_to, each[0].text))[:most]
    return Evidence(
        tuple(RetrievedPassage(passage, facts, n, Scores()) for n, (passage, facts) in enumerate(found, 1))
    )


def _share_held(text: str, passage: str) -> float:
    """The share of the content words of a text that a passage has, 0 to 1; 0 for a text without any.

    >>> _share_held("Snow fell in Oslo.", "Rain fell in Rome.")
    0.3333333333333333
    """
    said, held = content_stems(text), set(content_stems(passage))
    return sum(word in held for word in said) / len(said) if said else 0.0


def state_of(sentence: Sentence | None) -> State:
    """The state of a sentence that came out of the check: that of its weakest citation."""
    if sentence is None:
        return State.WITHHELD
    states = list(State)
    return max((STATES[c.support] for c in sentence.citations), key=states.index)


def decide(claim: LabelledClaim, reader: Reader | None = None) -> Outcome:
    """What the check decides about a claim. With a reader, its time and the reader's are measured too.

    The reader is asked the claim as a question, over the same passages.
    """
    evidence = evidence_of(claim.evidence, nearest_to=claim.text)
    began = time.perf_counter()
    checker = Checker(evidence)  # timed with the check: an answer of one sentence pays for it too
    draft = DraftSentence(claim.text)
    sentence = checker.check(draft)
    checked = 1000 * (time.perf_counter() - began)
    read = None
    if reader is not None:
        began = time.perf_counter()
        reader.read(claim.text, [source.passage.text for source in evidence])
        read = 1000 * (time.perf_counter() - began)
    return Outcome(
        claim,
        state_of(sentence),
        checker.supported(draft),
        sentence.citations[0].quote if sentence else None,
        len(evidence),
        None if reader is None else checked,
        read,
    )


def _decisions(claims: Sequence[LabelledClaim], timed: int, rng: random.Random) -> Iterator[Outcome]:
    """What the check decides about each claim, in their order; the times of `timed` claims of each source."""
    chosen = _sample(claims, timed, rng)
    reader: SpanReader | None = None
    if chosen:
        reader = SpanReader()
        # The first call loads the reader, the splitter and the word lists.
        decide(LabelledClaim("", "", "Snow fell.", ("Rain fell.",), Label.UNSUPPORTED), reader)
    for at, claim in enumerate(claims):
        yield decide(claim, reader if at in chosen else None)


def _sample(claims: Sequence[LabelledClaim], most: int, rng: random.Random) -> set[int]:
    """The places of at most so many claims of each source, drawn at random."""
    found: set[int] = set()
    for source in sorted({claim.source for claim in claims}):
        places = [at for at, claim in enumerate(claims) if claim.source == source]
        found.update(rng.sample(places, min(most, len(places))))
    return found


# --- numbers -------------------------------------------------------------------------------------------


def shares(states: Sequence[State]) -> dict[State, float]:
    """The share of sentences in each state, 0 to 1. Raises `ValueError` without any.

    >>> found = shares([State.QUOTED, State.CHECK, State.CHECK, State.WITHHELD])
    >>> [found[state] for state in State]
    [0.25, 0.0, 0.5, 0.25]
    """
    if not states:
        raise ValueError("there are no sentences to take a share of")
    return {state: sum(s is state for s in states) / len(states) for state in State}


def balanced_accuracy(supported: Sequence[bool], others: Sequence[bool]) -> float | None:
    """The mean of the share of supported claims that pass and the share of others that do not, 0 to 1.

    0.5 is what a check has that passes everything, or nothing. `None` if either side is empty.

    >>> balanced_accuracy([True, True, True, False], [True, False])  # (3/4 + 1/2) / 2
    0.625
    """
    if not supported or not others:
        return None
    return (sum(supported) / len(supported) + 1 - sum(others) / len(others)) / 2


def measures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Every number of one source, or of all: the states by label, how well they agree with the labels, and
    the times.

    `passages` and the times are means over the claims that were timed, `None` without any. So is a number of
    agreement where all labels are supported, or none is.
    """
    supported = [o for o in outcomes if o.claim.label is Label.SUPPORTED]
    others = [o for o in outcomes if o.claim.label is not Label.SUPPORTED]
    timed = [o for o in outcomes if o.reading is not None]
    by_label = {name: [o.state for o in outcomes if o.claim.label is name] for name in Label}
    return {
        "claims": len(outcomes),
        "labels": {
            str(name): {"claims": len(states), **{str(s): share for s, share in shares(states).items()}}
            for name, states in by_label.items()
            if states
        },
        "balanced accuracy": balanced_accuracy(
            [o.state.passes for o in supported], [o.state.passes for o in others]
        ),
        "auroc": auroc([o.score for o in supported], [o.score for o in others]),
        "timed": len(timed),
        "passages": _mean(o.passages for o in timed),
        "milliseconds": _mean(o.milliseconds for o in timed),
        "reader's milliseconds": _mean(o.reading for o in timed),
    }


def _mean(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return sum(present) / len(present) if present else None


def _by_source(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    found = {
        source: measures([o for o in outcomes if o.claim.source == source])
        for source in sorted({o.claim.source for o in outcomes})
    }
    return found if len(found) == 1 else {**found, "all": measures(outcomes)}


# --- printing ------------------------------------------------------------------------------------------


def aligned(rows: Sequence[Sequence[str]], *, left: int) -> str:
    """Rows as a table in plain text: the first `left` columns to the left, the others to the right.

    >>> print(aligned([["model", "answers"], ["ann", "12"]], left=1))
    model  answers
    ann         12
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at < left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def percent(share: float | None) -> str:
    """A share in percent, and a dash where there is none.

    >>> percent(0.125), percent(None)
    ('12.5', '-')
    """
    return "-" if share is None else f"{100 * share:.1f}"


def _decimal(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _tables(sources: Mapping[str, Mapping[str, Any]]) -> str:
    states = [["source", "label", "claims", *(f"{state} %" for state in State)]]
    numbers = [["source", "claims", "balanced %", "AUROC", "timed", "passages", "check ms", "reader ms"]]
    for source, found in sources.items():
        for name, row in found["labels"].items():
            states.append([source, name, str(row["claims"]), *(percent(row[state]) for state in State)])
        numbers.append(
            [
                source,
                str(found["claims"]),
                percent(found["balanced accuracy"]),
                _decimal(found["auroc"], 3),
                str(found["timed"]),
                _decimal(found["passages"], 1),
                _decimal(found["milliseconds"], 1),
                _decimal(found["reader's milliseconds"], 1),
            ]
        )
    return f"{aligned(states, left=2)}\n\n{aligned(numbers, left=1)}"


def _wrong(outcomes: Sequence[Outcome], most: int) -> Iterator[dict[str, Any]]:
    """At most so many claims of each source on which the check and the label disagree, in their order."""
    for source in sorted({o.claim.source for o in outcomes}):
        for o in [o for o in outcomes if o.claim.source == source and not o.right][:most]:
            yield {
                "source": source,
                "id": o.claim.id,
                "label": str(o.claim.label),
                "state": str(o.state),
                "score": round(o.score, 3),
                "claim": o.claim.text,
                "quote": o.quote,
            }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.bench.support", description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="a file of labelled claims, one JSON object on each line")
    parser.add_argument("--source", action="append", help="only the claims of this source (repeatable)")
    parser.add_argument("--limit", type=int, help="at most so many claims of each source, drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="of the random choices (default: 1)")
    parser.add_argument(
        "--timed",
        type=int,
        default=_TIMED,
        help=f"how many claims of each source to time (default: {_TIMED}); 0 does not load the reader",
    )
    parser.add_argument(
        "--show", type=int, default=0, help="print so many claims of each source that are decided wrongly"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of tables")
    args = parser.parse_args(arguments)
    if (args.limit is not None and args.limit < 1) or min(args.timed, args.show) < 0:
        parser.error("--limit must be at least 1, and --timed and --show at least 0")
    claims = read_claims(args.file)
    known = sorted({claim.source for claim in claims})
    if unknown := sorted(set(args.source or ()) - set(known)):
        raise ConfigError(f"{args.file} has no source {unknown[0]!r}: it has {', '.join(known)}")
    claims = [claim for claim in claims if claim.source in (args.source or known)]
    if args.limit is not None:
        kept = _sample(claims, args.limit, random.Random(args.seed))
        claims = [claim for at, claim in enumerate(claims) if at in kept]
    outcomes = list(_decisions(claims, args.timed, random.Random(args.seed)))
    sources, wrong = _by_source(outcomes), list(_wrong(outcomes, args.show))
    if args.json:
        print(json.dumps({"sources": sources, "wrong": wrong}, ensure_ascii=False, indent=2))
        return 0
    print(_tables(sources))
    for row in wrong:
        print(f"\n{row['source']} {row['id']}: {row['label']}, {row['state']}, score {row['score']}")
        print(f"  {row['claim']}")
        if row["quote"]:
            print(f"  cited: {row['quote']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
