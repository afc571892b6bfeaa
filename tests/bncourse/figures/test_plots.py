"""Laws of the figures: arrays in, marks on the Axes out, nothing else touched."""

import io
import itertools
import math

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from bncourse.evidence import Claim, weigh
from bncourse.figures import plots, svg
from bncourse.figures.colours import DARK_PAGE, LIGHT_PAGE, READABLE, contrast, on_dark, to_oklab

# How the colour-blind see linear red, green and blue.  Machado, Oliveira & Fernandes 2009, "A
# physiologically-based model for simulation of color vision deficiency", table 1, severity 1.
SIGHT = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
APART = 0.08  # in OKLab, where black and white are 1 apart


@pytest.fixture(autouse=True)
def style():
    matplotlib.use("agg")
    with plt.rc_context():
        plots.use_style()
        yield
        plt.close("all")


def axes():
    return plots.panels(1)[1][0]


def test_a_curve_is_the_mean_over_seeds_with_a_band_over_all_of_them():
    ax = plots.curves(axes(), [0, 1], {"BN": [[1, 2], [3, 6]]}, xlabel="x", ylabel="y")
    assert ax.lines[0].get_ydata().tolist() == [2, 4]
    low, high = (f(ax.collections[0].get_paths()[0].vertices[:, 1]) for f in (np.min, np.max))
    assert (low, high) == (1, 6)


def test_on_a_logarithmic_axis_the_mean_is_geometric():
    ax = plots.curves(axes(), [0], {"BN": [[1], [100]]}, xlabel="x", ylabel="y", log="y")
    assert ax.lines[0].get_ydata()[0] == pytest.approx(10)
    assert ax.get_yscale() == "log" and ax.get_xscale() == "linear"


def test_a_colour_belongs_to_a_method_wherever_it_stands():
    one = plots.curves(axes(), [0], {"none": [0], "BN": [1]}, xlabel="x", ylabel="y")
    two = plots.curves(axes(), [0], {"BN": [1]}, xlabel="x", ylabel="y")
    assert one.lines[1].get_color() == two.lines[0].get_color() == plots.COLOURS["BN"]


def cycle():
    return [to_hex(shade) for shade in plt.rcParams["axes.prop_cycle"].by_key()["color"]]


def test_every_colour_can_be_read_on_its_page():
    named = [*plots.COLOURS.values(), *plots.VERDICT_COLOURS.values(), plots.NEUTRAL, *cycle()]
    for shade in named:
        assert contrast(shade, LIGHT_PAGE) >= READABLE, shade
        assert contrast(on_dark(shade), DARK_PAGE) >= READABLE, shade


def test_writing_on_a_tint_can_be_read_on_both_pages():
    for share in np.linspace(0, 1, 9):
        tint = to_hex(plots.TINTS(share))
        assert contrast("#000000", tint) >= READABLE
        assert contrast(on_dark("#000000"), on_dark(tint)) >= READABLE


