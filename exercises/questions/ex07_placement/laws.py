"""Laws of exercise 7: what must hold of a right result."""

from __future__ import annotations

from typing import Any

import numpy as np

from bncheck.questions.question import (
    Inputs,
)

CHANNELS = (2, 3)


def _parts(inputs: Inputs, values: dict[str, Any]) -> str | None:
    inside, outside = CHANNELS
    after = inputs["order"] == "after"
    kernel, vector = (outside, inside, 3, 3), (outside,)
    if values["shapes"] == " ".join(map(str, [kernel, vector, vector] + [vector] * after)):
        return None
    return (
        f"the parameters have the shapes {values['shapes']}. From {inside} to {outside} channels "
        f"the block has a kernel of shape {kernel} {'and a bias' if after else 'and no bias'}, and "
        f"γ and β with {outside} numbers each."
    )


def _last_step(inputs: Inputs, values: dict[str, Any]) -> str | None:
    y = values["y"]
    if inputs["order"] == "before":
        if y.min() >= 0:
            return None
        return f"`y` goes down to {y.min():.4g}, but the last step is a ReLU."
    means, wanted = y.mean(axis=(0, 2, 3)), np.linspace(-1, 1.5, y.shape[1])
    worst = int(np.argmax(np.abs(means - wanted)))
    if abs(means[worst] - wanted[worst]) < 1e-6 * (1 + np.abs(y).max()):
        return None
    return (
        f"channel {worst} of `y` has the mean {means[worst]:.4g}, but the last step is BN, whose "
        f"output has the mean β, here {wanted[worst]:.4g}."
    )


ALL = "conv1.weight norm1.weight norm1.bias conv2.weight norm2.weight norm2.bias"


def _learns(inputs: Inputs, values: dict[str, Any]) -> str | None:
    if all(np.abs(values[key]).sum() > 1e-9 for key in ("dgamma", "dbeta")):
        return None
    return (
        "in the first step the last γ or the last β gets no gradient, so the branch cannot start "
        "to learn."
    )


def _parameters(inputs: Inputs, values: dict[str, Any]) -> str | None:
    found, wanted = values["parameters"].split(), ALL.split()
    more = [name for name in found if name not in wanted]
    missing = [name for name in wanted if name not in found]
    if more:
        return (
            f"the block has {', '.join(more)}, which should not be there: neither convolution has "
            "a bias."
        )
    if missing:
        return f"the block lacks {', '.join(missing)}: both norms have γ (`weight`) and β (`bias`)."
    if values["count"] != len(wanted):
        return (
            f"the block has {values['count']} parameters, expected {len(wanted)}: the weights of "
            "two convolutions, and γ and β of two norms."
        )
    if values["kernels"] != "(2, 2, 3, 3) (2, 2, 3, 3)":
        return (
            f"the weights of the convolutions have the shapes {values['kernels']}, expected "
            "(2, 2, 3, 3) for both, with 2 channels."
        )
    return None if values["learns"] else "a parameter of the block has `requires_grad` False."


def _keeps_x(inputs: Inputs, values: dict[str, Any]) -> str | None:
    if "x" not in values or np.array_equal(values["x"], inputs["x"]):
        return None
    return (
        "your block writes into `x`: whoever calls it may still need that. Look for `+=` and for "
        "calls that end in `_`, and make a new tensor."
    )


def _starts(inputs: Inputs, values: dict[str, Any]) -> str | None:
    gamma, beta = values["gamma"], values["beta"]
    for name, got, wanted in (
        ("the γ of `norm1`", gamma[0], 1),
        ("the γ of `norm2`", gamma[1], 0),
        ("the β of `norm1`", beta[0], 0),
        ("the β of `norm2`", beta[1], 0),
    ):
        if not (got == wanted).all():
            starts = ", ".join(f"{number:.4g}" for number in got)
            return f"{name} starts at {starts}, expected {wanted} in every channel."
    return None


def _identity(inputs: Inputs, values: dict[str, Any]) -> str | None:
    if "gamma1" in inputs:
        return None
    off = np.abs(values["y"] - np.maximum(inputs["x"], 0)).max()
    if off < 1e-9:
        return None
    return (
        "at the start the branch is silent and the block gives relu(x), but your `y` is up to "
        f"{off:.4g} away from that."
    )


def _not_negative(inputs: Inputs, values: dict[str, Any]) -> str | None:
    lowest = values["y"].min()
    if lowest >= 0:
        return None
    return f"`y` goes down to {lowest:.4g}, but the last step is a ReLU."


def _rows_scaled(inputs: Inputs, values: dict[str, Any]) -> str | None:
    weight, folded = inputs["weight"], values["out"][0]
    scale = inputs["gamma"] / np.sqrt(inputs["running_var"] + inputs["eps"])
    for row in range(len(weight)):
        ratio = folded[row] / weight[row]
        if np.ptp(ratio) > 1e-6 * np.abs(ratio).max():
            return (
                f"the weights of output channel {row} are multiplied by factors from "
                f"{ratio.min():.4g} to {ratio.max():.4g}; all weights of a channel get the same "
                "one."
            )
        if abs(ratio.mean() - scale[row]) > 1e-6 * abs(scale[row]):
            return (
                f"the weights of output channel {row} are multiplied by {ratio.mean():.4g}, "
                f"expected {scale[row]:.4g}: that is γ over the root."
            )
    return None


def _zero_input(inputs: Inputs, values: dict[str, Any]) -> str | None:
    folded = values["out"][1]
    own = 0.0 if inputs["bias"] is None else inputs["bias"]
    root = np.sqrt(inputs["running_var"] + inputs["eps"])
    wanted = inputs["gamma"] * (own - inputs["running_mean"]) / root + inputs["beta"]
    worst = int(np.argmax(np.abs(folded - wanted)))
    if abs(folded[worst] - wanted[worst]) < 1e-6 * (1 + abs(wanted[worst])):
        return None
    return (
        f"for an input of zeros, the layer followed by BN gives {wanted[worst]:.4g} in channel "
        f"{worst}, and your folded layer gives its bias, {folded[worst]:.4g}."
    )
