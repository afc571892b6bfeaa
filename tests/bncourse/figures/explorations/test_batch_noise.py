"""The noise of a batch in chapter 9 follows the law that its picture draws."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from bncourse.figures.explorations import batch_noise as shown

LINEAR, CONVOLUTION = shown.LAYERS


@pytest.fixture(autouse=True)
def close() -> None:
    plt.close("all")


@pytest.mark.parametrize("layer", shown.LAYERS)
def test_the_spread_is_that_of_samples_of_images(layer: str) -> None:
    """Images are independent, so that each counts as one number, its mean over the positions.

    Of N images n are drawn, none twice: the variance of their mean is (1 - n / N) / n of theirs.
    """
    z = shown.activations(layer).numpy()
    assert np.isclose(z.mean(), 0) and np.isclose(z.std(), 1)
    assert z.shape[1] == shown.LAYERS[layer]
    sizes = np.array(shown.SIZES)
    law = z.mean(1).std() * np.sqrt((1 - sizes / len(z)) / sizes)
    assert np.allclose(shown.spreads(layer)["μ"], law, rtol=0.1)


def test_the_variance_of_a_batch_is_too_small_by_one_part_in_n() -> None:
    for size, share in ((2, 1 / 2), (4, 3 / 4), (8, 7 / 8)):
        said = re.search(r"batch variance is (\S+) σ²\.$", shown.draw(LINEAR, size)[1])
        assert said and abs(float(said.group(1)) - share) < 0.05


def test_points_appear_up_to_the_chosen_size_and_the_text_has_the_last() -> None:
    figure, text = shown.draw(CONVOLUTION, 8)
    law, mean, variance = figure.axes[1].lines
    assert np.allclose(np.asarray(law.get_ydata()), np.asarray(law.get_xdata()) ** -0.5)
    assert list(mean.get_xdata()) == list(variance.get_xdata()) == [18, 36, 72]
    last = (np.asarray(mean.get_ydata())[-1], np.asarray(variance.get_ydata())[-1])
    assert f"varies by {last[0]:.3f} σ and the batch variance by {last[1]:.3f} σ²" in text
    assert (
        text.startswith("Convolution, batches of 8 images, n = 72")
        and f"1/√n is {72**-0.5:.3f}" in text
    )


def test_all_pictures_have_one_size_and_one_pair_of_axes_and_show_what_they_draw() -> None:
    drawn = []
    for layer in shown.LAYERS:
        for size in shown.SIZES:
            figure, text = shown.draw(layer, size)
            (left, right, low, high), limits = (ax.axis() for ax in figure.axes)
            dots = np.asarray(figure.axes[0].lines[-1].get_xydata())
            inside = (left < dots[:, 0]) & (dots[:, 0] < right) & (dots[:, 1] < high)
            assert inside.all() and low == 0
            drawn.append((tuple(figure.get_size_inches()), (left, right, high, limits), text))
            plt.close(figure)
    sizes, axes, texts = zip(*drawn, strict=True)
    assert len(set(sizes)) == len(set(axes)) == 1
    assert len(set(texts)) == 14
