"""Swap torch's batch normalization layers in a model for ours, and back."""

from collections.abc import Mapping

from torch import nn

from bnlib.nn.layers import BatchNorm1d, BatchNorm2d, BatchNorm3d

_OURS: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: BatchNorm1d,
    nn.BatchNorm2d: BatchNorm2d,
    nn.BatchNorm3d: BatchNorm3d,
}
_CONVERSIONS = {"bnlib": _OURS, "torch": {ours: theirs for theirs, ours in _OURS.items()}}


def convert(model: nn.Module, to: str = "bnlib") -> nn.Module:
    """Replace torch's batch normalization layers in a model by ours, or ours by torch's.

    model: any module; it is changed in place, except where it is such a layer itself.
    to: "bnlib" or "torch".
    Returns model, or the new layer where model is such a layer itself. The new layers hold the
    very parameters, buffers and hooks of the old, which an optimizer goes on training, and their
    mode; a layer that stands in several places stays one. Subclasses of torch's layers, such as
    SyncBatchNorm and the lazy layers before their first batch, are left alone: they do something
    else.
    Raises ValueError for another `to`.

    >>> convert(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))[1].__module__
    'bnlib.nn.layers'
    """
    if to not in _CONVERSIONS:
        raise ValueError(f"need to='bnlib' or to='torch', got {to!r}: name the layers to end with")
    return replace_layers(model, _CONVERSIONS[to])


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
