"""The numbers of a notebook that a reader may change, and what to change them to.

Meant are the numbers that stand in open cells as a value with a name, or as the size of a part:
`steps=200`, `sizes = (2, 8, 32)`, `for rate in (0.1, 0.03)`, `range(5)`, `images[:64]`.  Not meant
are places (`x[0]`), axes, and numbers in formulas: another one there is another program.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tools.notebooks.affected import python

CLOSED = {"install", "hide-input", "hide-cell", "remove-input", "remove-cell", "remove-output"}
RAISES = "raises-exception"  # the tag of cells whose exception is the point
# Calls whose first argument has a meaning that a reader sees without its name.
CALLS = {
    **dict.fromkeys(("generator", "manual_seed", "default_rng"), "seed"),
    **dict.fromkeys(("split", "randn"), "size"),
    **dict.fromkeys(("range", "arange"), "count"),
}
# Names that stand for a place, an axis, or the precision of what is shown.
NOT_MEANT = re.compile(r"axis|axes|dims?|start(_dim)?|end(_dim)?|stream|decimals|[ar]tol|index")


@dataclass(frozen=True)
class Change:
    """One number of one cell, and another value for it.

    cell: the cell's place in the notebook.  start, end: where the number stands in its source.
    """

    cell: int
    start: int
    end: int
    name: str
    old: str
    new: str

    def apply(self, source: str) -> str:
        """The source with the other value."""
        return source[: self.start] + self.new + source[self.end :]

    def __str__(self) -> str:
        return f"cell {self.cell}, {self.name}: {self.old} -> {self.new}"


def is_open(cell: Any) -> bool:
    """Whether a reader sees the code of this cell."""
    return cell.cell_type == "code" and not CLOSED.intersection(cell.metadata.get("tags", []))


def values(name: str, number: Any) -> list[float]:
    """Half of it, its double, and the values at the edge of what such a number can be."""
    if "seed" in name:
        return [number + 1, 123]
    if number == 0:  # where a count begins, or what is off
        return []
    whole = isinstance(number, int)
    found = [number // 2 if whole else number / 2, 2 * number, 1 if whole else 0.0]
    found += [5000] if whole and re.search("batch|size|examples", name) else []
    found += [1.0] if not whole and "momentum" in name else []
    found += [10.0] if not whole and re.search(r"rate|\blrs?\b", name) else []
    return [
        value for value in dict.fromkeys(found) if value != number and not (whole and value == 0)
    ]


def changes(cells: Sequence[Any]) -> list[Change]:
    """All changes of the open cells, in their order."""
    found = []
    for place, cell in enumerate(cells):
        if not is_open(cell):
            continue
        source = python(cell.source)
        starts = _line_starts(source)
        for name, node in _named(ast.parse(source)):
            start = starts[node.lineno - 1] + _characters(source, node.lineno, node.col_offset)
            end = start + len(_text(node, source))
            for new in values(name, node.value):
                found.append(Change(place, start, end, name, source[start:end], repr(new)))
    return found


def choice(found: Sequence[Change], most: int) -> list[Change]:
    """At most so many of these, spread over cells and numbers, always the same ones.

    Each cell has its turn before one has its second, each number before it is changed again; who
    comes first is decided by a hash, so that a new cell does not turn the choice over.
    """

    def luck(change: Change) -> str:
        return hashlib.sha256(f"{change.name} {change.old} {change.new}".encode()).hexdigest()

    turn: dict[Any, int] = {}
    order = []
    for change in sorted(found, key=luck):
        number = turn[change.cell, change.start] = turn.get((change.cell, change.start), -1) + 1
        order.append((number, change))
    spread = []
    for number, change in sorted(order, key=lambda entry: entry[0]):
        cell = turn[change.cell] = turn.get(change.cell, -1) + 1
        spread.append((cell, number, change))
    chosen = [c for _, _, c in sorted(spread, key=lambda entry: entry[:2])][:most]
    return sorted(chosen, key=lambda change: (change.cell, change.start, change.new))


def _named(tree: ast.Module) -> Iterator[tuple[str, ast.Constant]]:
    """The numbers that have a name, by their name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from _below(ast.unparse(node.targets[0]), node.value)
        elif isinstance(node, ast.keyword) and node.arg:
            yield from _below(node.arg, node.value)
        elif isinstance(node, ast.For | ast.comprehension):
            yield from _below(ast.unparse(node.target), node.iter)
        elif isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in CALLS:
                yield from _below(CALLS[called], node.args[0])
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            if node.slice.upper is not None:
                yield from _below("size", node.slice.upper)
        elif isinstance(node, ast.arguments):
            names = [argument.arg for argument in node.args]
            for name, default in zip(reversed(names), reversed(node.defaults), strict=False):
                yield from _below(name, default)


def _below(name: str, value: ast.expr, depth: int = 0) -> Iterator[tuple[str, ast.Constant]]:
    """The numbers of a value: itself, or those of a list.  In a list of lists, those with a point.

    The whole numbers there are shapes, which must fit one another.
    """
    if NOT_MEANT.fullmatch(name):
        return
    if isinstance(value, ast.Constant) and type(value.value) in (int, float):
        if depth < 2 or isinstance(value.value, float):
            yield name, value
    elif isinstance(value, ast.UnaryOp):
        yield from _below(name, value.operand, depth)
    elif isinstance(value, ast.Tuple | ast.List | ast.Set):
        for element in value.elts:
            yield from _below(name, element, depth + 1)
    elif isinstance(value, ast.Dict):
        for element in value.values:
            yield from _below(name, element, depth + 1)
    elif isinstance(value, ast.Call) and ast.unparse(value.func) in ("np.array", "torch.tensor"):
        yield from _below(name, value.args[0], depth)


def _line_starts(source: str) -> list[int]:
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _characters(source: str, line: int, offset: int) -> int:
    """An offset in bytes, as ast counts, in characters."""
    return len(source.split("\n")[line - 1].encode()[:offset].decode())


def _text(node: ast.expr, source: str) -> str:
    return ast.get_source_segment(source, node) or ""
