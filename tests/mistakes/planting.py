"""Plant a mistake in a copy of a module, and see which laws the copy breaks."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Law = Callable[[ModuleType], None]


@dataclass(frozen=True)
class Mistake:
    """A mistake as an edit of the right source.

    number: its place in the list of common mistakes; name: what was done wrong.
    module: where; edits: pairs of a text that occurs once in its source, and the wrong text.
    symptom: the law that tells this mistake from the others.
    """

    number: int
    name: str
    module: str
    edits: tuple[tuple[str, str], ...]
    symptom: str

    def __str__(self) -> str:
        return f"{self.number:02d} {self.module}: {self.name}"


def wrong_source(module: str, edits: tuple[tuple[str, str], ...]) -> str:
    """The source of a module with the edits made. Each must fit in exactly one place."""
    path = importlib.import_module(module).__file__
    assert path is not None
    source = Path(path).read_text(encoding="utf-8")
    for right, wrong in edits:
        places = source.count(right)
        assert places == 1, f"{module} has {places} places to plant in, want 1, for:\n{right}"
        source = source.replace(right, wrong)
    return source


@contextlib.contextmanager
def planted(
    module: str, edits: tuple[tuple[str, str], ...], dependents: tuple[str, ...] = ()
) -> Iterator[dict[str, ModuleType]]:
    """A copy of a module with the edits made, and copies of the modules that import it.

    dependents: in the order in which they import each other. Until the end of the block the
    copies stand in for the originals wherever an import or pickle looks. Yields them by name.
    """
    sources = {module: wrong_source(module, edits)}
    sources |= {name: wrong_source(name, ()) for name in dependents}
    originals = {name: importlib.import_module(name) for name in sources}
    copies = {}
    try:
        for name, source in sources.items():
            copies[name] = ModuleType(name)
            copies[name].__file__ = originals[name].__file__
            stand_in(name, copies[name])
            exec(compile(source, f"<{name}, with a mistake>", "exec"), copies[name].__dict__)
        yield copies
    finally:
        for name, original in originals.items():
            stand_in(name, original)


def stand_in(name: str, module: ModuleType) -> None:
    """Make `import name` and `from package import name` find this module."""
    sys.modules[name] = module
    package, _, attribute = name.rpartition(".")
    setattr(sys.modules[package], attribute, module)


def laws_of(tests: ModuleType, argument: str) -> dict[str, Law]:
    """The tests of a module that take one argument of this name: they judge any module."""
    return {
        name.removeprefix("test_"): test
        for name, test in vars(tests).items()
        if name.startswith("test_") and list(inspect.signature(test).parameters) == [argument]
    }


def breaks(law: Callable[[Any], None], subject: Any) -> bool:
    """Whether the subject breaks the law, by a failed assertion or by any other error."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("error")
        try:
            law(subject)
        except (Exception, pytest.fail.Exception):  # the latter is no Exception
            return True
    return False
