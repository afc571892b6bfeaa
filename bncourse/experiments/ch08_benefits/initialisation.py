"""Chapter 8: can a network be trained from weights that start too small or too large?"""

from collections.abc import Sequence

import numpy as np
import torch

from bncourse.data import load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import ARMS, mlps, shuffles
from bncourse.experiments.ch08_benefits.runs import leave_one_out
from bncourse.training import classification_loss, fit_many

GAINS = (0.25, 0.5, 1.0, 2.0, 4.0)  # factors on the initial weights
RATES = (0.00001, 0.001, 0.01, 0.1)
DEPTH, STEPS, BATCH = 6, 80, 64
BAD = (0, -1)  # the outermost gains


def first_layer_gradients(
    arm: str, seeds: Sequence[int], gains: Sequence[float] = GAINS, depth: int = DEPTH
) -> np.ndarray:
    """Norm of the gradient in the weights of the first layer, before training; `(gains, seeds)`.

    For one batch of 64 digits per seed, in training mode.
    """
    data = load()
    norms = []
    for gain in gains:
        for model, g in zip(
            mlps(data, seeds, depth=depth, norm=ARMS[arm], gain=gain), shuffles(seeds), strict=True
        ):
            index = torch.randperm(len(data.train_y), generator=g)[:BATCH]
            weight = model.get_submodule("hidden.0.linear").get_parameter("weight")
            loss = classification_loss(model(data.train_x[index]), data.train_y[index])
            norms.append(float(torch.autograd.grad(loss, weight)[0].norm()))
    return np.array(norms).reshape(len(gains), len(seeds))


def from_scaled_weights(
    arm: str,
    seeds: Sequence[int],
    gains: Sequence[float],
    rates: Sequence[float],
    *,
    depth: int,
    steps: int,
) -> np.ndarray:
    """Final test accuracy from He's weights times each gain, `(gains, rates, seeds)`."""
    data = load()
    plan = [(gain, rate, seed) for gain in gains for rate in rates for seed in seeds]
    history = fit_many(
        [mlps(data, [seed], depth=depth, norm=ARMS[arm], gain=gain)[0] for gain, _, seed in plan],
        data,
        steps=steps,
        generators=shuffles([seed for _, _, seed in plan]),
        lrs=[rate for _, rate, _ in plan],
        batch_size=BATCH,
        eval_every=steps,
        eval_train=1,
    )
    return history.test_accuracy[:, -1].reshape(len(gains), len(rates), len(seeds))


def at_best_rate(accuracy: np.ndarray) -> np.ndarray:
    """`(gains, rates, seeds)` at the rate that was best on the other seeds, `(gains, seeds)`."""
    gains, seeds = np.indices(accuracy[:, 0].shape)
    return accuracy[gains, leave_one_out(accuracy).argmax(1), seeds]


@measures(
    Claim(
        id="rescues-bad-init",
        text="Batch normalization reduces the risk of vanishing and exploding gradients: it trains "
        "from weights that start too small or too large.",
        notes="4.1",
        chapter="08_benefits",
        effect="test accuracy from He's weights times 1/4 and times 4, BN minus none, each at its "
        "best rate",
        above=10.0,
        unit="points",
        literature="{cite:t}`yang2019`: deep plain networks with batch normalization have "
        "exploding gradients at initialisation themselves.",
    )
)
def rescues_bad_init(
    seeds: Sequence[int] = SEEDS,
    *,
    gains: Sequence[float] = GAINS,
    rates: Sequence[float] = RATES,
    depth: int = DEPTH,
    steps: int = STEPS,
) -> Result:
    """The gain in accuracy after a bad initialisation, the mean over too small and too large.

    gains: factors on the initial weights, in order; the first and the last are the bad ones.
    Each arm takes the one of `rates` that is best on the other seeds, at each gain.
    """
    arms = {}
    for arm in ("BN", "none"):
        final = from_scaled_weights(arm, seeds, gains, rates, depth=depth, steps=steps)
        arms[arm] = at_best_rate(final)
        arms[f"{arm} gradients"] = first_layer_gradients(arm, seeds, gains, depth)
    gain = 100 * (arms["BN"] - arms["none"])
    return weigh(
        rescues_bad_init.claim,
        gain[list(BAD)].mean(0).tolist(),
        data=f"digits, MLPs of width 32 with {depth} hidden layers, {steps} steps",
        seeds=seeds,
        arms={**arms, "gains": gains, "depth": depth},
    )
