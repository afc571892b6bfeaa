"""Laws of exercise 5: what must hold of a right result."""

from __future__ import annotations

from typing import Any

import numpy as np

from bncheck.questions.question import (
    Inputs,
)


def update_running(running: np.ndarray, batch: np.ndarray, momentum: float) -> np.ndarray:
    old = (1 - momentum) * running
    new = momentum * batch
    return old + new


def to_remember(x: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    unbiased = var * n / (n - 1)
    return mu, unbiased


def running_statistics(batches: list[np.ndarray], momentum: float) -> tuple[np.ndarray, np.ndarray]:
    channels = batches[0].shape[1]
    running_mean = np.zeros(channels)
    running_var = np.ones(channels)
    for x in batches:
        n = x.shape[0]
        s_mean, s_var = to_remember(x, n)
        running_mean = update_running(running_mean, s_mean, momentum)
        running_var = update_running(running_var, s_var, momentum)
    return running_mean, running_var


def average_running(batches: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    channels = batches[0].shape[1]
    running_mean = np.zeros(channels)
    running_var = np.ones(channels)
    for k, x in enumerate(batches, start=1):
        momentum = 1 / k
        n = x.shape[0]
        s_mean, s_var = to_remember(x, n)
        running_mean = update_running(running_mean, s_mean, momentum)
        running_var = update_running(running_var, s_var, momentum)
    return running_mean, running_var


def _between(inputs: Inputs, values: dict[str, Any]) -> str | None:
    out, running, new = values["out"], inputs["running"], inputs["batch"]
    low, high = np.minimum(running, new), np.maximum(running, new)
    outside = (out < low - 1e-9) | (out > high + 1e-9)
    if not outside.any():
        return None
    at = int(np.argmax(outside))
    return (
        f"`out[{at}]` is {out[at]:.4g}, but the running value was {running[at]:.4g} and the "
        f"batch's {new[at]:.4g}: an update ends between the two, since its weights add up to 1."
    )


def _which_part(inputs: Inputs, values: dict[str, Any]) -> str | None:
    given = [inputs[name] for name in ("x", "first", "second", "third") if name in inputs]
    if "batches" in inputs:
        given = list(inputs["batches"])
    momentum = inputs.get("momentum")
    right = average_running(given) if momentum is None else running_statistics(given, momentum)
    mean, var = (float(part[0]) for part in values["out"])
    fits = [bool(np.allclose(out, part)) for out, part in zip(values["out"], right, strict=True)]
    means = ", ".join(f"{x[:, 0].mean():.4g}" for x in given)
    variances = ", ".join(f"{x[:, 0].var(ddof=1):.4g}" for x in given)
    if len(given) == 1:
        means, variances = f"mean of the batch is {means}", f"variance of the batch is {variances}"
    else:
        means = f"means of the batches, one after the other, are {means}"
        variances = f"variances of the batches, one after the other, are {variances}"
    if fits == [True, False]:
        return (
            f"`running_mean` is right and `running_var` is not: its first number is {var:.4g}, "
            f"expected {right[1][0]:.4g}. In channel 0 the unbiased {variances}: each batch with "
            "its own mean and its own n."
        )
    return (
        f"the first number of `running_mean` is {mean:.4g}, expected {right[0][0]:.4g}. In channel "
        f"0 the {means}."
    )


def _starting_values(inputs: Inputs, values: dict[str, Any]) -> str | None:
    for name, start in (("gamma", 1), ("beta", 0), ("running_mean", 0), ("running_var", 1)):
        got = values.get(f"layer.{name}", np.full(2, start))
        if not inputs and np.any(got != start):
            at = int(np.argmax(np.abs(got - start)))
            return f"in a new layer `{name}[{at}]` is {got[at]:.4g}, expected {start}."
    return None


def _one_step(inputs: Inputs, values: dict[str, Any]) -> str | None:
    mean, var, x = values["layer.running_mean"], values["layer.running_var"], inputs["x"]
    momentum = inputs["momentum"]
    rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    mu, unbiased = rows.mean(1), rows.var(1, ddof=1)
    for name, got, start, new in (
        ("running_mean", mean, 0.0, mu),
        ("running_var", var, 1.0, unbiased),
    ):
        wanted = start + momentum * (new - start)
        at = int(np.argmax(np.abs(got - wanted)))
        if abs(got[at] - wanted[at]) > 1e-6 * (1 + abs(wanted[at])):
            return (
                f"after one batch `{name}[{at}]` is {got[at]:.4g}, expected {wanted[at]:.4g}: it "
                f"starts at {start:g}, and moves by momentum = {momentum:g} of the way to the "
                f"batch's {new[at]:.4g}."
            )
    return None


def _mode_stays(inputs: Inputs, values: dict[str, Any]) -> str | None:
    for name, wanted, when in (
        ("at_first", True, "in a new layer"),
        ("after_eval", False, "after eval() and a call of forward"),
        ("after_train", True, "after train() and a call of forward"),
    ):
        if values[name] is not wanted:
            return (
                f"{when} `training` is {values[name]}, expected {wanted}: the mode changes by "
                "train() and eval() alone."
            )
    return None


def _eval_reads_only(inputs: Inputs, values: dict[str, Any]) -> str | None:
    for name in ("running_mean", "running_var"):
        kept, before = values[f"layer.{name}"], inputs[name]
        at = int(np.argmax(np.abs(kept - before)))
        if abs(kept[at] - before[at]) > 1e-9:
            return (
                f"`{name}[{at}]` was {before[at]:.4g} before forward in eval mode and is "
                f"{kept[at]:.4g} afterwards: eval mode reads the running statistics and changes "
                "nothing."
            )
    return None


def _eval_by_hand(inputs: Inputs, values: dict[str, Any]) -> str | None:
    y, x = values["y_eval"], inputs["x"]
    start = {"running_mean": 0.0, "running_var": 1.0, "gamma": 1.0, "beta": 0.0}
    for c in range(x.shape[1]):
        at = (0, c, *(0,) * (x.ndim - 2))
        mean, var, gamma, beta = (
            inputs[name][c] if name in inputs else value for name, value in start.items()
        )
        root = np.sqrt(var + inputs["eps"])
        wanted = gamma * (x[at] - mean) / root + beta
        if abs(y[at] - wanted) > 1e-6 * (1 + abs(wanted)):
            place = ", ".join(map(str, at))
            return (
                f"in eval mode `y_eval[{place}]` is {y[at]:.4g}, expected γ·(x − running_mean) / "
                f"√(running_var + ε) + β = {wanted:.4g}, with the numbers of channel {c}: x = "
                f"{x[at]:.4g}, running_mean = {mean:.4g}, running_var = {var:.4g}, γ = "
                f"{gamma:.4g}, β = {beta:.4g}."
            )
    return None
