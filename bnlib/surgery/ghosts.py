"""Ghost batches: statistics of small parts of a large batch."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import SyncBatchNorm

from bnlib.surgery.layers import Kind, add_kind, batch_norms, parts, why_special
from bnlib.surgery.report import Outcome, outcome


def split_statistics(model: nn.Module, size: int) -> Outcome:
    """Let every layer normalise parts of the batch by themselves, in training.

    model: changed in place. size: examples in a part, at least 2. A batch of N examples is cut
    along axis 0 into N // size parts as equal as can be, at least one; so none is smaller than
    `size` where N is not.
    Returns (model, report). Every part moves the running statistics once, one after the other.
    Evaluation is as before. A second call sets another size.
    Raises ValueError for another size, or where no layer can be split: not those with a forward
    of their own, nor those with synchronised statistics, which do the opposite.
    Hoffer, Hubara & Soudry 2017, algorithm 1.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 2:
        raise ValueError(f"need size >= 2, examples in a part, got {size!r}: 32 is usual")
    changed, left = {}, {}
    for path, layer in batch_norms(model).items():
        kinds, plain = parts(type(layer))
        others = [kind for kind in kinds if kind is not Split and "forward" in kind.__dict__]
        if others or issubclass(plain, SyncBatchNorm):
            left[path] = "its statistics are synchronised"
        elif why := why_special(layer):
            left[path] = why
        else:
            if not isinstance(layer, Split):
                add_kind(layer, Split)
            layer.__dict__["split_size"] = size  # a plain number, no part of the state_dict
            changed[path] = f"statistics of {size} examples or more"
    return outcome("split_statistics", model, changed, left)


class Split(Kind, nn.Module):
    """A layer that normalises parts of the batch, in training."""

    def forward(self: Any, x: Tensor) -> Tensor:
        """Normalise x part by part. Raises as the layer does."""
        by_batch = self.training or self.running_mean is None
        count = x.size(0) // self.split_size if by_batch and x.dim() else 1
        if count < 2:
            return super().forward(x)
        return torch.cat([super(Split, self).forward(part) for part in x.tensor_split(count)])
