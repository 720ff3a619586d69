"""What the judge is trained on, as pairs of a claim and a text: claims that people labelled, statements made
by machine, short answers as statements, and families of contrasting sentences; see docs/judge.md.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag.english.matching import squad_normalise
from rag.english.normalise import content_stems
from rag.english.sentences import sentences
from rag.errors import SourceError
from rag.models.reader import SpanReader
from rag.question.parts import stated
from rag.training.contrasts import Family, told
from rag.training.data import Example, fold_of, with_negatives
from rag.training.statements import FAITHFUL
from rag.training.statements import made as statements

__all__ = [
    "LABELS",
    "MEASURED_ONLY",
    "OF_PEOPLE",
    "Pair",
    "among_others",
    "elsewhere",
    "from_answers",
    "from_families",
    "from_reader",
    "from_text",
    "narrowed",
    "nearest",
    "read_pairs",
    "varied",
    "window",
]

# What the network tells apart, in the order of its outputs, twice: what people say of claims in words of
# their own, and whether a statement that is near the text's words was changed in what it says.
LABELS = ("supported", "partly", "contradicted", "absent")
# What a label of the data may mean. "Unsupported" says that it is not so or not there, and not which.
MEANS = {
    "supported": (0,), "partial": (1,), "contradicted": (2,), "absent": (3,), "unsupported": (2, 3),
}  # fmt: skip
# Sources whose licences do not allow weights trained on them: they calibrate and measure only.
MEASURED_ONLY = frozenset({"lfqa", "qags-cnndm", "qags-xsum"})


OF_PEOPLE = frozenset("cg2c wice wice-tokens begin-wow begin-cmu begin-tc".split())  # that are trained on


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim and the text it is laid beside, with what is known of the two: a key of `MEANS`."""

    claim: str
    evidence: str
    label: str
    source: str
    fold: str


def read_pairs(path: Path) -> Iterator[Pair]:
    """The claims of a file that may be trained on. Several texts of evidence become one, in order, and of one
    too long to be read what stands nearest to the claim is kept.

    Raises `SourceError` for another format.
    """
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            evidence = " ".join(row["evidence"])
            if row["source"] not in MEASURED_ONLY and row["label"] in MEANS:
                fold = fold_of(evidence)
                yield Pair(row["claim"], nearest(row["claim"], evidence), row["label"], row["source"], fold)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SourceError(f"{path} does not hold claims: {exc!r}") from exc


def nearest(claim: str, text: str, most: int = 160) -> str:
    """The sentences of a text with the most of the claim's words, of together some `most` words, in their
    order; all of a text that is no longer."""
    if len(text.split()) <= most:
        return text
    said = set(content_stems(claim))
    spans = sentences(text)
    order = sorted(range(len(spans)), key=lambda at: -len(said & set(content_stems(text[slice(*spans[at])]))))
    kept: set[int] = set()
    room = most
    for at in order:
        length = len(text[slice(*spans[at])].split())
        if length <= room:
            kept.add(at)
            room -= length
    return " ".join(text[slice(*spans[at])] for at in sorted(kept))


