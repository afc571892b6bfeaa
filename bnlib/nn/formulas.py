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
    return dx.to(x.dtype), dgamma.view(-1), dbeta.view(-1)


# ---------------------------------------------------------------------------- in-place form


def forward(
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    eps: float,
    given: tuple[Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(y, mu, var, rstd), where (mu, var) are given, or else the moments of x."""
    dtype, x = x.dtype, _dense(x)
    y = torch.empty_like(x) if x.dtype == dtype else x  # half precision: x is a copy already
    if given is None:
        n = values_per_channel(x)
        mu = _total(x).div_(n)
        torch.sub(x, mu, out=y)
        var = _total_of_squares(y).div_(n)
        rstd = (var + eps).rsqrt_()
        scale = rstd if gamma is None else rstd * spread(gamma, x)
        _affine(y, scale, None if beta is None else spread(beta, x), y)
    else:  # one product and one sum, with the mean in the sum
        mu, var = given
        rstd = (var + eps).rsqrt_()
        scale = rstd if gamma is None else rstd * spread(gamma, x)
        shift = -mu * scale if beta is None else spread(beta, x) - mu * scale
        _affine(x, scale, shift, y)
    return y.to(dtype), mu, var, rstd


def backward(
    dy: Tensor, x: Tensor, gamma: Tensor | None, mu: Tensor, rstd: Tensor, fixed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """What `gradients` returns. dx holds (x − mu) · dy first, then x − mu once more."""
    n, dtype, x = values_per_channel(x), x.dtype, _dense(x)
    dy = dy.to(x.dtype)
    dx = torch.empty_like(x)
    dbeta = _total(dy)
    dgamma = _total(torch.sub(x, mu, out=dx).mul_(dy)).mul_(rstd)
    scale = rstd if gamma is None else rstd * spread(gamma, x)
    if fixed:
        torch.mul(dy, scale, out=dx)
    else:  # the three terms of the closed form, the last of them added to the others
        others = (dgamma * rstd).mul_(scale).div_(-n)
        _affine(torch.sub(x, mu, out=dx), others, (dbeta * scale).div_(-n), dx)
        dx.addcmul_(dy, scale)
    return dx.to(dtype), dgamma.view(-1), dbeta.view(-1)


def memory_format(x: Tensor) -> torch.memory_format:
    """channels_last where x is laid out so and not also contiguous; contiguous otherwise."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    last = formats.get(x.dim(), torch.contiguous_format)
    if not x.is_contiguous() and x.is_contiguous(memory_format=last):
        return last
    return torch.contiguous_format


def _dense(x: Tensor) -> Tensor:
    """x in the type to compute in and in its memory format, copied only where it must be."""
    return x.to(accumulator(x.dtype)).contiguous(memory_format=memory_format(x))


def _rows(x: Tensor) -> Tensor | None:
    """x as (n, C) where each row of all channels lies together: (N, C) and channels_last."""
    if x.dim() == 2:
        return x
    rows = x.movedim(1, -1)
    return rows.flatten(0, -2) if rows.is_contiguous() else None


def _affine(x: Tensor, scale: Tensor, shift: Tensor | None, out: Tensor) -> None:
    """x · scale + shift in `out`: in one pass for rows, where torch's broadcasting is fast."""
    if shift is None:
        torch.mul(x, scale, out=out)
    elif _rows(x) is None:
        torch.mul(x, scale, out=out).add_(shift)
    else:
        torch.addcmul(shift, x, scale, out=out)


def _total(x: Tensor) -> Tensor:
    """Sum over every axis but C, (1, C, 1, ...), along what lies together in memory.

    Contiguous x is summed over its positions first: twice as fast as over the axes on both sides
    of C at once.
    """
    rows = _rows(x)
    total = x.flatten(2).sum(2).sum(0) if rows is None else rows.sum(0)
    return total.view(1, -1, *(1,) * (x.dim() - 2))


def _total_of_squares(x: Tensor) -> Tensor:
    """Sum of squares over every axis but C, (1, C, 1, ...)."""
    if _rows(x) is not None:
        return _total(x * x)
    squares = torch.linalg.vector_norm(x.flatten(2), dim=2).square_().sum(0)
    return squares.view(1, -1, *(1,) * (x.dim() - 2))


def _axes(x: Tensor) -> list[int]:
    """Every axis of x but the channels: those that share statistics."""
    return [0, *range(2, x.dim())]
