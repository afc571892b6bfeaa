"""Checks deleted, copied, split or turned into text: no point changes, and a note says so."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from bncheck.grading.outside.archives import File, Unreadable
from bncheck.grading.outside.cells import Cell, defined, odd
from bncheck.grading.outside.notebooks import read
from exercises.questions import COURSE

SOLUTIONS = Path(__file__).resolve().parents[4] / "exercises" / "solutions"


def solved(short="ex03"):
    (path,) = SOLUTIONS.glob(f"{short}_*.ipynb")
    return nbformat.read(path, as_version=4)


def save(tmp_path, notebook, name="work.ipynb"):
    nbformat.write(notebook, tmp_path / name)
    return File(tmp_path / name, (), (name,))


def notes(code, *beside):
    return odd(code, beside, "ex03", COURSE)


def checks():
    return [f'check("ex03.{one.name}", ...)' for one in COURSE.load("ex03").questions]


def test_a_notebook_as_it_was_handed_out_is_not_odd():
    for short in COURSE.folders:
        (path,) = SOLUTIONS.parent.glob(f"{short}_*.ipynb")
        cells = nbformat.read(path, as_version=4).cells
        code = [cell.source for cell in cells if cell.cell_type == "code"]
        beside = [Cell(c.cell_type, c.source) for c in cells if c.cell_type != "code"]
        assert odd(code, beside, short, COURSE) == [], short


def test_deleted_checks_are_noted():
    assert notes(checks()[1:]) == ["no check of ex03.n is left: graded by what is defined"]
    assert notes(["n = 1"]) == ["no check cell is left: graded by what is defined"]


def test_copied_cells_are_noted_and_the_last_counts():
    said = notes(["def undo(x, eps):\n    pass", *checks(), checks()[0], "undo = 3"])
    assert said == [
        "`undo` is defined in code cells 0 and 9: the last counts",
        "the check of ex03.n stands in code cells 1 and 8",
    ]


def test_a_stub_left_above_the_answer_is_not_odd_and_one_below_is():
    answers = ["def undo(x, eps):\n    return 1, 2", "n = 480"]
    stubs = ["def undo(x, eps):\n    raise NotImplementedError", "n = ..."]
    assert notes([*stubs, *answers, *checks()]) == []
    assert len(notes([*answers, *stubs, *checks()])) == 2


def test_split_cells_are_noted():
    assert notes([*checks(), "def f(x):", "    return x"]) == [
        "code cell 8 begins indented: split from the one before it?"
    ]


@pytest.mark.parametrize(("kind", "word"), [("raw", "raw"), ("markdown", "Markdown")])
def test_checks_and_answers_turned_into_text_are_noted(kind, word):
    first, *others = checks()
    said = notes(others, Cell(kind, first), Cell(kind, "def undo(x, eps):\n    return 1, 2"))
    assert said == [
        f"`undo` is written in a {word} cell, which does not run",
        f"the check of ex03.n is in a {word} cell",
    ]


def test_names_are_found_also_where_the_cell_is_no_python():
    source = (
        "gamma, beta = 1, 2\nclass A(:\n    x = 1\nn: int = 3\nasync def f(): pass\na == b\n%%b"
    )
    assert defined(source) == ["gamma", "beta", "A", "n", "f"]


# -- which exercise -------------------------------------------------------------------------------


def without_checks(notebook):
    notebook.cells = [cell for cell in notebook.cells if "check(" not in cell.source]
    return notebook


@pytest.mark.parametrize("short", COURSE.folders)
def test_a_renamed_file_without_a_check_is_known_by_its_cells(tmp_path, short):
    """By their ids; or, where an editor gave new ones, by what they define."""
    bare = without_checks(solved(short))
    said = f"no check says which exercise: taken for {short} by its cells"
    for ids in ("kept", "new"):
        for number, cell in enumerate(bare.cells if ids == "new" else ()):
            cell["id"] = f"c{number}"
        submission = read(save(tmp_path, bare), COURSE)
        assert (submission.exercise, submission.notes) == (short, (said,)), ids


def test_checks_turned_into_text_still_say_which_exercise(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_raw_cell(checks()[0])])
    assert read(save(tmp_path, notebook), COURSE).exercise == "ex03"


def test_one_answer_alone_is_not_enough_to_tell(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("n = 480")])
    with pytest.raises(Unreadable, match="use --exercise"):
        read(save(tmp_path, notebook), COURSE)
    assert read(save(tmp_path, notebook, "ex03.ipynb"), COURSE).exercise == "ex03"
