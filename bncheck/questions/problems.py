"""What is wrong with a file: where, which rule, what was found, what is nearest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.  line: counted from 1; 0 for the file as a whole."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


class BrokenQuestion(ValueError):
    """A file that does not say what it should; the message has a line per problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass
class Problems:
    """The problems of one file, gathered, so that all of them are told at once."""

    path: Path
    found: list[Problem] = field(default_factory=list)

    def add(self, line: int, text: str) -> None:
        """Note a problem."""
        self.found.append(Problem(self.path, line, text))

    def stop(self, line: int, text: str) -> BrokenQuestion:
        """Note one after which nothing more can be read; to be raised."""
        self.add(line, text)
        return BrokenQuestion(self.found)

    def check(self) -> None:
        """Raise BrokenQuestion if there are any."""
        if self.found:
            raise BrokenQuestion(self.found)


def nearest(text: str, among: Iterable[str]) -> str | None:
    """What is most like `text`, if anything is like it at all."""

    def likeness(other: str) -> float:
        return SequenceMatcher(None, text.strip(), other.strip(), autojunk=False).ratio()

    best = max(among, key=likeness, default=None)
    return best if best is not None and likeness(best) > 0.3 else None


def choice(text: str, among: Iterable[str]) -> str:
    """The end of a message about a name that is not one of those allowed."""
    known = list(among)
    near = nearest(text, known)
    said = f"got {text!r}"
    return f"{said}; nearest is {near!r}" if near else f"{said}; known are {', '.join(known)}"
