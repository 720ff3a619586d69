"""Train the judge: is a sentence supported by a text, partly, contradicted by it, or not there?

    python -m rag.training.judge --support FOLDER --data FOLDER --work FOLDER [--out FILE] [--seed N]

`--support` holds `claims.jsonl` and `pairs.jsonl`, one object a line with `source, claim, evidence` (a list
of texts) and `label`; `--data` is what the reader is trained on. The network begins as the reader's, which
has learned to lay a short text beside a long one. A checkpoint is written every few minutes to `--work`, and
the same command goes on from it.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn import functional

from rag.english.matching import squad_normalise
from rag.english.normalise import content_stems
from rag.english.sentences import sentences
from rag.errors import SourceError
from rag.models.encoder import bundled_folder, native_bf16
from rag.models.engine import arrays, read_weights
from rag.models.judge import WEIGHTS
from rag.models.reader import WEIGHTS as READER_WEIGHTS
from rag.models.reader import SpanReader
from rag.question.parts import stated
from rag.training.contrasts import Family, read_families, told
from rag.training.data import Example, examples, fold_of, with_negatives
from rag.training.network import Network, save
from rag.training.statements import FAITHFUL
from rag.training.statements import made as statements

__all__ = ["LABELS", "Pair", "Settings", "main", "rates", "train", "window"]

_T = TypeVar("_T")

# What the network tells apart, in the order of its outputs, twice: what people say of claims in words of
# their own, and whether a statement that is near the text's words was changed in what it says.
LABELS = ("supported", "partly", "contradicted", "absent")
_HEADS = 2
# What a label of the data may mean. "Unsupported" says that it is not so or not there, and not which.
_MEANS = {
    "supported": (0,), "partial": (1,), "contradicted": (2,), "absent": (3,), "unsupported": (2, 3),
}  # fmt: skip
_ROUND = 16
_CLAIM = 72  # tokens of it at most for the claim
# Sources whose licences do not allow weights trained on them: they calibrate and measure only.
MEASURED_ONLY = frozenset({"lfqa", "qags-cnndm", "qags-xsum"})


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim and the text it is laid beside, with what is known of the two: a key of `_MEANS`."""

    claim: str
    evidence: str
    label: str
    source: str
    fold: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the weights depend on beside the data."""

    seed: int = 17
    longest: int = 240  # tokens of claim and evidence together
    rate: float = 1e-4
    warm: float = 0.06  # share of the steps
    decay: float = 0.01
    tokens: int = 4096  # in a step
    # In each epoch how often people's claims, short pairs, passages to make statements from, questions with
    # answers, questions that the reader answers, and families of contrasting sentences are drawn: less than 1
    # is a random part of them.
    shares: tuple[float, float, float, float, float, float] = (2.0, 0.3, 0.27, 0.1, 0.02, 2)
    epochs: int = 4
    # Share of the steps after which the weights are taken that are averaged with the last ones, which know
    # people's claims by heart.
    halfway: float = 0.46


def read_pairs(path: Path) -> Iterator[Pair]:
    """The claims of a file that may be trained on. Several texts of evidence become one, in order, and of one
    too long to be read what stands nearest to the claim is kept.

    Raises `SourceError` for another format.
    """
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            evidence = " ".join(row["evidence"])
            if row["source"] not in MEASURED_ONLY and row["label"] in _MEANS:
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


@dataclass(slots=True)
class _Encoded:
    tokens: list[int]
    evidence: int  # where it begins in the tokens
    means: tuple[int, ...]  # the outputs of either head that may be right; none of a head that is not asked


def outputs(pair: Pair) -> tuple[int, ...]:
    """The outputs that may be right for a pair. The first head is not asked about statements that were
    changed by machine, and the second learns from people's claims only what is supported: that they are told
    in other words is no change."""
    meant = _MEANS[pair.label]
    kind, _, way = pair.source.partition(": ")
    changed = kind == "made" and way not in ("cut", "both", "half")
    of_people = kind in _OF_PEOPLE and pair.label != "supported"
    second = tuple(len(LABELS) + at for at in meant)
    return (() if changed else meant) + (() if of_people else second)


_OF_PEOPLE = frozenset("cg2c wice wice-tokens begin-wow begin-cmu begin-tc".split())


def encoded(found: Sequence[Pair], longest: int) -> list[_Encoded]:
    """The pairs as tokens. Evidence that is too long is cut at its end."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    claims = tokenizer.encode_batch([p.claim for p in found], add_special_tokens=False)
    texts = dict.fromkeys(p.evidence for p in found)
    read = dict(zip(texts, tokenizer.encode_batch(list(texts), add_special_tokens=False), strict=True))
    first, last = (int(tokenizer.token_to_id(mark) or 0) for mark in ("[CLS]", "[SEP]"))
    out = []
    for p, claim in zip(found, claims, strict=True):
        said = claim.ids[:_CLAIM]
        room = longest - len(said) - 3
        ids = [first, *said, last, *read[p.evidence].ids[:room], last]
        out.append(_Encoded(ids, len(said) + 2, outputs(p)))
    return out


