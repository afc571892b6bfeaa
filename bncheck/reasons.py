"""What is wrong with an answer that shows no known mistake: the first law that it breaks."""

from __future__ import annotations

import re

import numpy as np

from bncheck.compare import differences, distance
from bncheck.guard import installed_torch
from bncheck.observe import Failure, Observation, Task
from bncheck.plain import Plain, bare
from bncheck.questions.question import Law, Question

NEAR = 1e-3  # relative: a difference that laws, with limits of their own, may overlook
WORDS = {
    "array": "a NumPy array",
    "tensor": "a torch tensor",
    "number": "a number",
    "bool": "True or False",
    "text": "a text",
    "none": "None",
    "tuple": "a tuple",
    "dict": "a dictionary",
}


def first_reason(question: Question, task: Task, seen: Observation, right: Observation) -> str:
    """The first law that the answer breaks on this probe, in a sentence or two.

    The general laws come first: it runs, it returns the right kind of thing, it leaves its
    arguments alone.  Then the question's own laws.  Then the numbers themselves.
    """
    if seen.failure:
        return failure_reason(seen.failure, task.seconds)
    if seen.values.keys() != right.values.keys() or seen.inputs.keys() != task.inputs.keys():
        return "no result came back for this step."
    for key, value in right.values.items():
        if reason := form_reason(question, key, seen.values[key], value):
            return reason
    for key in task.inputs:
        if distance(seen.inputs[key], right.inputs[key]) > 0:
            return (
                f"your code changes its argument `{key}`: whoever calls it still needs that. "
                "Make a new array instead of writing into this one (`-=`, `[...] =`, `out=`)."
            )
    if reason := nearly(question, seen, right):
        return reason
    for law in question.laws:
        if reason := broken(law, task, seen):
            return reason
    if question.asks_value:
        (own,) = question.names
        if slip := value_reason(seen.values[own], right.values[own], question.tolerance):
            return slip
        return "this is not the answer, and no wrong answer known here: read the section again."
    return (
        located(question, seen, right) or "the numbers differ, and no known mistake explains how."
    )


def located(question: Question, seen: Observation, right: Observation) -> str | None:
    """Which of the values are off, and how, where that can be told from the values alone."""
    pairs = [
        leaf for key, value in right.values.items() for leaf in leaves(key, seen.values[key], value)
    ]
    bad = [leaf for leaf in pairs if distance(*leaf[1:]) > question.tolerance]
    good = [path for path, *leaf in pairs if distance(*leaf) <= question.tolerance]
    if not bad:
        return None
    path, got, wanted = bad[0]
    kind = relation(got, wanted, question.tolerance)
    if kind is None and not good:
        return None
    off = worst(got, wanted, path)
    shown = (
        f"`{off[1]}` is {apart(off[2], off[3])}"
        if off
        else f"`{path}` is {word(got)}, expected {word(wanted)}"
    )
    rest = (
        f" {', '.join(f'`{name}`' for name in good[:3])} {'is' if len(good) == 1 else 'are'} right."
        if good
        else ""
    )
    return f"{f'{kind} (`{path}`): ' if kind else ''}{shown}.{rest}"


def leaves(path: str, got: Plain, right: Plain) -> list[tuple[str, Plain, Plain]]:
    """The parts of a value that hold no parts themselves, each with its place."""
    if got.kind != right.kind or right.kind not in ("tuple", "dict"):
        return [(path, got, right)]
    keys = range(len(right.data)) if right.kind == "tuple" else list(right.data)
    parts = [leaves(f"{path}[{k!r}]", got.data[k], right.data[k]) for k in keys]
    return [leaf for part in parts for leaf in part]


