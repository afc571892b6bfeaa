"""Exercise 9: batches that are no good sample: too small, cut up, out of date."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import torch
from torch import nn

from bncheck.question import (
    Exercise,
    Inputs,
    Law,
    Makes,
    Mistake,
    Probe,
    Question,
    Section,
    source,
    value_question,
    wrong,
)
from exercises.questions.inputs import affine, batch, large_mean
from exercises.questions.laws import channel_axes

CHAPTER = "09_edge_cases"
SETS = Section(CHAPTER, "One rule for all the norms")
NEIGHBOURS = Section(CHAPTER, "Fewer and fewer neighbours")
GHOSTS = Section(CHAPTER, "Is it the statistics or the optimizer?")
LAST = Section(CHAPTER, "The last batch of one")
CONSTANT = Section(CHAPTER, "A channel that never changes")
ACCUMULATED = Section(CHAPTER, "Accumulated gradients are not a big batch")
FROZEN = Section(CHAPTER, "Freezing and fine-tuning")
CHANGED = Section(CHAPTER, "When the data change after training")
BY_HAND = Section("03_mechanism", "From the z-score to batch normalization, by hand")
EPSILON = Section("03_mechanism", "What ε does")
SHARED = Section("03_mechanism", "Which values share a mean?")
GAMMA = Section("03_mechanism", "γ and β can undo it")
PRECISION = Section("02_rationale", "Numerical stability")
FIXED = Section("05_train_eval", "Where the fixed numbers come from")
MODES = Section("05_train_eval", "Two modes, two sets of numbers")
MOMENTUM = Section("05_train_eval", "Two meanings of momentum")


# The references.


def make_batches(n: int, batch_size: int) -> list[list[int]]:
    if n < 2:
        raise ValueError(f"need at least 2 examples, got {n}")
    if batch_size < 2:
        raise ValueError(f"need a batch size of at least 2, got {batch_size}")
    starts = list(range(0, n, batch_size))
    ends = [*starts[1:], n]
    if ends[-1] - starts[-1] == 1:
        del starts[-1]
        del ends[-2]
    return [list(range(start, end)) for start, end in zip(starts, ends, strict=True)]


def ghost_batch_norm(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float, ghost: int
) -> np.ndarray:
    axes = (0, *range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    y = np.empty_like(x)
    for start in range(0, len(x), ghost):
        group = slice(start, start + ghost)
        mu = x[group].mean(axis=axes, keepdims=True)
        var = x[group].var(axis=axes, keepdims=True)
        x_hat = (x[group] - mu) / np.sqrt(var + eps)
        y[group] = gamma.reshape(shape) * x_hat + beta.reshape(shape)
    return y


def combine(
    n1: int, mean1: np.ndarray, var1: np.ndarray, n2: int, mean2: np.ndarray, var2: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    weight1 = n1 / (n1 + n2)
    weight2 = n2 / (n1 + n2)
    mean = weight1 * mean1 + weight2 * mean2
    within = weight1 * var1 + weight2 * var2
    between = weight1 * (mean1 - mean) ** 2 + weight2 * (mean2 - mean) ** 2
    var = within + between
    return mean, var


def reestimate(model: nn.Module, batches: list[torch.Tensor]) -> None:
    modules = list(model.modules())
    modes = [module.training for module in modules]
    layers = [m for m in modules if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    model.train()
    with torch.no_grad():
        for batch in batches:
            model(batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    for module, mode in zip(modules, modes, strict=True):
        module.training = mode


# Laws of their own.


def every_example_once(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """Each example stands in exactly one batch."""
    n, dealt = int(values["n"]), [i for part in ast.literal_eval(values["out"]) for i in part]
    for i in dealt:
        if not 0 <= i < n:
            return f"your batches hold {i}, and the {n} examples are 0 to {n - 1}."
    for i in range(n):
        if (count := dealt.count(i)) != 1:
            return f"example {i} occurs {count} times in your batches, expected once."
    return None


def sizes_as_asked(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """No batch has fewer than 2 examples, and all but the last have the batch size."""
    sizes, wanted = [len(part) for part in ast.literal_eval(values["out"])], int(values["size"])
    if min(sizes) < 2:
        return f"your batches have the sizes {sizes}, and each needs at least 2 examples."
    if any(size != wanted for size in sizes[:-1]):
        return (
            f"your batches have the sizes {sizes}: all but the last are to have {wanted}, which is "
            "the batch size."
        )
    if sizes[-1] > wanted + 1:
        return (
            f"your batches have the sizes {sizes}: only a rest of a single example joins the batch "
            f"before it, so none has more than {wanted + 1}. A larger rest is a batch of its own."
        )
    return None


def neighbours(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The examples of a batch stand in order, without a gap."""
    for part in ast.literal_eval(values["out"]):
        if part != list(range(part[0], part[0] + len(part))):
            return f"your batch {part} does not hold neighbours in their order."
    return None


