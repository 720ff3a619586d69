"""The commands: each one calls `Services` and prints the result.

Nothing heavy is imported here, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from rag.config import Config, load
from rag.errors import ClippingsError
from rag.surfaces.arguments import Command, build_parser, check_not_empty
from rag.surfaces.process import BROKEN_PIPE, UNWRITTEN, UnwrittenError, print_error, print_line, status_of
from rag.surfaces.services import BackupSummary, OnProgress, ServeOptions, Services, SyncProgress
from rag.system.terminal import json_safe, one_line, terminal_safe

if TYPE_CHECKING:
    from rag.types import Article, Headline

__all__ = ["parser", "run"]

_USAGE_ERRORS = ("ConfigError", "QuestionError")  # their exit status is 2


def run(arguments: Sequence[str], services: Services) -> int:
    """Run one command; the exit status, as docs/reference.md lists them."""
    if broken := next((a for a in arguments if not _is_text(a)), None):
        print_error(
            f"clippings: the argument {broken!r} is not UTF-8 text. Type it again, or rename the file it "
            "names"
        )
        return 2
    options = parser().parse_args(arguments)
    try:
        check_not_empty(options)
        config = load(home=options.home)
        status: int = options.command(options, config, services)
        return status
    except ClippingsError as exc:
        print_error(f"clippings: {exc}")
        if isinstance(exc, UnwrittenError):
            return UNWRITTEN
        return 2 if type(exc).__name__ in _USAGE_ERRORS else 1
    except KeyboardInterrupt as exc:
        if sys.stderr.isatty():
            print_error("")  # the terminal shows ^C, and the cursor stays behind it
        print_error("clippings: stopped. Finished work is kept; run the same command to continue")
        return status_of(exc)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        return BROKEN_PIPE


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    return build_parser(_COMMANDS)


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:  # Python keeps bytes that are not UTF-8 as surrogates
        return False
    return True


def _serve(options: argparse.Namespace, config: Config, services: Services) -> int:
    services.serve(
        config,
        ServeOptions(
            host=options.host,
            port=options.port,
            host_names=tuple(options.host_name),
            proxies=tuple(options.proxy),
            origins=tuple(options.origin),
            root_path=options.root_path or "",
            auth_file=Path(options.auth_file) if options.auth_file else None,
            read_only=options.read_only,
            admins=tuple(options.admin),
        ),
    )
    return 0


def _ask(options: argparse.Namespace, config: Config, services: Services) -> int:
    from rag.surfaces.render import answer_json, answer_text
    from rag.surfaces.waiting import WaitingLine
    from rag.types import Filters, Sentence, Step

    try:
        filters = Filters(options.after, options.before, tuple(options.source))
    except ValueError as exc:
        print_error(f"clippings: {exc}")
        return 2
    question = " ".join(options.question)
    with (
        services.preload(config, question, must_exist=options.home is not None) as engines,
        services.open(_collection(options, config, services), engines) as assistant,
        WaitingLine(cast(TextIO, _TolerantStream(sys.stderr))) as waiting,
    ):
        for event in assistant.stream(
            question, filters=filters, asked_on=options.asked_on, use_model=not options.no_model
        ):
            if isinstance(event, Step):
                waiting.step(event.detail)
            elif isinstance(event, Sentence):
                waiting.sentence(event.marked())
            else:
                answer = event
    print_line(
        json_safe(answer_json(answer))
        if options.json
        else answer_text(answer, width=_width(), asked=question)
    )
    return 0


def _sync(options: argparse.Namespace, config: Config, services: Services) -> int:
    from rag.surfaces.render import report_text

    if not options.places and not options.rebuild:
        print_error("clippings: name the files, folders or web addresses to add")
        return 2
    columns = dict(options.column)
    if options.dry_run:
        plan = services.preview(options.places, config, prune=options.prune, columns=columns)
        print_line(report_text(plan, planned=True))
        return 1 if plan.failed else 0
    with _progress(sys.stderr) as progress:
        report = services.sync(
            options.places,
            config,
            prune=options.prune,
            rebuild=options.rebuild,
            columns=columns,
            progress=progress,
        )
    print_line(report_text(report))
    return 1 if report.failed else 0


def _articles(options: argparse.Namespace, config: Config, services: Services) -> int:
    import json

    from rag.surfaces.render import listing_text

    with services.open(_collection(options, config, services)) as assistant:
        listings = assistant.collection.articles()
    if options.json:
        rows = [
            {
                "id": item.headline.id,
                "title": item.headline.title,
                "label": item.headline.label,
                "source": item.headline.source,
                "published": item.headline.published.isoformat() if item.headline.published else None,
                "url": item.headline.url,
                "author": item.headline.author,
                "language": item.headline.language,
                "group": item.headline.group,
                "also": item.headline.also,
                "words": item.words,
                "passages": item.passages,
                "added": item.added.isoformat(),
            }
            for item in listings
        ]
        print_line(json_safe(json.dumps(rows, ensure_ascii=False, indent=2)))
        return 0
    cells = [
        (
            item.headline.id,
            item.headline.published.isoformat() if item.headline.published else "unknown",
            _sources(item.headline),
            str(item.words),
            str(item.passages),
            item.headline.label[:60],
        )
        for item in listings
    ]
    columns = ("ID", "PUBLISHED", "SOURCE", "WORDS", "PASSAGES", "TITLE")
    print_line(terminal_safe(listing_text(cells, columns)))
    return 0


def _sources(headline: Headline) -> str:
    """The source of an article and of its near-copies."""
    return ", ".join((headline.source or "", *headline.also)) if headline.also else headline.source or ""


def _show(options: argparse.Namespace, config: Config, services: Services) -> int:
    with services.open(_collection(options, config, services)) as assistant:
        article = assistant.article(options.id)
        headline = assistant.collection.headline(options.id)
        versions = assistant.collection.versions(options.id)
        if options.version and not article.version.startswith(options.version):
            wanted = next((version for version, _ in versions if version.startswith(options.version)), "")
            earlier = assistant.collection.earlier(options.id, wanted)
            if earlier is None:
                print_error(
                    f"clippings: {options.id} has no version {options.version}. `clippings show "
                    f"{options.id}` lists its versions"
                )
                return 1
            article = earlier
    lines = _fact_lines(article)
    lines += [f"also in: {', '.join(headline.also)}"] if headline.also else []
    lines += [f"earlier version: {version[:16]}, until {until:%Y-%m-%d %H:%M}" for version, until in versions]
    head = "\n".join(one_line(line) for line in lines)
    print_line(terminal_safe(f"{head}\n\n{article.text}"))
    return 0


def _fact_lines(article: Article) -> list[str]:
    """An article's facts, each with where it was read."""
    facts = {
        "id": article.id,
        "title": article.title,
        "source": article.source,
        "author": article.author,
        "published": article.published.isoformat() if article.published else "unknown",
        "language": article.language,
        "url": article.url,
    }
    read_from = dict(article.provenance)
    return [
        f"{name}: {value}" + (f" ({read_from[name]})" if name in read_from else "")
        for name, value in facts.items()
        if value
    ]


