"""Do the checks keep their promise?  Known mistakes and pairs of them, judged as answers are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bncheck.bank import Bank, implementation, planted
from bncheck.course import Course
from bncheck.judge import Verdict, apart, judge
from bncheck.observe import observe
from bncheck.questions.question import Mistake

OUTCOMES = ("named", "rejected", "accepted", "as another")


def verdict_on(bank: Bank, source: str) -> Verdict:
    """What the check says of an answer with this source."""
    return judge(bank, observe(implementation(bank.question, source), bank.tasks))


def outcome(verdict: Verdict, planted: tuple[Mistake, ...]) -> str:
    """accepted, named (all or some of those planted), as another, or rejected (without a name)."""
    if verdict.state == "passed":
        return "accepted"
    if verdict.state != "named":
        return "rejected"
    return "named" if set(verdict.mistakes) <= set(planted) else "as another"


@dataclass(frozen=True)
class Row:
    """One mistake, or two together, in one question, and what the check makes of it."""

    question: str
    mistakes: tuple[Mistake, ...]
    outcome: str


def singles(course: Course, seed: int = 0, questions: Sequence[str] | None = None) -> Iterator[Row]:
    """Every mistake of every question, or of those named, planted alone."""
    for name in course.names() if questions is None else questions:
        bank = course.bank(name, seed)
        question = bank.question
        for mistake in question.mistakes:
            source = planted(question, (mistake,))
            if source is None:
                raise ValueError(f"{name}: the edits of “{mistake.name}” do not fit the reference")
            verdict = verdict_on(bank, source)
            yield Row(name, (mistake,), outcome(verdict, (mistake,)))


def pairs(
    course: Course,
    seed: int = 0,
    questions: Sequence[str] | None = None,
    most: int | None = None,
) -> Iterator[Row]:
    """Every two mistakes of a question that fit together and change the result.

    most: so many pairs of each question at the most, drawn from `seed`; by default all.
    """
    for name in course.names() if questions is None else questions:
        bank = course.bank(name, seed)
        every = list(bank.mistakes(2).items())
        drawn = np.random.default_rng(seed).permutation(len(every))[:most]
        for pair, seen in (every[i] for i in sorted(drawn)):
            far = apart(seen, bank.reference, range(len(bank.tasks)))
            if max(far) > bank.question.tolerance:
                yield Row(name, pair, outcome(judge(bank, seen), pair))


@dataclass(frozen=True)
class Nearest:
    """Two implementations of a question, and how far apart the probes hold them."""

    question: str
    distance: float
    one: str
    other: str


def distances(bank: Bank) -> Iterator[Nearest]:
    """Every two of a question's reference and its mistakes, with how far apart they are.

    On probes where a mistake's values are rounding noise it counts whether it differs.
    """
    probes = bank.question.probes
    shown = {"the reference": (bank.reference, frozenset[str]())}
    for (mistake,), seen in bank.mistakes(1).items():
        shown[mistake.name] = (seen, mistake.loose)
    for one, other in combinations(shown, 2):
        loose = shown[one][1] | shown[other][1]
        far = apart(shown[one][0], shown[other][0], range(len(probes)))
        far = [
            math.inf if probe.name in loose and d > bank.question.tolerance else d
            for probe, d in zip(probes, far, strict=True)
        ]
        yield Nearest(bank.name, max(far), one, other)


def nearest(bank: Bank) -> Nearest:
    """The two of a question that are hardest to tell apart, of its reference and its mistakes."""
    return min(distances(bank), key=lambda found: found.distance)


def counts(rows: Iterable[Row]) -> dict[str, int]:
    """How many rows have each outcome; the outcomes that do not occur count 0."""
    outcomes = [row.outcome for row in rows]
    return {kind: outcomes.count(kind) for kind in OUTCOMES}
