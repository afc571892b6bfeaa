"""Laws of exercise 2: what must hold of a right result."""

from __future__ import annotations

from typing import Any

import numpy as np

from bncheck.questions.question import (
    Inputs,
)


def first_result(out: Any) -> tuple[np.ndarray, str]:
    """The standardised data, or the first of two results; and how to call it."""
    return (out[0], "the first result") if isinstance(out, tuple) else (out, "the result")


def mean_is_zero(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """Each feature of the standardised data has the mean 0."""
    x_hat, which = first_result(values["out"])
    means = x_hat.mean(axis=0)
    worst = int(np.argmax(np.abs(means)))
    if abs(means[worst]) < 1e-6 * (1 + np.abs(x_hat).max()):
        return None
    return (
        f"feature {worst} of {which} has the mean {means[worst]:.4g}, expected 0: look at what you "
        "subtract. Is it the mean of this feature, and of the same data?"
    )


def spread_is_one(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """Each feature of the standardised data has the standard deviation 1."""
    x_hat, which = first_result(values["out"])
    spread = x_hat.std(axis=0)
    worst = int(np.argmax(np.abs(spread - 1)))
    if abs(spread[worst] - 1) < 1e-6:
        return None
    return (
        f"feature {worst} of {which} has the standard deviation {spread[worst]:.6g}, expected 1: "
        "look at what you divide by. Is it the standard deviation of this feature, with nothing "
        "added?"
    )


def one_scale_for_both(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """Differences between test examples are divided by σ of the training data."""
    test, test_hat = inputs["test"], values["out"][1]
    divisor = test.std(axis=0) / test_hat.std(axis=0)
    wanted = inputs["train"].std(axis=0)
    worst = int(np.argmax(np.abs(divisor / wanted - 1)))
    if len(test) < 2 or abs(divisor[worst] / wanted[worst] - 1) < 1e-6:
        return None
    return (
        f"feature {worst} of the test data is divided by {divisor[worst]:.6g}, expected "
        f"{wanted[worst]:.6g}, the standard deviation of this feature in the training data."
    )


def one_shift_for_both(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """A test example that equals the mean of the training data comes out as 0."""
    train, test = inputs["train"], inputs["test"]
    shift = (test - values["out"][1] * train.std(axis=0)).mean(axis=0)
    wanted = train.mean(axis=0)
    worst = int(np.argmax(np.abs(shift - wanted)))
    if abs(shift[worst] - wanted[worst]) < 1e-6 * (1 + np.abs(train).max()):
        return None
    return (
        f"from feature {worst} of the test data {shift[worst]:.4g} is subtracted, expected "
        f"{wanted[worst]:.4g}, the mean of this feature in the training data."
    )


def leaves_x(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The argument is as it was."""
    if np.array_equal(values["x"], inputs["x"]):
        return None
    return (
        "your code changes its argument `x`: whoever calls it still needs that. Make a new array "
        "instead of writing into this one (`-=`, `[...] =`, `out=`)."
    )


def not_negative(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """A variance is at least 0."""
    lowest = float(np.min(values["out"]))
    if lowest >= 0:
        return None
    return f"a variance cannot be negative, and yours is {lowest:.4g}."


def variance_ignores_the_mean(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The variance of each feature is the mean of its squared deviations."""
    x, got = inputs["x"].astype(np.float64), values["out"]
    wanted = ((x - x.mean(axis=0)) ** 2).mean(axis=0)
    ratio = got / wanted
    if abs(ratio - ratio[0]).max() > 1e-4 * abs(ratio[0]) or abs(ratio[0] - 1) < 1e-5:
        return None
    return f"every variance comes out {ratio[0]:.4g} times as large: look at what you divide by."


def mean_of_squares(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The variance is the sum of the squared deviations, divided by their number."""
    x, got = inputs["x"].astype(np.float64), values["out"]
    sums = ((x - x.mean(axis=0)) ** 2).sum(axis=0)
    worst = int(np.argmax(np.abs(got * len(x) / sums - 1)))
    if abs(got[worst] * len(x) / sums[worst] - 1) < 1e-5:
        return None
    return (
        f"the variance of feature {worst} is off: its {len(x)} squared deviations from the mean "
        f"add up to {sums[worst]:.6g}."
    )
