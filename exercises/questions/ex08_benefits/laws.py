"""Laws of exercise 8: what must hold of a right result."""

from __future__ import annotations

from typing import Any

import numpy as np

from bncheck.questions.question import (
    Inputs,
)


def _rows(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """Rows where losses are asked for."""
    counted: np.ndarray = np.nan_to_num(inputs["losses"], nan=inputs["worst"])
    others = counted.sum(axis=1, keepdims=True) - counted
    if not np.array_equal(values["out"], others.argmin(axis=0)):
        return None
    return "you return the rows that were chosen. Asked for are the losses of the seeds in them."


def _middle(inputs: Inputs, values: dict[str, Any]) -> str | None:
    mean, low, high = values["out"]
    right = float(np.mean(inputs["a"] - inputs["b"]))
    if abs(mean - right) > 1e-6 * (1 + abs(right)):
        return f"the first value is {mean:.4g}, expected the mean of the differences, {right:.4g}."
    if abs((low + high) / 2 - right) > 1e-6 * (1 + abs(right)):
        return (
            f"the middle of your interval is {(low + high) / 2:.4g}, expected the mean "
            f"{right:.4g}: it reaches equally far to both sides."
        )
    return None


def _width(inputs: Inputs, values: dict[str, Any]) -> str | None:
    _, low, high = values["out"]
    d = inputs["a"] - inputs["b"]
    right = float(inputs["t"] * d.std(ddof=1) / np.sqrt(len(d)))
    if abs((high - low) / 2 - right) < 1e-6 * right:
        return None
    return (
        f"your interval reaches {(high - low) / 2:.4g} to each side of the mean, expected "
        f"{right:.4g}: t times s over the root of n, with n = {len(d)} and s = {d.std(ddof=1):.4g}."
    )


def _sides(inputs: Inputs, values: dict[str, Any]) -> str | None:
    low, high, bound = inputs["low"], inputs["high"], inputs["bound"]
    if low > bound:
        where = f"lies above the bound, {bound:g}, as a whole"
    elif high <= bound:
        where = f"has no part above the bound, {bound:g}"
    elif low == bound:
        where = "begins at the bound, and the rest of it lies above"
    else:
        where = f"reaches to both sides of the bound, {bound:g}"
    return f"the interval from {low:g} to {high:g} {where}. This is not “{values['out']}”."


def _divided_by(inputs: Inputs, values: dict[str, Any]) -> str | None:
    squares = float((inputs["weight"] ** 2).sum())
    return (
        f"you divide the rate by {inputs['rate'] / values['out']:.4g}, expected the sum of the "
        f"squares of all entries, {squares:.4g}."
    )
