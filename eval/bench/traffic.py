"""An open page under traffic: twenty people ask it over REST, as fast as answers come, while one process syncs and one removes.

    python -m eval.bench.traffic FILE.jsonl [--people 20] [--minutes 10] [--base 2000] [--questions FILE.jsonl] [--home DIR]

FILE is in the ingest format. Its first articles (`--base`) are taken in before anybody asks; of these, some dozens are given
new texts, removed and added again while people ask, and what is left of the file is added little by little. Every change is
noted with the time before it and after it, so that each citation is judged by the catalog of its moment: it is right if the
version that it names may have been there between the question and the answer, and its words stand in that version's text.

Questions are made of the articles' titles, half of them of those that change, mixed with the gold questions of the demo
articles; or they are those of `--questions`, a JSON object with a "question" a line. Half of them are asked of all articles, a
quarter of a time and a quarter of a source.

Printed as JSON: the answers, the citations checked and those that were wrong, the errors that are a sentence and those that are
none, the seconds a question took (one person alone, asked first, and all at once), what the two processes changed and how often
they waited for each other, the collection's generation, the page's memory (what it holds itself, and the files it has mapped,
apart) with its slope in MB a minute after the first minute, how the page ended, and what `clippings doctor` finds of the
collection and its indexes afterwards. `faults` lists what must not be: the exit status is 1 if there is any.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from eval import cases
from ingest import remove, sync
from ingest.articles import article
from ingest.records import line_article
from rag.catalog import FILE, Catalog
from rag.config import Config, load
from rag.doctor import examine
from rag.encode import SentenceEncoder
from rag.errors import ClippingsError, ConfigError, SourceError
from rag.types import Article

__all__ = [
    "Change", "Cited", "Reply", "Topic", "Version", "fault", "grown", "histories", "is_sentence", "judged", "main", "measure",
    "memory", "put_questions", "revised", "slope", "waits",
]  # fmt: skip

_APP = Path(__file__).resolve().parents[2] / "app.py"
_ALONE = 0.05  # of the time, for the one who asks first
_CHANGING = 16  # articles whose text changes, and as many that go and come back: few, so that answers often rest on them
_NEW, _REPLACED, _REMOVED = 2, 3, 2  # articles in a change
_PAUSE = 0.5  # seconds between two changes of one process
_POLL = 0.1  # seconds until the lock is tried again
_PATIENCE = 120.0  # seconds without an answer after which a question has failed
_START = 180.0  # seconds for the page to open; on a machine that is busy it takes half a minute
_END = 30.0  # seconds for it to end when it is told to
_MINUTE = 60.0  # seconds in which caches fill, and after which memory is expected to be flat
_SHOWN = 4_000  # characters of a traceback: the log goes with the run
_EXAMPLES = 5
_LOCKED = "another process is writing to the collection"
_MEMORY = {"VmRSS": "resident", "RssAnon": "anonymous", "RssFile": "mapped"}
Question = tuple[str, dict[str, Any]]  # the kind of its limits, and what the page's `ask` is called with


@dataclass(frozen=True, slots=True)
class Change:
    """A version of an article put into the catalog, or (`version` None) the article taken out, at some moment from `began` to
    `ended` (seconds since 1970). `ended` is infinite where the change failed and may have happened or not."""

    article_id: str
    version: str | None
    text: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Version:
    """A text that an article may have had from `since` to `until` (seconds since 1970), and surely not before or after."""

    version: str
    text: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation as the page gave it: the words, where they are said to stand, [start, end) in code points, and in what."""

    article_id: str
    version: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Topic:
    """What a question can be made of: an article's title, its day and its source."""

    title: str
    published: date | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a question, asked and answered at these times (seconds since 1970): what it was limited to, citations, or
    an `error`, which is the page's own words where it `said` some."""

    asked: float
    came: float
    limits: str
    abstained: bool = False
    citations: tuple[Cited, ...] = ()
    error: str | None = None
    said: bool = False


