"""The laws of bnlib.functional.

Every test takes the module as its argument, so that test_mistakes can hand it a wrong one.
"""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import bnlib.functional
from bncourse.experiments.ch04_backward.gradient_checks import numerical_gradient
from tests.bnlib.batches import (
    EQUAL_AXES,
    LAW,
    SHAPES,
    affine,
    along,
    axes_but_channels,
    batches,
    numpy_of,
    rows,
    sample,
    tensors,
)


@pytest.fixture(scope="module")
def functional() -> ModuleType:
    return bnlib.functional


def plain(functional: Any, x: Any, eps: float = 1e-5) -> Any:
    """x_hat: the output at gamma = 1, beta = 0."""
    channels = x.shape[1]
    return functional.batch_norm(x, np.ones(channels), np.zeros(channels), eps)[0]


def close(got: Any, expected: Any, tolerance: float = 1e-10) -> None:
    assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


# ------------------------------------------------------------------ numbers worked by hand

# Two channels with means 2 and 10, variances 1 and 13; eps = 3 makes the roots 2 and 4.
X = np.array([[1.0, 15.0], [3.0, 5.0], [1.0, 11.0], [3.0, 9.0]])
GAMMA, BETA, EPS = np.array([2.0, 4.0]), np.array([1.0, -1.0]), 3.0
DY = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 2.0]])


def test_four_by_two_batch_is_normalised_as_by_hand(functional):
    y, mu, var = functional.batch_norm(X, GAMMA, BETA, EPS)
    assert_array_equal(mu, [2, 10])
    assert_array_equal(var, [1, 13])
    assert_array_equal(y, [[0, 4], [2, -6], [0, 0], [2, -2]])


def test_four_by_two_batch_has_the_gradients_worked_by_hand(functional):
    # channel 0: mean(dy) = 1/4, mean(dy·x_hat) = −1/8; channel 1: 1/2 and −1/8; gamma/root = 1
    dx = [[0.6875, -0.34375], [-0.1875, -0.65625], [-0.3125, -0.46875], [-0.1875, 1.46875]]
    for result in both_backwards(functional, DY, X, GAMMA, EPS):
        close(result[0], dx)
        assert_array_equal(result[1], [-0.5, -0.5])
        assert_array_equal(result[2], [1, 2])


def test_four_by_two_batch_in_evaluation_is_as_by_hand(functional):
    mean, var = np.array([3.0, 7.0]), np.array([1.0, 13.0])
    y = functional.batch_norm_eval(X, mean, var, GAMMA, BETA, EPS)
    assert_array_equal(y, [[-1, 7], [1, -3], [-1, 3], [1, 1]])
    dx, dgamma, dbeta = functional.batch_norm_eval_backward(DY, X, mean, var, GAMMA, EPS)
    assert_array_equal(dx, DY)  # gamma/root is 1 in both channels
    assert_array_equal(dgamma, [-1, 1])
    assert_array_equal(dbeta, [1, 2])


def test_running_update_is_as_by_hand(functional):
    close(functional.update_running(np.array([0.0, 1.0]), np.array([10.0, 3.0]), 0.1), [1.0, 1.2])


def test_normaliser_divides_by_n_and_not_by_n_minus_1(functional):
    # n = 4: dividing by n − 1 would leave an output variance of 3/4
    y = plain(functional, np.array([[-3.0], [-1.0], [1.0], [3.0]]), eps=1e-12)
    close((y**2).mean(), 1)


# ------------------------------------------------------------------ the forward


@LAW
@given(x=batches(), seed=st.integers(0, 99))
def test_output_mean_is_beta_and_variance_is_gamma_squared_up_to_eps(functional, x, seed):
    gamma, beta = affine(x.shape[1], seed)
    y, mu, var = functional.batch_norm(x, gamma, beta, 0.25)
    axes = axes_but_channels(x)
    close(mu, x.mean(axes))
    close(var, x.var(axes))
    close(y.mean(axes), beta)
    close(y.var(axes), gamma**2 * var / (var + 0.25))


def test_input_of_tiny_spread_stays_small_since_eps_is_inside_the_root(functional):
    x = 1e-3 * np.array([[-1.0], [1.0], [-1.0], [1.0]])
    close(plain(functional, x).std(), np.sqrt(1e-6 / (1e-6 + 1e-5)))  # 0.30; outside: 0.99


