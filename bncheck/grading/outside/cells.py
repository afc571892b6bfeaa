"""What the cells of a notebook say besides what they compute: which exercise, and what is odd.

Points come from what is defined when all code cells have run, wherever it stands.  Checks that
were deleted, copied, or turned into text change no point: they are told in a note.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bncheck.course import Course

CHECK = re.compile(r"""\bcheck\(\s*["'](ex\d\d)\.(\w+)["']""")
CHECK_AS_TEXT = re.compile(r"""^check\(\s*["'](ex\d\d)\.(\w+)["']""", re.M)
DEFINED = re.compile(
    r"^(?:(?:async +)?def|class) +(\w+)|^(\w[\w, ]*?)(?: *:[^=\n]+)? *=(?!=)", re.M
)
STUB = re.compile(r"raise NotImplementedError|= *\.\.\. *$", re.M)
IN_NAME = re.compile(r"(?<![a-z])ex\d\d(?!\d)")
ENOUGH = 2  # questions that a notebook must hold to be taken for an exercise by them


@dataclass(frozen=True)
class Cell:
    """A cell.  kind: "code", "markdown" or "raw"; id: what the notebook calls it, or empty."""

    kind: str
    source: str
    id: str = ""


def exercise_of(
    cells: Sequence[Cell], place: Sequence[str], course: Course
) -> tuple[str | None, list[str]]:
    """The exercise that a notebook is about, and a note where that had to be inferred.

    By the checks it calls most often; else by the questions that its cells hold; else by its name.
    """
    for pattern, kinds in ((CHECK, ("code",)), (CHECK_AS_TEXT, ("markdown", "raw"))):
        sources = [cell.source for cell in cells if cell.kind in kinds]
        called = Counter(short for text in sources for short, _ in pattern.findall(text))
        if called:
            return called.most_common(1)[0][0], []
    held = Counter({short: _held(cells, short, course) for short in course.folders})
    (first, most), (_, next_) = (held.most_common(2) + [("", 0)] * 2)[:2]
    if most >= ENOUGH and most > next_:
        return first, [f"no check says which exercise: taken for {first} by its cells"]
    for part in reversed(place[-2:]):
        if named := IN_NAME.findall(part.lower()):
            return named[-1], []
    return None, []


def _held(cells: Sequence[Cell], short: str, course: Course) -> int:
    """How many questions of an exercise these cells hold, by their ids or by what they define."""
    ids = {cell.id.rpartition("-")[0] for cell in cells if cell.id}
    names = {name for cell in cells if cell.kind == "code" for name in defined(cell.source)}
    questions = course.load(short).questions
    return sum(one.name in ids or names >= set(one.names) for one in questions)


def defined(source: str) -> list[str]:
    """The names that a cell defines, by the beginnings of its lines: it may be no Python."""
    found = []
    for name, several in DEFINED.findall(source):
        found += [name] if name else [part.strip() for part in several.split(",")]
    return found


def odd(code: Sequence[str], beside: Sequence[Cell], short: str, course: Course) -> list[str]:
    """What is odd about the cells of a submission, a line each."""
    questions = course.load(short).questions
    names = {name for question in questions for name in question.names}
    checks: dict[str, list[int]] = defaultdict(list)
    places: dict[str, list[int]] = defaultdict(list)
    notes = []
    for number, cell in enumerate(code):
        for question in dict.fromkeys(CHECK.findall(cell)):
            checks[".".join(question)].append(number)
        for name in dict.fromkeys(defined(cell)):
            if name in names:
                places[name].append(number)
        first = next((line for line in cell.splitlines() if line.strip()), "")
        if first[:1].isspace():
            notes.append(f"code cell {number} begins indented: split from the one before it?")
    for name, numbers in places.items():
        while STUB.search(code[numbers[0]]) and len(numbers) > 1:
            numbers = numbers[1:]  # left above the answer: nothing odd
        if len(numbers) > 1:
            notes.append(f"`{name}` is defined in code cells {_listed(numbers)}: the last counts")
    for question, numbers in checks.items():
        if len(numbers) > 1:
            notes.append(f"the check of {question} stands in code cells {_listed(numbers)}")
    turned: dict[str, str] = {}
    for one in beside:
        kind = "Markdown" if one.kind == "markdown" else "raw"
        turned |= {".".join(found): kind for found in CHECK_AS_TEXT.findall(one.source)}
        for name in re.findall(r"^(?:def|class) +(\w+)", one.source, re.M):
            if name in names:
                notes.append(f"`{name}` is written in a {kind} cell, which does not run")
    for question, kind in turned.items():
        if question not in checks:
            notes.append(f"the check of {question} is in a {kind} cell")
    missing = [f"{short}.{question.name}" for question in questions]
    missing = [name for name in missing if name not in checks and name not in turned]
    if len(missing) == len(questions):
        notes.append("no check cell is left: graded by what is defined")
    elif missing:
        notes.append(f"no check of {', '.join(missing)} is left: graded by what is defined")
    return notes


def _listed(numbers: Iterable[int]) -> str:
    *before, last = map(str, numbers)
    return f"{', '.join(before)} and {last}"
