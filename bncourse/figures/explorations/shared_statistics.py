"""Which values share a mean and a variance: four norms on an (N, C, H, W) block (chapter 9)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from bncourse.figures import plots
from bncourse.figures.interactive import canvas
from bnlib.norms import index_sets

SHAPE = N, C, H, W = (3, 4, 2, 2)
POSITION = 1  # of the marked value, in its H x W
# By the text of the button: the colour's name, and what `index_sets` takes.
NORMS = {
    "BN": ("BN", {"examples": N, "groups": C}),
    "LN": ("LayerNorm", {"examples": 1, "groups": 1}),
    "GN, 2 groups": ("GroupNorm", {"examples": 1, "groups": 2}),
    "IN": ("InstanceNorm", {"examples": 1, "groups": C}),
}
APART = np.array([5.5, 1.1])  # from one example to the next
DEEP = np.array([0.45, 0.3])  # along the thickness of a slab
PLAIN = "#DDDDDD"


def sharing(norm: str, example: int, channel: int) -> np.ndarray:
    """Which values share statistics with the marked one, `(N, C, H * W)` of bool; from 1."""
    sets = index_sets(SHAPE, **NORMS[norm][1]).reshape(N, C, H * W)
    return np.asarray(sets == sets[example - 1, channel - 1, POSITION])


def draw(norm: str, example: int, channel: int) -> tuple[Figure, str]:
    """The block as slabs, one per example, with the set of the marked value in colour.

    The mark is black, on a dark page white.
    norm: a key of NORMS; example, channel: of the marked value, counted from 1.
    """
    shared = sharing(norm, example, channel)
    shade = plots.colour(NORMS[norm][0])
    figure, (ax,) = canvas(height=2.5)
    figure.set_layout_engine("none")
    ax.set_position((0.0, 0.0, 1.0, 1.0))
    faces, colours = [], []
    for n, c, p in np.ndindex(N, C, H * W):
        colour = shade if shared[n, c, p] else PLAIN
        if (n, c, p) == (example - 1, channel - 1, POSITION):
            colour = "#000000"
        corner = n * APART + (c, H * W - 1 - p)
        for face, light in _faces(corner, top=p == 0, side=c == C - 1):
            faces.append(face)
            colours.append(_lighter(colour, light))
    ax.add_collection(
        PolyCollection(faces, facecolors=colours, edgecolors="#FFFFFF", linewidths=0.8)
    )
    _labels(ax)
    ax.set(xlim=(-1.3, 2 * APART[0] + C + 0.7), ylim=(-1.9, 2 * APART[1] + H * W + 1.3))
    ax.set_aspect("equal")
    ax.axis("off")
    return figure, _text(norm, example, channel, shared)


def _faces(corner: np.ndarray, *, top: bool, side: bool) -> list[tuple[np.ndarray, float]]:
    """The visible faces of a unit cube, `(4, 2)` each, and how much lighter each is."""
    right, up = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    found = [(np.array([corner, corner + right, corner + right + up, corner + up]), 0.0)]
    if top:
        base = corner + up
        found.append((np.array([base, base + right, base + right + DEEP, base + DEEP]), 0.45))
    if side:
        base = corner + right
        found.append((np.array([base, base + up, base + up + DEEP, base + DEEP]), 0.25))
    return found


def _lighter(colour: str, share: float) -> str:
    rgb = np.array(to_rgb(colour))
    return to_hex(tuple(rgb + share * (1 - rgb)))


def _labels(ax: Axes) -> None:
    """Name the three axes: C below and H x W beside the first slab, N along the slabs."""
    for n in range(N):
        x, y = n * APART
        ax.text(x + 0.4, y + H * W + 0.5, f"example {n + 1}", ha="left", va="bottom", fontsize=9.5)
        for c in range(C):
            ax.text(x + c + 0.5, y - 0.15, str(c + 1), ha="center", va="top", fontsize=9)
    ax.text(C / 2, -0.85, f"C = {C} channels", ha="center", va="top")
    ax.text(-0.2, H * W / 2, f"H·W = {H * W} positions", rotation=90, ha="right", va="center")
    start, end = (C + 1.9, -1.15), (2 * APART[0] + C, -1.15 + APART[1])
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "black"})
    ax.text(2 * APART[0] - 0.2, -0.95, f"N = {N} examples", ha="left", va="top")


def _text(norm: str, example: int, channel: int, shared: np.ndarray) -> str:
    channels = [c + 1 for c in np.flatnonzero(shared.any((0, 2)))]
    examples = f"all {N} examples" if shared.any((1, 2)).all() else f"example {example}"
    where = {1: f"channel {channels[0]}", C: f"all {C} channels"}.get(
        len(channels), "channels " + " and ".join(map(str, channels))
    )
    sets = shared.size // shared.sum()
    return (
        f"{norm}: the marked value, of example {example} and channel {channel}, takes its mean and "
        f"variance from {shared.sum()} of the {shared.size} values: {where} of {examples}, at all "
        f"positions. There are {sets} such sets."
    )
