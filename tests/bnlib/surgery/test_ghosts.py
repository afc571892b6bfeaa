"""Laws of surgery.split_statistics."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from bnlib import surgery
from tests.bnlib.surgery.nets import FAMILIES, buffers, far, images, net, normal, randomised

TINY = 1e-12


@pytest.fixture(params=FAMILIES)
def family(request: Any) -> Any:
    return FAMILIES[request.param]


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
