"""The network that all threads share: the same results together as alone, nobody held up by a longer list,
and a failure for whom it concerns. The weights are the bundled encoder's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import ModelError
from rag.models import engine as graph
from rag.models.encoder import BUNDLED, SentenceEncoder, bundled_folder, native_bf16
from rag.models.engine import Graph, Pool, arrays, encoder_weights, grown, resident
from rag.models.reader import SpanReader

pytestmark = pytest.mark.slow

LONGEST = 512  # tokens that the network has places for


@pytest.fixture(scope="module")
def network() -> Graph:
    return Graph(encoder_weights(bundled_folder() / "model.safetensors"), bf16=native_bf16())


def batch(seed: int, texts: int = 2, tokens: int = 32) -> Any:
    dice = np.random.default_rng(seed)
    return arrays(
        [(dice.integers(1_000, 20_000, tokens - text).tolist(), tokens) for text in range(texts)], to=16
    )


def test_threads_that_call_together_get_what_each_gets_alone_in_its_own_order(network: Graph) -> None:
    theirs = [
        [batch(10 * caller + n, texts=n % 3 + 1, tokens=16 * (n % 4 + 1)) for n in range(caller % 6)]
        for caller in range(20)
    ]
    alone = [network.run(batches) for batches in theirs]
    with ThreadPoolExecutor(20) as crowd:
        together = list(crowd.map(network.run, theirs))
    assert [len(found) for found in together] == [caller % 6 for caller in range(20)]
    for one, other in zip(alone, together, strict=True):
        for (vectors,), (again,) in zip(one, other, strict=True):
            assert np.array_equal(vectors, again)


def test_one_with_a_single_batch_does_not_wait_for_one_with_many(network: Graph) -> None:
    long = [batch(n, texts=8, tokens=128) for n in range(30)]
    at_work = threading.Event()
    with ThreadPoolExecutor(1) as other:

        def work() -> int:
            at_work.set()
            return len(network.run(long))

        many = other.submit(work)
        assert at_work.wait(20)
        for seed in range(3):
            network.run([batch(seed)])
        assert not many.done(), "the single batches were computed after all of the others"
        assert many.result(120) == 30


def test_a_batch_that_cannot_be_computed_fails_for_its_caller_alone(network: Graph) -> None:
    good = batch(1)
    ((expected,),) = network.run([good])

    def asks(number: int) -> Any:
        if number % 2:
            return network.run([good])[0][0]
        with pytest.raises(ModelError, match=r"^a text could not be read by the network: "):
            network.run([good, batch(2, tokens=LONGEST + 16), good])
        return expected

    with ThreadPoolExecutor(8) as crowd:
        found = list(crowd.map(asks, range(24)))
    assert all(np.array_equal(vectors, expected) for vectors in found)
    assert len(network.run([good] * 9)) == 9, "a request that failed was not given back"


def test_no_batches_are_no_results(network: Graph) -> None:
    assert network.run([]) == []


def test_what_is_shared_goes_to_whoever_has_waited_longest() -> None:
    pool, served = Pool(["a"]), []
    thing = pool.acquire(wait=False)
    assert thing == "a"
    assert pool.acquire(wait=False) is None

    def wait(name: str) -> None:
        taken = pool.acquire(wait=True)
        served.append(name)
        assert taken
        pool.release(taken)

    threads = [threading.Thread(target=wait, args=(name,)) for name in "xyz"]
    for number, thread in enumerate(threads, 1):
        thread.start()
        while len(pool._waiting) < number:
            pass
    pool.release(thing)
    for thread in threads:
        thread.join(20)
    assert served == ["x", "y", "z"]
    assert pool.acquire(wait=False) == "a"


# Memory


def test_an_engine_says_by_how_much_the_process_grew_for_it() -> None:
    encoder, reader = SentenceEncoder(BUNDLED), SpanReader()
    assert (encoder.memory, reader.memory) == (None, None)
    encoder.question("a")
    reader.read("a", ["b"])
    for engine in (encoder, reader):
        assert engine.memory is not None
        assert 0 < engine.memory < 1_000


def test_a_system_that_does_not_tell_its_memory_has_none_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (resident() or 0) > 50
    assert grown(0.0) == pytest.approx(resident(), rel=0.1)
    assert grown(1e9) == 0

    def missing(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert (resident(), grown(5.0)) == (None, None)
    monkeypatch.undo()
    assert graph.grown(None) is None
