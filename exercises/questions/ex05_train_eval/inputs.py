"""Inputs of probes of train and eval."""

from __future__ import annotations

import numpy as np

from bncheck.questions.question import (
    Inputs,
)


def spread_out(rng: np.random.Generator, batches: np.ndarray) -> np.ndarray:
    """The batches, their means moved apart."""
    shifts = rng.permutation(np.arange(1.0, len(batches) + 1)).reshape(-1, 1, 1)
    return np.round(batches + 2 * shifts, 2)


def statistics(rng: np.random.Generator, channels: int) -> Inputs:
    """Running statistics to set; the first variance is tiny, so that ε counts."""
    running_var = rng.uniform(2.0, 6.0, channels).round(2)
    running_var[0] = 0.002
    return {
        "running_mean": rng.uniform(-2.0, 2.0, channels).round(2),
        "running_var": running_var,
    }
