"""Fine-tuning a trained network: what stays as it was, and what only seems to."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from bncourse.data import Data, load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import generator, mlps, shuffles
from bncourse.models import MLP, initialise
from bncourse.training import accuracy, fit, fit_many
from bnlib.nn import BatchNorm1d
from bnlib.surgery.layers import batch_norms

STEPS = 200

# (do the running statistics move?, do gamma and beta learn?)
FREEZES: dict[str, tuple[bool, bool]] = {
    "both fixed": (False, False),
    "statistics move": (True, False),
    "γ and β learn": (False, True),
    "neither fixed": (True, True),
}


class Trunk(nn.Module):
    """Trained layers whose weights stay fixed; what their batch norms may do is up to you.

    statistics: whether `train()` puts them into train mode, where running statistics move.
    affine: whether gamma and beta learn.
    """

    def __init__(self, layers: nn.Module, *, statistics: bool, affine: bool) -> None:
        super().__init__()
        self.layers, self.statistics = layers.requires_grad_(False), statistics
        for layer in batch_norms(layers).values():
            layer.requires_grad_(affine)

    def train(self, mode: bool = True) -> "Trunk":
        # A plain `layers.eval()` would last only until the next `train()` of the whole network.
        super().train(mode and self.statistics)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def only(data: Data, digits: Sequence[int]) -> Data:
    """The examples of the given digits, which become the classes 0, 1, ..."""
    wanted = torch.tensor(digits)

    def part(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        kept = torch.isin(y, wanted)
        return x[kept], torch.searchsorted(wanted, y[kept])

    train, test = part(data.train_x, data.train_y), part(data.test_x, data.test_y)
    return Data(data.name, *train, *test, classes=len(digits))


def trained(data: Data, seeds: Sequence[int], steps: int = STEPS) -> list[MLP]:
    """An MLP with batch norm for each seed, trained on `data`."""
    nets = mlps(data, seeds, depth=2, norm=BatchNorm1d)
    fit_many(nets, data, steps=steps, generators=shuffles(seeds), batch_size=32, eval_every=steps)
    return nets


def head(net: MLP, data: Data, seed: int) -> nn.Linear:
    """A new last layer for `net`, with an output for each class of `data`."""
    layer = nn.Linear(net.output.in_features, data.classes)
    initialise(layer, generator(seed, stream=2), "lecun")
    return layer


def fine_tuned(
    net: MLP, data: Data, seed: int, *, statistics: bool, affine: bool, steps: int = 60
) -> nn.Sequential:
    """A copy of the hidden layers of `net` as a Trunk, and a new head, trained on `data`."""
    trunk = Trunk(copy.deepcopy(net.hidden), statistics=statistics, affine=affine)
    tuned = nn.Sequential(trunk, head(net, data, seed))
    order = generator(seed, stream=3)
    fit(tuned, data, steps=steps, generator=order, batch_size=32, lr=0.05, eval_every=steps)
    return tuned


@measures(
    Claim(
        id="frozen-still-moves",
        beyond=True,
        text="Layers frozen by requires_grad = False alone still change: their running statistics "
        "follow the new data, and the old task suffers.",
        notes="4.3",
        chapter="09_edge_cases",
        effect="test accuracy lost on the old task, only requires_grad off − eval mode too",
        above=1,
        unit="points",
    )
)
def frozen_still_moves(seeds: Sequence[int] = SEEDS, *, steps: int = 60) -> Result:
    """Train on the digits 0 to 4, fine-tune on 5 to 9 under each of FREEZES, test both tasks.

    steps: those of the fine-tuning.
    """
    digits = load()
    old, new = only(digits, range(5)), only(digits, range(5, 10))
    nets = trained(old, seeds)
    arms = {"before": [100 * accuracy(net, old.test_x, old.test_y) for net in nets]}
    for arm, (statistics, affine) in FREEZES.items():
        tuned = [
            fine_tuned(net, new, seed, statistics=statistics, affine=affine, steps=steps)
            for net, seed in zip(nets, seeds, strict=True)
        ]
        back = [nn.Sequential(t[0], net.output) for t, net in zip(tuned, nets, strict=True)]
        arms[f"old, {arm}"] = [100 * accuracy(net, old.test_x, old.test_y) for net in back]
        arms[f"new, {arm}"] = [100 * accuracy(net, new.test_x, new.test_y) for net in tuned]
    effects = np.subtract(arms["old, both fixed"], arms["old, statistics move"])
    return weigh(
        frozen_still_moves.claim,
        effects.tolist(),
        data="digits 0–4, then 5–9, MLP of 2 × 32",
        seeds=seeds,
        arms=arms,
    )
