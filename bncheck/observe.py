"""Run the probes on what a learner wrote, and keep plain values: nothing else of it is trusted.

This module knows neither references nor mistakes: it can run in another process, with tasks that
`to_json` made there, and its observations can be sent back.
"""

from __future__ import annotations

import ast
import copy
import importlib
import linecache
import sysconfig
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bncheck.guard import (
    Forbidden,
    ReadyMade,
    TookTooLong,
    installed_torch,
    no_ready_made,
    quiet,
    time_limit,
)
from bncheck.plain import Plain, bare, from_json, plain, to_json

FOREIGN = (
    str(Path(np.__file__).resolve().parent.parent),  # the installed packages
    str(Path(__file__).resolve().parent),  # bncheck
    sysconfig.get_paths()["stdlib"],
    "<frozen",
)


@dataclass(frozen=True)
class Task:
    """A probe with its inputs made: plain data.  See Probe and Question for the fields."""

    name: str
    code: str
    keep: tuple[str, ...]
    inputs: Mapping[str, Plain]
    seconds: float
    from_scratch: bool
    ready_made: ReadyMade = field(default_factory=ReadyMade)

    def to_json(self) -> dict[str, Any]:
        inputs = {name: to_json(value) for name, value in self.inputs.items()}
        own = {"inputs": inputs, "keep": list(self.keep), "ready_made": self.ready_made.to_json()}
        return vars(self) | own

    @classmethod
    def from_json(cls, sent: Mapping[str, Any]) -> Task:
        inputs = {name: from_json(value) for name, value in sent["inputs"].items()}
        ready_made = ReadyMade.from_json(sent["ready_made"])
        own = {"inputs": inputs, "keep": tuple(sent["keep"]), "ready_made": ready_made}
        return cls(**{**sent, **own})


@dataclass(frozen=True)
class Failure:
    """How a probe ended early.

    kind: "raised", "not done" (NotImplementedError), "too long", "forbidden", "exit".
    type, message: of the exception; call: the statement of the probe that was running;
    line: the learner's line that was running, with its number, if there is one.
    """

    kind: str
    type: str
    message: str
    call: str
    line: str


@dataclass(frozen=True, eq=False)
class Observation:
    """What one probe showed: the kept values, the inputs afterwards, how it failed, if it did."""

    values: Mapping[str, Plain] = field(default_factory=dict)
    inputs: Mapping[str, Plain] = field(default_factory=dict)
    failure: Failure | None = None
    printed: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "values": {name: to_json(value) for name, value in self.values.items()},
            "inputs": {name: to_json(value) for name, value in self.inputs.items()},
            "failure": vars(self.failure) if self.failure else None,
            "printed": self.printed,
        }

    @classmethod
    def from_json(cls, sent: Mapping[str, Any]) -> Observation:
        return cls(
            {str(name): from_json(value) for name, value in sent["values"].items()},
            {str(name): from_json(value) for name, value in sent["inputs"].items()},
            Failure(**{key: str(v) for key, v in sent["failure"].items()})
            if sent["failure"]
            else None,
            str(sent["printed"]),
        )


def observe(names: Mapping[str, Any], tasks: Sequence[Task]) -> list[Observation]:
    """Run the tasks on the learner's `names`.  After one that takes too long, no more are run."""
    if any("optim" in task.code for task in tasks):
        # an optimizer's first step does so, and it takes seconds, which are not the learner's
        importlib.import_module("torch._dynamo")

    seen: list[Observation] = []
    for task in tasks:
        seen.append(_run(names, task))
        failure = seen[-1].failure
        if failure and failure.kind == "too long":
            break
    return seen


def _run(names: Mapping[str, Any], task: Task) -> Observation:
    inputs = {name: _fresh(value) for name, value in task.inputs.items()}
    space: dict[str, Any] = {"np": np, "torch": installed_torch(), **inputs, **names}
    values: dict[str, Plain] = {}
    failure = None
    step = ""
    called: list[str] = []
    with quiet() as printed:
        try:
            forbidden = task.ready_made if task.from_scratch else None
            with time_limit(task.seconds), no_ready_made(forbidden) as called:
                for node in ast.parse(task.code).body:
                    step = ast.unparse(node)
                    single = ast.Module([node], type_ignores=[])
                    exec(compile(single, f"<{task.name}>", "exec"), space)
                for expression in task.keep:
                    step = expression
                    values[expression] = plain(eval(expression, space))
        except KeyboardInterrupt:
            raise  # the user's own
        except BaseException as error:
            failure = _failure(error, step, task.ready_made)
    if called and not (failure and failure.kind == "forbidden"):
        failure = Failure("forbidden", "Forbidden", called[0], step, "")
    after = {name: plain(value) for name, value in inputs.items()}
    return Observation(values, after, failure, printed.getvalue())


def _fresh(value: Plain) -> Any:
    """The value of an input, sharing no memory with the task."""
    return copy.deepcopy(bare(value))


def _failure(error: BaseException, step: str, ready_made: ReadyMade) -> Failure:
    kinds: dict[type[BaseException], str] = {
        TookTooLong: "too long",
        Forbidden: "forbidden",
        NotImplementedError: "not done",
        SystemExit: "exit",
    }
    kind = next((name for known, name in kinds.items() if isinstance(error, known)), "raised")
    try:
        message = str(error).strip()
    except Exception:
        message = ""
    return Failure(kind, type(error).__name__, message[:1000], step, _own_line(error, ready_made))


def _own_line(error: BaseException, ready_made: ReadyMade) -> str:
    """The innermost line of the learner: neither of a library nor of a probe nor of ours."""
    for frame, number in reversed(list(traceback.walk_tb(error.__traceback__))):
        file = frame.f_code.co_filename
        text = linecache.getline(file, number).strip()
        ours = ready_made.package_of(str(frame.f_globals.get("__name__")))
        if text and not ours and not file.startswith(FOREIGN):
            return f"line {number} of {frame.f_code.co_name}: `{text}`"
    return ""
