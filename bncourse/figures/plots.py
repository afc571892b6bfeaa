"""Figures of the course: arrays to Axes, in one style.

No function here trains, saves or changes settings; only `use_style`, called once at the top of a
chapter, does. A colour means the same method in the whole book: take it from `colour`, and the
line and the marker that go with it from `line` and `marker`.

Every colour can be read on a white page, and its `bncourse.figures.colours.on_dark` on a dark one.
"""

import os
from collections.abc import Mapping, Sequence
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from bncourse.evidence import Result
from bncourse.figures.colours import contrast

# Colours whose contrast with the page is 4.5 or more, on white and, changed, on dark; the methods
# stay apart for colour-blind readers (tests/bncourse/figures/test_plots.py simulates them).  All
# other labels take theirs from the cycle in course.mplstyle.
COLOURS = {
    "BN": "#0072B2",
    "none": "#B04F00",
    "LayerNorm": "#144623",
    "GroupNorm": "#98617B",
    "InstanceNorm": "#4A177F",
    "train mode": "#B04F00",
    "eval mode": "#0072B2",
    "BN before": "#0072B2",
    "BN after": "#1C2E4A",
}
NEUTRAL = "#6E6E6E"  # what is drawn for comparison only
VERDICT_COLOURS = {"supported": "#2B7B6D", "not supported": "#B04F00", "inconclusive": "#4F4F4F"}
LINES = {"LayerNorm": "--", "GroupNorm": "-.", "InstanceNorm": ":", "BN after": "--"}
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# Tints of one hue, light enough for writing on them and for becoming dark tints on a dark page.
TINTS = LinearSegmentedColormap.from_list("tints", ["#f4f8fb", "#aed0ea"])


PRINTED = {"bbox_inches": "tight", "dpi": 350, "metadata": {"Date": None}}


def use_style() -> None:
    """Set the course's style for every figure that follows.

    In a notebook, draw them as SVG; when the book is built, also as PNG, for slides.  They carry
    no date and no random names, so that two runs draw the same bytes.
    """
    plt.style.use(str(files("bncourse.figures") / "course.mplstyle"))
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None:
        shell.run_line_magic("matplotlib", "inline")
        formats = os.environ.get("BNCOURSE_FIGURE_FORMATS", "svg").split(",")
        shell.run_line_magic("config", f"InlineBackend.figure_formats = {formats}")
        shell.run_line_magic("config", f"InlineBackend.print_figure_kwargs = {PRINTED}")
        # `%matplotlib inline` resets the settings to the backend's own.
        plt.style.use(str(files("bncourse.figures") / "course.mplstyle"))


def colour(label: str, index: int = 0) -> str:
    """The course's colour of a method, or the `index`-th of the palette for any other label."""
    cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    return COLOURS.get(label, cycle[index % len(cycle)])


def line(label: str, index: int = 0) -> str:
    """The line of a method, or of the `index`-th other label: it tells similar colours apart."""
    return LINES.get(label, "--" if index % 6 == 4 else "-")


def marker(label: str, index: int = 0) -> str:
    """The marker of a method, or the `index`-th for any other label."""
    return MARKERS[(list(LINES).index(label) + 1 if label in LINES else index) % len(MARKERS)]


