"""Articles being added: what came of it, whose it is, and that it can be stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ingest.apply import Progress
from rag.errors import BusyError, CollectionError, SourceError
from rag.surfaces.jobs import Job, Jobs
from rag.types import IngestReport

DONE = IngestReport(added=("a",), replaced=(), removed=(), kept=(), failed=(), passages=3)


def ended(job: Job) -> Job:
    for _ in range(400):
        if job.done:
            return job
        time.sleep(0.01)
    raise AssertionError("the job has not ended within four seconds")


def test_a_job_says_what_came_of_it() -> None:
    job = ended(Jobs().start("ann", "reading…", lambda progress, stop: DONE))
    assert job.report == "1 added, 0 replaced, 0 removed, 0 unchanged, 0 failed; 3 passages written"
    assert (job.error, job.facts()["done"], job.facts()["stopping"]) == ("", True, False)


def test_a_job_says_how_far_it_is() -> None:
    told, go = threading.Event(), threading.Event()

    def work(progress: Any, stop: Any) -> IngestReport:
        progress(Progress(done=1, total=2, passages=7))
        told.set()
        assert go.wait(4)
        return DONE

    job = Jobs().start("ann", "reading…", work)
    assert told.wait(4)
    assert (job.facts()["share"], "1 of 2 articles, 7 passages" in job.said) == (0.5, True)
    go.set()
    ended(job)


def test_what_is_refused_is_a_sentence_and_what_was_not_foreseen_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def raising(error: Exception) -> Callable[..., IngestReport]:
        def work(progress: Any, stop: Any) -> IngestReport:
            raise error

        return work

    jobs = Jobs()
    assert ended(jobs.start("ann", "…", raising(SourceError("it is locked")))).error == "it is locked"
    assert (
        ended(jobs.start("ann", "…", raising(RuntimeError("secret")))).error
        == "Something went wrong. The server's log has the details."
    )
    assert "secret" in caplog.text


def test_a_job_that_is_stopped_says_how_it_goes_on() -> None:
    def work(progress: Any, stop: threading.Event) -> IngestReport:
        assert stop.wait(4)
        return IngestReport((), (), (), (), (), passages=0, stopped=True, left=2)

    job = Jobs().start("ann", "reading…", work)
    assert not job.done
    job.stopping.set()
    assert ended(job).report.endswith(
        "stopped with 2 left. Add the same files or address again to continue; nothing is added twice"
    )


def test_a_job_is_its_owners_and_the_last_fifty_are_kept() -> None:
    jobs = Jobs()
    first = ended(jobs.start("ann", "…", lambda progress, stop: DONE))
    with pytest.raises(CollectionError, match="there is no such job"):
        jobs.get("bob", first.id)
    assert jobs.of("bob") == []
    for _ in range(51):
        ended(jobs.start("bob", "…", lambda progress, stop: DONE))
    assert len(jobs.of("bob")) == 51
    with pytest.raises(CollectionError, match="there is no such job"):
        jobs.get("ann", first.id)


def test_too_many_at_once_are_refused_and_all_stop_with_the_server() -> None:
    jobs, stopped = Jobs(), []

    def work(progress: Any, stop: threading.Event) -> IngestReport:
        stopped.append(stop.wait(10))
        return DONE

    started = [jobs.start("ann", "…", work) for _ in range(20)]
    with pytest.raises(BusyError, match="20 other jobs are already adding articles"):
        jobs.start("bob", "…", work)
    jobs.close(5)
    assert ([job.done for job in started], stopped) == ([True] * 20, [True] * 20)
