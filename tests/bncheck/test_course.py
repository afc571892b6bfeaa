"""The engine knows nothing of batch normalization: a course about straight lines uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bncheck.course import Course, installed
from bncheck.grading.outside.gather import gather, wanted
from bncheck.grading.outside.grade import answer
from bncheck.grading.outside.workers import NoWorkers, Workers
from bncheck.guard import ReadyMade
from bncheck.session import CheckFailed, Session
from tests.bncheck import straight

RIGHT = "import numpy as np\ndef slope(x, y):\n    return float(np.cov(x, y)[0, 1] / x.var(ddof=1))"
ORIGIN = "def slope(x, y):\n    return float(x @ y / (x @ x))"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Course]:
    """A course in a folder of its own, with a package whose `fit` is ready-made."""
    straight.write(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Course("straight", ReadyMade(packages=("helper",)))
    straight.forget()


def defined(source: str) -> object:
    space: dict[str, object] = {}
    exec(source, space)
    return space["slope"]


def test_a_notebook_of_another_course_is_told_its_mistake(course, capsys):
    check = Session(course).check
    check("ex01.slope", defined(RIGHT))
    assert "passed  2/2" in capsys.readouterr().out
    with pytest.raises(CheckFailed, match="the line goes through the origin"):
        check("ex01.slope", defined(ORIGIN))
    assert "Take the means away first" in capsys.readouterr().out


def test_what_is_ready_made_is_the_courses_to_say(course, capsys):
    import helper

    with pytest.raises(CheckFailed):
        Session(course).check("ex01.slope", lambda x, y: helper.fit(x, y))
    assert "calls helper's fit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cell", "state", "mistakes"),
    [
        (RIGHT, "passed", ()),
        (ORIGIN, "named", ("the line goes through the origin",)),
        ("import helper\ndef slope(x, y):\n    return helper.fit(x, y)", "wrong", ()),
        ("from straight.inputs import noisy_line as slope", "not done", ()),
    ],
    ids=["right", "a mistake", "ready-made", "the course imported"],
)
def test_a_class_of_another_course_is_graded(course, cell, state, mistakes):
    try:
        with Workers(course, modules=()) as workers:
            shown = gather(workers, [cell], wanted(course, "ex01", 3))
    except NoWorkers as error:
        pytest.skip(f"no workers here: {error}")
    found = answer(course.bank("ex01.slope", 3), shown)
    assert (found.state, found.mistakes) == (state, mistakes)


def test_a_course_is_found_by_its_address(course):
    with pytest.raises(ValueError, match="need a course"):
        installed("straight")
    with pytest.raises(ValueError, match="need a Course, got str"):
        installed("helper:__name__")
    assert installed("exercises.questions:COURSE").package == "exercises.questions"
