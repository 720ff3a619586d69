"""The command line's arguments: every command, its options and their help. `cli` runs the commands."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from rag.config import Config
from rag.errors import ConfigError
from rag.surfaces import people
from rag.surfaces.services import ServeOptions, Services
from rag.system.installed import version
from rag.system.terminal import terminal_safe

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

__all__ = ["Command", "build_parser", "check_not_empty"]

Command = Callable[[argparse.Namespace, Config, Services], int]

# Arguments that name something. An empty one would mean the current folder, or nothing at all.
_NAMES = {
    "home": "--home",
    "places": "a place",
    "file": "the file",
    "gold": "--gold",
    "output": "--output",
    "auth_file": "--auth-file",
    "id": "the id",
    "ids": "an id",
    "version": "--version",
    "host": "--host",
}


def check_not_empty(options: argparse.Namespace) -> None:
    """Raise `ConfigError` for an empty argument where a name is needed."""
    for name, called in _NAMES.items():
        stated = getattr(options, name, None)
        for value in stated if isinstance(stated, list) else [stated]:
            if isinstance(value, str) and not value.strip():
                raise ConfigError(f"{called} is empty. Write it out; the current folder is a single dot")


class _Version(argparse.Action):
    """Prints the version and exits. The version is looked up only here, because that takes a moment."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        parser._print_message(f"clippings {version()}\n", sys.stdout)
        parser.exit()


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        super()._print_message(terminal_safe(message), file)  # it repeats the arguments