@LAW
@given(value=st.floats(-1e6, 1e6), n=st.integers(2, 5))
def test_constant_channel_gives_beta(functional, value, n):
    y, _, var = functional.batch_norm(np.full((n, 1), value), np.array([3.0]), np.array([7.0]))
    # the mean may be off in the last digit, and 1/sqrt(eps) = 316 enlarges that
    assert_allclose(y, 7, atol=1e-6)
    assert_allclose(var, 0, atol=1e-18 * (1 + value**2))


def test_large_mean_costs_no_accuracy(functional):
    base = np.random.default_rng(0).integers(-512, 512, size=(64, 1, 3)) / 256
    expected = plain(functional, base)
    for dtype, mean in [(np.float32, 10_000), (np.float64, 10_000), (np.float64, 2**27)]:
        x = (base + mean).astype(dtype)
        assert_array_equal(x.astype(np.float64) - mean, base)  # the shift itself is exact
        _, _, var = functional.batch_norm(x, np.ones(1), np.zeros(1))
        assert_allclose(plain(functional, x), expected, rtol=0, atol=5e-7)
        assert_allclose(var, base.var(), rtol=5e-7)


def test_float32_costs_one_rounding_of_the_result(functional):
    for shape in SHAPES:
        x, dy = (sample(shape, seed).astype(np.float32) for seed in (1, 2))
        gamma, beta = (v.astype(np.float32) for v in affine(shape[1]))
        for run in every_function:
            for got, expected in zip(
                run(functional, x, dy, gamma, beta),
                run(functional, *(a.astype(np.float64) for a in (x, dy, gamma, beta))),
                strict=True,
            ):
                assert_allclose(got, expected, rtol=1.2e-7)


@LAW
@given(x=batches(), log_scale=st.integers(-10, 10), negative=st.booleans())
def test_output_ignores_the_scale_of_the_input(functional, x, log_scale, negative):
    # Exact when eps scales along; a negative factor only turns the sign.
    scale = -(2.0**log_scale) if negative else 2.0**log_scale
    got = plain(functional, scale * x, eps=scale**2 * 1e-3)
    close(got, np.sign(scale) * plain(functional, x, eps=1e-3))


@LAW
@given(x=batches(), shift=st.integers(-100, 100))
def test_output_ignores_a_shift_of_the_input(functional, x, shift):
    close(plain(functional, x + shift), plain(functional, x), 1e-9)


@LAW
@given(x=batches(), seed=st.integers(0, 99))
def test_reordering_the_batch_reorders_the_output(functional, x, seed):
    order = np.random.default_rng(seed).permutation(len(x))
    close(plain(functional, x[order]), plain(functional, x)[order])


@LAW
@given(x=batches(), seed=st.integers(0, 99))
def test_every_pixel_counts_as_a_row(functional, x, seed):
    gamma, beta = affine(x.shape[1], seed)
    dy = sample(x.shape, seed)
    image, table = ((x, dy), (rows(x), rows(dy)))
    for run in every_function:
        for got, expected in zip(
            run(functional, *image, gamma, beta), run(functional, *table, gamma, beta), strict=True
        ):
            close(rows(got) if got.ndim > 1 else got, expected)


@LAW
@given(x=batches(), seed=st.integers(0, 99))
def test_a_channel_ignores_the_other_channels(functional, x, seed):
    gamma, beta = affine(x.shape[1], seed)
    dy = sample(x.shape, seed)
    for run in every_function:
        together = run(functional, x, dy, gamma, beta)
        for c in range(x.shape[1]):
            one = slice(c, c + 1)
            alone = run(functional, x[:, one], dy[:, one], gamma[one], beta[one])
            for got, expected in zip(together, alone, strict=True):
                close(got[:, one] if got.ndim > 1 else got[one], expected)


def test_gamma_and_beta_can_undo_the_normalisation(functional):
    for shape in [*SHAPES, EQUAL_AXES]:
        x, eps = sample(shape, mean=3), 1e-3
        axes = axes_but_channels(x)
        y, _, _ = functional.batch_norm(x, np.sqrt(x.var(axes) + eps), x.mean(axes), eps)
        close(y, x)


