"""What the experiments compare: the same networks with different normalisation, by seed."""

from collections.abc import Sequence

import torch

from bncourse.data import Data
from bncourse.models import MLP, NormFactory, Placement, Scheme
from bnlib.nn import BatchNorm1d

# The colour of each arm in the figures goes by these names; see `bncourse.figures.plots.COLOURS`.
ARMS: dict[str, NormFactory | None] = {"BN": BatchNorm1d, "none": None}


def generator(seed: int, stream: int = 0) -> torch.Generator:
    """A random generator for one seed; streams keep weights, batches and the rest independent."""
    return torch.Generator().manual_seed(1_000_003 * stream + seed)


def mlps(
    data: Data,
    seeds: Sequence[int],
    *,
    depth: int,
    width: int = 32,
    norm: NormFactory | None,
    activation: str = "relu",
    placement: Placement = "before",
    scheme: Scheme = "he",
    gain: float = 1.0,
) -> list[MLP]:
    """One MLP for `data` per seed; arms with the same seed start from the same weights."""
    return [
        MLP(
            data.features,
            data.classes,
            depth=depth,
            width=width,
            generator=generator(seed),
            norm=norm,
            activation=activation,
            placement=placement,
            scheme=scheme,
            gain=gain,
        )
        for seed in seeds
    ]


def shuffles(seeds: Sequence[int]) -> list[torch.Generator]:
    """One generator per seed for the order of the batches; the same for every arm."""
    return [generator(seed, stream=1) for seed in seeds]
