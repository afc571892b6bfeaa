"""Laws of exercise 4: what must hold of a right result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bncheck.questions.question import (
    Inputs,
    Law,
)


def numerical_gradient(f: Callable[[np.ndarray], float], x: np.ndarray, h: float) -> np.ndarray:
    point = np.array(x, dtype=np.float64)
    gradient = np.zeros_like(point)
    for i in np.ndindex(point.shape):
        up = point.copy()
        up[i] += h
        above = f(up)
        down = point.copy()
        down[i] -= h
        below = f(down)
        gradient[i] = (above - below) / (2 * h)
    return gradient


def batch_norm_backward(
    dy: np.ndarray, x: np.ndarray, gamma: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    axes = (0, *range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    n = x.size / x.shape[1]
    mu = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    inv_std = 1 / np.sqrt(var + eps)
    x_hat = (x - mu) * inv_std
    dgamma = (dy * x_hat).sum(axis=axes, keepdims=True)
    dbeta = dy.sum(axis=axes, keepdims=True)
    along_x_hat = x_hat * dgamma / n
    scale = gamma.reshape(shape) * inv_std
    dx = scale * (dy - dbeta / n - along_x_hat)
    return dx, dgamma.ravel(), dbeta.ravel()


Value = Callable[[Inputs], np.ndarray]


Loss = Callable[[Inputs, np.ndarray], float]


Pick = Callable[[dict[str, Any]], Any]


def along(v: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The (C,) vector v as (1, C, 1, …)."""
    return v.reshape(1, -1, *(1,) * (x.ndim - 2))


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance of each channel."""
    axes = (0, *range(2, x.ndim))
    return x.mean(axis=axes), x.var(axis=axes)


def normalised(x: np.ndarray, mu: np.ndarray, var: np.ndarray, eps: float) -> np.ndarray:
    """(x − mu)/√(var + eps), channel by channel."""
    return (x - along(mu, x)) / np.sqrt(along(var, x) + eps)


def weighted(inputs: Inputs, x_hat: np.ndarray, gamma: np.ndarray | None = None) -> float:
    """The loss Σ dy·y for this x_hat; β is left out: it moves the loss by a constant."""
    scale = inputs["gamma"] if gamma is None else gamma
    return float((inputs["dy"] * along(scale, x_hat) * x_hat).sum())


def train_x_hat(inputs: Inputs, x: np.ndarray | None = None) -> np.ndarray:
    """x_hat in training mode, of the input's x or of another one."""
    x = inputs["x"] if x is None else x
    return normalised(x, *batch_statistics(x), inputs["eps"])


def eval_x_hat(inputs: Inputs, x: np.ndarray | None = None) -> np.ndarray:
    """x_hat in evaluation mode."""
    x = inputs["x"] if x is None else x
    return normalised(x, inputs["running_mean"], inputs["running_var"], inputs["eps"])


def loss_of_var(inputs: Inputs, var: np.ndarray) -> float:
    """The loss where σ² is moved, and the deviations stay as they are."""
    mu, _ = batch_statistics(inputs["x"])
    return weighted(inputs, normalised(inputs["x"], mu, var, inputs["eps"]))


def loss_of_mu(inputs: Inputs, mu: np.ndarray) -> float:
    """The loss where μ is moved, and with it the deviations and their mean square."""
    var = ((inputs["x"] - along(mu, inputs["x"])) ** 2).mean(axis=0)
    return weighted(inputs, normalised(inputs["x"], mu, var, inputs["eps"]))


def part(number: int) -> Pick:
    """The part of that number of the result `out`."""
    return lambda values: values["out"][number]


def entry(name: str) -> Pick:
    """The entry of that name of the result `out`, where it is kept by itself."""
    return lambda values: values[f"out['{name}']"]


def slope(label: str, moved: str, pick: Pick, start: Value, loss: Loss) -> Law:
    """What `pick` finds in the result is the gradient of `loss` at `start`.

    label: the name of the gradient; moved: of what is moved.
    """

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        got = pick(values)
        at = start(inputs)
        step = min(1e-6, 1e-4 * np.abs(at[at != 0]).min())
        rates = numerical_gradient(lambda value: loss(inputs, value), at, step)
        gap = np.abs(got - rates)
        worst = np.unravel_index(int(np.argmax(gap)), gap.shape)
        if gap[worst] <= 1e-4 * (np.abs(rates).max() + 1e-3):
            return None
        place = f"[{', '.join(map(str, worst))}]"
        said = (
            f"let {moved}{place} grow by a tiny δ: the loss Σ dy·y then changes by "
            f"{rates[worst]:.4g}·δ, and by your `{label}{place}` it would be {got[worst]:.4g}·δ."
        )
        return f"{said} {proportion(label, got, rates)}".strip()

    return Law(f"slope of {label}", broken)


def proportion(label: str, got: np.ndarray, right: np.ndarray) -> str:
    """A sentence where all of `got` is the same multiple of `right`, else nothing."""
    factor = float((got * right).sum() / (right * right).sum())
    if np.abs(got - factor * right).max() > 1e-4 * np.abs(got).max() or abs(factor) < 1e-6:
        return ""
    return f"All of `{label}` is {factor:.4g} times what it should be: look for a factor."


