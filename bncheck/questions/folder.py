"""The folder of an exercise: `exercise.md` with the opening and the order, a file per question.

    ---
    title: what the layer computes
    questions: [n, statistics, forward]
    ---
    The text at the top of the notebook.

    ```python
    import numpy as np
    ```

Beside them `inputs.py` and `laws.py`, if its questions need Python of their own; the names of the
modules `inputs` and `laws` of the course are known to all of its questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bncheck.questions.beside import OPENING, names_of
from bncheck.questions.document import read
from bncheck.questions.problems import BrokenQuestion, Problem, choice
from bncheck.questions.question import Exercise
from bncheck.questions.reader import Written, read_question

FRONT = {"title": str, "questions": list}


@dataclass(frozen=True)
class WrittenExercise:
    """An exercise with what its page needs.

    title: as it stands behind the number; text: the opening; imports: what the notebook imports.
    """

    exercise: Exercise
    title: str
    text: str
    imports: str
    questions: tuple[Written, ...]


def read_folder(folder: Path, package: str) -> WrittenExercise:
    """Read an exercise.  Raises BrokenQuestion with all that is wrong with its files.

    package: the import name of the course's package, to which the folder belongs.
    """
    document = read(folder / OPENING)
    problems = document.problems
    for name, kind in FRONT.items():
        if not isinstance(document.front.get(name), kind):
            line = document.lines.get(name, 1)
            problems.add(
                line, f"need `{name}` as {kind.__name__}, got {document.front.get(name)!r}"
            )
    for name in set(document.front) - {*FRONT}:
        line = document.lines.get(name, 1)
        problems.add(line, f"need a name of the front matter: {choice(str(name), FRONT)}")
    imports = [block for block in document.start.of("code") if block.info == "python"]
    if len(imports) != 1:
        problems.add(0, f"need one block ```python with the imports, got {len(imports)}")
    problems.check()
    files = {path.stem: path for path in sorted(folder.glob("*.md")) if path.name != OPENING}
    order = [str(name) for name in document.front["questions"]]
    line = document.lines["questions"]
    for name in order:
        if name not in files:
            problems.add(line, f"no file for this question: {choice(name, files)}")
    for name in set(files) - {*order}:
        problems.add(line, f"{name}.md is not in the order of questions")
    problems.check()
    inputs, laws = (names_of(package, folder.name, kind) for kind in ("inputs", "laws"))
    written, found = [], list[Problem]()
    for name in order:
        try:
            written.append(read_question(files[name], imports[0].source, inputs, laws))
        except BrokenQuestion as broken:
            found += broken.problems
    if found:
        raise BrokenQuestion(found)
    title = document.front["title"]
    questions = tuple(question.question for question in written)
    exercise = Exercise(folder.name, title[0].upper() + title[1:], questions)
    source = imports[0].source.strip("\n")
    return WrittenExercise(exercise, title, document.start.text(), source, tuple(written))
