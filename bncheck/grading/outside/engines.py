"""Where submissions are graded.  Here: on this machine, in threads around sandboxed workers."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from bncheck.course import Course
from bncheck.grading.inside.limits import Limits
from bncheck.grading.outside.gather import Shown, Wanted, gather, wanted
from bncheck.grading.outside.grade import failed, grade
from bncheck.grading.outside.notebooks import Submission
from bncheck.grading.outside.places import Places
from bncheck.grading.outside.submissions import Found
from bncheck.grading.outside.workers import NoWorkers, Workers
from bncheck.grading.results.records import Grade


@dataclass(frozen=True)
class Job:
    """A submission to grade.  key: what its grade depends on, hashed."""

    found: Found
    submission: Submission
    key: str


class Engine(Protocol):
    """Takes jobs and gives grades, in any order.  To be used in a `with`, once."""

    course: Course
    limits: Limits

    @property
    def full(self) -> bool:
        """Whether it has enough to do for now."""

    @property
    def busy(self) -> bool:
        """Whether grades are still to come."""

    def add(self, job: Job) -> None:
        """Take a job."""

    def finished(self) -> list[Grade]:
        """Wait for a grade or more.  Raises NoWorkers where submissions cannot be run."""

    def __enter__(self) -> Engine: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Judge:
    """Gathers what a submission shows, and judges it: in several threads, one verdict at a time."""

    def __init__(self, workers: Workers, seed: int) -> None:
        self.workers, self.seed = workers, seed
        self.course = workers.course
        self._wanted: dict[str, list[Wanted]] = {}
        self._lock = threading.Lock()

    def gather(self, job: Job) -> Shown:
        """Let a worker show what the submission does.  Raises NoWorkers."""
        short = job.submission.exercise
        with self._lock:
            if short not in self._wanted:
                self._wanted[short] = wanted(self.course, short, self.seed)
        return gather(self.workers, job.submission.cells, self._wanted[short])

    def grade(self, job: Job, shown: Shown) -> Grade:
        """The grade; where the judge fails, one that says so: the others go on."""
        try:
            with self._lock:
                return grade(self.course, job.found, job.submission, shown, self.seed, job.key)
        except Exception as error:
            return failed(job.found, self.course, job.submission, error, job.key)


class Local:
    """This machine: `jobs` submissions at once, and slow ones beside them."""

    def __init__(self, workers: Workers, seed: int, jobs: int) -> None:
        self.course, self.limits = workers.course, workers.limits
        self._judge = Judge(workers, seed)
        self._places = Places(jobs)
        self._pool = ThreadPoolExecutor(self._places.most)
        self._running: dict[Future[Shown], Job] = {}

    def __enter__(self) -> Local:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=error is None, cancel_futures=True)

    @property
    def full(self) -> bool:
        return len(self._running) > 2 * self._places.most

    @property
    def busy(self) -> bool:
        return bool(self._running)

    def add(self, job: Job) -> None:
        self._running[self._pool.submit(self._gather, job)] = job

    def finished(self) -> list[Grade]:
        done = wait(self._running, return_when=FIRST_COMPLETED).done
        grades = []
        for future in done:
            job = self._running.pop(future)
            grades.append(self._graded(job, future))
        return grades

    def _graded(self, job: Job, future: Future[Shown]) -> Grade:
        try:
            shown = future.result()
        except NoWorkers:
            raise
        except Exception as error:
            return failed(job.found, self.course, job.submission, error, job.key)
        return self._judge.grade(job, shown)

    def _gather(self, job: Job) -> Shown:
        with self._places.one():
            return self._judge.gather(job)
