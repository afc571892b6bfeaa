"""Marks as the CSV files that the gradebooks of Moodle and Canvas import.

Best into the file that the platform exports: its rows and names stay, and only marks change.

Moodle  the assignment's grading worksheet: matched by `Identifier`, the number in the folders.
        Its import needs the columns Identifier, Grade and Last modified (grade), in English.
Canvas  the gradebook's export: matched by `ID`.  Its import needs Student, ID and Section, and
        takes all columns after them as assignments; so only those that are graded are written.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bncheck.grading.results.files import cell, to_csv
from bncheck.grading.results.marks import Mark, overall
from bncheck.grading.results.policy import Policy

PARTICIPANT = "Participant "
MOODLE = ("Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)")
COMMENTS = "Feedback comments"
SIS = ("SIS User ID", "SIS Login ID")
CANVAS = ("Student", "ID", *SIS, "Integration ID", "Root Account", "Section")
POSSIBLE = "Points Possible"
LATE = re.compile(r"((?:\d+ [a-z]+ ?)+)late")
UNITS = {"year": 365 * 86400, "week": 7 * 86400, "day": 86400, "hour": 3600, "min": 60, "sec": 1}

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Export:
    """A file that a platform exported.  platform: "moodle" or "canvas"."""

    platform: str
    columns: Sequence[str]
    rows: Rows

    def late(self) -> dict[str, timedelta]:
        """By account, how late the work came, as Moodle's column Status says."""
        found = {}
        for row in self.rows if self.platform == "moodle" else ():
            if said := LATE.search(row.get("Status", "")):
                seconds = 0
                for number, unit in re.findall(r"(\d+) ([a-z]+?)s?\b", said[1]):
                    seconds += int(number) * UNITS.get(unit, 0)
                found[_number(row)] = timedelta(seconds=seconds)
        return found


def read_export(path: Path) -> Export:
    """The file that Moodle or Canvas exported.  Raises ValueError where it is neither."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"need a CSV file in UTF-8, got {path}: {error}") from None
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval="")
    columns = list(reader.fieldnames or ())
    rows = [{name: row[name] for name in columns} for row in reader]
    if "Identifier" in columns and "Grade" in columns:
        return Export("moodle", columns, rows)
    if columns[:1] == ["Student"] and {"ID", "Section"} <= set(columns):
        return Export("canvas", columns, rows)
    raise ValueError(
        f"need Moodle's grading worksheet (Identifier, Grade) or Canvas's gradebook (Student, ID, "
        f"Section), got the columns {', '.join(columns) or 'none'} in {path}"
    )


def blank(platform: str, those: Sequence[Mark]) -> Export:
    """What to fill in where there is no export: the learners that the folders name."""
    learners = {one.grade.handed.account: one.grade.learner for one in those}
    if not all(learners):
        names = ", ".join(one.grade.learner for one in those if not one.grade.handed.account)
        raise ValueError(f"the folders do not say the accounts of {names[:200]}: use --into")
    if platform == "moodle":
        rows = [
            {**dict.fromkeys([*MOODLE, COMMENTS], ""), "Identifier": PARTICIPANT + account}
            | {"Full name": cell(name), "Maximum Grade": "100", "Last modified (grade)": "-"}
            for account, name in learners.items()
        ]
        return Export(platform, [*MOODLE, COMMENTS], rows)
    titles = list(dict.fromkeys(one.grade.exercise for one in those if one.grade.exercise))
    columns = ["Student", "ID", "Section", *titles]
    rows = [dict.fromkeys(columns, "") | {"Student": POSSIBLE} | dict.fromkeys(titles, "100")]
    for account, name in learners.items():
        rows.append(dict.fromkeys(columns, "") | {"Student": cell(name), "ID": account})
    return Export(platform, columns, rows)


def fill(
    export: Export, those: Sequence[Mark], policy: Policy, exercise: str = "", column: str = ""
) -> tuple[str, list[str]]:
    """The CSV file to import, and what a person should look at.

    exercise: which, where the marks are of several; column: the name of Canvas's column, where
    its titles do not say the exercise.  Marks that a person must look at first are left empty.
    """
    shorts = list(dict.fromkeys(one.exercise for one in those if one.exercise))
    if exercise and exercise not in shorts:
        raise ValueError(f"need an exercise of {', '.join(shorts)}, got {exercise}")
    wanted = [exercise] if exercise else shorts
    look = [f"{one.grade.learner}: {one.open}" for one in those if one.open]
    by_account: dict[tuple[str, str], Mark] = {}
    for one in those:
        for account in one.grade.handed.account.split():  # of all in a group
            by_account[account, one.exercise] = one
    if export.platform == "moodle":
        text, met = _moodle(export, by_account, wanted, overall(those, policy))
    else:
        text, met = _canvas(export, by_account, wanted, column)
    strangers = {account for account, _ in by_account} - met
    nameless = {one.grade.learner for one in those if not one.grade.handed.account}
    for name in sorted(strangers | nameless):
        look.append(f"{name}: handed in, and is not in the gradebook")
    return text, look


def _number(row: Mapping[str, str]) -> str:
    """Moodle's number of a learner: the digits at the end of the Identifier."""
    found = re.search(r"\d+$", row["Identifier"].strip())
    return found[0] if found else ""


