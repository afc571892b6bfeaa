"""Exercise 5: running statistics, and a whole layer that works in train and in eval mode."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bnlib.exercises.inputs import affine, batch
from bnlib.exercises.laws import mean_is_beta, spread_is_gamma
from bnlib.exercises.question import (
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


def to_remember(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = x.shape[0]
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    unbiased = var * n / (n - 1)
    return mu, unbiased


def running_statistics(
    batches: list[np.ndarray], momentum: float
) -> tuple[np.ndarray, np.ndarray]:
    channels = batches[0].shape[1]
    running_mean = np.zeros(channels)
    running_var = np.ones(channels)
    for x in batches:
        s_mean, s_var = to_remember(x)
        running_mean = update_running(running_mean, s_mean, momentum)
        running_var = update_running(running_var, s_var, momentum)
    return running_mean, running_var


def average_running(batches: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    channels = batches[0].shape[1]
    running_mean = np.zeros(channels)
    running_var = np.ones(channels)
    for k, x in enumerate(batches, start=1):
        momentum = 1 / k
        s_mean, s_var = to_remember(x)
        running_mean = update_running(running_mean, s_mean, momentum)
        running_var = update_running(running_var, s_var, momentum)
    return running_mean, running_var


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
        root = np.sqrt(var.reshape(shape) + self.eps)
        x_hat = (x - mu.reshape(shape)) / root
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
    fits = [bool(np.allclose(out, part)) for out, part in zip(values["out"], right, strict=True)]
    names = "running_mean", "running_var"
    if sum(fits) != 1:
        return None
    good, bad = fits.index(True), fits.index(False)
    return (
        f"{names[good]} is right and {names[bad]} is not: {names[bad]}[0] is "
        f"{values['out'][bad][0]:.4g}, expected {right[bad][0]:.4g}."
    )


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
    y, x, c = values["y_eval"], inputs["x"], 0
    mean, var = inputs["running_mean"][c], inputs["running_var"][c]
    gamma, beta = inputs["gamma"][c], inputs["beta"][c]
    first = (0,) * x.ndim
    wanted = gamma * (x[first] - mean) / np.sqrt(var + inputs["eps"]) + beta
    if abs(y[first] - wanted) < 1e-6 * (1 + abs(wanted)):
        return None
    place = ", ".join(map(str, first))
    return (
        f"in eval mode `y_eval[{place}]` is {y[first]:.4g}, expected γ·(x − running_mean) / "
        f"√(running_var + ε) + β = {wanted:.4g}, with the statistics of channel {c}."
    )


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
        "the variance is corrected twice",
        "You divide by n − 1 (`ddof=1`) and then multiply by n/(n−1) as well. One of the two is "
        "enough.",
        VARIANCES,
        (("x.var(axis=0)", "x.var(axis=0, ddof=1)"),),
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
        (("mu = x.mean(axis=0)", "mu = x.mean()"),),
        number=8,
    ),
    Mistake(
        "one variance for all channels",
        "Your variance is taken over the channels too. Each channel has a variance of its own: "
        "take it over the examples alone, axis 0.",
        SHARED,
        (("x.var(axis=0)", "x.var()"),),
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

RUNNING = Question(
    name="running",
    title="Running statistics over several batches",
    names=("running_statistics",),
    reference=source(update_running, to_remember, running_statistics),
    probes=(
        Probe(
            "one batch of three",
            "one batch",
            "out = running_statistics([x], momentum)",
            ("out",),
            lambda rng: {"x": batch(rng, 3, 2), "momentum": 0.1},
        ),
        Probe(
            "two batches of different size",
            "several batches",
            "out = running_statistics([first, second], momentum)",
            ("out",),
            lambda rng: {"first": batch(rng, 4, 3), "second": batch(rng, 6, 3), "momentum": 0.3},
        ),
        Probe(
            "eight batches",
            "several batches",
            "out = running_statistics(list(batches), momentum)",
            ("out",),
            lambda rng: {"batches": batch(rng, 40, 3).reshape(8, 5, 3), "momentum": 0.1},
        ),
    ),
    points={"one batch": 1, "several batches": 2},
    mistakes=(
        weighs_old(),
        no_decay(),
        *SHARED_STATISTICS,
        Mistake(
            "the running variance starts at 0",
            "The running mean starts at 0, the running variance at 1: a new layer then leaves "
            "its input nearly as it is, where a variance of 0 would blow it up.",
            MODES,
            (("running_var = np.ones(channels)", "running_var = np.zeros(channels)"),),
        ),
        Mistake(
            "the running mean starts at 1",
            "The running mean starts at 0; it is the running variance that starts at 1.",
            MODES,
            (("running_mean = np.zeros(channels)", "running_mean = np.ones(channels)"),),
        ),
        Mistake(
            "the first batch taken as the starting value",
            "You start from the statistics of the first batch. A layer starts at 0 and 1, before "
            "it has seen anything, and moves only a share of the way towards the first batch too.",
            FIXED,
            (
                (
                    "    for x in batches:",
                    "    running_mean, running_var = to_remember(batches[0])\n    for x in batches:",
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
            "it ends after the first batch",
            "Only the first batch counts: is the `return` inside the loop, or the result of the "
            "update not stored for the next turn?",
            FIXED,
            (("    for x in batches:", "    for x in batches[:1]:"),),
        ),
        Mistake(
            "the running variance is never updated",
            "Your running variance is still 1: update it in each turn, as the running mean.",
            FIXED,
            (
                (
                    "        running_var = update_running(running_var, s_var, momentum)\n",
                    "",
                ),
            ),
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

AVERAGE = Question(
    name="average",
    title="The plain average: momentum None",
    names=("average_running",),
    reference=source(update_running, to_remember, average_running),
    probes=(
        Probe(
            "one batch of three",
            "one batch",
            "out = average_running([x])",
            ("out",),
            lambda rng: {"x": batch(rng, 3, 2)},
        ),
        Probe(
            "three batches of different size",
            "several batches",
            "out = average_running([first, second, third])",
            ("out",),
            lambda rng: {
                "first": batch(rng, 4, 2),
                "second": batch(rng, 3, 2) + 2,
                "third": 2 * batch(rng, 6, 2) - 1,
            },
        ),
        Probe(
            "five batches",
            "several batches",
            "out = average_running(list(batches))",
            ("out",),
            lambda rng: {
                "batches": (
                    batch(rng, 20, 3).reshape(5, 4, 3) * np.arange(1.0, 6.0).reshape(5, 1, 1)
                ).round(2)
            },
        ),
    ),
    points={"one batch": 1, "several batches": 2},
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