def raises_a_value_error(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The error is a ValueError."""
    if values["raised"] == "ValueError":
        return None
    return f"this is to raise a ValueError, and what your code raises is {values['raised']}."


def group_means_are_beta(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """In each ghost batch the mean of each channel is β."""
    y, ghost = values["y"], int(values["ghost"])
    for start in range(0, len(y), ghost):
        part = y[start : start + ghost]
        means = part.mean(axis=channel_axes(part))
        worst = int(np.argmax(np.abs(means - inputs["beta"])))
        if abs(means[worst] - inputs["beta"][worst]) > 1e-6 * (1 + np.abs(y).max()):
            return (
                f"in the examples {start} to {start + ghost - 1} channel {worst} of `y` has the "
                f"mean {means[worst]:.4g}, expected {inputs['beta'][worst]:.4g}, which is β."
            )
    return None


def group_spreads_are_gamma(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """In each ghost batch the standard deviation of each channel is |γ|·σ/√(σ² + ε)."""
    y, x, ghost = values["y"], inputs["x"], int(values["ghost"])
    for start in range(0, len(y), ghost):
        part = slice(start, start + ghost)
        got = y[part].std(axis=channel_axes(y))
        var = x[part].var(axis=channel_axes(y))
        wanted = np.abs(inputs["gamma"]) * np.sqrt(var / (var + inputs["eps"]))
        worst = int(np.argmax(np.abs(got - wanted)))
        if abs(got[worst] - wanted[worst]) > 1e-6 * (1 + wanted[worst]):
            return (
                f"in the examples {start} to {start + ghost - 1} channel {worst} of `y` has the "
                f"standard deviation {got[worst]:.4g}, expected {wanted[worst]:.4g}, which is "
                "|γ|·σ/√(σ² + ε) with the σ of these examples."
            )
    return None


def mean_of_all(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The mean is that of all values."""
    return _of_all(np.concatenate([inputs["x1"], inputs["x2"]]).mean(0), values["out"][0], "mean")


def variance_of_all(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The variance is that of all values."""
    both = np.concatenate([inputs["x1"], inputs["x2"]])
    return _of_all(both.var(0), values["out"][1], "variance")


def _of_all(right: np.ndarray, got: np.ndarray, word: str) -> str | None:
    worst = int(np.argmax(np.abs(got - right)))
    if abs(got[worst] - right[worst]) < 1e-6 * (1 + abs(right[worst])):
        return None
    return (
        f"the {word} of all values of channel {worst} is {right[worst]:.4g}, "
        f"and yours is {got[worst]:.4g}."
    )


def parameters_as_before(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """γ and β are what they were: as given in the first layer, 1 and 0 in the others."""
    state = values["state"]
    for key in state:
        layer, _, last = key.rpartition(".")
        if last not in ("weight", "bias") or f"{layer}.running_mean" not in state:
            continue
        start = {"weight": 1.0, "bias": 0.0}[last] + np.zeros(len(state[key]))
        if layer == "1":
            start = inputs[{"weight": "gamma", "bias": "beta"}[last]]
        worst = int(np.argmax(np.abs(state[key] - start)))
        if abs(state[key][worst] - start[worst]) > 1e-9:
            return (
                f"your function changes the parameters: `{key}[{worst}]` was {start[worst]:.4g} "
                f"and is {state[key][worst]:.4g} afterwards. New statistics need the forward "
                "passes alone."
            )
    return None


def average_of_batches(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The statistics of a single layer are the plain averages over the batches."""
    parts = [inputs[name] for name in ("x1", "x2", "x3")]
    right = {
        "mean": ("means", np.mean([part.mean(0) for part in parts], axis=0)),
        "var": ("unbiased variances", np.mean([part.var(0, ddof=1) for part in parts], axis=0)),
    }
    for key, (word, average) in right.items():
        worst = int(np.argmax(np.abs(values[key] - average)))
        if abs(values[key][worst] - average[worst]) > 1e-6 * (1 + abs(average[worst])):
            return (
                f"in channel {worst} the average of the batches' {word} is {average[worst]:.4g}, "
                f"and your running_{key} is {values[key][worst]:.4g}."
            )
    return None


TWO = value_question(
    "two",
    "A batch of two",
    2 * 2 / np.sqrt(4 + 1e-5) + 0.5,
    (
        wrong(
            2 * 2 / np.sqrt(8 + 1e-5) + 0.5,
            "the variance is divided by n − 1",
            "You took the variance 8. The normaliser divides by n = 2, so it is 4.",
            BY_HAND,
            number=1,
        ),
        wrong(
            2 * 2 / 4 + 0.5,
            "divided by the variance",
            "You divided by σ² = 4. Divide by its root, which is 2.",
            BY_HAND,
            number=6,
        ),
        wrong(
            1.0,
            "γ and β left out",
            "This is x̂. The output is γ·x̂ + β.",
            GAMMA,
        ),
        wrong(
            2.0,
            "β left out",
            "This is γ·x̂: add β.",
            GAMMA,
        ),
        wrong(
            3.0,
            "β added before the scaling",
            "You computed γ·(x̂ + β); the definition is γ·x̂ + β.",
            GAMMA,
        ),
        wrong(
            4.5,
            "not divided by σ",
            "You computed γ·(x − μ) + β. The difference is still to be divided by σ.",
            BY_HAND,
        ),
        wrong(
            7.5,
            "the mean is not subtracted",
            "You divided x itself by σ: subtract the mean 5 first.",
            BY_HAND,
        ),
        wrong(
            -1.5,
            "the output for the other value",
            "This is what comes out for 3, the smaller value. The question asks for 7.",
            NEIGHBOURS,
        ),
    ),
    (
        "How far is each of two values from their mean?",
        "The standard deviation of two values is half their distance. Divide by it.",
        "Mean, standard deviation with n, x̂ of the larger value; then multiply by γ and add β.",
    ),
    NEIGHBOURS,
)


def _dealt(name: str, group: str, n: int, size: int) -> Probe:
    """A probe that writes the batches down; batches of any kind of sequence will do."""
    code = (
        f"n, size = {n}, {size}\n"
        "out = str([[int(i) for i in part] for part in make_batches(n, size)])"
    )
    return Probe(name, group, code, ("n", "size", "out"))


def _raised(name: str, n: int, size: int) -> Probe:
    code = (
        f"try:\n    make_batches({n}, {size})\n    raised = 'nothing'\n"
        "except Exception as error:\n    raised = type(error).__name__"
    )
    return Probe(name, "errors", code, ("raised",))


BATCHES = Question(
    name="batches",
    title="No last batch of one",
    names=("make_batches",),
    reference=source(make_batches),
    probes=(
        _dealt("one example left over", "one left over", 7, 3),
        _dealt("one example left over, larger batches", "one left over", 11, 5),
        _dealt("pairs, and one left over", "one left over", 5, 2),
        _dealt("nothing left over", "other remainders", 8, 4),
        _dealt("three left over", "other remainders", 13, 5),
        _dealt("fewer examples than a batch holds", "other remainders", 3, 5),
        _raised("one example in all", 1, 4),
        _raised("a batch size of 1", 6, 1),
    ),
    points={"one left over": 2, "other remainders": 1, "errors": 1},
    mistakes=(
        Mistake(
            "a last batch of one",
            "The example that is left over forms a batch of its own. In train mode a layer for "
            "vectors raises an error there, at the end of the first pass. Let it join the batch "
            "before.",
            LAST,
            (("== 1:", "== -1:"),),
            number=35,
        ),
        Mistake(
            "the example left over is dropped",
            "The last example is in no batch. Here it is to join the batch before it, so that "
            "every example is used.",
            LAST,
            (("del ends[-2]", "del ends[-1]"),),
        ),
        Mistake(
            "every incomplete batch is dropped",
            "This is what `drop_last` does. Here no example is to be lost: a rest of 2 or more "
            "is a batch, and a rest of 1 joins the batch before it.",
            LAST,
            (("== 1:", "< batch_size:"), ("del ends[-2]", "del ends[-1]")),
        ),
        Mistake(
            "every incomplete batch joins the one before",
            "A rest of 2 or more examples is a batch of its own. Only a single example joins the "
            "batch before it.",
            LAST,
            (("== 1:", "< batch_size and len(starts) > 1:"),),
        ),
        Mistake(
            "the batch before gives up an example",
            "You move an example into the last batch, to make it 2. At a batch size of 2 that "
            "leaves a batch of one elsewhere. Let the single example join the batch before it.",
            LAST,
            (("del starts[-1]", "starts[-1] -= 1"), ("del ends[-2]", "ends[-2] -= 1")),
        ),
        Mistake(
            "the example left over stands in two batches",
            "It has joined the batch before, and it still forms a batch of its own. Take that one "
            "off the list.",
            LAST,
            (("del starts[-1]", "pass"), ("del ends[-2]", "ends[-2] += 1")),
            number=35,
        ),
        Mistake(
            "a list inside of a batch",
            "You append the last batch, which is a list, to the one before: the result looks like "
            "[3, 4, 5, [6]]. Add its example and not the list.",
            LAST,
            (
                (
                    "del starts[-1]",
                    "full = [list(range(a, b)) for a, b in zip(starts[:-1], ends, strict=False)]\n"
                    "        return [*full[:-1], [*full[-1], [n - 1]]]",
                ),
            ),
        ),
        Mistake(
            "an empty batch at the end",
            "Where the batch size divides n, you add a batch without examples: the mean of no "
            "value is NaN. The last start must be smaller than n.",
            LAST,
            (("range(0, n, batch_size)", "range(0, n + 1, batch_size)"),),
        ),
        Mistake(
            "the examples dealt out in turn",
            "Your batches take every k-th example. Here a batch holds neighbours: the first ones "
            "in the first batch, the next ones in the second.",
            LAST,
            (
                (
                    "list(range(start, end)) for start, end in zip(starts, ends, strict=True)",
                    "list(range(i, n, len(starts))) for i in range(len(starts))",
                ),
            ),
        ),
        Mistake(
            "counted from 1",
            "Your examples run from 1 to n. They are used as indices, which run from 0 to n − 1.",
            LAST,
            (("list(range(start, end))", "list(range(start + 1, end + 1))"),),
        ),
        Mistake(
            "sizes in place of examples",
            "You return how many examples each batch has. Return which ones: a list of indices "
            "for each batch.",
            LAST,
            (("list(range(start, end))", "end - start"),),
        ),
        Mistake(
            "one example in all is let through",
            "With n = 1 there is no batch to join. Raise a ValueError: an error at the start is "
            "kinder than one after the first pass.",
            LAST,
            (
                (
                    'raise ValueError(f"need at least 2 examples, got {n}")',
                    "return [list(range(n))]",
                ),
            ),
        ),
        Mistake(
            "a batch size of 1 is let through",
            "With a batch size of 1 every batch is a batch of one. Raise a ValueError.",
            LAST,
            (
                (
                    'raise ValueError(f"need a batch size of at least 2, got {batch_size}")',
                    "return [[i] for i in range(n)]",
                ),
            ),
        ),
    ),
    hints=(
        "For which n is a single example left over?",
        "Cut the examples into batches first, without care for the rest. Then look at the last "
        "batch alone.",
        "Refuse n or a batch size below 2. List the starts in steps of the batch size, cut the "
        "indices there, and if the last part has the length 1, take it off and append its "
        "example to the part before.",
    ),
    read=LAST,
    laws=(
        Law("no example lost", every_example_once),
        Law("size", sizes_as_asked),
        Law("order", neighbours),
        Law("error", raises_a_value_error),
    ),
)

VALUES = value_question(
    "values",
    "What accumulation does not enlarge",
    8 * 16,
    (
        wrong(
            32 * 16,
            "accumulation taken for a big batch",
            "You counted all 32 images. Each forward pass sees 8, and takes its statistics from "
            "those; only the gradients are added up.",
            ACCUMULATED,
            number=32,
        ),
        wrong(
            8,
            "the positions left out",
            "Each of the 8 images has 16 positions, and they all enter the mean of the channel.",
            SHARED,
            number=26,
        ),
        wrong(
            32,
            "the images of all four passes, without positions",
            "Each pass takes its statistics from its own 8 images, and each image has 16 values "
            "per channel.",
            ACCUMULATED,
            number=32,
        ),
        wrong(
            16,
            "the values of one image",
            "That is the set of instance norm. Batch norm averages over the images of the pass, "
            "too.",
            SETS,
        ),
        wrong(
            8 * 16 * 6,
            "the channels counted",
            "Each channel has a mean of its own: the number of channels does not matter.",
            SHARED,
        ),
    ),
    (
        "What does one forward pass see?",
        "Accumulation adds gradients. It does not change any forward pass.",
        "Images in one forward pass, times the positions of each.",
    ),
    ACCUMULATED,
)

ACCUMULATE = value_question(
    "accumulate",
    "Accumulation without a difference",
    "c",
    (
        wrong(
            "a",
            "accumulation taken for a big batch",
            "The division is right, and it is not enough: four different functions were "
            "differentiated, each with the statistics of its own 8 examples.",
            ACCUMULATED,
            number=32,
        ),
        wrong(
            "b",
            "the momentum changed in place of the statistics",
            "Momentum acts on the running statistics, which train mode does not normalise with. "
            "The gradient is the same for any momentum.",
            FIXED,
        ),
        wrong(
            "d",
            "the order of the examples changed in place of the statistics",
            "Other examples stand together then, but each pass still normalises with its own 8.",
            ACCUMULATED,
        ),
    ),
    (
        "Why do the two gradients differ in the first place?",
        "The output for an example must not depend on which examples are in its pass.",
        "Go through the options and ask of each: does it change what the layer averages over?",
    ),
    ACCUMULATED,
    choices=("a", "b", "c", "d"),
)


def _ghosts(name: str, group: str, ghost: int, inputs: Makes) -> Probe:
    code = f"ghost = {ghost}\ny = ghost_batch_norm(x, gamma, beta, eps, ghost)"
    return Probe(name, group, code, ("y", "ghost"), inputs)


def _batch(eps: float, *shape: int) -> Makes:
    return lambda rng: {"x": batch(rng, *shape), **affine(rng, shape[1]), "eps": eps}


def _tiny(rng: np.random.Generator) -> Inputs:
    x = (1e-3 * rng.standard_normal((6, 2))).round(5)
    return {"x": x, **affine(rng, 2), "eps": 1e-5}


def _constant(rng: np.random.Generator) -> Inputs:
    return {"x": np.full((4, 2), 3.0), **affine(rng, 2), "eps": 1e-5}


GHOST_BATCHES = Question(
    name="ghosts",
    title="Ghost batches",
    names=("ghost_batch_norm",),
    reference=source(ghost_batch_norm),
    probes=(
        _ghosts("six examples in pairs", "vectors", 2, _batch(1e-5, 6, 2)),
        _ghosts("six examples in threes", "vectors", 3, _batch(1e-5, 6, 4)),
        _ghosts("one group of all", "vectors", 5, _batch(1e-5, 5, 3)),
        _ghosts("a tiny spread", "small spread", 3, _tiny),
        _ghosts("a constant channel", "small spread", 2, _constant),
        _ghosts("images", "images", 2, _batch(1e-3, 6, 3, 2, 5)),
        _ghosts(
            "images with as many rows and columns as channels",
            "images",
            3,
            _batch(1e-3, 6, 3, 3, 3),
        ),
        _ghosts("each image alone", "images", 1, _batch(1e-3, 4, 3, 2, 5)),
    ),
    points={"vectors": 2, "small spread": 1, "images": 2},
    mistakes=(
        Mistake(
            "statistics of the whole batch",
            "Every example is normalised with the mean and variance of all N: that is ordinary "
            "batch norm. Each group of `ghost` examples has statistics of its own.",
            GHOSTS,
            (("x[group].mean(", "x.mean("), ("x[group].var(", "x.var(")),
        ),
        Mistake(
            "the statistics of the first group for all",
            "All groups are normalised with the mean and variance of the first one. Each group "
            "has its own.",
            GHOSTS,
            (("x[group].mean(", "x[:ghost].mean("), ("x[group].var(", "x[:ghost].var(")),
        ),
        Mistake(
            "interleaved groups",
            "Your groups take every k-th example. A ghost batch holds `ghost` neighbours: the "
            "first ones, then the next ones.",
            GHOSTS,
            (
                (
                    "slice(start, start + ghost)",
                    "slice(start // ghost, None, len(x) // ghost)",
                ),
            ),
        ),
        Mistake(
            "`ghost` taken for the number of groups",
            "You form `ghost` groups. `ghost` is the number of examples in each group.",
            GHOSTS,
            (
                ("range(0, len(x), ghost)", "range(0, len(x), len(x) // ghost)"),
                ("start + ghost)", "start + len(x) // ghost)"),
            ),
        ),
        Mistake(
            "the examples come back in another order",
            "The groups are right, but the rows of `y` do not stand where those of `x` stood. "
            "Row i of `y` belongs to example i.",
            GHOSTS,
            (
                (
                    "return y",
                    "return y.reshape(-1, ghost, *x.shape[1:]).swapaxes(0, 1).reshape(x.shape)",
                ),
            ),
        ),
        Mistake(
            "statistics over the batch axis alone",
            "Each position of an image gets statistics of its own. Average over the group's "
            "examples and all their positions.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = (0,)"),),
            number=8,
        ),
        Mistake(
            "one mean for all channels",
            "You average over the channels too. Each channel of each group has a mean of its own.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = tuple(range(x.ndim))"),),
            number=8,
        ),
        Mistake(
            "statistics over the channel axis",
            "You average over the channels and positions of each example: that is layer norm, and "
            "the groups have no effect. Average over every axis but the channels', axis 1.",
            SETS,
            (("axes = (0, *range(2, x.ndim))", "axes = tuple(range(1, x.ndim))"),),
            number=8,
        ),
        Mistake(
            "γ and β on the wrong axis",
            "You lay γ and β along the last axis, as broadcasting does by itself. For images "
            "they belong to axis 1. Where C = W this raises no error: the result is just wrong.",
            SHARED,
            (("shape = (1, -1) + (1,) * (x.ndim - 2)", "shape = (-1,)"),),
            number=9,
            loose=frozenset({"images", "each image alone"}),  # one of several errors
        ),
        Mistake(
            "the variance is divided by n − 1",
            "The normaliser divides by n, the values per channel and group. In groups of 2 the "
            "outputs would be ±0.71 and not ±1.",
            BY_HAND,
            (("x[group].var(axis=axes, ", "x[group].var(axis=axes, ddof=1, "),),
            number=1,
        ),
        Mistake(
            "ε outside the root",
            "ε is added to the variance before the root. Outside of it, ε hardly counts.",
            EPSILON,
            (("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),),
            number=4,
        ),
        Mistake(
            "no ε",
            "Two equal values in a group have variance 0, and 0/0 is NaN. That happens often "
            "where groups are small. Add ε to the variance.",
            EPSILON,
            (("np.sqrt(var + eps)", "np.sqrt(var)"),),
            number=5,
        ),
        Mistake(
            "divided by the variance",
            "Divide by the standard deviation, the root of the variance plus ε.",
            BY_HAND,
            (("np.sqrt(var + eps)", "(var + eps)"),),
            number=6,
        ),
        Mistake(
            "γ left out",
            "The output is x̂ + β: multiply by γ.",
            GAMMA,
            (("gamma.reshape(shape) * x_hat", "x_hat"),),
        ),
        Mistake(
            "β left out",
            "The output is γ·x̂: add β.",
            GAMMA,
            ((" + beta.reshape(shape)", ""),),
        ),
        Mistake(
            "each example by itself",
            "You take the mean and variance within one example. In a ghost batch the examples of "
            "the group are averaged over too, so the first axis belongs to the sum.",
            SETS,
            (("axes = (0, *range(2, x.ndim))", "axes = tuple(range(2, x.ndim))"),),
        ),
        Mistake(
            "the mean of the whole batch",
            "The variance is that of the group, but you subtract the mean of all N examples. Each "
            "group has a mean of its own, too.",
            GHOSTS,
            (
                (
                    "x[group].mean(axis=axes, keepdims=True)",
                    "x.mean(axis=axes, keepdims=True)",
                ),
            ),
        ),
        Mistake(
            "the variance of the whole batch",
            "The mean is that of the group, but you divide by the root of the variance of all N "
            "examples. Each group has a variance of its own, too.",
            GHOSTS,
            (
                ("x[group].var(", "x.var("),
                # so that it is no pair with the one before: the two are the whole batch's
                (
                    "x[group].mean(axis=axes, keepdims=True)",
                    "x[group].mean(keepdims=True, axis=axes)",
                ),
            ),
        ),
        Mistake(
            "statistics across the groups",
            "Your sets hold one example of each group. After a reshape to (groups, `ghost`, C, …) "
            "the examples of a group lie along axis 1: average over that axis, not over axis 0.",
            GHOSTS,
            (
                ("range(0, len(x), ghost)", "range(ghost)"),
                ("slice(start, start + ghost)", "slice(start, None, ghost)"),
            ),
        ),
        Mistake(
            "β added before the scaling",
            "You compute γ·(x̂ + β). The output is γ·x̂ + β: scale first, then shift.",
            GAMMA,
            (
                (
                    "gamma.reshape(shape) * x_hat + beta.reshape(shape)",
                    "gamma.reshape(shape) * (x_hat + beta.reshape(shape))",
                ),
            ),
        ),
    ),
    hints=(
        "If a batch of 6 came as three batches of 2, what would batch norm do?",
        "A ghost batch is a piece of x along the first axis. Normalise each piece like a batch, "
        "and put the pieces together again in the same order.",
        "Go through the starts of the groups. For each piece: mean and variance over every axis "
        "but the channels', with the axes kept; normalise; γ and β along axis 1; write the "
        "result into the same rows of a new array.",
    ),
    read=GHOSTS,
    laws=(
        Law("mean of each group", group_means_are_beta),
        Law("spread of each group", group_spreads_are_gamma),
    ),
    from_scratch=True,
)


