"""Laws of the figures: arrays in, marks on the Axes out, nothing else touched."""

import io

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnlib import plots
from bnlib.evidence import Claim, weigh


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


def test_a_figure_holds_one_to_four_panels():
    assert len(plots.panels(3)[1]) == 3
    with pytest.raises(ValueError, match="1 to 4 panels, got 5"):
        plots.panels(5)
