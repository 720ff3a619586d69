"""How the program ends: as a process, with real engines, by the hundred.

An interpreter that ends under a thread in native code aborts now and then only, so every kind of ending is
run again and again: ENDINGS=1000 for the long version.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import SEEDS

from ingest import sync
from rag import Config
from rag.surfaces.loading import Loading

pytestmark = [pytest.mark.server, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
RUNS = int(os.environ.get("ENDINGS", "105"))
QUESTION = "Who struck first?"
# What Python, the C++ runtime and the system say of a process that did not end as it should.
CRASHES = (
    "terminate called",
    "Fatal Python error",
    "Traceback",
    "Exception ignored",
    "core dumped",
    "Segmentation",
)


@dataclass(frozen=True)
class Kind:
    """A way to run `ask`, the status it has to end with, how often it is run beside the others, and how its
    output is treated.
    """

    arguments: tuple[str, ...]
    status: int
    says: str
    share: int
    environ: dict[str, str] = field(default_factory=dict)
    streams: str = ""  # as a shell writes them
    signal: int | None = None  # sent while the encoder and the reader are being loaded
    deaf: bool = False  # nobody reads what is printed


KINDS = {
    "missing home": Kind(("--home", "none", QUESTION), 1, "there is no collection in none", 16),
    "empty folder": Kind(("--home", "empty", QUESTION), 1, "there is no collection in empty", 16),
    "file as home": Kind(("--home", "file", QUESTION), 1, "file is a file, not a collection", 16),
    "closed folder": Kind(("--home", "x" * 300, QUESTION), 1, "cannot be read: File name too long", 4),
    "no name": Kind(("--home", " ", QUESTION), 2, "--home is empty", 3),
    "wordless": Kind(("?!",), 2, "the question has no word", 16),
    "not UTF-8": Kind(("caf\udce9?",), 2, r"the argument 'caf\udce9?' is not UTF-8 text", 4),
    "wrong days": Kind(
        (QUESTION, "--after", "2024-02-01", "--before", "2024-01-01"), 2, "no article can be published", 4
    ),
    "wrong setting": Kind(
        (QUESTION,), 2, "unknown setting retrieval.kepe", 3, {"CLIPPINGS_RETRIEVAL_KEPE": "1"}
    ),
    "unknown option": Kind((QUESTION, "--no-such"), 2, "unrecognized arguments", 3),
    "other encoder": Kind((QUESTION,), 1, "was made with encoder", 3, {"CLIPPINGS_ENCODER": "other"}),
    "other passages": Kind(
        (QUESTION,), 1, "was made with passages.words", 3, {"CLIPPINGS_PASSAGES_WORDS": "80"}
    ),
    "unknown source": Kind((QUESTION, "--source", "Down"), 2, "there is no source 'Down'", 1),
    "good": Kind((QUESTION,), 0, "", 3),
    "good, nobody reads": Kind((QUESTION,), 0, "", 1, deaf=True),
    "good, no streams": Kind((QUESTION,), 0, "", 1, streams="<&- >&- 2>&-"),
    "good, full disk": Kind((QUESTION,), 1, "the output could not be written", 1, streams=">/dev/full"),
    "interrupted": Kind((QUESTION,), 130, "stopped", 4, signal=signal.SIGINT),
    "terminated": Kind((QUESTION,), 143, "stopped", 4, signal=signal.SIGTERM),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a collection of real vectors, an empty folder and a file."""
    place = tmp_path_factory.mktemp("endings")
    sync(SEEDS, Config(home=place / "home"))
    (place / "empty").mkdir()
    (place / "file").write_text("x")
    return place


def started(
    place: Path, arguments: tuple[str, ...], streams: str = "", **environ: str
) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "app.py"), *arguments]
    if streams:
        command = ["sh", "-c", f'exec "$@" {streams}', "sh", *command]
    known = {name: value for name, value in os.environ.items() if not name.startswith("CLIPPINGS_")}
    return subprocess.Popen(
        command, cwd=place, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**known, "CLIPPINGS_HOME": str(place / "home"), "XDG_DATA_HOME": str(place / "data"), **environ},
    )  # fmt: skip


IMPORTING, COMPILING = (
    "libopenvino.so",
    "libopenvino_intel_cpu",
)  # libraries: with the second the graphs are made


def until_native(process: subprocess.Popen[str], library: str) -> None:
    """Wait until the process has loaded this library."""
    for _ in range(3_000):
        if process.poll() is not None or library in Path(f"/proc/{process.pid}/maps").read_text():
            return
        time.sleep(0.01)
    raise AssertionError("it has loaded nothing within half a minute")


def ending(place: Path, kind: Kind, number: int) -> tuple[int, str]:
    process = started(place, ("ask", *kind.arguments), kind.streams, **kind.environ)
    if kind.deaf and process.stdout:
        process.stdout.close()
        process.stdout = None
    if kind.signal is not None:
        until_native(process, (IMPORTING, COMPILING)[number % 2])
        process.send_signal(kind.signal)
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors


