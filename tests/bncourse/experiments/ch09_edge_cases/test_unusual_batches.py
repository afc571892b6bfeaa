"""Chapter 9's measurements of batches that do not stand for the data."""

import pytest
import torch

from bncourse.data import load
from bncourse.experiments.arms import generator, mlps
from bncourse.experiments.ch09_edge_cases.unusual_batches import (
    NORMS,
    few_classes,
    gradient,
    hot_pixel,
)


@pytest.mark.parametrize("classes", [1, 2, 4])
def test_every_batch_has_the_wanted_number_of_classes(classes):
    y = load().train_y
    order = few_classes(y, classes, 32)(generator(0))
    assert all(len(y[part].unique()) == classes for part in order.split(32))


def test_no_example_comes_twice_and_few_are_left_out():
    y = load().train_y
    order = few_classes(y, 1, 32)(generator(0))
    assert len(order) == len(order.unique()) and len(order) > 0.8 * len(y)


def test_classes_that_do_not_divide_the_batch_are_refused():
    with pytest.raises(ValueError, match="got 3 for 32"):
        few_classes(load().train_y, 3, 32)


def test_a_batch_larger_than_its_classes_is_refused():
    with pytest.raises(ValueError, match="a class must fill its part of a batch, got 500"):
        few_classes(load().train_y, 1, 500)


def test_accumulation_in_one_part_is_the_gradient_itself():
    data = load()
    (net,) = mlps(data, [0], depth=2, norm=NORMS["BN"])
    x, y = data.train_x[:8], data.train_y[:8]
    loss = torch.nn.functional.cross_entropy(net(x), y)
    expected = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])
    torch.testing.assert_close(gradient(net, x, y, 1), expected)


@pytest.mark.parametrize("norm, equal", [(None, True), ("GroupNorm", True), ("BN", False)])
def test_accumulated_gradients_are_those_of_the_whole_batch_only_without_batch_norm(norm, equal):
    data = load()
    (net,) = mlps(data, [0], depth=2, norm=NORMS[norm] if norm else None)
    x, y = data.train_x[:32], data.train_y[:32]
    whole, pieces = gradient(net, x, y, 1), gradient(net, x, y, 4)
    assert torch.allclose(whole, pieces, rtol=1e-4, atol=1e-6) == equal


def test_accumulation_over_copies_of_a_batch_is_exact_even_with_batch_norm():
    data = load()
    (net,) = mlps(data, [0], depth=2, norm=NORMS["BN"])
    x, y = data.train_x[:8].repeat(4, 1), data.train_y[:8].repeat(4)
    torch.testing.assert_close(gradient(net, x, y, 1), gradient(net, x, y, 4), rtol=1e-3, atol=1e-5)


def test_gradients_leave_nothing_behind():
    data = load()
    (net,) = mlps(data, [0], depth=1, norm=None)
    gradient(net, data.train_x[:8], data.train_y[:8], 2)
    assert all(p.grad is None for p in net.parameters())


def test_a_pixel_at_its_training_value_changes_nothing():
    found = hot_pixel((0, 16), seeds=(0,), steps=30)
    for rows in found.values():
        assert rows.shape == (1, 2) and rows[0, 0] > 50
    assert found["BN on the input"][0, 1] < found["BN on the input"][0, 0]
