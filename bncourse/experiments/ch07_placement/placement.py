"""Chapter 7: batch normalization before or after the activation, and the bias in front of it."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bncourse.data import Data, load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import ARMS, generator, mlps, shuffles
from bncourse.experiments.ch08_benefits.runs import (
    at_rates,
    best_rates,
    held_out_range,
    steps_until,
)
from bncourse.models import MLP, Placement
from bncourse.recording import Recorder, named
from bncourse.training import classification_loss, fit_many

ACTIVATIONS = ("relu", "tanh", "sigmoid")
DEPTHS = (1, 3, 6)
RATES = (0.03, 0.1, 0.3)
STEPS, BATCH, EVAL_EVERY, EVAL_TRAIN = 60, 64, 10, 128
TARGET = 0.9
WHERE = "digits, MLPs of width 32 with 1, 3 and 6 hidden layers of ReLU, tanh or sigmoid"


@dataclass(frozen=True)
class Placements:
    """Both placements in every setting, each at the rate that was best on the other seeds.

    A setting is an activation with a depth; settings run over depths first. The first axis is
    the placement: before, after. steps: to 90 % test accuracy, `(2, settings, seeds)`; accuracy:
    on the test part, 0 to 1, `(2, settings, seeds, evaluations)`.
    """

    settings: tuple[tuple[str, int], ...]
    steps: np.ndarray
    accuracy: np.ndarray
    evaluated_at: np.ndarray


@functools.cache
def placements(seeds: tuple[int, ...]) -> Placements:
    """Train both placements with every activation, depth, learning rate and seed."""
    data = load()
    settings = tuple((activation, depth) for activation in ACTIVATIONS for depth in DEPTHS)
    plan = [(rate, seed) for rate in RATES for seed in seeds]
    shape = (len(RATES), len(seeds), -1)
    steps, accuracy = [], []
    at = np.zeros(0)
    for placement in ("before", "after"):
        train, test = [], []
        for activation, depth in settings:
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
                steps=STEPS,
                generators=shuffles([seed for _, seed in plan]),
                lrs=[rate for rate, _ in plan],
                batch_size=BATCH,
                eval_every=EVAL_EVERY,
                eval_train=EVAL_TRAIN,
            )
            at = history.evaluated_at
            train.append(history.train_accuracy.reshape(shape))
            test.append(history.test_accuracy.reshape(shape))
        chosen = at_rates(np.stack(test), best_rates(np.stack(train)))
        accuracy.append(chosen)
        steps.append(steps_until(at, chosen, TARGET))
    return Placements(settings, np.stack(steps), np.stack(accuracy), at)


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
def before_beats_after(seeds: Sequence[int] = SEEDS) -> Result:
    """Steps to the target, after / before: the geometric mean over nine settings."""
    runs = placements(tuple(seeds))
    return weigh(
        before_beats_after.claim,
        np.exp(advantage(runs.steps).mean(0)).tolist(),
        data=WHERE,
        seeds=seeds,
        arms={
            "steps before": runs.steps[0],
            "steps after": runs.steps[1],
            "ratio": np.exp(advantage(runs.steps)),
            "accuracy before": runs.accuracy[0],
            "accuracy after": runs.accuracy[1],
            "evaluated at": runs.evaluated_at,
        },
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
def placement_varies(seeds: Sequence[int] = SEEDS) -> Result:
    """The held-out range of the advantage over activations and depths."""
    runs = placements(tuple(seeds))
    logs = advantage(runs.steps)
    return weigh(
        placement_varies.claim,
        np.exp(held_out_range(logs)).tolist(),
        data=WHERE,
        seeds=seeds,
        arms={"ratio": np.exp(logs)},
    )


def bias_gradient(data: Data, placement: Placement, *, seed: int = 0, depth: int = 3) -> np.ndarray:
    """The size of the loss gradient in the hidden biases and weights, in float64.

    Returns `(depth, 2)`: for each hidden layer the norm of the gradient of its bias and of its
    weight, at initialisation, in training mode, for one batch of 64.
    """
    model = mlps(data, [seed], depth=depth, norm=ARMS["BN"], placement=placement)[0].double()
    index = torch.randperm(len(data.train_y), generator=generator(seed, stream=1))[:64]
    model.train()
    classification_loss(model(data.train_x[index].double()), data.train_y[index]).backward()
    rows = []
    for layer in range(depth):
        linear = model.get_submodule(f"hidden.{layer}.linear")
        gradients = [linear.get_parameter(name).grad for name in ("bias", "weight")]
        rows.append([float(g.norm()) for g in gradients if g is not None])
    return np.array(rows)


def handed_on(data: Data, activation: str, placement: Placement, seed: int) -> tuple[float, float]:
    """What a hidden layer hands to the next one at initialisation: (offset, saturated).

    offset: |mean| / spread of a unit's value over the training data, averaged over the units of
    the third layer. saturated: the share of the activation's outputs there in the outer 5 % of
    its range, at either end; NaN for ReLU, which has no upper end.
    """
    model = mlps(
        data, [seed], depth=4, norm=ARMS["BN"], activation=activation, placement=placement
    )[0]
    with torch.no_grad(), Recorder(model, named("2", "activation")) as seen:
        model(data.train_x)
    out = seen.outputs["hidden.2"]
    offset = float((out.mean(0).abs() / (out.std(0) + 1e-6)).mean())
    low = {"tanh": -1.0, "sigmoid": 0.0}.get(activation)
    if low is None:
        return offset, float("nan")
    place = (seen.outputs["hidden.2.activation"] - low) / (1 - low)
    return offset, float(((place < 0.05) | (place > 0.95)).float().mean())


def without_bias(data: Data, seeds: Sequence[int], *, steps: int = 100) -> dict[str, np.ndarray]:
    """Test accuracy of BN networks with and without hidden biases; each `(seeds,)`."""
    accuracy = {}
    for label, bias in (("with bias", True), ("without bias", False)):
        models = [
            MLP(
                data.features,
                data.classes,
                depth=3,
                width=32,
                generator=generator(seed),
                norm=ARMS["BN"],
                bias=bias,
            )
            for seed in seeds
        ]
        history = fit_many(
            models, data, steps=steps, generators=shuffles(seeds), lrs=0.1, eval_every=steps
        )
        accuracy[label] = history.test_accuracy[:, -1]
    return accuracy
