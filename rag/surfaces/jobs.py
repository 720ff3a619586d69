"""Jobs that add articles, each in its own thread: their progress, how to stop them, and their result.

A job belongs to the server and not to a browser tab, so it continues when the page is reloaded.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rag.errors import BusyError, ClippingsError, CollectionError
from rag.surfaces.render import progress_text, report_text
from rag.surfaces.services import OnProgress, SyncProgress
from rag.types import IngestReport

__all__ = ["Job", "Jobs", "Work"]

Work = Callable[[OnProgress, threading.Event], IngestReport]  # reports progress; stops when the event is set
_MAX_FINISHED = 50  # finished jobs that are remembered, of all users
_MAX_RUNNING = 20  # one of them writes, and the others wait for it
_CONTINUE = "Add the same files or address again to continue; nothing is added twice"


@dataclass(slots=True)
class Job:
    """A job. `share` is its progress from 0 to 1, and `said` describes the current step. When it is `done`,
    either `report` or `error` holds the result as text.
    """

    id: str
    owner: str
    said: str
    share: float = 0.0
    report: str = ""
    error: str = ""
    done: bool = False
    stopping: threading.Event = field(default_factory=threading.Event)

    def facts(self) -> dict[str, str | float | bool]:
        """The job as JSON values."""
        return {
            "id": self.id,
            "said": self.said,
            "share": round(self.share, 3),
            "report": self.report,
            "error": self.error,
            "done": self.done,
            "stopping": self.stopping.is_set(),
        }


class Jobs:
    """The jobs of a server. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._threads: list[threading.Thread] = []

    def start(self, owner: str, said: str, work: Work) -> Job:
        """Start a job and return it at once. Raises `BusyError` where too many are running."""
        job = Job(secrets.token_hex(8), owner, said)
        with self._lock:
            self._threads = [t for t in self._threads if t.is_alive()]
            if len(self._threads) >= _MAX_RUNNING:
                raise BusyError(
                    f"{_MAX_RUNNING} other jobs are already adding articles. Try again when one of them is "
                    "done"
                )
            ended = [i for i, j in self._jobs.items() if j.done]
            for old in ended[: max(0, len(ended) - _MAX_FINISHED)]:
                del self._jobs[old]
            self._jobs[job.id] = job
            thread = threading.Thread(target=self._run, args=(job, work), name="adding articles", daemon=True)
            self._threads.append(thread)
            thread.start()
        return job

    def _run(self, job: Job, work: Work) -> None:
        started = time.monotonic()

        def show(progress: SyncProgress) -> None:
            job.share, job.said = progress.share, progress_text(progress, time.monotonic() - started)

        try:
            job.report = report_text(work(show, job.stopping), how_to_continue=_CONTINUE)
        except ClippingsError as exc:
            job.error = str(exc)
        except Exception:
            logging.getLogger("clippings").exception("articles could not be added")
            job.error = "Something went wrong. The server's log has the details."
        job.done = True

    def get(self, owner: str, job_id: str) -> Job:
        """One job. Raises `CollectionError` where this owner has no such job."""
        job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise CollectionError(
                "there is no such job. It may have ended before the server was restarted", missing=True
            )
        return job

    def of(self, owner: str) -> list[Job]:
        """The jobs of one owner, the newest last."""
        with self._lock:
            return [job for job in self._jobs.values() if job.owner == owner]

    def close(self, timeout: float) -> None:
        """Stop every job after its current batch. Waits at most `timeout` seconds."""
        until = time.monotonic() + timeout
        with self._lock:
            for job in self._jobs.values():
                job.stopping.set()
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
