"""Watching the distributions inside a network while it trains, for section 1.2 of the notes.

The distribution that counts is that of the input of each activation function, on a fixed batch of
probe images: Linear's output without BN, the output of BN with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from bncourse.data import Data, load
from bncourse.experiments.arms import generator, mlps, shuffles
from bncourse.experiments.ch02_rationale.input_scaling import TARGET
from bncourse.models import MLP, NormFactory
from bncourse.recording import Recorder
from bncourse.training import classification_loss, fit
from bnlib.nn import BatchNorm1d

DEPTH, BATCH, PROBE = 6, 64, 256
EVERY = 5  # steps between two looks; each look compares the network before and after one step


@dataclass(frozen=True)
class Training:
    """How the 6-layer MLPs are trained: SGD without momentum, on batches of 64.

    steps: a multiple of 5; rate: the learning rate; noise: the amount of `Shaken`.
    Raises ValueError for other steps.
    """

    steps: int = 120
    rate: float = 0.3
    noise: float = 0.5

    def __post_init__(self) -> None:
        if self.steps < EVERY or self.steps % EVERY:
            raise ValueError(
                f"steps must be a multiple of {EVERY}, since we look every {EVERY} steps, "
                f"got {self.steps}: use {max(EVERY, self.steps // EVERY * EVERY)}"
            )


USUAL = Training()


class Shaken(nn.Module):
    """BatchNorm1d, then a shift and a scale at random for each unit, drawn anew by `redraw`.

    amount: a; the shift is uniform in [-a, a], the scale 2^u with u uniform in [-a, a], so that
    the output is BN's with another mean and another standard deviation after every redraw. Before
    the first redraw, and in eval mode, there is no noise. After the experiment of Santurkar et
    al. 2018, section 2.2.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, channels: int, amount: float) -> None:
        super().__init__()
        self.norm = BatchNorm1d(channels)
        self.amount = amount
        self.register_buffer("shift", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))

    def redraw(self, generator: torch.Generator) -> None:
        """Draw the shift and the scale of every unit anew."""
        u = self.amount * (2 * torch.rand(2, len(self.shift), generator=generator) - 1)
        self.shift.copy_(u[0])
        self.scale.copy_(2 ** u[1])

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x)
        return y * self.scale + self.shift if self.training else y


def activation_inputs(model: MLP, x: Tensor) -> Tensor:
    """What enters each activation function for inputs `x`, `(layers, N, C)`; leaves no trace.

    The mode is the model's own: in train mode BN normalises with the statistics of `x`.
    """
    last = {f"hidden.{i}.{list(b._modules)[-2]}" for i, b in enumerate(model.hidden)}
    with torch.no_grad(), Recorder(model, lambda name, module: name in last) as seen:
        functional_call(model, _copies(model), (x,))
    return torch.stack(list(seen.outputs.values()))


def motion(before: np.ndarray, after: np.ndarray, stds: np.ndarray) -> np.ndarray:
    """How far the units' means move, in standard deviations of the unit.

    before, after: means `(..., C)`; stds: `(..., C)`, at the time of `before`. Returns the median
    over the units of |after - before| / std, `(...)`.
    """
    return np.median(np.abs(after - before) / np.maximum(stds, 1e-12), axis=-1)


def gradient_shift(model: MLP, x: Tensor, y: Tensor, rate: float) -> list[float]:
    """How much a layer's gradient changes because the layers below it take their step.

    For each hidden layer but the first: |g' - g| / |g|, where g is the gradient of its weight,
    and g' the same after an SGD step of only the layers below. Nothing in the model changes.
    Santurkar et al. 2018, definition 2.1, here relative to g.
    """
    parameters = dict(model.named_parameters())

    def loss(values: Mapping[str, Tensor]) -> Tensor:
        logits = functional_call(model, {**_copies(model), **values}, (x,))
        return classification_loss(logits, y)

    gradients = torch.autograd.grad(loss(parameters), list(parameters.values()))
    g = dict(zip(parameters, gradients, strict=True))
    changes = []
    for layer in range(1, len(model.hidden)):
        below = tuple(f"hidden.{i}." for i in range(layer))
        stepped = {
            name: (p - rate * g[name]).detach() if name.startswith(below) else p
            for name, p in parameters.items()
        }
        weight = f"hidden.{layer}.linear.weight"
        (after,) = torch.autograd.grad(loss(stepped), [parameters[weight]])
        changes.append(float((after - g[weight]).norm() / g[weight].norm()))
    return changes


