"""A reader changes a number of a chapter and runs it from there: that ends without a traceback.

The changes are chosen by `tools.notebooks.numbers`, always the same ones; a chapter is a test, so
that they run in parts: pytest tests/book/test_numbers.py -k 05
"""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools.notebooks import execution, numbers

CHAPTERS = sorted((execution.ROOT / "chapters").glob("[0-9][0-9]_*.ipynb"))
AWAITED = ("05_train_eval", "06_pytorch", "10_practice")  # their hidden cells still assert
HELD = [path for path in CHAPTERS if path.stem not in AWAITED]
EACH = 8  # of a chapter: 11 has no number of its own, and 12 few
ALL = 80


def changes(path: Path) -> list[numbers.Change]:
    return numbers.choice(numbers.changes(nbformat.read(path, as_version=4).cells), EACH)


def test_there_are_eighty_changes_or_more() -> None:
    assert sum(len(changes(path)) for path in CHAPTERS) >= ALL


@pytest.mark.parametrize("path", HELD, ids=lambda path: path.stem)
def test_a_changed_number_ends_without_a_traceback(path: Path) -> None:
    command = [sys.executable, "-m", "tools.notebooks.vary", str(path), "--most", str(EACH)]
    environment = os.environ | {"PYTHONPATH": str(execution.ROOT)}
    run = subprocess.run(
        command, cwd=execution.ROOT, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
