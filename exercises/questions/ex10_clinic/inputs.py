"""Inputs of probes of the clinic."""

from __future__ import annotations

import numpy as np

from bncheck.questions.question import Inputs
from exercises.questions.inputs import batch


def steps(rng: np.random.Generator, count: int, n: int, channels: int) -> np.ndarray:
    """The inputs of training batches, `(count, n, channels)`, all different."""
    return np.stack([batch(rng, n, channels) for _ in range(count)])


def with_validation(rng: np.random.Generator, count: int, n: int, channels: int) -> Inputs:
    """Training batches, and four validation examples that differ from them."""
    return {
        "x": steps(rng, count, n, channels),
        "x_val": (1.5 * batch(rng, 4, channels) + 1).round(2),
    }


def seen_and_new(rng: np.random.Generator, n: int) -> Inputs:
    """Examples that the network has seen, and `n` others of another mean and spread."""
    return {"old": batch(rng, 5, 2), "x": (0.5 * batch(rng, n, 2) - 1).round(2)}


def old_and_new(rng: np.random.Generator, count: int) -> Inputs:
    """Examples of the old task, and batches of a new one."""
    return {"old": batch(rng, 5, 2), "x": (0.5 * steps(rng, count, 4, 2) + 1).round(2)}


def one_batch(rng: np.random.Generator, n: int, channels: int) -> Inputs:
    """A batch and a random upstream gradient."""
    return {"x": batch(rng, n, channels), "dy": rng.standard_normal((n, channels)).round(2)}


def data(rng: np.random.Generator, count: int, channels: int) -> Inputs:
    """Old data, and the batches to estimate from, of several means."""
    x = np.stack([batch(rng, 4, channels) + shift for shift in range(count)])
    return {"old": (2 * batch(rng, 5, channels) - 3).round(2), "x": x.round(2)}


def epochs(rng: np.random.Generator, n: int, count: int) -> Inputs:
    """`n` training examples, and `count` orders of them."""
    return {
        "x": batch(rng, n, 2),
        "y": rng.standard_normal((n, 1)).round(2),
        "orders": np.stack([rng.permutation(n) for _ in range(count)]),
    }


def with_test(rng: np.random.Generator, n: int) -> Inputs:
    """`n` training examples with one order, and five test examples, the last ones far off."""
    return {
        **epochs(rng, n, 1),
        "x_test": batch(rng, 5, 2),
        "y_test": (rng.standard_normal((5, 1)) + 2 * np.arange(5)[:, None]).round(2),
    }
