"""γ and β on a histogram: mean, spread and what a ReLU passes, as the formulas say."""

import re

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from bncourse.figures.explorations import affine_histogram

GAMMAS, BETAS = (-1, 0, 0.5, 1, 2), (-2, -1, 0, 1, 2)


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", text)]


@pytest.fixture(scope="module")
def x_hat():
    z = affine_histogram._values()[:, 0]
    return (z - z.mean()) / np.sqrt(z.var() + 1e-5)


@pytest.fixture(scope="module")
def frames():
    return {(g, b): affine_histogram.draw(g, b) for g in GAMMAS for b in BETAS}


def test_the_text_gives_mean_spread_and_share_of_the_output(frames, x_hat):
    for (gamma, beta), (_, text) in frames.items():
        share = 100 * np.mean(gamma * x_hat + beta > 0)
        said = numbers(text)
        assert said[:2] == [gamma, beta]
        assert said[2:5] == pytest.approx([beta, abs(gamma), share], abs=0.51)
        assert said[2:4] == pytest.approx([beta, abs(gamma)], abs=0.006)
        assert "-0.00" not in text


def test_the_bar_above_the_histogram_marks_mean_and_standard_deviation(frames):
    for (gamma, beta), (figure, _) in frames.items():
        (bar,) = [c for c in figure.axes[0].containers if isinstance(c, ErrorbarContainer)]
        (segment,) = bar.lines[2][0].get_segments()
        low, high = sorted(segment[:, 0])
        assert (low, high) == pytest.approx((beta - abs(gamma), beta + abs(gamma)), abs=1e-4)


def test_the_filled_histogram_holds_all_values_that_fit_on_the_axis(frames, x_hat):
    edges = affine_histogram.EDGES
    for (gamma, beta), (figure, _) in frames.items():
        stops, passes = (patch.get_data().values for patch in figure.axes[0].patches[:2])
        y = gamma * x_hat + beta
        inside = (y >= edges[0]) & (y <= edges[-1])
        assert stops.sum() + passes.sum() == pytest.approx(100 * inside.mean())
        assert passes.sum() == pytest.approx(100 * np.mean(inside & (y > 0)))
        assert passes[edges[1:] <= 0].sum() == 0 and stops[edges[:-1] > 0].sum() == 0
        top = figure.axes[0].get_ylim()[1]
        assert gamma == 0 or max(stops.max(), passes.max()) < top


def test_pictures_differ_in_what_is_drawn_and_not_in_their_frame(frames):
    axes = [figure.axes[0] for figure, _ in frames.values()]
    assert len({(tuple(ax.get_xlim()), tuple(ax.get_ylim())) for ax in axes}) == 1
    assert len({tuple(figure.get_size_inches()) for figure, _ in frames.values()}) == 1
    assert len({text for _, text in frames.values()}) == len(frames)
