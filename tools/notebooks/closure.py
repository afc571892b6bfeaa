"""What a piece of code depends on in this repository: the files that it imports, and their data.

Imports are read, not followed at run time: every `import` in every module that is reached counts,
also one inside a function.  Two things are imported by name alone, and have rules of their own: a
package that walks its modules, and a course that loads an exercise.  Too much is better than too
little here: what is missed would leave an old number on a page.
"""

from __future__ import annotations

import ast
import hashlib
import platform
import re
from collections.abc import Container, Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("bnlib", "bncourse", "bncheck", "exercises")
# Names whose import means that all modules below a package are loaded.
WALKS = {"bncourse.experiments.all_experiments": "bncourse.experiments"}
# A course loads an exercise when one of its questions is named; as an object it may load all.
QUESTIONS = "exercises.questions"
WHOLE_COURSE = f"{QUESTIONS}.COURSE"
SHARED = ("inputs.py", "laws.py")
EXERCISE = re.compile(r"""["'](ex\d\d)\b""")
LIBRARIES = (
    *("numpy", "scipy", "torch", "torchvision", "scikit-learn"),
    *("matplotlib", "seaborn", "ipython", "ipykernel"),
)
NO_DATA = {".py", ".pyc", ".toml", ".typed"}


def imported(source: str, packages: Container[str] = PACKAGES) -> set[str]:
    """The dotted names that a source may import from these packages: modules, names in them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.partition(".")[0] in packages}


def closure(
    root: Path,
    names: Iterable[str],
    files: Iterable[Path] = (),
    packages: tuple[str, ...] = PACKAGES,
) -> set[Path]:
    """The files below `root` that importing these names, and running these files, may read.

    packages: what is followed; all others are libraries.
    """
    found, seen, waiting = set(files), set[str](), set(names)
    waiting |= _imports(found, packages)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        new = {_file(root, name)} | (questions(root) if name == WHOLE_COURSE else set())
        added = {path for path in new if path is not None} - found
        found |= added
        waiting |= {
            name.rpartition(".")[0],
            *_below(root, WALKS.get(name)),
            *_imports(added, packages),
        } - {""}
    return found | {data for folder in {p.parent for p in found} for data in _data(folder)}


def of_notebook(root: Path, notebook: Any) -> set[Path]:
    """The files below `root` that a notebook's code cells may load or read."""
    code = "\n".join(_python(c.source) for c in notebook.cells if c.cell_type == "code")
    names = imported(code)
    asks = any(name.startswith(QUESTIONS) for name in names)
    return closure(root, names, questions(root, set(EXERCISE.findall(code))) if asks else ())


def questions(root: Path, shorts: set[str] | None = None) -> set[Path]:
    """The files that hold the questions of these exercises, like `ex03`; by default of all.

    Among them are the modules whose names all questions may use.
    """
    folder = root.joinpath(*QUESTIONS.split("."))
    names = [f"{short}_*" for short in sorted(shorts)] if shorts is not None else ["ex*"]
    tops = {top for name in (*names, *SHARED) for top in folder.glob(name)}
    return {path for top in tops for path in (top, *top.rglob("*")) if _is_source(path)}


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _data(folder: Path) -> list[Path]:
    """What modules of this folder may read beside them."""
    return [p for p in folder.iterdir() if p.is_file() and p.suffix not in NO_DATA]


def _imports(paths: Iterable[Path], packages: tuple[str, ...]) -> set[str]:
    python = [(path, path.stat().st_mtime_ns) for path in paths if path.suffix == ".py"]
    return {name for path, changed in python for name in _imported_by(path, changed, packages)}


@cache
def _imported_by(path: Path, changed: int, packages: tuple[str, ...]) -> frozenset[str]:
    return frozenset(imported(path.read_text(encoding="utf-8"), packages))


def _file(root: Path, name: str) -> Path | None:
    place = root.joinpath(*name.split("."))
    for path in (place / "__init__.py", place.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _below(root: Path, package: str | None) -> Iterator[str]:
    """The names of all modules below a package."""
    if package is not None:
        for path in root.joinpath(*package.split(".")).rglob("*.py"):
            yield ".".join(path.relative_to(root).with_suffix("").parts)


def _python(cell: str) -> str:
    """The cell without IPython's magics, so that it can be parsed."""
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", cell, flags=re.MULTILINE)


def versions() -> str:
    """The versions of Python and of the libraries below the packages."""
    parts = [f"{platform.python_version()} {platform.system()} {platform.machine()}"]
    for library in LIBRARIES:
        try:
            parts.append(f"{library} {metadata.version(library)}")
        except metadata.PackageNotFoundError:
            parts.append(f"{library} none")
    return "\n".join(parts)


def key(root: Path, files: Iterable[Path]) -> str:
    """A hash of these files and of the versions below them."""
    digest = hashlib.sha256(versions().encode())
    for path in sorted(files):
        digest.update(f"\n{path.relative_to(root).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