def varied(found: Sequence[Pair], rng: random.Random) -> Iterator[Pair]:
    """The claims of people, some of them reworded so that they keep their meaning, and some beside a text
    without one of the sentences that share least with them: a claim that is read often is not to be learned
    by heart."""
    for pair in found:
        claim, evidence = pair.claim, pair.evidence
        if rng.random() < 0.4:
            claim = _reworded(claim, evidence, rng)
        spans = sentences(evidence)
        if pair.label != "supported" and len(spans) > 2 and rng.random() < 0.3:
            said = set(content_stems(claim))
            least = sorted(spans, key=lambda span: len(said & set(content_stems(evidence[slice(*span)]))))
            start, end = rng.choice(least[: len(spans) // 2])
            evidence = f"{evidence[:start].rstrip()} {evidence[end:].lstrip()}".strip()
        yield replace(pair, claim=claim, evidence=evidence)


def from_families(families: Sequence[Family], rng: random.Random) -> Iterator[Pair]:
    """The statements of each family beside one of its texts."""
    for family in families:
        for statement, text, label in told(family, rng):
            yield Pair(statement, text, label, "contrasts", fold_of(family.texts[0]))


def elsewhere(found: Sequence[Pair], rng: random.Random, share: float = 0.15) -> Iterator[Pair]:
    """A share of the claims beside the text of another pair of their source, which says nothing of them."""
    texts: dict[str, list[str]] = {}
    for pair in found:
        texts.setdefault(pair.source.partition(":")[0], []).append(pair.evidence)
    for pair in found:
        other = rng.choice(texts[pair.source.partition(":")[0]])
        if rng.random() < share and other != pair.evidence and pair.claim not in other:
            yield replace(pair, evidence=other, label="absent", source="elsewhere")


def among_others(found: Sequence[Pair], rng: random.Random, share: float = 0.5) -> Iterator[Pair]:
    """The pairs, of which a share has its evidence set among other sentences of the same fold, as a sentence
    stands in a passage."""
    texts: dict[str, list[str]] = {}
    for pair in found:
        texts.setdefault(pair.fold, []).append(pair.evidence)
    for pair in found:
        if rng.random() >= share:
            yield pair
            continue
        others = rng.sample(texts[pair.fold], min(4, len(texts[pair.fold])))
        others = others[: rng.randint(1, 4)]
        at = rng.randint(0, len(others))
        yield replace(pair, evidence=" ".join([*others[:at], pair.evidence, *others[at:]]))


def from_answers(found: Sequence[Example], rng: random.Random) -> Iterator[Pair]:
    """Questions with an answer as claims: supported with the answer that people gave, and not with other
    words of the passage that look like it, nor where the passage does not answer.

    Where the question asks for its subject, the claim is the statement that the answer makes of it.
    """
    for e in found:
        source = f"{e.group.split(':')[0].split('_')[0]} answers"
        golds = [text for _, text in e.answers]
        names = sorted({m.group() for m in _NAME_OR_NUMBER.finditer(e.context) if m.start()})
        names = [name for name in names if name not in e.question]
        if not golds:
            if names:
                yield Pair(stated(e.question, rng.choice(names)), e.context, "unsupported", source, e.fold)
            continue
        gold = rng.choice(golds)
        yield Pair(stated(e.question, gold), e.context, "supported", source, e.fold)
        low = [text.lower() for text in golds]
        others = [
            name
            for name in names
            if name[0].isdigit() == gold[0].isdigit()
            and not any(name.lower() in text or text in name.lower() for text in low)
        ]
        if others and (gold[0].isdigit() or gold[0].isupper()):
            yield Pair(stated(e.question, rng.choice(others)), e.context, "unsupported", source, e.fold)


def from_reader(found: Sequence[Example], reader: SpanReader, seed: int) -> Iterator[Pair]:
    """What the reader answers, as claims: supported where people gave those words, and not where they gave
    others, or where the question was changed so that its passage does not answer. Its mistakes are what the
    judge is for."""
    changed = with_negatives(found, seed=seed, near=0.0, cut=0.3, swapped=0.5, turned=0.6)
    for e in changed:
        source = "reader's answers"
        reading = reader.read(e.question, [e.context], spans=2)[0]
        golds = [squad_normalise(text) for _, text in e.answers]
        for span in reading.spans:
            words = e.context[span.start : span.end]
            said = squad_normalise(words)
            if said and said in golds:
                yield Pair(stated(e.question, words), e.context, "supported", source, e.fold)
            elif said and not any(said in gold or gold in said for gold in golds):
                yield Pair(stated(e.question, words), e.context, "unsupported", source, e.fold)


_NAME_OR_NUMBER = re.compile(r"\b(?:[A-Z][\w'’-]+(?:\s+(?:of\s+)?[A-Z][\w'’-]+)*|\d[\d,.]*\d|\d)\b")


def from_text(texts: Sequence[tuple[str, str]], rng: random.Random, each: int = 2) -> Iterator[Pair]:
    """Statements made by machine from the sentences of texts, of each `each` faithful ones and as many
    spoiled. Of those that are faithful some are laid beside the text without their sentence, where they are
    absent, and some are joined to one that is absent, which makes them partly supported.
    """
    for text, fold in texts:
        # A way that applies often is not to be learned more than one that applies seldom.
        made = list(statements(text, rng))
        rng.shuffle(made)
        seen: Counter[str] = Counter()
        order = {id(m): (seen.update([m[0]]), seen[m[0]], rng.random())[1:] for m in made}
        made.sort(key=lambda m: order[id(m)])
        counts = {True: 0, False: 0}
        for kind, faithful, statement, _, _ in made:
            if counts[faithful] == each:
                continue
            counts[faithful] += 1
            source = f"made: {kind}"
            said = _reworded(statement, text, rng)
            yield Pair(said, text, "supported" if faithful else "contradicted", source, fold)
        whole = [m for m in made if m[1]]
        if len(whole) < 2:
            continue
        (_, _, statement, start, end), other = (
            whole[0],
            next((m for m in whole[1:] if m[3] != whole[0][3]), None),
        )
        rest = f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()
        if len(rest.split()) < 15:
            continue
        yield Pair(statement, rest, "absent", "made: cut", fold)
        if other is not None:
            joined = _joined(other[2], statement, rng)
            yield Pair(joined, text, "supported", "made: both", fold)
            if other[4] <= start or end <= other[3]:
                yield Pair(joined, rest, "partial", "made: half", fold)


def _reworded(statement: str, text: str, rng: random.Random) -> str:
    """The statement, half the time changed further in ways that keep its meaning, so that what is spoiled is
    not told by all else being the same."""
    said = statement
    for _ in range(rng.choice((0, 0, 1, 2))):
        ways = list(FAITHFUL.values())
        rng.shuffle(ways)
        said = next((new for way in ways if (new := way(said, text, rng)) and new != said), said)
    return said


def _joined(one: str, other: str, rng: random.Random) -> str:
    """Two sentences as one."""
    if rng.random() < 0.5:
        one, other = other, one
    first = other.split(" ", 1)[0]
    if first.lower() in _SMALL:
        other = other[0].lower() + other[1:]
    return f"{one.rstrip(' .')}{rng.choice((', and ', ', while ', '; ', ', and '))}{other}"


_SMALL = frozenset(
    "the a an this that these those it he she they there in on at after before when while his her".split()
)


def narrowed(e: Example, rng: random.Random) -> Example:
    """The question with a window of its passage, one that holds an answer where the passage does."""
    for _ in range(8):
        part = window(e.context, rng)
        answers = tuple((at, text) for _, text in e.answers if (at := part.find(text)) >= 0)
        if answers or not e.answers:
            return replace(e, context=part, answers=answers)
    return e


def window(text: str, rng: random.Random) -> str:
    """A run of whole sentences of a text, of some 60 to 170 words."""
    if len(text.split()) <= 60:
        return text
    most = rng.randint(60, 170)
    spans = sentences(text)
    first = rng.randrange(len(spans))
    end = start = spans[first][0]
    for _, b in spans[first:]:
        if end > start and len(text[start:b].split()) > most:
            break
        end = b
    for a, _ in reversed(spans[:first]):
        if len(text[a:end].split()) > most:
            break
        start = a
    return text[start:end]