def panels(count: int, *, height: float = 3.2, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels, 4 at most; (figure, list of Axes).

    Up to 3 panels stand side by side, 4 as two rows of two; `height` is that of a row.  A figure
    with 1 or 4 fits a phone, and 2 or 3 fit the page of a desktop, at a size that can be read; on a
    phone these stand below each other, so each has its own numbers also where they share an axis.
    """
    if not 1 <= count <= 4:
        raise ValueError(f"a figure holds 1 to 4 panels, got {count}: draw two figures")
    rows = 2 if count == 4 else 1
    size = (4.6 if count in (1, 4) else 7.0, rows * height)
    figure, axes = plt.subplots(rows, count // rows, figsize=size, sharey=sharey, squeeze=False)
    for ax in axes.flat:
        ax.tick_params(labelleft=True)
    return figure, list(axes.flat)


def curves(
    ax: Axes,
    x: ArrayLike,
    runs: Mapping[str, ArrayLike],
    *,
    xlabel: str,
    ylabel: str,
    log: str = "",
    markers: bool = False,
) -> Axes:
    """One line per method: the mean over seeds, with a band from the lowest to the highest seed.

    x: `(P,)`. runs: method to `(seeds, P)`, or `(P,)` for a single line without a band.
    log: "x", "y" or "xy" for logarithmic axes; with "y" the mean is the geometric one.
    """
    x = np.asarray(x)
    for i, (label, values) in enumerate(runs.items()):
        rows = np.atleast_2d(np.asarray(values, dtype=float))
        centre = np.exp(np.log(rows).mean(0)) if "y" in log else rows.mean(0)
        shade = colour(label, i)
        (drawn,) = ax.plot(x, centre, line(label, i), label=label, color=shade)
        if markers:
            drawn.set_marker(marker(label, i))
        if len(rows) > 1:
            ax.fill_between(x, rows.min(0), rows.max(0), color=shade, alpha=0.18, linewidth=0)
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(runs) > 1:
        ax.legend()
    return ax


def smooth(runs: ArrayLike, window: int) -> np.ndarray:
    """Running mean of `window` points over the last axis; it loses window - 1 of them."""
    values = np.asarray(runs, dtype=float)
    return np.lib.stride_tricks.sliding_window_view(values, window, axis=-1).mean(-1)


def strip(
    ax: Axes, groups: Mapping[str, ArrayLike], *, xlabel: str, mark: float | None = None
) -> Axes:
    """One dot per value, one row per group; `mark` draws a vertical line at a reference value."""
    for i, (label, values) in enumerate(groups.items()):
        points = np.asarray(values, dtype=float).ravel()
        # A fixed spread instead of random jitter: the figure is the same at every run.
        offset = 0.24 * np.sin(2.4 * np.arange(points.size))
        (dots,) = ax.plot(points, i + offset, "o", color=colour(label, i), markersize=4.5)
        dots.set(markeredgecolor="white", markeredgewidth=0.5)  # dots stay apart, and opaque
    if mark is not None:
        ax.axvline(mark, color="black", linewidth=1.4, linestyle="--")
    ax.set_yticks(range(len(groups)), list(groups))
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_xlabel(xlabel)
    return ax


def histograms(ax: Axes, samples: Mapping[str, ArrayLike], *, xlabel: str, bins: int = 40) -> Axes:
    """Overlaid histograms with common bins, each scaled to unit area."""
    arrays = {label: np.asarray(values, dtype=float).ravel() for label, values in samples.items()}
    edges = np.histogram_bin_edges(np.concatenate(list(arrays.values())), bins).tolist()
    for i, (label, values) in enumerate(arrays.items()):
        shade = colour(label, i)
        ax.hist(values, edges, density=True, histtype="stepfilled", color=shade, alpha=0.25)
        ax.hist(values, edges, density=True, histtype="step", color=shade, label=label)
    ax.set(xlabel=xlabel, ylabel="density")
    if len(samples) > 1:
        ax.legend()
    return ax


def heatmap(
    ax: Axes,
    values: ArrayLike,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    xlabel: str,
    ylabel: str,
    label: str,
    text: str = ".2f",
    low: float | None = None,
    high: float | None = None,
) -> Axes:
    """A map of numbers `(rows, columns)`, each written into its field; `label` names the scale."""
    import seaborn

    seaborn.heatmap(
        np.asarray(values, dtype=float),
        ax=ax,
        annot=True,
        fmt=text,
        cmap=plt.rcParams["image.cmap"],
        vmin=low,
        vmax=high,
        xticklabels=list(columns),
        yticklabels=list(rows),
        cbar_kws={"label": label},
    )
    cells = ax.collections[0]
    cells.update_scalarmappable()
    fixed = f"fixed-{ax.figure.axes.index(ax)}"
    cells.set_gid(f"{fixed}-cells")
    if cells.colorbar is not None and cells.colorbar.solids is not None:
        cells.colorbar.solids.set_gid(f"{fixed}-scale")
    behind = [to_hex(cell) for cell in np.asarray(cells.get_facecolor())]
    for i, (written, cell) in enumerate(zip(ax.texts, behind, strict=True)):
        best = "#000000" if contrast("#000000", cell) > contrast("#ffffff", cell) else "#ffffff"
        written.set(color=best, gid=f"{fixed}-text-{i}")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.tick_params(axis="y", rotation=0)
    return ax


def intervals(ax: Axes, results: Sequence[Result], *, xlabel: str) -> Axes:
    """Effects with their 95 % intervals, one row per Result, coloured by verdict.

    The dotted line is the value that the claim's prediction names. Results on one Axes should
    share scale and unit.
    """
    for i, result in enumerate(results):
        shade = VERDICT_COLOURS[result.verdict]
        ax.plot([result.low, result.high], [i, i], color=shade, linewidth=2.4)
        ax.plot(result.effect, i, "o", color=shade)
        ax.plot(result.effects, np.full(len(result.effects), i + 0.22), "|", color=shade)
        claim = result.claim
        ax.vlines(claim.bound, i - 0.4, i + 0.4, colors="black", linestyles=":", linewidth=1.4)
    if any(result.claim.scale == "ratio" for result in results):
        ax.set_xscale("log")
    ax.set_yticks(range(len(results)), [result.claim.id for result in results])
    ax.set_ylim(len(results) - 0.5, -0.5)
    ax.set_xlabel(xlabel)
    return ax


def grid_of_numbers(
    ax: Axes, values: ArrayLike, *, rows: Sequence[str], columns: Sequence[str], text: str = ".2f"
) -> Axes:
    """A small matrix written out, shaded by value: for examples worked by hand."""
    matrix = np.asarray(values, dtype=float)
    ax.pcolormesh(matrix, cmap=TINTS, edgecolors="white", linewidth=0.8)
    for (i, j), value in np.ndenumerate(matrix):
        ax.text(j + 0.5, i + 0.5, format(value, text), ha="center", va="center")
    ax.set_xticks(np.arange(len(columns)) + 0.5, list(columns))
    ax.set_yticks(np.arange(len(rows)) + 0.5, list(rows))
    ax.set_ylim(len(rows), 0)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.grid(False)
    return ax
