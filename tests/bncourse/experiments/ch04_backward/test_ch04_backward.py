"""The measuring code of the backward chapter: growth, profiles, and checks of a backward pass."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from bncourse.data import load
from bncourse.experiments.arms import ARMS, mlps
from bncourse.experiments.ch04_backward import backward
from bncourse.experiments.ch04_backward.gradient_checks import (
    BACKWARDS,
    against_differences,
    checks_of,
    correct,
    difference,
    numerical_gradient,
)


@given(st.floats(0.1, 10), st.integers(2, 60), st.floats(0.01, 100))
def test_growth_recovers_a_known_factor(factor, layers, start):
    norms = start * factor ** -np.arange(layers, dtype=float)
    assert backward.growth(norms) == pytest.approx(factor, rel=1e-9)


@given(st.floats(0.01, 100))
def test_vanishing_and_exploding_by_the_same_factor_depart_equally(factor):
    both = backward.departure(np.array([factor, 1 / factor]))
    assert both[0] == pytest.approx(both[1]) and both[0] >= 1


def test_the_predicted_factor_is_that_of_a_rectified_normal():
    z = torch.randn(2_000_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    h = z.clamp(min=0)
    assert math.sqrt(h.square().mean() / h.var()) == pytest.approx(backward.PREDICTED, rel=2e-3)


def test_the_profile_of_a_linear_network_follows_from_its_weights():
    data = load()
    model = mlps(data, [0], depth=3, width=6, norm=None, activation="identity")[0].double()
    for block in model.hidden[1:]:
        block.linear.weight.data = 3.0 * torch.eye(6, dtype=torch.float64)
    data.train_x.data = data.train_x.double()
    forward, back = backward.profile(model, data, 32)
    np.testing.assert_allclose([forward[1] / forward[0], forward[2] / forward[1]], 3.0)
    assert backward.growth(back) == pytest.approx(3.0)
    assert all(p.grad is None for p in model.parameters())


def test_weights_of_gain_two_double_the_gradient_per_layer_without_norm():
    data = load()
    factors = [
        backward.growth(
            backward.profile(mlps(data, [0], depth=8, norm=None, gain=gain)[0], data, 64)[1]
        )
        for gain in (1.0, 2.0)
    ]
    # The hidden weights alone are doubled; the logits are too, so allow for the softmax.
    assert factors[1] / factors[0] == pytest.approx(2.0, rel=0.1)


def test_small_networks_already_explode_with_norm_and_not_without():
    data = load()
    factors = {
        arm: backward.growth(
            backward.profile(mlps(data, [0], depth=12, width=64, norm=norm)[0], data, 128)[1]
        )
        for arm, norm in ARMS.items()
    }
    assert 1.1 < factors["BN"] < 1.3 and 0.85 < factors["none"] < 1.15


def test_a_single_layer_has_no_growth_per_layer():
    with pytest.raises(ValueError, match="at least 2 layers, got 1"):
        backward.growth([3.0])


def test_the_path_in_training_starts_before_the_first_step():
    data = load()
    model = mlps(data, [0], depth=3, width=8, norm=ARMS["BN"])[0]
    start = backward.profile(model, data, backward.BATCH)[1]
    path = backward.along(model, data, torch.Generator().manual_seed(0), (0, 1, 3), 0.1)
    assert len(path) == 3 and path[0] == start and path[1] != start
    assert model.training


def test_the_setting_of_an_experiment_is_that_of_its_networks():
    result = backward.gradients_tamed_in_training(depth=3, width=8, moments=(2, 0, 1), lr=0.1)
    assert result.data == "digits, ReLU MLP with BN, 3 layers, width 8, after 2 steps"
    assert result.array("moments").tolist() == [0, 1, 2] and result.array("growth").shape == (5, 3)
    result = backward.gradients_any_scale(depth=4, width=8)
    assert result.data == "digits, untrained ReLU MLP, 4 layers, width 8, batch 256"
    assert result.array("growth, none").shape == (3, 5)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=6))
def test_differences_of_a_cubic_agree_with_its_derivative(values):
    x = np.array(values)
    np.testing.assert_allclose(
        numerical_gradient(lambda x: float((x**3).sum()), x), 3 * x**2, atol=1e-8
    )


def test_the_numerical_gradient_leaves_its_point_alone():
    x = np.array([1.0, 2.0])
    numerical_gradient(lambda x: float(x.sum()), x)
    assert x.tolist() == [1.0, 2.0]


def test_difference_is_relative_and_zero_for_two_zeros():
    assert difference(np.array([2.0, 0.0]), np.array([1.0, 0.0])) == 0.5
    assert difference(np.zeros(2), np.zeros(2)) == 0.0


@pytest.fixture
def checked():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(8, 3))
    x[:2] = [[-1.0, 0.5, 2.0], [1.0, -1.5, 0.0]]
    gamma = np.array([2.0, 0.5, -1.5])
    checks = checks_of(x, rng.normal(size=(8, 3)), gamma)
    return {name: {c: f(b) for c, f in checks.items()} for name, b in BACKWARDS.items()}


def test_the_correct_backward_passes_every_check(checked):
    assert max(checked["the correct one"].values()) < 1e-3


@pytest.mark.parametrize("name", [name for name in BACKWARDS if name != "the correct one"])
def test_the_full_check_catches_every_wrong_backward(checked, name):
    assert checked[name]["random dy, N ≥ 4, γ ≠ 1"] > 0.01


@pytest.mark.parametrize(
    ("check", "name"),
    [
        ("N = 2", "γ left out"),
        ("N = 2", "divided by σ² + ε, no root"),
        ("dy = 1", "path through σ² missing"),
        ("γ = 1", "γ left out"),
        ("Σ dx", "path through σ² missing"),
        ("Σ dx·x̂", "path through μ missing"),
    ],
)
def test_a_weak_check_misses_a_mistake(checked, check, name):
    assert checked[name][check] < 0.01


def test_the_identities_catch_the_missing_paths(checked):
    assert checked["path through μ missing"]["Σ dx"] > 0.1
    assert checked["path through σ² missing"]["Σ dx·x̂"] > 0.1


def test_wrong_backwards_agree_with_torch_where_they_hold_their_statistics_constant():
    rng = np.random.default_rng(0)
    x, dy, gamma = rng.normal(size=(6, 2)), rng.normal(size=(6, 2)), np.array([2.0, -0.5])
    layer = nn.BatchNorm1d(2, affine=True).double().eval()
    layer.weight.data = torch.tensor(gamma)
    layer.running_mean, layer.running_var = torch.tensor(x.mean(0)), torch.tensor(x.var(0))
    point = torch.tensor(x, requires_grad=True)
    layer(point).backward(torch.tensor(dy))
    wrong = BACKWARDS["μ and σ² as constants"](dy, x, gamma, 1e-5)
    np.testing.assert_allclose(wrong, point.grad.numpy(), rtol=1e-12)


def test_the_check_of_a_backward_that_is_twice_too_large_says_so():
    rng = np.random.default_rng(0)
    x, dy, gamma = rng.normal(size=(6, 2)), rng.normal(size=(6, 2)), np.array([2.0, -0.5])
    assert against_differences(correct, x, dy, gamma) < 1e-8
    assert against_differences(lambda *a: 2 * correct(*a), x, dy, gamma) > 0.1
