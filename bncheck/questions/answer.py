"""The block with the answer: what the learner gets of it, and what is right.

A line `# answer` says where the learner's part begins: to the end of the block that it stands in,
the learner finds `raise NotImplementedError("your turn")`; nothing where only definitions follow.
"""

from __future__ import annotations

import ast
import re
import textwrap

MARK = re.compile(r"^( *)# answer *$")
YOUR_TURN = 'raise NotImplementedError("your turn")'


def solution(block: str) -> str:
    """The whole answer, to be shown."""
    kept = [line for line in block.splitlines() if not MARK.match(line)]
    return "\n".join(kept).strip("\n")


def stub(block: str) -> str:
    """What the learner starts from."""
    lines = block.splitlines()
    kept: list[str] = []
    number = 0
    while number < len(lines):
        mark = MARK.match(lines[number])
        if not mark:
            kept.append(lines[number])
            number += 1
            continue
        indent = len(mark[1])
        first = number + 1
        last = first
        for later in range(first, len(lines)):
            if lines[later].strip() and len(lines[later]) - len(lines[later].lstrip()) < indent:
                break
            last = later + 1 if lines[later].strip() else last
        if not _only_definitions(lines[first:last]):
            kept.append(f"{mark[1]}{YOUR_TURN}")
        number = last
    return "\n".join(kept).strip("\n")


def _only_definitions(lines: list[str]) -> bool:
    body = ast.parse(textwrap.dedent("\n".join(lines))).body
    return all(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in body)


def reference(block: str) -> str:
    """The answer as code alone, without docstrings, for mistakes to be planted in.

    Raises SyntaxError.
    """
    lines = block.splitlines()
    away = {number for number, line in enumerate(lines, start=1) if MARK.match(line)}
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            said = node.body[0]
            if len(node.body) > 1:
                away |= set(range(said.lineno, (said.end_lineno or said.lineno) + 1))
                following = (said.end_lineno or said.lineno) + 1
                if following <= len(lines) and not lines[following - 1].strip():
                    away.add(following)  # the blank line after it
    kept = [line for number, line in enumerate(lines, start=1) if number not in away]
    return "\n".join(kept).strip("\n") + "\n"


def definitions(source: str) -> list[str]:
    """The names of the functions and classes that it defines at its top."""
    return [
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
