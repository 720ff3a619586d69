"""`clippings eval`: run the suite, or turn a question into a gold case."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile

from eval.cases import Case, Fact, Span, gold_file, load, save, writing
from eval.reading import RememberingReader
from eval.report import page, table
from eval.run import Report, collection_for, evaluate, write_report
from rag import Answer, Config, open_assistant
from rag.config import default_home
from rag.english.normalise import locate
from rag.errors import QuestionError

__all__ = ["add", "case_of", "gold_case", "keep_case", "run"]

VERDICTS = ("right", "wrong", "missing", "decline")
REPORTS = "evaluations"  # in the collection's folder


def run(gold: Path | None, home: Config | None, split: str, output: Path | None, *, as_json: bool) -> str:
    """Run the suite and keep its report; what to print.

    Without `gold` the questions about the demo articles are asked; without `home` the collection is the one
    that belongs to the gold file, kept beside the user's own. Without `output` the report goes into the
    collection's folder, so that nothing is ever written where Clippings is installed.
    """
    path = gold_file(gold)
    cases = load(path)
    if output is not None:
        _writable(output)
    config = home or collection_for(path, default_home().with_name(f"eval-{path.stem}"))
    with open_assistant(config, reader=RememberingReader()) as assistant:
        folder = output or config.home / REPORTS
        _writable(folder)
        report = evaluate(cases, assistant, gold=path.stem, split=split, progress=_said)
    kept = keep(report, folder)
    if as_json:
        return json.dumps(asdict(report), ensure_ascii=False, indent=2)
    return f"{table(report)}\n\nEvery case, with its evidence and what was wrong: {kept}"


def _writable(folder: Path) -> None:
    """Make a folder for reports, or raise `ConfigError`. A run takes minutes: better to know before it.

    A report holds words of the articles, so a new folder is its owner's only, as the collection is.
    """
    with writing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()


def keep(report: Report, folder: Path) -> Path:
    """Write a report's numbers (JSON, by revision) and its page (HTML); the page's path. Raises `ConfigError`
    where that cannot be done."""
    name = f"{report.gold}-{report.split}-{report.commit.rstrip('+')}"
    shown = folder / f"{name}.html"
    with writing(folder):
        write_report(report, folder / f"{name}.json")
        shown.write_text(page(report), encoding="utf-8")
    return shown


def _said(done: int, total: int) -> None:
    if done == total or done % 25 == 0:
        with suppress(OSError):  # a run goes on though nobody looks at its progress any more
            print(f"{done} of {total} questions", file=sys.stderr, flush=True)


def add(question: str, config: Config, gold: Path, verdict: str, quotes: list[str]) -> str:
    """Ask a question and keep it in a gold file with a verdict on its answer; what to print."""
    with open_assistant(config) as assistant:
        answer = assistant.ask(question)
        spans = tuple(_span(quote, answer) for quote in quotes)
    case = gold_case(answer, verdict, spans)
    save(gold, case)
    return f"{case.id} is in {gold} ({case.split})"


def gold_case(answer: Answer, verdict: str, spans: tuple[Span, ...] = ()) -> Case:
    """A gold case from an answer and a reader's verdict on it; see `case_of`."""
    cited = [
        [Span(c.article.id, c.start, c.end) for c in sentence.citations] for sentence in answer.sentences
    ]
    return case_of(answer.question, cited, verdict, spans)


def case_of(question: str, cited: Sequence[Sequence[Span]], verdict: str, spans: Sequence[Span] = ()) -> Case:
    """A gold case from a question, what each sentence of its answer cited, and a reader's verdict.

    `right`: the citations are the gold, one fact a sentence, or the question is to be declined as it was.
    `decline`: it should have been declined. `wrong`: the gold is `spans`, each alone in support of the one
    fact. `missing`: the citations are right, and `spans` support one fact more. Raises `QuestionError` for
    the last two without the words that would have been right.
    """
    facts: tuple[Fact, ...] = ()
    if verdict not in VERDICTS:
        raise QuestionError(
            f"a verdict is one of {', '.join(VERDICTS)}, not {verdict!r}. Give one before making a gold case"
        )
    if verdict in ("wrong", "missing") and not spans:
        raise QuestionError(
            "an answer that is not right needs the words that would have been: give them with --quote, or "
            "select them in the "
            "article"
        )
    if verdict in ("right", "missing"):
        facts = tuple(Fact((), tuple(places)) for places in cited)
    if verdict in ("wrong", "missing"):
        facts = (*facts, Fact((), tuple(spans)))
    name = hashlib.sha256(question.encode()).hexdigest()[:12]
    return Case(f"own-{name}", question, "own", facts, declined=not facts)


Places = Sequence[tuple[str, int, int]]  # an article's id, and where words of it begin and end


def keep_case(gold: Path, question: str, cited: Sequence[Places], verdict: str, words: Places) -> str:
    """Keep a question in a gold file, with a verdict on the answer it got; what to say about it. Raises as
    `case_of` and `save` do."""
    case = case_of(
        question, [[Span(*p) for p in places] for places in cited], verdict, [Span(*p) for p in words]
    )
    save(gold, case)
    return f"{case.id} is in the collection's {gold.name} ({case.split})"


def _span(quote: str, answer: Answer) -> Span:
    for source in answer.evidence:
        if found := locate(quote, source.passage.text):
            return Span(
                source.passage.article_id, source.passage.start + found[0], source.passage.start + found[1]
            )
    raise QuestionError(f"these words stand in none of the passages found for the question: {quote!r}")
