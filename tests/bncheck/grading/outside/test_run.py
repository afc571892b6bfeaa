"""Grading a class: what comes out, and that it is the same as what a notebook's check says."""

from __future__ import annotations

import ast
import contextlib
import csv
import importlib
import inspect
import json
import shutil
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup

from bncheck.bank import planted
from bncheck.grading.inside.limits import Limits
from bncheck.grading.outside.command import BAD_CALL, DONE, main
from bncheck.grading.outside.gather import gather, wanted
from bncheck.grading.outside.grade import answer
from bncheck.grading.outside.workers import NoWorkers, Workers
from bncheck.grading.results.files import MARK
from bncheck.grading.results.records import STATES
from bncheck.judge import judge
from bncheck.observe import observe
from exercises.questions import COURSE
from tests.bncheck.grading.hostile import HOSTILE
from tests.exercises.variants import VARIANTS

ROOT = Path(__file__).resolve().parents[4]
SOLUTION = ROOT / "exercises" / "solutions" / "ex03_mechanism.ipynb"
LEARNERS = ROOT / "exercises" / "ex03_mechanism.ipynb"

for path in sorted((ROOT / "tests" / "exercises" / "variants").glob("ex*.py")):
    importlib.import_module(f"tests.exercises.variants.{path.stem}")


@pytest.fixture(scope="session")
def workers():
    """Started once in a process: its tests of questions come between those of other files."""
    with Workers(COURSE) as started:
        yield started


@pytest.fixture
def lent(workers, monkeypatch):
    """Runs of this test use the workers that are there: to start some takes seconds of torch.

    For runs that ask for nothing else; others start their own, as all do outside of tests.
    """

    def lend(course, limits=None, sandbox="auto"):
        if (course, limits or Limits(), sandbox) == (COURSE, workers.limits, workers.sandbox):
            return contextlib.nullcontext(workers)
        return Workers(course, limits, sandbox)

    monkeypatch.setattr("bncheck.grading.outside.command.Workers", lend)


def cells_of(path):
    return [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


def hand_in(folder, name, *cells):
    """A solved notebook with these cells at its end."""
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in [*cells_of(SOLUTION), *cells]]
    )
    path = folder / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return path


def rows(out):
    with (out / "grades.csv").open(encoding="utf-8") as handle:
        return {row["id"]: row for row in csv.DictReader(handle)}


def contents(folder):
    return {
        p.relative_to(folder): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != MARK
    }


@pytest.fixture(scope="module")
def submissions(tmp_path_factory):
    """A class: solved, untouched, half done, failing, odd, unreadable."""
    folder = tmp_path_factory.mktemp("class")
    hand_in(folder, "solved")
    hand_in(folder, "anna/ex03", "def batch_norm(x, gamma, beta, eps):\n    return x")
    hand_in(folder, "anna/ex03 (1)")
    hand_in(folder, "failing", "1 / 0", "spread = 0.3015113")
    hand_in(folder, "removed", "del batch_norm")
    hand_in(
        folder,
        "magics",
        "%pip install something\n!ls\nfiles = !ls\nlen?",
        "%%time\nspread = 0.3015113",
        "%%bash\nexit 1",
        "import asyncio\nawait asyncio.sleep(0)",
        "%matplotlib inline",
    )
    hand_in(folder, "loop", "while True:\n    pass", "spread = 0.3015113")
    hand_in(folder, "patched", "import torch, numpy as np\ntorch.allclose = np.allclose = max")
    (folder / "blank.ipynb").write_bytes(LEARNERS.read_bytes())
    (folder / "empty.ipynb").write_text("")
    (folder / "ex03.zip").write_bytes(b"PK\5\6" + bytes(18))
    return folder


