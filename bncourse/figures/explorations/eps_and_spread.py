"""What ε leaves of channels with small variance, inside and outside of the root (chapter 3)."""

import functools

import numpy as np
from matplotlib.figure import Figure

from bncourse.figures import plots
from bncourse.figures.interactive import canvas
from bnlib.functional import batch_norm

STDS = (10.0, 1.0, 0.1, 0.01, 0.001, 0.0001, 0.0)
SIZE = 24
INSIDE, OUTSIDE = "inside the root", "outside the root"


@functools.cache
def _batch() -> np.ndarray:
    """A batch `(SIZE, 7)`: the same draw (seed 0) in each channel, with the spreads of `STDS`."""
    draw = np.random.default_rng(0).normal(size=SIZE)
    draw = (draw - draw.mean()) / draw.std()
    return draw[:, None] * np.array(STDS)


def _normalised(eps: float, place: str) -> np.ndarray:
    """The batch after the layer, `(SIZE, 7)`; with ε outside the root, after a wrong layer."""
    x = _batch()
    one, zero = np.ones(len(STDS)), np.zeros(len(STDS))
    y, mu, var = batch_norm(x, one, zero, eps)
    return y if place == INSIDE else (x - mu) / (np.sqrt(var) + eps)


def draw(eps: float, eps_is: str) -> tuple[Figure, str]:
    """A row of ticks per channel, and a line where the spread before equals √ε (outside: ε)."""
    y = _normalised(eps, eps_is)
    stds = y.std(axis=0)
    figure, (ax,) = canvas(height=3.7)
    for row, std in enumerate(stds):
        # one line with gaps: a third of the bytes of as many markers
        places = np.repeat(y[:, row].round(3), 3)
        ends = np.tile([row - 0.3, row + 0.3, np.nan], SIZE)
        ax.plot(places, ends, color=plots.colour("BN"), linewidth=1.5)
        ax.text(3.9, row, f"{std:.2f}", ha="right", va="center")
    ax.text(3.9, -0.85, "std. after", ha="right", va="center")
    # The rows stand for powers of ten, 10 at the top; the constant channel is below every ε.
    name, threshold = ("√ε", np.sqrt(eps)) if eps_is == INSIDE else ("ε", eps)
    height = min(1 - np.log10(threshold), 5.5)
    ax.plot([-2.9, 2.3], [height, height], color=plots.colour("none"), linestyle="--")
    ax.text(2.4, height, name, color=plots.colour("none"), va="center")
    ax.set(xlim=(-2.9, 4), ylim=(6.6, -1.2), xlabel="normalised values")
    ax.set_xticks([-2, -1, 0, 1, 2])
    ax.set_yticks(range(len(STDS)), [f"{std:g}" for std in STDS])
    ax.set_ylabel("standard deviation before")
    ax.grid(visible=False)
    pairs = ", ".join(f"{a:g} becomes {b:.2f}" for a, b in zip(STDS, stds, strict=True))
    text = f"ε = {eps:g}, {eps_is}. The standard deviations: {pairs}."
    return figure, text
