"""Laws of exercise 3: what must hold of a right result."""

from __future__ import annotations

from typing import Any

import numpy as np

from bncheck.questions.question import (
    Inputs,
)
from exercises.questions.laws import channel_axes


def batch_norm(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> np.ndarray:
    axes = (0, *range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mu = x.mean(axis=axes)
    var = x.var(axis=axes)
    mu, var = mu.reshape(shape), var.reshape(shape)
    gamma = gamma.reshape(shape)
    beta = beta.reshape(shape)
    centred = x - mu
    inside = var + eps
    x_hat = centred / np.sqrt(inside)
    return gamma * x_hat + beta


def gives_back(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The layer with the learner's γ and β returns its input."""
    x, (gamma, beta) = inputs["x"], values["out"]
    y = batch_norm(x, np.asarray(gamma), np.asarray(beta), inputs["eps"])
    worst = np.unravel_index(int(np.argmax(np.abs(y - x))), x.shape)
    if abs(y[worst] - x[worst]) < 1e-8 * (1 + np.abs(x).max()):
        return None
    place = ", ".join(map(str, worst))
    return (
        f"with your γ and β the layer turns x[{place}] = {x[worst]:.4g} into {y[worst]:.4g}: it "
        "does not give its input back."
    )


def mean_of_each_channel(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The first result is the sum of a channel's values, divided by their number."""
    x, mu = inputs["x"], values["out"][0]
    wanted = x.mean(axis=channel_axes(x))
    worst = int(np.argmax(np.abs(mu - wanted)))
    if abs(mu[worst] - wanted[worst]) < 1e-6 * (1 + np.abs(wanted).max()):
        return None
    return (
        f"the mean of channel {worst} is off: its {x[:, worst].size} values add up to "
        f"{x[:, worst].sum():.6g}. Which values did you take, and by what did you divide?"
    )


def variance_of_each_channel(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The second result is the sum of a channel's squared deviations, divided by their number."""
    x, var = inputs["x"], values["out"][1]
    wanted = x.var(axis=channel_axes(x))
    worst = int(np.argmax(np.abs(var - wanted)))
    if abs(var[worst] - wanted[worst]) < 1e-6 * (1 + np.abs(wanted).max()):
        return None
    return (
        f"the means are right, the variance of channel {worst} is off: its {x[:, worst].size} "
        f"squared deviations from the mean add up to {wanted[worst] * x[:, worst].size:.6g}."
    )
