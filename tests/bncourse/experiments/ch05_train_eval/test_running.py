"""The measuring code of the running statistics."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bncourse.data import load
from bncourse.experiments.ch05_train_eval import running
from bncourse.experiments.ch05_train_eval.modes import probabilities
from bncourse.experiments.ch05_train_eval.trained import trained
from bnlib.nn import BatchNorm2d


def test_ninety_nine_per_cent_takes_44_batches_at_momentum_one_tenth():
    assert running.steps_until(0.99, 0.1) == 44


@given(st.floats(0.05, 0.99), st.floats(0.01, 0.9))
def test_steps_until_is_the_first_step_that_is_enough(share, momentum):
    k = running.steps_until(share, momentum)
    assert (1 - momentum) ** k <= (1 - share) * (1 + 1e-6)
    assert k == 1 or (1 - momentum) ** (k - 1) > (1 - share) * (1 - 1e-6)


def test_a_share_that_is_reached_exactly_takes_no_extra_step():
    assert running.steps_until(0.75, 0.5) == 2


@pytest.mark.parametrize(("share", "momentum"), [(1.0, 0.1), (0.5, 1.0), (0.0, 0.1)])
def test_shares_and_momenta_outside_the_open_interval_are_refused(share, momentum):
    with pytest.raises(ValueError, match="need both in"):
        running.steps_until(share, momentum)


def test_with_precise_statistics_eval_mode_answers_like_one_batch_of_everything():
    x, net = load().train_x, trained(0)
    whole = probabilities(net, x, [torch.arange(len(x))])
    precise = probabilities(running.precise(net, x).eval(), x, [torch.arange(len(x))])
    torch.testing.assert_close(precise, whole, atol=5e-3, rtol=0)  # n / (n - 1) remains


def test_precise_statistics_of_images_are_those_of_all_pixels():
    x = load(images=True).train_x
    exact = running.precise(torch.nn.Sequential(BatchNorm2d(1)).train(), x)[0]
    torch.testing.assert_close(exact.running_mean, x.mean((0, 2, 3)))
    torch.testing.assert_close(exact.running_var, x.var((0, 2, 3)))


def test_precise_leaves_the_network_and_its_settings_alone():
    net = trained(0)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    exact = running.precise(net, load().train_x)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    norm = exact.get_submodule("hidden.0.norm")
    assert (norm.momentum, norm.training) == (0.1, True)


def test_the_spread_in_eval_mode_follows_the_two_derived_factors():
    found = running.spread_in_eval((4, 16), seeds=(0, 1))
    for column, n in enumerate((4, 16)):
        unbiased, biased, same = (found[name][:, column].mean() for name in running.SPREADS)
        assert unbiased == pytest.approx(1, abs=0.02)
        assert biased == pytest.approx(math.sqrt(n / (n - 1)), abs=0.02)
        assert same == pytest.approx(math.sqrt((n - 1) / n), abs=2e-3)
