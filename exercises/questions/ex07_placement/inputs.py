"""Inputs of probes of where in the network."""

from __future__ import annotations

import numpy as np

from bncheck.questions.question import (
    Inputs,
)
from exercises.questions.inputs import affine


def kernels(rng: np.random.Generator, channels: int) -> Inputs:
    shape = (channels, channels, 3, 3)
    return {
        "w1": rng.standard_normal(shape).round(2),
        "w2": rng.standard_normal(shape).round(2),
    }


def trained(rng: np.random.Generator, channels: int) -> Inputs:
    first, second = affine(rng, channels), affine(rng, channels)
    return {
        "gamma1": first["gamma"],
        "beta1": (first["beta"] - 1.5).round(2),
        "gamma2": second["gamma"],
        "beta2": (second["beta"] - 2.5).round(2),
    }


def one_channel(rng: np.random.Generator) -> Inputs:
    """So small that all of it is printed; γ is positive, and x of both signs and never 0."""
    return {
        "x": rng.permutation(np.arange(-2.5, 5.5)).reshape(2, 1, 2, 2),
        "w1": rng.standard_normal((1, 1, 3, 3)).round(1),
        "w2": rng.standard_normal((1, 1, 3, 3)).round(1),
        "gamma1": np.array([2.0]),
        "beta1": np.array([0.5]),
        "gamma2": np.array([3.0]),
        "beta2": np.array([-0.5]),
    }


def first_step(rng: np.random.Generator) -> Inputs:
    """The same at the start, with a gradient from above."""
    made = one_channel(rng)
    return {
        **{name: made[name] for name in ("x", "w1", "w2")},
        "dy": rng.permutation(np.arange(1.0, 9.0)).reshape(2, 1, 2, 2),
    }


def running(rng: np.random.Generator, *shape: int, var: float = 1.0, eps: float = 1e-2) -> Inputs:
    out = shape[0]
    return {
        "weight": (rng.choice((-1.0, 1.0), shape) * rng.uniform(0.2, 2.0, shape)).round(2),
        "bias": rng.uniform(0.5, 2.0, out).round(2),
        **affine(rng, out),
        "running_mean": rng.uniform(-3.0, -0.5, out).round(2),
        "running_var": (var * rng.uniform(0.3, 4.0, out)).round(5),
        "eps": eps,
    }
