"""Laws of bnlib.nn.convert: other layers, the same network."""

from __future__ import annotations

import copy
from types import ModuleType

import pytest
import torch
import torchvision
from torch import Tensor

import bnlib.nn

PAIRS = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"]


@pytest.fixture(scope="module")
def nn() -> ModuleType:
    return bnlib.nn


def images(n: int = 4, channels: int = 3, size: int = 8) -> Tensor:
    return torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(0))


def small() -> torch.nn.Sequential:
    """A network with a nested layer and one layer in two places."""
    torch.manual_seed(0)
    shared = torch.nn.BatchNorm2d(3)
    inner = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3), torch.nn.BatchNorm2d(3, momentum=None))
    return torch.nn.Sequential(shared, inner, torch.nn.ReLU(), shared, torch.nn.Flatten())


def classes(model: torch.nn.Module, name: str = "BatchNorm") -> set[type]:
    return {type(m) for m in model.modules() if name in type(m).__name__}


def test_every_layer_of_torch_becomes_ours_and_comes_back(nn):
    for name in PAIRS:
        model = torch.nn.Sequential(torch.nn.ModuleDict({"bn": getattr(torch.nn, name)(3)}))
        assert nn.convert(model) is model
        assert type(model[0]["bn"]) is getattr(nn, name)
        assert nn.convert(model, to="torch") is model
        assert type(model[0]["bn"]) is getattr(torch.nn, name)


def test_model_that_is_itself_a_layer_comes_back_as_another_layer(nn):
    theirs = torch.nn.BatchNorm1d(3)
    ours = nn.convert(theirs)
    assert type(theirs) is torch.nn.BatchNorm1d and type(ours) is nn.BatchNorm1d
    assert ours.weight is theirs.weight and ours.running_mean is theirs.running_mean
    back = nn.convert(ours, to="torch")
    assert type(back) is torch.nn.BatchNorm1d and back.bias is theirs.bias


def test_parameters_buffers_and_their_names_stay_the_same_objects(nn):
    model = small()
    parameters = dict(model.named_parameters())
    buffers = dict(model.named_buffers())
    for to in ("bnlib", "torch"):
        nn.convert(model, to=to)
        for before, after in [
            (parameters, dict(model.named_parameters())),
            (buffers, dict(model.named_buffers())),
        ]:
            assert before.keys() == after.keys()
            assert all(before[name] is after[name] for name in before)


def test_layer_in_two_places_stays_one_layer(nn):
    model = nn.convert(small())
    assert model[0] is model[3] and type(model[0]) is nn.BatchNorm2d
    same = torch.nn.BatchNorm1d(2)
    parent = torch.nn.ModuleDict({"a": same, "b": same})
    nn.convert(parent)
    assert parent["a"] is parent["b"] and type(parent["b"]) is nn.BatchNorm1d


def test_converted_network_computes_and_learns_as_before(nn):
    torch.manual_seed(0)
    before = torchvision.models.resnet18(num_classes=5)
    after = nn.convert(copy.deepcopy(before))
    assert classes(after) == {nn.BatchNorm2d}
    x = images(4, 3, 32)
    for training in (True, False):
        results = []
        for model in (before, after):
            model.train(training).zero_grad()
            y = model(x)
            y.logsumexp(1).sum().backward()
            results.append([y, *(p.grad for p in model.parameters()), *model.buffers()])
        for a, b in zip(*results, strict=True):
            scale = a.double().abs().max().clamp(min=1)
            torch.testing.assert_close(b / scale, a / scale, rtol=1e-3, atol=1e-4)


def test_mode_and_frozen_parameters_and_settings_stay(nn):
    model = small().eval()
    model[1][1].requires_grad_(False)
    nn.convert(model)
    assert not any(m.training for m in model.modules())
    assert not model[1][1].weight.requires_grad and model[0].weight.requires_grad
    assert model[1][1].momentum is None and model[1][1].num_features == 3