@pytest.fixture(scope="module")
def graded(submissions, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "grades"
    before = contents(submissions)
    assert main(["grade", str(submissions), "--out", str(out), "--cell-seconds", "2"]) == DONE
    assert contents(submissions) == before, "submissions are never changed"
    return out


def test_every_file_has_a_row_with_its_state(graded):
    states = {name: row["state"] for name, row in rows(graded).items()}
    assert states == {
        "solved": "graded",
        "anna_ex03": "graded",
        "anna_ex03_1": "graded",
        "failing": "partial",
        "removed": "partial",
        "magics": "graded",
        "loop": "timeout",
        "patched": "graded",
        "blank": "blank",
        "empty": "unreadable",
        "ex03": "unreadable",
    }
    assert set(states.values()) <= set(STATES)


def test_points_are_those_of_the_questions(graded):
    found = rows(graded)
    full = COURSE.find("ex03.forward")[0].out_of
    for name in ("solved", "anna_ex03_1", "failing", "magics", "loop", "patched"):
        assert int(found[name]["total"]) == full, name
    assert int(found["anna_ex03"]["total"]) == full - 4 == int(found["removed"]["total"])
    assert found["anna_ex03"]["ex03.forward"] == "0"
    assert found["blank"]["total"] == "0" and found["empty"]["out_of"] == "0"
    assert found["anna_ex03"]["learner"] == "anna"


def test_feedback_names_the_mistake_and_the_section(graded):
    page = BeautifulSoup((graded / "feedback" / "anna_ex03.html").read_text(), "html.parser")
    (section,) = page.select("section.wrong, section.named")
    assert "ex03.forward" in section.text and "Read: chapter 3" in section.text
    record = json.loads((graded / "feedback" / "anna_ex03.json").read_text())
    assert record["points"] == int(rows(graded)["anna_ex03"]["total"])
    assert not page.select("script, link"), "the page needs nothing else"


def test_notes_tell_what_happened(graded):
    found = rows(graded)
    assert "ZeroDivisionError" in found["failing"]["notes"]
    assert "too long" in found["loop"]["notes"]
    assert "replaces torch.allclose" in found["patched"]["notes"]
    assert "empty" in found["empty"]["notes"] and "zip" in found["ex03"]["notes"]


def test_summary_has_its_plots_and_tables(graded):
    page = BeautifulSoup((graded / "summary.html").read_text(), "html.parser")
    assert len(page.select("svg[role=img]")) >= 2
    assert "11 submissions" in page.text and "ex03.forward" in page.text
    assert not page.select("script, link, img")


def test_a_second_run_gives_the_same_bytes(graded, submissions, tmp_path):
    out = tmp_path / "again"
    main(["grade", str(submissions), "--out", str(out), "--cell-seconds", "2", "--jobs", "1"])
    assert contents(out) == contents(graded)


def test_resume_keeps_what_is_done_and_grades_what_changed(lent, tmp_path, monkeypatch):
    folder, out = tmp_path / "class", tmp_path / "grades"
    hand_in(folder, "one")
    hand_in(folder, "two")
    call = ["grade", str(folder), "--out", str(out)]
    main(call)
    hand_in(folder, "two", "spread = 1")
    hand_in(folder, "three")
    (folder / "one.ipynb").rename(folder / "four.ipynb")
    asked = []
    monkeypatch.setattr(
        "bncheck.grading.outside.engines.gather",
        lambda workers, cells, questions: asked.append(cells) or gather(workers, cells, questions),
    )
    main([*call, "--resume"])
    assert len(asked) == 3, "two changed, three is new, four has another name"
    assert set(rows(out)) == {"two", "three", "four"}
    assert {p.stem for p in (out / "feedback").iterdir()} == {"two", "three", "four"}
    main([*call, "--resume"])
    assert len(asked) == 3, "nothing changed"
    main(call)
    assert len(asked) == 6, "without --resume all are graded anew"
    main([*call, "--resume", "--seed", "1"])
    assert len(asked) == 9, "another seed is another grade"
    (out / "feedback" / "two.json").write_text("")
    main([*call, "--resume", "--seed", "1"])
    assert len(asked) == 10, "what is damaged is graded again"


@pytest.mark.parametrize("of", [2, 5])
def test_parts_of_a_class_merge_into_what_one_run_writes(lent, tmp_path, of):
    folder = tmp_path / "class"
    hand_in(folder, "anna/ex03", "def batch_norm(x, gamma, beta, eps):\n    return x")
    hand_in(folder, "ben/ex03")
    hand_in(folder, "cleo/ex03", "1 / 0")
    (folder / "empty.ipynb").write_text("")
    main(["grade", str(folder), "--out", str(tmp_path / "whole")])
    parts = [str(tmp_path / f"part{number}") for number in range(1, of + 1)]
    for number, part in enumerate(parts, 1):
        assert main(["grade", str(folder), "--out", part, "--shard", f"{number}/{of}"]) == DONE
    assert main(["merge", *parts, "--out", str(tmp_path / "merged")]) == DONE
    assert contents(tmp_path / "merged") == contents(tmp_path / "whole")


@pytest.mark.parametrize("part", ["gather", "grade"])
def test_a_fault_of_the_grader_takes_one_row(lent, tmp_path, monkeypatch, part):
    from bncheck.grading.outside import engines

    for name in ("one", "two"):
        hand_in(tmp_path / "class", name, f"mark = '{name}'")
    real = getattr(engines, part)

    def fails(*arguments):
        if "mark = 'one'" in str(arguments):
            raise TypeError("a fault of the grader")
        return real(*arguments)

    monkeypatch.setattr(engines, part, fails)
    assert main(["grade", str(tmp_path / "class"), "--out", str(tmp_path / "out")]) == DONE
    found = rows(tmp_path / "out")
    assert (found["one"]["state"], found["two"]["state"]) == ("unjudged", "graded")
    assert "the grader failed: TypeError: a fault of the grader" in found["one"]["notes"]


def test_an_interrupted_run_leaves_no_old_table(lent, tmp_path, monkeypatch):
    folder, out = tmp_path / "class", tmp_path / "grades"
    hand_in(folder, "one")
    call = ["grade", str(folder), "--out", str(out)]
    main(call)

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("bncheck.grading.outside.engines.grade", interrupt)
    assert main(call) == 130
    assert not (out / "grades.csv").exists() and not (out / "summary.html").exists()
    assert list((out / "feedback").iterdir()) == []


def test_folder_with_something_else_is_not_touched(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    path = hand_in(tmp_path, "one")
    assert main(["grade", str(path), "--out", str(tmp_path / "out")]) == BAD_CALL
    assert "need an empty folder" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.ipynb"], "that exist"),
        ([str(ROOT / "LICENSE"), "--course", "none"], "need a course"),
        ([str(ROOT / "LICENSE"), "--jobs", "0"], "--jobs >= 1"),
        ([str(ROOT / "LICENSE"), "--seed", "-1"], "--seed >= 0"),
        ([str(ROOT / "LICENSE"), "--memory", "0"], "must be above 0"),
    ],
)
def test_wrong_call_is_explained(tmp_path, arguments, words, capsys):
    assert main(["grade", *arguments, "--out", str(tmp_path / "out")]) == BAD_CALL
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["marks"], ["--out", "grades"]])
def test_a_missing_command_is_said(arguments, capsys):
    assert main(arguments) == BAD_CALL
    assert "need a command of grade, gradebook" in capsys.readouterr().err


