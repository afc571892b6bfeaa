"""What a batch normalization layer does to its input: the claims of the notes' 2.1 and 6.2.

All of them look into the same small networks, trained once per set of seeds. The looking is done
in float64, so that what is left over is the effect and not the rounding.
"""

import copy
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from bncourse.data import Data, load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import mlps
from bncourse.experiments.ch03_mechanism.inside import (
    BATCH,
    USUAL,
    Recipe,
    affine,
    look,
    norms,
    trained,
)
from bncourse.models import MLP
from bncourse.training import accuracy
from bnlib.modes import evaluating


@measures(
    Claim(
        id="standard-output",
        text="In training mode the output of batch normalization has the mean β and the standard "
        "deviation |γ| in every channel, up to the factor σ/√(σ² + ε).",
        notes="2.1",
        chapter="03_mechanism",
        effect="largest deviation from β and from |γ|σ/√(σ² + ε) over all layers and channels",
        below=1e-10,
        kind="derived",
        literature="Algorithm 1 of {cite:t}`ioffe2015`.",
    )
)
def standard_output(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """Mean and spread of the output of every norm layer of trained networks, on one batch."""
    data = load()
    effects, simple, weakest = [], [], []
    for model in trained(seeds, "BN", recipe)[0]:
        seen = look(model, data.train_x[:BATCH])
        worst, without_eps, smallest = 0.0, 0.0, np.inf
        for k, norm in enumerate(norms(model)):
            z, y = seen.outputs[f"hidden.{k}.linear"], seen.outputs[f"hidden.{k}.norm"]
            var = z.var(0, correction=0)
            gamma, beta = affine(norm)
            spread = gamma.abs() * (var / (var + norm.eps)).sqrt()
            mean, std = y.mean(0), y.std(0, correction=0)
            worst = max(worst, largest(mean - beta), largest(std - spread))
            without_eps = max(without_eps, largest(std - gamma.abs()))
            smallest = min(smallest, float(var.min()))
        effects.append(worst)
        simple.append(without_eps)
        weakest.append(smallest)
    return weigh(
        standard_output.claim,
        effects,
        data=recipe.data,
        seeds=seeds,
        arms={"from |γ| alone": simple, "smallest variance": weakest},
    )


@measures(
    Claim(
        id="layers-adapt",
        text="Each layer adapts its γ and β, away from the 1 and 0 at which they start.",
        notes="2.1",
        chapter="03_mechanism",
        effect="distance of (γ, β) from (1, 0), root mean square over the channels of the layer "
        "that moved least",
        above=0.1,
        literature="",
    )
)
def layers_adapt(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """What γ and β are after training, and what is lost if they are put back to 1 and 0."""
    data = load()
    gammas, betas, kept, reset = [], [], [], []
    for model in trained(seeds, "BN", recipe)[0]:
        learned = [affine(norm) for norm in norms(model)]
        gammas.append(np.stack([gamma.numpy() for gamma, _ in learned]))
        betas.append(np.stack([beta.numpy() for _, beta in learned]))
        kept.append(100 * accuracy(model, data.test_x, data.test_y))
        reset.append(100 * accuracy(put_back(model, data), data.test_x, data.test_y))
    gamma, beta = np.stack(gammas), np.stack(betas)
    moved = np.sqrt(((gamma - 1) ** 2 + beta**2).mean(-1))
    return weigh(
        layers_adapt.claim,
        moved.min(1).tolist(),
        data=recipe.data,
        seeds=seeds,
        arms={"gamma": gamma, "beta": beta, "moved": moved, "kept": kept, "put back": reset},
    )


def largest(deviations: Tensor) -> float:
    """The largest absolute value."""
    return float(deviations.abs().max())


def put_back(model: MLP, data: Data) -> MLP:
    """A copy of `model` with every γ = 1 and β = 0, its running statistics measured anew."""
    plain = copy.deepcopy(model)
    for norm in norms(plain):
        norm.reset_parameters()
        norm.momentum = 1.0  # the statistics of the whole training set, in one pass
    with evaluating(plain):
        plain.train()
        plain(data.train_x)
    return plain


@measures(
    Claim(
        id="affine-helps",
        text="γ and β let each layer find the scale that best suits the network: learning them "
        "gives a better network than fixing them at 1 and 0.",
        notes="2.1",
        chapter="03_mechanism",
        effect="test accuracy, learned minus fixed",
        above=0.0,
        unit="points",
        literature="",
    )
)
def affine_helps(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """Training with learned γ and β against training with γ = 1 and β = 0 throughout."""
    arms = {arm: trained(seeds, arm, recipe)[1] for arm in ("BN", "fixed")}
    accuracies = {arm: 100 * history.test_accuracy[:, -1] for arm, history in arms.items()}
    return weigh(
        affine_helps.claim,
        (accuracies["BN"] - accuracies["fixed"]).tolist(),
        data=recipe.data,
        seeds=seeds,
        arms={
            "learned": accuracies["BN"],
            "fixed": accuracies["fixed"],
            "learned, loss": arms["BN"].losses,
            "fixed, loss": arms["fixed"].losses,
        },
    )


@measures(
    Claim(
        id="not-data-normalisation",
        text="Batch normalization is not data normalisation: standardising the input alone leaves "
        "the hidden layers off centre.",
        notes="6.2",
        chapter="03_mechanism",
        effect="distance of a hidden unit's mean from 0 without BN, in its own standard "
        "deviations, averaged over units and layers",
        above=0.1,
        literature="",
    )
)
def not_data_normalisation(seeds: Sequence[int] = SEEDS, recipe: Recipe = USUAL) -> Result:
    """Mean and spread of every pre-activation over the training set; the input is standardised."""
    data = load()
    networks = {
        "at the start": mlps(data, seeds, depth=recipe.depth, width=recipe.width, norm=None),
        "after training": trained(seeds, "none", recipe)[0],
    }
    off: dict[str, list[list[float]]] = {moment: [] for moment in networks}
    spread: dict[str, list[list[float]]] = {moment: [] for moment in networks}
    for moment, models in networks.items():
        for model in models:
            seen = look(model, data.train_x)
            layers = [
                data.train_x,
                *(seen.outputs[f"hidden.{k}.linear"] for k in range(recipe.depth)),
            ]
            off[moment].append([off_centre(layer) for layer in layers])
            spread[moment].append([unequal(layer) for layer in layers])
    return weigh(
        not_data_normalisation.claim,
        [float(np.mean(layers[1:])) for layers in off["after training"]],
        data=recipe.data,
        seeds=seeds,
        arms={f"off centre, {moment}": values for moment, values in off.items()}
        | {f"unequal, {moment}": values for moment, values in spread.items()},
    )


def off_centre(x: Tensor) -> float:
    """Mean over the channels of |mean| / std; x `(N, C)`. Constant channels are left out."""
    std = x.std(0, correction=0)
    return float((x.mean(0).abs() / std)[std > 0].mean())


def unequal(x: Tensor) -> float:
    """Largest over smallest std of the channels of x `(N, C)`. Constant ones are left out."""
    std = x.std(0, correction=0)
    return float(std.max() / std[std > 0].min())
