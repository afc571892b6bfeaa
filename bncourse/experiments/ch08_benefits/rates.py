"""Chapter 8: which learning rates work, what tuning gains, and what it means for test accuracy."""

from collections.abc import Sequence

import numpy as np

from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.ch08_benefits.runs import (
    USUAL,
    Recipe,
    best_rates,
    both,
    held_out_range,
    leave_one_out,
)
from bncourse.experiments.ch08_benefits.speed import at_own_best

WORKS, TRAINS = 0.8, 0.5


def working_decades(accuracy: np.ndarray, rates: Sequence[float]) -> np.ndarray:
    """How many decades of learning rate work: `(depths, rates, seeds)` to `(depths, seeds)`.

    A rate works if it ends at 80 % or more; each stands for its share of the grid's decades.
    """
    per_rate = np.log10(rates[-1] / rates[0]) / max(1, len(rates) - 1)
    return per_rate * (accuracy >= WORKS).sum(1)


@measures(
    Claim(
        id="more-stable",
        text="Training with batch normalization is more stable: it works at more learning rates.",
        notes="4.1",
        chapter="08_benefits",
        effect="decades of learning rate that end at 80 % test accuracy or more, BN minus none",
        above=0.0,
        unit="decades",
        literature="{cite:t}`ioffe2015`: plain Inception diverges at 5 times its learning rate, "
        "with batch normalization 30 times works.",
    )
)
def more_stable(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """The width of the range of working rates, the mean over depths."""
    final = [arm.test_accuracy[..., -1] for arm in both(seeds, recipe)]
    width = [working_decades(accuracy, recipe.rates) for accuracy in final]
    return weigh(
        more_stable.claim,
        (width[0] - width[1]).mean(0).tolist(),
        data=recipe.data,
        seeds=seeds,
        arms={
            "BN": final[0],
            "none": final[1],
            "BN decades": width[0],
            "none decades": width[1],
            "rates": recipe.rates,
            "depths": recipe.depths,
        },
    )


def tuning_gain(bn: np.ndarray, none: np.ndarray) -> np.ndarray:
    """Accuracy of the combination that was best on other seeds, over one picked blindly.

    bn, none: final accuracies `(depths, rates, seeds)`. A combination is a rate with or without
    BN. The blind pick is among those that train at all, to 50 % or more on the other seeds: that
    a run which diverges is worse needs no measurement. Returns `(depths, seeds)`.
    """
    table = np.concatenate([bn, none], axis=1)
    others = leave_one_out(table)
    depths, seeds = np.indices(others.max(1).shape)
    chosen = table[depths, others.argmax(1), seeds]
    trains = others >= TRAINS
    blind = np.where(trains, table, 0).sum(1) / np.maximum(trains.sum(1), 1)
    return np.where(trains.any(1), chosen - blind, 0.0)


@measures(
    Claim(
        id="rate-tuning-pays",
        text="Certain combinations of learning rate and batch normalization give big improvements.",
        notes="7.3",
        chapter="08_benefits",
        effect="test accuracy, combination of rate and BN chosen on other seeds minus a blind pick "
        "among those that train",
        above=5.0,
        unit="points",
    )
)
def rate_tuning_pays(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """What choosing rate and normalisation together gains in test accuracy, mean over depths."""
    bn, none = (arm.test_accuracy[..., -1] for arm in both(seeds, recipe))
    gain = 100 * tuning_gain(bn, none)
    return weigh(
        rate_tuning_pays.claim,
        gain.mean(0).tolist(),
        data=recipe.data,
        seeds=seeds,
        arms={"gain": gain, "depths": recipe.depths},
    )


@measures(
    Claim(
        id="test-accuracy-gain",
        text="The gain in test accuracy depends on the model: sometimes clear, sometimes not.",
        notes="5",
        chapter="08_benefits",
        effect="gain in final test accuracy at the depth that gains most minus at the depth that "
        "gains least, both chosen on other seeds",
        above=1.0,
        unit="points",
    )
)
def accuracy_gain(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """How far the gain in test accuracy differs between depths, each arm at its best rate."""
    bn, none = both(seeds, recipe)
    curves = [at_own_best(arm, arm.test_accuracy) for arm in (bn, none)]
    gain = 100 * (curves[0][..., -1] - curves[1][..., -1])
    return weigh(
        accuracy_gain.claim,
        held_out_range(gain).tolist(),
        data=recipe.data,
        seeds=seeds,
        arms={
            "BN": curves[0],
            "none": curves[1],
            "gain": gain,
            "evaluated at": bn.evaluated_at,
            "BN rates": np.array(recipe.rates)[best_rates(bn.train_accuracy)],
            "none rates": np.array(recipe.rates)[best_rates(none.train_accuracy)],
            "depths": recipe.depths,
        },
    )
