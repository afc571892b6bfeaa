"""Inputs of probes of what the layer computes."""

from __future__ import annotations

import numpy as np

from bncheck.questions.question import (
    Inputs,
)
from exercises.questions.inputs import batch


def constant_second_channel(rng: np.random.Generator) -> Inputs:
    """Three examples of two channels, the second without any spread."""
    x = batch(rng, 3, 2)
    x[:, 1] = 7.0
    return {"x": x, "eps": 1e-2}


def tiny_and_constant(rng: np.random.Generator) -> np.ndarray:
    """Four examples of two channels: the first has a spread of about 0.001, the second none."""
    x = (1e-3 * rng.standard_normal((4, 2))).round(5)
    x[:, 1] = 3.0
    return x
