"""Ghost batches: the optimizer keeps its batch, only the statistics come from fewer examples."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bncourse.data import Data, load
from bncourse.evidence import SEEDS
from bncourse.experiments.arms import generator, shuffles
from bncourse.models import NormFactory, initialise
from bncourse.training import fit_many
from bnlib.norms import GhostBatchNorm, GroupNorm, InstanceNorm, LayerNorm

BATCH = 32
STEPS = 100
GHOSTS = (1, 2, 4, 32)
NORMS: dict[str, NormFactory] = {
    **{f"BN of {size}": partial(GhostBatchNorm, examples=size) for size in GHOSTS},
    "LayerNorm": LayerNorm,
    "GroupNorm": partial(GroupNorm, groups=4),
    "InstanceNorm": InstanceNorm,
}


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


def ghosts(pool: bool, seeds: Sequence[int] = SEEDS, steps: int = STEPS) -> dict[str, np.ndarray]:
    """A PatchNet with each of NORMS, all trained on the same batches of 32 at the same rate.

    `BN of k` takes its statistics from groups of k of the 32 examples, so that only the
    statistics change, not what the optimizer sees.
    Returns by arm `(seeds, 2)`: the mean loss over the last fifth of the training steps, and the
    test accuracy in percent.
    """
    data = patched()
    found = {}
    for arm, norm in NORMS.items():
        run = fit_many(
            [PatchNet(data, norm, generator(seed), pool=pool) for seed in seeds],
            data,
            steps=steps,
            generators=shuffles(seeds),
            lrs=0.05,
            batch_size=BATCH,
            eval_every=steps,
        )
        late = run.losses[:, -max(1, steps // 5) :].mean(1)
        found[arm] = np.stack([late, 100 * run.test_accuracy[:, -1]], 1)
    return found
