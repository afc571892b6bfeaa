"""Laws of bnlib.nn, with torch's own layers as the judge.

A test whose only argument is `nn` judges any module of that shape: test_mistakes runs these on
copies with a mistake planted in them.
"""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, grad, stack_module_state, vmap

import bnlib.nn
from tests.bnlib.batches import EQUAL_AXES, LAW, SHAPES, affine, batches, sample

CLASSES = {2: "BatchNorm1d", 3: "BatchNorm1d", 4: "BatchNorm2d", 5: "BatchNorm3d"}
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6, torch.bfloat16: 2e-2}


@pytest.fixture(scope="module")
def nn() -> ModuleType:
    return bnlib.nn


def tensor(shape: tuple[int, ...], seed: int = 0, dtype: Any = torch.float64, **kw: Any) -> Tensor:
    """A batch with another mean and spread in every channel."""
    return torch.tensor(sample(shape, seed, **kw), dtype=dtype)


def layer_for(nn: Any, shape: tuple[int, ...], dtype: Any = torch.float64, **kw: Any) -> Any:
    """The layer for batches of this shape, gamma, beta and running statistics set to something."""
    channels = shape[1]
    layer = getattr(nn, CLASSES[len(shape)])(channels, dtype=dtype, **kw)
    gamma, beta = (torch.tensor(v, dtype=dtype) for v in affine(channels))
    with torch.no_grad():
        if layer.weight is not None:
            layer.weight.copy_(gamma)
        if layer.bias is not None:
            layer.bias.copy_(beta)
        if layer.running_mean is not None:
            layer.running_mean.copy_(beta / 2)
            layer.running_var.copy_(gamma.abs())
    return layer


def pair(nn: ModuleType, shape: tuple[int, ...], dtype: Any = torch.float64, **kw: Any) -> Any:
    """Our layer and torch's, in the same state."""
    return layer_for(nn, shape, dtype, **kw), layer_for(torch.nn, shape, dtype, **kw)


def step(layer: torch.nn.Module, x: Tensor, dy: Tensor, call: Any = None) -> dict[str, Tensor]:
    """Forward and backward: output, gradients and state afterwards, by name.

    call: what is called instead of the layer itself, such as its compiled form.
    """
    layer.zero_grad()
    x = x.clone().requires_grad_()
    y = layer(x) if call is None else call(x)
    y.backward(dy)
    assert x.grad is not None
    grads = {f"d{k}": p.grad for k, p in layer.named_parameters() if p.grad is not None}
    return {"y": y.detach(), "dx": x.grad, **grads, **copy.deepcopy(dict(layer.named_buffers()))}


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor], tolerance: float) -> None:
    """Equal types, shapes and values, the values within tolerance times the largest."""
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        got = ours[name]
        assert got.dtype == expected.dtype and got.shape == expected.shape, name
        if expected.numel():
            scale = max(1.0, expected.double().abs().max().item())
            error = (got.double() - expected.double()).abs().max().item()
            assert error <= tolerance * scale, f"{name}: {error:.2e} off, scale {scale:.2e}"


# ------------------------------------------------------------------------ agreement with torch


def agree(nn: ModuleType, shape: tuple[int, ...], training: bool, dtype: Any, **kw: Any) -> None:
    """Three steps of both layers on the same batches do the same."""
    ours, theirs = pair(nn, shape, dtype, **kw)
    ours.train(training), theirs.train(training)
    for seed in range(3):
        x, dy = tensor(shape, seed, dtype), tensor(shape, 10 + seed, dtype)
        assert_same(step(ours, x, dy), step(theirs, x, dy), TOLERANCE[dtype])


def test_training_step_equals_torchs_in_all_shapes(nn):
    for shape in [*SHAPES, EQUAL_AXES, (2, 3), (1, 3, 2), (1, 2, 2, 3)]:
        agree(nn, shape, True, torch.float64)


def test_evaluation_step_equals_torchs_in_all_shapes(nn):
    for shape in [*SHAPES, EQUAL_AXES, (1, 3), (1, 2, 1, 1)]:
        agree(nn, shape, False, torch.float64)


def test_every_argument_means_what_it_means_in_torch(nn):
    settings = [
        {"affine": False},
        {"bias": False},
        {"eps": 0.5},
        {"momentum": 0.4},
        {"momentum": 1.0},
        {"momentum": 0.0},
        {"momentum": None},
        {"track_running_stats": False},
        {"affine": False, "track_running_stats": False},
    ]
    for kw in settings:
        for training in (True, False):
            agree(nn, (5, 3, 4), training, torch.float64, **kw)


