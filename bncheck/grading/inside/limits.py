"""What a submission may use: time, memory, processes, files, output."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Bounds on one submission.  Times are wall time in seconds, sizes are bytes.

    cell, submission: one cell; everything of one session.  A probe brings its own time.
    grace: how long after a limit the worker may still say so by itself before it is killed.
    start: until a worker, or the warm process, must have reported.
    memory: on top of what the warm process takes.  tasks: threads (new processes are refused).
    file, scratch: one file; all files together.  files: open at once.
    printed: characters kept of what a cell prints.  message: one answer of the worker.
    """

    cell: float = 20.0
    submission: float = 120.0
    grace: float = 2.0
    start: float = 60.0
    memory: int = 2048 * MIB
    tasks: int = 64
    file: int = 32 * MIB
    scratch: int = 64 * MIB
    files: int = 128
    printed: int = 10_000
    message: int = 16 * MIB

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise ValueError(f"the limit {name!r} must be above 0, got {value}: choose another")

    def to_json(self) -> dict[str, Any]:
        """As what Limits(**...) takes."""
        return asdict(self)
