"""How many solved submissions of one exercise are graded per minute, and what memory that takes.

python benchmarks/bench_grading.py [COUNT]    500 by default
"""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bncheck.grading.inside.limits import Limits
from bncheck.grading.outside.run import Run, Settings
from bncheck.grading.outside.submissions import find
from bncheck.grading.outside.workers import Workers
from bncheck.grading.results.files import Folder
from bncheck.grading.results.records import Grade
from exercises.questions import COURSE

SOLUTION = Path(__file__).resolve().parent.parent / "exercises/solutions/ex03_mechanism.ipynb"


def peak_mb() -> float:
    """The peak memory of the judge so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(count: int, folder: Path, sandbox: str) -> None:
    """Grade `count` copies of a solved notebook and print the rate."""
    class_, out = folder / "class", folder / f"grades-{sandbox}"
    class_.mkdir(exist_ok=True)
    for number in range(count):
        shutil.copy(SOLUTION, class_ / f"learner{number:03d}_ex03.ipynb")
    marks: dict[int, float] = {}

    def progress(done: int, total: int, grade: Grade) -> None:
        if grade.state != "graded" or grade.points != grade.out_of:
            raise SystemExit(f"{grade.id}: {grade.state}, {grade.points}/{grade.out_of}")
        if done in (total // 5, total):
            marks[done] = peak_mb()

    start = time.perf_counter()
    with Workers(COURSE, Limits(), sandbox) as workers:
        ready = time.perf_counter()
        Run(workers, Folder(out), Settings()).grade_all(find([class_]), progress)
        ended = time.perf_counter()
    (early, first), (_, last) = sorted(marks.items())
    print(
        f"sandbox {sandbox:8} {count} submissions in {ended - ready:6.1f} s: "
        f"{60 * count / (ended - ready):5.0f} per minute; start-up {ready - start:.1f} s; "
        f"peak memory of the judge {first:.0f} MB after {early}, {last:.0f} MB after {count}"
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as folder:
        for sandbox in ("require", "off") if shutil.which("bwrap") else ("off",):
            measure(count, Path(folder), sandbox)


if __name__ == "__main__":
    main()
