"""Swap torch's batch normalization layers in a model for ours, and back."""

import logging
import sys
import warnings
from collections import Counter
from collections.abc import Mapping

from torch import nn
from torch.nn.modules import batchnorm

from bnlib.nn.layers import BatchNorm1d, BatchNorm2d, BatchNorm3d

_log = logging.getLogger(__name__)


def convert(model: nn.Module, to: str = "bnlib") -> nn.Module:
    """Replace torch's batch normalization layers in a model by ours, or ours by torch's.

    model: any module; it is changed in place, except where it is such a layer itself.
    to: "bnlib" or "torch".
    Returns model, or the new layer where model is such a layer itself. The new layers hold the
    very parameters, buffers and hooks of the old, which an optimizer goes on training, and their
    mode; a layer that stands in several places stays one. Other layers of the family are left
    alone, since they do something else, and a warning names them: SyncBatchNorm, lazy layers
    before their first batch, frozen ones, those of other libraries; timm's BatchNormAct2d is
    replaced. A warning also says if there was nothing to replace; how many layers became which
    goes to the log, at level INFO.
    Raises TypeError for anything but a module, ValueError for another `to`.

    >>> convert(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))[1].__module__
    'bnlib.nn.layers'
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"need a torch.nn.Module, got {type(model).__name__}: pass the model itself"
        )
    if to not in ("bnlib", "torch"):
        raise ValueError(f"need to='bnlib' or to='torch', got {to!r}: name the layers to end with")
    classes = _pairs() if to == "bnlib" else {ours: theirs for theirs, ours in _pairs().items()}
    _warn(model, classes)
    counts = Counter(classes[type(m)] for m in model.modules() if type(m) in classes)
    for kind, count in counts.items():
        _log.info("convert: %d became %s.%s", count, kind.__module__, kind.__name__)
    return replace_layers(model, classes)


def _pairs() -> dict[type[nn.Module], type[nn.Module]]:
    """The layers of others, each with ours in its place."""
    pairs: dict[type[nn.Module], type[nn.Module]] = {
        nn.BatchNorm1d: BatchNorm1d,
        nn.BatchNorm2d: BatchNorm2d,
        nn.BatchNorm3d: BatchNorm3d,
    }
    if "timm.layers.norm_act" in sys.modules:
        from bnlib.nn.fused import BatchNormAct2d, TimmBatchNormAct2d

        pairs[TimmBatchNormAct2d] = BatchNormAct2d
    return pairs


def _warn(model: nn.Module, classes: Mapping[type[nn.Module], type[nn.Module]]) -> None:
    """Name the layers that will be left alone, and say if none will be replaced."""
    kinds = {path or "the model": type(module) for path, module in model.named_modules()}
    left = [
        f"{path} ({kind.__name__})"
        for path, kind in kinds.items()
        if _is_family(kind) and kind not in classes and kind not in classes.values()
    ]
    if left:
        warnings.warn(
            f"convert leaves {', '.join(left)} alone, since they do something else: put plain "
            "layers of torch.nn in their place first, or keep them",
            stacklevel=3,
        )
    elif not {*classes, *classes.values()} & {*kinds.values()}:
        names = ", ".join(sorted({f"{kind.__module__}.{kind.__name__}" for kind in classes}))
        warnings.warn(f"convert found no layer to replace: it knows {names}", stacklevel=3)


def _is_family(kind: type[nn.Module]) -> bool:
    """Whether a class is batch normalization by its base, or by its name."""
    return issubclass(kind, batchnorm._BatchNorm) or "BatchNorm" in kind.__name__


def replace_layers(
    model: nn.Module, classes: Mapping[type[nn.Module], type[nn.Module]]
) -> nn.Module:
    """Replace every layer whose class is a key of `classes` by one of the class it maps to.

    model: any module, changed in place; classes: pairs of classes that differ in methods only.
    Returns model, or the new layer where model itself is one to replace. A new layer holds the
    very parameters, buffers and hooks of the old; a layer that stands in several places stays one.
    Subclasses of the keys are left alone.
    """
    new: dict[nn.Module, nn.Module] = {}
    for path, old in list(model.named_modules(remove_duplicate=False)):
        if type(old) not in classes:
            continue
        if old not in new:
            new[old] = _as(classes[type(old)], old)
        if path:
            parent, _, name = path.rpartition(".")
            model.get_submodule(parent).add_module(name, new[old])
    return new.get(model, model)


def _as(cls: type[nn.Module], layer: nn.Module) -> nn.Module:
    """A module of another class with the state of this one."""
    new = cls.__new__(cls)
    new.__dict__.update(layer.__dict__)
    new._parameters, new._buffers = dict(layer._parameters), dict(layer._buffers)
    return new