def test_channels_are_axis_1_even_when_all_axes_are_of_equal_length(functional):
    x, (gamma, beta) = sample(EQUAL_AXES), affine(3)
    y, mu, var = functional.batch_norm(x, gamma, beta, 0.25)
    for c in range(3):
        close(mu[c], x[:, c].mean())
        close(var[c], x[:, c].var())
        x_hat = (x[:, c] - mu[c]) / np.sqrt(var[c] + 0.25)
        close(y[:, c], gamma[c] * x_hat + beta[c])


def test_forward_agrees_with_torch(functional):
    for shape in [*SHAPES, EQUAL_AXES]:
        for seed in range(3):
            x, (gamma, beta) = sample(shape, seed, mean=2, std=3), affine(shape[1], seed)
            expected = torch.nn.functional.batch_norm(
                torch.tensor(x),
                None,
                None,
                torch.tensor(gamma),
                torch.tensor(beta),
                training=True,
                eps=1e-3,
            )
            close(functional.batch_norm(x, gamma, beta, 1e-3)[0], expected.numpy())


def test_evaluation_agrees_with_torch(functional):
    for shape in [*SHAPES, EQUAL_AXES]:
        x, (gamma, beta) = sample(shape), affine(shape[1])
        mean, var = affine(shape[1], seed=7)[1], affine(shape[1], seed=8)[0] ** 2
        tx, tgamma, tbeta = tensors(x, gamma, beta)
        expected = torch.nn.functional.batch_norm(
            tx, torch.tensor(mean), torch.tensor(var), tgamma, tbeta, training=False, eps=1e-3
        )
        close(functional.batch_norm_eval(x, mean, var, gamma, beta, 1e-3), expected.detach())
        dy = sample(shape, seed=3)
        expected.backward(torch.tensor(dy))
        got = functional.batch_norm_eval_backward(dy, x, mean, var, gamma, 1e-3)
        for g, e in zip(got, numpy_of(tx.grad, tgamma.grad, tbeta.grad), strict=True):
            close(g, e)


def test_evaluation_with_the_batch_statistics_is_training(functional):
    for shape in SHAPES:
        x, (gamma, beta) = sample(shape), affine(shape[1])
        y, mu, var = functional.batch_norm(x, gamma, beta)
        close(functional.batch_norm_eval(x, mu, var, gamma, beta), y)


def test_evaluation_maps_each_example_by_itself(functional):
    for shape in SHAPES:
        x, (gamma, beta) = sample(shape), affine(shape[1])
        mean, var = np.zeros(shape[1]), np.ones(shape[1])
        together = functional.batch_norm_eval(x, mean, var, gamma, beta)
        for i in range(len(x)):
            alone = functional.batch_norm_eval(x[i : i + 1], mean, var, gamma, beta)
            assert_array_equal(alone, together[i : i + 1])


def test_eps_is_a_hundred_thousandth_unless_given(functional):
    x, dy, (gamma, beta) = sample((7, 3), 1), sample((7, 3), 2), affine(3)
    x *= 1e-3  # where eps counts
    by_default = [
        *functional.batch_norm(x, gamma, beta),
        functional.batch_norm_eval(x, beta, x.var(0), gamma, beta),
        *functional.batch_norm_backward(dy, x, gamma),
        *functional.batch_norm_backward_graph(dy, x, gamma),
        *functional.batch_norm_eval_backward(dy, x, beta, x.var(0), gamma),
    ]
    given_it = [
        *functional.batch_norm(x, gamma, beta, 1e-5),
        functional.batch_norm_eval(x, beta, x.var(0), gamma, beta, 1e-5),
        *functional.batch_norm_backward(dy, x, gamma, 1e-5),
        *functional.batch_norm_backward_graph(dy, x, gamma, 1e-5),
        *functional.batch_norm_eval_backward(dy, x, beta, x.var(0), gamma, 1e-5),
    ]
    for got, expected in zip(by_default, given_it, strict=True):
        assert_array_equal(got, expected)


# ------------------------------------------------------------------ the backward


