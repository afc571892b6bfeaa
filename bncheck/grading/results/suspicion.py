"""Signs of tampering in the source of a submission: notes for the teacher, no verdict.

The judge does not need them: what is patched in the worker changes nothing in the judge.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence, Set

# What a solution of an exercise has no use for.
MODULES = {
    *("_thread", "bncheck", "ctypes", "gc", "http", "inspect", "multiprocessing", "pty"),
    *("requests", "resource", "signal", "socket", "subprocess", "threading", "urllib"),
}
CALLS = {
    *("os._exit", "os.abort", "os.dup2", "os.fork", "os.kill", "os.killpg", "os.popen"),
    *("os.system", "os.write", "sys._getframe", "sys.exit", "sys.setprofile", "sys.settrace"),
}
PATCHED = {"F", "builtins", "json", "math", "nn", "np", "numpy", "sys", "torch"}


def signs(cells: Sequence[str], questions: str, packages: Sequence[str]) -> list[str]:
    """What in these cells looks like tampering, a line for each sign; empty for honest work.

    questions: the package of the course's questions; packages: those of the course itself.
    """
    found: dict[str, None] = {}
    for number, cell in enumerate(cells):
        try:
            nodes = list(ast.walk(ast.parse(cell)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # it cannot run either
        for node in nodes:
            for sign in _signs(node, questions, {*PATCHED, *packages}):
                found[f"code cell {number}: {sign}"] = None
    return list(found)


def _signs(node: ast.AST, questions: str, patched: Set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    else:
        names = []
    for name in names:
        if name.partition(".")[0] in MODULES or name.startswith(f"{questions}."):
            yield f"imports {name}"
    if isinstance(node, ast.Attribute):
        name = ast.unparse(node)
        if name in CALLS:
            yield f"uses {name}"
        if not isinstance(node.ctx, ast.Load) and name.partition(".")[0] in patched:
            yield f"replaces {name}"
