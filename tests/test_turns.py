"""Turns at a model: first come, first served; who no longer wants one leaves the queue."""

from __future__ import annotations

import threading
import time

from rag.models.turns import Turns


def queued(turns: Turns, number: int) -> None:
    until = time.monotonic() + 5
    while len(turns._queue) != number and time.monotonic() < until:
        time.sleep(0.001)
    assert len(turns._queue) == number


def test_they_are_given_in_the_order_of_asking() -> None:
    turns, order = Turns(), []
    assert turns.take(timeout=1)

    def use(name: int) -> None:
        assert turns.take(timeout=5)
        order.append(name)
        turns.give_back()

    threads = []
    for name in range(8):
        threads.append(threading.Thread(target=use, args=(name,)))
        threads[-1].start()
        queued(turns, name + 1)
    turns.give_back()
    for thread in threads:
        thread.join(5)
    assert order == list(range(8))
    assert turns.take(timeout=0), "the last one gave it back"


def test_who_gives_up_leaves_the_queue_to_the_next() -> None:
    turns = Turns()
    assert turns.take(timeout=1)
    assert turns.take(timeout=0.01) is False
    assert turns.take(timeout=60, unwanted=lambda: True) is False
    got: list[bool] = []
    waiting = threading.Thread(target=lambda: got.append(turns.take(timeout=5)))
    waiting.start()
    queued(turns, 1)
    turns.give_back()
    waiting.join(5)
    assert got == [True]
