"""Laws of the measuring code of chapter 7, on small settings."""

import numpy as np
import torch

from bncourse.data import load
from bncourse.experiments.ch07_placement import placement, residual
from bnlib.modes import evaluating


def test_equal_steps_are_no_advantage():
    steps = np.random.default_rng(0).uniform(10, 80, (1, 4, 5)).repeat(2, 0)
    assert np.array_equal(placement.advantage(steps), np.zeros((4, 5)))


def test_twice_the_steps_after_is_an_advantage_of_log_2():
    before = np.full((3, 5), 30.0)
    np.testing.assert_allclose(
        placement.advantage(np.stack([before, 2 * before])), np.full((3, 5), np.log(2))
    )


def test_bias_directly_before_bn_has_no_gradient_and_elsewhere_it_has():
    data = load()
    before, after = (placement.bias_gradient(data, where) for where in ("before", "after"))
    assert before[:, 0].max() < 1e-12 < 1e-3 < after[:, 0].min()
    assert before[:, 1].min() > 1e-3


def test_bn_after_hands_on_centred_values_and_the_sigmoid_does_not():
    data = load()
    after, _ = placement.handed_on(data, "sigmoid", "after", 0)
    before, saturated = placement.handed_on(data, "sigmoid", "before", 0)
    assert after < 1e-3 and before > 1
    assert 0 <= saturated <= 1


def test_relu_has_no_saturated_share():
    assert np.isnan(placement.handed_on(load(), "relu", "before", 0)[1])


def test_zero_gamma_makes_every_block_the_identity_at_the_start():
    nets = residual.residual_nets([0], zero_gamma=True, blocks=2)
    np.testing.assert_array_equal(residual.block_spread(nets), np.ones((1, 3)))
    x = load(images=True).train_x[:32]
    with evaluating(nets[0]):
        torch.testing.assert_close(nets[0].blocks(nets[0].stem(x)), nets[0].stem(x))


def test_gamma_one_lets_the_signal_grow():
    spread = residual.block_spread(residual.residual_nets([0], zero_gamma=False, blocks=2))[0]
    assert spread[0] == 1 and spread[1] > 1.1 and spread[2] > spread[1]


def test_loss_at_best_rate_uses_the_rate_of_the_other_seeds():
    losses = np.ones((2, 3, 4))
    losses[1] = 2.0
    losses[1, 0] = 0.1  # only seed 0 does well at rate 1: it may not choose it for itself
    assert residual.loss_at_best_rate(losses)[0] == 1.0


def test_a_run_that_diverges_counts_as_a_loss_of_10():
    losses = np.full((1, 3, 4), np.nan)
    np.testing.assert_array_equal(residual.loss_at_best_rate(losses), np.full(3, 10.0))