def test_ask_ends_as_the_reference_says_however_often(place: Path) -> None:
    whole = sum(kind.share for kind in KINDS.values())
    plan = [name for name, kind in KINDS.items() for _ in range(max(1, round(kind.share * RUNS / whole)))]
    assert len(plan) >= 100
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda name, number: ending(place, KINDS[name], number), plan, range(len(plan))))
    statuses: dict[str, Counter[int]] = {name: Counter() for name in KINDS}
    for name, (status, _) in zip(plan, ends, strict=True):
        statuses[name][status] += 1
    assert statuses == {name: Counter({kind.status: plan.count(name)}) for name, kind in KINDS.items()}
    for name, (_, errors) in zip(plan, ends, strict=True):
        assert [mark for mark in CRASHES if mark in errors] == [], (name, errors)
        assert KINDS[name].says in errors, (name, errors)
        if KINDS[name].status == 0:
            assert errors == ""


def test_every_status_is_in_the_reference() -> None:
    table = (
        (ROOT / "docs" / "reference.md")
        .read_text(encoding="utf-8")
        .partition("| status |")[2]
        .partition("\n\n")[0]
    )
    documented = {int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert documented == {kind.status for kind in KINDS.values()}


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (("eval",), signal.SIGTERM),
        (("doctor",), signal.SIGINT),
        (("sync", str(SEEDS), "--home", "stopped"), signal.SIGTERM),
        (("serve",), signal.SIGINT),
    ],
)
def test_other_commands_stopped_while_they_load_end_alike(
    place: Path, arguments: tuple[str, ...], number: int
) -> None:
    with socket.socket() as free:  # whoever tests beside this one has another
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = started(place, (*arguments, "--port", str(port)) if arguments == ("serve",) else arguments)
    until_native(process, IMPORTING)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, [mark for mark in CRASHES if mark in errors]) == (128 + number, [])


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", "2>/dev/full"])
def test_a_sync_whose_progress_nobody_sees_goes_on_to_its_end(
    place: Path, streams: str, tmp_path: Path
) -> None:
    (tmp_path / "story.txt").write_text("Rain fell on Monday.")
    process = started(place, ("sync", str(tmp_path / "story.txt"), "--home", str(tmp_path / "new")), streams)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    with closing(sqlite3.connect(tmp_path / "new" / "catalog.sqlite")) as catalog:
        assert catalog.execute("SELECT text FROM articles").fetchall() == [("Rain fell on Monday.",)]


def test_nothing_that_is_opened_takes_the_number_of_a_closed_stream(place: Path) -> None:
    """Else what is printed would be written into it."""
    program = (
        "import os, sys; from rag.surfaces.process import run_to_exit\n"
        "def run():\n    opened = os.open('file', os.O_RDWR); os.write(1, b'printed'); os.write(2, b'said'); "
        "return opened\n"
        "sys.exit(run_to_exit(run))"
    )
    command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", program]
    run = subprocess.run(command, cwd=place, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True)
    assert run.returncode > 2
    assert (place / "file").read_text() == "x"


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_of_another_encoding_is_no_fault(place: Path, encoding: str) -> None:
    process = started(place, ("show", "seeds/no_“such”"), PYTHONIOENCODING=encoding)
    printed, errors = process.communicate(timeout=60)
    assert (process.returncode, printed) == (1, "")
    assert r"clippings: there is no article seeds/no_\u201csuch\u201d" in errors


def test_a_thread_that_nobody_waits_for_does_not_bring_the_process_down(place: Path) -> None:
    """As a language model of this process, which is still at work when the page ends."""
    program = (
        "import sys, threading; from rag.surfaces.process import run_to_exit; from rag.models.encoder import "
        "SentenceEncoder; import openvino\n"
        "def run():\n"
        "    encoder = SentenceEncoder('all-MiniLM-L6-v2')\n"
        "    threading.Thread(target=lambda: encoder.question('warm'), daemon=True).start()\n"
        "    return 3\n"
        "sys.exit(run_to_exit(run))"
    )

    def run(_: int) -> tuple[int, str]:
        command = [sys.executable, "-c", program]
        ended = subprocess.run(
            command, cwd=place, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        return ended.returncode, ended.stderr

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, range(8))) == [(3, "")] * 8


# The threads that load


def test_closing_waits_for_the_steps_that_have_begun() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def step() -> None:
        begun.set()
        go_on.wait(10)
        done.append(1)

    loading = Loading(step)
    begun.wait(10)
    threading.Timer(0.05, go_on.set).start()
    loading.close()
    assert done == [1]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, BrokenPipeError])
def test_whatever_ends_the_block_no_thread_is_left(error: type[BaseException]) -> None:
    with pytest.raises(error), Loading(lambda: time.sleep(0.05), lambda: 1 / 0):
        raise error
    assert [thread for thread in threading.enumerate() if thread.name == "loading"] == []


def test_a_step_that_has_not_begun_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Callable[[], None]] = []

    class Slow(threading.Thread):
        def start(self) -> None:
            waiting.append(self._target)  # type: ignore[attr-defined]

        def join(self, timeout: float | None = None) -> None:
            for begin in [*waiting]:  # the system comes to it only now
                waiting.clear()
                begin(*self._args)  # type: ignore[attr-defined]

    monkeypatch.setattr("threading.Thread", Slow)
    steps: list[int] = []
    Loading(lambda: steps.append(1)).close()
    assert steps == []
