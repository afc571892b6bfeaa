"""Chapter 10's check that the scale of the weights before BN is a learning rate."""

import numpy as np

from bncourse.data import load
from bncourse.experiments.arms import mlps
from bncourse.experiments.ch10_practice.weight_scale import hidden_weights, rescaled
from bnlib.nn import BatchNorm1d


def test_the_first_loss_does_not_depend_on_the_scale_of_the_weights():
    np.testing.assert_allclose(rescaled(1, 1, (0,), 1), rescaled(10, 1, (0,), 1), rtol=1e-3)


def test_weights_times_ten_need_a_rate_times_a_hundred():
    base, same = rescaled(1, 1, (0,), 8), rescaled(10, 100, (0,), 8)
    np.testing.assert_allclose(base, same, rtol=0.02)


def test_another_rate_gives_another_run():
    assert np.abs(rescaled(1, 1, (0,), 8) - rescaled(10, 10, (0,), 8)).max() > 0.05


def test_the_output_layer_is_not_among_the_hidden_weights():
    (net,) = mlps(load(), [0], depth=3, norm=BatchNorm1d)
    assert [tuple(w.shape) for w in hidden_weights(net)] == [(32, 64), (32, 32), (32, 32)]
