"""An open page under traffic: twenty people ask it over REST, as fast as answers come, while one process
syncs and one removes.

    python -m eval.bench.traffic FILE.jsonl [--people 20] [--minutes 10] [--base 2000] [--questions
    FILE.jsonl] [--home DIR]

FILE is in the ingest format. Its first articles (`--base`) are taken in before anybody asks; of these, some
dozens are given new texts, removed and added again while people ask, and what is left of the file is added
little by little. Every change is noted with the time before it and after it, so that each citation is judged
by the catalog of its moment: it is right if the version that it names may have been there between the
question and the answer, and its words stand in that version's text.

Questions are made of the articles' titles, half of them of those that change, mixed with the gold questions
of the demo articles; or they are those of `--questions`, a JSON object with a "question" a line. Half of them
are asked of all articles, a quarter of a time and a quarter of a source.

Printed as JSON: the answers, the citations checked and those that were wrong, the errors that are a sentence
and those that are none, the seconds a question took (one person alone, asked first, and all at once), what
the two processes changed and how often they waited for each other, the collection's generation, the page's
memory (what it holds itself, and the files it has mapped, apart) minute by minute with its slope after the
first, how the page ended, and what `clippings doctor` finds of the collection and its indexes afterwards.
`faults` lists what must not be: the exit status is 1 if there is any.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from eval import cases
from eval.bench.traffic.asking import PATIENCE, Pool, Topic, put_questions, waits
from eval.bench.traffic.judging import EXAMPLES, Change, Reply, is_sentence, judged
from eval.bench.traffic.page import END, Watch, grown, opened, stop
from eval.bench.traffic.writing import START, journals, keep_removing, keep_syncing, stored
from ingest import remove, sync
from rag.config import Config, load
from rag.doctor import examine
from rag.errors import ClippingsError, ConfigError, SourceError
from rag.store.catalog import FILE, Catalog

__all__ = ["main", "measure"]

_ALONE = 0.05  # of the time, for the one who asks first
# articles whose text changes, and as many that go and come back: few, so that answers often rest on them
_CHANGING = 16
_SHOWN = 4_000  # characters of a traceback: the log goes with the run


@dataclass(slots=True)
class _Base:
    """What a run begins with: lines of the articles that will change, what can be asked, and what is in the
    catalog.
    """

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
                read = stored(line)
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
        raise SourceError(
            f"{file} holds no article with a title among its first. Name a file in the ingest format"
        )
    catalog = Catalog(config.home, config)
    try:
        found.generation = catalog.generation()
        for listing in catalog.listings():
            if held := catalog.article(listing.headline.id):
                found.before.append(Change(held.id, held.version, held.text, 0.0, 0.0))
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


@dataclass(frozen=True, slots=True)
class _Run:
    """What came of the traffic: how one person and all of them fared, from when on (of `time.monotonic`) the
    latter asked, the page's memory, and how the page and the writers ended."""

    alone: Sequence[Reply]
    replies: Sequence[Reply]
    began: float
    watch: Watch
    tracebacks: Sequence[str]
    by_itself: int | None
    status: int | None
    ended: bool
    writers: Mapping[str, int | None]


def _run(
    begun: _Base,
    pool: Pool,
    supply: tuple[Path, int, frozenset[str]],
    config: Config,
    folder: Path,
    people: int,
    seconds: float,
) -> _Run:
    """Open the page, have it asked by one person, then by all while two processes write, and close it."""
    spawn = multiprocessing.get_context("spawn")
    start, done = spawn.Barrier(3, timeout=START), spawn.Event()
    given = (config, folder)
    writers = {
        "syncing": spawn.Process(
            target=keep_syncing, args=(*given, begun.replaced, supply, start, done), daemon=True
        ),
        "removing": spawn.Process(
            target=keep_removing, args=(*given, begun.removed, start, done), daemon=True
        ),
    }
    log = folder / "page.log"
    with opened(config.home, log) as (page, url):
        for writer in writers.values():
            writer.start()
        try:
            start.wait()
            with Watch(page.pid) as watch:
                alone = put_questions(url, pool.drawn(0), _ALONE * seconds)
                start.wait()
                began = time.monotonic()
                with ThreadPoolExecutor(people) as crowd:
                    asking = [
                        crowd.submit(put_questions, url, pool.drawn(person), seconds)
                        for person in range(1, people + 1)
                    ]
                    replies = [reply for person in asking for reply in person.result()]
        except threading.BrokenBarrierError as exc:
            raise ClippingsError("a process that writes did not start. What it says stands above") from exc
        finally:
            done.set()
            for writer in writers.values():
                writer.join(PATIENCE)
        _, *tracebacks = log.read_text(encoding="utf-8", errors="replace").split(
            "Traceback (most recent call last)"
        )
        by_itself = page.poll()
        ended = stop(page)
    exits = {role: writer.exitcode for role, writer in writers.items()}
    return _Run(alone, replies, began, watch, tracebacks, by_itself, page.returncode, ended, exits)


