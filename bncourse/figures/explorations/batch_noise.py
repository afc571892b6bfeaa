"""How noisy μ and σ² of a batch are, by its size, with and without positions (chapter 9)."""

import functools

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from bncourse.data import load
from bncourse.experiments.arms import generator, mlps
from bncourse.experiments.ch09_edge_cases.ghost_batches import PatchNet, patched
from bncourse.figures import plots
from bncourse.figures.interactive import canvas
from bncourse.recording import Recorder, named
from bnlib.nn import BatchNorm1d

SIZES = (2, 4, 8, 16, 32, 64, 128)
DRAWS, SHOWN = 1000, 60
SHOWN_AS = ("of the means, in σ", "of the variances, in σ²")  # in the order of `spreads`
# By the text of the button: the values that an image contributes to a set.
LAYERS = {"linear: 1 value per image": 1, "convolution: 9 positions": 9}


def activations(layer: str) -> Tensor:
    """One channel of the second layer, on the training digits: `(N, positions)`, in units of σ.

    The MLP, or the small convolutional network of `ghost_batches`, is at the start of training.
    """
    net: nn.Module
    if LAYERS[layer] == 1:
        data, name = load(), "hidden.1.linear"
        (net,) = mlps(data, [0], depth=2, norm=BatchNorm1d)
    else:
        data, name = patched(), "linear2"
        net = PatchNet(data, BatchNorm1d, generator(0), pool=True)
    with torch.no_grad(), Recorder(net, named("linear", "linear2")) as seen:
        net(data.train_x)
    z = seen.outputs[name][..., 0].reshape(len(data.train_x), -1).double()
    return (z - z.mean()) / z.std(correction=0)


@functools.cache
def _batches(layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances (divided by n) of random batches, each `(SIZES, DRAWS)`."""
    z, g = activations(layer), generator(0, stream=2)
    found = []
    for size in SIZES:
        index = torch.stack([torch.randperm(len(z), generator=g)[:size] for _ in range(DRAWS)])
        var, mu = torch.var_mean(z[index].flatten(1), 1, correction=0)
        found.append((mu.numpy(), var.numpy()))
    means, variances = zip(*found, strict=True)
    return np.array(means), np.array(variances)


def spreads(layer: str) -> dict[str, np.ndarray]:
    """The standard deviation over 1000 batches of μ, in units of σ, and of σ², in units of σ².

    layer: a key of LAYERS. Each `(SIZES,)`.
    """
    means, variances = _batches(layer)
    return {"μ": means.std(1), "σ²": variances.std(1)}


def draw(layer: str, batch_size: int) -> tuple[Figure, str]:
    """Above, mean and variance of 60 batches of one size; below, `spreads` at all sizes up to it.

    layer: a key of LAYERS; batch_size: one of SIZES.
    """
    (means, variances), spread = _batches(layer), spreads(layer)
    last, n = SIZES.index(batch_size), LAYERS[layer] * np.array(SIZES)
    figure, (above, below) = canvas(2, height=5.2)
    above.axvline(0, color="black", linestyle="--", linewidth=1)
    above.axhline(1, color="black", linestyle="--", linewidth=1)
    above.plot(means[last, :SHOWN], variances[last, :SHOWN], "o", color=plots.colour("BN"),
               markersize=3.5, markeredgewidth=0)  # fmt: skip
    above.set(xlim=(-2.2, 2.2), ylim=(0, 6), xlabel="mean of the batch, in σ",
              ylabel="its variance, in σ²", xticks=[-2, -1, 0, 1, 2])  # fmt: skip
    above.set_title(f"{SHOWN} batches, a dot for each", fontsize=11)
    line = np.array([1.5, 1600])
    below.plot(line, line**-0.5, "--", color="black", linewidth=1.2, label="1 / √n")
    for i, (name, values) in enumerate(zip(SHOWN_AS, spread.values(), strict=True)):
        below.plot(n[: last + 1], values[: last + 1], plots.MARKERS[i], color=plots.colour("", i),
                   label=name)  # fmt: skip
    below.set(xlim=(1.5, 1600), ylim=(0.01, 1.4), xscale="log", yscale="log",
              xlabel="n, the values that share a mean", ylabel="standard deviation")  # fmt: skip
    below.set_xticks([2, 8, 32, 128, 1152], ["2", "8", "32", "128", "1152"])
    below.set_yticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
    below.minorticks_off()
    below.set_title(f"spread over {DRAWS} batches", fontsize=11)
    below.legend(loc="lower left")
    text = (
        f"{layer.partition(':')[0].capitalize()}, batches of {batch_size} images, n = {n[last]} "
        f"values in a set: the batch mean varies by "
        f"{spread['μ'][last]:.3f} σ and the batch variance by {spread['σ²'][last]:.3f} σ²; 1/√n is "
        f"{n[last] ** -0.5:.3f}. On average the batch variance is {variances[last].mean():.2f} σ²."
    )
    return figure, text
