"""The cover of the book: what ten layers do to their inputs, without and with batch normalization.

The picture is computed when the book is made: a batch of 2000 examples runs through ten random
linear layers with ReLU.  Each line is the histogram of one channel before the activation.
"""

from __future__ import annotations

import io
import textwrap

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bncourse.figures.plots import COLOURS
from bnlib.functional import batch_norm

DEPTH, WIDTH, EXAMPLES, GAIN = 10, 64, 2000, 1.9
RANGE = np.linspace(-6, 6, 241)


def densities(normalise: bool) -> list[np.ndarray]:
    """The density of channel 0 before each activation, at the points of RANGE."""
    generator = np.random.default_rng(2015)
    h = generator.standard_normal((EXAMPLES, WIDTH))
    found = []
    for _ in range(DEPTH):
        z = h @ generator.standard_normal((WIDTH, WIDTH)) * np.sqrt(GAIN / WIDTH) + 0.3
        if normalise:
            z = batch_norm(z, np.ones(WIDTH), np.zeros(WIDTH))[0]
        # a Gaussian kernel of width 0.2 around each value
        differences = (RANGE[:, None] - z[:, 0]) / 0.2
        found.append(np.exp(-0.5 * differences**2).mean(axis=1) / (0.2 * np.sqrt(2 * np.pi)))
        h = np.maximum(z, 0)
    return found


def ridges(ax: Axes, curves: list[np.ndarray], colour: str) -> None:
    """One curve per layer, the first at the top, each in front of the one above it."""
    for depth, curve in enumerate(curves):
        base = -float(depth)
        ax.fill_between(RANGE, base, base + 3.2 * curve, color=colour, alpha=0.25, zorder=depth)
        ax.plot(RANGE, base + 3.2 * curve, color=colour, linewidth=1.6, zorder=depth)
    ax.set_ylim(0.5 - DEPTH, 2)
    ax.set_axis_off()


def draw(title: str, author: str) -> Figure:
    """The cover, 6 by 9 inches."""
    figure = Figure(figsize=(6, 9), facecolor="white")
    lines = textwrap.fill(title, 16)
    figure.text(0.09, 0.93, lines, va="top", fontsize=34, fontweight="bold", linespacing=1.15)
    sides = ((0.07, False, "none", "ten layers"), (0.53, True, "BN", "ten layers with BN"))
    for left, normalise, method, name in sides:
        ax = figure.add_axes((left, 0.17, 0.4, 0.48))
        ridges(ax, densities(normalise), COLOURS[method])
        figure.text(left + 0.02, 0.15, name, fontsize=11.5, color=COLOURS[method])
    figure.text(0.09, 0.06, author, fontsize=11.5, color="#333333")
    return figure


def svg(title: str, author: str) -> str:
    """The cover as a drawing, without a date."""
    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": "cover"}):
        draw(title, author).savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def png(title: str, author: str) -> bytes:
    """The cover as a picture of 1200 by 1800 pixels."""
    buffer = io.BytesIO()
    draw(title, author).savefig(buffer, format="png", dpi=200, metadata={"Software": None})
    return buffer.getvalue()
