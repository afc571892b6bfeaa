"""Run everything that CI runs, and say at the end what passed, what failed, what was skipped.

    python -m tools.project.check [STEP...]    all steps, or those named:
                                       lint types tests exercises book paper replay

A step that fails does not stop the others, unless they need its result.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import nbformat

from tools.notebooks import execution
from tools.paper import browser, paper
from tools.project import book, changed

ROOT = execution.ROOT
TEST = ROOT / "_build" / "test"  # apart from the reader's book
HTML = TEST / "html"
# tests that read what is built in a later step
READ_BOOK = ("book", "figures", "reading", "live", "paper")
NEED_BOOK = [f"--ignore=tests/book/test_{name}.py" for name in READ_BOOK]
CODE = ("bnlib", "bncourse", "bncheck")
EXECUTED = TEST / "executed"
RESULTS = TEST / "results"  # fresh: a replay must not read what the first run has measured


class Skips:
    """What pytest skipped, by reason, and the seconds of each file, from its reports."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}
        self.passed = 0
        self.seconds: dict[str, float] = {}

    def read(self, report: Path) -> None:
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            file = f"{(case.get('classname') or '').replace('.', '/')}.py"
            self.seconds[file] = self.seconds.get(file, 0.0) + float(case.get("time") or 0)
            skipped = case.find("skipped")
            if skipped is not None:
                name = f"{case.get('classname')}::{case.get('name')}"
                self.found.setdefault(skipped.get("message") or "no reason given", []).append(name)
            elif case.find("failure") is None and case.find("error") is None:
                self.passed += 1


SKIPS = Skips()


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> bool:
    print("$ " + " ".join(command), flush=True)
    env = {**os.environ, **(environment or {})}
    return subprocess.run(command, cwd=ROOT, env=env).returncode == 0


def pytest(
    name: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> bool:
    report = TEST / f"{name}.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *arguments]
    ok = run(command, environment)
    if report.exists():
        SKIPS.read(report)
    return ok


def nbval(name: str, notebooks: Sequence[Path], arguments: Sequence[str]) -> bool:
    """Execute notebooks again; what their cells show must be what is stored."""
    environment = execution.kernel_environment(ROOT, RESULTS)
    common = ["-c", "tools/notebooks/replay.ini", f"--rootdir={ROOT}"]
    return pytest(name, [*common, *arguments, *map(str, notebooks)], environment)


def lint() -> bool:
    ruff = [sys.executable, "-m", "ruff"]
    results = [run([*ruff, "check", "."]), run([*ruff, "format", "--check", "."])]
    return all(results)


def types() -> bool:
    return run([sys.executable, "-m", "mypy"])


def tests() -> bool:
    """Unit and property tests, and the examples in docstrings."""
    arguments = ["tests", *CODE, *NEED_BOOK, "-n", "2", "--dist", "loadfile"]
    return pytest("tests", arguments, {"OMP_NUM_THREADS": "1"})


def exercises() -> bool:
    """Execute the solutions of the exercises: each check must say what is stored with it."""
    folder = TEST / "solutions"  # copies: a run writes nothing beside the sources
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "exercises" / "solutions", folder)
    return nbval("exercises", sorted(folder.glob("*.ipynb")), ["-n", "2", "--dist", "loadfile"])


def make_book() -> bool:
    """The book from fresh doctrees in a folder of its own, then the tests that read it."""
    shutil.rmtree(HTML, ignore_errors=True)
    if book.build(ROOT, TEST, always=True) != 0:
        return False
    execution.export(ROOT, execution.chapters(ROOT), EXECUTED)
    site = {"BNCOURSE_BOOK": str(TEST), "OMP_NUM_THREADS": "1"}
    passed = [pytest("book", ["tests/book/test_book.py", "tests/book/test_figures.py"], site)]
    passed.append(
        # in a browser: it waits a lot
        pytest("reading", ["tests/book/test_reading.py", "-n", "3", "--dist", "loadfile"], site)
    )
    live, verdicts = "tests/book/test_live.py", "every_verdict"
    two = ["-n", "2", "--dist", "loadfile"]
    passed.append(pytest("verdicts", [live, "-k", verdicts, *two], site))
    # alone, since its checks have limits
    passed.append(pytest("live", [live, "-k", f"not {verdicts}"], site))
    return all(passed)


def make_paper() -> bool:
    """The printed book and the ePub of the site that the step book has built, and their tests."""
    kinds = ["epub"]
    try:
        browser.find()
        kinds.append("pdf")
    except browser.NoBrowser as error:
        (TEST / "batch-normalization.pdf").unlink(missing_ok=True)
        print(f"no PDF, its tests are skipped: {error}")
    if any(paper.build(kind, ROOT, TEST) != 0 for kind in kinds):
        return False
    return pytest("paper", ["tests/book/test_paper.py"], {"BNCOURSE_BOOK": str(TEST)})


def unexecuted(notebook: Path) -> int:
    """How many code cells hold no result of an execution: nbval would let them pass."""
    cells = nbformat.read(notebook, as_version=4).cells
    return sum(c.cell_type == "code" and c.execution_count is None for c in cells)


def replay() -> bool:
    """Execute the chapters again from nothing; every text must be what it was the first time."""
    wanted = [path.name for path in execution.chapters(ROOT) if path.parent.name != "solutions"]
    notebooks = [EXECUTED / name for name in wanted]
    if not notebooks or not all(path.exists() for path in notebooks):
        print(f"nothing to replay: need the executed chapters in {EXECUTED}: run the step book")
        return False
    empty = [path.name for path in notebooks if unexecuted(path)]
    if empty:
        print(f"cells without an execution count, nothing to compare with: {', '.join(empty)}")
        return False
    shutil.rmtree(RESULTS, ignore_errors=True)
    last = [path for path in notebooks if path.stem in execution.LAST]
    others = [path for path in notebooks if path not in last]
    groups = [("replay", others, ["-n", "2", "--dist", "loadfile"]), ("replay-last", last, [])]
    passed = [nbval(name, paths, extra) for name, paths, extra in groups if paths]
    return all(passed)


STEPS: dict[str, Callable[[], bool]] = {
    "lint": lint,
    "types": types,
    "tests": tests,
    "exercises": exercises,
    "book": make_book,
    "paper": make_paper,
    "replay": replay,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Run everything that CI runs.")
    parser.add_argument("steps", nargs="*", help=f"of {', '.join(STEPS)}; default: all")
    names = parser.parse_args().steps or list(STEPS)
    if unknown := set(names) - set(STEPS):
        parser.error(f"need steps of {', '.join(STEPS)}, got {', '.join(sorted(unknown))}")
    TEST.mkdir(parents=True, exist_ok=True)
    lines, failed = [], False
    for name in names:
        print(f"\n== {name}", flush=True)
        start = time.perf_counter()
        ok = STEPS[name]()
        failed |= not ok
        seconds = time.perf_counter() - start
        lines.append(f"{name:8} {'passed' if ok else 'FAILED'} {seconds:7.1f} s")
    print("\n== summary\n" + "\n".join(lines))
    known = json.loads(changed.DURATIONS.read_text()) if changed.DURATIONS.exists() else {}
    changed.DURATIONS.write_text(json.dumps(known | SKIPS.seconds, indent=1, sort_keys=True))
    print(f"tests passed: {SKIPS.passed}, skipped: {sum(map(len, SKIPS.found.values()))}")
    for reason, names in SKIPS.found.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        print(f"  skipped {names[0]}{more}: {reason}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
