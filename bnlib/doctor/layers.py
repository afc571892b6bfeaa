"""Which modules are batch normalization: torch's, ours, and other libraries' by what they hold."""

from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.parameter import is_lazy

_BUFFERS = {"running_mean", "running_var", "num_batches_tracked"}
_WRAPPERS = {
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "OptimizedModule": "_orig_mod",  # what torch.compile gives
}


def is_batch_norm(module: nn.Module) -> bool:
    """Whether a module is batch normalization that can take statistics."""
    if isinstance(module, _InstanceNorm) or is_frozen_kind(module):
        return False
    return isinstance(module, _BatchNorm) or module._buffers.keys() >= _BUFFERS


def is_frozen_kind(module: nn.Module) -> bool:
    """Whether a module is one of the FrozenBatchNorm kinds, of torchvision, timm or detectron2."""
    return type(module).__name__.startswith("FrozenBatchNorm")


def is_norm(module: nn.Module) -> bool:
    """Whether a module is a norm layer of any kind."""
    others = (_InstanceNorm, nn.LayerNorm, nn.GroupNorm)
    return is_batch_norm(module) or is_frozen_kind(module) or isinstance(module, others)


def batch_norms(model: nn.Module) -> dict[str, nn.Module]:
    """The batch normalization layers of a model by path, each once."""
    return {path: module for path, module in model.named_modules() if is_batch_norm(module)}


def tracks(layer: nn.Module) -> bool:
    """Whether a layer keeps running statistics."""
    mean, var = getattr(layer, "running_mean", None), getattr(layer, "running_var", None)
    return isinstance(mean, Tensor) and isinstance(var, Tensor)


def lazy(model: nn.Module) -> list[str]:
    """The paths of the modules that wait for their first batch."""
    return [
        path
        for path, module in model.named_modules()
        if any(
            value is not None and is_lazy(value)
            for value in (*module._parameters.values(), *module._buffers.values())
        )
    ]


def lazy_copies(model: nn.Module) -> dict[int, Any]:
    """New tensors without a size for those of a model, by id: what copy.deepcopy takes as memo.

    It cannot copy lazy buffers by itself.
    """
    copies: dict[int, Any] = {}
    for value in (*model.parameters(), *model.buffers()):
        if is_lazy(value):
            kind: Any = type(value)
            copies[id(value)] = kind(value.requires_grad, device=value.device, dtype=value.dtype)
    return copies


def initial(mean: Tensor, var: Tensor) -> bool:
    """Whether running statistics are those of a new layer."""
    return bool((mean == 0).all() and (var == 1).all())


def is_new(layer: nn.Module) -> bool:
    """Whether a layer keeps running statistics, and they are those of a new layer."""
    return initial(layer.get_buffer("running_mean"), layer.get_buffer("running_var"))


def unwrap(model: nn.Module) -> tuple[nn.Module, str]:
    """The model inside torch's wrappers, and what its paths begin with."""
    prefix = ""
    while inner := _WRAPPERS.get(type(model).__name__):
        model, prefix = getattr(model, inner), f"{prefix}{inner}."
    return model, prefix