def sum_of_dx(pick: Pick) -> Law:
    """In each channel `dx` adds up to zero."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        dx = pick(values)
        axes = (0, *range(2, dx.ndim))
        sums, sizes = dx.sum(axis=axes), np.abs(dx).sum(axis=axes)
        worst = int(np.argmax(np.abs(sums) / (sizes + 1e-12)))
        if abs(sums[worst]) < 1e-8 * (1 + sizes[worst]):
            return None
        return (
            f"in channel {worst} `dx` adds up to {sums[worst]:.4g}, expected 0: adding the same "
            "to all x of a channel changes no output. A path back to x is missing, or too large."
        )

    return Law("sum of dx", broken)


def sum_of_dx_x_hat(pick: Pick) -> Law:
    """In each channel Σ dx·x̂ is γ·dgamma·ε/(σ² + ε)^(3/2)."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        dx, eps = pick(values), inputs["eps"]
        axes = (0, *range(2, dx.ndim))
        x_hat = train_x_hat(inputs)
        _, var = batch_statistics(inputs["x"])
        dgamma = (inputs["dy"] * x_hat).sum(axis=axes)
        wanted = inputs["gamma"] * dgamma * eps / (var + eps) ** 1.5
        sums, sizes = (dx * x_hat).sum(axis=axes), np.abs(dx * x_hat).sum(axis=axes)
        gaps = np.abs(sums - wanted) / (sizes + np.abs(wanted) + 1e-12)
        worst = int(np.argmax(gaps))
        right, *_ = batch_norm_backward(inputs["dy"], inputs["x"], inputs["gamma"], eps)
        factor = (dx * right).sum(axis=axes) / (right**2).sum(axis=axes)
        beside = np.abs(dx - along(factor, dx) * right).max()
        if gaps[worst] < 0.01 or beside < 1e-6 * np.abs(dx).max():
            return None  # what differs by a factor in front is told by the slopes
        return (
            f"in channel {worst} the sum of `dx`·x̂ is {sums[worst]:.4g}, expected "
            f"{wanted[worst]:.4g}, which is γ·dgamma·ε/(σ² + ε)^(3/2). Look at the path through "
            "σ²: is all of it there, and of the right size?"
        )

    return Law("sum of dx·x_hat", broken)


def no_multiple_of_the_slope() -> Law:
    """The numerical gradient is not a multiple of the right one."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        got, x, h = values["out"], inputs["x"], inputs["h"]
        right = numerical_gradient(PROBED[x.shape], x, h)
        return proportion("out", got, right) or None

    return Law("multiple of the slope", broken)


def central_difference() -> Law:
    """Each entry is the difference of two losses, divided by the distance of the two points."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        got, x, h = values["out"], inputs["x"], inputs["h"]
        f = PROBED[x.shape]
        right = numerical_gradient(f, x, h)
        worst = np.unravel_index(int(np.argmax(np.abs(got - right))), x.shape)
        step = np.zeros(x.shape)
        step[worst] = h
        place = f"[{', '.join(map(str, worst))}]"
        above, below = f(x + step), f(x - step)
        return (
            f"f is {above:.6g} where x{place} alone is raised by h, and {below:.6g} where it "
            f"alone is lowered by h. The points are {2 * h:g} apart, so the slope there is "
            f"{right[worst]:.5g}; yours is {got[worst]:.5g}."
        )

    return Law("central difference", broken)


PROBED: dict[tuple[int, ...], Callable[[np.ndarray], float]] = {
    (2,): lambda x: float(2 * x[0] ** 3 + x[0] * x[1] ** 2),
    (3,): lambda x: float((x**3).sum() + x[0] * x[1]),
    (2, 3): lambda x: float((x**3).sum() + x[0, 0] * x[0, 1] * x[1, 2] ** 2),
}


def parameter_laws(gamma_at: int, beta_at: int, x_hat: Value) -> tuple[Law, ...]:
    """The slopes of the loss in γ and β, which do not depend on where γ and β are."""

    def loss_of_gamma(inputs: Inputs, gamma: np.ndarray) -> float:
        return weighted(inputs, x_hat(inputs), gamma)

    def loss_of_beta(inputs: Inputs, beta: np.ndarray) -> float:
        return float((inputs["dy"] * along(beta, inputs["dy"])).sum())

    def ones(inputs: Inputs) -> np.ndarray:
        return np.ones(inputs["dy"].shape[1])

    return (
        slope("dgamma", "γ", part(gamma_at), ones, loss_of_gamma),
        slope("dbeta", "β", part(beta_at), ones, loss_of_beta),
    )


def the_x(inputs: Inputs) -> np.ndarray:
    """The input itself, where it is what is moved."""
    return np.asarray(inputs["x"])


def train_loss(inputs: Inputs, x: np.ndarray) -> float:
    """The loss in training mode as a function of x."""
    return weighted(inputs, train_x_hat(inputs, x))


def eval_loss(inputs: Inputs, x: np.ndarray) -> float:
    """The loss in evaluation mode as a function of x."""
    return weighted(inputs, eval_x_hat(inputs, x))
