"""The commands for access to a server: accounts for people, tokens for programs, and verdicts.

As in `cli`, nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rag.config import Config
from rag.errors import ConfigError
from rag.surfaces.process import print_error, print_line

if TYPE_CHECKING:
    from rag.people.store import People

__all__ = ["add_commands"]


_Run = Callable[[argparse.Namespace, Config, object], int]


def add_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add `account …`, `token …` and `verdicts` to the parser's commands. `common` has their shared
    options."""

    def group(name: str, help: str) -> Callable[[str, _Run, str], argparse.ArgumentParser]:
        outer = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        inner = outer.add_subparsers(title="commands", metavar="COMMAND", required=True)

        def command(name: str, run: _Run, help: str) -> argparse.ArgumentParser:
            sub: argparse.ArgumentParser = inner.add_parser(
                name, parents=[common], help=help, description=help[0].upper() + help[1:] + "."
            )
            sub.set_defaults(command=run)
            return sub

        return command

    command = group("account", "manage the accounts that people log in with")
    add = command("add", _add_account, "add an account to a file; asks for the password")
    add.add_argument("name", metavar="NAME", help="the name of the account")
    add.add_argument(
        "--auth-file", metavar="FILE", required=True, help="the accounts file; created if it does not exist"
    )
    add.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from the first line of standard input",
    )
    remove = command(
        "remove", _remove_account, "remove an account from a file and log it out; its conversations are kept"
    )
    remove.add_argument("name", metavar="NAME", help="the name of the account")
    remove.add_argument("--auth-file", metavar="FILE", required=True, help="the accounts file")
    convert = command("convert", _convert, "hash the plain-text passwords in an accounts file")
    convert.add_argument("file", metavar="FILE", help="the accounts file; it is replaced by the hashed one")

    command = group("token", "manage the tokens that programs use")
    add = command("add", _add_token, "create a token for a program and print it; it is shown only once")
    add.add_argument("name", metavar="NAME", help="a name for the token")
    add.add_argument(
        "--read-only",
        action="store_true",
        help="do not allow adding, correcting or removing articles with it",
    )
    command("list", _list_tokens, "list the tokens, without their secrets")
    revoke = command("revoke", _revoke_token, "revoke a token immediately")
    revoke.add_argument("name", metavar="NAME", help="as listed by `clippings token list`")

    about = (
        "print the verdicts on answers, each with the answer and its evidence, as one JSON object per line"
    )
    verdicts = commands.add_parser(
        "verdicts", parents=[common], help=about, description=f"{about[0].upper()}{about[1:]}."
    )
    verdicts.set_defaults(command=_verdicts)


def _add_account(options: argparse.Namespace, _config: Config, _services: object) -> int:
    from rag.people.accounts import add_account

    add_account(Path(options.auth_file), options.name, _password(from_input=options.password_stdin))
    print_line(f"{options.name} can log in now")
    return 0


def _remove_account(options: argparse.Namespace, config: Config, _services: object) -> int:
    from rag.people.accounts import remove_account

    remove_account(Path(options.auth_file), options.name)
    with _people(config) as people:
        people.sessions.end_all(options.name)
    print_line(f"removed {options.name}; servers that use this file no longer accept this account")
    return 0


def _convert(options: argparse.Namespace, _config: Config, _services: object) -> int:
    from rag.people.accounts import convert

    hashed = convert(Path(options.file))
    print_line(f"hashed {hashed} password{'' if hashed == 1 else 's'}")
    return 0


def _add_token(options: argparse.Namespace, config: Config, _services: object) -> int:
    with _people(config) as people:
        secret = people.tokens.add(options.name, options.read_only)
    print_line(secret)
    print_error("(Store the token where the program can read it: it is not shown again.)")
    return 0


def _list_tokens(_options: argparse.Namespace, config: Config, _services: object) -> int:
    from rag.surfaces.render import listing_text

    with _people(config) as people:
        tokens = people.tokens.all()
    rows = [
        (
            token.name,
            "read-only" if token.read_only else "read and write",
            f"{token.created:%Y-%m-%d}",
            f"{token.last_used:%Y-%m-%d %H:%M}" if token.last_used else "never",
        )
        for token in tokens
    ]
    print_line(listing_text(rows, ("NAME", "ACCESS", "CREATED", "LAST USED (UTC)")))
    return 0


def _revoke_token(options: argparse.Namespace, config: Config, _services: object) -> int:
    with _people(config) as people:
        people.tokens.revoke(options.name)
    print_line(f"revoked the token {options.name}")
    return 0


def _verdicts(_options: argparse.Namespace, config: Config, _services: object) -> int:
    import json

    from rag.system.terminal import json_safe

    with _people(config) as people:
        for exchange in people.conversations.verdicts():
            at = exchange.judged.isoformat(timespec="seconds") if exchange.judged else None
            line = {
                "at": at,
                "verdict": exchange.verdict,
                "asked": exchange.question,
                **(exchange.record or {}),
            }
            print_line(json_safe(json.dumps(line, ensure_ascii=False)))
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
    """The password, typed twice, or the first line of standard input."""
    import getpass
    import warnings

    if from_input:
        try:
            line = sys.stdin.buffer.readline().decode("utf-8")
        except UnicodeDecodeError as exc:
            raise ConfigError("the password on standard input is not UTF-8. Send it as UTF-8") from exc
        return line.rstrip("\r\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # the password would be visible
            first, second = getpass.getpass("Password: "), getpass.getpass("Repeat the password: ")
    except (EOFError, getpass.GetPassWarning) as exc:
        raise ConfigError(
            "there is no terminal to ask for a password. Pass it with --password-stdin"
        ) from exc
    if first != second:
        raise ConfigError("the two passwords are different. Nothing was changed; run the command again")
    return first