def relation(got: Plain, right: Plain, tolerance: float) -> str | None:
    """What an array has to do with the right one: a factor, a constant, an order, a part of it."""
    if got.kind not in ("array", "tensor") or got.data.size < 2 or got.data.dtype.kind not in "fiu":
        return None
    mine, wanted = got.data.astype(float), right.data.astype(float)
    scale = np.abs(wanted).max()
    if not (np.isfinite(mine).all() and scale > 0 and np.ptp(wanted) > tolerance * scale):
        return None

    def same(one: np.ndarray, other: np.ndarray) -> bool:
        return bool(np.abs(one - other).max() <= tolerance * scale)

    factor = float((mine * wanted).sum() / (wanted**2).sum())
    if factor and same(mine / factor, wanted):
        return (
            "all signs are wrong"
            if abs(factor + 1) < tolerance
            else f"all numbers are {factor:.4g} times what is expected"
        )
    if same(mine - (mine - wanted).mean(), wanted):
        return f"all numbers are off by {(mine - wanted).mean():.4g}"
    if same(np.sort(mine, axis=None), np.sort(wanted, axis=None)):
        return "the right numbers stand in another order"
    wrong = differences(got.data, right.data) > tolerance
    for axis in range(wrong.ndim):
        rows = np.atleast_1d(np.moveaxis(wrong, axis, 0).reshape(wrong.shape[axis], -1).any(axis=1))
        if 0 < rows.sum() <= len(rows) / 2:
            return f"only index {', '.join(map(str, np.flatnonzero(rows)))} of axis {axis} is wrong"
    return None


def nearly(question: Question, seen: Observation, right: Observation) -> str | None:
    """What is off where all numbers are almost right: there the laws' own limits are too wide."""
    if question.asks_value:
        return None
    found = [
        off for key, value in right.values.items() if (off := worst(seen.values[key], value, key))
    ]
    if not found or max(distance(seen.values[k], v) for k, v in right.values.items()) > NEAR:
        return None
    _, where, mine, wanted = max(found, key=lambda off: off[0])
    return (
        f"`{where}` is {apart(mine, wanted)}: nearly right. Look for something small, like an ε "
        "too many, a number cut to float32, or one example too many or too few."
    )


def apart(mine: float, wanted: float) -> str:
    """Two numbers, with as many digits as it takes to see that they differ."""
    shown = ((f"{mine:.{digits}g}", f"{wanted:.{digits}g}") for digits in range(5, 18))
    one, other = next((pair for pair in shown if pair[0] != pair[1]), (repr(mine), repr(wanted)))
    return f"{one}, expected {other}"


def broken(law: Law, task: Task, seen: Observation) -> str | None:
    """What a question's law says of one run; None where it cannot be applied."""
    inputs = {name: bare(value) for name, value in task.inputs.items()}
    values = {key: bare(value) for key, value in seen.values.items()}
    try:
        with np.errstate(all="ignore"):
            return law.broken(inputs, values)
    except (TypeError, ValueError, KeyError, IndexError, ZeroDivisionError):
        return None  # the values have not the form that the law speaks of


def failure_reason(failure: Failure, seconds: float) -> str:
    """Why a probe ended early, with the learner's own line.  seconds: its time limit."""
    at = f"\n  {failure.line}" if failure.line else ""
    call = f"`{failure.call.splitlines()[0] if failure.call else 'the check'}`"
    if failure.kind == "too long":
        return f"{call} does not end within {seconds:g} s: is there a loop that never stops?{at}"
    if failure.kind == "forbidden":
        return (
            f"this question asks you to write it yourself, but your code calls {failure.message}, "
            f"which is the ready-made answer.{at}"
        )
    if failure.kind == "exit":
        return f"{call} calls exit, which would end the notebook: return a result instead.{at}"
    if failure.kind == "not done":
        return f"{call} raises NotImplementedError: this part is not written yet.{at}"
    message = failure.message.rstrip(".")
    own = f"{failure.type}: {message}" if message else failure.type
    if failure.type == "RecursionError":
        return f"{call} calls itself without end.{at}"
    if failure.type == "TypeError" and "argument" in failure.message and not at:
        return f"{call} does not fit what you wrote: {own}. Keep the names and arguments as given."
    if "before Module.__init__() call" in message:
        return (
            f"{call} makes parameters or layers before torch's own `__init__` has run: begin yours "
            "with `super().__init__()`."
        )
    if failure.type == "AttributeError" and not at and "'NoneType'" in message:
        return f"{call} finds None: does your function end without `return`? ({own})"
    if failure.type == "AttributeError" and not at:
        return f"{call} finds nothing of that name: {own}."
    if failure.type == "KeyError" and not at:
        return f"{call}: there is no entry {failure.message}."
    if missing := re.match(r"No module named '(\w+)", failure.message):
        return (
            f"{call} needs {missing[1]}, which is not here: a page of the book has NumPy alone, a "
            f"notebook what the course installs.{at}"
        )
    if mixes(failure.message):
        return (
            f"your code mixes NumPy and torch ({own}). Use the one whose arrays the function "
            f"is given.{at}"
        )
    return f"{call} raises an error in your code: {own}.{at}"


