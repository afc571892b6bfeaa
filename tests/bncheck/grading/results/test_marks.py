"""A policy changes marks and no verdict, and each of its steps is said."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from bncheck.grading.results.marks import marks, marks_table, overall
from bncheck.grading.results.policy import Policy, read_policy
from tests.bncheck.grading.results.graded import grade


def policy(tmp_path, text):
    (tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    return read_policy(tmp_path / "policy.toml")


def only(grades, policy, late=None):
    (mark,) = marks(grades, policy, late)
    return mark


def test_without_a_policy_marks_are_the_points():
    mark = only([grade("anna", {"undo": 1})], Policy())
    assert (mark.points, mark.out_of, mark.steps, mark.open) == (6, 8, (), "")


def test_weights_drops_and_bonuses_by_hand(tmp_path):
    """2 · 4 + 3 of 2 · 4, for n is dropped and undo a bonus."""
    rules = policy(
        tmp_path, 'dropped = ["ex03.n"]\nbonus = ["ex03.undo"]\n[weights]\n"ex03.forward" = 2'
    )
    mark = only([grade("anna")], rules)
    assert (mark.points, mark.out_of) == (11, 8)
    assert mark.steps == (
        "ex03.n is dropped: it counts for nobody",
        "ex03.forward counts 2 times",
        "ex03.undo is a bonus: 3 points on top",
    )
    assert only([grade("anna", {"undo": 0, "n": 0})], rules).share == 1


@pytest.mark.parametrize(
    ("late", "points"),
    [
        ({"submitted": "2026-11-20T22:00:00+01:00"}, 8),
        ({"submitted": "2026-11-20T22:09:00+01:00"}, 8),  # within the grace
        ({"submitted": "2026-11-20T22:11:00+01:00"}, 7.2),
        ({"submitted": "2026-11-21T22:10:00+01:00"}, 7.2),
        ({"submitted": "2026-11-21T21:11:00+00:00"}, 6.4),
        ({"submitted": "2026-12-20T22:00:00+01:00"}, 4),
        ({"late": True}, 7.2),
        ({}, 8),
    ],
)
def test_late_days_that_have_begun_cost(tmp_path, late, points):
    rules = policy(
        tmp_path,
        "[late]\ndue = 2026-11-20T22:00:00+01:00\ngrace_minutes = 10\nper_day = 10\nmost = 50",
    )
    mark = only([grade("anna", **late)], rules)
    assert mark.points == points
    assert bool(mark.steps) == (points < 8)


def test_what_the_gradebook_says_of_lateness_comes_first(tmp_path):
    rules = policy(tmp_path, "[late]\nper_day = 10")
    mark = only([grade("anna", account="4", late=True)], rules, {"4": timedelta(hours=25)})
    assert mark.steps == ("late, 2 days begun: 20 % off",)


def test_points_by_hand_need_a_reason_and_say_it(tmp_path):
    text = '[[replaced]]\nlearner = "4712"\nquestion = "ex03.undo"\npoints = 2.5\n'
    with pytest.raises(ValueError, match="a reason"):
        policy(tmp_path, text)
    rules = policy(tmp_path, text + 'reason = "sign"')
    mark = only([grade("anna", {"undo": 0}, account="4712")], rules)
    assert mark.points == 7.5
    assert mark.steps == ("ex03.undo: 2.5 of 3 points by hand, in place of 0: sign",)


def test_an_unreadable_or_unjudged_submission_is_open_until_a_person_decides(tmp_path):
    grades = [grade("anna", state="unreadable"), grade("ben", state="unjudged"), grade("cleo")]
    assert [one.open for one in marks(grades, Policy())] == [
        "unreadable: empty",
        "unjudged: see the feedback",
        "",
    ]
    rules = policy(
        tmp_path,
        '[[replaced]]\nlearner = "anna"\nexercise = "ex03"\npoints = 5\nreason = "on paper"',
    )
    first = marks(grades, rules)[0]
    assert (first.points, first.open) == (5, "")


@pytest.mark.parametrize(("attempts", "file"), [("last", "b.ipynb"), ("best", "a.ipynb")])
def test_the_last_or_the_best_attempt_counts(tmp_path, attempts, file):
    grades = [
        grade("anna", file="b.ipynb", account="1", points={"undo": 0}, attempt=3),
        grade("anna", file="a.ipynb", account="1", attempt=2),
        grade("anna", file="c.ipynb", account="1", attempt=4, state="unreadable"),
        grade("anna", file="d.ipynb", account="2"),
    ]
    first, other = marks(grades, policy(tmp_path, f'attempts = "{attempts}"'))
    assert first.grade.file == file and other.grade.file == "d.ipynb"
    assert first.steps == (f"of 3 attempts, {file} counts: the {attempts}",)


def test_the_best_attempt_is_the_best_after_the_policy(tmp_path):
    rules = policy(tmp_path, 'attempts = "best"\n[late]\nper_day = 50')
    grades = [grade("anna", {"undo": 1}), grade("anna", file="late.ipynb", late=True)]
    assert only(grades, rules).points == 6


def test_exercises_are_weighed_and_a_missing_one_counts_nothing(tmp_path):
    rules = policy(tmp_path, "[weights]\nex04 = 3")
    grades = [grade("anna", {"forward": 0}), grade("anna", short="ex04"), grade("ben")]
    found = marks(grades, rules)
    assert overall(found, rules) == {"anna": (0.5 + 3) / 4, "ben": 1 / 4}
    rows = list(csv.DictReader(io.StringIO(marks_table(found, rules))))
    assert [row["over all (%)"] for row in rows] == ["87.5", "87.5", "25"]


WRONG = {
    "attempts = 3": "last",
    "drop = []": "'drop'",
    'dropped = "ex03.n"': "list of questions",
    'dropped = ["ex03.m"]': "names ex03.m",
    "weights = 3": "table",
    "[weights]\nex03 = -1": "at least 0",
    "[weights]\nex03 = nan": "at least 0",
    "[late]\ndue = 3": "date and time",
    "[late]\ndue = {ex09 = 2026-11-20T22:00:00}": "names ex09",
    "[late]\nper_week = 3": "'per_week'",
    '[[replaced]]\nlearner="x"\nexercise="ex03"\npoints=1\nreason="r"': "who is not there",
    "a = [": "TOML",
}


@pytest.mark.parametrize(("text", "words"), WRONG.items(), ids=WRONG)
def test_a_wrong_policy_is_refused_with_the_place(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        marks([grade("anna")], policy(tmp_path, text))
