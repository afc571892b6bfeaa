"""Chapter 8: the noise of the batch statistics, and what it does to the generalisation gap."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from bncourse.data import load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import ARMS, generator, mlps, shuffles
from bncourse.models import NormFactory
from bncourse.recording import Recorder, named
from bncourse.training import fit_many
from bnlib.modes import evaluating
from bnlib.norms import GhostBatchNorm

SIZES = (2, 4, 8, 16, 32, 64, 128)
DRAWS = 300
EXAMPLES = 256  # few, so that every network gets all of them right and the gap is visible
REPEATS = 3  # networks per seed, averaged: one test accuracy is too coarse


def statistics_noise(z: Tensor, sizes: Sequence[int], draws: int, g: torch.Generator) -> np.ndarray:
    """How much batch mean and variance of `z (N, C)` vary between batches: `(2, sizes)`.

    The standard deviation over `draws` batches of the mean, in units of the channel's σ, and of
    the variance, in units of σ²; root mean square over the channels.
    """
    z = z[:, z.std(0) > 1e-6]
    z = (z - z.mean(0)) / z.std(0, correction=0)
    rows = []
    for size in sizes:
        index = torch.stack([torch.randperm(len(z), generator=g)[:size] for _ in range(draws)])
        var, mu = torch.var_mean(z[index], 1, correction=0)
        rows.append([float(v.var(0).mean().sqrt()) for v in (mu, var)])
    return np.array(rows).T


@measures(
    Claim(
        id="larger-batch-steadier",
        text="Larger batches give more stable estimates of mean and standard deviation.",
        notes="4.2",
        chapter="08_benefits",
        effect="slope of log(spread of the batch statistics) against log(batch size)",
        below=-0.4,
        kind="derived",
        literature="The standard error of a mean falls as n to the power -1/2.",
    )
)
def larger_batch_steadier(
    seeds: Sequence[int] = SEEDS,
    *,
    sizes: Sequence[int] = SIZES,
    draws: int = DRAWS,
    steps: int = 100,
) -> Result:
    """The slope, averaged over mean and variance, inside a BN network after 100 steps.

    Raises ValueError for a size of 1, and for one of all examples: their spread is 0.
    """
    data = load()
    if not all(1 < size < len(data.train_y) for size in sizes):
        raise ValueError(
            f"sizes must lie between 2 and {len(data.train_y) - 1}, got {tuple(sizes)}: one value "
            f"has no variance, and the batch of all {len(data.train_y)} examples is always the same"
        )
    models = mlps(data, seeds, depth=2, norm=ARMS["BN"])
    fit_many(models, data, steps=steps, generators=shuffles(seeds), eval_every=steps, eval_train=1)
    spread = []
    for model, seed in zip(models, seeds, strict=True):
        with evaluating(model), Recorder(model, named("linear")) as seen:
            model(data.train_x)
        z = seen.outputs["hidden.1.linear"]
        spread.append(statistics_noise(z, sizes, draws, generator(seed, stream=2)))
    array = np.array(spread)
    slopes = [np.polyfit(np.log(sizes), np.log(pair).T, 1)[0].mean() for pair in array]
    return weigh(
        larger_batch_steadier.claim,
        [float(slope) for slope in slopes],
        data=f"digits, second hidden layer of a BN network after {steps} steps",
        seeds=seeds,
        arms={"mean": array[:, 0], "variance": array[:, 1], "sizes": sizes},
    )


def accuracies(
    norm: NormFactory | None,
    seeds: Sequence[int],
    *,
    examples: int,
    rates: Sequence[float],
    batch_size: int,
    steps: int,
) -> np.ndarray:
    """Final (train, test) accuracy after training on so many digits; `(2, seeds)`.

    The mean over the rates, and over three networks for each rate and seed.
    """
    data = load()
    data = replace(data, train_x=data.train_x[:examples], train_y=data.train_y[:examples])
    plan = [(rate, seed + 1000 * r) for rate in rates for r in range(REPEATS) for seed in seeds]
    history = fit_many(
        mlps(data, [seed for _, seed in plan], depth=2, norm=norm),
        data,
        steps=steps,
        generators=shuffles([seed for _, seed in plan]),
        lrs=[rate for rate, _ in plan],
        batch_size=batch_size,
        eval_every=steps,
    )
    final = np.stack([history.train_accuracy[:, -1], history.test_accuracy[:, -1]])
    return final.reshape(2, -1, len(seeds)).mean(1)


def gap(accuracy: np.ndarray) -> np.ndarray:
    """Generalisation gap in points: training minus test accuracy, `(..., 2, seeds)`."""
    return 100 * (accuracy[..., 0, :] - accuracy[..., 1, :])


@measures(
    Claim(
        id="noise-regularises",
        text="The noise of the batch statistics regularises the network.",
        notes="4.2",
        chapter="08_benefits",
        effect="generalisation gap, statistics of 128 examples minus statistics of 8, at the same "
        "SGD batch of 128",
        above=0.0,
        unit="points",
        literature="{cite:t}`ioffe2015` could leave out dropout; {cite:t}`summers2020` use ghost "
        "batches.",
    )
)
def noise_regularises(
    seeds: Sequence[int] = SEEDS,
    *,
    groups: Sequence[int] = (8, 32, 128),
    batch_size: int = 128,
    examples: int = EXAMPLES,
    rates: Sequence[float] = (0.03, 0.1),
    steps: int = 100,
) -> Result:
    """How much smaller the gap is when BN normalises in small groups of the same batch.

    groups: how many examples share statistics; the effect compares the last with the first.
    """
    found = [
        accuracies(
            partial(GhostBatchNorm, examples=group),
            seeds,
            examples=examples,
            rates=rates,
            batch_size=batch_size,
            steps=steps,
        )
        for group in groups
    ]
    gaps = gap(np.stack(found))
    return weigh(
        noise_regularises.claim,
        (gaps[-1] - gaps[0]).tolist(),
        data=f"{examples} training digits, 2 hidden layers of width 32, {REPEATS} networks a seed",
        seeds=seeds,
        arms={
            "gap": gaps,
            "train": np.stack(found)[:, 0],
            "test": np.stack(found)[:, 1],
            "groups": groups,
        },
    )


@measures(
    Claim(
        id="small-batch-regularises",
        text="Smaller batches, with their noisier estimates, have a mild regularising effect.",
        notes="4.2",
        chapter="08_benefits",
        effect="generalisation gap of the BN network, batches of 128 minus batches of 8",
        above=0.0,
        unit="points",
    )
)
def small_batch_regularises(
    seeds: Sequence[int] = SEEDS,
    *,
    batches: Sequence[int] = (8, 32, 128),
    examples: int = EXAMPLES,
    rate: float = 0.01,
    steps: int = 300,
) -> Result:
    """How much smaller the gap is with small SGD batches; the plain network for comparison.

    batches: their sizes; the effect compares the last with the first.
    """
    setting = {"examples": examples, "rates": (rate,), "steps": steps}
    bn, none = (
        np.stack([accuracies(ARMS[arm], seeds, batch_size=size, **setting) for size in batches])  # type: ignore[arg-type]
        for arm in ("BN", "none")
    )
    gaps = gap(bn)
    return weigh(
        small_batch_regularises.claim,
        (gaps[-1] - gaps[0]).tolist(),
        data=f"{examples} training digits, 2 hidden layers of width 32, {REPEATS} networks a seed",
        seeds=seeds,
        arms={
            "BN": gaps,
            "none": gap(none),
            "BN train": bn[:, 0],
            "none train": none[:, 0],
            "BN test": bn[:, 1],
            "batches": batches,
        },
    )
