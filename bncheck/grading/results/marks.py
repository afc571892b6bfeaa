"""From grades to marks: one for each learner and exercise, with each step that a policy took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bncheck.grading.results.files import cell, to_csv
from bncheck.grading.results.policy import Policy
from bncheck.grading.results.records import Grade, who


@dataclass(frozen=True)
class Mark:
    """What a learner gets for an exercise.

    grade: the attempt that counts; points, out_of: after the policy, rounded to cents;
    steps: what the policy did, in words; open: why a person must look first, or "".
    """

    grade: Grade
    exercise: str
    points: float
    out_of: float
    steps: tuple[str, ...] = ()
    open: str = ""

    @property
    def share(self) -> float:
        """The points as a share of those that one can have; more than 1 with a bonus."""
        return self.points / self.out_of if self.out_of else 0.0


def marks(
    grades: Sequence[Grade], policy: Policy, late: Mapping[str, timedelta] | None = None
) -> list[Mark]:
    """The marks, in the order of the grades.

    late: how late an account's work was, where the platform says more than the files.
    Raises ValueError where the policy names what is not there.
    """
    policy.check(
        (answer.question for grade in grades for answer in grade.answers),
        (name for grade in grades for name in (grade.handed.account, grade.learner) if name),
    )
    shorts = list(dict.fromkeys(g.exercise[:4] for g in grades if g.exercise))
    attempts: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    for grade in grades:
        short = grade.exercise[:4] or (shorts[0] if len(shorts) == 1 else "")
        by = (late or {}).get(grade.handed.account)
        attempts[who(grade), short].append(_mark(grade, short, policy, by))
    return [_counts(those, policy) for those in attempts.values()]


def _mark(grade: Grade, short: str, policy: Policy, by: timedelta | None) -> Mark:
    """The mark that one attempt would get."""
    steps: list[str] = []
    earned = out_of = 0.0
    mine = {one.name: one for one in policy.replaced if one.learner in (who(grade), grade.learner)}
    for answer in grade.answers:
        name, points = answer.question, float(answer.points)
        if name in policy.dropped:
            steps.append(f"{name} is dropped: it counts for nobody")
            continue
        if hand := mine.get(name):
            steps.append(
                f"{name}: {hand.points:g} of {answer.out_of} points by hand, in place of "
                f"{answer.points}: {hand.reason}"
            )
            points = hand.points
        weight = policy.weights.get(name, 1.0)
        if weight != 1:
            steps.append(f"{name} counts {weight:g} times")
        earned += weight * points
        if name in policy.bonus:
            steps.append(f"{name} is a bonus: {weight * points:g} points on top")
        else:
            out_of += weight * answer.out_of
    if whole := mine.get(short):
        steps.append(f"{whole.points:g} points by hand, in place of {earned:g}: {whole.reason}")
        earned = whole.points
    handed = grade.handed
    days = policy.late.days(short, handed.submitted, by, handed.late)
    if percent := policy.late.percent(days):
        steps.append(f"late, {days} {'day' if days == 1 else 'days'} begun: {percent:g} % off")
        earned *= 1 - percent / 100
    open_ = ""
    if grade.state in ("unreadable", "unjudged") and not whole:
        open_ = f"{grade.state}: {grade.notes[0] if grade.notes else 'see the feedback'}"
    return Mark(grade, short, round(earned, 2), round(out_of, 2), tuple(steps), open_)


def _counts(those: Sequence[Mark], policy: Policy) -> Mark:
    """The attempt that counts: a readable one, the last or the best."""
    readable = [one for one in those if one.grade.state != "unreadable"] or list(those)
    order = {id(one): place for place, one in enumerate(readable)}

    def when(one: Mark) -> tuple[str, int, int]:
        return one.grade.handed.submitted, one.grade.handed.attempt, order[id(one)]

    best = policy.attempts == "best"
    chosen = max(readable, key=lambda one: (one.points if best else 0.0, *when(one)))
    if len(those) == 1:
        return chosen
    said = f"of {len(those)} attempts, {chosen.grade.file} counts: the {policy.attempts}"
    return replace(chosen, steps=(said, *chosen.steps))


def overall(those: Sequence[Mark], policy: Policy) -> dict[str, float]:
    """By learner, the weighted share over all exercises that occur; what is missing counts 0."""
    shorts = list(dict.fromkeys(one.exercise for one in those if one.exercise))
    weights = {short: policy.weights.get(short, 1.0) for short in shorts}
    total = sum(weights.values())
    shares: dict[str, float] = defaultdict(float)
    for one in those:
        shares[who(one.grade)] += weights.get(one.exercise, 0.0) * one.share / (total or 1.0)
    return dict(shares)


def marks_table(those: Sequence[Mark], policy: Policy) -> str:
    """marks.csv: a row for each learner and exercise, with the steps."""
    over_all = overall(those, policy)
    head = ["learner", "account", "exercise", "id", "points", "out_of", "percent", "over all (%)"]
    rows = [[*head, "look at", "steps"]]
    for one in those:
        numbers = [one.points, one.out_of, round(100 * one.share, 2)]
        numbers.append(round(100 * over_all[who(one.grade)], 2))
        texts = [one.grade.learner, one.grade.handed.account, one.exercise, one.grade.id]
        last = [cell(one.open), cell("; ".join(one.steps))]
        rows.append([*map(cell, texts), *(f"{number:g}" for number in numbers), *last])
    return to_csv(rows)
