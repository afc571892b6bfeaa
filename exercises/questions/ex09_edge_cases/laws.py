"""Laws of exercise 9: what must hold of a right result."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from bncheck.questions.question import (
    Inputs,
)
from exercises.questions.laws import channel_axes


def every_example_once(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """Each example stands in exactly one batch."""
    n, dealt = int(values["n"]), [i for part in ast.literal_eval(values["out"]) for i in part]
    for i in dealt:
        if not 0 <= i < n:
            return f"your batches hold {i}, and the {n} examples are 0 to {n - 1}."
    for i in range(n):
        if (count := dealt.count(i)) != 1:
            return f"example {i} occurs {count} times in your batches, expected once."
    return None


def sizes_as_asked(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """No batch has fewer than 2 examples, and all but the last have the batch size."""
    sizes, wanted = [len(part) for part in ast.literal_eval(values["out"])], int(values["size"])
    if min(sizes) < 2:
        return f"your batches have the sizes {sizes}, and each needs at least 2 examples."
    if any(size != wanted for size in sizes[:-1]):
        return (
            f"your batches have the sizes {sizes}: all but the last are to have {wanted}, which is "
            "the batch size."
        )
    if sizes[-1] > wanted + 1:
        return (
            f"your batches have the sizes {sizes}: only a rest of a single example joins the batch "
            f"before it, so none has more than {wanted + 1}. A larger rest is a batch of its own."
        )
    return None


def neighbours(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The examples of a batch stand in order, without a gap."""
    for part in ast.literal_eval(values["out"]):
        if part != list(range(part[0], part[0] + len(part))):
            return f"your batch {part} does not hold neighbours in their order."
    return None


def raises_a_value_error(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The error is a ValueError."""
    if values["raised"] == "ValueError":
        return None
    return f"this is to raise a ValueError, and what your code raises is {values['raised']}."


def group_means_are_beta(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """In each ghost batch the mean of each channel is β."""
    y, ghost = values["y"], int(values["ghost"])
    for start in range(0, len(y), ghost):
        part = y[start : start + ghost]
        means = part.mean(axis=channel_axes(part))
        worst = int(np.argmax(np.abs(means - inputs["beta"])))
        if abs(means[worst] - inputs["beta"][worst]) > 1e-6 * (1 + np.abs(y).max()):
            return (
                f"in the examples {start} to {start + ghost - 1} channel {worst} of `y` has the "
                f"mean {means[worst]:.4g}, expected {inputs['beta'][worst]:.4g}, which is β."
            )
    return None


def group_spreads_are_gamma(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """In each ghost batch the standard deviation of each channel is |γ|·σ/√(σ² + ε)."""
    y, x, ghost = values["y"], inputs["x"], int(values["ghost"])
    for start in range(0, len(y), ghost):
        part = slice(start, start + ghost)
        got = y[part].std(axis=channel_axes(y))
        var = x[part].var(axis=channel_axes(y))
        wanted = np.abs(inputs["gamma"]) * np.sqrt(var / (var + inputs["eps"]))
        worst = int(np.argmax(np.abs(got - wanted)))
        if abs(got[worst] - wanted[worst]) > 1e-6 * (1 + wanted[worst]):
            return (
                f"in the examples {start} to {start + ghost - 1} channel {worst} of `y` has the "
                f"standard deviation {got[worst]:.4g}, expected {wanted[worst]:.4g}, which is "
                "|γ|·σ/√(σ² + ε) with the σ of these examples."
            )
    return None


def mean_of_all(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The mean is that of all values."""
    return _of_all(np.concatenate([inputs["x1"], inputs["x2"]]).mean(0), values["out"][0], "mean")


def variance_of_all(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The variance is that of all values."""
    both = np.concatenate([inputs["x1"], inputs["x2"]])
    return _of_all(both.var(0), values["out"][1], "variance")


def _of_all(right: np.ndarray, got: np.ndarray, word: str) -> str | None:
    worst = int(np.argmax(np.abs(got - right)))
    if abs(got[worst] - right[worst]) < 1e-6 * (1 + abs(right[worst])):
        return None
    return (
        f"the {word} of all values of channel {worst} is {right[worst]:.4g}, "
        f"and yours is {got[worst]:.4g}."
    )


def parameters_as_before(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """γ and β are what they were: as given in the first layer, 1 and 0 in the others."""
    state = values["state"]
    for key in state:
        layer, _, last = key.rpartition(".")
        if last not in ("weight", "bias") or f"{layer}.running_mean" not in state:
            continue
        start = {"weight": 1.0, "bias": 0.0}[last] + np.zeros(len(state[key]))
        if layer == "1":
            start = inputs[{"weight": "gamma", "bias": "beta"}[last]]
        worst = int(np.argmax(np.abs(state[key] - start)))
        if abs(state[key][worst] - start[worst]) > 1e-9:
            return (
                f"your function changes the parameters: `{key}[{worst}]` was {start[worst]:.4g} "
                f"and is {state[key][worst]:.4g} afterwards. New statistics need the forward "
                "passes alone."
            )
    return None


def average_of_batches(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The statistics of a single layer are the plain averages over the batches."""
    parts = [inputs[name] for name in ("x1", "x2", "x3")]
    right = {
        "mean": ("means", np.mean([part.mean(0) for part in parts], axis=0)),
        "var": ("unbiased variances", np.mean([part.var(0, ddof=1) for part in parts], axis=0)),
    }
    for key, (word, average) in right.items():
        worst = int(np.argmax(np.abs(values[key] - average)))
        if abs(values[key][worst] - average[worst]) > 1e-6 * (1 + abs(average[worst])):
            return (
                f"in channel {worst} the average of the batches' {word} is {average[worst]:.4g}, "
                f"and your running_{key} is {values[key][worst]:.4g}."
            )
    return None
