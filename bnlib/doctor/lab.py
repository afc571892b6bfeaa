"""The laboratory: a copy of the model, and what is measured on it.

All measurements run on the copy, with its batch normalization layers in eval mode. Where they shall
normalise with a batch, a hook writes the batch's moments into the running statistics just before:
that works alike for every kind of layer, on every device, for any number of values.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from bnlib.doctor.batches import Example, example, tensors, to_device
from bnlib.doctor.layers import batch_norms, lazy, lazy_copies, tracks
from bnlib.doctor.moments import Call, Moments, Statistics, moments


class Lab:
    """A copy of a model, examples, and a loss.

    layers: the copy's batch normalization layers that keep statistics, by path.
    examples: what the model is measured on; raw: the batches as the loader gave them.
    """

    def __init__(
        self,
        model: nn.Module,
        raw: Sequence[Any],
        batches: Sequence[Any],
        loss: Callable[[Any, Any], Tensor] | None,
    ) -> None:
        try:
            self.model = copy.deepcopy(model, lazy_copies(model))
        except Exception as error:
            raise TypeError(
                f"need a model that copy.deepcopy copies, since the examination works on a copy; "
                f"it raised {type(error).__name__}: {error}"
            ) from error
        home = next((p.device for p in model.parameters()), torch.device("cpu"))
        self.raw = [example(to_device(batch, home), model) for batch in raw]
        self.examples = [example(to_device(batch, home), model) for batch in batches]
        self.loss = loss
        self.model.eval()
        if lazy(self.model):
            self.run(self.examples[0])
        self.layers = {path: x for path, x in batch_norms(self.model).items() if tracks(x)}

    def run(self, one: Example) -> Any:
        """The output for an example, without a gradient. A crash is told as the model's own."""
        try:
            with torch.no_grad():
                return self.model(*one.args, **one.kwargs)
        except Exception as error:
            shapes = [tuple(tensor.shape) for tensor in tensors([one.args, one.kwargs])]
            raise RuntimeError(
                f"the model itself raised {type(error).__name__} in {self._where(one)} for "
                f"inputs of shape {shapes}: {error}: run it on this batch to see it whole"
            ) from error

    def _where(self, one: Example) -> str:
        """The innermost module that an example enters and does not leave."""
        inside: list[str] = []
        handles = []
        for path, module in self.model.named_modules():
            name = path or type(self.model).__name__
            handles += [
                module.register_forward_pre_hook(lambda *_, name=name: inside.append(name)),
                module.register_forward_hook(lambda *_: inside.pop() and None),
            ]
        try:
            with torch.no_grad():
                self.model(*one.args, **one.kwargs)
        except Exception:
            return inside[-1] if inside else type(self.model).__name__
        finally:
            for handle in handles:
                handle.remove()
        return type(self.model).__name__

    def loss_of(self, one: Example) -> float:
        """The mean loss of one example: the given loss, or the one that the output carries."""
        output = self.run(one)
        if self.loss is None:
            own = output.get("loss") if isinstance(output, dict) else getattr(output, "loss", None)
            return float(own.double().mean()) if isinstance(own, Tensor) else float("nan")
        try:
            value = self.loss(output, one.target)
        except Exception as error:
            raise RuntimeError(
                f"the loss itself raised {type(error).__name__}: {error}: it is called as "
                "loss(output, target), where target is the last of a tuple, the entry of a dict "
                "called target, label or y, or else the batch"
            ) from error
        if isinstance(value, Tensor):
            return float(value.double().mean())
        if isinstance(value, int | float):
            return float(value)
        raise TypeError(
            f"loss must return a tensor or a number, got {type(value).__name__}: "
            "pass loss(output, target), such as nn.CrossEntropyLoss()"
        )

    def losses(self, halves: tuple[Statistics, Statistics] | None = None) -> Tensor:
        """The losses (B,) of the examples, with the running statistics or with others.

        halves: statistics of the even and of the odd examples; each example is judged with those of
        the other half, so that none has had a part in its own. A layer without an entry keeps its
        own; one with entries for several calls takes each in its turn.
        """
        result = []
        for i, one in enumerate(self.examples):
            with self._with(halves[1 - i % 2] if halves else {}):
                result.append(self.loss_of(one))
        return torch.tensor(result, dtype=torch.float64)

    def batch_losses(self, examples: Sequence[Example], only: set[str] | None = None) -> Tensor:
        """The losses (B,) where the layers, or only some, normalise with the batch itself."""
        with self._watch(lambda call, moments: None, only):
            return torch.tensor([self.loss_of(e) for e in examples], dtype=torch.float64)

    def moments(self, stochastic: bool = False) -> list[dict[Call, Moments]]:
        """For each example what the layers meet, when those before them normalise with the batch.

        stochastic: with dropout, and all else that train mode switches on, but the layers.
        """
        seen: list[dict[Call, Moments]] = []
        if stochastic:
            self.model.train()
            for layer in batch_norms(self.model).values():
                layer.eval()
        try:
            with self._watch(lambda call, moments: seen[-1].__setitem__(call, moments)):
                for one in self.examples:
                    seen.append({})
                    self.run(one)
        finally:
            self.model.eval()
        return seen

    @contextmanager
    def _with(self, statistics: Statistics) -> Iterator[None]:
        """Let layers normalise with given statistics for one forward pass."""

        def choose(path: str, call: int, x: Tensor) -> Moments | None:
            return statistics.get((path, call), statistics.get((path, 0)))

        with self._statistics(choose, {path for path, _ in statistics}):
            yield

    @contextmanager
    def _watch(
        self, tell: Callable[[Call, Moments], Any], only: set[str] | None = None
    ) -> Iterator[None]:
        """Let layers normalise with the batch, and tell its moments."""

        def choose(path: str, call: int, x: Tensor) -> Moments:
            batch = moments(x)
            tell((path, call), batch)
            return batch

        with self._statistics(choose, set(self.layers) if only is None else only):
            yield

    @contextmanager
    def _statistics(
        self, choose: Callable[[str, int, Tensor], Moments | None], paths: set[str]
    ) -> Iterator[None]:
        calls = dict.fromkeys(paths, 0)
        kept, handles = [], []
        for path in paths:
            layer = self.layers[path]
            buffers = layer.get_buffer("running_mean"), layer.get_buffer("running_var")
            kept.append((buffers, tuple(buffer.clone() for buffer in buffers)))

            def before(
                layer: nn.Module, args: tuple[Any, ...], kwargs: Any, path: str = path
            ) -> None:
                chosen = choose(path, calls[path], tensors([args, kwargs])[0])
                calls[path] += 1
                if chosen is not None:
                    layer.get_buffer("running_mean").copy_(chosen.mean)
                    layer.get_buffer("running_var").copy_(chosen.var)

            handles.append(layer.register_forward_pre_hook(before, with_kwargs=True))
        # a new pass starts with call 0
        start = self.model.register_forward_pre_hook(
            lambda *_: calls.update(dict.fromkeys(paths, 0))
        )
        try:
            yield
        finally:
            start.remove()
            for handle in handles:
                handle.remove()
            for buffers, values in kept:
                for buffer, value in zip(buffers, values, strict=True):
                    buffer.copy_(value)
