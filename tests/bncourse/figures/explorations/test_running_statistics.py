"""The figure of running statistics, batch by batch."""

import re

import numpy as np
import pytest
import torch

from bncourse.figures.explorations import running_statistics as shown
from bnlib.functional import update_running


@pytest.mark.parametrize("momentum", [0.01, 0.1, 0.9])
def test_the_text_says_what_the_update_rule_gives(momentum: float) -> None:
    generator = torch.Generator().manual_seed(0)
    mean, variance = np.zeros(1), np.ones(1)
    for _ in range(12):
        x = shown.MEAN + shown.VARIANCE**0.5 * torch.randn(shown.SIZE, 1, generator=generator)
        mean = update_running(mean, x.numpy().mean(0), momentum)
        variance = update_running(variance, x.numpy().var(0, ddof=1), momentum)
    text = shown.draw(momentum, 12)[1]
    numbers = re.search(r"running_mean is ([\d.]+) .* running_var is ([\d.]+) ", text)
    assert numbers is not None
    assert float(numbers[1]) == pytest.approx(float(mean[0]), abs=0.006)
    assert float(numbers[2]) == pytest.approx(float(variance[0]), abs=0.006)


def test_without_a_momentum_the_mean_of_all_batches_is_kept() -> None:
    batch_means, means, _ = shown._history(None)
    expected = np.cumsum(batch_means) / np.arange(1, shown.STEPS + 1)
    np.testing.assert_allclose(means[1:], expected, rtol=1e-5)
