"""What grading found, as data: one Grade per submission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

STATES = {
    "graded": "every question has an answer, and all cells ran",
    "partial": "some questions have no answer, or some cells failed",
    "blank": "no question has an answer",
    "unjudged": "a check is broken: the points are not final",
    "timeout": "something ran into a time limit",
    "memory": "something ran out of the memory allowed",
    "crashed": "the process ended in the middle",
    "unreadable": "the file could not be read as a notebook",
}


@dataclass(frozen=True)
class Advice:
    """A sentence or more to the learner, and where to read: chapter and heading, or neither."""

    text: str
    chapter: str = ""
    heading: str = ""


@dataclass(frozen=True)
class Answer:
    """The verdict on one question.  state: as in Verdict, or "lost" if no observation came back.

    mistakes: names from the bank; example: the smallest one that shows it, as lines of code;
    code: what a wrong answer was, such that nobody is known by it.
    """

    question: str
    title: str
    state: str
    points: int
    out_of: int
    mistakes: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = ()
    example: str = ""
    code: str = ""


@dataclass(frozen=True)
class Handed:
    """How a file was handed in, as far as its platform says.

    account: the learner's number or name there; attempt: from 1; late: after the date it was due;
    submitted: when, as in ISO 8601, or "".
    """

    account: str = ""
    attempt: int = 1
    late: bool = False
    submitted: str = ""


@dataclass(frozen=True)
class Grade:
    """All about one submission.  key: what the grade depends on, hashed; notes: to the teacher."""

    id: str
    learner: str
    file: str
    exercise: str
    state: str
    answers: tuple[Answer, ...] = ()
    notes: tuple[str, ...] = ()
    key: str = ""
    handed: Handed = Handed()

    @property
    def points(self) -> int:
        """The points of all questions."""
        return sum(answer.points for answer in self.answers)

    @property
    def out_of(self) -> int:
        """The points that there are; 0 where the exercise is unknown."""
        return sum(answer.out_of for answer in self.answers)

    def to_json(self) -> dict[str, Any]:
        """The grade as what JSON can hold."""
        return {**asdict(self), "points": self.points, "out_of": self.out_of}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Grade:
        """The grade that to_json wrote.  Raises KeyError or TypeError for anything else."""
        answers = []
        for fields in record["answers"]:
            advice = tuple(Advice(**one) for one in fields["advice"])
            answers.append(
                Answer(**{**fields, "mistakes": tuple(fields["mistakes"]), "advice": advice})
            )
        own = {key: record[key] for key in ("id", "learner", "file", "exercise", "state", "key")}
        handed = Handed(**record["handed"])
        return cls(**own, answers=tuple(answers), notes=tuple(record["notes"]), handed=handed)


def who(grade: Grade) -> str:
    """What tells learners apart: their account, or their name where there is none."""
    return grade.handed.account or grade.learner
