"""A task for tests of the cluster: it runs nothing, and imports little where it starts anew."""

from __future__ import annotations

import os

from bncheck.grading.outside.workers import NoWorkers
from bncheck.grading.results.records import Grade


def quickly(order, job):
    """In place of grade_one: no torch, and what the file's name asks for."""
    name = job.found.id
    if "poison" in name or ("once" in name and not os.path.exists(order.course)):
        if "once" in name:
            open(order.course, "w").close()
        os.kill(os.getpid(), 9)
    if "broken" in name:
        raise TypeError("a fault of the judge")
    if "unable" in name:
        raise NoWorkers("no sandbox")
    name, file = job.found.id, job.found.file.name
    return Grade(
        name, job.found.learner, file, "ex03_mechanism", "graded", key=job.key
    ), "a warning"
