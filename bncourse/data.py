"""Real data for every experiment: scikit-learn's digits by default, torchvision's sets on request.

The digits ship inside scikit-learn, so nothing is ever downloaded for them. The torchvision sets
are read from a folder that you name, and fetched only when you ask for it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torchvision import datasets as torchvision_datasets

FOLDER_VARIABLE = "BNCOURSE_DATA"

_TORCHVISION = {
    "mnist": torchvision_datasets.MNIST,
    "fashion-mnist": torchvision_datasets.FashionMNIST,
    "kmnist": torchvision_datasets.KMNIST,
    "cifar10": torchvision_datasets.CIFAR10,
}

NAMES = ("digits", *_TORCHVISION)


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


def load(
    name: str = "digits",
    *,
    images: bool = False,
    standardise: bool = True,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    download: bool = False,
) -> Data:
    """Load a data set as tensors, standardised with the statistics of its *training* part.

    name: one of `NAMES`. `digits` has 1797 images of 8 x 8 pixels; `seed` draws its split into
        1347 training and 450 test images. The torchvision sets come with a split of their own.
    images: `(N, C, H, W)` standardised per channel, instead of `(N, D)` standardised per feature.
        A feature that is constant in the training part becomes 0 there.
    standardise: False keeps the raw pixel values (0 to 16 for digits, 0 to 255 for the others).
    folder: where the torchvision sets lie; without it, the environment variable BNCOURSE_DATA.
    download: fetch a torchvision set into `folder` if it is absent. Never happens by itself.

    Returns a `Data`. Raises ValueError for an unknown name, FileNotFoundError for absent data.
    """
    if name not in NAMES:
        raise ValueError(f"unknown data set, got {name!r}: choose one of {', '.join(NAMES)}")
    if name == "digits":
        train_x, train_y, test_x, test_y = _digits(seed)
    else:
        train_x, train_y, test_x, test_y = _from_torchvision(name, folder, download)
    if not images:
        train_x, test_x = train_x.flatten(1), test_x.flatten(1)
    if standardise:
        train_x, test_x = _standardise(train_x, test_x)
    classes = int(train_y.max()) + 1
    return Data(name, train_x, train_y, test_x, test_y, classes)


def _digits(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    digits = load_digits()
    x = torch.from_numpy(digits.images.astype(np.float32)).unsqueeze(1)
    y = torch.from_numpy(digits.target.astype(np.int64))
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    train, test = order[:1347], order[1347:]
    return x[train], y[train], x[test], y[test]


def _from_torchvision(
    name: str, folder: str | os.PathLike[str] | None, download: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    root = folder or os.environ.get(FOLDER_VARIABLE)
    if not root:
        raise FileNotFoundError(
            f"{name} needs a folder, got none: name it with load({name!r}, folder=...) or in the "
            f"environment variable {FOLDER_VARIABLE}"
        )
    path = Path(root).expanduser()
    parts = []
    for train in (True, False):
        try:
            part = _TORCHVISION[name](str(path), train=train, download=download)
        except RuntimeError as error:
            if download:
                raise RuntimeError(f"could not download {name} into {path}: {error}") from error
            raise FileNotFoundError(
                f"no complete copy of {name} in {path}: put the original files there, or call "
                f"load({name!r}, folder={str(path)!r}, download=True) once to fetch it"
            ) from None
        parts += [_as_images(part.data), torch.as_tensor(part.targets, dtype=torch.int64)]
    train_x, train_y, test_x, test_y = parts
    return train_x, train_y, test_x, test_y


def _as_images(pixels: Tensor | np.ndarray) -> Tensor:
    """uint8 `(N, H, W)` or `(N, H, W, C)` to float32 `(N, C, H, W)`."""
    tensor = torch.as_tensor(pixels).float()
    return tensor.unsqueeze(1) if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2).contiguous()


def _standardise(train_x: Tensor, test_x: Tensor) -> tuple[Tensor, Tensor]:
    axes = (0,) if train_x.ndim == 2 else (0, 2, 3)
    mean = train_x.mean(axes, keepdim=True)
    std = train_x.std(axes, keepdim=True, correction=0)
    scale = torch.where(std > 0, std, 1.0)
    return (train_x - mean) / scale, (test_x - mean) / scale
