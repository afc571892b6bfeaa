"""Operations on the batch normalization layers of a model of one's own.

    reestimate(model, loader)         running statistics anew, exact over all examples
    fold(model)                       a copy whose layers are folded into convolutions and linears
    freeze(model, what), unfreeze     statistics, gamma and beta, or both, whatever train() says
    synchronise(model, group)         batch statistics over all replicas of torch.distributed
    split_statistics(model, size)     ghost batches: statistics of small parts of the batch
    to_group_norm(model, groups)      GroupNorm with the same gamma and beta

Every operation returns (model, report). The model is the one that was given, changed in place;
except that `fold` returns a copy, and that a model which is itself such a layer may be replaced.
The report names each layer that was changed, and each that was left alone, with the reason:

>>> from torch import nn
>>> model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
>>> model, report = freeze(model, what="statistics")
>>> print(report)
freeze: 1 layer changed, 0 left alone
  1    statistics fixed

An operation takes torch's layers and ours. One that could change no layer at all raises ValueError
with the reasons; one that raises leaves the model as it was.

report            Report and Outcome, which is (model, report)
layers            find the layers, and give a layer another behaviour
calls             call the user's model on the user's batches
reestimation, folding, tracing, freezing, synchronisation, ghosts, group_norm
"""

from bnlib.surgery.calls import ModelError
from bnlib.surgery.folding import fold
from bnlib.surgery.freezing import freeze, unfreeze
from bnlib.surgery.ghosts import split_statistics
from bnlib.surgery.group_norm import to_group_norm
from bnlib.surgery.reestimation import reestimate
from bnlib.surgery.report import Outcome, Report
from bnlib.surgery.synchronisation import synchronise

__all__ = [
    "ModelError",
    "Outcome",
    "Report",
    "fold",
    "freeze",
    "reestimate",
    "split_statistics",
    "synchronise",
    "to_group_norm",
    "unfreeze",
]
