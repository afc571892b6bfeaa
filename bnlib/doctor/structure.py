"""Faults of what stands around a layer, from the flow of tensors in one pass."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from bnlib.doctor.lab import Lab
from bnlib.doctor.layers import is_batch_norm, is_norm
from bnlib.doctor.moments import Call, Moments, Statistics, divergence, in_halves, merged
from bnlib.doctor.report import Cost, Finding
from bnlib.doctor.trace import Trace, Visit
from bnlib.doctor.verdict import Verdict

SHIFT = 1.1  # the ratio of variances, with and without dropout, from which it is told
UNLIKE = 0.1  # nats between two uses of a layer, from which they are told


def of_neighbours(trace: Trace) -> list[Finding]:
    """Double normalisation, biases in front, layers at the output."""
    by_path = {visit.path: visit.module for visit in trace.visits}
    found: list[Finding] = []
    for visit in trace.visits:
        if is_norm(visit.module) and visit.source in by_path:
            found += _double(visit.path, visit.source, by_path[visit.source], visit.module)
    for path, visits in trace.calls().items():
        source = visits[0].source
        if source in by_path:
            found += _bias(source, by_path[source], path, visits[0].module)
        if path in trace.last:
            found.append(
                Finding(
                    "norm-at-output", path, "note",
                    "the model gives what this layer gives: outputs with the mean beta and the "
                    "spread gamma over a batch, in training whatever the inputs are",
                    "take it out, and give the layer in front a bias; keep it where standardised "
                    "outputs are meant, as in embeddings",
                )
            )  # fmt: skip
    return found


def of_dropout(lab: Lab, verdict: Verdict, trace: Trace) -> list[Finding]:
    """Layers that meet another variance in training than in evaluation, because of dropout."""
    noisy = merged(verdict.with_dropout)
    ratios = {}
    for path, quiet in verdict.estimate.items():
        if (path, 0) in noisy:
            ratio = (noisy[path, 0].var + 1e-12) / (quiet.var + 1e-12)
            ratios[path] = float(ratio.median())
    shifted = {path: r for path, r in ratios.items() if abs(math.log(r)) > math.log(SHIFT)}
    if not shifted:
        return []
    worst = max(shifted, key=lambda path: abs(math.log(shifted[path])))
    cost = (
        Cost.of(lab.losses(in_halves(verdict.with_dropout)), verdict.mended)
        if verdict.judged
        else None
    )
    return [
        Finding(
            "dropout-before-norm", path,
            "fault" if path == worst and cost is not None and cost.material else "note",
            f"the variance in training is {ratio:.3g} times that in evaluation"
            + _by_dropout(trace.before(path)),
            "put dropout behind the last norm layer; or, for this model, " + "reestimate in eval "
            "mode: bnlib.surgery.reestimate(model.eval(), loader)",
            cost if path == worst else None,
        )
        for path, ratio in shifted.items()
    ]  # fmt: skip


def of_shared(lab: Lab, verdict: Verdict, trace: Trace) -> list[Finding]:
    """Layers that are called more than once in a pass."""
    found = []
    for path, visits in trace.calls().items():
        if len(visits) < 2 or path not in lab.layers:
            continue
        each = merged(verdict.seen, by_call=True)
        apart = _apart([each[path, i] for i in range(len(visits)) if (path, i) in each])
        if apart < UNLIKE:
            continue  # two views of the same data, as in a siamese model
        cost = None
        if verdict.judged:
            halves = in_halves(verdict.seen, by_call=True)
            own = tuple(
                _with_calls(path, h, s) for h, s in zip(verdict.halves, halves, strict=True)
            )
            cost = Cost.of(verdict.mended, lab.losses((own[0], own[1])))
        found.append(
            Finding(
                "layer-used-twice", path,
                "fault" if cost is not None and cost.material else "note",
                f"called {len(visits)} times in a pass; its statistics are a mixture of inputs "
                f"{apart:.2g} nats apart",
                "give each place a layer of its own; the weights around may stay shared",
                cost,
            )
        )  # fmt: skip
    return found


def _double(path: str, source: str, front: nn.Module, layer: nn.Module) -> list[Finding]:
    activated = any(not isinstance(child, nn.Identity) for child in front.children())
    if path == source or not is_norm(front) or activated:
        return []
    certain = is_batch_norm(front) and is_batch_norm(layer)
    return [
        Finding(
            "double-normalisation", path, "fault" if certain else "note",
            f"takes the output of {source}, a {type(front).__name__}, as it is"
            + (": it undoes that layer's gamma and beta" if certain else ""),
            f"take one of the two out, for instance {source}",
        )
    ]  # fmt: skip


def _bias(source: str, front: nn.Module, path: str, layer: nn.Module) -> list[Finding]:
    bias = getattr(front, "bias", None)
    if is_norm(front) or not isinstance(bias, Tensor):
        return []
    if bias.shape != (getattr(layer, "num_features", -1),):
        return []
    return [
        Finding(
            "bias-before-norm", source, "note",
            f"{path} subtracts the mean, and with it this bias of {len(bias)} values: harmless in "
            "training, but without effect",
            f"{type(front).__name__}(…, bias=False)",
        )
    ]  # fmt: skip


def _by_dropout(visits: Sequence[Visit]) -> str:
    names = [v.path for v in visits if "drop" in type(v.module).__name__.lower()]
    return f"; {names[-1]} stands before it" if names else ""


def _apart(uses: Sequence[Moments]) -> float:
    """The largest divergence between the first use of a layer and another."""
    return max(divergence(use, uses[0], 1e-5) for use in uses)


def _with_calls(path: str, half: Statistics, by_call: Statistics) -> dict[Call, Moments]:
    return {**half, **{call: moments for call, moments in by_call.items() if call[0] == path}}