def histories(changes: Iterable[Change]) -> dict[str, list[Version]]:
    """By article, the versions it had, in order; the changes of one article must not overlap.

    A version may have been there from the beginning of its change on, and until the end of the next one.

    >>> histories([Change("a", "v1", "Rain.", 0, 0), Change("a", "v2", "Snow.", 10, 12), Change("a", None, "", 30, 31)])["a"]
    [Version(version='v1', text='Rain.', since=0, until=12), Version(version='v2', text='Snow.', since=10, until=31)]
    """
    by_article: dict[str, list[Change]] = {}
    for change in sorted(changes, key=lambda change: change.began):
        by_article.setdefault(change.article_id, []).append(change)
    return {
        article_id: [
            Version(change.version, change.text, change.began, min((c.ended for c in theirs[at + 1 :]), default=math.inf))
            for at, change in enumerate(theirs)
            if change.version is not None
        ]
        for article_id, theirs in by_article.items()
    }


def fault(cited: Cited, versions: Sequence[Version], asked: float, came: float) -> str | None:
    """What is wrong with a citation of an answer asked and received at these times, given its article's versions; `None` where
    it is right.

    >>> rain = Version("v1", "Rain fell on Oslo.", since=10.0, until=20.0)
    >>> print(fault(Cited("a", "v1", 0, 4, "Rain"), [rain], asked=19.0, came=21.0))
    None
    >>> fault(Cited("a", "v1", 0, 4, "Rain"), [rain], asked=20.5, came=21.0)
    'the version had gone 0.50 s before the question'
    >>> fault(Cited("a", "v1", 0, 4, "Snow"), [rain], asked=19.0, came=21.0)
    'other words stand there'
    """
    named = [version for version in versions if version.version == cited.version]
    if not named:
        return "no such version was ever there"
    there = [version for version in named if version.since <= came and asked <= version.until]
    if not there:
        gone = [asked - version.until for version in named if version.until < asked]
        return f"the version had gone {min(gone):.2f} s before the question" if gone else "the version came after the answer"
    if all(version.text[cited.start : cited.end] != cited.quote for version in there):
        return "other words stand there"
    return None


def is_sentence(said: str) -> bool:
    """Whether what a page says in place of an answer is written for a reader: words, and not what a program says of itself.

    >>> is_sentence("the question is empty. Ask something about the articles"), is_sentence("Queue is full! Please try again.")
    (True, True)
    >>> is_sentence("KeyError: 'article'"), is_sentence("Internal Server Error"), is_sentence("")
    (False, False, False)
    >>> is_sentence("'NoneType' object has no attribute 'text'"), is_sentence("(sqlite3.OperationalError) the table is locked")
    (False, False)
    """
    few = len(re.findall(r"[^\W\d_]+", said)) < 4
    inner = (
        r"Traceback \(most recent|\b\w+(?:\.\w+)*(?:Error|Exception)\b|\bobject has no\b| object at 0x|\bFile \".+\", line \d"
    )
    return not few and re.search(inner, said) is None


def slope(samples: Sequence[tuple[float, float]]) -> float | None:
    """How fast a value grows, by least squares: from pairs of seconds and value, the value a minute. `None` for fewer than two
    moments.

    >>> slope([(0, 100), (60, 103), (120, 104)])
    2.0
    """
    if len({at for at, _ in samples}) < 2:
        return None
    return statistics.linear_regression(*zip(*samples, strict=True)).slope * 60


def memory(status: str) -> dict[str, float]:
    """Megabytes a process has in memory, from the text of its /proc/PID/status: `resident` in all, of which `anonymous` is what
    it holds itself and `mapped` are files, which the system can drop. What the text does not say is left out.

    >>> memory("Name:\\tpython\\nVmRSS:\\t  500000 kB\\nRssAnon:\\t  375000 kB\\nRssFile:\\t  125000 kB\\n")
    {'resident': 512.0, 'anonymous': 384.0, 'mapped': 128.0}
    """
    stated = dict(re.findall(r"^(\w+):\s+(\d+) kB$", status, re.MULTILINE))
    return {name: int(stated[theirs]) * 1024 / 1e6 for theirs, name in _MEMORY.items() if theirs in stated}


