"""Keep the notebooks of the course in one form.

    python -m tools.notebooks.form check [FILE...]  say what is not in the form; exit code 1 if any
    python -m tools.notebooks.form fix [FILE...]  bring them into the form

Without FILE, all notebooks that are written by hand are meant: chapters, solutions of exercises
and the page for teachers.  The form: no outputs and no execution counts, nothing in the metadata
but what a reader sees, no trailing spaces, no empty cells, ids that stay.  A cell keeps its id for
as long as it lives; a new one gets an id from its content.  Cells that check an exercise keep what
they display: nbval compares it with a new run.  A cell whose code the book folds or leaves out, by
its tags, is collapsed in JupyterLab and in Colab, too: what stands open is what is to be read.
The text of a chapter is Markdown that any Jupyter shows (see `plain`).
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import yaml

from tools.notebooks import plain

ROOT = Path(__file__).resolve().parents[2]
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CELL_METADATA = ("mystnb", "tags")
CLOSED = frozenset({"hide-input", "remove-input", "hide-cell", "remove-cell"})
COLLAPSED = {"cellView": "form", "jupyter": {"source_hidden": True}}  # in Colab, in JupyterLab
INSTALLS = {"tags": ["install", "remove-cell"]}
INSTALLATION = """\
import importlib.util
import sys

COURSE = "bnlib[course] @ git+{url}@{branch}"  # fmt: skip
if importlib.util.find_spec("bncourse") is None:
    if "google.colab" in sys.modules:
        %pip install -q "{{COURSE}}"
    else:
        print("Missing: the package bncourse. To get it, run in a cell:")
        print(f'%pip install "{{COURSE}}"')"""
CHECKS = re.compile(r"(check|score)\(")
VALID_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


def tidy(source: str) -> str:
    """`source` without trailing spaces and without empty lines around it."""
    return "\n".join(line.rstrip() for line in source.splitlines()).strip("\n")


def new_id(kind: str, source: str, taken: set[str]) -> str:
    """An id from the content of a cell, different from those that are taken."""
    count = 0
    while True:
        candidate = hashlib.sha256(f"{kind}\n{count}\n{source}".encode()).hexdigest()[:8]
        if candidate not in taken:
            return candidate
        count += 1


def is_open(cell: Any) -> bool:
    """Whether a reader sees the code of this cell, on the page and in Jupyter."""
    return cell.cell_type == "code" and not CLOSED.intersection(cell.metadata.get("tags", []))


def displayed(cell: Any) -> list[Any]:
    """What a cell displays, without the metadata."""
    outputs = [output for output in cell.outputs if output.output_type == "display_data"]
    return [{**output, "metadata": {}} for output in outputs]


def normalise(text: str) -> str:
    """A notebook file's text in the form of the course."""
    old = nbformat.v4.reads_json(text)  # not nbformat.reads: it warns of cells without an id
    cells: list[dict[str, Any]] = []
    kept: set[str] = set()
    for cell in old.cells:
        source = tidy(cell.source)
        if not source:
            continue
        metadata = {key: cell.metadata[key] for key in CELL_METADATA if cell.metadata.get(key)}
        if cell.cell_type == "code" and not is_open(cell):
            metadata |= COLLAPSED
        new = {"cell_type": cell.cell_type, "metadata": metadata, "source": source}
        if cell.cell_type == "code":
            outputs = displayed(cell) if CHECKS.match(source) else []
            # any number will do: nbval wants to see that a cell with outputs was executed
            new |= {"outputs": outputs, "execution_count": 1 if outputs else None}
        identity = cell.get("id", "")
        if VALID_ID.match(identity) and identity not in kept:
            new["id"] = identity
            kept.add(identity)
        cells.append(new)
    for new in cells:
        if "id" not in new:
            new["id"] = new_id(new["cell_type"], new["source"], kept)
            kept.add(new["id"])
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": KERNEL, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return nbformat.writes(nbformat.from_dict(notebook)).rstrip("\n") + "\n"


def installation(root: Path = ROOT) -> str:
    """The source of the cell that installs the course where it is absent."""
    settings = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]
    return INSTALLATION.format(url=settings["url"], branch=settings["branch"])


def in_form(text: str, source: str, known: plain.Names | None = None) -> str:
    """A notebook of the course in its form, with `source` in its first code cell.

    known: given for a chapter, whose text is then Markdown that any Jupyter shows.
    """
    notebook = nbformat.v4.reads_json(normalise(text))
    if known is not None:
        rewrite = partial(plain.to_plain, known=known)
        notebook.cells = plain.cells(notebook.cells, known, rewrite)
    notebook.cells = [c for c in notebook.cells if "install" not in c.metadata.get("tags", [])]
    kinds = [cell.cell_type for cell in notebook.cells]
    first = kinds.index("code") if "code" in kinds else len(kinds)
    notebook.cells.insert(first, nbformat.v4.new_code_cell(source, id="install", metadata=INSTALLS))
    return normalise(nbformat.v4.writes_json(notebook))


def of_the_course(root: Path = ROOT) -> list[Path]:
    """The notebooks that are written by hand: not those that are made for learners."""
    paths = [*(root / "chapters").glob("*.ipynb"), *(root / "exercises").rglob("*.ipynb")]
    return sorted(path for path in paths if not path.match("exercises/ex*.ipynb"))


def forms(paths: Sequence[Path], root: Path = ROOT) -> Iterator[tuple[Path, str, str]]:
    """Each notebook, its text, and its text in the form."""
    source, known = installation(root), plain.names(root / "chapters")
    for path in paths:
        text = path.read_text(encoding="utf-8")
        chapter = path.resolve().parent == root / "chapters"
        yield path, text, in_form(text, source, known if chapter else None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["check", "fix"])
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    wrong = [
        (path, new) for path, old, new in forms(options.files or of_the_course()) if old != new
    ]
    for path, text in wrong:
        print(f"{path}: {'fixed' if options.command == 'fix' else 'not in form: run make fix'}")
        if options.command == "fix":
            path.write_text(text, encoding="utf-8")
    return int(bool(wrong) and options.command == "check")


if __name__ == "__main__":
    sys.exit(main())
