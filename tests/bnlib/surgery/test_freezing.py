"""Laws of surgery.freeze and unfreeze."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import nn

from bnlib import surgery
from tests.bnlib.surgery.nets import FAMILIES, buffers, images, net


@pytest.fixture(params=FAMILIES)
def family(request: Any) -> Any:
    return FAMILIES[request.param]


def step(model: nn.Module) -> dict[str, Any]:
    """One step of training with weight decay; what it began with."""
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    model.train()(images()).square().mean().backward()
    optimizer.step()
    return before


def moved(model: nn.Module, before: dict[str, Any]) -> set[str]:
    return {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}


STATISTICS = {f"{i}.{b}" for i in (1, 5) for b in buffers(nn.BatchNorm2d(1))}
AFFINE = {f"{i}.{p}" for i in (1, 5) for p in ("weight", "bias")}
REST = {f"{i}.{p}" for i in (0, 4) for p in ("weight", "bias")}


@pytest.mark.parametrize(
    ("what", "free"),
    [("statistics", AFFINE), ("affine", STATISTICS), ("both", set())],
)
def test_a_step_of_training_moves_bitwise_nothing_that_is_frozen(family, what, free):
    model = net(family)
    model, report = surgery.freeze(model, what)
    assert moved(model, step(model)) == REST | free
    assert list(report.changed) == ["1", "5"]


def test_frozen_statistics_normalise_training_as_evaluation(family):
    model = net(family)
    surgery.freeze(model, "statistics")
    layer, x = model[1].train(), model[0](images())
    assert not layer.training and torch.equal(layer(x), net(family)[1](x))


@pytest.mark.parametrize("what", ["statistics", "affine", "both"])
def test_unfreeze_undoes_freeze(family, what):
    model = net(family).train()
    kinds = [type(m) for m in model.modules()]
    surgery.freeze(model, what)
    surgery.unfreeze(model, what)
    assert [type(m) for m in model.modules()] == kinds and all(m.training for m in model.modules())
    assert moved(model, step(model)) == REST | AFFINE | STATISTICS


def test_freezing_twice_is_freezing_once(family):
    model = net(family)
    surgery.freeze(model)
    surgery.freeze(model)
    surgery.unfreeze(model)
    assert type(model[1]) is family.BatchNorm2d


def test_copies_and_pickles_are_frozen_too(family):
    model = net(family)
    surgery.freeze(model)
    keys = list(net(family).state_dict())
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        twin.train()
        assert not twin[1].training and isinstance(twin[1], family.BatchNorm2d)
        assert list(twin.state_dict()) == keys and type(twin[1]) is type(model[1])
        assert twin[1].weight is not model[1].weight
        surgery.unfreeze(twin)
        assert type(twin[1]) is family.BatchNorm2d and not model[1].training


def test_update_bn_of_torch_leaves_frozen_statistics_and_takes_the_others(family):
    model = net(family)
    surgery.freeze(model[1])
    before = copy.deepcopy(model.state_dict())
    torch.optim.swa_utils.update_bn([images()], model)
    assert not moved(model, before) & {f"1.{b}" for b in buffers(model[1])}
    if family is nn:
        assert {"5.running_mean", "5.running_var"} <= moved(model, before)


def test_layers_with_nothing_to_freeze_are_left_and_named(family):
    model = nn.Sequential(family.BatchNorm1d(3), family.BatchNorm1d(3, affine=False))
    assert surgery.freeze(model, "affine").report.left == {"1": "it has no gamma or beta"}
    with pytest.raises(ValueError, match="got none: the model: it has no running"):
        surgery.freeze(family.BatchNorm1d(3, track_running_stats=False), "statistics")


def test_what_else_than_statistics_affine_both_is_refused(family):
    with pytest.raises(ValueError, match="got 'gamma': name one"):
        surgery.freeze(net(family), "gamma")
