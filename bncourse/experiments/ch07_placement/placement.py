"""Chapter 7: batch normalization before or after the activation."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from bncourse.data import load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import ARMS, mlps, shuffles
from bncourse.experiments.ch08_benefits.runs import (
    at_rates,
    best_rates,
    held_out_range,
    steps_until,
)
from bncourse.models import Placement
from bncourse.recording import Recorder, named
from bncourse.training import History, fit_many

TARGET = 0.9
PLACEMENTS: tuple[Placement, Placement] = ("before", "after")


@dataclass(frozen=True)
class Design:
    """Which networks are compared: every activation at every depth, a setting each.

    depths: numbers of hidden layers, of 32 units each. rates: learning rates of SGD with momentum
    0.9, of which each placement takes its own best. steps: those of a run, on batches of 64.
    """

    activations: tuple[str, ...] = ("relu", "tanh", "sigmoid")
    depths: tuple[int, ...] = (1, 3, 6)
    rates: tuple[float, ...] = (0.03, 0.1, 0.3)
    steps: int = 60

    @property
    def settings(self) -> list[tuple[str, int]]:
        """(activation, depth), over the depths first."""
        return [(activation, depth) for activation in self.activations for depth in self.depths]

    @property
    def data(self) -> str:
        """The data and the networks in words."""
        names = [{"relu": "ReLU"}.get(name, name) for name in self.activations]
        return (
            f"digits, MLPs of width 32 with {_listed(self.depths, 'and')} hidden layers of "
            f"{_listed(names, 'or')}"
        )


USUAL = Design()


def _listed(values: Sequence[object], joint: str) -> str:
    *first, last = map(str, values)
    return f"{', '.join(first)} {joint} {last}" if first else last


@functools.cache
def _trained(
    placement: Placement,
    activation: str,
    depth: int,
    seeds: tuple[int, ...],
    rates: tuple[float, ...],
    steps: int,
) -> History:
    data = load()
    plan = [(rate, seed) for rate in rates for seed in seeds]
    history = fit_many(
        mlps(
            data,
            [seed for _, seed in plan],
            depth=depth,
            norm=ARMS["BN"],
            activation=activation,
            placement=placement,
        ),
        data,
        steps=steps,
        generators=shuffles([seed for _, seed in plan]),
        lrs=[rate for rate, _ in plan],
        batch_size=64,
        eval_every=10,
        eval_train=128,
    )
    shape = (len(rates), len(seeds), -1)
    train, test = (a.reshape(shape) for a in (history.train_accuracy, history.test_accuracy))
    return replace(history, train_accuracy=train, test_accuracy=test)


def trained(
    placement: Placement,
    activation: str,
    depth: int,
    seeds: Sequence[int],
    design: Design = USUAL,
) -> History:
    """Train BN networks with one placement at every rate of the design, once.

    Both placements start from the same weights and see the same batches. The accuracies of the
    History are `(rates, seeds, evaluations)`.
    """
    return _trained(placement, activation, depth, tuple(seeds), design.rates, design.steps)


def at_best_rate(history: History) -> np.ndarray:
    """Test accuracy at the rate that was best on the other seeds, `(seeds, evaluations)`.

    history: of `trained`.
    """
    rate = best_rates(history.train_accuracy[None])
    return at_rates(history.test_accuracy[None], rate)[0]


def steps_needed(seeds: Sequence[int], design: Design = USUAL) -> np.ndarray:
    """Steps to 90 % of the test digits, before and after, `(2, settings, seeds)`."""
    return np.array(
        [
            [
                steps_until(run.evaluated_at, at_best_rate(run), TARGET)
                for run in (trained(placement, *one, seeds, design) for one in design.settings)
            ]
            for placement in PLACEMENTS
        ]
    )


def advantage(steps: np.ndarray) -> np.ndarray:
    """How many times fewer steps *before* takes than *after*: `(2, settings, seeds)` to logs.

    Returns log(steps after / steps before), `(settings, seeds)`: above 0 where before is faster.
    """
    before, after = np.log(steps)
    return after - before


@measures(
    Claim(
        id="before-beats-after",
        text="Batch normalization works better before the activation than after it.",
        notes="3.2",
        chapter="07_placement",
        effect="steps to 90 % test accuracy, after / before",
        above=1.0,
        scale="ratio",
        unit="times",
        literature="{cite:t}`ioffe2015` place it before the activation, as a design choice.",
    )
)
def before_beats_after(seeds: Sequence[int] = SEEDS, design: Design = USUAL) -> Result:
    """Steps to the target, after / before: the geometric mean over the settings."""
    steps = steps_needed(seeds, design)
    return weigh(
        before_beats_after.claim,
        np.exp(advantage(steps).mean(0)).tolist(),
        data=design.data,
        seeds=seeds,
        arms={"before": steps[0], "after": steps[1], "ratio": np.exp(advantage(steps))},
    )


@measures(
    Claim(
        id="placement-varies",
        text="Which placement is better varies with the architecture.",
        notes="3.2",
        chapter="07_placement",
        effect="the ratio (steps after / before) in the setting that favours before most, over "
        "that in the setting that favours after most, both chosen on other seeds",
        above=1.1,
        scale="ratio",
        unit="times",
    )
)
def placement_varies(seeds: Sequence[int] = SEEDS, design: Design = USUAL) -> Result:
    """The held-out range of the advantage over activations and depths."""
    logs = advantage(steps_needed(seeds, design))
    return weigh(
        placement_varies.claim,
        np.exp(held_out_range(logs)).tolist(),
        data=design.data,
        seeds=seeds,
        arms={"ratio": np.exp(logs)},
    )


def saturated(placement: Placement, seed: int, activation: str = "tanh") -> float:
    """The share of an activation's outputs in the outer 5 % of its range, at either end.

    In the third hidden layer of an MLP with batch normalization, before training, for all training
    digits. activation: "tanh" or "sigmoid", which have two ends.
    """
    data, low = load(), {"tanh": -1.0, "sigmoid": 0.0}[activation]
    (model,) = mlps(
        data, [seed], depth=3, norm=ARMS["BN"], activation=activation, placement=placement
    )
    with torch.no_grad(), Recorder(model, named("2", "activation")) as seen:
        model(data.train_x)
    place = (seen.outputs["hidden.2.activation"] - low) / (1 - low)
    return float(((place < 0.05) | (place > 0.95)).float().mean())
