"""Laws of the data: real files in, standardised tensors out, and never a silent download."""

import gzip
import hashlib
import pickle
import socket
import struct

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torchvision import datasets

from bncourse import data
from bncourse.data import load

IDX_FOLDERS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a test asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.delenv(data.FOLDER_VARIABLE, raising=False)


def write_idx(path, array):
    """The format of the MNIST files: magic number, sizes, bytes."""
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    path.write_bytes(header + array.astype(np.uint8).tobytes())
    with gzip.open(f"{path}.gz", "wb") as packed:
        packed.write(path.read_bytes())


@pytest.fixture
def idx_images(tmp_path):
    rng = np.random.default_rng(0)
    train, test = rng.integers(0, 256, (6, 28, 28)), rng.integers(0, 256, (3, 28, 28))
    for folder in IDX_FOLDERS.values():
        raw = tmp_path / folder / "raw"
        raw.mkdir(parents=True)
        write_idx(raw / "train-images-idx3-ubyte", train)
        write_idx(raw / "train-labels-idx1-ubyte", np.arange(6))
        write_idx(raw / "t10k-images-idx3-ubyte", test)
        write_idx(raw / "t10k-labels-idx1-ubyte", np.arange(3))
    return tmp_path, train, test


@pytest.fixture
def cifar_images(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    folder = tmp_path / datasets.CIFAR10.base_folder
    folder.mkdir()
    pixels = {}

    def written(names, count):
        sums = []
        for name in names:
            pixels[name] = rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
            batch = {"data": pixels[name].reshape(count, -1), "labels": list(range(count))}
            (folder / name).write_bytes(pickle.dumps(batch))
            sums.append([name, hashlib.md5((folder / name).read_bytes()).hexdigest()])
        return sums

    trained = written([f"data_batch_{i}" for i in range(1, 6)], 2)
    tested = written(["test_batch"], 3)
    meta = folder / "batches.meta"
    meta.write_bytes(pickle.dumps({"label_names": [str(i) for i in range(10)]}))
    names = {
        "filename": "batches.meta",
        "key": "label_names",
        "md5": hashlib.md5(meta.read_bytes()).hexdigest(),
    }
    # The real sets' checksums do not fit tiny files; those of the tiny files take their place.
    monkeypatch.setattr(datasets.CIFAR10, "train_list", trained)
    monkeypatch.setattr(datasets.CIFAR10, "test_list", tested)
    monkeypatch.setattr(datasets.CIFAR10, "meta", names)
    return tmp_path, np.concatenate([pixels[name] for name, _ in trained]), pixels["test_batch"]


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


@pytest.mark.parametrize("name", IDX_FOLDERS)
def test_idx_files_of_the_named_folder_are_read(name, idx_images):
    folder, train, test = idx_images
    read = load(name, images=True, standardise=False, folder=folder)
    assert np.array_equal(read.train_x.numpy()[:, 0], train)
    assert np.array_equal(read.test_x.numpy()[:, 0], test)
    assert read.train_y.tolist() == list(range(6)) and read.test_y.tolist() == [0, 1, 2]
    assert load(name, folder=folder).train_x.shape == (6, 784)


def test_cifar_files_are_read_with_channels_first(cifar_images):
    folder, train, test = cifar_images
    read = load("cifar10", images=True, standardise=False, folder=folder)
    assert np.array_equal(read.train_x.numpy(), train)
    assert np.array_equal(read.test_x.numpy(), test)
    assert load("cifar10", images=True, folder=folder).features == 3


def test_the_folder_can_stand_in_the_environment(idx_images, monkeypatch):
    monkeypatch.setenv(data.FOLDER_VARIABLE, str(idx_images[0]))
    assert len(load("mnist").train_x) == 6


def test_absent_data_is_named_with_the_way_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"kmnist in .* download=True\) once"):
        load("kmnist", folder=tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError, match="environment variable BNCOURSE_DATA"):
        load("mnist")


def test_a_truncated_file_is_named_as_an_incomplete_copy(idx_images):
    folder, _, _ = idx_images
    images = folder / "MNIST" / "raw" / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-100])
    with pytest.raises(FileNotFoundError, match="no complete copy of mnist"):
        load("mnist", folder=folder)


def test_a_changed_cifar_file_is_named_as_an_incomplete_copy(cifar_images):
    folder, _, _ = cifar_images
    (folder / datasets.CIFAR10.base_folder / "data_batch_3").write_bytes(b"half a file")
    with pytest.raises(FileNotFoundError, match="no complete copy of cifar10"):
        load("cifar10", folder=folder)


def test_a_failed_download_says_so(tmp_path, monkeypatch):
    def fail(self):
        raise RuntimeError("Error downloading train-images")

    monkeypatch.setattr(datasets.MNIST, "download", fail)
    with pytest.raises(RuntimeError, match=r"could not download mnist into .*Error downloading"):
        load("mnist", folder=tmp_path, download=True)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="got 'imagenet': choose one of digits, mnist"):
        load("imagenet")
