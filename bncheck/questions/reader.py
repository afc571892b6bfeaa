"""A question's file: the text of the page, and the `Question` that the check works with.

    ---
    title: Which values share a mean
    points: {vectors: 1, images: 2}
    read: 03_mechanism > Which values share a mean?
    ---
    What is asked for.

    ```python
    def batch_statistics(x):
        # answer
        ...
    ```

    ## Afterwards   (may be left out: a remark, before the next question)
    ## Hints        (a list, from a nudge to a plan)
    ## Probes       (see `probes`)
    ## Laws         (may be left out: a list of functions of laws.py, like mean: `mean_is_beta`)
    ## Mistakes     (see `mistakes`)

A question without probes asks for a value: its block is the answer, `n = 16 * 5 * 6`.  Where the
learner starts from a broken program, this stands in a block `python start`, before the answer's.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bncheck.questions import answer, mistakes, probes
from bncheck.questions.document import Block, Document, Section, read
from bncheck.questions.problems import Problems, choice
from bncheck.questions.question import Law, Probe, Question, lawful

SECTIONS = ("Afterwards", "Hints", "Probes", "Laws", "Mistakes")
NEEDED = ("title", "points", "read")
# what else the front matter may say, and of which type
MAY = {
    "check": (str, list),
    "choices": (list,),
    "from_scratch": (bool,),
    "seconds": (int, float),
    "tolerance": (int, float),
}
MOST_HINTS = 3


@dataclass(frozen=True)
class Written:
    """A question with what its page needs.

    text: what is asked for; stub, solution: code for the learner, and to be shown afterwards;
    afterwards: a remark behind the check, may be empty.
    places: the lines of the mistakes, by their names.
    """

    path: Path
    question: Question
    text: str
    stub: str
    solution: str
    afterwards: str
    places: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What the blocks of the answer give."""

    names: tuple[str, ...]
    stub: str
    solution: str
    reference: str
    given: str | None


def read_question(
    path: Path, preamble: str, inputs: Mapping[str, Any], laws: Mapping[str, Any]
) -> Written:
    """Read a question's file.  Raises BrokenQuestion with all that is wrong with it.

    preamble: what the exercise imports.  inputs, laws: the names that these sections may use.
    """
    document = read(path)
    problems = document.problems
    front = _front(document)
    parts = {section.title: section for section in document.sections}
    for section in document.sections:
        if section.title not in SECTIONS:
            problems.add(
                section.line, f"need a section of the format: {choice(section.title, SECTIONS)}"
            )
    for name in ("Hints", "Mistakes"):
        if name not in parts:
            problems.add(0, f"need a section `## {name}`")
    problems.check()
    text = document.start.text()
    if not text:
        problems.add(
            document.start.line, "need a text that says what is asked for, under the front matter"
        )
    asked = _value if "Probes" not in parts else _code
    found = asked(document, path.stem, preamble, front)
    problems.check()
    where = mistakes.section(front["read"], document.lines["read"], problems)
    places: dict[str, int] = {}
    common: dict[str, Any] = {
        "name": path.stem,
        "title": front["title"],
        "names": found.names,
        "reference": found.reference,
        "hints": _hints(parts["Hints"], problems),
        "read": where,
        "preamble": preamble,
        "from_scratch": front.get("from_scratch", False),
        "given": found.given,
        "choices": tuple(front.get("choices", ())),
        "seconds": float(front.get("seconds", 5.0)),
    }
    if "Probes" not in parts:
        right = _evaluated(found.solution, found.names[0], preamble)

        def value(block: Block) -> float | str | None:
            return _wrong_value(block, found.names[0], preamble, problems)

        if common["choices"] and right not in common["choices"]:
            problems.add(document.lines["choices"], f"the answer {right!r} is not one of `choices`")
        planted = mistakes.values(
            parts["Mistakes"], where, value, common["choices"], found.reference, problems, places
        )
        tried: tuple[Probe, ...] = (Probe("your answer", "answer", "", found.names),)
        common |= {"points": {"answer": front["points"]}, "preamble": ""}
        common["tolerance"] = float(front.get("tolerance", 0.006))
    else:
        tried = probes.read(parts["Probes"], front["points"], inputs, problems)
        planted = mistakes.read(parts["Mistakes"], found.reference, where, tried, problems, places)
        common |= {"points": front["points"]}
        common["tolerance"] = float(front.get("tolerance", 1e-6))
    question = Question(
        **common,
        probes=tried,
        mistakes=planted,
        laws=_laws(parts.get("Laws"), laws, problems),
    )
    problems.check()
    afterwards = parts["Afterwards"].source if "Afterwards" in parts else ""
    return Written(path, question, text, found.stub, found.solution, afterwards, places)


