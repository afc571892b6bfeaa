"""From a question to what it is compared with: implementations, tasks, expected observations."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from bnlib.exercises.observe import Observation, Task, observe
from bnlib.exercises.plain import plain
from bnlib.exercises.question import Exercise, Mistake, Question


class UnknownQuestion(KeyError):
    """There is no exercise or question of this name; the message lists those that exist."""

    def __str__(self) -> str:
        return str(self.args[0])


@cache
def modules() -> dict[str, str]:
    """The names of the modules that hold exercises, by their short names, like `ex03`."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return {name[:4]: name for name in names if re.match(r"ex\d\d_", name)}


@cache
def load(short: str) -> Exercise:
    """The exercise of this short name.  Raises UnknownQuestion."""
    if short not in modules():
        raise UnknownQuestion(f"need an exercise of {', '.join(modules())}; got {short!r}")
    return importlib.import_module(f"bnlib.exercises.{modules()[short]}").EXERCISE


def exercises() -> dict[str, Exercise]:
    """All exercises by their short names, in order."""
    return {short: load(short) for short in modules()}


def find(name: str) -> tuple[Exercise, Question]:
    """The question `exNN.name`, and its exercise.  Raises UnknownQuestion."""
    short, _, own = name.partition(".")
    found = load(short)
    for question in found.questions:
        if question.name == own:
            return found, question
    known = ", ".join(f"{short}.{question.name}" for question in found.questions)
    raise UnknownQuestion(f"need a question of {known}; got {name!r}")


def planted(question: Question, mistakes: Sequence[Mistake]) -> str | None:
    """The reference's source with the mistakes planted; None if they do not fit together."""
    source = question.reference
    for mistake in mistakes:
        for right, wrong in mistake.edits:
            if source.count(right) != 1:
                return None
            source = source.replace(right, wrong)
    return source


def implementation(question: Question, source: str) -> dict[str, Any]:
    """Execute the preamble and `source`; returns what the question asks for, by name."""
    space: dict[str, Any] = {"__name__": "learner"}
    exec(compile(question.preamble, f"<{question.name}: preamble>", "exec"), space)
    exec(compile(source, f"<{question.name}>", "exec"), space)
    return {name: space[name] for name in question.names}


def tasks(question: Question, seed: int) -> list[Task]:
    """The probes with their inputs made from `seed`."""
    return [
        Task(
            name=probe.name,
            code=probe.code,
            keep=probe.keep,
            inputs={
                name: plain(value)
                for name, value in probe.inputs(np.random.default_rng([seed, number])).items()
            },
            seconds=question.seconds,
            from_scratch=question.from_scratch,
        )
        for number, probe in enumerate(question.probes)
    ]


@lru_cache(maxsize=10_000)
def _observed(name: str, seed: int, source: str) -> tuple[Observation, ...]:
    _, question = find(name)
    made = [Task(**{**vars(task), "from_scratch": False}) for task in tasks(question, seed)]
    return tuple(observe(implementation(question, source), made))


class Bank:
    """The observations that a question's answers are compared with, for one seed."""

    def __init__(self, name: str, seed: int = 0) -> None:
        self.name, self.seed = name, seed
        self.exercise, self.question = find(name)
        self.tasks = tasks(self.question, seed)

    def reference(self) -> tuple[Observation, ...]:
        """What a right answer shows."""
        return _observed(self.name, self.seed, self.question.reference)

    def given(self) -> tuple[Observation, ...] | None:
        """What the program that the learner starts from shows, if there is one."""
        source = self.question.given
        return _observed(self.name, self.seed, source) if source is not None else None

    def mistakes(self, together: int) -> Mapping[tuple[Mistake, ...], tuple[Observation, ...]]:
        """What the known mistakes show, one at a time, or two together where they fit."""
        found = {}
        for combination in combinations(self.question.mistakes, together):
            source = planted(self.question, combination)
            if source is not None:
                found[combination] = _observed(self.name, self.seed, source)
        return found
