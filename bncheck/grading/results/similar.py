"""Functions and classes that several submissions share, word for word.  Information, no verdict.

Names of variables count, comments, docstrings, annotations and layout do not.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SMALL = 25  # nodes of the syntax tree: below, two honest answers are often the same


@dataclass(frozen=True)
class Shared:
    """A function or class that is the same in several submissions.  ids: of these."""

    name: str
    ids: tuple[str, ...]


def shared(submissions: Mapping[str, Sequence[str]], known: Iterable[str] = ()) -> list[Shared]:
    """What at least two of the submissions define in the same way, the most frequent first.

    submissions: from id to cells.  known: sources that everybody has, like the stubs: left out.
    """
    everybodys = {body for source in known for _, body in definitions(source)}
    found: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for identity, cells in submissions.items():
        for cell in cells:
            for name, body in definitions(cell):
                if body not in everybodys:
                    found[name, body][identity] = None
    groups = [Shared(name, tuple(ids)) for (name, _), ids in found.items() if len(ids) > 1]
    return sorted(groups, key=lambda group: (-len(group.ids), group.name, group.ids))


def definitions(source: str) -> list[tuple[str, str]]:
    """The functions and classes of a source that are large enough: names and normalised bodies."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bare = _Bare().visit(node)
            if sum(1 for _ in ast.walk(bare)) >= SMALL:
                found.append((node.name, ast.dump(bare)))
    return found


class _Bare(ast.NodeTransformer):
    """Without docstrings and annotations."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        body = getattr(node, "body", None)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and body:
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = body[1:] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        return super().generic_visit(node)
