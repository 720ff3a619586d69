"""How well the check of a model's sentences tells a faithful one from a spoiled one, beside a plain overlap
of words.

    python -m eval.bench.checking --data FOLDER [--articles N] [--skip N] [--seed N] [--show]

FOLDER holds `articles.jsonl` or `articles.jsonl.gz` in the ingest format. From sentences of its articles
statements are made by machine, half of them faithful, half spoiled in one way; each is cited to the passage
its sentence stands in, among passages of the same article. A spoiled one is detected when it is withheld; a
faithful one that is withheld is a false alarm. The plain check releases what shares six in ten content words
with a sentence of the passage cited.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.metrics.interval import bootstrap
from ingest.split import passage_spans
from rag.answer.check import Checker
from rag.config import PassageSettings
from rag.english.lexicon import (
    BE,
    DIGIT_WORDS,
    DO,
    HAVE,
    HEDGING_VERBS,
    MODALS,
    MONTHS,
    NEGATIONS,
    TEENS,
    TELLING_VERBS,
    WEEKDAYS,
    alternation,
    past_forms,
)
from rag.english.normalise import content_stems
from rag.english.sentences import sentences
from rag.errors import ConfigError
from rag.store.label import label
from rag.types import Article, Claim, DraftSentence, Evidence, Headline, RetrievedPassage, Scores

__all__ = ["FAITHFUL", "SPOILED", "Statement", "overlapping", "statements"]

_KEEP = 8  # passages of evidence, as many as a question gets
_OVERLAP = 0.6
_DAYS = [day.capitalize() for day in WEEKDAYS]
_MONTHS = [month.capitalize() for month in MONTHS]
_NAME = re.compile(r"(?<=[a-z,] )(?:[A-Z][a-z]{2,}(?: [A-Z][a-z]+){0,2})\b")
_WORDS_OF = {word: str(value) for value, word in enumerate((*DIGIT_WORDS, *TEENS)) if 2 <= value <= 10}
_NUMBER = re.compile(rf"(?<![\w.,$])\d{{1,3}}(?:,\d{{3}})*(?![\w.,]*\d)|\b(?:{alternation(_WORDS_OF)})\b")
_SAID = re.compile(
    rf"\b([A-Z][a-z]+(?: [A-Z][a-z]+){{0,2}}) ({alternation(past_forms(TELLING_VERBS - HEDGING_VERBS))})\b"
)
_WHOLE = r"[A-Z][a-z]+(?: [A-Z][a-z]+){0,2}"  # a whole name: no capitalised word stands on either side
_ROLES = re.compile(
    rf"\b({_WHOLE}) ((?:has |had )?(?:[a-z]+ed|struck|hit|beat|won|led|sent)) ({_WHOLE})(?= [a-z]|[.,])"
)
_ATTACKED = re.compile(
    r"\b([A-Z][a-z]{2,}) ([a-z]{3,}ed) ([A-Z][a-z]{2,})(?= (?:on|in|at|last|with|for|over|during)\b|[.,])"
)
_NO_NAMES = frozenset([*_DAYS, *_MONTHS, *"The This That He She It They We You Who Another Both".split()])
_FINITE = alternation((BE | HAVE | DO | MODALS) - {"am", "be", "been", "being", "having", "ought"})
_IS = re.compile(rf"\b({_FINITE})\b(?! not\b|n[’']t)")
_NOT = re.compile(rf"\b({_FINITE}) not\b")
_DENYING = re.compile(rf"\b(?:{alternation(NEGATIONS)})\b|n[’']t\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence as a model might say it: of which kind, the passage it is cited to, and the others of the
    article.
    """

    kind: str
    text: str
    cited: int  # its rank in the evidence
    evidence: Evidence


_SAME_MEANING = (
    ("more than", "over"), ("about", "around"), ("began", "started"), ("because", "since"),
    ("also", "as well"),
    ("according to", "says"), ("however", "but"), ("approximately", "some"), ("killed", "dead"),
    ("people", "persons"),
    ("large", "big"), ("announced", "made known"),
)  # fmt: skip
Change = Callable[[str, Article, random.Random], str | None]


def _verbatim(sentence: str, _article: Article, _rng: random.Random) -> str | None:
    return sentence


def _shortened(sentence: str, _article: Article, _rng: random.Random) -> str | None:
    """The sentence without what follows its last clause border."""
    cut = max(sentence.rfind(mark) for mark in (", which ", ", who ", ", after ", ", while ", ", as "))
    return f"{sentence[:cut]}." if cut > 40 else None


def _in_figures(sentence: str, _article: Article, _rng: random.Random) -> str | None:
    """Small numbers in figures."""
    whole = rf"(?<![\w-])(?:{alternation(_WORDS_OF)})\b"  # and not the half of "forty-nine"
    changed = re.sub(whole, lambda m: _WORDS_OF[m.group()], sentence)
    return changed if changed != sentence else None


def _attributed_first(sentence: str, _article: Article, _rng: random.Random) -> str | None:
    """ "…, X said." told as "X said …"."""
    match = re.search(r"^(.{30,}), ([A-Z][\w ]+) (said|says)\.$", sentence)
    return f"{match[2]} {match[3]} {match[1][0].lower()}{match[1][1:]}." if match else None


def _passive(sentence: str, _article: Article, _rng: random.Random) -> str | None:
    """ "A attacked B" told as "B was attacked by A"."""
    match = _ATTACKED.search(sentence)
    if not match or match[3] in (*_DAYS, *_MONTHS) or re.search(r"[A-Z][\w.]* $", sentence[: match.start()]):
        return None
    return f"{sentence[: match.start()]}{match[3]} was {match[2]} by {match[1]}{sentence[match.end() :]}"


