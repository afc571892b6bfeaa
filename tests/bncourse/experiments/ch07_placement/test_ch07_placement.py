"""Laws of the measuring code of chapter 7, on small settings."""

import numpy as np
import torch

from bncourse.data import load
from bncourse.experiments.ch07_placement import placement, residual
from bncourse.training import History
from bnlib.modes import evaluating


def test_equal_steps_are_no_advantage():
    steps = np.random.default_rng(0).uniform(10, 80, (1, 4, 5)).repeat(2, 0)
    assert np.array_equal(placement.advantage(steps), np.zeros((4, 5)))


def test_twice_the_steps_after_is_an_advantage_of_log_2():
    before = np.full((3, 5), 30.0)
    np.testing.assert_allclose(
        placement.advantage(np.stack([before, 2 * before])), np.full((3, 5), np.log(2))
    )


def test_a_placement_takes_the_rate_of_the_other_seeds():
    accuracy = np.full((2, 3, 2), 0.5)
    accuracy[1] = 0.4
    accuracy[1, 0] = 1.0  # only seed 0 does well at rate 1: it may not choose it for itself
    made_up = History(accuracy, accuracy, accuracy, accuracy, np.array([0, 10]))
    assert placement.at_best_rate(made_up)[0, -1] == 0.5


def test_both_placements_see_the_same_batches_from_the_same_weights():
    design = placement.Design(activations=("identity",), depths=(2,), rates=(0.1,), steps=3)
    before, after = (
        placement.trained(where, "identity", 2, (0, 1), design) for where in placement.PLACEMENTS
    )
    # Without an activation the two orders are the same network.
    np.testing.assert_allclose(before.losses, after.losses, rtol=1e-6)
    np.testing.assert_array_equal(placement.steps_needed((0, 1), design), np.full((2, 1, 2), 3))


def test_the_claims_follow_another_design():
    design = placement.Design(activations=("relu", "gelu"), depths=(1,), rates=(0.1,), steps=12)
    for experiment in (placement.before_beats_after, placement.placement_varies):
        assert experiment(range(5), design).data == (
            "digits, MLPs of width 32 with 1 hidden layers of ReLU or gelu"
        )


def test_more_outputs_of_tanh_are_stuck_where_nothing_fixes_its_input():
    before, after = (placement.saturated(where, 0) for where in placement.PLACEMENTS)
    assert 0 < before < after < 1


def test_zero_gamma_makes_every_block_the_identity_at_the_start():
    one, zero = (residual.residual_nets([0], zero_gamma=z, blocks=2)[0] for z in (False, True))
    x = load(images=True).train_x[:32]
    with evaluating(zero):
        torch.testing.assert_close(zero.blocks(zero.stem(x)), zero.stem(x))
    start = one.stem(x)
    assert one.blocks(start).square().mean() > 1.1 * start.square().mean()


def test_loss_at_best_rate_uses_the_rate_of_the_other_seeds():
    losses = np.ones((2, 3, 4))
    losses[1] = 2.0
    losses[1, 0] = 0.1  # only seed 0 does well at rate 1: it may not choose it for itself
    assert residual.loss_at_best_rate(losses)[0] == 1.0


def test_a_run_that_diverges_counts_as_a_loss_of_10():
    losses = np.full((1, 3, 4), np.nan)
    np.testing.assert_array_equal(residual.loss_at_best_rate(losses), np.full(3, 10.0))