def _backup(options: argparse.Namespace, config: Config, services: Services) -> int:
    summary = services.backup(
        Path(options.file), config, vectors=not options.without_vectors, conversations=options.conversations
    )
    size = f"{summary.bytes / 1e6:,.1f} MB"
    print_line(
        one_line(
            f"backed up {summary.articles} articles and {summary.passages} passages{_other_counts(summary)} "
            f"to {summary.file} ({size})"
        )
    )
    _print_notes(summary)
    return 0


def _restore(options: argparse.Namespace, config: Config, services: Services) -> int:
    with _progress(sys.stderr) as progress:
        summary = services.restore(Path(options.file), config, progress=progress)
    print_line(
        one_line(
            f"restored {summary.articles} articles and {summary.passages} passages{_other_counts(summary)} "
            f"to {config.home}"
        )
    )
    _print_notes(summary)
    return 0


def _other_counts(summary: BackupSummary) -> str:
    """What else a backup holds, if anything."""
    counts = {
        "earlier versions": summary.earlier,
        "corrections": summary.corrections,
        "verdicts": summary.verdicts,
        "gold cases": summary.cases,
        "vectors": summary.vectors,
    }
    parts = [f"{number:,} {name if number != 1 else name[:-1]}" for name, number in counts.items() if number]
    return f" (with {', '.join(parts)})" if parts else ""