def _shifted(rng: np.random.Generator, by: float, *shape: int) -> np.ndarray:
    return (batch(rng, *shape) + by).round(2)


SHARDS = (
    "n1, mean1, var1 = len(x1), x1.mean(axis=0), x1.var(axis=0)\n"
    "n2, mean2, var2 = len(x2), x2.mean(axis=0), x2.var(axis=0)\n"
    "out = combine(n1, mean1, var1, n2, mean2, var2)"
)


def _far(rng: np.random.Generator) -> Inputs:
    return {"x1": batch(rng, 4, 3), "x2": _shifted(rng, 50.0, 6, 3)}


COMBINED = Question(
    name="combined",
    title="Two devices, one batch",
    names=("combine",),
    reference=source(combine),
    probes=(
        Probe(
            "four and two examples",
            "two shards",
            SHARDS,
            ("out",),
            lambda rng: {"x1": batch(rng, 4, 2), "x2": _shifted(rng, -1.5, 2, 2)},
        ),
        Probe(
            "shards of equal size",
            "two shards",
            SHARDS,
            ("out",),
            lambda rng: {"x1": batch(rng, 4, 3), "x2": _shifted(rng, 2.5, 4, 3)},
        ),
        Probe(
            "one example on the second device",
            "two shards",
            SHARDS,
            ("out",),
            lambda rng: {"x1": batch(rng, 5, 3), "x2": _shifted(rng, 2.0, 1, 3)},
        ),
        Probe("means far apart", "far apart", SHARDS, ("out",), _far),
        Probe(
            "a large mean",
            "large mean",
            SHARDS,
            ("out",),
            lambda rng: {"x1": large_mean(rng, 4, 3), "x2": large_mean(rng, 6, 3) + 8.0},
        ),
    ),
    points={"two shards": 2, "far apart": 1, "large mean": 1},
    mistakes=(
        Mistake(
            "each device its own statistics",
            "You return the statistics of the first shard. That is what batch norm does on "
            "several devices unless it is synchronised; here we want those of all values.",
            ACCUMULATED,
            (("return mean, var", "return mean1, var1"),),
            number=33,
        ),
        Mistake(
            "the distance of the means left out",
            "Your variance is an average of the two variances. It misses how far the shards' "
            "means lie apart: two constant shards, one of zeros and one of tens, would come out "
            "with variance 0. Distances that are weighed but not squared cancel to 0.",
            ACCUMULATED,
            (("var = within + between", "var = within"),),
            number=33,
        ),
        Mistake(
            "plain averages of the means and of the variances",
            "Two things are missing: a shard with more values counts more, and the distance of "
            "the shards' means adds to the variance. Two constant shards, one of zeros and one "
            "of tens, would come out with variance 0.",
            ACCUMULATED,
            (("return mean, var", "return (mean1 + mean2) / 2, (var1 + var2) / 2"),),
            number=33,
        ),
        Mistake(
            "the means averaged without weights",
            "A shard with more values counts more: weigh each mean with its share of the values.",
            ACCUMULATED,
            (("weight1 * mean1 + weight2 * mean2", "(mean1 + mean2) / 2"),),
        ),
        Mistake(
            "the returned mean averaged without weights",
            "Your variance is right. The mean needs weights, too: a shard with more values counts "
            "more.",
            ACCUMULATED,
            (
                ("return mean, var", "return (mean1 + mean2) / 2, var"),
                (
                    "weight1 * (mean1 - mean) ** 2 + weight2 * (mean2 - mean) ** 2",
                    "weight1 * weight2 * (mean1 - mean2) ** 2",
                ),
            ),
        ),
        Mistake(
            "the variances averaged without weights",
            "A shard with more values counts more: weigh each variance with its share.",
            ACCUMULATED,
            (("weight1 * var1 + weight2 * var2", "(var1 + var2) / 2"),),
        ),
        Mistake(
            "the distance of the means without weights",
            "How much the distance of the means adds depends on the sizes: weigh the squared "
            "distance of each shard's mean from the common mean with the shard's share.",
            ACCUMULATED,
            (
                (
                    "weight1 * (mean1 - mean) ** 2 + weight2 * (mean2 - mean) ** 2",
                    "((mean1 - mean) ** 2 + (mean2 - mean) ** 2) / 2",
                ),
            ),
        ),
        Mistake(
            "a quarter of the squared distance for any sizes",
            "Half the distance of the means, squared, is right for shards of equal size. In "
            "general the factor is n₁n₂/n², which is smaller.",
            ACCUMULATED,
            (
                (
                    "weight1 * (mean1 - mean) ** 2 + weight2 * (mean2 - mean) ** 2",
                    "((mean1 - mean2) / 2) ** 2",
                ),
            ),
        ),
        Mistake(
            "the squared distance in full",
            "You add the whole squared distance of the two means. A shard is not that far from the "
            "common mean: the factor is n₁n₂/n², at most a quarter.",
            ACCUMULATED,
            (
                (
                    "weight1 * (mean1 - mean) ** 2 + weight2 * (mean2 - mean) ** 2",
                    "(mean1 - mean2) ** 2",
                ),
            ),
        ),
        Mistake(
            "the squared distances added without shares",
            "You add the squared distances of both shards' means in full. The variance is an "
            "average: weigh each with the shard's share of the values.",
            ACCUMULATED,
            (
                (
                    "weight1 * (mean1 - mean) ** 2 + weight2 * (mean2 - mean) ** 2",
                    "(mean1 - mean) ** 2 + (mean2 - mean) ** 2",
                ),
            ),
        ),
        Mistake(
            "the variances added",
            "The variance is an average over all values: weigh each shard's variance with its "
            "share before you add.",
            ACCUMULATED,
            (("weight1 * var1 + weight2 * var2", "var1 + var2"),),
        ),
        Mistake(
            "E[x²] in place of the variance",
            "The average of variance plus squared mean is the average of x². The squared common "
            "mean is still to be subtracted; better, use distances from it.",
            ACCUMULATED,
            (
                (
                    "var = within + between",
                    "var = weight1 * (var1 + mean1**2) + weight2 * (var2 + mean2**2)",
                ),
            ),
        ),
        Mistake(
            "merged as unbiased variances",
            "This formula is for variances divided by n − 1. Those that come in and the one that "
            "goes out are divided by n.",
            ACCUMULATED,
            (
                (
                    "var = within + between",
                    "var = (n1 - 1) * var1 + (n2 - 1) * var2 + (n1 + n2) * between\n"
                    "    var = var / (n1 + n2 - 1)",
                ),
            ),
        ),
        Mistake(
            "the distance of the means not divided by n",
            "You add n₁n₂/n times the squared distance. That belongs to the *sum* of squares; the "
            "variance needs it divided by n once more.",
            ACCUMULATED,
            (
                (
                    "weight1 * (mean1 - mean) ** 2 + weight2 * (mean2 - mean) ** 2",
                    "n1 * weight2 * (mean1 - mean2) ** 2",
                ),
            ),
        ),
        Mistake(
            "the distance of the means subtracted",
            "Shards that lie apart make the whole more spread out: the term is added.",
            ACCUMULATED,
            (("within + between", "within - between"),),
        ),
        Mistake(
            "the weights swapped",
            "The mean of each shard is weighed with the size of the other one.",
            ACCUMULATED,
            (
                ("weight1 = n1 / (n1 + n2)", "weight1 = n2 / (n1 + n2)"),
                ("weight2 = n2 / (n1 + n2)", "weight2 = n1 / (n1 + n2)"),
            ),
        ),
        Mistake(
            "the standard deviations averaged",
            "You average σ and square the result. Variances can be averaged, their roots cannot.",
            ACCUMULATED,
            (
                (
                    "weight1 * var1 + weight2 * var2",
                    "(weight1 * np.sqrt(var1) + weight2 * np.sqrt(var2)) ** 2",
                ),
            ),
        ),
        Mistake(
            "the variance is divided by n − 1",
            "The two variances that come in are divided by n, and so is the one that goes out, "
            "since it is to normalise.",
            BY_HAND,
            (("return mean, var", "return mean, var * (n1 + n2) / (n1 + n2 - 1)"),),
            number=1,
        ),
        Mistake(
            "shares with n − 1",
            "You weigh the variances with n₁ − 1 and n₂ − 1, as for the pooled variance of a "
            "statistics course. These variances are divided by n: weigh them with n₁ and n₂.",
            ACCUMULATED,
            (
                (
                    "weight1 * var1 + weight2 * var2",
                    "((n1 - 1) * var1 + (n2 - 1) * var2) / (n1 + n2 - 2)",
                ),
            ),
        ),
        Mistake(
            "the variance in one pass, E[x²] − E[x]²",
            "This subtracts two huge numbers that are nearly equal, and with a large mean no "
            "digit survives. Use the distances of the shards' means from the common mean.",
            PRECISION,
            (
                (
                    "var = within + between",
                    "var = weight1 * (var1 + mean1**2) + weight2 * (var2 + mean2**2) - mean**2",
                ),
            ),
            number=7,
            loose=frozenset({"a large mean"}),
        ),
        Mistake(
            "the standard deviation in place of the variance",
            "The second result is to be σ², and you return its root.",
            BY_HAND,
            (("return mean, var", "return mean, np.sqrt(var)"),),
        ),
        Mistake(
            "the mean not divided by n",
            "Your mean is the sum of all values. Divide by n₁ + n₂.",
            BY_HAND,
            (("weight1 * mean1 + weight2 * mean2", "n1 * mean1 + n2 * mean2"),),
        ),
        Mistake(
            "the brackets of the mean left out",
            "You divide only the second term by n₁ + n₂. Put the sum of both in brackets, then "
            "divide.",
            BY_HAND,
            (("weight1 * mean1 + weight2 * mean2", "n1 * mean1 + weight2 * mean2"),),
        ),
        Mistake(
            "the distances of the means not squared",
            "You add the distances of the shards' means from the common mean. A variance is an "
            "average of squares: square them.",
            ACCUMULATED,
            (
                (
                    "weight1 * (mean1 - mean) ** 2 + weight2 * (mean2 - mean) ** 2",
                    "weight1 * abs(mean1 - mean) + weight2 * abs(mean2 - mean)",
                ),
            ),
        ),
    ),
    hints=(
        "Take a shard of zeros and one of tens. What is the variance of each, and of both "
        "together?",
        "A value's distance from the common mean has two parts: its distance from the mean of its "
        "own shard, and the distance of that mean from the common one.",
        "The common mean: each mean weighed with its share of the values. Then, for each shard, "
        "its variance plus the squared distance of its mean from the common one; weigh these two "
        "sums with the same shares.",
    ),
    read=ACCUMULATED,
    laws=(Law("mean of all", mean_of_all), Law("variance of all", variance_of_all)),
    from_scratch=True,
)

