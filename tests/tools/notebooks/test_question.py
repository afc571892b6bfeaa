"""What `make question` says: about the small course about straight lines, and about ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bncheck.course import Course
from bncheck.guard import ReadyMade
from exercises.questions import COURSE
from tests.bncheck import straight
from tools.notebooks import question as tool


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Course]:
    """A course whose chapter exists."""
    straight.write(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    known = ("Least squares", "The intercept")
    monkeypatch.setattr(tool, "headings", lambda chapter: known if chapter == "01_lines" else ())
    yield Course("straight", ReadyMade())
    straight.forget()


def edit(course: Course, old: str, new: str) -> None:
    path = course.folder / "ex01_lines" / "slope.md"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_all_is_said_about_a_question_that_is_well(course, capsys):
    assert tool.examine(course, "ex01.slope")
    said = capsys.readouterr().out
    for part in (
        "ex01.slope  “The slope of the best line”  2 points, asks for slope",
        "slope.md:39: named\nex01.slope  not passed  0/2  the line goes through the origin",
        "Take the means away first: only then may the line have an intercept.",
        "Read: chapter 1, “The intercept”",
        "mistakes: 2 named",
        "pairs of mistakes: ",
        "answers in other styles: none",
        "smallest distance: ",
    ):
        assert part in said


WRONG = {
    "a place that does not exist": (
        "> The intercept",
        "> The interception",
        ":39: “the line goes through the origin”: need a heading of 01_lines: "
        "got 'The interception'; nearest is 'The intercept'",
    ),
    "a chapter that does not exist": (
        "→ 01_lines >",
        "→ 01_line >",
        "need a chapter: got '01_line'",
    ),
    "a mistake that is none": (
        "+ x\n",
        "+ x - np.mean(x)\n",
        "slope.md:39: “the line goes through the origin” shows the same as the right answer",
    ),
    "two mistakes with one effect": (
        "+     y = y - y.mean()\n"
        "-     return float(centred @ y / (centred @ centred))\n"
        "+     return float(centred @ y / (y @ y))\n",
        "+     centred = 1 * x\n",
        ":48: “the slope of x on y” shows the same as",
    ),
    "an answer that fails": (
        "out = slope(x, y)",
        "out = slope(x)",
        "the answer fails on the probe",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_line(course, capsys, old, new, said):
    edit(course, old, new)
    assert not tool.examine(course, "ex01.slope")
    assert said in capsys.readouterr().out


def test_a_name_that_no_question_has_is_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tool, "SEEN", tmp_path / "questions.json")
    assert tool.main(["ex03.statistic"]) == 1
    assert "need a question of" in capsys.readouterr().out


def test_a_broken_file_is_told_and_no_traceback(course, monkeypatch, tmp_path, capsys):
    edit(course, "- x - x.mean()", "- x - mean(x)")
    monkeypatch.setattr(tool, "SEEN", tmp_path / "questions.json")
    monkeypatch.setattr(tool, "COURSE", course)
    assert tool.main(["ex01.slope"]) == 1
    assert "slope.md:43: “the line goes through the origin”: not found" in capsys.readouterr().out


def test_without_a_name_what_has_changed_is_meant(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tool, "SEEN", tmp_path / "questions.json")
    assert tool.main([]) == 0
    assert "noted how the questions are now" in capsys.readouterr().out
    assert tool.main([]) == 0
    assert "no question has changed" in capsys.readouterr().out
    now = tool.digests(COURSE)
    monkeypatch.setattr(tool, "digests", lambda course: {**now, "ex03.n": "changed"})
    assert tool.main([]) == 0
    said = capsys.readouterr().out
    assert "ex03.n  “How many values share a mean”" in said and "ex03.statistics" not in said
