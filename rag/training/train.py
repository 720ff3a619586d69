"""Train the reader from the encoder's weights, so that anyone can make the same file again.

    python -m rag.training.train --data FOLDER --work FOLDER [--out FILE] [--seed N]

FOLDER is as `rag.training.data` reads it. Two cores take about an hour an epoch. A checkpoint is written
every few minutes to `--work`, and the same command goes on from it; the log there is one JSON object a line.

One pass reads a question with one passage. Four things come out: where an answer starts and ends, whether the
passage answers, and whether it is about what is asked. Spans are trained twice over: within one passage
against the first token, which stands for "no answer here" (Devlin et al., NAACL 2019), and across all
passages of one question at once, so that spans of different passages compare (Clark and Gardner, ACL 2018).
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from rag.models.encoder import bundled_folder, native_bf16
from rag.models.engine import arrays
from rag.models.reader import WEIGHTS
from rag.training.data import Example, examples, with_negatives
from rag.training.network import Network, save

__all__ = ["Settings", "batches", "main", "train"]

_QUESTION = 48  # tokens of it at most for the question
_ROUND = 16  # lengths are rounded up to this: every new shape costs memory that is not given back


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the weights depend on beside the data."""

    seed: int = 17
    # Tokens of question and passage together, epoch by epoch: short ones cost half. In each group of epochs
    # the rate of learning rises and falls once (Loshchilov and Hutter, ICLR 2017), from the mean of what the
    # groups before came to (Izmailov et al., UAI 2018), in which the last weighs as much as all before it.
    longest: tuple[tuple[int, ...], ...] = ((128, 224), (160, 224), (128, 224))
    rate: float = 1e-4
    again: float = 0.7  # the highest rate of a group of epochs, as a share of that of the group before
    warm: float = 0.06  # share of a group's steps
    decay: float = 0.01
    tokens: int = 4096  # in a step
    near: float = 0.3
    cut: float = 0.1
    swapped: float = 0.1
    turned: tuple[float, ...] = (
        0.0,
        0.0,
        0.2,
    )  # share of the questions turned to their contrary, group by group of epochs
    human: int = (
        2  # how often a question from the set with human-written unanswerable ones is seen in an epoch
    )
    singles: float = 0.25  # share of QAMR's questions
    across: float = 0.5  # weight of the loss across passages
    judged: float = 0.5  # weight of the two yes-or-no losses


@dataclass(slots=True)
class _Encoded:
    """An example as numbers: tokens, where the passage begins in them, and the answers' first and last
    tokens.
    """

    tokens: np.ndarray
    passage: int
    spans: tuple[tuple[int, int], ...]
    answered: bool
    relevant: bool
    group: str


def encoded(found: Sequence[Example], longest: int, rng: random.Random) -> list[_Encoded]:
    """The examples as tokens; a passage that is too long is cut to a window that holds an answer."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    questions = tokenizer.encode_batch([e.question for e in found], add_special_tokens=False)
    contexts = dict.fromkeys(e.context for e in found)
    read = dict(zip(contexts, tokenizer.encode_batch(list(contexts), add_special_tokens=False), strict=True))
    first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    out: list[_Encoded] = []
    for e, question in zip(found, questions, strict=True):
        context = read[e.context]
        asked = question.ids[:_QUESTION]
        room = longest - len(asked) - 3
        spans = [s for at, text in e.answers if at >= 0 and (s := _span(context, at, at + len(text)))]
        low = 0
        if len(context.ids) > room:
            if spans:
                start, end = rng.choice(spans)
                low = rng.randint(
                    max(0, min(end + 1 - room, start)), max(0, min(start, len(context.ids) - room))
                )
            else:
                low = rng.randint(0, len(context.ids) - room)
        shift = len(asked) + 2 - low
        inside = tuple((a + shift, b + shift) for a, b in spans if a >= low and b < low + room)
        if e.answers and not inside:
            continue  # an answer longer than the window, or in other words than the passage's
        ids = [first, *asked, last, *context.ids[low : low + room], last]
        out.append(
            _Encoded(np.array(ids, dtype=np.int32), len(asked) + 2, inside, bool(inside), e.relevant, e.group)
        )
    return out


def _span(context: Any, start: int, end: int) -> tuple[int, int] | None:
    """The first and last token of a stretch of characters."""
    first = last = None
    at = start
    while at < end and first is None:
        first = context.char_to_token(at)
        at += 1
    at = end - 1
    while at >= start and last is None:
        last = context.char_to_token(at)
        at -= 1
    return None if first is None or last is None else (first, last)


def batches(found: Sequence[_Encoded], tokens: int, rng: random.Random) -> list[list[_Encoded]]:
    """Groups whole, of like length together, as many to a batch as the tokens allow; in random order."""
    groups: dict[str, list[_Encoded]] = {}
    for e in found:
        groups.setdefault(e.group, []).append(e)
    order = sorted(groups.values(), key=lambda g: (max(len(e.tokens) for e in g) // _ROUND, rng.random()))
    out: list[list[_Encoded]] = []
    batch: list[_Encoded] = []
    for group in order:
        longest = max(len(e.tokens) for e in (*batch, *group))
        if batch and _rounded(longest) * (len(batch) + len(group)) > tokens:
            out.append(batch)
            batch = []
        batch = [*batch, *group]
    out.append(batch)
    rng.shuffle(out)
    return out


def _rounded(length: int) -> int:
    return -(-length // _ROUND) * _ROUND


def tensors(batch: Sequence[_Encoded]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The input_ids, token_type_ids (1 for the passage) and attention_mask of a batch, each of shape (texts,
    tokens)."""
    rows = arrays([(e.tokens.tolist(), e.passage) for e in batch], to=_ROUND)
    input_ids, token_type_ids, attention_mask = map(torch.from_numpy, rows)
    return input_ids, token_type_ids, attention_mask


