"""Chapter 8: is training with batch normalization faster, and for which depths?"""

from collections.abc import Sequence

import numpy as np

from bncourse.data import load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.ch08_benefits.runs import (
    TARGET,
    USUAL,
    Recipe,
    Runs,
    at_rates,
    best_rates,
    both,
    steps_until,
)

LOST = 100.0  # the loss that a run counts with when its numbers overflow
REPORTED = (
    "{cite:t}`ioffe2015`: 2.3 times fewer steps with batch normalization alone; the 14 times came "
    "with a higher rate and further changes."
)


def log_speed_up(bn: np.ndarray, none: np.ndarray) -> np.ndarray:
    """log(steps none / steps BN): above 0 where BN is faster; both `(depths, seeds)`."""
    return np.log(none) - np.log(bn)


def at_own_best(runs: Runs, values: np.ndarray) -> np.ndarray:
    """`(depths, rates, seeds, ...)` at the arm's best rate, chosen on other seeds."""
    return at_rates(values, best_rates(runs.train_accuracy))


def finite(losses: np.ndarray) -> np.ndarray:
    """The losses, at most 100 each: that of a run whose numbers have overflowed."""
    return np.minimum(np.nan_to_num(losses, nan=LOST), LOST)


def steps_to_target(runs: Runs) -> np.ndarray:
    """Steps to 90 % test accuracy, `(depths, rates, seeds)`."""
    return steps_until(runs.evaluated_at, runs.test_accuracy, TARGET)


def steps_at_own_best(seeds: Sequence[int], recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Steps to the target of (BN, none), each at its best rate; each `(depths, seeds)`."""
    bn, none = both(seeds, recipe)
    return at_own_best(bn, steps_to_target(bn)), at_own_best(none, steps_to_target(none))


@measures(
    Claim(
        id="faster-same-rate",
        text="With the same learning rate, a network with batch normalization trains in fewer "
        "steps.",
        notes="4.1",
        chapter="08_benefits",
        effect="steps to 90 % test accuracy, none / BN, both at the rate that is best for none",
        above=1.0,
        scale="ratio",
        unit="times",
        literature=REPORTED,
    )
)
def faster_same_rate(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """Speed-up at the plain network's own best rate, the mean over depths."""
    bn, none = both(seeds, recipe)
    rate = best_rates(none.train_accuracy)
    steps_bn, steps_none = (at_rates(steps_to_target(arm), rate) for arm in (bn, none))
    logs = log_speed_up(steps_bn, steps_none)
    return weigh(
        faster_same_rate.claim,
        np.exp(logs.mean(0)).tolist(),
        data=recipe.data,
        seeds=seeds,
        arms={"BN": steps_bn, "none": steps_none, "ratio": np.exp(logs), "depths": recipe.depths},
    )


@measures(
    Claim(
        id="faster-best-rate",
        text="Batch normalization usually leads to faster convergence.",
        notes="4.1",
        chapter="08_benefits",
        effect="steps to 90 % test accuracy, none / BN, each at its own best rate",
        above=1.0,
        scale="ratio",
        unit="times",
        literature=REPORTED,
    )
)
def faster_best_rate(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """Speed-up with the rate of each arm chosen on the other seeds, the mean over depths."""
    steps_bn, steps_none = steps_at_own_best(seeds, recipe)
    logs = log_speed_up(steps_bn, steps_none)
    return weigh(
        faster_best_rate.claim,
        np.exp(logs.mean(0)).tolist(),
        data=recipe.data,
        seeds=seeds,
        arms={"BN": steps_bn, "none": steps_none, "ratio": np.exp(logs), "depths": recipe.depths},
    )


@measures(
    Claim(
        id="shallow-gains-smaller",
        text="In shallow networks the gain in speed is smaller than in deep ones.",
        notes="4.3",
        chapter="08_benefits",
        effect="speed-up with 1 hidden layer / speed-up with 10, each arm at its best rate",
        below=1.0,
        scale="ratio",
        unit="times",
    )
)
def shallow_gains_smaller(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """The speed-up of the shallowest network over that of the deepest."""
    logs = log_speed_up(*steps_at_own_best(seeds, recipe))
    return weigh(
        shallow_gains_smaller.claim,
        np.exp(logs[0] - logs[-1]).tolist(),
        data=recipe.data,
        seeds=seeds,
        arms={"ratio": np.exp(logs), "depths": recipe.depths},
    )


@measures(
    Claim(
        id="deeper-benefits-more",
        text="Deeper networks benefit more.",
        notes="6.3",
        chapter="08_benefits",
        effect="growth of the gain in test accuracy, averaged over the run, per doubling of depth",
        above=0.0,
        unit="points",
    )
)
def deeper_benefits_more(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """The slope of the gain in accuracy against the logarithm of the depth."""
    bn, none = both(seeds, recipe)
    gain = 100 * (
        at_own_best(bn, bn.test_accuracy).mean(-1) - at_own_best(none, none.test_accuracy).mean(-1)
    )
    return weigh(
        deeper_benefits_more.claim,
        np.polyfit(np.log2(recipe.depths), gain, 1)[0].tolist(),
        data=recipe.data,
        seeds=seeds,
        arms={"gain": gain, "depths": recipe.depths},
    )


@measures(
    Claim(
        id="lower-training-loss",
        text="With batch normalization the training loss ends lower.",
        notes="5",
        chapter="08_benefits",
        effect="mini-batch loss over the last pass, none / BN, each at its best rate",
        above=1.0,
        scale="ratio",
        unit="times",
    )
)
def lower_training_loss(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """The ratio of the training losses over the last pass, the mean over depths."""
    losses = [at_own_best(arm, finite(arm.losses)) for arm in both(seeds, recipe)]
    last_pass = len(load().train_y) // recipe.batch_size
    final = [arm[..., -last_pass:].mean(-1) for arm in losses]
    ratio = final[1] / final[0]
    return weigh(
        lower_training_loss.claim,
        np.exp(np.log(ratio).mean(0)).tolist(),
        data=recipe.data,
        seeds=seeds,
        arms={
            "BN": losses[0],
            "none": losses[1],
            "ratio": ratio,
            "whole run": losses[1].mean(-1) / losses[0].mean(-1),
            "depths": recipe.depths,
        },
    )


@measures(
    Claim(
        id="training-accuracy-sooner",
        text="With batch normalization the training accuracy gets high sooner.",
        notes="5",
        chapter="08_benefits",
        effect="steps to 90 % training accuracy, none / BN, each at its best rate",
        above=1.0,
        scale="ratio",
        unit="times",
    )
)
def training_accuracy_sooner(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """Speed-up to 90 % of the training data right, the mean over depths."""
    bn, none = both(seeds, recipe)
    curves = [at_own_best(arm, arm.train_accuracy) for arm in (bn, none)]
    logs = log_speed_up(*(steps_until(bn.evaluated_at, curve, TARGET) for curve in curves))
    return weigh(
        training_accuracy_sooner.claim,
        np.exp(logs.mean(0)).tolist(),
        data=recipe.data,
        seeds=seeds,
        arms={
            "BN": curves[0],
            "none": curves[1],
            "ratio": np.exp(logs),
            "evaluated at": bn.evaluated_at,
            "depths": recipe.depths,
        },
    )
