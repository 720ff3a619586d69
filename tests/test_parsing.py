"""Documents are read in processes of their own: what one does there costs nothing but itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ingest.formats.extracted import Extracted, Fact
from ingest.formats.parsing import Parsers
from rag.errors import SourceError

pytestmark = pytest.mark.slow

PAGE = b"<html lang='en'><title>A</title><h1>A storm</h1><p>The storm reached the coast on Monday and felled nine trees.</p></html>"
READ = Extracted(
    "The storm reached the coast on Monday and felled nine trees.",
    {"title": Fact("A storm", "heading"), "language": Fact("en", "html lang")},
)


def mail(body: str) -> bytes:
    return (
        f"From: Ana <a@example.org>\nSubject: S\nContent-Type: text/plain; charset=utf-8\n\n{body}".encode()
    )


def children() -> set[str]:
    """The processes that read documents just now."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True
    ).stdout
    return {line.split()[0] for line in listed.splitlines() if "ingest.formats.worker" in line}


def test_what_a_document_says_comes_back_whole() -> None:
    with Parsers() as parsers:
        assert parsers.extract("html", PAGE) == READ


def test_one_process_reads_one_document_after_another_and_ends_at_the_end() -> None:
    with Parsers(1) as parsers:
        assert children() == set(), "none is started before it is needed"
        parsers.extract("html", PAGE)
        first = children()
        parsers.extract("mail", mail("The storm came."))
        assert (children(), len(first)) == (first, 1)
    assert children() == set()


def test_several_are_read_at_once_by_no_more_processes_than_were_asked_for() -> None:
    found: list[Extracted] = []
    with Parsers(2) as parsers:
        threads = [
            threading.Thread(target=lambda: found.append(parsers.extract("html", PAGE))) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 1 <= len(children()) <= 2
    assert found == [READ] * 6


def test_options_reach_the_reader() -> None:
    with Parsers() as parsers:
        assert parsers.extract("html", PAGE, {"url": "https://example.org/a"}).facts["url"] == Fact(
            "https://example.org/a", "its address"
        )


def test_the_readers_own_reason_is_handed_on() -> None:
    with Parsers() as parsers:
        with pytest.raises(SourceError, match="no article's text was found on the page"):
            parsers.extract("html", b"<html><body><a href=x>One</a></body></html>")
        assert parsers.extract("html", PAGE) == READ, "and the process goes on"


def test_a_document_that_takes_too_long_is_given_up_and_the_next_is_read() -> None:
    with Parsers(1, seconds=0.05) as parsers:
        began = time.monotonic()
        with pytest.raises(SourceError, match=r"it took longer than 0\.05 seconds to be read"):
            parsers.extract("html", PAGE)  # its process alone takes longer to start
        assert time.monotonic() - began < 5
        parsers._seconds = 60
        assert parsers.extract("html", PAGE) == READ


def test_a_document_that_takes_too_much_memory_is_refused() -> None:
    paragraphs = b"".join(
        b"<p>The storm of the year %d felled nine trees on the coast.</p>" % n for n in range(200_000)
    )
    with (
        Parsers(1, memory=350_000_000) as parsers,
        pytest.raises(SourceError, match=r"memory|the process that read it crashed"),
    ):
        parsers.extract("html", PAGE.replace(b"</p>", b"</p>" + paragraphs))


def test_a_process_that_dies_is_a_reason_and_the_next_document_gets_a_new_one() -> None:
    with Parsers(1) as parsers:
        parsers.extract("html", PAGE)
        (pid,) = children()
        os.kill(int(pid), signal.SIGKILL)
        with pytest.raises(SourceError, match="the process that read it crashed"):
            parsers.extract("html", PAGE)
        assert parsers.extract("html", PAGE) == READ


def test_what_goes_wrong_in_a_library_is_a_reason_and_no_traceback() -> None:
    with Parsers() as parsers, pytest.raises(SourceError) as refused:
        parsers.extract("html", PAGE, {"no_such": 1})
    assert str(refused.value).startswith("it cannot be read, and seems to be damaged (TypeError")
    assert str(refused.value).endswith("Open it and save it again, or as text")


def test_who_gives_up_does_not_wait(tmp_path: Path) -> None:
    paragraphs = b"".join(
        b"<p>The storm of the year %d felled nine trees on the coast.</p>" % n for n in range(60_000)
    )
    refused: list[str] = []

    def read(parsers: Parsers) -> None:
        try:
            parsers.extract("html", PAGE.replace(b"</p>", b"</p>" + paragraphs))
        except SourceError as exc:
            refused.append(str(exc))

    with Parsers(1) as parsers:
        reading = threading.Thread(target=read, args=(parsers,))
        reading.start()
        while not children():
            time.sleep(0.01)
        began = time.monotonic()
        parsers.abandon()
        reading.join()
        assert time.monotonic() - began < 2
        with pytest.raises(SourceError, match="the sync was stopped"):
            parsers.extract("html", PAGE)
    assert len(refused) == 1
    assert children() == set()


def test_a_process_ends_with_the_one_it_reads_for_also_when_that_is_killed() -> None:
    program = (
        "import sys, time; from ingest.formats.parsing import Parsers; p = Parsers(1); p.extract('mail', "
        "sys.stdin.buffer.read());"
        "(w,) = p._living; print(w._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write(mail("The storm came."))
    parent.stdin.close()
    pid = int(parent.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()
