"""Modes forgotten around validation: eval() before it, train() after it (notes 7)."""

import functools
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from bncourse.data import Data, load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import ARMS, generator, mlps, shuffles
from bncourse.experiments.ch05_train_eval.clinic import EPOCHS, Program, examine, never_restored
from bncourse.experiments.ch05_train_eval.modes import probabilities
from bncourse.experiments.ch05_train_eval.trained import BATCH, ON, STEPS, trained
from bncourse.training import accuracy, fit_many

SIZES = (4, 8, 16, 32, 64, 150, 450)
ORDERS = ("shuffled", "sorted by class")


def measured_accuracy(net: nn.Module, data: Data, size: int, order: str, seed: int) -> float:
    """Test accuracy in percent that validating in the *present* mode of `net` would report.

    order: "shuffled" or "sorted by class"; a last batch of one example is left out of the count.
    """
    if order not in ORDERS:
        raise ValueError(f"unknown order, got {order!r}: choose one of {', '.join(ORDERS)}")
    index = torch.argsort(data.test_y, stable=True)
    if order == "shuffled":
        index = torch.randperm(len(data.test_y), generator=generator(seed, stream=4))
    parts = [part for part in index.split(size) if len(part) > 1]
    kept = torch.cat(parts)
    places = torch.arange(len(kept)).split([len(part) for part in parts])
    classes = probabilities(net, data.test_x[kept], places).argmax(1)
    return 100 * float((classes == data.test_y[kept]).float().mean())


@functools.cache
def _validations(seeds: tuple[int, ...], sizes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Accuracy in percent: reported in train mode, `(seeds, sizes)` per order, and in eval mode."""
    data = load()
    found = {
        order: np.array(
            [[measured_accuracy(trained(s), data, size, order, s) for size in sizes] for s in seeds]
        )
        for order in ORDERS
    }
    true = [[100 * accuracy(trained(s), data.test_x, data.test_y)] * len(sizes) for s in seeds]
    return {**found, "eval mode": np.array(true)}


def _forgetting(claim: Claim, order: str, seeds: Sequence[int], sizes: Sequence[int]) -> Result:
    if BATCH not in sizes:
        raise ValueError(
            f"need {BATCH} among the sizes, which the claim is about, got {tuple(sizes)}: add it"
        )
    found = _validations(tuple(seeds), tuple(sizes))
    effects = (found["eval mode"] - found[order])[:, list(sizes).index(BATCH)]
    arms = {name: values.tolist() for name, values in found.items()} | {"sizes": list(sizes)}
    return weigh(claim, effects.tolist(), data=ON, seeds=seeds, arms=arms)


@measures(
    Claim(
        id="forget-eval",
        text="Without model.eval() before validation, the measured accuracy is wrong (shuffled "
        "validation images).",
        notes="7",
        chapter="05_train_eval",
        effect="accuracy in eval mode, less that in train mode, shuffled batches of 32",
        above=1,
        unit="points",
        literature="An evaluation that follows the batch statistics more closely gains 6.18 "
        "points at batch 2: the mismatch of the two modes is costly there {cite:p}`singh2019`.",
    )
)
def forget_eval(seeds: Sequence[int] = SEEDS, sizes: Sequence[int] = SIZES) -> Result:
    """Measured at a batch size of 32; the arms are over `sizes`."""
    return _forgetting(forget_eval.claim, "shuffled", seeds, sizes)


@measures(
    Claim(
        id="forget-eval-sorted",
        text="Without model.eval() before validation, the measured accuracy is wrong (validation "
        "images sorted by class).",
        notes="7",
        chapter="05_train_eval",
        effect="accuracy in eval mode, less that in train mode, sorted batches of 32",
        above=1,
        unit="points",
    )
)
def forget_eval_sorted(seeds: Sequence[int] = SEEDS, sizes: Sequence[int] = SIZES) -> Result:
    """Measured at a batch size of 32; the arms are over `sizes`."""
    return _forgetting(forget_eval_sorted.claim, "sorted by class", seeds, sizes)


@functools.cache
def _forgotten(seeds: tuple[int, ...], depth: int, program: Program) -> dict[str, np.ndarray]:
    """Test accuracy after each epoch, with train() and without: `(seeds, epochs)`.

    The healthy runs are those of the same program with train() in each epoch, side by side in
    `fit_many`.
    """
    data = load()
    healthy = fit_many(
        mlps(data, seeds, depth=depth, norm=ARMS["BN"]),
        data,
        steps=STEPS,
        batch_size=BATCH,
        generators=shuffles(seeds),
        eval_every=STEPS // EPOCHS,
    )
    return {
        "train() restored": 100 * healthy.test_accuracy[:, 1:],
        "never restored": examine(program, seeds, depth=depth),
    }


def _cost(claim: Claim, depth: int, seeds: Sequence[int], program: Program) -> Result:
    arms = _forgotten(tuple(seeds), depth, program)
    effects = (arms["train() restored"] - arms["never restored"])[:, -1]
    return weigh(
        claim,
        effects.tolist(),
        data=f"the 450 test digits (an MLP with {depth} hidden BN layers of 32)",
        seeds=seeds,
        arms={name: values.tolist() for name, values in arms.items()},
    )


@measures(
    Claim(
        id="forget-train",
        text="Without model.train() in the training loop, the epochs after the first validation "
        "do not use batch statistics, and the result is worse (3 hidden layers).",
        notes="7",
        chapter="05_train_eval",
        effect=f"test accuracy after {EPOCHS} epochs with train() restored, less that without",
        above=1,
        unit="points",
    )
)
def forget_train(seeds: Sequence[int] = SEEDS, program: Program = never_restored) -> Result:
    """program: the broken one."""
    return _cost(forget_train.claim, 3, seeds, program)


@measures(
    Claim(
        id="forget-train-deep",
        text="Without model.train() in the training loop, the epochs after the first validation "
        "do not use batch statistics, and the result is worse (10 hidden layers).",
        notes="7",
        chapter="05_train_eval",
        effect=f"test accuracy after {EPOCHS} epochs with train() restored, less that without",
        above=1,
        unit="points",
    )
)
def forget_train_deep(seeds: Sequence[int] = SEEDS, program: Program = never_restored) -> Result:
    """program: the broken one."""
    return _cost(forget_train_deep.claim, 10, seeds, program)
