"""Grade many submissions: read each, hand it to an engine, write the results as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bncheck.grading.outside.archives import Unreadable
from bncheck.grading.outside.engines import Engine, Job
from bncheck.grading.outside.grade import key, run_digest, unreadable
from bncheck.grading.outside.notebooks import read
from bncheck.grading.outside.submissions import Found
from bncheck.grading.results.files import Folder
from bncheck.grading.results.records import Grade

Progress = Callable[[int, int, Grade], None]


@dataclass(frozen=True)
class Settings:
    """What holds for all submissions.  exercise: where it is not to be found out."""

    seed: int = 0
    exercise: str | None = None
    resume: bool = False


class Run:
    """One run over a class, or over a part of it."""

    def __init__(self, engine: Engine, folder: Folder, settings: Settings) -> None:
        self.engine, self.folder, self.settings = engine, folder, settings
        self.course = engine.course
        self.digest = run_digest(self.course, settings.seed, engine.limits, settings.exercise)

    def grade_all(self, found: Sequence[Found], progress: Progress) -> list[Grade]:
        """Grade the files, in any order, and return the grades in theirs.

        The feedback is written as it comes; the tables are the caller's.
        """
        self.folder.clear(keep_feedback=self.settings.resume)
        grades: dict[str, Grade] = {}

        def done(those: Sequence[Grade]) -> None:
            for one in those:
                grades[one.id] = one
                self.folder.write_feedback(one)
                progress(len(grades), len(found), one)

        with self.engine as engine:
            for one in found:
                ready = self._begin(one)
                if isinstance(ready, Grade):
                    done([ready])
                else:
                    engine.add(ready)
                while engine.full:  # no more in memory than needed
                    done(engine.finished())
            while engine.busy:
                done(engine.finished())
        return [grades[one.id] for one in found]

    def _begin(self, found: Found) -> Job | Grade:
        """What to hand to the engine; or the grade, where it is known or nothing is to be run."""
        try:
            identity = key(self.digest, found)
        except OSError as error:
            return unreadable(found, f"cannot be read: {error.strerror}", "")
        if self.settings.resume and (known := self.folder.known(found.id, identity)):
            return known
        try:
            submission = read(found.file, self.course, self.settings.exercise)
            if submission.exercise not in self.course.folders:
                known_ones = ", ".join(self.course.folders)
                raise Unreadable(
                    f"need an exercise of {known_ones}, got {submission.exercise}: use --exercise"
                )
        except Unreadable as error:
            return unreadable(found, str(error), identity)
        except OSError as error:
            return unreadable(found, f"cannot be read: {error.strerror}", identity)
        return Job(found, submission, identity)
