"""The measuring code of the PyTorch chapter: the binary task, the loop, and the comparisons."""

import copy

import pytest
import torch
from torch import nn

import bnlib.nn
from bncourse.data import load
from bncourse.experiments.arms import generator
from bncourse.experiments.ch06_pytorch import bnnet, parity


def test_the_task_labels_odd_digits_one():
    digits, data = load(seed=3), bnnet.task(seed=3)
    assert torch.equal(data.test_y, digits.test_y % 2) and data.classes == 2


def test_a_new_net_follows_its_seed_and_not_the_global_one():
    nets = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        nets.append(bnnet.new_net(0))
    assert torch.equal(nets[0].fc1.weight, nets[1].fc1.weight)
    assert not torch.equal(bnnet.new_net(1).fc1.weight, nets[0].fc1.weight)


def test_the_loader_gives_whole_batches_of_matching_labels():
    data = bnnet.task()
    pairs = list(bnnet.loader(data, generator(0), 64))
    assert len(pairs) == 1347 // 64
    row = (data.train_x == pairs[0][0][5]).all(1).nonzero()[0, 0]
    assert data.train_y[row] == pairs[0][1][5]


def test_training_ends_in_eval_mode_and_reports_each_step_and_epoch():
    seen = bnnet.train(bnnet.new_net(0), bnnet.task(), seed=0, epochs=2)
    assert {name: len(values) for name, values in seen.items()} == {
        "loss": 2 * 21,
        "test": 2,
        "train": 2,
    }
    assert not bnnet.trained(0).training


def test_the_larger_class_is_judged_on_the_training_labels():
    data = bnnet.task()
    share = float(data.test_y.float().mean())
    expected = 100 * (share if data.train_y.float().mean() > 0.5 else 1 - share)
    found = bnnet.baselines(data)
    assert found["larger class"] == pytest.approx(expected)
    assert found["logistic regression"] > found["larger class"]


def test_pairs_of_an_untrained_net_are_all_the_same():
    for values in bnnet.pairs(bnnet.new_net(0)).values():
        assert bnnet.distinct_share(values) == 1 / 64
    assert bnnet.moved_share(bnnet.new_net(0)) == 0


def test_the_moved_share_counts_gamma_from_one_and_beta_from_zero():
    net = bnnet.new_net(0, hidden_dim=4)
    with torch.no_grad():
        net.bn1.weight[0] = 1.5
        net.bn2.bias[1] = -0.5
    assert bnnet.moved_share(net) == pytest.approx(100 * 2 / 16)
    assert bnnet.moved_share(net, by=0.6) == 0
    assert bnnet.distinct_share(bnnet.pairs(net)["bn1"]) == 2 / 4


def test_a_layer_does_not_differ_from_its_copy():
    layer = bnlib.nn.BatchNorm1d(4)
    x, dy = torch.randn(2, 8, 4, generator=generator(0))
    assert set(parity.differences(copy.deepcopy(layer), layer, x, dy).values()) == {0.0}


def test_a_planted_difference_of_each_kind_is_found():
    x, dy = torch.randn(2, 8, 4, generator=generator(0))
    biased, slow = nn.BatchNorm1d(4), nn.BatchNorm1d(4, momentum=0.2)
    with torch.no_grad():
        biased.bias += 0.25
    found = parity.differences(biased, nn.BatchNorm1d(4), x, dy)
    assert found["output"] == pytest.approx(0.25, abs=1e-6)
    assert found["gradient of x"] < 1e-6
    found = parity.differences(slow, nn.BatchNorm1d(4), x, dy)
    assert found["buffers"] > 1e-3 and found["output"] == 0
    scaled = nn.BatchNorm1d(4)
    with torch.no_grad():
        scaled.weight *= 2
    assert parity.differences(scaled, nn.BatchNorm1d(4), x, dy)["gradient of x"] > 1e-2


def test_gradients_do_not_pile_up_over_comparisons():
    layer, other = nn.BatchNorm1d(4), nn.BatchNorm1d(4)
    x, dy = torch.randn(2, 8, 4, generator=generator(0))
    parity.differences(layer, other, x, dy)
    once = layer.bias.grad.clone()
    parity.differences(layer, other, x, dy)
    torch.testing.assert_close(layer.bias.grad, once)


def test_pictures_have_three_equal_channels_of_the_size_asked_for():
    pictures = parity.digit_pictures(5, 32)
    assert pictures.shape == (5, 3, 32, 32)
    assert torch.equal(pictures[:, 0], pictures[:, 2])
