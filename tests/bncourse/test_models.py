"""Laws of the networks."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from bncourse.models import MLP, BNNet, ResNet, SmallCNN, initialise


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def mlp(**changes):
    values = dict(depth=3, width=8, generator=rng(), norm=nn.BatchNorm1d)
    return MLP(5, 4, **(values | changes))


def test_bnnet_has_the_layers_of_the_notes_in_their_order():
    names = [(name, type(m).__name__) for name, m in BNNet().named_children()]
    assert names == [
        ("fc1", "Linear"),
        ("bn1", "BatchNorm1d"),
        ("relu", "ReLU"),
        ("fc2", "Linear"),
        ("bn2", "BatchNorm1d"),
        ("out", "Linear"),
    ]
    shapes = {name: tuple(p.shape) for name, p in BNNet(7, 3).named_parameters()}
    assert shapes["fc1.weight"] == (3, 7) and shapes["out.weight"] == (1, 3)
    assert BNNet().fc1.in_features == 20 and BNNet().bn1.num_features == 64


def test_bnnet_computes_what_the_notes_write():
    net, x = BNNet(7, 3), torch.randn(6, 7, generator=rng())
    net.bn1.running_mean += 0.5
    net.eval()
    hidden = torch.relu(net.bn1(net.fc1(x)))
    hidden = torch.relu(net.bn2(net.fc2(hidden)))
    assert torch.equal(net(x), net.out(hidden))


@pytest.mark.parametrize("placement", ["before", "after"])
def test_placement_sets_the_order_inside_a_block(placement):
    orders = {
        "before": ["linear", "norm", "activation"],
        "after": ["linear", "activation", "norm"],
    }
    for block in mlp(placement=placement).hidden:
        assert [name for name, _ in block.named_children()] == orders[placement]


@pytest.mark.parametrize("depth", [1, 4])
def test_depth_counts_the_hidden_layers(depth):
    net = mlp(depth=depth)
    assert sum(isinstance(m, nn.Linear) for m in net.modules()) == depth + 1
    assert sum(isinstance(m, nn.BatchNorm1d) for m in net.modules()) == depth
    assert net(torch.randn(6, 5, generator=rng())).shape == (6, 4)


def test_no_norm_factory_means_no_norm():
    assert not any("norm" in name for name, _ in mlp(norm=None).named_modules())


def test_any_norm_factory_is_used():
    net = mlp(norm=partial(nn.GroupNorm, 2), activation="tanh")
    assert sum(isinstance(m, nn.GroupNorm) for m in net.modules()) == 3


def test_the_generator_alone_decides_the_weights():
    torch.manual_seed(1)
    one = mlp()
    torch.manual_seed(2)
    two, other = mlp(), mlp(generator=rng(5))
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one.output.weight, other.output.weight)


def test_arms_with_and_without_norm_start_from_the_same_weights():
    with_norm, without = mlp(), mlp(norm=None)
    for a, b in zip(with_norm.hidden, without.hidden, strict=True):
        assert torch.equal(a.linear.weight, b.linear.weight)


@pytest.mark.parametrize(
    ("scheme", "variance"),
    [("he", 2 / 300), ("lecun", 1 / 300), ("glorot", 2 / 500), ("torch", 1 / 900)],
)
def test_a_scheme_draws_weights_of_its_variance(scheme, variance):
    layer = initialise(nn.Linear(300, 200), rng(), scheme, gain=3.0)
    assert float(layer.weight.detach().std()) == pytest.approx(3 * math.sqrt(variance), rel=0.02)
    assert (layer.bias == 0).all() == (scheme != "torch")


def test_initialising_leaves_the_norm_layers_alone():
    norm = nn.BatchNorm1d(3)
    norm.weight.data.fill_(7)
    initialise(nn.Sequential(nn.Linear(2, 3), norm), rng())
    assert (norm.weight == 7).all()


@pytest.mark.parametrize("network", [SmallCNN, ResNet])
@pytest.mark.parametrize("norm", [None, nn.BatchNorm2d])
def test_a_convolution_before_a_norm_has_no_bias(network, norm):
    net = network(1, 10, generator=rng(), norm=norm, width=4)
    assert net(torch.randn(3, 1, 8, 8, generator=rng())).shape == (3, 10)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            assert (module.bias is None) == (norm is not None)


def test_zero_gamma_makes_every_residual_block_the_identity_at_first():
    net = ResNet(1, 10, generator=rng(), norm=nn.BatchNorm2d, zero_gamma=True, width=4)
    x = torch.rand(3, 4, 8, 8, generator=rng())
    for block in net.blocks:
        assert torch.equal(block(x), x)
    plain = ResNet(1, 10, generator=rng(), norm=nn.BatchNorm2d, width=4)
    assert not torch.equal(plain.blocks[0](x), x)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(depth=0), "at least 1 hidden layer, got depth=0"),
        (dict(activation="swoosh"), "unknown activation, got 'swoosh'"),
        (dict(placement="around"), "unknown placement, got 'around'"),
        (dict(scheme="zeros"), "unknown scheme, got 'zeros'"),
    ],
)
def test_a_wrong_option_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        mlp(**changes)


def test_zero_gamma_without_a_gamma_is_refused():
    with pytest.raises(ValueError, match="zero_gamma needs a norm with a weight"):
        ResNet(1, 10, generator=rng(), zero_gamma=True)
