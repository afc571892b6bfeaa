"""Submissions as tasks of Dask's distributed scheduler, each in a sandbox on its worker.

A worker that is lost costs time and no grade: the scheduler runs its tasks again elsewhere.  A
submission with which workers end again and again is set aside, and so may be its neighbours on
these workers: each of them runs once more, alone, and only the one that ends a worker then too is
given up.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from bncheck.course import installed
from bncheck.grading.inside.limits import Limits
from bncheck.grading.outside.engines import Job, Judge
from bncheck.grading.outside.grade import failed, lost, run_digest
from bncheck.grading.outside.workers import NoWorkers, Workers
from bncheck.grading.results.records import Grade

AHEAD = 3  # tasks in flight for each thread: enough to keep it busy, few enough for the memory
SECONDS = 60.0  # to wait for the first worker


@dataclass(frozen=True)
class Order:
    """What holds for all tasks.  course: its name; digest: of the code and settings here."""

    course: str | None
    limits: Limits
    sandbox: str
    seed: int
    exercise: str | None
    digest: str


Task = Callable[[Order, Job], tuple[Grade, str]]
_judges: dict[Order, Judge] = {}
_lock = threading.Lock()


def grade_one(order: Order, job: Job) -> tuple[Grade, str]:
    """The task: a grade, and the warning of this worker's sandbox.  Raises NoWorkers."""
    with _lock:
        if order not in _judges:
            _judges[order] = _start(order)
    judge = _judges[order]
    return judge.grade(job, judge.gather(job)), judge.workers.warning


def _start(order: Order) -> Judge:
    """The judge of this process, with its workers, which end with the process."""
    course = installed(order.course)
    if run_digest(course, order.seed, order.limits, order.exercise) != order.digest:
        raise NoWorkers(
            "need the same course and the same versions of Python, NumPy and torch on each "
            "machine, and a worker has others: install the same there"
        )
    workers = Workers(course, order.limits, order.sandbox)
    workers.start()
    atexit.register(workers.close)
    return Judge(workers, order.seed)


class Cluster:
    """The workers of a scheduler.  warn: called once with each warning.

    Raises NoWorkers, on entering, where Dask is not installed or no worker is there.
    """

    def __init__(
        self, address: str, order: Order, warn: Callable[[str], None], task: Task = grade_one
    ) -> None:
        self.course, self.limits = installed(order.course), order.limits
        self._address, self._order, self._warn, self._task = address, order, warn, task
        self._warned: set[str] = set()
        self._aside: deque[Job] = deque()
        self._jobs: dict[Any, Job] = {}
        self._alone = False
        self._threads, self._looked = 1, 0.0

    def __enter__(self) -> Cluster:
        try:
            import distributed
        except ImportError:
            raise NoWorkers("need Dask for --dask: pip install 'bnlib[dask]'") from None
        self._distributed = distributed
        try:
            self._client = distributed.Client(self._address, timeout=SECONDS)
            self._client.wait_for_workers(1, timeout=SECONDS)
        except (OSError, TimeoutError) as error:
            raise NoWorkers(f"no worker at {self._address}: {error}") from None
        self._done = distributed.as_completed()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.cancel(list(self._jobs))
        self._client.close()

    @property
    def full(self) -> bool:
        if time.monotonic() - self._looked > 1:  # workers come and go
            self._threads, self._looked = sum(self._client.ncores().values()), time.monotonic()
        return len(self._jobs) >= AHEAD * max(1, self._threads)

    @property
    def busy(self) -> bool:
        return bool(self._jobs or self._aside)

    def add(self, job: Job) -> None:
        future = self._client.submit(self._task, self._order, job, pure=False)
        self._jobs[future] = job
        self._done.add(future)

    def finished(self) -> list[Grade]:
        if not self._jobs and self._aside:
            self._alone = True
            self.add(self._aside.popleft())
        grades = []
        for future in self._done.next_batch(block=True):
            job = self._jobs.pop(future)
            if (one := self._result(future, job)) is not None:
                grades.append(one)
        return grades

    def _result(self, future: Any, job: Job) -> Grade | None:
        """The grade of a task that has ended; None if it is to run once more, alone."""
        try:
            one, warning = future.result()
        except self._distributed.scheduler.KilledWorker:
            if self._alone:
                return lost(job.found, self.course, job.submission, job.key)
            self._aside.append(job)
            return None
        except NoWorkers:
            raise
        except Exception as error:
            return failed(job.found, self.course, job.submission, error, job.key)
        if warning and warning not in self._warned:
            self._warned.add(warning)
            self._warn(warning)
        assert isinstance(one, Grade)
        return one
