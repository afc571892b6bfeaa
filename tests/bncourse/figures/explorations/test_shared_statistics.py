"""The block of chapter 9 shows the sets of the norms, and its text counts them."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from torch import Tensor

from bncourse.figures import plots
from bncourse.figures.explorations import shared_statistics as shown
from bnlib.norms import normalise

VALUES = [(norm, example, channel) for norm in shown.NORMS for example in (1, 2, 3)
          for channel in (1, 2, 3, 4)]  # fmt: skip
MARKED = [(2, 1), (1, 4), (3, 3)]


@pytest.fixture(autouse=True)
def close() -> None:
    plt.close("all")


@pytest.mark.parametrize("norm", shown.NORMS)
@pytest.mark.parametrize(("example", "channel"), MARKED)
def test_the_coloured_values_are_those_that_move_the_black_one(
    norm: str, example: int, channel: int
) -> None:
    """The output at the marked value depends on the values of its set, and on no other."""
    x = torch.randn(shown.SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    at = (example - 1, channel - 1)

    def marked(x: Tensor) -> Tensor:
        x_hat, _, _ = normalise(x, **shown.NORMS[norm][1])
        return x_hat.flatten(2)[(*at, shown.POSITION)]

    (gradient,) = torch.autograd.grad(marked(x.requires_grad_()), x)
    moves = (gradient.abs() > 1e-12).flatten(2).numpy()
    assert np.array_equal(moves, shown.sharing(norm, example, channel))


@pytest.mark.parametrize(
    ("norm", "values", "sets"),
    [("BN", 12, 4), ("LN", 16, 3), ("GN, 2 groups", 8, 6), ("IN", 4, 12)],
)
def test_the_text_counts_what_the_picture_colours(norm: str, values: int, sets: int) -> None:
    figure, text = shown.draw(norm, 2, 3)
    (faces,) = (c for c in figure.axes[0].collections if isinstance(c, PolyCollection))
    drawn = [to_hex(colour) for colour in np.asarray(faces.get_facecolor())]
    assert drawn.count(plots.colour(shown.NORMS[norm][0]).lower()) == values - 1
    assert drawn.count("#000000") == 1
    assert f"from {values} of the 48 values" in text and f"are {sets} such sets" in text


def test_the_text_names_the_channels_and_the_examples_of_the_set() -> None:
    said = {norm: shown.draw(norm, 2, 3)[1] for norm in shown.NORMS}
    assert "channel 3 of all 3 examples" in said["BN"]
    assert "all 4 channels of example 2" in said["LN"]
    assert "channels 3 and 4 of example 2" in said["GN, 2 groups"]
    assert "channel 3 of example 2, at" in said["IN"]


def test_all_pictures_have_one_size_and_each_its_own_text() -> None:
    drawn = []
    for values in VALUES:
        figure, text = shown.draw(*values)
        drawn.append((tuple(figure.get_size_inches()), figure.axes[0].axis(), text))
        plt.close(figure)
    sizes, limits, texts = zip(*drawn, strict=True)
    assert len(set(sizes)) == len(set(limits)) == 1
    assert len(set(texts)) == len(VALUES) == 48
    assert all(re.search(r"example \d and channel \d", text) for text in texts)
