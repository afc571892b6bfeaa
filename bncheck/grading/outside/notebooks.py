"""Read a notebook, whatever state it is in.  Nothing is executed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bncheck.course import Course
from bncheck.grading.outside.archives import File, Unreadable
from bncheck.grading.outside.cells import Cell, exercise_of


@dataclass(frozen=True)
class Submission:
    """A notebook as it was read.

    cells: the sources of its code cells, in order; beside: its other cells;
    exercise: like `ex03`; notes: what was odd.
    """

    cells: tuple[str, ...]
    exercise: str
    notes: tuple[str, ...] = ()
    beside: tuple[Cell, ...] = ()


def read(file: File, course: Course, exercise: str | None = None) -> Submission:
    """Read a notebook.  exercise: its short name; by default it is found out.

    Raises Unreadable: not a file, too large, not JSON, not a notebook, another format version, or
    no exercise to be recognised.
    """
    notes: list[str] = []
    cells = _cells(_notebook(file.content(), notes), notes)
    if exercise is None:
        exercise, said = exercise_of(cells, file.place, course)
        notes += said
    if not exercise:
        raise Unreadable("which exercise? No check, no cell and no name says: use --exercise")
    code = tuple(cell.source for cell in cells if cell.kind == "code")
    beside = tuple(cell for cell in cells if cell.kind != "code")
    return Submission(code, exercise, tuple(notes), beside)


def _notebook(raw: bytes, notes: list[str]) -> dict[str, Any]:
    if not raw.strip():
        raise Unreadable("the file is empty: save the notebook and hand it in again")
    if raw[:2] == b"PK" and zipfile.is_zipfile(io.BytesIO(raw)):
        raise Unreadable("a zip file that holds no file that can be read: pack the notebook again")
    text = _decode(raw, notes)
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON ({error}): the file is damaged, or no notebook") from None
    if not isinstance(notebook, dict) or not {"cells", "worksheets"} & notebook.keys():
        raise Unreadable("JSON, but no notebook: it has no cells")
    version = notebook.get("nbformat")
    if version != 4:
        raise Unreadable(
            f"need notebook format 4, got {version!r}: open it in JupyterLab and save it again"
        )
    if not isinstance(notebook.get("cells"), list):
        raise Unreadable("JSON, but no notebook: its cells are no list")
    return notebook


def _decode(raw: bytes, notes: list[str]) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        notes.append("not UTF-8: read as Latin-1")
        text = raw.decode("latin-1")
    return text.replace("\r\n", "\n")


def _cells(notebook: dict[str, Any], notes: list[str]) -> Sequence[Cell]:
    """The cells that have a known type."""
    cells = []
    for number, cell in enumerate(notebook["cells"]):
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        if kind not in ("code", "markdown", "raw"):
            notes.append(f"cell {number} has no known type: left out")
            continue
        source = cell.get("source")
        if isinstance(source, list) and all(isinstance(part, str) for part in source):
            source = "".join(source)
        if not isinstance(source, str):
            notes.append(f"cell {number} has no source: taken as empty")
            source = ""
        cells.append(Cell(kind, source.replace("\r\n", "\n"), str(cell.get("id", ""))))
    return cells
