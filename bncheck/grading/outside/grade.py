"""From what a submission showed to its grade.  Runs in the judge, on plain values."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import bncheck
from bncheck.bank import Bank
from bncheck.course import Course
from bncheck.grading.inside.limits import Limits
from bncheck.grading.outside.archives import Unreadable
from bncheck.grading.outside.cells import odd
from bncheck.grading.outside.excerpts import Excerpts
from bncheck.grading.outside.gather import Shown
from bncheck.grading.outside.notebooks import Submission
from bncheck.grading.outside.sessions import CellReport, Seen
from bncheck.grading.outside.submissions import Found
from bncheck.grading.results.records import Advice, Answer, Grade
from bncheck.grading.results.suspicion import signs
from bncheck.judge import judge
from bncheck.questions.question import Question
from bncheck.report import example, findings

ENGINE = Path(bncheck.__file__).resolve().parent
ENDED = {"too long": "timeout", "memory": "memory", "crashed": "crashed", "forged": "crashed"}
ORDER = ("memory", "timeout", "crashed")  # what was without memory is slow before it ends


def run_digest(course: Course, seed: int, limits: Limits, exercise: str | None) -> str:
    """A hash of all that grades depend on besides the submission: code, versions, settings."""
    digest = hashlib.sha256()
    versions = [metadata.version(name) for name in ("numpy", "torch")]
    settings = [seed, limits.to_json(), exercise, platform.python_version(), *versions]
    digest.update(json.dumps(settings).encode())
    for folder in (ENGINE, course.folder):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def key(run: str, found: Found) -> str:
    """A hash of all that one grade depends on.  Raises OSError where the file cannot be read."""
    try:
        content = found.file.content()
    except Unreadable as error:
        content = str(error).encode()
    known = json.dumps([found.id, found.learner, found.file.name, *vars(found.handed).values()])
    return hashlib.sha256(b"\0".join([run.encode(), known.encode(), content])).hexdigest()


def unreadable(found: Found, reason: str, key: str) -> Grade:
    """The grade of a file that cannot be read."""
    name = found.file.name
    return Grade(found.id, found.learner, name, "", "unreadable", (), (reason,), key, found.handed)


def failed(
    found: Found, course: Course, submission: Submission, error: Exception, key: str
) -> Grade:
    """The grade where the judge itself failed on a submission: for a person to look at."""
    said = f"the grader failed: {type(error).__name__}: {str(error)[:300]}"
    return _given_up(found, course, submission, "unjudged", said, key)


def lost(found: Found, course: Course, submission: Submission, key: str) -> Grade:
    """The grade of a submission with which machines end, also alone."""
    said = "the machine that ran it ended, again and again"
    return _given_up(found, course, submission, "crashed", said, key)


def _given_up(
    found: Found, course: Course, submission: Submission, state: str, said: str, key: str
) -> Grade:
    exercise = course.folders[submission.exercise].name
    notes = (said, *submission.notes)
    return Grade(
        found.id, found.learner, found.file.name, exercise, state, (), notes, key, found.handed
    )


def grade(
    course: Course, found: Found, submission: Submission, shown: Shown, seed: int, key: str
) -> Grade:
    """Judge each question, and say in which state the submission is."""
    short = submission.exercise
    excerpts = Excerpts(submission.cells, (found.learner, found.handed.account))
    answers = tuple(
        with_code(answer(course.bank(f"{short}.{question.name}", seed), shown), question, excerpts)
        for question in course.load(short).questions
    )
    notes = [*cell_notes(shown.cells), *submission.notes]  # what failed first explains the rest
    notes += [ended.detail for ended in shown.ended if ended.kind == "forged"]
    notes += odd(submission.cells, submission.beside, short, course)
    notes += signs(submission.cells, course.package, course.ready_made.packages)
    state = state_of(answers, shown)
    exercise = course.folders[short].name
    return Grade(
        found.id,
        found.learner,
        found.file.name,
        exercise,
        state,
        answers,
        tuple(notes),
        key,
        found.handed,
    )


def answer(bank: Bank, shown: Shown) -> Answer:
    """The verdict on one question, with what the learner gets to read."""
    name, question = bank.name, bank.question

    def build(state: str, points: int, advice: tuple[Advice, ...], **more: Any) -> Answer:
        return Answer(name, question.title, state, points, question.out_of, advice=advice, **more)

    seen = shown.seen.get(name)
    if seen is None:
        return build("lost", 0, (Advice("No result: the work before it took all the time."),))
    if not seen.complete:
        return build("not done" if seen.kinds else "lost", 0, (Advice(absent(seen)),))
    if not seen.observations:
        detail = seen.ended.detail if seen.ended else "nothing came back"
        return build("lost", 0, (Advice(f"No result: {detail}."),))
    verdict = judge(bank, seen.observations)
    advice = tuple(
        Advice(text, section.chapter, section.heading) if section else Advice(text)
        for text, section in findings(bank, verdict)
    )
    return build(
        verdict.state,
        verdict.points,
        advice,
        mistakes=tuple(mistake.name for mistake in verdict.mistakes),
        example=example(bank, verdict, seen.observations),
    )


def with_code(answer: Answer, question: Question, excerpts: Excerpts) -> Answer:
    """The answer with what was written, where that was wrong."""
    if answer.state not in ("named", "wrong"):
        return answer
    return replace(answer, code=excerpts.of(question.names))


def absent(seen: Seen) -> str:
    """What is still to be defined."""
    if not seen.kinds:
        return f"No result: {seen.ended.detail if seen.ended else 'nothing came back'}."
    missing = [f"`{name}`" for name, kind in seen.kinds.items() if kind == "missing"]
    undone = [f"`{name}`" for name, kind in seen.kinds.items() if kind == "undone"]
    said = [f"{', '.join(missing)} is not defined"] if missing else []
    said += [f"{', '.join(undone)} is still to be filled in"] if undone else []
    return f"Not done yet: {' and '.join(said)}."


def cell_notes(cells: Sequence[CellReport]) -> list[str]:
    """What became of the cells that did not run to their end."""
    notes = []
    for number, cell in enumerate(cells):
        if cell.state not in ("ok", "not run"):
            what = f"{cell.type}: {cell.message}" if cell.type else cell.message
            where = f", at `{cell.text}`" if cell.text else ""
            notes.append(f"code cell {number} {cell.state}: {what[:300]}{where}")
    return notes


def state_of(answers: Sequence[Answer], shown: Shown) -> str:
    """The state of a submission: see results.STATES."""
    if any(answer.state == "broken" for answer in answers):
        return "unjudged"
    found = {ENDED[ended.kind] for ended in shown.ended}
    for cell in shown.cells:
        if cell.state in ("too long", "memory"):
            found.add(ENDED[cell.state])
    for seen in shown.seen.values():
        for observation in seen.observations:
            if observation.failure and observation.failure.kind == "too long":
                found.add("timeout")
    for state in ORDER:
        if state in found:
            return state
    done = [answer.state not in ("not done", "lost") for answer in answers]
    if not any(done):
        return "blank"
    broken = any(cell.state not in ("ok", "not run") and not _check(cell) for cell in shown.cells)
    return "graded" if all(done) and not broken else "partial"


def _check(cell: CellReport) -> bool:
    """Whether the cell failed where a check may: checks do nothing in the worker."""
    return cell.text.startswith(("check(", "hint(", "score("))
