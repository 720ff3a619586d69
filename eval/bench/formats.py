"""How well articles are read out of files: text, title, author, outlet, date and address against what should
come out.

    python -m eval.bench.formats FOLDER [--faults]

FOLDER holds files in the formats in which articles occur, and `expected.json`, which says of each what its
article must and must not hold. Feeds are served from this machine and fetched. Prints, by format and over
all, the shares that came out right; with `--faults`, what did not. The project's own folder is
`tests/corpus`.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ingest.formats.parsing import Parsers
from ingest.scan import ArticleReader, Scan, ScannedArticle, Spool, scan
from ingest.scan.walk import is_address
from ingest.web.fetch import Fetcher, Limits
from ingest.web.pages import Web
from rag.errors import SourceError
from rag.types import Article

__all__ = ["FACTS", "Tally", "main", "measure"]

FACTS = ("title", "author", "source", "published", "language", "url")
_FEEDS = "feeds"  # the folder of those to be served


@dataclass(slots=True)
class Tally:
    """Right and all, by what was looked at. `must` counts phrases that should be in a text and are, `mustnot`
    phrases of the page around it that are not, `order` texts whose phrases follow each other as they should,
    `pages` phrases on their page; `refused` files that are no article, or do harm, and were refused. Of each
    fact, `<fact>` counts those stated that are right (precision), `<fact> found` those to be found that were
    (recall)."""

    right: dict[str, int] = field(default_factory=dict)
    all: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def count(self, what: str, right: bool, fault: str) -> None:
        self.all[what] = self.all.get(what, 0) + 1
        self.right[what] = self.right.get(what, 0) + right
        if not right:
            self.faults.append(f"{what}: {fault}")

    def share(self, what: str) -> float | None:
        """Right of all, 0 to 1; `None` where nothing was looked at."""
        return self.right[what] / self.all[what] if self.all.get(what) else None


def measure(folder: Path) -> dict[str, Tally]:
    """A tally for each format (the folders in FOLDER), and one over `all`. What is marked optional is not
    counted.
    """
    expected: dict[str, dict[str, Any]] = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    tallies: dict[str, Tally] = {"all": Tally()}
    with _read(folder, expected) as articles:
        for key, wanted in expected.items():
            if wanted.get("optional"):
                continue
            for tally in (tallies["all"], tallies.setdefault(key.split("/")[0], Tally())):
                _judge(tally, key, wanted, articles.get(key))
    return tallies


def _judge(tally: Tally, key: str, wanted: Mapping[str, Any], found: Article | str | None) -> None:
    if "refused" in wanted:
        tally.count(
            "refused", not isinstance(found, Article), f"{key} should be refused: {wanted['refused']}"
        )
        return
    if not isinstance(found, Article):
        tally.count("read", False, f"{key}: {found or 'not found'}")
        return
    tally.count("read", True, "")
    text = _even(found.text)
    for phrase in wanted.get("must", ()):
        tally.count("must", _even(phrase) in text, f"{key} lacks {phrase!r}")
    for phrase in wanted.get("mustnot", ()):
        tally.count("mustnot", _even(phrase) not in text, f"{key} holds {phrase!r}")
    for phrase in wanted.get("once", ()):
        tally.count(
            "once",
            text.count(_even(phrase)) == 1,
            f"{key} holds {phrase!r} {text.count(_even(phrase))} times",
        )
    if order := [text.find(_even(phrase)) for phrase in wanted.get("order", ())]:
        tally.count("order", order == sorted(order) and order[0] >= 0, f"{key} has its phrases at {order}")
    for phrase, number in wanted.get("pages", {}).items():
        at = _place(found.text, phrase)
        tally.count(
            "pages",
            at is not None and _page(found.pages, at) == number,
            f"{key} has {phrase!r} on another page",
        )
    for name in FACTS:
        value = getattr(found, name)
        said = value.isoformat() if name == "published" and value else value
        said = _even(said) if said else None
        accepted = [
            _even(word) if word else None for word in (wanted.get(name), *wanted.get(f"{name}_any", ()))
        ]
        fault = f"{key}: {said!r}, not {wanted.get(name)!r} ({dict(found.provenance).get(name)})"
        if said is not None:
            tally.count(name, said in accepted, fault)
        if wanted.get(name) is not None:
            tally.count(f"{name} found", said in accepted, fault)


def _even(text: str) -> str:
    return " ".join(text.replace("\u00ad", "").split())


def _place(text: str, phrase: str) -> int | None:
    words = phrase.split()
    at = text.find(words[0])
    while at >= 0:
        if _even(text[at : at + 3 * len(phrase)]).startswith(_even(phrase)):
            return at
        at = text.find(words[0], at + 1)
    return None


def _page(pages: Sequence[int], at: int) -> int:
    return sum(begin <= at for begin in pages)


@contextmanager
def _read(folder: Path, expected: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Article | str]]:
    """What came out, by the keys of `expected.json`: an article, or why there is none."""
    found: dict[str, Article | str] = {}
    with _served(folder) as root, Parsers(seconds=60) as parsers:
        limits = Limits(pause=0)
        with Fetcher(private=True, limits=limits) as fetcher:
            web = Web(fetcher, parsers)
            for path in sorted({key.split("#")[0].split("!")[0] for key in expected}):
                columns: dict[str, str] = next(
                    (w["mapping"] for k, w in expected.items() if k.split("#")[0] == path and "mapping" in w),
                    {},
                )
                served = path.startswith(f"{_FEEDS}/")
                place = f"{root}/{path}" if served else folder / path
                with Spool() as spool, ArticleReader(columns, parsers, spool) as readings:
                    scanned = scan([place], columns=columns, web=web, spool=spool)
                    found.update(_articles(path, scanned, readings))
        yield found


def _articles(path: str, scanned: Scan, readings: ArticleReader) -> Iterator[tuple[str, Article | str]]:
    for item in scanned.found:
        try:
            yield _key(path, item), readings.read(item)[0]
        except SourceError as exc:
            yield _key(path, item), str(exc)
    for failure in scanned.failed:
        *_, number = failure.item.split(" ")
        yield (f"{path}#row{number}" if number.isdecimal() else path), failure.reason


def _key(path: str, item: ScannedArticle) -> str:
    if item.member:
        return f"{path}!{item.member}"
    if is_address(item.origin):  # an entry of a feed, which is served from elsewhere than it links to
        return f"{path}#{item.id.partition('#')[2] or item.id}"
    return f"{path}#{item.id}" if item.position is not None else path


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m eval.bench.formats", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="files, and expected.json beside them")
    parser.add_argument("--faults", action="store_true", help="print what did not come out right")
    options = parser.parse_args(arguments)
    tallies = measure(options.folder)
    for name, tally in sorted(tallies.items()):
        print(
            f"{name}: "
            + ", ".join(f"{what} {tally.right[what]}/{tally.all[what]}" for what in sorted(tally.all))
        )
    if options.faults:
        print("\n".join(sorted(tallies["all"].faults)))


if __name__ == "__main__":
    main()
