"""Laws of surgery.reestimate: the statistics of all examples, and nothing else moves."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from bnlib import surgery
from tests.bnlib.batches import LAW
from tests.bnlib.surgery.nets import FAMILIES, buffers, far, images, net, normal

TINY = 1e-12
STATISTICS = ["running_mean", "running_var", "num_batches_tracked"]


@pytest.fixture(params=FAMILIES)
def family(request: Any) -> Any:
    return FAMILIES[request.param]


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    values = x.transpose(0, 1).flatten(1)
    return values.mean(1), values.var(1)


@LAW
@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.sampled_from(["torch", "bnlib"]))
def test_first_layer_gets_the_statistics_of_the_whole_set_however_it_is_cut(sizes, name):
    model, x = net(FAMILIES[name]), images(sum(sizes), size=7)
    surgery.reestimate(model, x.split(sizes))
    mean, var = moments(model[0](x))
    assert far(model[1].running_mean, mean) < TINY
    assert far(model[1].running_var, var) < TINY


def test_one_batch_gives_every_layer_what_momentum_1_gives_it(family):
    model, by_momentum, x = net(family), net(family), images()
    surgery.reestimate(model, [x])
    for layer in (by_momentum[1], by_momentum[5]):
        layer.momentum = 1.0
        layer.train()
    by_momentum(x)
    for i in (1, 5):
        assert far(model[i].running_mean, by_momentum[i].running_mean) < TINY
        assert far(model[i].running_var, by_momentum[i].running_var) < TINY


def test_order_of_batches_does_not_matter(family):
    one, other, parts = net(family), net(family), images(9).split([2, 4, 3])
    surgery.reestimate(one, parts)
    surgery.reestimate(other, parts[::-1])
    for name, value in buffers(one).items():
        assert far(value, other.get_buffer(name)) < TINY


def test_a_large_mean_costs_no_digits():
    model = nn.BatchNorm1d(3)
    x = (1e4 + 0.01 * normal(64, 3)).float()
    surgery.reestimate(model, x.split(10))
    assert (model.running_var / x.double().var(0) - 1).abs().max() < 1e-6


def test_layer_used_twice_pools_both_uses(family):
    layer = family.BatchNorm1d(3).double()

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x) + self.layer(3 * x)

    x = normal(8, 3)
    surgery.reestimate(Twice(), [x])
    assert far(layer.running_var, torch.cat([x, 3 * x]).var(0)) < TINY


@pytest.mark.parametrize("mode", [True, False])
def test_nothing_but_statistics_moves(family, mode):
    model = net(family).train(mode)
    model[1].eval()
    model.append(family.BatchNorm2d(6, track_running_stats=False).double())
    before = {k: v.clone() for k, v in model.state_dict().items()}
    settings = [(m.training, getattr(m, "momentum", 0), list(m._forward_hooks)) for m in model]
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    data = TensorDataset(images(), torch.zeros(6))
    surgery.reestimate(model, DataLoader(data, batch_size=4, shuffle=True))
    after = [(m.training, getattr(m, "momentum", 0), list(m._forward_hooks)) for m in model]
    assert after == settings
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1] and random.getstate() == states[2]
    moved = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {f"{i}.{b}" for i in (1, 5) for b in STATISTICS}


def test_dropout_stays_in_evaluation():
    one, other = net(nn).train(), net(nn).train()
    other[3] = nn.Identity()
    surgery.reestimate(one, [images()])
    surgery.reestimate(other, [images()])
    assert torch.equal(one[5].running_mean, other[5].running_mean)


def test_tensors_pairs_and_dicts_are_taken_alike(family):
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = net(family)

        def forward(self, image: Tensor, scale: float = 1.0) -> Tensor:
            return self.body(image * scale)

    x, y = images(), torch.zeros(6)
    results = []
    for batch in (x, (x, y), [x, y], {"image": x, "label": y}, ({"image": x}, y)):
        model = Named()
        surgery.reestimate(model, [batch])
        results.append(buffers(model))
    model = Named()
    surgery.reestimate(model, [{"pixels": x}], forward=lambda model, b: model(b["pixels"]))
    results.append(buffers(model))
    for result in results[1:]:
        assert all(torch.equal(v, results[0][name]) for name, v in result.items())


def test_frozen_layers_and_layers_out_of_reach_are_left_and_named(family):
    model = net(family)
    surgery.freeze(model[1])
    model[5].unused = family.BatchNorm2d(2)
    before = buffers(model)
    report = surgery.reestimate(model, [images()]).report
    assert list(report.changed) == ["5"]
    assert "unfreeze" in report.left["1"] and "no batch" in report.left["5.unused"]
    for name in STATISTICS:
        assert torch.equal(model[1].get_buffer(name), before[f"1.{name}"])
        assert torch.equal(model[5].unused.get_buffer(name), before[f"5.unused.{name}"])


def test_resnet18_normalises_its_first_layer_by_the_new_statistics():
    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None).double().eval()
    x = normal(8, 3, 32, 32)
    report = surgery.reestimate(model, x.split([3, 5])).report
    mean, var = moments(model.bn1(model.conv1(x)))
    assert mean.abs().max() < TINY and far(var, torch.ones(64)) < 1e-3  # eps, and n against n - 1
    names = {name for name, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert set(report.changed) == names and not report.left


class Broken(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise KeyError("mask")


@pytest.mark.parametrize(
    ("loader", "error", "words"),
    [
        (images(), TypeError, "one batch is \\[x\\]"),
        (TensorDataset(images()), TypeError, "DataLoader"),
        (3, TypeError, "got int"),
        ({"x": images()}, TypeError, "got dict"),
        ([], ValueError, "at least one batch"),
        (["image.png"], TypeError, "got str"),
        ([{"pixels": images()}], TypeError, "pixels.*forward="),
        ([images(1, size=3), images(1, size=5)], ValueError, "more than 1 value.*in 1 of shape"),
        ([images(2) * float("nan")], ValueError, "nan or inf in 1"),
        ([normal(2, 5, 9, 9)], surgery.ModelError, "fails in 0 \\(Conv2d\\) with RuntimeError"),
    ],
)
def test_bad_loaders_are_refused_and_leave_the_model(family, loader, error, words):
    model = net(family).train()
    before = buffers(model)
    with pytest.raises(error, match=words):
        surgery.reestimate(model, loader)
    assert all(torch.equal(v, before[name]) for name, v in buffers(model).items())
    assert all(m.training for m in model.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_failure_inside_the_model_is_told_as_its_own_with_the_path(family):
    model = net(family)
    model[2] = nn.Sequential(Broken())
    with pytest.raises(surgery.ModelError, match=r"fails in 2\.0 \(Broken\) with KeyError") as info:
        surgery.reestimate(model, [images()])
    assert isinstance(info.value.__cause__, KeyError)
