"""Laws of surgery.to_group_norm and surgery.split_statistics."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from bnlib import surgery
from tests.bnlib.surgery.nets import FAMILIES, buffers, far, images, net, normal, randomised

TINY = 1e-12


@pytest.fixture(params=FAMILIES)
def family(request: Any) -> Any:
    return FAMILIES[request.param]


def test_group_norm_has_the_very_gamma_and_beta(family):
    model = net(family)
    layer = model[1]
    layer.weight.requires_grad_(False)
    model, report = surgery.to_group_norm(model, 2)
    assert list(report.changed) == ["1", "5"]
    norm = model[1]
    assert isinstance(norm, nn.GroupNorm) and norm.weight is layer.weight
    assert norm.bias is layer.bias and not norm.weight.requires_grad and not norm.training
    x = model[0](images())
    wanted = nn.functional.group_norm(x, 2, layer.weight, layer.bias, layer.eps)
    assert torch.equal(norm(x), wanted)


def test_output_no_longer_depends_on_the_other_examples(family):
    model, x = net(family), images()
    surgery.to_group_norm(model, 2)
    assert far(model(x)[:1], model(x[:1])) < TINY


def test_layer_in_two_places_stays_one_and_without_affine_there_is_none(family):
    layer = family.BatchNorm2d(4, affine=False)
    model = surgery.to_group_norm(nn.Sequential(layer, nn.ReLU(), layer), 2).model
    assert model[0] is model[2] and model[0].weight is None and not list(model.parameters())
    alone = surgery.to_group_norm(layer, 4).model
    assert isinstance(alone, nn.GroupNorm)


def test_resnet18_trains_on_with_group_norm():
    model = torchvision.models.resnet18(weights=None)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    model, report = surgery.to_group_norm(model, 32)
    assert len(report.changed) == 20 and not dict(model.named_buffers())
    before = model.bn1.weight.clone()
    model(images(2, size=32).float()).square().mean().backward()
    optimizer.step()
    assert not torch.equal(model.bn1.weight, before)


@pytest.mark.parametrize("groups", [0, -1, 5, 4, 2.0, True, "2"])
def test_groups_that_do_not_divide_all_channels_change_nothing(family, groups):
    model = net(family)
    with pytest.raises(ValueError, match="take a divisor of 2"):
        surgery.to_group_norm(model, groups)
    assert type(model[1]) is family.BatchNorm2d


def test_every_ghost_batch_is_normalised_by_itself(family):
    model, plain = (randomised(family.BatchNorm1d(3)).train() for _ in range(2))
    surgery.split_statistics(model, 4)
    x = normal(12, 3)
    wanted = torch.cat([plain(part) for part in x.split(4)])
    assert far(model(x), wanted) < TINY
    for name, value in buffers(plain).items():
        assert far(model.get_buffer(name), value) < TINY


@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 8, 11])
def test_no_ghost_batch_is_smaller_than_the_size_where_the_batch_is_not(n):
    layer, sizes = nn.BatchNorm1d(3), []
    surgery.split_statistics(layer, 4)
    plain = nn.BatchNorm1d.forward
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            nn.modules.batchnorm._BatchNorm,
            "forward",
            lambda self, x: sizes.append(len(x)) or plain(self, x),
        )
        layer(torch.randn(n, 3))
    assert sum(sizes) == n and min(sizes) >= min(n, 4) and max(sizes) < 8


def test_gradients_do_not_cross_ghost_batches(family):
    layer = randomised(family.BatchNorm1d(3)).train()
    surgery.split_statistics(layer, 4)
    x = normal(8, 3).requires_grad_()
    layer(x)[:4].pow(3).sum().backward()
    assert x.grad[:4].abs().min() > 0 and x.grad[4:].abs().max() == 0


def test_ghost_batches_leave_evaluation_as_it_was(family):
    model, x = net(family), images()
    wanted = model(x)
    surgery.split_statistics(model, 2)
    surgery.split_statistics(model, 3)
    assert torch.equal(model(x), wanted) and model[1].split_size == 3


@pytest.mark.parametrize("size", [1, 0, 2.5, True, None])
def test_a_size_below_2_is_refused(family, size):
    with pytest.raises(ValueError, match="need size >= 2"):
        surgery.split_statistics(net(family), size)


def test_layers_with_a_forward_of_their_own_are_left_and_named(family):
    class Own(nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x).relu()

    for operation in (surgery.split_statistics, surgery.to_group_norm):
        model = nn.Sequential(family.BatchNorm2d(4), Own(4))
        assert operation(model, 2).report.left == {"1": "Own has a forward of its own"}
