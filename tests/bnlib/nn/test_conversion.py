"""Laws of bnlib.nn.convert: other layers, the same network."""

from __future__ import annotations

import copy
import logging
from types import ModuleType

import onnxruntime
import pytest
import timm.utils.model
import torch
import torch.distributed as dist
import torchvision
from torch import Tensor
from torch.distributed.fsdp import FullyShardedDataParallel, MixedPrecision, ShardingStrategy

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


def test_fsdp_keeps_our_layers_in_full_precision_as_it_keeps_torchs(nn, tmp_path):
    """Its mixed precision leaves batch normalization out, by class."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        dtypes = []
        for layer in (nn.BatchNorm1d(4), torch.nn.BatchNorm1d(4)):
            model = torch.nn.Sequential(torch.nn.Linear(3, 4), layer, torch.nn.Linear(4, 2))
            with pytest.warns(UserWarning, match="mixed precision disabled"):
                sharded = FullyShardedDataParallel(
                    model,
                    sharding_strategy=ShardingStrategy.NO_SHARD,
                    mixed_precision=MixedPrecision(param_dtype=torch.bfloat16),
                    auto_wrap_policy=lambda module, recurse, nonwrapped_numel: recurse,
                    device_id=torch.device("cpu"),
                )
            seen = []
            layer.register_forward_hook(lambda own, _, y, seen=seen: seen.append(own.weight.dtype))
            sharded(torch.randn(5, 3)).sum().backward()
            dtypes += seen
        assert dtypes == [torch.float32, torch.float32]
    finally:
        dist.destroy_process_group()


def test_timm_freezes_our_layers(nn):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    model(images())
    expected, frozen = model.eval()(images()), timm.utils.model.freeze_batch_norm_2d(model)
    assert type(frozen[1]).__name__ == "FrozenBatchNorm2d"
    torch.testing.assert_close(frozen.train()(images()), expected)


def test_timm_synchronises_our_layers(nn):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    found = timm.layers.convert_sync_batchnorm(model)
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


def test_convert_logs_how_many_layers_became_which(nn, caplog):
    model = torch.nn.Sequential(small(), torch.nn.BatchNorm1d(2))
    with caplog.at_level(logging.INFO, logger="bnlib"):
        nn.convert(model)
    assert sorted(caplog.messages) == [
        "convert: 1 became bnlib.nn.layers.BatchNorm1d",
        "convert: 2 became bnlib.nn.layers.BatchNorm2d",
    ]


def test_what_is_no_module_is_refused(nn):
    with pytest.raises(TypeError, match=r"need a torch\.nn\.Module, got list: pass the model"):
        nn.convert([torch.nn.BatchNorm1d(3)])


# -- what looks into a model ---------------------------------------------------------------------


def trained(nn: ModuleType) -> torch.nn.Module:
    torch.manual_seed(0)
    blocks = [torch.nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), torch.nn.ReLU()]
    model = torch.nn.Sequential(*blocks, torch.nn.Flatten(), torch.nn.Linear(144, 2))
    model(images() + 2)
    return model


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::FutureWarning")
def test_a_trace_computes_what_the_layer_does_on_another_batch_too(nn, training):
    model = trained(nn).train(training)
    traced = torch.jit.trace(copy.deepcopy(model), images(), check_trace=False)
    model(images())  # as the tracing did
    torch.testing.assert_close(traced(images(7)), model(images(7)))
    torch.testing.assert_close(traced.get_submodule("1").running_var, model[1].running_var)


@pytest.mark.parametrize("training", [True, False])
def test_torch_export_writes_what_the_layer_does(nn, training):
    model = trained(nn).train(training)
    written = torch.export.export(copy.deepcopy(model), (images(),)).module()
    torch.testing.assert_close(written(images() + 1), model(images() + 1))


@pytest.mark.parametrize("dynamo", [True, False])
@pytest.mark.parametrize("to", ["bnlib", "torch"])
@pytest.mark.filterwarnings("ignore")  # of the exporters
def test_both_exporters_to_onnx_write_what_onnxruntime_computes_alike(nn, tmp_path, to, dynamo):
    model = nn.convert(trained(nn).eval(), to=to)
    path = tmp_path / "model.onnx"
    torch.onnx.export(model, (images(),), path, dynamo=dynamo, verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {session.get_inputs()[0].name: (images() + 1).numpy()})
    torch.testing.assert_close(torch.from_numpy(got), model(images() + 1), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("look", [torch.fx.symbolic_trace, torch.jit.script])
def test_what_cannot_look_in_is_told_at_once_and_the_way_out_works(nn, look):
    model = trained(nn).eval()
    expected = model(images())
    with pytest.raises(TypeError, match=r'got bnlib\'s: use convert\(model, to="torch"\)'):
        look(model)
    torch.testing.assert_close(look(nn.convert(model, to="torch"))(images()), expected)
