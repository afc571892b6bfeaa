"""Chapter 9's measurements of ghost batches, on tiny settings."""

import pytest
import torch

from bncourse.experiments.arms import generator
from bncourse.experiments.ch09_edge_cases import ghost_batches
from bncourse.experiments.ch09_edge_cases.ghost_batches import (
    NORMS,
    PatchNet,
    ghosts,
    patched,
    patches,
)
from bnlib.nn import BatchNorm1d


def test_patches_are_cut_from_left_to_right_and_from_top_to_bottom():
    image = torch.arange(64.0).reshape(1, 1, 8, 8)
    found = patches(image)
    assert found.shape == (1, 9, 16)
    torch.testing.assert_close(found[0, 1].reshape(4, 4), image[0, 0, :4, 2:6])
    torch.testing.assert_close(found[0, 3].reshape(4, 4), image[0, 0, 2:6, :4])


def test_a_patch_net_is_a_convolution():
    data = patched()
    net = PatchNet(data, NORMS["LayerNorm"], generator(0), pool=True)
    image = torch.arange(64.0).reshape(1, 1, 8, 8)
    kernel = net.linear1.weight.reshape(-1, 1, 4, 4)
    expected = torch.nn.functional.conv2d(image, kernel, stride=2).flatten(2)
    torch.testing.assert_close(net.linear1(patches(image)).transpose(1, 2), expected)


def test_only_a_pooled_net_forgets_where_its_patches_were():
    data, mixed = patched(), torch.randperm(9, generator=generator(0))
    for pool in (True, False):
        net = PatchNet(data, NORMS["LayerNorm"], generator(0), pool=pool)
        x = data.test_x[:8]
        same = torch.allclose(net(x), net(x[:, mixed]), rtol=1e-4, atol=1e-5)
        assert same == pool


@pytest.mark.parametrize("pool", [True, False])
def test_statistics_of_one_image_train_as_instance_norm_does(pool):
    found = ghosts(pool, seeds=(0, 1), steps=4)
    one, instance = found["BN of 1"][:, 0], found["InstanceNorm"][:, 0]
    assert one == pytest.approx(instance, rel=1e-4)


def test_a_ghost_of_the_whole_batch_trains_as_batch_norm_does(monkeypatch):
    norms = {"BN of 32": NORMS["BN of 32"], "BN": BatchNorm1d}
    monkeypatch.setattr(ghost_batches, "NORMS", norms)
    found = ghosts(True, seeds=(0,), steps=4)
    assert found["BN of 32"][0] == pytest.approx(found["BN"][0], rel=1e-3)
