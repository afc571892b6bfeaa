"""What an exercise is: data.  Questions, probes, mistakes, laws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

Inputs = dict[str, Any]
Makes = Callable[[np.random.Generator], Inputs]


@dataclass(frozen=True)
class Section:
    """Where to read: a chapter, by the name of its file, and a heading in it."""

    chapter: str
    heading: str


@dataclass(frozen=True)
class Probe:
    """Inputs, the steps to take with them, and what to keep.

    name: said to the learner, so in words ("two images").  group: its points are earned together.
    code: Python statements; they find the learner's names, the inputs, `np` and `torch`.
    keep: expressions, whose values are what is compared.
    inputs: from a seeded generator to the inputs: arrays, numbers, texts, tuples of them.
    """

    name: str
    group: str
    code: str
    keep: tuple[str, ...]
    inputs: Makes = field(default=lambda rng: {})


@dataclass(frozen=True)
class Mistake:
    """A known mistake, as an edit of the reference.

    name: a noun phrase that names it ("eps outside the root").
    says: one to three sentences to the learner: what is wrong, and why that matters.
    read: where the chapter explains it.
    edits: pairs of a text that occurs once in the reference, and the wrong text.
    number: its place in the list of common mistakes (`catalogue`), if it stands there.
    loose: names of probes on which the values of this mistake are rounding noise.
    alone: is not looked for together with another one that is alone: fewer pairs, a faster check.
    """

    name: str
    says: str
    read: Section
    edits: tuple[tuple[str, str], ...]
    number: int | None = None
    loose: frozenset[str] = frozenset()
    alone: bool = False


@dataclass(frozen=True)
class Law:
    """What must hold of a right result, said where no known mistake fits.

    broken: from the inputs of a probe and the kept values (arrays, numbers, tuples, by their
    expression) to a sentence with numbers, or None where the law holds or does not apply.
    source: the expression of the question's file that gives this law, and maybe others.
    """

    name: str
    broken: Callable[[Inputs, dict[str, Any]], str | None]
    source: str = ""


def lawful(given: Any, name: str, source: str) -> tuple[Law, ...]:
    """The laws that the expression `source` gives: one or several, or functions that become one."""
    several = given if isinstance(given, tuple) else (given,)
    laws = [one if isinstance(one, Law) else Law(name, one) for one in several]
    return tuple(replace(law, source=source) for law in laws)


@dataclass(frozen=True)
class Question:
    """One question: what is asked for, the right answer, how to look at an answer.

    name: within its exercise, that of its file; title: a line.
    names: what the learner hands over, in the order of `check`'s arguments.
    reference: source that defines these names; preamble: source before it, like imports.
    probes: the smallest first, since the first that differs is shown.
    points: per group of probes.  hints: up to three, from a nudge to a plan.
    from_scratch: whether ready-made normalisation, of torch or bnlib, is forbidden.
    given: source of a broken program that the learner starts from, if there is one.
    choices: the permitted texts of a multiple-choice answer.
    tolerance: the relative difference up to which values are equal.
    seconds: the time limit of a probe.
    """

    name: str
    title: str
    names: tuple[str, ...]
    reference: str
    probes: tuple[Probe, ...]
    points: Mapping[str, int]
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, ...]
    read: Section
    laws: tuple[Law, ...] = ()
    preamble: str = ""
    from_scratch: bool = False
    given: str | None = None
    choices: tuple[str, ...] = ()
    tolerance: float = 1e-6
    seconds: float = 5.0

    @property
    def out_of(self) -> int:
        """The points of all groups together."""
        return sum(self.points.values())

    @property
    def asks_value(self) -> bool:
        """Whether the answer is a number or a choice, and not code."""
        return not self.probes[0].code


@dataclass(frozen=True)
class Exercise:
    """The questions of one notebook.  name: that of the folder and of the notebook."""

    name: str
    title: str
    questions: tuple[Question, ...]

    @property
    def short(self) -> str:
        """The first part of the name, as in `ex03`."""
        return self.name.partition("_")[0]

    @property
    def out_of(self) -> int:
        """The points of all questions together."""
        return sum(question.out_of for question in self.questions)