def mixes(message: str) -> bool:
    """Whether an error comes from NumPy's and torch's names or arrays being mixed."""
    if "Tensor" in message and "ndarray" in message:
        return True
    missing = re.match(r"'(\S+)' object has no attribute '(\w+)'", message)
    if not missing or (torch := installed_torch()) is None:
        return False
    owner, name = missing.groups()
    others = {"numpy.ndarray": torch.Tensor, "Tensor": np.ndarray}
    return owner in others and hasattr(others[owner], name)


def form_reason(question: Question, key: str, got: Plain, right: Plain) -> str | None:
    """Why `got` has not the form of `right`: kind, parts, shape, dtype, NaN; None if it has."""
    if got.kind != right.kind:
        return kind_reason(question, key, got, right)
    if right.kind == "tuple":
        if named := names_reason(key, got, right):
            return named
        if len(got.data) != len(right.data):
            return f"`{key}` has {len(got.data)} values, expected {len(right.data)}."
        parts = [
            (f"{key}[{i}]", g, r) for i, (g, r) in enumerate(zip(got.data, right.data, strict=True))
        ]
        return next((r for part in parts if (r := form_reason(question, *part))), None)
    if right.kind == "dict":
        if got.data.keys() != right.data.keys():
            missing, more = right.data.keys() - got.data.keys(), got.data.keys() - right.data.keys()
            said = [f"lacks {', '.join(sorted(missing))}"] if missing else []
            said += [f"has {', '.join(sorted(more))}, which should not be there"] if more else []
            return f"`{key}` {' and '.join(said)}."
        parts = [(f"{key}[{k!r}]", got.data[k], r) for k, r in right.data.items()]
        return next((r for part in parts if (r := form_reason(question, *part))), None)
    if right.kind in ("array", "tensor"):
        if got.data.shape != right.data.shape:
            return f"`{key}` has the shape {got.data.shape}, expected {right.data.shape}."
        if got.data.dtype != right.data.dtype:
            whole = got.data.dtype.kind in "iu" and right.data.dtype.kind == "f"
            cut = " An array of whole numbers cuts off all decimals." if whole else ""
            return f"`{key}` is {got.data.dtype}, expected {right.data.dtype}.{cut}"
    if right.kind in ("array", "tensor", "number"):
        lost = ~np.isfinite(got.data) & np.isfinite(right.data)
        if np.any(lost):
            what = "NaN" if np.any(np.isnan(np.asarray(got.data)[lost])) else "infinite"
            return (
                f"`{key}` holds {what} where a number is expected. It comes from a division by "
                "zero, the root of a negative number, or NaN that went in."
            )
    if right.kind == "text" and question.choices and got.data not in question.choices:
        return f"need one of {', '.join(map(repr, question.choices))}; got {got.data!r}."
    return None


