"""One forward pass, watched: in which order modules run, on what, and whose output they take."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from bnlib.doctor.batches import Example, tensors
from bnlib.doctor.lab import Lab
from bnlib.doctor.layers import is_batch_norm, is_norm

# A tensor's storage, size and version: a view has those of its base, a change in place a new one.
Key = tuple[int, int, int]


@dataclass
class Visit:
    """One call of a module: where, which values per channel, in which mode, and whose output."""

    path: str
    module: nn.Module
    n: int
    size: int  # samples in the batch
    training: bool
    source: str | None  # the path of the module that made the input, None if something is between


@dataclass
class Trace:
    """The calls of modules without children and of norm layers, in order."""

    visits: list[Visit] = field(default_factory=list)
    last: set[str] = field(default_factory=set)  # whose outputs are the model's

    @property
    def norms(self) -> list[Visit]:
        """The calls of batch normalization layers."""
        return [visit for visit in self.visits if is_batch_norm(visit.module)]

    def calls(self) -> dict[str, list[Visit]]:
        """The calls of each batch normalization layer."""
        result: dict[str, list[Visit]] = {}
        for visit in self.norms:
            result.setdefault(visit.path, []).append(visit)
        return result

    def before(self, path: str) -> list[Visit]:
        """The calls before the first of a module."""
        paths = [visit.path for visit in self.visits]
        return self.visits[: paths.index(path)] if path in paths else []


def trace(lab: Lab, example: Example) -> Trace:
    """Run an example through the lab's model and watch."""
    result = Trace()
    makers: dict[Key, str] = {}  # whose output a tensor is
    alive: list[Tensor] = []  # so that no storage is used again

    def enter(path: str, module: nn.Module, inputs: Any) -> None:
        found = tensors(inputs)
        if not found:
            return
        x = found[0]
        n = x.size(0) * x[0, 0].numel() if x.dim() > 1 and x.numel() else 0
        result.visits.append(
            Visit(path, module, n, example.size, module.training, makers.get(_key(x)))
        )

    def leave(path: str, output: Any) -> None:
        for y in tensors(output):
            alive.append(y)
            makers[_key(y)] = path

    handles = []
    for path, module in lab.model.named_modules():
        if next(module.children(), None) is None or is_norm(module):
            handles += [
                module.register_forward_pre_hook(
                    lambda m, args, kwargs, path=path: enter(path, m, [args, kwargs]),
                    with_kwargs=True,
                ),
                module.register_forward_hook(lambda m, args, y, path=path: leave(path, y)),
            ]
    try:
        with torch.no_grad():
            output = lab.run(example)
        result.last = {makers[_key(y)] for y in tensors(output) if _key(y) in makers}
    finally:
        for handle in handles:
            handle.remove()
    return result


def _key(x: Tensor) -> Key:
    return x.data_ptr(), x.numel(), x._version
