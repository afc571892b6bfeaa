"""Laws of the kernels in C++: the plain form is their contract, and nothing changes until they are
built."""

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bnlib.nn import BatchNorm2d, cpu_kernels, formulas

# less and more than a line of lanes, one position and many, several threads and one
SHAPES = [
    (2, 1),
    (70, 130),
    (3, 4, 7),
    (4, 3, 5, 2),
    (64, 6, 9, 16),
    (2, 3, 4, 5, 3),
    (9, 64, 33, 33),
]
CASES = [
    (shape, dtype, last)
    for shape in SHAPES
    for dtype in (torch.float32, torch.bfloat16)
    for last in sorted({False, len(shape) == 4})
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def kernels(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[None]:
    """Built once, and for each test alone: others compute without them."""
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        pytest.skip("no C++ compiler")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(cpu_kernels, "_library", None)
    cpu_kernels.build()
    yield


def draw(shape: tuple[int, ...], dtype: torch.dtype, last: bool, mean: float = 0.0) -> Tensor:
    x = (3 * torch.randn(shape, generator=torch.Generator().manual_seed(0)) + mean).to(dtype)
    return x.to(memory_format=torch.channels_last) if last else x


def same(got: tuple[Tensor, ...], expected: tuple[Tensor, ...], dtype: torch.dtype) -> None:
    for a, b in zip(got, expected, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        scale = b.float().abs().max().clamp(min=1)
        tolerance = 1e-5 if dtype == torch.float32 else 1e-2
        torch.testing.assert_close(a / scale, b / scale, rtol=0, atol=tolerance)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(("shape", "dtype", "last"), CASES, ids=str)
def test_kernels_compute_the_plain_form_in_every_shape_type_and_layout(
    shape: tuple[int, ...], dtype: torch.dtype, last: bool, affine: bool, training: bool
) -> None:
    x, dy = draw(shape, dtype, last, mean=5), draw(shape, dtype, not last and len(shape) == 4)
    c = shape[1]
    gamma, beta = (torch.randn(c), torch.randn(c).to(dtype)) if affine else (None, None)
    given = None
    if not training:
        mu, var = (formulas.spread(v, x) for v in (torch.randn(c), torch.rand(c) + 0.1))
        given = mu, var
    mu, var = given or formulas.moments(x)
    rstd = (var + 1e-5).rsqrt()
    y = formulas.normalise(x, gamma, beta, mu, rstd)
    got = cpu_kernels.forward(x, gamma, beta, 1e-5, given)
    assert got[0].stride() == x.stride()
    same(got, (y, mu, var, rstd), dtype)
    expected = formulas.gradients(dy, x, gamma, mu, rstd, not training)
    same(cpu_kernels.backward(dy, x, gamma, mu, rstd, not training), expected, dtype)


@pytest.mark.parametrize("last", [True, False])
def test_large_mean_costs_the_variance_no_accuracy(last: bool) -> None:
    x = draw((64, 2, 9, 16), torch.float32, last, mean=1e4)
    var = cpu_kernels.forward(x, None, None, 1e-5, None)[2].flatten()
    exact = x.double().var((0, 2, 3), correction=0).float()
    torch.testing.assert_close(var, exact, rtol=1e-4, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("last", [True, False])
def test_constant_channel_has_no_variance_and_nan_stays_in_its_channel(
    last: bool, dtype: torch.dtype
) -> None:
    x = draw((5, 3, 4, 4), dtype, last)
    x[:, 0], x[1, 1, 2, 2] = 2.0**20, float("nan")
    y, _, var, _ = cpu_kernels.forward(x, None, None, 1e-5, None)
    assert var[0, 0] == 0 and not y[:, 0].any()
    assert y[:, 1].isnan().all() and y[:, 2].isfinite().all()


def test_half_precision_is_rounded_to_the_nearest_and_to_even_as_torch_does() -> None:
    wide = torch.linspace(-3, 3, 4096).reshape(1, 2, 2048)
    mu, var = formulas.spread(torch.zeros(2), wide), formulas.spread(torch.ones(2), wide)
    gamma = torch.tensor([1.0, 1 / 3])
    x = wide.bfloat16()
    (y, *_), scale = cpu_kernels.forward(x, gamma, None, 0.0, (mu, var)), gamma.view(1, 2, 1)
    assert torch.equal(y, (x.float() * scale).bfloat16())


def test_the_layer_uses_them_once_they_are_built_and_learns_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called = []
    for name in ("forward", "backward"):
        whole = getattr(cpu_kernels, name)
        monkeypatch.setattr(
            cpu_kernels, name, lambda *a, whole=whole, name=name: called.append(name) or whole(*a)
        )
    layers = [BatchNorm2d(3), torch.nn.BatchNorm2d(3)]
    results = []
    for layer in layers:
        x = draw((4, 3, 5, 5), torch.float32, last=True, mean=2).requires_grad_()
        layer(x).pow(3).sum().backward()
        y = copy.deepcopy(layer).eval()(x)
        results.append([y, x.grad, layer.weight.grad, layer.running_mean, layer.running_var])
    assert called == ["forward", "backward", "forward"]
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-4)


def test_what_they_do_not_take_goes_through_the_operations() -> None:
    assert all(cpu_kernels.fit(torch.zeros(2, 3, dtype=t)) for t in (torch.float32, torch.bfloat16))
    assert not cpu_kernels.fit(torch.zeros(2, 3).double())
    assert not cpu_kernels.fit(torch.zeros(2, 3).half())
    assert not cpu_kernels.fit(torch.zeros(0, 3))
    x = draw((4, 6, 5, 5), torch.float32, last=False)[:, ::2].requires_grad_()  # in pieces
    torch.testing.assert_close(BatchNorm2d(3)(x), torch.nn.BatchNorm2d(3)(x))


def test_vectors_that_do_not_lie_together_are_read_rightly() -> None:
    x, c = draw((4, 300, 3, 3), torch.float32, last=False), 300
    gamma, beta, mean, var = (torch.tensor([v]).expand(c) for v in (2.0, 0.5, 0.1, 1.5))
    given = formulas.spread(mean, x), formulas.spread(var, x)
    got = cpu_kernels.forward(x, gamma, beta, 1e-5, given)
    rstd = (given[1] + 1e-5).rsqrt()
    same(got[:1], (formulas.normalise(x, gamma, beta, given[0], rstd),), torch.float32)
    expected = formulas.gradients(x, x, gamma, given[0], rstd, True)
    same(cpu_kernels.backward(x, x, gamma, given[0], rstd, True), expected, torch.float32)


def test_a_tensor_without_memory_of_its_own_is_left_to_the_operations() -> None:
    with torch._subclasses.FakeTensorMode():
        assert not cpu_kernels.fit(torch.zeros(2, 3))


def test_nothing_is_used_before_they_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_kernels, "_library", None)
    assert not cpu_kernels.fit(torch.zeros(2, 3))


def test_a_library_that_is_there_is_not_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_kernels.subprocess, "run", None)
    assert cpu_kernels.build().exists()


def test_without_a_compiler_the_way_out_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cpu_kernels.shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match=r"need a C\+\+ compiler, found none .*: install one"):
        cpu_kernels.build()


def test_a_compiler_that_fails_is_quoted_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cpu_kernels, "FLAGS", ("-fno-such-flag",))
    with pytest.raises(RuntimeError, match=r"(?s)set CXX to another one.*no-such-flag"):
        cpu_kernels.build()
    assert not list((tmp_path / "bnlib").iterdir())
