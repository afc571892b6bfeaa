"""What a state_dict alone tells of its batch normalization layers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bnlib.doctor.report import Finding, Report
from bnlib.doctor.state import of_states

NESTS = ("state_dict", "model_state_dict", "model", "module", "net", "ema")
NAMES = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
NEEDED = (
    "modes, structure, eps and momentum: they are not in a state_dict; with the model, call "
    "bnlib.doctor.examine(model, loader, loss)",
    "whether the statistics fit: that needs data and a loss",
)


def read_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """Read the state_dict in a file, also one level down under a usual name.

    Raises FileNotFoundError, and ValueError where the file holds no state_dict, or what
    torch.load(weights_only=True) refuses.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"need a file that torch.save wrote, {str(path)!r} is none")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"need a file that torch.load(…, weights_only=True) reads, {str(path)!r} is not: "
            f"{reason}: save model.state_dict(), not the model"
        ) from error
    return find_state(content)


def find_state(content: Any) -> dict[str, Tensor]:
    """The tensors of a state_dict, also one level down. Raises ValueError where there are none."""
    nests = [content] + [
        content[name] for name in NESTS if isinstance(content, Mapping) and name in content
    ]
    for nest in nests:
        if isinstance(nest, Mapping):
            state = {str(key): value for key, value in nest.items() if isinstance(value, Tensor)}
            if any("." in key or key in NAMES for key in state):
                return state
    keys = f" with the keys {list(content)[:5]}" if isinstance(content, Mapping) else ""
    raise ValueError(
        f"need a state_dict, names and tensors, got {type(content).__name__}{keys}: "
        f"save model.state_dict(), alone or under one of {NESTS}"
    )


def examine_state(state: Mapping[str, Tensor]) -> Report:
    """What can be told without model and data.

    state: names and tensors. Returns a Report, whose `unknown` says what more would need.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in state.items():
        path, _, name = key.rpartition(".")
        if name in NAMES:
            parts.setdefault(path, {})[name] = value
    tracked = ("running_mean", "running_var", "num_batches_tracked")
    norms = {path: part for path, part in parts.items() if any(name in part for name in tracked)}
    found = of_states({path: part for path, part in norms.items() if "running_var" in part}, False)
    for path, part in norms.items():
        if missing := [name for name in tracked[:2] if name not in part]:
            found.append(
                Finding(
                    "buffers-missing", path, "fault",
                    f"has {', '.join(sorted(part))}, but no {' and no '.join(missing)}",
                    "torch.save(model.state_dict(), …) again, or bnlib.surgery.reestimate",
                )
            )  # fmt: skip
    silent = [
        path for path, part in parts.items()
        if path not in norms and "weight" in part and part["weight"].dim() == 1
    ]  # fmt: skip
    unknown = list(NEEDED)
    if silent:
        unknown.insert(
            0,
            f"{len(silent)} layers have a weight (C,) and no running statistics, first "
            f"{silent[0]!r}: other norms, or batch norms whose buffers were not saved; with the "
            "model, call examine(…, checkpoint=state)",
        )
    elif not norms:
        unknown.insert(0, "batch normalization: there is no such layer in this state_dict")
    return Report(found, unknown)