def _moodle(
    export: Export,
    by_account: Mapping[tuple[str, str], Mark],
    wanted: Sequence[str],
    over_all: Mapping[str, float],
) -> tuple[str, set[str]]:
    out, met = [list(export.columns)], set()
    for row in export.rows:
        account = _number(row)
        mine = [by_account[account, short] for short in wanted if (account, short) in by_account]
        if mine:
            met.add(account)
            share = mine[0].share if len(wanted) == 1 else over_all[account]
            most = _most(row.get("Maximum Grade", ""))
            settled = not any(one.open for one in mine)
            row = row | {"Grade": f"{share * most:.2f}" if settled else ""}
            if COMMENTS in export.columns and settled:
                row[COMMENTS] = "\n".join(comment(one) for one in mine)
        out.append([row[name] for name in export.columns])
    return to_csv(out), met


def _most(text: str) -> float:
    """The points that one can have, as a gradebook writes them; 100 where it does not say."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return 100.0


def comment(mark: Mark) -> str:
    """A mark in words, for a field of text that the learner reads."""
    said = [f"{mark.points:g} of {mark.out_of:g} points", *mark.steps]
    for answer in mark.grade.answers:
        named = f": {', '.join(answer.mistakes)}" if answer.mistakes else ""
        said.append(f"{answer.title}: {answer.points} of {answer.out_of}{named}")
    return "\n".join(said)


def _canvas(
    export: Export,
    by_account: Mapping[tuple[str, str], Mark],
    wanted: Sequence[str],
    column: str,
) -> tuple[str, set[str]]:
    titles = [name for name in export.columns if name not in CANVAS]
    chosen = {short: _title(titles, short, column) for short in wanted}
    kept = [name for name in export.columns if name in CANVAS or name in chosen.values()]
    most = {short: 100.0 for short in wanted}
    out, met = [kept], set()
    for row in export.rows:
        row = dict(row)
        for short, title in chosen.items():
            if POSSIBLE in row["Student"]:
                most[short] = _most(row[title])
                continue
            keys = [row[key].strip() for key in ("ID", *SIS) if key in row]
            account = next((key for key in keys if (key, short) in by_account), None)
            if account:
                met.add(account)
                mark = by_account[account, short]
                row[title] = "" if mark.open else f"{mark.share * most[short]:.2f}"
        out.append([row[name] for name in kept])
    return to_csv(out), met


def _title(titles: Sequence[str], short: str, column: str) -> str:
    """The column of an exercise: the one that is named, or that says `ex03` or `Exercise 3`."""
    if column:
        found = [name for name in titles if name == column or name.startswith(f"{column} (")]
    else:
        says = re.compile(rf"\b(ex|exercise) ?0?{int(short[2:])}(?!\d)", re.I)
        found = [name for name in titles if says.search(name)]
    if len(found) != 1:
        raise ValueError(
            f"need one column for {short}, {len(found)} of {', '.join(titles) or 'none'} fit: "
            "name it with --column"
        )
    return found[0]
