"""The laws of panels: a phone sees all of a wide picture, a panel at a time."""

from itertools import pairwise

import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from bncourse.figures import plots
from tools.site.panels import panels


def drawn(figure: Figure, tmp_path) -> str:
    path = tmp_path / "a.svg"
    figure.savefig(path, format="svg")
    plt.close(figure)
    return path.read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def style():
    with matplotlib.rc_context():
        plots.use_style()
        yield


@pytest.mark.parametrize(("count", "expected"), [(1, 0), (2, 2), (3, 3), (4, 0)])
def test_panels_in_a_row_are_parts_that_make_up_the_picture(tmp_path, count, expected):
    figure, axes = plots.panels(count, sharey=True)
    for ax in axes:
        plots.curves(ax, [0, 1], {"a": [0, 1000]}, xlabel="step", ylabel="loss")
    found = panels(drawn(figure, tmp_path))
    assert len(found) == expected
    for part, following in pairwise(found):
        assert part.left + part.width == pytest.approx(following.left)
    assert not found or sum(part.width for part in found) == pytest.approx(1)
    assert all(part.width > 0.8 / expected for part in found)


def test_each_panel_has_the_numbers_of_its_axis(tmp_path):
    figure, axes = plots.panels(2, sharey=True)
    axes[0].plot([0, 1], [0, 1])
    figure.canvas.draw()
    for ax in axes:
        assert any(label.get_visible() and label.get_text() for label in ax.get_yticklabels())
    left, right = panels(drawn(figure, tmp_path))
    width = figure.get_figwidth() * 72
    box = axes[1].get_tightbbox().x0 * 72 / figure.dpi
    assert axes[0].get_position().x1 * width <= right.left * width <= box + 1
    assert left.left == 0


def test_a_scale_of_colours_belongs_to_the_map_on_its_left(tmp_path):
    figure, axes = plots.panels(2)
    for ax in axes:
        picture = ax.pcolormesh([[0, 1], [2, 3]])
        figure.colorbar(picture, ax=ax)
    assert len(panels(drawn(figure, tmp_path))) == 2


@pytest.mark.parametrize("text", ["", "<svg></svg>", '<svg viewBox="0 0 10 10"></svg>'])
def test_a_picture_without_axes_has_no_panels(text):
    assert panels(text) == []
