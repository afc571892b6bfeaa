"""Exercise 5: running statistics, and a whole layer that works in train and in eval mode."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bncheck.question import (
    Exercise,
    Inputs,
    Law,
    Mistake,
    Probe,
    Question,
    Section,
    source,
    value_question,
    wrong,
)
from exercises.questions.inputs import affine, batch
from exercises.questions.laws import mean_is_beta, spread_is_gamma

CHAPTER = "05_train_eval"
MODES = Section(CHAPTER, "Two modes, two sets of numbers")
FIXED = Section(CHAPTER, "Where the fixed numbers come from")
MOMENTUM = Section(CHAPTER, "Two meanings of momentum")
VARIANCES = Section(CHAPTER, "One variance to normalise, another to remember")
NO_GRAD = Section(CHAPTER, "`no_grad` is not `eval`")
RESTORED = Section(CHAPTER, "Case 3: after the first validation it goes downhill")
LOOKED = Section(CHAPTER, "Case 4: a harmless look before the start")
LEAKED = Section(CHAPTER, "Case 2: the test result that got worse by looking")
BY_HAND = Section("03_mechanism", "From the z-score to batch normalization, by hand")
EPSILON = Section("03_mechanism", "What ε does")
GAMMA = Section("03_mechanism", "γ and β can undo it")
SHARED = Section("03_mechanism", "Which values share a mean?")


# The references.


def update_running(running: np.ndarray, batch: np.ndarray, momentum: float) -> np.ndarray:
    old = (1 - momentum) * running
    new = momentum * batch
    return old + new


def to_remember(x: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    unbiased = var * n / (n - 1)
    return mu, unbiased


def running_statistics(batches: list[np.ndarray], momentum: float) -> tuple[np.ndarray, np.ndarray]:
    channels = batches[0].shape[1]
    running_mean = np.zeros(channels)
    running_var = np.ones(channels)
    for x in batches:
        n = x.shape[0]
        s_mean, s_var = to_remember(x, n)
        running_mean = update_running(running_mean, s_mean, momentum)
        running_var = update_running(running_var, s_var, momentum)
    return running_mean, running_var


def average_running(batches: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    channels = batches[0].shape[1]
    running_mean = np.zeros(channels)
    running_var = np.ones(channels)
    for k, x in enumerate(batches, start=1):
        momentum = 1 / k
        n = x.shape[0]
        s_mean, s_var = to_remember(x, n)
        running_mean = update_running(running_mean, s_mean, momentum)
        running_var = update_running(running_var, s_var, momentum)
    return running_mean, running_var


class TrainBatchNorm:
    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.eps = eps
        self.momentum = momentum
        self.gamma = np.ones(num_features)
        self.beta = np.zeros(num_features)
        self.running_mean = np.zeros(num_features)
        self.running_var = np.ones(num_features)

    def update(self, mu: np.ndarray, var: np.ndarray, n: int) -> None:
        unbiased = var * n / (n - 1)
        self.running_mean = update_running(self.running_mean, mu, self.momentum)
        self.running_var = update_running(self.running_var, unbiased, self.momentum)

    def forward(self, x: np.ndarray) -> np.ndarray:
        axes = (0, *range(2, x.ndim))
        n = x.size // x.shape[1]
        mu = x.mean(axis=axes)
        var = x.var(axis=axes)
        self.update(mu, var, n)
        shape = (1, -1) + (1,) * (x.ndim - 2)
        mu = mu.reshape(shape)
        var = var.reshape(shape)
        x_hat = (x - mu) / np.sqrt(var + self.eps)
        return self.gamma.reshape(shape) * x_hat + self.beta.reshape(shape)


class BatchNorm:
    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.eps = eps
        self.momentum = momentum
        self.gamma = np.ones(num_features)
        self.beta = np.zeros(num_features)
        self.running_mean = np.zeros(num_features)
        self.running_var = np.ones(num_features)
        self.training = True

    def train(self) -> None:
        self.training = True

    def eval(self) -> None:
        self.training = False

    def update(self, mu: np.ndarray, var: np.ndarray, n: int) -> None:
        unbiased = var * n / (n - 1)
        self.running_mean = update_running(self.running_mean, mu, self.momentum)
        self.running_var = update_running(self.running_var, unbiased, self.momentum)

    def forward(self, x: np.ndarray) -> np.ndarray:
        axes = (0, *range(2, x.ndim))
        n = x.size // x.shape[1]
        mu = x.mean(axis=axes)
        var = x.var(axis=axes)
        if self.training:
            self.update(mu, var, n)
        else:
            mu = self.running_mean
            var = self.running_var
        shape = (1, -1) + (1,) * (x.ndim - 2)
        mu = mu.reshape(shape)
        var = var.reshape(shape)
        x_hat = (x - mu) / np.sqrt(var + self.eps)
        return self.gamma.reshape(shape) * x_hat + self.beta.reshape(shape)


# Laws: what is said where no known mistake fits.


def _between(inputs: Inputs, values: dict[str, Any]) -> str | None:
    out, running, new = values["out"], inputs["running"], inputs["batch"]
    low, high = np.minimum(running, new), np.maximum(running, new)
    outside = (out < low - 1e-9) | (out > high + 1e-9)
    if not outside.any():
        return None
    at = int(np.argmax(outside))
    return (
        f"`out[{at}]` is {out[at]:.4g}, but the running value was {running[at]:.4g} and the "
        f"batch's {new[at]:.4g}: an update ends between the two, since its weights add up to 1."
    )


def _which_part(inputs: Inputs, values: dict[str, Any]) -> str | None:
    given = [inputs[name] for name in ("x", "first", "second", "third") if name in inputs]
    if "batches" in inputs:
        given = list(inputs["batches"])
    momentum = inputs.get("momentum")
    right = average_running(given) if momentum is None else running_statistics(given, momentum)
    mean, var = (float(part[0]) for part in values["out"])
    fits = [bool(np.allclose(out, part)) for out, part in zip(values["out"], right, strict=True)]
    means = ", ".join(f"{x[:, 0].mean():.4g}" for x in given)
    variances = ", ".join(f"{x[:, 0].var(ddof=1):.4g}" for x in given)
    if len(given) == 1:
        means, variances = f"mean of the batch is {means}", f"variance of the batch is {variances}"
    else:
        means = f"means of the batches, one after the other, are {means}"
        variances = f"variances of the batches, one after the other, are {variances}"
    if fits == [True, False]:
        return (
            f"`running_mean` is right and `running_var` is not: its first number is {var:.4g}, "
            f"expected {right[1][0]:.4g}. In channel 0 the unbiased {variances}: each batch with "
            "its own mean and its own n."
        )
    return (
        f"the first number of `running_mean` is {mean:.4g}, expected {right[0][0]:.4g}. In channel "
        f"0 the {means}."
    )


def _starting_values(inputs: Inputs, values: dict[str, Any]) -> str | None:
    for name, start in (("gamma", 1), ("beta", 0), ("running_mean", 0), ("running_var", 1)):
        got = values.get(f"layer.{name}", np.full(2, start))
        if not inputs and np.any(got != start):
            at = int(np.argmax(np.abs(got - start)))
            return f"in a new layer `{name}[{at}]` is {got[at]:.4g}, expected {start}."
    return None


def _one_step(inputs: Inputs, values: dict[str, Any]) -> str | None:
    mean, var, x = values["layer.running_mean"], values["layer.running_var"], inputs["x"]
    momentum = inputs["momentum"]
    rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    mu, unbiased = rows.mean(1), rows.var(1, ddof=1)
    for name, got, start, new in (
        ("running_mean", mean, 0.0, mu),
        ("running_var", var, 1.0, unbiased),
    ):
        wanted = start + momentum * (new - start)
        at = int(np.argmax(np.abs(got - wanted)))
        if abs(got[at] - wanted[at]) > 1e-6 * (1 + abs(wanted[at])):
            return (
                f"after one batch `{name}[{at}]` is {got[at]:.4g}, expected {wanted[at]:.4g}: it "
                f"starts at {start:g}, and moves by momentum = {momentum:g} of the way to the "
                f"batch's {new[at]:.4g}."
            )
    return None


def _mode_stays(inputs: Inputs, values: dict[str, Any]) -> str | None:
    for name, wanted, when in (
        ("at_first", True, "in a new layer"),
        ("after_eval", False, "after eval() and a call of forward"),
        ("after_train", True, "after train() and a call of forward"),
    ):
        if values[name] is not wanted:
            return (
                f"{when} `training` is {values[name]}, expected {wanted}: the mode changes by "
                "train() and eval() alone."
            )
    return None


def _eval_reads_only(inputs: Inputs, values: dict[str, Any]) -> str | None:
    for name in ("running_mean", "running_var"):
        kept, before = values[f"layer.{name}"], inputs[name]
        at = int(np.argmax(np.abs(kept - before)))
        if abs(kept[at] - before[at]) > 1e-9:
            return (
                f"`{name}[{at}]` was {before[at]:.4g} before forward in eval mode and is "
                f"{kept[at]:.4g} afterwards: eval mode reads the running statistics and changes "
                "nothing."
            )
    return None


def _eval_by_hand(inputs: Inputs, values: dict[str, Any]) -> str | None:
    y, x = values["y_eval"], inputs["x"]
    start = {"running_mean": 0.0, "running_var": 1.0, "gamma": 1.0, "beta": 0.0}
    for c in range(x.shape[1]):
        at = (0, c, *(0,) * (x.ndim - 2))
        mean, var, gamma, beta = (
            inputs[name][c] if name in inputs else value for name, value in start.items()
        )
        root = np.sqrt(var + inputs["eps"])
        wanted = gamma * (x[at] - mean) / root + beta
        if abs(y[at] - wanted) > 1e-6 * (1 + abs(wanted)):
            place = ", ".join(map(str, at))
            return (
                f"in eval mode `y_eval[{place}]` is {y[at]:.4g}, expected γ·(x − running_mean) / "
                f"√(running_var + ε) + β = {wanted:.4g}, with the numbers of channel {c}: x = "
                f"{x[at]:.4g}, running_mean = {mean:.4g}, running_var = {var:.4g}, γ = "
                f"{gamma:.4g}, β = {beta:.4g}."
            )
    return None


# Mistakes that several questions share.

INVERTED = (
    ("(1 - momentum) * running", "momentum * running"),
    ("momentum * batch", "(1 - momentum) * batch"),
)
NO_DECAY = (("(1 - momentum) * running", "running"),)


def weighs_old() -> Mistake:
    """FACTS 3, in a reference that holds update_running."""
    return Mistake(
        "momentum weighs the old value",
        "Here `momentum` is the weight of the new batch, as in PyTorch. You give it to the old "
        "value, as Flax and Keras do: at 0.1 your statistics nearly forget the past at every step.",
        MOMENTUM,
        INVERTED,
        number=3,
    )


def no_decay() -> Mistake:
    """The old value at full weight, in a reference that holds update_running."""
    return Mistake(
        "added without decay",
        "You add the new part and keep the old value at full weight, so the statistic grows with "
        "every batch. The old value has the weight 1 − momentum.",
        FIXED,
        NO_DECAY,
    )


UPDATE = Question(
    name="update",
    title="One step of a running statistic",
    names=("update_running",),
    reference=source(update_running),
    probes=(
        Probe(
            "two channels, momentum 0.1",
            "momentum 0.1",
            "out = update_running(running, batch, momentum)",
            ("out",),
            lambda rng: {
                "running": rng.uniform(1.0, 3.0, 2).round(2),
                "batch": rng.uniform(5.0, 9.0, 2).round(2),
                "momentum": 0.1,
            },
        ),
        Probe(
            "another momentum",
            "any momentum",
            "out = update_running(running, batch, momentum)",
            ("out",),
            lambda rng: {
                "running": rng.uniform(5.0, 9.0, 4).round(2),
                "batch": rng.uniform(-3.0, 3.0, 4).round(2),
                "momentum": 0.3,
            },
        ),
        Probe(
            "momentum 1: the new batch alone",
            "any momentum",
            "out = update_running(running, batch, momentum)",
            ("out",),
            lambda rng: {
                "running": rng.uniform(1.0, 3.0, 3).round(2),
                "batch": rng.uniform(5.0, 9.0, 3).round(2),
                "momentum": 1.0,
            },
        ),
    ),
    points={"momentum 0.1": 1, "any momentum": 1},
    mistakes=(
        weighs_old(),
        Mistake(
            "the running array is changed in place",
            "The result is right, but you write it into the array `running` that you were given. "
            "Whoever still holds that array, a checkpoint for example, finds it changed. Compute "
            "a new array.",
            FIXED,
            (("return old + new", "running[:] = old + new\n    return running"),),
        ),
        no_decay(),
        Mistake(
            "both weights are momentum",
            "You weigh both values by momentum, so at 0.1 the result shrinks to a fifth of what "
            "it should be. The two weights must add up to 1.",
            FIXED,
            (("(1 - momentum) * running", "momentum * running"),),
        ),
        Mistake(
            "momentum ignored: the mean of old and new",
            "You take the plain mean of both. The batch has the weight momentum, the old value "
            "the rest.",
            FIXED,
            (
                ("(1 - momentum) * running", "running / 2"),
                ("momentum * batch", "batch / 2"),
            ),
        ),
        Mistake(
            "the batch's statistic is averaged again",
            "`batch` holds a statistic already, one number per channel. You take the mean of these "
            "numbers, so that all channels move towards one value.",
            FIXED,
            (("momentum * batch", "momentum * batch.mean()"),),
        ),
        Mistake(
            "momentum fixed at 0.1",
            "The result is right at 0.1 only: use the argument `momentum`.",
            FIXED,
            (
                ("(1 - momentum) * running", "(1 - 0.1) * running"),
                ("momentum * batch", "0.1 * batch"),
            ),
        ),
        Mistake(
            "a step away from the batch",
            "The sign is turned: you add momentum times old minus new, which moves the statistic "
            "away from the batch. The step goes from the old value towards the new one.",
            FIXED,
            (
                ("(1 - momentum) * running", "(1 + momentum) * running"),
                ("momentum * batch", "-momentum * batch"),
            ),
        ),
        Mistake(
            "the old value left out",
            "You return momentum times the batch, and nothing of the past. Add the old value with "
            "the weight 1 − momentum.",
            FIXED,
            (("return old + new", "return new"),),
        ),
        Mistake(
            "the batch at full weight",
            "The old value is weighed by 1 − momentum, but the batch is added whole. Its weight is "
            "momentum, so that the two add up to 1.",
            FIXED,
            (("momentum * batch", "batch"),),
        ),
        Mistake(
            "the step alone",
            "You return momentum times new minus old: that is how far the statistic moves. Add it "
            "to the old value.",
            FIXED,
            (("(1 - momentum) * running", "-momentum * running"),),
        ),
        Mistake(
            "the old value is not replaced but returned",
            "What you return is `running` as it was: return the new value.",
            FIXED,
            (("return old + new", "return running"),),
        ),
    ),
    hints=(
        "With momentum 0.1, which of the two values should dominate the result?",
        "The result is a weighted mean of the two. What do the weights add up to?",
        "Multiply the batch by its weight and the old value by what is left of 1, and add the two "
        "products in a new array.",
    ),
    read=FIXED,
    laws=(Law("between", _between),),
    from_scratch=True,
)

SHARED_STATISTICS = (
    Mistake(
        "the running variance is biased",
        "Your running variance averages variances divided by n. What is remembered is the "
        "unbiased variance, divided by n − 1: it stands for the data, and not for one batch.",
        VARIANCES,
        (("var * n / (n - 1)", "var"),),
        number=2,
    ),
    Mistake(
        "the correction is upside down",
        "You multiply the variance by (n−1)/n, which makes it smaller still. The biased variance "
        "is too small, and n/(n−1) makes it larger.",
        VARIANCES,
        (("var * n / (n - 1)", "var * (n - 1) / n"),),
    ),
    Mistake(
        "the standard deviation in place of the variance",
        "You average standard deviations. The buffer is `running_var`: it averages variances, and "
        "the root is taken when the layer normalises.",
        FIXED,
        (("return mu, unbiased", "return mu, np.sqrt(unbiased)"),),
    ),
    Mistake(
        "one mean for all channels",
        "You average over the channels too. Each channel has statistics of its own: average over "
        "the examples alone, axis 0.",
        SHARED,
        (("mu = x.mean(axis=0)", "mu = x.mean()"), ("x.var(axis=0)", "x.var()")),
        number=8,
    ),
    Mistake(
        "n counts the values of all channels",
        "In the correction n is the number of values that share a mean. For a batch of shape "
        "(N, C) that is N, and not N·C.",
        VARIANCES,
        (("n = x.shape[0]", "n = x.size"),),
    ),
    Mistake(
        "n is that of the first batch",
        "You correct every variance with the size of the first batch. The batches differ in size: "
        "n is that of the batch whose variance you correct.",
        VARIANCES,
        (("n = x.shape[0]", "n = batches[0].shape[0]"),),
    ),
    Mistake(
        "statistics keep the averaged axes",
        "Your results have the shape (1, C). Running statistics are stored per channel, with the "
        "shape (C,): leave `keepdims` out.",
        SHARED,
        (
            (
                "return running_mean, running_var",
                "return running_mean.reshape(1, -1), running_var.reshape(1, -1)",
            ),
        ),
        number=14,
    ),
    Mistake(
        "the results are swapped",
        "You return the variance first. Asked for is (running_mean, running_var).",
        FIXED,
        (("return running_mean, running_var", "return running_var, running_mean"),),
    ),
)

NOT_SQUARE = frozenset(
    {"one batch of three", "three batches of one size", "two batches of different size"}
)

RUNNING = Question(
    name="running",
    title="Running statistics over several batches",
    names=("running_statistics",),
    reference=source(update_running, to_remember, running_statistics),
    probes=(
        Probe(
            "one batch of two examples with two channels",
            "batches of one size",
            "out = running_statistics([x], momentum)",
            ("out",),
            lambda rng: {"x": batch(rng, 2, 2), "momentum": 0.1},
        ),
        Probe(
            "one batch of three",
            "batches of one size",
            "out = running_statistics([x], momentum)",
            ("out",),
            lambda rng: {"x": batch(rng, 3, 2), "momentum": 0.1},
        ),
        Probe(
            "three batches of one size",
            "batches of one size",
            "out = running_statistics(list(batches), momentum)",
            ("out",),
            lambda rng: {"batches": batch(rng, 9, 2).reshape(3, 3, 2), "momentum": 0.3},
        ),
        Probe(
            "two batches of different size",
            "batches of different size",
            "out = running_statistics([first, second], momentum)",
            ("out",),
            lambda rng: {"first": batch(rng, 6, 3), "second": batch(rng, 4, 3), "momentum": 0.3},
        ),
    ),
    points={"batches of one size": 2, "batches of different size": 1},
    mistakes=(
        weighs_old(),
        *SHARED_STATISTICS,
        Mistake(
            "the statistics of each example",
            "You average over the channels of each example, axis 1. Asked for is one mean and one "
            "variance per channel: average over the examples, axis 0.",
            SHARED,
            (("mu = x.mean(axis=0)", "mu = x.mean(axis=1)"), ("x.var(axis=0)", "x.var(axis=1)")),
            number=8,
            loose=NOT_SQUARE,
        ),
        Mistake(
            "the running variance starts at 0",
            "The running mean starts at 0, the running variance at 1: a new layer then leaves "
            "its input nearly as it is, where a variance of 0 would blow it up.",
            MODES,
            (("running_var = np.ones(channels)", "running_var = np.zeros(channels)"),),
        ),
        Mistake(
            "the first batch taken as the starting value",
            "You start from the statistics of the first batch. A layer starts at 0 and 1, before "
            "it has seen anything, and moves only a share of the way towards the first batch too.",
            FIXED,
            (
                (
                    "    for x in batches:",
                    "    running_mean, running_var = to_remember(batches[0], len(batches[0]))\n"
                    "    for x in batches:",
                ),
            ),
        ),
        Mistake(
            "the plain average of the batches",
            "You give every batch the same weight, as `momentum=None` does. With a momentum, each "
            "batch gets the weight momentum when it comes, and the older ones fade.",
            FIXED,
            (
                (
                    "    for x in batches:",
                    "    for k, x in enumerate(batches, start=1):\n        momentum = 1 / k",
                ),
            ),
        ),
        Mistake(
            "each batch starts anew",
            "You begin at 0 and 1 again for each batch, so only the last one counts. Set the "
            "starting values once, before the loop.",
            FIXED,
            (
                (
                    "    for x in batches:",
                    "    for x in batches:\n"
                    "        running_mean, running_var = np.zeros(channels), np.ones(channels)",
                ),
            ),
        ),
        Mistake(
            "the result of the update is not stored",
            "Your results are still 0 and 1. `update_running` returns a new array and leaves the "
            "old one as it is: assign what it returns.",
            FIXED,
            (("    for x in batches:", "    for x in batches[:0]:"),),
        ),
        Mistake(
            "all examples in one large batch",
            "You put all examples together and make one step. A layer makes a step for each batch "
            "as it comes, with that batch's own mean and variance.",
            FIXED,
            (("    for x in batches:", "    for x in [np.concatenate(batches)]:"),),
        ),
        Mistake(
            "the variance is taken from the running mean",
            "You measure the deviations from the running mean. The variance of a batch is measured "
            "from the mean of that batch.",
            VARIANCES,
            (
                (
                    "s_mean, s_var = to_remember(x, n)",
                    "s_mean, s_var = to_remember(x, n)\n"
                    "        s_var = ((x - running_mean) ** 2).mean(axis=0)",
                ),
            ),
        ),
        Mistake(
            "it ends after the first batch",
            "Only the first batch counts: is the `return` inside the loop?",
            FIXED,
            (("    for x in batches:", "    for x in batches[:1]:"),),
        ),
    ),
    hints=(
        "What does a new layer hold before it has seen a batch? And which of the two variances "
        "does it remember?",
        "It is a loop over the batches, with your function from the first question twice in each "
        "turn: once for the mean, once for the variance.",
        "Start with zeros and ones, of length C. For each batch take the mean over the examples "
        "and the variance divided by n − 1 (NumPy's var has `ddof` for that), update both, and "
        "return both after the loop.",
    ),
    read=FIXED,
    laws=(Law("one of the two", _which_part),),
    from_scratch=True,
)


def _spread_out(rng: np.random.Generator, batches: np.ndarray) -> np.ndarray:
    """The batches, their means moved apart."""
    shifts = rng.permutation(np.arange(1.0, len(batches) + 1)).reshape(-1, 1, 1)
    return np.round(batches + 2 * shifts, 2)


AVERAGE = Question(
    name="average",
    title="The plain average: momentum None",
    names=("average_running",),
    reference=source(update_running, to_remember, average_running),
    probes=(
        Probe(
            "one batch of three",
            "batches of one size",
            "out = average_running([x])",
            ("out",),
            lambda rng: {"x": batch(rng, 3, 2)},
        ),
        Probe(
            "four batches of one size",
            "batches of one size",
            "out = average_running(list(batches))",
            ("out",),
            lambda rng: {"batches": _spread_out(rng, batch(rng, 12, 2).reshape(4, 3, 2))},
        ),
        Probe(
            "three batches of different size",
            "batches of different size",
            "out = average_running([first, second, third])",
            ("out",),
            lambda rng: {
                "first": batch(rng, 4, 2),
                "second": (batch(rng, 3, 2) + 2).round(2),
                "third": (2 * batch(rng, 6, 2) - 1).round(2),
            },
        ),
    ),
    points={"batches of one size": 2, "batches of different size": 1},
    mistakes=(
        *SHARED_STATISTICS,
        Mistake(
            "momentum fixed at 0.1",
            "You still move by 0.1 each time. The k-th batch is to get the weight 1/k, so that all "
            "batches count the same.",
            FIXED,
            (("momentum = 1 / k", "momentum = 0.1"),),
        ),
        Mistake(
            "the starting value counts as a batch",
            "The weight of the k-th batch is 1/(k+1) in your code, so the starting values 0 and 1 "
            "stay in the average. Count the batch itself too: the first one has the weight 1, and "
            "replaces the starting value.",
            FIXED,
            (("momentum = 1 / k", "momentum = 1 / (k + 1)"),),
        ),
        Mistake(
            "the starting value stays in the sum",
            "You sum the variances up from 1, so your average is too large by 1 over the number of "
            "batches. Nothing is left of the starting values: start the sum at 0.",
            FIXED,
            (
                (
                    "return running_mean, running_var",
                    "return running_mean, running_var + 1 / len(batches)",
                ),
            ),
        ),
        Mistake(
            "the batches are counted from 0",
            "Your count starts at 0, and the weight 1/k of the first batch divides by it. Count "
            "the first batch as 1.",
            FIXED,
            (("start=1", "start=0"),),
        ),
        Mistake(
            "old and new averaged in halves",
            "The mean of the old average and the new batch gives the new batch half of the "
            "weight. The k-th batch gets 1/k.",
            FIXED,
            (("momentum = 1 / k", "momentum = 1 / 2 if k > 1 else 1"),),
        ),
        Mistake(
            "the weight is one over the number of all batches",
            "You use the same weight 1/K, with K the number of all batches, for each of them, and "
            "keep a rest of the starting value. The k-th batch gets 1/k: 1, then 1/2, then 1/3.",
            FIXED,
            (("momentum = 1 / k", "momentum = 1 / len(batches)"),),
        ),
        Mistake(
            "the weights of old and new are swapped",
            "The k-th batch has the weight 1/k and the average so far 1 − 1/k. You have them the "
            "other way round.",
            FIXED,
            INVERTED,
            number=3,
        ),
        Mistake(
            "summed, not averaged",
            "You add the statistics up. Divide by the number of batches at the end, or weigh each "
            "as it comes.",
            FIXED,
            (
                (
                    "    running_var = np.ones(channels)",
                    "    running_var = np.zeros(channels)",
                ),
                ("momentum = 1 / k", "momentum = 1.0"),
                ("(1 - momentum) * running", "running"),
            ),
        ),
        Mistake(
            "all examples in one large batch",
            "You put all examples together and take their statistics. That counts large batches "
            "more, and adds to the variance what the batches' means differ by. A layer sees one "
            "batch at a time, and averages what it finds in each.",
            FIXED,
            (
                (
                    "    for k, x in enumerate(batches, start=1):",
                    "    for k, x in enumerate([np.concatenate(batches)], start=1):",
                ),
            ),
        ),
        Mistake(
            "batches weighed by their size",
            "You weigh each batch by its number of examples. The layer does not: with "
            "`momentum=None` every batch counts the same.",
            FIXED,
            (
                (
                    "momentum = 1 / k",
                    "momentum = len(x) / sum(len(earlier) for earlier in batches[:k])",
                ),
            ),
        ),
        Mistake(
            "the last batch alone",
            "Your result is that of the last batch. The average so far must keep the weight "
            "1 − 1/k when the k-th batch comes.",
            FIXED,
            (("momentum = 1 / k", "momentum = 1"),),
        ),
    ),
    hints=(
        "Which weight must the first batch have, and which the second, so that both count the "
        "same after two batches?",
        "It is the update from the first question with a momentum that changes: the k-th batch "
        "gets 1/k.",
        "Count the batches from 1. In each turn update mean and variance with the weight one over "
        "that count. Or collect the statistics of all batches and take their mean at the end.",
    ),
    read=FIXED,
    laws=(Law("one of the two", _which_part),),
    from_scratch=True,
)


def _statistics(rng: np.random.Generator, channels: int) -> Inputs:
    """Running statistics to set; the first variance is tiny, so that ε counts."""
    running_var = rng.uniform(2.0, 6.0, channels).round(2)
    running_var[0] = 0.002
    return {
        "running_mean": rng.uniform(-2.0, 2.0, channels).round(2),
        "running_var": running_var,
    }


SET_AFFINE = "layer.gamma, layer.beta = gamma, beta\n"
TRAINED = "layer = TrainBatchNorm({}, eps=eps)\n" + SET_AFFINE + "y = layer.forward(x)"
EVALUATED = (
    "layer = BatchNorm({}, eps=eps)\n"
    + "layer.eval()\n"
    + SET_AFFINE
    + "layer.running_mean, layer.running_var = running_mean.copy(), running_var.copy()\n"
    + "y_eval = layer.forward(x)"
)
STATE = ("layer.running_mean", "layer.running_var")
IMAGES_STEP = frozenset({"what one step on images leaves"})
ALONE = frozenset({"one example, in eval mode"})
BRANCH = """        if self.training:
            self.update(mu, var, n)
        else:
            mu = self.running_mean
            var = self.running_var
