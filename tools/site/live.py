"""What pages in which readers solve and run get from the build (see chapters/_static/live).

Questions go to the browser as JSON, a file per exercise, and the engine that checks them as a zip
of Python files.  Part of the Sphinx extension: see extension.py.
"""

from __future__ import annotations

from typing import Any

from bncheck.course import Course
from bncheck.questions.packed import needs, pack

ABSENT = ("torch", "torchvision", "bnlib", "bncourse")  # what a browser does not have


def packed_exercise(course: Course, short: str) -> dict[str, Any]:
    """The questions of an exercise that a page can check."""
    exercise = course.load(short)
    questions = [
        pack(course.bank(f"{short}.{question.name}"), ABSENT)
        for question in exercise.questions
        if not needs(question, ABSENT)
    ]
    return {"name": exercise.name, "questions": questions}
