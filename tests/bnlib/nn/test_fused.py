"""Laws of the layer that stands in for timm's fused one."""

import copy
import pickle

import pytest
import timm.utils.model
import torch
from timm.layers import BatchNormAct2d as Theirs
from torch import Tensor

from bnlib.nn import convert
from bnlib.nn.fused import BatchNormAct2d


def images(seed: int = 0) -> Tensor:
    return torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(seed))


def pair(**options: object) -> tuple[torch.nn.Module, torch.nn.Module]:
    theirs = Theirs(3, **options)
    torch.nn.init.uniform_(theirs.weight)
    return theirs, convert(copy.deepcopy(theirs))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "options",
    [{}, {"act_layer": torch.nn.SiLU}, {"apply_act": False}, {"momentum": None}],
    ids=str,
)
def test_it_computes_and_learns_as_timms(options: dict[str, object], training: bool) -> None:
    results = []
    for layer in pair(**options):
        layer.train(training)
        x = images().requires_grad_()
        y = layer(layer(x) + x)
        y.square().sum().backward()
        results.append([y, x.grad, layer.weight.grad, layer.running_mean, layer.running_var])
    torch.testing.assert_close(*results)


def test_dropout_stands_between_normalisation_and_activation() -> None:
    theirs, ours = pair(drop_layer=torch.nn.Dropout)
    results = []
    for layer in (theirs, ours):
        torch.manual_seed(0)
        results.append(layer(images()))
    torch.testing.assert_close(*results)


def test_a_network_of_timm_is_converted_and_comes_back() -> None:
    model = timm.create_model("mobilenetv3_small_050", pretrained=False).eval()
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model(x)
        names = list(model.state_dict())
        kinds = [type(m) for m in convert(model).modules()]
        assert BatchNormAct2d in kinds and Theirs not in kinds
        torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-4)
        assert list(model.state_dict()) == names
        kinds = [type(m) for m in convert(model, to="torch").modules()]
        assert Theirs in kinds and BatchNormAct2d not in kinds


def test_timm_finds_it_and_it_can_be_pickled() -> None:
    _, ours = pair()
    frozen = timm.utils.model.freeze_batch_norm_2d(torch.nn.Sequential(ours))
    assert type(frozen[0]).__name__ == "FrozenBatchNormAct2d"
    synchronised = timm.layers.convert_sync_batchnorm(ours)
    assert type(synchronised).__name__ == "SyncBatchNormAct" and synchronised.act is ours.act
    copied = pickle.loads(pickle.dumps(ours)).eval()
    assert torch.equal(copied(images()), ours.eval()(images()))


def test_another_number_of_axes_is_refused_as_in_ours() -> None:
    with pytest.raises(ValueError, match="need 4D input, got 2D"):
        pair()[1](torch.randn(4, 3))
