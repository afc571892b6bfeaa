"""What a page of the book asks in the reader's browser: is this answer right?

The page hands over what the reader typed, as text.  It is executed here, in the order of the page,
as a notebook would execute it; then the check is the same.  A page has no torch, and no threads:
when a check takes too long, the page ends the interpreter (see `guard.time_limit`).
"""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import traceback
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bncheck.bank import Bank
from bncheck.course import Course
from bncheck.judge import Verdict, judge
from bncheck.observe import observe
from bncheck.questions.beside import names_of
from bncheck.questions.packed import unpack
from bncheck.report import COLOURS, box, card, line, marked
from bncheck.session import ExerciseError, named

ABSENT = ("torch", "torchvision", "matplotlib", "bnlib", "bncourse")


class CellFailed(Exception):
    """What a reader typed ends with an error; the message says which, and where."""


class Page:
    """The questions of one exercise, in a page."""

    def __init__(self, course: Course, packed: Mapping[str, Any]) -> None:
        """packed: what the build has written of the exercise (see tools/site/live.py)."""
        laws = names_of(course.package, packed["name"], "laws")
        self.short: str = packed["name"].partition("_")[0]
        self.banks = {
            own["name"]: Bank(
                f"{self.short}.{own['name']}", unpack(own, laws), 0, course.ready_made
            )
            for own in packed["questions"]
        }

    def check(self, name: str, cells: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """The verdict on the question `exNN.name`: its state, points, names, line and card.

        cells: the names of the page's questions up to this one, with what stands in each.  Errors
        of earlier ones are not told here: they have a check of their own.
        """
        bank = self.banks[name.partition(".")[2]]
        question = bank.question
        space: dict[str, Any] = {"__name__": "learner"}
        try:
            run(question.preamble, f"<{self.short}>", space)
            for other, source in cells:
                if other != name:
                    with contextlib.suppress(CellFailed):
                        run(source, f"<{other}>", space)
            own = {key: space.pop(key, None) for key in question.names}
            run(dict(cells)[name], f"<{name}>", space)
            if missing := [key for key in question.names if key not in space]:
                known = [key for key, value in own.items() if value is not None and key in missing]
                raise ExerciseError(
                    f"need `{missing[0]}`: your code does not define it"
                    + (", only the code of another question does." if known else ".")
                )
            answers = named(name, question, tuple(space[key] for key in question.names))
        except (CellFailed, ExerciseError) as error:
            none = dict.fromkeys(question.points, 0)
            verdict = Verdict(name, "wrong", none, question.out_of, reason=str(error))
            return _told(verdict, _plain_card(verdict))
        if answers is None:
            none = dict.fromkeys(question.points, 0)
            verdict = Verdict(name, "not done", none, question.out_of)
            return _told(verdict, _plain_card(verdict))
        got = observe(answers, bank.tasks)
        verdict = judge(bank, got)
        return _told(verdict, card(bank, verdict, got))


def _told(verdict: Verdict, html: str) -> dict[str, Any]:
    return {
        "state": verdict.state,
        "points": verdict.points,
        "out_of": verdict.out_of,
        "names": [mistake.name for mistake in verdict.mistakes],
        "line": line(verdict),
        "card": html,
    }


def _plain_card(verdict: Verdict) -> str:
    """A verdict on code that could not be run."""
    said = f"<p style='margin:.4em 0'>{marked(verdict.reason)}</p>" if verdict.reason else ""
    return (
        f'<div role="status" style="{box(COLOURS[verdict.state])}">'
        f"<p style='margin:.2em 0'>{escape(line(verdict))}</p>{said}</div>"
    )


def run(source: str, file: str, space: dict[str, Any]) -> str:
    """Execute what a reader typed; returns what it printed, and the value of its last line.

    Raises CellFailed with the error and its line.
    """
    lines = source.splitlines(keepends=True)
    linecache.cache[file] = (len(source), None, lines, file)  # a verdict quotes the reader's line
    printed = io.StringIO()
    try:
        tree = ast.parse(source, file)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            exec(compile(tree, file, "exec"), space)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), file, "eval"), space)
                if value is not None:
                    print(repr(value))
    except SyntaxError as error:
        at = f" in line {error.lineno}: `{(error.text or '').strip()}`" if error.lineno else ""
        raise CellFailed(f"your code is no Python: {error.msg}{at}.") from None
    except BaseException as error:
        raise CellFailed(said_of(error, file)) from None
    return printed.getvalue()


def said_of(error: BaseException, file: str) -> str:
    """An error of the reader's code in a sentence, with its line."""
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in ABSENT:
        return (
            f"a page has no {error.name}: open the notebook (Binder, Colab, or downloaded) for "
            "code that needs it."
        )
    numbers = [
        number
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == file
    ]
    at = (
        f" (line {numbers[-1]}: `{linecache.getline(file, numbers[-1]).strip()}`)"
        if numbers
        else ""
    )
    message = f"{type(error).__name__}: {error}".rstrip(": ")
    return f"your code ends with {message}{at}."


def no_input(prompt: object = "") -> str:
    """What `input` does in a page."""
    raise RuntimeError("a page has no keyboard to ask: write the value into the code")


class Cells:
    """The cells of a chapter that run in its page: they share what they define."""

    def __init__(self) -> None:
        self.space: dict[str, Any] = {"__name__": "__main__"}

    def run(self, cells: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """Execute cells, named, in this order: what each has shown, and how one failed, if so."""
        shown: list[str] = []
        for name, source in cells:
            try:
                shown.append(run(source, f"<{name}>", self.space))
            except CellFailed as error:
                return {"shown": shown, "error": str(error)}
        return {"shown": shown, "error": ""}
