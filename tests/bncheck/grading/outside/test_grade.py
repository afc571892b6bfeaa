"""From what came back of a submission to its grade."""

from __future__ import annotations

from dataclasses import replace

from bncheck.bank import Bank
from bncheck.grading.outside.answers import Ended, Seen
from bncheck.grading.outside.gather import Shown
from bncheck.grading.outside.grade import answer, state_of
from bncheck.grading.results.feedback import page
from bncheck.grading.results.records import Grade
from bncheck.guard import ReadyMade
from exercises.questions import COURSE


def test_a_submission_that_a_broken_check_has_met_is_not_judged():
    """Its own work would pass: it fails as the right answer does."""
    question = replace(
        COURSE.find("ex03.undo")[1], reference="def undo(x, eps):\n    return 1 / 0\n"
    )
    bank = Bank("ex03.undo", question, 0, ReadyMade())
    shown = Shown(
        seen={"ex03.undo": Seen(kinds={"undo": "function"}, observations=list(bank.reference))}
    )
    found = answer(bank, shown)
    assert (found.state, found.points) == ("broken", 0)
    assert state_of([found], shown) == "unjudged"
    said = page(Grade("1", "anna", "ex03.ipynb", "ex03_mechanism", "unjudged", (found,)))
    assert "Unjudged: a check is broken: the points are not final." in said
    assert "This check is broken, so it cannot judge your answer" in said


def test_what_ended_for_memory_is_told_so_also_where_it_was_slow_before():
    ended = [Ended("too long", "no answer"), Ended("memory", "killed")]
    assert state_of([], Shown(ended=ended)) == "memory"
