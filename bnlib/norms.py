"""Batch, ghost batch, layer, group and instance norm: one function, one pair of numbers each.

They all take a mean and a variance over a set of values. Which values? Those of `examples`
neighbouring examples, in one of `groups` groups of neighbouring channels, at every position:

    batch norm      examples = N    groups = C
    ghost batch     examples = k    groups = C
    layer norm      examples = 1    groups = 1
    group norm      examples = 1    groups = G
    instance norm   examples = 1    groups = C

`index_sets` writes that rule down, `normalise` computes with it, the classes are layers for it.
Sources: Ioffe & Szegedy 2015; Ba et al. 2016; Ulyanov et al. 2016; Wu & He 2018, section 3.1.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn


def index_sets(shape: Sequence[int], *, examples: int, groups: int) -> np.ndarray:
    """Number the sets: elements of x with the same number share one mean and one variance.

    shape: that of x, `(N, C)` or `(N, C, *spatial)`. Returns an integer array of this shape.
    Raises ValueError if `examples` does not divide N, or `groups` does not divide C.
    """
    _check(shape, examples, groups)
    n, c = np.ogrid[: shape[0], : shape[1]]
    sets = n // examples * groups + c // (shape[1] // groups)
    return np.broadcast_to(sets.reshape(*sets.shape, *[1] * (len(shape) - 2)), shape).copy()


def normalise(
    x: Tensor, *, examples: int, groups: int, eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    """Standardise x within each of its index sets.

    x: `(N, C)` or `(N, C, *spatial)`. Returns (x_hat, mu, var): x_hat like x, the mean and the
    biased variance of each set `(N / examples, groups)`.
    Raises ValueError as `index_sets` does, and for sets of a single value, which would give 0
    whatever x is.  Wu & He 2018, equations 1 and 2.
    """
    _check(x.shape, examples, groups)
    sets = x.reshape(-1, examples, groups, x.shape[1] // groups, *x.shape[2:])
    axes = (1, *range(3, sets.ndim))
    if (n := x.shape[1:].numel() * examples // groups) < 2:
        raise ValueError(f"need more than 1 value per set, got {n}: use fewer groups")
    mu = sets.mean(axes, keepdim=True)
    centred = sets - mu
    var = centred.square().mean(axes, keepdim=True)
    x_hat = centred * torch.rsqrt(var + eps)
    return x_hat.reshape(x.shape), mu.flatten(1), var.flatten(1)


class GroupNorm(nn.Module):
    """Normalise each example by itself, in groups of channels; the same in train and eval mode.

    num_groups: how many groups the channels form, which must divide num_channels, C.
    weight, bias: gamma and beta, `(C,)`, one per channel whatever the groups are. Input and
    output `(N, C)` or `(N, C, *spatial)`; the order of the arguments is torch's.  Wu & He 2018.
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        _check((1, num_channels), 1, num_groups)
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = nn.Parameter(torch.ones(num_channels))
        self.bias = nn.Parameter(torch.zeros(num_channels))

    def forward(self, x: Tensor) -> Tensor:
        x_hat, _, _ = normalise(x, examples=1, groups=self.num_groups, eps=self.eps)
        return _affine(x_hat, self.weight, self.bias)


class LayerNorm(GroupNorm):
    """Group norm with one group: all channels and positions of an example together.

    gamma and beta are per channel, as in Wu & He 2018; torch's LayerNorm has one per element.
    Ba et al. 2016.
    """

    def __init__(self, num_channels: int, eps: float = 1e-5) -> None:
        super().__init__(1, num_channels, eps)


class InstanceNorm(GroupNorm):
    """Group norm with a group for each channel: needs at least 2 positions.

    Ulyanov et al. 2016.
    """

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__(num_features, num_features, eps)


class GhostBatchNorm(nn.Module):
    """Batch norm whose statistics come from `examples` neighbours instead of the whole batch.

    It keeps the two roles of a batch apart: the optimizer averages over all N examples, the
    normalisation over `examples` of them. N must be a multiple of `examples` in train mode.
    weight, bias: gamma and beta, `(C,)`. running_mean, running_var: `(C,)`, moved once per batch
    towards the average over its ghost batches; `momentum` is the weight of the new batch.
    Eval mode uses them and is that of ordinary batch norm.  Summers & Dinneen 2020.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self, num_features: int, examples: int, eps: float = 1e-5, momentum: float = 0.1
    ) -> None:
        super().__init__()
        self.examples, self.eps, self.momentum = examples, eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            scale = self.weight * torch.rsqrt(self.running_var + self.eps)
            return _affine(x, scale, self.bias - self.running_mean * scale)
        channels = x.shape[1]
        x_hat, mu, var = normalise(x, examples=self.examples, groups=channels, eps=self.eps)
        n = self.examples * x.shape[2:].numel()
        with torch.no_grad():
            for running, batch in (
                (self.running_mean, mu.mean(0)),
                (self.running_var, var.mean(0) * n / (n - 1)),
            ):
                running.mul_(1 - self.momentum).add_(batch, alpha=self.momentum)
        return _affine(x_hat, self.weight, self.bias)


def _affine(x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    along = (-1, *[1] * (x_hat.ndim - 2))
    return x_hat * gamma.view(along) + beta.view(along)


def _check(shape: Sequence[int], examples: int, groups: int) -> None:
    if len(shape) < 2:
        raise ValueError(f"x must be (N, C) or (N, C, *spatial), got shape {tuple(shape)}")
    for name, parts, axis in (("examples", examples, 0), ("groups", groups, 1)):
        if parts < 1 or shape[axis] % parts:
            raise ValueError(
                f"{name} must divide axis {axis}, got {name}={parts} for shape {tuple(shape)}: "
                f"choose a divisor of {shape[axis]}"
            )
