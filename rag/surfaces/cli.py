"""The command line: reads arguments, calls what `app.py` hands it, prints what comes back.

Nothing heavy is imported here, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from rag.config import Config, load
from rag.errors import ClippingsError, ConfigError
from rag.surfaces import people
from rag.surfaces.process import BROKEN_PIPE, UNWRITTEN, UnwrittenError, say, status_of, tell
from rag.system.terminal import json_safe, one_line, terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from rag.assistant import Assistant

__all__ = ["Services", "run"]


@dataclass(frozen=True, slots=True)
class Services:
    """What the commands call. `warm` refuses a question that cannot be asked, and a home without a collection
    where it is the one that was named; then it loads what `open` takes, beside what goes on in its block."""

    open: Callable[..., Assistant]
    warm: Callable[..., AbstractContextManager[dict[str, Any]]]
    or_demo: Callable[[Config], Config]
    sync: Callable[..., Any]
    preview: Callable[..., Any]
    remove: Callable[..., None]
    edit: Callable[..., Any]
    examine: Callable[..., Iterable[Any]]
    serve: Callable[..., None]
    evaluate: Callable[..., str]
    add_gold: Callable[..., str]
    backup: Callable[..., Any]
    restore: Callable[..., Any]
    tools: Callable[..., None]


def run(arguments: Sequence[str], services: Services) -> int:
    """Run one command; the exit status, as docs/reference.md lists them."""
    if broken := next((a for a in arguments if not _is_text(a)), None):
        tell(
            f"clippings: the argument {broken!r} is not UTF-8 text. Type it again, or rename the file that "
            f"it names"
        )
        return 2
    options = _parser().parse_args(arguments)
    try:
        _named(options)
        config = load(home=options.home)
        status: int = options.command(options, config, services)
        return status
    except ClippingsError as exc:
        tell(f"clippings: {exc}")
        return UNWRITTEN if isinstance(exc, UnwrittenError) else 2 if type(exc).__name__ in _MISTAKES else 1
    except KeyboardInterrupt as exc:
        if sys.stderr.isatty():
            tell("")  # a terminal shows ^C, and stays behind it
        tell("clippings: stopped. What was finished is kept; run the same command to go on")
        return status_of(exc)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        return BROKEN_PIPE


_MISTAKES = ("ConfigError", "QuestionError")
# Arguments that name something: empty, they would mean the current folder, or nothing.
_NAMES = {
    "home": "--home", "places": "a place", "file": "the file", "gold": "--gold", "out": "--out", "auth_file": "--auth-file",
    "id": "the id", "ids": "an id", "version": "--version", "host": "--host",
}  # fmt: skip


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:  # Python keeps bytes that are not UTF-8 as surrogates
        return False
    return True


def _named(options: argparse.Namespace) -> None:
    """Raise `ConfigError` for an argument that names a thing and is empty."""
    for name, called in _NAMES.items():
        stated = getattr(options, name, None)
        for value in stated if isinstance(stated, list) else [stated]:
            if isinstance(value, str) and not value.strip():
                raise ConfigError(
                    f"{called} is empty. Write out what is meant; the current folder is a single dot"
                )


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(terminal_safe(message), file)  # it repeats the arguments


def _parser() -> _Parser:
    parser = _Parser(
        prog="clippings",
        description="Ask a collection of articles; every sentence of the answer shows the exact words it rests on.",
        epilog="Settings come from clippings.toml and from variables named CLIPPINGS_…; see docs/reference.md.",
    )
    common = _Parser(add_help=False)
    common.add_argument("--home", metavar="DIR", help="the folder of the collection")
    parser.set_defaults(
        command=_serve,
        home=None,
        host="127.0.0.1",
        port=7860,
        auth_file=None,
        read_only=False,
        root_path=None,
        host_name=[],
        proxy=[],
        origin=[],
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, run: Callable[..., int], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, parents=[common], help=help, description=help[0].upper() + help[1:] + "."
        )
        sub.set_defaults(command=run)
        return sub

    serve = command("serve", _serve, "open the chat page (the default)")
    serve.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: this machine only)"
    )
    serve.add_argument("--port", type=_port, default=7860, help="the port to listen on (default: 7860)")
    serve.add_argument(
        "--host-name", action="append", default=[], metavar="NAME",
        help="a name that people reach the page by, such as news.example.org; may be repeated",
    )  # fmt: skip
    serve.add_argument(
        "--proxy", action="append", default=[], metavar="ADDRESS",
        help="a proxy, or a network of them, whose X-Forwarded headers are believed; may be repeated",
    )  # fmt: skip
    serve.add_argument(
        "--origin", action="append", default=[], metavar="SITE",
        help="another web site whose scripts may ask, with a token, such as https://desk.example.org; may be repeated",
    )  # fmt: skip
    serve.add_argument(
        "--auth-file", metavar="FILE", help="who may ask: accounts made by `clippings account add`"
    )
    serve.add_argument(
        "--read-only", action="store_true", help="articles can be neither added nor removed on the page"
    )
    serve.add_argument(
        "--root-path",
        type=_root_path,
        metavar="PATH",
        help="where a proxy before the page has put it, such as /clippings",
    )
    ask = command("ask", _ask, "answer one question")
    ask.add_argument("question", nargs="+", help="in quotation marks, or as plain words")
    ask.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    ask.add_argument(
        "--after", type=_day, metavar="DATE", help="only articles published on this day or later (YYYY-MM-DD)"
    )
    ask.add_argument(
        "--before", type=_day, metavar="DATE", help="only articles published on this day or earlier"
    )
    ask.add_argument(
        "--source", action="append", default=[], metavar="NAME", help="only this source; may be repeated"
    )
    ask.add_argument("--asked-on", type=_day, metavar="DATE", help="the day that “this week” is counted from")
    ask.add_argument(
        "--no-model",
        action="store_true",
        help="the articles answer by themselves, whatever model is configured",
    )
    sync = command("sync", _sync, "take articles in from files, folders, archives, web pages and feeds")
    sync.add_argument(
        "places", nargs="*", metavar="PLACE", help="files, folders, or addresses that begin with http"
    )
    sync.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    sync.add_argument("--prune", action="store_true", help="remove articles that are gone from these places")
    sync.add_argument(
        "--column", action="append", default=[], type=_column, metavar="NAME=THEIRS",
        help="what a .csv or .jsonl file calls our text, title, published, source, author, url, id, language; may be repeated",
    )  # fmt: skip
    sync.add_argument(
        "--rebuild", action="store_true", help="make the indexes again, with the settings in force"
    )
    articles = command("articles", _articles, "list the articles")
    articles.add_argument("--json", action="store_true", help="print the list as JSON")
    show = command("show", _show, "print one article")
    show.add_argument("id", help="as `clippings articles` lists it")
    show.add_argument(
        "--version", metavar="VERSION", help="as it was before; `clippings show ID` lists those kept"
    )
    remove = command("remove", _remove, "take articles out of the collection; their files stay")
    remove.add_argument("ids", nargs="+", metavar="ID", help="as `clippings articles` lists them")
    edit = command(
        "edit", _edit, "correct an article's title, source or date; it stays so through later syncs"
    )
    edit.add_argument("id", metavar="ID", help="as `clippings articles` lists it")
    edit.add_argument("--title", metavar="WORDS", help="its title; empty for none")
    edit.add_argument("--source", metavar="NAME", help="who published it; empty for unknown")
    edit.add_argument(
        "--published", metavar="DATE", help="the day it was published (YYYY-MM-DD); empty for unknown"
    )
    edit.add_argument("--undo", action="store_true", help="take earlier corrections back")
    suite = command("eval", _eval, "measure answers against gold questions, or add one")
    suite.add_argument(
        "--gold", metavar="FILE", help="gold questions (default: those about the demo articles)"
    )
    suite.add_argument(
        "--split", choices=("all", "dev", "test"), default="all", help="which half of them (default: all)"
    )
    suite.add_argument("--out", metavar="DIR", help="where the report is kept (default: eval/results)")
    suite.add_argument("--json", action="store_true", help="print the whole report as JSON")
    suite.add_argument(
        "--add", metavar="QUESTION", help="ask this, and keep it in the file of --gold with a verdict"
    )
    suite.add_argument(
        "--verdict",
        choices=("right", "wrong", "missing", "decline"),
        default="right",
        help="on its answer (default: right)",
    )
    suite.add_argument(
        "--quote", action="append", default=[], metavar="WORDS", help="exact words that would have been right"
    )
    kept = command("backup", _backup, "put the whole collection into one file")
    kept.add_argument("file", metavar="FILE", help="a .zip file; an earlier backup there is replaced")
    kept.add_argument(
        "--without-vectors",
        action="store_true",
        help="a far smaller file, which takes hours to restore: everything is encoded again",
    )
    kept.add_argument(
        "--conversations",
        action="store_true",
        help="people's conversations and accounts too, without sessions and tokens",
    )
    back = command("restore", _restore, "make a collection from a backup")
    back.add_argument("file", metavar="FILE", help="as `clippings backup` made it")
    people.add_commands(commands, common)
    command(
        "mcp",
        _mcp,
        "offer the articles as tools to the program that starts this, over standard input and output (MCP)",
    )
    doctor = command(
        "doctor", _doctor, "say what is configured, what is reachable, and what to do about what is not"
    )
    doctor.add_argument(
        "--deep",
        action="store_true",
        help="look through every article and index for damage, which takes minutes",
    )
    return parser


def _day(stated: str) -> date:
    try:
        return date.fromisoformat(stated)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{stated!r} is not a day like 2024-01-20") from None


def _column(stated: str) -> tuple[str, str]:
    name, found, theirs = stated.partition("=")
    if not found:
        raise argparse.ArgumentTypeError(f"{stated!r} is not a pair like text=Body")
    return name.strip(), theirs.strip()


def _port(stated: str) -> int:
    if stated.isdecimal() and 1 <= int(stated) <= 65_535:
        return int(stated)
    raise argparse.ArgumentTypeError(f"{stated!r} is not a port: a whole number from 1 to 65535")


def _root_path(stated: str) -> str:
    parts = stated.split("/")
    if (
        stated.startswith("/")
        and ".." not in parts
        and "." not in parts
        and re.fullmatch(r"[\w.~/%-]+", stated, re.ASCII)
    ):
        return stated
    raise argparse.ArgumentTypeError(
        f"{stated!r} is not a path on a server, such as /clippings: no spaces, and no .."
    )


def _serve(options: argparse.Namespace, config: Config, services: Services) -> int:
    services.serve(
        config,
        port=options.port,
        auth_file=Path(options.auth_file) if options.auth_file else None,
        read_only=options.read_only,
        host=options.host,
        names=tuple(options.host_name),
        origins=tuple(options.origin),
        proxies=tuple(options.proxy),
        root_path=options.root_path or "",
    )
    return 0


def _ask(options: argparse.Namespace, config: Config, services: Services) -> int:
    from rag.surfaces.render import answer_json, answer_text
    from rag.types import Filters

    try:
        filters = Filters(options.after, options.before, tuple(options.source))
    except ValueError as exc:
        tell(f"clippings: {exc}")
        return 2
    question = " ".join(options.question)
    with (
        services.warm(config, question, named=options.home is not None) as engines,
        services.open(_chosen(options, config, services), **engines) as assistant,
    ):
        answer = assistant.ask(
            question, filters=filters, asked_on=options.asked_on, use_model=not options.no_model
        )
    say(
        json_safe(answer_json(answer))
        if options.json
        else answer_text(answer, width=_width(), asked=question)
    )
    return 0


def _sync(options: argparse.Namespace, config: Config, services: Services) -> int:
    from rag.surfaces.render import report_text

    if not options.places and not options.rebuild:
        tell("clippings: name the files, folders or addresses to take in")
        return 2
    columns = dict(options.column)
    if options.dry_run:
        plan = services.preview(options.places, config, prune=options.prune, columns=columns)
        say(report_text(plan, planned=True))
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
    say(report_text(report))
    return 1 if report.failed else 0


def _articles(options: argparse.Namespace, config: Config, services: Services) -> int:
    import json

    from rag.surfaces.render import listing_text

    with services.open(_chosen(options, config, services)) as assistant:
        listings = assistant.articles()
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
        say(json_safe(json.dumps(rows, ensure_ascii=False, indent=2)))
        return 0
    cells = [
        (
            item.headline.id,
            item.headline.published.isoformat() if item.headline.published else "unknown",
            ", ".join((item.headline.source or "", *item.headline.also))
            if item.headline.also
            else item.headline.source or "",
            str(item.words),
            str(item.passages),
            item.headline.label[:60],
        )
        for item in listings
    ]
    say(terminal_safe(listing_text(cells, ("ID", "PUBLISHED", "SOURCE", "WORDS", "PASSAGES", "TITLE"))))
    return 0


def _show(options: argparse.Namespace, config: Config, services: Services) -> int:
    with services.open(_chosen(options, config, services)) as assistant:
        article, headline, versions = (
            assistant.article(options.id),
            assistant.headline(options.id),
            assistant.versions(options.id),
        )
        if options.version and not article.version.startswith(options.version):
            wanted = next((version for version, _ in versions if version.startswith(options.version)), "")
            found = assistant.earlier(options.id, wanted)
            if found is None:
                tell(
                    f"clippings: {options.id} has no version {options.version}; `clippings show` lists those "
                    f"kept"
                )
                return 1
            article = found
    facts = {
        "id": article.id,
        "title": article.title,
        "source": article.source,
        "author": article.author,
        "published": article.published.isoformat() if article.published else "unknown",
        "language": article.language,
        "url": article.url,
    }
    read = dict(article.provenance)
    lines = [
        f"{name}: {value}" + (f" ({read[name]})" if name in read else "")
        for name, value in facts.items()
        if value
    ]
    lines += [f"also in: {', '.join(headline.also)}"] if headline.also else []
    lines += [f"earlier version: {version[:16]}, until {until:%Y-%m-%d %H:%M}" for version, until in versions]
    head = "\n".join(one_line(line) for line in lines)
    say(terminal_safe(f"{head}\n\n{article.text}"))
    return 0


def _backup(options: argparse.Namespace, config: Config, services: Services) -> int:
    kept = services.backup(
        Path(options.file), config, vectors=not options.without_vectors, conversations=options.conversations
    )
    where = f"{kept.file} ({kept.bytes / 1e6:,.1f} MB)"
    say(one_line(f"{kept.articles} articles and {kept.passages} passages are kept in {where}{_with(kept)}"))
    _noted(kept)
    return 0


def _restore(options: argparse.Namespace, config: Config, services: Services) -> int:
    with _progress(sys.stderr) as progress:
        made = services.restore(Path(options.file), config, progress=progress)
    say(
        one_line(
            f"the collection in {config.home} has {made.articles} articles and {made.passages} passages "
            f"again{_with(made)}"
        )
    )
    _noted(made)
    return 0


def _with(kept: Any) -> str:
    """What else was counted in a backup, where there is any."""
    counts = {
        "earlier versions": kept.earlier, "corrections": kept.corrections, "verdicts": kept.verdicts, "gold cases": kept.cases,
        "vectors": kept.vectors,
    }  # fmt: skip
    told = [f"{number:,} {name if number != 1 else name[:-1]}" for name, number in counts.items() if number]
    return f", with {', '.join(told)}" if told else ""


def _noted(kept: Any) -> None:
    for note in kept.notes:
        say(one_line(f"  {note[0].upper()}{note[1:]}."))


def _remove(options: argparse.Namespace, config: Config, services: Services) -> int:
    services.remove(options.ids, config)
    say(f"{len(set(options.ids))} removed")
    return 0


def _edit(options: argparse.Namespace, config: Config, services: Services) -> int:
    given = {"title": options.title, "source": options.source, "published": options.published}
    facts = {name: value for name, value in given.items() if value is not None}
    if not facts and not options.undo:
        tell("clippings: say what is right: --title, --source or --published; or --undo")
        return 2
    article = services.edit(options.id, facts, config, undo=options.undo)
    when = article.published.isoformat() if article.published else "date unknown"
    say(
        one_line(f"{article.id}: {article.title or 'no title'}, {article.source or 'source unknown'}, {when}")
    )
    return 0


def _eval(options: argparse.Namespace, config: Config, services: Services) -> int:
    gold = Path(options.gold) if options.gold else None
    if options.add is not None:
        if gold is None:
            tell("clippings: --add needs a file of your own to add to: --gold FILE")
            return 2
        say(
            one_line(
                services.add_gold(
                    options.add, _chosen(options, config, services), gold, options.verdict, options.quote
                )
            )
        )
        return 0
    home = config if options.home is not None else None
    out = Path(options.out) if options.out else None
    report = services.evaluate(gold, home, options.split, out, as_json=options.json)
    say(json_safe(report) if options.json else terminal_safe(report))
    return 0


def _mcp(options: argparse.Namespace, config: Config, services: Services) -> int:
    services.tools(config, named=options.home is not None)
    return 0


def _doctor(options: argparse.Namespace, config: Config, services: Services) -> int:
    well = True
    for finding in services.examine(config, deep=options.deep):
        well = well and finding.well
        say(one_line(f"{'ok   ' if finding.well else 'FAULT'}  {finding.name}: {finding.detail}"))
    return 0 if well else 1


def _chosen(options: argparse.Namespace, config: Config, services: Services) -> Config:
    """The collection to read: a home that was named must exist; otherwise the demo articles stand in for
    none.
    """
    if options.home is not None:
        return config
    chosen = services.or_demo(config)
    if chosen != config:
        tell("(no collection yet: these are the demo articles. Add your own: clippings sync FOLDER)")
    return chosen


def _width() -> int:
    return max(40, min(shutil.get_terminal_size((88, 24)).columns, 100))


class _Unheard:
    """A stream that may close while it is written to: a sync goes on though nobody looks at its progress any
    more.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


@contextmanager
def _progress(stream: TextIO) -> Iterator[Callable[[Any], None]]:
    """A bar on a terminal, a line now and then elsewhere."""
    began = time.monotonic()
    stream = cast(TextIO, _Unheard(stream))
    if not stream.isatty():
        from rag.surfaces.render import progress_text

        yield lambda step: print(progress_text(step, time.monotonic() - began), file=stream, flush=True)
        return
    from tqdm import tqdm

    with tqdm(unit=" articles", file=stream, dynamic_ncols=True, leave=False) as bar:

        def update(step: Any) -> None:
            bar.total = step.total
            bar.update(step.done - bar.n)
            rate = step.passages / max(time.monotonic() - began, 1e-3)
            bar.set_postfix_str(f"{step.passages} passages, {rate:.0f}/s")

        yield update
