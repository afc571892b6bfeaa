"""What a notebook calls: check, hint, score.  Keeps the results of the running session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bncheck.bank import implementation
from bncheck.course import Course, UnknownQuestion
from bncheck.judge import Verdict, judge
from bncheck.observe import observe
from bncheck.questions.question import Exercise, Question
from bncheck.report import card, hint_card, line, score_card, text

FORMAT = "bnlib score 1"


class ExerciseError(Exception):
    """Something to tell the learner.  Notebooks show the message alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class CheckFailed(ExerciseError, AssertionError):
    """An answer that does not pass.  The message is the verdict's line."""


class Session:
    """`check`, `hint` and `score` for a course's questions, and what they found so far."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self._results: dict[str, Verdict] = {}
        self._hinted: dict[str, int] = {}

    def check(self, name: str, *answers: Any, seed: int = 0) -> None:
        """Check an answer: show what is right or wrong with it, and raise unless all is right.

        name: of the question, like "ex03.forward".  answers: what the question asks for: the
        function or class itself, or a value.  seed: of the inputs; the verdict is the same.
        Raises CheckFailed for an answer that does not pass, ExerciseError for a wrong call.
        """
        question = self._question(name)
        bank = self.course.bank(name, seed)
        names = named(name, question, answers)
        if names is None:
            got = []
            verdict = Verdict(name, "not done", dict.fromkeys(question.points, 0), question.out_of)
        else:
            got = observe(names, bank.tasks)
            verdict = judge(bank, got)
        self._results[name] = verdict
        _show(text(bank, verdict, got), card(bank, verdict, got))
        if verdict.state != "passed":
            raise CheckFailed(line(verdict))

    def hint(self, name: str, number: int | None = None) -> None:
        """Show a hint: the next one each time, or the one of this number.

        Raises ExerciseError for an unknown question or number.
        """
        question = self._question(name)
        count = len(question.hints)
        if number is None:
            number = min(self._hinted.get(name, 0) + 1, count)
        if not 1 <= number <= count:
            raise ExerciseError(f"{name} has hints 1 to {count}, got {number}")
        self._hinted[name] = number
        said = question.hints[number - 1]
        _show(f"{name}  hint {number} of {count}: {said}", hint_card(name, number, count, said))

    def score(self, name: str | None = None, *, write: str | Path | None = None) -> None:
        """Show the points of an exercise, as checked last in this session; write them if asked.

        name: of the exercise, like "ex03"; by default, all exercises checked in this session.
        write: a file to write the points to, as JSON; it replaces only a file that `score` wrote.
        Raises ExerciseError where nothing was checked yet, or for an unknown name.
        """
        chosen = [self._exercise(name)] if name else self._checked()
        sums = [(exercise, self._points(exercise)) for exercise in chosen]
        rows = []
        for exercise, points in sums:
            for question in exercise.questions:
                full = f"{exercise.short}.{question.name}"
                rows.append((full, points[full], question.out_of))
            total = sum(points.values())
            rows.append((f"{exercise.short} in all", total, exercise.out_of))
        width = max(len(label) for label, _, _ in rows)
        lines = [f"{label:{width}}  {points}/{out_of}" for label, points, out_of in rows]
        _show("\n".join(lines), score_card(rows))
        if write is not None:
            _write(Path(write), sums)

    def _question(self, name: str) -> Question:
        try:
            return self.course.find(name)[1]
        except UnknownQuestion as error:
            raise ExerciseError(str(error)) from None

    def _exercise(self, name: str) -> Exercise:
        try:
            return self.course.load(name)
        except UnknownQuestion as error:
            raise ExerciseError(str(error)) from None

    def _checked(self) -> list[Exercise]:
        shorts = dict.fromkeys(name.partition(".")[0] for name in sorted(self._results))
        if not shorts:
            raise ExerciseError(
                'nothing checked yet: run the check cells, or name one: score("ex03")'
            )
        return [self.course.load(short) for short in shorts]

    def _points(self, exercise: Exercise) -> dict[str, int]:
        names = [f"{exercise.short}.{question.name}" for question in exercise.questions]
        return {name: self._results[name].points if name in self._results else 0 for name in names}


def named(name: str, question: Question, answers: tuple[Any, ...]) -> dict[str, Any] | None:
    """The answers by their names; None where one is still to be given.

    Raises ExerciseError for answers that are not of the kind that the question asks for.
    """
    wanted = ", ".join(question.names)
    if len(answers) != len(question.names):
        raise ExerciseError(f'call check("{name}", {wanted}); got {len(answers)} answers')
    if any(answer is ... for answer in answers):
        return None
    right = implementation(question, question.reference)
    for label, answer in zip(question.names, answers, strict=True):
        kind = "class" if isinstance(right[label], type) else "function"
        if callable(right[label]) and not callable(answer):
            raise ExerciseError(
                f"`{label}` must be the {kind} itself, got {type(answer).__name__}: "
                f'call check("{name}", {wanted}), without brackets after the name'
            )
        if kind == "class" and not isinstance(answer, type):
            raise ExerciseError(f"`{label}` must be a class, got {type(answer).__name__}")
    return dict(zip(question.names, answers, strict=True))


def _show(plain: str, html: str) -> None:
    """Display in a notebook, print elsewhere."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        print(plain)
        return
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        print(plain)
    else:
        display({"text/plain": plain, "text/html": html}, raw=True)


def _write(path: Path, sums: list[tuple[Exercise, dict[str, int]]]) -> None:
    """Write the points as JSON, all or nothing."""
    if path.exists():
        try:
            ours = json.loads(path.read_text(encoding="utf-8"))["format"] == FORMAT
        except (ValueError, KeyError, TypeError, OSError):
            ours = False
        if not ours:
            raise ExerciseError(f"{path} is no file of points: name another, or move it away")
    record = {
        "format": FORMAT,
        "exercises": [
            {
                "name": exercise.name,
                "points": sum(points.values()),
                "out_of": exercise.out_of,
                "questions": points,
            }
            for exercise, points in sums
        ],
    }
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
