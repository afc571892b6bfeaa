"""Wrong answers that were written without a look at the known mistakes.

How well do the checks do with mistakes that nobody has told them of?  Each module holds answers
that a learner might give, as (question, what is wrong, source); they were written from the
learners' notebooks alone, and are not changed when a check learns to name one.

first    exercises 2 to 11
second   written after the checks had learned from the first: the honest measure

UNEXPLAINED: of these the checks say that they are wrong, and not why.
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


# of the first bank, 48 of 623 before the checks had learned from it; of the second, 16 of 78
UNEXPLAINED = {
    "ex02.after_relu: 0.25",
    "ex02.after_relu: 0.45",
    "ex03.spread: 0.953",
    "ex05.arrived: 0.5",
    "ex06.stored: 24",
    "ex07.moved_mean: 0.45",
    "ex07.saved: 99",
    "ex07.saved: 12",
    "ex08.gradient_factor: -4",
    "ex09.hot: 0",
    "ex11.members: 12",
    # of the second bank
    "ex03.spread: 0.0302",
    "ex03.spread: 0.095",
    "ex05.needed: 46",
    "ex05.needed: 440",
    "ex06.evaluate: rounded",
    "ex06.train: loss summed twice",
    "ex06.train: two epochs",
    "ex06.train: last batch skipped",
    "ex08.noise: 1.5",
    "ex09.two: 2.05",
    "ex09.two: 4",
}
