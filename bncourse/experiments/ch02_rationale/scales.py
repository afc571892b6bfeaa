"""Sections 1.1 and 1.2 of the notes: the scales of activations and gradients at initialisation."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bncourse.data import Data, load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import mlps
from bncourse.experiments.ch02_rationale.input_scaling import CHAPTER
from bncourse.models import MLP
from bncourse.recording import Recorder, dead_fraction, named
from bncourse.training import classification_loss

DEPTH = 20
EARLY, DEEP = 0, 9  # the first and the tenth hidden layer, as indices

INITIALISATIONS: dict[str, dict[str, Any]] = {
    "PyTorch default": {"scheme": "torch"},
    "LeCun": {"scheme": "lecun"},
    "He": {"scheme": "he"},
    "He, weights × 2": {"scheme": "he", "gain": 2.0},
}


def spread(x: Tensor) -> float:
    """Root mean variance of the units over the examples, for `(N, C)`: what varies."""
    return float(x.var(0, correction=0).mean().sqrt())


def offset(x: Tensor) -> float:
    """Root mean square of the units' means over the examples, for `(N, C)`: what stays."""
    return float(x.mean(0).square().mean().sqrt())


def imbalance(x: Tensor) -> float:
    """90th over 10th percentile of the units' standard deviations, for `(N, C)`; 1 if equal."""
    low, high = x.std(0, correction=0).quantile(torch.tensor([0.1, 0.9], dtype=x.dtype))
    return float(high / low)


def skewness(x: Tensor) -> float:
    """Mean skewness, over the examples, of the units that vary, for `(N, C)`; 0 if none does."""
    centred = x[:, x.amax(0) > x.amin(0)]
    centred = centred - centred.mean(0)
    cubes = (centred**3).mean(0) / (centred**2).mean(0) ** 1.5
    return float(cubes.mean()) if len(cubes) else 0.0


def survey(model: MLP, data: Data) -> dict[str, list[float]]:
    """Each hidden layer of a model at rest, in float64, on all training examples.

    Returns lists over the layers: spread, offset, imbalance, skewness of the pre-activations;
    `clipped`, `dead` and `skewness after` of the activations; `gradient`, the root mean square of
    the gradient of the summed loss with respect to the pre-activations.
    """
    model = model.double()
    with Recorder(model, named("linear", "activation")) as seen:
        loss = classification_loss(model(data.train_x.double()), data.train_y)
        (loss * len(data.train_y)).backward()
    before = {name: v for name, v in seen.outputs.items() if name.endswith("linear")}
    after = [v for name, v in seen.outputs.items() if name.endswith("activation")]
    z = list(before.values())
    return {
        "spread": [spread(x) for x in z],
        "offset": [offset(x) for x in z],
        "imbalance": [imbalance(x) for x in z],
        "skewness": [skewness(x) for x in z],
        "skewness after": [skewness(x) for x in after],
        "clipped": [float((x == 0).double().mean()) for x in after],
        "dead": [dead_fraction(x) for x in after],
        "gradient": [float(seen.gradients[name].square().mean().sqrt()) for name in before],
    }


@functools.cache
def surveys(seeds: tuple[int, ...]) -> dict[str, dict[str, np.ndarray]]:
    """Surveys of a 20-layer ReLU MLP: initialisation to quantity to `(seeds, layers)`."""
    data = load()
    found = {}
    for name, options in INITIALISATIONS.items():
        rows = [survey(m, data) for m in mlps(data, seeds, depth=DEPTH, norm=None, **options)]
        found[name] = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    return found


def _arms(found: dict[str, dict[str, np.ndarray]], *quantities: str) -> dict[str, np.ndarray]:
    return {f"{q}, {name}": v[q] for name, v in found.items() for q in quantities}