def _without_aside(sentence: str, _article: Article, _rng: random.Random) -> str | None:
    """The sentence without what stands between two commas."""
    match = re.search(r"(?<=[a-z]), (?:(?!and |or )[a-z][^,“”\"]{10,80}), (?=[a-z])", sentence)
    return sentence[: match.start()] + " " + sentence[match.end() :] if match else None


def _told_otherwise(sentence: str, _article: Article, _rng: random.Random) -> str | None:
    """Some frequent words in place of others that mean the same."""
    changed = sentence
    for old, new in _SAME_MEANING:
        changed = re.sub(rf"\b{old}\b", new, changed)
    return changed if changed != sentence else None


def _number(sentence: str, _article: Article, rng: random.Random) -> str | None:
    found = list(_NUMBER.finditer(sentence))
    if not found:
        return None
    match = rng.choice(found)
    old = match.group()
    if old in _WORDS_OF:
        new = rng.choice([w for w in _WORDS_OF if w != old])
    else:
        new = str(int(old.replace(",", "")) + rng.choice([1, 2, 3, 7, 10]))
    return sentence[: match.start()] + new + sentence[match.end() :]


def _name(sentence: str, article: Article, rng: random.Random) -> str | None:
    found = list(_NAME.finditer(sentence))
    others = sorted({m.group() for m in _NAME.finditer(article.text)} - {m.group() for m in found})
    others = [o for o in others if o.split()[0] not in (*_DAYS, *_MONTHS) and o not in sentence]
    found = [m for m in found if m.group().split()[0] not in (*_DAYS, *_MONTHS)]
    if not found or not others:
        return None
    match = rng.choice(found)
    return sentence[: match.start()] + rng.choice(others) + sentence[match.end() :]


def _date(sentence: str, _article: Article, rng: random.Random) -> str | None:
    for names in (_DAYS, _MONTHS):
        found = [
            m
            for m in re.finditer(r"\b(" + "|".join(names) + r")\b", sentence)
            if m.group() != "May" or m.start()
        ]
        if found:
            match = rng.choice(found)
            other = rng.choice([n for n in names if n != match.group()])
            return sentence[: match.start()] + other + sentence[match.end() :]
    return None


def _negation(sentence: str, _article: Article, rng: random.Random) -> str | None:
    """A denial taken out where there is one, put in where there is none."""
    if match := _NOT.search(sentence):
        return sentence[: match.start()] + match[1] + sentence[match.end() :]
    if _DENYING.search(sentence):
        return None
    found = list(_IS.finditer(sentence))
    if not found:
        return None
    match = rng.choice(found)
    return f"{sentence[: match.end()]} not{sentence[match.end() :]}"


def _role(sentence: str, _article: Article, _rng: random.Random) -> str | None:
    match = _ROLES.search(sentence)
    if not match or match[1] == match[3] or {*match[1].split(), *match[3].split()} & _NO_NAMES:
        return None
    if re.search(r"(?:[A-Z][\w.’'-]*|[a-z]\.) $", sentence[: match.start()]):
        return None
    return f"{sentence[: match.start()]}{match[3]} {match[2]} {match[1]}{sentence[match.end() :]}"


def _source(sentence: str, article: Article, rng: random.Random) -> str | None:
    """Another speaker of the article in place of the one who says it."""
    match = _SAID.search(sentence)
    others = sorted({m[1] for m in _SAID.finditer(article.text)} - {match[1]} if match else set())
    others = [o for o in others if o not in sentence and o not in {"He", "She", "They", "It"}]
    if not match or not others or match[1] in {"He", "She", "They", "It"}:
        return None
    return sentence[: match.start()] + rng.choice(others) + sentence[match.end(1) :]


FAITHFUL: dict[str, Change] = {
    "verbatim": _verbatim, "shortened": _shortened, "in figures": _in_figures,
    "speaker first": _attributed_first, "passive": _passive, "without an aside": _without_aside,
    "other words": _told_otherwise,
}  # fmt: skip
SPOILED: dict[str, Change] = {
    "number": _number, "name": _name, "date": _date, "negation": _negation, "role": _role, "source": _source,
}  # fmt: skip


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
        pool = [
            (source.rank, " ".join(source.passage.text[a:b].split()))
            for source in evidence
            for a, b in sentences(source.passage.text)
            if 60 <= b - a <= 320 and source.passage.text[b - 1] in '.”"'
        ]
        rng.shuffle(pool)
        for kind, change in (*FAITHFUL.items(), *SPOILED.items()):
            for rank, sentence in pool[:20] if wanted[kind] else ():
                text = change(sentence, article, rng)
                if text and (kind in FAITHFUL or text not in " ".join(article.text.split())):
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


def checked(statement: Statement) -> bool:
    """Whether ours releases it."""
    draft = DraftSentence(statement.text, (Claim(statement.cited),))
    return Checker(statement.evidence).check(draft) is not None


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


def _rate(withheld: Sequence[bool]) -> list[float] | None:
    """The share that is withheld, with its interval: value, low, high."""
    values = [float(w) for w in withheld]
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
    for group, kinds in (("falsely withheld", FAITHFUL), ("detected", SPOILED)):
        for kind in (*kinds, "all"):
            rows = [i for i, s in enumerate(made) if s.kind == kind or (kind == "all" and s.kind in kinds)]
            table[f"{group}: {kind}"] = {
                "statements": len(rows),
                "checked": _rate([not ours[i] for i in rows]),
                "overlap": _rate([not plain[i] for i in rows]),
            }
    print(
        json.dumps(
            {"statements": len(made), "milliseconds a sentence": round(milliseconds, 2), **table}, indent=2
        )
    )
    if args.show:
        for statement, released in zip(made, ours, strict=True):
            if released != (statement.kind in FAITHFUL):
                print(f"{statement.kind}: {statement.text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
