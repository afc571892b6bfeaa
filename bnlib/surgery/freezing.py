"""Freeze layers so that model.train() does not thaw them."""

from typing import Literal

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from bnlib.surgery.layers import Kind, add_kind, batch_norms, remove_kind
from bnlib.surgery.report import Outcome, outcome

What = Literal["statistics", "affine", "both"]
_WHATS = ("statistics", "affine", "both")


class Fixed(Kind, nn.Module):
    """A layer that stays in evaluation mode and keeps its statistics."""

    def train(self, mode: bool = True) -> "Fixed":
        """Stay in evaluation mode, whatever the mode."""
        return super().train(False)

    def reset_running_stats(self) -> None:
        """Keep the statistics: torch.optim.swa_utils.update_bn would forget them."""


def freeze(model: nn.Module, what: What = "both") -> Outcome:
    """Fix the running statistics of every layer, or gamma and beta, or both.

    model: changed in place. what: "statistics": the layers normalise by their running statistics
    and leave them bitwise as they are, also after model.train(); "affine": gamma and beta get
    no gradients; "both".
    Returns (model, report). A layer without running statistics has none to freeze, one without
    gamma and beta none of these: such are left alone.
    Raises ValueError for another `what`, or where there is nothing to freeze.
    """
    return _apply("freeze", model, what)


def unfreeze(model: nn.Module, what: What = "both") -> Outcome:
    """Undo `freeze`: statistics follow model.train() and eval() again, gamma and beta train.

    Takes and returns what `freeze` does. The layers get the mode of the model at once; gamma and
    beta get requires_grad=True, also where they had it not before they were frozen.
    """
    return _apply("unfreeze", model, what)


def _apply(operation: str, model: nn.Module, what: str) -> Outcome:
    if what not in _WHATS:
        raise ValueError(f"need what='statistics', 'affine' or 'both', got {what!r}: name one")
    frozen = operation == "freeze"
    mode = model.training if isinstance(model, nn.Module) else False
    changed, left = {}, {}
    for path, layer in batch_norms(model).items():
        done = []
        if what != "affine" and layer.running_mean is not None:
            _fix(layer, frozen, mode)
            done.append("statistics")
        parameters = [p for p in (layer.weight, layer.bias) if p is not None]
        if what != "statistics" and parameters:
            for parameter in parameters:
                parameter.requires_grad_(not frozen)
            done.append("gamma and beta")
        if done:
            changed[path] = f"{', '.join(done)} {'fixed' if frozen else 'free'}"
        else:
            missing = {"statistics": "running statistics", "affine": "gamma or beta"}
            left[path] = f"it has no {missing.get(what, 'statistics, gamma or beta')}"
    return outcome(operation, model, changed, left)


def _fix(layer: _BatchNorm, frozen: bool, mode: bool) -> None:
    if frozen and not isinstance(layer, Fixed):
        add_kind(layer, Fixed)
        layer.eval()
    elif not frozen and isinstance(layer, Fixed):
        remove_kind(layer, Fixed)
        layer.train(mode)