SMALL = (
    "model = torch.nn.Sequential(torch.nn.BatchNorm1d(2)).double()\n"
    "model(torch.tensor(before))  # a step in train mode\n"
    "model.{mode}()\n"
    "reestimate(model, [torch.tensor(x1), torch.tensor(x2), torch.tensor(x3)])\n"
    "mean, var = model[0].running_mean, model[0].running_var"
)
VECTORS = """first, second = torch.nn.BatchNorm1d(4), torch.nn.BatchNorm1d(3)
layers = torch.nn.Linear(3, 4), first, torch.nn.ReLU(), torch.nn.Linear(4, 3), second
model = torch.nn.Sequential(*layers).double()
first.weight.data = torch.tensor(gamma)
first.bias.data = torch.tensor(beta)
model(torch.tensor(before))
{mode}
reestimate(model, [torch.tensor(x1), torch.tensor(x2)])
state = {{name: v for name, v in model.state_dict().items() if "num_batches" not in name}}
modes = [m.training for m in model.modules()]
learn = [p.requires_grad for p in model.parameters()]
grads = [p.grad is not None for p in model.parameters()]
enabled = torch.is_grad_enabled()
momenta = [first.momentum, second.momentum]"""
IMAGES = """inner, last = torch.nn.BatchNorm2d(3), torch.nn.BatchNorm1d(2)
block = torch.nn.Sequential(torch.nn.Linear(12, 2), last)
layers = torch.nn.Conv2d(2, 3, 2), inner, torch.nn.ReLU(), torch.nn.Flatten(), block
model = torch.nn.Sequential(*layers).double()
inner.weight.data = torch.tensor(gamma)
inner.bias.data = torch.tensor(beta)
model(torch.tensor(before))
model.eval()
reestimate(model, [torch.tensor(x1), torch.tensor(x2)])
state = {name: v for name, v in model.state_dict().items() if "num_batches" not in name}"""


