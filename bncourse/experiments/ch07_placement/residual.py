"""Chapter 7: residual blocks whose last gamma starts at 1, or at 0."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bncourse.data import load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import generator, shuffles
from bncourse.experiments.ch08_benefits.runs import leave_one_out
from bncourse.models import ResNet
from bncourse.training import fit_many
from bnlib.nn import BatchNorm2d

BLOCKS, STEPS, RATES = 8, 50, (0.1, 1.0)


def residual_nets(seeds: Sequence[int], *, zero_gamma: bool, blocks: int = BLOCKS) -> list[ResNet]:
    """One small residual network with BN for the digits per seed."""
    return [
        ResNet(
            1,
            10,
            generator=generator(seed),
            blocks=blocks,
            width=8,
            norm=BatchNorm2d,
            zero_gamma=zero_gamma,
        )
        for seed in seeds
    ]


def residual_losses(
    zero_gamma: bool, seeds: Sequence[int], blocks: int, rates: Sequence[float], steps: int
) -> np.ndarray:
    """Mini-batch losses of the training, `(rates, seeds, steps)`."""
    data = load(images=True)
    # Only the losses are used: keep the evaluations before and after the run cheap.
    data = replace(data, test_x=data.test_x[:10], test_y=data.test_y[:10])
    plan = [(rate, seed) for rate in rates for seed in seeds]
    history = fit_many(
        residual_nets([seed for _, seed in plan], zero_gamma=zero_gamma, blocks=blocks),
        data,
        steps=steps,
        generators=shuffles([seed for _, seed in plan]),
        lrs=[rate for rate, _ in plan],
        batch_size=32,
        eval_every=steps,
        eval_train=10,
    )
    return history.losses.reshape(len(rates), len(seeds), steps)


def loss_at_best_rate(losses: np.ndarray) -> np.ndarray:
    """Mean loss over the run, at the rate where it was lowest on the other seeds; `(seeds,)`.

    losses: `(rates, seeds, steps)`; a run that diverged counts as a loss of 10.
    """
    mean = np.minimum(np.nan_to_num(losses, nan=10.0, posinf=10.0), 10.0).mean(-1)
    best = leave_one_out(mean).argmin(0)
    return mean[best, np.arange(mean.shape[1])]


@measures(
    Claim(
        id="zero-gamma-helps",
        beyond=True,
        text="Starting the last γ of each residual branch at 0 speeds up training.",
        notes="3.2",
        chapter="07_placement",
        effect="mean training loss over the run, γ = 1 minus γ = 0, each at its best rate",
        above=0.0,
        unit="nats",
        literature="{cite:t}`goyal2017` start so, for training with very large batches.",
    )
)
def zero_gamma_helps(
    seeds: Sequence[int] = SEEDS,
    *,
    blocks: int = BLOCKS,
    rates: Sequence[float] = RATES,
    steps: int = STEPS,
) -> Result:
    """How much lower the training loss is when every residual block starts as the identity."""
    one, zero = (residual_losses(zero, seeds, blocks, rates, steps) for zero in (False, True))
    return weigh(
        zero_gamma_helps.claim,
        (loss_at_best_rate(one) - loss_at_best_rate(zero)).tolist(),
        data=f"digits, residual networks of {blocks} blocks, {steps} steps",
        seeds=seeds,
        arms={"gamma 1": one, "gamma 0": zero, "rates": rates},
    )
