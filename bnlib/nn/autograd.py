"""Batch normalization as a differentiable torch operation, with the closed form as its backward.

The operation saves x and the statistics, not x_hat: x_hat is one subtraction and one product
away, and would take as much memory as x again. It computes with fused kernels where they fit, on
CUDA with Triton, on the CPU if they were built, and with the in-place form elsewhere.
"""

from importlib.util import find_spec
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import is_legacy_batchedtensor
from torch.autograd import forward_ad

from bnlib.nn import cpu_kernels, formulas


def batch_norm(
    x: Tensor, gamma: Tensor | None, beta: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise x with the statistics of its own batch: training mode, differentiable.

    x: (N, C) or (N, C, *spatial), not empty; gamma, beta: (C,), or None for 1 and 0.
    Returns (y, mu, var): y like x; mu and the biased var, (C,), constants for autograd and in
    float32 where x is in half precision.
    Raises nothing of its own: bnlib.nn checks what comes in.
    Ioffe & Szegedy 2015, algorithm 1, and the gradients of section 3.
    """
    if _looked_into():
        mu, var = formulas.moments(x)
        y = formulas.normalise(x, gamma, beta, mu, (var + eps).rsqrt())
        return y, mu.detach().flatten(), var.detach().flatten()
    y, mu, var = _BatchNorm.apply(x, gamma, beta, eps, None)
    return y, mu.view(-1), var.view(-1)


def batch_norm_eval(
    x: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    eps: float,
) -> Tensor:
    """Normalise x with fixed statistics: evaluation mode, differentiable in x, gamma and beta.

    x: (N, C) or (N, C, *spatial), not empty; the others: (C,); gamma, beta: None for 1 and 0.
    Returns y, like x. Raises nothing of its own: bnlib.nn checks what comes in.
    Ioffe & Szegedy 2015, algorithm 2, step 11.
    """
    mu, var = formulas.spread(running_mean, x), formulas.spread(running_var, x)
    if _looked_into():
        return formulas.normalise(x, gamma, beta, mu, (var + eps).rsqrt())
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return _BatchNorm.apply(x, gamma, beta, eps, (mu, var))[0]
    return _eager(x).forward(x, gamma, beta, eps, (mu, var))[0]


def _looked_into() -> bool:
    """Whether torch follows single operations: torch.func, forward mode, torch.jit.trace.

    These get the plain form, for they have no rule for an operation of our own.
    """
    return (
        torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or torch.jit.is_tracing()
    )


def _eager(x: Tensor) -> ModuleType:
    """The module whose `forward` and `backward` compute x fastest, one operation at a time."""
    if x.is_cuda and find_spec("triton") is not None:
        from bnlib.nn import triton_kernels

        if triton_kernels.fit(x):
            return triton_kernels
    return cpu_kernels if cpu_kernels.fit(x) else formulas


class _BatchNorm(torch.autograd.Function):
    """(x, gamma, beta, eps, (mu, var) or None) to (y, mu, var); None takes the moments of x."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gamma: Tensor | None,
        beta: Tensor | None,
        eps: float,
        given: tuple[Tensor, Tensor] | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        if torch.compiler.is_compiling():
            mu, var = formulas.moments(x) if given is None else given
            rstd = (var + eps).rsqrt()
            y = formulas.normalise(x, gamma, beta, mu, rstd)
        else:
            y, mu, var, rstd = _eager(x).forward(x, gamma, beta, eps, given)
        # the running mean, if given, may move before the backward: save it as it is now
        ctx.save_for_backward(x, gamma, mu if given is None else mu.clone(), rstd)
        ctx.mark_non_differentiable(mu, var)
        ctx.set_materialize_grads(False)
        ctx.eps, ctx.fixed = eps, given is not None
        ctx.dtypes = tuple(None if v is None else v.dtype for v in (gamma, beta))
        return y, mu, var

    @staticmethod
    def backward(ctx: Any, dy: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
        if dy is None:
            return None, None, None, None, None
        x, gamma, mu, rstd = ctx.saved_tensors
        if torch.compiler.is_compiling():
            dx, dgamma, dbeta = formulas.gradients(dy, x, gamma, mu, rstd, ctx.fixed)
        elif torch.is_grad_enabled() or is_legacy_batchedtensor(dy):
            # differentiated again, through mu and var as well; or many dy at once, by torch's vmap
            if torch.is_grad_enabled() and not ctx.fixed:
                mu, var = formulas.moments(x)
                rstd = (var + ctx.eps).rsqrt()
            dx, dgamma, dbeta = formulas.gradients(dy, x, gamma, mu, rstd, ctx.fixed)
        else:
            dx, dgamma, dbeta = _eager(x).backward(dy, x, gamma, mu, rstd, ctx.fixed)
        needs, (gamma_dtype, beta_dtype) = ctx.needs_input_grad, ctx.dtypes
        return (
            dx if needs[0] else None,
            dgamma.to(gamma_dtype) if needs[1] else None,
            dbeta.to(beta_dtype) if needs[2] else None,
            None,
            None,
        )
