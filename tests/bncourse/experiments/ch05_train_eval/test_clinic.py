"""The workbench of the clinic: healthy programs are healthy, planted mistakes are what they say."""

import numpy as np
import pytest
import torch
from torch import nn

from bncourse.experiments.ch05_train_eval import clinic, validation


def first_pass(run):
    for index in run.batches():
        run.step(index)
    return run.accuracy()


def test_runs_of_one_seed_are_the_same_run():
    a, b = clinic.examine(first_pass, seeds=(3, 3))
    assert a == b


def test_runs_of_different_seeds_differ():
    one, two = clinic.Run(0), clinic.Run(1)
    assert not torch.equal(next(one.net.parameters()), next(two.net.parameters()))
    assert not torch.equal(next(one.batches()), next(two.batches()))


def test_a_pass_holds_each_example_at_most_once_and_drops_the_rest():
    seen = torch.cat(list(clinic.Run(0, examples=101, batch_size=10).batches()))
    assert len(seen) == 100 and len(set(seen.tolist())) == 100 and int(seen.max()) < 101


def test_the_short_last_batch_is_kept_on_request():
    parts = list(clinic.Run(0, examples=101, batch_size=10, drop_last=False).batches())
    assert [len(part) for part in parts] == [10] * 10 + [1]


def test_validation_by_class_is_sorted_and_complete():
    run = clinic.Run(0)
    index = torch.cat(run.validation(32, by_class=True))
    assert sorted(index.tolist()) == list(range(450))
    assert bool((run.data.test_y[index].diff() >= 0).all())


def test_accuracy_leaves_mode_and_statistics_alone():
    run = clinic.Run(0)
    before = {name: value.clone() for name, value in run.net.state_dict().items()}
    run.accuracy()
    assert run.net.training
    assert all(torch.equal(value, before[name]) for name, value in run.net.state_dict().items())


def test_counting_right_answers_in_eval_mode_gives_the_accuracy():
    run = clinic.Run(0, ready=True)
    true = run.accuracy()
    run.net.eval()
    right = sum(run.right(index) for index in run.validation(32))
    assert 100 * right / 450 == pytest.approx(true)


def restored(run):
    """Training as it should be: test accuracy after each epoch."""
    report = []
    for epoch in run.epochs():
        run.net.train()
        for index in epoch:
            run.step(index)
        run.net.eval()
        report.append(run.accuracy())
    return report


def test_the_two_programs_agree_until_the_first_validation():
    good, bad = (
        clinic.examine(program, seeds=(0,)) for program in (restored, clinic.never_restored)
    )
    assert good[0, 0] == bad[0, 0]
    assert not np.array_equal(good[0, 1:], bad[0, 1:])


def test_the_program_without_train_ends_with_the_statistics_of_the_first_epoch():
    run = clinic.Run(0)
    clinic.never_restored(run)
    assert int(run.net.get_buffer("hidden.0.norm.num_batches_tracked")) == 42


def test_the_hand_written_layer_computes_what_torch_does():
    ours, theirs = clinic.ForgetfulBatchNorm(3).double(), nn.BatchNorm1d(3, dtype=torch.float64)
    ours.running_mean, ours.running_var = ours.running_mean.double(), ours.running_var.double()
    g = torch.Generator().manual_seed(0)
    for _ in range(3):
        x = 2 + 3 * torch.randn(6, 3, generator=g, dtype=torch.float64)
        torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def test_the_forgetful_layer_keeps_its_statistics_out_of_the_state_dict():
    assert set(clinic.ForgetfulBatchNorm(3).state_dict()) == {"weight", "bias"}


def test_the_healthy_runs_side_by_side_are_those_of_the_healthy_program():
    side_by_side = validation._forgotten((0,), 3, clinic.never_restored)["train() restored"]
    one_by_one = clinic.examine(restored, seeds=(0,))
    assert side_by_side.shape == one_by_one.shape
    np.testing.assert_allclose(side_by_side, one_by_one, atol=1.0)  # rounding, a few images
