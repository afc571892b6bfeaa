"""Small trained networks, and a look inside them; what the mechanism chapter measures on."""

import copy
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from bncourse.data import load
from bncourse.experiments.arms import mlps, shuffles
from bncourse.models import MLP, NormFactory
from bncourse.recording import Recorder, named
from bncourse.training import History, classification_loss, fit_many
from bnlib.nn import BatchNorm1d

BATCH = 64


@dataclass(frozen=True)
class Recipe:
    """Which networks are trained, and how: MLPs on the digits, SGD with momentum 0.9.

    depth: hidden layers; width: units in each; steps: on batches of 64; lr: the learning rate.
    """

    depth: int = 4
    width: int = 32
    steps: int = 300
    lr: float = 0.05

    @property
    def data(self) -> str:
        """The data and the networks in words."""
        return (
            f"digits, MLP of {self.depth} hidden layers with {self.width} units, {self.steps} steps"
        )


USUAL = Recipe()

NORMS: dict[str, NormFactory | None] = {
    "BN": BatchNorm1d,
    "fixed": partial(BatchNorm1d, affine=False),
    "none": None,
}


@functools.cache
def _trained(seeds: tuple[int, ...], arm: str, recipe: Recipe) -> tuple[list[MLP], History]:
    data = load()
    models = mlps(data, seeds, depth=recipe.depth, width=recipe.width, norm=NORMS[arm])
    order = shuffles(seeds)
    history = fit_many(
        models, data, steps=recipe.steps, generators=order, lrs=recipe.lr, batch_size=BATCH
    )
    return models, history


def trained(seeds: Sequence[int], arm: str, recipe: Recipe = USUAL) -> tuple[list[MLP], History]:
    """The networks of one arm of `NORMS` after training, and how it went; one per seed.

    Treat them as read-only, and copy one before you change it: they are kept between calls.
    """
    return _trained(tuple(seeds), arm, recipe)


def look(
    model: nn.Module, x: Tensor, y: Tensor | None = None, *, training: bool = True
) -> Recorder:
    """One forward pass of a float64 copy of `model`, and with labels `y` the backward as well.

    Returns the Recorder of its linear and norm layers: `outputs`, `gradients`, and in `layers` the
    layers of the copy, with the gradients of their parameters. `model` itself is left alone.
    """
    watched = copy.deepcopy(model).double().train(training)
    with Recorder(watched, named("linear", "norm", "output")) as seen:
        logits = watched(x.double())
        if y is not None:
            classification_loss(logits, y).backward()
    return seen


def linears(model: MLP) -> list[nn.Linear]:
    """The linear layers of the hidden blocks, first to last."""
    return [layer for layer in model.hidden.modules() if isinstance(layer, nn.Linear)]


def norms(model: MLP) -> list[BatchNorm1d]:
    """The batch normalization layers of the hidden blocks, first to last."""
    return [layer for layer in model.hidden.modules() if isinstance(layer, BatchNorm1d)]


def affine(norm: BatchNorm1d) -> tuple[Tensor, Tensor]:
    """γ and β of a layer that has them, detached; ValueError for one that has not."""
    if norm.weight is None or norm.bias is None:
        raise ValueError(f"need a layer with γ and β, got {norm}: make it with affine=True")
    return norm.weight.detach(), norm.bias.detach()