def measure(
    file: Path,
    config: Config,
    *,
    people: int = 20,
    seconds: float = 600.0,
    base: int = 2000,
    questions: Sequence[str] = (),
) -> dict[str, Any]:
    """Have an open page of the collection asked and changed for so many seconds; the figures, as the module
    says.

    Without `questions` they are made of the titles. The collection in `config.home` is changed. Raises
    `ClippingsError` where the run cannot begin.
    """
    with tempfile.TemporaryDirectory(prefix="clippings-traffic-") as name:
        folder = Path(name)
        begun = _prepared(file, base, config, folder)
        pool = Pool(begun.changing, begun.others, questions or _gold(), bool(questions))
        supply = (file.resolve(), base, frozenset(change.article_id for change in begun.before))
        run = _run(begun, pool, supply, config, folder, people, seconds)
        changes, kinds, failed = journals(folder)
    generation, differs = _compared(config, [*begun.before, *changes])
    findings = [found for found in examine(config, lambda: None) if found.name in ("collection", "indexes")]
    figures = judged([*run.alone, *run.replies], begun.before, changes)
    faults = [
        *(["a citation was wrong"] if figures["citations"]["wrong"] else []),
        *(["an error was no sentence"] if figures["errors"]["no_sentences"] else []),
        *([] if figures["answers"] else ["nothing was answered"]),
        *([f"the page's log holds {len(run.tracebacks)} tracebacks"] if run.tracebacks else []),
        *([] if run.by_itself is None else [f"the page ended by itself, with status {run.by_itself}"]),
        *([] if run.ended else [f"the page did not end within {END:.0f} s"]),
        *(f"the {role} process ended with {status}" for role, status in run.writers.items() if status != 0),
        *(f"a change failed with no sentence: {said}" for said in sorted(failed) if not is_sentence(said)),
        *(
            [f"the catalog does not hold what was written: {', '.join(differs[:EXAMPLES])}"]
            if differs
            else []
        ),
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
            "examples": [said[:_SHOWN] for said in run.tracebacks[:EXAMPLES]],
        },
        "afterwards": {found.name: found.detail for found in findings},
    }


def _gold() -> list[str]:
    return [case.question for case in cases.load(cases.GOLD / "seeds.jsonl") if not case.history]


def _compared(config: Config, changes: Iterable[Change]) -> tuple[int, list[str]]:
    """The collection's generation, and the articles, by id, of which the catalog does not hold what was last
    written.
    """
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
        raise ConfigError(
            f"the questions in {path} cannot be read: {exc!r}. Each line is an object with a question"
        ) from exc
    if not found:
        raise ConfigError(f"{path} holds no question. Each line is an object with a question")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print, as JSON; the exit status: 0 nothing is wrong, 1 something is, 2 the run cannot
    begin.
    """
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.traffic", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("file", type=Path, help="articles in the ingest format, one a line")
    parser.add_argument("--people", type=int, default=20, help="who ask at once (default: 20)")
    parser.add_argument("--minutes", type=float, default=10.0, help="for how long (default: 10)")
    parser.add_argument(
        "--base", type=int, default=2000, help="articles taken in before anybody asks (default: 2000)"
    )
    parser.add_argument(
        "--questions", type=Path, help="a JSON object with a question a line (default: made of the titles)"
    )
    parser.add_argument(
        "--home", type=Path, help="a collection that may hold articles already; it is changed"
    )
    options = parser.parse_args(arguments)
    if min(options.people, options.base) < 1 or not options.minutes > 0:
        parser.error("--people, --base and --minutes must be more than 0")
    try:
        questions = _questions(options.questions) if options.questions else []
        with tempfile.TemporaryDirectory(prefix="clippings-home-") as folder:
            config = load(home=options.home or Path(folder) / "home")
            run = {
                "people": options.people,
                "seconds": options.minutes * 60,
                "base": options.base,
                "questions": questions,
            }
            measured = measure(options.file, config, **run)
    except (ClippingsError, OSError) as exc:
        print(f"traffic: {exc}", file=sys.stderr)
        return 2
    print(json.dumps(measured, indent=2, ensure_ascii=False))
    return 1 if measured["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
