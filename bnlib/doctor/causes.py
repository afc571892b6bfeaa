"""Why running statistics do not fit: from the verdict to the fault that has a name."""

from collections.abc import Sequence

import torch
from torch import nn

from bnlib.doctor.batches import tensors
from bnlib.doctor.lab import Lab
from bnlib.doctor.layers import initial, is_new
from bnlib.doctor.report import Cost, Finding, Level
from bnlib.doctor.state import REESTIMATE
from bnlib.doctor.verdict import Verdict

KERAS = 0.9  # momentum from which it is taken for the weight of the old
START = 0.05  # the weight of the initial 0 and 1 that is told
FAR = 0.5  # nats: a misfit that costs nothing, or has no loss to judge by, is told from here


def of_average(verdict: Verdict) -> list[Finding]:
    """Judge the statistics of a model with averaged weights: they may be of other weights."""
    nats = max(verdict.divergence.values(), default=0.0)
    costly = verdict.judged and verdict.cost.material
    new = any(is_new(layer) for layer in verdict.lab.layers.values())
    if not costly and not new and nats < FAR:
        return []
    return [
        Finding(
            "ema-without-buffers", "", "fault" if costly or new else "note",
            f"the weights are averages, the statistics those of other weights, up to {nats:.2g} "
            "nats per channel from what these weights give" + "; some are still 0 and 1" * new,
            f"{REESTIMATE} for the averaged model, or torch.optim.swa_utils.update_bn",
            verdict.cost if verdict.judged else None,
        )
    ]  # fmt: skip


def of_statistics(lab: Lab, verdict: Verdict) -> list[Finding]:
    """Name the layers whose statistics cost loss, and the momenta that will make them so."""
    found = [f for path, layer in lab.layers.items() for f in _momentum(path, layer, verdict)]
    named = {finding.where for finding in found if finding.level == "fault"}
    named |= {path for path, layer in lab.layers.items() if _broken(layer)}
    misfit = {
        path: cost for path, cost in verdict.shares.items()
        if path not in named and not verdict.fits_dropout(path)
    }  # fmt: skip
    faults = {path: cost for path, cost in verdict.culprits.items() if path in misfit}
    for path, cost in misfit.items():
        if path not in faults and verdict.divergence[path] > FAR:
            known = cost if verdict.judged else None
            found.append(_misfit(path, known, "note", verdict.divergence[path]))
    first = next(iter(lab.layers), None)
    for path, cost in faults.items():
        inputs = _unstandardised(lab) if path == first else None
        if inputs is None:
            found.append(_misfit(path, cost, "fault", verdict.divergence[path]))
        else:
            found.append(_shift(path, cost, inputs))
    return found


def of_data(lab: Lab) -> list[Finding]:
    """Batches with NaN or inf."""
    bad = [
        i for i, example in enumerate(lab.raw)
        if any(
            not t.isfinite().all()
            for t in tensors([example.args, example.kwargs]) if t.is_floating_point()
        )
    ]  # fmt: skip
    if not bad:
        return []
    return [
        Finding(
            "data-not-finite", "", "fault",
            f"NaN or inf in {len(bad)} of the {len(lab.raw)} batches read, first in batch {bad[0]}",
            "find them with torch.isfinite in the dataset: one is enough to spoil all statistics",
        )
    ]  # fmt: skip


def of_channels(lab: Lab, verdict: Verdict) -> list[Finding]:
    """Channels that are constant in the data, and layers whose eps exceeds the variance."""
    found = []
    for path, moments in verdict.estimate.items():
        eps = getattr(lab.layers[path], "eps", 1e-5)
        size, floor = len(moments.var), 1e-12 * moments.mean.square() + 1e-20
        flat = int((moments.var <= floor).sum())
        drowned = int(((moments.var > floor) & (moments.var < eps)).sum())
        if 2 * drowned >= size:
            found.append(
                Finding(
                    "eps-dominates", path, "fault",
                    f"the variance is below eps = {eps:g} in {drowned} of {size} channels (median "
                    f"{float(moments.var.median()):.2g}): their spread is below 0.71 gamma",
                    "eps=1e-5, and inputs of ordinary size in front of the layer",
                )
            )  # fmt: skip
        if flat:
            found.append(
                Finding(
                    "channel-without-spread", path, "fault" if 2 * flat >= size else "note",
                    f"{flat} of {size} channels have one value in all the data",
                    "look for dead filters or dead units in front of the layer, and remove them",
                )
            )  # fmt: skip
    return found


def _broken(layer: nn.Module) -> bool:
    """Whether a rule has named the statistics already: new, or not finite."""
    mean, var = layer.get_buffer("running_mean"), layer.get_buffer("running_var")
    return initial(mean, var) or not bool(mean.isfinite().all() and (var >= 0).all())


def _momentum(path: str, layer: nn.Module, verdict: Verdict) -> list[Finding]:
    momentum = getattr(layer, "momentum", None)
    if momentum is None or _broken(layer):
        return []
    share = verdict.culprits.get(path) or verdict.shares.get(path)
    if KERAS <= momentum < 1:
        return [
            Finding(
                "momentum-keras", path, "fault",
                f"momentum = {momentum:g}: the statistics are {momentum:.0%} those of the last "
                "batch alone; in torch momentum is the weight of the new batch",
                f"momentum={1 - momentum:.3g}, then {REESTIMATE}", share,
            )
        ]  # fmt: skip
    count = getattr(layer, "num_batches_tracked", None)
    batches = 0 if count is None else int(count)
    left = (1 - momentum) ** batches
    if batches and left > START and share is not None:
        return [
            Finding(
                "momentum-too-slow", path, "fault" if path in verdict.culprits else "note",
                f"momentum = {momentum:g} over {batches} batches: {left:.0%} of the statistics is "
                "still their start, mean 0 and variance 1",
                f"{REESTIMATE}; or momentum=0.1, or None, the average of all batches", share,
            )
        ]  # fmt: skip
    return []


def _misfit(path: str, cost: Cost | None, level: Level, nats: float) -> Finding:
    text = f"{nats:.2g} nats per channel from the statistics of the data"
    if level == "note":
        text += ", which costs no loss here" if cost else "; it takes a loss to tell what it costs"
    return Finding("statistics-misfit", path, level, text, REESTIMATE, cost)


def _shift(path: str, cost: Cost, inputs: tuple[float, float]) -> Finding:
    return Finding(
        "data-shift", "", "fault",
        f"the inputs have mean {inputs[0]:.3g} and standard deviation {inputs[1]:.3g}, which does "
        f"not fit the running statistics of {path}, the first layer",
        f"prepare x as in training (ToTensor, Normalize); if the data is right: {REESTIMATE}", cost,
    )  # fmt: skip


def _unstandardised(lab: Lab) -> tuple[float, float] | None:
    """Mean and standard deviation of the inputs, where they are far from 0 and 1."""
    values: Sequence[torch.Tensor] = [
        x.flatten().double()
        for e in lab.examples for x in tensors([e.args, e.kwargs])[:1] if x.is_floating_point()
    ]  # fmt: skip
    if not values:
        return None
    std, mean = (float(v) for v in torch.std_mean(torch.cat(list(values))))
    return (mean, std) if abs(mean) > 1 or not 0.4 < std < 2 else None
