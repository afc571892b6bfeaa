"""Drawings: every value of the array in its place, every node and arrow of the graph drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgba

from bncourse.figures.colours import DARK_PAGE, LIGHT_PAGE, contrast, on_dark
from bncourse.figures.diagrams import POKE_COLOURS, graph, poked, tiles


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@given(st.lists(st.integers(1, 4), min_size=2, max_size=5))
def test_tiles_show_every_value_once(shape):
    x = np.arange(np.prod(shape), dtype=float).reshape(shape)
    shown = tiles(x)
    assert sorted(shown[~np.isnan(shown)]) == sorted(x.ravel())


def test_tiles_of_images_stand_examples_below_and_channels_beside_each_other():
    x = np.arange(2 * 3 * 2 * 2.0).reshape(2, 3, 2, 2)
    shown = tiles(x)
    assert shown.shape == (5, 8)
    np.testing.assert_array_equal(shown[:2, :2], x[0, 0])
    np.testing.assert_array_equal(shown[3:, 6:], x[1, 2])
    assert np.isnan(shown[2]).all() and np.isnan(shown[:, 2]).all()


def test_tiles_of_volumes_show_slices_beside_each_other():
    x = np.arange(2 * 2 * 2 * 1 * 3.0).reshape(2, 2, 2, 1, 3)
    shown = tiles(x)
    assert shown.shape == (3, 17)
    np.testing.assert_array_equal(shown[0, [0, 1, 2, 4, 5, 6]], x[0, 0].ravel())
    np.testing.assert_array_equal(shown[2, [10, 11, 12, 14, 15, 16]], x[1, 1].ravel())


@pytest.mark.parametrize("shape", [(3,), (1, 1, 1, 1, 1, 1)])
def test_tiles_refuse_other_numbers_of_axes(shape):
    with pytest.raises(ValueError, match="2 to 5 axes"):
        tiles(np.zeros(shape))


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (4, 3, 2, 2), (4, 3, 2, 2, 2)])
def test_one_label_per_example_and_channel_at_the_middle_of_its_tile(ax, shape):
    marks = np.zeros(shape)
    marks[2, 1] = 1
    poked(ax, marks, title="x")
    assert len(ax.get_xticks()) == 3 and len(ax.get_yticks()) == 4
    (moved,) = squares(ax, 1)
    assert ax.get_xticks()[1] == pytest.approx((moved.x0 + moved.x1) / 2)
    assert ax.get_yticks()[2] == pytest.approx((moved.y0 + moved.y1) / 2)


def squares(ax, mark):
    """Where the tiles with a mark stand."""
    shade = to_rgba(POKE_COLOURS[mark])
    return [p.get_path().get_extents() for p in ax.patches if p.get_facecolor() == shade]


def test_each_number_is_a_square_in_the_colour_of_its_mark(ax):
    poked(ax, [[0, 1], [2, 1]], title="x")
    assert len(ax.patches) == 3
    (still,), (moved,), (poke,) = (squares(ax, mark) for mark in range(3))
    assert (still.x0, still.y0, still.x1, still.y1) == (-0.5, -0.5, 0.5, 0.5)
    assert (moved.x0, moved.y0, moved.x1, moved.y1) == (1.5, -0.5, 2.5, 2.5)
    assert (poke.x0, poke.y0, poke.x1, poke.y1) == (-0.5, 1.5, 0.5, 2.5)
    assert ax.get_xlim() == (-0.5, 2.5) and ax.get_ylim() == (2.5, -0.5)


@pytest.mark.parametrize("dark", [False, True])
def test_the_marks_stand_apart_on_both_pages(dark):
    still, moved, poke = (on_dark(c.lower()) if dark else c.lower() for c in POKE_COLOURS)
    page = DARK_PAGE if dark else LIGHT_PAGE
    assert min(contrast(moved, still), contrast(poke, moved), contrast(moved, page)) >= 3


def test_a_graph_draws_each_node_arrow_and_note(ax):
    graph(ax, {"a": (0, 0), "b": (1, 1)}, [("a", "b")], notes={"a": "da", "b": "db"})
    assert {text.get_text() for text in ax.texts} == {"a", "b", "da", "db"}
    assert len(ax.patches) == 1


def test_an_arrow_to_an_unknown_node_is_refused(ax):
    with pytest.raises(KeyError):
        graph(ax, {"a": (0, 0)}, [("a", "z")])