@measures(
    Claim(
        id="layers-rescale",
        text="Even if the input is normalised, the layers' weights and biases shift and scale it.",
        notes="1.1",
        chapter=CHAPTER,
        effect="spread of the pre-activations, layer 10 / layer 1, PyTorch's default weights",
        below=0.5,
        scale="ratio",
        unit="times",
        literature="How the scale depends on the weights: {cite:t}`glorot2010`, {cite:t}`he2015`.",
    )
)
def layers_rescale(seeds: Sequence[int] = SEEDS) -> Result:
    """How much of the spread of the standardised input is left after ten layers."""
    found = surveys(tuple(seeds))
    values = found["PyTorch default"]["spread"]
    return weigh(
        layers_rescale.claim,
        (values[:, DEEP] / values[:, EARLY]).tolist(),
        data="digits, at initialisation",
        seeds=seeds,
        arms=_arms(found, "spread", "offset", "dead"),
    )


@measures(
    Claim(
        id="relu-skews",
        text="Non-linear activations such as ReLU skew and clip the values.",
        notes="1.1",
        chapter=CHAPTER,
        effect="skewness of a unit in the first layer, after ReLU - before",
        above=1,
    )
)
def relu_skews(seeds: Sequence[int] = SEEDS) -> Result:
    """Skewness over the images, mean of the units of the first hidden layer, He's weights."""
    he = surveys(tuple(seeds))["He"]
    before, after = he["skewness"][:, EARLY], he["skewness after"][:, EARLY]
    return weigh(
        relu_skews.claim,
        (after - before).tolist(),
        data="digits, at initialisation",
        seeds=seeds,
        arms={"before": before, "after": after, "clipped": he["clipped"][:, EARLY]},
    )


@measures(
    Claim(
        id="activations-unbalanced",
        text="The intermediate activations of deeper layers become unbalanced.",
        notes="1.1",
        chapter=CHAPTER,
        effect="90th / 10th percentile of the units' standard deviations, layer 10 / layer 1",
        above=1,
        scale="ratio",
        unit="times",
    )
)
def activations_unbalanced(seeds: Sequence[int] = SEEDS) -> Result:
    """How unequal the units of one layer are; 1 for the standardised input, He's weights."""
    found = surveys(tuple(seeds))
    values = found["He"]["imbalance"]
    return weigh(
        activations_unbalanced.claim,
        (values[:, DEEP] / values[:, EARLY]).tolist(),
        data="digits, at initialisation",
        seeds=seeds,
        arms=_arms(found, "imbalance"),
    )


def _gradient_ratio(claim: Claim, initialisation: str, seeds: Sequence[int]) -> Result:
    found = surveys(tuple(seeds))
    values = found[initialisation]["gradient"]
    return weigh(
        claim,
        (values[:, 0] / values[:, -1]).tolist(),
        data="digits, at initialisation",
        seeds=seeds,
        arms=_arms(found, "spread", "gradient"),
    )


@measures(
    Claim(
        id="vanishing",
        text="Where the activations shrink with depth, the gradients vanish.",
        notes="1.2",
        chapter=CHAPTER,
        effect="gradient at layer 1 / at layer 20, PyTorch's default weights",
        below=0.1,
        scale="ratio",
        unit="times",
        literature="Analysed for this reason by {cite:t}`glorot2010` and {cite:t}`he2015`.",
    )
)
def vanishing(seeds: Sequence[int] = SEEDS) -> Result:
    """The gradient that reaches the first of 20 layers where the activations shrink."""
    return _gradient_ratio(vanishing.claim, "PyTorch default", seeds)


@measures(
    Claim(
        id="exploding",
        text="Where the activations inflate with depth, the gradients explode.",
        notes="1.2",
        chapter=CHAPTER,
        effect="gradient at layer 1 / at layer 20, He's weights times 2",
        above=10,
        scale="ratio",
        unit="times",
        literature="Analysed for this reason by {cite:t}`glorot2010` and {cite:t}`he2015`.",
    )
)
def exploding(seeds: Sequence[int] = SEEDS) -> Result:
    """The gradient that reaches the first of 20 layers where the activations inflate."""
    return _gradient_ratio(exploding.claim, "He, weights × 2", seeds)
