"""Wrong answers that were written without a look at the known mistakes.

How well do the checks do with mistakes that nobody has told them of?  Each module holds answers
that a learner might give, as (question, what is wrong, source); they were written from the
learners' notebooks alone, and are not changed when a check learns to name one.

first    exercises 2 to 11
second   written after the checks had learned from the first: the honest measure
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Wrong:
    """An answer with a mistake."""

    question: str
    mistake: str
    source: str

    def __str__(self) -> str:
        return f"{self.question}: {self.mistake}"


def values(question: str, *wrong: object) -> Iterator[Wrong]:
    """Wrong numbers for a question that asks for one."""
    for value in wrong:
        yield Wrong(question, str(value), f"{question.partition('.')[2]} = {value}\n")


def slips(question: str, right: str, **slip: tuple[str, str]) -> Iterator[Wrong]:
    """Answers that differ from a right one in one place: by name, what stands there and what is
    written in its place.
    """
    for name, (old, new) in slip.items():
        if right.count(old) != 1:
            raise ValueError(
                f"{question}, {name}: need one place for {old!r}, got {right.count(old)}"
            )
        yield Wrong(question, name.replace("_", " "), right.replace(old, new))
