"""This process among others: the streams it was given, the signals it is sent, and the status it ends with."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rag.errors import ClippingsError
from rag.system.terminal import one_line

__all__ = [
    "BROKEN_PIPE", "INTERRUPTED", "UNWRITTEN", "Terminated", "UnwrittenError", "ended", "say", "status_of", "tell",
]  # fmt: skip

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it
BROKEN_PIPE = 0  # whoever reads our output has had enough, as `head` has
UNWRITTEN = 1


class Terminated(KeyboardInterrupt):
    """SIGTERM: what Ctrl-C does, with a status of its own."""

    status = 128 + signal.SIGTERM


def status_of(interruption: KeyboardInterrupt) -> int:
    """130 for Ctrl-C, 143 for SIGTERM."""
    return interruption.status if isinstance(interruption, Terminated) else INTERRUPTED


class UnwrittenError(ClippingsError):
    """Standard output takes no more."""


def say(text: str) -> None:
    """Print to standard output. Raises `UnwrittenError` where that takes no more, as on a disk that is full."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise UnwrittenError(f"what was to be printed could not be written: {exc.strerror}") from exc


def tell(sentence: str) -> None:
    """Print one line to standard error; where nobody listens there is nobody to be told."""
    try:
        print(one_line(sentence), file=sys.stderr, flush=True)
    except (OSError, ValueError):  # closed, or its reader has gone
        _abandon(sys.stderr)


def ended(run: Callable[[], int]) -> int:
    """Run the program of this process to its end; the exit status.

    Standard streams that are closed are opened on the null device: files opened later would take their
    numbers, and be written to by whatever prints. SIGTERM ends the process as Ctrl-C does; a second signal
    ends it at once.
    """
    _open_streams()
    heard = _listen()
    try:
        status = run()
        if status and heard:  # what was made of the interruption on its way is not what went wrong
            status = status_of(heard[0])
    except SystemExit as exc:  # argparse has printed already
        status = exc.code if isinstance(exc.code, int) else 0 if exc.code is None else 1
    except BaseException as exc:
        if not (heard or isinstance(exc, KeyboardInterrupt)):
            raise
        # A library that is just being imported makes an ImportError of it.
        tell("clippings: stopped")
        status = status_of(heard[0]) if heard else INTERRUPTED
    return _leave(_flushed(status))


def _open_streams() -> None:
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
            os.set_inheritable(opened, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  for as long as we run
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")  # a terminal in Latin-1 has no “quotation marks”


def _listen() -> list[KeyboardInterrupt]:
    """Where the first signal to stop arrives; it is raised too."""
    heard: list[KeyboardInterrupt] = []

    def stop(number: int, _frame: Any) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        heard.append(Terminated() if number == signal.SIGTERM else KeyboardInterrupt())
        raise heard[0]

    for each, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(each) == usual:  # one that is ignored, as under nohup, stays so
            signal.signal(each, stop)
    return heard


def _flushed(status: int) -> int:
    """The status, once all that was printed has been written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon(sys.stdout)  # and what the command has come to stays what it is
    except OSError as exc:
        _abandon(sys.stdout)
        tell(f"clippings: what was to be printed could not be written: {exc.strerror}")
        status = UNWRITTEN
    return status


def _abandon(stream: Any) -> None:
    """Point a stream that cannot be written to at the null device: what it still holds is flushed when Python
    ends.
    """
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):  # it has no number, as in a test
        return


def _leave(status: int) -> int:
    """The status; where threads are left that nobody waits for, the process ends here: in native code, as a
    language model of this process is, they would bring it down with the interpreter."""
    if any(thread.daemon for thread in threading.enumerate() if thread is not threading.current_thread()):
        import logging

        logging.shutdown()
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(status)
    return status
