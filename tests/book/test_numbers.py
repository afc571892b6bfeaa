"""A reader changes a number of a chapter and runs it from there: that ends without a traceback.

The changes are chosen by `tools.notebooks.numbers`, always the same ones; a chapter is a test, so
that they run in parts.  A few of each run by default, since each runs half a chapter; all of them:

    BNCOURSE_CHANGES=8 pytest tests/book/test_numbers.py -k 05
"""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools.notebooks import execution, numbers

CHAPTERS = sorted((execution.ROOT / "chapters").glob("[0-9][0-9]_*.ipynb"))
LEDGER = "11_ledger"  # measures all claims before a number can be changed
LONG = ("01_start", "02_rationale")  # a change runs half a minute: one of each by default
HELD = [path for path in CHAPTERS if path.stem != LEDGER]
EACH = 8  # of a chapter: 11 has no number of its own, and 12 few
NOW = os.environ.get("BNCOURSE_CHANGES")
ALL = 80


def test_there_are_eighty_changes_or_more() -> None:
    cells = [nbformat.read(path, as_version=4).cells for path in CHAPTERS]
    assert sum(len(numbers.choice(numbers.changes(own), EACH)) for own in cells) >= ALL


@pytest.mark.parametrize("path", HELD, ids=lambda path: path.stem)
def test_a_changed_number_ends_without_a_traceback(path: Path) -> None:
    most = NOW or ("1" if path.stem in LONG else "2")
    command = [sys.executable, "-m", "tools.notebooks.vary", str(path), "--most", most]
    environment = os.environ | {"PYTHONPATH": str(execution.ROOT)}
    run = subprocess.run(
        command, cwd=execution.ROOT, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
