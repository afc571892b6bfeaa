"""Laws of the recorder: it sees what flows, and changes nothing."""

import copy

import pytest
import torch
from torch import nn

from bncourse.models import MLP
from bncourse.recording import Recorder, dead_fraction, named, of_type, per_channel


def net():
    generator = torch.Generator().manual_seed(0)
    return MLP(3, 2, depth=3, width=5, generator=generator, norm=nn.BatchNorm1d)


X = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))


def test_the_recorded_output_is_the_layers_output():
    model = net()
    with Recorder(model, named("linear")) as seen:
        model(X)
    assert list(seen.outputs) == [f"hidden.{i}.linear" for i in range(3)]
    assert torch.equal(seen.outputs["hidden.0.linear"], model.hidden[0].linear(X))


def test_the_recorded_gradient_is_that_of_the_loss_by_the_output():
    model = net()
    with Recorder(model, named("activation")) as seen:
        (model(X) ** 2).sum().backward()
    h = model.hidden[:2](X).detach().requires_grad_()
    (model.output(model.hidden[2](h)) ** 2).sum().backward()
    assert torch.allclose(seen.gradients["hidden.1.activation"], h.grad)


def test_recording_leaves_the_model_as_it_found_it():
    model, twin = net(), net()
    before = copy.deepcopy(model.state_dict())
    with Recorder(model.eval(), of_type(nn.BatchNorm1d)):
        model(X)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    for module in model.modules():
        assert not module._forward_hooks and not module._backward_hooks
    with Recorder(model.train(), of_type(nn.Linear)):
        model(X).sum().backward()
    twin(X).sum().backward()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


def test_hooks_go_even_after_an_error():
    model = net()
    with pytest.raises(RuntimeError, match="mine"), Recorder(model, named("linear")):
        raise RuntimeError("mine")
    assert not any(module._forward_hooks for module in model.modules())


def test_later_changes_in_place_do_not_reach_the_record():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True))
    with Recorder(model, of_type(nn.Linear)) as seen:
        model(X)
    assert (seen.outputs["0"] < 0).any()


def test_no_gradient_is_recorded_where_none_flows():
    with torch.no_grad(), Recorder(net(), named("linear")) as seen:
        seen.layers["hidden.0.linear"](X)
    assert not seen.gradients


def test_selecting_nothing_names_the_layers_there_are():
    with pytest.raises(ValueError, match=r"no layer selected, the model has: .*hidden\.0\.linear"):
        Recorder(net(), of_type(nn.Conv2d))


def test_channels_come_first_with_all_their_values():
    x = torch.arange(24.0).view(2, 3, 4)
    assert per_channel(x).tolist()[1] == [4, 5, 6, 7, 16, 17, 18, 19]


def test_a_unit_is_dead_if_it_is_zero_for_every_example():
    output = torch.tensor([[0.0, 1.0, 0.0, 2.0], [0.0, 0.0, 0.0, 1.0]])
    assert dead_fraction(output) == 0.5
