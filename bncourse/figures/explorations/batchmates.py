"""One image among different companions, in train and in eval mode (chapter 5, landing page)."""

import functools

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from bncourse.data import load
from bncourse.experiments.arms import generator
from bncourse.experiments.ch05_train_eval.modes import probabilities
from bncourse.experiments.ch05_train_eval.trained import trained
from bncourse.figures import plots
from bncourse.figures.interactive import WIDTH

SIZE, DRAWS = 8, 8
IMAGE = 165  # of the test set: one of those that the company moves most
OTHERS = "#767676"


@functools.cache
def _batches() -> list[Tensor]:
    """The numbers of the images in each batch, the image in question first."""
    shuffle = generator(0, stream=3)
    others = torch.arange(len(load().test_x))
    others = others[others != IMAGE]
    draws = [torch.randperm(len(others), generator=shuffle)[: SIZE - 1] for _ in range(DRAWS)]
    return [torch.cat([torch.tensor([IMAGE]), others[draw]]) for draw in draws]


@functools.cache
def answers(mode: str) -> np.ndarray:
    """Class probabilities of the image in each batch, `(DRAWS, 10)`; of one network, seed 0."""
    net = trained(0).train(mode == "train mode")
    x = load().test_x
    rows = [probabilities(net, x[batch], [torch.arange(SIZE)])[0] for batch in _batches()]
    return torch.stack(rows).numpy()


def draw(mode: str, batch: int) -> tuple[Figure, str]:
    """The eight images of a batch, and what the network says of the first of them.

    mode: "train mode" or "eval mode"; batch: 1 to DRAWS.
    """
    images, label = load(standardise=False).test_x.numpy(), int(load().test_y[IMAGE])
    figure = Figure(figsize=(WIDTH, 3.4))
    grid = figure.add_gridspec(2, SIZE, height_ratios=[1, 2.6])
    for place, number in enumerate(_batches()[batch - 1].tolist()):
        ax = figure.add_subplot(grid[0, place])
        ax.imshow(images[number].reshape(8, 8), cmap="gray", interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(place == 0)
        ax.spines[:].set(color=plots.colour("none"), linewidth=3)
        if place == 0:
            ax.set_title("yours", fontsize=10.5, loc="center")
    row = answers(mode)[batch - 1]
    ax = figure.add_subplot(grid[1, :])
    ax.bar(range(10), row, color=[plots.colour(mode) if k == label else OTHERS for k in range(10)])
    ax.set(ylim=(0, 1.03), xticks=range(10), xlabel="digit", ylabel="probability")
    ax.grid(axis="x", visible=False)
    text = (
        f"{mode.capitalize()}, batch {batch}: your image is a {label}, and the network gives "
        f"{label} a probability of {row[label]:.2f}."
    )
    if (best := int(row.argmax())) != label:
        text += f" It says {best} instead, with {row[best]:.2f}."
    return figure, text
