"""GroupNorm in the place of batch normalization."""

import math

from torch import nn

from bnlib.surgery.layers import batch_norms, why_special
from bnlib.surgery.report import Outcome, outcome


def to_group_norm(model: nn.Module, groups: int) -> Outcome:
    """Replace every layer by a GroupNorm with the same gamma and beta.

    model: changed in place, except where it is such a layer itself. groups: divides the number of
    channels of every layer; 1 is layer normalization over channels and positions.
    Returns (model, report), with the very parameters, which an optimizer goes on training, and
    their requires_grad; eps and mode stay. Running statistics are gone, so that the outputs
    change: train on.
    Raises ValueError for another `groups`, or where no layer can be replaced: not those with a
    forward of their own.
    Wu & He 2018.
    """
    layers = batch_norms(model)
    channels = {path: layer.num_features for path, layer in layers.items()}
    divisor = math.gcd(*channels.values())
    whole = isinstance(groups, int) and not isinstance(groups, bool) and groups >= 1
    if not whole or divisor % groups:
        odd = [f"{p or 'the model'} ({c})" for p, c in channels.items() if whole and c % groups]
        raise ValueError(
            f"need groups that divide the channels of every layer, got {groups!r}"
            f"{' for ' + ', '.join(odd) if odd else ''}: take a divisor of {divisor}"
        )
    new: dict[nn.Module, nn.Module] = {}
    changed, left = {}, {}
    for path, layer in layers.items():
        if why := why_special(layer):
            left[path] = why
            continue
        norm = nn.GroupNorm(groups, layer.num_features, layer.eps, affine=False)
        norm.affine = layer.weight is not None
        norm.weight, norm.bias = layer.weight, layer.bias
        norm.train(layer.training)
        new[layer] = norm
        changed[path] = f"GroupNorm({groups}, {layer.num_features})"
    for path, module in list(model.named_modules(remove_duplicate=False)):
        if path and module in new:
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, new[module])
    result = outcome("to_group_norm", model, changed, left)
    return result._replace(model=new.get(model, model))
