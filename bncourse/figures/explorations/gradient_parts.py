"""Which parts of the incoming gradient get through the layer (chapter 4)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bncourse.figures import plots
from bncourse.figures.interactive import canvas
from bnlib.functional import batch_norm, batch_norm_backward, batch_norm_eval_backward

X = np.array([[3.0], [9.0], [11.0], [17.0]])  # the example that the chapter works by hand
GAMMA = np.array([2.0])
EPS = 1e-12  # as good as 0
PLACES = np.arange(1, len(X) + 1)


def directions() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three directions of dy, each `(4, 1)` with the length 2: constant, along x̂, and a third one.

    The third is what is left of x̂² without its mean and its part along x̂.
    """
    x_hat, _, _ = batch_norm(X, np.ones(1), np.zeros(1), EPS)
    rest = x_hat**2 - (x_hat**2).mean()
    rest -= (rest * x_hat).mean() * x_hat
    return np.ones_like(X), x_hat, rest / np.sqrt((rest**2).mean())


def _listed(values: np.ndarray) -> str:
    # + 0.0: no minus sign before a zero
    return ", ".join(f"{value + 0.0:.2f}" for value in values[:, 0].round(2))


def _bars(ax: Axes, values: np.ndarray, colour: str, shift: float, label: str) -> None:
    ax.bar(PLACES + shift, values[:, 0].round(6), width=0.36, color=colour, label=label)


def draw(constant: float, along_x_hat: float, rest: float) -> tuple[Figure, str]:
    """dy, put together of three parts, above the dx that the layer makes of it in both modes."""
    ones, x_hat, other = directions()
    dy = constant * ones + along_x_hat * x_hat + rest * other
    dx, _, _ = batch_norm_backward(dy, X, GAMMA, EPS)
    # eval mode with running statistics that happen to be those of the batch
    fixed, _, _ = batch_norm_eval_backward(dy, X, X.mean(0), X.var(0), GAMMA, EPS)
    slope = float(GAMMA[0] / np.sqrt(X.var() + EPS))

    figure, (above, below) = canvas(rows=2, height=4.8)
    _bars(above, dy, plots.colour(""), 0, "dy")
    above.hlines((dy - dx / slope).round(6)[:, 0], PLACES - 0.36, PLACES + 0.36, linewidth=3,
                 color=plots.colour("train mode"), label="what train mode subtracts")  # fmt: skip
    _bars(below, dx, plots.colour("train mode"), -0.19, "dx in train mode")
    _bars(below, fixed, plots.colour("eval mode"), 0.19, "dx in eval mode")
    for ax, scale, name in ((above, 1.0, "dy"), (below, slope, "dx")):
        ax.axhline(0, color="black", linewidth=1)
        ax.set(ylim=(-1.8 * scale, 4.7 * scale), ylabel=name, xlim=(0.4, 4.6))
        ax.set_xticks(PLACES)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    below.set_xlabel("example")
    text = (
        f"dy is {_listed(dy)}. In train mode dx is {_listed(dx)}; in eval mode, with the same μ "
        f"and σ² as constants, it is {_listed(fixed)}."
    )
    return figure, text
