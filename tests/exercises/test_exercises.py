"""The notebooks of the exercises: what learners get, and that it is made from the questions."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from unittest import mock

import nbclient
import nbformat
import pytest

from bncheck.course import Course
from bncheck.guard import ReadyMade
from bncheck.questions.problems import BrokenQuestion
from exercises.questions import COURSE
from tests.bncheck import straight
from tools.notebooks import execution, form
from tools.notebooks import student as tool

ROOT = execution.ROOT
SOLUTIONS = tool.solutions()
LEARNERS = sorted((ROOT / "exercises").glob("ex*.ipynb"))


def checks(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.startswith("check(")]


def run(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Execute all cells, also after one that raises."""
    resources = {"metadata": {"path": str(folder)}}
    client = nbclient.NotebookClient(
        notebook, timeout=300, allow_errors=True, resources=resources, kernel_name="python3"
    )
    environment = execution.kernel_environment(ROOT, ROOT / "_build" / "exercise-results")
    (ROOT / "_build").mkdir(exist_ok=True)  # a fresh clone has none, and IPython makes no parents
    with mock.patch.dict(os.environ, environment):  # other tests must not read those results
        return client.execute()


# -- as they are --------------------------------------------------------------------------------


def test_every_solution_has_its_learners_notebook_and_the_other_way_round():
    assert [path.name for path in LEARNERS] == [path.name for path in SOLUTIONS]
    assert LEARNERS


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_solution_is_in_step_with_the_questions(path):
    present = path.read_text(encoding="utf-8")
    written = COURSE.written(path.stem[:4])
    made = tool.solution_text(written, COURSE.package, present, ROOT)
    assert present == made, "run: make student"


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_learners_notebook_is_in_step_with_its_solution(path):
    made = tool.student_text(path.read_text(encoding="utf-8"))
    present = (ROOT / "exercises" / path.name).read_text(encoding="utf-8")
    assert present == made, "run: make student (a notebook with your own answers: move it away)"
    register = json.loads((ROOT / "exercises" / tool.GENERATED).read_text())
    assert tool.digest(present) in register[path.name]


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_every_check_of_a_solution_is_stored_as_passed(path):
    """nbval lets a cell without stored outputs pass, whatever it shows."""
    for cell in checks(nbformat.read(path, as_version=4)):
        (output,) = cell.outputs
        shown = output["data"]["text/plain"]
        assert re.fullmatch(r"ex\d\d\.\w+  passed  (\d+)/\1", shown), "run: make record"


@pytest.mark.parametrize("path", LEARNERS, ids=lambda path: path.stem)
def test_every_check_of_a_learners_notebook_fails_and_says_not_done_yet(path):
    notebook = run(nbformat.read(path, as_version=4), path.parent)
    assert checks(notebook)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if not cell.source.startswith("check("):
            assert not errors, cell.source
            continue
        (error,) = errors
        assert error.ename == "CheckFailed"
        assert re.fullmatch(r"ex\d\d\.\w+  not done yet  0/\d+", error.evalue)
        assert error.traceback == [error.evalue], "no traceback of ours"
        (card,) = [output for output in cell.outputs if output.output_type == "display_data"]
        assert "Not done yet" in card.data["text/plain"]


def test_wrong_answer_in_a_notebook_shows_a_card_and_a_short_error():
    cells = [
        "from exercises.questions import check, hint",
        "def batch_norm(x, gamma, beta, eps):\n    return gamma * x.foo + beta",
        'check("ex03.forward", batch_norm)',
        'hint("ex03.forward")',
        'check("ex03.nothing", batch_norm)',
    ]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    executed = run(made, ROOT / "exercises").cells
    card, error = executed[2].outputs
    assert "line 2 of batch_norm: `return gamma * x.foo + beta`" in card.data["text/plain"]
    assert "role=" in card.data["text/html"]
    assert error.traceback == ["ex03.forward  not passed  0/4"]
    assert "hint 1 of 3" in executed[3].outputs[0].data["text/plain"]
    (unknown,) = executed[4].outputs
    assert len(unknown.traceback) == 1 and "need a question of" in unknown.traceback[0]


# -- how they are made --------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path):
    """A folder with one solution."""
    folder = tmp_path / "exercises" / "solutions"
    folder.mkdir(parents=True)
    cells = [
        nbformat.v4.new_markdown_cell("# Exercise 1: {doc}`chapter 3 </chapters/03_x>`"),
        nbformat.v4.new_code_cell("answer = ..."),
        nbformat.v4.new_code_cell("answer = 123456", metadata={"tags": ["solution", "hide-input"]}),
        nbformat.v4.new_code_cell('check("ex01.answer", answer)'),
    ]
    cells[-1]["outputs"] = [nbformat.v4.new_output("display_data", data={"text/plain": "passed"})]
    text = form.normalise(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))
    (folder / "ex01_x.ipynb").write_text(text, encoding="utf-8")
    return tmp_path


