"""The measuring code of the two modes, on layers whose answers can be worked out by hand."""

import pytest
import torch
from torch import nn

from bncourse.data import load
from bncourse.experiments.ch05_train_eval import modes, validation
from bncourse.experiments.ch05_train_eval.trained import SNAPSHOTS, STEPS, trained
from bncourse.training import accuracy
from bnlib.nn import BatchNorm1d


def batch_blind_net():
    torch.manual_seed(0)
    return nn.Linear(5, 3)


def batch_bound_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 3), BatchNorm1d(3))


def examples(count, seed=0):
    return torch.randn(count, 5, generator=torch.Generator().manual_seed(seed))


def test_probabilities_come_back_in_the_order_of_the_examples():
    net, x = batch_blind_net(), examples(6)
    parts = [torch.tensor([4, 0]), torch.tensor([5, 2, 1, 3])]
    torch.testing.assert_close(modes.probabilities(net, x, parts), net(x).softmax(1).detach())


@pytest.mark.parametrize("record", [True, False])
def test_probabilities_leave_the_network_as_it_was(record):
    net, x = batch_bound_net(), examples(6)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    modes.probabilities(net, x, torch.arange(6).split(3), record=record)
    assert net.training
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_network_without_batch_statistics_never_disagrees_with_itself():
    answers = modes.company(batch_blind_net(), examples(24), 4, draws=3, seed=0)
    assert modes.disagreement(answers) == 0


def test_companions_change_answers_in_train_mode_only():
    net, x = batch_bound_net(), examples(24)
    assert modes.disagreement(modes.company(net, x, 4, draws=4, seed=0)) > 0
    assert modes.disagreement(modes.company(net.eval(), x, 4, draws=4, seed=0)) == 0


def test_company_needs_whole_batches():
    with pytest.raises(ValueError, match="need whole batches, got 10 images in batches of 4"):
        modes.company(batch_blind_net(), examples(10), 4, draws=1, seed=0)


def test_disagreement_counts_changed_classes_between_draws():
    first, second = torch.eye(4)[[0, 1, 2, 3]], torch.eye(4)[[0, 1, 3, 2]]
    assert modes.disagreement(torch.stack([first, second])) == 50
    assert modes.disagreement(torch.stack([first, first, first])) == 0


def test_a_trained_network_is_a_copy_that_may_be_spoiled():
    net = trained(0)
    with torch.no_grad():
        modes.affine(net)[0].fill_(7.0)
    assert not torch.equal(modes.affine(trained(0))[0], modes.affine(net)[0])


def test_later_snapshots_have_seen_more_batches():
    counts = [
        int(trained(0, step).get_buffer("hidden.0.norm.num_batches_tracked")) for step in SNAPSHOTS
    ]
    assert counts == list(SNAPSHOTS) and SNAPSHOTS[-1] == STEPS


def test_affine_finds_gamma_and_beta_of_each_layer():
    shapes = [tuple(p.shape) for p in modes.affine(trained(0))]
    assert shapes == [(32,)] * 6


@pytest.mark.parametrize("order", validation.ORDERS)
def test_the_measured_accuracy_in_eval_mode_does_not_depend_on_the_batches(order):
    data, net = load(), trained(0).eval()
    true = 100 * accuracy(net, data.test_x, data.test_y)
    for size in (16, 450):
        assert validation.measured_accuracy(net, data, size, order, seed=0) == pytest.approx(true)


def test_an_unknown_order_is_refused():
    with pytest.raises(ValueError, match="choose one of shuffled, sorted by class"):
        validation.measured_accuracy(trained(0), load(), 32, "random", seed=0)
