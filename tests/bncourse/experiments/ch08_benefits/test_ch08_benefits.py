"""Laws of the measuring code of chapter 8, on small settings and on inputs made by hand."""

import numpy as np
import pytest
import torch

from bncourse.experiments.arms import ARMS, generator
from bncourse.experiments.ch08_benefits import initialisation, rates, regularisation, speed
from bncourse.experiments.ch08_benefits.runs import (
    Recipe,
    at_rates,
    best_rates,
    held_out_range,
    leave_one_out,
    runs,
    steps_until,
)

AT = np.array([0, 10, 20, 30])


def test_steps_until_interpolates_between_evaluations():
    assert steps_until(AT, np.array([0.1, 0.5, 0.9, 0.95]), 0.7) == pytest.approx(15)


def test_steps_until_counts_the_whole_run_where_the_target_is_never_reached():
    assert steps_until(AT, np.array([0.1, 0.5, 0.6, 0.65]), 0.7) == 30


def test_steps_until_takes_the_first_time_not_the_last():
    accuracy = np.array([[0.1, 0.7, 0.2, 0.9], [0.8, 0.1, 0.1, 0.1]])
    np.testing.assert_allclose(steps_until(AT, accuracy, 0.7), [10, 0])


def test_leave_one_out_is_the_mean_of_the_others():
    np.testing.assert_allclose(leave_one_out(np.array([1.0, 2.0, 6.0])), [4.0, 3.5, 1.5])
    with pytest.raises(ValueError, match="at least 2 seeds"):
        leave_one_out(np.array([1.0]))


def test_held_out_range_of_settings_without_noise_is_their_range():
    values = np.array([0.3, -0.2, 0.1])[:, None].repeat(5, 1)
    np.testing.assert_allclose(held_out_range(values), np.full(5, 0.5))


def test_held_out_range_of_pure_noise_is_zero_on_average_and_the_plain_range_is_not():
    noise = np.random.default_rng(0).normal(size=(400, 9, 5))
    held_out = np.array([held_out_range(one).mean() for one in noise])
    plain = np.array([np.ptp(one.mean(1)) for one in noise])
    assert abs(held_out.mean()) < 3 * held_out.std() / np.sqrt(len(held_out))
    assert plain.mean() > 1


def test_held_out_range_does_not_let_a_seed_choose_its_own_extremes():
    values = np.zeros((2, 5))
    values[0] = 0.1
    values[1, 0] = 5.0  # seed 0 alone would choose setting 1 as its best
    assert held_out_range(values)[0] == pytest.approx(0.1 - 5.0)


def test_a_seed_does_not_choose_its_own_rate():
    accuracy = np.zeros((1, 2, 5, 3))
    accuracy[0, 0] = 0.5
    accuracy[0, 1, 0] = 1.0  # seed 0 alone does well at rate 1
    assert best_rates(accuracy)[0, 0] == 0


def test_at_rates_takes_each_depth_and_seed_at_its_own_rate():
    values = np.arange(12).reshape(2, 3, 2)
    index = np.array([[0, 2], [1, 0]])
    np.testing.assert_array_equal(at_rates(values, index), [[0, 5], [8, 7]])


def test_the_same_steps_are_no_speed_up_and_half_of_them_are_a_factor_of_two():
    none = np.full((2, 5), 40.0)
    np.testing.assert_array_equal(speed.log_speed_up(none, none), 0)
    np.testing.assert_allclose(np.exp(speed.log_speed_up(none / 2, none)), 2)


def test_both_arms_see_the_same_batches_from_the_same_weights():
    bn, none = (runs(arm, (0, 1), Recipe((1,), (1e-9,), steps=3)) for arm in ("BN", "none"))
    again = runs("none", (0, 1), Recipe((1,), (1e-9, 0.1), steps=3))
    # The first loss comes before any step: it depends on weights and batch alone.
    np.testing.assert_allclose(again.losses[0, 1, :, 0], none.losses[0, 0, :, 0], rtol=1e-6)
    assert bn.losses.shape == none.losses.shape == (1, 1, 2, 3)
    assert not np.allclose(none.losses[0, 0, 0], none.losses[0, 0, 1])


