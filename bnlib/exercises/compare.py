"""How far two plain values are apart."""

from __future__ import annotations

import math

import numpy as np

from bnlib.exercises.plain import Plain

FLOOR = 1e-3  # numbers below are compared as if they were this large: what cancels is not zero


def distance(got: Plain, expected: Plain) -> float:
    """The largest relative difference of two values; inf where their form differs.

    Form: the kind, the shape, the dtype, the number of parts, the keys, which numbers are NaN
    or infinite.  A text, a bool or an object is equal (0) or not (inf).
    """
    if got.kind != expected.kind:
        return math.inf
    if expected.kind == "tuple":
        if len(got.data) != len(expected.data):
            return math.inf
        return max(map(distance, got.data, expected.data), default=0.0)
    if expected.kind == "dict":
        if got.data.keys() != expected.data.keys():
            return math.inf
        return max((distance(got.data[k], v) for k, v in expected.data.items()), default=0.0)
    if expected.kind in ("array", "tensor"):
        if got.data.shape != expected.data.shape or got.data.dtype != expected.data.dtype:
            return math.inf
        return float(differences(got.data, expected.data).max(initial=0.0))
    if expected.kind == "number":
        return float(differences(np.float64(got.data), np.float64(expected.data)).max())
    return 0.0 if got.data == expected.data else math.inf


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
