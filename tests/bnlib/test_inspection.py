"""bnlib.inspection: each silent mistake has a finding, and a healthy network has none."""

import copy

import pytest
import torch
from torch import nn

from bncourse.data import load
from bncourse.experiments.arms import mlps, shuffles
from bncourse.training import fit
from bnlib.inspection import inspect
from bnlib.nn import BatchNorm1d


@pytest.fixture(scope="module")
def digits():
    return load()


@pytest.fixture(scope="module", params=[BatchNorm1d, nn.BatchNorm1d])
def trained(request, digits):
    (net,) = mlps(digits, [0], depth=2, norm=request.param)
    fit(net, digits, steps=80, generator=shuffles([0])[0], batch_size=32, eval_every=80)
    return net


@pytest.fixture
def net(trained):
    return copy.deepcopy(trained)


@pytest.mark.parametrize("mode", [True, False])
def test_a_healthy_network_has_no_finding(net, digits, mode):
    assert inspect(net.train(mode), digits.test_x) == []


def test_inspection_leaves_the_network_as_it_was(net, digits):
    before = copy.deepcopy(net.state_dict())
    inspect(net.train(), digits.test_x)
    assert all(module.training for module in net.modules())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_a_layer_in_another_mode_than_the_model_is_found(net, digits):
    net.eval().hidden[0].norm.train()
    assert inspect(net, digits.test_x) == [
        "hidden.0.norm: in train mode, the model in eval mode: "
        "freeze it on purpose, or call train() or eval() on the whole model"
    ]


def test_frozen_parameters_with_moving_statistics_are_found(net, digits):
    findings = inspect(net.train().requires_grad_(False), digits.test_x)
    assert len(findings) == 2 and all("statistics move" in finding for finding in findings)


def test_an_untrained_network_is_found(digits):
    (net,) = mlps(digits, [0], depth=1, norm=BatchNorm1d)
    assert "no batch has updated the statistics" in inspect(net, digits.test_x)[0]


def test_a_constant_channel_is_found(net, digits):
    net.hidden[1].norm.running_var[3:5] = 1e-9
    assert inspect(net, digits.test_x)[0].startswith("hidden.1.norm: 2 channels have a running")


def test_statistics_that_are_not_finite_are_found(net, digits):
    net.hidden[1].norm.running_mean[0] = float("nan")
    assert any("not finite" in finding for finding in inspect(net, digits.test_x))


def test_inputs_of_another_scale_are_found(net, digits):
    findings = inspect(net, 10 * digits.test_x)
    assert any(f.startswith("hidden.0.norm") and "far from" in f for f in findings)


def test_inputs_that_were_not_standardised_are_found(net, digits):
    raw = load(standardise=False).test_x
    assert any("hidden.0.norm" in finding for finding in inspect(net, raw))
