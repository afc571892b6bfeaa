"""Fold layers into the convolutions and linears next to them."""

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

import bnlib.nn
from bnlib.surgery.layers import batch_norms, why_special
from bnlib.surgery.report import Outcome, outcome
from bnlib.surgery.tracing import Neighbourhood

_CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_AXES = dict(zip((nn.Linear, *_CONVS, *_TRANSPOSED), (2, 3, 4, 5, 3, 4, 5), strict=True))


def fold(model: nn.Module) -> Outcome:
    """Fold every layer into the convolution or linear before it, or else into the one after it.

    model: in evaluation mode; left as it is.
    Returns (folded, report): a copy that computes the same in evaluation, up to rounding, where
    each folded layer is an Identity. Neighbours are found by torch.fx, through functional calls
    too; where a model cannot be traced, within those of its submodules that can, each of which is
    taken to be called as a whole. A trace goes one way: where a forward asks for the type of its
    input, or for flags that others set, compare the outputs of both models once.

    Left alone, with the reason, are layers that have no such neighbour, or share its output with
    others; that normalise by their batch; layers and neighbours that are used twice, have hooks,
    a forward or parametrizations of their own, or parameters that others read; and, of layers in
    front of a convolution, those that zeros are padded to, and all in front of a transposed one:
    at the border these zeros would have to be the layer's shift.

    Raises ValueError for a model in training mode, one that cannot be copied, and where every
    layer is left alone.
    """
    layers = batch_norms(model)
    if model.training:
        raise ValueError("need a model in evaluation mode, got one in training: call model.eval()")
    try:
        folded, probe = copy.deepcopy(model), copy.deepcopy(model)
    except Exception as error:
        raise ValueError(
            f"need a model that can be copied, {type(model).__name__} fails in copy.deepcopy with "
            f"{type(error).__name__}: {error}"
        ) from error
    graphs = Neighbourhood(probe)
    changed, left = {}, {}
    for path in layers:
        layer = cast(_BatchNorm, folded.get_submodule(path))
        why = _why_not(layer) or graphs.why_alone(path)
        if why is None:
            done, why = _fold_one(folded, path, graphs)
        if why is not None:
            left[path] = why
            continue
        changed[path] = done
        graphs.take_out(path)
    return outcome("fold", folded, changed, left)


def _fold_one(model: nn.Module, path: str, graphs: Neighbourhood) -> tuple[str, str | None]:
    """(what was done, None) or ("", why nothing can be)."""
    layer, reasons = cast(_BatchNorm, model.get_submodule(path)), []
    for where, find, into in (
        ("before", graphs.before, _into_previous),
        ("after", graphs.after, _into_next),
    ):
        other, reason = find(path)
        if other is not None:
            neighbour = model.get_submodule(other)
            why = _why_no_pair(layer, neighbour, where == "before") or graphs.why_alone(other)
            if why is None:
                into(layer, neighbour)
                _replace(model, layer, _identity(neighbour))
                return f"folded into {other}, {where} it", None
            reason = f"{other} ({type(neighbour).__name__}): {why}"
        reasons.append(f"{where} it: {reason}")
    return "", "; ".join(reasons)


def _why_not(layer: _BatchNorm) -> str | None:
    if layer.training:
        return "it is in training mode: call eval()"
    if layer.running_mean is None or layer.running_var is None:
        return "it keeps no running statistics, and normalises by its batch"
    return why_special(layer)


def _why_no_pair(layer: _BatchNorm, neighbour: Any, first: bool) -> str | None:
    """Why a layer cannot be folded into a neighbour, which is the first of the two, or not."""
    kind = type(neighbour)
    if kind not in _AXES:
        return "no convolution or linear"
    if not first and kind in _TRANSPOSED:
        return "puts zeros between its inputs"
    if not first and kind in _CONVS and _pads_zeros(neighbour):
        return f"pads with zeros, padding={neighbour.padding}"
    name = f"BatchNorm{max(1, _AXES[kind] - 2)}d"
    if not isinstance(layer, (getattr(nn, name), getattr(bnlib.nn, name), nn.SyncBatchNorm)):
        return f"has {_AXES[kind]} axes, {type(layer).__name__} others"
    sizes = (
        ("out_features", "in_features") if kind is nn.Linear else ("out_channels", "in_channels")
    )
    channels = getattr(neighbour, sizes[0 if first else 1])
    if channels != layer.num_features:
        return f"has {channels} channels there, the layer {layer.num_features}"
    return None


