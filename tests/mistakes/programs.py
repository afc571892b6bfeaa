"""Common mistakes that no layer can make: they stand in the program that uses it.

Each comes as a right and a wrong program and a law, which the right one keeps and the wrong
one breaks. The numbers are those of the course's list of common mistakes. Number 19, train()
not restored after a validation, is planted in bncourse.training, whose laws stand here too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import Tensor

import bnlib.functional
from bncourse.data import Data
from bncourse.experiments.ch04_backward.gradient_checks import numerical_gradient
from bnlib.modes import evaluating
from bnlib.nn import BatchNorm1d
from tests.bnlib.batches import affine, sample
from tests.mistakes.planting import breaks, planted


@dataclass(frozen=True)
class Program:
    """A mistake as a pair of programs.

    number, name: as in Mistake; law: takes a program, and raises where it misbehaves.
    """

    number: int
    name: str
    right: Callable[..., Any]
    wrong: Callable[..., Any]
    law: Callable[[Any], None]

    def __str__(self) -> str:
        return f"{self.number:02d} program: {self.name}"


# ---------------------------------------------------------------- 10: (N, L, C) in BatchNorm1d


def normalise_features_last(x: Tensor) -> Tensor:
    layer = BatchNorm1d(x.shape[2], dtype=x.dtype)
    return layer(x.transpose(1, 2)).transpose(1, 2)


def normalise_without_moving_the_features(x: Tensor) -> Tensor:
    return BatchNorm1d(x.shape[2], dtype=x.dtype)(x)


def every_feature_of_a_sequence_is_standardised(normalise: Callable[[Tensor], Tensor]) -> None:
    """x is (N, L, C) with L = C, where nothing raises. Afterwards each feature has mean 0."""
    x = torch.tensor(np.moveaxis(sample((8, 4, 4), mean=3), 1, 2).copy())
    y = normalise(x)
    assert_allclose(y.mean((0, 1)).detach(), 0, atol=1e-10)
    assert_allclose(y.var((0, 1), correction=0).detach(), 1, atol=1e-3)


# ---------------------------------------------------------------- 15: evaluation too early


def warm_up(steps: int) -> Callable[[Tensor], BatchNorm1d]:
    def run(x: Tensor) -> BatchNorm1d:
        layer = BatchNorm1d(x.shape[1], dtype=x.dtype)
        for _ in range(steps):
            layer(x)
        return layer.eval()

    return run


def evaluation_is_centred_as_training_was(program: Callable[[Tensor], BatchNorm1d]) -> None:
    """At mean 10 and spread 1, 0.9^k of the mean is left after k steps: 3.5 at 10, 0.1 at 44."""
    x = torch.tensor([[9.0], [11.0]] * 50, dtype=torch.float64)
    layer = program(x)
    assert abs(layer(x).mean().item()) < 0.1


# ---------------------------------------------------------------- 19: train() not restored


def an_evaluation_leaves_every_module_in_the_mode_it_had(training: Any) -> None:
    model = torch.nn.Sequential(BatchNorm1d(3), torch.nn.Sequential(BatchNorm1d(3))).train()
    model[1].eval()
    modes = [module.training for module in model.modules()]
    training.accuracy(model, torch.ones(4, 3), torch.zeros(4))
    assert [module.training for module in model.modules()] == modes


def every_training_step_tracks_its_batch(training: Any) -> None:
    """With an evaluation after each step: one that leaves eval mode behind stops the count."""
    x = torch.tensor(sample((20, 3)), dtype=torch.float32)
    data = Data("noise", x, torch.arange(20) % 2, x, torch.arange(20) % 2, classes=2)
    model = torch.nn.Sequential(BatchNorm1d(3), torch.nn.Linear(3, 2))
    seed = torch.Generator().manual_seed(0)
    training.fit(model, data, steps=5, generator=seed, batch_size=10, eval_every=1)
    assert model[0].num_batches_tracked == 5


TRAINING_LAWS = {
    law.__name__: law
    for law in (
        an_evaluation_leaves_every_module_in_the_mode_it_had,
        every_training_step_tracks_its_batch,
    )
}


# ---------------------------------------------------------------- 20: no_grad taken for eval


def predict_in_eval_mode(model: torch.nn.Module, x: Tensor) -> Tensor:
    with evaluating(model):
        return model(x)


def predict_under_no_grad_only(model: torch.nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return model(x)


def prediction_leaves_no_trace_and_ignores_batchmates(
    predict: Callable[[torch.nn.Module, Tensor], Tensor],
) -> None:
    layer = BatchNorm1d(3, dtype=torch.float64)
    x = torch.tensor(sample((8, 3)))
    layer(x)  # one training step: the mode is training
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    together, half = predict(layer, x), predict(layer, x[:4])
    for name, value in layer.state_dict().items():
        assert_array_equal(value, before[name], err_msg=name)
    assert_allclose(half, together[:4], rtol=1e-12)


# ---------------------------------------------------------------- 28: ones upstream


def check_with_upstream(make: Callable[[tuple[int, ...]], Any]) -> Callable[[Any], None]:
    """A gradient check of batch_norm_backward, with the upstream gradient that `make` gives."""

    def check(functional: Any) -> None:
        x, (gamma, beta) = sample((5, 2)), affine(2)
        dy = make(x.shape)
        dx, _, _ = functional.batch_norm_backward(dy, x, gamma)
        expected = numerical_gradient(
            lambda v: (dy * functional.batch_norm(v, gamma, beta)[0]).sum(), x
        )
        assert_allclose(dx, expected, atol=1e-7)

    return check


def a_gradient_check_rejects_wrong_backwards(check: Callable[[Any], None]) -> None:
    """It accepts the right backward, and neither a missing path nor a missing gamma."""
    check(bnlib.functional)
    for right, wrong in [
        (" - x_hat * _spread(dgamma / n, x))", ")"),
        ("dx = _spread(gamma * inv_std, x) * (", "dx = _spread(inv_std, x) * ("),
    ]:
        with planted("bnlib.functional", ((right, wrong),)) as copies:
            assert breaks(check, copies["bnlib.functional"]), f"accepts {wrong!r} for {right!r}"


PROGRAMS = [
    Program(
        10,
        "(N, L, C) fed to BatchNorm1d, L = C",
        normalise_features_last,
        normalise_without_moving_the_features,
        every_feature_of_a_sequence_is_standardised,
    ),
    Program(
        15,
        "evaluated after 10 steps",
        warm_up(44),
        warm_up(10),
        evaluation_is_centred_as_training_was,
    ),
    Program(
        20,
        "no_grad taken for evaluation",
        predict_in_eval_mode,
        predict_under_no_grad_only,
        prediction_leaves_no_trace_and_ignores_batchmates,
    ),
    Program(
        28,
        "gradient check with ones upstream",
        check_with_upstream(lambda shape: sample(shape, seed=2)),
        check_with_upstream(np.ones),
        a_gradient_check_rejects_wrong_backwards,
    ),
]