def test_a_recipe_is_in_order_and_counts_each_value_once():
    recipe = Recipe(depths=[6, 1, 6], rates=(0.1, 0.01), steps=3)
    assert recipe == Recipe(depths=(1, 6), rates=(0.01, 0.1), steps=3)
    assert recipe.data == "digits, MLPs of width 32 with 1 and 6 hidden layers"
    with pytest.raises(ValueError, match="need at least 1 of the rates, got none: add one"):
        Recipe(rates=())
    with pytest.raises(ValueError, match="rates must be positive, got 0: leave it out"):
        Recipe(rates=(0.1, 0.0))


def test_the_claims_follow_another_recipe():
    tiny = Recipe(depths=(1, 2), rates=(0.1, 1e9), steps=12, batch_size=32)
    results = [
        experiment(range(5), tiny)
        for module in (speed, rates)
        for experiment in vars(module).values()
        if hasattr(experiment, "claim")
    ]
    assert len(results) == 9
    assert {result.data for result in results} == {tiny.data}
    assert all(np.isfinite(result.effects).all() for result in results)


def test_working_decades_count_the_rates_that_work():
    tried = (0.01, 0.1, 1.0)
    accuracy = np.array([[[0.9, 0.1], [0.9, 0.8], [0.1, 0.79]]])
    np.testing.assert_allclose(rates.working_decades(accuracy, tried), [[2.0, 1.0]])


def test_tuning_gains_nothing_where_all_combinations_are_alike():
    same = np.full((2, 3, 5), 0.9)
    np.testing.assert_allclose(rates.tuning_gain(same, same), 0, atol=1e-12)


def test_a_blind_pick_ignores_combinations_that_do_not_train():
    bn = np.full((1, 1, 5), 0.9)
    none = np.stack([np.full(5, 0.7), np.full(5, 0.1)])[None]
    np.testing.assert_allclose(rates.tuning_gain(bn, none), 0.1)


def test_at_best_rate_chooses_on_the_other_seeds():
    accuracy = np.zeros((1, 2, 3))
    accuracy[0, 0] = 0.6
    accuracy[0, 1] = [1.0, 0.5, 0.5]
    assert initialisation.at_best_rate(accuracy)[0, 0] == 0.6


def test_with_bn_the_first_gradient_is_divided_by_the_gain_of_the_weights():
    gradients = initialisation.first_layer_gradients("BN", (0,))[:, 0]
    expected = gradients[2] / np.array(initialisation.GAINS)
    np.testing.assert_allclose(gradients, expected, rtol=0.02)  # up to eps


def test_without_bn_the_first_gradient_grows_with_every_layer_below_and_above():
    gradients = initialisation.first_layer_gradients("none", (0,))[:, 0]
    assert (gradients[1:] > 2 * gradients[:-1]).all()


def test_noise_of_the_mean_of_independent_values_falls_as_the_square_root():
    z = torch.randn(4000, 20, generator=generator(0))
    sizes = (4, 16, 64)
    mean, variance = regularisation.statistics_noise(z, sizes, 400, generator(1))
    np.testing.assert_allclose(mean, np.array(sizes) ** -0.5, rtol=0.05)
    # For normal values the biased variance of n has the spread sqrt(2 (n - 1)) / n.
    np.testing.assert_allclose(variance, np.sqrt(2 * (np.array(sizes) - 1)) / sizes, rtol=0.08)


def test_noise_does_not_depend_on_scale_or_offset_of_a_channel():
    z = torch.randn(500, 3, generator=generator(0)).double()
    moved = z * torch.tensor([0.1, 1.0, 30.0]) + torch.tensor([5.0, -2.0, 0.0])
    noise = [regularisation.statistics_noise(v, (8,), 50, generator(1)) for v in (z, moved)]
    np.testing.assert_allclose(noise[0], noise[1], rtol=1e-9)


def test_gap_is_training_minus_test_accuracy_in_points():
    np.testing.assert_allclose(regularisation.gap(np.array([[1.0, 0.9], [0.9, 0.9]])), [10, 0])


def test_equal_arms_have_equal_accuracies():
    setting = {"examples": 256, "rates": (0.1,), "batch_size": 128, "steps": 2}
    one, two = (regularisation.accuracies(ARMS["BN"], (0, 1), **setting) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (2, 2) and (one >= 0).all() and (one <= 1).all()