def loss_of(
    spans: torch.Tensor,
    judged: torch.Tensor,
    token_type_ids: torch.Tensor,
    batch: Sequence[_Encoded],
    settings: Settings,
    rng: random.Random,
) -> torch.Tensor:
    """The loss of a batch: within each passage, across each question's passages, and the two judgements."""
    spans, judged = spans.float(), judged.float()
    allowed = token_type_ids.bool().clone()
    for row, e in enumerate(batch):
        allowed[row, len(e.tokens) - 1] = False  # the closing mark
    targets = [rng.choice(e.spans) if e.spans else (0, 0) for e in batch]
    with_null = allowed.clone()
    with_null[:, 0] = True
    total = torch.zeros(())
    groups: dict[str, list[int]] = {}
    for row, e in enumerate(batch):
        groups.setdefault(e.group, []).append(row)
    shared = [rows for rows in groups.values() if len(rows) > 1 and any(batch[r].answered for r in rows)]
    for side in (0, 1):
        logits = spans[..., side]
        wanted = torch.tensor([t[side] for t in targets])
        within = functional.cross_entropy(logits.masked_fill(~with_null, -1e4), wanted)
        total = total + within / 2
        if shared:
            closed = logits.masked_fill(~allowed, -1e4)
            sums = torch.logsumexp(closed, dim=1)
            losses = []
            for rows in shared:
                right = next(r for r in rows if batch[r].answered)
                losses.append(torch.logsumexp(sums[rows], dim=0) - closed[right, targets[right][side]])
            total = total + settings.across * torch.stack(losses).sum() / len(batch) / 2
    truth = torch.tensor([[float(e.answered), float(e.relevant)] for e in batch])
    return total + settings.judged * functional.binary_cross_entropy_with_logits(judged, truth)


def _epoch(found: Sequence[Example], settings: Settings, number: int) -> list[list[_Encoded]]:
    """The batches of one epoch; which negatives and windows it sees differs from the next."""
    rng = random.Random(f"{settings.seed}/{number}")
    chosen = [e for e in found if not e.group.startswith("qamr") or rng.random() < settings.singles]
    cycle = [at for at, group in enumerate(settings.longest) for _ in group][number]
    made = with_negatives(
        chosen, seed=settings.seed + number, near=settings.near, cut=settings.cut, swapped=settings.swapped,
        turned=settings.turned[cycle],
    )  # fmt: skip
    again = [
        replace(e, group=f"{e.group}#{copy}")
        for copy in range(1, settings.human)
        for e in made
        if e.group.startswith("squad2")
    ]
    longest = [tokens for group in settings.longest for tokens in group][number]
    return batches(encoded([*made, *again], longest, rng), settings.tokens, rng)


