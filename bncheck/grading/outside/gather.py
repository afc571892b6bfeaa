"""Let a worker show what a submission does.  No verdict yet: everything here may be a lie."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bncheck.course import Course
from bncheck.grading.outside.sessions import CellReport, Ended, Seen, Session
from bncheck.grading.outside.syntax import PRELUDE, beginning, plain_python
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
    normalisation.  Where a cell or a probe ends the worker, a new one goes on without it; and
    a statement that has taken too long does not run again, nor does the rest of its cell.
    """
    shown = Shown()
    until = time.monotonic() + workers.limits.submission
    known = _Known([plain_python(cell) for cell in cells])
    for from_scratch in sorted({one.from_scratch for one in questions}):
        asked = [one for one in questions if one.from_scratch == from_scratch]
        _Run(workers, known, not from_scratch, until, shown).probe(asked)
    return shown


@dataclass
class _Known:
    """What is to be run of the cells, None where a cell ended a worker, and what has been told."""

    sources: list[str | None]
    told: dict[int, CellReport] = field(default_factory=dict)

    def learn(self, reports: Mapping[int, CellReport], ended: bool) -> None:
        """Leave out from now on what ended the worker, and what took too long."""
        for number, report in reports.items():
            if number in self.told or report.state not in ("died", "too long"):
                continue
            source = self.sources[number]
            self.told[number] = report
            self.sources[number] = None if ended else beginning(source or "", report.done)


class _Run:
    """The cells and probes of one kind, in one worker after the other if need be."""

    def __init__(
        self,
        workers: Workers,
        known: _Known,
        ready_made: bool,
        until: float,
        shown: Shown,
    ) -> None:
        self.workers, self.known, self.ready_made = workers, known, ready_made
        self.until, self.shown = until, shown
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
        """Run the cells; learn which end the worker, or take too long."""
        run = {i: source for i, source in enumerate(self.known.sources) if source is not None}
        reports = session.execute([PRELUDE, *run.values()])[1:]
        by_number = dict(zip(run, reports, strict=True))
        self.known.learn(by_number, bool(session.ended))
        told = by_number | self.known.told
        return [told[i] for i in range(len(self.known.sources))]