def build_parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser. `commands` has the function of each command by its name; `serve` runs where none is
    given."""
    parser = _Parser(
        prog="clippings",
        description="Ask questions about a collection of articles. "
        "Every sentence of an answer cites the exact words it rests on.",
        epilog="Settings are read from clippings.toml and from CLIPPINGS_… variables. See docs/reference.md.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    common = _Parser(add_help=False)
    common.add_argument("--home", metavar="DIR", help="the folder of the collection")
    defaults = ServeOptions()
    parser.set_defaults(
        command=commands["serve"],
        home=None,
        host=defaults.host,
        port=defaults.port,
        auth_file=None,
        read_only=False,
        root_path=None,
        host_name=[],
        proxy=[],
        origin=[],
        admin=[],
    )
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser] = parser.add_subparsers(
        title="commands", metavar="COMMAND", parser_class=_Parser
    )

    def command(name: str, help: str) -> argparse.ArgumentParser:
        added = subparsers.add_parser(
            name, parents=[common], help=help, description=help[0].upper() + help[1:] + "."
        )
        added.set_defaults(command=commands[name])
        return added

    _serve_options(command("serve", "start the server and its chat page (the default)"), defaults)
    _ask_options(command("ask", "answer one question"))
    _sync_options(command("sync", "add articles from files, folders, archives, web pages and feeds"))
    articles = command("articles", "list the articles")
    articles.add_argument("--json", action="store_true", help="print the list as JSON")
    show = command("show", "print one article")
    show.add_argument("id", help="as listed by `clippings articles`")
    show.add_argument(
        "--version", metavar="VERSION", help="an earlier version, as listed by `clippings show ID`"
    )
    remove = command("remove", "remove articles from the collection; their files stay")
    remove.add_argument("ids", nargs="+", metavar="ID", help="as listed by `clippings articles`")
    _edit_options(
        command("edit", "correct an article's title, source or date; later syncs keep the correction")
    )
    _eval_options(command("eval", "measure answers against gold questions, or add a gold question"))
    _backup_options(command("backup", "write the whole collection to one file"))
    restore = command("restore", "make a collection from a backup")
    restore.add_argument("file", metavar="FILE", help="a file made by `clippings backup`")
    people.add_commands(subparsers, common)
    command("mcp", "serve the articles as MCP tools on standard input and output")
    command("model", "fetch a small language model that runs on this machine")
    doctor = command("doctor", "check the settings, the collection and the models, and suggest fixes")
    doctor.add_argument(
        "--deep", action="store_true", help="also check every article and index for damage (takes minutes)"
    )
    return parser


def _serve_options(serve: argparse.ArgumentParser, defaults: ServeOptions) -> None:
    serve.add_argument(
        "--host", default=defaults.host, help="the address to listen on (default: this machine only)"
    )
    serve.add_argument(
        "--port", type=_port, default=defaults.port, help=f"the port to listen on (default: {defaults.port})"
    )
    serve.add_argument(
        "--host-name",
        action="append",
        default=[],
        metavar="NAME",
        help="a host name that people use for this server, such as news.example.org (repeatable)",
    )
    serve.add_argument(
        "--proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="a reverse proxy, or a network of them, whose X-Forwarded headers are trusted (repeatable)",
    )
    serve.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="SITE",
        help="another web site whose scripts may use the API with a token, such as https://desk.example.org "
        "(repeatable)",
    )
    serve.add_argument(
        "--auth-file", metavar="FILE", help="require a login with an account from `clippings account add`"
    )
    serve.add_argument(
        "--admin",
        action="append",
        default=[],
        metavar="NAME",
        help="an account that may change the language model on the page (repeatable)",
    )
    serve.add_argument(
        "--read-only", action="store_true", help="do not allow adding, correcting or removing articles"
    )
    serve.add_argument(
        "--root-path",
        type=_root_path,
        metavar="PATH",
        help="the path under which a reverse proxy serves the page, such as /clippings",
    )


def _ask_options(ask: argparse.ArgumentParser) -> None:
    ask.add_argument("question", nargs="+", help="in quotation marks, or as plain words")
    ask.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    ask.add_argument(
        "--after", type=_day, metavar="DATE", help="only articles published on or after this day (YYYY-MM-DD)"
    )
    ask.add_argument(
        "--before", type=_day, metavar="DATE", help="only articles published on or before this day"
    )
    ask.add_argument(
        "--source", action="append", default=[], metavar="NAME", help="only this source (repeatable)"
    )
    ask.add_argument("--asked-on", type=_day, metavar="DATE", help="the day that “this week” refers to")
    ask.add_argument(
        "--no-model",
        action="store_true",
        help="answer in the articles' own words, without the language model",
    )


def _sync_options(sync: argparse.ArgumentParser) -> None:
    sync.add_argument(
        "places", nargs="*", metavar="PLACE", help="files, folders, or web addresses that start with http"
    )
    sync.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
    sync.add_argument(
        "--prune", action="store_true", help="remove articles that no longer exist in these places"
    )
    sync.add_argument(
        "--column",
        action="append",
        default=[],
        type=_column,
        metavar="NAME=THEIRS",
        help="the column of a .csv or key of a .jsonl file that holds the text, title, published, source, "
        "author, url, id or language (repeatable)",
    )
    sync.add_argument("--rebuild", action="store_true", help="rebuild the indexes with the current settings")


def _edit_options(edit: argparse.ArgumentParser) -> None:
    edit.add_argument("id", metavar="ID", help="as listed by `clippings articles`")
    edit.add_argument("--title", metavar="WORDS", help="the title; empty for none")
    edit.add_argument("--source", metavar="NAME", help="who published it; empty for unknown")
    edit.add_argument(
        "--published", metavar="DATE", help="the day it was published (YYYY-MM-DD); empty for unknown"
    )
    edit.add_argument("--undo", action="store_true", help="undo earlier corrections first")


def _eval_options(suite: argparse.ArgumentParser) -> None:
    suite.add_argument(
        "--gold",
        metavar="FILE",
        help="a file of gold questions, `public`, or `seeds` (the default: about the demo articles)",
    )
    suite.add_argument(
        "--split", choices=("all", "dev", "test"), default="all", help="which half of them (default: all)"
    )
    suite.add_argument(
        "--output",
        "--out",
        metavar="DIR",
        help="where to write the report (default: the folder evaluations in the collection's folder)",
    )
    suite.add_argument("--json", action="store_true", help="print the whole report as JSON")
    suite.add_argument(
        "--add", metavar="QUESTION", help="ask this question and add it to the --gold file with a verdict"
    )
    suite.add_argument(
        "--verdict",
        choices=("right", "wrong", "missing", "decline"),
        default="right",
        help="the verdict on its answer (default: right)",
    )
    suite.add_argument(
        "--quote",
        action="append",
        default=[],
        metavar="WORDS",
        help="exact words of an article that would have been right (repeatable)",
    )


def _backup_options(backup: argparse.ArgumentParser) -> None:
    backup.add_argument("file", metavar="FILE", help="a .zip file; an earlier backup there is replaced")
    backup.add_argument(
        "--without-vectors",
        action="store_true",
        help="make a much smaller file; restoring it takes hours, because every passage is encoded again",
    )
    backup.add_argument(
        "--conversations",
        action="store_true",
        help="include conversations and accounts, but no sessions and no tokens",
    )


def _day(stated: str) -> date:
    try:
        return date.fromisoformat(stated)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{stated!r} is not a date like 2024-01-20") from None


def _column(stated: str) -> tuple[str, str]:
    name, separator, theirs = stated.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{stated!r} is not a pair like text=Body")
    return name.strip(), theirs.strip()


def _port(stated: str) -> int:
    if stated.isdecimal() and 1 <= int(stated) <= 65_535:
        return int(stated)
    raise argparse.ArgumentTypeError(f"{stated!r} is not a port: use a whole number from 1 to 65535")


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
        f"{stated!r} is not a URL path such as /clippings: no spaces, and no .. are allowed"
    )