"""


def biased() -> Mistake:
    """FACTS 2, in a reference that holds the layer."""
    return Mistake(
        "the running variance is biased",
        "Your running_var remembers variances divided by n. It takes the unbiased one, n/(n−1) "
        "times as large, or eval mode divides by too little.",
        VARIANCES,
        (("var * n / (n - 1)", "var"),),
        number=2,
    )


def not_updated() -> Mistake:
    """A layer that learns no statistics."""
    return Mistake(
        "running statistics are not updated",
        "After training your running statistics still hold 0 and 1. In train mode each call of "
        "forward moves them towards the batch.",
        FIXED,
        (("self.update(mu, var, n)", "pass"),),
    )


def examples_counted() -> Mistake:
    """FACTS 26, in a reference that holds the layer."""
    return Mistake(
        "n counts the examples alone",
        "For images you correct the running variance with n = N. Each channel has n = N·H·W "
        "values, so the correction is much smaller.",
        SHARED,
        (("n = x.size // x.shape[1]", "n = x.shape[0]"),),
        number=26,
    )


def momentum_fixed() -> Mistake:
    """A setting that is not kept, in a reference that holds the layer."""
    return Mistake(
        "momentum fixed at 0.1",
        "The running statistics move by 0.1 whatever the layer is told. Keep the argument in "
        "`self.momentum`, and use it. A derived class must pass it on.",
        FIXED,
        (("self.momentum = momentum", "self.momentum = 0.1"),),
    )


def eps_fixed() -> Mistake:
    """A setting that is not kept, in a reference that holds the layer."""
    return Mistake(
        "ε fixed at 1e-5",
        "ε is 1e-5 whatever the layer is told. Keep the argument in `self.eps`, and use it. A "
        "derived class must pass it on.",
        EPSILON,
        (("self.eps = eps", "self.eps = 1e-5"),),
    )


def variance_from_zero() -> Mistake:
    """A wrong starting value, in a reference that holds the layer."""
    return Mistake(
        "the running variance starts at 0",
        "The running mean starts at 0, the running variance at 1. With a variance of 0, a new "
        "layer in eval mode multiplies its input by 1/√ε, some 300.",
        MODES,
        (
            (
                "self.running_var = np.ones(num_features)",
                "self.running_var = np.zeros(num_features)",
            ),
        ),
    )


LAYER = Question(
    name="layer",
    title="The layer in train mode",
    names=("TrainBatchNorm",),
    reference=source(update_running, TrainBatchNorm),
    probes=(
        Probe(
            "γ and β of a new layer",
            "output",
            "layer = TrainBatchNorm(2)",
            ("layer.gamma", "layer.beta"),
        ),
        Probe(
            "three examples",
            "output",
            TRAINED.format(2),
            ("y",),
            lambda rng: {"x": batch(rng, 3, 2), **affine(rng, 2), "eps": 1e-5},
        ),
        Probe(
            "a tiny spread",
            "output",
            TRAINED.format(2),
            ("y",),
            lambda rng: {
                "x": (0.01 * rng.standard_normal((4, 2))).round(4),
                **affine(rng, 2),
                "eps": 1e-4,
            },
        ),
        Probe(
            "images with as many rows and columns as channels",
            "output",
            TRAINED.format(3),
            ("y",),
            lambda rng: {"x": batch(rng, 4, 3, 3, 3), **affine(rng, 3), "eps": 1e-3},
        ),
        Probe(
            "the running statistics of a new layer",
            "running statistics",
            "layer = TrainBatchNorm(2)",
            STATE,
        ),
        Probe(
            "what one step leaves",
            "running statistics",
            "layer = TrainBatchNorm(2, momentum=momentum)\nlayer.forward(x)",
            STATE,
            lambda rng: {"x": batch(rng, 4, 2), "momentum": 0.1},
        ),
        Probe(
            "what two steps leave, with another momentum",
            "running statistics",
            "layer = TrainBatchNorm(3, momentum=0.3)\nlayer.forward(first)\nlayer.forward(second)",
            STATE,
            lambda rng: {"first": batch(rng, 4, 3), "second": batch(rng, 6, 3)},
        ),
        Probe(
            "what one step on images leaves",
            "running statistics",
            "layer = TrainBatchNorm(3, momentum=momentum)\nlayer.forward(x)",
            STATE,
            lambda rng: {"x": batch(rng, 4, 3, 2, 5), "momentum": 0.1},
        ),
    ),
    points={"output": 2, "running statistics": 2},
    mistakes=(
        Mistake(
            "the variance is divided by n − 1",
            "In train mode the layer normalises with the biased variance, divided by n. You divide "
            "by n − 1 there; that correction is for the running variance alone.",
            VARIANCES,
            (
                ("x.var(axis=axes)", "x.var(axis=axes, ddof=1)"),
                ("var * n / (n - 1)", "var"),
            ),
            number=1,
        ),
        biased(),
        Mistake(
            "the variance is corrected twice",
            "You divide by n − 1 at once, and multiply by n/(n−1) later. The layer normalises with "
            "the variance divided by n; n/(n−1) turns that one into the variance to remember.",
            VARIANCES,
            (
                ("x.var(axis=axes)", "x.var(axis=axes, ddof=1)"),
                ("var * n / (n - 1)", "n * var / (n - 1)"),
            ),
            number=1,
        ),
        Mistake(
            "the two variances are swapped",
            "You normalise with the unbiased variance and remember the biased one. It is the other "
            "way round: the biased one normalises, the unbiased one is remembered.",
            VARIANCES,
            (
                ("x.var(axis=axes)", "x.var(axis=axes, ddof=1)"),
                ("var * n / (n - 1)", "var * (n - 1) / n"),
            ),
        ),
        weighs_old(),
        momentum_fixed(),
        eps_fixed(),
        Mistake(
            "γ and β start the wrong way round",
            "Your new layer has γ at 0 and β at 1, and returns 1 for any input. γ starts at 1 and "
            "β at 0: then the layer returns x̂.",
            GAMMA,
            (
                ("self.gamma = np.ones(num_features)", "self.gamma = np.zeros(num_features)"),
                ("self.beta = np.zeros(num_features)", "self.beta = np.ones(num_features)"),
            ),
        ),
        Mistake(
            "ε outside the root",
            "Add ε to the variance before the root is taken. Added after it, ε means something "
            "else: the output of a channel of small spread comes out wrong.",
            EPSILON,
            (("np.sqrt(var + self.eps)", "(np.sqrt(var) + self.eps)"),),
            number=4,
        ),
        Mistake(
            "no ε",
            "A constant channel has variance 0, and 0/0 is NaN. Add ε to the variance.",
            EPSILON,
            (("np.sqrt(var + self.eps)", "np.sqrt(var)"),),
            number=5,
        ),
        Mistake(
            "divided by the variance",
            "Divide by the root of variance plus ε: only then does the scale of the input cancel.",
            BY_HAND,
            (("np.sqrt(var + self.eps)", "(var + self.eps)"),),
            number=6,
        ),
        Mistake(
            "γ left out",
            "Multiply x̂ by γ: by `self.gamma` as it is when forward is called.",
            GAMMA,
            (("self.gamma.reshape(shape) * x_hat", "x_hat"),),
        ),
        Mistake(
            "β left out",
            "Add β at the end: `self.beta` as it is when forward is called.",
            GAMMA,
            ((" + self.beta.reshape(shape)", ""),),
        ),
        Mistake(
            "β added before the scaling",
            "You scale β by γ as well. Multiply x̂ by γ first, then add β.",
            GAMMA,
            (
                (
                    "self.gamma.reshape(shape) * x_hat + self.beta.reshape(shape)",
                    "self.gamma.reshape(shape) * (x_hat + self.beta.reshape(shape))",
                ),
            ),
        ),
        Mistake(
            "γ and β on the wrong axis",
            "You lay γ and β along the last axis, as broadcasting does by itself. For images they "
            "belong to axis 1: reshape them to (1, C, 1, 1). Where C = H = W this raises no error.",
            SHARED,
            (
                ("self.gamma.reshape(shape)", "self.gamma"),
                ("self.beta.reshape(shape)", "self.beta"),
            ),
            number=9,
            loose=IMAGES_STEP,
        ),
        Mistake(
            "statistics over the batch axis alone",
            "Each position of an image gets statistics of its own. Average over N, H and W.",
            SHARED,
            (
                ("axes = (0, *range(2, x.ndim))", "axes = 0"),
                ("mu = mu.reshape(shape)", "pass"),
                ("var = var.reshape(shape)", "pass"),
            ),
            number=8,
            loose=IMAGES_STEP,
        ),
        Mistake(
            "statistics per image and channel",
            "You average over H and W alone, so each image is normalised by itself. Average over N "
            "as well: one mean and one variance per channel.",
            SHARED,
            (
                (
                    "axes = (0, *range(2, x.ndim))",
                    "axes = tuple(range(2, x.ndim)) or 0\n"
                    "        each = (-1, x.shape[1]) + (1,) * (x.ndim - 2)",
                ),
                ("mu = mu.reshape(shape)", "mu = mu.reshape(each)"),
                ("var = var.reshape(shape)", "var = var.reshape(each)"),
            ),
            number=8,
            loose=IMAGES_STEP,
        ),
        examples_counted(),
        Mistake(
            "n counts the values of all channels",
            "In the correction n is the number of values that share a mean: N for vectors, N·H·W "
            "for images, without the factor C.",
            SHARED,
            (("n = x.size // x.shape[1]", "n = x.size"),),
        ),
        Mistake(
            "statistics keep the averaged axes",
            "Your running statistics get axes of length 1, like (1, C). They are stored per "
            "channel, with the shape (C,): drop those axes before the update.",
            SHARED,
            (
                (
                    "self.update(mu, var, n)",
                    "self.update(mu.reshape(1, -1), var.reshape(1, -1), n)",
                ),
            ),
            number=14,
            loose=IMAGES_STEP,
        ),
        not_updated(),
        Mistake(
            "running statistics in train mode",
            "In train mode you normalise with the running statistics. They are kept for eval mode; "
            "in train mode the batch is normalised with its own.",
            MODES,
            (
                (
                    "        shape = (1, -1)",
                    "        mu = self.running_mean\n"
                    "        var = self.running_var\n"
                    "        shape = (1, -1)",
                ),
            ),
        ),
        Mistake(
            "the batch replaces the running statistics",
            "Each batch overwrites what the layer remembers. Move the running statistics a share "
            "`momentum` of the way, with your function from the first question.",
            FIXED,
            (
                ("update_running(self.running_mean, mu, self.momentum)", "mu"),
                ("update_running(self.running_var, unbiased, self.momentum)", "unbiased"),
            ),
        ),
        Mistake(
            "the standard deviation in place of the variance",
            "You remember a standard deviation in running_var, where a variance belongs: eval mode "
            "takes the root itself.",
            FIXED,
            (
                (
                    "update_running(self.running_var, unbiased, self.momentum)",
                    "update_running(self.running_var, np.sqrt(unbiased), self.momentum)",
                ),
            ),
        ),
        variance_from_zero(),
    ),
    hints=(
        "For vectors, you have written all pieces already, here and in chapter 3: which lines of "
        "forward change when the input has the shape (N, C, H, W)?",
        "Every axis but axis 1 is averaged over, so each channel has N·H·W values. The biased "
        "variance normalises, the unbiased one is remembered.",
        "In forward: mean and variance over all axes but axis 1; update both running statistics, "
        "the variance multiplied by n over n − 1; reshape mean, variance, γ and β to length C on "
        "axis 1 and length 1 elsewhere; normalise; scale and shift.",
    ),
    read=MODES,
    laws=(
        mean_is_beta("y"),
        spread_is_gamma("y", "x", "eps"),
        Law("starting values", _starting_values),
        Law("one step", _one_step),
    ),
    from_scratch=True,
)

BOTH_MODES = Question(
    name="modes",
    title="The layer in both modes",
    names=("BatchNorm",),
    reference=source(update_running, BatchNorm),
    probes=(
        Probe(
            "a new layer, in eval mode",
            "evaluation",
            "layer = BatchNorm(2, eps=eps)\nlayer.eval()\ny_eval = layer.forward(x)",
            ("y_eval",),
            lambda rng: {"x": batch(rng, 3, 2), "eps": 0.01},
        ),
        Probe(
            "vectors, in eval mode",
            "evaluation",
            EVALUATED.format(2),
            ("y_eval", *STATE),
            lambda rng: {
                "x": batch(rng, 4, 2),
                **affine(rng, 2),
                **_statistics(rng, 2),
                "eps": 0.01,
            },
        ),
        Probe(
            "one example, in eval mode",
            "evaluation",
            EVALUATED.format(2),
            ("y_eval", *STATE),
            lambda rng: {
                "x": batch(rng, 1, 2),
                **affine(rng, 2),
                **_statistics(rng, 2),
                "eps": 0.01,
            },
        ),
        Probe(
            "images with as many rows and columns as channels, in eval mode",
            "evaluation",
            EVALUATED.format(3),
            ("y_eval", *STATE),
            lambda rng: {
                "x": batch(rng, 4, 3, 3, 3),
                **affine(rng, 3),
                **_statistics(rng, 3),
                "eps": 0.01,
            },
        ),
        Probe(
            "to eval mode and back",
            "switching",
            "layer = BatchNorm(2, eps=1e-12)\nat_first = layer.training\n"
            "layer.eval()\nlayer.forward(first)\nafter_eval = layer.training\n"
            "layer.train()\ny_again = layer.forward(second)\nafter_train = layer.training",
            ("at_first", "after_eval", "after_train", "y_again"),
            lambda rng: {"first": batch(rng, 4, 2), "second": batch(rng, 3, 2)},
        ),
        Probe(
            "train, eval, train, eval",
            "switching",
            "layer = BatchNorm(2, eps=1e-12, momentum=0.3)\n"
            "layer.forward(first)\ntrained = np.array(layer.running_mean)\n"
            "layer.eval()\nlayer.forward(second)\nevaluated = np.array(layer.running_mean)\n"
            "layer.train()\nlayer.forward(second)\ntrained_again = np.array(layer.running_mean)\n"
            "layer.eval()\ny_eval = layer.forward(first)",
            ("trained", "evaluated", "trained_again", "y_eval"),
            lambda rng: {"first": batch(rng, 4, 2), "second": (batch(rng, 5, 2) + 3).round(2)},
        ),
        Probe(
            "images with as many rows and columns as channels, in train mode",
            "switching",
            "layer = BatchNorm(3, eps=eps, momentum=momentum)\n"
            + SET_AFFINE
            + "y = layer.forward(x)",
            ("y", *STATE),
            lambda rng: {
                "x": batch(rng, 4, 3, 3, 3),
                **affine(rng, 3),
                "eps": 1e-3,
                "momentum": 0.1,
            },
        ),
    ),
    points={"evaluation": 2, "switching": 2},
    mistakes=(
        Mistake(
            "batch statistics in eval mode",
            "In eval mode your layer still normalises with the statistics of the batch it is "
            "given, so an answer depends on its companions. Use running_mean and running_var "
            "there.",
            MODES,
            ((BRANCH, "        if self.training:\n            self.update(mu, var, n)\n"),),
            number=16,
        ),
        Mistake(
            "the batch variance in eval mode",
            "In eval mode you use running_mean, but still the variance of the batch. Both "
            "statistics come from the running ones.",
            MODES,
            (
                (
                    "mu = self.running_mean\n            var = self.running_var\n",
                    "mu = self.running_mean\n",
                ),
            ),
            number=16,
        ),
        Mistake(
            "running statistics in train mode",
            "In train mode you normalise with the running statistics. They are kept for eval mode; "
            "in train mode the batch is normalised with its own.",
            MODES,
            (
                (
                    "        else:\n"
                    "            mu = self.running_mean\n"
                    "            var = self.running_var\n",
                    "        mu = self.running_mean\n        var = self.running_var\n",
                ),
            ),
        ),
        Mistake(
            "running statistics move in eval mode",
            "Your layer updates its running statistics in eval mode too. So it learns from the "
            "test data, and the next test gives another answer. Update in train mode alone.",
            LEAKED,
            (
                (
                    "            mu = self.running_mean\n",
                    "            seen = mu, var, n\n            mu = self.running_mean\n",
                ),
                (
                    "        shape = (1, -1)",
                    "        if not self.training:\n"
                    "            self.update(*seen)\n"
                    "        shape = (1, -1)",
                ),
            ),
            number=17,
            loose=ALONE,
        ),
        Mistake(
            "running statistics move in eval mode, before they are used",
            "Your layer updates its running statistics in eval mode too, and normalises with the "
            "updated ones. Update in train mode alone: eval mode reads and changes nothing.",
            LEAKED,
            (
                (
                    "        if self.training:\n"
                    "            self.update(mu, var, n)\n"
                    "        else:\n",
                    "        self.update(mu, var, n)\n        if not self.training:\n",
                ),
            ),
            number=17,
            loose=ALONE,
        ),
        Mistake(
            "the mode is never looked at",
            "`forward` does the same in both modes: it uses the batch's statistics and updates the "
            "running ones. Let it ask for `self.training`.",
            MODES,
            ((BRANCH, "        self.update(mu, var, n)\n"),),
            number=16,
            loose=ALONE,
        ),
        Mistake(
            "the modes are swapped",
            "In train mode you use the running statistics, in eval mode those of the batch: it is "
            "the other way round.",
            MODES,
            (("        if self.training:\n", "        if not self.training:\n"),),
            loose=ALONE,
        ),
        Mistake(
            "eval() does not switch the mode",
            "After eval() `training` is still True, so forward goes on as in train mode. Set it to "
            "False.",
            MODES,
            (("self.training = False", "pass"),),
            loose=ALONE,
        ),
        Mistake(
            "train() does not switch back",
            "After eval() your layer stays in eval mode for ever: train() must set `training` to "
            "True again. Validation comes after each epoch, and training goes on after it.",
            RESTORED,
            (
                (
                    "def train(self) -> None:\n        self.training = True",
                    "def train(self) -> None:\n        pass",
                ),
            ),
            number=19,
        ),
        Mistake(
            "train() starts the running statistics anew",
            "Your train() sets the running statistics back to 0 and 1. It switches the mode and "
            "nothing else: what the layer has learned about the data stays.",
            RESTORED,
            (
                (
                    "def train(self) -> None:\n        self.training = True",
                    "def train(self) -> None:\n        self.training = True\n"
                    "        self.running_mean = 0 * self.running_mean\n"
                    "        self.running_var = 0 * self.running_var + 1",
                ),
            ),
        ),
        Mistake(
            "a new layer is in eval mode",
            "A layer starts in train mode: set `training` to True in `__init__`.",
            LOOKED,
            (
                (
                    "self.training = True\n\n    def train",
                    "self.training = bool(0)\n\n    def train",
                ),
            ),
        ),
        Mistake(
            "γ and β left out in eval mode",
            "In eval mode you return x̂. γ and β are used in both modes, and are the same numbers "
            "in both: only the statistics differ.",
            MODES,
            (("return self.gamma", "return x_hat if not self.training else self.gamma"),),
        ),
        Mistake(
            "no ε in eval mode",
            "In eval mode you divide by the root of running_var alone. ε belongs there too: only "
            "the statistics differ between the modes.",
            MODES,
            (("var = self.running_var\n", "var = self.running_var - self.eps\n"),),
            number=5,
        ),
        Mistake(
            "running_var is corrected again in eval mode",
            "In eval mode you multiply running_var by n/(n−1). It was corrected when it was "
            "stored: use it as it is. With a single example, n − 1 would be 0.",
            VARIANCES,
            (("var = self.running_var\n", "var = self.running_var * n / (n - 1 or 1e-9)\n"),),
            loose=ALONE,
        ),
        Mistake(
            "ε outside the root in eval mode",
            "In eval mode you add ε after the root. Add it to running_var before the root is "
            "taken, as in train mode.",
            EPSILON,
            (
                (
                    "var = self.running_var\n",
                    "var = (np.sqrt(self.running_var) + self.eps) ** 2 - self.eps\n",
                ),
            ),
            number=4,
        ),
        Mistake(
            "divided by the variance in eval mode",
            "In eval mode the root is missing: running_var is a variance, so divide by "
            "√(running_var + ε).",
            MODES,
            (
                (
                    "var = self.running_var\n",
                    "var = (self.running_var + self.eps) ** 2 - self.eps\n",
                ),
            ),
            number=6,
        ),
        Mistake(
            "running statistics on the wrong axis",
            "In eval mode the running statistics, of shape (C,), are laid along the last axis of "
            "the images. They belong to axis 1: reshape them to (1, C, 1, 1).",
            SHARED,
            (
                ("mu = mu.reshape(shape)", "mu = mu.reshape(shape) if self.training else mu"),
                ("var = var.reshape(shape)", "var = var.reshape(shape) if self.training else var"),
            ),
            number=9,
        ),
        Mistake(
            "γ and β on the wrong axis",
            "You lay γ and β along the last axis. For images they belong to axis 1, in eval mode "
            "too: reshape them to (1, C, 1, 1).",
            SHARED,
            (
                ("self.gamma.reshape(shape)", "self.gamma"),
                ("self.beta.reshape(shape)", "self.beta"),
            ),
            number=9,
        ),
        not_updated(),
        variance_from_zero(),
        biased(),
        weighs_old(),
        examples_counted(),
        momentum_fixed(),
        eps_fixed(),
    ),
    hints=(
        "Which two numbers per channel are all that differs in eval mode?",
        "Let the mode choose the mean and the variance, and normalise in one place after that. "
        "Only train mode touches the running statistics.",
        "Let train and eval set one attribute. In forward ask for it: in train mode take the "
        "batch's statistics and update, in eval mode take the running ones and update nothing. "
        "Reshape whichever you took, of shape (C,), so that it lines up with axis 1.",
    ),
    read=MODES,
    laws=(
        Law("eval reads only", _eval_reads_only),
        Law("eval by hand", _eval_by_hand),
        mean_is_beta("y"),
        spread_is_gamma("y", "x", "eps"),
        Law("one step", _one_step),
        Law("the mode stays", _mode_stays),
    ),
    from_scratch=True,
)

ARRIVED = value_question(
    "arrived",
    "What has arrived after ten batches",
    1 - 0.9**10,
    (
        wrong(
            0.9**10,
            "what is left of the starting value",
            "0.35 is the weight that the starting value still has. What has arrived is the rest.",
            FIXED,
        ),
        wrong(
            1.0,
            "counted as equal steps",
            "Ten times 0.1 would be all of it if each step went a tenth of the whole way. It goes "
            "a tenth of what is left.",
            FIXED,
            number=15,
        ),
        wrong(
            0.1,
            "one step alone",
            "That is what has arrived after the first batch: nine more follow.",
            FIXED,
        ),
        wrong(
            1 - 0.9**9,
            "one step too few",
            "You counted nine steps: after k batches the starting value has the weight 0.9 to the "
            "power k, the first batch included.",
            FIXED,
        ),
        wrong(
            1 - 0.9**11,
            "one step too many",
            "You counted eleven steps: the first batch is step one, and leaves 0.9 of the start.",
            FIXED,
        ),
        wrong(
            100 * (1 - 0.9**10),
            "in percent",
            "The size is right, but asked for is a share between 0 and 1.",
            FIXED,
        ),
        wrong(
            0.9,
            "what one step leaves",
            "0.9 is what is left of the starting value after one batch.",
            FIXED,
        ),
    ),
    (
        "After one batch, 0.9 of the starting value is left. How much is left after two?",
        "What is left shrinks by the same factor at each step. What has arrived is the rest.",
        "Multiply 0.9 by itself for each of the ten batches, and take that from 1.",
    ),
    FIXED,
)

NEEDED = value_question(
    "needed",
    "How many batches until 99 % has arrived",
    44,
    (
        wrong(
            43,
            "rounded down",
            "After 43 batches a little more than 1 % of the start is left. Round up.",
            FIXED,
        ),
        wrong(
            math.log(0.01) / math.log(0.9),
            "not rounded up",
            "The equation is solved rightly, but batches are whole: how many does it take until at "
            "least 99 % has arrived?",
            FIXED,
        ),
        wrong(
            45,
            "one too many",
            "One batch less is enough already.",
            FIXED,
        ),
        wrong(
            10,
            "counted as equal steps",
            "Each step goes a tenth of what is left, and not a tenth of the whole way: after ten "
            "batches 65 % has arrived.",
            FIXED,
            number=15,
        ),
        wrong(
            9.9,
            "counted as equal steps, without rounding",
            "0.99 divided by 0.1 would be right if each step went a tenth of the whole way. It "
            "goes a tenth of what is left.",
            FIXED,
            number=15,
        ),
        wrong(
            22,
            "90 % and not 99 %",
            "After 22 batches 90 % has arrived, and a tenth of the start is left. Asked for is a "
            "hundredth.",
            FIXED,
            number=15,
        ),
        wrong(
            29,
            "95 % and not 99 %",
            "After 29 batches 95 % has arrived. Asked for is 99 %.",
            FIXED,
            number=15,
        ),
        wrong(
            66,
            "99.9 % and not 99 %",
            "After 66 batches a thousandth of the start is left. Asked for is a hundredth.",
            FIXED,
        ),
        wrong(
            100,
            "one over what may be left",
            "You divided 1 by 0.01. What is left shrinks by the factor 0.9 at each step: ask which "
            "power of 0.9 is at most 0.01.",
            FIXED,
        ),
        wrong(
            1,
            "one step",
            "The first batch brings a tenth of the way only.",
            FIXED,
            number=15,
        ),
        wrong(
            2,
            "momentum weighs the old value",
            "You let the old value shrink to a tenth at each step. 0.1 is the weight of the new "
            "batch, so 0.9 of the old stays.",
            MOMENTUM,
            number=3,
        ),
        wrong(
            459,
            "momentum 0.01 and not 0.1",
            "That is the number for a momentum of 0.01. Here it is 0.1.",
            MOMENTUM,
        ),
        wrong(
            19,
            "the noise and not the way",
            "19 batches is how many a plain average needs to be as quiet as this running mean. "
            "Asked for is how long the starting value is felt.",
            FIXED,
        ),
    ),
    (
        "After 10 batches 65 % has arrived, after 20 it is 88 %: guess before you compute.",
        "Which power of 0.9 is at most 0.01? A logarithm or a loop finds it.",
        "Divide the logarithm of what may be left by that of what one step leaves, and round up.",
    ),
    FIXED,
    tolerance=0.001,
)

UNDER_NO_GRAD = value_question(
    "under_no_grad",
    "A layer in train mode under no_grad",
    "b",
    (
        wrong(
            "a",
            "no_grad means eval",
            "That would be eval mode. no_grad does not touch the mode: it tells autograd not to "
            "record, and the layer goes on as in train mode.",
            NO_GRAD,
            number=20,
        ),
        wrong(
            "c",
            "no_grad stops the running statistics",
            "The running statistics are not moved by gradients but by forward itself, in train "
            "mode. So no_grad does not stop them, and validation data get into the layer.",
            NO_GRAD,
            number=18,
        ),
        wrong(
            "d",
            "no_grad leaves a layer without statistics",
            "The update of the running statistics is plain arithmetic in forward and needs no "
            "gradient. The layer in train mode normalises as always.",
            NO_GRAD,
        ),
        wrong(
            "e",
            "no_grad switches the mode until train() is called",
            "It changes no attribute of the layer: `training` stays True, inside the block "
            "and after it. The mode is changed by eval() and train() alone.",
            NO_GRAD,
            number=18,
        ),
    ),
    (
        "There are two switches. Which one speaks to the layers, and which one to autograd?",
        "Are the running statistics moved by the optimizer or by forward?",
        "Go through the table of the section on no_grad: the row of train mode, the last column.",
    ),
    NO_GRAD,
    choices=("a", "b", "c", "d", "e"),
)

EXERCISE = Exercise(
    "ex05_train_eval",
    "Train and eval",
    (UPDATE, ARRIVED, NEEDED, RUNNING, LAYER, BOTH_MODES, AVERAGE, UNDER_NO_GRAD),
)
