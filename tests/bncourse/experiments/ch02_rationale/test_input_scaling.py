"""The measuring code of chapter 02: inputs."""

import numpy as np
import pytest
import torch

from bncourse.experiments.ch02_rationale import input_scaling


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_condition_number_of_a_design_worked_by_hand():
    # x = -1, 1 and a bias: E[x x^T] = I; x = 0, 2: [[2, 1], [1, 1]], (3 +- sqrt 5) / 2.
    assert input_scaling.condition_number(torch.tensor([[-1.0], [1.0]])) == pytest.approx(1)
    low, high = (3 - 5**0.5) / 2, (3 + 5**0.5) / 2
    assert input_scaling.condition_number(torch.tensor([[0.0], [2.0]])) == pytest.approx(high / low)


def test_condition_number_of_standardised_independent_features_is_one():
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)
    assert input_scaling.condition_number(corners) == pytest.approx(1)
    assert input_scaling.condition_number(
        corners * torch.tensor([1.0, 1.0, 10.0])
    ) == pytest.approx(100)


def test_a_feature_that_never_varies_is_left_out():
    x = torch.randn(50, 3, generator=generator())
    with_a_constant = torch.cat([x, torch.full((50, 1), 7.0)], 1)
    assert torch.equal(input_scaling.curvatures(x), input_scaling.curvatures(with_a_constant))


def test_rounding_error_of_exact_numbers_is_zero_and_grows_with_the_mean():
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)
    assert input_scaling.rounding_error(corners, corners[:, :1]) < 1e-12
    x = torch.randn(200, 3, generator=generator())
    y = torch.randn(200, 2, generator=generator())
    assert input_scaling.rounding_error(x + 100, y) > 10 * input_scaling.rounding_error(x, y)


def test_the_best_rate_has_the_smallest_geometric_mean():
    steps = np.array([[10.0, 1000.0], [90.0, 110.0], [150.0, 150.0]])
    best, row = input_scaling.at_best_rate(steps)
    assert best == 1  # sqrt(90 * 110) = 99.5, sqrt(10 * 1000) = 100
    assert row.tolist() == [90.0, 110.0]


def test_inputs_differ_only_in_their_scale_and_centre():
    arms = input_scaling.inputs()
    raw, unit, standard = (
        arms[input_scaling.RAW],
        arms[input_scaling.UNIT],
        arms[input_scaling.STANDARD],
    )
    assert torch.equal(raw.train_y, standard.train_y) and torch.equal(raw.test_y, unit.test_y)
    torch.testing.assert_close(unit.train_x * 16, raw.train_x)
    varies = raw.train_x.std(0) > 0
    z = (raw.train_x - raw.train_x.mean(0)) / raw.train_x.std(0, correction=0)
    torch.testing.assert_close(standard.train_x[:, varies], z[:, varies], rtol=0, atol=1e-4)


def test_steps_are_the_same_for_an_arm_compared_with_itself():
    data = input_scaling.inputs()[input_scaling.STANDARD]
    rates = (0.5, 0.5, 0.0)
    steps = input_scaling.steps_by_rate(
        input_scaling._two_layers, data, (0, 1), rates, steps=40, every=10
    )
    assert steps.shape == (3, 2)
    assert (steps[0] == steps[1]).all() and (steps[0] < 40).all()
    assert (steps[2] == 40).all()  # with rate 0 nothing is learnt: the whole run counts
