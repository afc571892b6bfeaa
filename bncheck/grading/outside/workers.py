"""The judge's side: starts workers, talks with them, and ends them.

    with Workers(course) as workers:
        with workers.open() as session:
            ran = session.execute(cells)
            seen = session.observe(["batch_norm"], tasks)

Whatever a submission does, each call returns within its limits, and nothing of it is left after
`close`.  A worker that has ended stays ended: open another one and go on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from bncheck.course import Course
from bncheck.grading.inside.limits import Limits
from bncheck.grading.inside.messages import Channel, Damaged, Gone, Late
from bncheck.grading.outside.sandbox import (
    ENVIRONMENT,
    SCRATCH,
    UNBOXED,
    UNFILTERED,
    Start,
    is_root,
    make_folder,
    make_library,
    starts,
)
from bncheck.grading.outside.sessions import Session

MODULES = ("matplotlib.pyplot",)


class NoWorkers(RuntimeError):
    """Workers cannot be started, or not in the sandbox that is required; the message says why."""


class Workers:
    """A warm process, from which a worker for each submission is forked in milliseconds.

    course: whose questions are asked.  limits: of each submission.
    sandbox: "require" bubblewrap, or "auto": use it where it works, or "off".
    modules: what is imported once, for all.
    Sessions may be opened and used in several threads, each session in one.
    sandboxed: whether submissions are shut in.  warning: what it means if not, else "".
    Raises NoWorkers, on entering, where no way to start works.
    """

    def __init__(
        self,
        course: Course,
        limits: Limits | None = None,
        sandbox: str = "auto",
        modules: Sequence[str] = MODULES,
    ) -> None:
        self.course = course
        self.limits = limits or Limits()
        self.sandbox = sandbox
        self.modules = list(modules)
        self._ways = starts(sandbox)
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._control: Channel | None = None
        self._start: Start | None = None
        self._sessions: set[Session] = set()
        self._count = 0
        self._held = -1
        self._filtered = True
        self._problem = ""

    @property
    def sandboxed(self) -> bool:
        """Whether submissions are shut in by bubblewrap."""
        return self._start is not None and self._start.boxed

    @property
    def warning(self) -> str:
        """What it means that submissions are not shut in; empty where they are."""
        if self._start is None:
            return ""
        if not self._filtered:
            return f"{UNFILTERED} {self._unboxed()}".strip()
        return self._unboxed()

    def _unboxed(self) -> str:
        if self.sandboxed:
            return ""
        if self.sandbox == "off":
            return UNBOXED.format(why="it was turned off", way_out="leave it on")
        if not sys.platform.startswith("linux"):
            return UNBOXED.format(why="there is none on this system", way_out="grade on Linux")
        if shutil.which("bwrap") is None:
            return UNBOXED.format(
                why="bubblewrap is not installed", way_out="install the package `bubblewrap`"
            )
        return UNBOXED.format(
            why=f"bubblewrap does not work here ({self._problem})",
            way_out="grade on a machine or in a container that permits user namespaces",
        )

    def __enter__(self) -> Workers:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the warm process: the first way that works.  Raises NoWorkers."""
        if not self._ways:
            raise NoWorkers(
                "need bubblewrap for a sandbox, and it is not installed: install the package "
                "`bubblewrap` (Linux), or grade work that you trust without --require-sandbox"
            )
        self._folder, self._held = make_folder()
        self._problem = ""
        try:
            make_library(self._folder / "library", self.course)
            (self._folder / "scratch").mkdir()
            problems: list[str] = []
            for way in self._ways:
                try:
                    self._launch(way)
                    self._start = way
                    self._try(way)
                    return
                except NoWorkers as error:
                    problems.append(str(error))
                    self._problem = problems[0]
                    self._stop()
            raise NoWorkers(f"no worker could be started: {'; '.join(dict.fromkeys(problems))}")
        except BaseException:
            self.close()
            raise

    def open(self, ready_made: bool = True, limits: Limits | None = None) -> Session:
        """A new worker.  Raises NoWorkers where none can be started any more.

        ready_made: False takes out of it what the course forbids in questions that ask for work
        from scratch.  limits: other ones for this session.
        """
        with self._lock:
            if self._folder is None or self._start is None:
                raise NoWorkers("need started workers: use `with Workers(course) as workers:`")
            for attempt in (1, 2):
                try:
                    session = self._fork(ready_made, limits or self.limits, self._start)
                    break
                except (OSError, Gone, Late) as error:
                    if attempt == 2:
                        raise NoWorkers(f"the warm process does not answer: {error!r}") from None
                    self._stop()
                    self._launch(self._start)
            self._sessions.add(session)
        try:
            session.begin()
        except BaseException:
            session.close()
            raise
        if session.ended:
            session.close()
            raise NoWorkers(f"a worker did not start: {session.ended.detail}")
        return session

    def close(self) -> None:
        """End every worker and the warm process, and remove what they had.  May be repeated."""
        for session in list(self._sessions):
            session.close()
        self._stop()
        self._start = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
            os.close(self._held)

    def _try(self, way: Start) -> None:
        """Open a worker: whether it can be shut in shows only then.  Raises NoWorkers."""
        with self.open() as session:
            self._filtered = session.filtered
        if not (session.filtered or way.boxed or way.user) and is_root():
            raise NoWorkers(
                "as root, and without a sandbox or a filter of system calls, a submission could "
                "end every process of this machine: grade as another user"
            )

    def _launch(self, way: Start) -> None:
        """Start the warm process in this way.  Raises NoWorkers with what it said."""
        assert self._folder is not None
        ours, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as said:
            self._control = Channel(ours, 2**16)
            try:
                self._process = subprocess.Popen(
                    way.command(self._folder, theirs.fileno(), self.course),
                    env=ENVIRONMENT,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
                theirs.close()
                self._control.send({"modules": self.modules} | vars(way), self.limits.start)
                self._control.receive(self.limits.start)
            except (OSError, Gone, Late, Damaged) as error:
                self._stop()
                said.seek(0)
                lines = said.read(100_000).decode("utf-8", "replace").strip().splitlines()
                raise NoWorkers(lines[-1] if lines else repr(error)) from None

    def _fork(self, ready_made: bool, limits: Limits, way: Start) -> Session:
        """Ask the warm process for a keeper and a worker, over two new lines."""
        assert self._control is not None and self._folder is not None
        self._count += 1
        scratch = None
        if not way.boxed:
            scratch = self._folder / "scratch" / str(self._count)
            scratch.mkdir(mode=0o700)
            if way.user is not None:
                os.chown(scratch, way.user, way.user)
        keeper, keepers = socket.socketpair()
        talk, workers = socket.socketpair()
        with keepers, workers:
            session = Session(limits, Channel(talk, limits.message), keeper)
            session.on_close(lambda: self._forget(session, scratch))
            try:
                without = None if ready_made else self.course.ready_made.to_json()
                order = {"without": without, "scratch": str(scratch or SCRATCH)}
                self._control.send(order | {"limits": limits.to_json()}, limits.start)
                lines = [keepers.fileno(), workers.fileno()]
                socket.send_fds(self._control.end, [b"."], lines)
            except BaseException:
                session.close()
                raise
        return session

    def _forget(self, session: Session, scratch: Path | None) -> None:
        self._sessions.discard(session)
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)

    def _stop(self) -> None:
        """End the warm process: it leaves when its line closes, or is killed."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(self.limits.grace + 3)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(OSError):
                    os.killpg(self._process.pid, 9)
                self._process.wait()
            self._process = None
