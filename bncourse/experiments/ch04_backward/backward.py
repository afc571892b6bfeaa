"""How the gradient changes with depth: the claim of the notes' 4.1 that BN tames it.

Measured as the factor per layer by which the norm of dL/dz, z = Wx + b, grows on its way from the
last hidden layer to the first: above 1 it explodes with depth, below 1 it vanishes.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from torch import Generator, nn

from bncourse.data import Data, load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import ARMS, mlps, shuffles
from bncourse.recording import Recorder, named
from bncourse.training import classification_loss, fit

BATCH = 256
GAINS = (0.5, 1.0, 2.0)
MOMENTS = (0, 1, 2, 5, 10, 20, 50, 100)


def _at_start(depth: int, width: int) -> str:
    """The data and the networks in words."""
    return f"digits, untrained ReLU MLP, {depth} layers, width {width}, batch {BATCH}"


# For a standard normal z: E[relu(z)²] = 1/2, Var[relu(z)] = (π − 1)/(2π); the root of their ratio.
PREDICTED = math.sqrt(math.pi / (math.pi - 1))


def profile(model: nn.Module, data: Data, count: int) -> tuple[list[float], list[float]]:
    """Scale of activations and gradient, layer by layer, on the first `count` examples.

    Returns (root mean square of each activation's output, norm of dL/dz of each linear layer),
    first hidden layer first. Leaves the gradients of the parameters as they were, None.
    """
    with Recorder(model, named("linear", "activation")) as seen:
        classification_loss(model(data.train_x[:count]), data.train_y[:count]).backward()
    model.zero_grad()
    forward = [float(v.square().mean().sqrt()) for k, v in seen.outputs.items() if "act" in k]
    backward = [float(seen.gradients[name].norm()) for name in seen.layers if "linear" in name]
    return forward, backward


def growth(norms: ArrayLike) -> np.ndarray:
    """Factor per layer between the last and the first of the norms `(..., layers)`; `(...)`.

    >>> growth([8.0, 4.0, 2.0])
    array(2.)

    Raises ValueError for fewer than two layers.
    """
    values = np.asarray(norms, dtype=float)
    if values.shape[-1] < 2:
        raise ValueError(
            f"growth per layer needs at least 2 layers, got {values.shape[-1]}: go deeper"
        )
    return np.asarray((values[..., 0] / values[..., -1]) ** (1 / (values.shape[-1] - 1)))


def departure(factors: np.ndarray) -> np.ndarray:
    """How far factors are from 1, as a factor: 2 both for 2 (exploding) and for 1/2 (vanishing)."""
    return np.maximum(factors, 1 / factors)


@functools.cache
def _profiles(seeds: tuple[int, ...], depth: int, width: int) -> dict[str, np.ndarray]:
    """`forward` and `backward` of each arm at its start: (gains, seeds, layers)."""
    data = load()
    found = {}
    for arm, norm in ARMS.items():
        both = []
        for gain in GAINS:
            models = mlps(data, seeds, depth=depth, width=width, norm=norm, gain=gain)
            both.append([profile(model, data, BATCH) for model in models])
        values = np.array(both)
        found[f"forward, {arm}"], found[f"backward, {arm}"] = values[:, :, 0], values[:, :, 1]
    return found


@measures(
    Claim(
        id="gradients-tamed",
        text="Batch normalization minimises the risk of vanishing or exploding gradients: in a "
        "deep network at its initialisation the gradient keeps its size from layer to layer.",
        notes="4.1",
        chapter="04_backward",
        effect="factor per layer by which the gradient's norm changes with BN (its inverse, if "
        "below 1)",
        below=1.05,
        scale="ratio",
        unit="times",
        literature="{cite:t}`yang2019` show that batch normalization itself makes the gradient "
        "explode with depth at initialisation.",
    )
)
def gradients_tamed(seeds: Sequence[int] = SEEDS, *, depth: int = 50, width: int = 256) -> Result:
    """Growth per layer in deep plain networks with BN, drawn with He's initialisation."""
    found = _profiles(tuple(seeds), depth, width)
    factors = {arm: growth(found[f"backward, {arm}"][GAINS.index(1.0)]) for arm in ARMS}
    return weigh(
        gradients_tamed.claim,
        departure(factors["BN"]).tolist(),
        data=_at_start(depth, width),
        seeds=seeds,
        arms=found | {f"growth, {arm}": values for arm, values in factors.items()},
    )


@measures(
    Claim(
        id="gradient-growth",
        beyond=True,
        text="At the initialisation of a plain ReLU network with batch normalization, the "
        "gradient grows by the factor √(π/(π − 1)) per layer.",
        notes="4.1",
        chapter="04_backward",
        effect="distance of the measured growth per layer from √(π/(π − 1)), relative to it",
        below=0.05,
        kind="derived",
        literature="Explosion reported by {cite:t}`yang2019`; the factor derived by "
        "{cite:t}`luther`.",
    )
)
def gradient_growth(seeds: Sequence[int] = SEEDS, *, depth: int = 50, width: int = 256) -> Result:
    """The measured growth per layer against the one derived for wide layers."""
    factors = growth(_profiles(tuple(seeds), depth, width)["backward, BN"][GAINS.index(1.0)])
    return weigh(
        gradient_growth.claim,
        (np.abs(factors - PREDICTED) / PREDICTED).tolist(),
        data=_at_start(depth, width),
        seeds=seeds,
        arms={"growth": factors},
    )


@measures(
    Claim(
        id="gradients-any-scale",
        text="Batch normalization makes the growth of the gradient with depth independent of the "
        "scale at which the weights are drawn.",
        notes="4.1",
        chapter="04_backward",
        effect=f"largest over smallest growth per layer with BN, weights {GAINS[0]:g} to "
        f"{GAINS[-1]:g} times He's",
        below=1.05,
        scale="ratio",
        unit="times",
        literature="{cite:t}`ioffe2015`, section 3.3: the scale of the weights does not affect "
        "the gradient that is passed on.",
    )
)
def gradients_any_scale(
    seeds: Sequence[int] = SEEDS, *, depth: int = 50, width: int = 256
) -> Result:
    """Growth per layer for weights drawn too small, as He et al. advise, and too large."""
    found = _profiles(tuple(seeds), depth, width)
    factors = {arm: growth(found[f"backward, {arm}"]) for arm in ARMS}
    ranges = {arm: values.max(0) / values.min(0) for arm, values in factors.items()}
    return weigh(
        gradients_any_scale.claim,
        ranges["BN"].tolist(),
        data=_at_start(depth, width),
        seeds=seeds,
        arms={f"growth, {arm}": values for arm, values in factors.items()}
        | {f"range, {arm}": values for arm, values in ranges.items()},
    )


@measures(
    Claim(
        id="gradients-tamed-in-training",
        text="Once training is under way, the gradient of a deep network with batch "
        "normalization neither vanishes nor explodes.",
        notes="4.1",
        chapter="04_backward",
        effect="factor per layer by which the gradient's norm changes with BN (its inverse, if "
        "below 1)",
        below=1.05,
        scale="ratio",
        unit="times",
        literature="{cite:t}`yang2019` report that a single step of training already evens out the "
        "gradients of such networks.",
    )
)
def gradients_tamed_in_training(
    seeds: Sequence[int] = SEEDS,
    *,
    depth: int = 20,
    width: int = 64,
    lr: float = 0.1,
    moments: Sequence[int] = MOMENTS,
) -> Result:
    """Growth per layer before the first step and along the training, after each of the moments."""
    data, looks = load(), sorted(set(moments))
    models = mlps(data, seeds, depth=depth, width=width, norm=ARMS["BN"])
    paths = [
        along(model, data, order, looks, lr)
        for model, order in zip(models, shuffles(seeds), strict=True)
    ]
    factors = growth(paths)
    return weigh(
        gradients_tamed_in_training.claim,
        departure(factors[:, -1]).tolist(),
        data=f"digits, ReLU MLP with BN, {depth} layers, width {width}, after {looks[-1]} steps",
        seeds=seeds,
        arms={"moments": looks, "growth": factors},
    )


def along(
    model: nn.Module, data: Data, order: Generator, moments: Sequence[int], lr: float
) -> list[list[float]]:
    """The norms of the gradient, layer by layer, after so many steps of one training run.

    moments: ascending; 0 is the start, and the last is the length of the run, at least 1.
    """
    norms = [profile(model, data, BATCH)[1]] if moments[0] == 0 else []

    def watch(step: int) -> None:
        if step in moments:
            norms.append(profile(model, data, BATCH)[1])

    steps = moments[-1]
    fit(model, data, steps=steps, generator=order, lr=lr, eval_every=steps, after_step=watch)
    return norms