def test_float32_and_bfloat16_equal_torchs_within_their_rounding(nn):
    for dtype in (torch.float32, torch.bfloat16):
        for training in (True, False):
            agree(nn, (16, 3, 8, 8), training, dtype)
            agree(nn, (32, 3), training, dtype)


def test_bfloat16_input_goes_through_a_float32_layer(nn):
    shape = (16, 3, 8, 8)
    for training in (True, False):
        ours, theirs = pair(nn, shape, torch.float32)
        ours.train(training), theirs.train(training)
        x, dy = tensor(shape, 1, torch.bfloat16), tensor(shape, 2, torch.bfloat16)
        got, expected = step(ours, x, dy), step(theirs, x, dy)
        assert got["y"].dtype == torch.bfloat16 and got["dweight"].dtype == torch.float32
        assert_same(got, expected, 2e-2)
        for name in ("running_mean", "running_var"):  # float32, so as exact as float32 is
            torch.testing.assert_close(got[name], expected[name])


def test_half_precision_is_the_rounding_of_a_float32_computation(nn):
    shape = (16, 3, 8, 8)
    layer = layer_for(nn, shape, torch.float32)
    x = tensor(shape, 1, torch.bfloat16)
    assert torch.equal(layer(x), layer(x.float()).bfloat16())


def test_half_precision_of_many_channels_is_rounded_float32_in_all_of_them(nn):
    # 42 channels of 2048 values: more than one block of channels, the last one smaller
    shape = (8, 42, 16, 16)
    x, dy = tensor(shape, 1, torch.bfloat16), tensor(shape, 2, torch.bfloat16)
    for training in (True, False):
        half = step(layer_for(nn, shape, torch.float32).train(training), x, dy)
        full = step(layer_for(nn, shape, torch.float32).train(training), x.float(), dy.float())
        for name, expected in full.items():
            # dweight sums 2048 products of about 0.6: rounding of 1e-7 each may add up to 1e-4
            atol = 5e-4 if name == "dweight" else None
            torch.testing.assert_close(
                half[name],
                expected.to(half[name].dtype),
                atol=atol,
                rtol=None if atol is None else 0,
            )


def test_large_mean_in_float32_costs_the_rounding_of_the_mean_and_no_more(nn):
    shape = (16, 3, 8, 8)
    x, dy = tensor(shape, 1, torch.float32, mean=1e4), tensor(shape, 2, torch.float32)
    got = step(layer_for(nn, shape, torch.float32), x, dy)
    exact = step(layer_for(torch.nn, shape, torch.float64), x.double(), dy.double())
    for name in ("dbias", "running_mean", "running_var"):
        torch.testing.assert_close(got[name].double(), exact[name], rtol=3e-6, atol=1e-5)
    # one ulp of 1e4 is 1e-3: so far may x_hat be off, the same for all values of a channel
    ulps = 3e-3
    for name in ("y", "dx"):
        torch.testing.assert_close(got[name].double(), exact[name], rtol=0, atol=ulps)
    error = (got["dweight"].double() - exact["dweight"]).abs()
    assert (error <= ulps * exact["dbias"].abs() + 1e-3).all()


@given(batches())
@LAW
def test_any_batch_gives_torchs_output_and_gradients(nn, x):
    if x.size // x.shape[1] < 2:
        return
    shape = x.shape
    ours, theirs = pair(nn, shape)
    dy = tensor(shape, 3)
    # a constant channel leaves 1/sqrt(eps) = 316 times the rounding of its mean
    assert_same(step(ours, torch.tensor(x), dy), step(theirs, torch.tensor(x), dy), 1e-10)


# ------------------------------------------------------------------------ derivatives