def batches(found: Sequence[_Encoded], tokens: int, rng: random.Random) -> list[list[_Encoded]]:
    """Pairs of like length together, as many to a batch as the tokens allow; in random order."""
    order = sorted(found, key=lambda e: (-(-len(e.tokens) // _ROUND), rng.random()))
    out: list[list[_Encoded]] = []
    batch: list[_Encoded] = []
    for e in order:
        if batch and -(-len(e.tokens) // _ROUND) * _ROUND * (len(batch) + 1) > tokens:
            out.append(batch)
            batch = []
        batch.append(e)
    out.append(batch)
    rng.shuffle(out)
    return out


def loss_of(judged: torch.Tensor, batch: Sequence[_Encoded]) -> torch.Tensor:
    """Cross entropy of each head that is asked, where a label that may mean several outputs takes the sum of
    their probabilities."""
    logs = functional.log_softmax(judged.float().view(len(batch), _HEADS, len(LABELS)), dim=2)
    mask = torch.full((len(batch), _HEADS * len(LABELS)), -1e4)
    for row, e in enumerate(batch):
        mask[row, list(e.means)] = 0.0
    mask = mask.view_as(logs)
    asked = (mask == 0).any(dim=2)
    return -torch.logsumexp(logs + mask, dim=2)[asked].mean()


def begun(start: Path | None) -> Network:
    """The network before training: the reader's layers, with a head that knows nothing; without `start` the
    encoder's."""
    model = Network(spans=False, judgements=_HEADS * len(LABELS))
    if start is not None:
        weights = {
            name: torch.from_numpy(value)
            for name, value in read_weights(start, None).items()
            if not name.startswith(("classifier.", "qa_outputs."))
        }
        model.load_state_dict(weights, strict=False)
    return model


def planned(
    support: Path, data: Path, settings: Settings, said: Callable[[str], None] = print
) -> list[list[list[_Encoded]]]:
    """The batches of each epoch. What is made by machine, and which pairs are drawn, differs between them."""
    people = [p for p in read_pairs(support / "claims.jsonl") if p.fold == "train"]
    short = [p for p in read_pairs(support / "pairs.jsonl") if p.fold == "train"]
    questions = [e for e in examples(data, seed=settings.seed) if e.fold == "train"]
    texts = sorted({e.context for e in questions if not e.group.startswith("qamr")})
    plan = []
    families = [family for family in read_families() if fold_of(family.texts[0]) == "train"]
    reader = SpanReader()
    of_people, of_short, of_text, of_answers, of_reader, tellings = settings.shares
    for epoch in range(settings.epochs):
        rng = random.Random(f"{settings.seed}/{epoch}")
        found = list(varied(_drawn(people, of_people, rng), rng))
        found += among_others(_drawn(short, of_short, rng), rng)
        windows = [(window(text, rng), "train") for text in _drawn(texts, of_text, rng)]
        found += from_text(windows, rng)
        found += from_answers([narrowed(e, rng) for e in _drawn(questions, of_answers, rng)], rng)
        asked = [narrowed(e, rng) for e in _drawn(questions, of_reader, rng)]
        found += from_reader(asked, reader, settings.seed + epoch)
        found += among_others(list(from_families(_drawn(families, tellings, rng), rng)), rng)
        found += list(elsewhere(found, rng))
        counts = Counter((p.source.split(":")[0], p.label) for p in found)
        said(
            json.dumps(
                {
                    "epoch": epoch,
                    "pairs": len(found),
                    **{" ".join(key): n for key, n in sorted(counts.items())},
                }
            )
        )
        plan.append(batches(encoded(found, settings.longest), settings.tokens, rng))
    return plan


def _drawn(found: Sequence[_T], share: float, rng: random.Random) -> list[_T]:
    """So many times all of them, and of the rest a random part."""
    whole = int(share)
    return [*found] * whole + rng.sample(found, int((share - whole) * len(found)))


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


def rates(settings: Settings, steps: int) -> list[float]:
    """The rate of learning at each step: it rises, and falls to nothing at the end.

    >>> rates(Settings(rate=1.0, warm=0.5), 4)
    [0.5, 1.0, 0.5, 0.0]
    """
    warm = settings.warm * steps
    return [settings.rate * min(1.0, at / warm, (steps - at) / (steps - warm)) for at in range(1, steps + 1)]


def train(
    model: Network,
    plan: Sequence[Sequence[list[_Encoded]]],
    settings: Settings,
    work: Path,
    *,
    every: float = 300.0,
    said: Callable[[dict[str, Any]], None] = print,
) -> Network:
    """Train, or go on from the checkpoint in `work`, written `every` so many seconds. The weights are the
    mean of those halfway and the last."""
    work.mkdir(parents=True, exist_ok=True)
    plain = [p for p in model.parameters() if p.requires_grad and p.ndim < 2]
    heavy = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    optimiser = torch.optim.AdamW(
        [{"params": heavy, "weight_decay": settings.decay}, {"params": plain, "weight_decay": 0.0}],
        lr=settings.rate,
        fused=True,
    )
    steps = [batch for epoch in plan for batch in epoch]
    planned_rates = rates(settings, len(steps))
    saved = work / "checkpoint.pt"
    done = 0
    halfway: dict[str, torch.Tensor] = {}
    if saved.is_file():
        state = torch.load(saved, weights_only=True)
        if state["settings"] != json.dumps(asdict(settings)):
            raise SystemExit(f"{saved} was made with other settings. Remove it, or name another --work")
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        done, halfway = state["done"], state["halfway"]
    model.train()
    began, kept, read, running = time.time(), time.time(), 0, 0.0
    for number, batch in enumerate(steps[done:], done + 1):
        for group in optimiser.param_groups:
            group["lr"] = planned_rates[number - 1]
        rows = arrays([(e.tokens, e.evidence) for e in batch], to=_ROUND)
        torch.manual_seed(settings.seed + number)  # a run that goes on drops out what an unbroken one would
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=native_bf16()):
            _, judged = model(*map(torch.from_numpy, rows))
        loss = loss_of(judged, batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if number == round(settings.halfway * len(steps)):
            halfway = {name: value.clone() for name, value in model.state_dict().items()}
        read += len(batch)
        running = loss.item() if not running else 0.98 * running + 0.02 * loss.item()
        if number % 10 == 0:
            pace = read / (time.time() - began)
            said({"step": number, "of": len(steps), "loss": round(running, 4), "texts/s": round(pace, 1)})
        if time.time() - kept > every or number == len(steps):
            state = {
                "model": model.state_dict(),
                "optimiser": optimiser.state_dict(),
                "done": number,
                "halfway": halfway,
                "settings": json.dumps(asdict(settings)),
            }
            torch.save(state, saved.with_suffix(".new"))
            saved.with_suffix(".new").replace(saved)
            kept = time.time()
    if halfway:
        last = model.state_dict()
        model.load_state_dict({name: (halfway[name] + last[name]) / 2 for name in last})
    model.eval()
    return model


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(
        prog="python -m rag.training.judge", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--support", type=Path, required=True, help="the folder of claims.jsonl and pairs.jsonl"
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of the reader's training data")
    parser.add_argument("--work", type=Path, required=True, help="where the checkpoint lies")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="the weights; those shipped, by default")
    parser.add_argument("--seed", type=int, default=Settings().seed)
    options = parser.parse_args(arguments)
    settings = Settings(seed=options.seed)
    torch.manual_seed(settings.seed)
    plan = planned(options.support, options.data, settings)
    model = train(begun(READER_WEIGHTS), plan, settings, options.work)
    save(model, str(options.out), eight_bits=True)


if __name__ == "__main__":
    main()
