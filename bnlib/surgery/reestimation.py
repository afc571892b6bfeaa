"""Running statistics anew: those of all examples of a loader, exactly."""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bnlib.surgery.calls import Forward, Refusal, blaming, check_loader, run
from bnlib.surgery.freezing import Fixed
from bnlib.surgery.layers import batch_norms, remove_kind
from bnlib.surgery.report import Outcome, outcome
from bnlib.surgery.synchronisation import Synchronised


def reestimate(model: nn.Module, loader: Any, *, forward: Forward = run) -> Outcome:
    """Set the running statistics to the mean and unbiased variance over all examples of a loader.

    model: changed in place. loader: gives batches that are a tensor, a tuple or list with the
    inputs first, or a dict whose keys are arguments of the model's forward; of any sizes, but with
    2 or more values per channel in every layer. forward: called as forward(model, batch) instead,
    for other batches.
    Returns (model, report). Moves running_mean, running_var and num_batches_tracked, which counts
    the batches, of the layers that keep statistics and are not frozen; all the rest stays bitwise:
    modes, momentum, other buffers, the random state. The examples of this process count, also
    where layers are synchronised.

    One pass, as PreciseBN does it (Wu & Johnson 2021, section 3): every module is in evaluation
    mode, only these layers normalise by the statistics of each batch. So what a layer meets is
    what it meets in training, where earlier layers do the same; for the first layer the result
    does not depend on how the examples are cut into batches, for later ones it does a little, and
    less so with large batches.

    Raises TypeError for a loader that gives no batches or batches that are none of the above;
    ValueError for an empty loader, for one value per channel, and where the inputs of a layer are
    not finite; ModelError where the model fails. The model is then as it was.
    """
    pools, left = {}, {}
    layers = batch_norms(model)
    batches = check_loader(loader)
    for path, layer in layers.items():
        if isinstance(layer, Fixed):
            left[path] = "its statistics are frozen: unfreeze it first"
        elif layer.running_mean is None or layer.running_var is None:
            left[path] = "it keeps no running statistics"
        else:
            pools[path] = _Pool()
    if pools:
        with ExitStack() as stack:
            stack.enter_context(_left_as_it_was(model, [layers[path] for path in pools]))
            stack.enter_context(torch.no_grad())
            if "torch._dynamo" in sys.modules:  # compiled code would pass the hooks by
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            stack.enter_context(blaming(model))
            for path, pool in pools.items():
                hook = layers[path].register_forward_pre_hook(
                    _collect(path, pool), with_kwargs=True
                )
                stack.callback(hook.remove)
            seen = 0
            for batch in batches:
                forward(model, batch)
                seen += 1
        if not seen:
            raise ValueError("need at least one batch, got an empty loader: an iterator ends once")
    changed = {}
    for path, pool in pools.items():
        if pool.n == 0:
            left[path] = "no batch came through it"
        elif not (pool.mean.isfinite().all() and pool.squares.isfinite().all()):
            raise ValueError(
                f"need finite inputs, got nan or inf in {path or 'the model'}: "
                "look at the data, and at the layers before it"
            )
        else:
            batch = "batch" if pool.batches == 1 else "batches"
            changed[path] = f"{pool.n} values per channel from {pool.batches} {batch}"
    for path in changed:
        _set(layers[path], pools[path])
    return outcome("reestimate", model, changed, left)


class _Pool:
    """Mean and sum of squared deviations per channel, over batches of any sizes, in float64."""

    def __init__(self) -> None:
        self.n, self.batches = 0, 0
        self.mean = self.squares = torch.zeros(())

    def add(self, x: Tensor) -> None:
        """Chan, Golub & LeVeque 1983: moments of two sets from those of each."""
        values = x.transpose(0, 1).flatten(1)
        values = values.to(torch.float32 if x.device.type == "mps" else torch.float64)
        n, mean = values.size(1), values.mean(1)
        squares = (values - mean[:, None]).square().sum(1)
        if self.n == 0:
            self.mean, self.squares = mean, squares
        else:
            total, delta = self.n + n, mean - self.mean
            self.mean = self.mean + delta * (n / total)
            self.squares = self.squares + squares + delta.square() * (self.n * n / total)
        self.n += n
        self.batches += 1


def _collect(path: str, pool: _Pool) -> Callable[..., None]:
    """A hook that adds the input of a layer to its pool."""

    def hook(layer: _BatchNorm, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        x = args[0] if args else next(iter(kwargs.values()))
        if x.dim() < 2 or x.size(1) != layer.num_features or x.numel() == 0:
            return  # the layer itself says what is wrong
        if x.numel() == x.size(1):
            raise Refusal(
                f"need more than 1 value per channel, got 1 in {path or 'the model'} of shape "
                f"{tuple(x.shape)}: use larger batches, or drop_last=True"
            )
        pool.add(x)

    return hook


def _set(layer: _BatchNorm, pool: _Pool) -> None:
    assert layer.running_mean is not None and layer.running_var is not None
    layer.running_mean.copy_(pool.mean)
    layer.running_var.copy_(pool.squares / (pool.n - 1))
    if layer.num_batches_tracked is not None:
        layer.num_batches_tracked.fill_(pool.batches)


@contextmanager
def _left_as_it_was(model: nn.Module, layers: list[_BatchNorm]) -> Iterator[None]:
    """Evaluation, in which only these layers train, by themselves; then all is put back."""
    modes = [(module, module.training) for module in model.modules()]
    classes = [(layer, type(layer)) for layer in layers]
    buffers = [(b, b.clone()) for layer in layers for b in layer.buffers(recurse=False)]
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        model.eval()
        for layer in layers:
            remove_kind(layer, Synchronised)
            layer.train()
        cuda = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
        with torch.random.fork_rng(cuda):
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        for layer, cls in classes:
            layer.__class__ = cls
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
