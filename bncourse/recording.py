"""Watching a network from inside: the outputs of its layers, and the gradients that reach them."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

Select = Callable[[str, nn.Module], bool]


def of_type(*types: type[nn.Module]) -> Select:
    """Select the layers that are instances of any of `types`."""
    return lambda name, module: isinstance(module, types)


def named(*endings: str) -> Select:
    """Select the layers whose name ends with one of `endings`, such as `"linear"`."""
    return lambda name, module: name.split(".")[-1] in endings


class Recorder:
    """Keep each selected layer's last output and the gradient of the loss with respect to it.

    >>> import torch
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    >>> with Recorder(model, of_type(nn.ReLU)) as seen:
    ...     model(torch.ones(4, 3)).sum().backward()
    >>> seen.outputs["1"].shape, seen.gradients["1"].shape
    (torch.Size([4, 2]), torch.Size([4, 2]))

    outputs, gradients: dicts from the layer's name to a detached copy of its last value. The
    gradients fill during `backward()`.

    Within the `with` block the model has hooks; afterwards it is as it was found: no hook, the
    same mode, the same values. Raises ValueError if no layer is selected.
    """

    def __init__(self, model: nn.Module, select: Select) -> None:
        self.layers = {name: m for name, m in model.named_modules() if name and select(name, m)}
        if not self.layers:
            names = [name for name, _ in model.named_modules() if name]
            raise ValueError(f"no layer selected, the model has: {', '.join(names)}")
        self.outputs: dict[str, Tensor] = {}
        self.gradients: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        for name, layer in self.layers.items():
            self._handles.append(layer.register_forward_hook(self._hook(name)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def keep(layer: nn.Module, inputs: object, output: Tensor) -> None:
            self.outputs[name] = output.detach().clone()
            if output.requires_grad:
                output.register_hook(lambda gradient: self._keep_gradient(name, gradient))

        return keep

    def _keep_gradient(self, name: str, gradient: Tensor) -> None:
        self.gradients[name] = gradient.detach().clone()


def per_channel(x: Tensor) -> Tensor:
    """`(N, C, ...)` to `(C, n)`: all values of each channel in a row."""
    return x.transpose(0, 1).flatten(1)


def dead_fraction(output: Tensor) -> float:
    """Share of the channels of a ReLU's output `(N, C, ...)` that are 0 for every example."""
    return float((per_channel(output) == 0).all(1).float().mean())
