"""The laws of bnlib.scratch.

Every test takes the module as its argument, so that test_mistakes can hand it a wrong one.
"""

from __future__ import annotations

import copy
import doctest
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import bnlib.scratch
from tests.bnlib.batches import EQUAL_AXES, LAW, SHAPES, affine, axes_but_channels, batches, sample

TORCH_LAYER = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d,
               5: torch.nn.BatchNorm3d}  # fmt: skip


@pytest.fixture(scope="module")
def scratch() -> ModuleType:
    return bnlib.scratch


def close(got: Any, expected: Any, tolerance: float = 1e-10) -> None:
    assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def trained(scratch: Any, shape: tuple[int, ...], steps: int = 3, **options: Any) -> Any:
    """A layer with distinct gamma and beta that has seen a few batches."""
    layer = scratch.BatchNorm(shape[1], **options)
    layer.gamma, layer.beta = affine(shape[1])
    for step in range(steps):
        layer(sample(shape, seed=10 + step, mean=1, std=2))
    return layer


def state(layer: Any) -> dict[str, Any]:
    """The public attributes, copied."""
    return {k: copy.deepcopy(v) for k, v in vars(layer).items() if not k.startswith("_")}


def assert_same_state(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert one.keys() == two.keys()
    for name in one:
        assert_array_equal(one[name], two[name], err_msg=name)


def test_worked_example_in_the_docstring_is_right():
    result = doctest.testmod(bnlib.scratch)
    assert result.attempted >= 8
    assert result.failed == 0


def test_first_update_takes_a_tenth_of_the_batch(scratch):
    x = np.array([[1.0, 15.0], [3.0, 5.0], [1.0, 11.0], [3.0, 9.0]])
    layer = scratch.BatchNorm(2)
    layer(x)
    close(layer.running_mean, [0.2, 1.0])  # 0.1 of 2 and 10
    close(layer.running_var, [0.9 + 0.1 * 4 / 3, 0.9 + 0.1 * 52 / 3])  # the unbiased variances
    assert layer.num_batches_tracked == 1


def test_running_variance_is_unbiased_where_the_normaliser_is_not(scratch):
    x = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    layer = scratch.BatchNorm(1, eps=1e-12, momentum=1.0)
    close(layer(x).std(), 1)
    close(layer.running_var, [4 / 3])
    close(layer.eval()(x).std(), np.sqrt(3 / 4))  # 0.866 of the training spread at n = 4


@LAW
@given(x=batches(), momentum=st.floats(0.05, 1), seed=st.integers(0, 99))
def test_running_statistics_are_weighted_means_of_the_batches(scratch, x, momentum, seed):
    layer, axes = scratch.BatchNorm(x.shape[1], momentum=momentum), axes_but_channels(x)
    mean, var = np.zeros(x.shape[1]), np.ones(x.shape[1])
    for batch in (x, x + 3, 2 * x):
        layer(batch)
        mean = (1 - momentum) * mean + momentum * batch.mean(axes)
        var = (1 - momentum) * var + momentum * batch.var(axes, ddof=1)
    close(layer.running_mean, mean)
    close(layer.running_var, var)


def test_momentum_none_averages_all_batches_alike(scratch):
    for shape in SHAPES:
        layer, axes = scratch.BatchNorm(shape[1], momentum=None), axes_but_channels(np.empty(shape))
        seen = [sample(shape, seed) for seed in range(6)]
        for x in seen:
            layer(x)
        close(layer.running_mean, np.mean([x.mean(axes) for x in seen], axis=0))
        close(layer.running_var, np.mean([x.var(axes, ddof=1) for x in seen], axis=0))
        assert layer.num_batches_tracked == 6


def test_ten_steps_go_65_percent_of_the_way_and_44_go_99(scratch):
    layer, x = scratch.BatchNorm(1), np.array([[9.0], [11.0]])
    shares = []
    for _ in range(44):
        layer(x)
        shares.append(layer.running_mean[0] / 10)
    close(shares[9], 1 - 0.9**10)
    assert shares[42] < 0.99 < shares[43]


def test_layer_agrees_with_torch_through_training_and_evaluation(scratch):
    for shape in [*SHAPES, EQUAL_AXES]:
        for momentum in (0.1, 0.7, 1.0, None):
            ours = scratch.BatchNorm(shape[1], eps=1e-3, momentum=momentum)
            ours.gamma, ours.beta = affine(shape[1])
            theirs = TORCH_LAYER[len(shape)](
                shape[1], eps=1e-3, momentum=momentum, dtype=torch.float64
            )
            with torch.no_grad():
                theirs.weight.copy_(torch.tensor(ours.gamma))
                theirs.bias.copy_(torch.tensor(ours.beta))
            for step, training in enumerate([True, True, False, True, False]):
                ours.train(training)
                theirs.train(training)
                agree_on_one_step(ours, theirs, shape, step)


def agree_on_one_step(ours: Any, theirs: Any, shape: tuple[int, ...], step: int) -> None:
    x, dy = sample(shape, seed=step, mean=1, std=2), sample(shape, seed=step + 50)
    tx = torch.tensor(x, requires_grad=True)
    theirs.zero_grad()
    y = theirs(tx)
    y.backward(torch.tensor(dy))
    close(ours(x), y.detach().numpy())
    close(ours.backward(dy), tx.grad.numpy())
    close(ours.dgamma, theirs.weight.grad.numpy())
    close(ours.dbeta, theirs.bias.grad.numpy())
    close(ours.running_mean, theirs.running_mean.numpy())
    close(ours.running_var, theirs.running_var.numpy())
    assert ours.num_batches_tracked == int(theirs.num_batches_tracked)


def test_evaluation_changes_no_state(scratch):
    for shape in SHAPES:
        layer = trained(scratch, shape).eval()
        before = state(layer)
        layer(sample(shape, seed=5))
        assert_same_state(state(layer), before)


def test_evaluation_of_an_example_ignores_its_batchmates(scratch):
    for shape in SHAPES:
        layer, x = trained(scratch, shape).eval(), sample(shape, seed=5)
        together = layer(x)
        assert_array_equal(layer(x[:2]), together[:2])
        for i in range(len(x)):
            assert_array_equal(layer(x[i : i + 1]), together[i : i + 1])


def test_training_output_of_an_example_depends_on_its_batchmates(scratch):
    layer, x = trained(scratch, (7, 3)), sample((7, 3), seed=5)
    other = x.copy()
    other[1:] *= 2
    assert abs(layer(x)[0] - layer(other)[0]).min() > 0.1


def test_evaluation_uses_the_running_statistics(scratch):
    layer, x = trained(scratch, (7, 3), eps=1e-3).eval(), sample((7, 3), seed=5)
    x_hat = (x - layer.running_mean) / np.sqrt(layer.running_var + 1e-3)
    close(layer(x), layer.gamma * x_hat + layer.beta)


def test_backward_differentiates_the_mode_of_the_last_forward(scratch):
    for shape in SHAPES:
        x, dy = sample(shape, seed=1), sample(shape, seed=2)
        for training in (True, False):
            for switched in (True, False):
                layer = trained(scratch, shape).train(training)
                layer(x)
                expected = layer.backward(dy), layer.dgamma, layer.dbeta
                layer.train(switched)  # after the forward: too late to matter
                got = layer.backward(dy), layer.dgamma, layer.dbeta
                for g, e in zip(got, expected, strict=True):
                    assert_array_equal(g, e)
            total = expected[0].sum(axes_but_channels(x))
            if training:  # Σdx = 0 in training, and gamma/σ · Σdy in evaluation
                assert_allclose(total, 0, atol=1e-12)
            else:
                slope = layer.gamma / np.sqrt(layer.running_var + layer.eps)
                close(total, slope * dy.sum(axes_but_channels(x)))


def test_backward_agrees_with_finite_differences_in_both_modes(scratch):
    for training in (True, False):
        layer = trained(scratch, (5, 2), eps=1e-3).train(training)
        x, dy, step = sample((5, 2), seed=1), sample((5, 2), seed=2), 1e-5
        layer(x)
        dx = layer.backward(dy)
        for i in np.ndindex(x.shape):
            bump = np.zeros_like(x)
            bump[i] = step
            # copies: a forward in training moves the running statistics
            up, down = (copy.deepcopy(layer)(x + sign * bump) for sign in (1, -1))
            assert_allclose(dx[i], (dy * (up - down)).sum() / (2 * step), rtol=1e-7, atol=1e-7)


def test_what_happens_after_the_forward_does_not_change_the_backward(scratch):
    for training in (True, False):
        layer = trained(scratch, (7, 3)).train(training)
        x, dy = sample((7, 3), seed=1), sample((7, 3), seed=2)
        layer(x)
        expected = layer.backward(dy), layer.dgamma, layer.dbeta
        for values in (x, layer.gamma, layer.running_mean, layer.running_var):
            values *= 3
        for got, e in zip((layer.backward(dy), layer.dgamma, layer.dbeta), expected, strict=True):
            assert_array_equal(got, e)


def test_gradients_replace_those_of_the_backward_before(scratch):
    layer, dy = trained(scratch, (7, 3)), sample((7, 3), seed=2)
    layer.backward(dy)
    first = layer.dgamma.copy(), layer.dbeta.copy()
    layer.backward(dy)
    assert_array_equal(layer.dgamma, first[0])
    assert_array_equal(layer.dbeta, first[1])
    close(layer.dbeta, dy.sum(0))


def test_gradient_steps_on_gamma_and_beta_lower_the_loss(scratch):
    layer, x, target = trained(scratch, (7, 3)), sample((7, 3), 1), sample((7, 3), 2)
    losses = []
    for _ in range(20):
        y = layer(x)
        losses.append(((y - target) ** 2).sum() / 2)
        layer.backward(y - target)
        layer.gamma -= 0.05 * layer.dgamma
        layer.beta -= 0.05 * layer.dbeta
    assert all(later < earlier for earlier, later in pairwise(losses))
    # least squares has the same answer in closed form: beta is the mean of the target
    for _ in range(300):
        layer.backward(layer(x) - target)
        layer.gamma -= 0.05 * layer.dgamma
        layer.beta -= 0.05 * layer.dbeta
    close(layer.beta, target.mean(0), 1e-6)


def test_defaults_are_those_of_torch(scratch):
    ours, theirs = scratch.BatchNorm(3), torch.nn.BatchNorm1d(3)
    for name in ("eps", "momentum", "training", "num_features"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_calling_the_layer_is_its_forward(scratch):
    one, two, x = trained(scratch, (7, 3)), trained(scratch, (7, 3)), sample((7, 3), seed=5)
    assert_array_equal(one(x), two.forward(x))
    assert_same_state(state(one), state(two))


def test_modes_switch_and_return_the_layer(scratch):
    layer = scratch.BatchNorm(3)
    assert layer.training
    assert layer.eval() is layer
    assert not layer.training
    assert layer.train() is layer
    assert layer.training
    assert not layer.train(False).training


def test_float32_and_float64_come_back_as_they_went_in(scratch):
    for dtype in (np.float32, np.float64):
        x = sample((7, 3)).astype(dtype)
        for training in (True, False):
            layer = trained(scratch, (7, 3)).train(training)
            assert layer(x).dtype == dtype
            assert layer.backward(x).dtype == dtype
            assert layer.running_mean.dtype == np.float64


def test_large_mean_in_float32_costs_no_accuracy(scratch):
    base = np.random.default_rng(0).integers(-512, 512, size=(64, 1)) / 256
    layer = scratch.BatchNorm(1, momentum=1.0)
    near, far = layer(base), layer((base + 10_000).astype(np.float32))
    assert_allclose(far, near, rtol=0, atol=5e-7)
    assert_allclose(layer.running_var, base.var(0, ddof=1), rtol=5e-7)


def test_nan_spoils_the_running_statistics_of_its_own_channel_only(scratch):
    clean, spoilt = scratch.BatchNorm(3), scratch.BatchNorm(3)
    x = sample((7, 3))
    clean(x)
    x[2, 1] = np.nan
    spoilt(x)
    for name in ("running_mean", "running_var"):
        got, expected = getattr(spoilt, name), getattr(clean, name)
        assert np.isnan(got[1])
        assert_array_equal(got[[0, 2]], expected[[0, 2]])


def test_arguments_are_left_alone(scratch):
    x, dy = sample((7, 3), 1), sample((7, 3), 2)
    kept = x.copy(), dy.copy()
    layer = scratch.BatchNorm(3)
    for training in (True, False):
        layer.train(training)(x)[:] = 0
        layer.backward(dy)[:] = 0
    assert_array_equal(x, kept[0])
    assert_array_equal(dy, kept[1])


def test_layers_do_not_share_state(scratch):
    one, two = scratch.BatchNorm(3), scratch.BatchNorm(3)
    before = state(two)
    one(sample((7, 3)))
    one.backward(sample((7, 3)))
    one.gamma *= 2
    assert_same_state(state(two), before)


def test_failed_forward_leaves_the_layer_as_it_was(scratch):
    layer = trained(scratch, (7, 3))
    layer.backward(sample((7, 3)))
    before, dy = state(layer), sample((7, 3))
    expected = layer.backward(dy)
    bad = [np.ones((1, 3)), np.ones((7, 4)), np.ones(3), np.ones((7, 3), int)]
    for x in bad:
        with pytest.raises((ValueError, TypeError)):
            layer(x)
    assert_same_state(state(layer), before)
    assert_array_equal(layer.backward(dy), expected)


def test_one_value_per_channel_is_refused_in_training_only(scratch):
    layer = trained(scratch, (7, 3))
    message = r"need more than 1 value per channel, got 1: use a larger batch, or eval\(\)"
    with pytest.raises(ValueError, match=message):
        layer(np.ones((1, 3)))
    assert layer.eval()(np.ones((1, 3))).shape == (1, 3)


def test_other_numbers_of_channels_are_refused(scratch):
    for layer in (scratch.BatchNorm(3), scratch.BatchNorm(3).eval()):
        for shape in [(7, 4), (7, 1), (4, 4, 3)]:  # the last one: channels last
            with pytest.raises(ValueError, match=r"x must have 3 channels on axis 1, got shape"):
                layer(np.ones(shape))


def test_backward_needs_a_forward(scratch):
    with pytest.raises(RuntimeError, match=r"backward needs a forward, got none"):
        scratch.BatchNorm(3).backward(np.ones((7, 3)))


def test_backward_needs_a_dy_of_the_shape_of_y(scratch):
    layer = trained(scratch, (7, 3))
    for shape in [(7, 4), (6, 3), (7, 3, 1)]:
        with pytest.raises(ValueError, match=r"dy must have the shape of x, \(7, 3\)"):
            layer.backward(np.ones(shape))


def test_bad_settings_are_refused_when_the_layer_is_made(scratch):
    for bad in (0, -1):
        with pytest.raises(ValueError, match=f"num_features must be at least 1, got {bad}"):
            scratch.BatchNorm(bad)
    for bad in (0.0, -1e-5, np.nan):
        with pytest.raises(ValueError, match=f"eps must be > 0, got {bad}"):
            scratch.BatchNorm(3, eps=bad)
    for bad in (0.0, -0.1, 1.5, np.nan):
        with pytest.raises(ValueError, match=r"momentum must be in \(0, 1\]"):
            scratch.BatchNorm(3, momentum=bad)