def test_unknown_exercise_is_unreadable(lent, tmp_path):
    path = hand_in(tmp_path, "one")
    main(["grade", str(path), "--out", str(tmp_path / "out"), "--exercise", "ex99"])
    assert "need an exercise of" in rows(tmp_path / "out")["one"]["notes"]


# -- as the notebook's check -----------------------------------------------------------------------


def program_of(variant):
    """The source of a variant as a cell: its module without the registration, and a call."""
    module = ast.parse(inspect.getsource(inspect.getmodule(variant.make)))
    kept = []
    for node in module.body:
        if isinstance(node, ast.ImportFrom) and node.module == "tests.exercises.variants":
            continue
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
        kept.append(ast.unparse(node))
    names = COURSE.find(variant.question)[1].names
    return "\n".join([*kept, f"{', '.join(names)} = {variant.make.__name__}()"])


@pytest.mark.parametrize("name", COURSE.names())
def test_verdict_of_the_judge_is_that_of_the_check(workers, name):
    """On every known mistake and every variant, one after the other in a worker.

    With seed 0: both sides have the same probes, so that any seed will do, and other tests have
    worked out already what this bank's mistakes show.
    """
    short, _, _ = name.partition(".")
    (asked,) = [one for one in wanted(COURSE, short, seed=0) if one.question == name]
    bank = COURSE.bank(name, seed=0)
    question = bank.question
    start = f"from __future__ import annotations\n{question.preamble}\n"
    programs = {"reference": start + question.reference}
    for mistake in question.mistakes:
        programs[mistake.name] = start + planted(question, (mistake,))
    for variant in VARIANTS:
        if variant.question == name:
            programs[str(variant)] = program_of(variant)
    with workers.open(ready_made=not asked.from_scratch) as session:
        for label, program in programs.items():
            (report,) = session.execute([program])
            assert report.state == "ok", (label, report)
            seen = session.observe(asked.names, asked.tasks)
            assert session.ended is None, (label, session.ended)
            space: dict[str, object] = {"__name__": "learner"}
            exec(program, space)
            own = {key: space[key] for key in asked.names}
            expected = judge(bank, observe(own, bank.tasks))
            verdict = judge(bank, seen.observations)
            assert (verdict.state, verdict.earned, verdict.mistakes) == (
                expected.state,
                expected.earned,
                expected.mistakes,
            ), label


def test_question_that_ends_the_worker_loses_only_itself(workers):
    cells = [*cells_of(SOLUTION), "import os\ndef undo(x, eps):\n    os._exit(0)"]
    shown = gather(workers, cells, wanted(COURSE, "ex03", 0))
    assert [ended.kind for ended in shown.ended] == ["crashed"]
    assert answer(COURSE.bank("ex03.undo"), shown).points == 0
    assert answer(COURSE.bank("ex03.forward"), shown).state == "passed"
    assert answer(COURSE.bank("ex03.bias"), shown).state == "passed"


def test_cell_that_ends_the_worker_is_left_out_and_the_rest_goes_on(workers):
    cells = ["import os\nos._exit(0)", *cells_of(SOLUTION), "import os\nos.abort()"]
    shown = gather(workers, cells, wanted(COURSE, "ex03", 0))
    assert shown.cells[0].state == shown.cells[-1].state == "died"
    assert answer(COURSE.bank("ex03.forward"), shown).state == "passed"
    assert answer(COURSE.bank("ex03.spread"), shown).state == "passed"