def _three(rng: np.random.Generator) -> Inputs:
    parts = {name: _shifted(rng, 3.0 * i, 3, 2) for i, name in enumerate(("x1", "x2", "x3"))}
    return {"before": _shifted(rng, -6.0, 3, 2), **parts}


def _network(rng: np.random.Generator, channels: int, *shape: int) -> Inputs:
    parts = {name: _shifted(rng, 2.0 * i, 4 + i, *shape) for i, name in enumerate(("x1", "x2"))}
    return {"before": _shifted(rng, -5.0, 4, *shape), **parts, **affine(rng, channels)}


PASSES = "with torch.no_grad():\n        for batch in batches:\n            model(batch)"
AFTERWARDS = (
    ("a model in train mode, afterwards", "model.train()\nfirst.momentum = 0.3"),
    ("eval mode but for one layer, afterwards", "model.eval()\nfirst.train()"),
)

REESTIMATE = Question(
    name="reestimate",
    title="New statistics for an old network",
    names=("reestimate",),
    reference=source(reestimate),
    probes=(
        Probe(
            "one layer, three batches",
            "statistics",
            SMALL.format(mode="eval"),
            ("mean", "var"),
            _three,
        ),
        Probe(
            "one layer in train mode",
            "statistics",
            SMALL.format(mode="train"),
            ("mean", "var"),
            _three,
        ),
        Probe(
            "two linear layers with batch norm",
            "networks",
            VECTORS.format(mode="model.eval()"),
            ("state",),
            lambda rng: _network(rng, 4, 3),
        ),
        Probe(
            "images, and a block inside the network",
            "networks",
            IMAGES,
            ("state",),
            lambda rng: _network(rng, 3, 2, 3, 3),
        ),
        *(
            Probe(
                name,
                "afterwards",
                VECTORS.format(mode=mode),
                ("modes", "momenta", "learn", "grads", "enabled"),
                lambda rng: _network(rng, 4, 3),
            )
            for name, mode in AFTERWARDS
        ),
    ),
    points={"statistics": 2, "networks": 2, "afterwards": 2},
    mistakes=(
        Mistake(
            "the batches pass in eval mode",
            "In eval mode a layer uses its running statistics and does not update them. The "
            "batches must pass in train mode, which is restored afterwards to what it was.",
            MODES,
            (
                ("model.train()", "model.eval()"),
                # so that it is not planted without a reset: then nothing would change at all
                ("layer.reset_running_stats()", "type(layer).reset_running_stats(layer)"),
            ),
        ),
        Mistake(
            "the mode that the model happens to be in",
            "Your function relies on the mode in which the model comes. A model in eval mode "
            "updates no statistics: switch train mode on for the passes.",
            MODES,
            (("model.train()", "pass"),),
        ),
        Mistake(
            "the old statistics are kept in the average",
            "Nothing is reset, so the numbers from training still weigh in. Reset the running "
            "statistics, with their counter, before the first batch.",
            FIXED,
            (("layer.reset_running_stats()", "pass"),),
        ),
        Mistake(
            "the momentum of training",
            "With momentum 0.1 you get a moving average: after a few batches most of its weight "
            "still lies on where it started. A plain average over the batches is momentum `None`.",
            MOMENTUM,
            (("layer.momentum = None", "pass"),),
            number=15,
        ),
        Mistake(
            "the last batch alone",
            "With momentum 1 each batch overwrites what came before. All batches are to count "
            "alike: a plain average is momentum `None`.",
            CHANGED,
            (("layer.momentum = None", "layer.momentum = 1.0"),),
        ),
        Mistake(
            "the same small weight for every batch",
            "With momentum 1/B for B batches the first ones fade, and part of the start remains. A "
            "plain average over the batches is momentum `None`.",
            MOMENTUM,
            (("layer.momentum = None", "layer.momentum = 1 / len(batches)"),),
        ),
        Mistake(
            "all batches as one",
            "You join the batches and pass them at once. That gives the statistics of one large "
            "batch; asked for is the average over the batches as they are.",
            FIXED,
            (("for batch in batches:", "for batch in [torch.cat(batches)]:"),),
        ),
        Mistake(
            "the counter of batches is not reset",
            "You set the statistics back by hand, but not `num_batches_tracked`. With momentum "
            "`None` this counter sets the weight of each batch: use `reset_running_stats`.",
            FIXED,
            (
                (
                    "layer.reset_running_stats()",
                    "layer.running_mean.zero_()\n        layer.running_var.fill_(1)",
                ),
            ),
        ),
        Mistake(
            "the passes alone",
            "You pass the batches and prepare nothing: no reset, no plain average, no train mode. "
            "What moves running statistics is the forward pass in train mode, with `momentum` as "
            "the weight of the batch.",
            FIXED,
            (
                ("layer.reset_running_stats()", "pass"),
                ("layer.momentum = None", "pass"),
                ("model.train()", "pass"),
            ),
        ),
        Mistake(
            "biased variance into the running variance",
            "You average variances divided by n. The running variance takes those divided by "
            "n − 1, as PyTorch's layers compute them.",
            Section("05_train_eval", "One variance to normalise, another to remember"),
            (
                (
                    "model.train()",
                    "seen = {layer: [] for layer in layers}\n"
                    "    def look(layer, args):\n"
                    "        rows = args[0].transpose(0, 1).flatten(1)\n"
                    "        seen[layer].append(rows.var(1, correction=0))\n"
                    "    for layer in layers:\n"
                    "        layer.register_forward_pre_hook(look)\n"
                    "    model.train()",
                ),
                (
                    "layer.momentum = momentum",
                    "layer.momentum = momentum\n"
                    "        layer.running_var.copy_(torch.stack(seen[layer]).mean(0))",
                ),
            ),
            number=2,
        ),
        Mistake(
            "γ and β are reset too",
            "`reset_parameters` sets γ to 1 and β to 0, which were learned. Only the running "
            "statistics are to change: `reset_running_stats`.",
            FROZEN,
            (("layer.reset_running_stats()", "layer.reset_parameters()"),),
        ),
        Mistake(
            "layers for images missed",
            "You look for `BatchNorm1d` alone. `BatchNorm2d` keeps running statistics, too.",
            CHANGED,
            (("isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))", "isinstance(m, nn.BatchNorm1d)"),),
        ),
        Mistake(
            "layers inside blocks missed",
            "`children()` gives only the outermost layers. `modules()` gives those inside of "
            "blocks, too.",
            CHANGED,
            (("[m for m in modules if", "[m for m in model.children() if"),),
        ),
        Mistake(
            "a copy is changed",
            "The model itself has its old statistics still: you changed a copy of it.",
            CHANGED,
            (
                (
                    "modules = list(model.modules())",
                    "model = __import__('copy').deepcopy(model)\n"
                    "    modules = list(model.modules())",
                ),
            ),
        ),
        Mistake(
            "momentum not restored",
            "The layers keep the momentum that your function gave them, and the next training run "
            "would average in another way. Put back what was there.",
            MOMENTUM,
            (("layer.momentum = momentum", "pass"),),
        ),
        Mistake(
            "momentum set to 0.1 afterwards",
            "0.1 is what PyTorch starts with, but a layer may have had another momentum. Put back "
            "what was there.",
            MOMENTUM,
            (("layer.momentum = momentum", "layer.momentum = 0.1"),),
        ),
        Mistake(
            "left in train mode",
            "After your function all layers are in train mode, and a model that was in eval mode "
            "answers with batch statistics. Put back what was there.",
            MODES,
            (("module.training = mode", "module.training = True"),),
        ),
        Mistake(
            "all modules left in eval mode",
            "After your function all layers are in eval mode, and training would go on with "
            "running statistics. Put back what was there.",
            MODES,
            (("module.training = mode", "module.training = False"),),
            number=19,
        ),
        Mistake(
            "one mode for the whole model",
            "You put back the mode of the model, and give it to all layers. Each module has a mode "
            "of its own, like a layer that was frozen in eval mode: put back each.",
            FROZEN,
            (("module.training = mode", "module.training = modes[0]"),),
        ),
        Mistake(
            "layers for vectors missed",
            "You look for `BatchNorm2d` alone. `BatchNorm1d` keeps running statistics, too.",
            CHANGED,
            (("isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))", "isinstance(m, nn.BatchNorm2d)"),),
        ),
        Mistake(
            "the first batch alone",
            "Only the first batch passes: is there a `return` or `break` inside the loop? All "
            "batches are to count alike.",
            CHANGED,
            (("for batch in batches:", "for batch in batches[:1]:"),),
        ),
        Mistake(
            "the weights are trained",
            "Your function takes optimizer steps, so the parameters change. New statistics need "
            "the forward passes alone.",
            CHANGED,
            (
                (
                    PASSES,
                    "steps = torch.optim.SGD(model.parameters(), 0.1)\n"
                    "    for batch in batches:\n"
                    "        model(batch).square().sum().backward()\n"
                    "        steps.step()\n"
                    "        steps.zero_grad()",
                ),
            ),
        ),
        Mistake(
            "gradients left in the parameters",
            "You call `backward`, and the parameters have gradients afterwards, which the next "
            "training step would use. New statistics need the forward passes alone.",
            CHANGED,
            (
                (
                    PASSES,
                    "for batch in batches:\n        model(batch).sum().backward()",
                ),
            ),
        ),
        Mistake(
            "the parameters left frozen",
            "You set `requires_grad` to False and leave it so: the model cannot learn any more. To "
            "pass the batches without gradients use `torch.no_grad()`.",
            FROZEN,
            (("model.train()", "model.train()\n    model.requires_grad_(False)"),),
        ),
        Mistake(
            "gradients switched off for good",
            "After your function torch records no gradients any more, in the whole program. Use "
            "`with torch.no_grad():`, which ends with its block.",
            FROZEN,
            (
                (
                    PASSES,
                    "torch.set_grad_enabled(False)\n    for batch in batches:\n"
                    "        model(batch)",
                ),
            ),
        ),
        Mistake(
            "one momentum for all layers afterwards",
            "You put back the momentum of the first layer in all of them. Each layer has its own.",
            MOMENTUM,
            (("layer.momentum = momentum", "layer.momentum = momenta[0]"),),
        ),
        Mistake(
            "the modes of other layers not put back",
            "You put back the mode of the batch norm layers. The others were switched to train "
            "mode as well, and the model itself: put back each module's.",
            MODES,
            (
                (
                    "module.training = mode",
                    "module.training = mode if module in layers else True",
                ),
            ),
        ),
    ),
    hints=(
        "What moves running statistics, and with which weights?",
        "PyTorch's layers can do the averaging: look up what momentum `None` means, and what "
        "`reset_running_stats` does.",
        "Note each module's mode and each batch norm layer's momentum. Reset the statistics, set "
        "the momentum to None, switch train mode on, pass every batch without gradients. Then "
        "put all modes and momenta back.",
    ),
    read=CHANGED,
    laws=(
        Law("averages", average_of_batches),
        Law("parameters", parameters_as_before),
    ),
)