def both_backwards(functional: Any, dy: Any, x: Any, gamma: Any, eps: float = 1e-5) -> list[Any]:
    """(dx, dgamma, dbeta) in closed form, and through the graph."""
    graph = functional.batch_norm_backward_graph(dy, x, gamma, eps)
    return [
        functional.batch_norm_backward(dy, x, gamma, eps),
        (graph.dx, graph.dgamma, graph.dbeta),
    ]


def gradient_check(functional: Any, dy: Any, x: Any, gamma: Any, beta: Any) -> None:
    """Hold both backwards against finite differences of sum(dy · y)."""
    eps = 1e-3
    expected = (
        numerical_gradient(lambda v: (dy * functional.batch_norm(v, gamma, beta, eps)[0]).sum(), x),
        numerical_gradient(lambda v: (dy * functional.batch_norm(x, v, beta, eps)[0]).sum(), gamma),
        numerical_gradient(lambda v: (dy * functional.batch_norm(x, gamma, v, eps)[0]).sum(), beta),
    )
    for result in both_backwards(functional, dy, x, gamma, eps):
        for got, number in zip(result, expected, strict=True):
            assert_allclose(got, number, rtol=1e-7, atol=1e-7)


def test_gradients_agree_with_finite_differences(functional):
    for shape in [(5, 2), (3, 2, 2, 2)]:
        # a random dy: with ones upstream the true dx is zero, and a missing path goes unseen
        x, dy = sample(shape, seed=1), sample(shape, seed=2)
        gradient_check(functional, dy, x, *affine(shape[1]))


def test_evaluation_gradients_agree_with_finite_differences(functional):
    for shape in [(1, 2), (5, 2), (3, 2, 2, 2)]:
        x, dy, (gamma, beta) = sample(shape, seed=1), sample(shape, seed=2), affine(shape[1])
        mean, var = np.array([0.5, -1.0]), np.array([0.7, 2.0])
        forward = functional.batch_norm_eval

        def loss(x, gamma, beta, dy=dy, mean=mean, var=var, forward=forward):
            return (dy * forward(x, mean, var, gamma, beta)).sum()

        got = functional.batch_norm_eval_backward(dy, x, mean, var, gamma)
        expected = (
            numerical_gradient(lambda v: loss(v, gamma, beta), x),  # noqa: B023
            numerical_gradient(lambda v: loss(x, v, beta), gamma),  # noqa: B023
            numerical_gradient(lambda v: loss(x, gamma, v), beta),  # noqa: B023
        )
        for g, e in zip(got, expected, strict=True):
            assert_allclose(g, e, rtol=1e-7, atol=1e-7)


def test_gradients_agree_with_torch(functional):
    for shape in [*SHAPES, EQUAL_AXES]:
        for seed in range(3):
            x, dy = sample(shape, seed, mean=2, std=3), sample(shape, seed + 50)
            tx, tgamma, tbeta = tensors(x, *affine(shape[1], seed))
            y = torch.nn.functional.batch_norm(
                tx, None, None, tgamma, tbeta, training=True, eps=1e-3
            )
            y.backward(torch.tensor(dy))
            expected = numpy_of(tx.grad, tgamma.grad, tbeta.grad)
            for result in both_backwards(functional, dy, x, affine(shape[1], seed)[0], 1e-3):
                for got, e in zip(result, expected, strict=True):
                    close(got, e)


def test_every_gradient_of_the_graph_agrees_with_torch(functional):
    for shape in [*SHAPES, EQUAL_AXES]:
        x, dy = sample(shape, seed=1), sample(shape, seed=2)
        (tx, gamma, beta), eps = tensors(x, *affine(shape[1])), 1e-3
        axes = axes_but_channels(x)
        mu = tx.mean(axes, keepdim=True)
        centred = tx - mu
        var = centred.square().mean(axes, keepdim=True)
        inv_std = (var + eps) ** -0.5
        x_hat = centred * inv_std
        nodes = {"mu": mu, "centred": centred, "var": var, "inv_std": inv_std, "x_hat": x_hat}
        for node in nodes.values():
            node.retain_grad()
        view = (1, -1, *(1,) * (x.ndim - 2))
        (gamma.view(view) * x_hat + beta.view(view)).backward(torch.tensor(dy))
        nodes |= {"x": tx, "gamma": gamma, "beta": beta}
        got = functional.batch_norm_backward_graph(dy, x, gamma.detach().numpy(), eps)
        assert {f"d{name}" for name in nodes} == set(got._fields)
        for name, node in nodes.items():
            (expected,) = numpy_of(node.grad)
            gradient = getattr(got, f"d{name}")
            # dmu is a sum that cancels in part: an absolute tolerance does for all of them
            assert_allclose(gradient, expected.reshape(gradient.shape), rtol=1e-10, atol=1e-10)


