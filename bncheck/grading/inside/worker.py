"""What runs a submission: executes its cells, runs the probes, and answers with plain values.

Everything here shares a process with the submission, which can change all of it.  So the judge
believes nothing of it, but takes the values as what the submission computes.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import inspect
import linecache
import signal
import sys
import traceback
import types
from collections.abc import Mapping, Sequence
from typing import Any

from bncheck.grading.inside.limits import Limits
from bncheck.grading.inside.messages import Channel
from bncheck.guard import Forbidden, Printed, ReadyMade, TookTooLong, time_limit
from bncheck.observe import Failure, Observation, Task, observe

AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
NO_MEMORY = ("can't allocate memory", "not enough memory", "cannot allocate memory")


def serve(channel: Channel, limits: Limits, without: ReadyMade | None, filtered: bool) -> None:
    """Answer the judge until it closes the line: raises Gone then, Damaged for no message.

    without: what to take out before, if anything.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    space = _notebook()
    if without is not None:
        from bncheck.grading.inside import ready_made as taken_out

        taken_out.remove(without)
    channel.send({"ready": True, "filtered": filtered})
    flags = AWAIT
    while True:
        asked = channel.receive()
        if asked["do"] == "cell":
            answer, flags = run_cell(asked["source"], asked["number"], limits, space, flags)
        else:
            answer = probe(asked["names"], asked.get("task"), space)
        try:
            channel.send(answer | {"to": asked["id"]})
        except ValueError as error:
            channel.send({"too large": str(error), "to": asked["id"]})


def _notebook() -> dict[str, Any]:
    """The namespace of a notebook: the module __main__, empty."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    builtins.display = lambda *values, **named: None  # type: ignore[attr-defined]
    return vars(main)


def run_cell(
    source: str, number: int, limits: Limits, space: dict[str, Any], flags: int
) -> tuple[dict[str, Any], int]:
    """Run a cell, one statement after the other, as a notebook would.

    A statement that calls ready-made normalisation where that is taken out is left out; any
    other error ends the cell.  Returns the report, and the compiler's flags for the next cell.
    """
    name = f"<cell {number}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    report: dict[str, Any] = {"state": "ok", "type": "", "message": "", "line": None, "text": ""}
    report["done"] = 0
    printed = Printed()
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            time_limit(limits.cell),
        ):
            for node in compile(source, name, "exec", flags | ast.PyCF_ONLY_AST, True).body:
                code = compile(ast.Module([node], []), name, "exec", flags, True)
                flags |= code.co_flags & _FUTURE
                try:
                    if code.co_flags & inspect.CO_COROUTINE:
                        asyncio.run(eval(code, space))
                    else:
                        exec(code, space)
                except Forbidden as error:
                    report |= {"type": "Forbidden", "message": str(error)[:1000]}
                report["done"] += 1
    except BaseException as error:
        report |= _described(error, name)
    return report | {"printed": printed.getvalue()[: limits.printed]}, flags


def _described(error: BaseException, cell: str) -> dict[str, Any]:
    """How a cell ended early, and on which of its lines."""
    try:
        message = str(error)[:1000]
    except Exception:
        message = ""
    state = "failed"
    if isinstance(error, TookTooLong):
        state = "too long"
    elif isinstance(error, MemoryError) or any(words in message for words in NO_MEMORY):
        state = "memory"
    line = next(
        (
            number
            for frame, number in reversed(list(traceback.walk_tb(error.__traceback__)))
            if frame.f_code.co_filename == cell
        ),
        None,
    )
    if line is None and isinstance(error, SyntaxError):
        line = error.lineno
    text = linecache.getline(cell, line).strip()[:200] if line else ""
    name = type(error).__name__[:100]
    return {"state": state, "type": name, "message": message, "line": line, "text": text}


def probe(
    wanted: Mapping[str, str], sent: Mapping[str, Any] | None, space: Mapping[str, Any]
) -> dict[str, Any]:
    """What kind of thing each wanted name is; and, if all are there, what the task shows.

    wanted: from the name that the task uses to the one in the submission.
    """
    kinds = {own: _kind(space, name) for own, name in wanted.items()}
    if sent is None or {"missing", "undone"} & set(kinds.values()):
        return {"kinds": kinds}
    names = {own: space[name] for own, name in wanted.items()}
    task = Task.from_json(sent)
    try:
        seen: Sequence[Observation] = observe(names, [task])
    except BaseException as error:  # an interrupt that the submission raised itself
        failure = Failure("raised", type(error).__name__, str(error)[:1000], "", "")
        seen = [Observation(failure=failure)]
    return {"kinds": kinds, "observation": seen[0].to_json()}


def _kind(space: Mapping[str, Any], name: str) -> str:
    """missing, undone (still `...`), class, callable, or value."""
    if name not in space:
        return "missing"
    value = space[name]
    if value is ...:
        return "undone"
    if type(value) is type or issubclass(type(value), type):
        return "class"
    return "callable" if callable(value) else "value"


_FUTURE = 0
for _feature in __import__("__future__").all_feature_names:
    _FUTURE |= getattr(__import__("__future__"), _feature).compiler_flag
