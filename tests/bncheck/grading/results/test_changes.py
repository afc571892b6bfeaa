"""Another grading tells what it changed, and for whom."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from bncheck.grading.results.changes import changes, changes_table, in_short
from tests.bncheck.grading.results.graded import grade


def test_the_same_grades_are_no_change():
    grades = [grade("anna"), grade("ben", {"undo": 1})]
    assert changes(grades, list(reversed(grades))) == []
    other = [replace(one, key="another", file="renamed.ipynb") for one in grades]
    assert changes(grades, other) == [], "how a grade was made is no change of it"


def test_each_change_says_what_and_for_whom():
    before = [grade("anna", {"undo": 0}, account="4"), grade("ben"), grade("cleo"), grade("dora")]
    after = [
        grade("anna", account="4"),
        grade("ben", {"forward": 2}, state="partial"),
        grade("dora"),
        grade("=emil"),
    ]
    found = changes(before, after)
    rows = list(csv.DictReader(io.StringIO(changes_table(found))))
    assert [(r["learner"], r["points before"], r["points after"], r["what"]) for r in rows] == [
        ("anna", "5", "8", "ex03.undo: 0/3 named (no undo) → 3/3 passed"),
        ("ben", "8", "6", "graded → partial; ex03.forward: 4/4 passed → 2/4 named (no forward)"),
        ("'=emil", "", "8", "new"),
        ("cleo", "8", "", "gone"),
    ]
    assert in_short(found, len(after)).splitlines() == [
        "4 of 4 changed: 1 gained points, 1 lost points, 1 new, 1 gone",
        "ex03.forward: 1",
        "ex03.undo: 1",
    ]


def test_a_question_that_is_no_longer_asked_is_told():
    before = grade("anna")
    (found,) = changes([before], [replace(before, answers=before.answers[:2])])
    assert found.what == "ex03.undo: 3/3 passed → not asked"
    assert found.questions == ("ex03.undo",)
