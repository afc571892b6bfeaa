"""Section 1.2 of the notes: is there a covariate shift, does BN reduce it, and does it matter?"""

import functools
from collections.abc import Sequence

import numpy as np

from bncourse.data import Data, load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import ARMS, mlps
from bncourse.experiments.ch02_rationale.input_scaling import CHAPTER, at_best_rate, steps_by_rate
from bncourse.experiments.ch02_rationale.watching import (
    DEPTH,
    USUAL,
    Shaken,
    Training,
    Watch,
    watch,
)
from bncourse.models import MLP

OTHER_RATES = (0.1, 0.2)
DATA = "digits, 6-layer MLP"


@functools.cache
def watches(seeds: tuple[int, ...], training: Training = USUAL) -> dict[str, Watch]:
    """Three arms with the same weights and batches: none, BN, and BN followed by noise."""
    shaken = functools.partial(Shaken, amount=training.noise)
    return {
        "none": watch(ARMS["none"], seeds, training),
        "BN": watch(ARMS["BN"], seeds, training),
        "BN + noise": watch(shaken, seeds, training, gradients=False),
    }


@functools.cache
def plain_steps(seeds: tuple[int, ...], training: Training = USUAL) -> np.ndarray:
    """Steps of the network without BN at `OTHER_RATES` and the common one, `(rates, seeds)`."""
    others = steps_by_rate(_plain, load(), seeds, OTHER_RATES, steps=training.steps)
    return np.vstack([others, watches(seeds, training)["none"].steps])


def _plain(data: Data, seeds: Sequence[int]) -> Sequence[MLP]:
    return mlps(data, seeds, depth=DEPTH, norm=None)


def deeper(values: np.ndarray) -> np.ndarray:
    """Mean over times and over all layers but the first, from `(seeds, times, layers)`.

    The first layer is left out because its input, the data, cannot shift.
    """
    return values[:, :, 1:].mean((1, 2))


def drift(watched: Watch) -> np.ndarray:
    """Each layer's distance between the start and the end of training, `(seeds, layers)`.

    Mean over the units of |mean at the end - mean at the start|, in standard deviations at start.
    """
    moved = np.abs(watched.means[:, -1] - watched.means[:, 0]) / watched.stds[:, 0]
    return moved.mean(-1)


@measures(
    Claim(
        id="distribution-changes",
        text="The distribution of the hidden activations changes during training.",
        notes="1.2",
        chapter=CHAPTER,
        effect="change of a unit's mean over training, without BN, layers 2 to 6",
        above=0.5,
        unit="standard deviations",
        literature="Shown for a small network by {cite:t}`ioffe2015`, who call it internal "
        "covariate shift.",
    )
)
def distribution_changes(seeds: Sequence[int] = SEEDS, training: Training = USUAL) -> Result:
    """How far the units' means move in training, in units of their spread at the start.

    Arms: drift `(seeds, layers)` and, by look, `bands` of the first seed, `dead` and `spread`.
    """
    found = watches(tuple(seeds), training)
    arms = {f"drift, {name}": drift(found[name]) for name in ("none", "BN")}
    for name in ("none", "BN"):
        arms[f"bands, {name}"] = found[name].bands[0]
        arms[f"dead, {name}"] = found[name].dead
        arms[f"spread, {name}"] = np.sqrt((found[name].stds ** 2).mean(-1))
    return weigh(
        distribution_changes.claim,
        drift(found["none"])[:, 1:].mean(1).tolist(),
        data=DATA,
        seeds=seeds,
        arms=arms,
    )


@measures(
    Claim(
        id="bn-reduces-shift",
        text="Batch normalization reduces internal covariate shift, as a motion of the means.",
        notes="1.2",
        chapter=CHAPTER,
        effect="motion of the activations' inputs per step, none / BN",
        above=1.25,
        scale="ratio",
        unit="times",
        literature="{cite:t}`ioffe2015` show more stable distributions with BN.",
    )
)
def bn_reduces_shift(seeds: Sequence[int] = SEEDS, training: Training = USUAL) -> Result:
    """Per-step change of the units' means at one learning rate; arms `(seeds, looks, layers)`."""
    found = watches(tuple(seeds), training)
    shift = {name: watched.shift for name, watched in found.items()}
    return weigh(
        bn_reduces_shift.claim,
        (deeper(shift["none"]) / deeper(shift["BN"])).tolist(),
        data=DATA,
        seeds=seeds,
        arms=shift,
    )


@measures(
    Claim(
        id="bn-reduces-gradient-shift",
        text="Batch normalization reduces internal covariate shift, as a change of the gradients.",
        notes="1.2",
        chapter=CHAPTER,
        effect="change of a layer's gradient by the step of the layers below, none / BN",
        above=1.25,
        scale="ratio",
        unit="times",
        literature="{cite:t}`santurkar2018` propose this measure and find no reduction by BN.",
    )
)
def bn_reduces_gradient_shift(seeds: Sequence[int] = SEEDS, training: Training = USUAL) -> Result:
    """Relative change of the gradients at one learning rate; arms `(seeds, times, layers - 1)`."""
    found = watches(tuple(seeds), training)
    none, bn = found["none"].gradient, found["BN"].gradient
    return weigh(
        bn_reduces_gradient_shift.claim,
        (none.mean((1, 2)) / bn.mean((1, 2))).tolist(),
        data=DATA,
        seeds=seeds,
        arms={"none": none, "BN": bn},
    )


@measures(
    Claim(
        id="shift-slows",
        text="A shifting distribution makes training slower.",
        notes="1.2",
        chapter=CHAPTER,
        effect="steps to 90 % test accuracy, BN + noise / BN",
        above=1,
        scale="ratio",
        unit="times",
    )
)
def shift_slows(seeds: Sequence[int] = SEEDS, training: Training = USUAL) -> Result:
    """The price of a shift that is added on purpose; everything else is the same.

    Arms: `steps, ...` of all three networks `(seeds,)`, and `accuracy, ...` every 5 steps.
    """
    found = watches(tuple(seeds), training)
    arms = {f"steps, {name}": watched.steps for name, watched in found.items()}
    arms |= {f"accuracy, {name}": watched.accuracy for name, watched in found.items()}
    return weigh(
        shift_slows.claim,
        (found["BN + noise"].steps / found["BN"].steps).tolist(),
        data=DATA,
        seeds=seeds,
        arms=arms,
    )


@measures(
    Claim(
        id="shift-explains-speed",
        text="Batch normalization trains fast because it reduces internal covariate shift; so a "
        "network with BN and more shift than one without is no faster.",
        notes="1.2",
        chapter=CHAPTER,
        effect="steps to 90 % test accuracy, BN + noise / none at its best rate",
        above=1,
        scale="ratio",
        unit="times",
        literature="{cite:t}`santurkar2018` inject noise after BN: the shift grows, and training "
        "stays fast.",
    )
)
def shift_explains_speed(seeds: Sequence[int] = SEEDS, training: Training = USUAL) -> Result:
    """BN with added shift at one rate against no BN at the best of three; arms `(seeds,)`."""
    found = watches(tuple(seeds), training)
    best, plain = at_best_rate(plain_steps(tuple(seeds), training))
    return weigh(
        shift_explains_speed.claim,
        (found["BN + noise"].steps / plain).tolist(),
        data=DATA,
        seeds=seeds,
        arms={
            "BN + noise": found["BN + noise"].steps,
            "none": plain,
            "best rate": [(*OTHER_RATES, training.rate)[best]],
        },
    )
