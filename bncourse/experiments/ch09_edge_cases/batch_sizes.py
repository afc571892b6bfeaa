"""Small batches: batch norm against the norms that look at one example at a time."""

import functools
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from bncourse.data import load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import mlps, shuffles
from bncourse.experiments.ch05_train_eval.running import precise
from bncourse.models import NormFactory
from bncourse.training import accuracy, fit_many
from bnlib.nn import BatchNorm1d
from bnlib.norms import GroupNorm, LayerNorm

EXAMPLES = 1280
SIZES = (2, 4, 8, 32)
ALONE = (1, *SIZES)  # for norms that need no other example
RATES = (0.02, 0.08)
ON = "digits, MLP of 2 × 32, {} examples at every batch size, better of {} rates"

MLP_NORMS: dict[str, NormFactory] = {
    "BN": BatchNorm1d,
    "GroupNorm": partial(GroupNorm, 4),
    "LayerNorm": LayerNorm,
}


@functools.cache
def after(
    norm: str,
    batch_size: int,
    seeds: tuple[int, ...],
    examples: int = EXAMPLES,
    rates: tuple[float, ...] = RATES,
) -> dict[str, np.ndarray]:
    """Test accuracy of an MLP trained in batches of `batch_size` on a fixed number of examples.

    The learning rate follows the batch size, rate · batch_size / 32, for each of the rates. Of
    these the one with the best mean over the seeds counts, for every norm and size by itself.
    Returns `{"test": (seeds,)}` in percent, for BN also `"precise"`: the same networks with
    statistics taken anew of all training images.  Goyal et al. 2017 for the scaled rate.
    """
    data = load()
    runs = [(rate, seed) for rate in rates for seed in seeds]
    nets = mlps(data, [seed for _, seed in runs], depth=2, norm=MLP_NORMS[norm])
    steps = examples // batch_size
    fit_many(
        nets,
        data,
        steps=steps,
        generators=shuffles([seed for _, seed in runs]),
        lrs=[rate * batch_size / 32 for rate, _ in runs],
        batch_size=batch_size,
        eval_every=steps,
    )
    test = [accuracy(net, data.test_x, data.test_y) for net in nets]
    found = {"test": _better(test, len(seeds))}
    if norm == "BN":
        again = [precise(net, data.train_x) for net in nets]
        exact = [accuracy(net, data.test_x, data.test_y) for net in again]
        found["precise"] = _better(exact, len(seeds))
    return found


def _better(accuracies: ArrayLike, seeds: int) -> np.ndarray:
    """From accuracies, rate after rate, those of the rate with the best mean; in percent."""
    rows = 100 * np.asarray(accuracies).reshape(-1, seeds)
    return rows[rows.mean(1).argmax()]


@measures(
    Claim(
        id="small-batch-unstable",
        text="With fewer than 8 examples per batch, the statistics of batch normalization become "
        "so unstable that the network suffers.",
        notes="4.3",
        chapter="09_edge_cases",
        effect="test accuracy lost, batch size 4 against 32",
        above=1,
        unit="points",
        literature="ResNet-50 on ImageNet has an error of 23.6 % at 32 images per GPU, 27.3 % at 4 "
        "and 34.7 % at 2 (reported by {cite:t}`wu2018`).",
    )
)
def small_batch_unstable(
    seeds: Sequence[int] = SEEDS,
    *,
    sizes: Sequence[int] = SIZES,
    examples: int = EXAMPLES,
    rates: Sequence[float] = RATES,
) -> Result:
    """Batch norm at each size, and after its statistics were taken anew.

    Arms: sizes, with those that the claim compares; test and precise, each `(seeds, sizes)`.
    """
    chosen = sorted({*sizes, 4, 32})
    found = {size: after("BN", size, tuple(seeds), examples, tuple(rates)) for size in chosen}
    effects = found[32]["test"] - found[4]["test"]
    arms = {
        "sizes": chosen,
        "test": np.stack([found[size]["test"] for size in chosen], 1),
        "precise": np.stack([found[size]["precise"] for size in chosen], 1),
    }
    on = ON.format(examples, len(rates))
    return weigh(small_batch_unstable.claim, effects.tolist(), data=on, seeds=seeds, arms=arms)


@measures(
    Claim(
        id="other-norms-small-batch",
        text="Group normalization handles very small batches better than batch normalization.",
        notes="4.3",
        chapter="09_edge_cases",
        effect="test accuracy at batch size 2, GroupNorm − BN",
        above=1,
        unit="points",
        literature="10.6 points less error than BN at 2 images per GPU, ResNet-50 on ImageNet "
        "({cite:t}`wu2018`).",
    )
)
def other_norms_small_batch(
    seeds: Sequence[int] = SEEDS,
    *,
    sizes: Sequence[int] = ALONE,
    examples: int = EXAMPLES,
    rates: Sequence[float] = RATES,
) -> Result:
    """Group norm against batch norm at batch size 2.

    Arms: sizes, with that of the claim; GroupNorm, `(seeds, sizes)`.
    """
    chosen = sorted({*sizes, 2})
    setting = (tuple(seeds), examples, tuple(rates))
    tested = [after("GroupNorm", size, *setting)["test"] for size in chosen]
    arms = {"sizes": chosen, "GroupNorm": np.stack(tested, 1)}
    effects = tested[chosen.index(2)] - after("BN", 2, *setting)["test"]
    on = ON.format(examples, len(rates))
    return weigh(other_norms_small_batch.claim, effects.tolist(), data=on, seeds=seeds, arms=arms)


@measures(
    Claim(
        id="layer-norm-alone-batch-1",
        text="Layer normalization needs no batch: it learns as well from one example at a time.",
        notes="4.3",
        chapter="09_edge_cases",
        effect="test accuracy lost with LayerNorm, batch size 1 against 32",
        below=1,
        unit="points",
        literature="By construction: the statistics of {cite:t}`ba2016` are those of one example.",
    )
)
def layer_norm_alone_batch_1(
    seeds: Sequence[int] = SEEDS,
    *,
    sizes: Sequence[int] = ALONE,
    examples: int = EXAMPLES,
    rates: Sequence[float] = RATES,
) -> Result:
    """Layer norm at batch size 1 against 32; batch norm has no training step at size 1 here.

    Arms: sizes, with those that the claim compares; LayerNorm, `(seeds, sizes)`.
    """
    chosen = sorted({*sizes, 1, 32})
    setting = (tuple(seeds), examples, tuple(rates))
    tested = [after("LayerNorm", size, *setting)["test"] for size in chosen]
    arms = {"sizes": chosen, "LayerNorm": np.stack(tested, 1)}
    effects = tested[chosen.index(32)] - tested[chosen.index(1)]
    on = ON.format(examples, len(rates))
    return weigh(layer_norm_alone_batch_1.claim, effects.tolist(), data=on, seeds=seeds, arms=arms)
