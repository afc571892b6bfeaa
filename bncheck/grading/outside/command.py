"""The command line.

bncheck grade SUBMISSIONS... --out grades/     grade a class
bncheck merge PARTS... --out grades/           one run from parts graded with --shard
bncheck gradebook grades/ --into EXPORT.csv    marks by a policy, as CSV for Moodle or Canvas
bncheck changes BEFORE/ AFTER/                 what another run changed, and for whom
bncheck class GRADES/...                       what the class does not understand
bncheck gradescope-zip ZIP --exercise ex03     make an autograder for Gradescope
bncheck gradescope-results FOLDER --out JSON   what this autograder runs
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bncheck.course import UnknownQuestion, installed
from bncheck.grading.inside.limits import MIB, Limits
from bncheck.grading.outside.after import (
    about_class,
    gradebook,
    in_states,
    put_together,
    what_changed,
)
from bncheck.grading.outside.cluster import Cluster, Order
from bncheck.grading.outside.engines import Local
from bncheck.grading.outside.grade import run_digest
from bncheck.grading.outside.run import Run, Settings
from bncheck.grading.outside.submissions import find
from bncheck.grading.outside.workers import NoWorkers, Workers
from bncheck.grading.results.files import Folder, write
from bncheck.grading.results.gradescope import make_archive, to_json
from bncheck.grading.results.records import Grade
from bncheck.grading.results.shards import Shard, write_shard

DONE, BAD_CALL, INTERRUPTED = 0, 2, 130
COURSE = "whose exercises: a name, or module:object; by default the one that is installed"


def parser() -> argparse.ArgumentParser:
    """The options, with their help."""
    limits = Limits()
    made = argparse.ArgumentParser(
        prog="bncheck grade",
        description="Grade notebooks of the exercises, without trusting them.",
        epilog="Exit code 0: every submission has a row in grades.csv, whatever its state.",
    )
    add = made.add_argument
    add("submissions", nargs="+", type=Path, help="notebooks, folders or zip files")
    add("--out", type=Path, default=Path("grades"), help="folder of the results (grades)")
    add("--course", help=COURSE)
    add("--seed", type=int, default=0, help="of the probes' inputs; keep it secret if you like (0)")
    add("--exercise", help="like ex03; by default each notebook says it by itself")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="submissions at once (all cores)")
    add("--resume", action="store_true", help="keep the grades of an interrupted run")
    add("--shard", help="like 3/20: grade the third of 20 parts, for bncheck merge")
    add("--dask", metavar="ADDRESS", help="of a scheduler, whose workers grade; --jobs is theirs")
    add("--require-sandbox", action="store_true", help="refuse to grade without bubblewrap")
    add("--cell-seconds", type=float, default=limits.cell, help=f"per cell ({limits.cell:g})")
    add("--seconds", type=float, default=limits.submission, help=f"in all ({limits.submission:g})")
    add("--memory", type=int, default=limits.memory // MIB, help="MiB per submission (2048)")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if not given or given[0] not in COMMANDS:
            raise ValueError(
                f"need a command of {', '.join(COMMANDS)}, got {' '.join(given[:1])!r}"
            )
        COMMANDS[given[0]](given[1:])
        return DONE
    except (ValueError, UnknownQuestion, NoWorkers) as error:
        print(f"bncheck: {error}", file=sys.stderr)
        return BAD_CALL
    except KeyboardInterrupt:
        print("\ninterrupted: go on with --resume", file=sys.stderr)
        return INTERRUPTED


def grade_class(arguments: Sequence[str]) -> None:
    """Grade files and folders, and write the tables and the feedback."""
    options = parser().parse_args(arguments)
    if options.seed < 0 or options.jobs < 1:
        raise ValueError("need --seed >= 0 and --jobs >= 1")
    limits = Limits(
        cell=options.cell_seconds, submission=options.seconds, memory=options.memory * MIB
    )
    shard = Shard.parse(options.shard) if options.shard else None
    every = find(options.submissions)
    if not every:
        raise ValueError("need notebooks, got folders without files")
    found = [every[place] for place in shard.places(len(every))] if shard else every
    folder = Folder(options.out)
    settings = Settings(options.seed, options.exercise, options.resume)
    course = installed(options.course)
    sandbox = "require" if options.require_sandbox else "auto"
    if options.dask:
        digest = run_digest(course, options.seed, limits, options.exercise)
        order = Order(options.course, limits, sandbox, options.seed, options.exercise, digest)
        run = Run(Cluster(options.dask, order, warn), folder, settings)
        grades = run.grade_all(found, show)
    else:
        with Workers(course, limits, sandbox) as workers:
            warn(workers.warning)
            run = Run(Local(workers, options.seed, options.jobs), folder, settings)
            grades = run.grade_all(found, show)
    if shard:
        write_shard(folder, shard, [one.id for one in every], run.digest)
        print(f"part {options.shard}, {in_states(grades)}\n{options.out}: for bncheck merge")
    else:
        folder.write_tables(grades)
        print(f"{in_states(grades)}\n{options.out / 'grades.csv'}")


def gradescope_zip(arguments: Sequence[str]) -> None:
    """Write the archive that Gradescope takes as an autograder."""
    made = argparse.ArgumentParser(prog="bncheck gradescope-zip")
    made.add_argument("zip", type=Path, help="the archive to write")
    made.add_argument("--exercise", required=True, help="like ex03")
    made.add_argument("--course", help=COURSE)
    made.add_argument("--seed", type=int, default=0, help="of the probes' inputs (0)")
    options = made.parse_args(arguments)
    make_archive(options.zip, installed(options.course), options.exercise, options.seed)
    print(f"{options.zip}: upload it as the autograder of {options.exercise}")


def gradescope_results(arguments: Sequence[str]) -> None:
    """Grade one submission, and write the result in Gradescope's format."""
    made = argparse.ArgumentParser(prog="bncheck gradescope-results")
    made.add_argument("submission", type=Path, help="the folder with the notebook")
    made.add_argument("--out", type=Path, required=True, help="results.json")
    made.add_argument("--exercise", required=True, help="like ex03")
    made.add_argument("--course", help=COURSE)
    made.add_argument("--seed", type=int, default=0, help="of the probes' inputs (0)")
    options = made.parse_args(arguments)
    found = find([options.submission])
    notebooks = [one for one in found if one.file.name.endswith(".ipynb")] or found
    if not notebooks:
        raise ValueError(f"need a notebook, got an empty folder: {options.submission}")
    with TemporaryDirectory() as scratch, Workers(installed(options.course)) as workers:
        warn(workers.warning)
        settings = Settings(options.seed, options.exercise)
        run = Run(Local(workers, options.seed, jobs=1), Folder(Path(scratch)), settings)
        grade = run.grade_all(notebooks[:1], show)[0]
    write(options.out, to_json(grade))


def warn(warning: str) -> None:
    """Say so where submissions are not shut in."""
    if warning:
        print(f"warning: {warning}", file=sys.stderr)


def show(done: int, total: int, grade: Grade) -> None:
    """The progress: a bar in a terminal, else a line for each tenth."""
    if sys.stderr.isatty():
        filled = 40 * done // total
        bar = "#" * filled + "." * (40 - filled)
        end = "\n" if done == total else ""
        print(f"\r[{bar}] {done}/{total} {grade.id[:30]:30}", end=end, file=sys.stderr, flush=True)
    elif done == total or done * 10 // total > (done - 1) * 10 // total:
        print(f"{done}/{total}", file=sys.stderr, flush=True)


COMMANDS = {
    "grade": grade_class,
    "gradebook": gradebook,
    "changes": what_changed,
    "class": about_class,
    "merge": put_together,
    "gradescope-zip": gradescope_zip,
    "gradescope-results": gradescope_results,
}
