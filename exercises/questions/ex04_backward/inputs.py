"""Inputs of probes of the backward pass."""

from __future__ import annotations

import numpy as np

from bncheck.questions.question import (
    Inputs,
)
from exercises.questions.inputs import affine, batch


def upstream(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """A random gradient from the rest of the network, with two decimals."""
    return rng.standard_normal(shape).round(2)


def standardised(rng: np.random.Generator, *shape: int) -> Inputs:
    """`dy` and an `x_hat` as batch normalization makes it, with two decimals."""
    x = batch(rng, *shape)
    axes = (0, *range(2, x.ndim))
    centred = x - x.mean(axis=axes, keepdims=True)
    x_hat = centred / x.std(axis=axes, keepdims=True)
    return {"dy": upstream(rng, *shape), "x_hat": x_hat.round(2)}


def training(rng: np.random.Generator, *shape: int, eps: float = 1e-5) -> Inputs:
    """What the backward pass of training mode is given; γ is not 1, and once negative."""
    x = batch(rng, *shape)
    gamma = affine(rng, shape[1])["gamma"]
    return {"dy": upstream(rng, *shape), "x": x, "gamma": gamma, "eps": eps}


def mixed(rng: np.random.Generator, *shape: int) -> Inputs:
    """The same, where the first channel has a spread as small as √ε."""
    given = training(rng, *shape)
    given["x"][:, 0] = (3e-3 * rng.standard_normal(shape[0])).round(5)
    return given


def evaluation(rng: np.random.Generator, *shape: int, eps: float = 1e-5) -> Inputs:
    """What the backward pass of evaluation mode is given; far from the batch's own statistics."""
    given = training(rng, *shape, eps=eps)
    running = {
        "running_mean": rng.uniform(0.5, 3.0, shape[1]).round(2),
        "running_var": rng.uniform(0.5, 3.0, shape[1]).round(2),
    }
    return {"dy": given["dy"], "x": given["x"], **running, "gamma": given["gamma"], "eps": eps}
