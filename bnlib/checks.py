"""What the NumPy functions ask of their arguments. Every message: the rule, what came, the way out.

Each check that takes an array returns it as an ndarray, without a copy where it is one already.
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


def check_x(x: npt.ArrayLike) -> Array:
    """Accept (N, C) or (N, C, *spatial), up to three spatial axes, float32 or float64."""
    x = check_float("x", x)
    if not 2 <= x.ndim <= 5:
        raise ValueError(
            f"x must have 2 to 5 axes, (N, C) or (N, C, *spatial), got shape {x.shape}: reshape it"
        )
    return x


def check_like(name: str, value: npt.ArrayLike, x: Array) -> Array:
    """Accept an array of the shape of x."""
    value = check_float(name, value)
    if value.shape != x.shape:
        raise ValueError(
            f"{name} must have the shape of x, {x.shape}, got {value.shape}: "
            "pass the gradient of the output that belongs to this x"
        )
    return value


def check_vector(name: str, value: npt.ArrayLike, like: Array | None = None) -> Array:
    """Accept a (C,) vector; `like` fixes C: an x, or another vector."""
    value = check_float(name, value)
    if value.ndim != 1:
        raise ValueError(
            f"{name} must be (C,), one value per channel, got shape {value.shape}: "
            "flatten it, or reduce without keepdims"
        )
    if like is not None:
        channels = like.shape[0] if like.ndim == 1 else like.shape[1]
        if value.shape != (channels,):
            raise ValueError(
                f"{name} must have shape ({channels},), one value per channel, "
                f"got {value.shape}: channels stand on axis 1 of x"
            )
    return value


def check_float(name: str, value: npt.ArrayLike) -> Array:
    """Accept float32 and float64, nothing else."""
    value = np.asarray(value)
    if value.dtype.type not in (np.float32, np.float64):
        raise TypeError(
            f"{name} must be float32 or float64, got {value.dtype}: "
            f"convert it, for instance with np.asarray({name}, dtype=np.float32)"
        )
    return value


def check_eps(eps: float) -> None:
    """Accept eps > 0: without it a constant channel divides 0 by 0."""
    if not eps > 0:
        raise ValueError(f"eps must be > 0, got {eps}: the usual value is 1e-5")


def check_momentum(momentum: float) -> None:
    """Accept 0 < momentum <= 1."""
    if not 0 < momentum <= 1:
        raise ValueError(
            f"momentum must be in (0, 1], got {momentum}: it is the weight of the new batch, "
            "usually 0.1"
        )