@LAW
@given(x=batches(), seed=st.integers(0, 99))
def test_graph_and_closed_form_agree(functional, x, seed):
    dy, (gamma, _) = sample(x.shape, seed), affine(x.shape[1], seed)
    closed, graph = both_backwards(functional, dy, x, gamma, 1e-3)
    for a, b in zip(closed, graph, strict=True):
        close(a, b, 1e-9)


@LAW
@given(x=batches(), seed=st.integers(0, 99))
def test_dx_sums_to_zero_in_every_channel(functional, x, seed):
    # adding a constant to a channel does not change the loss
    dy, (gamma, _) = sample(x.shape, seed), affine(x.shape[1], seed)
    for dx, _, _ in both_backwards(functional, dy, x, gamma, 0.1):
        assert_allclose(dx.sum(axes_but_channels(x)), 0, atol=1e-10)


@LAW
@given(x=batches(), seed=st.integers(0, 99))
def test_dx_is_orthogonal_to_x_hat_up_to_eps(functional, x, seed):
    # Σ dx·x_hat = gamma · dgamma · eps / (var + eps)^(3/2): zero but for eps, since scaling a
    # channel changes the loss only through eps
    eps, axes = 0.1, axes_but_channels(x)
    dy, (gamma, _) = sample(x.shape, seed), affine(x.shape[1], seed)
    x_hat = (x - along(x.mean(axes), x)) / along(np.sqrt(x.var(axes) + eps), x)
    for dx, dgamma, _ in both_backwards(functional, dy, x, gamma, eps):
        close((dx * x_hat).sum(axes), gamma * dgamma * eps / (x.var(axes) + eps) ** 1.5, 1e-9)


def test_gradient_shrinks_as_the_input_grows(functional):
    # the output ignores the scale a, so dx(a·x) = dx(x) / a, exactly when eps scales along
    for shape in SHAPES:
        x, dy, (gamma, _) = sample(shape, 1), sample(shape, 2), affine(shape[1])
        small = both_backwards(functional, dy, x, gamma, 1e-3)
        large = both_backwards(functional, dy, 10 * x, gamma, 1e-1)
        for (dx, *_), (dx_large, *_) in zip(small, large, strict=True):
            close(dx_large, dx / 10)


@LAW
@given(x=batches(), seed=st.integers(0, 99))
def test_dx_is_proportional_to_gamma(functional, x, seed):
    dy, (gamma, _) = sample(x.shape, seed), affine(x.shape[1], seed)
    ones = both_backwards(functional, dy, x, np.ones_like(gamma), 0.1)
    for at_one, at_gamma in zip(ones, both_backwards(functional, dy, x, gamma, 0.1), strict=True):
        close(at_gamma[0], along(gamma, x) * at_one[0])
        close(at_gamma[1], at_one[1])


def test_gradients_of_gamma_and_beta_are_sums_over_the_batch(functional):
    for shape in SHAPES:
        x, dy, (gamma, _) = sample(shape, 1), sample(shape, 2), affine(shape[1])
        dy_twice, x_twice = np.concatenate([dy, dy]), np.concatenate([x, x])
        for one, two in zip(
            both_backwards(functional, dy, x, gamma),
            both_backwards(functional, dy_twice, x_twice, gamma),
            strict=True,
        ):
            close(two[1], 2 * one[1])
            close(two[2], 2 * one[2])
            close(one[2], dy.sum(axes_but_channels(x)))


def test_a_constant_upstream_gradient_gives_no_dx(functional):
    # Σy = n·beta whatever x is. So a check with ones upstream cannot see a wrong dx.
    for shape in SHAPES:
        x, (gamma, _) = sample(shape), affine(shape[1])
        for dx, dgamma, dbeta in both_backwards(functional, np.ones(shape), x, gamma):
            assert_allclose(dx, 0, atol=1e-12)
            assert_allclose(dgamma, 0, atol=1e-12)
            close(dbeta, np.full(shape[1], x.size / shape[1]))


