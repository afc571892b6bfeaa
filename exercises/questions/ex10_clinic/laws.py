"""Laws of exercise 10: what must hold of a right result."""

from __future__ import annotations

from typing import Any

import numpy as np

from bncheck.questions.question import Inputs, Law


def steps_in_train_mode(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The counter of the BN layer, against the number of training steps."""
    steps, seen = values["steps"], int(values["net.state_dict()"]["1.num_batches_tracked"])
    if seen == steps:
        return None
    why = (
        "some step was taken in eval"
        if seen < steps
        else "something besides the steps ran in train"
    )
    return (
        f"{steps:.0f} steps were taken, and the BN layer saw {seen} batches in train mode: "
        f"{why} mode."
    )


def changed(before: str, after: str, kind: str) -> Law:
    """No entry of the state `before` is another in the state `after`."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        moved = [
            name
            for name, value in values[before].items()
            if not np.allclose(value, values[after][name], rtol=1e-9, atol=1e-12)
        ]
        if not moved:
            return None
        return f"{', '.join(f'`{name}`' for name in moved)} changed, and {kind}."

    return Law("unchanged state", broken)


def other_modes(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """A module that is left in another mode than it came in."""
    before, after = values["modes_before"], values["modes_after"]
    for name, mode in before.items():
        if after[name] != mode:
            module = f"`net[{name.replace('.', '][')}]`" if name else "the network itself"
            came, left = ("train", "eval") if mode else ("eval", "train")
            return f"{module} came in {came} mode and is left in {left} mode."
    return None


def in_the_graph(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """A running statistic that remembers how it was computed."""
    names = [n for n in ("running_mean", "running_var") if values[f"layer.{n}.requires_grad"]]
    if not names and not np.any(values["dx"]):
        return "`dx` is 0: the graph is cut between x and the output, where it is needed."
    if not names:
        return None
    return (
        f"`{names[0]}` requires a gradient after a step: it holds on to the graph of every batch "
        "that went into it."
    )


def first_step(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The running statistics after one batch, with momentum 0.1."""
    x = inputs["x"]
    if "layer.running_var" not in values or x.shape[1] != 2:
        return None
    wanted = {"mean": (0.0, x.mean(0)), "var": (1.0, x.var(0, ddof=1))}
    for name, (start, new) in wanted.items():
        seen, right = values[f"layer.running_{name}"], 0.9 * start + 0.1 * new
        if not np.allclose(seen, right, rtol=1e-5):
            return (
                f"after one batch `running_{name}` is {seen[0]:.4g} in channel 0. The batch has "
                f"{new[0]:.4g}{', divided by n − 1' if start else ''}, so expected is "
                f"0.9 · {start:.0f} + 0.1 · {new[0]:.4g} = {right[0]:.4g}."
            )
    return None


def plain_average(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """What reaches the BN layer of the smallest example, averaged over the batches."""
    if "weights" not in values:
        return None
    w, b = values["weights"]
    z = inputs["x"] @ w.T + b
    wanted = {"mean": z.mean(axis=(0, 1)), "var": z.var(axis=1, ddof=1).mean(axis=0)}
    for name, right in wanted.items():
        seen = values[f"averaged[1].running_{name}"]
        if not np.allclose(seen, right, rtol=1e-5):
            return (
                f"`running_{name}` of the BN layer is {seen[0]:.4g} in channel 0. For what reaches "
                f"this layer in each batch, the plain average over the batches is {right[0]:.4g}. "
                "Does each batch count the same, and does nothing from before the pass remain?"
            )
    return None


def mode_and_momentum(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """What the averaged network is left with."""
    if values["averaged.training"]:
        return "the network that you return is in train mode: it is to be ready to predict."
    if any(m != "0.2" for m in values["momenta"]):
        return f"its BN layers have the momentum {values['momenta'][0]}, and 0.2 before."
    return None
