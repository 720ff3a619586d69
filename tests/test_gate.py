"""The gate: who is let in, who waits, who is refused and in which words, and that every turn is given back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from rag.config import ServeSettings
from rag.errors import BusyError, QuestionError
from rag.surfaces.gate import Gate, QueueCounts, Waiting


class Slow:
    """Work that says "first", and "last" once it may go on."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.closed = False

    def __call__(self) -> Iterator[str]:
        try:
            yield "first"
            assert self.goes_on.wait(20)
            yield "last"
        finally:
            self.closed = True


async def begun(gate: Gate, work: Slow) -> tuple[Any, asyncio.Task[list[Any]]]:
    """A question whose work is under way, and the task that takes the rest of it."""
    made = gate.answered(work)
    assert await anext(made) == "first"

    async def rest() -> list[Any]:
        return [step async for step in made]

    return made, asyncio.create_task(rest())


async def until(happens: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happens():
            await asyncio.sleep(0.01)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def gate(max_concurrency: int = 1, queue_size: int = 2, queue_timeout: float = 60.0) -> Gate:
    return Gate(
        ServeSettings(max_concurrency=max_concurrency, queue_size=queue_size, queue_timeout=queue_timeout)
    )


def test_questions_are_let_in_first_come_first_served_and_told_how_many_are_before_them() -> None:
    async def test() -> None:
        door, work, told = gate(), Slow(), []
        _, rest = await begun(door, work)

        async def ask(name: str) -> None:
            async for step in door.answered(lambda: iter([f"answer to {name}"])):
                told.append((name, step))

        others = []
        for number, name in enumerate("ab", 1):
            others.append(asyncio.create_task(ask(name)))
            await until(lambda number=number: door.counts.waiting == number)  # type: ignore[misc]
        await until(lambda: len(told) == 2)
        assert door.counts == QueueCounts(running=1, waiting=2, answered=0, refused=0)
        work.goes_on.set()
        await asyncio.gather(rest, *others)
        assert rest.result() == ["last"]
        assert [step for name, step in told if name == "a"] == [Waiting(0), "answer to a"]
        assert [step for name, step in told if name == "b" and step != Waiting(0)] == [
            Waiting(1),
            "answer to b",
        ]
        assert [step for _, step in told if isinstance(step, str)] == ["answer to a", "answer to b"]
        assert door.counts == QueueCounts(running=0, waiting=0, answered=3, refused=0)

    run(test)


def test_one_too_many_is_told_so_at_once_and_what_to_do() -> None:
    async def test() -> None:
        door, work = gate(max_concurrency=2, queue_size=0), Slow()
        rests = [(await begun(door, work))[1] for _ in range(2)]
        with pytest.raises(BusyError) as refused:
            await door.result(lambda: "never")
        assert str(refused.value) == ("the server is busy (2 running, 0 waiting). Ask again in a minute")
        work.goes_on.set()
        await asyncio.gather(*rests)
        assert await door.result(lambda: "now") == "now"
        assert door.counts == QueueCounts(running=0, waiting=0, answered=3, refused=1)

    run(test)


def test_waiting_has_an_end_and_the_place_in_the_line_is_free_again() -> None:
    async def test() -> None:
        door, work = gate(queue_size=1, queue_timeout=0.1), Slow()
        _, rest = await begun(door, work)
        for _ in range(2):
            with pytest.raises(BusyError) as refused:
                await door.result(lambda: "never")
            assert str(refused.value) == (
                "the server is busy: the question waited 0.1 seconds. Ask again in a few minutes"
            )
        assert door.counts == QueueCounts(running=1, waiting=0, answered=0, refused=2)
        work.goes_on.set()
        await rest

    run(test)


def test_who_leaves_the_line_gives_the_place_back_and_is_not_worked_for() -> None:
    async def test() -> None:
        door, work, worked = gate(), Slow(), []
        _, rest = await begun(door, work)
        leaving = asyncio.create_task(door.result(lambda: worked.append("for nobody")))
        await until(lambda: door.counts.waiting == 1)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert door.counts == QueueCounts(running=1, waiting=0, answered=0, refused=0)
        work.goes_on.set()
        await rest
        assert worked == []
        assert door.counts == QueueCounts(running=0, waiting=0, answered=1, refused=0)

    run(test)


@pytest.mark.parametrize("how", ["closed", "cancelled"])
def test_a_question_stopped_in_the_middle_gives_its_turn_back_when_its_step_is_done(how: str) -> None:
    async def test() -> None:
        door, work = gate(), Slow()
        made = door.answered(work)
        assert await anext(made) == "first"
        if how == "closed":
            await made.aclose()
        else:
            reading = asyncio.ensure_future(anext(made))
            await asyncio.sleep(0.05)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        assert door.counts.running == 1, "the turn is given away while the work goes on"
        assert not work.closed
        work.goes_on.set()
        await until(lambda: door.counts.running == 0)
        assert work.closed
        assert await door.result(lambda: "the next") == "the next"

    run(test)


def test_a_failure_reaches_its_asker_and_frees_the_turn() -> None:
    async def test() -> None:
        door = gate()

        def fails() -> str:
            raise QuestionError("the question is empty")

        for _ in range(3):
            with pytest.raises(QuestionError, match="the question is empty"):
                await door.result(fails)
        assert door.counts == QueueCounts(running=0, waiting=0, answered=3, refused=0)

    run(test)


def test_when_it_stops_who_waits_and_who_comes_is_refused_and_who_is_answered_is_answered() -> None:
    async def test() -> None:
        door, work = gate(), Slow()
        _, rest = await begun(door, work)
        waiting = asyncio.create_task(door.result(lambda: "never"))
        await until(lambda: door.counts.waiting == 1)
        assert not door.stopping
        door.stop()
        for asking in (waiting, door.result(lambda: "never")):
            with pytest.raises(BusyError) as refused:
                await asking
            assert str(refused.value) == (
                "the server is stopping and accepts no new questions. Ask again after its restart"
            )
        assert door.stopping
        assert door.counts == QueueCounts(running=1, waiting=0, answered=0, refused=2)
        work.goes_on.set()
        assert await rest == ["last"]
        assert door.counts == QueueCounts(running=0, waiting=0, answered=1, refused=2)

    run(test)


def test_of_what_comes_faster_than_it_is_taken_only_the_latest_is_given() -> None:
    async def test() -> None:
        door = gate()
        made = door.answered(lambda: iter(range(1_000)))
        first = await anext(made)
        await until(lambda: door.counts.running == 0)
        rest = [step async for step in made]
        assert rest == ([] if first == 999 else [999])

    run(test)


def test_many_from_several_loops_are_never_more_at_once_than_may_be() -> None:
    door, lock = gate(max_concurrency=3, queue_size=200), threading.Lock()
    now, most = 0, 0

    def work() -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.005)
        with lock:
            now -= 1
        return 1

    async def crowd() -> int:
        return sum(await asyncio.gather(*(door.result(work) for _ in range(20))))

    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(asyncio.run(crowd()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (answers, most, now) == ([20, 20, 20], 3, 0)
    assert door.counts == QueueCounts(running=0, waiting=0, answered=60, refused=0)