def distance(a, b, sight):
    """How far apart two colours are for somebody, in OKLab."""

    def seen(shade):
        rgb = np.array([int(shade[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        linear = np.clip(SIGHT[sight] @ linear, 0, 1)
        encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        return to_oklab(to_hex(np.clip(encoded, 0, 1)))

    return math.dist(seen(a), seen(b))


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("page", ["light", "dark"])
@pytest.mark.parametrize(
    "labels",
    [
        ["BN", "none", "LayerNorm", "GroupNorm", "InstanceNorm"],
        ["train mode", "eval mode"],
        ["BN before", "BN after"],
        [f"label {i}" for i in range(6)],
    ],
    ids=["methods", "modes", "orders", "cycle"],
)
def test_colours_or_lines_stay_apart_for_the_colour_blind(labels, page, sight):
    looks = [(plots.colour(label, i), plots.line(label, i)) for i, label in enumerate(labels)]
    for (a, line), (b, other) in itertools.combinations(looks, 2):
        a, b = to_hex(a), to_hex(b)
        shown = (a, b) if page == "light" else (on_dark(a), on_dark(b))
        assert line != other or distance(*shown, sight) >= APART, (a, b)


@pytest.mark.parametrize("sight", SIGHT)
def test_verdicts_stay_apart_for_the_colour_blind(sight):
    for a, b in itertools.combinations(map(str.lower, plots.VERDICT_COLOURS.values()), 2):
        assert min(distance(a, b, sight), distance(on_dark(a), on_dark(b), sight)) >= APART


def test_a_method_has_its_line_and_its_marker_wherever_it_stands():
    for label in plots.LINES:
        looks = {(plots.line(label, i), plots.marker(label, i)) for i in range(9)}
        assert len(looks) == 1
    assert len({plots.marker(label) for label in ("BN", "LayerNorm", "GroupNorm")}) == 3


def test_smoothing_keeps_a_constant_and_averages_a_window():
    assert plots.smooth([[5.0] * 6], 3).tolist() == [[5.0] * 4]
    assert plots.smooth([1.0, 2.0, 6.0], 3).tolist() == [3.0]


def test_a_strip_shows_every_value():
    ax = plots.strip(axes(), {"a": [1, 2, 3], "b": [4]}, xlabel="x", mark=2)
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]


def test_histograms_share_their_bins_and_have_unit_area():
    ax = plots.histograms(axes(), {"a": np.arange(10), "b": np.arange(5, 30)}, xlabel="x", bins=8)
    edges = [np.unique(p.get_xy()[:, 0]) for p in ax.patches]
    assert all(
        set(np.round(e, 6)) <= set(np.round(edges[0], 6)) | set(np.round(edges[-1], 6))
        for e in edges
    )
    values, bins = np.histogram(np.arange(10), 8, range=(0, 29), density=True)
    assert np.sum(values * np.diff(bins)) == pytest.approx(1)
    assert max(ax.patches[0].get_xy()[:, 1]) == pytest.approx(values.max())


def test_a_heatmap_writes_each_number_into_its_field():
    ax = plots.heatmap(
        axes(),
        [[0.1, 0.2], [0.3, 0.4]],
        rows=["1", "2"],
        columns=["a", "b"],
        xlabel="x",
        ylabel="y",
        label="accuracy",
    )
    assert [t.get_text() for t in ax.texts] == ["0.10", "0.20", "0.30", "0.40"]


def test_what_is_written_on_a_heatmap_can_be_read_and_keeps_its_colours():
    values = np.linspace(0, 1, 12).reshape(3, 4)
    ax = plots.heatmap(
        axes(), values, rows="123", columns="1234", xlabel="x", ylabel="y", label="accuracy"
    )
    cells = ax.collections[0].get_facecolor()
    assert len(cells) == len(ax.texts) == 12
    for cell, text in zip(cells, ax.texts, strict=True):
        assert contrast(to_hex(cell), to_hex(text.get_color())) >= READABLE
    picture = io.StringIO()
    ax.figure.savefig(picture, format="svg")
    small = svg.compact(picture.getvalue())
    assert svg.colours(small) == {"#000000", "#e3e3e3"}, "besides the cells: ink and grid"
    for cell in cells:
        assert to_hex(cell) in svg.darkened(small)


def test_intervals_show_effect_bounds_and_verdict():
    claim = Claim("c", "t", "1", "01", "e", above=1.0, scale="ratio")
    result = weigh(claim, [2, 3, 2, 3, 2], data="d")
    ax = plots.intervals(axes(), [result], xlabel="times")
    assert ax.lines[0].get_xdata() == pytest.approx([result.low, result.high])
    assert ax.lines[0].get_color() == plots.VERDICT_COLOURS[result.verdict]
    assert ax.get_xscale() == "log"


def test_drawing_changes_no_settings():
    before = dict(plt.rcParams)
    plots.curves(axes(), [0, 1], {"BN": [[1, 2], [3, 6]]}, xlabel="x", ylabel="y")
    plots.grid_of_numbers(axes(), np.eye(2), rows="ab", columns="cd")
    assert dict(plt.rcParams) == before


def test_the_same_figure_is_drawn_in_the_same_bytes():
    def draw():
        figure, (ax,) = plots.panels(1)
        plots.strip(ax, {"a": np.arange(9.0), "b": np.ones(3)}, xlabel="x")
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()

    assert draw() == draw()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_panels_stand_side_by_side_and_four_in_two_rows(count):
    figure, found = plots.panels(count, height=2)
    assert len(found) == count
    assert figure.get_size_inches()[1] == (4 if count == 4 else 2)


def test_a_figure_holds_one_to_four_panels():
    with pytest.raises(ValueError, match="1 to 4 panels, got 5"):
        plots.panels(5)