def grown(samples: Sequence[tuple[float, Mapping[str, float]]], began: float) -> dict[str, dict[str, float | None]] | None:
    """How each kind of memory went, in MB, from pairs of seconds and `memory`'s figures: at the start, a minute after people
    `began` to ask, at the end, and the slope in MB a minute from then on. `None` where nothing was measured."""
    if not samples:
        return None
    after = [(at, held) for at, held in samples if at >= began + _MINUTE]
    found: dict[str, dict[str, float | None]] = {}
    for name, first in samples[0][1].items():
        rise = slope([(at, held[name]) for at, held in after])
        found[name] = {
            "start": round(first, 1),
            "after_a_minute": round(after[0][1][name], 1) if after else None,
            "end": round(samples[-1][1][name], 1),
            "slope_mb_per_minute": None if rise is None else round(rise, 3),
        }
    return found


def waits(seconds: Iterable[float]) -> dict[str, float] | None:
    """Median, 95th percentile and longest of some waits, in seconds; `None` where nobody waited.

    >>> waits([3.0, 1.0, 2.0])
    {'questions': 3, 'median_s': 2.0, 'p95_s': 3.0, 'longest_s': 3.0}
    """
    took = sorted(seconds)
    if not took:
        return None
    p95 = took[min(len(took) - 1, int(0.95 * len(took)))]
    figures = {"median_s": statistics.median(took), "p95_s": p95, "longest_s": took[-1]}
    return {"questions": len(took), **{name: round(value, 3) for name, value in figures.items()}}


def revised(text: str, edition: int) -> str:
    """The text as an edition (1 and up) has it: by turns with a sentence before it, which moves all its words, with another
    number in it, with a sentence after it, and as it was at first.

    >>> [revised("Rain killed 9.", edition) for edition in (1, 2, 4)]
    ['This is edition 1 of the report. Rain killed 9.', 'Rain killed 11.', 'Rain killed 9.']
    """
    note = f"This is edition {edition} of the report."
    number = re.search(r"[0-9]{1,9}", text)
    if edition % 4 == 0:
        return text
    if edition % 4 == 1:
        return f"{note} {text}"
    if edition % 4 == 2 and number:
        return f"{text[: number.start()]}{int(number.group()) + edition}{text[number.end() :]}"
    return f"{text} {note}"


def _read(line: bytes) -> Article:
    """A line's article as a sync stores it, with its version."""
    return article(*line_article(line))


# Those who write: each in a process of its own, with articles of its own, so that the changes of one article never overlap.


@dataclass(slots=True)
class _Writer:
    """Changes a collection and writes down, a JSON object a line, what it did and when."""

    config: Config
    folder: Path
    name: str
    encoder: SentenceEncoder = field(init=False)
    changes: int = 0

    def __post_init__(self) -> None:
        self.encoder = SentenceEncoder(self.config.encoder)

    def take_in(self, records: Sequence[Mapping[str, Any]], *, again: bool = False) -> bool:
        """Sync these articles; whether that succeeded."""
        if not records:
            return True
        self.changes += 1
        # Each change has a file that is gone afterwards: an article may then be read from another.
        path = self.folder / f"{self.name}-{self.changes:05}.jsonl"
        lines = [json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records]
        path.write_bytes(b"".join(lines))
        articles = {made.id: made for made in map(_read, lines)}
        try:
            began, report, ended = self._patiently(lambda: sync(path, self.config, encoder=self.encoder))
        finally:
            path.unlink()
        done = dict.fromkeys(articles, "unsure")
        if report is not None:
            done = dict.fromkeys(report.added, "added again" if again else "added")
            done |= dict.fromkeys(report.replaced, "replaced")
            for failure in report.failed:
                self._note({"kind": "failed", "text": failure.reason})
        for article_id, kind in done.items():
            facts = {"id": article_id, "version": articles[article_id].version, "text": articles[article_id].text}
            self._note({"kind": kind, **facts, "began": began, "ended": ended})
        return report is not None

    def take_out(self, article_ids: Sequence[str]) -> bool:
        """Remove these articles; whether that succeeded."""
        began, _, ended = self._patiently(lambda: remove(article_ids, self.config, encoder=self.encoder))
        kind = "removed" if ended < math.inf else "unsure"
        for article_id in article_ids:
            self._note({"kind": kind, "id": article_id, "version": None, "text": "", "began": began, "ended": ended})
        return ended < math.inf

    def _patiently(self, change: Callable[[], Any]) -> tuple[float, Any, float]:
        """When the change began and ended, with what it returned between; it never ends if it fails. While another process
        writes it has not begun."""
        waited = False
        while True:
            began = time.time()
            try:
                return began, change(), time.time()
            except ClippingsError as exc:
                if _LOCKED not in str(exc):
                    self._note({"kind": "failed", "text": str(exc)})
                    return began, None, math.inf
            if not waited:
                self._note({"kind": "waited"})
            waited = True
            time.sleep(_POLL)

    def _note(self, row: Mapping[str, Any]) -> None:
        with (self.folder / f"{self.name}.journal").open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(row) + "\n")


