"""How many submissions of one exercise are graded per minute, and what costs time and memory.

python benchmarks/bench_grading.py [COUNT]    500 by default

Each class holds copies of a solved notebook.  Local: in the sandbox and without, and with 1 % of
endless loops among them.  Dask: as many workers as cores on this machine, so that the difference
to local is what the scheduler costs.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat

from bncheck.grading.inside.limits import Limits
from bncheck.grading.outside.cluster import Cluster, Order
from bncheck.grading.outside.engines import Engine, Local
from bncheck.grading.outside.grade import run_digest
from bncheck.grading.outside.run import Run, Settings
from bncheck.grading.outside.submissions import find
from bncheck.grading.outside.workers import Workers
from bncheck.grading.results.files import Folder
from bncheck.grading.results.records import Grade
from exercises.questions import COURSE

SOLUTION = Path(__file__).resolve().parent.parent / "exercises/solutions/ex03_mechanism.ipynb"
NAME = "exercises.questions:COURSE"
JOBS = os.cpu_count() or 1
LOOPS = 0.01


def peak_mb() -> float:
    """The peak memory of the judge so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make_class(folder: Path, count: int, loops: int = 0) -> Path:
    """Copies of a solved notebook; in `loops` of them, evenly spread, a cell never ends."""
    folder.mkdir()
    slow = nbformat.read(SOLUTION, as_version=4)
    slow.cells.append(nbformat.v4.new_code_cell("while True:\n    pass"))
    every = count // loops if loops else count + 1
    for number in range(count):
        path = folder / f"learner{number:05d}_ex03.ipynb"
        if number % every == every // 2 and loops:
            nbformat.write(slow, path)
        else:
            shutil.copy(SOLUTION, path)
    return folder


def measure(label: str, engine: Engine, class_: Path, out: Path) -> float:
    """Grade a class, print the rate, and return the seconds it took once all is warm."""
    marks: dict[int, tuple[float, float]] = {}

    def progress(done: int, total: int, grade: Grade) -> None:
        if grade.points != grade.out_of or not grade.out_of:
            raise SystemExit(f"{grade.id}: {grade.state}, {grade.points}/{grade.out_of}")
        if done in (total // 5, total):
            marks[done] = time.perf_counter(), peak_mb()

    Run(engine, Folder(out), Settings()).grade_all(find([class_]), progress)
    (early, (begun, first)), (count, (ended, last)) = sorted(marks.items())
    took = (ended - begun) * count / (count - early)
    print(
        f"{label:28} {60 * count / took:5.0f} per minute, {count} in {took:6.1f} s; peak memory "
        f"here {first:.0f} MB after {early}, {last:.0f} MB after {count}",
        flush=True,
    )
    return took


def local(sandbox: str, run: Callable[[Engine], float]) -> float:
    """Measure with workers of this machine."""
    with Workers(COURSE, Limits(), sandbox) as workers:
        return run(Local(workers, seed=0, jobs=JOBS))


def on_dask(sandbox: str, run: Callable[[Engine], float]) -> float:
    """Measure with a scheduler and workers of this machine."""
    from distributed import LocalCluster

    digest = run_digest(COURSE, 0, Limits(), None)
    order = Order(NAME, Limits(), sandbox, 0, None, digest)
    with LocalCluster(n_workers=JOBS, threads_per_worker=1, dashboard_address=None) as cluster:
        return run(Cluster(cluster.scheduler_address, order, lambda text: None))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    best = "require" if shutil.which("bwrap") else "off"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        solved = make_class(folder / "solved", count)
        slow = make_class(folder / "slow", count, loops=max(1, round(LOOPS * count)))

        def run(label: str, class_: Path) -> Callable[[Engine], float]:
            return lambda engine: measure(label, engine, class_, folder / label.replace(" ", "-"))

        base = local(best, run(f"local, sandbox {best}", solved))
        if best != "off":
            local("off", run("local, sandbox off", solved))
        loops = local(best, run("local, 1 % of endless loops", slow))
        dask = on_dask(best, run("Dask", solved))
    print(f"1 % of endless loops cost {100 * (loops / base - 1):.0f} % more time")
    print(f"Dask costs {100 * (dask / base - 1):.0f} % more time than local")


if __name__ == "__main__":
    main()