def learners(course):
    return course / "exercises" / "ex01_x.ipynb"


def test_learners_get_all_but_the_solution_and_the_outputs(course):
    assert tool.write_students(course) == []
    cells = nbformat.read(learners(course), as_version=4).cells
    assert [cell.source for cell in cells] == [
        "# Exercise 1: [chapter 3](../chapters/03_x.ipynb)",
        "answer = ...",
        'check("ex01.answer", answer)',
    ]
    assert not cells[-1].outputs
    assert "123456" not in learners(course).read_text()


def edit_solution(course, old, new):
    path = course / "exercises" / "solutions" / "ex01_x.ipynb"
    path.write_text(path.read_text().replace(old, new))


def test_a_new_version_replaces_an_old_one(course):
    tool.write_students(course)
    edit_solution(course, "# Exercise 1", "# Exercise 01")
    assert tool.write_students(course) == []
    assert "Exercise 01" in learners(course).read_text()
    register = json.loads((course / "exercises" / tool.GENERATED).read_text())
    assert len(register["ex01_x.ipynb"]) == 2


@pytest.mark.parametrize("newer", [False, True])
def test_a_learners_work_is_left_alone_and_named(course, newer):
    tool.write_students(course)
    work = learners(course).read_text().replace("answer = ...", "answer = 41")
    learners(course).write_text(work)
    if newer:
        edit_solution(course, "# Exercise 1", "# Exercise 01")
    assert tool.write_students(course) == [learners(course)]
    assert learners(course).read_text() == work


def test_a_file_from_before_the_register_is_left_alone(course):
    learners(course).write_text("{}")
    assert tool.write_students(course) == [learners(course)]
    assert learners(course).read_text() == "{}"


def test_line_ends_of_windows_are_no_work_of_a_learner(course):
    tool.write_students(course)
    raw = learners(course).read_bytes()
    learners(course).write_bytes(raw.replace(b"\n", b"\r\n"))
    edit_solution(course, "# Exercise 1", "# Exercise 01")
    assert tool.write_students(course) == []


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """A course of one exercise in a folder of its own."""
    straight.write(tmp_path)
    (tmp_path / "_config.yml").write_text("repository: {url: https://example.org, branch: main}")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Course("straight", ReadyMade())
    straight.forget()


def test_a_question_s_file_gives_the_cells_of_the_notebooks(lines, tmp_path):
    tool.write_solutions(lines, tmp_path)
    assert tool.write_students(tmp_path) == []
    solution = nbformat.read(tmp_path / "exercises/solutions/ex01_lines.ipynb", as_version=4).cells
    sources = {cell.id: cell.source for cell in solution}
    assert sources["opening"].startswith("# Exercise 1: straight lines\n\nYou fit a line.")
    assert sources["imports"] == "import numpy as np\n\nfrom straight import check, hint, score"
    assert sources["slope-text"].startswith("## The slope of the best line\n\n*2 points.* Fit a")
    assert sources["middle-text"].startswith("The line goes through the means.\n\n## Where")
    assert sources["slope-check"] == 'check("ex01.slope", slope)'
    assert list(sources)[-2:] == ["points", "score"]
    learner = nbformat.read(tmp_path / "exercises/ex01_lines.ipynb", as_version=4).cells
    left_out = {"slope-solution", "middle-solution"}
    assert {cell.id for cell in learner} == set(sources) - left_out


def test_what_checks_said_stays_with_them(lines, tmp_path):
    tool.write_solutions(lines, tmp_path)
    path = tmp_path / "exercises/solutions/ex01_lines.ipynb"
    notebook = nbformat.read(path, as_version=4)
    (check,) = [cell for cell in notebook.cells if cell.id == "slope-check"]
    check.outputs = [nbformat.v4.new_output("display_data", data={"text/plain": "passed"})]
    path.write_text(form.normalise(nbformat.writes(notebook)), encoding="utf-8")
    before = path.read_text()
    tool.write_solutions(lines, tmp_path)
    assert path.read_text() == before


def test_a_broken_question_writes_no_notebook(lines, tmp_path):
    (tmp_path / "straight/ex01_lines/middle.md").write_text("---\n---\n")
    with pytest.raises(BrokenQuestion):
        tool.write_solutions(lines, tmp_path)
    assert not (tmp_path / "exercises").exists()


def test_writing_again_changes_nothing(course):
    tool.write_students(course)
    before = {p: p.read_bytes() for p in course.rglob("*") if p.is_file()}
    tool.write_students(course)
    assert {p: p.read_bytes() for p in course.rglob("*") if p.is_file()} == before
