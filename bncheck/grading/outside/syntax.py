"""What notebooks allow beyond Python: magics, shell commands, questions.  None of it does anything.

`%pip install`, `!ls`, `x = !ls` and `name?` become calls of a `get_ipython()` that ignores them, so
that the rest of the cell runs.  A cell magic that only surrounds Python (`%%time`) runs its cell.
"""

from __future__ import annotations

import ast
from functools import cache
from typing import Any

PRELUDE = '''
class _Shell:
    """Stands in for IPython: magics and shell commands do nothing."""

    def run_line_magic(self, name, line, *ignored):
        return None

    def run_cell_magic(self, name, line, cell):
        if name in ("time", "timeit", "capture", "prun"):
            exec(cell, globals())

    def system(self, command):
        return None

    def getoutput(self, command, *ignored):
        return []

    def __getattr__(self, name):
        return lambda *values, **named: None


def get_ipython():
    return _Shell()
'''


@cache
def _manager() -> Any:
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager()


def plain_python(cell: str) -> str:
    """The cell as Python that calls `get_ipython()` for what is not Python.

    A cell that cannot be read comes back as it is: running it says where its error is.
    """
    if not any(sign in cell for sign in "%!?"):
        return cell
    try:
        return str(_manager().transform_cell(cell))
    except (SyntaxError, ValueError, RecursionError):
        return cell


def beginning(cell: str, count: int) -> str:
    """The first statements of a cell; empty where it is no Python, and none has run."""
    try:
        return ast.unparse(ast.Module(ast.parse(cell).body[:count], []))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
