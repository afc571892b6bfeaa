"""The same judge on Gradescope: an archive for its autograder, and results in its format.

Format: Gradescope's autograder specification (setup.sh, run_autograder, results.json).
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import bncheck
from bncheck.course import Course
from bncheck.grading.results.records import STATES, Grade

ROOT = Path(bncheck.__file__).resolve().parent.parent
FILES = ("pyproject.toml", "constraints.txt", "README.md", "LICENSE", "tools/project/install.py")
MOMENT = (2026, 1, 1, 0, 0, 0)  # of every file: the same archive for the same course

SETUP = """#!/usr/bin/env bash
# Install what the judge needs.  Runs once, when Gradescope builds the image.
set -euo pipefail
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv bubblewrap
cd /autograder/source/course
python3 tools/project/install.py course
chmod -R go-rwx /autograder/source
"""
RUN = """#!/usr/bin/env bash
# Grade the submission in /autograder/submission.  Runs once for each submission.
set -euo pipefail
cd /autograder/source/course
.venv/bin/python -m bncheck gradescope-results /autograder/submission \\
  --out /autograder/results/results.json --exercise {exercise} --seed {seed}
"""


def make_archive(target: Path, course: Course, exercise: str, seed: int, root: Path = ROOT) -> None:
    """Write the autograder's archive.

    Raises ValueError where the course's files are not at hand (an installed course has only its
    packages), and UnknownQuestion for an unknown exercise.
    """
    course.load(exercise)
    missing = [name for name in FILES if not (root / name).is_file()]
    if missing:
        raise ValueError(
            f"need {', '.join(missing)} next to bncheck, not all are in {root}: run this in a "
            "checkout of the course"
        )
    contents = {"setup.sh": SETUP, "run_autograder": RUN.format(exercise=exercise, seed=seed)}
    part = target.with_name(target.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in contents.items():
            _add(archive, name, text.encode(), executable=True)
        homes = ["bncheck", course.package.replace(".", "/"), *course.ready_made.packages]
        code = [p for home in homes for p in sorted((root / home).rglob("*")) if p.is_file()]
        for path in [*(root / name for name in FILES), *code]:
            if "__pycache__" not in path.parts:
                name = f"course/{path.relative_to(root).as_posix()}"
                _add(archive, name, path.read_bytes(), executable=False)
    part.replace(target)


def _add(archive: zipfile.ZipFile, name: str, content: bytes, *, executable: bool) -> None:
    entry = zipfile.ZipInfo(name, MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    archive.writestr(entry, content)


def results(grade: Grade) -> dict[str, Any]:
    """A grade in Gradescope's format: a test per question, visible to the learner."""
    tests = [
        {
            "name": f"{answer.question}: {answer.title}",
            "score": answer.points,
            "max_score": answer.out_of,
            "status": "passed" if answer.state == "passed" else "failed",
            "output": _output([advice.text for advice in answer.advice], answer.example),
        }
        for answer in grade.answers
    ]
    said = [f"{grade.state}: {STATES[grade.state]}", *grade.notes]
    return {"score": grade.points, "output": "\n".join(said), "tests": tests}


def _output(advice: list[str], example: str) -> str:
    shown = f"\nThe smallest example that shows it:\n{example}" if example else ""
    return "\n".join(advice) + shown


def to_json(grade: Grade) -> str:
    """results.json as text."""
    return json.dumps(results(grade), indent=1, ensure_ascii=False) + "\n"
