"""What a notebook depends on: all that it may read, and nothing of the rest of the course."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import nbformat
import pytest

from tools.notebooks import closure, execution

ROOT = execution.ROOT
NOTEBOOKS = {
    path.relative_to(ROOT).with_suffix("").as_posix(): path for path in execution.chapters()
}


def notebook(*cells: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


def tree(root: Path, files: Mapping[str, str]) -> Path:
    """Write these files, and an `__init__` into each of their folders."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for parent in path.relative_to(root).parents:
            if parent.parts:
                (root / parent / "__init__.py").touch()
    return root


def names(root: Path, files: set[Path]) -> set[str]:
    found = {path.relative_to(root).as_posix() for path in files}
    return {name for name in found if not name.endswith("__init__.py")}


@cache
def of_the_course() -> dict[str, set[Path]]:
    """What each notebook of the course depends on."""
    read = {name: nbformat.read(path, as_version=4) for name, path in NOTEBOOKS.items()}
    return {name: closure.of_notebook(ROOT, found) for name, found in read.items()}


def users(name: str) -> set[str]:
    """The notebooks of the course that depend on a file."""
    return {key for key, files in of_the_course().items() if ROOT / name in files}


# -- what counts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import bnlib.layers.norm",
        "import bnlib.layers.norm as n",
        "from bnlib.layers import norm",
        "from bnlib.layers.norm import Norm",
        "def later():\n    from bnlib.layers import norm",
        "try:\n    import bnlib.layers.norm\nexcept ImportError:\n    pass",
        "%matplotlib inline\n!ls\nfrom bnlib.layers import norm",
        "if True:\n    %pip install it\nimport bnlib.layers.norm",
    ],
)
def test_every_way_to_import_a_module_counts(tmp_path, code):
    root = tree(tmp_path, {"bnlib/layers/norm.py": "", "bnlib/layers/other.py": ""})
    files = closure.of_notebook(root, notebook("x = 1", code))
    assert names(root, files) == {"bnlib/layers/norm.py"}
    assert {root / "bnlib/__init__.py", root / "bnlib/layers/__init__.py"} <= files


def test_what_an_imported_module_or_its_package_imports_counts_too(tmp_path):
    root = tree(
        tmp_path,
        {
            "bncourse/a.py": "import bncourse.b",
            "bncourse/b.py": "def f():\n    from bnlib.deep import c\n",
            "bncourse/alone.py": "",
            "bnlib/deep/c.py": "import bncourse.a",
            "bnlib/deep/d.py": "",
        },
    )
    (root / "bnlib/deep/__init__.py").write_text("from bnlib.deep import d")
    files = closure.of_notebook(root, notebook("import bncourse.a"))
    want = {"bncourse/a.py", "bncourse/b.py", "bnlib/deep/c.py", "bnlib/deep/d.py"}
    assert names(root, files) == want


def test_a_data_file_beside_a_module_counts(tmp_path):
    root = tree(tmp_path, {"bncourse/figures/plots.py": "", "bncourse/data.py": ""})
    (root / "bncourse/figures/course.mplstyle").write_text("figure.dpi: 100")
    with_data = names(root, closure.of_notebook(root, notebook("import bncourse.figures.plots")))
    assert "bncourse/figures/course.mplstyle" in with_data
    without = names(root, closure.of_notebook(root, notebook("import bncourse.data")))
    assert without == {"bncourse/data.py"}


def test_a_package_that_walks_its_modules_depends_on_a_new_one(tmp_path):
    root = tree(tmp_path, {"bncourse/experiments/ch01_a/one.py": ""})
    walks = notebook("from bncourse.experiments import all_experiments")
    before = closure.key(root, closure.of_notebook(root, walks))
    tree(tmp_path, {"bncourse/experiments/ch02_b/two.py": "import bncourse.used"})
    tree(tmp_path, {"bncourse/used.py": ""})
    files = closure.of_notebook(root, walks)
    assert {"bncourse/experiments/ch02_b/two.py", "bncourse/used.py"} <= names(root, files)
    assert closure.key(root, files) != before


