"""One submission in its worker, seen from the judge: execute, observe, close."""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

from bncheck.grading.inside.limits import Limits
from bncheck.grading.inside.messages import Channel, Damaged, Gone, Late
from bncheck.grading.outside.answers import CellReport, Ended, Seen, cell_report, lost, observation
from bncheck.observe import Observation, Task

TEXT = 10_000
Found = TypeVar("Found")


class Session:
    """A worker with one submission; made by Workers.open.  For one thread.

    ended: why the worker is gone, if it is.  Then cells count as not run, and probes show nothing.
    filtered: whether the kernel refuses it new processes, and signals to others.
    """

    def __init__(self, limits: Limits, channel: Channel, keeper: socket.socket) -> None:
        self.limits = limits
        self.ended: Ended | None = None
        self.filtered = False
        self._channel, self._keeper = channel, keeper
        self._until = time.monotonic() + limits.start + limits.submission
        self._closed = False
        self._after: list[Callable[[], None]] = []

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def on_close(self, call: Callable[[], None]) -> None:
        """Have `call` called once when the session closes."""
        self._after.append(call)

    def begin(self) -> None:
        """Wait until the worker is ready; sets `ended` if it is not."""
        said = self._attempt(lambda: self._channel.receive(self.limits.start), "it does not answer")
        self.filtered = bool(said and said.get("filtered") is True)
        self._until = time.monotonic() + self.limits.submission

    def execute(self, cells: Sequence[str]) -> list[CellReport]:
        """Run the cells in order, in one namespace that stays.  One report per cell."""
        reports = []
        for number, source in enumerate(cells, 1):
            if self.ended or self._closed:
                reports.append(CellReport("not run"))
                continue
            request = {"do": "cell", "source": source, "number": number}
            try:
                answer = self._ask(request, self.limits.cell, f"cell {number}")
            except ValueError as error:  # nothing was sent
                reports.append(CellReport("failed", "TooLarge", str(error)))
                continue
            report = self._checked(cell_report, answer)
            if report is None:
                assert self.ended is not None
                state = "too long" if self.ended.kind == "too long" else "died"
                report = CellReport(state, message=self.ended.detail)
            reports.append(report)
        return reports

    def observe(self, names: Mapping[str, str] | Iterable[str], tasks: Sequence[Task] = ()) -> Seen:
        """Run the probes on what the submission has defined by now.

        names: what the tasks use; or from that to the name in the submission.  Without tasks,
        only the kinds are looked up.
        """
        wanted = dict(names) if isinstance(names, Mapping) else {name: name for name in names}
        kinds: Mapping[str, str] = {}
        seen: list[Observation] = []
        every: Sequence[Task | None] = tasks or [None]
        for task in every:
            if self.ended or self._closed:
                break
            request = {"do": "probe", "names": wanted, "task": task.to_json() if task else None}
            seconds = task.seconds if task else self.limits.cell
            answer = self._ask(request, seconds, f"the probe {task.name!r}" if task else "a look")
            found = self._checked(observation, answer, wanted, task)
            if found is None:
                if task and self.ended:
                    seen.append(lost(self.ended, task))
                break
            kinds, one = found
            if one is None:
                break
            seen.append(one)
            if one.failure and one.failure.kind == "too long":
                break
        return Seen(kinds, tuple(seen), self.ended)

    def close(self) -> None:
        """End the worker and all that it started; returns when they are gone.  May be repeated."""
        if self._closed:
            return
        self._closed = True
        self._channel.close()
        with contextlib.suppress(OSError):
            self._keeper.shutdown(socket.SHUT_WR)
        self._status(self.limits.grace + 3)
        self._keeper.close()
        for call in self._after:
            call()

    def _ask(self, request: dict[str, Any], seconds: float, what: str) -> dict[str, Any] | None:
        """The answer to a request; None, and `ended` is set, where none comes."""
        left = self._until - time.monotonic()
        if left <= 0:
            self._end("too long", f"more than {self.limits.submission:g} s in all")
            return None
        allowed = min(seconds + self.limits.grace, left)
        number = secrets.token_hex(8)

        def talk() -> dict[str, Any]:
            if self._channel.unasked():
                raise Damaged("something arrived that was not asked for")
            begun = time.monotonic()
            self._channel.send(request | {"id": number}, allowed)
            answer = self._channel.receive(allowed - (time.monotonic() - begun))
            if answer.pop("to", None) != number:
                raise Damaged("an answer to another question")
            return answer

        limit = f"{seconds:g} s" if allowed < left else f"{self.limits.submission:g} s in all"
        return self._attempt(talk, f"{what} took more than {limit}")

    def _attempt(self, talk: Callable[[], dict[str, Any]], late: str) -> dict[str, Any] | None:
        try:
            return talk()
        except Late:
            self._end("too long", late)
        except Damaged as error:
            self._end("forged", f"forged or damaged message: {error}")
        except Gone:
            self._end(*self._cause())
        return None

    def _checked(
        self, read: Callable[..., Found], answer: dict[str, Any] | None, *wanted: Any
    ) -> Found | None:
        """What `read` makes of an answer; None, and `ended` is set, where it is no answer."""
        if answer is None:
            return None
        try:
            return read(answer, *wanted)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            self._end("forged", f"forged or damaged message: {str(error)[:200]}")
        return None

    def _end(self, kind: str, detail: str) -> None:
        self.ended = self.ended or Ended(kind, detail)
        self.close()

    def _cause(self) -> tuple[str, str]:
        """Why the worker hung up, by what its keeper says."""
        said = self._status(self.limits.grace)
        if "signal" in said:
            number = said["signal"]
            if number == signal.SIGKILL:
                return "memory", "killed by the system, mostly for want of memory"
            name = signal.Signals(number).name if number in set(signal.Signals) else number
            return "crashed", f"killed by the signal {name}"
        if "exit" in said:
            return "crashed", f"left with exit code {said['exit']}"
        return "crashed", said.get("error", "closed its line to the judge")

    def _status(self, seconds: float) -> dict[str, Any]:
        """What the keeper says about the worker's end, waiting until it is gone itself."""
        deadline, got = time.monotonic() + seconds, b""
        with contextlib.suppress(OSError):
            while len(got) < TEXT:
                self._keeper.settimeout(max(0.001, deadline - time.monotonic()))
                piece = self._keeper.recv(TEXT)
                if not piece:
                    break
                got += piece
        lines = got.decode("utf-8", "replace").splitlines()
        said: dict[str, Any] = {}
        with contextlib.suppress(ValueError):
            said = dict(json.loads(lines[-1])) if lines else {}
        return said if len(lines) < 2 else {"error": lines[0]}