HOT = value_question(
    "hot",
    "A channel that was constant in training",
    2 * 0.5 / np.sqrt(1e-5) - 20,
    (
        wrong(
            -20.0,
            "the example is normalised with itself",
            "You took the value for its own mean, as train mode does with a constant channel. "
            "Eval mode subtracts the running mean, 7.",
            CONSTANT,
            number=16,
        ),
        wrong(
            2 * 0.5 / 1e-5 - 20,
            "divided by ε in place of its root",
            "You divided by ε. Eval mode divides by √(0 + ε), which is 0.00316.",
            EPSILON,
            number=6,
        ),
        wrong(
            2 * 0.5 / np.sqrt(1e-5),
            "β left out",
            "This is γ·x̂: add β, which is −20.",
            GAMMA,
        ),
        wrong(
            0.5 / np.sqrt(1e-5) - 20,
            "γ left out",
            "This is x̂ + β: multiply x̂ by γ = 2.",
            GAMMA,
        ),
        wrong(
            0.5 / np.sqrt(1e-5),
            "γ and β left out",
            "This is x̂. The output is γ·x̂ + β.",
            GAMMA,
        ),
        wrong(
            2 * 0.5 - 20,
            "a running variance of 1",
            "You divided by 1, which is the running variance before training. It has shrunk to 0 "
            "since then.",
            CONSTANT,
        ),
        wrong(
            2 * 7.5 / np.sqrt(1e-5) - 20,
            "the mean is not subtracted",
            "You divided 7.5 itself: subtract the running mean 7 first.",
            CONSTANT,
        ),
        wrong(
            2 / np.sqrt(1e-5) - 20,
            "a distance of 1",
            "That is the output for 8, as in the chapter. Here the value is 7.5, so the distance "
            "from the running mean is 0.5.",
            CONSTANT,
        ),
    ),
    (
        "Which mean and which variance does eval mode use?",
        "The variance is 0, so ε alone stands below the root.",
        "Distance from the running mean, divided by the root of ε, times γ, plus β.",
    ),
    CONSTANT,
)

EXERCISE = Exercise(
    "ex09_edge_cases",
    "Batches that are no good sample",
    (TWO, BATCHES, VALUES, ACCUMULATE, GHOST_BATCHES, COMBINED, REESTIMATE, HOT),
)