def _keep_syncing(
    config: Config, folder: Path, changing: Sequence[bytes], supply: tuple[Path, int, frozenset[str]], start: Any, done: Any
) -> None:
    """Add new articles and replace the texts of some, a few at a time, until it is `done`."""
    writer, dice = _Writer(config, folder, "syncing"), random.Random(1)
    records = [json.loads(line) for line in changing]
    new = _supply(*supply)
    _ready(writer, start)
    while _goes_on(done):
        edition = writer.changes + 1
        picked = dice.sample(records, min(_REPLACED, len(records)))
        again = [{**record, "text": revised(record["text"], edition)} for record in picked]
        writer.take_in([*islice(new, _NEW), *again])


def _keep_removing(config: Config, folder: Path, changing: Sequence[bytes], start: Any, done: Any) -> None:
    """Remove some articles and add those again that have been away longest, a few at a time, until it is `done`."""
    writer, dice = _Writer(config, folder, "removing"), random.Random(2)
    records = {_read(line).id: json.loads(line) for line in changing}
    there, away = list(records), deque[str]()
    _ready(writer, start)
    while _goes_on(done):
        if there and len(away) <= _REMOVED:
            picked = dice.sample(there, min(_REMOVED, len(there)))
            there = [article_id for article_id in there if article_id not in picked]
            if writer.take_out(picked):
                away.extend(picked)
        elif away:
            picked = [away.popleft() for _ in range(min(_REMOVED, len(away)))]
            if writer.take_in([records[article_id] for article_id in picked], again=True):
                there.extend(picked)


def _ready(writer: _Writer, start: Any) -> None:
    _ = writer.encoder.dims  # loading it is no part of a change
    start.wait(_START)  # until everything is there
    start.wait(_START)  # until one person has asked alone


def _goes_on(done: Any) -> bool:
    """Whether there is to be another change, after a pause."""
    parent = multiprocessing.parent_process()
    return not done.wait(_PAUSE) and parent is not None and parent.is_alive()  # one that was killed says nothing


def _supply(path: Path, base: int, known: frozenset[str]) -> Iterator[dict[str, Any]]:
    """The records of a file after the first, without those whose articles are known."""
    with path.open("rb") as lines:
        for line in islice(lines, base, None):
            try:
                if _read(line).id not in known:
                    yield json.loads(line)
            except SourceError:
                continue  # not an article


# Those who ask.


class _Refused(Exception):
    """What the page said in place of an answer."""


