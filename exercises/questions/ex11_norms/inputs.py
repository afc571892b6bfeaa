"""Inputs of probes of one rule for all the norms."""

from __future__ import annotations

import numpy as np

from bncheck.questions.question import (
    Inputs,
    Makes,
)
from exercises.questions.inputs import affine, batch


def tokens(n: int, length: int, channels: int) -> Makes:
    def make(rng: np.random.Generator) -> Inputs:
        x = batch(rng, n, channels, length).transpose(0, 2, 1).copy()
        x += np.arange(length)[:, None]
        return {"x": x.round(2), **affine(rng, channels), "eps": 1e-3}

    return make


def equal(rng: np.random.Generator) -> Inputs:
    return {"x": np.full((3, 2, 4), 3.0), **affine(rng, 4), "eps": 1e-5}
