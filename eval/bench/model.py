"""What the configured language model says, what of it is shown, and whether it is right, beside the reader's
own answers.

    python -m eval.bench.model [--gold FILE …] [--data DIR --news N] [--limit N] [--replies OUT.jsonl]
                               [--json]
    python -m eval.bench.model --recorded FILE.jsonl [--prompt DESIGN] [--passages N] [--limit N]
                               [--part first|second] [--replies OUT.jsonl] [--json]

Each question is put twice to the same collection: to the model, and without it. The gold files are `seeds`,
`public` or files of your own; by default the first two. DIR and the questions of `--news` are those of
`eval.bench.news`: N of them, spread evenly. `--replies` keeps every reply as the model wrote it, with what
became of it, for a person to read.

With `--recorded` the model is asked recorded questions with their evidence, N of them, spread evenly, or the
first or second half of these; see `eval.bench.recorded`. `--prompt` and `--passages` stand for the settings
`model.prompt` and `model.passages`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from eval.bench import news, recorded
from eval.cases import gold_file
from eval.cases import load as read_cases
from eval.metrics.answers import fact_recall
from eval.metrics.citations import offsets_hold
from eval.run import collection_for
from rag import Answer, Assistant, Config, Support, open_assistant
from rag.config import PROMPTS, ModelSettings, default_home, load
from rag.errors import ClippingsError, ConfigError
from rag.models.encoder import SentenceEncoder
from rag.models.language import configured_model
from rag.models.local import context_window
from rag.models.reader import SpanReader
from rag.types import LanguageModel, Sentence, Turn

_ORDER = [str(support) for support in Support]  # from the strongest to the weakest

__all__ = ["Question", "Row", "Watched", "asked", "main", "table"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its gold answers: for each fact the wordings that count. Without facts it has to be
    declined."""

    id: str
    text: str
    facts: tuple[tuple[str, ...], ...]
    asked_on: date | None = None
    history: tuple[Turn, ...] = ()


@dataclass(slots=True)
class Watched:
    """A language model, with what it wrote for the last question and how long it took.

    `first` and `seconds` are from the call to the first piece and to the last; `pieces` is near to tokens.
    """

    model: LanguageModel
    reply: str = ""
    pieces: int = 0
    first: float | None = None
    seconds: float = 0.0
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.model.name

    def forget(self) -> None:
        self.reply, self.pieces, self.first, self.seconds = "", 0, None, 0.0

    def stream(self, messages: Sequence[Mapping[str, str]]) -> _Pieces:
        self.forget()
        return _Pieces(self, self.model.stream(messages))


class _Pieces:
    """The pieces of a reply, noted by who watches, with the numbers of tokens that they come with."""

    def __init__(self, watched: Watched, pieces: Iterator[str]) -> None:
        self._watched, self._pieces = watched, pieces
        self._left, self._began = iter(pieces), time.perf_counter()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        piece = next(self._left)
        watched = self._watched
        watched.seconds = time.perf_counter() - self._began
        watched.first = watched.seconds if watched.first is None else watched.first
        watched.pieces += 1
        watched.reply += piece
        return piece

    def close(self) -> None:
        if close := getattr(self._pieces, "close", None):
            close()

    @property
    def prompt_tokens(self) -> int | None:
        return getattr(self._pieces, "prompt_tokens", None)

    @property
    def reply_tokens(self) -> int | None:
        return getattr(self._pieces, "reply_tokens", None)


@dataclass(frozen=True, slots=True)
class Row:
    """What one question gave. `states` counts the shown sentences by the support of their citations.

    `right` is the share of gold facts that the answer states, `None` where it had to be declined.
    `exact` is the share of citations that stand in their article as quoted.
    """

    set: str
    who: str
    id: str
    question: str
    reply: str
    fell_back: bool
    declined: bool
    had_to_decline: bool
    right: float | None
    shown: tuple[tuple[str, str], ...]
    withheld: tuple[str, ...]
    exact: float | None
    first_sentence: float | None
    seconds: float
    tokens_a_second: float | None


def asked(
    name: str, questions: Iterable[Question], assistant: Assistant, model: Watched | None
) -> Iterator[Row]:
    """Put the questions to the model and to the reader alone; a row for each."""
    for question in questions:
        if model is not None:
            model.forget()
            yield _row(name, "model", question, assistant, model)
        yield _row(name, "reader", question, assistant, None)


