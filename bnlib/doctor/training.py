"""Faults of the way a model is trained: batches, replicas, accumulation, the optimizer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bnlib.doctor.batches import size as size_of
from bnlib.doctor.lab import Lab
from bnlib.doctor.report import Cost, Finding, Level
from bnlib.doctor.trace import Trace
from bnlib.doctor.verdict import Verdict

FEW = 16  # values per channel
SYNCHRONISE = "torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)"


@dataclass(frozen=True)
class Setting:
    """How a model is trained, as far as the doctor is told.

    training: whether the loader is one of training; accumulate: batches per step of the optimizer;
    replicas: processes, each with a loader of its own; split: parts that a batch is cut into.
    """

    training: bool
    accumulate: int = 1
    replicas: int = 1
    split: int = 1


def of_batches(
    lab: Lab, verdict: Verdict, trace: Trace, loader: Any, setting: Setting
) -> list[Finding]:
    """Batches with too few values per channel, whatever makes them so."""
    if not lab.layers:
        return []
    last = _last_of_one(trace, loader, setting)
    if not setting.training:
        return last
    size = max(example.size for example in lab.raw) // setting.split
    few = {path: n for path, n in _values(trace, size).items() if n < FEW and path in lab.layers}
    cost = _gap(lab, verdict) if few and verdict.judged else None
    hurts = cost is not None and cost.material
    found = [
        Finding(
            "batch-too-small", path, "fault" if hurts or n <= 2 else "note",
            f"{n} values per channel ({size} samples): the statistics of a batch are those of the "
            "data only roughly" + ("; one value has no spread at all" if n == 1 else ""),
            f"larger batches; over replicas {SYNCHRONISE}; or GroupNorm", cost,
        )
        for path, n in few.items()
    ]  # fmt: skip
    worst = min(few, key=lambda path: few[path], default="")
    level: Level = "fault" if few and (hurts or few[worst] <= 2) else "note"
    smallest = min(_values(trace, size).values(), default=0)
    if setting.accumulate > 1:
        found.append(
            Finding(
                "accumulation-unseen", worst, level,
                f"{setting.accumulate} batches make a step, but each has statistics of its own "
                f"samples: {smallest} values per channel, not {smallest * setting.accumulate}",
                "count the batch that BN sees, not the step's; freeze the statistics, or GroupNorm",
                cost,
            )
        )  # fmt: skip
    parts = setting.replicas * setting.split
    synchronised = any("Sync" in type(layer).__name__ for layer in lab.layers.values())
    if parts > 1 and not synchronised:
        found.append(
            Finding(
                "replicas-unsynchronised", worst, level,
                f"{parts} replicas with {smallest} values per channel each: statistics, and the "
                "buffers that are saved, are those of one replica's part",
                SYNCHRONISE, cost,
            )
        )  # fmt: skip
    return found + last


def of_optimizer(
    layers: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer
) -> list[Finding]:
    """Gammas and betas under weight decay."""
    decay = {
        id(p): float(group.get("weight_decay", 0))
        for group in optimizer.param_groups for p in group["params"]
    }  # fmt: skip
    found = []
    for path, layer in layers.items():
        rates = {
            name: decay[id(p)]
            for name in ("weight", "bias")
            if (p := getattr(layer, name, None)) is not None and decay.get(id(p), 0) > 0
        }
        if rates:
            names = " and ".join({"weight": "gamma", "bias": "beta"}[name] for name in rates)
            found.append(
                Finding(
                    "weight-decay-on-norm", path, "note",
                    f"weight_decay = {max(rates.values()):g} pulls {names} towards 0",
                    "a group of its own for parameters with p.ndim <= 1, with weight_decay=0",
                )
            )  # fmt: skip
    return found


def _values(trace: Trace, size: int) -> dict[str, int]:
    """Values per channel of each layer in a batch of `size` samples."""
    return {
        path: round(visits[0].n * size / visits[0].size)
        for path, visits in trace.calls().items()
        if visits[0].size
    }


def _gap(lab: Lab, verdict: Verdict) -> Cost | None:
    """What normalising with these batches costs, against statistics of all the data."""
    raw = [example for example in lab.raw if example.size > 1]
    if not raw:
        return None
    joined = verdict.mended
    batch = lab.batch_losses(raw)
    k = len(batch) // len(joined)
    if k == 0:
        return None
    return Cost.of(batch[: k * len(joined)].reshape(len(joined), k).mean(1), joined)


def _last_of_one(trace: Trace, loader: Any, setting: Setting) -> list[Finding]:
    """The remainder of an epoch, where it leaves a layer with one value per channel."""
    size = getattr(loader, "batch_size", None)
    sampler = getattr(loader, "sampler", None)
    if isinstance(size, int) and sampler is not None and hasattr(sampler, "__len__"):
        total = len(sampler)
        if getattr(loader, "drop_last", False) or size <= 1 or total % size != 1:
            return []
        text = f"{total} samples in batches of {size}: the last holds 1"
    elif isinstance(loader, list | tuple) and len(loader) > 1:
        sizes = [size_of(batch) for batch in loader]
        if sizes[-1] != 1 or max(sizes) <= 1:
            return []
        text = f"the last of {len(sizes)} batches holds 1 sample"
    else:
        return []
    single = [path for path, n in _values(trace, 1).items() if n == 1]
    if not single:
        return []
    return [
        Finding(
            "last-batch-of-one", "", "fault" if setting.training else "note",
            f"{text}, one value per channel in {single[0]}: in train mode it raises ValueError",
            "DataLoader(…, drop_last=True) for training",
        )
    ]  # fmt: skip
