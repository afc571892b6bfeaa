"""The runs behind most of chapter 8: with and without BN, over depths and learning rates."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bncourse.data import load
from bncourse.experiments.arms import ARMS, mlps, shuffles
from bncourse.training import fit_many

DEPTHS = (1, 3, 6, 10)
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
STEPS, BATCH, EVAL_EVERY, EVAL_TRAIN = 200, 64, 10, 200
TARGET = 0.9
DATA = "digits, MLPs of width 32 with 1, 3, 6 and 10 hidden layers"


@dataclass(frozen=True)
class Runs:
    """One arm at every depth and learning rate.

    losses: `(depths, rates, seeds, steps)`; train_accuracy, test_accuracy: `(depths, rates,
    seeds, evaluations)`, 0 to 1; evaluated_at: `(evaluations,)` in steps.
    """

    losses: np.ndarray
    train_accuracy: np.ndarray
    test_accuracy: np.ndarray
    evaluated_at: np.ndarray


@functools.cache
def runs(
    arm: str,
    seeds: tuple[int, ...],
    depths: tuple[int, ...] = DEPTHS,
    rates: tuple[float, ...] = RATES,
    steps: int = STEPS,
) -> Runs:
    """Train `arm` ("BN" or "none") at every depth, rate and seed, with SGD and momentum 0.9.

    Runs with the same depth and seed start from the same weights and see the same batches, in
    either arm and at every rate. Training ends after `steps`, whatever has been reached by then.
    """
    data = load()
    plan = [(rate, seed) for rate in rates for seed in seeds]
    shape = (len(rates), len(seeds), -1)
    parts = []
    for depth in depths:
        history = fit_many(
            mlps(data, [seed for _, seed in plan], depth=depth, norm=ARMS[arm]),
            data,
            steps=steps,
            generators=shuffles([seed for _, seed in plan]),
            lrs=[rate for rate, _ in plan],
            batch_size=BATCH,
            eval_every=EVAL_EVERY,
            eval_train=EVAL_TRAIN,
        )
        parts.append(history)
    return Runs(
        np.stack([part.losses.reshape(shape) for part in parts]),
        np.stack([part.train_accuracy.reshape(shape) for part in parts]),
        np.stack([part.test_accuracy.reshape(shape) for part in parts]),
        parts[0].evaluated_at,
    )


def best_rates(train_accuracy: np.ndarray) -> np.ndarray:
    """The index of the best rate for each depth and seed, chosen on the *other* seeds.

    train_accuracy: `(depths, rates, seeds, evaluations)`. The best rate has the highest training
    accuracy, averaged over the run and over the other seeds: neither the test data nor the seed
    that is measured has a say. Returns `(depths, seeds)`.
    """
    return leave_one_out(train_accuracy.mean(-1)).argmax(1)


def leave_one_out(values: np.ndarray) -> np.ndarray:
    """For each seed, on the last axis, the mean of the others; the same shape."""
    seeds = values.shape[-1]
    if seeds < 2:
        raise ValueError(f"need at least 2 seeds to leave one out, got {seeds}: add seeds")
    return (values.sum(-1, keepdims=True) - values) / (seeds - 1)


def held_out_range(values: np.ndarray) -> np.ndarray:
    """How far the best setting is above the worst, measured on a seed that did not choose them.

    values: `(settings, seeds)`. For each seed the best and the worst setting are found on the
    other seeds, then compared on this one. Unlike the plain range, which is positive for pure
    noise too, it is 0 on average where all settings are alike. Returns `(seeds,)`.
    """
    others = leave_one_out(values)
    seeds = np.arange(values.shape[1])
    return values[others.argmax(0), seeds] - values[others.argmin(0), seeds]


def at_rates(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Take `(depths, rates, seeds, ...)` at the rate `index (depths, seeds)`: no axis of rates."""
    depths, seeds = np.indices(index.shape)
    return values[depths, index, seeds]


def steps_until(at: np.ndarray, accuracy: np.ndarray, target: float) -> np.ndarray:
    """Steps until `accuracy (..., evaluations)` first reaches `target`; `(...)`.

    Between two evaluations the accuracy is taken to grow linearly. A run that never gets there
    counts with all its steps: read it as "at least".
    """
    flat = accuracy.reshape(-1, accuracy.shape[-1])
    steps = [_crossing(at, row, target) for row in flat]
    return np.array(steps).reshape(accuracy.shape[:-1])


def _crossing(at: np.ndarray, row: np.ndarray, target: float) -> float:
    reached = np.flatnonzero(row >= target)
    if not reached.size:
        return float(at[-1])
    i = int(reached[0])
    if i == 0:
        return float(at[0])
    share = (target - row[i - 1]) / (row[i] - row[i - 1])
    return float(at[i - 1] + share * (at[i] - at[i - 1]))


def both(seeds: Sequence[int]) -> tuple[Runs, Runs]:
    """The runs of the two arms for the same seeds: (BN, none)."""
    return runs("BN", tuple(seeds)), runs("none", tuple(seeds))
