"""What a worker's answers say, believed only in form: reports on cells, observations of probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bncheck.observe import Failure, Observation, Task

STATES = ("ok", "failed", "too long", "memory")
KINDS = ("missing", "undone", "class", "callable", "value")
FAILURES = ("raised", "not done", "too long", "forbidden", "exit")
TEXT = 10_000


@dataclass(frozen=True)
class Ended:
    """Why a worker is gone before its time.

    kind: "too long", "memory" (killed by the system, mostly for memory), "crashed", or "forged"
    (what it sent was no answer).  detail: a phrase.
    """

    kind: str
    detail: str


@dataclass(frozen=True)
class CellReport:
    """What became of a cell.

    state: "ok", "failed", "too long", "memory" (an error for want of it), "died" (the worker
    ended in it) or "not run".  type, message: of the error, as the submission gave them; for
    an "ok" cell of a run without ready-made normalisation, "Forbidden" where a statement that
    called it was left out.  line, text: where in the cell.  printed: the beginning of what the
    cell printed.  done: how many of its statements came to their end.
    """

    state: str
    type: str = ""
    message: str = ""
    line: int | None = None
    text: str = ""
    printed: str = ""
    done: int = 0


@dataclass(frozen=True)
class Seen:
    """What the probes showed.

    kinds: for each name "missing", "undone" (still `...`), "class", "callable" or "value".
    observations: one per task, ending with the first that took too long or ended the worker;
    none if a name is missing or undone.  ended: set if the worker is gone.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    observations: Sequence[Observation] = ()
    ended: Ended | None = None

    @property
    def complete(self) -> bool:
        """Whether all names are there to be judged."""
        return bool(self.kinds) and not {"missing", "undone"} & set(self.kinds.values())


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"need a text, got {type(value).__name__}")
    return value[:TEXT]


def _one_of(value: Any, known: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"need one of {', '.join(known)}, got another")
    return value


def cell_report(answer: Mapping[str, Any]) -> CellReport:
    """The report in an answer.  Raises ValueError or KeyError where there is none."""
    if "too large" in answer:
        return CellReport("failed", "TooLarge", _text(answer["too large"]))
    line = answer["line"]
    if line is not None and type(line) is not int:
        raise ValueError(f"need the number of a line, got {type(line).__name__}")
    if type(done := answer["done"]) is not int:
        raise ValueError(f"need a number of statements, got {type(done).__name__}")
    return CellReport(
        _one_of(answer["state"], STATES),
        _text(answer["type"]),
        _text(answer["message"]),
        line,
        _text(answer["text"]),
        _text(answer["printed"]),
        max(0, done),
    )


def observation(
    answer: Mapping[str, Any], wanted: Mapping[str, str], task: Task | None
) -> tuple[dict[str, str], Observation | None]:
    """The kinds and the observation in an answer, if it answers this task.

    Raises ValueError, KeyError, TypeError or AttributeError where it does not.
    """
    if task and "too large" in answer:
        said = _text(answer["too large"])
        return dict.fromkeys(wanted, "value"), Observation(
            failure=Failure("raised", "TooLarge", said, task.code, "")
        )
    kinds = {name: _one_of(answer["kinds"][name], KINDS) for name in wanted}
    absent = bool({"missing", "undone"} & set(kinds.values()))
    if task is None or absent:
        return kinds, None
    seen = Observation.from_json(answer["observation"])
    failure = seen.failure
    if failure is None and set(seen.values) != set(task.keep):
        raise ValueError(f"need the values {', '.join(task.keep)}, got others")
    if not set(seen.values) <= set(task.keep):
        raise ValueError(f"need values among {', '.join(task.keep)}, got others")
    if set(seen.inputs) != set(task.inputs) and not (failure and not seen.inputs):
        raise ValueError("need the inputs of the task back, got others")
    if failure:
        _one_of(failure.kind, FAILURES)
        failure = Failure(**{name: value[:1000] for name, value in vars(failure).items()})
    # An input that did not come back is one that cannot be told to be unchanged
    return kinds, Observation(seen.values, seen.inputs, failure, seen.printed[:TEXT])


def lost(ended: Ended, task: Task) -> Observation:
    """The observation of a probe that ended the worker."""
    kind = "too long" if ended.kind == "too long" else "raised"
    return Observation(failure=Failure(kind, "WorkerEnded", ended.detail, task.code, ""))