# ------------------------------------------------------------------ running statistics


def test_running_update_with_momentum_1_takes_the_batch(functional):
    got = functional.update_running(np.array([5.0, 6.0]), np.array([1.0, 2.0]), 1.0)
    assert_array_equal(got, [1, 2])


@LAW
@given(momentum=st.floats(0.01, 1), value=st.integers(-100, 100))
def test_running_statistic_that_has_arrived_stays(functional, momentum, value):
    v = np.array([float(value)])
    close(functional.update_running(v, v, momentum), v)


@LAW
@given(momentum=st.floats(0.01, 1), steps=st.integers(1, 50))
def test_running_statistic_has_gone_1_minus_q_to_the_k_of_the_way(functional, momentum, steps):
    running = np.array([0.0])
    for _ in range(steps):
        running = functional.update_running(running, np.array([1.0]), momentum)
    close(running, [1 - (1 - momentum) ** steps])


def test_running_update_in_float32_is_rounded_once(functional):
    running, batch = (sample((1, 50), seed)[0].astype(np.float32) for seed in (1, 2))
    expected = 0.9 * running.astype(np.float64) + 0.1 * batch.astype(np.float64)
    got = functional.update_running(running, batch, 0.1)
    assert_array_equal(got, expected.astype(np.float32))


def test_unbiased_variance_is_the_sum_over_n_minus_1(functional):
    x = sample((6, 3))
    close(functional.unbiased(x.var(0), 6), x.var(0, ddof=1))


def test_values_per_channel_are_batch_times_pixels(functional):
    for shape, n in zip(SHAPES, [7, 20, 40, 180], strict=True):
        assert functional.values_per_channel(np.zeros(shape)) == n


# ------------------------------------------------------------------ types, NaN, arguments


def run_forward(functional: Any, x: Any, dy: Any, gamma: Any, beta: Any) -> tuple[Any, ...]:
    return functional.batch_norm(x, gamma, beta, 1e-3)


def run_eval(functional: Any, x: Any, dy: Any, gamma: Any, beta: Any) -> tuple[Any, ...]:
    return (functional.batch_norm_eval(x, beta, abs(gamma), gamma, beta),)


def run_backward(functional: Any, x: Any, dy: Any, gamma: Any, beta: Any) -> tuple[Any, ...]:
    return functional.batch_norm_backward(dy, x, gamma, 1e-3)


def run_graph(functional: Any, x: Any, dy: Any, gamma: Any, beta: Any) -> tuple[Any, ...]:
    # dmu is left out: its parts cancel, so two orders of summing differ in relative terms
    return tuple(functional.batch_norm_backward_graph(dy, x, gamma, 1e-3)._replace(dmu=gamma))


def run_eval_backward(functional: Any, x: Any, dy: Any, gamma: Any, beta: Any) -> tuple[Any, ...]:
    return functional.batch_norm_eval_backward(dy, x, beta, abs(gamma), gamma)


every_function = [run_forward, run_eval, run_backward, run_graph, run_eval_backward]


def test_float32_and_float64_come_back_as_they_went_in(functional):
    for dtype in (np.float32, np.float64):
        for shape in SHAPES:
            x, dy = sample(shape, 1).astype(dtype), sample(shape, 2).astype(dtype)
            for other in (np.float32, np.float64):  # the parameters have no say
                gamma, beta = (v.astype(other) for v in affine(shape[1]))
                for run in every_function:
                    results = run(functional, x, dy, gamma, beta)
                    kept = results[:-2] if run is run_graph else results  # without dmu
                    assert {r.dtype for r in kept} == {np.dtype(dtype)}
        for other in (np.float32, np.float64):
            running, batch = np.zeros(2, dtype), np.ones(2, other)
            assert functional.update_running(running, batch, 0.1).dtype == dtype
        assert functional.unbiased(np.ones(2, dtype), 4).dtype == dtype


