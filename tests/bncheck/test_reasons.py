"""What is said where no known mistake fits: it names what is wrong, and nothing that is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bncheck import proof
from bncheck.judge import Verdict, judge
from bncheck.observe import observe
from bncheck.plain import Plain, plain
from bncheck.reasons import first_reason, relation
from exercises.questions import COURSE

NAMES = COURSE.names()
CODE = [name for name in NAMES if not COURSE.find(name)[1].asks_value]
NUMBERS = [name for name in set(NAMES) - set(CODE) if not COURSE.find(name)[1].choices]


def verdict(name: str, *answers: Any) -> Verdict:
    bank = COURSE.bank(name)
    named = dict(zip(bank.question.names, answers, strict=True))
    return judge(bank, observe(named, bank.tasks))


# -- almost right --------------------------------------------------------------------------------


def places(value: Plain, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The addresses of all arrays and numbers in a value."""
    if value.kind == "tuple":
        for i, part in enumerate(value.data):
            yield from places(part, (*path, i))
    elif value.kind == "dict":
        for key, part in value.data.items():
            yield from places(part, (*path, key))
    elif (
        value.kind in ("array", "tensor") and value.data.dtype.kind == "f" and value.data.size
    ) or (value.kind == "number" and isinstance(value.data, float)):
        yield path


def changed(value: Plain, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Plain:
    if not path:
        return replace(value, data=change(value.data))
    if value.kind == "tuple":
        parts = enumerate(value.data)
        data: Any = tuple(changed(v, path[1:], change) if i == path[0] else v for i, v in parts)
    else:
        items = value.data.items()
        data = {k: changed(v, path[1:], change) if k == path[0] else v for k, v in items}
    return replace(value, data=data)


def off_by(relative: float) -> Callable[[Any], Any]:
    """Changes the largest number of an array, or a number."""

    def change(data: Any) -> Any:
        array = np.array(data)
        at = np.unravel_index(int(np.argmax(np.abs(array))), array.shape)
        array[at] += relative * max(abs(array[at]), 1e-3)
        return array if np.ndim(data) else float(array)

    return change


@pytest.mark.parametrize("factor", [2.5, 10])
@pytest.mark.parametrize("name", CODE)
def test_a_number_that_is_almost_right_is_named_itself(name, factor):
    """And printed with as many digits as it takes to see the difference."""
    bank = COURSE.bank(name)
    for number, seen in enumerate(bank.reference):
        for key, value in seen.values.items():
            for path in places(value):
                wrong = changed(value, path, off_by(factor * bank.question.tolerance))
                got = replace(seen, values={**seen.values, key: wrong})
                reason = first_reason(bank.question, bank.tasks[number], got, seen)
                where = key + "".join(f"[{part!r}]" for part in path)
                assert reason.startswith(f"`{where}"), reason
                mine, wanted = reason.split(" is ", 1)[1].split(": ")[0].split(", expected ")
                assert mine != wanted


def test_a_correction_with_an_eps_too_many_is_said_of_the_variance():
    def running_statistics(batches, momentum):
        mean, var = 0.0, 1.0
        for x in batches:
            n = len(x)
            mean = (1 - momentum) * mean + momentum * x.mean(0)
            var = (1 - momentum) * var + momentum * x.var(0) * n / (n - 1 + 1e-5)
        return mean, var

    reason = verdict("ex05.running", running_statistics).reason
    assert reason.startswith("`out[1]") and "nearly right" in reason


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [-1, 100, 1.02])
@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_sign_percent_and_rounding_of_a_value_are_told(name, factor):
    question = COURSE.find(name)[1]
    right = COURSE.bank(name).reference[0].values[question.names[0]].data
    wrong = right * (1 + 2 * question.tolerance) if factor == 1.02 else right * factor
    found = verdict(name, wrong)
    assert found.state in ("named", "wrong")
    assert "no wrong answer known here" not in found.reason


# -- the form --------------------------------------------------------------------------------------


class Layer(nn.Module):
    """A right answer to ex06.layer, to be spoilt."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.keep(torch.zeros(num_features), torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def keep(self, mean, var):
        self.register_buffer("running_mean", mean)
        self.register_buffer("running_var", var)

    def forward(self, x):
        axes, along = (0, *range(2, x.ndim)), (1, -1) + (1,) * (x.ndim - 2)
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean(axes), x.var(axes, correction=0)
            unbiased = x.var(axes).detach()
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (unbiased - self.running_var)
                self.num_batches_tracked += 1
        x_hat = (x - mean.reshape(along)) / torch.sqrt(var.reshape(along) + self.eps)
        return self.weight.reshape(along) * x_hat + self.bias.reshape(along)


class PlainMean(Layer):
    def keep(self, mean, var):
        self.running_mean = mean
        self.register_buffer("running_var", var)


class NoSuper(Layer):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.weight = nn.Parameter(torch.ones(num_features))


def test_the_layer_that_is_spoilt_below_is_right():
    assert verdict("ex06.layer", Layer).state == "passed"


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (PlainMean, "lacks 'running_mean'"),
        (NoSuper, "begin yours with `super().__init__()`"),
    ],
)
def test_what_a_layer_lacks_is_named(layer, said):
    assert said in verdict("ex06.layer", layer).reason


def test_an_array_of_whole_numbers_is_told_to_cut_decimals():
    def batch_norm(x, gamma, beta, eps):
        out = np.zeros(x.shape, int)
        out[...] = x
        return out

    assert "cuts off all decimals" in verdict("ex03.forward", batch_norm).reason


# -- where no law speaks ---------------------------------------------------------------------------

RIGHT = np.array([[1.0, -2.0], [3.0, 5.0], [0.5, 8.0], [2.0, 4.0]])


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (2 * RIGHT, "all numbers are 2 times what is expected"),
        (-RIGHT, "all signs are wrong"),
        (RIGHT - 0.25, "all numbers are off by -0.25"),
        (RIGHT[::-1], "the right numbers stand in another order"),
        (np.where([False, True], np.add(RIGHT, [0, 1]), RIGHT), "only index 1 of axis 1 is wrong"),
        (RIGHT**2 - 1, None),
        (np.full_like(RIGHT, np.nan), None),
    ],
    ids=["factor", "sign", "constant", "order", "column", "nothing", "nan"],
)
def test_what_an_array_has_to_do_with_the_right_one(got: np.ndarray, said: str | None) -> None:
    assert relation(plain(got), plain(RIGHT), 1e-6) == said


def test_of_several_values_the_right_ones_are_named_too() -> None:
    source = """
def evaluate(model, batches, loss_function):
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    with torch.no_grad():
        found = [(loss_function(model(x).squeeze(1), y).item(), len(y)) for x, y in batches]
        hits = [((model(x).squeeze(1) > 0) == y).sum().item() for x, y in batches]
    for m, mode in modes:
        m.training = mode
    n = sum(size for _, size in found)
    return sum(loss * size for loss, size in found) / n / 3, sum(hits) / n
"""
    bank = COURSE.bank("ex06.evaluate")
    reason = proof.verdict_on(bank, source).reason
    assert reason.startswith("`result[0]` is 0.") and reason.endswith("`result[1]` is right.")
