"""Laws of the data: real images in, standardised tensors out."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from bncourse.data import load


def test_digits_are_all_there_and_split_without_overlap():
    raw = load(standardise=False)
    together = torch.cat([raw.train_x, raw.test_x]).numpy()
    assert len(raw.train_x) == 1347 and len(raw.test_x) == 450
    wanted = load_digits().data
    assert np.array_equal(together[np.lexsort(together.T)], wanted[np.lexsort(wanted.T)])


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    first, again, other = load(), load(), load(seed=1)
    assert torch.equal(first.train_x, again.train_x) and torch.equal(first.test_y, again.test_y)
    assert not torch.equal(first.train_y, other.train_y)


def test_standardising_uses_the_training_part_alone():
    raw, standard = load(standardise=False), load()
    mean, std = raw.train_x.mean(0), raw.train_x.std(0, correction=0)
    varies = std > 0
    wanted = (raw.test_x[:, varies] - mean[varies]) / std[varies]
    assert torch.allclose(standard.test_x[:, varies], wanted, atol=1e-5)
    assert torch.allclose(standard.train_x[:, varies].mean(0), torch.zeros(()), atol=1e-5)
    assert torch.allclose(
        standard.train_x[:, varies].std(0, correction=0), torch.ones(()), atol=1e-4
    )


def test_a_constant_pixel_becomes_zero_not_nan():
    raw, standard = load(standardise=False), load()
    constant = raw.train_x.std(0) == 0
    assert constant.any()
    assert (standard.train_x[:, constant] == 0).all()
    assert torch.isfinite(standard.test_x).all()


def test_images_keep_their_shape_and_are_standardised_per_channel():
    images = load(images=True)
    assert images.train_x.shape == (1347, 1, 8, 8) and images.features == 1
    assert float(images.train_x.mean()) == pytest.approx(0, abs=1e-5)
    assert float(images.train_x.std(correction=0)) == pytest.approx(1, abs=1e-5)


def test_a_binary_task_keeps_the_images_and_joins_the_classes():
    digits = load()
    task = digits.binary((1, 3, 5, 7, 9))
    assert task.classes == 2 and torch.equal(task.train_x, digits.train_x)
    assert torch.equal(task.test_y, digits.test_y % 2)
