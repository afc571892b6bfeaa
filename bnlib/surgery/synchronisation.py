"""Batch statistics over all replicas of a process group."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm

from bnlib.surgery.layers import Kind, add_kind, batch_norms, parts, why_special
from bnlib.surgery.report import Outcome, outcome


def synchronise(model: nn.Module, group: Any = None) -> Outcome:
    """Let every layer normalise by the statistics of the batch over all replicas, in training.

    model: changed in place, the same way in every process. group: a process group of
    torch.distributed, None for all processes; any backend, also gloo on CPUs.
    Returns (model, report). A training step over shards of a batch, of any sizes, empty ones too,
    then equals one step on the whole batch: outputs, running statistics, and gradients of the
    inputs; gradients of gamma and beta are those of the shard, to be summed over replicas.
    (DistributedDataParallel takes their mean: with unequal shards, weight the losses.) Each layer
    communicates once forward and once backward. Every process must call every layer as often as
    the others, or they wait for each other. Evaluation is as before.

    Raises RuntimeError without a process group; ValueError where no layer can be synchronised:
    not those with a forward of their own, nor SyncBatchNorm, which is synchronised already.
    """
    layers = batch_norms(model)
    if not (dist.is_available() and dist.is_initialized()):
        raise RuntimeError(
            "need a process group, got none: call torch.distributed.init_process_group() first"
        )
    changed, left = {}, {}
    for path, layer in layers.items():
        kinds, plain = parts(type(layer))
        if issubclass(plain, SyncBatchNorm):
            left[path] = "SyncBatchNorm is synchronised already"
        elif why := why_special(layer):
            left[path] = why
        elif others := [kind.__name__ for kind in kinds if "forward" in kind.__dict__]:
            left[path] = f"it is {others[0]} already: take a fresh layer"
        else:
            add_kind(layer, Synchronised)
            layer.process_group = group
            changed[path] = f"statistics over {dist.get_world_size(group)} replicas"
    return outcome("synchronise", model, changed, left)


class Synchronised(Kind, nn.Module):
    """A layer whose statistics in training are those of all replicas."""

    def forward(self: Any, x: Tensor) -> Tensor:
        """Normalise x, a shard, as a part of the whole batch. Raises as the layer does."""
        by_batch = self.training or self.running_mean is None
        if not by_batch:
            return super().forward(x)
        self._check_input_dim(x)
        if x.size(1) != self.num_features:
            raise RuntimeError(
                f"need {self.num_features} channels, got {x.size(1)} of shape {tuple(x.shape)}: "
                "channels are axis 1"
            )
        if not dist.is_initialized():
            raise RuntimeError(
                "need a process group in training, got none: call "
                "torch.distributed.init_process_group(), or eval()"
            )
        y, mean, var, n = _Normalise.apply(x, self.weight, self.bias, self.eps, self.process_group)
        if self.training and self.running_mean is not None:
            _update(self, mean, (var * (n / (n - 1))).to(var.dtype))
        return y


def _update(layer: _BatchNorm, mean: Tensor, var: Tensor) -> None:
    """Move the running statistics, as torch does: momentum None is the average of all batches."""
    assert layer.running_mean is not None and layer.running_var is not None
    momentum = layer.momentum
    if layer.num_batches_tracked is not None:
        layer.num_batches_tracked.add_(1)
        if momentum is None:
            momentum = 1 / int(layer.num_batches_tracked)
    for running, batch in ((layer.running_mean, mean), (layer.running_var, var)):
        running.lerp_(batch.to(running.dtype), momentum or 0.0)


class _Normalise(torch.autograd.Function):
    """x, a shard, to (y, mean, biased var, n) of all shards; one all-reduce each way."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gamma: Tensor | None, beta: Tensor | None, eps: float, group: Any
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        values = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        mean, var, n = _moments(values, group)
        rstd = (var + eps).rsqrt()
        y = (values - _along(mean, x)) * _along(rstd, x)
        y = y if gamma is None else y * _along(gamma, x)
        y = y if beta is None else y + _along(beta, x)
        ctx.save_for_backward(x, gamma, mean, rstd, n)
        ctx.group = group
        ctx.mark_non_differentiable(mean, var, n)
        return y.to(x.dtype), mean, var, n

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        x, gamma, mean, rstd, n = ctx.saved_tensors
        axes = (0, *range(2, x.dim()))
        dy = dy.to(mean.dtype)
        x_hat = (x - _along(mean, x)) * _along(rstd, x)
        local = torch.stack([dy.sum(axes), (dy * x_hat).sum(axes)])
        total = local.clone()
        dist.all_reduce(total, group=ctx.group)
        dbeta, dgamma = (_along((v / n).to(v.dtype), x) for v in total)
        scale = rstd if gamma is None else rstd * gamma
        dx = _along(scale, x) * (dy - dbeta - x_hat * dgamma)
        needs = ctx.needs_input_grad
        return (
            dx.to(x.dtype),
            local[1].to(gamma.dtype) if gamma is not None and needs[1] else None,
            local[0].to(gamma.dtype if gamma is not None else local.dtype) if needs[2] else None,
            None,
            None,
        )


def _moments(x: Tensor, group: Any) -> tuple[Tensor, Tensor, Tensor]:
    """(mean, var, n) over all shards, exactly as of one batch.

    Every replica writes its own row of zeros, so that one sum over replicas brings the rows of
    all: count, mean, sum of squared deviations. Sums of squares about 0 would cancel; so would
    differences of means that are rounded to float32, so that rows are in float64.
    """
    channels = x.size(1)
    values = x.transpose(0, 1).flatten(1)
    n = values.size(1)
    rows = x.new_zeros(dist.get_world_size(group), 2 * channels + 1, dtype=torch.float64)
    if n:
        rough = values.mean(1)
        deviations = values - rough[:, None]
        rest = deviations.mean(1).double()
        squares = deviations.square().sum(1).double() - n * rest.square()
        row = torch.cat([rows.new_tensor([n]), rough.double() + rest, squares])
        rows[dist.get_rank(group)] = row
    dist.all_reduce(rows, group=group)
    counts, means, squares = rows.split([1, channels, channels], 1)
    total = counts.sum()
    if total < 2:
        raise ValueError(
            f"need more than 1 value per channel over all replicas, got {int(total)}: "
            "use a larger batch, or eval()"
        )
    mean = (counts * means).sum(0) / total
    var = (squares + counts * (means - mean).square()).sum(0) / total
    return mean.to(x.dtype), var.to(x.dtype), total


def _along(v: Tensor, x: Tensor) -> Tensor:
    """(C,) to multiply x, (N, C, ...)."""
    return v.view(1, -1, *(1,) * (x.dim() - 2))
