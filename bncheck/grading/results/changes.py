"""What another grading changed, and for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bncheck.grading.results.files import cell, to_csv
from bncheck.grading.results.records import Answer, Grade


@dataclass(frozen=True)
class Change:
    """A submission whose grade is another one.  grade: the new one, or the old one if it is gone.

    before, after: the points, None where there was, or is, no such submission.
    what: the differences in words; questions: those that are judged otherwise.
    """

    grade: Grade
    before: int | None
    after: int | None
    what: str
    questions: tuple[str, ...] = ()


def changes(before: Sequence[Grade], after: Sequence[Grade]) -> list[Change]:
    """The submissions whose state, points or mistakes differ, in the order of the new run."""
    old = {grade.id: grade for grade in before}
    new = {grade.id for grade in after}
    found = []
    for grade in after:
        was = old.get(grade.id)
        if was is None:
            found.append(Change(grade, None, grade.points, "new"))
        elif (differs := _between(was, grade)) is not None:
            found.append(differs)
    gone = [grade for grade in before if grade.id not in new]
    return found + [Change(grade, grade.points, None, "gone") for grade in gone]


def _between(was: Grade, grade: Grade) -> Change | None:
    what = [] if was.state == grade.state else [f"{was.state} → {grade.state}"]
    then = {answer.question: answer for answer in was.answers}
    now = {answer.question: answer for answer in grade.answers}
    questions = [name for name in {**now, **then} if _said(then.get(name)) != _said(now.get(name))]
    what += [f"{name}: {_said(then.get(name))} → {_said(now.get(name))}" for name in questions]
    if not what:
        return None
    return Change(grade, was.points, grade.points, "; ".join(what), tuple(questions))


def _said(answer: Answer | None) -> str:
    if answer is None:
        return "not asked"
    named = f" ({', '.join(answer.mistakes)})" if answer.mistakes else ""
    return f"{answer.points}/{answer.out_of} {answer.state}{named}"


def changes_table(found: Sequence[Change]) -> str:
    """changes.csv: a row for each submission that changed."""
    rows = [["id", "learner", "account", "exercise", "points before", "points after", "what"]]
    for one in found:
        texts = [one.grade.id, one.grade.learner, one.grade.handed.account, one.grade.exercise]
        points = ["" if number is None else str(number) for number in (one.before, one.after)]
        rows.append([*map(cell, texts), *points, cell(one.what)])
    return to_csv(rows)


def in_short(found: Sequence[Change], total: int) -> str:
    """How many changed, in which direction, and by which questions."""
    both = [(one.before, one.after) for one in found]
    gained = sum(b is not None and a is not None and a > b for b, a in both)
    lost = sum(b is not None and a is not None and a < b for b, a in both)
    new, gone = sum(b is None for b, _ in both), sum(a is None for _, a in both)
    line = f"{len(found)} of {total} changed: {gained} gained points, {lost} lost points"
    line += f", {new} new, {gone} gone"
    counts = Counter(name for one in found for name in one.questions)
    return "\n".join([line, *(f"{name}: {counts[name]}" for name in sorted(counts))])