def test_hooks_stay_and_their_handles_still_remove_them(nn):
    model, seen = small(), []
    handle = model[0].register_forward_hook(lambda *_: seen.append(1))
    nn.convert(model)
    model(images())
    assert len(seen) == 2  # the layer stands in two places
    handle.remove()
    model(images())
    assert len(seen) == 2


def test_optimizer_goes_on_training_the_converted_layers(nn):
    model = small()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    nn.convert(model)
    before = model[0].bias.detach().clone()
    model(images()).square().sum().backward()
    optimizer.step()
    assert not torch.equal(model[0].bias, before)


def test_other_layers_and_subclasses_are_left_alone(nn):
    class Special(torch.nn.BatchNorm1d):
        pass

    others = [
        Special(3),
        torch.nn.SyncBatchNorm(3),
        torch.nn.LazyBatchNorm1d(),
        torch.nn.LayerNorm(3),
    ]
    model = torch.nn.Sequential(*others)
    for to in ("bnlib", "torch"):
        with pytest.warns(UserWarning, match="leaves 0"):
            nn.convert(model, to=to)
        assert all(a is b for a, b in zip(model, others, strict=True))


def test_converting_twice_changes_nothing_more(nn):
    model = nn.convert(small())
    layers = list(model.modules())
    nn.convert(model)
    assert all(a is b for a, b in zip(layers, model.modules(), strict=True))


def test_layers_without_parameters_or_statistics_convert(nn):
    for kw in [{"affine": False}, {"bias": False}, {"track_running_stats": False}]:
        ours = nn.convert(torch.nn.BatchNorm1d(3, **kw))
        x = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(ours(x), torch.nn.BatchNorm1d(3, **kw)(x))
        assert repr(ours) == repr(torch.nn.BatchNorm1d(3, **kw))


def test_unknown_target_is_refused_before_anything_changes(nn):
    model = small()
    with pytest.raises(ValueError, match="need to='bnlib' or to='torch', got 'jax'"):
        nn.convert(model, to="jax")
    assert classes(model) == {torch.nn.BatchNorm2d}


# -- recognised by others ------------------------------------------------------------------------


def test_update_bn_of_torch_takes_our_statistics_anew(nn):
    ours, theirs = nn.BatchNorm1d(3), torch.nn.BatchNorm1d(3)
    data = [torch.randn(n, 3) + 5 for n in (4, 8)]
    for layer in (ours, theirs):
        torch.optim.swa_utils.update_bn(data, layer)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    assert ours.running_mean.min() > 1


def test_torch_makes_synchronised_layers_of_ours(nn):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    found = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert type(found[1]) is torch.nn.SyncBatchNorm
    assert found[1].weight is model[1].weight


def test_torch_func_takes_the_running_statistics_away(nn):
    model = torch.nn.Sequential(nn.BatchNorm1d(3))
    torch.func.replace_all_batch_norm_modules_(model)
    assert model[0].running_mean is None and not model[0].track_running_stats
    assert model.eval()(torch.randn(5, 3)).mean().abs() < 1e-6


def test_the_input_may_be_given_by_name(nn):
    x = torch.randn(5, 3)
    assert torch.equal(nn.BatchNorm1d(3)(input=x), nn.BatchNorm1d(3)(x))


def test_what_convert_leaves_alone_is_named(nn):
    class Odd(torch.nn.BatchNorm2d):
        pass

    class FrozenBatchNorm2d(torch.nn.Module):
        pass

    model = torch.nn.ModuleDict(
        {
            "a": torch.nn.BatchNorm2d(3),
            "b": Odd(3),
            "c": FrozenBatchNorm2d(),
            "d": nn.BatchNorm2d(3),
        }
    )
    with pytest.warns(UserWarning, match=r"leaves b \(Odd\), c \(FrozenBatchNorm2d\) alone"):
        nn.convert(model)
    assert type(model["a"]) is nn.BatchNorm2d and type(model["b"]) is Odd


def test_convert_does_not_convert_nothing_in_silence(nn):
    with pytest.warns(UserWarning, match="found no layer to replace"):
        nn.convert(torch.nn.Linear(3, 3))
