"""Batch normalization as pure functions of NumPy arrays.

Shapes: x, dy, dx and y are (N, C) or (N, C, *spatial) with up to three spatial axes;
gamma, beta, mu, var and the running statistics are (C,), one value per channel.
n is the number of values per channel: N, or N·H·W for images.

Types: float32 and float64 come back as they went in. The arithmetic in between is float64,
so a large mean in float32 costs no accuracy. float16 is refused: its variance overflows
at a spread of 256.

NaN and inf stay in their own channel, and appear in the result rather than as warnings.
No function changes its arguments.

Source: Ioffe & Szegedy 2015, algorithm 1 and section 3.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bnlib.checks import check_eps, check_like, check_momentum, check_vector, check_x

Array = npt.NDArray[np.floating]

# The result shows an overflow or a NaN by itself: no RuntimeWarning on top.
_quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")


@_quiet
def batch_norm(
    x: npt.ArrayLike, gamma: npt.ArrayLike, beta: npt.ArrayLike, eps: float = 1e-5
) -> tuple[Array, Array, Array]:
    """Normalise x with the statistics of its own batch: training mode.

    x: (N, C) or (N, C, *spatial); gamma, beta: (C,); eps > 0, inside the root.
    Returns (y, mu, var): y like x, the batch mean and the biased batch variance, both (C,).
    Raises ValueError for fewer than 2 values per channel, a wrong shape or eps <= 0;
    TypeError for anything but float32 and float64.  Ioffe & Szegedy 2015, algorithm 1.

    >>> y, mu, var = batch_norm([[1.0, 10.0], [3.0, 30.0]], gamma=[1.0, 1.0], beta=[0.0, 5.0])
    >>> mu, var
    (array([ 2., 20.]), array([  1., 100.]))
    >>> y.round(3)
    array([[-1.,  4.],
           [ 1.,  6.]])
    """
    x = check_x(x)
    gamma, beta = check_vector("gamma", gamma, x), check_vector("beta", beta, x)
    mu, var, centred, inv_std = _standardise(x, eps)
    x_hat = centred * _spread(inv_std, x)
    y = _spread(gamma, x) * x_hat + _spread(beta, x)
    return y.astype(x.dtype), mu.astype(x.dtype), var.astype(x.dtype)


@_quiet
def batch_norm_eval(
    x: npt.ArrayLike,
    running_mean: npt.ArrayLike,
    running_var: npt.ArrayLike,
    gamma: npt.ArrayLike,
    beta: npt.ArrayLike,
    eps: float = 1e-5,
) -> Array:
    """Normalise x with fixed statistics: evaluation mode, the same map for every example.

    x: (N, C) or (N, C, *spatial), N may be 1; the other arrays (C,); eps > 0.
    Returns y, like x.
    Raises ValueError for a wrong shape or eps <= 0; TypeError for anything but float32 and
    float64.  Ioffe & Szegedy 2015, algorithm 2, step 11.
    """
    x = check_x(x)
    gamma, beta = check_vector("gamma", gamma, x), check_vector("beta", beta, x)
    x_hat, _ = _standardise_fixed(x, running_mean, running_var, eps)
    y = _spread(gamma, x) * x_hat + _spread(beta, x)
    return y.astype(x.dtype)


@_quiet
def batch_norm_backward(
    dy: npt.ArrayLike, x: npt.ArrayLike, gamma: npt.ArrayLike, eps: float = 1e-5
) -> tuple[Array, Array, Array]:
    """Gradients of the training mode, in closed form.

        dx = gamma / sqrt(var + eps) · (dy − mean(dy) − x_hat · mean(dy · x_hat))

    dy, x: (N, C) or (N, C, *spatial), the same shape; gamma: (C,); eps as in the forward.
    Returns (dx, dgamma, dbeta): dx like x, the others (C,).
    Raises as batch_norm does.  The formulas of Ioffe & Szegedy 2015, section 3, collected.
    """
    x, dy = check_x(x), check_like("dy", dy, x)
    gamma = check_vector("gamma", gamma, x)
    n = values_per_channel(x)
    _, _, centred, inv_std = _standardise(x, eps)
    x_hat = centred * _spread(inv_std, x)
    dgamma = _total(dy * x_hat)
    dbeta = _total(dy)
    dx = _spread(gamma * inv_std, x) * (dy - _spread(dbeta / n, x) - x_hat * _spread(dgamma / n, x))
    return dx.astype(x.dtype), dgamma.astype(x.dtype), dbeta.astype(x.dtype)


class Gradients(NamedTuple):
    """The gradient of the loss at every node of the training graph, output first.

    The graph: mu = mean(x), centred = x − mu, var = mean(centred²),
    inv_std = 1/sqrt(var + eps), x_hat = centred · inv_std, y = gamma · x_hat + beta.
    dx_hat, dcentred and dx are like x; the others are (C,).
    """

    dbeta: Array
    dgamma: Array
    dx_hat: Array
    dinv_std: Array
    dvar: Array
    dcentred: Array
    dmu: Array
    dx: Array


@_quiet
def batch_norm_backward_graph(
    dy: npt.ArrayLike, x: npt.ArrayLike, gamma: npt.ArrayLike, eps: float = 1e-5
) -> Gradients:
    """Gradients of the training mode, node by node from y back to x.

    dy, x: (N, C) or (N, C, *spatial), the same shape; gamma: (C,); eps as in the forward.
    Returns a Gradients tuple, whose dx, dgamma and dbeta equal those of batch_norm_backward.
    Raises as batch_norm does.  Ioffe & Szegedy 2015, section 3, the six equations.
    """
    x, dy = check_x(x), check_like("dy", dy, x)
    gamma = check_vector("gamma", gamma, x)
    n = values_per_channel(x)
    _, _, centred, inv_std = _standardise(x, eps)

    # y = gamma · x_hat + beta
    dbeta = _total(dy)
    dgamma = _total(dy * centred * _spread(inv_std, x))
    dx_hat = dy * _spread(gamma.astype(np.float64), x)
    # x_hat = centred · inv_std, and inv_std = (var + eps)^(-1/2)
    dinv_std = _total(dx_hat * centred)
    dvar = dinv_std * -0.5 * inv_std**3
    # centred reaches x_hat directly, and through var = sum(centred²) / n
    dcentred = dx_hat * _spread(inv_std, x) + _spread(dvar, x) * 2 * centred / n
    # centred = x − mu: the path through var adds nothing to dmu, since sum(centred) = 0
    dmu = -_total(dcentred)
    # x reaches centred directly, and through mu = sum(x) / n
    dx = dcentred + _spread(dmu / n, x)

    gradients = (dbeta, dgamma, dx_hat, dinv_std, dvar, dcentred, dmu, dx)
    return Gradients(*(gradient.astype(x.dtype) for gradient in gradients))


@_quiet
def batch_norm_eval_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    running_mean: npt.ArrayLike,
    running_var: npt.ArrayLike,
    gamma: npt.ArrayLike,
    eps: float = 1e-5,
) -> tuple[Array, Array, Array]:
    """Gradients of the evaluation mode: the statistics are constants, no path leads through them.

    dy, x: (N, C) or (N, C, *spatial), the same shape; the other arrays (C,); eps > 0.
    Returns (dx, dgamma, dbeta): dx like x, the others (C,).
    Raises as batch_norm_eval does.  Derived from Ioffe & Szegedy 2015, algorithm 2, step 11.
    """
    x, dy = check_x(x), check_like("dy", dy, x)
    gamma = check_vector("gamma", gamma, x)
    x_hat, inv_std = _standardise_fixed(x, running_mean, running_var, eps)
    dgamma, dbeta = _total(dy * x_hat), _total(dy)
    dx = dy * _spread(gamma * inv_std, x)
    return dx.astype(x.dtype), dgamma.astype(x.dtype), dbeta.astype(x.dtype)


@_quiet
def update_running(running: npt.ArrayLike, batch: npt.ArrayLike, momentum: float) -> Array:
    """Move a running statistic towards a batch statistic.

    running, batch: (C,); momentum: weight of `batch`, 0 < momentum <= 1.
    Returns a new (C,) array of the type of `running`.
    Raises ValueError for unequal shapes or a momentum outside (0, 1]; TypeError for anything
    but float32 and float64.  Ioffe & Szegedy 2015, section 3.1.

    >>> update_running([0.0, 1.0], [10.0, 1.0], momentum=0.1)
    array([1., 1.])
    """
    check_momentum(momentum)
    running = check_vector("running", running)
    old = running.astype(np.float64)
    new = check_vector("batch", batch, running).astype(np.float64)
    return ((1 - momentum) * old + momentum * new).astype(running.dtype)


def unbiased(var: npt.ArrayLike, n: int) -> Array:
    """Correct a biased variance, divided by n, to the unbiased one, divided by n − 1.

    var: (C,); n: the values per channel that var was taken over.
    Returns a new (C,) array.
    Raises ValueError for n < 2.  Ioffe & Szegedy 2015, section 3.1: Var[x] = m/(m−1) · E[σ²].

    >>> unbiased([3.0, 6.0], n=4)
    array([4., 8.])
    """
    if n < 2:
        raise ValueError(f"need more than 1 value per channel, got {n}: use a larger batch")
    return check_vector("var", var) * (n / (n - 1))


def values_per_channel(x: Array) -> int:
    """Count the values that share one mean and one variance: n = N, or N·H·W.

    >>> values_per_channel(np.zeros((32, 3, 8, 8)))
    2048
    """
    return int(np.prod([x.shape[axis] for axis in _axes(x)]))


def _standardise(x: Array, eps: float) -> tuple[Array, Array, Array, Array]:
    """Batch statistics of x: mu, var, centred = x − mu, inv_std = 1/sqrt(var + eps)."""
    check_eps(eps)
    n = values_per_channel(x)
    if n < 2:
        raise ValueError(
            f"need more than 1 value per channel, got {n}: use a larger batch, or eval()"
        )
    mu = x.mean(axis=_axes(x), dtype=np.float64)
    # Two passes: the second one squares small numbers. E[x²] − E[x]² would subtract two large
    # ones, and lose every digit once the mean is large against the spread.
    centred = x - _spread(mu, x)
    var = _total(centred**2) / n
    return mu, var, centred, 1 / np.sqrt(var + eps)


def _standardise_fixed(
    x: Array, running_mean: npt.ArrayLike, running_var: npt.ArrayLike, eps: float
) -> tuple[Array, Array]:
    """x_hat and inv_std under given statistics."""
    check_eps(eps)
    running_mean = check_vector("running_mean", running_mean, x).astype(np.float64)
    running_var = check_vector("running_var", running_var, x).astype(np.float64)
    inv_std = 1 / np.sqrt(running_var + eps)
    return (x - _spread(running_mean, x)) * _spread(inv_std, x), inv_std


def _axes(x: Array) -> tuple[int, ...]:
    """Every axis but C."""
    return (0, *range(2, x.ndim))


def _spread(v: Array, x: Array) -> Array:
    """Lay the (C,) vector v along axis 1 of x: (1, C, 1, ...)."""
    return v.reshape(1, -1, *(1,) * (x.ndim - 2))


def _total(values: Array) -> Array:
    """Sum over every axis but C."""
    return values.sum(axis=_axes(values), dtype=np.float64)
