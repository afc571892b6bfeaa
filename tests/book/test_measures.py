"""The measures of the chapters: how much is said for each line of code that a reader sees.

Words are those of the text, captions of figures apart; lines are those of open cells that are not
empty.
"""

from functools import cache
from pathlib import Path
from statistics import median

import nbformat
import pytest

from tools.notebooks import execution, form, plain

CHAPTERS = sorted((execution.ROOT / "chapters").glob("[0-9][0-9]_*.ipynb"))
MEASURED = [path for path in CHAPTERS if int(path.stem[:2]) <= 10]  # the others look things up
each = pytest.mark.parametrize("path", MEASURED, ids=lambda path: path.stem)


@cache
def measured(path: Path) -> tuple[int, list[int]]:
    """The words of a chapter, and the lines of each of its open cells."""
    cells = nbformat.read(path, as_version=4).cells
    known = plain.names(path.parent)
    texts = [
        plain.to_myst(cell.source, known)
        for cell in cells
        if cell.cell_type == "markdown" and plain.CAPTION not in cell.metadata.get("tags", [])
    ]
    lines = [sum(bool(line.strip()) for line in c.source.splitlines()) for c in cells if shown(c)]
    return sum(len(text.split()) for text in texts), lines


def shown(cell: nbformat.NotebookNode) -> bool:
    return form.is_open(cell)


@pytest.mark.parametrize(("first", "last", "most"), [(1, 10, 40), (3, 6, 25)])
def test_words_for_each_line_of_code(first: int, last: int, most: int) -> None:
    found = {path.stem: measured(path) for path in MEASURED if first <= int(path.stem[:2]) <= last}
    words = sum(words for words, _ in found.values())
    lines = sum(sum(lines) for _, lines in found.values())
    ratios = {name: round(words / sum(lines)) for name, (words, lines) in found.items()}
    assert words <= most * lines, f"{words / lines:.0f} words a line, by chapter: {ratios}"


@each
def test_cells_that_a_reader_sees_have_one_to_fifteen_lines(path: Path) -> None:
    _, lines = measured(path)
    assert lines and max(lines) <= 15, lines


@each
def test_half_of_these_cells_have_four_to_twelve_lines(path: Path) -> None:
    _, lines = measured(path)
    assert 4 <= median(lines) <= 12, sorted(lines)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_cells_open_in_jupyter_are_those_that_the_page_shows(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
            assert hidden != form.is_open(cell), f"{cell.id}: run make fix"
            assert hidden == (cell.metadata.get("cellView") == "form"), cell.id