def _copies(model: nn.Module) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in model.named_buffers()}


@dataclass(frozen=True)
class Watch:
    """Training runs of one arm, seen on the probe images every 5 steps.

    Arrays with a leading axis of seeds and one of looks, the first before step 1.

    steps: until the target test accuracy, `(seeds,)`.
    accuracy: on the test images, `(seeds, looks)`.
    means, stds: of each activation's input, `(seeds, looks, layers, C)`.
    shift: `motion` of the means by the step that follows the look, `(seeds, looks - 1, layers)`.
    bands: 15th, 50th and 85th percentile of the first unit, `(seeds, looks, layers, 3)`.
    dead: share of units whose input is positive for no probe, `(seeds, looks, layers)`.
    gradient: `gradient_shift`, every 15 steps; empty if not asked for.
    """

    steps: np.ndarray
    accuracy: np.ndarray
    means: np.ndarray
    stds: np.ndarray
    shift: np.ndarray
    bands: np.ndarray
    dead: np.ndarray
    gradient: np.ndarray


class _Observer:
    """Looks at a model after every step of `fit`; the lists hold one entry per look."""

    def __init__(
        self, model: MLP, data: Data, noise: torch.Generator, rate: float, gradients: bool
    ) -> None:
        self.model, self.data, self.noise = model, data, noise
        self.rate, self.gradients = rate, gradients
        self.means: list[np.ndarray] = []
        self.stds: list[np.ndarray] = []
        self.shift: list[np.ndarray] = []
        self.bands: list[np.ndarray] = []
        self.dead: list[np.ndarray] = []
        self.gradient: list[list[float]] = []

    def look(self, step: int) -> None:
        for module in self.model.modules():
            if isinstance(module, Shaken):
                module.redraw(self.noise)
        if step % EVERY > 1:
            return
        z = activation_inputs(self.model, self.data.train_x[:PROBE])
        if step % EVERY == 1:
            self.shift.append(motion(self.means[-1], z.mean(1).numpy(), self.stds[-1]))
            return
        self.means.append(z.mean(1).numpy())
        self.stds.append(z.std(1, correction=0).numpy())
        percentiles = torch.tensor([0.15, 0.5, 0.85])
        self.bands.append(z[:, :, 0].quantile(percentiles, dim=1).T.numpy())
        self.dead.append((z <= 0).all(1).float().mean(1).numpy())
        if self.gradients and step % (3 * EVERY) == 0:
            x, y = self.data.train_x[:BATCH], self.data.train_y[:BATCH]
            self.gradient.append(gradient_shift(self.model, x, y, self.rate))


def watch(
    norm: NormFactory | None,
    seeds: Sequence[int],
    training: Training = USUAL,
    *,
    gradients: bool = True,
) -> Watch:
    """Train a 6-layer MLP per seed, and look on every 5 steps."""
    data = load()
    histories, observers = [], []
    models = mlps(data, seeds, depth=DEPTH, norm=norm)
    for seed, model, order in zip(seeds, models, shuffles(seeds), strict=True):
        observer = _Observer(
            model.train(), data, generator(seed, stream=3), training.rate, gradients
        )
        observer.look(0)
        histories.append(
            fit(
                model,
                data,
                steps=training.steps,
                generator=order,
                batch_size=BATCH,
                lr=training.rate,
                momentum=0.0,
                eval_every=EVERY,
                after_step=observer.look,
            )
        )
        observers.append(observer)
    return Watch(
        steps=np.array([history.steps_to(TARGET) for history in histories]),
        accuracy=np.array([history.test_accuracy for history in histories]),
        means=np.array([o.means for o in observers]),
        stds=np.array([o.stds for o in observers]),
        shift=np.array([o.shift for o in observers]),
        bands=np.array([o.bands for o in observers]),
        dead=np.array([o.dead for o in observers]),
        gradient=np.array([o.gradient for o in observers]),
    )
