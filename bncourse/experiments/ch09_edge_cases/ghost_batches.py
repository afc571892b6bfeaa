"""Ghost batches: the optimizer keeps its batch, only the statistics come from fewer examples."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bncourse.data import Data, load
from bncourse.evidence import SEEDS
from bncourse.experiments.arms import generator, shuffles
from bncourse.models import NormFactory, initialise
from bncourse.training import fit_many


def patches(images: Tensor, size: int = 4, stride: int = 2) -> Tensor:
    """Cut images `(N, 1, H, W)` into square patches: `(N, positions, size²)`."""
    return F.unfold(images, size, stride=stride).transpose(1, 2)


def patched() -> Data:
    """The digits as 9 overlapping patches of 4 x 4 pixels each, `(N, 9, 16)`."""
    data = load(images=True)
    return replace(data, train_x=patches(data.train_x), test_x=patches(data.test_x))


class PatchNet(nn.Module):
    """Two layers applied to every patch alike: a convolution with stride 2, then a 1 x 1 one.

    Input `(N, positions, features)` from `patches`, output `(N, classes)`. The norms see
    `(N, width, positions)`.
    pool: average over the positions before the output layer, or give it all of them.
    """

    def __init__(
        self, data: Data, norm: NormFactory, g: torch.Generator, *, pool: bool, width: int = 32
    ) -> None:
        super().__init__()
        _, positions, features = data.train_x.shape
        self.pool = pool
        self.linear1 = nn.Linear(features, width, bias=False)
        self.linear2 = nn.Linear(width, width, bias=False)
        self.norm1, self.norm2 = norm(width), norm(width)
        initialise(self, g)
        self.output = nn.Linear(width if pool else width * positions, data.classes)
        initialise(self.output, g, "lecun")

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm1(self.linear1(x).transpose(1, 2)))
        x = torch.relu(self.norm2(self.linear2(x.transpose(1, 2)).transpose(1, 2)))
        return self.output(x.mean(2) if self.pool else x.flatten(1))


def trained(
    norm: NormFactory,
    *,
    pool: bool,
    seeds: Sequence[int] = SEEDS,
    batch_size: int = 32,
    lr: float = 0.05,
    steps: int = 100,
) -> np.ndarray:
    """Train a PatchNet with one norm; the same weights and batches for every norm.

    Returns `(seeds, 2)`: the mean loss over the last fifth of the training steps, and the test
    accuracy in percent.
    """
    data = patched()
    run = fit_many(
        [PatchNet(data, norm, generator(seed), pool=pool) for seed in seeds],
        data,
        steps=steps,
        generators=shuffles(seeds),
        lrs=lr,
        batch_size=batch_size,
        eval_every=steps,
    )
    late = run.losses[:, -max(1, steps // 5) :].mean(1)
    return np.stack([late, 100 * run.test_accuracy[:, -1]], 1)
