"""From a question to what it is compared with: implementations, tasks, expected observations."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cache, cached_property, partial
from itertools import combinations
from typing import Any, overload

import numpy as np

from bncheck.guard import ReadyMade
from bncheck.observe import Observation, Task, observe
from bncheck.plain import plain
from bncheck.questions.question import Mistake, Question


def planted(question: Question, mistakes: Sequence[Mistake]) -> str | None:
    """The reference's source with the mistakes planted; None if they do not fit together.

    They do not where one changes what another is an edit of, or where no Python is left.
    """
    source = question.reference
    for mistake in mistakes:
        for right, wrong in mistake.edits:
            if source.count(right) != 1:
                return None
            source = source.replace(right, wrong)
    try:
        ast.parse(source)
    except SyntaxError:
        return None
    return source


def implementation(question: Question, source: str) -> dict[str, Any]:
    """Execute the preamble and `source`; returns what the question asks for, by name."""
    space: dict[str, Any] = {"__name__": "learner"}
    exec(compile(question.preamble, f"<{question.name}: preamble>", "exec"), space)
    exec(compile(source, f"<{question.name}>", "exec"), space)
    return {name: space[name] for name in question.names}


def tasks(question: Question, seed: int, ready_made: ReadyMade) -> list[Task]:
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
            ready_made=ready_made,
        )
        for number, probe in enumerate(question.probes)
    ]


class Shown(Sequence[Observation]):
    """What an implementation shows on a question's probes; each is run when it is asked for."""

    def __init__(self, question: Question, tasks: Sequence[Task], source: str) -> None:
        self._names = cache(partial(implementation, question, source))
        self._tasks = [replace(task, from_scratch=False) for task in tasks]
        self._seen: dict[int, Observation] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    @overload
    def __getitem__(self, number: int) -> Observation: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Observation]: ...
    def __getitem__(self, number: int | slice) -> Observation | Sequence[Observation]:
        if isinstance(number, slice):
            return [self[i] for i in range(len(self))[number]]
        number = range(len(self))[number]
        if number not in self._seen:
            self._seen[number] = observe(self._names(), [self._tasks[number]])[0]
        return self._seen[number]


class Bank:
    """What a question's answers are compared with, for one seed of the inputs."""

    def __init__(self, name: str, question: Question, seed: int, ready_made: ReadyMade) -> None:
        self.name, self.question, self.seed = name, question, seed
        self.tasks = tasks(question, seed, ready_made)
        self._mistakes: dict[int, dict[tuple[Mistake, ...], Shown]] = {}

    def sample(self, pairs: int, of: Collection[str] = ()) -> Bank:
        """A bank that looks for so many pairs of mistakes alone, drawn from its seed.

        of: names of mistakes; two of them are a pair that is looked for in any case.
        """
        drawn = copy(self)
        every = list(self.mistakes(2).items())
        order = np.random.default_rng(self.seed).permutation(len(every))[:pairs]
        kept = {i for i, (pair, _) in enumerate(every) if {m.name for m in pair} <= {*of}}
        chosen = dict(every[i] for i in sorted({*order} | kept))
        drawn._mistakes = {1: dict(self.mistakes(1)), 2: chosen}
        return drawn

    @cached_property
    def reference(self) -> Shown:
        """What a right answer shows."""
        return Shown(self.question, self.tasks, self.question.reference)

    @cached_property
    def given(self) -> Shown | None:
        """What the program that the learner starts from shows, if there is one."""
        source = self.question.given
        return None if source is None else Shown(self.question, self.tasks, source)

    def mistakes(self, together: int) -> Mapping[tuple[Mistake, ...], Shown]:
        """What the known mistakes show, one at a time, or two together where they fit."""
        if together not in self._mistakes:
            combined = combinations(self.question.mistakes, together)
            sources = {chosen: planted(self.question, chosen) for chosen in combined}
            self._mistakes[together] = {
                chosen: Shown(self.question, self.tasks, source)
                for chosen, source in sources.items()
                if source is not None and sum(mistake.alone for mistake in chosen) < 2
            }
        return self._mistakes[together]
