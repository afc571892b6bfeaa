"""A first look at the batch norm layers of a model: the mistakes that raise no error."""

from collections.abc import Callable

from torch import Tensor, nn

from bnlib.modes import evaluating

TINY = 1e-6
FAR = 2.0


def inspect(model: nn.Module, x: Tensor) -> list[str]:
    """Look for silent mistakes in the layers that keep running statistics, ours or torch's.

    x: a batch of inputs as the model will meet them, at least some 30.
    Returns one line for each finding, with the layer, the number found and the way out; an empty
    list if there is none. The model is left as it was. Looks for

    - layers in another mode than the model;
    - gamma and beta frozen, while the statistics still move;
    - running statistics that no batch has updated, or that are not finite;
    - channels with a running variance below TINY;
    - statistics of x that lie FAR running standard deviations from the running mean, or whose
      spread is FAR² times larger or smaller than the running one, in most channels of a layer.
    """
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(getattr(layer, "running_var", None), Tensor)
    }
    found = []
    for name, layer in layers.items():
        found += [f"{name}: {finding}" for finding in _state(layer, model.training)]
    for name, share in _far(model, layers, x).items():
        if share > 0.5:
            found.append(
                f"{name}: {share:.0%} of the channels are far from their running statistics: "
                "compare how x is prepared, or take the statistics anew"
            )
    return found


def _state(layer: nn.Module, training: bool) -> list[str]:
    """The findings that need no data."""
    found = []
    if layer.training != training:
        modes = {True: "train", False: "eval"}
        found.append(
            f"in {modes[layer.training]} mode, the model in {modes[training]} mode: "
            "freeze it on purpose, or call train() or eval() on the whole model"
        )
    gamma = getattr(layer, "weight", None)
    if layer.training and gamma is not None and not gamma.requires_grad:
        found.append(
            "gamma is frozen, but in train mode the statistics move: keep the layer in eval mode"
        )
    mean, var = layer.get_buffer("running_mean"), layer.get_buffer("running_var")
    tracked = getattr(layer, "num_batches_tracked", None)
    if tracked is not None and int(tracked) == 0:
        found.append("no batch has updated the statistics: train first, or load a state_dict")
    if not (mean.isfinite().all() and var.isfinite().all()):
        found.append("running statistics are not finite: take them anew, and look at the inputs")
    elif small := int((var < TINY).sum()):
        found.append(
            f"{small} channels have a running variance below {TINY:.0e}: the slightest change "
            "there is blown up; remove them or enlarge eps"
        )
    return found


def _far(model: nn.Module, layers: dict[str, nn.Module], x: Tensor) -> dict[str, float]:
    """By layer, the share of channels where x does not fit the running statistics."""
    shares: dict[str, float] = {}

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def look(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            values = inputs[0].transpose(0, 1).flatten(1)
            mean, var = layer.get_buffer("running_mean"), layer.get_buffer("running_var")
            alive = var >= TINY
            offset = (values.mean(1) - mean).abs() / var.sqrt()
            ratio = values.var(1) / var
            far = (offset > FAR) | (ratio > FAR**2) | (ratio < FAR**-2)
            shares[name] = float(far[alive].float().mean()) if alive.any() else 0.0

        return look

    handles = [layer.register_forward_pre_hook(watch(name)) for name, layer in layers.items()]
    try:
        with evaluating(model):
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return shares