def outputs(nn: ModuleType, training: bool, shape: tuple[int, ...]) -> Any:
    """y as a function of x, gamma and beta, through the module."""
    layer = layer_for(nn, shape, momentum=0.0).train(training)

    def y(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    leaves = [tensor(shape), layer.weight.detach().clone(), layer.bias.detach().clone()]
    return y, tuple(leaf.requires_grad_() for leaf in leaves)


def test_gradients_equal_finite_differences(nn):
    for training in (True, False):
        for shape in [(5, 2), (4, 2, 3), (2, 2, 2, 3)]:
            y, leaves = outputs(nn, training, shape)
            gradcheck(y, leaves, atol=1e-6)


def test_second_derivatives_equal_finite_differences(nn):
    for training in (True, False):
        for shape in [(4, 2), (2, 2, 2, 3)]:
            y, leaves = outputs(nn, training, shape)
            gradgradcheck(y, leaves, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("again", [True, False])
def test_many_upstream_gradients_at_once_give_what_each_gives(nn, training, again):
    layer = nn.BatchNorm2d(3).double().train(training)
    x = torch.randn(4, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    many = torch.randn(5, *y.shape, dtype=torch.float64)
    (together,) = torch.autograd.grad(
        y, x, many, is_grads_batched=True, retain_graph=True, create_graph=again
    )
    each = [torch.autograd.grad(y, x, one, retain_graph=True)[0] for one in many]
    torch.testing.assert_close(together, torch.stack(each))
    assert together.requires_grad == again


def test_tangents_in_forward_mode_equal_finite_differences(nn):
    layer = nn.BatchNorm1d(3).double()
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own torch.jit.script, inside
        assert torch.autograd.gradcheck(layer, x, check_forward_ad=True, check_backward_ad=False)


def test_gradient_that_will_be_differentiated_equals_the_one_that_will_not(nn):
    for training in (True, False):
        shape = (4, 3, 5, 2)
        y, leaves = outputs(nn, training, shape)
        dy = tensor(shape, 1)
        once = torch.autograd.grad(y(*leaves), leaves, dy)
        again = torch.autograd.grad(y(*leaves), leaves, dy, create_graph=True)
        for a, b in zip(once, again, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_gradients_of_x_sum_to_zero_and_are_orthogonal_to_x_hat_up_to_eps(nn):
    shape = (6, 3, 4)
    layer = layer_for(nn, shape, eps=0.1)
    x, dy = tensor(shape).requires_grad_(), tensor(shape, 1)
    layer(x).backward(dy)
    var, mu = torch.var_mean(x.detach(), (0, 2), correction=0, keepdim=True)
    x_hat = (x.detach() - mu) / (var + 0.1).sqrt()
    torch.testing.assert_close(x.grad.sum((0, 2)), torch.zeros(3).double(), rtol=0, atol=1e-12)
    # sum(x_hat²) = n var/(var + eps), so eps leaves the share eps/(var + eps)
    left = layer.weight.grad * layer.weight.detach() * 0.1 / (var.flatten() + 0.1) ** 1.5
    torch.testing.assert_close((x.grad * x_hat).sum((0, 2)), left, rtol=1e-10, atol=1e-12)


def test_only_what_needs_a_gradient_gets_one(nn):
    shape = (6, 3)
    for training in (True, False):
        layer = layer_for(nn, shape).train(training)
        x = tensor(shape)
        layer(x).sum().backward()
        assert x.grad is None and layer.weight.grad is not None
        frozen = layer_for(nn, shape).train(training).requires_grad_(False)
        assert not frozen(x).requires_grad
        frozen(x.requires_grad_()).square().sum().backward()
        assert frozen.weight.grad is None and frozen.bias.grad is None
        assert x.grad is not None


def test_output_alone_is_kept_beside_x_for_the_backward(nn):
    shape = (8, 4, 6, 6)
    for training in (True, False):
        layer, x = layer_for(nn, shape).train(training), tensor(shape).requires_grad_()
        kept: list[Tensor] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, k=kept: k.append(t) or t, lambda t: t
        ):
            layer(x)
        large = [t for t in kept if t.numel() == x.numel()]
        assert len(large) == 1 and large[0].data_ptr() == x.data_ptr(), "x, and no x_hat"


def test_running_statistics_hold_no_graph(nn):
    layer, x = layer_for(nn, (6, 3)), tensor((6, 3)).requires_grad_()
    for _ in range(3):
        layer(x)
    assert not layer.running_mean.requires_grad and layer.running_mean.grad_fn is None
    assert not layer.running_var.requires_grad and layer.running_var.grad_fn is None


# ------------------------------------------------------------------------ modes and state


def test_evaluation_changes_no_state_whatever_the_grad_mode(nn):
    layer = layer_for(nn, (6, 3)).eval()
    before = copy.deepcopy(layer.state_dict())
    layer(tensor((6, 3)))
    with torch.no_grad():
        layer(tensor((6, 3), 1))
    assert_same(layer.state_dict(), before, 0.0)


def test_training_under_no_grad_is_still_training(nn):
    ours, theirs = pair(nn, (6, 3))
    with torch.no_grad():
        y = ours(tensor((6, 3)))
    torch.testing.assert_close(y, theirs(tensor((6, 3))))
    assert_same(dict(ours.named_buffers()), dict(theirs.named_buffers()), 1e-12)


def test_evaluation_of_an_example_ignores_its_batchmates(nn):
    layer, x = layer_for(nn, (6, 3)).eval(), tensor((6, 3))
    assert torch.equal(layer(x)[:2], layer(x[:2]))


def test_evaluation_with_gradients_on_ignores_its_batchmates_too(nn):
    layer, x = layer_for(nn, (6, 3)).eval(), tensor((6, 3)).requires_grad_()
    assert torch.equal(layer(x)[:2], layer(x[:2]))


def test_running_statistics_after_one_batch_by_hand(nn):
    layer = nn.BatchNorm1d(1)
    layer(torch.tensor([[1.0], [3.0], [5.0], [7.0]]))
    # mean 4, unbiased variance 20/3: 0.9·0 + 0.1·4 and 0.9·1 + 0.1·20/3
    torch.testing.assert_close(layer.running_mean, torch.tensor([0.4]))
    torch.testing.assert_close(layer.running_var, torch.tensor([0.9 + 2 / 3]))
    assert layer.num_batches_tracked.item() == 1


def test_output_of_four_values_by_hand_divides_by_n(nn):
    y = nn.BatchNorm1d(1, eps=1e-12, dtype=torch.float64)(
        torch.tensor([[1.0], [3], [5], [7]]).double()
    )
    expected = torch.tensor([-3.0, -1, 1, 3]).double() / 5**0.5
    torch.testing.assert_close(y.detach().flatten(), expected, rtol=1e-9, atol=0)


def test_momentum_none_averages_over_all_batches(nn):
    layer = nn.BatchNorm1d(3, momentum=None, dtype=torch.float64)
    means, variances = [], []
    for seed in range(7):
        x = tensor((6, 3), seed)
        layer(x)
        means.append(x.mean(0))
        variances.append(x.var(0))
    torch.testing.assert_close(layer.running_mean, torch.stack(means).mean(0), rtol=1e-12, atol=0)
    torch.testing.assert_close(
        layer.running_var, torch.stack(variances).mean(0), rtol=1e-12, atol=0
    )


def test_reset_parameters_makes_a_layer_new(nn):
    layer = layer_for(nn, (6, 3))
    layer(tensor((6, 3)))
    layer.reset_parameters()
    assert_same(layer.state_dict(), nn.BatchNorm1d(3, dtype=torch.float64).state_dict(), 0.0)


def test_parameters_and_buffers_are_torchs(nn):
    for kw in [{}, {"affine": False}, {"bias": False}, {"track_running_stats": False}]:
        ours, theirs = pair(nn, (4, 3, 5, 2), **kw)
        assert [k for k, _ in ours.named_parameters()] == [k for k, _ in theirs.named_parameters()]
        assert [k for k, _ in ours.named_buffers()] == [k for k, _ in theirs.named_buffers()]
        for k, v in theirs.named_buffers():
            assert getattr(ours, k).dtype == v.dtype and getattr(ours, k).shape == v.shape
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            assert (getattr(ours, name) is None) == (getattr(theirs, name) is None)


def test_either_layer_loads_the_others_state_dict(nn):
    ours, theirs = pair(nn, (4, 3, 5, 2))
    for _ in range(2):
        theirs(tensor((4, 3, 5, 2)))
    ours.load_state_dict(theirs.state_dict())
    assert_same(ours.state_dict(), theirs.state_dict(), 0.0)
    assert ours.num_batches_tracked.item() == 2
    ours(tensor((4, 3, 5, 2), 1))
    fresh = torch.nn.BatchNorm2d(3, dtype=torch.float64)
    fresh.load_state_dict(ours.state_dict())
    assert_same(fresh.state_dict(), ours.state_dict(), 0.0)


def test_state_dict_of_version_1_loads_as_in_torch(nn):
    old = nn.BatchNorm1d(3).state_dict()
    del old["num_batches_tracked"]
    old._metadata[""]["version"] = 1
    layer = nn.BatchNorm1d(3)
    layer(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))
    assert not any(layer.load_state_dict(old))
    assert layer.num_batches_tracked.item() == 1
    old = nn.BatchNorm1d(3).state_dict()
    del old["num_batches_tracked"]
    with pytest.raises(RuntimeError, match="num_batches_tracked"):
        layer.load_state_dict(old)


def test_repr_shows_torchs_arguments(nn):
    for kw in [{}, {"eps": 1e-3, "momentum": None}, {"bias": False}, {"affine": False}]:
        ours, theirs = pair(nn, (4, 3, 5, 2), **kw)
        assert repr(ours) == repr(theirs)


def test_gamma_and_beta_are_weight_and_bias_and_read_only(nn):
    layer = nn.BatchNorm1d(3)
    assert layer.gamma is layer.weight and layer.beta is layer.bias
    assert nn.BatchNorm1d(3, affine=False).gamma is None
    for name in ("gamma", "beta"):
        with pytest.raises((AttributeError, KeyError)):
            setattr(layer, name, torch.ones(3))
        with pytest.raises((AttributeError, KeyError)):
            setattr(layer, name, torch.nn.Parameter(torch.ones(3)))
    assert sorted(layer.state_dict()) == sorted(torch.nn.BatchNorm1d(3).state_dict())


# ------------------------------------------------------------------------ bad and odd input


def raised(layer: Any, x: Any) -> type[BaseException] | None:
    """The type of exception that the layer raises on x."""
    try:
        layer(x)
    except Exception as error:
        return type(error)
    return None


BAD = [  # name of the class, arguments, training, input
    ("BatchNorm1d", {}, True, torch.zeros(4)),
    ("BatchNorm1d", {}, True, torch.zeros(4, 3, 2, 2)),
    ("BatchNorm2d", {}, False, torch.zeros(4, 3)),
    ("BatchNorm2d", {}, True, torch.zeros(4, 3, 2)),
    ("BatchNorm3d", {}, True, torch.zeros(4, 3, 2, 2)),
    ("BatchNorm1d", {}, True, torch.zeros(1, 3)),
    ("BatchNorm2d", {}, True, torch.zeros(1, 3, 1, 1)),
    ("BatchNorm1d", {"track_running_stats": False}, False, torch.zeros(1, 3)),
    ("BatchNorm1d", {}, True, torch.zeros(4, 2)),
    ("BatchNorm1d", {"affine": False}, False, torch.zeros(4, 2)),
    ("BatchNorm1d", {"track_running_stats": False}, True, torch.zeros(4, 2)),
    ("BatchNorm1d", {}, True, torch.zeros(4, 3, dtype=torch.long)),
    ("BatchNorm1d", {}, False, torch.zeros(4, 3, dtype=torch.bool)),
    ("BatchNorm1d", {}, True, torch.zeros(4, 3, dtype=torch.cfloat)),
    ("BatchNorm1d", {}, True, torch.zeros(4, 3, dtype=torch.float64)),
    ("BatchNorm1d", {"dtype": torch.float64}, False, torch.zeros(4, 3)),
    ("BatchNorm1d", {"dtype": torch.bfloat16}, True, torch.zeros(4, 3)),
    ("BatchNorm1d", {"dtype": torch.float16}, True, torch.zeros(4, 3, dtype=torch.bfloat16)),
    ("BatchNorm1d", {"eps": 0.0}, True, torch.ones(4, 3)),
    ("BatchNorm1d", {"eps": -1.0}, False, torch.ones(4, 3)),
    ("BatchNorm1d", {"device": "meta"}, True, torch.ones(4, 3)),
    ("BatchNorm1d", {}, True, [1.0, 2.0]),
    ("BatchNorm1d", {}, True, None),
]


def test_bad_input_raises_the_type_that_torch_raises_and_leaves_the_layer_alone(nn):
    for name, kw, training, x in BAD:
        theirs = raised(getattr(torch.nn, name)(3, **kw).train(training), x)
        layer = getattr(nn, name)(3, **kw).train(training)
        assert theirs is not None and raised(layer, x) is theirs, (name, kw, training, x)
        if layer.num_batches_tracked is not None and not layer.num_batches_tracked.is_meta:
            assert layer.num_batches_tracked.item() == 0


def test_bad_arguments_raise_the_type_that_torch_raises(nn):
    for args, kw in [
        ((-1,), {}),
        (("3",), {}),
        ((2.0,), {}),
        ((2,), {"dtype": torch.long}),
        ((), {}),
    ]:
        with pytest.raises((RuntimeError, TypeError)) as theirs:
            torch.nn.BatchNorm2d(*args, **kw)
        with pytest.raises(theirs.type):
            nn.BatchNorm2d(*args, **kw)


def test_missing_half_of_the_running_statistics_raises_as_in_torch(nn):
    for training in (True, False):
        types = []
        for module in (nn, torch.nn):
            layer = module.BatchNorm1d(3).train(training)
            layer.running_mean = None
            types.append(raised(layer, torch.ones(4, 3)))
        assert types[0] is types[1] is not None


def test_what_torch_takes_ours_takes(nn):
    for x, kw in [
        (torch.arange(8.0).reshape(2, 2, 2, 1), {"eps": 1e-30}),
        (torch.arange(8.0).reshape(2, 2, 2, 1), {"momentum": 2.0}),
        (torch.arange(8.0).reshape(4, 2, 1, 1), {"momentum": -1.0}),
        (torch.ones(1, 3, 2, 1), {"affine": False, "track_running_stats": False}),
    ]:
        ours, theirs = nn.BatchNorm2d(x.size(1), **kw), torch.nn.BatchNorm2d(x.size(1), **kw)
        torch.testing.assert_close(ours(x), theirs(x))
        assert_same(dict(ours.named_buffers()), dict(theirs.named_buffers()), 1e-6)
    # without parameters and statistics any number of channels goes
    ours = nn.BatchNorm1d(3, affine=False, track_running_stats=False)
    assert ours(torch.randn(4, 2)).shape == (4, 2)
    layer = nn.BatchNorm1d(3, eps=0.0).eval()
    assert torch.equal(layer(torch.ones(1, 3)), torch.ones(1, 3))


def test_messages_state_the_rule_the_value_and_the_way_out(nn):
    for layer, x, text in [
        (nn.BatchNorm1d(3), torch.ones(1, 3), r"more than 1 value per channel, got 1 .*\(\)"),
        (nn.BatchNorm1d(3), torch.ones(4, 2), "need 3 channels, got 2"),
        (nn.BatchNorm2d(3), torch.ones(4, 3), "need 4D input, got 2D"),
        (nn.BatchNorm1d(3), torch.ones(4), "need 2D or 3D input, got 1D"),
        (nn.BatchNorm1d(3), torch.ones(4, 3).double(), r"float64.*got torch.float32: .*\.to\("),
        (nn.BatchNorm1d(3), torch.ones(4, 3).long(), r"got torch.int64: use x.float\(\)"),
    ]:
        with pytest.raises((ValueError, RuntimeError), match=text):
            layer(x)


def test_empty_batch_is_counted_and_changes_nothing_else(nn):
    for shape in [(0, 3), (0, 3, 2, 2), (4, 3, 0, 2), (3, 3, 0)]:
        for training in (True, False):
            for kw in [{}, {"momentum": None}, {"affine": False}, {"bias": False}]:
                ours, theirs = pair(nn, shape, torch.float32, **kw)
                ours.train(training), theirs.train(training)
                x = torch.zeros(shape)
                assert_same(step(ours, x, x), step(theirs, x, x), 0.0)


def test_constant_channel_gives_beta(nn):
    for value in (0.0, 3.0, 1e6):
        layer = layer_for(nn, (8, 3), torch.float32)
        y = layer(torch.full((8, 3), value))
        torch.testing.assert_close(y, layer.bias.expand(8, 3), rtol=1e-6, atol=1e-4)


def test_nan_and_inf_stay_in_their_channel(nn):
    for bad in (float("nan"), float("inf")):
        for training in (True, False):
            ours, theirs = pair(nn, (4, 3, 5, 2))
            ours.train(training), theirs.train(training)
            x, dy = tensor((4, 3, 5, 2)), tensor((4, 3, 5, 2), 1)
            x[0, 1, 0, 0] = bad
            got, expected = step(ours, x, dy), step(theirs, x, dy)
            for name in got.keys() - {"num_batches_tracked"}:
                a, b = (
                    s[name].movedim(1, 0) if s[name].dim() > 1 else s[name] for s in (got, expected)
                )
                torch.testing.assert_close(a[[0, 2]], b[[0, 2]])
                assert a[[0, 2]].isfinite().all()
                assert a[1].isfinite().all() == b[1].isfinite().all(), name


# ------------------------------------------------------------------------ memory and devices


def test_output_has_the_layout_that_torch_gives_it(nn):
    images = tensor((4, 3, 5, 2))
    volumes = tensor((3, 4, 2, 5, 6))
    inputs = [
        images,
        images.to(memory_format=torch.channels_last),
        volumes.to(memory_format=torch.channels_last_3d),
        tensor((4, 5, 3, 2)).transpose(1, 2),
        tensor((4, 3, 1, 1)).expand(4, 3, 5, 2),
        images[:, :, ::2],
        tensor((3, 6)).t(),
    ]
    for x in inputs:
        for training in (True, False):
            ours, theirs = pair(nn, tuple(x.shape))
            ours.train(training), theirs.train(training)
            y, expected = ours(x), theirs(x)
            assert y.stride() == expected.stride()
            torch.testing.assert_close(y, expected)
            dy = tensor(tuple(x.shape), 1)
            assert_same(step(ours, x, dy), step(theirs, x, dy), 1e-12)


def test_any_layout_of_the_upstream_gradient_gives_the_same(nn):
    shape = (4, 3, 5, 2)
    layer, x, dy = layer_for(nn, shape), tensor(shape), tensor(shape, 1)
    expected = step(layer_for(nn, shape), x, dy)
    for other in (
        dy.to(memory_format=torch.channels_last),
        dy.transpose(0, 3).contiguous().transpose(0, 3),
    ):
        assert_same(step(layer_for(nn, shape), x, other), expected, 1e-12)
    x.requires_grad_()
    layer(x).sum().backward()  # an expanded scalar
    torch.testing.assert_close(layer.bias.grad, torch.full((3,), 40.0).double())


def test_input_and_upstream_gradient_are_left_as_they_were(nn):
    for dtype in (torch.float64, torch.bfloat16):
        shape = (4, 3, 5, 2)
        layer, x, dy = (
            layer_for(nn, shape, dtype),
            tensor(shape, dtype=dtype),
            tensor(shape, 1, dtype),
        )
        before = x.clone(), dy.clone()
        for training in (True, False):
            step(layer.train(training), x, dy)
            layer(x)
        assert torch.equal(x, before[0]) and torch.equal(dy, before[1])


def test_output_may_be_changed_in_place_before_the_backward(nn):
    shape = (6, 3)
    x, dy = tensor(shape).requires_grad_(), tensor(shape, 1)
    layer = layer_for(nn, shape)
    torch.nn.functional.relu(layer(x), inplace=True).backward(dy)
    dx, x.grad = x.grad, None
    torch.nn.functional.relu(layer_for(nn, shape)(x)).backward(dy)
    assert torch.equal(dx, x.grad)


def test_meta_device_gives_shapes_without_numbers(nn):
    layer = nn.BatchNorm2d(3, device="meta")
    assert layer.weight.is_meta and layer.running_var.is_meta
    x = torch.empty(4, 3, 5, 2, device="meta", requires_grad=True)
    for training in (True, False):
        y = layer.train(training)(x)
        assert y.is_meta and y.shape == x.shape
        (dx,) = torch.autograd.grad(y, x, y.detach())
        assert dx.shape == x.shape


def test_to_moves_parameters_and_floating_buffers_only(nn):
    layer = nn.BatchNorm1d(3).to(torch.bfloat16)
    assert layer.weight.dtype == layer.running_mean.dtype == torch.bfloat16
    assert layer.num_batches_tracked.dtype == torch.long
    assert layer(torch.randn(8, 3).bfloat16()).dtype == torch.bfloat16


# ------------------------------------------------------------------------ torch's machinery


def test_copies_go_their_own_way(nn):
    layer = layer_for(nn, (6, 3))
    buffer = io.BytesIO()
    torch.save(layer.state_dict(), buffer)
    buffer.seek(0)
    loaded = nn.BatchNorm1d(3, dtype=torch.float64)
    loaded.load_state_dict(torch.load(buffer))
    whole = io.BytesIO()
    torch.save(layer, whole)
    whole.seek(0)
    copies = [
        loaded,
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),
        torch.load(whole, weights_only=False),
    ]
    for other in copies:
        x = tensor((6, 3))
        before = copy.deepcopy(layer.state_dict())
        assert_same(other.state_dict(), before, 0.0)
        assert torch.equal(other.eval()(x), copy.deepcopy(layer).eval()(x))
        other.train()(x)
        assert_same(layer.state_dict(), before, 0.0)


def test_autocast_treats_it_as_torchs(nn):
    ours, theirs = pair(nn, (16, 3, 8, 8), torch.float32)
    x = tensor((16, 3, 8, 8), dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for batch in (x, x.bfloat16()):
            y, expected = ours(batch), theirs(batch)
            assert y.dtype == expected.dtype
            torch.testing.assert_close(y, expected)
        y.float().square().sum().backward()
        expected.float().square().sum().backward()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, rtol=2e-2, atol=2e-2)


def test_functional_call_uses_the_given_state_and_updates_it(nn):
    layer = layer_for(nn, (6, 3))
    other = layer_for(nn, (6, 3), momentum=0.1)
    state = {k: v.detach().clone() * 2 for k, v in layer.state_dict().items()}
    before = copy.deepcopy(layer.state_dict())
    y = functional_call(layer, state, (tensor((6, 3)),))
    other.load_state_dict({k: v * 2 for k, v in before.items()})
    torch.testing.assert_close(y, other(tensor((6, 3))))
    assert_same(layer.state_dict(), before, 0.0)
    assert_same(state, dict(other.state_dict()), 1e-12)


def ensemble(nn: ModuleType, **kw: Any) -> Any:
    """Three layers in different states, and a batch for each."""
    layers = [layer_for(nn, (6, 3), **kw) for _ in range(3)]
    for k, layer in enumerate(layers):
        with torch.no_grad():
            for v in (*layer.parameters(), layer.running_mean, layer.running_var):
                v.mul_(1 + k)
    return layers, torch.stack([tensor((6, 3), k) for k in range(3)])


def test_vmap_over_layers_equals_a_loop_over_them(nn):
    for training in (True, False):
        for kw in ({}, {"momentum": None}):
            layers, x = ensemble(nn, **kw)
            params, buffers = stack_module_state([layer.train(training) for layer in layers])
            base = copy.deepcopy(layers[0]).train(training)

            def call(p: Any, b: Any, x: Tensor, base: Any = base) -> Tensor:
                return functional_call(base, (p, b), (x,))

            dy = torch.stack([tensor((6, 3), 10 + k) for k in range(3)])
            y = vmap(call)(params, buffers, x)
            y.backward(dy)
            for k, layer in enumerate(layers):
                expected = step(layer, x[k], dy[k])
                torch.testing.assert_close(y[k], expected["y"])
                torch.testing.assert_close(params["weight"].grad[k], expected["dweight"])
                torch.testing.assert_close(params["bias"].grad[k], expected["dbias"])
                for name, buffer in buffers.items():
                    torch.testing.assert_close(buffer[k], expected[name])


def test_gradient_by_torch_func_equals_the_one_by_backward(nn):
    layer, x, dy = layer_for(nn, (6, 3)), tensor((6, 3)), tensor((6, 3), 1)
    expected = step(layer, x, dy)
    layer = layer_for(nn, (6, 3))
    params = {k: v.detach() for k, v in layer.named_parameters()}
    buffers = dict(layer.named_buffers())

    def loss(params: Any, x: Tensor, buffers: Any) -> Tensor:
        return (functional_call(layer, (params, buffers), (x,)) * dy).sum()

    grads, dx = grad(loss, argnums=(0, 1))(params, x, buffers)
    torch.testing.assert_close(dx, expected["dx"])
    torch.testing.assert_close(grads["weight"], expected["dweight"])
    torch.testing.assert_close(grads["bias"], expected["dbias"])


def test_checkpointing_gives_the_same_gradient(nn):
    layer, x = layer_for(nn, (6, 3)), tensor((6, 3)).requires_grad_()
    dy = tensor((6, 3), 1)
    torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=False).backward(dy)
    torch.testing.assert_close(x.grad, step(layer_for(nn, (6, 3)), x.detach(), dy)["dx"])


