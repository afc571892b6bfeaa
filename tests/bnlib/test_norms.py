"""bnlib.norms: batch, ghost batch, layer, group and instance norm are one rule."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from bnlib.norms import (
    GhostBatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    index_sets,
    normalise,
)

SHAPES = [(6, 8), (6, 8, 5), (6, 8, 3, 4), (6, 8, 3, 4, 2)]


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(shape, generator=g, dtype=torch.float64) + 2


@st.composite
def cases(draw_from):
    """A shape with divisors of its N and C that leave at least two values per set."""
    examples = draw_from(st.integers(1, 3))
    groups = draw_from(st.integers(1, 3))
    n = examples * draw_from(st.integers(1, 3))
    c = groups * draw_from(st.integers(1, 3))
    spatial = draw_from(st.lists(st.integers(1, 3), max_size=2))
    if examples * (c // groups) * int(np.prod(spatial)) < 2:
        spatial = [*spatial, 2]
    return (n, c, *spatial), examples, groups


# By hand


def test_sets_of_a_small_array_are_numbered_by_hand():
    assert index_sets((2, 4), examples=1, groups=2).tolist() == [[0, 0, 1, 1], [2, 2, 3, 3]]
    assert index_sets((2, 4), examples=2, groups=4).tolist() == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert index_sets((2, 4), examples=1, groups=1).tolist() == [[0] * 4, [1] * 4]


def test_statistics_of_two_groups_by_hand():
    x = torch.tensor([[1.0, 3.0, 10.0, 30.0]], dtype=torch.float64)
    x_hat, mu, var = normalise(x, examples=1, groups=2, eps=1e-12)
    assert mu.tolist() == [[2, 20]] and var.tolist() == [[1, 100]]
    torch.testing.assert_close(x_hat, torch.tensor([[-1.0, 1, -1, 1]], dtype=torch.float64))


# Invariants


@given(cases())
def test_normalise_computes_what_index_sets_says(case):
    shape, examples, groups = case
    x = draw(*shape)
    x_hat, mu, var = normalise(x, examples=examples, groups=groups)
    sets = index_sets(shape, examples=examples, groups=groups)
    for number in range(int(sets.max()) + 1):
        values = x[torch.from_numpy(sets == number)]
        expected = (values - values.mean()) / (values.var(correction=0) + 1e-5).sqrt()
        torch.testing.assert_close(x_hat[torch.from_numpy(sets == number)], expected)
        torch.testing.assert_close(mu.flatten()[number], values.mean())
        torch.testing.assert_close(var.flatten()[number], values.var(correction=0))


@given(cases())
def test_every_set_has_as_many_elements(case):
    shape, examples, groups = case
    counts = np.bincount(index_sets(shape, examples=examples, groups=groups).ravel())
    assert len(counts) == shape[0] // examples * groups and len(set(counts)) == 1


@pytest.mark.parametrize("layer", [GroupNorm(4, 8), LayerNorm(8), InstanceNorm(8)])
def test_an_example_is_normalised_the_same_in_any_company(layer):
    x = draw(6, 8, 3, 4).float()
    torch.testing.assert_close(layer(x)[2:3], layer(x[2:3]))
    torch.testing.assert_close(layer.train()(x), layer.eval()(x))


def test_with_two_examples_and_no_positions_batch_norm_leaves_only_signs():
    x_hat, _, _ = normalise(draw(2, 50), examples=2, groups=50, eps=1e-12)
    torch.testing.assert_close(x_hat.abs(), torch.ones_like(x_hat))


def test_batch_norm_of_one_image_is_instance_norm():
    x = draw(1, 8, 4, 4)
    batch = F.batch_norm(x, None, None, training=True)
    torch.testing.assert_close(normalise(x, examples=1, groups=8)[0], batch)


# Oracle: torch in float64


@pytest.mark.parametrize("shape", SHAPES)
def test_all_examples_and_a_group_per_channel_is_batch_norm(shape):
    x = draw(*shape)
    found, _, _ = normalise(x, examples=shape[0], groups=shape[1])
    torch.testing.assert_close(found, F.batch_norm(x, None, None, training=True))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_group_norm_is_that_of_torch_with_gradients(shape, groups):
    ours, theirs = GroupNorm(groups, 8).double(), nn.GroupNorm(groups, 8).double()
    for layer in (ours, theirs):
        layer.weight.data = draw(8, seed=1)
        layer.bias.data = draw(8, seed=2)
    found = []
    for layer in (ours, theirs):
        x = draw(*shape).requires_grad_()
        y = layer(x)
        y.backward(draw(*shape, seed=3))
        found.append((y, x.grad, layer.weight.grad, layer.bias.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_layer_norm_is_that_of_torch(shape):
    x = draw(*shape)
    expected = F.layer_norm(x, x.shape[1:])
    torch.testing.assert_close(LayerNorm(8).double()(x), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES[1:])
def test_instance_norm_is_that_of_torch(shape):
    x = draw(*shape)
    expected = F.instance_norm(x)
    torch.testing.assert_close(InstanceNorm(8).double()(x), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_ghost_as_large_as_the_batch_is_batch_norm_in_both_modes(shape):
    ours = GhostBatchNorm(8, examples=6).double()
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
    theirs = kind[len(shape)](8).double()
    for step in range(3):
        x = draw(*shape, seed=step)
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=1e-10, atol=1e-10)


def test_ghosts_are_the_batches_of_their_examples():
    ours, x = GhostBatchNorm(8, examples=2).double(), draw(6, 8, 3, 4)
    parts = [F.batch_norm(part, None, None, training=True) for part in x.split(2)]
    torch.testing.assert_close(ours(x), torch.cat(parts))


# Errors


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ValueError, match="groups must divide axis 1, got groups=3"):
        GroupNorm(3, 8)


def test_examples_that_do_not_divide_the_batch_are_refused():
    with pytest.raises(ValueError, match="examples must divide axis 0, got examples=4"):
        GhostBatchNorm(8, examples=4)(draw(6, 8).float())


def test_sets_of_one_value_are_refused():
    with pytest.raises(ValueError, match="more than 1 value per set, got 1"):
        InstanceNorm(8)(draw(6, 8).float())


def test_a_vector_is_refused():
    with pytest.raises(ValueError, match="got shape"):
        normalise(draw(6), examples=1, groups=1)
