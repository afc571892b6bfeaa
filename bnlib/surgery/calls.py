"""Call the user's model on the user's batches; where it fails, name the module that failed."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

Forward = Callable[[nn.Module, Any], object]


class ModelError(RuntimeError):
    """The model failed, not the operation: the message says in which module."""


def check_loader(loader: Any) -> Iterable[Any]:
    """The loader; TypeError for what is no iterable of batches."""
    hint = ""
    if isinstance(loader, Tensor):
        hint = f"a tensor of shape {tuple(loader.shape)}: one batch is [x]"
    elif isinstance(loader, Dataset):
        hint = f"the data set {type(loader).__name__}: use DataLoader(dataset, batch_size=...)"
    elif isinstance(loader, (str, bytes, Mapping)) or not hasattr(loader, "__iter__"):
        hint = f"{type(loader).__name__}: use a DataLoader or a list of batches"
    if hint:
        raise TypeError(f"need a loader, an iterable of batches, got {hint}")
    return loader


def run(model: nn.Module, batch: Any) -> object:
    """Call the model on the inputs of a batch, on the model's device.

    batch: a tensor; a tuple or list, whose first item is taken: (x, y); a dict, from which the
    model's forward takes the keys that are names of its arguments.
    Raises TypeError for any other batch.
    """
    if isinstance(batch, (tuple, list)) and batch:
        batch = batch[0]
    first = next((t for t in (*model.parameters(), *model.buffers())), None)
    device = torch.device("cpu") if first is None else first.device
    if isinstance(batch, Tensor):
        return model(batch.to(device))
    if isinstance(batch, Mapping):
        arguments = inspect.signature(model.forward).parameters.values()
        every = any(a.kind is a.VAR_KEYWORD for a in arguments)
        names = {a.name for a in arguments}
        chosen = {
            key: value.to(device) if isinstance(value, Tensor) else value
            for key, value in batch.items()
            if every or key in names
        }
        if chosen:
            return model(**chosen)
        raise TypeError(
            f"need a dict with an argument of {type(model).__name__}.forward, "
            f"{sorted(names)}, got the keys {sorted(map(str, batch))}: "
            "pass forward=lambda model, batch: model(batch[...])"
        )
    raise TypeError(
        f"need batches of tensors, (x, y) or dicts, got {type(batch).__name__}: "
        "pass forward=lambda model, batch: model(...)"
    )


@contextmanager
def blaming(model: nn.Module) -> Iterator[None]:
    """Turn an exception of the model's own into a ModelError that names the innermost module."""
    entered: list[tuple[str, nn.Module]] = []

    def enter(path: str) -> Callable[..., None]:
        return lambda module, *_: entered.append((path, module))

    def leave(module: nn.Module, *_: object) -> None:
        while entered and entered.pop()[1] is not module:
            pass  # modules whose exception the model has caught

    handles = []
    for path, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(enter(path), prepend=True))
        handles.append(module.register_forward_hook(leave))
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        if not entered:
            raise
        path, module = entered[-1]
        raise ModelError(
            f"the model fails in {path or 'its own forward'} ({type(module).__name__}) "
            f"with {type(error).__name__}: {error}: call the model on one batch to see it"
        ) from error
    finally:
        for handle in handles:
            handle.remove()


class Refusal(ValueError):
    """A ValueError of ours, raised from inside a call of the model."""
