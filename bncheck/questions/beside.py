"""What stands in the folder of an exercise beside its questions: the opening, Python of its own."""

from __future__ import annotations

import importlib
from typing import Any

OPENING = "exercise.md"


def names_of(package: str, exercise: str, kind: str) -> dict[str, Any]:
    """The names of the course's module of this kind, and over them those of the exercise's own."""
    names: dict[str, Any] = {}
    for name in (f"{package}.{kind}", f"{package}.{exercise}.{kind}"):
        try:
            names |= vars(importlib.import_module(name))
        except ModuleNotFoundError as error:
            if not name.startswith(str(error.name)):  # it is there, and imports what is missing
                raise
    return {name: value for name, value in names.items() if not name.startswith("__")}
