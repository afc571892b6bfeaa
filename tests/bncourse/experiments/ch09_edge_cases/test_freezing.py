"""Chapter 9's measurements of fine-tuning with parts frozen."""

import copy

import pytest
import torch

from bncourse.data import load
from bncourse.experiments.ch09_edge_cases.freezing import FREEZES, Trunk, fine_tuned, only, trained
from bnlib.nn import BatchNorm2d


@pytest.fixture(scope="module")
def net():
    return trained(only(load(), range(5)), [0], steps=20)[0]


def test_only_keeps_the_wanted_digits_and_numbers_them_from_zero():
    data, all_digits = only(load(), (3, 7)), load()
    assert data.classes == 2 and data.train_y.unique().tolist() == [0, 1]
    assert len(data.test_y) == int(((all_digits.test_y == 3) | (all_digits.test_y == 7)).sum())
    first = int((all_digits.train_y == 7).nonzero()[0])
    seventh = data.train_x[data.train_y == 1][0]
    torch.testing.assert_close(seventh, all_digits.train_x[first])


@pytest.mark.parametrize("arm", FREEZES)
def test_a_trunk_changes_exactly_what_it_may(arm, net):
    statistics, affine = FREEZES[arm]
    tuned = fine_tuned(
        net, only(load(), range(5, 10)), 0, statistics=statistics, affine=affine, steps=3
    )
    before, after = net.hidden.state_dict(), tuned[0].layers.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    running = {n for n in before if "running" in n or "tracked" in n}
    gammas = {n for n in before if "norm" in n and n.endswith(("weight", "bias"))}
    expected = (running if statistics else set()) | (gammas if affine else set())
    assert moved == expected


def test_a_trunk_with_fixed_statistics_survives_train(net):
    trunk = Trunk(copy.deepcopy(net.hidden), statistics=False, affine=False)
    whole = torch.nn.Sequential(trunk, torch.nn.Linear(32, 5)).train()
    assert whole.training and not any(m.training for m in trunk.modules())


def test_fine_tuning_leaves_the_original_alone(net):
    before = copy.deepcopy(net.state_dict())
    fine_tuned(net, only(load(), range(5, 10)), 0, statistics=True, affine=True, steps=3)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize("affine", [False, True])
def test_a_trunk_knows_the_batch_norms_of_images(affine):
    layers = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), BatchNorm2d(2))
    Trunk(layers, statistics=False, affine=affine)
    learning = [name for name, p in layers.named_parameters() if p.requires_grad]
    assert learning == (["1.weight", "1.bias"] if affine else [])
