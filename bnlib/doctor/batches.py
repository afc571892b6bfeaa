"""What a loader yields: read it, part inputs from targets, and leave the random state as it was."""

import dataclasses
import inspect
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

TARGETS = ("target", "targets", "label", "labels", "y")
ENOUGH = 32  # samples: smaller batches are joined, for the doctor's own measurements


@dataclass(frozen=True)
class Example:
    """A batch as the model takes it: arguments by position and by name, the target, and N."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    target: Any
    size: int


def read(loader: Iterable[Any], count: int) -> tuple[list[Any], list[Any]]:
    """Read from a loader, and keep the batches.

    Returns (batches as they came, batches of at least ENOUGH samples): small ones are joined where
    their shapes allow it; at most `count` of the latter.
    Raises TypeError for what cannot be read twice, ValueError for a loader without a batch.
    """
    if isinstance(loader, Tensor | dict | str) or not isinstance(loader, Iterable):
        raise TypeError(
            f"loader must yield batches, got {type(loader).__name__}: "
            "pass a DataLoader, or a list of batches such as [(x, y)]"
        )
    if isinstance(loader, Iterator):
        raise TypeError(
            f"loader must be readable again, got the iterator {type(loader).__name__}, which "
            "this would use up: pass the DataLoader itself, or list(...)"
        )
    raw, joined, waiting = [], [], []
    try:
        for batch in loader:
            raw.append(batch)
            waiting.append(batch)
            if sum(map(size, waiting)) >= ENOUGH:
                joined += _join_all(waiting)
                waiting = []
            if len(joined) >= count:
                break
    except Exception as error:
        raise RuntimeError(
            f"the loader itself raised {type(error).__name__} at batch {len(raw)}: {error}: "
            "run next(iter(loader)) to see it whole"
        ) from error
    if not raw:
        raise ValueError("need a loader with at least 1 batch, got an empty one: check its dataset")
    if waiting and (not joined or sum(map(size, waiting)) >= ENOUGH // 2):
        joined += _join_all(waiting)
    return raw, joined[:count]


def size(batch: Any) -> int:
    """N: the length of the first tensor in a batch; 0 without one."""
    for tensor in tensors(batch):
        if tensor.dim():
            return len(tensor)
    return 0


def tensors(value: Any) -> list[Tensor]:
    """All tensors in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    elif dataclasses.is_dataclass(value):  # an output with fields, as of some libraries
        value = list(vars(value).values())
    elif not isinstance(value, list | tuple):
        return []
    return [tensor for item in value for tensor in tensors(item)]


def example(batch: Any, model: nn.Module) -> Example:
    """Part a batch into what the model takes and the target.

    A tensor is the input. Of a tuple or list the last is the target, if there are two or more.
    Of a dict the entry named as in TARGETS is; the rest goes by name where forward has such names,
    a single entry by position, else the dict as it is. Without a target, the batch itself is it.
    """
    n = size(batch)
    if isinstance(batch, dict):
        rest, target = dict(batch), batch
        for name in TARGETS:
            if name in rest and len(rest) > 1:
                target = rest.pop(name)
                break
        if _binds(model.forward, rest):
            return Example((), rest, target, n)
        if len(rest) == 1:
            return Example(tuple(rest.values()), {}, target, n)
        return Example((rest,), {}, target, n)
    if isinstance(batch, list | tuple):
        if len(batch) == 1:
            return Example(tuple(batch), {}, batch[0], n)
        return Example(tuple(batch[:-1]), {}, batch[-1], n)
    return Example((batch,), {}, batch, n)


def to_device(value: Any, device: torch.device) -> Any:
    """The same nest of lists, tuples and dicts with its tensors on a device."""
    return _map(value, lambda tensor: tensor.to(device))


@contextmanager
def randomness_kept(loader: Any) -> Iterator[None]:
    """Put all random states back: Python's, NumPy's, torch's, and the loader's own generators."""
    sampler = getattr(loader, "sampler", None)
    inner = getattr(getattr(loader, "batch_sampler", None), "sampler", None)
    generators = {
        generator
        for owner in (loader, sampler, inner, getattr(loader, "dataset", None))
        if isinstance(generator := getattr(owner, "generator", None), torch.Generator)
    }
    states = [(generator, generator.get_state()) for generator in generators]
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        for generator, state in states:
            generator.set_state(state)


def _binds(forward: Callable[..., Any], names: dict[str, Any]) -> bool:
    try:
        inspect.signature(forward).bind(**names)
    except (TypeError, ValueError):
        return False
    return True


def _join_all(batches: list[Any]) -> list[Any]:
    """One batch of all; the batches as they are, where their shapes differ."""
    if len(batches) == 1:
        return batches
    try:
        return [_join(batches)]
    except (TypeError, RuntimeError, KeyError, ValueError):
        return list(batches)


def _join(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, Tensor):
        return torch.cat(values)
    if isinstance(first, dict):
        return {name: _join([value[name] for value in values]) for name in first}
    if isinstance(first, list | tuple):
        return tuple(_join(list(items)) for items in zip(*values, strict=True))
    raise TypeError(f"cannot join {type(first).__name__}")


def _map(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {name: _map(item, function) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_map(item, function) for item in value)
    return value
