"""The verdict on an answer: its observations against those of the reference and of mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bnlib.exercises.bank import Bank
from bnlib.exercises.compare import distance
from bnlib.exercises.observe import Observation
from bnlib.exercises.question import Mistake
from bnlib.exercises.reasons import first_reason


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    state: "passed", "named" (mistakes says which), "wrong" (reason says what law fails), or
    "not done".
    earned: the points of each group of probes; mistakes: one, or two at once; reason: a sentence
    or two on what is wrong; probe: the number of the first probe that differs.
    """

    question: str
    state: str
    earned: dict[str, int]
    out_of: int
    mistakes: tuple[Mistake, ...] = ()
    reason: str = ""
    probe: int | None = None
    printed: str = ""

    @property
    def points(self) -> int:
        """The points of all groups together."""
        return sum(self.earned.values())


def apart(
    got: Sequence[Observation], expected: Sequence[Observation], probes: Sequence[int]
) -> list[float]:
    """How far two runs are apart on each of the probes; a probe that was not run is apart."""
    return [
        observed_distance(got[i], expected[i])
        if i < min(len(got), len(expected))
        else float(len(got) != len(expected))
        for i in probes
    ]


def observed_distance(got: Observation, expected: Observation) -> float:
    """The largest distance among kept values and inputs; inf where one run failed otherwise."""
    failures = got.failure, expected.failure
    if failures[0] and failures[1]:
        if not failures[0].same(failures[1]):
            return float("inf")
    elif failures[0] or failures[1]:
        return float("inf")
    if got.values.keys() != expected.values.keys():
        return float("inf")
    pairs = [(got.values[key], value) for key, value in expected.values.items()]
    pairs += [(got.inputs[key], value) for key, value in expected.inputs.items()]
    return max((distance(one, other) for one, other in pairs), default=0.0)


def judge(bank: Bank, got: Sequence[Observation]) -> Verdict:
    """Compare what an answer showed with the reference, then with the known mistakes."""
    question, expected = bank.question, bank.reference()
    everything = range(len(bank.tasks))
    right = [d <= question.tolerance for d in apart(got, expected, everything)]
    groups = [probe.group for probe in question.probes]
    earned = {
        group: points if all(ok for ok, g in zip(right, groups, strict=True) if g == group) else 0
        for group, points in question.points.items()
    }
    printed = next((seen.printed for seen in got if seen.printed.strip()), "")
    first = right.index(False) if False in right else None

    def verdict(state: str, mistakes: tuple[Mistake, ...] = (), reason: str = "") -> Verdict:
        return Verdict(bank.name, state, earned, question.out_of, mistakes, reason, first, printed)

    if first is None:
        return verdict("passed")
    if any(seen.failure and seen.failure.kind == "not done" for seen in got):
        return verdict("not done")
    given = bank.given()
    if given is not None and max(apart(got, given, everything)) <= question.tolerance:
        return verdict("not done", reason="this is still the program as it was given")
    if not any(seen.failure and seen.failure.kind == "forbidden" for seen in got):
        for together in (1, 2):
            matching = [
                mistakes
                for mistakes, shown in bank.mistakes(together).items()
                if shows(bank, got, shown, mistakes)
            ]
            if matching:
                common = tuple(m for m in matching[0] if all(m in other for other in matching))
                if common:
                    return verdict("named", common)
    return verdict(
        "wrong", reason=first_reason(question, bank.tasks[first], got[first], expected[first])
    )


def shows(
    bank: Bank,
    got: Sequence[Observation],
    shown: Sequence[Observation],
    mistakes: tuple[Mistake, ...],
) -> bool:
    """Whether an answer shows these mistakes: the same values on every probe.

    On a probe where the mistake's values are rounding noise, both must differ from the reference.
    A mistake that does not differ from the reference at all is not shown by anything.
    """
    question, expected = bank.question, bank.reference()
    names = [probe.name for probe in question.probes]
    loose = {i for m in mistakes for i, name in enumerate(names) if name in m.loose}
    firm = [i for i in range(len(names)) if i not in loose]
    if max(apart(got, shown, firm), default=0.0) > question.tolerance:
        return False
    differs = [d > question.tolerance for d in apart(shown, expected, range(len(names)))]
    mine = [d > question.tolerance for d in apart(got, expected, range(len(names)))]
    return any(differs) and all(mine[i] == differs[i] for i in loose)
