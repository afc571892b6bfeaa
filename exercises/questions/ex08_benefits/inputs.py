"""Inputs of probes of what it buys, and how to know."""

from __future__ import annotations

import numpy as np

from bncheck.questions.question import (
    Inputs,
)


def falling(rng: np.random.Generator, steps: int) -> np.ndarray:
    return (0.3 + np.cumsum(rng.uniform(0.2, 0.5, steps))[::-1]).round(2)


def between(rng: np.random.Generator) -> Inputs:
    losses = falling(rng, 5)
    return {"losses": losses, "target": round(float(0.7 * losses[2] + 0.3 * losses[3]), 2)}


def exactly(rng: np.random.Generator) -> Inputs:
    losses = falling(rng, 6)
    return {"losses": losses, "target": float(losses[2])}


def rising_again(rng: np.random.Generator) -> Inputs:
    shape = np.array([2.4, 2.0, 1.4, 0.7, 1.2, 0.3, 0.6, 0.95, 0.5, 0.42])
    return {"losses": (shape + rng.uniform(-0.03, 0.03, 10)).round(2), "target": 0.82}


PLAIN = np.array([[1.2, 1.3, 1.1], [0.8, 0.7, 0.9], [0.3, 1.9, 1.7], [4.0, 3.0, 5.0]])


BN = np.array([[0.9, 1.0, 0.8], [0.5, 0.6, 0.55], [0.4, 0.35, 0.3], [0.2, 1.9, 2.3]])


PLAIN_DIVERGED = np.array(
    [[1.2, 1.3, 1.1], [0.8, 0.7, 0.9], [0.3, 1.9, 1.7], [np.nan, np.nan, 0.6]]
)


BN_DIVERGED = np.array([[0.9, 1.0, 0.8], [0.5, 0.6, 0.55], [0.4, 0.35, 0.3], [0.2, 0.3, np.nan]])


BN_ONCE = np.array([[0.9, 1.0, 0.8], [0.8, 0.85, 0.9], [1.0, 0.95, 1.1], [0.1, 0.2, np.nan]])


def table(rng: np.random.Generator, table: np.ndarray) -> np.ndarray:
    """A table of losses with its seeds shuffled and a little noise."""
    return (rng.permuted(table, axis=1) + rng.uniform(-0.03, 0.03, table.shape)).round(2)


def two(rng: np.random.Generator, plain: np.ndarray, bn: np.ndarray) -> Inputs:
    return {
        "plain": table(rng, plain),
        "bn": table(rng, bn),
        "rates": np.array([0.01, 0.1, 0.3, 1.0]),
        "worst": 10.0,
    }


def more(rng: np.random.Generator) -> Inputs:
    plain = np.array([1.5, 0.9, 0.5, 1.2, 2.0, 3.0])[:, None] + rng.uniform(-0.15, 0.15, (6, 5))
    bn = np.array([1.6, 1.1, 0.9, 0.7, 1.0, 1.9])[:, None] + rng.uniform(-0.09, 0.09, (6, 5))
    return {
        "plain": plain.round(2),
        "bn": bn.round(2),
        "rates": np.array([0.003, 0.01, 0.03, 0.1, 0.3, 1.0]),
        "worst": 10.0,
    }


OWN_SEED = np.array(
    [[0.9, 0.9, 0.9, 0.1], [0.75, 0.75, 0.75, 0.75], [1.3, 0.15, 1.4, 1.5], [2.0, 2.1, 2.2, 2.3]]
)


SOME_NAN = np.array(
    [[np.nan, 1.7, 1.5, 1.8], [0.9, 0.8, 0.85, 0.95], [0.6, np.nan, 0.5, 0.4], [1.2, 1.3, 1.1, 1.4]]
)


ONE_NAN = np.array([[0.9, 0.8, 0.85, 0.95], [0.1, np.nan, 0.2, 0.15], [1.2, 1.3, 1.1, 1.4]])


def columns(rng: np.random.Generator, table: np.ndarray) -> np.ndarray:
    """A table with whole columns shuffled, and a little noise."""
    shuffled = table[:, rng.permutation(table.shape[1])]
    return (shuffled + rng.uniform(-0.02, 0.02, table.shape)).round(2)


def arms(rng: np.random.Generator, seeds: int, t: float, least: float = 1.5) -> Inputs:
    """Two arms that share the luck of the seed: paired, the interval is much narrower.

    least: the mean difference at least; below 1 the seeds disagree about the sign.
    """
    luck = rng.permutation(np.linspace(-6.0, 6.0, seeds)) + rng.uniform(-0.5, 0.5, seeds)
    b = 60 + luck
    a = b + rng.uniform(least, least + 1) + rng.permutation(np.linspace(-1.0, 1.3, seeds))
    return {"a": a.round(2), "b": b.round(2), "t": t}


def bounds(low: float, high: float, bound: float) -> Inputs:
    return {"low": low, "high": high, "bound": bound}