# -- hostile work, from the file to the row --------------------------------------------------------

STATES_OF = {
    "too long": {"timeout"},
    "memory": {"memory", "crashed"},
    "crashed": {"crashed"},
    "forged": {"crashed"},
}


def test_hostile_class_earns_nothing_and_honest_work_beside_it_everything(tmp_path):
    """Each hostile submission has nothing but its trick; after each comes a solved one."""
    try:
        with Workers(COURSE, sandbox="require"):
            pass
    except NoWorkers as error:  # not installed, or not permitted in this container
        pytest.skip(f"no sandbox here: {error}")
    folder, out = tmp_path / "class", tmp_path / "grades"
    folder.mkdir()
    chosen = [one for one in HOSTILE if not one.quick]
    assert len(chosen) >= 20
    for number, one in enumerate(chosen):
        cells = [nbformat.v4.new_code_cell(cell) for cell in one.cells]
        made = nbformat.v4.new_notebook(cells=cells)
        nbformat.write(made, folder / f"{number:02d}_{one}.ipynb")
        hand_in(folder, f"{number:02d}_{one}_and_then_solved")
    call = ["grade", str(folder), "--out", str(out), "--exercise", "ex03", "--require-sandbox"]
    assert main([*call, "--cell-seconds", "2", "--seconds", "15"]) == DONE
    full = COURSE.find("ex03.forward")[0].out_of
    for name, row in rows(out).items():
        if name.endswith("solved"):
            assert (row["state"], int(row["total"])) == ("graded", full), name
            continue
        one = chosen[int(name[:2])]
        assert int(row["total"]) == 0, name
        if one.ended in STATES_OF:
            assert row["state"] in STATES_OF[one.ended] or row["notes"], (name, row)
        else:
            assert row["state"] in STATES, (name, row)


def test_sandbox_that_is_required_and_missing_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name, *more, **named: None)
    path = hand_in(tmp_path, "one")
    call = ["grade", str(path), "--out", str(tmp_path / "out"), "--require-sandbox"]
    assert main(call) == BAD_CALL
    assert "bubblewrap" in capsys.readouterr().err


# -- Gradescope ------------------------------------------------------------------------------------


def test_archive_holds_what_its_scripts_use(tmp_path, capsys):
    target = tmp_path / "autograder.zip"
    assert main(["gradescope-zip", str(target), "--exercise", "ex03", "--seed", "9"]) == DONE
    with zipfile.ZipFile(target) as archive:
        names = set(archive.namelist())
        script = archive.read("run_autograder").decode()
        for entry in ("setup.sh", "run_autograder"):
            assert archive.getinfo(entry).external_attr >> 16 & 0o111
    assert {"course/tools/project/install.py", "course/bncheck/__main__.py"} <= names
    assert {"course/constraints.txt", "course/pyproject.toml"} <= names
    assert not [name for name in names if "solutions" in name or "__pycache__" in name]
    assert "--exercise ex03 --seed 9" in script
    first = target.read_bytes()
    main(["gradescope-zip", str(target), "--exercise", "ex03", "--seed", "9"])
    assert target.read_bytes() == first
    assert main(["gradescope-zip", str(target), "--exercise", "ex99"]) == BAD_CALL


def test_results_have_the_form_that_gradescope_reads(lent, tmp_path):
    hand_in(tmp_path / "submission", "ex03", "def batch_norm(x, gamma, beta, eps):\n    return x")
    target = tmp_path / "results.json"
    call = ["gradescope-results", str(tmp_path / "submission"), "--out", str(target)]
    assert main([*call, "--exercise", "ex03"]) == DONE
    result = json.loads(target.read_text())
    assert result["score"] == sum(test["score"] for test in result["tests"])
    failed = [test for test in result["tests"] if test["status"] == "failed"]
    assert [test["name"].split(":")[0] for test in failed] == ["ex03.forward"]
    assert all(0 <= test["score"] <= test["max_score"] for test in result["tests"])


# -- grading on push -------------------------------------------------------------------------------


def test_workflow_for_learners_calls_what_exists():
    text = (ROOT / "exercises" / "grade.yml").read_text(encoding="utf-8")
    (job,) = yaml.safe_load(text)["jobs"].values()
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    course = [step["with"] for step in job["steps"] if "repository" in step.get("with", {})]
    assert [settings["repository"]["url"].endswith(one["repository"]) for one in course] == [True]
    commands = "\n".join(step["run"] for step in job["steps"] if "run" in step)
    assert "python course/tools/project/install.py course" in commands
    assert "python -m bncheck grade work --out grades" in commands
    assert (ROOT / "tools/project/install.py").exists()
