"""Chapter 9's measurements of ghost batches, on tiny settings."""

from functools import partial

import pytest
import torch

from bncourse.experiments.arms import generator
from bncourse.experiments.ch09_edge_cases.ghost_batches import PatchNet, patched, patches, trained
from bnlib.nn import BatchNorm1d
from bnlib.norms import GhostBatchNorm, InstanceNorm, LayerNorm


def test_patches_are_cut_from_left_to_right_and_from_top_to_bottom():
    image = torch.arange(64.0).reshape(1, 1, 8, 8)
    found = patches(image)
    assert found.shape == (1, 9, 16)
    torch.testing.assert_close(found[0, 1].reshape(4, 4), image[0, 0, :4, 2:6])
    torch.testing.assert_close(found[0, 3].reshape(4, 4), image[0, 0, 2:6, :4])


def test_a_patch_net_is_a_convolution():
    data = patched()
    net = PatchNet(data, LayerNorm, generator(0), pool=True)
    image = torch.arange(64.0).reshape(1, 1, 8, 8)
    kernel = net.linear1.weight.reshape(-1, 1, 4, 4)
    expected = torch.nn.functional.conv2d(image, kernel, stride=2).flatten(2)
    torch.testing.assert_close(net.linear1(patches(image)).transpose(1, 2), expected)


def test_only_a_pooled_net_forgets_where_its_patches_were():
    data, mixed = patched(), torch.randperm(9, generator=generator(0))
    for pool in (True, False):
        net = PatchNet(data, LayerNorm, generator(0), pool=pool)
        x = data.test_x[:8]
        same = torch.allclose(net(x), net(x[:, mixed]), rtol=1e-4, atol=1e-5)
        assert same == pool


@pytest.mark.parametrize("pool", [True, False])
def test_statistics_of_one_image_train_as_instance_norm_does(pool):
    one, instance = (
        trained(norm, pool=pool, seeds=(0, 1), steps=4)[:, 0]
        for norm in (partial(GhostBatchNorm, examples=1), InstanceNorm)
    )
    assert one == pytest.approx(instance, rel=1e-4)


def test_a_ghost_of_the_whole_batch_trains_as_batch_norm_does():
    ghost, whole = (
        trained(norm, pool=True, seeds=(0,), steps=4)[0]
        for norm in (partial(GhostBatchNorm, examples=32), BatchNorm1d)
    )
    assert ghost == pytest.approx(whole, rel=1e-3)
