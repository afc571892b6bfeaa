"""The measuring code of chapter 02: covariate shift."""

import copy
from functools import partial

import numpy as np
import pytest
import torch

from bncourse.data import load
from bncourse.experiments.arms import ARMS, generator, mlps
from bncourse.experiments.ch02_rationale import shift, watching
from bncourse.models import MLP
from bncourse.training import classification_loss


def network(norm=None, depth: int = 3) -> MLP:
    return MLP(64, 10, depth=depth, width=8, generator=generator(0), norm=norm).train()


@pytest.fixture(scope="module")
def batch():
    data = load()
    return data.train_x[:32], data.train_y[:32]


def test_motion_of_numbers_worked_by_hand():
    before, after = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, -2.0])
    stds = np.array([2.0, 1.0, 1.0])  # 0.5, 0, 4: the median is 0.5
    assert watching.motion(before, after, stds) == 0.5


def test_motion_does_not_depend_on_the_scale_of_a_unit():
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(2, 4, 5))
    stds, unit = rng.uniform(1, 2, (4, 5)), rng.uniform(0.1, 10, 5)
    np.testing.assert_allclose(
        watching.motion(before, after, stds),
        watching.motion(unit * before, unit * after, unit * stds),
    )


@pytest.mark.parametrize("arm", ["none", "BN"])
def test_activation_inputs_are_what_enters_relu(arm, batch):
    model = network(ARMS[arm])
    x = batch[0]
    inputs = watching.activation_inputs(model, x)
    assert inputs.shape == (3, 32, 8)
    z = model.hidden[0].linear(x)
    if arm == "BN":
        z = (z - z.mean(0)) / (z.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(inputs[0], z)


def test_looking_leaves_no_trace(batch):
    model = network(ARMS["BN"])
    before = copy.deepcopy(model.state_dict())
    watching.activation_inputs(model, batch[0])
    watching.gradient_shift(model, *batch, 0.3)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(p.grad is None for p in model.parameters())


def test_no_step_no_gradient_shift(batch):
    assert watching.gradient_shift(network(ARMS["BN"]), *batch, 0.0) == [0.0, 0.0]


@pytest.mark.parametrize("arm", ["none", "BN"])
def test_gradient_shift_agrees_with_a_step_taken_by_hand(arm, batch):
    x, y = batch
    model, rate = network(ARMS[arm]), 0.2
    classification_loss(model(x), y).backward()
    weight = model.hidden[2].linear.weight
    g = weight.grad.clone()
    with torch.no_grad():
        for block in (model.hidden[0], model.hidden[1]):
            for p in block.parameters():
                p -= rate * p.grad
    model.zero_grad()
    classification_loss(model(x), y).backward()
    expected = float((weight.grad - g).norm() / g.norm())
    again = network(ARMS[arm])
    assert watching.gradient_shift(again, x, y, rate)[1] == pytest.approx(expected, rel=1e-4)
    assert expected > 0.01


def test_noise_gives_bn_another_mean_and_scale_and_only_in_training(batch):
    layer = watching.Shaken(64, amount=0.5)
    x = batch[0] + torch.randn(32, 64, generator=generator(1))
    assert torch.equal(layer(x), layer.norm(x))  # before the first redraw
    layer.redraw(generator(0))
    torch.testing.assert_close(layer(x).mean(0), layer.shift, rtol=0, atol=1e-5)
    torch.testing.assert_close(layer(x).std(0, correction=0), layer.scale, rtol=0, atol=1e-4)
    assert layer.shift.abs().max() <= 0.5 and layer.shift.std() > 0.1
    assert 2**-0.5 <= layer.scale.min() < layer.scale.max() <= 2**0.5
    layer.eval()
    assert torch.equal(layer(x), layer.norm(x))


def test_each_redraw_differs_and_the_seed_decides():
    layer, draws = watching.Shaken(8, amount=1.0), generator(0)
    layer.redraw(draws)
    first = layer.shift.clone()
    layer.redraw(draws)
    assert not torch.equal(first, layer.shift)
    layer.redraw(generator(0))
    assert torch.equal(first, layer.shift)


SHORT = watching.Training(steps=20, rate=0.3)


@pytest.fixture(scope="module")
def watched():
    norms = {"none": None, "no noise": partial(watching.Shaken, amount=0.0), "BN": ARMS["BN"]}
    return {name: watching.watch(norm, (0, 1), SHORT) for name, norm in norms.items()}


def test_noise_of_size_zero_changes_nothing(watched):
    for field in ("steps", "accuracy", "means", "stds", "shift", "gradient"):
        ours, theirs = getattr(watched["no noise"], field), getattr(watched["BN"], field)
        np.testing.assert_array_equal(ours, theirs)


def test_watching_does_not_change_the_training(watched):
    from bncourse.experiments.arms import shuffles
    from bncourse.training import fit

    data = load()
    model, order = mlps(data, (0,), depth=6, norm=ARMS["BN"])[0], shuffles((0,))[0]
    history = fit(model, data, steps=20, generator=order, lr=SHORT.rate, momentum=0.0, eval_every=5)
    np.testing.assert_array_equal(history.test_accuracy, watched["BN"].accuracy[0])


def test_steps_between_two_looks_are_refused_with_the_next_that_fits():
    with pytest.raises(ValueError, match=r"multiple of 5.*got 12: use 10"):
        watching.Training(steps=12)


def test_watch_has_one_entry_per_look(watched):
    one = watched["none"]
    assert one.means.shape == one.stds.shape == (2, 5, 6, 32)
    assert one.shift.shape == (2, 4, 6)
    assert one.bands.shape == (2, 5, 6, 3)
    assert one.dead.shape == (2, 5, 6)
    assert one.gradient.shape == (2, 2, 5)
    assert (np.diff(one.bands, axis=-1) >= 0).all()


def test_with_bn_a_mean_moves_only_as_beta_does(watched):
    # Before any step beta is 0 and so is every mean, whatever enters the layer.
    np.testing.assert_allclose(watched["BN"].means[:, 0], 0, atol=1e-5)
    assert np.abs(watched["none"].means[:, 0, 1:]).mean() > 0.1


def test_drift_is_zero_between_equal_ends(watched):
    one = watched["none"]
    still = watching.Watch(**{**vars(one), "means": one.means[:, :1]})
    assert (shift.drift(still) == 0).all()
    moved = np.concatenate([one.means, one.means[:, :1] + 3 * one.stds[:, :1]], 1)
    np.testing.assert_allclose(
        shift.drift(watching.Watch(**{**vars(one), "means": moved})), 3, rtol=1e-4
    )


def test_the_first_layer_does_not_count():
    values = np.zeros((2, 3, 4))
    values[:, :, 0] = 100
    values[1, :, 1:] = 2
    assert shift.deeper(values).tolist() == [0, 2]
