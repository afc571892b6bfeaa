"""Laws of surgery.fold: a copy that computes the same, or the reason why not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from bnlib import surgery
from bnlib.surgery.layers import is_batch_norm
from tests.bnlib.batches import LAW
from tests.bnlib.surgery.nets import FAMILIES, Functional, far, images, normal, randomised

TINY = 1e-12  # the order asks for 1e-6


@pytest.fixture(params=FAMILIES)
def family(request: Any) -> Any:
    return FAMILIES[request.param]


def same(model: nn.Module, x: Tensor) -> surgery.Report:
    """Fold; the copy computes the same, without the layers that the report names."""
    folded, report = surgery.fold(model)
    assert far(folded(x), model(x)) < TINY
    left = {path for path, module in folded.named_modules() if is_batch_norm(module)}
    assert left == set(report.left)
    return report


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[int, dict[str, Any], bool]:
    """Spatial axes, arguments of a convolution, and whether it is a transposed one."""
    groups = draw(st.sampled_from([1, 2]))
    transposed = draw(st.booleans())
    return (
        draw(st.sampled_from([1, 2, 3])),
        {
            "in_channels": 2 * groups,
            "out_channels": 3 * groups,
            "kernel_size": draw(st.sampled_from([1, 2, 3])),
            "stride": draw(st.sampled_from([1, 2])),
            "padding": draw(st.sampled_from([0, 1])),
            "dilation": draw(st.sampled_from([1, 2])),
            "groups": groups,
            "bias": draw(st.booleans()),
            "padding_mode": "zeros" if transposed else draw(st.sampled_from(["zeros", "circular"])),
        },
        transposed,
    )


@LAW
@given(convolutions(), st.booleans(), st.sampled_from(["torch", "bnlib"]))
def test_fold_commutes_with_evaluation_for_every_convolution(arguments, first, name):
    axes, settings, transposed = arguments
    conv = getattr(nn, f"Conv{'Transpose' * transposed}{axes}d")(**settings)
    channels = settings["out_channels" if first else "in_channels"]
    layer = getattr(FAMILIES[name], f"BatchNorm{axes}d")(channels)
    model = randomised(nn.Sequential(*([conv, layer] if first else [layer, conv])))
    x = normal(3, settings["in_channels"], *[6] * axes)
    pads = settings["padding"] and settings["padding_mode"] == "zeros"
    if first or not (transposed or pads):
        assert not same(model, x).left
    else:
        with pytest.raises(ValueError, match="zeros"):
            surgery.fold(model)


@pytest.mark.parametrize("bias", [True, False])
def test_linears_fold_on_either_side(family, bias):
    one = nn.Sequential(nn.Linear(4, 3, bias), family.BatchNorm1d(3), nn.ReLU())
    two = nn.Sequential(family.BatchNorm1d(4, affine=False), nn.Linear(4, 3, bias))
    for model in (one, two):
        assert not same(randomised(model), normal(5, 4)).left


def test_functional_calls_are_followed(family):
    report = same(randomised(Functional(family)), images())
    assert report.changed == {
        "bn": "folded into conv, before it",
        "up_bn": "folded into up, before it",
        "both_bn": "folded into grouped, after it",
        "head_bn": "folded into head, before it",
    }


@pytest.mark.parametrize("build", ["resnet18", "mobilenet_v3_small", "googlenet"])
def test_torchvision_networks_fold(build):
    arguments = {"init_weights": False} if build == "googlenet" else {}
    model = randomised(getattr(torchvision.models, build)(weights=None, **arguments))
    report = same(model, images(2, size=48))
    assert all(path.startswith("aux") for path in report.left)


def test_chains_fold_into_one_module(family):
    model = nn.Sequential(
        family.BatchNorm2d(3),
        nn.Conv2d(3, 4, 2),
        nn.Dropout(),
        family.BatchNorm2d(4),
        nn.Identity(),
        family.BatchNorm2d(4),
    )
    assert not same(randomised(model), images()).left


def test_model_with_control_flow_folds_within_its_sequentials(family):
    class Decides(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), family.BatchNorm2d(4))
            self.bn = family.BatchNorm2d(4)

        def forward(self, x: Tensor) -> Tensor:
            return self.bn(self.body(x)) if x.mean() > 0 else x

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn, self.inner = nn.Conv2d(3, 3, 1), family.BatchNorm2d(3), Decides()

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(self.bn(self.conv(x)).abs())

    report = same(randomised(Outer()), images())
    assert list(report.changed) == ["bn", "inner.body.1"]
    assert "inner cannot be traced (TraceError: " in report.left["inner.bn"]


def test_original_stays_bitwise_and_the_copy_shares_nothing(family):
    model = randomised(Functional(family))
    before = copy.deepcopy(model.state_dict())
    folded = surgery.fold(model).model
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    own = {p.data_ptr() for p in model.parameters()}
    assert type(folded) is Functional and not own & {p.data_ptr() for p in folded.parameters()}


def test_frozen_layers_fold(family):
    model = randomised(nn.Sequential(nn.Linear(3, 4), family.BatchNorm1d(4)))
    surgery.freeze(model)
    assert not same(model, normal(5, 3)).left


def test_folded_linear_refuses_axes_that_the_layer_took_otherwise(family):
    model = randomised(nn.Sequential(nn.Linear(3, 4), family.BatchNorm1d(4)))
    folded = surgery.fold(model).model
    with pytest.raises(AssertionError, match="2 axes"):
        folded(normal(5, 4, 3))


def test_half_precision_is_folded_in_float64_and_rounded_once(family):
    wide = nn.Sequential(nn.Linear(3, 4), family.BatchNorm1d(4))
    wide = randomised(wide)
    half = copy.deepcopy(wide).half()
    weight = surgery.fold(half).model[0].weight
    exact = surgery.fold(copy.deepcopy(half).double()).model[0].weight
    assert weight.dtype == torch.float16 and torch.equal(weight, exact.half())


class Shares(nn.Module):
    """A layer whose neighbour is shared in one of several ways."""

    def __init__(self, family: Any, how: str) -> None:
        super().__init__()
        self.conv, self.bn, self.how = nn.Conv2d(3, 3, 1), family.BatchNorm2d(3), how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "layer":
            return self.bn(self.bn(self.conv(x)))
        if self.how == "conv":
            return self.bn(self.conv(self.conv(x)))
        y = self.conv(x)
        if self.how == "output":
            return self.bn(y) + y
        if self.how == "parameters":
            return self.bn(y) + self.conv.bias.sum()
        return torch.nn.functional.conv2d(self.bn(y.relu()), self.conv.weight)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("layer", "used 2 times"),
        ("conv", "conv .*used 2 times"),
        ("output", "output of conv is used elsewhere"),
        ("parameters", "conv .*read from outside"),
        ("functional", r"before it: relu\(\); after it: conv2d\(\)"),
    ],
)
def test_what_is_shared_is_refused(family, how, words):
    with pytest.raises(ValueError, match=words):
        surgery.fold(randomised(Shares(family, how)))


def hooked(module: nn.Module) -> nn.Module:
    module.register_forward_hook(lambda *_: None)
    return module


class Own(nn.BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).relu()


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda f: [nn.Conv2d(3, 3, 1), nn.ReLU(), f.BatchNorm2d(3)], "ReLU.*no convolution"),
        (lambda f: [nn.Conv2d(3, 3, 1), hooked(f.BatchNorm2d(3))], "1: it has hooks"),
        (lambda f: [hooked(nn.Conv2d(3, 3, 1)), f.BatchNorm2d(3)], "0 .Conv2d.: it has hooks"),
        (lambda f: [nn.Conv2d(3, 3, 1), hooked(nn.Identity()), f.BatchNorm2d(3)], "no convol"),
        (lambda f: [nn.Conv2d(3, 3, 1), Own(3)], "Own has a forward of its own"),
        (
            lambda f: [nn.Conv2d(3, 3, 1), f.BatchNorm2d(3, track_running_stats=False)],
            "no running statistics",
        ),
        (lambda f: [f.BatchNorm2d(3), nn.Conv2d(3, 3, 3, padding="same")], "pads with zeros"),
        (
            lambda f: [nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)), f.BatchNorm1d(3)],
            "ParametrizedLinear.*no convolution or linear",
        ),
        (lambda f: [nn.Linear(3, 5), f.BatchNorm1d(3)], "5 channels there, the layer 3"),
        (lambda f: [nn.Conv2d(3, 3, 1), f.BatchNorm1d(3)], "4 axes"),
        (lambda f: [f.BatchNorm2d(3)], "before it: the input of the model; after it: the output"),
    ],
)
def test_what_cannot_be_folded_is_refused_with_the_reason(family, build, words):
    with pytest.raises(ValueError, match=words):
        surgery.fold(nn.Sequential(*build(family)).eval())


def test_training_mode_is_refused(family):
    model = nn.Sequential(nn.Linear(3, 3), family.BatchNorm1d(3))
    with pytest.raises(ValueError, match=r"call model\.eval\(\)"):
        surgery.fold(model)
    model.eval()
    model[1].train()
    with pytest.raises(ValueError, match="1: it is in training mode"):
        surgery.fold(model)


def test_model_that_cannot_be_copied_is_refused(family):
    model = nn.Sequential(nn.Linear(3, 3), family.BatchNorm1d(3)).eval()
    model.cache = model[0](torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"fails in copy\.deepcopy"):
        surgery.fold(model)


def test_what_a_forward_stores_while_it_is_traced_stays_out_of_the_copy(family):
    class Keeps(Functional):
        def forward(self, x: Tensor) -> Tensor:
            self.kept = x
            return super().forward(x)

    folded = surgery.fold(randomised(Keeps(family))).model
    assert not hasattr(folded, "kept")
