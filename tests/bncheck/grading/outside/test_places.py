"""Slow submissions stand beside the others, and not before them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from bncheck.grading.inside.limits import Limits
from bncheck.grading.outside.answers import CellReport, Ended, Seen
from bncheck.grading.outside.gather import Wanted, gather
from bncheck.grading.outside.places import Places


class Held:
    """Threads that hold a place until they are let go."""

    def __init__(self, places):
        self.places, self.go, self.begun = places, threading.Event(), threading.Semaphore(0)
        self.threads = []

    def add(self):
        self.threads.append(threading.Thread(target=self._hold))
        self.threads[-1].start()

    def _hold(self):
        with self.places.one():
            self.begun.release()
            self.go.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.go.set()
        for thread in self.threads:
            thread.join()


def test_who_is_quick_waits_for_a_place(monkeypatch):
    monkeypatch.setattr("bncheck.grading.outside.places.PATIENCE", 1e9)
    with Held(Places(2)) as held:
        for _ in range(2):
            held.add()
            assert held.begun.acquire(timeout=60)
        assert not held.places._room()
        held.add()
        assert not held.begun.acquire(blocking=False)
    assert held.begun.acquire(timeout=60), "when places are free, the third begins"


def test_slow_ones_make_room_for_as_many_others(monkeypatch):
    monkeypatch.setattr("bncheck.grading.outside.places.PATIENCE", 0.001)
    with Held(Places(2)) as held:
        for _ in range(4):
            held.add()
            assert held.begun.acquire(timeout=60)
        assert not held.places._room(), "no more than twice as many"


# -- what is slow is slow once --------------------------------------------------------------------


@dataclass
class Scripted:
    """In place of workers: says of each cell what is asked for, and keeps what was run."""

    reports: dict[str, CellReport]
    ends: tuple[str, ...] = ()
    ran: list[list[str]] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)

    def open(self, ready_made):
        return ScriptedSession(self)


class ScriptedSession:
    def __init__(self, workers):
        self.workers, self.ended = workers, None

    def execute(self, cells):
        _, *sources = cells
        self.workers.ran.append(sources)
        reports = [CellReport("ok")]
        for source in sources:
            reports.append(
                self.workers.reports.get(source, CellReport("ok"))
                if self.ended is None
                else CellReport("not run")
            )
            if source in self.workers.ends:
                self.ended = Ended("crashed", "left")
        return reports

    def observe(self, names, tasks):
        return Seen()

    def close(self):
        pass


BOTH = [Wanted("ex03.a", ("a",), (), False), Wanted("ex03.b", ("b",), (), True)]
SLOW = "a = 1\nwhile True:\n    pass\nb = 2"


def test_a_statement_that_took_too_long_does_not_run_again():
    told = CellReport("too long", done=1)
    workers = Scripted({SLOW: told})
    shown = gather(workers, ["x = 0", SLOW, "y = 0"], BOTH)
    assert workers.ran == [["x = 0", SLOW, "y = 0"], ["x = 0", "a = 1", "y = 0"]]
    assert list(shown.cells) == [CellReport("ok"), told, CellReport("ok")]


def test_a_cell_that_ended_a_worker_does_not_run_again():
    told = CellReport("died")
    workers = Scripted({"exit()": told}, ends=("exit()",))
    shown = gather(workers, ["x = 0", "exit()", "y = 0"], BOTH)
    assert workers.ran == [["x = 0", "exit()", "y = 0"], ["x = 0", "y = 0"], ["x = 0", "y = 0"]]
    assert list(shown.cells) == [CellReport("ok"), told, CellReport("ok")]


@pytest.mark.parametrize("done", [0, 10**9])
def test_what_a_submission_says_of_its_statements_changes_only_itself(done):
    workers = Scripted({SLOW: CellReport("too long", done=done)})
    gather(workers, [SLOW], BOTH)
    _, (again,) = workers.ran
    assert again == ("" if done == 0 else SLOW)