def test_outputs_are_shaped_like_x_and_statistics_like_channels(functional):
    for shape in [*SHAPES, EQUAL_AXES]:
        x, dy, (gamma, beta) = sample(shape, 1), sample(shape, 2), affine(shape[1])
        c = (shape[1],)
        expected = {
            run_forward: [shape, c, c],
            run_eval: [shape],
            run_backward: [shape, c, c],
            run_graph: [c, c, shape, c, c, shape, c, shape],
            run_eval_backward: [shape, c, c],
        }
        for run, shapes in expected.items():
            assert [r.shape for r in run(functional, x, dy, gamma, beta)] == shapes


def test_arguments_are_left_alone(functional):
    for shape in SHAPES:
        arguments = [sample(shape, 1), sample(shape, 2), *affine(shape[1])]
        before = [a.copy() for a in arguments]
        for run in every_function:
            for result in run(functional, *arguments):
                if not any(result is a for a in arguments):  # run_graph passes gamma through
                    result += 1  # a result that shares memory with an argument shows here
            for a, b in zip(arguments, before, strict=True):
                assert_array_equal(a, b)
    running, batch = np.zeros(2), np.ones(2)
    for momentum in (0.5, 1.0):
        functional.update_running(running, batch, momentum)[:] = 9
    functional.unbiased(batch, 5)[:] = 9
    assert_array_equal(running, [0, 0])
    assert_array_equal(batch, [1, 1])


def test_nan_and_inf_stay_in_their_own_channel(functional):
    for bad in (np.nan, np.inf, -np.inf):
        for shape in SHAPES:
            clean, dy, (gamma, beta) = sample(shape, 1), sample(shape, 2), affine(shape[1])
            x, bad_dy = clean.copy(), dy.copy()
            x.reshape(shape[0], shape[1], -1)[1, 2, 0] = bad
            bad_dy.reshape(shape[0], shape[1], -1)[1, 2, 0] = bad
            others = [c for c in range(shape[1]) if c != 2]
            for run in every_function:
                expected = run(functional, clean, dy, gamma, beta)
                for spoilt in (
                    run(functional, x, dy, gamma, beta),
                    run(functional, clean, bad_dy, gamma, beta),
                ):
                    for got, e in zip(spoilt, expected, strict=True):
                        vector = got.ndim == 1
                        assert_array_equal(
                            got[others] if vector else got[:, others],
                            e[others] if vector else e[:, others],
                        )
            y = functional.batch_norm(x, gamma, beta)[0]
            assert np.isnan(y[:, 2]).all()  # it is seen, too
            dx = functional.batch_norm_backward(bad_dy, clean, gamma)[0]
            assert not np.isfinite(dx[:, 2]).any()


def test_nan_and_inf_stay_in_their_own_running_statistic(functional):
    for bad in (np.nan, np.inf):
        got = functional.update_running(np.array([0.0, 0.0]), np.array([bad, 1.0]), 0.1)
        assert not np.isfinite(got[0])
        close(got[1], 0.1)


def test_memory_layout_does_not_matter(functional):
    x, dy, (gamma, beta) = sample((4, 3, 5, 2), 1), sample((4, 3, 5, 2), 2), affine(3)
    strided = [np.asfortranarray(x), np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1)]
    for run in every_function:
        for other in strided:
            for got, expected in zip(
                run(functional, other, dy, gamma, beta),
                run(functional, x, dy, gamma, beta),
                strict=True,
            ):
                close(got, expected)


# ------------------------------------------------------------------ errors


def refuses(error: type[Exception], message: str, call: Any) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_training_needs_two_values_per_channel(functional):
    one, two = np.ones(3), np.ones((1, 3, 1, 2))
    message = "need more than 1 value per channel, got 1: use a larger batch, or eval()"
    for x in (np.ones((1, 3)), np.ones((1, 3, 1, 1))):
        refuses(ValueError, message, lambda x=x: functional.batch_norm(x, one, one))
        refuses(ValueError, message, lambda x=x: functional.batch_norm_backward(x, x, one))
        refuses(ValueError, message, lambda x=x: functional.batch_norm_backward_graph(x, x, one))
        functional.batch_norm_eval(x, one, one, one, one)  # evaluation does not
    refuses(ValueError, "got 0", lambda: functional.batch_norm(np.ones((0, 3)), one, one))
    functional.batch_norm(two, one, one)  # one image of two pixels is enough
    refuses(ValueError, "need more than 1 value", lambda: functional.unbiased(one, 1))