def rates(settings: Settings, steps: Sequence[int]) -> list[float]:
    """The rate of learning at each step, given how many steps each epoch has.

    >>> settings = Settings(longest=((64,), (64,)), turned=(0.0, 0.0), rate=1.0, again=0.5, warm=0.5)
    >>> rates(settings, [4, 4])
    [0.5, 1.0, 0.5, 0.0, 0.25, 0.5, 0.25, 0.0]
    """
    left = list(steps)
    out: list[float] = []
    for cycle, group in enumerate(settings.longest):
        total = sum(left.pop(0) for _ in group)
        warm = settings.warm * total
        falling = (min(1.0, at / warm, max(0.0, (total - at) / (total - warm))) for at in range(1, total + 1))
        out += [settings.rate * settings.again**cycle * factor for factor in falling]
    return out


def train(
    data: Path,
    work: Path,
    settings: Settings,
    *,
    every: float = 300.0,
    said: Callable[[dict[str, float]], None] = print,
) -> Network:
    """Train, or go on from the checkpoint in `work`, written `every` so many seconds; the mean of the
    networks at the ends of the groups of epochs, the later ones weighing more, ready to be saved."""
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    found = [e for e in examples(data, seed=settings.seed) if e.fold == "train"]
    model = Network()
    plain = [p for p in model.parameters() if p.requires_grad and p.ndim < 2]
    heavy = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    optimiser = torch.optim.AdamW(
        [{"params": heavy, "weight_decay": settings.decay}, {"params": plain, "weight_decay": 0.0}],
        lr=settings.rate,
        fused=True,
    )
    epochs = [_epoch(found, settings, number) for number in range(sum(map(len, settings.longest)))]
    steps = [batch for epoch in epochs for batch in epoch]
    planned = rates(settings, [len(epoch) for epoch in epochs])
    lengths = iter(epochs)
    ends = list(accumulate(sum(len(next(lengths)) for _ in group) for group in settings.longest))
    mean: dict[str, torch.Tensor] = {}  # of the weights at the ends so far
    saved = work / "checkpoint.pt"
    done = 0
    if saved.is_file():
        state = torch.load(saved, weights_only=True)
        if state["settings"] != asdict(settings):
            raise SystemExit(
                f"{saved} was made with other settings ({state['settings']}). Remove it, or name another "
                f"--work"
            )
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        done, mean = state["done"], state["mean"]
    model.train()
    log = (work / "log.jsonl").open("a", encoding="utf-8")
    began, read, running = time.time(), 0, 0.0
    kept = time.time()
    for number, batch in enumerate(steps[done:], done + 1):
        if number - 1 in ends:
            model.load_state_dict(mean)
            optimiser.state.clear()  # its moments are those of other weights
        for group in optimiser.param_groups:
            group["lr"] = planned[number - 1]
        input_ids, token_type_ids, attention_mask = tensors(batch)
        torch.manual_seed(settings.seed + number)  # a run that goes on drops out what an unbroken one would
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=native_bf16()):
            spans, judged = model(input_ids, token_type_ids, attention_mask)
        rng = random.Random(f"{settings.seed}/{number}")
        loss = loss_of(spans, judged, token_type_ids, batch, settings, rng)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if number in ends:
            mean = {
                name: (value + mean[name]) / 2 if mean else value.clone()
                for name, value in model.state_dict().items()
            }
        read += len(batch)
        running = loss.item() if not running else 0.98 * running + 0.02 * loss.item()
        if number % 10 == 0:
            row = {
                "step": number,
                "of": len(steps),
                "loss": round(running, 4),
                "texts/s": round(read / (time.time() - began), 1),
            }
            log.write(json.dumps(row) + "\n")
            log.flush()
            said(row)
        if time.time() - kept > every or number == len(steps):
            state = {
                "model": model.state_dict(),
                "optimiser": optimiser.state_dict(),
                "done": number,
                "mean": mean,
                "settings": asdict(settings),
            }
            torch.save(state, saved.with_suffix(".new"))
            saved.with_suffix(".new").replace(saved)
            kept = time.time()
    log.close()
    model.load_state_dict(mean)
    model.eval()
    return model


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(
        prog="python -m rag.training.train", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="where the checkpoint and the log lie")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="the weights; those shipped, by default")
    parser.add_argument("--seed", type=int, default=Settings().seed)
    options = parser.parse_args(arguments)
    save(train(options.data, options.work, Settings(seed=options.seed)), str(options.out))


if __name__ == "__main__":
    main()
