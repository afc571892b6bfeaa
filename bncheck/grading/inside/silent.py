"""Stands for a course's questions where submissions run: check, hint, score that do nothing.

A learner may call them anywhere.  The judge looks from outside instead, and what it compares
with is not to be found here.
"""

from __future__ import annotations

from typing import Any


class CheckFailed(AssertionError):
    """Never raised here."""


def check(name: str, *answers: Any, seed: int = 0) -> None:
    """Do nothing."""


def hint(name: str, number: int | None = None) -> None:
    """Do nothing."""


def score(name: str | None = None, *, write: Any = None) -> None:
    """Do nothing."""


__all__ = ["CheckFailed", "check", "hint", "score"]
