"""Laws of exercise 11: what must hold of a right result."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from bncheck.questions.question import (
    Inputs,
    Law,
)

AXES_AS_TEXT = "str(np.array(axes))"


SOLVED = "x̂ = (y − β)/γ"


def axes_in_order(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The axes are those of the array, counted from 0, each once, in rising order."""
    text, ndim = values[AXES_AS_TEXT], inputs["ndim"]
    if text == "None":
        return "`axes_of` returns None here: does it end without `return`?"
    if text.isdigit():
        return f"`axes_of` returns the number {text} here: return a tuple, if only of one axis."
    axes = ast.literal_eval(text.replace(" ", ","))
    for axis in axes:
        if axis < 0:
            return f"your axes {axes} are counted from the end: count from 0."
        if axis >= ndim:
            return f"there is no axis {axis}: with {ndim} axes the last one is {ndim - 1}."
    if axes != sorted(set(axes)):
        return f"your axes {axes} are not in rising order, each once."
    return None


def which_survive(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """Said where the axes are in order and still wrong: which are missing, which too many."""
    axes = set(ast.literal_eval(values[AXES_AS_TEXT].replace(" ", ",")))
    ndim, kind = inputs["ndim"], inputs["kind"]
    positions = set(range(2, ndim))
    wanted = {"batch": {0}, "layer": {1}, "instance": set()}[kind] | positions
    across = {"batch": "the examples", "layer": "the channels", "instance": ""}[kind]
    said = " and ".join(part for part in (across, "the positions" * (ndim > 2)) if part)
    known = {0: " (the examples)", 1: " (the channels)"}
    missing, more = sorted(wanted - axes), sorted(axes - wanted)
    parts = [f"axis {axis}{known.get(axis, ' (positions)')} is missing" for axis in missing]
    parts += [f"axis {axis}{known.get(axis, ' (positions)')} is too much" for axis in more]
    return f"{kind} norm averages over {said}. In your axes {', '.join(parts)}."


def are_tuples(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """What comes back is a tuple, for each norm."""
    kinds = dict(zip(("batch", "layer", "instance"), values["kinds"].split(), strict=True))
    for norm, kind in kinds.items():
        if kind != "tuple":
            return (
                f"the axes are right, but for {norm} norm they come as {kind} where a tuple is "
                "asked for: NumPy's `mean` takes a tuple of axes."
            )
    return None


def raises_a_value_error(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The error is a ValueError."""
    if values["raised"] == "ValueError":
        return None
    return f"this is to raise a ValueError, and what your code raises is {values['raised']}."


def standardised(key: str, axes: str) -> Law:
    """Over the axes that the probe names, the mean of `key` is 0."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        out = values[key]
        over = tuple(int(axis) for axis in values[axes])
        largest = float(np.abs(out.mean(axis=over)).max())
        if largest < 1e-6:
            return None
        return (
            f"over the axes {over} each mean of `{key}` is to be 0; yours is up to {largest:.4g} "
            "away. Look at what you subtract."
        )

    return Law("mean", broken)


def spread_of(key: str, axes: str) -> Law:
    """Over the axes that the probe names, the variance of `key` is σ²/(σ² + ε)."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        over = tuple(int(axis) for axis in values[axes])
        return _spread(values[key], inputs["x"], inputs["eps"], over, f"`{key}`")

    return Law("spread", broken)


def _spread(
    out: np.ndarray, x: np.ndarray, eps: float, axes: tuple[int, ...], called: str
) -> str | None:
    """What is wrong with the variance of `out` in the sets that `axes` form in `x`."""
    before = x.var(axis=axes)
    wanted, got = before / (before + eps), out.var(axis=axes)
    worst = np.unravel_index(int(np.argmax(np.abs(got - wanted))), got.shape)
    if abs(got[worst] - wanted[worst]) < 1e-5:
        return None
    if got[worst] == 0:
        return (
            f"in one of the sets all values of {called} are 0. Is this set left out, or is each "
            "value taken as a set of its own?"
        )
    return (
        f"the mean of {called} is 0 in each set, as it should be, but its variance is not "
        f"σ²/(σ² + ε): {got[worst]:.4g} in one of the sets, expected {wanted[worst]:.4g}. Look "
        "at what you divide by."
    )


def set_means(axes: tuple[int, ...]) -> Law:
    """With γ and β taken off again, the mean over `axes` is 0."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        x_hat = (values["y"] - inputs["beta"]) / inputs["gamma"]
        largest = float(np.abs(x_hat.mean(axis=axes)).max())
        if largest < 1e-6:
            return None
        return (
            f"take β off `y` and divide by γ, and you have x̂. Each mean of it over {_said(axes)} "
            f"is to be 0; yours is up to {largest:.4g} away. Look at what you subtract."
        )

    return Law("mean of each set", broken)


def set_spreads(axes: tuple[int, ...]) -> Law:
    """With γ and β taken off again, the variance over `axes` is σ²/(σ² + ε)."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        x_hat = (values["y"] - inputs["beta"]) / inputs["gamma"]
        return _spread(x_hat, inputs["x"], inputs["eps"], axes, SOLVED)

    return Law("spread of each set", broken)


def _said(axes: tuple[int, ...]) -> str:
    """`axes` in words."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"the axes {axes}"


def group_means(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """With γ and β taken off again, the mean of each group of each example is 0."""
    means = _by_group(values["y"], inputs, values["groups"]).mean(axis=2)
    example, group = np.unravel_index(int(np.argmax(np.abs(means))), means.shape)
    if abs(means[example, group]) < 1e-6:
        return None
    return (
        "take β off `y` and divide by γ, and you have x̂. In each group of each example its mean is "
        f"to be 0; in group {group} of example {example} yours is {means[example, group]:.4g}."
    )


def group_spreads(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """With γ and β taken off again, the variance of each group of each example is σ²/(σ² + ε)."""
    groups = values["groups"]
    x = inputs["x"].reshape(len(inputs["x"]), int(groups), -1)
    return _spread(_by_group(values["y"], inputs, groups), x, inputs["eps"], (2,), SOLVED)


def _by_group(y: np.ndarray, inputs: Inputs, groups: float) -> np.ndarray:
    """x̂ from `y`, of the shape (N, G, values of a group)."""
    shape = (1, -1) + (1,) * (y.ndim - 2)
    x_hat = (y - inputs["beta"].reshape(shape)) / inputs["gamma"].reshape(shape)
    return x_hat.reshape(len(y), int(groups), -1)