def _front(document: Document) -> dict[str, Any]:
    """The front matter, each value of its type."""
    front, problems = document.front, document.problems
    for name in front:
        if name not in (*NEEDED, *MAY):
            line = document.lines.get(name, 1)
            problems.add(
                line, f"need a name of the front matter: {choice(str(name), [*NEEDED, *MAY])}"
            )
    for name in NEEDED:
        if name not in front:
            problems.add(1, f"need `{name}: …` in the front matter")
    for name, kinds in MAY.items():
        if name in front and not isinstance(front[name], kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            problems.add(document.lines[name], f"need {name} as {wanted}, got {front[name]!r}")
    points = front.get("points")
    of_groups = list(points.values()) if isinstance(points, dict) else [points]
    if "points" in front and not all(type(n) is int and n > 0 for n in of_groups):
        line = document.lines["points"]
        problems.add(line, f"need points as a whole number, or one for each group, got {points!r}")
    return front


def _blocks(document: Document) -> tuple[Block | None, Block | None]:
    """The block that the learner starts from, if there is one, and that of the answer."""
    blocks = [b for b in document.start.of("code") if b.info.split()[:1] == ["python"]]
    start = [b for b in blocks if b.info == "python start"]
    right = [b for b in blocks if b.info == "python"]
    if len(start) > 1 or len(right) != 1:
        document.problems.add(
            document.start.line,
            f"need one block ```python with the answer, and at most one ```python start, "
            f"got {len(right)} and {len(start)}",
        )
        return None, None
    return (start[0] if start else None), right[0]


def _python(block: Block, problems: Problems) -> ast.Module | None:
    try:
        return ast.parse(block.source)
    except SyntaxError as error:
        line = block.line + (error.lineno or 1)
        got = block.source.splitlines()[(error.lineno or 1) - 1 :][:1]
        problems.add(line, f"need Python in the answer, got {got}: {error.msg}")
        return None


def _code(document: Document, name: str, preamble: str, front: Mapping[str, Any]) -> Answer:
    problems = document.problems
    start, right = _blocks(document)
    if right is None or _python(right, problems) is None:
        raise problems.stop(0, "without an answer nothing more can be checked")
    if start is not None and _python(start, problems) is None:
        raise problems.stop(0, "without its start nothing more can be checked")
    if not isinstance(front.get("points", {}), dict):
        problems.add(
            document.lines["points"], "need points for each group of probes, like {images: 2}"
        )
    marked = any(answer.MARK.match(line) for line in right.source.splitlines())
    if start is None and not marked:
        problems.add(right.line, "need a line `# answer` where the learner's part begins")
    if start is not None and marked:
        problems.add(
            right.line, "need either a line `# answer` or a block ```python start, got both"
        )
    stub = start.source.strip("\n") if start else answer.stub(right.source)
    names = answer.definitions(stub)
    asked = front.get("check", names if len(names) == 1 else None)
    if asked is None:
        said = ", ".join(names) or "nothing"
        problems.add(1, f"need `check: name` in the front matter, since the stub defines {said}")
        asked = []
    asked = [asked] if isinstance(asked, str) else asked
    for missing in set(asked) - {*answer.definitions(right.source)}:
        known = answer.definitions(right.source)
        problems.add(
            document.lines.get("check", 1),
            f"the answer does not define it: {choice(missing, known)}",
        )
    return Answer(
        tuple(asked),
        stub,
        answer.solution(right.source),
        answer.reference(right.source),
        answer.reference(start.source) if start else None,
    )


def _value(document: Document, name: str, preamble: str, front: Mapping[str, Any]) -> Answer:
    problems = document.problems
    _, right = _blocks(document)
    if right is None or _python(right, problems) is None:
        raise problems.stop(0, "without an answer nothing more can be checked")
    if isinstance(front.get("points"), dict):
        problems.add(0, "need a section `## Probes`, since there are points for groups of probes")
    solution = right.source.strip("\n")
    try:
        value = _evaluated(solution, name, preamble)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise problems.stop(
            right.line, f"need an answer `{name} = …` that Python can work out: {said}"
        ) from None
    return Answer((name,), f"{name} = ...", solution, f"{name} = {value!r}\n", None)


def _evaluated(source: str, name: str, preamble: str) -> float | str:
    """The number or the text that a piece of code gives to a name."""
    space: dict[str, Any] = {"np": np}
    exec(compile(preamble + source, f"<{name}>", "exec"), space)
    value = space[name]
    return value if isinstance(value, str) else float(value)


def _wrong_value(block: Block, name: str, preamble: str, problems: Problems) -> float | str | None:
    try:
        return _evaluated(block.source, name, preamble)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        problems.add(block.line + 1, f"need `{name} = …` here, which Python can work out: {said}")
        return None


def _hints(section: Section, problems: Problems) -> tuple[str, ...]:
    hints = tuple(item for block in section.of("list") for _, (item,) in block.rows)
    if not 1 <= len(hints) <= MOST_HINTS:
        problems.add(section.line, f"need one to {MOST_HINTS} hints, as a list, got {len(hints)}")
    return hints


def _laws(section: Section | None, names: Mapping[str, Any], problems: Problems) -> tuple[Law, ...]:
    laws: list[Law] = []
    for block in section.of("list") if section else ():
        for line, (item,) in block.rows:
            found = re.fullmatch(r"(?:(.+): )?`(.+)`", item)
            if not found:
                problems.add(line, f"need a law as name: `function`, got {item!r}")
                continue
            try:
                law = eval(found[2], dict(names))
            except Exception as error:
                own = [known for known, value in names.items() if callable(value)]
                said = choice(found[2], own) if isinstance(error, NameError) else f"got {error}"
                problems.add(line, f"need a function of laws.py: {said}")
                continue
            laws += lawful(law, found[1] or found[2], found[2])
    return tuple(laws)
