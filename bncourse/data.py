"""Real data for every experiment: the digits that ship inside scikit-learn."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor


@dataclass(frozen=True)
class Data:
    """A classification task, split once into training and test examples.

    train_x, test_x: float32, `(N, D)` or, as images, `(N, C, H, W)`.
    train_y, test_y: int64 class numbers, `(N,)`.
    """

    name: str
    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: int

    @property
    def features(self) -> int:
        """Number of input features D, or of channels C for images."""
        return self.train_x.shape[1]

    def binary(self, positive: tuple[int, ...]) -> "Data":
        """The same images with two classes: 1 for the classes in `positive`, 0 for the others."""
        wanted = torch.tensor(positive)
        return Data(
            name=f"{self.name}, {positive} against the rest",
            train_x=self.train_x,
            train_y=torch.isin(self.train_y, wanted).long(),
            test_x=self.test_x,
            test_y=torch.isin(self.test_y, wanted).long(),
            classes=2,
        )


def load(*, images: bool = False, standardise: bool = True, seed: int = 0) -> Data:
    """Load the digits as tensors, standardised with the statistics of their *training* part.

    images: `(N, 1, 8, 8)` standardised per channel, instead of `(N, 64)` standardised per feature.
        A feature that is constant in the training part becomes 0 there.
    standardise: False keeps the raw pixel values, 0 to 16.
    seed: draws the split into 1347 training and 450 test images.
    """
    digits = load_digits()
    x = torch.from_numpy(digits.images.astype(np.float32)).unsqueeze(1)
    y = torch.from_numpy(digits.target.astype(np.int64))
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    train, test = order[:1347], order[1347:]
    train_x, test_x = x[train], x[test]
    if not images:
        train_x, test_x = train_x.flatten(1), test_x.flatten(1)
    if standardise:
        train_x, test_x = _standardise(train_x, test_x)
    return Data("digits", train_x, y[train], test_x, y[test], classes=10)


def _standardise(train_x: Tensor, test_x: Tensor) -> tuple[Tensor, Tensor]:
    axes = (0,) if train_x.ndim == 2 else (0, 2, 3)
    mean = train_x.mean(axes, keepdim=True)
    std = train_x.std(axes, keepdim=True, correction=0)
    scale = torch.where(std > 0, std, 1.0)
    return (train_x - mean) / scale, (test_x - mean) / scale
