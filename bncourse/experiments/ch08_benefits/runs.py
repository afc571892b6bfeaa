"""The runs behind most of chapter 8: with and without BN, over depths and learning rates."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bncourse.data import load
from bncourse.experiments.arms import ARMS, mlps, shuffles
from bncourse.training import fit_many

TARGET = 0.9
DATA = "digits, MLPs of width 32 with {} hidden layers"


@dataclass(frozen=True)
class Recipe:
    """What is trained: an MLP of each depth, with SGD and momentum 0.9 at each learning rate.

    depths: numbers of hidden layers, of 32 units each. rates: learning rates. Both are put in
    order, and each counts once. steps: those of a run, on mini-batches of `batch_size`; the
    accuracies are measured every 10 steps, in training on 200 examples.
    Raises ValueError without a depth or a rate, and for a rate that is not positive.
    """

    depths: tuple[int, ...] = (1, 3, 6, 10)
    rates: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
    steps: int = 200
    batch_size: int = 64

    def __post_init__(self) -> None:
        for name in ("depths", "rates"):
            values = tuple(sorted(set(getattr(self, name))))
            if not values:
                raise ValueError(f"need at least 1 of the {name}, got none: add one")
            object.__setattr__(self, name, values)
        if self.rates[0] <= 0:
            raise ValueError(f"rates must be positive, got {self.rates[0]:g}: leave it out")

    @property
    def data(self) -> str:
        """The data and the networks in words."""
        *first, last = map(str, self.depths)
        return DATA.format(f"{', '.join(first)} and {last}" if first else last)


USUAL = Recipe()


@dataclass(frozen=True)
class Runs:
    """One arm at every depth and learning rate of a recipe.

    losses: `(depths, rates, seeds, steps)`; train_accuracy, test_accuracy: `(depths, rates,
    seeds, evaluations)`, 0 to 1; evaluated_at: `(evaluations,)` in steps.
    """

    losses: np.ndarray
    train_accuracy: np.ndarray
    test_accuracy: np.ndarray
    evaluated_at: np.ndarray


def runs(arm: str, seeds: Sequence[int], recipe: Recipe = USUAL) -> Runs:
    """Train `arm` ("BN" or "none") at every depth, rate and seed of the recipe, once.

    Runs with the same depth and seed start from the same weights and see the same batches, in
    either arm and at every rate. Training ends after the recipe's steps, whatever has been reached.
    """
    return _runs(arm, tuple(seeds), recipe)


@functools.cache
def _runs(arm: str, seeds: tuple[int, ...], recipe: Recipe) -> Runs:
    data = load()
    plan = [(rate, seed) for rate in recipe.rates for seed in seeds]
    shape = (len(recipe.rates), len(seeds), -1)
    parts = [
        fit_many(
            mlps(data, [seed for _, seed in plan], depth=depth, width=32, norm=ARMS[arm]),
            data,
            steps=recipe.steps,
            generators=shuffles([seed for _, seed in plan]),
            lrs=[rate for rate, _ in plan],
            batch_size=recipe.batch_size,
            eval_every=10,
            eval_train=200,
        )
        for depth in recipe.depths
    ]
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


def both(seeds: Sequence[int], recipe: Recipe = USUAL) -> tuple[Runs, Runs]:
    """The runs of the two arms for the same seeds: (BN, none)."""
    return runs("BN", seeds, recipe), runs("none", seeds, recipe)
