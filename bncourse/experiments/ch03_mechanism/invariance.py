"""What batch normalization makes irrelevant in the layer before it: the claims of the notes' 2.2.

A linear layer in front of a batch normalization in training mode has two freedoms too many: the
size of its weights, and its bias.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from bncourse.data import load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.ch03_mechanism.inside import BATCH, USUAL, Recipe, linears, look, trained
from bncourse.models import MLP
from bncourse.recording import Recorder

SCALES = tuple(10.0**k for k in range(-5, 4))


@measures(
    Claim(
        id="weight-scale-invariant",
        beyond=True,
        text="Normalising Wx + b makes the layer's output independent of the size of W.",
        notes="2.2",
        chapter="03_mechanism",
        effect="relative change of the logits when the weights of all hidden layers are "
        "multiplied by 10",
        below=1e-3,
        kind="derived",
        literature="Shown with its consequence for the gradient, which is divided by the same "
        "factor, by {cite:t}`laarhoven2017`.",
    )
)
def weight_scale_invariant(
    seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL, scales: Sequence[float] = SCALES
) -> Result:
    """Logits and gradients of trained networks after multiplying the hidden weights by a factor."""
    by_10, changes, gradients = [], [], []
    for model in trained(seeds, "BN", recipe)[0]:
        logits, gradient = response(model, 1.0)
        by_10.append(float((response(model, 10.0)[0] - logits).norm() / logits.norm()))
        responses = [response(model, scale) for scale in scales]
        changes.append([float((z - logits).norm() / logits.norm()) for z, _ in responses])
        gradients.append([g / gradient for _, g in responses])
    return weigh(
        weight_scale_invariant.claim,
        by_10,
        data=recipe.data,
        seeds=seeds,
        arms={"scales": scales, "change": changes, "gradient": gradients},
    )


@measures(
    Claim(
        id="bias-redundant",
        beyond=True,
        text="The bias b of Wx + b is redundant directly before a batch normalization in training "
        "mode: its gradient is zero.",
        notes="2.2",
        chapter="03_mechanism",
        effect="norm of the gradient of the biases over that of the weights, hidden layers",
        below=1e-10,
        kind="derived",
        literature="Noted by {cite:t}`ioffe2015`, section 3.2: β takes over the bias's role.",
    )
)
def bias_redundant(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """Gradients of biases in front of BN in both modes, and in networks without BN."""
    arms = {
        "BN, train mode": [bias_share(model) for model in trained(seeds, "BN", recipe)[0]],
        "BN, eval mode": [bias_share(m, training=False) for m in trained(seeds, "BN", recipe)[0]],
        "none": [bias_share(model) for model in trained(seeds, "none", recipe)[0]],
    }
    return weigh(
        bias_redundant.claim, arms["BN, train mode"], data=recipe.data, seeds=seeds, arms=arms
    )


def rescaled(model: MLP, scale: float) -> MLP:
    """A copy of `model` whose hidden weights and biases are `scale` times as large."""
    scaled = copy.deepcopy(model).double()
    with torch.no_grad():
        for linear in linears(scaled):
            linear.weight.mul_(scale)
            linear.bias.mul_(scale)
    return scaled


def bias_share(model: MLP, *, training: bool = True) -> float:
    """Norm of the gradient of all hidden biases over that of all hidden weights, on one batch."""
    data = load()
    seen = look(model, data.train_x[:BATCH], data.train_y[:BATCH], training=training)
    return float(_gradient(seen, "bias") / _gradient(seen, "weight"))


def response(model: MLP, scale: float) -> tuple[Tensor, float]:
    """What one batch gets from the model with its hidden weights and biases times `scale`.

    Returns its logits in training mode, and the norm of the gradient of the hidden weights.
    """
    data = load()
    seen = look(rescaled(model, scale), data.train_x[:BATCH], data.train_y[:BATCH])
    return seen.outputs["output"], float(_gradient(seen, "weight"))


def _gradient(seen: Recorder, parameter: str) -> Tensor:
    """Norm of the gradient of all hidden linear layers' weights, or biases."""
    hidden = [layer for name, layer in seen.layers.items() if name.endswith("linear")]
    return torch.cat([getattr(layer, parameter).grad.flatten() for layer in hidden]).norm()
