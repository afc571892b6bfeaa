"""Drawings that explain rather than measure: arrays as tiles, and graphs of a computation."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, PathPatch
from matplotlib.path import Path
from numpy.typing import ArrayLike

# still, moved, poked: a light, a middle and a dark tone, apart in grey as well; on a dark page a
# dark, a middle and a light one.
POKE_COLOURS = ("#DDDDDD", "#0072B2", "#000000")


def tiles(x: ArrayLike) -> np.ndarray:
    """Lay an array `(N, C, *spatial)` out flat: a row of tiles per example, a column per channel.

    x: 2 to 5 axes. A tile is the spatial part: 1 x 1 for (N, C), 1 x L, H x W, or for (D, H, W)
    its D slices side by side. Returns a matrix with NaN in the gaps, 1 wide between tiles below
    each other and between slices, 1 between tiles side by side, or 3 where a tile has slices.
    Raises ValueError for another number of axes.
    """
    values = np.asarray(x, dtype=float)
    if not 2 <= values.ndim <= 5:
        raise ValueError(f"x must have 2 to 5 axes, got shape {values.shape}: reshape it")
    n, c, *spatial = values.shape
    d, h, w = (1,) * (3 - len(spatial)) + tuple(spatial)
    values = values.reshape(n, c, d, h, w)
    down, across = h + 1, d * (w + 1) + (2 if d > 1 else 0)
    canvas = np.full((n * down, c * across), np.nan)
    for i, j, k in np.ndindex(n, c, d):
        top, left = i * down, j * across + k * (w + 1)
        canvas[top : top + h, left : left + w] = values[i, j, k]
    return canvas[:-1, : -(across - d * (w + 1) + 1)]


def poked(ax: Axes, marks: ArrayLike, *, title: str) -> Axes:
    """Draw marks `(N, C, *spatial)` as tiles: 0 still, 1 moved, 2 poked."""
    flat = tiles(marks)
    n, c, *spatial = np.asarray(marks).shape
    square = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    for mark, shade in enumerate(POKE_COLOURS):
        centres = np.argwhere(flat == mark)[:, ::-1]
        if len(centres):
            # one path per colour, and not an image: its colours can change with the page
            squares = Path.make_compound_path_from_polys(centres[:, None] + square)
            ax.add_patch(PathPatch(squares, facecolor=shade, linewidth=0))
    ax.set(xlim=(-0.5, flat.shape[1] - 0.5), ylim=(flat.shape[0] - 0.5, -0.5), aspect="equal")
    gap = 3 if len(spatial) == 3 and spatial[0] > 1 else 1
    ax.set_xticks(_centres(flat.shape[1], c, gap), [str(k) for k in range(c)])
    ax.set_yticks(_centres(flat.shape[0], n, 1), [str(k) for k in range(n)])
    ax.set(title=title, xlabel="channel", ylabel="example")
    ax.tick_params(length=0)
    ax.set_anchor("N")  # panels of unequal height begin at the same line
    ax.spines[:].set_visible(False)
    ax.grid(False)
    return ax


def graph(
    ax: Axes,
    nodes: Mapping[str, tuple[float, float]],
    arrows: Sequence[tuple[str, str]],
    *,
    notes: Mapping[str, str] | None = None,
) -> Axes:
    """Draw a computation: nodes by their text at (column, row), arrows in the forward direction.

    notes: by node, a second line in the colour of the way back: over the nodes of the top row,
        under the others.
    Raises KeyError for an arrow or a note at an unknown node.
    """
    for start, end in arrows:
        ax.add_patch(
            FancyArrowPatch(
                nodes[start],
                nodes[end],
                arrowstyle="-|>",
                mutation_scale=13,
                shrinkA=15,
                shrinkB=15,
                color="#555555",
                linewidth=1.3,
            )
        )
    for text, (column, row) in nodes.items():
        box = {"boxstyle": "round,pad=0.35", "facecolor": "#E8F1F8", "edgecolor": "#0072B2"}
        ax.text(column, row, text, ha="center", va="center", bbox=box, fontsize=12)
    columns, rows = zip(*nodes.values(), strict=True)
    for text, note in (notes or {}).items():
        column, row = nodes[text]
        side, place = (1, "bottom") if row == max(rows) else (-1, "top")
        ax.text(column, row + 0.3 * side, note, ha="center", va=place, color="#B04F00")
    ax.set_xlim(min(columns) - 0.6, max(columns) + 0.6)
    ax.set_ylim(min(rows) - 0.7, max(rows) + 0.7)
    ax.axis("off")
    return ax


def _centres(length: int, count: int, gap: int) -> list[float]:
    """The middle of each of `count` tiles, `gap` apart, along an axis of `length` pixels."""
    step = (length + gap) / count
    return [k * step + (step - gap - 1) / 2 for k in range(count)]
