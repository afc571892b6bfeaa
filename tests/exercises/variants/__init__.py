"""Right and wrong answers to the exercises' questions, in other styles than the bank's.

A module per exercise.  Each answer is a function that returns what the question asks for, in
order; it is registered with `right` or `wrong`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Makes = Callable[[], Any]


@dataclass(frozen=True)
class Variant:
    """An answer: make() returns the function, class or value, or a tuple of those.

    mistakes: the names, as in the bank, of the mistakes in it; none for a right answer.
    """

    question: str
    make: Makes
    mistakes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.question}-{self.make.__name__}"


VARIANTS: list[Variant] = []


def right(question: str) -> Callable[[Makes], Makes]:
    """Register a right answer."""
    return wrong(question)


def wrong(question: str, *mistakes: str) -> Callable[[Makes], Makes]:
    """Register an answer with mistakes, which the check must name."""

    def register(make: Makes) -> Makes:
        VARIANTS.append(Variant(question, make, mistakes))
        return make

    return register
