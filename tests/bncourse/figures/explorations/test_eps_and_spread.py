"""ε and small variances: what comes out inside the root, and outside of it."""

import re

import numpy as np
import pytest

from bncourse.figures.explorations import eps_and_spread
from bncourse.figures.explorations.eps_and_spread import INSIDE, OUTSIDE, STDS

EPS = [10.0**k for k in range(-8, 0)]
BEFORE = np.array(STDS)


@pytest.fixture(scope="module")
def frames():
    return {(e, p): eps_and_spread.draw(e, p) for e in EPS for p in (INSIDE, OUTSIDE)}


def after(eps, place):
    return BEFORE / (np.sqrt(BEFORE**2 + eps) if place == INSIDE else BEFORE + eps)


def test_the_batch_has_the_spreads_that_its_rows_name():
    assert eps_and_spread._batch().std(axis=0) == pytest.approx(BEFORE)


def test_text_and_picture_give_the_standard_deviations_of_the_formulas(frames):
    for (eps, place), (figure, text) in frames.items():
        expected = [f"{std:.2f}" for std in after(eps, place)]
        assert text.startswith(f"ε = {eps:g}, {place}.")
        assert re.findall(r"becomes ([\d.]+\d)", text) == expected
        written = [t.get_text() for t in figure.axes[0].texts]
        assert written[: len(STDS)] == expected


def test_a_row_spreads_as_much_as_it_says(frames):
    for (eps, place), (figure, _) in frames.items():
        for line, std in zip(figure.axes[0].lines, after(eps, place), strict=False):
            places = line.get_xdata()[::3]
            assert len(places) == eps_and_spread.SIZE
            assert places.std() == pytest.approx(std, abs=1e-3)


def test_the_dashed_line_separates_what_comes_out_large_from_what_comes_out_small(frames):
    for (eps, place), (figure, _) in frames.items():
        height = figure.axes[0].lines[-1].get_ydata()[0]
        border = 1 / np.sqrt(2) if place == INSIDE else 0.5
        rows = np.arange(len(STDS))
        # a row on the line is at the border itself
        assert (after(eps, place)[rows < height - 1e-9] > border).all()
        assert (after(eps, place)[rows > height + 1e-9] < border).all()


def test_pictures_differ_in_what_is_drawn_and_not_in_their_frame(frames):
    axes = [figure.axes[0] for figure, _ in frames.values()]
    assert len({(tuple(ax.get_xlim()), tuple(ax.get_ylim())) for ax in axes}) == 1
    assert len({tuple(figure.get_size_inches()) for figure, _ in frames.values()}) == 1
    assert len({text for _, text in frames.values()}) == len(frames)
