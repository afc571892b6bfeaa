"""The verdict on running statistics: take them anew on the data, and compare the loss.

The statistics are pooled over batches exactly, unequal ones too, while the layers before normalise
with the batch, as "precise" statistics are taken (Wu & Johnson 2021, section 3).
"""

from collections.abc import Iterable
from functools import cached_property

import torch

from bnlib.doctor.lab import Lab
from bnlib.doctor.moments import Call, Moments, Statistics, divergence, in_halves, merged
from bnlib.doctor.report import Cost

CANDIDATES = 8  # layers whose own share of the cost is measured
DEVIANT = 0.02  # nats: the mean divergence of a layer below which nothing is measured


class Verdict:
    """What the running statistics of a model cost on the data of a lab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    @cached_property
    def seen(self) -> list[dict[Call, Moments]]:
        """What the layers meet, per example, without dropout."""
        return self.lab.moments()

    @cached_property
    def estimate(self) -> dict[str, Moments]:
        """The statistics of all the data by layer."""
        return {path: moments for (path, _), moments in merged(self.seen).items()}

    @cached_property
    def halves(self) -> tuple[Statistics, Statistics]:
        """The statistics of the even and of the odd examples; of all, where there is but one."""
        return in_halves(self.seen)

    @cached_property
    def losses(self) -> torch.Tensor:
        """The losses with the running statistics as they are, (B,)."""
        return self.lab.losses()

    @cached_property
    def mended(self) -> torch.Tensor:
        """The losses with all statistics taken anew, (B,)."""
        return self.lab.losses(self.halves)

    @cached_property
    def cost(self) -> Cost:
        """What all statistics together cost."""
        return Cost.of(self.losses, self.mended)

    @property
    def judged(self) -> bool:
        """Whether there is a loss to judge by."""
        return bool(self.mended.isfinite().all())

    @cached_property
    def with_dropout(self) -> list[dict[Call, Moments]]:
        """What the layers meet, per example, with dropout."""
        return self.lab.moments(stochastic=True)

    @cached_property
    def divergence(self) -> dict[str, float]:
        """By layer how far the running statistics are from the data's, in nats per channel."""
        return {path: self._from_running(path, data) for path, data in self.estimate.items()}

    def fits_dropout(self, path: str) -> bool:
        """Whether the running statistics of a layer fit the data better with dropout."""
        noisy = merged(self.with_dropout)
        if (path, 0) not in noisy:
            return False
        return self._from_running(path, noisy[path, 0]) < self.divergence[path] / 2

    def _from_running(self, path: str, data: Moments) -> float:
        layer = self.lab.layers[path]
        mean, var = layer.get_buffer("running_mean"), layer.get_buffer("running_var")
        running = Moments(0, mean.double(), var.double())
        return divergence(data, running, getattr(layer, "eps", 1e-5))

    @cached_property
    def shares(self) -> dict[str, Cost]:
        """By layer, the worst first, what it costs alone, where all others are mended."""
        deviant = [path for path, nats in self.divergence.items() if nats > DEVIANT]
        worst = sorted(deviant, key=lambda path: -self.divergence[path])[:CANDIDATES]
        return {path: self.share([path]) for path in worst}

    @cached_property
    def culprits(self) -> dict[str, Cost]:
        """The layers whose statistics cost loss: those that do alone, else the most deviant."""
        if not self.judged:
            return {}
        alone = {path: cost for path, cost in self.shares.items() if cost.material}
        if alone or not self.shares or not self.cost.material:
            return alone
        return {next(iter(self.shares)): self.cost}  # they cost together, none of them alone

    def share(self, paths: Iterable[str]) -> Cost:
        """What the running statistics of some layers cost, where all others are mended."""
        left = set(paths)
        without = [
            {call: m for call, m in half.items() if call[0] not in left} for half in self.halves
        ]
        return Cost.of(self.lab.losses((without[0], without[1])), self.mended)
