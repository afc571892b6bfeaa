"""Mean and variance per channel: of a tensor, pooled over batches, and how far apart two are."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

UNBOUNDED = 10.0  # nats: what one channel counts at most


class Moments(NamedTuple):
    """Mean and biased variance (C,) in float64, over n values per channel."""

    n: int
    mean: Tensor
    var: Tensor


Call = tuple[str, int]  # a layer's path, and which call of it in a forward pass
Statistics = Mapping[Call, Moments]


def moments(x: Tensor) -> Moments:
    """The moments of x, (N, C, *spatial)."""
    values = x.detach().transpose(0, 1).flatten(1)
    values = values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
    var, mean = torch.var_mean(values, 1, correction=0)
    return Moments(values.size(1), mean.double(), var.double())


def merged(seen: Sequence[Statistics], by_call: bool = False) -> dict[Call, Moments]:
    """Pool moments over batches, exactly; over the calls of a layer too, unless by_call."""
    groups: dict[Call, list[Moments]] = {}
    for batch in seen:
        for (path, call), moments in batch.items():
            groups.setdefault((path, call if by_call else 0), []).append(moments)
    return {call: pool(moments) for call, moments in groups.items()}


def in_halves(
    seen: Sequence[Statistics], by_call: bool = False
) -> tuple[dict[Call, Moments], dict[Call, Moments]]:
    """Pool the moments of the even and of the odd batches; of all, where there is but one."""
    even, odd = seen[::2], seen[1::2]
    return merged(even, by_call), merged(odd or even, by_call)


def pool(parts: Sequence[Moments]) -> Moments:
    """The moments of all values of several batches."""
    n = sum(part.n for part in parts)
    mean = sum((part.n / n * part.mean for part in parts), torch.zeros(()))
    var = sum(
        (part.n / n * (part.var + (part.mean - mean).square()) for part in parts), torch.zeros(())
    )
    return Moments(n, mean, var)


def divergence(data: Moments, running: Moments, eps: float) -> float:
    """The mean over channels of the divergence of two normal distributions, each with eps."""
    a, b = data.var + eps, running.var.clamp(min=0) + eps
    nats = 0.5 * (a / b + (data.mean - running.mean).square() / b - 1 - (a / b).log())
    return float(nats.nan_to_num(UNBOUNDED).clamp(max=UNBOUNDED).mean())
