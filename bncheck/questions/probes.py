"""The section `## Probes`: code to run, what to keep of it, and a table of inputs.

    ```python
    out = batch_statistics(x)
    ```
    Keep `out`

    | probe | points for | inputs |
    |-|-|-|
    | two images | images | `x=batch(rng, 2, 3, 4, 4)` |

Code and `Keep` hold for the tables below them, until there are others.  The inputs are written
like the arguments of a call, in Python; of two of one name the later counts.  They find `rng`,
`np`, and the names of `inputs.py`, of the exercise and of the course.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np

from bncheck.questions.document import Block, Section
from bncheck.questions.problems import Problems, choice
from bncheck.questions.question import Inputs, Probe

COLUMNS = ("probe", "points for", "inputs")


@dataclass(frozen=True)
class Makes:
    """Makes the inputs of a probe from a seeded generator, as its cell in the table says."""

    place: str
    text: str
    code: CodeType
    names: Mapping[str, Any]

    def __call__(self, rng: np.random.Generator) -> Inputs:
        space = {"np": np, **self.names, "rng": rng}
        try:
            return dict(eval(self.code, space))
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            raise ValueError(
                f"{self.place}: the inputs `{self.text}` cannot be made: {said}"
            ) from error


def read(
    section: Section, groups: Mapping[str, int], names: Mapping[str, Any], problems: Problems
) -> tuple[Probe, ...]:
    """The probes of a section.  names: what the inputs may use."""
    code: str | None = None
    keep: tuple[str, ...] = ()
    probes: list[Probe] = []
    for block in section.blocks:
        if block.kind == "code":
            code, keep = _code(block, problems), ()
        elif block.kind == "table":
            if code is None or not keep:
                problems.add(
                    block.line, "need code in a block ```python, and a line Keep `out`, above"
                )
            probes += _table(block, code or "", keep, groups, names, problems)
        elif found := re.fullmatch(r"Keep (`[^`]+`(?:,\s+`[^`]+`)*)", block.source):
            keep = tuple(re.findall(r"`([^`]+)`", found[1]))
            for text in keep:
                _compile(text, "eval", block.line, problems)
        else:
            got = block.source.splitlines()[0]
            problems.add(
                block.line, f"need code, a line Keep `a`, `b` or a table here, got {got!r}"
            )
    if not probes:
        problems.add(section.line, f"need a table with the columns {', '.join(COLUMNS)}")
    twice = {p.name for p in probes if [q.name for q in probes].count(p.name) > 1}
    if twice:
        problems.add(
            section.line, f"need a name of its own for each probe, got twice {sorted(twice)}"
        )
    if probes and (
        without := [group for group in groups if group not in {p.group for p in probes}]
    ):
        problems.add(section.line, f"no probe earns the points for {without[0]!r}")
    return tuple(probes)


def _code(block: Block, problems: Problems) -> str:
    if block.info != "python":
        problems.add(block.line, f"need ```python here, got ```{block.info}")
    text = block.source.rstrip("\n")
    _compile(text, "exec", block.line + 1, problems)
    return text


def _table(
    block: Block,
    code: str,
    keep: tuple[str, ...],
    groups: Mapping[str, int],
    names: Mapping[str, Any],
    problems: Problems,
) -> list[Probe]:
    (line, head), *rows = block.rows
    if head not in (COLUMNS, COLUMNS[:2]):
        problems.add(line, f"need the columns {', '.join(COLUMNS)}, got {', '.join(head)}")
        return []
    probes = []
    for line, (name, group, *rest) in rows:
        if group not in groups:
            problems.add(line, f"need a group of `points`: {choice(group, groups)}")
        text = rest[0].strip("`") if rest else ""
        compiled = _compile(text, "inputs", line, problems)
        if compiled is not None:
            makes = Makes(f"{problems.path}:{line}", text, compiled, names)
            probes.append(Probe(name, group, code, keep, makes))
    return probes


def _compile(text: str, mode: str, line: int, problems: Problems) -> CodeType | None:
    """Code of statements ("exec"), an expression ("eval"), or arguments, to a dict ("inputs")."""
    name = f"<{problems.path.name}>"
    try:
        if mode == "exec":
            return compile(text, name, "exec")
        tree = ast.parse(f"dict({text})" if mode == "inputs" else text, mode="eval")
        if mode == "inputs":
            call = tree.body
            if not isinstance(call, ast.Call) or call.args:
                problems.add(line, f"need inputs like `x=…, **more(rng)`, got {text!r}")
                return None
            keys: list[ast.expr | None] = [
                ast.Constant(key.arg) if key.arg else None for key in call.keywords
            ]
            tree.body = ast.Dict(keys, [key.value for key in call.keywords])
            ast.fix_missing_locations(tree)
        return compile(tree, name, "eval")
    except SyntaxError as error:
        below = (error.lineno or 1) - 1 if mode == "exec" else 0
        got = text.splitlines()[below]
        problems.add(line + below, f"need Python here, got {got!r}: {error.msg}")
        return None
