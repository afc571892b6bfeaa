"""The section `## Mistakes`: a heading, sentences to the learner, and a difference to the answer.

    ### ε outside the root
    ε is added to the variance, before the root.
    ```diff
    - np.sqrt(var + eps)
    + (np.sqrt(var) + eps)
    ```
    → 03_mechanism > What ε does · common mistake 4 · noise: a large mean · alone

What follows `-` stands in the answer once: a part of a line, or lines with their indentation.
Without a `+` it goes away.  A second `-` begins a second edit, so does a line `@@`.  A question
that asks for a value has, in place of the difference, a wrong answer in a block `python`.  The
last line may be left out: then the learner is sent where the question's `read` says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

from bncheck.questions.document import Block, Section
from bncheck.questions.problems import Problems, choice, nearest
from bncheck.questions.question import Mistake, Probe
from bncheck.questions.question import Section as Read

Edit = tuple[str, str]
SECTION = re.compile(r"(\w+) > (.+)")


def section(text: object, line: int, problems: Problems) -> Read:
    """Where to read, from `chapter > heading`."""
    found = SECTION.fullmatch(str(text))
    if not found:
        problems.add(line, f"need where to read as `chapter > heading`, got {text!r}")
        return Read("", "")
    return Read(found[1], found[2])


def read(
    written: Section,
    reference: str,
    default: Read,
    probes: Sequence[Probe],
    problems: Problems,
    places: dict[str, int],
) -> tuple[Mistake, ...]:
    """The mistakes of a section.  places: filled with the line of each, by its name."""
    mistakes: list[Mistake] = []
    for part in written.below:
        if part.title in places:
            problems.add(part.line, f"two mistakes have the name {part.title!r}")
        places[part.title] = part.line
        mistakes.append(_mistake(part, reference, default, probes, problems))
    if written.blocks:
        problems.add(written.blocks[0].line, "need a heading `### name of the mistake` above this")
    if not mistakes:
        problems.add(written.line, "need at least one mistake, `### its name`")
    return tuple(mistakes)


def _mistake(
    part: Section, reference: str, default: Read, probes: Sequence[Probe], problems: Problems
) -> Mistake:
    name = part.title
    says = _says(part, problems)
    edits: list[Edit] = []
    wrong = reference
    for block in part.of("code"):
        if block.info == "diff":
            for edit in _edits(block, name, problems):
                if (fitted := fit(edit, wrong, name, problems)) is not None:
                    edits.append(fitted)
                    wrong = wrong.replace(*fitted)
        else:
            problems.add(block.line, f"“{name}”: need ```diff here, got ```{block.info}")
    if not part.of("code"):
        problems.add(part.line, f"“{name}”: need a difference to the answer, in a block ```diff")
    elif edits:
        _same(part.of("code")[0].line, name, reference, wrong, problems)
    return Mistake(name, says, *_ends(part, default, probes, problems, tuple(edits)))


def values(
    written: Section,
    default: Read,
    value: Callable[[Block], float | str | None],
    choices: tuple[str, ...],
    line: str,
    problems: Problems,
    places: dict[str, int],
) -> tuple[Mistake, ...]:
    """The mistakes of a question that asks for a value.  value: from a block to what it gives."""
    mistakes: list[Mistake] = []
    seen: dict[str, str] = {line: "the right answer"}
    for part in written.below:
        name = part.title
        places[name] = part.line
        says = _says(part, problems)
        code = part.of("code")
        if len(code) != 1 or code[0].info != "python":
            problems.add(part.line, f"“{name}”: need the wrong answer in one block ```python")
            continue
        wrong = value(code[0])
        if wrong is None:
            continue
        if choices and wrong not in choices:
            problems.add(
                code[0].line, f"“{name}”: need one of `choices`: {choice(str(wrong), choices)}"
            )
        text = line.partition(" = ")[0] + f" = {wrong!r}\n"
        if text in seen:
            problems.add(code[0].line, f"“{name}”: this value is that of {seen[text]}")
        seen[text] = f"“{name}”"
        edits = ((line, text),)
        mistakes.append(Mistake(name, says, *_ends(part, default, (), problems, edits)))
    if not written.below:
        problems.add(written.line, "need at least one mistake, `### its name`")
    return tuple(mistakes)


def _says(part: Section, problems: Problems) -> str:
    """The sentences to the learner, in one line a paragraph."""
    blocks = []
    for block in part.blocks:
        if block.kind in ("list", "table"):
            got = block.source.splitlines()[0]
            problems.add(
                block.line, f"“{part.title}”: need sentences here, got a {block.kind}: {got!r}"
            )
        elif block.kind == "text" and block.source[0] != "→":
            blocks.append(block)
    if not blocks:
        problems.add(part.line, f"“{part.title}”: need a sentence to the learner under the heading")
    return "\n\n".join(block.source.replace("\n", " ") for block in blocks)


def _ends(
    part: Section,
    default: Read,
    probes: Sequence[Probe],
    problems: Problems,
    edits: tuple[Edit, ...],
) -> tuple[Read, tuple[Edit, ...], int | None, frozenset[str], bool]:
    """What the line `→ …` says, with the edits, in the order of Mistake's fields."""
    where, number, noise, alone = default, None, frozenset[str](), False
    for block in part.blocks:
        if block.kind != "text" or block.source[0] != "→":
            continue
        for said in block.source.replace("\n", " ")[1:].split(" · "):
            text = said.strip()
            if text.startswith("common mistake "):
                digits = text.removeprefix("common mistake ")
                number = int(digits) if digits.isdecimal() else None
                if number is None:
                    problems.add(block.line, f"need `common mistake` and its number, got {text!r}")
            elif text == "alone":
                alone = True
            elif text.startswith("noise: "):
                noise = frozenset(text.removeprefix("noise: ").split("; "))
                names = [probe.name for probe in probes]
                for unknown in noise - {*names}:
                    problems.add(
                        block.line, f"need a probe after `noise`: {choice(unknown, names)}"
                    )
            else:
                where = section(text, block.line, problems)
    return where, edits, number, noise, alone


