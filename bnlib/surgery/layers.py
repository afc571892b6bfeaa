"""Find the batch normalization layers of a model, and give a layer another behaviour.

A layer gets another behaviour by another class, as torch's parametrizations do it: its own class,
with one of the kinds of this package in front. Parameters, buffers, hooks, the state_dict and
isinstance stay; copy and pickle work.
"""

from functools import cache
from typing import Any, cast

from torch import nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm
from torch.nn.parameter import is_lazy

from bnlib.nn import BatchNorm1d, BatchNorm2d, BatchNorm3d

_LAYERS = (_BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d)


def is_batch_norm(module: nn.Module) -> bool:
    """Whether this is a layer of torch's family of batch normalization, or one of ours."""
    return isinstance(module, _LAYERS)


def batch_norms(model: nn.Module) -> dict[str, _BatchNorm]:
    """The layers of a model by path; a layer that stands in several places is named once.

    They are typed as torch's, whose attributes ours have too. TypeError for anything but a
    module, ValueError for a model without such layers, or with lazy ones before their first batch.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"need a torch.nn.Module, got {type(model).__name__}: pass the model itself"
        )
    found = {
        path: cast(_BatchNorm, module)
        for path, module in model.named_modules()
        if is_batch_norm(module)
    }
    if not found:
        raise ValueError(
            f"need a model with batch normalization layers, got {type(model).__name__} with none: "
            "layers of other libraries count if they derive from torch's"
        )
    for path, layer in found.items():
        if any(is_lazy(tensor) for tensor in (*layer.parameters(), *layer.buffers())):
            raise ValueError(
                f"need initialised layers, got the lazy {path or 'model'}: "
                "run one batch through the model first"
            )
    return found


class Kind:
    """What the kinds have in common: a layer of such a class can be copied and pickled."""

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        kinds, plain = parts(type(self))
        return _empty, (kinds, plain), self.__dict__


def parts(cls: Any) -> tuple[tuple[type, ...], Any]:
    """The kinds in front of a layer's class, and the class without them."""
    kinds: tuple[type, ...] = ()
    while issubclass(cls, Kind):
        kind, cls = cls.__bases__
        kinds += (kind,)
    return kinds, cls


def add_kind(layer: nn.Module, kind: type) -> None:
    """Give the layer the behaviour of a kind, in front of all others."""
    layer.__class__ = _stack((kind,), type(layer))


def remove_kind(layer: nn.Module, kind: type) -> None:
    """Take that behaviour away again."""
    kinds, plain = parts(type(layer))
    layer.__class__ = _stack(tuple(k for k in kinds if k is not kind), plain)


def why_special(layer: nn.Module) -> str | None:
    """Why a layer computes something else than batch normalization; None where it does not."""
    _, plain = parts(type(layer))
    if plain.forward not in [cls.forward for cls in (*_LAYERS, SyncBatchNorm)]:
        return f"{plain.__name__} has a forward of its own"
    return None


@cache
def _joined(kind: Any, cls: Any) -> Any:
    return type(kind.__name__ + cls.__name__, (kind, cls), {"__module__": cls.__module__})


def _stack(kinds: tuple[type, ...], cls: Any) -> Any:
    for kind in reversed(kinds):
        cls = _joined(kind, cls)
    return cls


def _empty(kinds: tuple[type, ...], plain: Any) -> Any:
    """A layer without state, for copy and pickle."""
    cls = _stack(kinds, plain)
    return cls.__new__(cls)