def test_an_exercise_depends_on_the_questions_that_it_names(tmp_path):
    questions = {
        "exercises/questions/ex01_a/one.md": "# One",
        "exercises/questions/ex03_c/one.md": "# One",
        "exercises/questions/ex03_c/laws.py": "import bnlib.norms",
        "exercises/questions/inputs.py": "",
        "exercises/questions/laws.py": "import bnlib.core",
        "bnlib/norms.py": "",
        "bnlib/core.py": "",
    }
    root = tree(tmp_path, questions)
    first = "from exercises.questions import check, hint"

    def asked(*cells: str) -> set[str]:
        return names(root, closure.of_notebook(root, notebook(*cells)))

    of_all = {"exercises/questions/inputs.py", "exercises/questions/laws.py", "bnlib/core.py"}
    assert asked(first, 'check("ex01.x", x)') == of_all | {"exercises/questions/ex01_a/one.md"}
    of_three = {"exercises/questions/ex03_c/one.md", "exercises/questions/ex03_c/laws.py"}
    assert asked(first, "score('ex03')") == of_all | of_three | {"bnlib/norms.py"}
    assert asked("from exercises.questions import COURSE") == set(questions)


def test_an_edit_of_a_file_or_of_a_version_below_changes_the_key(tmp_path, monkeypatch):
    root = tree(tmp_path, {"bnlib/a.py": "x = 1"})
    files = closure.of_notebook(root, notebook("import bnlib.a"))
    first = closure.key(root, files)
    assert closure.key(root, files) == first
    (root / "bnlib/a.py").write_text("x = 2")
    second = closure.key(root, files)
    monkeypatch.setattr(closure.metadata, "version", lambda name: "99")
    assert len({first, second, closure.key(root, files)}) == 3


# -- the course ----------------------------------------------------------------------------------


def test_prose_is_no_part_of_it():
    for name, path in NOTEBOOKS.items():
        read = nbformat.read(path, as_version=4)
        before = of_the_course()[name]
        for cell in read.cells:
            if cell.cell_type == "markdown":
                cell.source = "import bnlib.scratch"
        assert closure.of_notebook(ROOT, read) == before


def test_no_notebook_depends_on_the_grader():
    for notebook_, files in of_the_course().items():
        graders = [name for name in names(ROOT, files) if name.startswith("bncheck/grading")]
        assert not graders, notebook_


def test_an_experiment_belongs_to_its_chapter_and_to_the_ledger():
    speed = "bncourse/experiments/ch08_benefits/speed.py"
    assert users(speed) == {"chapters/08_benefits", "chapters/11_ledger"}
    shared = "bncourse/experiments/ch08_benefits/runs.py"
    assert users(shared) == users(speed) | {"chapters/07_placement"}
    for folder in (ROOT / "bncourse" / "experiments").glob("ch*"):
        for path in folder.glob("[a-z]*.py"):
            own = "chapters/" + folder.name.removeprefix("ch")
            assert {own, "chapters/11_ledger"} <= users(path.relative_to(ROOT).as_posix())


def test_a_question_belongs_to_its_solution_and_to_the_page_for_teachers():
    pages = {"exercises/solutions/ex03_mechanism", "exercises/teachers"}
    for name in ("exercise.md", "statistics.md", "laws.py"):
        assert users(f"exercises/questions/ex03_mechanism/{name}") == pages


def test_the_style_of_figures_belongs_to_the_chapters_that_draw():
    draw = {name for name, path in NOTEBOOKS.items() if "plots" in path.read_text("utf-8")}
    drawing = users("bncourse/figures/course.mplstyle")
    assert draw & set(list(NOTEBOOKS)[:12]) <= drawing
    assert not [name for name in drawing if name.startswith("exercises/solutions")]
