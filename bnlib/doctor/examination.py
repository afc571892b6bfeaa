"""`examine`: the rounds of the doctor, one after the other."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import RandomSampler

from bnlib.doctor import causes, modes, state, structure, training
from bnlib.doctor.batches import randomness_kept, read
from bnlib.doctor.lab import Lab
from bnlib.doctor.layers import batch_norms, is_new, lazy, unwrap
from bnlib.doctor.report import Cost, Finding, Report
from bnlib.doctor.trace import trace
from bnlib.doctor.verdict import Verdict

NEEDS_LOSS = (
    "what the statistics cost: pass loss=, called as loss(output, target), "
    "such as nn.CrossEntropyLoss()"
)


def examine(
    model: nn.Module,
    loader: Iterable[Any],
    loss: Callable[[Any, Any], Tensor] | None = None,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    ema: nn.Module | None = None,
    checkpoint: Mapping[str, Any] | None = None,
    accumulate: int = 1,
    replicas: int = 1,
    batches: int = 16,
) -> Report:
    """Look for faults of and around batch normalization in a model, on data of one's own.

    model: in the mode it is about to be used in; loader: a DataLoader or a list of batches: x,
    (x, y), (x1, x2, …, y), or a dict with the target under target, label or y; loss: called as
    loss(output, target); without it a loss that the output carries is taken.
    optimizer: its weight decay is looked at; ema: a model with averaged weights, examined too;
    checkpoint: a state_dict to compare with the model; accumulate: batches per step; replicas:
    processes that train together; batches: how many to read.
    Returns a Report. The model, its buffers, its modes and the random state are as they were:
    all runs on a copy. A finding is a "fault" where its consequence is measured or certain.
    Raises TypeError and ValueError for arguments it cannot use, RuntimeError for a crash in the
    model, the loss or the loader, with the place.

    >>> net = nn.Sequential(nn.Linear(4, 3, bias=False), nn.BatchNorm1d(3), nn.ReLU()).eval()
    >>> print(examine(net, [torch.randn(64, 4)]).findings[0].kind)
    statistics-never-updated
    """
    _check(model, loss, optimizer, ema, checkpoint)
    counts = {"accumulate": accumulate, "replicas": replicas, "batches": batches}
    for name, number in counts.items():
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"{name} must be a whole number from 1, got {number!r}")
    inner, prefix = unwrap(model)
    with randomness_kept(loader):
        raw, joined = read(loader, batches)
        lab = Lab(inner, raw, joined, loss)
        setting = training.Setting(
            inner.training or optimizer is not None or _shuffles(loader),
            accumulate, *_replicas(model, replicas),
        )  # fmt: skip
        found, unknown = _rounds(inner, lab, loader, setting, _averaged(model))
        if ema is not None:
            other = Lab(unwrap(ema)[0], raw, joined, loss)
            found += causes.of_average(Verdict(other))
    if optimizer is not None:
        found += training.of_optimizer(batch_norms(inner), optimizer)
    elif setting.training:
        unknown.append("weight decay on gamma and beta: pass optimizer=")
    if checkpoint is not None:
        found += state.of_checkpoint(batch_norms(inner), checkpoint)
    return Report([_under(prefix, finding) for finding in _once(found)], unknown)


def _rounds(
    model: nn.Module, lab: Lab, loader: Any, setting: training.Setting, averaged: bool
) -> tuple[list[Finding], list[str]]:
    """All that a model and its data tell: the findings, and what could not be judged."""
    layers = batch_norms(model)
    if not layers:
        return modes.of_kinds(model, layers), ["batch normalization: the model has no such layer"]
    verdict, passed = Verdict(lab), trace(lab, lab.examples[0])

    def in_train_mode(paths: set[str]) -> Cost | None:
        if not verdict.judged or not paths <= lab.layers.keys():
            return None
        return Cost.of(lab.batch_losses(lab.examples, paths), verdict.losses)

    waiting = [path for path in lazy(model) if path in layers]
    known = {path: layer for path, layer in layers.items() if path not in waiting}
    found = [_lazy(path) for path in waiting] + state.of_layers(known, model.training)
    found += modes.of_modes(model, layers, passed, in_train_mode)
    found += modes.of_stubborn(passed, in_train_mode) + modes.of_kinds(model, layers)
    found += structure.of_neighbours(passed)
    if data := causes.of_data(lab):
        return found + data, ["the running statistics: the data holds NaN or inf"]
    if not all(path in waiting or is_new(known[path]) for path in lab.layers):
        found += causes.of_average(verdict) if averaged else causes.of_statistics(lab, verdict)
        found += structure.of_dropout(lab, verdict, passed)
        found += structure.of_shared(lab, verdict, passed)
    found += causes.of_channels(lab, verdict)
    found += training.of_batches(lab, verdict, passed, loader, setting)
    shared = {f.where for f in found if f.kind == "layer-used-twice" and f.level == "fault"}
    found = [f for f in found if f.kind != "statistics-misfit" or f.where not in shared]
    return [_priced(finding, verdict) for finding in found], [] if verdict.judged else [NEEDS_LOSS]


def _check(model: Any, loss: Any, optimizer: Any, ema: Any, checkpoint: Any) -> None:
    for name, value in {"model": model, "ema": ema}.items():
        if not isinstance(value, nn.Module) and (name == "model" or value is not None):
            raise TypeError(f"{name} must be an nn.Module, got {type(value).__name__}")
    if loss is not None and not callable(loss):
        raise TypeError(
            f"loss must be called as loss(output, target), got {type(loss).__name__}: "
            "pass a function or a module such as nn.CrossEntropyLoss()"
        )
    if optimizer is not None and not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(
            f"optimizer must be a torch.optim.Optimizer, got {type(optimizer).__name__}"
        )
    if checkpoint is not None and not isinstance(checkpoint, Mapping):
        raise TypeError(
            f"checkpoint must be a state_dict, got {type(checkpoint).__name__}: "
            "load it first, with torch.load(path, weights_only=True)"
        )


def _shuffles(loader: Any) -> bool:
    return isinstance(getattr(loader, "sampler", None), RandomSampler)


def _replicas(model: nn.Module, replicas: int) -> tuple[int, int]:
    """Processes that train together, and parts that each batch is cut into."""
    kind = type(model).__name__
    if kind == "DistributedDataParallel" and torch.distributed.is_initialized():
        replicas = max(replicas, torch.distributed.get_world_size())
    parts = len(getattr(model, "device_ids", [])) if kind == "DataParallel" else 1
    return replicas, max(parts, 1)


def _averaged(model: nn.Module) -> bool:
    """Whether a model is torch's average of weights, with buffers that are not averages."""
    return type(model).__name__ == "AveragedModel" and not getattr(model, "use_buffers", True)


def _lazy(path: str) -> Finding:
    return Finding(
        "lazy-layer", path, "note", "has no size before its first batch; examined in a copy",
        "run one batch through the model before its parameters go to an optimizer",
    )  # fmt: skip


def _priced(finding: Finding, verdict: Verdict) -> Finding:
    """The finding with what its layer's statistics cost, where taking them anew mends it."""
    mendable = {"statistics-never-updated", "statistics-not-finite"}
    layers = verdict.lab.layers
    if finding.kind not in mendable or finding.where not in layers or not verdict.judged:
        return finding
    cost = verdict.shares.get(finding.where) or verdict.share([finding.where])
    return replace(finding, cost=cost)


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """The first finding of each kind and place."""
    found: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        found.setdefault((finding.kind, finding.where), finding)
    return list(found.values())


def _under(prefix: str, finding: Finding) -> Finding:
    """The finding with the path in the model as it was given."""
    return replace(finding, where=prefix + finding.where) if finding.where else finding
