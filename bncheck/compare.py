"""How far two plain values are apart."""

from __future__ import annotations

import math

import numpy as np

from bncheck.plain import Plain

FLOOR = 1e-3  # numbers below are compared as if they were this large: what cancels is not zero


def distance(got: Plain, expected: Plain) -> float:
    """The largest relative difference of two values; inf where their form differs.

    Form: the kind, the shape, the dtype, the number of parts, the keys, which numbers are NaN
    or infinite.  A text, a bool or an object is equal (0) or not (inf).
    """
    one: list[np.ndarray] = []
    other: list[np.ndarray] = []
    if form(got, one) != form(expected, other):
        return math.inf
    return max(
        (float(differences(*pair).max(initial=0.0)) for pair in zip(one, other, strict=True)),
        default=0.0,
    )


def form(value: Plain, numbers: list[np.ndarray]) -> tuple[object, ...]:
    """All of a value but its numbers, to be compared with ==; these are added to `numbers`."""
    if value.kind == "tuple":
        return ("tuple", *(form(part, numbers) for part in value.data))
    if value.kind == "dict":
        return ("dict", *((key, form(value.data[key], numbers)) for key in sorted(value.data)))
    if value.kind in ("array", "tensor"):
        numbers.append(np.asarray(value.data, np.float64).ravel())
        return (value.kind, value.data.shape, value.data.dtype.str)
    if value.kind == "number":
        numbers.append(np.array([value.data], np.float64))
        return ("number",)
    return (value.kind, value.data)


def differences(got: np.ndarray | np.float64, expected: np.ndarray | np.float64) -> np.ndarray:
    """The relative difference of each pair of numbers; inf where only one is NaN or infinite."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    with np.errstate(all="ignore"):
        size = np.maximum(np.maximum(np.abs(got), np.abs(expected)), FLOOR)
        relative = np.abs(got - expected) / size
    if np.isfinite(relative).all():
        return relative
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    finite = np.isfinite(got) & np.isfinite(expected)
    return np.where(same, 0.0, np.where(finite, relative, math.inf))
