"""A course as the engine sees it: a package of exercises, and what they forbid."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from bncheck.bank import Bank
from bncheck.guard import ReadyMade
from bncheck.questions.beside import OPENING
from bncheck.questions.question import Exercise, Question

if TYPE_CHECKING:  # they read Markdown, which a page in a browser need not load
    from bncheck.questions.folder import WrittenExercise
    from bncheck.questions.reader import Written

GROUP = "bncheck.courses"  # of the entry points by which an installed course is found


class UnknownQuestion(KeyError):
    """There is no exercise or question of this name; the message lists those that exist."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass
class Course:
    """The exercises of a package, each in a folder `exNN_name` of Markdown files (see `format`).

    package: its import name; nothing of it is to be seen where submissions run.
    ready_made: what questions that ask for work from scratch forbid; its packages are what
    submissions of this course may import besides the usual ones.
    """

    package: str
    ready_made: ReadyMade
    _written: dict[str, WrittenExercise] = field(default_factory=dict, repr=False)
    _banks: dict[tuple[str, int], Bank] = field(default_factory=dict, repr=False)

    @property
    def folder(self) -> Path:
        """The folder of the package."""
        return Path(next(iter(importlib.import_module(self.package).__path__))).resolve()

    @cached_property
    def folders(self) -> dict[str, Path]:
        """The folders of the exercises, by their short names, like `ex03`."""
        openings = sorted(self.folder.glob(f"ex[0-9][0-9]_*/{OPENING}"))
        return {path.parent.name[:4]: path.parent for path in openings}

    def written(self, short: str) -> WrittenExercise:
        """The exercise with its texts.  Raises UnknownQuestion, BrokenQuestion."""
        from bncheck.questions.folder import read_folder

        if short not in self.folders:
            known = ", ".join(self.folders)
            raise UnknownQuestion(f"need an exercise of {known}; got {short!r}")
        if short not in self._written:
            self._written[short] = read_folder(self.folders[short], self.package)
        return self._written[short]

    def load(self, short: str) -> Exercise:
        """The exercise of this short name.  Raises UnknownQuestion, BrokenQuestion."""
        return self.written(short).exercise

    def exercises(self) -> dict[str, Exercise]:
        """All exercises by their short names, in order."""
        return {short: self.load(short) for short in self.folders}

    def names(self) -> list[str]:
        """All questions, as `exNN.name`."""
        return [f"{short}.{q.name}" for short, e in self.exercises().items() for q in e.questions]

    def find(self, name: str) -> tuple[Exercise, Question]:
        """The question `exNN.name`, and its exercise.  Raises UnknownQuestion."""
        short, _, own = name.partition(".")
        found = self.load(short)
        for question in found.questions:
            if question.name == own:
                return found, question
        known = ", ".join(f"{short}.{question.name}" for question in found.questions)
        raise UnknownQuestion(f"need a question of {known}; got {name!r}")

    def find_written(self, name: str) -> Written:
        """The question `exNN.name` with its texts.  Raises as `find` does."""
        found, question = self.find(name)
        questions = self.written(found.short).questions
        return next(written for written in questions if written.question is question)

    def bank(self, name: str, seed: int = 0) -> Bank:
        """The bank of the question `exNN.name`, made once.  Raises UnknownQuestion."""
        if (name, seed) not in self._banks:
            self._banks[name, seed] = Bank(name, self.find(name)[1], seed, self.ready_made)
        return self._banks[name, seed]


def installed(name: str | None = None) -> Course:
    """A course by the name of its entry point or `module:object`; by default the only one.

    Raises ValueError where that does not say which.
    """
    if name and ":" in name:
        module, _, attribute = name.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute, None)
        except ImportError as error:
            raise ValueError(f"need a course that can be imported, got {name!r}: {error}") from None
        if not isinstance(found, Course):
            raise ValueError(f"need a Course, got {type(found).__name__} as {name!r}")
        return found
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name is None and len(known) == 1:
        (name,) = known
    if name not in known:
        choice = ", ".join(sorted(known)) or "none is installed"
        raise ValueError(
            f"need a course (of {choice}, or module:object), got {name!r}: use --course"
        )
    course = known[name].load()
    assert isinstance(course, Course)
    return course
