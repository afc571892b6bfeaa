"""Swap layers in a model for layers of another class that have the same state."""

from collections.abc import Mapping

from torch import nn


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
