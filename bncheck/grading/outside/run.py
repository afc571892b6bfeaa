"""Grade many submissions: workers gather in threads, the main thread judges and writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from bncheck.grading.outside.archives import Unreadable
from bncheck.grading.outside.gather import Shown, Wanted, gather, wanted
from bncheck.grading.outside.grade import grade, key, run_digest, unreadable
from bncheck.grading.outside.notebooks import Submission, read
from bncheck.grading.outside.submissions import Found
from bncheck.grading.outside.workers import Workers
from bncheck.grading.results.files import Folder
from bncheck.grading.results.records import Grade

Progress = Callable[[int, int, Grade], None]


@dataclass(frozen=True)
class Settings:
    """What holds for all submissions.  exercise: where it is not to be found out; jobs: at once."""

    seed: int = 0
    exercise: str | None = None
    jobs: int = 2
    resume: bool = False


class Run:
    """One run over a class.  Results are written as they come, the tables at the end."""

    def __init__(self, workers: Workers, folder: Folder, settings: Settings) -> None:
        self.workers, self.folder, self.settings = workers, folder, settings
        self.course = workers.course
        self.digest = run_digest(self.course, settings.seed, workers.limits, settings.exercise)
        self._wanted: dict[str, list[Wanted]] = {}

    def grade_all(self, found: Sequence[Found], progress: Progress) -> list[Grade]:
        """Grade the files, in any order, and return the grades in theirs."""
        self.folder.clear(keep_feedback=self.settings.resume)
        grades: dict[str, Grade] = {}

        def done(one: Grade) -> None:
            grades[one.id] = one
            self.folder.write_feedback(one)
            progress(len(grades), len(found), one)

        with ThreadPoolExecutor(self.settings.jobs) as pool:
            running: dict[Future[Shown], tuple[Found, Submission, str]] = {}
            try:
                for one in found:
                    if (ready := self._begin(one, pool, running)) is not None:
                        done(ready)
                    while len(running) > 2 * self.settings.jobs:  # no more in memory than needed
                        self._finish(running, done)
                while running:
                    self._finish(running, done)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        ordered = [grades[one.id] for one in found]
        self.folder.write_tables(ordered)
        return ordered

    def _begin(
        self,
        found: Found,
        pool: ThreadPoolExecutor,
        running: dict[Future[Shown], tuple[Found, Submission, str]],
    ) -> Grade | None:
        """Hand a submission to a worker; or its grade, where none is needed."""
        identity = key(self.digest, found)
        if self.settings.resume and (known := self.folder.known(found.id, identity)):
            return known
        try:
            submission = read(found.file, self.course, self.settings.exercise)
            questions = self._questions(submission.exercise)
        except Unreadable as error:
            return unreadable(found, str(error), identity)
        except OSError as error:
            return unreadable(found, f"cannot be read: {error.strerror}", identity)
        future = pool.submit(gather, self.workers, submission.cells, questions)
        running[future] = (found, submission, identity)
        return None

    def _finish(
        self,
        running: dict[Future[Shown], tuple[Found, Submission, str]],
        done: Callable[[Grade], None],
    ) -> None:
        """Judge those that have been gathered."""
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            found, submission, identity = running.pop(future)
            shown, seed = future.result(), self.settings.seed
            done(grade(self.course, found, submission, shown, seed, identity))

    def _questions(self, short: str) -> list[Wanted]:
        if short not in self.course.folders:
            known = ", ".join(self.course.folders)
            raise Unreadable(f"need an exercise of {known}, got {short}: use --exercise")
        if short not in self._wanted:
            self._wanted[short] = wanted(self.course, short, self.settings.seed)
        return self._wanted[short]
