"""Running statistics: how fast they arrive, and how well they stand in for the data's own."""

import copy
import functools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from bncourse.data import load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import generator
from bncourse.experiments.ch05_train_eval.modes import probabilities
from bncourse.experiments.ch05_train_eval.trained import ON, SNAPSHOTS, STEPS, trained
from bncourse.training import accuracy, batches
from bnlib.nn import BatchNorm1d
from bnlib.surgery.layers import batch_norms

SPREADS = ("unbiased variance (the layer)", "biased variance", "same batch again and again")


def steps_until(share: float, momentum: float) -> int:
    """Updates until the start's weight, (1 − momentum)^k, has fallen to 1 − share or below."""
    if not (0 < share < 1 and 0 < momentum < 1):
        raise ValueError(f"need both in (0, 1), got share={share}, momentum={momentum}")
    # 1e-9: a share that is reached exactly must not cost one step more by rounding.
    return int(np.ceil(np.log(1 - share) / np.log(1 - momentum) - 1e-9))


def precise(net: nn.Module, x: Tensor) -> nn.Module:
    """A copy of `net` whose running statistics are those of all of x, in one batch.

    Every layer's statistics are taken of what it gets when the layers before it are normalised
    by those of all of x too. Wu & Johnson 2021 call them precise statistics.
    """
    net = copy.deepcopy(net)
    layers = list(batch_norms(net).values())
    kept = [layer.momentum for layer in layers]
    modes = [layer.training for layer in layers]
    for layer in layers:
        layer.momentum = 1.0
        layer.train()
    with torch.no_grad():
        net(x)
    for layer, momentum, mode in zip(layers, kept, modes, strict=True):
        layer.momentum = momentum
        layer.train(mode)
    return net


@functools.cache
def _early(seeds: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Test accuracy in percent at the snapshots of training, three ways; `(seeds, snapshots)`."""
    data = load()
    rows: dict[str, list[list[float]]] = {"running": [], "precise": [], "batch": []}
    for seed in seeds:
        mixed = torch.randperm(len(data.test_y), generator=generator(seed, stream=4)).split(150)
        nets = [trained(seed, step) for step in SNAPSHOTS]
        exact = [precise(net, data.train_x) for net in nets]
        classes = [probabilities(net, data.test_x, mixed).argmax(1) for net in nets]
        rows["running"].append([accuracy(net, data.test_x, data.test_y) for net in nets])
        rows["precise"].append([accuracy(net, data.test_x, data.test_y) for net in exact])
        rows["batch"].append([float((found == data.test_y).float().mean()) for found in classes])
    return {name: 100 * np.array(values) for name, values in rows.items()}


@measures(
    Claim(
        id="running-average",
        text="Running averages of the batch statistics stand in for the data's own at test time.",
        notes="2.3",
        chapter="05_train_eval",
        effect="difference of the test accuracies with running and with precise statistics "
        f"after {STEPS} steps",
        below=1,
        unit="points",
        literature="Reported by {cite:t}`wu2021`: the exponential average is noisy early in "
        "training and with large batches; precise statistics need 1000 to 10 000 samples.",
    )
)
def running_average(seeds: Sequence[int] = SEEDS) -> Result:
    found = _early(tuple(seeds))
    effects = np.abs(found["running"] - found["precise"])[:, -1]
    arms = {name: values.tolist() for name, values in found.items()} | {"steps": list(SNAPSHOTS)}
    return weigh(running_average.claim, effects.tolist(), data=ON, seeds=seeds, arms=arms)


def spread_in_eval(sizes: Sequence[int], seeds: Sequence[int] = SEEDS) -> dict[str, np.ndarray]:
    """Standard deviation of a BN layer's output in eval mode; in train mode it is 1.

    The layer gets what the first linear layer of the trained network gives for the training
    images, in batches of each size, and averages the statistics of all batches (momentum=None).
    Returns, for each of SPREADS, `(seeds, sizes)`: over all images, with the layer's unbiased
    running variance; the same, had it averaged biased variances; and on one batch alone, for a
    layer that has seen no other.
    """
    found: dict[str, list[list[float]]] = {name: [] for name in SPREADS}
    for seed in seeds:
        z = trained(seed).get_submodule("hidden.0.linear")(load().train_x).detach()
        rows: dict[str, list[float]] = {name: [] for name in SPREADS}
        for size in sizes:
            order = torch.randperm(len(z), generator=generator(seed, stream=5))
            parts = batches(order, size)
            layer = fed(z, parts)
            biased = copy.deepcopy(layer)
            biased.get_buffer("running_var").mul_((size - 1) / size)
            rows[SPREADS[0]].append(_spread(layer, z))
            rows[SPREADS[1]].append(_spread(biased, z))
            alone = [_spread(fed(z, [part]), z[part]) ** 2 for part in parts[:20]]
            rows[SPREADS[2]].append(float(np.sqrt(np.mean(alone))))
        for name, values in rows.items():
            found[name].append(values)
    return {name: np.array(values) for name, values in found.items()}


def fed(x: Tensor, parts: Sequence[Tensor]) -> BatchNorm1d:
    """A fresh BN layer that has averaged the statistics of the batches x[part]; in eval mode."""
    layer = BatchNorm1d(x.shape[1], momentum=None)
    with torch.no_grad():
        for part in parts:
            layer(x[part])
    layer.eval()
    return layer


def _spread(layer: BatchNorm1d, x: Tensor) -> float:
    """Root mean square over channels of the output's standard deviation (divided by n)."""
    with torch.no_grad():
        return float(layer(x).var(0, correction=0).mean().sqrt())
