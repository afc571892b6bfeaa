"""The formulas as fused Triton kernels, for CUDA: what `formulas.forward` and `backward` return.

A kernel sees x as C channels of M values. Value m of channel c lies at
m // S · C · S + c · S + m % S: S is the number of positions, or 1 where all channels of a
position lie together. It takes tiles of `rows` values by `columns` channels. A sum is taken by
several programs per channel; each leaves its part, and no part depends on which program comes
first. All is computed in float32.
"""

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from bnlib.nn.formulas import memory_format, values_per_channel

PROGRAMS = 1024  # that share a sum: some for each multiprocessor
PARTS = 512  # at most, for each channel


def fit(x: Tensor) -> bool:
    """Whether the kernels take x: up to float32, and few enough values to number with 32 bits."""
    return x.dtype in (torch.float32, torch.float16, torch.bfloat16) and 0 < x.numel() < 2**31


def forward(
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    eps: float,
    given: tuple[Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(y, mu, var, rstd), as `formulas.forward`."""
    x = x.contiguous(memory_format=memory_format(x))
    y, plan, shape = torch.empty_like(x), _plan(x), (1, -1, *(1,) * (x.dim() - 2))
    with torch.cuda.device_of(x):
        if given is None:
            parts = x.new_empty((3, plan.parts, x.size(1)), dtype=torch.float32)
            _moments[plan.shared](x, parts, *plan.sizes, **plan.tile)
            mu, var, rstd = x.new_empty((3, x.size(1)), dtype=torch.float32)
            columns = triton.next_power_of_2(plan.parts)
            _merge[(x.size(1),)](parts, mu, var, rstd, eps, x.size(1), plan.parts, columns)
            mu, var, rstd = mu.view(shape), var.view(shape), rstd.view(shape)
        else:
            mu, var = given
            rstd = (var + eps).rsqrt()
        _normalise[plan.each](x, y, gamma, beta, mu, rstd, *plan.sizes, **plan.tile)
    return y, mu, var, rstd


def backward(
    dy: Tensor, x: Tensor, gamma: Tensor | None, mu: Tensor, rstd: Tensor, fixed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """(dx, dgamma, dbeta), as `formulas.gradients`."""
    x = x.contiguous(memory_format=memory_format(x))
    dy = torch.empty_like(x).copy_(dy) if dy.stride() != x.stride() else dy
    dx, plan = torch.empty_like(x), _plan(x)
    with torch.cuda.device_of(x):
        parts = x.new_empty((2, plan.parts, x.size(1)), dtype=torch.float32)
        _sums[plan.shared](dy, x, mu, rstd, parts, *plan.sizes, **plan.tile)
        dgamma, dbeta = parts.sum(1)
        arguments = (dy, x, dx, gamma, mu, rstd, dgamma, dbeta, fixed)
        _gradient[plan.each](*arguments, *plan.sizes, **plan.tile)
    return dx, dgamma, dbeta


class _Plan(NamedTuple):
    """How programs share x: (M, C, S), the tile, and the grids of sums and of single tiles."""

    sizes: tuple[int, int, int]
    tile: dict[str, Any]
    parts: int
    shared: tuple[int, int]
    each: tuple[int, int]


def _plan(x: Tensor) -> _Plan:
    m, c = values_per_channel(x), x.size(1)
    together = x.dim() == 2 or memory_format(x) != torch.contiguous_format
    columns = min(64, triton.next_power_of_2(c)) if together else 1
    rows = 4096 // columns
    across, along = triton.cdiv(c, columns), triton.cdiv(m, rows)
    parts = min(along, PARTS, max(1, PROGRAMS // across))
    sizes = (m, c, 1 if together else m // x.size(0))
    tile = {"ROWS": rows, "COLUMNS": columns, "num_warps": 8}
    return _Plan(sizes, tile, parts, (parts, across), (along, across))


@triton.jit
def _places(rows, C, S, M, COLUMNS: tl.constexpr):
    """Of a tile with these rows: its channels, where it lies, and which of it lies in x."""
    c = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    m = rows[:, None]
    return c, m // S * (C * S) + c * S + m % S, (m < M) & (c < C)


@triton.jit
def _moments(x, parts, M, C, S, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """This program's values per channel, their mean and their sum of squared deviations."""
    part, stride = tl.program_id(0), tl.num_programs(0)
    n = tl.zeros((ROWS, 1), tl.float32)
    mean = tl.zeros((ROWS, COLUMNS), tl.float32)
    squares = tl.zeros((ROWS, COLUMNS), tl.float32)
    for start in range(part * ROWS, M, stride * ROWS):
        rows = start + tl.arange(0, ROWS)
        c, places, inside = _places(rows, C, S, M, COLUMNS)
        value = tl.load(x + places, mask=inside, other=0).to(tl.float32)
        n += (rows < M)[:, None].to(tl.float32)
        change = tl.where(inside, value - mean, 0)
        mean += change * (1 / tl.maximum(n, 1))
        squares += tl.where(inside, change * (value - mean), 0)
    c = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    total = tl.sum(n)
    centre = tl.sum(n * mean, 0) / total
    off = mean - centre[None, :]
    to = parts + part * C + c
    tl.store(to, tl.zeros_like(centre) + total, mask=c < C)
    tl.store(to + stride * C, centre, mask=c < C)
    tl.store(to + 2 * stride * C, tl.sum(squares + n * off * off, 0), mask=c < C)


@triton.jit
def _merge(parts, mu, var, rstd, eps, C, count, PARTS: tl.constexpr):
    """The moments of one channel from those of its parts. Chan et al. 1979."""
    c, part = tl.program_id(0), tl.arange(0, PARTS)
    here, inside = parts + part * C + c, part < count
    n = tl.load(here, mask=inside, other=0)
    mean = tl.load(here + count * C, mask=inside, other=0)
    squares = tl.load(here + 2 * count * C, mask=inside, other=0)
    total = tl.sum(n)
    centre = tl.sum(n * mean) / total
    off = mean - centre
    variance = tl.sum(tl.where(inside, squares + n * off * off, 0)) / total
    tl.store(mu + c, centre)
    tl.store(var + c, variance)
    tl.store(rstd + c, 1 / tl.sqrt(variance + eps))


@triton.jit
def _normalise(x, y, gamma, beta, mu, rstd, M, C, S, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """One tile of y."""
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    c, places, inside = _places(rows, C, S, M, COLUMNS)
    value = tl.load(x + places, mask=inside, other=0).to(tl.float32)
    value = (value - tl.load(mu + c, mask=c < C)) * tl.load(rstd + c, mask=c < C)
    if gamma is not None:
        value *= tl.load(gamma + c, mask=c < C).to(tl.float32)
    if beta is not None:
        value += tl.load(beta + c, mask=c < C).to(tl.float32)
    tl.store(y + places, value.to(y.dtype.element_ty), mask=inside)


@triton.jit
def _sums(dy, x, mu, rstd, parts, M, C, S, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """This program's part of the sums of dy · x_hat and of dy."""
    part, stride = tl.program_id(0), tl.num_programs(0)
    dgamma = tl.zeros((ROWS, COLUMNS), tl.float32)
    dbeta = tl.zeros((ROWS, COLUMNS), tl.float32)
    c = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    mean = tl.load(mu + c, mask=c < C)[None, :]
    for start in range(part * ROWS, M, stride * ROWS):
        rows = start + tl.arange(0, ROWS)
        _, places, inside = _places(rows, C, S, M, COLUMNS)
        upstream = tl.load(dy + places, mask=inside, other=0).to(tl.float32)
        value = tl.load(x + places, mask=inside, other=0).to(tl.float32)
        dgamma += tl.where(inside, upstream * (value - mean), 0)
        dbeta += upstream
    to = parts + part * C + c
    scale = tl.load(rstd + c, mask=c < C)
    tl.store(to, tl.sum(dgamma, 0) * scale, mask=c < C)
    tl.store(to + stride * C, tl.sum(dbeta, 0), mask=c < C)


@triton.jit
def _gradient(
    dy, x, dx, gamma, mu, rstd, dgamma, dbeta, FIXED: tl.constexpr, M, C, S,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """One tile of dx."""
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    c, places, inside = _places(rows, C, S, M, COLUMNS)
    value = tl.load(dy + places, mask=inside, other=0).to(tl.float32)
    scale = tl.load(rstd + c, mask=c < C)
    if not FIXED:
        x_hat = tl.load(x + places, mask=inside, other=0).to(tl.float32)
        x_hat = (x_hat - tl.load(mu + c, mask=c < C)) * scale
        value -= tl.load(dbeta + c, mask=c < C) / M
        value -= x_hat * (tl.load(dgamma + c, mask=c < C) / M)
    if gamma is not None:
        scale *= tl.load(gamma + c, mask=c < C).to(tl.float32)
    tl.store(dx + places, (value * scale).to(dx.dtype.element_ty), mask=inside)
