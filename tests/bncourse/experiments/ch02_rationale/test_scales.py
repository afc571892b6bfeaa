"""The measuring code of chapter 02: scales at initialisation."""

import numpy as np
import pytest
import torch
from scipy import stats

from bncourse.data import Data
from bncourse.experiments.arms import generator
from bncourse.experiments.ch02_rationale import scales
from bncourse.models import MLP


def gaussians(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(0), dtype=torch.float64)


def some_data(n: int = 400, features: int = 256) -> Data:
    x = gaussians(n, features).float()
    y = torch.randint(10, (n,), generator=generator(1))
    return Data("gaussians", x, y, x, y, 10)


def test_spread_and_offset_of_numbers_worked_by_hand():
    x = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 6.0], [3.0, 6.0]])  # means 3, 3; vars 2, 9
    assert scales.spread(x) == pytest.approx(np.sqrt(5.5))
    assert scales.offset(x) == pytest.approx(3)


def test_spread_and_offset_make_up_the_root_mean_square():
    x = gaussians(100, 7) * 3 + 2
    both = np.hypot(scales.spread(x), scales.offset(x))
    assert both == pytest.approx(float(x.square().mean().sqrt()))


def test_imbalance_is_one_for_equal_units_and_finds_a_known_factor():
    column = gaussians(100, 1)
    assert scales.imbalance(column.expand(-1, 11)) == pytest.approx(1)
    factors = torch.linspace(1, 11, 11, dtype=torch.float64)  # percentiles 2 and 10
    assert scales.imbalance(column * factors) == pytest.approx(5)


def test_skewness_agrees_with_scipy_and_leaves_out_constant_units():
    x = gaussians(300, 5).exp()
    with_a_constant = torch.cat([x, torch.full((300, 1), 4.0, dtype=torch.float64)], 1)
    assert scales.skewness(with_a_constant) == pytest.approx(stats.skew(x.numpy()).mean())
    assert scales.skewness(torch.ones(5, 2)) == 0


def test_relu_of_a_gaussian_has_skewness_1_64_mean_0_40_and_variance_0_34():
    # The numbers that the chapter quotes: quantiles of a Gaussian instead of draws.
    z = torch.from_numpy(stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000))[:, None]
    relu = z.clamp_min(0)
    assert scales.skewness(relu) == pytest.approx(1.64, abs=0.005)
    assert float(relu.mean()) == pytest.approx(0.40, abs=0.005)
    assert float(relu.var()) == pytest.approx(0.34, abs=0.005)


@pytest.mark.parametrize(
    ("scheme", "gain", "factor"),
    [("torch", 1.0, 6**-0.5), ("lecun", 1.0, 2**-0.5), ("he", 1.0, 1.0), ("he", 2.0, 2.0)],
)
def test_activations_and_gradients_change_by_the_derived_factor_per_layer(scheme, gain, factor):
    data = some_data()
    model = MLP(256, 10, depth=5, width=256, generator=generator(2), scheme=scheme, gain=gain)
    for block in model.hidden:  # eq. (rationale-factor) leaves the bias out
        torch.nn.init.zeros_(block.linear.bias)
    seen = scales.survey(model, data)
    squares = np.square(seen["spread"]) + np.square(seen["offset"])
    assert (squares[4] / squares[0]) ** (1 / 8) == pytest.approx(factor, rel=0.1)
    assert (seen["gradient"][0] / seen["gradient"][4]) ** (1 / 4) == pytest.approx(factor, rel=0.1)


def test_survey_counts_dead_units_and_clipped_values():
    data = some_data(50, 8)
    model = MLP(8, 10, depth=2, width=4, generator=generator(3))
    with torch.no_grad():
        model.hidden[0].linear.bias[:] = torch.tensor([-1e6, 1e6, 1e6, 1e6])
    seen = scales.survey(model, data)
    assert seen["dead"][0] == 0.25
    assert seen["clipped"][0] == 0.25


def test_survey_gradient_is_that_of_the_summed_loss():
    data = some_data(30, 8)
    model = MLP(8, 10, depth=1, width=4, generator=generator(3))
    gradient = scales.survey(model, data)["gradient"][0]
    model = model.double()
    z = model.hidden[0].linear(data.train_x.double()).detach().requires_grad_()
    logits = model.output(torch.relu(z))
    torch.nn.functional.cross_entropy(logits, data.train_y, reduction="sum").backward()
    assert gradient == pytest.approx(float(z.grad.square().mean().sqrt()))
