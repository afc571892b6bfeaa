"""The formulas of batch normalization on torch tensors, without autograd.

They stand here twice. In the *plain* form, `moments`, `normalise` and `gradients`, the book writes
them: torch.compile fuses it, torch.func transforms it, a second differentiation goes through it.
The *in-place* form, `forward` and `backward`, computes the same for eager mode, with as few passes
over memory and as little of it as torch's operations allow. Half precision is computed in float32.

Statistics have the shape (1, C, 1, ...) here, so that they broadcast; rstd is 1/sqrt(var + eps).
"""

import torch
from torch import Tensor


def accumulator(dtype: torch.dtype) -> torch.dtype:
    """The type to compute in: float32 for half precision, dtype itself for the others."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def values_per_channel(x: Tensor) -> int:
    """n of (N, C, *spatial): N times the size of the spatial axes."""
    n = x.size(0)
    for size in x.shape[2:]:
        n *= size
    return n


def spread(v: Tensor, x: Tensor) -> Tensor:
    """(C,) as (1, C, 1, ...), to broadcast along x, in the type to compute in."""
    dtype = accumulator(x.dtype)
    v = v if v.dtype == dtype else v.to(dtype)
    return v.view(1, -1, *(1,) * (x.dim() - 2))


# ---------------------------------------------------------------------------- plain form


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """(mu, var), the biased one, of x, (N, C, *spatial). Two passes: the mean, then the variance.

    Ioffe & Szegedy 2015, algorithm 1, steps 1 and 2.
    """
    x, axes = x.to(accumulator(x.dtype)), _axes(x)
    mu = x.mean(axes, keepdim=True)
    return mu, (x - mu).square().mean(axes, keepdim=True)


def normalise(
    x: Tensor, gamma: Tensor | None, beta: Tensor | None, mu: Tensor, rstd: Tensor
) -> Tensor:
    """y = gamma · (x − mu) · rstd + beta, like x; gamma and beta (C,).

    Ioffe & Szegedy 2015, algorithm 1, steps 3 and 4.
    """
    y = (x - mu) * rstd
    y = y if gamma is None else y * spread(gamma, x)
    y = y if beta is None else y + spread(beta, x)
    return y.to(x.dtype)


def gradients(
    dy: Tensor, x: Tensor, gamma: Tensor | None, mu: Tensor, rstd: Tensor, fixed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients in closed form: (dx, dgamma, dbeta), dx like x, the others (C,).

        dx = gamma · rstd · (dy − mean(dy) − x_hat · mean(dy · x_hat))

    fixed: mu and rstd do not depend on x (evaluation), which drops both means.
    Ioffe & Szegedy 2015, section 3, the six equations collected.
    """
    axes, n = _axes(x), values_per_channel(x)
    dy = dy.to(accumulator(x.dtype))
    x_hat = (x - mu) * rstd
    dbeta = dy.sum(axes, keepdim=True)
    dgamma = (dy * x_hat).sum(axes, keepdim=True)
    scale = rstd if gamma is None else rstd * spread(gamma, x)
    dx = scale * (dy if fixed else dy - dbeta / n - x_hat * (dgamma / n))
    return dx.to(x.dtype), dgamma.flatten(), dbeta.flatten()


# ---------------------------------------------------------------------------- in-place form


