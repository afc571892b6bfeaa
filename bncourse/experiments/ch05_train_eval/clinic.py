"""A workbench for broken training programs: the pieces of a run, to be put together wrongly.

A program is a function of a `Run`. The chapter writes it out, mistake included, and `examine`
measures what it does, over the seeds.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from bncourse.data import load
from bncourse.evidence import SEEDS
from bncourse.experiments.arms import generator, mlps, shuffles
from bncourse.experiments.ch05_train_eval.trained import BATCH, trained
from bncourse.models import NormFactory
from bncourse.training import accuracy, classification_loss, predicted_class
from bnlib.nn import BatchNorm1d

EPOCHS = 4


class Run:
    """One training run on the digits, with its pieces in reach.

    net: an untrained MLP with BN layers (`depth` hidden layers of 32), in train mode as every new
        torch module is; ready=True gives the chapter's trained network instead.
    data: the digits. batches of `batch_size` images; a shorter last one is dropped, unless
        drop_last is False, as a torch DataLoader has it. examples: train on the first so many.

    Runs with the same seed start from the same weights and see the same batches.
    """

    def __init__(
        self,
        seed: int,
        *,
        depth: int = 3,
        norm: NormFactory = BatchNorm1d,
        ready: bool = False,
        batch_size: int = BATCH,
        examples: int | None = None,
        drop_last: bool = True,
    ) -> None:
        self.data, self.seed = load(), seed
        self.net: nn.Module = (
            trained(seed) if ready else mlps(self.data, [seed], depth=depth, norm=norm)[0]
        )
        self.norm, self.batch_size, self.drop_last = norm, batch_size, drop_last
        self.examples = examples or len(self.data.train_y)
        self._shuffle = shuffles([seed])[0]
        self._updates = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)

    def batches(self) -> Iterator[Tensor]:
        """Index tensors of one pass over the training images, shuffled."""
        order = torch.randperm(self.examples, generator=self._shuffle)
        for part in order.split(self.batch_size):
            if len(part) == self.batch_size or not self.drop_last:
                yield part

    def epochs(self, count: int = EPOCHS) -> Iterator[Iterator[Tensor]]:
        """`count` passes, each an iterator over batches."""
        for _ in range(count):
            yield self.batches()

    def step(self, index: Tensor) -> float:
        """Forward, backward and update on training images, in the mode the net is in; the loss."""
        self._updates.zero_grad()
        loss = classification_loss(self.net(self.data.train_x[index]), self.data.train_y[index])
        loss.backward()
        self._updates.step()
        return loss.item()

    def validation(self, size: int = BATCH, *, by_class: bool = False) -> list[Tensor]:
        """Index tensors of the test images in batches, shuffled or sorted by class."""
        order = torch.randperm(len(self.data.test_y), generator=generator(self.seed, stream=4))
        if by_class:
            order = torch.argsort(self.data.test_y, stable=True)
        return list(order.split(size))

    def right(self, index: Tensor) -> int:
        """How many of these test images the net gets right, in the mode it is in."""
        classes = predicted_class(self.net(self.data.test_x[index]))
        return int((classes == self.data.test_y[index]).sum())

    def accuracy(self) -> float:
        """The true test accuracy in percent: in eval mode, without leaving a trace."""
        return 100 * accuracy(self.net, self.data.test_x, self.data.test_y)


Program = Callable[[Run], float | list[float]]


def examine(program: Program, seeds: Sequence[int] = SEEDS, **settings: object) -> np.ndarray:
    """What the program returns for each seed: `(seeds,)`, or `(seeds, epochs)` for lists.

    settings: those of `Run`.
    """
    return np.array([program(Run(seed, **settings)) for seed in seeds])  # type: ignore[arg-type]


class ForgetfulBatchNorm(nn.Module):
    """BN as it is often written the first time; input `(N, C)`. The mistake is planted.

    The running statistics are plain attributes: `state_dict` does not know them.
    """

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.keep(torch.zeros(channels), torch.ones(channels))

    def keep(self, mean: Tensor, var: Tensor) -> None:
        """Remember the running statistics."""
        self.running_mean = mean
        self.running_var = var

    def forward(self, x: Tensor) -> Tensor:
        mu, var = self.running_mean, self.running_var
        if self.training:
            mu, var = x.mean(0), x.var(0, correction=0)
            n, m = len(x), self.momentum
            self.keep(
                (1 - m) * self.running_mean + m * mu.detach(),
                (1 - m) * self.running_var + m * var.detach() * n / (n - 1),
            )
        return self.weight * (x - mu) / torch.sqrt(var + self.eps) + self.bias


def never_restored(run: Run) -> list[float]:
    """Training in which nobody calls `train()` after validation: test accuracy per epoch."""
    report = []
    for epoch in run.epochs():
        for index in epoch:
            run.step(index)
        run.net.eval()
        report.append(run.accuracy())
    return report
