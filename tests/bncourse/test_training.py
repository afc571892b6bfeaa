"""Laws of training: what a run measures, and that it leaves nothing behind."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bncourse.data import Data
from bncourse.models import MLP, BNNet
from bncourse.training import (
    History,
    accuracy,
    batches,
    classification_loss,
    evaluating,
    fit,
    fit_many,
    predicted_class,
)
from bnlib.nn import BatchNorm1d


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def task():
    """Two clouds in float64, which a linear model can part."""
    x = torch.randn(70, 3, generator=rng(), dtype=torch.float64)
    y = (x[:, 0] > 0).long()
    x[:, 0] += 2 * y - 1
    return Data("clouds", x[:50], y[:50], x[50:], y[50:], classes=2)


def net(seed=0, norm=BatchNorm1d, outputs=2):
    return MLP(3, outputs, depth=2, width=6, generator=rng(seed), norm=norm).double()


def test_fit_is_the_plain_loop_step_by_step(task):
    trained, by_hand = net(), net()
    history = fit(trained, task, steps=8, generator=rng(3), batch_size=16, lr=0.1, momentum=0.9)

    optimizer = torch.optim.SGD(by_hand.parameters(), lr=0.1, momentum=0.9)
    shuffle, losses = rng(3), []
    while len(losses) < 8:
        for index in torch.randperm(50, generator=shuffle).split(16)[:3]:
            if len(losses) == 8:
                break
            optimizer.zero_grad()
            loss = F.cross_entropy(by_hand(task.train_x[index]), task.train_y[index])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert np.array_equal(history.losses, losses)
    for (name, a), b in zip(
        trained.state_dict().items(), by_hand.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), name


def test_fit_learns_what_can_be_learned(task):
    history = fit(net(), task, steps=60, generator=rng(), batch_size=10)
    assert history.test_accuracy[0] < 0.9 < history.test_accuracy[-1]
    assert history.losses[-10:].mean() < history.losses[:10].mean() / 2


def test_fit_restores_every_module_to_its_own_mode(task):
    model = net().train()
    model.hidden[0].eval()
    modes = [m.training for m in model.modules()]
    fit(model, task, steps=3, generator=rng(), batch_size=10)
    assert [m.training for m in model.modules()] == modes


def test_fit_trains_in_train_mode_after_each_evaluation(task):
    model, seen = net().eval(), []
    fit(
        model,
        task,
        steps=6,
        generator=rng(),
        batch_size=10,
        eval_every=1,
        after_step=lambda step: seen.append(model.hidden[1].norm.num_batches_tracked.item()),
    )
    assert seen == [1, 2, 3, 4, 5, 6]


def test_evaluations_stand_at_the_start_at_each_pause_and_at_the_end(task):
    history = fit(net(), task, steps=7, generator=rng(), batch_size=10, eval_every=3)
    assert history.evaluated_at.tolist() == [0, 3, 6, 7]
    assert history.losses.shape == history.grad_norms.shape == (7,)
    every_pass = fit(net(), task, steps=12, generator=rng(), batch_size=10)
    assert every_pass.evaluated_at.tolist() == [0, 5, 10, 12]


def test_the_gradient_norm_is_that_of_all_parameters_together(task):
    model = net()
    reference = copy.deepcopy(model).train()
    index = torch.randperm(50, generator=rng(3))[:16]
    F.cross_entropy(reference(task.train_x[index]), task.train_y[index]).backward()
    wanted = torch.cat([p.grad.flatten() for p in reference.parameters()]).norm()
    history = fit(model, task, steps=1, generator=rng(3), batch_size=16)
    assert history.grad_norms[0] == pytest.approx(float(wanted))


def test_an_optimizer_factory_takes_the_place_of_sgd(task):
    trained, by_hand = net(), net().train()
    fit(trained, task, steps=1, generator=rng(3), batch_size=50, optimizer=torch.optim.Adam)
    optimizer = torch.optim.Adam(by_hand.parameters())
    order = torch.randperm(50, generator=rng(3))
    F.cross_entropy(by_hand(task.train_x[order]), task.train_y[order]).backward()
    optimizer.step()
    assert torch.equal(trained.output.weight, by_hand.output.weight)


def test_the_order_of_the_examples_can_be_set(task):
    batches_seen = []
    model = net()
    model.register_forward_pre_hook(
        lambda m, args: batches_seen.append(args[0]) if m.training else None
    )
    fit(model, task, steps=2, generator=rng(), batch_size=25, order=lambda g: torch.arange(50))
    assert torch.equal(torch.cat(batches_seen), task.train_x)


@pytest.mark.parametrize("norm", [None, BatchNorm1d, nn.BatchNorm1d])
def test_fit_many_runs_what_fit_runs(task, norm):
    rates, decay = [0.05, 0.1, 0.2], 0.01
    together = [net(s, norm) for s in range(3)]
    histories = fit_many(
        together,
        task,
        steps=9,
        generators=[rng(s) for s in range(3)],
        lrs=rates,
        batch_size=16,
        weight_decay=decay,
    )
    for s in range(3):
        alone = net(s, norm)
        history = fit(
            alone, task, steps=9, generator=rng(s), lr=rates[s], batch_size=16, weight_decay=decay
        )
        assert np.allclose(histories.losses[s], history.losses, rtol=1e-9)
        assert np.allclose(histories.grad_norms[s], history.grad_norms, rtol=1e-9)
        assert np.array_equal(histories.test_accuracy[s], history.test_accuracy)
        assert np.array_equal(histories.evaluated_at, history.evaluated_at)
        state = together[s].state_dict()
        for name, value in alone.state_dict().items():
            assert torch.allclose(state[name].double(), value.double(), rtol=1e-9), name


def test_the_training_accuracy_can_be_measured_on_the_first_examples_alone(task):
    setting = {"steps": 4, "batch_size": 10, "eval_every": 2}
    models = [net(s) for s in range(2)]
    part = fit_many(models, task, generators=[rng(), rng()], eval_train=7, **setting)
    for r, model in enumerate(models):
        wanted = accuracy(model, task.train_x[:7], task.train_y[:7])
        assert part.train_accuracy[r, -1] == pytest.approx(wanted)
    whole = fit_many([net(s) for s in range(2)], task, generators=[rng(), rng()], **setting)
    assert np.array_equal(part.losses, whole.losses)
    assert np.array_equal(part.test_accuracy, whole.test_accuracy)


def test_a_run_that_diverges_does_so_alone(task):
    models = [net(s, None) for s in range(2)]
    history = fit_many(
        models, task, steps=30, generators=[rng(), rng()], lrs=[0.05, 1e200], batch_size=16
    )
    assert np.isfinite(history.losses[0]).all()
    assert not np.isfinite(history.losses[1]).all()


def test_fit_many_leaves_the_modes_as_they_were(task):
    models = [net(s).eval() for s in range(2)]
    fit_many(models, task, steps=2, generators=[rng(), rng()], batch_size=16)
    assert not any(m.training for model in models for m in model.modules())


def test_fit_many_needs_a_generator_for_each_model(task):
    with pytest.raises(ValueError, match="one generator per model, got 1 for 2"):
        fit_many([net(), net()], task, steps=1, generators=[rng()])


def test_the_accuracy_is_counted_in_eval_mode_and_leaves_no_trace(task):
    model = net().train()
    before = copy.deepcopy(model.state_dict())
    share = accuracy(model, task.test_x, task.test_y)
    wanted = (copy.deepcopy(model).eval()(task.test_x).argmax(1) == task.test_y).double().mean()
    assert share == pytest.approx(float(wanted))
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_modes_come_back_even_after_an_error():
    model = net().train()
    model.hidden[0].eval()
    modes = [m.training for m in model.modules()]
    with pytest.raises(RuntimeError, match="mine"), evaluating(model):
        assert not any(m.training for m in model.modules()) and not torch.is_grad_enabled()
        raise RuntimeError("mine")
    assert [m.training for m in model.modules()] == modes


def test_one_logit_means_two_classes():
    logits, y = torch.tensor([[2.0], [-1.0], [0.5]]), torch.tensor([1, 0, 0])
    two = torch.cat([torch.zeros_like(logits), logits], 1)
    assert torch.allclose(classification_loss(logits, y), F.cross_entropy(two, y))
    assert predicted_class(logits).tolist() == two.argmax(1).tolist() == [1, 0, 1]


def test_bnnet_trains_on_a_binary_task(task):
    model = BNNet(3, 8).double()
    assert fit(model, task, steps=40, generator=rng(), batch_size=10).test_accuracy[-1] > 0.9


def test_a_short_last_batch_is_dropped_unless_asked_for():
    order = torch.arange(10)
    assert [len(b) for b in batches(order, 4)] == [4, 4]
    assert [len(b) for b in batches(order, 4, drop_last=False)] == [4, 4, 2]
    assert [len(b) for b in batches(order, 5)] == [5, 5]


@pytest.mark.parametrize("size", [0, 51])
def test_a_batch_size_that_does_not_fit_is_refused(task, size):
    with pytest.raises(ValueError, match=f"between 1 and the 50 examples, got {size}"):
        fit(net(), task, steps=1, generator=rng(), batch_size=size)


def test_a_run_needs_a_step(task):
    with pytest.raises(ValueError, match="at least 1 step, got steps=0"):
        fit(net(), task, steps=0, generator=rng(), batch_size=16)


def test_steps_to_a_target_are_capped_at_the_length_of_the_run():
    history = History(
        losses=np.zeros((2, 20)),
        grad_norms=np.zeros((2, 20)),
        train_accuracy=np.zeros((2, 3)),
        test_accuracy=np.array([[0.1, 0.9, 0.8], [0.1, 0.5, 0.6]]),
        evaluated_at=np.array([0, 10, 20]),
    )
    assert history.steps_to(0.7).tolist() == [10, 20]
    assert history.steps_to(0.05).tolist() == [0, 0]
