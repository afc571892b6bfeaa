"""What enters the activations, layer by layer, with and without BN (chapter 2)."""

import functools

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from bncourse.data import load
from bncourse.experiments.arms import ARMS, mlps
from bncourse.experiments.ch02_rationale.scales import DEPTH, INITIALISATIONS, offset, spread
from bncourse.figures import plots
from bncourse.figures.interactive import canvas
from bncourse.recording import Recorder, dead_fraction, named

Array = np.ndarray
LAYERS = (1, 2, 4, 8, 12, 20)
LIMIT = 4.0


@functools.cache
def inputs(norm: str, weights: str) -> list[Tensor]:
    """What enters the activation of each hidden layer, `(N, C)`: an untrained network, seed 0.

    norm: "BN" or "none"; weights: a key of INITIALISATIONS.
    """
    data = load()
    (net,) = mlps(data, [0], depth=DEPTH, norm=ARMS[norm], **INITIALISATIONS[weights])
    last = "linear" if norm == "none" else "norm"
    with Recorder(net, named(last)) as seen, torch.no_grad():
        net(data.train_x)
    return [x for name, x in seen.outputs.items() if name.startswith("hidden")]


def _positional(value: float) -> str:
    """Two digits without an exponent; what float32 rounds to 0 is 0."""
    return "0" if value < 1e-6 else np.format_float_positional(value, 2, fractional=False, trim="-")


def _strokes(x0: Array, x1: Array, y0: Array, y1: Array) -> tuple[Array, Array]:
    """Strokes from (x0, y0) to (x1, y1) as one line with gaps: one path instead of many."""
    gap = np.full(len(x0), np.nan)
    return np.stack([x0, x1, gap], 1).ravel(), np.stack([y0, y1, gap], 1).ravel()


def draw(norm: str, weights: str, layer: int) -> tuple[Figure, str]:
    """One bar per unit: a stroke at its mean over the images, a standard deviation up and down."""
    x = inputs(norm, weights)[layer - 1]
    mean, std = x.mean(0).numpy(), x.std(0, correction=0).numpy()
    figure, (ax,) = canvas(height=2.9)
    unit = np.arange(1, len(mean) + 1)
    shade = plots.colour(norm)
    ax.axhline(0, color="black", linewidth=1)
    ax.plot(*_strokes(unit, unit, mean - std, mean + std), color=shade, linewidth=4)
    # the mean, seen where the bar is too short
    ax.plot(*_strokes(unit - 0.35, unit + 0.35, mean, mean), color=shade, linewidth=2)
    ax.set(xlim=(0, len(mean) + 1), ylim=(-LIMIT, LIMIT))
    ax.set(xlabel="unit", ylabel="what enters the activation")
    dead = round(dead_fraction(x.relu()) * len(mean))
    with_ = "With BN" if norm == "BN" else "Without BN"
    written = np.format_float_positional(spread(x), 2, fractional=False, trim="-")
    text = (
        f"{with_}, weights: {weights}, layer {layer}: the units vary by {written} from image to "
        f"image, and their means lie {_positional(offset(x))} from 0. {dead} of {len(mean)} units "
        "are below 0 for every image."
    )
    if beyond := int((np.abs(mean) - std > LIMIT).sum()):
        text += f" {beyond} of the bars lie outside of the picture."
    return figure, text
