"""Which cells after a changed one can come out differently, and which others these need.

Names say it: a cell is affected when it uses a name that the changed cell, or an affected one, has
bound or may have altered.  What a cell uses it may alter, unless nothing can: what is imported or
defined as a function, numbers, text, frozen data classes.  Calling a function of the notebook uses
what its code names.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FIXED = (int, float, complex, str, bytes, type(None), range)
BINDING = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Names:
    """The names of a cell: what it binds, and what it uses that it has not bound before.

    imports: those of them that it imports.  functions: what the code of each function names.
    """

    binds: frozenset[str]
    uses: frozenset[str]
    imports: frozenset[str]
    functions: Mapping[str, frozenset[str]]


def python(source: str) -> str:
    """A cell's source with its magics as comments, so that it can be parsed, in its places."""
    return re.sub(r"^[%!]", "#", source, flags=re.MULTILINE)


def names(source: str) -> Names:
    """The names of a cell."""
    bound: set[str] = set()
    uses: set[str] = set()
    imports: set[str] = set()
    functions = {}
    for statement in ast.parse(python(source)).body:
        stored = _stored(statement)
        loaded = _loaded(statement)
        if isinstance(statement, ast.For | ast.With):
            loaded -= stored - _loaded_first(statement)
        uses |= loaded - bound
        if isinstance(statement, (*BINDING, ast.For, ast.With)):
            bound |= stored
        if isinstance(statement, ast.Import | ast.ImportFrom):
            imports |= stored
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            functions[statement.name] = frozenset(loaded)
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
            functions |= dict.fromkeys(stored, frozenset(loaded))
    every = {name for node in ast.parse(python(source)).body for name in _stored(node)}
    return Names(frozenset(every), frozenset(uses), frozenset(imports), functions)


def _stored(statement: ast.AST) -> set[str]:
    """The names that a statement binds outside of its functions."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(a.asname or a.name).partition(".")[0] for a in statement.names}
    if isinstance(statement, ast.comprehension | ast.Lambda):
        return set()
    if isinstance(statement, ast.Name):
        return {statement.id} if isinstance(statement.ctx, ast.Store) else set()
    return {name for child in ast.iter_child_nodes(statement) for name in _stored(child)}


def _loaded(statement: ast.AST) -> set[str]:
    """The names that a statement, with the functions in it, reads from outside of it."""
    own: set[str] = set()
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load | ast.Del):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.comprehension):
            own |= {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.FunctionDef) and node is statement:
            own |= {name for child in node.body for name in _stored(child)}
    augmented = [n.target for n in ast.walk(statement) if isinstance(n, ast.AugAssign)]
    return (found - own) | {n.id for n in augmented if isinstance(n, ast.Name)} - own


def _loaded_first(statement: ast.For | ast.With) -> set[str]:
    """What the head of a loop reads, before the loop binds anything."""
    heads = [statement.iter] if isinstance(statement, ast.For) else statement.items
    return {name for head in heads for name in _loaded(head)}


def is_fixed(value: Any) -> bool:
    """Whether nothing that a cell does to this value can alter it."""
    if isinstance(value, tuple):
        return all(map(is_fixed, value))
    frozen = getattr(getattr(type(value), "__dataclass_params__", None), "frozen", False)
    return isinstance(value, FIXED) or bool(frozen)


def to_run(sources: Sequence[str], changed: int, namespace: Mapping[str, Any]) -> list[int]:
    """The places of the cells to run when one has changed: this, the affected, what they need.

    namespace: the names with their values as they are before the changed cell runs.
    """
    found = [names(source) for source in sources]
    fixed = {name for cell in found for name in (*cell.imports, *cell.functions)}
    fixed |= set(dir(builtins))
    fixed |= {name for name, value in namespace.items() if is_fixed(value)}
    functions = {name: used for cell in found for name, used in cell.functions.items()}
    uses = [_followed(cell.uses, functions) for cell in found]
    alters = [
        (cell.binds - cell.imports) | (used - fixed) for cell, used in zip(found, uses, strict=True)
    ]
    touched = set(alters[changed])
    affected = {changed}
    for place in range(changed + 1, len(found)):
        if uses[place] & touched:
            affected.add(place)
            touched |= alters[place]
        else:
            touched -= found[place].binds
    needed: set[str] = set()
    run = []
    for place in reversed(range(changed, len(found))):
        if place in affected or (alters[place] | found[place].imports) & needed:
            run.append(place)
            needed = (needed - found[place].binds) | uses[place]
    return run[::-1]


def _followed(used: Iterable[str], functions: Mapping[str, frozenset[str]]) -> set[str]:
    """These names, and those that the functions among them name, and so on."""
    seen: set[str] = set()
    waiting = set(used)
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting |= functions.get(name, frozenset()) - seen
    return seen
