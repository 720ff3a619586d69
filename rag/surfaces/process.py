"""This process: its standard streams, the signals that stop it, and its exit status."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TextIO

from rag.errors import ClippingsError
from rag.system.terminal import one_line

__all__ = [
    "BROKEN_PIPE",
    "INTERRUPTED",
    "UNWRITTEN",
    "Terminated",
    "UnwrittenError",
    "print_error",
    "print_line",
    "run_to_exit",
    "status_of",
]

INTERRUPTED = 130  # 128 plus the number of SIGINT, as in shells
BROKEN_PIPE = 0  # the reader of our output has closed it, as `head` does
UNWRITTEN = 1


class Terminated(KeyboardInterrupt):
    """SIGTERM: the same as Ctrl-C, with another exit status."""

    status = 128 + signal.SIGTERM


def status_of(interruption: KeyboardInterrupt) -> int:
    """130 for Ctrl-C, 143 for SIGTERM."""
    return interruption.status if isinstance(interruption, Terminated) else INTERRUPTED


class UnwrittenError(ClippingsError):
    """Standard output cannot be written."""


def print_line(text: str) -> None:
    """Print to standard output. Raises `UnwrittenError` where that fails, as on a full disk."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise UnwrittenError(f"the output could not be written: {exc.strerror}") from exc


def print_error(sentence: str) -> None:
    """Print one line to standard error. If that is closed, nothing happens."""
    try:
        print(one_line(sentence), file=sys.stderr, flush=True)
    except (OSError, ValueError):  # closed, or its reader has gone
        _abandon(sys.stderr)


def run_to_exit(run: Callable[[], int]) -> int:
    """Run the whole program; the exit status.

    Standard streams that are closed are opened on the null device. Otherwise files opened later would get
    their numbers, and `print` would write into them. SIGTERM stops the program as Ctrl-C does. A second
    signal ends the process at once.
    """
    _open_streams()
    received = _handle_signals()
    try:
        status = run()
        if status and received:  # the error was only a consequence of the interruption
            status = status_of(received[0])
    except SystemExit as exc:  # argparse has already printed
        status = exc.code if isinstance(exc.code, int) else 0 if exc.code is None else 1
    except BaseException as exc:
        if not (received or isinstance(exc, KeyboardInterrupt)):
            raise
        # A library that is being imported may turn the interruption into an ImportError.
        print_error("clippings: stopped")
        status = status_of(received[0]) if received else INTERRUPTED
    return _exit_status(_flush(status))


def _open_streams() -> None:
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
            os.set_inheritable(opened, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")  # a terminal in Latin-1 has no “quotation marks”


def _handle_signals() -> list[KeyboardInterrupt]:
    """A list that receives the first SIGINT or SIGTERM. It is raised in the main thread as well."""
    received: list[KeyboardInterrupt] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        received.append(Terminated() if number == signal.SIGTERM else KeyboardInterrupt())
        raise received[0]

    for each, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(each) == usual:  # a signal that is ignored, as under nohup, stays ignored
            signal.signal(each, stop)
    return received


def _flush(status: int) -> int:
    """The exit status after standard output was flushed, which may fail."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon(sys.stdout)  # the command itself was successful
    except OSError as exc:
        _abandon(sys.stdout)
        print_error(f"clippings: the output could not be written: {exc.strerror}")
        status = UNWRITTEN
    return status


def _abandon(stream: TextIO) -> None:
    """Redirect a stream that cannot be written to the null device: Python flushes its buffer at exit."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):  # it has no number, as in a test
        return


def _exit_status(status: int) -> int:
    """The exit status. With daemon threads left, the process ends here instead: a thread that is in native
    code, such as a language model's, would crash the interpreter while it shuts down.
    """
    if any(thread.daemon for thread in threading.enumerate() if thread is not threading.current_thread()):
        import logging

        logging.shutdown()
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(status)
    return status
