"""From the solutions of the exercises, the one source, to what learners get.

    python -m tools.notebooks.student student   write exercises/exNN_*.ipynb from the solutions
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
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbclient
import nbformat
from nbconvert.preprocessors import ClearOutputPreprocessor, Preprocessor, TagRemovePreprocessor

from tools.notebooks import execution, form

ROOT = execution.ROOT
GENERATED = "generated.json"
PAGE = re.compile(r"\{doc\}`([^`<]+) </([\w/]+)>`")  # the book's way to link to another page


class PlainLinks(Preprocessor):
    """Links to the book's pages as links to their notebooks: Jupyter and Colab know these."""

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        if cell.cell_type == "markdown":
            cell.source = PAGE.sub(r"[\1](../\2.ipynb)", cell.source)
        return cell, resources


def solutions(root: Path = ROOT) -> list[Path]:
    """The sources of the exercises."""
    return sorted((root / "exercises" / "solutions").glob("ex*.ipynb"))


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
    parser = argparse.ArgumentParser(description="Make the learners' notebooks.")
    parser.add_argument("command", choices=["student", "record"])
    parser.add_argument("files", nargs="*", type=Path, help="solutions to record; default: all")
    arguments = parser.parse_args()
    if arguments.command == "record":
        record(ROOT, [path.resolve() for path in arguments.files] or solutions())
        return 0
    for path in write_students():
        print(
            f"{path.relative_to(ROOT)}: left alone, since somebody worked in it; to get a new one, "
            "move it away and run this again"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