def _edits(block: Block, name: str, problems: Problems) -> list[tuple[int, list[str], list[str]]]:
    """The edits of a diff: the line where each begins, what goes, what comes."""
    edits: list[tuple[int, list[str], list[str]]] = []
    fresh = True
    for number, line in enumerate(block.source.splitlines(), start=block.line + 1):
        if line.startswith("@@"):
            fresh = True
        elif line[:1] not in ("-", "+"):
            if line.strip():
                problems.add(
                    number, f"“{name}”: need `-` or `+` in front of each line, got {line!r}"
                )
        else:
            if fresh or (line[0] == "-" and edits[-1][2]):
                edits.append((number, [], []))
                fresh = False
            text = line[1:].removeprefix(" ")
            (edits[-1][1] if line[0] == "-" else edits[-1][2]).append(text)
    if not edits:
        problems.add(block.line, f"“{name}”: the difference is empty")
    return edits


def fit(
    edit: tuple[int, list[str], list[str]], source: str, name: str, problems: Problems
) -> Edit | None:
    """The edit as two texts, the first of which occurs once in `source`; else a problem."""
    line, gone, come = edit
    old, new = "\n".join(gone), "\n".join(come)
    if not gone:
        problems.add(line, f"“{name}”: need a line `-` that says what goes away, got `+` alone")
        return None
    if old == new:
        problems.add(line, f"“{name}”: the edit changes nothing")
        return None
    if (count := source.count(old)) != 1:
        if count:
            way = "take more of the line, or the line before it, so that it is found once"
            problems.add(line, f"“{name}”: {old!r} is found {count} times in the answer: {way}")
            return None
        first = next((t for t in gone if t not in source), gone[0])
        near = nearest(first, source.splitlines())
        problems.add(
            line + gone.index(first),
            f"“{name}”: not found in the answer: {first!r}; "
            + (f"nearest is {near!r}" if near else "no line of the answer is like it"),
        )
        return None
    if not come:
        at = source.index(old)
        begin = source.rfind("\n", 0, at) + 1
        if not source[begin:at].strip() and source[at + len(old) :].startswith("\n"):
            old = f"{source[begin:at]}{old}\n"  # whole lines: they go with their ends
    return old, new


def _same(line: int, name: str, right: str, wrong: str, problems: Problems) -> None:
    """Note a planted mistake that is no Python, or the answer in another form."""
    try:
        changed = ast.dump(ast.parse(wrong)) != ast.dump(ast.parse(right))
    except SyntaxError as error:
        got = wrong.splitlines()[(error.lineno or 1) - 1 :][:1]
        problems.add(line, f"“{name}”: the changed answer is no Python at {got}: {error.msg}")
        return
    if not changed:
        problems.add(line, f"“{name}”: the edit changes nothing but the form of the code")
