"""Train the judge: is a sentence supported by a text, partly, contradicted by it, or not there?

    python -m rag.training.judge --support FOLDER --data FOLDER --work FOLDER [--out FILE]

`--support` holds `claims.jsonl` and `pairs.jsonl`, one object a line with `source, claim, evidence` (a list
of texts) and `label`; `--data` is what the reader is trained on. A checkpoint is written every few minutes to
`--work`, and the same command goes on from it.

There are three steps, each of which begins with the weights of others. A *first* network begins as the
reader's, which has learned to lay a short text beside a long one, and learns from all kinds of pairs. Others
begin so too, and learn for a few minutes from people's claims alone: longer, and they know them by heart. The
*last* one begins between the first and the mean of those, and is taught by both (Hinton, Vinyals and Dean,
2015, arXiv 1503.02531): it has to say of claims in words of their own what they say together, and of
statements changed by machine what the first one says.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn import functional

from rag.models.encoder import bundled_folder, native_bf16
from rag.models.engine import arrays, read_weights
from rag.models.judge import WEIGHTS
from rag.models.reader import WEIGHTS as READER_WEIGHTS
from rag.models.reader import SpanReader
from rag.training.contrasts import read_families
from rag.training.data import examples, fold_of
from rag.training.network import Network, save
from rag.training.pairs import (
    LABELS,
    MEANS,
    OF_PEOPLE,
    Pair,
    among_others,
    elsewhere,
    from_answers,
    from_families,
    from_reader,
    from_text,
    narrowed,
    read_pairs,
    varied,
    window,
)

__all__ = ["FIRST", "LAST", "OF_PEOPLE_ALONE", "Settings", "Teachers", "main", "rates", "train"]

_T = TypeVar("_T")

_HEADS = 2
_ROUND = 16
_CLAIM = 72  # tokens of it at most for the claim


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
    # Share of the steps after which the weights are taken that are averaged with the last ones. With 1 they
    # are the last ones.
    halfway: float = 1.0


# The last weights of the first network know people's claims by heart, those halfway know less of the rest.
FIRST = Settings(halfway=0.46)
_ALONE = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
OF_PEOPLE_ALONE = (Settings(shares=_ALONE, epochs=2), Settings(seed=23, shares=_ALONE, epochs=3))
LAST = Settings(seed=41, rate=5e-5, shares=(1.0, 0.1, 0.1, 0.04, 0.01, 1.0), epochs=2)
# Share of the networks of people's claims in the weights that the last network begins with, in those of the
# teacher of its first head, and of that teacher beside the first network; and the share of the labels in what
# either head learns, beside the teachers.
_IN_START, _IN_TEACHER, _OF_TEACHER = 0.3, 0.5, 0.65
_OF_LABELS = (0.3, 0.5)


@dataclass(slots=True)
class _Encoded:
    tokens: list[int]
    evidence: int  # where it begins in the tokens
    means: tuple[int, ...]  # the outputs of either head that may be right; none of a head that is not asked
    own_words: bool  # whether the claim is in words of its own: what the first head is taught


def outputs(pair: Pair) -> tuple[int, ...]:
    """The outputs that may be right for a pair. The first head is not asked about statements that were
    changed by machine, and the second learns from people's claims only what is supported: that they are told
    in other words is no change."""
    meant = MEANS[pair.label]
    of_people = pair.source in OF_PEOPLE and pair.label != "supported"
    second = tuple(len(LABELS) + at for at in meant)
    return (() if _is_changed(pair) else meant) + (() if of_people else second)


def _is_changed(pair: Pair) -> bool:
    kind, _, way = pair.source.partition(": ")
    return kind == "made" and way not in ("cut", "both", "half")


def in_own_words(pair: Pair) -> bool:
    """Whether a claim was made neither by changing a sentence nor to differ from one by little."""
    kind = pair.source.partition(": ")[0]
    told = kind == "made" or kind in OF_PEOPLE or kind == "elsewhere" or kind.endswith("answers")
    return told and not _is_changed(pair)


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
        out.append(_Encoded(ids, len(said) + 2, outputs(p), in_own_words(p)))
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


def loss_of(
    judged: torch.Tensor, batch: Sequence[_Encoded], taught: torch.Tensor | None = None
) -> torch.Tensor:
    """Cross entropy of each head that is asked, where a label that may mean several outputs takes the sum of
    their probabilities. What is `taught`, probabilities of shape (texts, heads, labels), counts beside the
    labels, and alone where a head is not asked. The first head is taught of claims in words of their own.
    """
    logs = functional.log_softmax(judged.float().view(len(batch), _HEADS, len(LABELS)), dim=2)
    mask = torch.full((len(batch), _HEADS * len(LABELS)), -1e4)
    for row, e in enumerate(batch):
        mask[row, list(e.means)] = 0.0
    mask = mask.view_as(logs)
    asked = (mask == 0).any(dim=2)
    right = -torch.logsumexp(logs + mask, dim=2)
    if taught is None:
        return right[asked].mean()
    alike = -(taught * logs).sum(dim=2)
    share = torch.tensor(_OF_LABELS)
    both = torch.where(asked, share * right + (1 - share) * alike, alike)
    counts = torch.ones_like(asked)
    counts[:, 0] = torch.tensor([e.own_words for e in batch])
    return both[counts].mean()


@dataclass(frozen=True, slots=True)
class Teachers:
    """What two trained networks together think likely."""

    first: Network
    of_people: Network

    def probabilities(self, rows: Sequence[torch.Tensor]) -> torch.Tensor:
        """Of each label of either head, shape (texts, heads, labels)."""
        with torch.no_grad():
            ours, theirs = (
                torch.softmax(net(*rows)[1].float().view(len(rows[0]), _HEADS, len(LABELS)), dim=2)
                for net in (self.first, self.of_people)
            )
        ours[:, 0] += _OF_TEACHER * (theirs[:, 0] - ours[:, 0])
        return ours


def mean_of(networks: Sequence[Network], shares: Sequence[float]) -> Network:
    """A network of the mean of the weights of several, each with its share."""
    states = [network.state_dict() for network in networks]
    model = Network(spans=False, judgements=_HEADS * len(LABELS))
    model.load_state_dict(
        {
            name: sum(share * state[name] for share, state in zip(shares, states, strict=True))
            for name in states[0]
        }
    )
    model.eval()
    return model


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


def _drawn(found: Sequence[_T], share: float, rng: random.Random) -> list[_T]:
    """So many times all of them, and of the rest a random part."""
    whole = int(share)
    return [*found] * whole + rng.sample(found, int((share - whole) * len(found)))


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
    teachers: Teachers | None = None,
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
        read_rows = arrays([(e.tokens, e.evidence) for e in batch], to=_ROUND)
        rows = [torch.from_numpy(row) for row in read_rows]
        torch.manual_seed(settings.seed + number)  # a run that goes on drops out what an unbroken one would
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=native_bf16()):
            taught = None if teachers is None else teachers.probabilities(rows)
            _, judged = model(*rows)
        loss = loss_of(judged, batch, taught)
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
    options = parser.parse_args(arguments)

    def trained(step: str, settings: Settings, start: Network, teachers: Teachers | None = None) -> Network:
        torch.manual_seed(settings.seed)
        plan = planned(options.support, options.data, settings)
        return train(start, plan, settings, options.work / step, teachers=teachers)

    first = trained("first", FIRST, begun(READER_WEIGHTS))
    alone = [
        trained(f"people-{number}", settings, begun(READER_WEIGHTS))
        for number, settings in enumerate(OF_PEOPLE_ALONE, 1)
    ]
    of_people = mean_of(alone, [1 / len(alone)] * len(alone))
    start, teacher = (mean_of([first, of_people], [1 - share, share]) for share in (_IN_START, _IN_TEACHER))
    save(trained("last", LAST, start, Teachers(first, teacher)), str(options.out), eight_bits=True)


if __name__ == "__main__":
    main()
