"""Which cells of a chapter a page can run: those that need NumPy and what stands above, alone."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence
from dataclasses import dataclass

# packages and modules that a page has
THERE = (
    *("numpy", "math", "itertools", "functools", "collections", "random"),
    *("bnlib.functional", "bncourse.prose"),
)
SAYS = "say"  # of bncourse.prose: a sentence that says whether it still holds


@dataclass(frozen=True)
class Cell:
    """A code cell: its text, and whether the page shows it."""

    source: str
    visible: bool


@dataclass(frozen=True)
class Part:
    """A visible cell, or a statement of a hidden one: what it needs from above, what it gives."""

    cell: int
    source: str
    wanted: frozenset[str]
    given: frozenset[str]
    says: bool  # a sentence with numbers of the run


def part(cell: int, source: str) -> Part:
    """What a piece of code wants from outside, and what it gives."""
    wanted: set[str] = set()
    given: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            (wanted if isinstance(node.ctx, ast.Load) else given).add(node.id)
        elif isinstance(node, ast.arg):
            given.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            given.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            given |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    needed = frozenset(wanted - given - set(dir(builtins)))
    return Part(cell, source, needed, frozenset(given), is_sentence(source))


def is_sentence(source: str) -> bool:
    """Whether a piece of code is a call of `say`."""
    match ast.parse(source).body:
        case [ast.Expr(ast.Call(ast.Name(name)))]:
            return name == SAYS
    return False


def imports_what_is_there(source: str) -> bool:
    """Whether all that a piece of code imports is in a page."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return all(any(f"{name}.".startswith(f"{there}.") for there in THERE) for name in names)


def is_import(source: str) -> bool:
    """Whether a piece of code does nothing but import."""
    return all(isinstance(n, (ast.Import, ast.ImportFrom)) for n in ast.parse(source).body)


def parts(number: int, cell: Cell) -> list[Part]:
    """A visible cell as a whole, a hidden one by its statements; nothing of a cell with magics."""
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:
        return []
    whole = cell.visible and not is_import(cell.source)
    sources = [cell.source] if whole else [ast.unparse(node) for node in tree.body]
    return [part(number, source) for source in sources]


def runnable(cells: Sequence[Cell]) -> list[Part]:
    """What a page executes, in order.

    A visible cell is there as a whole or not at all; of hidden cells and of imports, the statements
    that can be executed and that a visible cell or a sentence needs, and the sentences.
    """
    known: set[str] = set()
    taken: list[Part] = []
    for number, cell in enumerate(cells):
        for piece in parts(number, cell):
            if piece.wanted <= known and imports_what_is_there(piece.source):
                known |= piece.given
                taken.append(piece)
            else:
                known -= piece.given  # it has another value than the one that is known here
    kept: list[Part] = []
    asked: set[str] = set()
    for piece in reversed(taken):
        shown = cells[piece.cell].visible and not is_import(piece.source)
        if shown or piece.says or piece.given & asked:
            kept.append(piece)
            asked |= piece.wanted
    return kept[::-1]
