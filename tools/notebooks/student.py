"""From the questions' files, the one source, to the notebooks of the exercises.

    python -m tools.notebooks.student student   write the solutions and the learners' notebooks
    python -m tools.notebooks.student record    execute the solutions, keep what checks say

A learner works in the file that `student` wrote.  So it writes over a file only if this is, byte
for byte, one of the versions that it has ever written: exercises/generated.json lists their
hashes.  Any other file is left alone, and named.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbclient
import nbformat
from nbconvert.preprocessors import ClearOutputPreprocessor, Preprocessor, TagRemovePreprocessor

from bncheck.course import Course
from bncheck.questions.folder import WrittenExercise
from bncheck.questions.problems import BrokenQuestion
from bncheck.questions.reader import Written
from exercises.questions import COURSE
from tools.notebooks import execution, form

ROOT = execution.ROOT
GENERATED = "generated.json"
PAGE = re.compile(r"\{doc\}`([^`<]+) </([\w/]+)>`")  # the book's way to link to another page
CHECKS = "from {package} import check, hint, score"


class PlainLinks(Preprocessor):
    """Links to the book's pages as links to their notebooks: Jupyter and Colab know these."""

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        if cell.cell_type == "markdown":
            cell.source = PAGE.sub(r"[\1](../\2.ipynb)", cell.source)
        return cell, resources


def solutions(root: Path = ROOT) -> list[Path]:
    """The notebooks with the answers."""
    return sorted((root / "exercises" / "solutions").glob("ex*.ipynb"))


def cells(written: WrittenExercise, package: str) -> Iterator[Any]:
    """The cells of a solution; the first with code imports what the exercise needs."""
    short = written.exercise.short
    opening = f"# Exercise {int(short[2:])}: {written.title}\n\n{written.text}"
    yield nbformat.v4.new_markdown_cell(opening, id="opening")
    imports = f"{written.imports}\n\n{CHECKS.format(package=package)}"
    yield nbformat.v4.new_code_cell(imports, id="imports")
    remark = ""
    for question in written.questions:
        yield from _question(question, short, remark)
        remark = f"{question.afterwards}\n\n" if question.afterwards else ""
    yield nbformat.v4.new_markdown_cell(f"{remark}## Your points", id="points")
    yield nbformat.v4.new_code_cell(f'score("{short}")', id="score")


def _question(written: Written, short: str, remark: str) -> Iterator[Any]:
    """The cells of a question.  remark: what is said first, about the one before."""
    question = written.question
    points = f"{question.out_of} point{'s' if question.out_of != 1 else ''}"
    text = f"{remark}## {question.title}\n\n*{points}.* {written.text}"
    own, tags = question.name, {"tags": ["solution", "hide-input"]}
    yield nbformat.v4.new_markdown_cell(text, id=f"{own}-text")
    yield nbformat.v4.new_code_cell(written.stub, id=f"{own}-stub")
    yield nbformat.v4.new_code_cell(written.solution, id=f"{own}-solution", metadata=tags)
    asked = f'check("{short}.{own}", {", ".join(question.names)})'
    yield nbformat.v4.new_code_cell(asked, id=f"{own}-check")


def solution_text(written: WrittenExercise, package: str, present: str | None, root: Path) -> str:
    """A solution, with the outputs that the same checks have in `present`, the file as it is."""
    notebook = nbformat.v4.new_notebook(cells=list(cells(written, package)))
    if present is not None:
        stored = {c.source: c for c in nbformat.v4.reads_json(present).cells if c.get("outputs")}
        for cell in notebook.cells:
            if cell.source in stored:
                cell.outputs = stored[cell.source].outputs
    return form.in_form(nbformat.v4.writes_json(notebook), form.installation(root))


def student_text(solution: str) -> str:
    """The learner's notebook for the solution's: without its solution cells and its outputs."""
    notebook = nbformat.v4.reads_json(solution)
    resources: dict[str, Any] = {}
    for preprocessor in (
        TagRemovePreprocessor(remove_cell_tags=["solution"], enabled=True),
        ClearOutputPreprocessor(enabled=True),
        PlainLinks(enabled=True),
    ):
        notebook, resources = preprocessor(notebook, resources)
    return form.normalise(nbformat.v4.writes_json(notebook))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write(path: Path, text: str) -> None:
    """Replace a file, all or nothing."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)


def write_solutions(course: Course, root: Path = ROOT) -> None:
    """Write the solutions from the questions' files.  Raises BrokenQuestion, writing nothing."""
    texts = {}
    for short in course.folders:
        written = course.written(short)
        path = root / "exercises" / "solutions" / f"{written.exercise.name}.ipynb"
        present = path.read_text(encoding="utf-8") if path.exists() else None
        if (text := solution_text(written, course.package, present, root)) != present:
            texts[path] = text
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, text)


def write_students(root: Path = ROOT) -> list[Path]:
    """Write the learners' notebooks; returns those left alone, since somebody worked in them."""
    folder = root / "exercises"
    register = folder / GENERATED
    known: dict[str, list[str]] = json.loads(register.read_text()) if register.exists() else {}
    left = []
    for solution in solutions(root):
        text = student_text(solution.read_text(encoding="utf-8"))
        path, versions = folder / solution.name, known.setdefault(solution.name, [])
        present = path.read_text(encoding="utf-8") if path.exists() else None
        if present not in (None, text) and digest(present) not in versions:
            left.append(path)
            continue
        if digest(text) not in versions:  # noted first: an interruption leaves no unknown file
            versions.append(digest(text))
            write(register, json.dumps(known, indent=1, sort_keys=True) + "\n")
        if present != text:
            write(path, text)
    return left


def recorded(path: Path) -> str:
    """The solution with the present outputs of its check cells, in the form of the course."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    return form.normalise(nbformat.writes(notebook))


def record(root: Path, paths: Sequence[Path]) -> None:
    """Execute solutions, two at a time, and write down what their check cells say."""
    os.environ.update(execution.kernel_environment(root, root / "_build" / "exercise-results"))
    with ThreadPoolExecutor(execution.WORKERS) as pool:
        for path, text in zip(paths, pool.map(recorded, paths), strict=True):
            if text != path.read_text(encoding="utf-8"):
                write(path, text)
                print(f"{path.relative_to(root)}: recorded")


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the notebooks of the exercises.")
    parser.add_argument("command", choices=["student", "record"])
    parser.add_argument("files", nargs="*", type=Path, help="solutions to record; default: all")
    arguments = parser.parse_args()
    try:
        write_solutions(COURSE)
    except BrokenQuestion as broken:
        print(f"{broken}\nno notebook was written", file=sys.stderr)
        return 1
    if arguments.command == "record":
        record(ROOT, [path.resolve() for path in arguments.files] or solutions())
    for path in write_students():
        print(
            f"{path.relative_to(ROOT)}: left alone, since somebody worked in it; to get a new one, "
            "move it away and run this again"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
