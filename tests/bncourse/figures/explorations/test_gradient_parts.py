"""The parts of the incoming gradient: what is drawn agrees with autograd."""

import itertools
import re

import numpy as np
import pytest
import torch

from bncourse.figures.explorations import gradient_parts
from bncourse.figures.explorations.gradient_parts import GAMMA, X

PARTS = list(itertools.product((0, 1, 2), (-1, 0, 1), (0, 0.5, 1)))


@pytest.fixture(scope="module")
def frames():
    return {parts: gradient_parts.draw(*parts) for parts in PARTS}


def by_autograd(dy, *, training):
    x = torch.tensor(X, requires_grad=True)
    mean, var = torch.tensor(X.mean(0)), torch.tensor(X.var(0))
    gamma = torch.tensor(GAMMA)
    y = torch.nn.functional.batch_norm(
        x, mean, var, gamma, training=training, momentum=0.0, eps=1e-12
    )
    y.backward(torch.tensor(dy)[:, None])
    return x.grad.numpy()[:, 0]


def heights(ax, label):
    (bars,) = [c for c in ax.containers if c.get_label() == label]
    return np.array([bar.get_height() for bar in bars])


def test_the_three_directions_are_orthogonal_and_of_one_length():
    columns = np.hstack(gradient_parts.directions())
    np.testing.assert_allclose(columns.T @ columns, 4 * np.eye(3), atol=1e-9)
    np.testing.assert_allclose(columns[:, 2], [1, -1, -1, 1], atol=1e-9)


def test_the_bars_are_the_gradients_of_autograd_in_both_modes(frames):
    for parts, (figure, _) in frames.items():
        above, below = figure.axes
        dy = heights(above, "dy")
        np.testing.assert_allclose(
            dy, np.hstack(gradient_parts.directions()) @ np.array(parts), atol=1e-6
        )
        for mode in ("train", "eval"):
            expected = by_autograd(dy, training=mode == "train")
            np.testing.assert_allclose(heights(below, f"dx in {mode} mode"), expected, atol=2e-6)


def test_in_train_mode_only_the_rest_changes_dx(frames):
    for rest in (0, 0.5, 1):
        drawn = [
            heights(figure.axes[1], "dx in train mode")
            for parts, (figure, _) in frames.items()
            if parts[2] == rest
        ]
        assert len(drawn) == 9
        np.testing.assert_allclose(drawn, [rest * 0.4 * np.array([1, -1, -1, 1])] * 9, atol=1e-6)


def test_the_lines_are_the_least_squares_fit_of_dy_to_x(frames):
    for figure, _ in frames.values():
        dy = heights(figure.axes[0], "dy")
        slope, level = np.polyfit(X[:, 0], dy, 1)
        segments = figure.axes[0].collections[0].get_segments()
        drawn = [segment[0, 1] for segment in segments]
        np.testing.assert_allclose(drawn, level + slope * X[:, 0], atol=1e-5)


def test_the_text_gives_the_heights_of_the_bars(frames):
    for figure, text in frames.values():
        above, below = figure.axes
        shown = [
            heights(above, "dy"),
            heights(below, "dx in train mode"),
            heights(below, "dx in eval mode"),
        ]
        said = [float(number) for number in re.findall(r"-?\d+\.\d\d", text)]
        np.testing.assert_allclose(said, np.concatenate(shown), atol=0.00501)
        assert "-0.00" not in text


def test_pictures_differ_in_what_is_drawn_and_not_in_their_frame(frames):
    for index in (0, 1):
        axes = [figure.axes[index] for figure, _ in frames.values()]
        assert len({(ax.get_xlim(), ax.get_ylim()) for ax in axes}) == 1
    assert len({tuple(figure.get_size_inches()) for figure, _ in frames.values()}) == 1
    assert len({text for _, text in frames.values()}) == len(frames)


def test_no_bar_leaves_the_axes(frames):
    for figure, _ in frames.values():
        for ax in figure.axes:
            low, high = ax.get_ylim()
            assert all(low < patch.get_height() < high for patch in ax.patches)