def _print_notes(summary: BackupSummary) -> None:
    for note in summary.notes:
        print_line(one_line(f"  {note[0].upper()}{note[1:]}."))


def _remove(options: argparse.Namespace, config: Config, services: Services) -> int:
    services.remove(options.ids, config)
    print_line(f"{len(set(options.ids))} removed")
    return 0


def _edit(options: argparse.Namespace, config: Config, services: Services) -> int:
    given = {"title": options.title, "source": options.source, "published": options.published}
    facts = {name: value for name, value in given.items() if value is not None}
    if not facts and not options.undo:
        print_error("clippings: give a correction: --title, --source or --published; or --undo")
        return 2
    article = services.edit(options.id, facts, config, undo=options.undo)
    when = article.published.isoformat() if article.published else "date unknown"
    print_line(
        one_line(f"{article.id}: {article.title or 'no title'}, {article.source or 'source unknown'}, {when}")
    )
    return 0


def _eval(options: argparse.Namespace, config: Config, services: Services) -> int:
    gold = Path(options.gold) if options.gold else None
    if options.add is not None:
        if gold is None:
            print_error("clippings: --add needs a gold file of your own. Name it with --gold FILE")
            return 2
        print_line(
            one_line(
                services.add_gold(
                    options.add, _collection(options, config, services), gold, options.verdict, options.quote
                )
            )
        )
        return 0
    home = config if options.home is not None else None
    output = Path(options.output) if options.output else None
    report = services.evaluate(gold, home, options.split, output, as_json=options.json)
    print_line(json_safe(report) if options.json else terminal_safe(report))
    return 0


def _mcp(options: argparse.Namespace, config: Config, services: Services) -> int:
    services.serve_tools(config, must_exist=options.home is not None)
    return 0


def _model(_options: argparse.Namespace, _config: Config, services: Services) -> int:
    print_error("Fetching about 93 MB, unless it is here already …")
    print_line(one_line(services.fetch_model()))
    return 0


def _doctor(options: argparse.Namespace, config: Config, services: Services) -> int:
    all_well = True
    for check in services.checks(config, deep=options.deep):
        all_well = all_well and check.well
        print_line(one_line(f"{'ok   ' if check.well else 'FAULT'}  {check.name}: {check.detail}"))
    return 0 if all_well else 1


def _collection(options: argparse.Namespace, config: Config, services: Services) -> Config:
    """The collection to read. A home that was named must exist; otherwise the demo articles stand in for
    it."""
    if options.home is not None:
        return config
    chosen = services.config_or_demo(config)
    if chosen != config:
        print_error(
            "(You have no collection yet, so these are the demo articles. Add your own: clippings sync "
            "FOLDER)"
        )
    return chosen


def _width() -> int:
    return max(40, min(shutil.get_terminal_size((88, 24)).columns, 100))


class _TolerantStream:
    """A stream whose reader may go away: a sync continues although nobody reads its progress."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


@contextmanager
def _progress(stream: TextIO) -> Iterator[OnProgress]:
    """A progress bar on a terminal, and a line for each batch elsewhere."""
    started = time.monotonic()
    stream = cast(TextIO, _TolerantStream(stream))
    if not stream.isatty():
        from rag.surfaces.render import progress_text

        yield lambda step: print(progress_text(step, time.monotonic() - started), file=stream, flush=True)
        return
    from tqdm import tqdm

    with tqdm(unit=" articles", file=stream, dynamic_ncols=True, leave=False) as bar:

        def update(step: SyncProgress) -> None:
            bar.total = step.total
            bar.update(step.done - bar.n)
            rate = step.passages / max(time.monotonic() - started, 1e-3)
            bar.set_postfix_str(f"{step.passages} passages, {rate:.0f}/s")

        yield update


_COMMANDS: dict[str, Command] = {
    "serve": _serve,
    "ask": _ask,
    "sync": _sync,
    "articles": _articles,
    "show": _show,
    "remove": _remove,
    "edit": _edit,
    "eval": _eval,
    "backup": _backup,
    "restore": _restore,
    "mcp": _mcp,
    "model": _model,
    "doctor": _doctor,
}