def forward(
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    eps: float,
    given: tuple[Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(y, mu, var, rstd), where (mu, var) are given, or else the moments of x."""
    y = torch.empty_like(x, memory_format=_memory_format(x))
    gamma = gamma if gamma is None else spread(gamma, x)
    beta = beta if beta is None else spread(beta, x)
    if x.dtype == accumulator(x.dtype):
        return y, *_forward_into(y, x, gamma, beta, eps, given)
    parts = []
    for c in _blocks(x):
        part = x[:, c].float()
        out = torch.empty_like(part)
        known = given and (given[0][:, c], given[1][:, c])
        parts.append(_forward_into(out, part, _cut(gamma, c), _cut(beta, c), eps, known))
        y[:, c] = out
    mu, var, rstd = (torch.cat(v, 1) for v in zip(*parts, strict=True))
    return y, mu, var, rstd


def backward(
    dy: Tensor, x: Tensor, gamma: Tensor | None, mu: Tensor, rstd: Tensor, fixed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """What `gradients` returns."""
    dx = torch.empty_like(x, memory_format=_memory_format(x))
    gamma = gamma if gamma is None else spread(gamma, x)
    if x.dtype == accumulator(x.dtype):
        dgamma, dbeta = _backward_into(dx, dy, x, gamma, mu, rstd, fixed)
        return dx, dgamma.flatten(), dbeta.flatten()
    parts = []
    for c in _blocks(x):
        part, dy_part = x[:, c].float(), dy[:, c].float()
        out, g = torch.empty_like(part), _cut(gamma, c)
        parts.append(_backward_into(out, dy_part, part, g, mu[:, c], rstd[:, c], fixed))
        dx[:, c] = out
    dgamma, dbeta = (torch.cat(v, 1) for v in zip(*parts, strict=True))
    return dx, dgamma.flatten(), dbeta.flatten()


def _forward_into(
    y: Tensor,
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    eps: float,
    given: tuple[Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Fill y, which holds x − mu first; return (mu, var, rstd). gamma, beta: (1, C, 1, ...)."""
    if given is None:
        n = values_per_channel(x)
        mu = _total(x).div_(n)
        torch.sub(x, mu, out=y)
        var = _total_of_squares(y).div_(n)
    else:
        mu, var = given
        torch.sub(x, mu, out=y)
    rstd = (var + eps).rsqrt_()
    y.mul_(rstd if gamma is None else rstd * gamma)
    if beta is not None:
        y.add_(beta)
    return mu, var, rstd


def _backward_into(
    dx: Tensor,
    dy: Tensor,
    x: Tensor,
    gamma: Tensor | None,
    mu: Tensor,
    rstd: Tensor,
    fixed: bool,
) -> tuple[Tensor, Tensor]:
    """Fill dx, which holds (x − mu) · dy first, then x − mu once more; return (dgamma, dbeta)."""
    n = values_per_channel(x)
    dbeta = _total(dy)
    dgamma = _total(torch.sub(x, mu, out=dx).mul_(dy)).mul_(rstd)
    scale = rstd if gamma is None else rstd * gamma
    if fixed:
        torch.mul(dy, scale, out=dx)
    else:  # the three terms of the closed form, each added to what dx holds already
        torch.sub(x, mu, out=dx).mul_((dgamma * rstd).mul_(scale).div_(-n))
        dx.addcmul_(dy, scale).sub_((dbeta * scale).div_(n))
    return dgamma, dbeta


def _total(x: Tensor) -> Tensor:
    """Sum over every axis but C, (1, C, 1, ...)."""
    return _over_examples(x.flatten(2).sum(2) if x.dim() > 2 else x, x)


def _total_of_squares(x: Tensor) -> Tensor:
    """Sum of squares over every axis but C, (1, C, 1, ...)."""
    if x.dim() > 2:
        return _over_examples(torch.linalg.vector_norm(x.flatten(2), dim=2).square_(), x)
    return _over_examples(x * x, x)


def _over_examples(v: Tensor, x: Tensor) -> Tensor:
    """Sum of v, (N, C), over the examples of x, (1, C, 1, ...).

    The sums above take the positions first, which lie next to each other: twice as fast as one
    sum over the axes on both sides of C.
    """
    return v.sum(0).view(1, -1, *(1,) * (x.dim() - 2))


def _axes(x: Tensor) -> list[int]:
    """Every axis of x but the channels: those that share statistics."""
    return [0, *range(2, x.dim())]


def _memory_format(x: Tensor) -> torch.memory_format:
    """channels_last where x is laid out so and not also contiguous; contiguous otherwise."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    last = formats.get(x.dim(), torch.contiguous_format)
    if not x.is_contiguous() and x.is_contiguous(memory_format=last):
        return last
    return torch.contiguous_format


def _blocks(x: Tensor) -> list[slice]:
    """Slices of whole channels, which half precision turns to float32 one after the other.

    A sixteenth of x, so that the five blocks that live at a time take no more than x does; but
    not so small that calls cost more than sums, nor so large that a block leaves the cache.
    """
    values = min(max(x.numel() // 16, 2**13), 2**18)
    step = max(1, values // values_per_channel(x))
    return [slice(start, start + step) for start in range(0, x.size(1), step)]


def _cut(v: Tensor | None, c: slice) -> Tensor | None:
    return v if v is None else v[:, c]
