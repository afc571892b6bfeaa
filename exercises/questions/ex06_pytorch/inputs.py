"""Inputs of probes of batchNorm in PyTorch."""

from __future__ import annotations

import numpy as np

from bncheck.questions.question import (
    Inputs,
)
from exercises.questions.inputs import batch


def statistics(rng: np.random.Generator, channels: int) -> Inputs:
    """Running statistics, far from 0 and 1."""
    return {
        "mean": rng.uniform(-3.0, -1.0, channels).round(2),
        "var": rng.uniform(2.0, 6.0, channels).round(2),
    }


def labelled(rng: np.random.Generator, n: int, size: int) -> Inputs:
    """Examples with two features, labels, and weights of a linear rule.

    Drawn until the ways to get an accuracy wrong give other numbers than the right way.
    """
    while True:
        x = (rng.standard_normal((n, 2)) * [1.0, 1.5] + [0.4, 0.2]).round(2)
        y = rng.integers(0, 2, n).astype(float)
        w = rng.uniform(0.4, 0.9, (1, 2)).round(2)
        logits = (x / np.sqrt(1 + 1e-5)) @ w[0]
        hits = (logits > 0) == y
        parts = [slice(i, i + size) for i in range(0, n, size)]
        crossed = [((logits[p, None] > 0) == y[p]).astype(float) for p in parts]
        weights = [len(y[p]) for p in parts]
        shares = [
            hits.mean(),
            np.mean([hits[p].mean() for p in parts]),
            ((logits > 0.5) == y).mean(),
            (y == 0).mean(),
            np.average([c.mean() for c in crossed], weights=weights),
            np.mean([c.mean() for c in crossed]),
            sum(c.sum() for c in crossed) / n,
        ]
        apart = np.abs(np.subtract.outer(shares, shares)) + np.eye(len(shares))
        if apart.min() > 0.01 and min(shares) > 0:
            return {"x": x, "y": y, "w": w, "size": size}


def examples(rng: np.random.Generator, n: int, size: int) -> Inputs:
    """Examples with two features, labels of both kinds, and weights of a linear rule."""
    return {
        "x": batch(rng, n, 2),
        "y": rng.permuted(np.arange(n) % 2).astype(float),
        "w": rng.uniform(0.4, 0.9, (1, 2)).round(2),
        "size": size,
    }
