"""The verdict on an answer: its observations against those of the reference and of mistakes."""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from bncheck.bank import Bank
from bncheck.compare import differences, form
from bncheck.observe import Observation
from bncheck.questions.question import Mistake
from bncheck.reasons import first_reason


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    state: "passed", "named" (mistakes says which), "wrong" (reason says what law fails), "not
    done", or "broken" (the check cannot judge: reason says why).
    earned: the points of each group of probes; mistakes: one, or two at once; reason: a sentence
    or two on what is wrong; beyond: groups of probes that show still more than these mistakes;
    probe: the number of the first probe that differs.
    """

    question: str
    state: str
    earned: dict[str, int]
    out_of: int
    mistakes: tuple[Mistake, ...] = ()
    reason: str = ""
    beyond: tuple[str, ...] = ()
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
    one, other = flat(got), flat(expected)
    if one.form != other.form:
        return math.inf
    return float(differences(one.numbers, other.numbers).max(initial=0.0))


@dataclass(frozen=True)
class Flat:
    """An observation for fast comparison: its form, with texts and failure, and its numbers."""

    form: tuple[object, ...]
    numbers: np.ndarray


def flat(seen: Observation) -> Flat:
    """The form and the numbers of an observation, worked out once."""
    if seen not in _flat:
        numbers: list[np.ndarray] = []
        forms = [
            (name, form(value, numbers))
            for part in (seen.values, seen.inputs)
            for name, value in sorted(part.items())
        ]
        end = seen.failure and (*vars(seen.failure).values(),)[:-1]  # all but the line
        _flat[seen] = Flat((len(seen.values), *forms, end), np.concatenate([np.empty(0), *numbers]))
    return _flat[seen]


_flat: weakref.WeakKeyDictionary[Observation, Flat] = weakref.WeakKeyDictionary()


def judge(bank: Bank, got: Sequence[Observation]) -> Verdict:
    """Compare what an answer showed with the reference, then with the known mistakes."""
    question, expected = bank.question, bank.reference
    if fault := broken(bank):
        none = dict.fromkeys(question.points, 0)
        return Verdict(bank.name, "broken", none, question.out_of, reason=fault)
    if question.choices:
        got = [chosen(seen, question.choices) for seen in got]
    everything = range(len(bank.tasks))
    right = [d <= question.tolerance for d in apart(got, expected, everything)]
    groups = [probe.group for probe in question.probes]
    ordered = list(dict.fromkeys(groups))
    earned = {
        group: points if all(ok for ok, g in zip(right, groups, strict=True) if g == group) else 0
        for group, points in question.points.items()
    }
    printed = next((seen.printed for seen in got if seen.printed.strip()), "")
    failing = {i for i in everything if not right[i]}
    first = min(failing, default=None)

    def verdict(
        state: str,
        mistakes: tuple[Mistake, ...] = (),
        reason: str = "",
        beyond: tuple[str, ...] = (),
    ) -> Verdict:
        return Verdict(
            bank.name, state, earned, question.out_of, mistakes, reason, beyond, first, printed
        )

    if first is None:
        return verdict("passed")
    if any(seen.failure and seen.failure.kind == "not done" for seen in got):
        return verdict("not done")
    given = bank.given
    if given is not None and max(apart(got, given, everything)) <= question.tolerance:
        return verdict(
            "not done",
            reason="this behaves like the program as it was given, whatever you changed so far",
        )
    if not any(seen.failure and seen.failure.kind == "forbidden" for seen in got):
        for count in range(len(question.points), 0, -1):
            probes = [i for i in everything if groups[i] in ordered[:count]]
            if first in probes and (mistakes := recognised(bank, got, failing, probes)):
                beyond = [groups[i] for i in everything if not right[i] and i not in probes]
                return verdict("named", mistakes, beyond=tuple(dict.fromkeys(beyond)))
    return verdict(
        "wrong", reason=first_reason(question, bank.tasks[first], got[first], expected[first])
    )


def broken(bank: Bank) -> str | None:
    """Why the check cannot judge: the right answer itself fails here.

    It would fail as many an answer does, so that these would pass.
    """
    for probe, seen in zip(bank.question.probes, bank.reference, strict=True):
        if seen.failure is not None:
            failure = f"{seen.failure.type}: {seen.failure.message}".rstrip(": ")
            return f"the right answer itself fails on “{probe.name}” ({failure})"
        if seen.values.keys() != set(probe.keep):
            return f"the right answer itself shows nothing on “{probe.name}”"
    return None


def chosen(seen: Observation, choices: Sequence[str]) -> Observation:
    """An observation whose texts are choices as the question has them: `B` and ` b. ` are `b`."""
    plainly = {choice.strip(" .()").casefold(): choice for choice in choices}
    values = {
        name: replace(value, data=plainly.get(str(value.data).strip(" .()").casefold(), value.data))
        if value.kind == "text"
        else value
        for name, value in seen.values.items()
    }
    return replace(seen, values=values)


def recognised(
    bank: Bank, got: Sequence[Observation], failing: Set[int], probes: Sequence[int]
) -> tuple[Mistake, ...]:
    """The mistake, or the two, that an answer shows on these probes; empty if there are none.

    failing: the probes on which it differs from the reference.  Where several explanations fit,
    the mistakes that all of them share.
    """
    # those that fail first: most mistakes are ruled out by one probe, and no other is run
    order = sorted(probes, key=lambda i: i not in failing)
    for together in (1, 2):
        matching = [
            mistakes
            for mistakes, shown in bank.mistakes(together).items()
            if shows(bank, got, failing, shown, mistakes, order)
        ]
        if matching:
            return tuple(m for m in matching[0] if all(m in other for other in matching))
    return ()


def shows(
    bank: Bank,
    got: Sequence[Observation],
    failing: Set[int],
    shown: Sequence[Observation],
    mistakes: tuple[Mistake, ...],
    probes: Sequence[int],
) -> bool:
    """Whether an answer shows these mistakes: the same values on each of the probes.

    On a probe where the mistake's values are rounding noise, both must differ from the reference,
    or neither.
    """
    noise = {name for mistake in mistakes for name in mistake.loose}
    for i in probes:
        if bank.question.probes[i].name in noise:
            if differ(bank, shown, bank.reference, i) != (i in failing):
                return False
        elif differ(bank, got, shown, i):
            return False
    return True


def differ(
    bank: Bank, one: Sequence[Observation], other: Sequence[Observation], probe: int
) -> bool:
    """Whether two runs differ on a probe."""
    return apart(one, other, [probe])[0] > bank.question.tolerance
