"""The commands about who may use a server: accounts of people, and tokens of programs.

As in `cli`, nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.config import Config
from rag.errors import ConfigError
from rag.surfaces.process import say, tell

if TYPE_CHECKING:
    from rag.people.store import People

__all__ = ["add_commands"]


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add `account …`, `token …` and `verdicts` to argparse's commands; `common` has the options of all of
    them.
    """

    def group(name: str, help: str) -> Callable[[str, Callable[..., int], str], argparse.ArgumentParser]:
        outer = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        inner = outer.add_subparsers(title="commands", metavar="COMMAND", required=True)

        def command(name: str, run: Callable[..., int], help: str) -> argparse.ArgumentParser:
            sub: argparse.ArgumentParser = inner.add_parser(
                name, parents=[common], help=help, description=help[0].upper() + help[1:] + "."
            )
            sub.set_defaults(command=run)
            return sub

        return command

    command = group("account", "say who may log in")
    add = command("add", _add_account, "add an account to a file; asks for its password")
    add.add_argument("name", metavar="NAME", help="whose account it is")
    add.add_argument(
        "--auth-file", metavar="FILE", required=True, help="the file of accounts; made if there is none"
    )
    add.add_argument(
        "--password-stdin", action="store_true", help="read the password from a line of standard input"
    )
    remove = command(
        "remove", _remove_account, "remove an account from a file, which logs it out; its conversations stay"
    )
    remove.add_argument("name", metavar="NAME", help="whose account it is")
    remove.add_argument("--auth-file", metavar="FILE", required=True, help="the file of accounts")
    convert = command("convert", _convert, "hash the plain passwords in a file of accounts")
    convert.add_argument("file", metavar="FILE", help="the file of accounts; replaced once all is hashed")

    command = group("token", "say which programs may ask")
    add = command("add", _add_token, "make a token for a program, and print it this once")
    add.add_argument("name", metavar="NAME", help="what the token is called here")
    add.add_argument(
        "--read-only",
        action="store_true",
        help="with it articles can be neither added, corrected nor removed",
    )
    command("list", _list_tokens, "list the tokens, without their secrets")
    revoke = command("revoke", _revoke_token, "make a token worthless at once")
    revoke.add_argument("name", metavar="NAME", help="as `clippings token list` lists it")

    about = (
        "print what readers have said of answers, with each answer and its evidence, one JSON object a line"
    )
    verdicts = commands.add_parser(
        "verdicts", parents=[common], help=about, description=f"{about[0].upper()}{about[1:]}."
    )
    verdicts.set_defaults(command=_verdicts)


def _add_account(options: argparse.Namespace, _config: Config, _services: object) -> int:
    from rag.people.accounts import add_account

    add_account(Path(options.auth_file), options.name, _password(from_input=options.password_stdin))
    say(f"{options.name} can log in now")
    return 0


def _remove_account(options: argparse.Namespace, config: Config, _services: object) -> int:
    from rag.people.accounts import remove_account

    remove_account(Path(options.auth_file), options.name)
    with _people(config) as people:
        people.sessions.end_all(options.name)
    say(f"{options.name} is removed; a server that uses this file lets it in no more")
    return 0


def _convert(options: argparse.Namespace, _config: Config, _services: object) -> int:
    from rag.people.accounts import convert

    hashed = convert(Path(options.file))
    say(f"{hashed} {'password is' if hashed == 1 else 'passwords are'} hashed now")
    return 0


def _add_token(options: argparse.Namespace, config: Config, _services: object) -> int:
    with _people(config) as people:
        secret = people.tokens.add(options.name, options.read_only)
    say(secret)
    tell("(keep it where the program finds it: it is shown only now)")
    return 0


def _list_tokens(_options: argparse.Namespace, config: Config, _services: object) -> int:
    from rag.surfaces.render import listing_text

    with _people(config) as people:
        tokens = people.tokens.all()
    rows = [
        (
            token.name,
            "read only" if token.read_only else "read and write",
            f"{token.created:%Y-%m-%d}",
            f"{token.last_used:%Y-%m-%d %H:%M}" if token.last_used else "never",
        )
        for token in tokens
    ]
    say(listing_text(rows, ("NAME", "MAY", "MADE", "LAST USED (UTC)")))
    return 0


def _revoke_token(options: argparse.Namespace, config: Config, _services: object) -> int:
    with _people(config) as people:
        people.tokens.revoke(options.name)
    say(f"the token {options.name} is worthless now")
    return 0


def _verdicts(_options: argparse.Namespace, config: Config, _services: object) -> int:
    import json

    from rag.system.terminal import json_safe

    with _people(config) as people:
        for e in people.conversations.verdicts():
            at = e.judged.isoformat(timespec="seconds") if e.judged else None
            line = {"at": at, "verdict": e.verdict, "asked": e.question, **(e.record or {})}
            say(json_safe(json.dumps(line, ensure_ascii=False)))
    return 0


@contextmanager
def _people(config: Config) -> Iterator[People]:
    from rag.people.store import People

    people = People(config.home)
    try:
        yield people
    finally:
        people.close()


def _password(*, from_input: bool) -> str:
    """The password that is typed twice, or the first line of standard input."""
    import getpass
    import warnings

    if from_input:
        try:
            line = sys.stdin.buffer.readline().decode("utf-8")
        except UnicodeDecodeError as exc:
            raise ConfigError("the password on standard input is not UTF-8") from exc
        return line.rstrip("\r\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # it would be shown as it is typed
            first, second = getpass.getpass("Password: "), getpass.getpass("The same again: ")
    except (EOFError, getpass.GetPassWarning) as exc:
        raise ConfigError(
            "there is no terminal to ask for a password. Hand it over with --password-stdin"
        ) from exc
    if first != second:
        raise ConfigError(
            "the two passwords are not the same. Nothing was changed; run the same command again"
        )
    return first
