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

# On pixel values from 0 to 16.
SHIFTS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "faded": lambda x, g: 0.4 * x + 6,
    "noisy": lambda x, g: (x + 5 * torch.randn(x.shape, generator=g)).clamp(0, 16),
    "inverted": lambda x, g: 16 - x,
}


def shifted(name: str | None, seed: int) -> Data:
    """The digits as `(N, 64)`, with the test images changed by one of SHIFTS, or left as they are.

    All pixels are standardised by the one mean and spread of the clean training images: a spread
    for each pixel would make the faintest change of an almost constant pixel enormous.
    """
    data = load(images=True, standardise=False)
    x = data.test_x if name is None else SHIFTS[name](data.test_x, generator(seed, stream=4))
    mean, std = data.train_x.mean(), data.train_x.std()
    train_x, test_x = (((part - mean) / std).flatten(1) for part in (data.train_x, x))
    return replace(data, train_x=train_x, test_x=test_x)


@functools.cache
def under_shift(seeds: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Test accuracy in percent before and after new statistics, for each of SHIFTS; `(seeds,)`.

    The statistics are taken anew of the first half of the changed test images, without their
    labels; the accuracies are those on the other half. Arms `clean`, `noisy, old`, `noisy, new`...
    """
    digits = shifted(None, 0)
    half = len(digits.test_y) // 2
    nets = trained(digits, seeds)
    found = {"clean": [accuracy(n, digits.test_x[half:], digits.test_y[half:]) for n in nets]}
    for name in SHIFTS:
        rows: list[tuple[float, float]] = []
        for net, seed in zip(nets, seeds, strict=True):
            x = shifted(name, seed).test_x
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
def fading_undone(seeds: Sequence[int] = SEEDS) -> Result:
    """Faded images are 0.4 x + 6: the first layer's new statistics take both numbers out."""
    arms = under_shift(tuple(seeds))
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
def shift_recovered(seeds: Sequence[int] = SEEDS) -> Result:
    """The share for noise; the arms also hold the faded and the inverted images."""
    arms = under_shift(tuple(seeds))
    lost = arms["clean"] - arms["noisy, old"]
    effects = (arms["noisy, new"] - arms["noisy, old"]) / lost
    return weigh(
        shift_recovered.claim,
        effects.tolist(),
        data=ON,
        seeds=seeds,
        arms=arms,
    )
