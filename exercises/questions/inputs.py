"""Inputs of probes, on which known mistakes come out far apart.  All from a seeded generator."""

from __future__ import annotations

import numpy as np

from bncheck.questions.question import Inputs


def batch(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Values whose channels differ in mean and spread, with two decimals."""
    channels = shape[1]
    along = (1, channels, *(1,) * (len(shape) - 2))
    spread = np.linspace(0.5, 3.0, channels).reshape(along)
    centre = np.linspace(-2.0, 4.0, channels).reshape(along)
    return (rng.standard_normal(shape) * spread + centre).round(2)


def large_mean(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Whole numbers around 10⁸: a right computation loses nothing, the squares lose all digits."""
    x = 1e8 + rng.permuted(np.arange(float(np.prod(shape)))).reshape(shape)
    x[0] += np.arange(shape[1]).reshape(-1, *(1,) * (len(shape) - 2))
    return x


def affine(rng: np.random.Generator, channels: int) -> Inputs:
    """γ and β, different in each channel, γ not 1 and once negative."""
    gamma = rng.uniform(0.5, 2.0, channels).round(2)
    gamma[0] *= -1
    return {"gamma": gamma, "beta": rng.uniform(1.0, 3.0, channels).round(2)}
