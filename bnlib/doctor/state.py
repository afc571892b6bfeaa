"""Faults that the state of a layer tells, without data: also those of a checkpoint alone."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from bnlib.doctor.layers import initial, tracks
from bnlib.doctor.report import Finding

TINY = 1e-3  # gamma below it passes next to nothing
SMALLEST = 1e-10  # a running variance below it is that of a constant
REESTIMATE = "bnlib.surgery.reestimate(model, loader)"
HALF = (torch.float16, torch.bfloat16)


def of_layers(layers: Mapping[str, nn.Module], training: bool) -> list[Finding]:
    """The findings in a model's layers; training: whether the model is about to be trained."""
    states = {
        path: {
            name: value
            for name, value in (
                *layer.named_parameters(recurse=False),
                *layer.named_buffers(recurse=False),
            )
        }
        for path, layer in layers.items()
        if tracks(layer)
    }
    return of_states(states, training)


def of_states(states: Mapping[str, Mapping[str, Tensor]], training: bool) -> list[Finding]:
    """The findings in the states of layers, by path: weight, running_mean, running_var, …"""
    new = {path for path, state in states.items() if _new(state)}
    if training and new == states.keys() and new:
        return [_before_training()]
    found: list[Finding] = []
    for path, state in states.items():
        found += _finite(path, state)
        found += _half(path, state, training)
        if path in new:
            found.append(_never(path, len(states) - len(new)))
        else:
            found += _gamma(path, state)
            found += _constant(path, state)
    return found


def of_checkpoint(layers: Mapping[str, nn.Module], checkpoint: Mapping[str, Any]) -> list[Finding]:
    """The layers of a model whose running statistics a state_dict lacks."""
    keys = {key.removeprefix("module.") for key in checkpoint}
    found = []
    for path, layer in layers.items():
        names = ("running_mean", "running_var") if tracks(layer) else ()
        key = path.removeprefix("module.")
        missing = [name for name in names if f"{key}.{name}" not in keys]
        if missing:
            found.append(
                Finding(
                    "buffers-missing",
                    path,
                    "fault",
                    f"the checkpoint has no {' and no '.join(missing)}; load_state_dict with "
                    "strict=False leaves those of the model at hand",
                    "torch.save(model.state_dict(), …), which holds buffers, not "
                    f"dict(model.named_parameters()); to mend this one: {REESTIMATE}",
                )
            )
    return found


def _new(state: Mapping[str, Tensor]) -> bool:
    mean, var = state.get("running_mean"), state.get("running_var")
    return mean is not None and var is not None and initial(mean, var)


def _finite(path: str, state: Mapping[str, Tensor]) -> Iterator[Finding]:
    broken = []
    for name in ("running_mean", "running_var"):
        if name in state and (count := int((~state[name].isfinite()).sum())):
            broken.append(f"{count} values of {name} are NaN or inf")
    if "running_var" in state and (count := int((state["running_var"] < 0).sum())):
        broken.append(f"{count} values of running_var are negative")
    if broken:
        yield Finding(
            "statistics-not-finite", path, "fault", "; ".join(broken),
            f"look for NaN in the data and for overflow, then {REESTIMATE}",
        )  # fmt: skip


def _half(path: str, state: Mapping[str, Tensor], training: bool) -> Iterator[Finding]:
    var = state.get("running_var")
    if var is not None and var.dtype in HALF:
        name = str(var.dtype).removeprefix("torch.")
        step = torch.finfo(var.dtype).eps
        yield Finding(
            "half-precision-statistics", path, "fault" if training else "note",
            f"running statistics in {name}: a batch that moves them by less than {step:.1g} of "
            "their size moves them not at all",
            "layer.float() for the norm layers, and torch.autocast for the rest",
        )  # fmt: skip


def _before_training() -> Finding:
    return Finding(
        "statistics-never-updated", "", "note",
        "running mean 0 and variance 1 in all layers: the model is as before its training",
        "nothing, if it is; else load its state_dict",
    )  # fmt: skip


def _never(path: str, others: int) -> Finding:
    text = "running mean 0 and variance 1 in all channels: no batch has moved them"
    if others:
        text += f", while {others} other layers have statistics"
    return Finding(
        "statistics-never-updated", path, "fault", text,
        "train the model first; if it is trained: " + REESTIMATE,
    )  # fmt: skip


def _gamma(path: str, state: Mapping[str, Tensor]) -> Iterator[Finding]:
    gamma = state.get("weight")
    if gamma is None or gamma.dim() != 1:
        return
    dead = int((gamma.abs() < TINY).sum())
    if dead:
        size = gamma.abs().max().item()
        yield Finding(
            "gamma-dead", path, "fault" if dead == len(gamma) else "note",
            f"|gamma| < {TINY:g} in {dead} of {len(gamma)} channels, the largest is {size:.2g}: "
            "these channels give beta, whatever comes",
            "nn.init.ones_(layer.weight) and train on, without weight decay on gamma; or remove "
            "the channels",
        )  # fmt: skip


def _constant(path: str, state: Mapping[str, Tensor]) -> Iterator[Finding]:
    var = state["running_var"] if "running_var" in state else torch.ones(1)
    flat = int(((var >= 0) & (var < SMALLEST)).sum())
    if flat:
        yield Finding(
            "channel-without-spread", path, "fault" if 2 * flat >= len(var) else "note",
            f"the running variance of {flat} of {len(var)} channels is below {SMALLEST:g}: "
            "they were constant in training, and any change is blown up",
            "look for dead filters in front of the layer, and remove them",
        )  # fmt: skip
