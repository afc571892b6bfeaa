"""Where the batch stops standing for the data: sorted, split up, or constant."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from bncourse.data import Data, load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import generator, mlps, shuffles
from bncourse.models import MLP, NormFactory
from bncourse.training import Order, accuracy, classification_loss, fit, fit_many
from bnlib.nn import BatchNorm1d
from bnlib.norms import GroupNorm

NORMS: dict[str, NormFactory] = {
    "BN": BatchNorm1d,
    "GroupNorm": partial(GroupNorm, 4),
}
MIXTURES: dict[str, int | None] = {"one class": 1, "two classes": 2, "shuffled": None}


def few_classes(y: Tensor, classes: int, batch_size: int) -> Order:
    """An order in which every run of `batch_size` examples has only `classes` different labels.

    y: the labels, `(N,)`. The classes that share a batch are drawn anew for each; leftovers that
    fill no batch are left out of the pass.
    Raises ValueError if `classes` does not divide the batch size, or no class fills its part.
    """
    if batch_size % classes:
        raise ValueError(
            f"classes must divide the batch size, got {classes} for {batch_size}: "
            "take equal parts of each class"
        )
    part = batch_size // classes
    if part > (most := int(torch.bincount(y).max())):
        raise ValueError(
            f"a class must fill its part of a batch, got {part} examples and at most {most} of a "
            "class: take a smaller batch_size"
        )

    def order(g: torch.Generator) -> Tensor:
        mixed = torch.randperm(len(y), generator=g)
        piles = [
            [p for p in mixed[y[mixed] == c].split(part) if len(p) == part] for c in y.unique()
        ]
        taken: list[Tensor] = []
        while len(left := [pile for pile in piles if pile]) >= classes:
            for i in torch.randperm(len(left), generator=g)[:classes].tolist():
                taken.append(left[i].pop())
        return torch.cat(taken)

    return order


def trained_on(
    mixture: str, norm: str, seeds: Sequence[int], *, batch_size: int, lr: float, steps: int
) -> np.ndarray:
    """Test accuracy in percent of an MLP trained on batches of one of MIXTURES; `(seeds,)`."""
    data = load()
    classes = MIXTURES[mixture]
    order = None if classes is None else few_classes(data.train_y, classes, batch_size)
    found = []
    for seed in seeds:
        (net,) = mlps(data, [seed], depth=2, norm=NORMS[norm])
        run = fit(
            net,
            data,
            steps=steps,
            generator=shuffles([seed])[0],
            batch_size=batch_size,
            lr=lr,
            order=order,
            eval_every=steps,
        )
        found.append(100 * run.test_accuracy[-1])
    return np.array(found)


@measures(
    Claim(
        id="sorted-batches",
        beyond=True,
        text="Batches that are not a random sample hurt batch normalization more than a norm that "
        "looks at single examples.",
        notes="4.3",
        chapter="09_edge_cases",
        effect="test accuracy lost to one-class batches, BN − GroupNorm",
        above=5,
        unit="points",
    )
)
def sorted_batches(
    seeds: Sequence[int] = SEEDS, *, batch_size: int = 32, lr: float = 0.01, steps: int = 100
) -> Result:
    """Shuffled batches against batches of one or two classes, for BN and for group norm."""
    setting = {"batch_size": batch_size, "lr": lr, "steps": steps}
    arms = {
        f"{norm}, {mixture}": trained_on(mixture, norm, seeds, **setting)  # type: ignore[arg-type]
        for norm in NORMS
        for mixture in MIXTURES
    }
    lost = {norm: arms[f"{norm}, shuffled"] - arms[f"{norm}, one class"] for norm in NORMS}
    return weigh(
        sorted_batches.claim,
        (lost["BN"] - lost["GroupNorm"]).tolist(),
        data=f"digits, MLP of 2 × 32, {steps} steps of {batch_size}",
        seeds=seeds,
        arms=arms,
    )


def gradient(net: nn.Module, x: Tensor, y: Tensor, parts: int) -> Tensor:
    """Gradient of the mean loss over x, accumulated over `parts` equal parts, as one vector."""
    net.zero_grad()
    for one, label in zip(x.chunk(parts), y.chunk(parts), strict=True):
        (classification_loss(net(one), label) / parts).backward()
    found = [p.grad.flatten() for p in net.parameters() if p.grad is not None]
    net.zero_grad()
    return torch.cat(found)


@measures(
    Claim(
        id="accumulation-differs",
        beyond=True,
        text="With batch normalization, gradients accumulated over small batches are not the "
        "gradient of the big batch.",
        notes="4.3",
        chapter="09_edge_cases",
        effect="distance of the gradient of 4 batches of 8 from that of their 32 examples, "
        "relative to its length",
        above=0.1,
    )
)
def accumulation_differs(seeds: Sequence[int] = SEEDS) -> Result:
    """One batch of 32 against 4 accumulated batches of 8, at initialisation, by norm."""
    data = load()
    arms: dict[str, list[float]] = {name: [] for name in NORMS}
    for name, norm in NORMS.items():
        for net, shuffle in zip(
            mlps(data, seeds, depth=2, norm=norm), shuffles(seeds), strict=True
        ):
            index = torch.randperm(len(data.train_y), generator=shuffle)[:32]
            x, y = data.train_x[index], data.train_y[index]
            whole, pieces = gradient(net, x, y, 1), gradient(net, x, y, 4)
            arms[name].append(float((pieces - whole).norm() / whole.norm()))
    return weigh(
        accumulation_differs.claim,
        arms["BN"],
        data="digits, MLP of 2 × 32, at initialisation",
        seeds=seeds,
        arms=arms,
    )


def hot_pixel(
    levels: Sequence[int], seeds: Sequence[int] = SEEDS, steps: int = 150
) -> dict[str, np.ndarray]:
    """A pixel that is 0 in every training image shows `level` (of 16) in every test image.

    The same MLP standardises its raw input in two ways: with a batch norm layer in front
    (`BN on the input`), whose running variance of that pixel decays towards 0; or beforehand,
    with a constant pixel left unscaled (`bncourse.data`).
    Returns test accuracy in percent by arm, `(seeds, levels)`.
    """
    raw, ready = load(standardise=False), load()
    pixel = int((raw.train_x.std(0) == 0).nonzero()[0])
    found = {}
    for arm, data in (("BN on the input", raw), ("bncourse.data", ready)):
        nets = [_with_input_norm(data, seed, arm == "BN on the input") for seed in seeds]
        fit_many(nets, data, steps=steps, generators=shuffles(seeds), lrs=0.05, eval_every=steps)
        rows = []
        for level in levels:
            x = data.test_x.clone()
            x[:, pixel] += level
            rows.append([100 * accuracy(net, x, data.test_y) for net in nets])
        found[arm] = np.array(rows).T
    return found


def _with_input_norm(data: Data, seed: int, norm: bool) -> nn.Module:
    net = MLP(
        data.features,
        data.classes,
        depth=2,
        width=32,
        generator=generator(seed),
        norm=BatchNorm1d,
    )
    return nn.Sequential(BatchNorm1d(data.features), net) if norm else net