def names_reason(key: str, got: Plain, right: Plain) -> str | None:
    """Which names are missing or too many, where a tuple holds names and nothing else."""
    if not right.data or any(part.kind != "text" for part in (*got.data, *right.data)):
        return None
    mine, wanted = ([part.data for part in side.data] for side in (got, right))
    missing = [name for name in wanted if name not in mine]
    more = [name for name in mine if name not in wanted]
    said = [f"lacks {', '.join(map(repr, missing))}"] if missing else []
    said += [f"has {', '.join(map(repr, more))}, which should not be there"] if more else []
    return f"`{key}` {' and '.join(said)}." if said else None


def value_reason(got: Plain, right: Plain, tolerance: float) -> str | None:
    """A slip that a wrong number shows by itself: its sign, a share in percent, its rounding."""
    if got.kind != "number" or right.kind != "number" or not right.data:
        return None
    ratio = got.data / right.data
    for factor, said in (
        (-1.0, "the size is right, the sign is not."),
        (100.0, "this is the answer in percent: give the share itself, a hundredth of it."),
        (0.01, "this is a hundredth of the answer: is it asked for in percent?"),
    ):
        if abs(ratio / factor - 1) <= tolerance:
            return said
    if abs(ratio - 1) <= min(5 * tolerance, 0.05):
        return f"this is near, but not within {tolerance:.1%}: round less, and at the end alone."
    return None


def kind_reason(question: Question, key: str, got: Plain, right: Plain) -> str:
    """Why `got` is another kind of thing than `right`."""
    if question.choices:
        return f"need one of {', '.join(map(repr, question.choices))}; got {word(got)}."
    if got.kind == "none" and question.asks_value:
        return f"`{key}` is None: put your answer there."
    if got.kind == "none" and "[" not in key:
        return f"`{key}` is None: does the function end without `return`?"
    if {got.kind, right.kind} == {"array", "tensor"}:
        other = "np" if right.kind == "array" else "torch"
        return f"`{key}` is {word(got)}, expected {described(right)}: compute it with `{other}`."
    if got.kind == "tuple" and right.kind in ("array", "tensor"):
        return f"`{key}` is a tuple or list of {len(got.data)}, expected just {described(right)}."
    return f"`{key}` is {word(got)}, expected {described(right)}."


def described(value: Plain) -> str:
    """What kind of thing a value is, without what it holds."""
    if value.kind == "object":
        return f"an object of type {value.data}"
    if value.kind in ("array", "tensor"):
        return f"{WORDS[value.kind]} of shape {value.data.shape}"
    return WORDS[value.kind]


def word(value: Plain) -> str:
    """What sort of thing a value is, with a number, a text or a truth value itself."""
    if value.kind == "bool":
        return str(value.data)
    shown = f" ({bare(value)!r})" if value.kind in ("number", "text") else ""
    return described(value) + shown


def worst(got: Plain, right: Plain, path: str = "") -> tuple[float, str, float, float] | None:
    """The pair of numbers that is furthest apart: distance, where, got, expected."""
    if got.kind != right.kind:
        return None
    if right.kind in ("tuple", "dict"):
        keys = range(len(right.data)) if right.kind == "tuple" else list(right.data)
        if len(got.data) != len(right.data):
            return None
        found = [
            w
            for k in keys
            if (right.kind == "tuple" or k in got.data)
            and (w := worst(got.data[k], right.data[k], f"{path}[{k!r}]"))
        ]
        return max(found, key=lambda w: w[0], default=None)
    if right.kind in ("array", "tensor"):
        if got.data.shape != right.data.shape or right.data.size == 0:
            return None
        apart = differences(got.data, right.data)
        at = np.unravel_index(int(np.argmax(apart)), apart.shape)
        place = f"{path}[{', '.join(map(str, at))}]" if at else path
        return float(apart[at]), place, float(got.data[at]), float(right.data[at])
    if right.kind == "number":
        return distance(got, right), path, got.data, right.data
    return None
