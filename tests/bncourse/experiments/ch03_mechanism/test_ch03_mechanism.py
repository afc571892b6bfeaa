"""The measuring code of the mechanism chapter: it finds what is there, and nothing else."""

import copy

import numpy as np
import pytest
import torch

from bncourse.data import load
from bncourse.experiments.arms import generator, mlps
from bncourse.experiments.ch03_mechanism import inside, invariance, mechanism
from bnlib.nn import BatchNorm1d


@pytest.fixture(autouse=True)
def short_training(monkeypatch):
    """Train for 3 steps, whatever the recipe says, and forget it afterwards."""
    fit_many = inside.fit_many
    monkeypatch.setattr(inside, "fit_many", lambda *a, **kw: fit_many(*a, **(kw | {"steps": 3})))
    inside._trained.cache_clear()
    yield
    inside._trained.cache_clear()


def network(norm=BatchNorm1d, seed=0):
    return mlps(load(), [seed], depth=2, width=8, norm=norm)[0]


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_looking_leaves_the_model_as_it_was():
    model, data = network(), load()
    before = state(model)
    inside.look(model, data.train_x[:16], data.train_y[:16])
    assert all(torch.equal(value, before[name]) for name, value in state(model).items())
    assert all(p.grad is None for p in model.parameters()) and model.training


def test_looking_is_in_float64_and_sees_gradients_only_with_labels():
    model, data = network(), load()
    seen = inside.look(model, data.train_x[:16])
    assert seen.outputs["hidden.1.norm"].dtype == torch.float64 and not seen.gradients
    seen = inside.look(model, data.train_x[:16], data.train_y[:16])
    assert set(seen.gradients) == set(seen.outputs)


def test_standard_output_notices_a_layer_that_divides_by_n_minus_1(monkeypatch):
    assert mechanism.standard_output().effect < 1e-12
    honest = inside.look

    def biased(*args, **kwargs):
        seen = honest(*args, **kwargs)
        seen.outputs["hidden.0.norm"] = seen.outputs["hidden.0.norm"] * np.sqrt(63 / 64)
        return seen

    monkeypatch.setattr(mechanism, "look", biased)
    assert mechanism.standard_output().effect > 1e-3


def test_layers_that_did_not_learn_have_not_moved(monkeypatch):
    data = load()
    fresh = mlps(data, range(5), depth=4, width=32, norm=BatchNorm1d)
    monkeypatch.setattr(mechanism, "trained", lambda seeds, arm, recipe: (fresh, None))
    result = mechanism.layers_adapt()
    assert result.effects == (0.0,) * 5 and result.verdict == "not supported"


def test_moving_every_gamma_by_a_half_is_measured_as_a_half(monkeypatch):
    models = mlps(load(), range(5), depth=4, width=32, norm=BatchNorm1d)
    for model in models:
        for norm in inside.norms(model):
            norm.weight.data += 0.5
    monkeypatch.setattr(mechanism, "trained", lambda seeds, arm, recipe: (models, None))
    np.testing.assert_allclose(mechanism.layers_adapt().effects, 0.5, rtol=1e-6)


def test_putting_back_restores_gamma_and_beta_and_measures_the_statistics_anew():
    model, data = network(), load()
    for norm in inside.norms(model):
        norm.weight.data += 0.5
        norm.bias.data -= 0.5
    before = state(model)
    plain = mechanism.put_back(model, data)
    first = inside.norms(plain)[0]
    assert torch.equal(first.weight.data, torch.ones(8)) and torch.equal(first.bias, torch.zeros(8))
    z = plain.hidden[0].linear(data.train_x)
    torch.testing.assert_close(first.running_mean, z.mean(0).detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(first.running_var, z.var(0).detach(), rtol=1e-4, atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in state(model).items())


def test_the_recipe_makes_the_networks_and_names_them():
    recipe = inside.Recipe(depth=2, width=8, steps=1)
    models, history = inside.trained(range(5), "none", recipe)
    assert len(models[0].hidden) == 2 and models[0].hidden[1].linear.weight.shape == (8, 8)
    assert history.losses.shape == (5, 3)
    result = mechanism.not_data_normalisation(range(5), recipe)
    assert result.data == "digits, MLP of 2 hidden layers with 8 units, 1 steps"
    assert result.array("off centre, after training").shape == (5, 3)


def test_arms_with_the_same_training_do_not_differ(monkeypatch):
    monkeypatch.setitem(inside.NORMS, "fixed", inside.NORMS["BN"])
    result = mechanism.affine_helps()
    assert result.effects == (0.0,) * 5 and result.verdict == "not supported"


def test_distance_from_the_centre_by_hand():
    x = torch.tensor([[0.0, 3.0, 7.0], [2.0, 5.0, 7.0]])  # means 1, 4; std 1, 1; one constant
    assert mechanism.off_centre(x) == pytest.approx((1 + 4) / 2)


def test_ratio_of_spreads_by_hand():
    x = torch.tensor([[0.0, 0.0, 7.0], [2.0, 10.0, 7.0]])
    assert mechanism.unequal(x) == pytest.approx(5.0)


def test_standardised_input_is_centred_and_first_layers_keep_it_so():
    result = mechanism.not_data_normalisation()
    start = result.array("off centre, at the start")
    assert start.shape == (5, 5) and start[:, :2].max() < 1e-5 < start[:, 2:].min()


def test_a_network_without_norm_feels_the_scale_of_its_weights(monkeypatch):
    plain = mlps(load(), range(5), depth=4, width=32, norm=None)
    monkeypatch.setattr(invariance, "trained", lambda seeds, arm, recipe: (plain, None))
    result = invariance.weight_scale_invariant(scales=(10.0,))
    assert result.effect > 1 and result.verdict == "not supported"


def test_with_norm_the_gradient_is_divided_by_the_scale(monkeypatch):
    result = invariance.weight_scale_invariant(scales=(10.0,))
    np.testing.assert_allclose(result.array("gradient"), 0.1, rtol=1e-3)


def test_rescaling_multiplies_the_hidden_layers_only():
    model = network()
    scaled = invariance.rescaled(model, 3.0)
    assert torch.equal(scaled.hidden[1].linear.weight, 3.0 * model.hidden[1].linear.weight.double())
    assert torch.equal(scaled.output.weight, model.output.weight.double())


def test_the_bias_has_a_gradient_where_no_norm_follows_and_in_eval_mode():
    with_norm, without = network(), network(norm=None)
    assert invariance.bias_share(with_norm) < 1e-12
    assert invariance.bias_share(with_norm, training=False) > 1e-3
    assert invariance.bias_share(without) > 1e-3


def test_a_layer_without_gamma_is_refused_with_a_way_out():
    with pytest.raises(ValueError, match="affine=True"):
        inside.affine(BatchNorm1d(3, affine=False))


def test_training_twice_gives_the_same_networks():
    first = [copy.deepcopy(m) for m in inside.trained((0, 1), "BN")[0]]
    inside._trained.cache_clear()
    again = inside.trained((0, 1), "BN")[0]
    x = torch.randn(5, 64, generator=generator(0))
    for a, b in zip(first, again, strict=True):
        assert torch.equal(a.eval()(x), b.eval()(x))
