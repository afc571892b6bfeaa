"""The loss curves of chapter 8 are those of the runs, also where numbers overflow."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from bncourse.experiments.ch08_benefits.runs import USUAL, Recipe, Runs
from bncourse.figures.explorations import loss_curves as shown

SEEDS = range(5)


def runs(level: float, recipe: Recipe = USUAL) -> Runs:
    """Losses of `level` x (1 + depth index + 10 x rate index), and as many seeds as always."""
    depths, rates = np.arange(len(recipe.depths)), np.arange(len(recipe.rates))
    grid = np.add.outer(1 + depths, 10.0 * rates)
    losses = np.tile(level * grid[..., None, None], (len(SEEDS), recipe.steps))
    accuracy = np.full((*grid.shape, len(SEEDS), 2), level)
    return Runs(losses, accuracy, accuracy, np.array([recipe.steps // 2, recipe.steps]))


@pytest.fixture
def made_up() -> tuple[Runs, Runs]:
    plt.close("all")
    return runs(0.1), runs(0.2)


def test_lines_and_text_are_those_of_the_chosen_depth_and_rate(
    made_up: tuple[Runs, Runs],
) -> None:
    figure, text = shown.drawing(USUAL, *made_up)(hidden_layers=6, learning_rate=0.1)
    with_bn, without, guessing = figure.axes[0].lines
    assert np.allclose(with_bn.get_ydata(), 2.3)  # 0.1 x (1 + 2 + 10 x 2)
    assert np.allclose(without.get_ydata(), 4.6)
    assert np.allclose(guessing.get_ydata(), -np.log(0.1))
    assert text.startswith("6 hidden layers, learning rate 0.1:")
    assert "2.30 with BN and 4.60 without; 10 % and 20 % of" in text
    assert "overflow" not in text


@pytest.mark.parametrize("steps", [1, 7, 60])
def test_a_run_of_any_length_is_drawn(steps: int) -> None:
    short = Recipe(depths=(2,), rates=(0.5,), steps=steps)
    figure, text = shown.drawing(short, runs(0.1, short), runs(0.2, short))(2, 0.5)
    assert np.allclose(figure.axes[0].lines[0].get_ydata(), 0.1) and "0.10 with BN" in text


def test_a_line_is_the_median_and_the_band_reaches_over_all_seeds(
    made_up: tuple[Runs, Runs],
) -> None:
    made_up[0].losses[0, 0] = np.array([0.1, 0.1, 0.3, 4.0, 5.0])[:, None]
    figure, text = shown.drawing(USUAL, *made_up)(1, 0.01)
    ax = figure.axes[0]
    assert np.allclose(ax.lines[0].get_ydata(), 0.3) and "0.30 with BN" in text
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert np.isclose(heights.min(), 0.1) and np.isclose(heights.max(), 5.0)


def test_a_run_that_overflows_leaves_the_picture_and_is_counted(
    made_up: tuple[Runs, Runs],
) -> None:
    made_up[1].losses[1, 4, :3, 100:] = np.nan
    figure, text = shown.drawing(USUAL, *made_up)(3, 1.0)
    line = np.asarray(figure.axes[0].lines[1].get_ydata())
    assert np.isfinite(line).all() and line[-1] > shown.HIGH > line[0]
    assert "above 20 without" in text
    assert text.endswith("Without BN, the numbers overflow in 3 of 5 runs.")
    assert shown.last_losses(made_up[1])[1, 4] == np.inf


def test_all_pictures_have_one_size_one_pair_of_axes_and_each_its_own_text(
    made_up: tuple[Runs, Runs],
) -> None:
    drawn = []
    for depth in USUAL.depths:
        for rate in USUAL.rates:
            figure, text = shown.drawing(USUAL, *made_up)(depth, rate)
            drawn.append((tuple(figure.get_size_inches()), figure.axes[0].axis(), text))
            plt.close(figure)
    sizes, limits, texts = zip(*drawn, strict=True)
    assert len(set(sizes)) == len(set(limits)) == 1
    assert len(set(texts)) == 20
