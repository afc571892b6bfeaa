"""The figure of what enters the activations, by depth."""

import re

import numpy as np
import pytest

from bncourse.experiments.ch02_rationale.scales import DEPTH, surveys
from bncourse.figures.explorations import depth


@pytest.mark.parametrize("weights", ["PyTorch default", "He"])
def test_without_bn_the_text_says_what_the_experiment_measures(weights: str) -> None:
    measured = surveys((0,))[weights]
    for layer in (1, 5):
        text = depth.draw("none", weights, layer)[1]
        numbers = re.search(r"vary by ([\d.]+) from .* lie ([\d.]+) from 0", text)
        assert numbers is not None
        assert float(numbers[1]) == pytest.approx(measured["spread"][0, layer - 1], rel=0.05)
        offset = measured["offset"][0, layer - 1]
        assert float(numbers[2]) == pytest.approx(offset, rel=0.05, abs=1e-6)


@pytest.mark.parametrize("weights", ["PyTorch default", "He, weights × 2"])
def test_with_bn_every_unit_is_standardised_at_every_depth(weights: str) -> None:
    found = depth.inputs("BN", weights)
    assert len(found) == DEPTH
    for x in found:
        alive = x.std(0, correction=0) > 0.1  # ε shows in units that hardly vary
        np.testing.assert_allclose(x.mean(0), 0, atol=1e-4)
        assert alive.float().mean() > 0.9
        np.testing.assert_allclose(x.std(0, correction=0)[alive], 1, atol=0.6)


def test_units_that_leave_the_picture_are_counted() -> None:
    assert "outside of the picture" in depth.draw("none", "He, weights × 2", 12)[1]
    assert "outside" not in depth.draw("BN", "He, weights × 2", 12)[1]
