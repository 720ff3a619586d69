"""Articles being added, each lot in a thread of its own: how far it is, how to stop it, and what came of it.

A job belongs to the server and not to a tab: whoever reloads the page sees it go on.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rag.errors import BusyError, ClippingsError, CollectionError
from rag.surfaces.render import progress_text, report_text
from rag.types import IngestReport

__all__ = ["Job", "Jobs", "Work"]

Work = Callable[
    [Callable[[Any], None], threading.Event], IngestReport
]  # takes what to tell of progress, and when to stop
_KEPT = 50  # jobs that have ended, over all people
_GO_ON = "Add the same again to go on: what is there already is not added twice"
_AT_ONCE = 20  # jobs under way, of which one writes and the others wait for it


@dataclass(slots=True)
class Job:
    """One lot of articles. `share` is from 0 to 1, `said` what is being done; at the end `report`, or `error`
    as a sentence.
    """

    id: str
    owner: str
    said: str
    share: float = 0.0
    report: str = ""
    error: str = ""
    done: bool = False
    stopping: threading.Event = field(default_factory=threading.Event)

    def facts(self) -> dict[str, Any]:
        return {
            "id": self.id, "said": self.said, "share": round(self.share, 3), "report": self.report, "error": self.error,
            "done": self.done, "stopping": self.stopping.is_set(),
        }  # fmt: skip


class Jobs:
    """The jobs of a server. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._threads: list[threading.Thread] = []

    def start(self, owner: str, said: str, work: Work) -> Job:
        """Begin to work; the job, at once. Raises `BusyError` where too many are under way."""
        job = Job(secrets.token_hex(8), owner, said)
        with self._lock:
            self._threads = [t for t in self._threads if t.is_alive()]
            if len(self._threads) >= _AT_ONCE:
                raise BusyError(
                    f"{_AT_ONCE} lots of articles are being added already. Add yours when one of them is done"
                )
            ended = [i for i, j in self._jobs.items() if j.done]
            for old in ended[: max(0, len(ended) - _KEPT)]:
                del self._jobs[old]
            self._jobs[job.id] = job
            thread = threading.Thread(target=self._run, args=(job, work), name="adding articles", daemon=True)
            self._threads.append(thread)
            thread.start()
        return job

    def _run(self, job: Job, work: Work) -> None:
        began = time.monotonic()

        def told(progress: Any) -> None:
            job.share, job.said = progress.share, progress_text(progress, time.monotonic() - began)

        try:
            job.report = report_text(work(told, job.stopping), go_on=_GO_ON)
        except ClippingsError as exc:
            job.error = str(exc)
        except Exception:
            logging.getLogger("clippings").exception("articles could not be added")
            job.error = "Something went wrong; the details are in the log."
        job.done = True

    def get(self, owner: str, job_id: str) -> Job:
        """Raises `CollectionError` where there is none, or it is another's."""
        job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise CollectionError(
                "there is no such job. It may have ended before the page was started anew", missing=True
            )
        return job

    def of(self, owner: str) -> list[Job]:
        """Those of one person, the newest last."""
        with self._lock:
            return [job for job in self._jobs.values() if job.owner == owner]

    def close(self, patience: float) -> None:
        """Stop all of them after the batch that each is writing, and wait for that so many seconds at most."""
        until = time.monotonic() + patience
        with self._lock:
            for job in self._jobs.values():
                job.stopping.set()
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
