"""What the scale of the weights before batch norm does to training: it sets the learning rate."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import nn

from bncourse.data import load
from bncourse.evidence import SEEDS
from bncourse.experiments.arms import mlps, shuffles
from bncourse.models import MLP
from bncourse.training import fit
from bnlib.nn import BatchNorm1d

RATE = 0.05


def rescaled(
    weights: float, rate: float, seeds: Sequence[int] = SEEDS, steps: int = 60
) -> np.ndarray:
    """Training loss of an MLP whose hidden weight matrices, all before BN, are rescaled at start.

    weights: factor of those matrices; rate: factor of their learning rate. All else, the output
    layer, gamma and beta included, keeps the rate RATE.
    Returns the loss of each mini-batch, `(seeds, steps)`.  van Laarhoven 2017, section 2.
    """
    data = load()
    rows = []
    for seed in seeds:
        (net,) = mlps(data, [seed], depth=3, norm=BatchNorm1d)
        matrices = hidden_weights(net)
        with torch.no_grad():
            for matrix in matrices:
                matrix.mul_(weights)

        def optimizer(
            parameters: Iterable[nn.Parameter], matrices: list[nn.Parameter] = matrices
        ) -> torch.optim.Optimizer:
            apart = {id(matrix) for matrix in matrices}
            rest = [p for p in parameters if id(p) not in apart]
            groups: list[dict[str, object]] = [
                {"params": matrices, "lr": RATE * rate},
                {"params": rest},
            ]
            return torch.optim.SGD(groups, lr=RATE, momentum=0.9)

        run = fit(
            net,
            data,
            steps=steps,
            generator=shuffles([seed])[0],
            batch_size=32,
            optimizer=optimizer,
            eval_every=steps,
        )
        rows.append(run.losses)
    return np.array(rows)


def hidden_weights(net: MLP) -> list[nn.Parameter]:
    """The weight matrices of the hidden layers."""
    return [p for name, p in net.hidden.named_parameters() if name.endswith("linear.weight")]
