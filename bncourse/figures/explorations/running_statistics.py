"""Running statistics, batch by batch, for several momenta (chapter 5)."""

import functools

import numpy as np
import torch
from matplotlib.figure import Figure

from bncourse.figures import plots
from bncourse.figures.interactive import canvas
from bnlib.nn import BatchNorm1d

MEAN, VARIANCE = 4.0, 4.0
SIZE, STEPS = 8, 24


@functools.cache
def _history(momentum: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Batch means `(STEPS,)`, and running means and variances `(STEPS + 1,)` from the start."""
    generator = torch.Generator().manual_seed(0)
    layer = BatchNorm1d(1, momentum=momentum)
    batch_means, running = [], [(0.0, 1.0)]
    for _ in range(STEPS):
        x = MEAN + VARIANCE**0.5 * torch.randn(SIZE, 1, generator=generator)
        layer(x)
        batch_means.append(float(x.mean()))
        kept = (layer.get_buffer("running_mean"), layer.get_buffer("running_var"))
        running.append((kept[0].item(), kept[1].item()))
    means, variances = np.array(running).T
    return np.array(batch_means), means, variances


def draw(momentum: float | None, batches_seen: int) -> tuple[Figure, str]:
    """Batch means as dots, the running mean as a line; a layer that starts at 0 and 1."""
    batch_means, means, variances = _history(momentum)
    figure, (ax,) = canvas(height=2.9)
    k = np.arange(STEPS + 1)
    ax.axhline(MEAN, color="black", linestyle="--", linewidth=1.2, label="mean of the data")
    ax.plot(k[1 : batches_seen + 1], batch_means[:batches_seen], "o", color=plots.colour("", 1),
            label="mean of a batch")  # fmt: skip
    ax.plot(k[: batches_seen + 1], means[: batches_seen + 1], color=plots.colour("BN"),
            linewidth=2.4, label="running_mean")  # fmt: skip
    ax.set(xlim=(-0.5, STEPS + 0.5), ylim=(-0.4, 6.9), xlabel="batches seen", ylabel="value")
    ax.legend(loc="lower right", ncols=1)
    m = "None, the plain average" if momentum is None else f"{momentum:g}"
    text = (
        f"Momentum {m}, after {batches_seen} batch{'' if batches_seen == 1 else 'es'} of {SIZE}: "
        f"running_mean is "
        f"{means[batches_seen]:.2f} (the data's mean is {MEAN:g}), running_var is "
        f"{variances[batches_seen]:.2f} (the data's variance is {VARIANCE:g})."
    )
    return figure, text
