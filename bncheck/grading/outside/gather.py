"""Let a worker show what a submission does.  No verdict yet: everything here may be a lie."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bncheck.course import Course
from bncheck.grading.outside.sessions import CellReport, Ended, Seen, Session
from bncheck.grading.outside.syntax import PRELUDE, plain_python
from bncheck.grading.outside.workers import Workers
from bncheck.observe import Task

RESTARTS = 6


@dataclass
class Shown:
    """What a submission showed: its cells' reports, and what the probes of each question saw."""

    cells: Sequence[CellReport] = ()
    seen: dict[str, Seen] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """What to ask of a submission on one question."""

    question: str
    names: tuple[str, ...]
    tasks: Sequence[Task]
    from_scratch: bool


def wanted(course: Course, short: str, seed: int) -> list[Wanted]:
    """The questions of an exercise as what is asked.  Raises UnknownQuestion."""
    found = []
    for question in course.load(short).questions:
        name = f"{short}.{question.name}"
        tasks = course.bank(name, seed).tasks
        found.append(Wanted(name, question.names, tasks, question.from_scratch))
    return found


def gather(workers: Workers, cells: Sequence[str], questions: Sequence[Wanted]) -> Shown:
    """Run the cells in a worker, and probe what they define.

    Questions that ask for work from scratch get a run of their own, without ready-made
    normalisation.  Where a cell or a probe ends the worker, a new one goes on without it.
    """
    shown = Shown()
    until = time.monotonic() + workers.limits.submission
    sources = [plain_python(cell) for cell in cells]
    for from_scratch in sorted({one.from_scratch for one in questions}):
        asked = [one for one in questions if one.from_scratch == from_scratch]
        _Run(workers, sources, not from_scratch, until, shown).probe(asked)
    return shown


class _Run:
    """The cells and probes of one kind, in one worker after the other if need be."""

    def __init__(
        self,
        workers: Workers,
        sources: Sequence[str],
        ready_made: bool,
        until: float,
        shown: Shown,
    ) -> None:
        self.workers, self.sources, self.ready_made = workers, sources, ready_made
        self.until, self.shown = until, shown
        self.fatal: dict[int, CellReport] = {}  # cells that end a worker: left out from then on
        self.starts = 0

    def probe(self, questions: Sequence[Wanted]) -> None:
        """Ask all questions; one that ends the worker is the only one that loses its result."""
        session: Session | None = None
        try:
            for one in questions:
                if session is None or session.ended:
                    if session:
                        session.close()
                    session = self.start()
                    if session is None:
                        break
                self.shown.seen[one.question] = session.observe(one.names, one.tasks)
                if session.ended:
                    self.shown.ended.append(session.ended)
        finally:
            if session:
                session.close()

    def start(self) -> Session | None:
        """A worker in which all cells have run but for those that end it; None if none is left."""
        while self.starts < RESTARTS and time.monotonic() < self.until:
            self.starts += 1
            session = self.workers.open(ready_made=self.ready_made)
            reports = self.execute(session)
            if not session.ended:
                if not self.shown.cells or self.ready_made:
                    self.shown.cells = reports
                return session
            self.shown.ended.append(session.ended)
            session.close()
            self.shown.cells = self.shown.cells or reports
        return None

    def execute(self, session: Session) -> list[CellReport]:
        """Run the cells; note the one that ends the worker, if one does."""
        numbers = [i for i in range(len(self.sources)) if i not in self.fatal]
        reports = session.execute([PRELUDE, *(self.sources[i] for i in numbers)])[1:]
        by_number: Mapping[int, CellReport] = dict(zip(numbers, reports, strict=True))
        if session.ended:
            died = [i for i, r in by_number.items() if r.state in ("died", "too long")]
            for i in died[-1:]:
                self.fatal[i] = by_number[i]
        return [self.fatal.get(i) or by_number[i] for i in range(len(self.sources))]
