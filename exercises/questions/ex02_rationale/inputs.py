"""Inputs of probes of standardise, and follow the scales."""

from __future__ import annotations

import numpy as np

from bncheck.questions.question import (
    Inputs,
)
from exercises.questions.inputs import batch


def tiny_spread(rng: np.random.Generator) -> Inputs:
    """Values of a few millionths."""
    return {"x": (1e-6 * (rng.permutation(np.arange(12.0)) - 3).reshape(4, 3)).round(6)}


def train_and_test(rng: np.random.Generator, train: int, test: int, features: int) -> Inputs:
    """Two sets of examples; the test data lie elsewhere and are spread otherwise."""
    moved = 1.5 * batch(rng, test, features) + np.arange(1, features + 1)
    return {"train": batch(rng, train, features), "test": moved.round(2)}


def whole_numbers(rng: np.random.Generator) -> Inputs:
    """Small whole numbers; four examples, so that means are exact in float32."""
    return {"x": rng.permutation(np.arange(-5.0, 15.0))[:8].reshape(4, 2)}


def large_mean_single(rng: np.random.Generator) -> Inputs:
    """Whole numbers around 10⁵, whose means over 2, 3 and 4 examples are exact in float32.

    A right computation loses nothing, in whatever order it adds; the squares lose all that counts.
    """
    steps = rng.permutation(12).reshape(4, 3) + np.array([0, 5, 10])
    return {"x": (100_000.0 + 12 * steps)}
