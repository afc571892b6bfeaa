"""What γ and β do to the normalised values of one unit (chapter 3)."""

import functools

import numpy as np
import torch
from matplotlib.figure import Figure

from bncourse.data import load
from bncourse.experiments.arms import mlps
from bncourse.experiments.ch03_mechanism.inside import linears
from bncourse.figures import plots
from bncourse.figures.interactive import canvas
from bnlib.functional import batch_norm

SEED, UNIT = 1, 27  # a unit whose values lean to one side, so that a mirror image shows
EDGES = np.arange(-8, 8.1, 0.25)


@functools.cache
def _values() -> np.ndarray:
    """What the batch norm of one unit gets, `(1347, 1)`: the training digits, untrained weights."""
    digits = load()
    mlp = mlps(digits, [SEED], depth=2, norm=None)[0].double()
    with torch.no_grad():
        z: torch.Tensor = linears(mlp)[1](mlp.hidden[0](digits.train_x.double()))
    return z[:, [UNIT]].numpy()


def _percent(values: np.ndarray) -> np.ndarray:
    """How many of all values lie in each bin, in percent."""
    return 100 / len(_values()) * np.histogram(values, EDGES)[0]


def passed(gamma: float, beta: float) -> float:
    """How many values of y a ReLU passes, in percent."""
    return float(100 * (_output(gamma, beta) > 0).mean())


def _output(gamma: float, beta: float) -> np.ndarray:
    """y `(1347,)`, by the layer in train mode."""
    y, _, _ = batch_norm(_values(), np.array([float(gamma)]), np.array([float(beta)]))
    return y[:, 0]


def draw(gamma: float, beta: float) -> tuple[Figure, str]:
    """Histogram of y = γ·x̂ + β over that of x̂, and what a ReLU passes of it."""
    x_hat, y = _output(1, 0), _output(gamma, beta)
    figure, (ax,) = canvas(height=3.3)
    shade = plots.colour("BN")
    for part, alpha, what in ((y[y <= 0], 0.3, "stops"), (y[y > 0], 1.0, "passes")):
        label = f"$y$ that ReLU {what}"
        ax.stairs(_percent(part), EDGES, fill=True, facecolor=(shade, alpha), edgecolor=shade,
                  linewidth=1, label=label)  # fmt: skip
    ax.stairs(_percent(x_hat), EDGES, color="black", linewidth=1.2, label=r"$\hat{x}$")
    ax.errorbar([y.mean()], [27], xerr=[y.std()], color=plots.colour("", 1), marker="o",
                capsize=4, label="mean ± std. of $y$")  # fmt: skip
    ax.axvline(0, color="black", linestyle=":", linewidth=1)
    ax.set(xlim=(-7.1, 7.1), ylim=(0, 30), xlabel="value", ylabel="% of the values")
    ax.set_yticks([0, 10, 20])
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    mean = y.mean().round(2) + 0.0  # no minus sign before a zero
    text = (
        f"γ = {gamma:g} and β = {beta:g}: y has the mean {mean:.2f} and the standard deviation "
        f"{y.std():.2f}, and a ReLU passes {passed(gamma, beta):.0f} % of its values."
    )
    if gamma == 0:
        text += " All values are equal."
    return figure, text
