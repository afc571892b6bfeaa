"""Writing results: each file all or nothing, and never an old one left standing as new."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from bncheck.grading.results.classpage import class_page
from bncheck.grading.results.feedback import page
from bncheck.grading.results.records import Grade
from bncheck.grading.results.summary import summary

MARK = ".bncheck-grades"
FIXED = (
    *("grades.csv", "summary.html", "class.html", "marks.csv", "gradebook.csv", "changes.csv"),
    "shard.json",
)


class Folder:
    """The folder of the results.

    Its feedback folder holds a page and a JSON file per submission; grades.csv and the
    pages about the class are written last, the other tables by later commands.
    Raises ValueError for a folder that holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.feedback = path / "feedback"
        if path.exists() and any(path.iterdir()) and not (path / MARK).exists():
            raise ValueError(
                f"need an empty folder, or one of an earlier run, got {path}: name another --out"
            )
        self.feedback.mkdir(parents=True, exist_ok=True)
        (path / MARK).touch()

    @classmethod
    def finished(cls, path: Path) -> Folder:
        """The folder of a finished run.  Raises ValueError where there is none."""
        if not (path / "grades.csv").is_file():
            raise ValueError(
                f"need the folder of a finished run, with grades.csv in it, got {path}"
            )
        return cls(path)

    def clear(self, *, keep_feedback: bool) -> None:
        """Remove what an earlier run has written; with `keep_feedback` only what sums it up."""
        for name in FIXED:
            (self.path / name).unlink(missing_ok=True)
        if not keep_feedback:
            for old in [*self.feedback.glob("*.html"), *self.feedback.glob("*.json")]:
                old.unlink()

    def read(self, name: str) -> Grade:
        """The grade of a submission.  Raises ValueError where there is none."""
        try:
            record = json.loads((self.feedback / f"{name}.json").read_text(encoding="utf-8"))
            return Grade.from_json(record)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"need the grade of {name} in {self.path}: {error!r}") from None

    def known(self, name: str, key: str) -> Grade | None:
        """The grade of an earlier run, if it was made from the same submission in the same way."""
        try:
            grade = self.read(name)
        except ValueError:
            return None
        return grade if grade.key == key and grade.id == name else None

    def grades(self) -> list[Grade]:
        """The grades of a finished run, in its order.  Raises ValueError for damaged ones."""
        with (self.path / "grades.csv").open(encoding="utf-8", newline="") as handle:
            names = [row["id"].removeprefix("'") for row in csv.DictReader(handle)]
        return [self.read(name) for name in names]

    def write_feedback(self, grade: Grade) -> None:
        """Write the page and, last, the JSON file of a submission.

        They may be lost with the machine's power: what is damaged is graded again.
        """
        record = json.dumps(grade.to_json(), indent=1, ensure_ascii=False) + "\n"
        write(self.feedback / f"{grade.id}.html", page(grade), synced=False)
        write(self.feedback / f"{grade.id}.json", record, synced=False)

    def keep_only(self, names: Iterable[str]) -> None:
        """Remove the feedback of files that are gone."""
        kept = set(names)
        for old in [*self.feedback.glob("*.html"), *self.feedback.glob("*.json")]:
            if old.stem not in kept:
                old.unlink()

    def write_tables(self, grades: Sequence[Grade]) -> None:
        """Write the pages about the class and, last, grades.csv."""
        self.keep_only(grade.id for grade in grades)
        write(self.path / "summary.html", summary(grades))
        write(self.path / "class.html", class_page([("", grades)]))
        write(self.path / "grades.csv", table(grades))


def table(grades: Sequence[Grade]) -> str:
    """The grades as CSV: one row per submission, one column per question that occurs."""
    questions = list(dict.fromkeys(a.question for g in grades for a in g.answers))
    head = ["id", "learner", "file", "exercise", "state", "total", "out_of"]
    rows = [[*head, "account", "attempt", "late", "submitted", *questions, "notes"]]
    for grade in grades:
        points = {answer.question: answer.points for answer in grade.answers}
        first = [grade.id, grade.learner, grade.file, grade.exercise, grade.state]
        how = grade.handed
        handed = [cell(how.account), str(how.attempt), "late" if how.late else "", how.submitted]
        numbers = [str(points.get(question, "")) for question in questions]
        total = [str(grade.points), str(grade.out_of)]
        rows.append([*map(cell, first), *total, *handed, *numbers, cell("; ".join(grade.notes))])
    return to_csv(rows)


def cell(text: str) -> str:
    """A text that a spreadsheet takes as text: learners choose their files' names."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def to_csv(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV text."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def write(path: Path, text: str, *, synced: bool = True) -> None:
    """Replace a file, all or nothing.  synced: wait until it is on the disk."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as handle:
        handle.write(text)
        handle.flush()
        if synced:
            os.fsync(handle.fileno())
    part.replace(path)