@pytest.mark.parametrize("training", [True, False])
def test_compile_without_graph_breaks_gives_the_same_step(training):
    torch.compiler.reset()
    shape = (8, 3, 6, 5)
    eager, compiled = (layer_for(bnlib.nn, shape, torch.float32).train(training) for _ in range(2))
    call = torch.compile(compiled, fullgraph=True)
    for seed in range(2):
        x, dy = tensor(shape, seed, torch.float32), tensor(shape, 10 + seed, torch.float32)
        assert_same(step(compiled, x, dy, call), step(eager, x, dy), 5e-6)


@pytest.mark.parametrize(
    "kw",
    [{"momentum": None}, {"affine": False}, {"bias": False}, {"track_running_stats": False}],
    ids=str,
)
def test_no_setting_breaks_the_graph(kw):
    # aot_eager traces forward and backward as the compiler does, and runs them uncompiled
    torch.compiler.reset()
    for shape, dtype in [((6, 3), torch.float32), ((4, 3, 5, 2), torch.bfloat16)]:
        eager, traced = (layer_for(bnlib.nn, shape, dtype, **kw) for _ in range(2))
        call = torch.compile(traced, fullgraph=True, backend="aot_eager")
        x, dy = tensor(shape, 1, dtype), tensor(shape, 2, dtype)
        assert_same(step(traced, x, dy, call), step(eager, x, dy), TOLERANCE[dtype])


def test_numpy_layer_and_torch_layer_agree(nn):
    from bnlib.functional import batch_norm, batch_norm_backward

    shape = (4, 3, 5, 2)
    layer, x, dy = layer_for(nn, shape), tensor(shape), tensor(shape, 1)
    got = step(layer, x, dy)
    gamma, beta = affine(3)
    y, mu, _ = batch_norm(x.numpy(), gamma, beta)
    dx, dgamma, dbeta = batch_norm_backward(dy.numpy(), x.numpy(), gamma)
    np.testing.assert_allclose(got["y"], y, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(got["dx"], dx, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(got["dweight"], dgamma, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(got["dbias"], dbeta, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(got["running_mean"], 0.9 * beta / 2 + 0.1 * mu, rtol=1e-12)
