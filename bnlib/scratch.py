"""Batch normalization as a NumPy layer with state: parameters, running statistics, two modes."""

from typing import Self

import numpy as np
import numpy.typing as npt

from bnlib.checks import check_eps, check_momentum, check_x
from bnlib.functional import (
    Array,
    batch_norm,
    batch_norm_backward,
    batch_norm_eval,
    batch_norm_eval_backward,
    unbiased,
    update_running,
    values_per_channel,
)


class BatchNorm:
    """Normalise every channel of (N, C) or (N, C, *spatial): a layer with forward and backward.

    num_features: C; eps: inside the root, > 0; momentum: weight of the new batch in the running
    statistics, 0 < momentum <= 1, or None for the plain average over all batches seen.
    The parameters gamma and beta, their gradients dgamma and dbeta (None before the first
    backward), running_mean and running_var are (C,), float64; y and dx take the type of x.
    Raises ValueError for num_features < 1, eps <= 0 or a momentum outside (0, 1].
    Source: Ioffe & Szegedy 2015, algorithms 1 and 2.

    Train on a batch of four examples with two channels on very different scales:

    >>> layer = BatchNorm(num_features=2, momentum=0.5)
    >>> x = np.array([[1.0, 10.0], [2.0, 30.0], [3.0, 30.0], [6.0, 50.0]])
    >>> layer(x).round(3)
    array([[-1.069, -1.414],
           [-0.535,  0.   ],
           [ 0.   ,  0.   ],
           [ 1.604,  1.414]])

    The means are 3 and 30, the variances 3.5 and 200, divided by n = 4. The running statistics
    start at 0 and 1 and go half of the way; the running variance goes towards the unbiased
    variances 4.667 and 266.667, divided by n − 1:

    >>> layer.running_mean
    array([ 1.5, 15. ])
    >>> layer.running_var.round(3)
    array([  2.833, 133.833])

    In evaluation mode every example is mapped by itself, with the running statistics:

    >>> layer.eval()(x[:1]).round(3)
    array([[-0.297, -0.432]])

    backward differentiates the forward that came last, here in training mode: dx sums to zero
    in every channel, since adding a constant to x changes nothing.

    >>> y = layer.train()(x)
    >>> dx = layer.backward(np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 2.0]]))
    >>> dx.round(4)
    array([[ 0.2482,  0.0354],
           [-0.21  , -0.0354],
           [-0.1336, -0.0354],
           [ 0.0954,  0.0354]])
    >>> layer.dgamma.round(3), layer.dbeta
    (array([-1.069,  2.828]), array([1., 2.]))
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1) -> None:
        if num_features < 1:
            raise ValueError(
                f"num_features must be at least 1, got {num_features}: "
                "it is the number of channels, x.shape[1]"
            )
        check_eps(eps)
        if momentum is not None:
            check_momentum(momentum)
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.training = True
        self.gamma: Array = np.ones(num_features)
        self.beta: Array = np.zeros(num_features)
        self.dgamma: Array | None = None
        self.dbeta: Array | None = None
        self.running_mean: Array = np.zeros(num_features)
        self.running_var: Array = np.ones(num_features)
        self.num_batches_tracked = 0
        self._last: _Forward | None = None

    def train(self, mode: bool = True) -> Self:
        """Use the batch's statistics from now on, and track them. Returns the layer."""
        self.training = mode
        return self

    def eval(self) -> Self:
        """Use the running statistics from now on, and leave them alone. Returns the layer."""
        return self.train(False)

    def forward(self, x: npt.ArrayLike) -> Array:
        """Normalise x; in training mode, update the running statistics too.

        x: (N, C) or (N, C, *spatial). Returns y, like x.
        Raises as batch_norm does; after an error the layer is as it was before.
        """
        x = check_x(x)
        if x.shape[1] != self.num_features:
            raise ValueError(
                f"x must have {self.num_features} channels on axis 1, got shape {x.shape}: "
                "move the channels there, or make the layer for that many"
            )
        if self.training:
            y, mu, var = batch_norm(x, self.gamma, self.beta, self.eps)
            self._track(mu, var, values_per_channel(x))
        else:
            y = batch_norm_eval(
                x, self.running_mean, self.running_var, self.gamma, self.beta, self.eps
            )
        self._last = _Forward(self, x)
        return y

    __call__ = forward

    def backward(self, dy: npt.ArrayLike) -> Array:
        """Differentiate the last forward, in the mode that it ran in.

        dy: the gradient of the loss at y, shaped like it. Returns dx; sets dgamma and dbeta,
        which replace those of the backward before.
        Raises RuntimeError before the first forward, ValueError for a dy of another shape.
        """
        if self._last is None:
            raise RuntimeError("backward needs a forward, got none: call forward(x) first")
        dx, self.dgamma, self.dbeta = self._last.gradients(dy)
        return dx

    def _track(self, mu: Array, var: Array, n: int) -> None:
        """Take one batch into the running statistics. Ioffe & Szegedy 2015, section 3.1."""
        self.num_batches_tracked += 1
        # None: the weight 1/k of the k-th batch makes the plain average of all of them.
        momentum = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self.running_mean = update_running(self.running_mean, mu, momentum)
        self.running_var = update_running(self.running_var, unbiased(var, n), momentum)


class _Forward:
    """What backward needs of a forward: copies, so that what happens later changes nothing."""

    def __init__(self, layer: BatchNorm, x: Array) -> None:
        self.training, self.eps = layer.training, layer.eps
        self.x, self.gamma = x.copy(), layer.gamma.copy()
        self.running_mean, self.running_var = layer.running_mean.copy(), layer.running_var.copy()

    def gradients(self, dy: npt.ArrayLike) -> tuple[Array, Array, Array]:
        """dx, dgamma and dbeta by the formula of the mode."""
        if self.training:
            return batch_norm_backward(dy, self.x, self.gamma, self.eps)
        return batch_norm_eval_backward(
            dy, self.x, self.running_mean, self.running_var, self.gamma, self.eps
        )
