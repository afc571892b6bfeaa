"""Inputs of probes of batches that are no good sample."""

from __future__ import annotations

import numpy as np

from bncheck.questions.question import (
    Inputs,
)
from exercises.questions.inputs import affine, batch


def tiny(rng: np.random.Generator) -> Inputs:
    x = (1e-3 * rng.standard_normal((6, 2))).round(5)
    return {"x": x, **affine(rng, 2), "eps": 1e-5}


def constant(rng: np.random.Generator) -> Inputs:
    return {"x": np.full((4, 2), 3.0), **affine(rng, 2), "eps": 1e-5}


def shifted(rng: np.random.Generator, by: float, *shape: int) -> np.ndarray:
    return (batch(rng, *shape) + by).round(2)


def far(rng: np.random.Generator) -> Inputs:
    return {"x1": batch(rng, 4, 3), "x2": shifted(rng, 50.0, 6, 3)}


def three(rng: np.random.Generator) -> Inputs:
    parts = {name: shifted(rng, 3.0 * i, 3, 2) for i, name in enumerate(("x1", "x2", "x3"))}
    return {"before": shifted(rng, -6.0, 3, 2), **parts}


def network(rng: np.random.Generator, channels: int, *shape: int) -> Inputs:
    parts = {name: shifted(rng, 2.0 * i, 4 + i, *shape) for i, name in enumerate(("x1", "x2"))}
    return {"before": shifted(rng, -5.0, 4, *shape), **parts, **affine(rng, channels)}
