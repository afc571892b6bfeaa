"""How points become marks, as a teacher writes it into a file.  Nothing here changes a verdict.

attempts = "best"                 # or "last", which is what holds without a policy
dropped = ["ex03.bias"]           # counts for nobody
bonus = ["ex03.undo"]             # its points count, and nobody has to have them

[weights]
"ex03.forward" = 2                # a question's points, times 2
ex04 = 3                          # an exercise in the mark over all; otherwise 1

[late]
due = 2026-11-20T23:59:00+01:00   # or a table, an exercise in each line
grace_minutes = 10
per_day = 10                      # percent off for each day that has begun
most = 50                         # and never more than this

[[replaced]]
learner = "12345"                 # the account, or the name
question = "ex03.forward"         # or: exercise = "ex03"
points = 3
reason = "right idea, and the wrong sign in the last line"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Late:
    """What is taken off: per_day and most in percent.  due: by exercise, "" for all."""

    due: Mapping[str, datetime] = field(default_factory=dict)
    grace: timedelta = timedelta()
    per_day: float = 0
    most: float = 100

    def days(self, short: str, submitted: str, by: timedelta | None, flag: bool) -> int:
        """How many days have begun since it was due.

        submitted: when, if known; by: how late it was as the platform says; flag: late, and no
        more is known, which counts as one day.
        """
        due = self.due.get(short) or self.due.get("")
        if by is None and due and submitted:
            by = datetime.fromisoformat(submitted).astimezone() - due.astimezone()
        if by is None:
            return int(flag)
        return max(0, ceil((by - self.grace) / DAY))

    def percent(self, days: int) -> float:
        """What is taken off after these days."""
        return min(self.most, self.per_day * days)


@dataclass(frozen=True)
class Replaced:
    """Points given by hand.  name: of a question, or the short name of an exercise."""

    learner: str
    name: str
    points: float
    reason: str


@dataclass(frozen=True)
class Policy:
    """See the module.  weights: of questions and exercises, 1 where nothing is said."""

    attempts: str = "last"
    weights: Mapping[str, float] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    bonus: tuple[str, ...] = ()
    late: Late = field(default_factory=Late)
    replaced: tuple[Replaced, ...] = ()

    def check(self, questions: Iterable[str], learners: Iterable[str]) -> None:
        """Raises ValueError where the policy names a question or a learner that is not there."""
        known = set(questions)
        known |= {name.partition(".")[0] for name in known}
        named = [*self.weights, *self.dropped, *self.bonus, *(one.name for one in self.replaced)]
        named += [name for name in self.late.due if name]
        for name in named:
            if name not in known:
                choice = ", ".join(sorted(known))
                raise ValueError(f"the policy names {name}, need one of {choice}")
        there = set(learners)
        for one in self.replaced:
            if one.learner not in there:
                raise ValueError(f"the policy replaces points of {one.learner}, who is not there")


def read_policy(path: Path) -> Policy:
    """The policy in a file.  Raises ValueError where it is none, with the line or the name."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"need a policy in TOML, got {path}: {error}") from None
    _known(said, "the policy", "attempts", "weights", "dropped", "bonus", "late", "replaced")
    attempts = said.get("attempts", "last")
    if attempts not in ("last", "best"):
        raise ValueError(f'need attempts = "last" or "best", got {attempts!r}')
    return Policy(
        attempts,
        {name: _number(value, name) for name, value in _table(said, "weights").items()},
        _names(said, "dropped"),
        _names(said, "bonus"),
        _late(_table(said, "late")),
        tuple(_replaced(one) for one in said.get("replaced", [])),
    )


def _known(said: Mapping[str, Any], where: str, *names: str) -> None:
    for name in said:
        if name not in names:
            raise ValueError(f"{where} says {name!r}, need one of {', '.join(names)}")


def _table(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"need a table [{name}], got {value!r}")
    return value


def _names(said: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = said.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and "." in one for one in value):
        raise ValueError(f'need {name} = ["ex03.bias"], a list of questions, got {value!r}')
    return tuple(value)


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ValueError(f"need a number of at least 0 as {name}, got {value!r}")
    return float(value)


def _late(said: Mapping[str, Any]) -> Late:
    _known(said, "[late]", "due", "grace_minutes", "per_day", "most")
    due = said.get("due", {})
    for one in (dues := due if isinstance(due, dict) else {"": due}).values():
        if not isinstance(one, datetime):
            raise ValueError(f"need a date and time like 2026-11-20T23:59:00, got {one!r}")
    return Late(
        dues,
        timedelta(minutes=_number(said.get("grace_minutes", 0), "grace_minutes")),
        _number(said.get("per_day", 0), "per_day"),
        min(100.0, _number(said.get("most", 100), "most")),
    )


def _replaced(said: Any) -> Replaced:
    if not isinstance(said, dict):
        raise ValueError(f"need tables [[replaced]], got {said!r}")
    _known(said, "[[replaced]]", "learner", "question", "exercise", "points", "reason")
    name = said.get("question") or said.get("exercise")
    if not name or not said.get("learner") or not str(said.get("reason", "")).strip():
        raise ValueError(f"need learner, question or exercise, points and a reason, got {said!r}")
    points = _number(said.get("points"), "points")
    return Replaced(str(said["learner"]), str(name), points, str(said["reason"]).strip())
