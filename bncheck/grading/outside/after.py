"""The commands on what is graded: they execute nothing, and take a second."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bncheck.grading.results.changes import changes, changes_table, in_short
from bncheck.grading.results.classpage import class_page
from bncheck.grading.results.feedback import page
from bncheck.grading.results.files import Folder, write
from bncheck.grading.results.gradebooks import blank, fill, read_export
from bncheck.grading.results.marks import marks, marks_table
from bncheck.grading.results.policy import Policy, read_policy
from bncheck.grading.results.records import Grade
from bncheck.grading.results.shards import merge


def gradebook(arguments: Sequence[str]) -> None:
    """Marks by a policy: marks.csv, a gradebook to import, and on each learner's page."""
    made = argparse.ArgumentParser(prog="bncheck gradebook")
    add = made.add_argument
    add("grades", type=Path, help="the folder of a finished run")
    add("--policy", type=Path, help="a file in TOML; by default the last attempt counts as it is")
    add("--into", type=Path, help="Moodle's grading worksheet, or Canvas's gradebook, as exported")
    add("--for", dest="platform", choices=("moodle", "canvas"), help="where there is no export")
    add("--exercise", default="", help="like ex03: which, where several are graded")
    add("--column", default="", help="of Canvas's gradebook; by default the one that says it")
    options = made.parse_args(arguments)
    policy = read_policy(options.policy) if options.policy else Policy()
    export = read_export(options.into) if options.into else None
    folder = Folder.finished(options.grades)
    grades = folder.grades()
    found = marks(grades, policy, export.late() if export else None)
    counts = {one.grade.id: one for one in found}
    filled = ""
    if export or options.platform:
        export = export or blank(options.platform, found)
        filled, look = fill(export, found, policy, options.exercise, options.column)
        for line in look:
            print(f"look at {line}", file=sys.stderr)
    for grade in grades:
        mark, steps = "Another attempt counts", tuple[str, ...]()
        if one := counts.get(grade.id):
            mark, steps = one.open or f"{one.points:g} of {one.out_of:g} points", one.steps
        write(folder.feedback / f"{grade.id}.html", page(grade, mark, steps))
    write(folder.path / "marks.csv", marks_table(found, policy))
    print(folder.path / "marks.csv")
    if filled:
        write(folder.path / "gradebook.csv", filled)
        print(f"{folder.path / 'gradebook.csv'}: import it")


def what_changed(arguments: Sequence[str]) -> None:
    """What a second run changed, and for whom."""
    made = argparse.ArgumentParser(prog="bncheck changes")
    made.add_argument("before", type=Path, help="the folder of the earlier run")
    made.add_argument("after", type=Path, help="the folder of the later run")
    options = made.parse_args(arguments)
    folder = Folder.finished(options.after)
    after = folder.grades()
    found = changes(Folder.finished(options.before).grades(), after)
    write(folder.path / "changes.csv", changes_table(found))
    print(f"{in_short(found, len(after))}\n{folder.path / 'changes.csv'}")


def about_class(arguments: Sequence[str]) -> None:
    """What the class does not understand, also over several runs."""
    made = argparse.ArgumentParser(prog="bncheck class")
    made.add_argument("grades", nargs="+", type=Path, help="folders of runs, the earliest first")
    made.add_argument("--out", type=Path, help="by default class.html in the last folder")
    options = made.parse_args(arguments)
    names = [path.resolve().name for path in options.grades]
    labels = names if len(set(names)) == len(names) else [str(path) for path in options.grades]
    found = [Folder.finished(path).grades() for path in options.grades]
    runs = list(zip(labels, found, strict=True))
    out = options.out or options.grades[-1] / "class.html"
    write(out, class_page(runs))
    print(out)


def put_together(arguments: Sequence[str]) -> None:
    """One run from its parts."""
    made = argparse.ArgumentParser(prog="bncheck merge")
    made.add_argument("parts", nargs="+", type=Path, help="the folders of all parts, in any order")
    made.add_argument("--out", type=Path, required=True, help="folder of the results")
    options = made.parse_args(arguments)
    grades = merge(options.parts, options.out)
    print(f"{in_states(grades)}\n{options.out / 'grades.csv'}")


def in_states(grades: Sequence[Grade]) -> str:
    """How many submissions there are, and in which states."""
    counts = Counter(grade.state for grade in grades)
    states = ", ".join(f"{counts[state]} {state}" for state in sorted(counts))
    return f"{len(grades)} submissions: {states}"
