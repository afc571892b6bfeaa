"""Faults of modes and freezing: which layers take statistics while which parameters learn."""

from collections.abc import Callable, Mapping

from torch import nn

from bnlib.doctor.layers import is_frozen_kind, tracks
from bnlib.doctor.report import Cost, Finding
from bnlib.doctor.trace import Trace

FREEZE = "bnlib.surgery.freeze(layer)"


def of_modes(
    model: nn.Module,
    layers: Mapping[str, nn.Module],
    trace: Trace,
    cost: Callable[[set[str]], Cost | None],
) -> list[Finding]:
    """The findings in the modes of a model and its layers.

    layers: the model's own, by path; trace: of its copy in eval mode; cost: what it costs in the
    evaluation that some layers normalise with the batch.
    """
    if model.training:
        return _training(model, layers, trace)
    wrong = {path for path, layer in layers.items() if layer.training and tracks(layer)}
    return [
        _train_at_evaluation(path, "the model is in eval mode, this layer in train mode", cost)
        for path in sorted(wrong)
    ]


def of_stubborn(trace: Trace, cost: Callable[[set[str]], Cost | None]) -> list[Finding]:
    """Layers that stand in train mode in a pass after model.eval()."""
    stubborn = {v.path for v in trace.norms if v.training and tracks(v.module)}
    return [
        _train_at_evaluation(path, "in train mode during forward, even after model.eval()", cost)
        for path in sorted(stubborn)
    ]


def of_kinds(model: nn.Module, layers: Mapping[str, nn.Module]) -> list[Finding]:
    """Layers that are no fault, but need a word."""
    found = [
        Finding(
            "frozen-batch-norm", path, "note",
            f"{type(module).__name__} never takes statistics, by design: no fault, as long as the "
            "weights before it are those it was made with",
            "nothing to mend",
        )
        for path, module in model.named_modules()
        if is_frozen_kind(module)
    ]  # fmt: skip
    found += [
        Finding(
            "no-running-statistics", path, "note",
            "no running statistics: in evaluation too, the output for a sample depends on the "
            "batch around it",
            "track_running_stats=True, where that is not meant",
        )
        for path, layer in layers.items()
        if not tracks(layer)
    ]  # fmt: skip
    return found


def _train_at_evaluation(path: str, text: str, cost: Callable[[set[str]], Cost | None]) -> Finding:
    return Finding(
        "train-mode-at-evaluation", path, "fault",
        f"{text}: what it gives for a sample depends on the batch, and each pass moves the "
        "statistics",
        "model.eval() after everything that calls train(), and no train() inside forward",
        cost({path}),
    )  # fmt: skip


def _training(model: nn.Module, layers: Mapping[str, nn.Module], trace: Trace) -> list[Finding]:
    found: list[Finding] = []
    moving = False  # whether a layer before this one takes statistics
    for path, visits in trace.calls().items():
        layer = layers.get(path)
        if layer is None:
            continue
        source = visits[0].source
        front = None if source is None else model.get_submodule(source)
        gamma, beta = getattr(layer, "weight", None), getattr(layer, "bias", None)
        learns = gamma is None or gamma.requires_grad
        if layer.training:
            moving = True
            if not learns:
                found.append(_frozen_by_half(path, front))
        elif moving and learns:
            found.append(_eval_in_training(path))
        if gamma is not None and beta is not None and gamma.requires_grad != beta.requires_grad:
            text = (
                "beta learns, gamma does not"
                if beta.requires_grad
                else "gamma learns, beta does not"
            )
            found.append(
                Finding(
                    "frozen-by-half", path, "note", text,
                    "layer.requires_grad_(True) or layer.requires_grad_(False)",
                )
            )  # fmt: skip
    return found


def _frozen_by_half(path: str, front: nn.Module | None) -> Finding:
    parameters = [] if front is None else list(front.parameters(recurse=False))
    fixed = bool(parameters) and not any(p.requires_grad for p in parameters)
    text = "gamma is frozen, but in train mode each batch moves the statistics"
    text += ", though the weights in front are frozen too" if fixed else ""
    return Finding("frozen-by-half", path, "fault" if fixed else "note", text, FREEZE)


def _eval_in_training(path: str) -> Finding:
    return Finding(
        "eval-mode-in-training", path, "fault",
        "in eval mode with parameters that learn, behind layers in train mode: its statistics "
        "stay, while what comes in moves",
        f"model.train() for all; or, to freeze it on purpose, {FREEZE}",
    )  # fmt: skip
