"""The fast tier: `pytest --fast` leaves out what is marked slow, browser or server, and holds the rest to it.

A test of the fast tier stays in its own process. It fails when it reaches for the network, starts another
program, or loads a model, also where the code under test swallows the error that it gets. Python itself
reports these acts, as audit events, so no test has to be written with the guard in mind.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

__all__ = ["LEFT_OUT", "FastTier"]

LEFT_OUT = ("slow", "browser", "server")
_MARKED = re.compile(rf"^pytestmark = .*pytest\.mark\.({'|'.join(LEFT_OUT)})\b", re.MULTILINE)
# What runs or trains a model. Importing one takes seconds, and is the first step of loading it.
_ENGINES = {"openvino", "torch", "transformers", "sentence_transformers", "playwright"}
_LOADS = re.compile(rf"^(?:import|from) (?:{'|'.join(sorted(_ENGINES))})\b", re.MULTILINE)
_WEIGHTS = (".safetensors", ".onnx")
_PROCESSES = {
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
}


class FastTier:
    """A plugin of pytest. One process has one of it, as audit hooks cannot be taken off again."""

    def __init__(self) -> None:
        self._watching = False
        self._reached: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._watching and (act := _forbidden(event, arguments)):
            self._reached.append(act)
            raise PermissionError(f"a test of the fast tier {act}")

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave a file out unopened where none of its tests would be run: some take seconds to import."""
        if collection_path.suffix != ".py" or not collection_path.is_file():
            return None
        source = collection_path.read_text(encoding="utf-8")
        tested = collection_path.name.startswith(("test_", "conftest")) or ">>>" in source
        return None if tested and not _MARKED.search(source) and not _LOADS.search(source) else True

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out the tests that are marked."""
        left = [item for item in items if any(item.get_closest_marker(name) for name in LEFT_OUT)]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in set(left)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Generator[None]:
        """Watch the fixtures."""
        return (yield from self._watched())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None]:
        """Watch the test."""
        return (yield from self._watched())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Generator[None]:
        """Watch what is left to be done after it."""
        return (yield from self._watched())

    def _watched(self) -> Generator[None]:
        self._reached.clear()
        self._watching = True
        try:
            yield
        finally:
            self._watching = False
        if self._reached:
            pytest.fail(
                f"this test {self._reached[0]}, which the fast tier does not: mark it slow, server or browser",
                pytrace=False,
            )


def _forbidden(event: str, arguments: tuple[Any, ...]) -> str | None:
    """What an audit event is in words, where the fast tier does not do it."""
    if event in ("socket.connect", "socket.bind"):
        # A pair of local sockets is how an event loop wakes itself up. The other is how urllib3, at its import,
        # finds out whether there is IPv6: it binds and closes.
        harmless = arguments[0].family == socket.AF_UNIX or arguments[1] == ("::1", 0)
        return None if harmless else f"opens a socket to {arguments[1]}"
    if event == "socket.getaddrinfo":
        return f"looks up {arguments[0]}"
    if event in _PROCESSES:
        program = _program(event, arguments)
        return None if program.split()[0] == "git" else f"starts a process, {program}"  # git names a commit
    if event == "import" and str(arguments[0]) in _ENGINES:
        return f"imports {arguments[0]}"
    if event == "open" and isinstance(arguments[0], str) and arguments[0].endswith(_WEIGHTS):
        return f"loads a model, {Path(arguments[0]).name}"
    return None


def _program(event: str, arguments: Sequence[Any]) -> str:
    words = arguments[1] if len(arguments) > 1 and isinstance(arguments[1], list | tuple) else arguments[:1]
    return " ".join(str(word) for word in words or (event,))[:120]
