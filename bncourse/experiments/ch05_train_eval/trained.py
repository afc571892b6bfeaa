"""The trained network that the chapter on the two modes examines, and spoils."""

import copy
import functools

import torch

from bncourse.data import load
from bncourse.experiments.arms import ARMS, mlps, shuffles
from bncourse.models import MLP
from bncourse.training import fit

BATCH = 32
STEPS = 168  # four passes over the 1347 training images
SNAPSHOTS = (1, 2, 3, 5, 8, 12, 20, 30, 44, 80, 120, STEPS)
ON = "the 450 test digits (an MLP with 3 hidden BN layers of 32)"


@functools.cache
def _on_the_way(seed: int) -> dict[int, MLP]:
    data, seen = load(), {}
    (net,) = mlps(data, [seed], depth=3, norm=ARMS["BN"])

    def keep(step: int) -> None:
        if step in SNAPSHOTS:
            seen[step] = copy.deepcopy(net)

    shuffle = shuffles([seed])[0]
    with torch.enable_grad():
        fit(
            net,
            data,
            steps=STEPS,
            batch_size=BATCH,
            generator=shuffle,
            eval_every=STEPS,
            after_step=keep,
        )
    return seen


def trained(seed: int, step: int = STEPS) -> MLP:
    """The chapter's network, trained on the digits: 3 hidden layers of 32 with BN; in train mode.

    step: how long it has been trained, one of SNAPSHOTS. Every call gives a new copy, so that a
    caller may spoil it.
    """
    return copy.deepcopy(_on_the_way(seed)[step]).train()
