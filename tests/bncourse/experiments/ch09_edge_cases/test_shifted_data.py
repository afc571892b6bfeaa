"""Chapter 9's measurements on images that changed after training."""

import pytest
import torch

from bncourse.experiments.arms import generator
from bncourse.experiments.ch05_train_eval.running import precise
from bncourse.experiments.ch09_edge_cases.freezing import trained
from bncourse.experiments.ch09_edge_cases.shifted_data import shift_recovered, shifted, shifts


def test_without_a_shift_the_training_images_are_standardised_as_a_whole():
    data = shifted(None, 0)
    assert abs(float(data.train_x.mean())) < 1e-5
    assert abs(float(data.train_x.std()) - 1) < 1e-5


def test_a_shift_changes_the_test_images_alone():
    clean = shifted(None, 0)
    for shift in shifts().values():
        data = shifted(shift, 0)
        assert torch.equal(data.train_x, clean.train_x)
        assert not torch.allclose(data.test_x, clean.test_x)


def test_shifted_pixels_stay_within_their_range():
    pixels = torch.arange(17.0).repeat(100, 1)
    for shift in shifts().values():
        x = shift(pixels, generator(0))
        assert float(x.min()) >= 0 and float(x.max()) <= 16


def test_new_statistics_take_out_any_scale_and_offset_of_the_input():
    (net,) = trained(shifted(None, 0), [0], steps=20)
    x = shifted(None, 0).test_x
    with torch.no_grad():
        clean, changed = precise(net, x).eval()(x), precise(net, 3 * x - 2).eval()(3 * x - 2)
    torch.testing.assert_close(clean, changed, rtol=1e-3, atol=1e-3)


def test_a_noise_that_costs_nothing_is_refused():
    with pytest.raises(ValueError, match="every seed must lose accuracy by the noise, got"):
        shift_recovered(range(5), noise=0.0)
