"""Batch normalization layers for PyTorch, written from scratch: drop-ins for torch's own.

`BatchNorm1d`, `BatchNorm2d` and `BatchNorm3d` take the same arguments as torch.nn's, hold the same
state_dict, and raise the same types of exception.

The parameters are called weight and bias, as in torch, so that state_dicts interchange; gamma and
beta are their names in the book.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn.modules import batchnorm

from bnlib.nn.autograd import batch_norm, batch_norm_eval
from bnlib.nn.checks import check_batch, check_state
from bnlib.nn.formulas import spread, values_per_channel

# what cannot look into the computation, told at once
OPAQUE = (
    "need torch's own layers for {}, got bnlib's: "
    'use convert(model, to="torch"), which keeps parameters and statistics'
)


class _BatchNorm(batchnorm._BatchNorm):
    """What the layers for all shapes share; they differ in the number of axes they take.

    Torch's classes are the bases, so that whatever looks for batch normalization in a model finds
    these layers too; loading and printing are theirs. State and computation are ours.
    """

    _ndims: ClassVar[tuple[int, ...]]

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        """Take the arguments of torch's layer.

        num_features: C; eps: inside the root; momentum: weight of the new batch in the running
        statistics, None for the average over all batches; affine: learn gamma and beta;
        track_running_stats: keep running statistics, else evaluation uses the batch as well;
        bias: learn beta too, where affine.
        """
        nn.Module.__init__(self)  # not the base's: the state is registered here, to be read
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats

        def vector() -> Tensor:
            return torch.empty(num_features, device=device, dtype=dtype)

        self.register_parameter("weight", nn.Parameter(vector()) if affine else None)
        self.register_parameter("bias", nn.Parameter(vector()) if affine and bias else None)
        count = torch.zeros((), dtype=torch.long, device=device)
        self.register_buffer("running_mean", vector() if track_running_stats else None)
        self.register_buffer("running_var", vector() if track_running_stats else None)
        self.register_buffer("num_batches_tracked", count if track_running_stats else None)
        self.reset_parameters()

    @property
    def gamma(self) -> nn.Parameter | None:
        """The scale of the book: weight, by another name. Read-only."""
        return self.weight

    @property
    def beta(self) -> nn.Parameter | None:
        """The shift of the book: bias, by another name. Read-only."""
        return self.bias

    def forward(self, input: Tensor) -> Tensor:
        """Normalise the input x: by its own statistics in training, by the running ones else.

        x: (N, C) or (N, C, *spatial), as the class says. Returns y, like x. In training the
        running statistics move towards those of x; the variance takes the factor n/(n − 1).
        Raises what torch's layer raises: ValueError for another number of axes, for 1 value per
        channel and for eps <= 0 in training; RuntimeError for another number of channels, other
        types or another device than the layer's; NotImplementedError for integers and complex
        numbers. A batch that is refused leaves the layer as it was.
        Ioffe & Szegedy 2015, algorithms 1 and 2.
        """
        if isinstance(input, Proxy):
            raise TypeError(OPAQUE.format("torch.fx's tracing"))
        x = input  # the name that torch gives it
        self._check_input_dim(x)
        weight, bias = self.weight, self.bias
        running_mean, running_var = self.running_mean, self.running_var
        training = self.training or (running_mean is None and running_var is None)
        check_batch(x, self.eps, training)
        check_state(x, (weight, bias, running_mean, running_var), training)
        track = self.training and self.track_running_stats
        count = self.num_batches_tracked
        if track and count is not None:
            count.add_(1)
        if x.numel() == 0:
            return self._forward_empty(x)
        if not training:
            assert running_mean is not None and running_var is not None
            return batch_norm_eval(x, running_mean, running_var, weight, bias, self.eps)
        y, mu, var = batch_norm(x, weight, bias, self.eps)
        if track and running_mean is not None and running_var is not None:
            n = values_per_channel(x)
            self._update(running_mean, mu)
            self._update(running_var, var * (n / (n - 1)))
        return y

    def __prepare_scriptable__(self) -> Any:
        """What torch.jit.script asks first."""
        raise TypeError(OPAQUE.format("torch.jit.script"))

    def _check_input_dim(self, x: Tensor) -> None:
        """Refuse a number of axes that the class does not take; torch calls this so too."""
        if x.dim() not in self._ndims:
            allowed = " or ".join(f"{ndim}D" for ndim in self._ndims)
            raise ValueError(
                f"need {allowed} input, got {x.dim()}D of shape {tuple(x.shape)}: "
                "reshape it, or use the layer for that number of axes"
            )

    def _update(self, running: Tensor, batch: Tensor) -> None:
        """Move a running statistic, in place, towards that of a batch."""
        momentum: Tensor | float | None = self.momentum
        if momentum is None:  # the average over all batches
            count = self.num_batches_tracked
            momentum = 0.0 if count is None else count.to(batch.dtype).reciprocal()
        if running.dtype == batch.dtype and not torch._C._are_functorch_transforms_active():
            running.lerp_(batch, momentum)
        else:  # in the type of the batch, which is the wider one; and vmap has no rule for lerp
            running.copy_(running.to(batch.dtype) * (1 - momentum) + batch * momentum)

    def _forward_empty(self, x: Tensor) -> Tensor:
        """y of an empty batch: as empty, and joined to gamma and beta, whose gradients are 0."""
        y = x.clone()
        y = y if self.weight is None else y * spread(self.weight, x)
        y = y if self.bias is None else y + spread(self.bias, x)
        return y.to(x.dtype)


class BatchNorm1d(_BatchNorm, nn.BatchNorm1d):
    """Batch normalization of (N, C) or (N, C, L), as torch.nn.BatchNorm1d.

    For arguments, state and errors see `_BatchNorm`; Ioffe & Szegedy 2015, section 3.

    >>> layer = BatchNorm1d(2)
    >>> y = layer(torch.tensor([[1.0, 10.0], [3.0, 30.0]]))
    >>> y
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]], grad_fn=<_BatchNormBackward>)
    >>> layer.running_mean, layer.running_var
    (tensor([0.2000, 2.0000]), tensor([ 1.1000, 20.9000]))
    """

    _ndims = (2, 3)


class BatchNorm2d(_BatchNorm, nn.BatchNorm2d):
    """Batch normalization of (N, C, H, W), as torch.nn.BatchNorm2d.

    For arguments, state and errors see `_BatchNorm`; Ioffe & Szegedy 2015, section 3.2.
    """

    _ndims = (4,)


class BatchNorm3d(_BatchNorm, nn.BatchNorm3d):
    """Batch normalization of (N, C, D, H, W), as torch.nn.BatchNorm3d.

    For arguments, state and errors see `_BatchNorm`; Ioffe & Szegedy 2015, section 3.2.
    """

    _ndims = (5,)
