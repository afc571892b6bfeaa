"""Laws of exercise 6: what must hold of a right result."""

from __future__ import annotations

from typing import Any

import numpy as np

from bncheck.questions.question import (
    Inputs,
)


def eval_formula(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """In eval mode the output follows from the running statistics that the probe has set."""
    x, along = inputs["x"], (1, -1) + (1,) * (inputs["x"].ndim - 2)
    x_hat = (x - inputs["mean"].reshape(along)) / np.sqrt(inputs["var"].reshape(along) + 1e-5)
    wanted = inputs["gamma"].reshape(along) * x_hat + inputs["beta"].reshape(along)
    worst = np.unravel_index(int(np.argmax(np.abs(values["out"] - wanted))), wanted.shape)
    if abs(values["out"][worst] - wanted[worst]) < 1e-6 * (1 + abs(wanted[worst])):
        return None
    return (
        f"in eval mode the output for x = {x[worst]:.4g} is {values['out'][worst]:.4g}, expected "
        f"{wanted[worst]:.4g} from running_mean = {inputs['mean'][worst[1]]:.4g} and running_var "
        f"= {inputs['var'][worst[1]]:.4g}: is it these that you use, with ε inside the root?"
    )


def starts_like_torch(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """A new layer has γ = 1, β = 0, running mean 0 and running variance 1."""
    start = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}
    for name, wanted in start.items():
        found = values[f"layer.{name}"]
        if (found != wanted).any():
            return (
                f"a new layer has `{name}` = {found.round(3)}, expected {wanted} in each channel."
            )
    return None