def _answer(page: httpx.Client, named: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a question. Raises `_Refused` with the page's own words, or none, and what `httpx` raises."""
    until = time.monotonic() + _PATIENCE
    posted = page.post("/gradio_api/call/v2/ask", json=named)
    if posted.is_error:
        raise _Refused(_words(posted.text))
    found: dict[str, Any] | None = None
    with page.stream("GET", f"/gradio_api/call/v2/ask/{posted.json()['event_id']}") as told:
        if told.is_error:
            raise _Refused(_words(told.read().decode()))
        kind = ""
        for line in told.iter_lines():
            if time.monotonic() > until:
                raise TimeoutError(f"no answer within {_PATIENCE:.0f} s")
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data" and kind == "complete":
                found = json.loads(value)[0]
            elif name == "data" and kind == "error":
                raise _Refused(_words(value))
    if found is None:
        raise _Refused("")
    return found


def _words(body: str) -> str:
    """What a reply that is no answer says to a reader: its `error` or `detail`, or all of it."""
    try:
        found = json.loads(body)
    except ValueError:
        return body
    if isinstance(found, Mapping):
        found = found.get("error") or found.get("detail")
    return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class _Pool:
    """What there is to ask: topics that change, others, and questions that are put as they are."""

    changing: Sequence[Topic]
    others: Sequence[Topic]
    questions: Sequence[str]
    only_questions: bool

    def drawn(self, person: int) -> Iterator[Question]:
        """A person's questions, without end."""
        dice = random.Random(person)
        while True:
            topic = dice.choice(self.changing if dice.random() < 0.67 or not self.others else self.others)
            put = self.only_questions or dice.random() < 0.25
            question = dice.choice(self.questions) if put else f"What is said about {topic.title}?"
            kind = dice.choice(("plain", "plain", "published", "sources"))
            if kind == "published" and topic.published:
                first, last = topic.published - timedelta(30), topic.published + timedelta(30)
                yield kind, {"question": question, "published_from": first.isoformat(), "published_to": last.isoformat()}
            elif kind == "sources" and topic.source:
                yield kind, {"question": question, "sources": [topic.source]}
            else:
                yield "plain", {"question": question}


def put_questions(url: str, questions: Iterable[Question], seconds: float) -> list[Reply]:
    """Put questions to the page at an address, one after the other, until there are none left or the time is up; what became
    of each. One that fails stops nothing."""
    until = time.monotonic() + seconds
    replies: list[Reply] = []
    with httpx.Client(base_url=url, timeout=_PATIENCE, trust_env=False) as page:
        for kind, named in questions:
            if time.monotonic() > until:
                break
            asked = time.time()
            try:
                found = _answer(page, named)
                cited = tuple(
                    Cited(c["article"]["id"], c["article"]["version"], c["start"], c["end"], c["quote"])
                    for c in found["citations"]
                )
                replies.append(Reply(asked, time.time(), kind, bool(found["abstained"]), cited))
                continue
            except _Refused as exc:
                said = str(exc)
                replies.append(Reply(asked, time.time(), kind, error=said or "nothing was said", said=is_sentence(said)))
            except (httpx.HTTPError, OSError, ValueError, LookupError, TypeError) as exc:
                replies.append(Reply(asked, time.time(), kind, error=f"{type(exc).__name__}: {exc}"))
            time.sleep(0.5)  # who is refused waits a moment, or a page that is gone would be asked a thousand times a second
    return replies


# The page.


@contextmanager
def _opened(home: Path, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The page of a collection in a process of its own, and its address. Raises `ClippingsError` if it does not open."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, str(_APP), "serve", "--home", str(home), "--port", str(port)]
    with log.open("wb") as said:
        page = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        until = time.monotonic() + _START
        while not _answers(url):
            if page.poll() is not None or time.monotonic() > until:
                raise ClippingsError(f"the page did not open. It said: {log.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(0.2)
        yield page, url
    finally:
        _stop(page)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _stop(page: subprocess.Popen[bytes]) -> bool:
    """Tell the page to end; whether it did."""
    page.terminate()
    try:
        page.wait(_END)
    except subprocess.TimeoutExpired:
        page.kill()
        page.wait()
        return False
    return True


class _Watch:
    """Looks every second at how much memory a process has; `samples` are pairs of seconds and `memory`'s figures."""

    def __init__(self, process: int) -> None:
        self._status = Path(f"/proc/{process}/status")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.samples: list[tuple[float, dict[str, float]]] = []

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            try:
                found = memory(self._status.read_text(encoding="utf-8"))
            except OSError:
                return  # it has ended, or this system has no such files
            if found:
                self.samples.append((time.monotonic(), found))
            if self._done.wait(1.0):
                return


# The whole.


@dataclass(slots=True)
class _Base:
    """What a run begins with: lines of the articles that will change, what can be asked, and what is in the catalog."""

    replaced: list[bytes] = field(default_factory=list)
    removed: list[bytes] = field(default_factory=list)
    changing: list[Topic] = field(default_factory=list)
    others: list[Topic] = field(default_factory=list)
    before: list[Change] = field(default_factory=list)
    generation: int = 0


def _prepared(file: Path, base: int, config: Config, folder: Path) -> _Base:
    """Take in the first articles of a file, those that are not there yet."""
    found = _Base()
    known = _known(config)
    seen: set[str] = set()
    moved: list[str] = []
    path = folder / "base.jsonl"
    with file.open("rb") as lines, path.open("wb") as missing:
        for number, line in enumerate(islice(lines, base + _CHANGING)):
            try:
                read = _read(line)
            except SourceError:
                continue  # not an article
            if read.id in seen:
                continue  # one that the sync refuses too
            seen.add(read.id)
            changes = number < 2 * _CHANGING or number >= base
            if read.title:
                topics = found.changing if changes else found.others
                topics.append(Topic(read.title, read.published, read.source))
            if number >= base:
                continue  # one of those to come
            if changes:
                (found.replaced if number % 2 else found.removed).append(line)
            # One that was read from a file which is still there could not be replaced from another.
            elsewhere = read.id in known and changes and Path(known[read.id][1]).exists()
            if elsewhere:
                moved.append(read.id)
            if read.id not in known or elsewhere:
                missing.write(line)
    if moved:
        remove(moved, config)
    if path.stat().st_size:
        sync(path, config)
    path.unlink()
    if not found.changing:
        raise SourceError(f"{file} holds no article with a title among its first. Name a file in the ingest format")
    catalog = Catalog(config.home, config)
    try:
        found.generation = catalog.generation()
        for listing in catalog.listings():
            if stored := catalog.article(listing.headline.id):
                found.before.append(Change(stored.id, stored.version, stored.text, 0.0, 0.0))
    finally:
        catalog.close()
    return found


def _known(config: Config) -> dict[str, tuple[str, str]]:
    if not (config.home / FILE).is_file():
        return {}
    catalog = Catalog(config.home, config)
    try:
        return catalog.known()
    finally:
        catalog.close()


def _journals(folder: Path) -> tuple[list[Change], Counter[str], Counter[str]]:
    """What the writers noted: the changes, how many there were of each kind, and what they failed with."""
    changes: list[Change] = []
    kinds: Counter[str] = Counter({"added": 0, "replaced": 0, "removed": 0, "added again": 0, "unsure": 0, "waited": 0})
    failed: Counter[str] = Counter()
    for journal in sorted(folder.glob("*.journal")):
        with journal.open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if row["kind"] == "failed":
                    failed[row["text"]] += 1
                    continue
                kinds[row["kind"]] += 1
                if row["kind"] != "waited":
                    changes.append(Change(row["id"], row["version"], row["text"], row["began"], row["ended"]))
    return changes, kinds, failed


@dataclass(frozen=True, slots=True)
class _Run:
    """What came of the traffic: how one person and all of them fared, from when on (of `time.monotonic`) the latter asked, the
    page's memory, and how the page and the writers ended."""

    alone: Sequence[Reply]
    replies: Sequence[Reply]
    began: float
    watch: _Watch
    tracebacks: Sequence[str]
    by_itself: int | None
    status: int | None
    ended: bool
    writers: Mapping[str, int | None]


def _run(
    begun: _Base,
    pool: _Pool,
    supply: tuple[Path, int, frozenset[str]],
    config: Config,
    folder: Path,
    people: int,
    seconds: float,
) -> _Run:
    """Open the page, have it asked by one person, then by all while two processes write, and close it."""
    spawn = multiprocessing.get_context("spawn")
    start, done = spawn.Barrier(3, timeout=_START), spawn.Event()
    given = (config, folder)
    writers = {
        "syncing": spawn.Process(target=_keep_syncing, args=(*given, begun.replaced, supply, start, done), daemon=True),
        "removing": spawn.Process(target=_keep_removing, args=(*given, begun.removed, start, done), daemon=True),
    }
    log = folder / "page.log"
    with _opened(config.home, log) as (page, url):
        for writer in writers.values():
            writer.start()
        try:
            start.wait()
            with _Watch(page.pid) as watch:
                alone = put_questions(url, pool.drawn(0), _ALONE * seconds)
                start.wait()
                began = time.monotonic()
                with ThreadPoolExecutor(people) as crowd:
                    asking = [crowd.submit(put_questions, url, pool.drawn(person), seconds) for person in range(1, people + 1)]
                    replies = [reply for person in asking for reply in person.result()]
        except threading.BrokenBarrierError as exc:
            raise ClippingsError("a process that writes did not start. What it says stands above") from exc
        finally:
            done.set()
            for writer in writers.values():
                writer.join(_PATIENCE)
        _, *tracebacks = log.read_text(encoding="utf-8", errors="replace").split("Traceback (most recent call last)")
        by_itself = page.poll()
        ended = _stop(page)
    exits = {role: writer.exitcode for role, writer in writers.items()}
    return _Run(alone, replies, began, watch, tracebacks, by_itself, page.returncode, ended, exits)


def measure(
    file: Path, config: Config, *, people: int = 20, seconds: float = 600.0, base: int = 2000, questions: Sequence[str] = ()
) -> dict[str, Any]:
    """Have an open page of the collection asked and changed for so many seconds; the figures, as the module says.

    Without `questions` they are made of the titles. The collection in `config.home` is changed. Raises `ClippingsError` where
    the run cannot begin.
    """
    with tempfile.TemporaryDirectory(prefix="clippings-traffic-") as name:
        folder = Path(name)
        begun = _prepared(file, base, config, folder)
        pool = _Pool(begun.changing, begun.others, questions or _gold(), bool(questions))
        supply = (file.resolve(), base, frozenset(change.article_id for change in begun.before))
        run = _run(begun, pool, supply, config, folder, people, seconds)
        changes, kinds, failed = _journals(folder)
    generation, differs = _compared(config, [*begun.before, *changes])
    findings = [found for found in examine(config, lambda: None) if found.name in ("collection", "indexes")]
    figures = judged([*run.alone, *run.replies], begun.before, changes)
    faults = [
        *(["a citation was wrong"] if figures["citations"]["wrong"] else []),
        *(["an error was no sentence"] if figures["errors"]["no_sentences"] else []),
        *([] if figures["answers"] else ["nothing was answered"]),
        *([f"the page's log holds {len(run.tracebacks)} tracebacks"] if run.tracebacks else []),
        *([] if run.by_itself is None else [f"the page ended by itself, with status {run.by_itself}"]),
        *([] if run.ended else [f"the page did not end within {_END:.0f} s"]),
        *(f"the {role} process ended with {status}" for role, status in run.writers.items() if status != 0),
        *(f"a change failed with no sentence: {said}" for said in sorted(failed) if not is_sentence(said)),
        *([f"the catalog does not hold what was written: {', '.join(differs[:_EXAMPLES])}"] if differs else []),
        *(f"{found.name}: {found.detail}" for found in findings if not found.well),
    ]
    return {
        "faults": faults,
        "people": people,
        "seconds": seconds,
        "articles_before": len(begun.before),
        **figures,
        "waits": {
            "alone": waits(reply.came - reply.asked for reply in run.alone if reply.error is None),
            "at_once": waits(reply.came - reply.asked for reply in run.replies if reply.error is None),
        },
        "changes": {**kinds, "failed": dict(failed)},
        "generation": [begun.generation, generation],
        "memory_mb": grown(run.watch.samples, run.began),
        "page": {
            "exit_status": run.status,
            "tracebacks": len(run.tracebacks),
            "examples": [said[:_SHOWN] for said in run.tracebacks[:_EXAMPLES]],
        },
        "afterwards": {found.name: found.detail for found in findings},
    }


def _gold() -> list[str]:
    return [case.question for case in cases.load(cases.GOLD / "seeds.jsonl") if not case.history]


def judged(replies: Sequence[Reply], before: Sequence[Change], changes: Sequence[Change]) -> dict[str, Any]:
    """Answers, citations and errors, counted, given what was in the catalog `before` and the changes since. `while_it_changed`
    counts the citations of articles that were being changed at some moment between the question and the answer."""
    versions = histories([*before, *changes])
    changing: dict[str, list[Change]] = {}
    for change in changes:
        changing.setdefault(change.article_id, []).append(change)
    count: Counter[str] = Counter()
    wrong: list[dict[str, Any]] = []
    for reply in replies:
        for cited in reply.citations:
            theirs = changing.get(cited.article_id, ())
            count["checked"] += 1
            count["changed"] += bool(theirs)
            count["meanwhile"] += any(change.began <= reply.came and reply.asked <= change.ended for change in theirs)
            if why := fault(cited, versions.get(cited.article_id, ()), reply.asked, reply.came):
                wrong.append({"why": why, **asdict(cited), "asked": reply.asked, "came": reply.came})
    answered = [reply for reply in replies if reply.error is None]
    unsaid = Counter(reply.error for reply in replies if reply.error is not None and not reply.said)
    return {
        "questions": dict(Counter(reply.limits for reply in replies).most_common()),
        "answers": len(answered),
        "abstained": sum(reply.abstained for reply in answered),
        "citations": {
            "checked": count["checked"],
            "of_articles_that_changed": count["changed"],
            "while_it_changed": count["meanwhile"],
            "wrong": len(wrong),
            "examples": wrong[:_EXAMPLES],
        },
        "errors": {
            "sentences": dict(Counter(reply.error for reply in replies if reply.error is not None and reply.said)),
            "no_sentences": unsaid.total(),
            "examples": dict(unsaid.most_common(_EXAMPLES)),
        },
    }


def _compared(config: Config, changes: Iterable[Change]) -> tuple[int, list[str]]:
    """The collection's generation, and the articles, by id, of which the catalog does not hold what was last written."""
    last = {change.article_id: change for change in sorted(changes, key=lambda change: change.began)}
    catalog = Catalog(config.home, config)
    try:
        held = {listing.headline.id: listing.headline.version for listing in catalog.listings()}
        generation = catalog.generation()
    finally:
        catalog.close()
    sure = {article_id: change.version for article_id, change in last.items() if change.ended < math.inf}
    unknown = held.keys() - last.keys()
    return generation, sorted({*(i for i, version in sure.items() if held.get(i) != version), *unknown})


def _questions(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [str(json.loads(line)["question"]) for line in lines if line.strip()]
    except (OSError, ValueError, LookupError, TypeError) as exc:
        raise ConfigError(f"the questions in {path} cannot be read: {exc!r}. Each line is an object with a question") from exc
    if not found:
        raise ConfigError(f"{path} holds no question. Each line is an object with a question")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print, as JSON; the exit status: 0 nothing is wrong, 1 something is, 2 the run cannot begin."""
    parser = argparse.ArgumentParser(prog="python -m eval.bench.traffic", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="articles in the ingest format, one a line")
    parser.add_argument("--people", type=int, default=20, help="who ask at once (default: 20)")
    parser.add_argument("--minutes", type=float, default=10.0, help="for how long (default: 10)")
    parser.add_argument("--base", type=int, default=2000, help="articles taken in before anybody asks (default: 2000)")
    parser.add_argument("--questions", type=Path, help="a JSON object with a question a line (default: made of the titles)")
    parser.add_argument("--home", type=Path, help="a collection that may hold articles already; it is changed")
    options = parser.parse_args(arguments)
    if min(options.people, options.base) < 1 or not options.minutes > 0:
        parser.error("--people, --base and --minutes must be more than 0")
    try:
        questions = _questions(options.questions) if options.questions else []
        with tempfile.TemporaryDirectory(prefix="clippings-home-") as folder:
            config = load(home=options.home or Path(folder) / "home")
            run = {"people": options.people, "seconds": options.minutes * 60, "base": options.base, "questions": questions}
            measured = measure(options.file, config, **run)
    except (ClippingsError, OSError) as exc:
        print(f"traffic: {exc}", file=sys.stderr)
        return 2
    print(json.dumps(measured, indent=2, ensure_ascii=False))
    return 1 if measured["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
