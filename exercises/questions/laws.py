"""Laws that several questions share: what must hold of a right result, said with numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from bncheck.questions.question import Inputs, Law


def channel_axes(x: np.ndarray) -> tuple[int, ...]:
    """Every axis but the channels', axis 1."""
    return (0, *range(2, x.ndim))


def mean_is_beta(key: str, beta: str | None = "beta") -> Law:
    """In each channel the mean of the output `key` is β (0 where `beta` is None)."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        y = values[key]
        wanted = inputs[beta] if beta else np.zeros(y.shape[1])
        means = y.mean(axis=channel_axes(y))
        worst = int(np.argmax(np.abs(means - wanted)))
        if abs(means[worst] - wanted[worst]) < 1e-6 * (1 + np.abs(y).max()):
            return None
        return (
            f"channel {worst} of `{key}` has the mean {means[worst]:.6g}, expected "
            f"{wanted[worst]:.6g}{', which is β' if beta else ''}: "
            "look at what you subtract and add."
        )

    return Law("mean", broken)


def spread_is_gamma(key: str, x: str, eps: str | float, gamma: str | None = "gamma") -> Law:
    """In each channel the spread of `key` is |γ|·σ/√(σ² + ε), where σ is that of the input `x`."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        y, batch = values[key], inputs[x]
        small = inputs[eps] if isinstance(eps, str) else eps
        var = batch.var(axis=channel_axes(batch))
        scale = np.abs(inputs[gamma]) if gamma else np.ones(y.shape[1])
        wanted = scale * np.sqrt(var / (var + small))
        spread = y.std(axis=channel_axes(y))
        worst = int(np.argmax(np.abs(spread - wanted)))
        if abs(spread[worst] - wanted[worst]) < 1e-5 * (1 + wanted[worst]):
            return None
        return (
            f"channel {worst} of `{key}` has the standard deviation {spread[worst]:.6g}, expected "
            f"{wanted[worst]:.6g}: look at what you divide and multiply by."
        )

    return Law("spread", broken)


def sums_to_zero(key: str, why: str) -> Law:
    """In each channel the values of `key` add up to zero."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        gradient = values[key]
        sums = gradient.sum(axis=channel_axes(gradient))
        worst = int(np.argmax(np.abs(sums)))
        if abs(sums[worst]) < 1e-8 * (1 + np.abs(gradient).sum()):
            return None
        return f"in channel {worst} `{key}` adds up to {sums[worst]:.6g}, expected 0: {why}"

    return Law(f"sum of {key}", broken)