def test_x_needs_two_to_five_axes(functional):
    for shape in [(), (3,), (2, 3, 1, 1, 1, 1)]:
        x, v = np.ones(shape), np.ones(3)
        message = f"x must have 2 to 5 axes, (N, C) or (N, C, *spatial), got shape {shape}"
        refuses(ValueError, message, lambda x=x, v=v: functional.batch_norm(x, v, v))
        refuses(ValueError, message, lambda x=x, v=v: functional.batch_norm_eval(x, v, v, v, v))
        refuses(ValueError, message, lambda x=x, v=v: functional.batch_norm_backward(x, x, v))


def test_vectors_need_one_value_per_channel(functional):
    x, good = np.ones((4, 3)), np.ones(3)
    for bad in (np.ones(4), np.ones(1), np.ones((1, 3)), np.ones((3, 1)), np.array(1.0)):
        for position, name in enumerate(["gamma", "beta"]):
            v = [good, good]
            v[position] = bad
            refuses(ValueError, f"{name} must", lambda v=v: functional.batch_norm(x, *v))
        for position, name in enumerate(["running_mean", "running_var", "gamma", "beta"]):
            v = [good] * 4
            v[position] = bad
            refuses(ValueError, f"{name} must", lambda v=v: functional.batch_norm_eval(x, *v))
        for run in (functional.batch_norm_backward, functional.batch_norm_backward_graph):
            refuses(ValueError, "gamma must", lambda run=run, bad=bad: run(x, x, bad))
        refuses(ValueError, "batch must", lambda b=bad: functional.update_running(good, b, 0.1))
    refuses(ValueError, "running must", lambda: functional.update_running(x, good, 0.1))


def test_dy_needs_the_shape_of_x(functional):
    x, v = np.ones((4, 3)), np.ones(3)
    for dy in (np.ones((1, 3)), np.ones((4, 1)), np.ones((4, 3, 1)), np.array(1.0)):
        message = f"dy must have the shape of x, (4, 3), got {dy.shape}"
        backwards = [
            lambda dy=dy: functional.batch_norm_backward(dy, x, v),
            lambda dy=dy: functional.batch_norm_backward_graph(dy, x, v),
            lambda dy=dy: functional.batch_norm_eval_backward(dy, x, v, v, v),
        ]
        for backward in backwards:
            refuses(ValueError, message, backward)


def test_only_float32_and_float64_are_accepted(functional):
    good, v = np.ones((4, 3)), np.ones(3)
    for dtype in (np.int64, np.uint8, bool, np.complex64, np.complex128, np.float16, object):
        bad = good.astype(dtype)
        message = f"must be float32 or float64, got {bad.dtype}"
        refuses(TypeError, message, lambda bad=bad: functional.batch_norm(bad, v, v))
        refuses(TypeError, message, lambda bad=bad: functional.batch_norm(good, bad[0], v))
        refuses(TypeError, message, lambda bad=bad: functional.batch_norm_eval(bad, v, v, v, v))
        refuses(TypeError, message, lambda bad=bad: functional.batch_norm_backward(bad, good, v))
        refuses(TypeError, message, lambda bad=bad: functional.update_running(v, bad[0], 0.1))


def test_eps_must_be_positive(functional):
    x, v = np.ones((4, 3)), np.ones(3)
    for eps in (0, 0.0, -1e-5, np.nan):
        calls = [
            lambda eps=eps: functional.batch_norm(x, v, v, eps),
            lambda eps=eps: functional.batch_norm_eval(x, v, v, v, v, eps),
            lambda eps=eps: functional.batch_norm_backward(x, x, v, eps),
            lambda eps=eps: functional.batch_norm_backward_graph(x, x, v, eps),
            lambda eps=eps: functional.batch_norm_eval_backward(x, x, v, v, v, eps),
        ]
        for call in calls:
            refuses(ValueError, f"eps must be > 0, got {eps}", call)


def test_momentum_must_be_in_0_to_1(functional):
    v = np.ones(3)
    for momentum in (0, -0.1, 1.01, np.nan):
        message = f"momentum must be in (0, 1], got {momentum}"
        refuses(ValueError, message, lambda m=momentum: functional.update_running(v, v, m))
