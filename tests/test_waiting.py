"""The line of a terminal while a question is answered."""

from __future__ import annotations

import io
import os
import time

import pytest

from rag.surfaces.waiting import WaitingLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")


def lines(stream: io.StringIO) -> list[str]:
    """What was drawn, one after the other; the last is what is left."""
    return [drawn.rstrip("\r") for drawn in stream.getvalue().split("\r\x1b[K")[1:]]


def test_a_step_shows_its_own_seconds_and_a_sentence_shows_at_once() -> None:
    now = [100.0]
    terminal = Terminal()
    with WaitingLine(terminal, clock=lambda: now[0], every=60.0) as waiting:
        waiting.step("reading 8 passages")
        now[0] += 3
        waiting.step("SmolLM2 is writing")
        now[0] += 12.7
        waiting.draw()
        waiting.sentence("Iran struck first\non Tuesday, before dawn.\x1b[2J [1]")
        assert lines(terminal) == [
            "SmolLM2 is writing … 12 s",
            "SmolLM2 is writing … 12 s  Iran struck first on Tuesday, be",
        ]
        assert terminal.getvalue().endswith("\r"), "what is logged meanwhile is written over it"
    assert lines(terminal)[-1] == "", "nothing of it is left"


def test_the_seconds_go_on_while_nothing_happens() -> None:
    read, write = os.pipe()
    with open(read, encoding="utf-8", newline="") as out, open(write, "w", encoding="utf-8") as stream:
        stream.isatty = lambda: True  # type: ignore[method-assign]
        with WaitingLine(stream, every=0.01) as waiting:
            waiting.step("m is writing")
            assert out.read(30).count("\r\x1b[K") > 0


def test_steps_that_take_less_than_a_second_each_show_nothing() -> None:
    terminal = Terminal()
    with WaitingLine(terminal, clock=lambda: 100.0, every=0.002) as waiting:
        waiting.step("reading 8 passages")
        time.sleep(0.05)
    assert terminal.getvalue() == ""


def test_a_quick_answer_and_what_is_no_terminal_show_nothing() -> None:
    for stream in (Terminal(), io.StringIO()):
        with WaitingLine(stream) as waiting:
            waiting.step("reading 8 passages")
            if not stream.isatty():
                waiting.sentence("Iran struck first. [1]")
        assert stream.getvalue() == ""