def _row(name: str, who: str, question: Question, assistant: Assistant, model: Watched | None) -> Row:
    began, first, answer = time.perf_counter(), None, None
    for event in assistant.stream(
        question.text, question.history, asked_on=question.asked_on, use_model=model is not None
    ):
        if isinstance(event, Sentence) and first is None:
            first = time.perf_counter() - began
        if isinstance(event, Answer):
            answer = event
    assert answer is not None, "a stream ends with its answer"
    seconds = time.perf_counter() - began
    texts = {c.article.id: assistant.article(c.article.id).text for c in answer.citations}
    said = " ".join(sentence.text for sentence in answer.sentences)
    writing = model.seconds - (model.first or 0.0) if model else 0.0
    return Row(
        set=name,
        who=who,
        id=question.id,
        question=question.text,
        reply=model.reply if model else "",
        fell_back=model is not None and not answer.trace.answerer.startswith("generate"),
        declined=answer.abstained is not None,
        had_to_decline=not question.facts,
        right=fact_recall(said, question.facts) if question.facts else None,
        shown=tuple((_state(sentence), sentence.text) for sentence in answer.sentences),
        withheld=answer.withheld,
        exact=offsets_hold([(texts[c.article.id], c.start, c.end, c.quote) for c in answer.citations]),
        first_sentence=first,
        seconds=seconds,
        tokens_a_second=(model.pieces - 1) / writing if model and model.pieces > 1 and writing > 0 else None,
    )


def _state(sentence: Sentence) -> str:
    """The weakest support of a sentence's citations."""
    supports = [str(citation.support) for citation in sentence.citations]
    return max(supports, key=_ORDER.index) if supports else "uncited"


def table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """A row for each set and who answered. Shares are from 0 to 1, times are medians in seconds."""
    found = []
    for name, who in dict.fromkeys((row.set, row.who) for row in rows):
        those = [row for row in rows if (row.set, row.who) == (name, who)]
        shown = [state for row in those for state, _ in row.shown]
        rights = [row.right for row in those if row.right is not None]
        exact = [row.exact for row in those if row.exact is not None]
        must = [row.declined for row in those if row.had_to_decline]
        found.append(
            {
                "set": name,
                "who": who,
                "questions": len(those),
                "fell back": sum(row.fell_back for row in those),
                "abstained": sum(row.declined for row in those),
                "rightly abstained": f"{sum(must)}/{len(must)}",
                "facts right": _mean(rights),
                **{state: shown.count(state) for state in dict.fromkeys(_ORDER)},
                "withheld": sum(len(row.withheld) for row in those),
                "wrong citations": sum(value < 1 for value in exact),
                "first sentence s": _median(row.first_sentence for row in those),
                "whole s": _median(row.seconds for row in those),
                "tokens/s": _median(row.tokens_a_second for row in those),
            }
        )
    return found


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 3) if values else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(median(known), 2) if known else None


def _of_gold(gold: Path, limit: int | None) -> list[Question]:
    cases = read_cases(gold)
    return [
        Question(
            case.id,
            case.question,
            () if case.declined else tuple(tuple(fact.answers) for fact in case.facts),
            case.asked_on,
            tuple(case.history),
        )
        for case in _spread(cases, limit)
    ]


