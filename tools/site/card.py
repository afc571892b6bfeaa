"""The picture that other sites show with a link to the course: 1200 by 630 pixels, one for all.

It shows what the layer does: channels of any mean and spread go in, standardised ones come out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SIZE = (1200, 630)
ALT = "Four channels of different mean and spread; beside them the same channels, standardised."
INK, PAPER, QUIET = "#1b2733", "#ffffff", "#52606d"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # tell apart without colour vision
CHANNELS = ((-4.2, 0.6), (-1.2, 1.5), (1.9, 0.45), (4.6, 0.9))  # mean, spread


def density(x: np.ndarray, mu: float, sigma: float) -> np.ndarray:
    return np.exp(-0.5 * ((x - mu) / sigma) ** 2) / sigma


def draw_channels(
    ax: Axes, channels: tuple[tuple[float, float], ...], label: str, *, dashed: bool = False
) -> None:
    """Draw one curve per channel; `label` says what they are.

    Where curves coincide, `dashed` lets each show in the gaps of the others.
    """
    x = np.linspace(-7, 7, 600)
    for i, ((mu, sigma), colour) in enumerate(zip(channels, COLOURS, strict=True)):
        y = density(x, mu, sigma)
        ax.fill_between(x, y, color=colour, alpha=0.05 if dashed else 0.18, linewidth=0)
        style = (3 * i, (3, 3 * (len(COLOURS) - 1))) if dashed else "solid"
        ax.plot(x, y, color=colour, linewidth=4 if dashed else 3, linestyle=style)
    ax.set(xlim=(-7, 7), ylim=(0, 2.4), yticks=[])
    ax.set_xticks([0], ["0"])
    ax.tick_params(labelsize=15, colors=QUIET, length=4)
    ax.set_xlabel(label, fontsize=18, color=QUIET)
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.spines["bottom"].set_color(QUIET)


def draw(title: str, address: str) -> Figure:
    """The card with the title of the course and the address of its site."""
    figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100, facecolor=PAPER)
    figure.text(0.06, 0.84, title, fontsize=36, weight="bold", color=INK)
    said = "A course that you can run: derived, built, measured."
    figure.text(0.06, 0.755, said, fontsize=22, color=QUIET)
    before = figure.add_axes((0.06, 0.24, 0.38, 0.44))
    after = figure.add_axes((0.56, 0.24, 0.38, 0.44))
    draw_channels(before, CHANNELS, "each channel as it comes")
    draw_channels(after, ((0.0, 1.0),) * 4, "all of them, normalised", dashed=True)
    figure.text(0.5, 0.42, "→", fontsize=48, color=INK, ha="center")
    figure.text(0.06, 0.06, address, fontsize=18, color=INK)
    for ax in (before, after):
        ax.set_facecolor(PAPER)
    return figure


def write(path: Path, title: str, address: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(title, address).savefig(path, metadata={"Software": None})
