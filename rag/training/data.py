"""What the reader is trained on: questions with a passage that answers them, and passages that do not.

    folder/*.json               SQuAD 1.1 or 2.0 format
    folder/timeqa_easy.jsonl.gz TimeQA: questions on long documents, in paragraphs

Everything is split by paragraph and article into `train`, `dev` and `test`, once and for all by a hash, so
that no paragraph of the dev or test part is ever trained on. Beside the questions people wrote, four kinds of
unanswerable ones are made, each from the training part alone: the same question to the passage nearest in
words that lacks the answer; to its own passage with the sentence that answers cut out; with a name, number or
date swapped for one that the passage does not hold; and turned to its contrary.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag.english.lexicon import BE, CONTRARIES, DO, HAVE, MODALS, alternation
from rag.english.matching import squad_normalise
from rag.english.normalise import content_stems
from rag.english.sentences import sentences
from rag.errors import SourceError

__all__ = ["Example", "examples", "fold_of", "read_squad", "with_negatives"]

# Titles of SQuAD's development articles (Rajpurkar et al., EMNLP 2016). Natural Questions is drawn from
# Wikipedia too: a paragraph of one of these would make the score on SQuAD too good.
_KEPT_OUT = frozenset(
    """1973 oil crisis|american broadcasting company|amazon rainforest|apollo program|black death|
    chloroplast|civil disobedience|computational complexity theory|construction|ctenophora|doctor who|
    economic inequality|european union law|force|french and indian war|fresno, california|genghis khan|
    geology|harvard university|huguenot|immune system|imperialism|intergovernmental panel on climate change|
    islamism|jacksonville, florida|kenya|martin luther|newcastle upon tyne|nikola tesla|normans|oxygen|
    packet switching|pharmacy|prime number|private school|rhine|scottish parliament|sky (united kingdom)|
    southern california|steam engine|super bowl 50|teacher|united methodist church|university of chicago|
    victoria (australia)|victoria and albert museum|warsaw|yuan dynasty""".replace("\n", "")
    .replace("    ", "")
    .split("|")
)
_GRAM = 12  # words in a row that make two paragraphs one
_TIES = 40  # nearest paragraphs looked at for one that lacks the answer
_COMMON = 400  # paragraphs; a word that more of them hold tells nothing
# What people change in a question so that its passage no longer answers it (the kinds are those of Rajpurkar
# et al., ACL 2018: a negation, a contrary, something that excludes what is said).
_TURNED = re.compile(rf"\b(?:{alternation(CONTRARIES)})\b")
_DENIABLE = (BE | HAVE | DO | MODALS) - set("am be been being having may might must ought shall".split())
_DENIED = re.compile(rf"\b(?:{alternation(_DENIABLE)})\b(?! not)")
_SWAPPED = re.compile(r"\b(?:[A-Z][\w'’-]+(?:\s+[A-Z][\w'’-]+)*|\d[\d,.]*\d|\d)\b")


@dataclass(frozen=True, slots=True)
class Example:
    """A question and a passage. `answers` are (start, text), any of which is right, with a start of −1 for
    words that are not the passage's own; none where the passage does not answer. `relevant`: it is about what
    is asked, whether or not it answers. `group` joins the examples of one question."""

    id: str
    question: str
    context: str
    answers: tuple[tuple[int, str], ...]
    relevant: bool
    group: str
    source: str
    fold: str


def fold_of(name: str) -> str:
    """`train` for 84 of a hundred names, `dev` and `test` for 8 each, by the first 32 bits of SHA-256.

    >>> fold_of("Geology") in {"train", "dev", "test"}
    True
    """
    place = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 100
    return "train" if place < 84 else "dev" if place < 92 else "test"


def read_squad(path: Path, *, by: str = "paragraph") -> list[Example]:
    """The questions of a file in SQuAD format, in order.

    `by`: whether a whole article (`article`) or each paragraph falls into one fold. Raises `SourceError` for
    another format.
    """
    try:
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        found: list[Example] = []
        for article in articles:
            title = str(article.get("title", ""))
            for paragraph in article["paragraphs"]:
                context = paragraph["context"]
                fold = fold_of(title if by == "article" else context)
                for qa in paragraph["qas"]:
                    impossible = bool(qa.get("is_impossible", False))
                    answers = () if impossible else _standing(context, qa["answers"])
                    found.append(
                        Example(
                            str(qa["id"]),
                            qa["question"],
                            context,
                            answers,
                            True,
                            f"{path.stem}:{qa['id']}",
                            title,
                            fold,
                        )
                    )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise SourceError(f"{path} is not a file in SQuAD format: {exc!r}") from exc
    return found


def _standing(context: str, answers: Iterable[dict]) -> tuple[tuple[int, str], ...]:
    """The answers with where they stand: there, or else at the first place in the passage, or at −1 where
    there is none.
    """
    found = ((int(a["answer_start"]), str(a["text"])) for a in answers if a["text"])
    return tuple(
        dict.fromkeys(
            (at if context.startswith(text, at) else context.find(text), text) for at, text in found
        )
    )


def examples(folder: Path, *, seed: int) -> list[Example]:
    """Every question of the folder that people wrote, with its fold; QAMR's single sentences are set among
    others.

    Raises `SourceError` when a file is missing.
    """
    rng = random.Random(seed)
    calibration = read_squad(folder / "squad2_unanswerable_calibration.json", by="article")
    shifts = [
        e
        for name, by in (("new_wiki", "article"), ("amazon_reviews", "paragraph"), ("reddit", "paragraph"))
        for e in read_squad(folder / f"squadshifts_{name}.json", by=by)
    ]
    taken = {gram for e in calibration for gram in _grams(e.context)}
    qed = [
        e
        for name in ("train", "dev")
        for e in read_squad(folder / f"qed_nq_{name}.json")
        if e.source.lower() not in _KEPT_OUT and not any(gram in taken for gram in _grams(e.context))
    ]
    qamr = [e for name in ("dev", "test") for e in read_squad(folder / f"qamr_{name}.json")]
    timeqa = list(_timeqa(folder / "timeqa_easy.jsonl.gz"))
    return [*calibration, *shifts, *qed, *_among_others(qamr, rng), *timeqa]


def _grams(text: str) -> Iterator[tuple[str, ...]]:
    words = squad_normalise(text).split()
    return (tuple(words[i : i + _GRAM]) for i in range(0, len(words) - _GRAM + 1))


def _among_others(singles: Sequence[Example], rng: random.Random) -> Iterator[Example]:
    """Each sentence with up to four others of its fold before and after it: a passage has more than one
    sentence.
    """
    contexts: dict[str, list[str]] = defaultdict(list)
    for e in singles:
        if not contexts[e.fold] or contexts[e.fold][-1] != e.context:
            contexts[e.fold].append(e.context)
    for e in singles:
        near = contexts[e.fold]
        others = [c for c in rng.sample(near, min(len(near), rng.randint(0, 4))) if c != e.context]
        cut = rng.randint(0, len(others))
        before = "".join(f"{c} " for c in others[:cut])
        after = "".join(f" {c}" for c in others[cut:])
        answers = tuple((at + len(before), text) for at, text in e.answers)
        yield replace(e, context=before + e.context + after, answers=answers)


def _timeqa(path: Path) -> Iterator[Example]:
    """TimeQA's paragraphs that hold the answer's words; of unanswerable questions the paragraph nearest in
    words.
    """
    try:
        lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
    except OSError as exc:
        raise SourceError(f"{path} cannot be read: {exc}") from exc
    for line in lines:
        record = json.loads(line)
        paragraphs = [p["text"].strip() for p in record["paragraphs"] if len(p["text"].split()) > 8]
        if not paragraphs:
            continue
        asked = set(content_stems(record["question"]))
        targets = [t for t in record["targets"] if t]
        holding = [p for p in paragraphs if any(t in p for t in targets)]
        best = max(holding or paragraphs, key=lambda p: (len(asked & set(content_stems(p))), -len(p)))
        answers = tuple((best.index(t), t) for t in targets if t in best)
        yield Example(
            record["idx"], record["question"], best, answers, bool(answers), f"timeqa:{record['idx']}",
            "timeqa", fold_of(record["idx"].split("#")[0]),
        )  # fmt: skip


class _Near:
    """The paragraphs nearest in words: the sum of idf over shared stems, divided by a paragraph's length as
    BM25 does.
    """

    def __init__(self, contexts: Sequence[str]) -> None:
        self.contexts = contexts
        self._normal = [f" {squad_normalise(c)} " for c in contexts]
        stems = [set(content_stems(c)) for c in contexts]
        holding: dict[str, list[int]] = defaultdict(list)
        for at, found in enumerate(stems):
            for stem in found:
                holding[stem].append(at)
        self._holding = {stem: found for stem, found in holding.items() if len(found) <= _COMMON}
        mean = sum(map(len, stems)) / max(1, len(stems))
        self._weight = [1 / (0.25 + 0.75 * len(found) / mean) for found in stems]

    def lacking(self, question: str, own: str, answers: Sequence[str], rng: random.Random) -> str | None:
        """A paragraph near the question, other than its own, that holds none of the answers."""
        score: Counter[int] = Counter()
        for stem in sorted(set(content_stems(question))):
            found = self._holding.get(stem, ())
            for at in found:
                score[at] += math.log(1 + len(self.contexts) / len(found)) * self._weight[at]  # type: ignore[assignment]
        barred = [f" {squad_normalise(a)} " for a in answers]
        near = sorted(score, key=lambda at: (-score[at], at))[:_TIES]
        good = [
            at for at in near if self.contexts[at] != own and not any(b in self._normal[at] for b in barred)
        ]
        return self.contexts[good[min(len(good) - 1, rng.choice((0, 0, 1, 2)))]] if good else None


def with_negatives(
    found: Sequence[Example], *, seed: int, near: float, cut: float, swapped: float, turned: float = 0.0
) -> list[Example]:
    """The examples, each followed by the unanswerable ones made from it, with these probabilities (0 to 1) of
    each kind.
    """
    rng = random.Random(seed)
    index = {
        fold: _Near(sorted({e.context for e in found if e.fold == fold}))
        for fold in sorted({e.fold for e in found})
    }
    things = [m.group() for e in found for m in _SWAPPED.finditer(e.question[1:])]
    out: list[Example] = []
    for e in found:
        out.append(e)
        golds = [text for _, text in e.answers]
        if rng.random() < near and (other := index[e.fold].lacking(e.question, e.context, golds, rng)):
            out.append(replace(e, id=f"{e.id}/near", context=other, answers=(), relevant=False))
        if not e.answers:
            continue
        if rng.random() < cut and (rest := _without(e.context, golds)):
            out.append(replace(e, id=f"{e.id}/cut", context=rest, answers=()))
        if rng.random() < swapped and (other := _swap(e.question, e.context, things, rng)):
            out.append(replace(e, id=f"{e.id}/swapped", question=other, answers=()))
        if turned and rng.random() < turned and (other := _turn(e, rng)):
            out.append(replace(e, id=f"{e.id}/turned", question=other, answers=()))
    return out


def _without(context: str, golds: Sequence[str]) -> str | None:
    """The passage less every sentence that holds an answer; `None` where little is left."""
    normal = [f" {squad_normalise(g)} " for g in golds]
    kept = [
        context[a:b]
        for a, b in sentences(context)
        if not any(n in f" {squad_normalise(context[a:b])} " for n in normal)
    ]
    rest = " ".join(kept)
    return rest if len(rest.split()) >= 20 else None


def _swap(question: str, context: str, things: Sequence[str], rng: random.Random) -> str | None:
    """The question with one of its names or numbers, which the passage holds, put in place of one that it
    does not hold.
    """
    here = [m for m in _SWAPPED.finditer(question) if m.start() and m.group() in context]
    if not here:
        return None
    chosen = rng.choice(here)
    kind = chosen.group()[0].isdigit()
    for _ in range(20):
        other = rng.choice(things)
        same_shape = other[0].isdigit() == kind and (not kind or len(other) == len(chosen.group()))
        if same_shape and other not in context and other not in question:
            return question[: chosen.start()] + other + question[chosen.end() :]
    return None


def _turn(e: Example, rng: random.Random) -> str | None:
    """The question with a word of it turned to its contrary, with a name of it changed for another of the
    passage that stands in no sentence with an answer, or denied; by chance among those that can be. A denial
    is taken a third as often as it could be, or every "not" would mean that there is no answer."""
    ways: list[str] = []
    if found := list(_TURNED.finditer(e.question)):
        m = rng.choice(found)
        ways.append(e.question[: m.start()] + rng.choice(CONTRARIES[m.group()]) + e.question[m.end() :])
    golds = [text for _, text in e.answers]
    if here := [m for m in _SWAPPED.finditer(e.question) if m.start() and m.group() in e.context]:
        m = rng.choice(here)
        number = m.group()[0].isdigit()
        holding = " ".join(
            e.context[a:b] for a, b in sentences(e.context) if any(g in e.context[a:b] for g in golds)
        )
        starts = {a for a, _ in sentences(e.context)}  # a capital there need not be a name's
        others = sorted(
            {
                o.group()
                for o in _SWAPPED.finditer(e.context)
                if o.group()[0].isdigit() == number and o.start() not in starts and o.group() not in holding
            }
            - {o.group() for o in _SWAPPED.finditer(e.question)}
        )
        if others:
            ways.append(e.question[: m.start()] + rng.choice(others) + e.question[m.end() :])
    if (verb := _DENIED.search(e.question)) and rng.random() < 1 / 3:
        ways.append(_denied(e.question, verb))
    return rng.choice(ways) if ways else None


def _denied(question: str, verb: re.Match[str]) -> str:
    """The question with its first verb denied.

    >>> _denied("Who did Ann see?", _DENIED.search("Who did Ann see?"))
    "Who didn't Ann see?"
    """
    short = {"can": "can't", "will": "won't"}.get(verb.group(), f"{verb.group()}n't")
    return question[: verb.start()] + short + question[verb.end() :]
