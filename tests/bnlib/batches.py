"""Inputs and judges that the laws share: shapes, samples, hypothesis batches, torch in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

# No two axes of one shape agree, so that a vector laid along a wrong axis cannot pass unseen ...
SHAPES = [(7, 3), (5, 3, 4), (4, 3, 5, 2), (3, 4, 2, 5, 6)]
# ... and one where all agree, where only the numbers can tell.
EQUAL_AXES = (3, 3, 3, 3)

# The same examples in every run; a law fails with the first example it finds.
LAW = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def sample(shape: tuple[int, ...], seed: int = 0, mean: float = 0.0, std: float = 1.0) -> Any:
    """A float64 array with another mean and another spread in every channel."""
    rng = np.random.default_rng(seed)
    along_channels = (1, -1, *(1,) * (len(shape) - 2))
    shift = rng.normal(size=shape[1]).reshape(along_channels)
    scale = rng.uniform(0.5, 2, size=shape[1]).reshape(along_channels)
    return mean + std * (shift + scale * rng.normal(size=shape))


def affine(channels: int, seed: int = 0) -> tuple[Any, Any]:
    """gamma and beta, distinct in every channel, gamma of both signs and never near 0."""
    rng = np.random.default_rng(seed + 1000)
    signs = np.where(np.arange(channels) % 2, -1.0, 1.0)
    return signs * rng.uniform(0.5, 2, channels), rng.normal(size=channels)


def axes_but_channels(x: Any) -> tuple[int, ...]:
    """The axes over which a channel's values are spread."""
    return (0, *range(2, x.ndim))


def along(v: Any, x: Any) -> Any:
    """A (C,) vector shaped to multiply x."""
    return np.asarray(v).reshape(1, -1, *(1,) * (x.ndim - 2))


def rows(x: Any) -> Any:
    """(N, C, *spatial) as (N·spatial, C): every pixel is a row."""
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


@st.composite
def batches(draw: st.DrawFn, max_dims: int = 4, min_n: int = 2) -> Any:
    """Batches of multiples of 1/8 in [-8, 8], so that shifting by an integer is exact."""
    ndim = draw(st.integers(2, max_dims))
    n = draw(st.integers(min_n, 6))
    shape = (n, *draw(st.tuples(*[st.integers(1, 3)] * (ndim - 1))))
    return draw(hnp.arrays(np.int64, shape, elements=st.integers(-64, 64))) / 8


def tensors(*arrays: Any) -> list[torch.Tensor]:
    """Arrays as float64 leaf tensors that collect gradients."""
    return [torch.tensor(np.asarray(a, dtype=np.float64), requires_grad=True) for a in arrays]


def numpy_of(*values: torch.Tensor | None) -> list[Any]:
    """Tensors back as arrays."""
    return [v.detach().numpy() for v in values if v is not None]
