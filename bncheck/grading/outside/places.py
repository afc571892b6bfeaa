"""How many submissions run at once: slow ones stand beside the others, not before them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

PATIENCE = 3.0  # seconds after which a submission is slow: most take less than one


class Places:
    """Places for `jobs` submissions, and for as many slow ones beside them.

    Limits are of wall time, and an endless loop takes a core until its limit.  So no more than
    twice as many run at once: honest work has at least half a core.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._since: list[float] = []
        self._changed = threading.Condition()

    @property
    def most(self) -> int:
        """How many can run at once."""
        return 2 * self.jobs

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a place, and hold it."""
        with self._changed:
            while not self._room():
                self._changed.wait(PATIENCE / 10)  # others become slow without a sign
            begun = time.monotonic()
            self._since.append(begun)
        try:
            yield
        finally:
            with self._changed:
                self._since.remove(begun)
                self._changed.notify_all()

    def _room(self) -> bool:
        now = time.monotonic()
        quick = sum(now - begun < PATIENCE for begun in self._since)
        return quick < self.jobs and len(self._since) < self.most