def _pads_zeros(conv: Any) -> bool:
    if conv.padding_mode != "zeros" or conv.padding == "valid":
        return False
    if conv.padding == "same":
        return any(size > 1 for size in conv.kernel_size)
    return any(conv.padding)


def _scale_and_shift(layer: _BatchNorm) -> tuple[Tensor, Tensor]:
    """The layer in evaluation is x · scale + shift; in float64."""
    assert layer.running_mean is not None and layer.running_var is not None
    wide = torch.float32 if layer.running_var.device.type == "mps" else torch.float64
    scale = (layer.running_var.to(wide) + layer.eps).rsqrt()
    scale = scale if layer.weight is None else scale * layer.weight.to(wide)
    shift = -layer.running_mean.to(wide) * scale
    return scale, shift if layer.bias is None else shift + layer.bias.to(wide)


@torch.no_grad()
def _into_previous(layer: _BatchNorm, neighbour: Any) -> None:
    """(W x + b) · scale + shift: the outputs of W are scaled."""
    scale, shift = _scale_and_shift(layer)
    w = neighbour.weight.to(scale.dtype)
    if type(neighbour) in _TRANSPOSED:  # (in, out / groups, ...), the inputs in groups
        grouped = w.unflatten(0, (neighbour.groups, -1))
        w = (grouped * scale.view(neighbour.groups, 1, -1, *(1,) * (w.dim() - 2))).flatten(0, 1)
    else:
        w = w * scale.view(-1, *(1,) * (w.dim() - 1))
    b = shift if neighbour.bias is None else shift + neighbour.bias.to(scale.dtype) * scale
    _set(neighbour, w, b)


@torch.no_grad()
def _into_next(layer: _BatchNorm, neighbour: Any) -> None:
    """W (x · scale + shift) + b: the inputs of W are scaled, its sums times shift go into b."""
    scale, shift = _scale_and_shift(layer)
    groups = getattr(neighbour, "groups", 1)
    w = neighbour.weight.to(scale.dtype).unflatten(0, (groups, -1))  # (groups, out, in / groups, …)
    scale, shift = (v.view(groups, 1, -1, *(1,) * (w.dim() - 3)) for v in (scale, shift))
    b = (w * shift).flatten(2).sum(2).flatten()
    b = b if neighbour.bias is None else b + neighbour.bias.to(b.dtype)
    _set(neighbour, (w * scale).flatten(0, 1), b)


def _set(neighbour: Any, weight: Tensor, bias: Tensor) -> None:
    """New parameters: others may share the old ones."""
    old = neighbour.weight
    neighbour.weight = nn.Parameter(weight.to(old.dtype), old.requires_grad)
    neighbour.bias = nn.Parameter(bias.to(old.dtype), old.requires_grad)


class Folded(nn.Identity):
    """In the place of a layer that takes inputs of more than one number of axes: of one only."""

    def __init__(self, axes: int) -> None:
        super().__init__()
        self.axes = axes

    def extra_repr(self) -> str:
        """The number of axes."""
        return f"axes={self.axes}"

    def forward(self, x: Tensor) -> Tensor:
        """Return x; AssertionError where the channels are not those that were folded."""
        torch._assert(
            x.dim() == self.axes,
            f"folded for inputs of {self.axes} axes: for others take the model before folding",
        )
        return x


def _identity(neighbour: Any) -> nn.Module:
    """What stands for the folded layer: (N, C) and (N, C, L) have their channels apart."""
    axes = _AXES[type(neighbour)]
    return Folded(axes) if axes in (2, 3) else nn.Identity()


def _replace(model: nn.Module, layer: nn.Module, new: nn.Module) -> None:
    new.eval()
    for path, module in list(model.named_modules(remove_duplicate=False)):
        if module is layer:
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, new)