def _of_news(data: Path, number: int) -> list[Question]:
    read = [
        json.loads(line)
        for file in sorted(data.glob("questions_*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    if not read:
        raise ConfigError(f"there is no questions_*.jsonl in {data}")
    return [
        Question(q["id"], q["question"], (tuple(q["answers"]),), date.fromisoformat(q["date"]))
        for q in _spread(read, number)
    ]


def _spread(items: Sequence[Any], most: int | None) -> list[Any]:
    """So many of the items, at even distances.

    >>> _spread("abcdefgh", 4)
    ['a', 'c', 'e', 'g']
    """
    if most is None or most >= len(items):
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]


def _kept(rows: Iterator[Row], file: Path | None) -> Iterator[Row]:
    """The rows, each written to the file as it comes: a run that is stopped leaves what it has."""
    if file is None:
        yield from rows
        return
    with file.open("w", encoding="utf-8") as out:
        for row in rows:
            print(_line(row), file=out, flush=True)
            yield row


def _line(row: Row) -> str:
    return json.dumps(
        {
            name: getattr(row, name)
            for name in ("set", "who", "id", "question", "reply", "shown", "withheld", "right", "fell_back")
        },
        ensure_ascii=False,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m eval.bench.model", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--gold", action="append", metavar="FILE", help="seeds, public, or a file (repeatable)"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="articles and questions of eval.bench.news")
    parser.add_argument("--news", type=int, default=0, metavar="N", help="questions of DIR")
    parser.add_argument("--limit", type=int, metavar="N", help="questions of each gold file (default: all)")
    parser.add_argument("--replies", type=Path, metavar="OUT", help="write every reply to this .jsonl file")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.add_argument(
        "--recorded", type=Path, metavar="FILE", help="recorded questions with their evidence"
    )
    parser.add_argument("--prompt", choices=PROMPTS, help="with --recorded: the design of the prompt")
    parser.add_argument(
        "--passages", type=int, metavar="N", help="with --recorded: passages for each question"
    )
    parser.add_argument("--part", choices=("first", "second"), help="with --recorded: half of the questions")
    args = parser.parse_args(arguments)
    try:
        if args.recorded:
            return _recorded(args)
        rows = list(_kept(_rows(args), args.replies))
    except (ClippingsError, OSError) as exc:
        print(f"eval.bench.model: {exc}", file=sys.stderr)
        return 2
    found = table(rows)
    if args.json:
        print(json.dumps(found, indent=1))
        return 0
    for name in found[0]:
        print("  ".join([f"{name:>18}", *(f"{row[name]!s:>10}" for row in found)]))
    return 0


def _recorded(args: argparse.Namespace) -> int:
    """Ask recorded questions, and print what came of it."""
    settings, model = _configured()
    prompt = args.prompt or settings.prompt
    passages = settings.passages if args.passages is None else args.passages
    questions = _spread(recorded.read_questions(args.recorded), args.limit)
    half = len(questions) // 2
    questions = {"first": questions[:half], "second": questions[half:]}.get(args.part, questions)
    replies = []
    with args.replies.open("w", encoding="utf-8") if args.replies else nullcontext() as out:
        for number, question in enumerate(questions, 1):
            reply = recorded.replied(
                question,
                model,
                prompt,
                passages=passages,
                window=context_window(settings),
                max_tokens=settings.max_tokens,
            )
            replies.append(reply)
            if out:
                print(json.dumps(asdict(reply), ensure_ascii=False), file=out, flush=True)
            print(f"\r{number} of {len(questions)}   ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    found = {"prompt": prompt, "passages": passages, **recorded.measures(replies)}
    if args.json:
        print(json.dumps(found, indent=1))
        return 0
    for name, value in found.items():
        print(f"{name:>18}  {f'{value:.3f}' if isinstance(value, float) else value}")
    return 0


def _configured() -> tuple[ModelSettings, LanguageModel]:
    settings = load().model
    model = configured_model(settings)
    if model is None:
        raise ConfigError("no language model is configured. Try it with CLIPPINGS_MODEL_PROVIDER=local")
    return settings, model


def _rows(args: argparse.Namespace) -> Iterator[Row]:
    settings, configured = _configured()
    if args.news and not args.data:
        raise ConfigError("--news takes its questions from --data DIR. Name the folder")
    model, encoder, reader = Watched(configured), SentenceEncoder(Config().encoder), SpanReader()
    sets: list[tuple[str, list[Question], Config]] = []
    for named in args.gold or (() if args.news else ("seeds", "public")):
        gold = gold_file(None if named == "seeds" else Path(named))
        home = default_home().with_name("bench-model") / gold.stem
        sets.append((gold.stem, _of_gold(gold, args.limit), collection_for(gold, home)))
    if args.news:
        home = default_home().with_name("bench-model") / "news"
        sets.append(("news", _of_news(args.data, args.news), news.collection(args.data, home)))
    for name, questions, config in sets:
        with open_assistant(
            Config(home=config.home, passages=config.passages, model=settings),
            model=model,
            encoder=encoder,
            reader=reader,
        ) as assistant:
            for row in asked(name, questions, assistant, model):
                print(f"\r{name} {row.id} {row.who}   ", end="", file=sys.stderr, flush=True)
                yield row
    print(file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
