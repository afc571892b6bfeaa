"""Checking a backward pass: finite differences, wrong versions to find, and checks to find them."""

from collections.abc import Callable

import numpy as np

from bnlib.functional import Array, batch_norm, batch_norm_backward

Backward = Callable[[Array, Array, Array, float], Array]
EPS = 1e-5


def numerical_gradient(f: Callable[[Array], float], x: Array, h: float = 1e-5) -> Array:
    """The gradient of f at x by central differences, one element of x at a time.

    f: from an array like x to a number; x: float64, left as it was; h: the step.
    Returns an array like x, with an error of the order h² from the curvature of f plus
    rounding / h.

    >>> numerical_gradient(lambda x: float((x**2).sum()), np.array([1.0, -3.0])).round(6)
    array([ 2., -6.])
    """
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        gradient[i] = (f(up) - f(down)) / (2 * h)
    return gradient


def difference(a: Array, b: Array, scale: float | None = None) -> float:
    """Largest |a − b|, relative to `scale` or, without it, to the largest of |a| and |b|."""
    scale = max(float(np.abs(a).max()), float(np.abs(b).max())) if scale is None else scale
    return float(np.abs(a - b).max()) / scale if scale > 0 else 0.0


def _parts(dy: Array, x: Array, gamma: Array, eps: float) -> tuple[Array, Array, Array, Array]:
    """γ/√(σ² + ε), x̂, mean(dy) and mean(dy·x̂) of an x `(N, C)`."""
    _, mu, var = batch_norm(x, gamma, np.zeros_like(gamma), eps)
    inv_std = 1 / np.sqrt(var + eps)
    x_hat = (x - mu) * inv_std
    return gamma * inv_std, x_hat, dy.mean(0), (dy * x_hat).mean(0)


def statistics_constant(dy: Array, x: Array, gamma: Array, eps: float) -> Array:
    """Wrong: μ and σ² are taken as constants."""
    factor, _, _, _ = _parts(dy, x, gamma, eps)
    return factor * dy


def without_mean_path(dy: Array, x: Array, gamma: Array, eps: float) -> Array:
    """Wrong: the path through μ is missing."""
    factor, x_hat, _, mean_dy_x_hat = _parts(dy, x, gamma, eps)
    return factor * (dy - x_hat * mean_dy_x_hat)


def without_variance_path(dy: Array, x: Array, gamma: Array, eps: float) -> Array:
    """Wrong: the path through σ² is missing."""
    factor, _, mean_dy, _ = _parts(dy, x, gamma, eps)
    return factor * (dy - mean_dy)


def without_gamma(dy: Array, x: Array, gamma: Array, eps: float) -> Array:
    """Wrong: γ is left out."""
    return correct(dy, x, np.ones_like(gamma), eps)


def divided_by_variance(dy: Array, x: Array, gamma: Array, eps: float) -> Array:
    """Wrong: the factor is γ/(σ² + ε), without the root."""
    factor, _, _, _ = _parts(dy, x, np.ones_like(gamma), eps)
    return correct(dy, x, gamma, eps) * factor


def correct(dy: Array, x: Array, gamma: Array, eps: float) -> Array:
    """Right: the closed form."""
    return batch_norm_backward(dy, x, gamma, eps)[0]


BACKWARDS: dict[str, Backward] = {
    "μ and σ² as constants": statistics_constant,
    "path through μ missing": without_mean_path,
    "path through σ² missing": without_variance_path,
    "γ left out": without_gamma,
    "divided by σ² + ε, no root": divided_by_variance,
    "the correct one": correct,
}


def against_differences(
    backward: Backward, x: Array, dy: Array, gamma: Array, eps: float = EPS
) -> float:
    """Largest error of `backward` against central differences, relative to max |γ dy|/√(σ² + ε)."""

    def loss(x: Array) -> float:
        y, _, _ = batch_norm(x, gamma, np.zeros_like(gamma), eps)
        return float((dy * y).sum())

    factor, _, _, _ = _parts(dy, x, gamma, eps)
    scale = float(np.abs(factor * dy).max())
    return difference(backward(dy, x, gamma, eps), numerical_gradient(loss, x), scale)


def sum_of_dx(backward: Backward, x: Array, dy: Array, gamma: Array, eps: float = EPS) -> float:
    """Largest |Σ dx| over the channels, relative to Σ |dx|; 0 by the first identity."""
    dx = backward(dy, x, gamma, eps)
    return float((np.abs(dx.sum(0)) / np.abs(dx).sum(0)).max())


def sum_of_dx_x_hat(
    backward: Backward, x: Array, dy: Array, gamma: Array, eps: float = EPS
) -> float:
    """Largest |Σ dx·x̂| over the channels, relative to Σ |dx·x̂|; nearly 0 by the second one."""
    _, x_hat, _, _ = _parts(dy, x, gamma, eps)
    products = backward(dy, x, gamma, eps) * x_hat
    return float((np.abs(products.sum(0)) / np.abs(products).sum(0)).max())


def checks_of(x: Array, dy: Array, gamma: Array) -> dict[str, Callable[[Backward], float]]:
    """Six checks of a backward pass, by name; each returns an error, small if all is well.

    x, dy: (N, C) with N >= 4, float64; gamma: (C,), not all ones. The weak ones use parts of them.
    """
    ones = np.ones_like(gamma)
    return {
        "N = 2": lambda b: against_differences(b, x[:2], dy[:2], gamma),
        "dy = 1": lambda b: against_differences(b, x, np.ones_like(dy), gamma),
        "γ = 1": lambda b: against_differences(b, x, dy, ones),
        "Σ dx": lambda b: sum_of_dx(b, x, dy, gamma),
        "Σ dx·x̂": lambda b: sum_of_dx_x_hat(b, x, dy, gamma),
        "random dy, N ≥ 4, γ ≠ 1": lambda b: against_differences(b, x, dy, gamma),
    }
