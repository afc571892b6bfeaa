"""Test images that changed after training, and statistics taken anew of the changed ones."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from bncourse.data import Data, load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import generator
from bncourse.experiments.ch05_train_eval.running import precise
from bncourse.experiments.ch09_edge_cases.freezing import trained
from bncourse.training import accuracy

ON = "digits, MLP of 2 × 32, half of the test images"

Shift = Callable[[Tensor, torch.Generator], Tensor]
FACTOR, OFFSET, NOISE = 0.4, 6.0, 5.0


def shifts(
    factor: float = FACTOR, offset: float = OFFSET, noise: float = NOISE
) -> dict[str, Shift]:
    """Three changes of pixel values from 0 to 16: faded, noisy, inverted."""
    return {
        "faded": lambda x, g: factor * x + offset,
        "noisy": lambda x, g: (x + noise * torch.randn(x.shape, generator=g)).clamp(0, 16),
        "inverted": lambda x, g: 16 - x,
    }


def shifted(shift: Shift | None, seed: int) -> Data:
    """The digits as `(N, 64)`, with the test images changed by a shift, or left as they are.

    All pixels are standardised by the one mean and spread of the clean training images: a spread
    for each pixel would make the faintest change of an almost constant pixel enormous.
    """
    data = load(images=True, standardise=False)
    x = data.test_x if shift is None else shift(data.test_x, generator(seed, stream=4))
    mean, std = data.train_x.mean(), data.train_x.std()
    train_x, test_x = (((part - mean) / std).flatten(1) for part in (data.train_x, x))
    return replace(data, train_x=train_x, test_x=test_x)


@functools.cache
def under_shift(
    seeds: tuple[int, ...], factor: float, offset: float, noise: float
) -> dict[str, np.ndarray]:
    """Test accuracy in percent before and after new statistics, for each shift; `(seeds,)`.

    The statistics are taken anew of the first half of the changed test images, without their
    labels; the accuracies are those on the other half. Arms `clean`, `noisy, old`, `noisy, new`...
    """
    digits = shifted(None, 0)
    half = len(digits.test_y) // 2
    nets = trained(digits, seeds)
    found = {"clean": [accuracy(n, digits.test_x[half:], digits.test_y[half:]) for n in nets]}
    for name, shift in shifts(factor, offset, noise).items():
        rows: list[tuple[float, float]] = []
        for net, seed in zip(nets, seeds, strict=True):
            x = shifted(shift, seed).test_x
            tested = (x[half:], digits.test_y[half:])
            rows.append((accuracy(net, *tested), accuracy(precise(net, x[:half]), *tested)))
        found[f"{name}, old"], found[f"{name}, new"] = ([r[i] for r in rows] for i in (0, 1))
    return {arm: 100 * np.array(values) for arm, values in found.items()}


@measures(
    Claim(
        id="fading-undone",
        beyond=True,
        text="Statistics taken anew of faded images, without labels, undo the fading.",
        notes="4.3",
        chapter="09_edge_cases",
        effect="test accuracy still missing with new statistics, clean − faded",
        below=2,
        unit="points",
        kind="derived",
    )
)
def fading_undone(
    seeds: Sequence[int] = SEEDS,
    *,
    factor: float = FACTOR,
    offset: float = OFFSET,
    noise: float = NOISE,
) -> Result:
    """Faded images are factor x + offset: the first layer's new statistics take both out."""
    arms = under_shift(tuple(seeds), factor, offset, noise)
    effects = arms["clean"] - arms["faded, new"]
    return weigh(fading_undone.claim, effects.tolist(), data=ON, seeds=seeds, arms=arms)


@measures(
    Claim(
        id="shift-recovered",
        beyond=True,
        text="Statistics taken anew of noisy images, without labels, win back most of the accuracy "
        "that the noise cost.",
        notes="4.3",
        chapter="09_edge_cases",
        effect="share of the lost accuracy that comes back",
        above=0.5,
    )
)
def shift_recovered(
    seeds: Sequence[int] = SEEDS,
    *,
    factor: float = FACTOR,
    offset: float = OFFSET,
    noise: float = NOISE,
) -> Result:
    """The share for noise; the arms also hold the faded and the inverted images.

    Raises ValueError where a seed loses nothing by the noise.
    """
    arms = under_shift(tuple(seeds), factor, offset, noise)
    lost = arms["clean"] - arms["noisy, old"]
    if (lost <= 0).any():
        raise ValueError(
            f"every seed must lose accuracy by the noise, got {lost.round(1).tolist()} points at "
            f"noise={noise:g}: take more noise"
        )
    effects = (arms["noisy, new"] - arms["noisy, old"]) / lost
    return weigh(
        shift_recovered.claim,
        effects.tolist(),
        data=ON,
        seeds=seeds,
        arms=arms,
    )
