"""Check one edit: lint, types, and the tests of what was touched.  It says what it did not run.

    python -m tools.project.changed [FILE...]    these files; default: what git says has changed

A test file is run if it imports a changed file, directly or through others, or stands beside it;
the nearest ones first, for about a minute by the seconds that `make test` has noted.  What changed
without being Python is checked by `make preview` and `make test`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tools.notebooks import closure, execution

ROOT = execution.ROOT
DURATIONS = ROOT / "_build" / "durations.json"  # written by tools.project.check
SECONDS = 45.0  # for tests; lint and types take about ten more
UNKNOWN = 5.0  # seconds of a test file that has not been timed
PACKAGES = (*closure.PACKAGES, "tests", "tools")
BUILT = ("book", "figures", "reading", "paper")  # read a site that is built


def changed(root: Path = ROOT) -> list[Path]:
    """What differs from the last commit; where nothing does, what that commit has changed."""

    def git(*arguments: str) -> list[str]:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(
            "\0"
        )

    names = git("diff", "--name-only", "-z", "HEAD")
    names += git("ls-files", "--others", "--exclude-standard", "-z")
    if not any(names):
        names = git("diff", "--name-only", "-z", "HEAD~1")
    return [root / name for name in sorted(filter(None, names))]


def tests_of(files: Iterable[Path], root: Path = ROOT) -> list[Path]:
    """The test files that these files matter to, the nearest first."""
    touched = {path for path in files if path.exists()}
    found = []
    for test in sorted((root / "tests").rglob("test_*.py")):
        needed = closure.closure(root, (), [test], PACKAGES)
        if needed & touched or test.parent in {path.parent for path in touched}:
            found.append(test)
    return sorted(found, key=lambda test: min(distance(test, path, root) for path in touched))


def distance(test: Path, path: Path, root: Path = ROOT) -> int:
    """How far a test stands from a file: 0 is its own, 1 that of a neighbour, 2 any other."""
    place, inside = test.relative_to(root / "tests").parent, path.relative_to(root)
    near = inside.parent in (place, place.parent, Path("tests") / place)
    own = test.stem.removeprefix("test_") in (path.stem, path.parent.name) or test == path
    return 2 - near - (near and own)


def chosen(
    tests: Sequence[Path], seconds: Mapping[str, float], root: Path = ROOT
) -> tuple[list[Path], list[Path]]:
    """Those that fit into SECONDS, in their order, the first in any case; and the rest."""
    run: list[Path] = []
    rest: list[Path] = []
    left = SECONDS
    for test in tests:
        takes = seconds.get(test.relative_to(root).as_posix(), UNKNOWN)
        built = test.parent.name == "book" and test.stem.removeprefix("test_") in BUILT
        if not built and (takes <= left or not run):
            run.append(test)
            left -= takes
        else:
            rest.append(test)
    return run, rest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    files = [path.resolve() for path in parser.parse_args().files] or changed()
    start = time.perf_counter()
    names = [path.relative_to(ROOT).as_posix() for path in files]
    print(f"{len(names)} changed: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}")
    run, rest = chosen(tests_of(files), _durations())
    python = [sys.executable, "-m"]
    commands = [
        [*python, "ruff", "check", "-q", "."],
        [*python, "ruff", "format", "-q", "--check", "."],
        [*python, "tools.notebooks.form", "check"],
        [*python, "mypy"],
    ]
    if run:
        commands.append([*python, "pytest", "-q", "-n", "2", *map(_name, run)])
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    codes = [subprocess.run(command, cwd=ROOT, env=environment).returncode for command in commands]
    for name, code in zip(("lint", "format", "notebooks", "types", "tests"), codes, strict=False):
        print(f"{name:10} {'FAILED' if code else 'passed'}")
    if rest:
        print(f"not run: {' '.join(map(_name, rest))}")
    if any(path.suffix in (".ipynb", ".md", ".css", ".js") for path in files):
        print("not looked at: the pages (make preview CHAPTER=…)")
    print(f"{time.perf_counter() - start:.0f} s; all that CI runs: make test")
    return int(any(codes))


def _durations() -> dict[str, float]:
    return json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    sys.exit(main())
