"""Laws of surgery.to_group_norm."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from bnlib import surgery
from tests.bnlib.surgery.nets import FAMILIES, far, images, net

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
