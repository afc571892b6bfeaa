"""Exercise 2: standardising by hand, with the right statistics; scales inside a network."""

from __future__ import annotations

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
from exercises.questions.inputs import batch

CHAPTER = "02_rationale"
INPUT = Section(CHAPTER, "What standardising the input does")
PRECISION = Section(CHAPTER, "Numerical stability")
INSIDE = Section(CHAPTER, "Normalised at the door, out of scale inside")
RELU = Section(CHAPTER, "What ReLU does to a distribution")
REDUCES = Section(CHAPTER, "Does batch normalization reduce the shift?")
SLOWS = Section(CHAPTER, "Does the shift slow training?")


# The references.


def standardise(x: np.ndarray) -> np.ndarray:
    n = x.shape[0]
    mu = x.mean(axis=0)
    var = ((x - mu) ** 2).sum(axis=0) / n
    sigma = np.sqrt(var)
    x_hat = (x - mu) / sigma
    return x_hat


def standardise_with(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    def scaled(x: np.ndarray, fitted: np.ndarray) -> np.ndarray:
        n = fitted.shape[0]
        mu = fitted.mean(axis=0)
        var = ((fitted - mu) ** 2).sum(axis=0) / n
        sigma = np.sqrt(var)
        x_hat = (x - mu) / sigma
        return x_hat

    train_hat = scaled(train, train)
    test_hat = scaled(test, train)
    return train_hat, test_hat


def variance(x: np.ndarray) -> np.ndarray:
    n = x.shape[0]
    mu = x.mean(axis=0)
    centred = x - mu
    squares = centred**2
    total = squares.sum(axis=0)
    return total / n


# The laws.


def first_result(out: Any) -> tuple[np.ndarray, str]:
    """The standardised data, or the first of two results; and how to call it."""
    return (out[0], "the first result") if isinstance(out, tuple) else (out, "the result")


def mean_is_zero(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """Each feature of the standardised data has the mean 0."""
    x_hat, which = first_result(values["out"])
    means = x_hat.mean(axis=0)
    worst = int(np.argmax(np.abs(means)))
    if abs(means[worst]) < 1e-6 * (1 + np.abs(x_hat).max()):
        return None
    return (
        f"feature {worst} of {which} has the mean {means[worst]:.4g}, expected 0: look at what you "
        "subtract. Is it the mean of this feature, and of the same data?"
    )


def spread_is_one(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """Each feature of the standardised data has the standard deviation 1."""
    x_hat, which = first_result(values["out"])
    spread = x_hat.std(axis=0)
    worst = int(np.argmax(np.abs(spread - 1)))
    if abs(spread[worst] - 1) < 1e-6:
        return None
    return (
        f"feature {worst} of {which} has the standard deviation {spread[worst]:.6g}, expected 1: "
        "look at what you divide by. Is it the standard deviation of this feature, with nothing "
        "added?"
    )


def one_scale_for_both(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """Differences between test examples are divided by σ of the training data."""
    test, test_hat = inputs["test"], values["out"][1]
    divisor = test.std(axis=0) / test_hat.std(axis=0)
    wanted = inputs["train"].std(axis=0)
    worst = int(np.argmax(np.abs(divisor / wanted - 1)))
    if len(test) < 2 or abs(divisor[worst] / wanted[worst] - 1) < 1e-6:
        return None
    return (
        f"feature {worst} of the test data is divided by {divisor[worst]:.6g}, expected "
        f"{wanted[worst]:.6g}, the standard deviation of this feature in the training data."
    )


def one_shift_for_both(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """A test example that equals the mean of the training data comes out as 0."""
    train, test = inputs["train"], inputs["test"]
    shift = (test - values["out"][1] * train.std(axis=0)).mean(axis=0)
    wanted = train.mean(axis=0)
    worst = int(np.argmax(np.abs(shift - wanted)))
    if abs(shift[worst] - wanted[worst]) < 1e-6 * (1 + np.abs(train).max()):
        return None
    return (
        f"from feature {worst} of the test data {shift[worst]:.4g} is subtracted, expected "
        f"{wanted[worst]:.4g}, the mean of this feature in the training data."
    )


def leaves_x(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The argument is as it was."""
    if np.array_equal(values["x"], inputs["x"]):
        return None
    return (
        "your code changes its argument `x`: whoever calls it still needs that. Make a new array "
        "instead of writing into this one (`-=`, `[...] =`, `out=`)."
    )


def not_negative(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """A variance is at least 0."""
    lowest = float(np.min(values["out"]))
    if lowest >= 0:
        return None
    return f"a variance cannot be negative, and yours is {lowest:.4g}."


def variance_ignores_the_mean(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The variance of each feature is the mean of its squared deviations."""
    x, got = inputs["x"].astype(np.float64), values["out"]
    wanted = ((x - x.mean(axis=0)) ** 2).mean(axis=0)
    ratio = got / wanted
    if abs(ratio - ratio[0]).max() > 1e-4 * abs(ratio[0]) or abs(ratio[0] - 1) < 1e-5:
        return None
    return f"every variance comes out {ratio[0]:.4g} times as large: look at what you divide by."


def mean_of_squares(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The variance is the sum of the squared deviations, divided by their number."""
    x, got = inputs["x"].astype(np.float64), values["out"]
    sums = ((x - x.mean(axis=0)) ** 2).sum(axis=0)
    worst = int(np.argmax(np.abs(got * len(x) / sums - 1)))
    if abs(got[worst] * len(x) / sums[worst] - 1) < 1e-5:
        return None
    return (
        f"the variance of feature {worst} is off: its {len(x)} squared deviations from the mean "
        f"add up to {sums[worst]:.6g}."
    )


# The inputs.


def tiny_spread(rng: np.random.Generator) -> Inputs:
    """Values of a few millionths."""
    return {"x": (1e-6 * (rng.permutation(np.arange(12.0)) - 3).reshape(4, 3)).round(6)}


def train_and_test(rng: np.random.Generator, train: int, test: int, features: int) -> Inputs:
    """Two sets of examples; the test data lie elsewhere and are spread otherwise."""
    moved = 1.5 * batch(rng, test, features) + np.arange(1, features + 1)
    return {"train": batch(rng, train, features), "test": moved.round(2)}


def whole_numbers(rng: np.random.Generator) -> Inputs:
    """Small whole numbers; four examples, so that means are exact in float32."""
    return {"x": rng.permutation(np.arange(-5.0, 15.0))[:8].reshape(4, 2)}


def large_mean_single(rng: np.random.Generator) -> Inputs:
    """Whole numbers around 10⁵, whose means over 2, 3 and 4 examples are exact in float32.

    A right computation loses nothing, in whatever order it adds; the squares lose all that counts.
    """
    steps = rng.permutation(12).reshape(4, 3) + np.array([0, 5, 10])
    return {"x": (100_000.0 + 12 * steps)}


# The questions.

PER_EXAMPLE = (
    "You take the mean and the standard deviation of each example, over its features: they have "
    "different units. Each feature, a column of x, has its own: average over axis 0."
)
MINUS_ONE = (
    "Here the mean of the squared deviations is asked for, which divides by n. That is what "
    "NumPy's `std` does if you leave `ddof` alone."
)
ONE_MEAN = (
    "You subtract the mean of all numbers. Each feature has a mean of its own, so average over "
    "axis 0 only."
)
ONE_SPREAD = (
    "You divide by the standard deviation of all numbers. Each feature has one of its own: only "
    "then do all of them end at 1."
)
BY_VARIANCE = (
    "Divide by the standard deviation, the root of the variance. Divided by σ², a feature in "
    "metres comes out otherwise than the same feature in centimetres."
)
NOT_CENTRED = "You divide x as it is: subtract the mean first, so that each feature has mean 0."

STANDARDISE = Question(
    name="standardise",
    title="The z-score, in one line",
    names=("standardise",),
    reference=source(standardise),
    probes=(
        Probe(
            "three examples, two features",
            "examples",
            "out = standardise(x)",
            ("out",),
            lambda rng: {"x": batch(rng, 3, 2)},
        ),
        Probe(
            "a tiny spread",
            "tiny spread",
            "out = standardise(x)",
            ("out",),
            tiny_spread,
        ),
        Probe(
            "as many examples as features",
            "examples",
            "out = standardise(x)",
            ("out",),
            lambda rng: {"x": batch(rng, 4, 4)},
        ),
        Probe(
            "six examples, three features",
            "examples",
            "out = standardise(x)",
            ("out",),
            lambda rng: {"x": batch(rng, 6, 3)},
        ),
    ),
    points={"examples": 1, "tiny spread": 1},
    mistakes=(
        Mistake(
            "the variance is divided by n − 1",
            MINUS_ONE,
            INPUT,
            (("n = x.shape[0]", "n = x.shape[0] - 1"),),
            number=1,
        ),
        Mistake(
            "divided by the variance",
            BY_VARIANCE,
            INPUT,
            (("sigma = np.sqrt(var)", "sigma = var"),),
            number=6,
        ),
        Mistake(
            "the root taken twice",
            "You divide by the root of the standard deviation. The standard deviation is the root "
            "of the variance already.",
            INPUT,
            (("sigma = np.sqrt(var)", "sigma = np.sqrt(np.sqrt(var))"),),
        ),
        Mistake(
            "the sum of squares in place of their mean",
            "You divide by the root of the sum of the squared deviations. The variance is their "
            "mean: divide the sum by n before you take the root.",
            INPUT,
            (("n = x.shape[0]", "n = 1"),),
        ),
        Mistake(
            "the difference the wrong way round",
            "You subtract x from the mean, so every sign is turned: large values come out "
            "negative. Subtract the mean from x.",
            INPUT,
            (("x_hat = (x - mu)", "x_hat = (mu - x)"),),
        ),
        Mistake(
            "not divided by the standard deviation",
            "Your result has mean 0, and the spread is still that of the input. Divide by the "
            "standard deviation of each feature.",
            INPUT,
            (("x_hat = (x - mu) / sigma", "x_hat = x - mu"),),
        ),
        Mistake(
            "the mean is not subtracted",
            NOT_CENTRED,
            INPUT,
            (("x_hat = (x - mu) / sigma", "x_hat = x / sigma"),),
        ),
        Mistake(
            "brackets missing around the difference",
            "Division binds more strongly than subtraction: `x - mu / sigma` subtracts a quotient "
            "from x. Put the difference in brackets.",
            INPUT,
            (("x_hat = (x - mu) / sigma", "x_hat = x - mu / sigma"),),
        ),
        Mistake(
            "one mean for all features",
            ONE_MEAN,
            INPUT,
            (("x_hat = (x - mu)", "x_hat = (x - x.mean())"),),
        ),
        Mistake(
            "one standard deviation for all features",
            ONE_SPREAD,
            INPUT,
            (
                (
                    "var = ((x - mu) ** 2).sum(axis=0) / n",
                    "var = ((x - x.mean()) ** 2).mean()",
                ),
            ),
        ),
        Mistake(
            "statistics per example",
            PER_EXAMPLE,
            INPUT,
            (
                (
                    "x_hat = (x - mu) / sigma",
                    "x_hat = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)",
                ),
            ),
        ),
        Mistake(
            "statistics per example, subtracted from the features",
            "Two slips: axis 1 averages over the features of each example, and the result is then "
            "laid along the features. That is an error of shapes, and with as many examples as "
            "features it is not even an error. Average over axis 0.",
            INPUT,
            (("x_hat = (x - mu) / sigma", "x_hat = (x - x.mean(axis=1)) / x.std(axis=1)"),),
            loose=frozenset(
                {"three examples, two features", "a tiny spread", "six examples, three features"}
            ),
        ),
        Mistake(
            "scaled to the range from 0 to 1",
            "You subtract the smallest value and divide by the range. That is another scaling: "
            "the z-score subtracts the mean and divides by the standard deviation.",
            INPUT,
            (
                (
                    "x_hat = (x - mu) / sigma",
                    "x_hat = (x - x.min(axis=0)) / (x.max(axis=0) - x.min(axis=0))",
                ),
            ),
        ),
        Mistake(
            "ε where none is asked for",
            "You add a small number to the variance, as the layer of chapter 3 will. The z-score "
            "has none: a feature with a tiny spread is to come out with standard deviation 1 too.",
            INPUT,
            ((".sum(axis=0) / n", ".sum(axis=0) / n + 1e-5"),),
        ),
        Mistake(
            "ε added to the standard deviation",
            "You add 0.00001 to the standard deviation. The z-score has no such ε: no feature is "
            "constant here, and next to a tiny spread it counts.",
            INPUT,
            (("sigma = np.sqrt(var)", "sigma = np.sqrt(var) + 1e-5"),),
        ),
        Mistake(
            "the squares of all features added up",
            "You add up the squared deviations of all features, and divide each of them by the "
            "same large number. Add up, or average, over axis 0 only.",
            INPUT,
            ((".sum(axis=0) / n", ".sum() / n"),),
        ),
        Mistake(
            "a small number added to the standard deviation",
            "The z-score divides by the standard deviation alone. Next to a tiny spread even "
            "0.00000001 counts, and no feature is constant here, so nothing has to be guarded.",
            INPUT,
            (("sigma = np.sqrt(var)", "sigma = np.sqrt(var) + 1e-8"),),
        ),
    ),
    hints=(
        "Which axis of x holds the examples? Averaging over that one leaves a number per feature.",
        "Two steps: shift each feature so that its mean is 0, then scale it so that its standard "
        "deviation is 1. What do you subtract, and by what do you divide?",
        "NumPy's mean and std take the axis to average over, and their results, one number per "
        "feature, line up with the columns of x by themselves. Mind the brackets.",
    ),
    read=INPUT,
    laws=(Law("mean", mean_is_zero), Law("spread", spread_is_one)),
    from_scratch=True,
)

WITH = Question(
    name="standardise_with",
    title="Training data and test data",
    names=("standardise_with",),
    reference=source(standardise_with),
    probes=(
        Probe(
            "three training examples, two test examples",
            "several",
            "out = standardise_with(train, test)",
            ("out",),
            lambda rng: train_and_test(rng, 3, 2, 2),
        ),
        Probe(
            "one test example",
            "one",
            "out = standardise_with(train, test)",
            ("out",),
            lambda rng: train_and_test(rng, 4, 1, 3),
        ),
        Probe(
            "as many examples in both",
            "several",
            "out = standardise_with(train, test)",
            ("out",),
            lambda rng: train_and_test(rng, 4, 4, 3),
        ),
        Probe(
            "six training examples, five test examples",
            "several",
            "out = standardise_with(train, test)",
            ("out",),
            lambda rng: train_and_test(rng, 6, 5, 3),
        ),
    ),
    points={"several": 2, "one": 1},
    mistakes=(
        Mistake(
            "the test data standardised with its own statistics",
            "The model has learned from numbers scaled with the training data's μ and σ; the same "
            "image must come out as the same numbers at test time. With statistics of its own the "
            "result depends on the other test examples, and for a single one it is 0/0.",
            INPUT,
            (("scaled(test, train)", "scaled(test, test)"),),
        ),
        Mistake(
            "statistics over train and test together",
            "The test data stand for what comes later: nothing may be computed from them in "
            "advance, not even a mean. Take μ and σ from the training data alone.",
            INPUT,
            (
                ("scaled(train, train)", "scaled(train, np.concatenate([train, test]))"),
                ("scaled(test, train)", "scaled(test, np.concatenate([train, test]))"),
            ),
        ),
        Mistake(
            "the statistics of the test data for both",
            "You use the test data's μ and σ, also for the training data. It is the other way "
            "round: both are standardised with those of the training data.",
            INPUT,
            (
                ("scaled(train, train)", "scaled(train, test)"),
                ("scaled(test, train)", "scaled(test, test)"),
            ),
        ),
        Mistake(
            "the test data centred with its own mean",
            "You subtract the test data's own mean, which moves it onto the training data and "
            "hides that it lies elsewhere. Subtract the mean of the training data.",
            INPUT,
            (
                (
                    "scaled(test, train)",
                    "scaled(test, train) - scaled(test, train).mean(axis=0)",
                ),
            ),
        ),
        Mistake(
            "the test data divided by its own standard deviation",
            "You divide the test data by its own standard deviation. Use that of the training "
            "data, so that one unit means the same in both.",
            INPUT,
            (
                (
                    "scaled(test, train)",
                    "scaled(test, train) / scaled(test, train).std(axis=0)",
                ),
            ),
        ),
        Mistake(
            "the test data left as it was",
            "Your second result is the test data itself. Either it is not scaled at all, or with "
            "the mean and the standard deviation of data that are standardised already, which are "
            "0 and 1: take them from `train` as it came in.",
            INPUT,
            (("scaled(test, train)", "test.copy()"),),
        ),
        Mistake(
            "results in the wrong order",
            "The training data come first, then the test data: you return them the other way "
            "round.",
            INPUT,
            (("return train_hat, test_hat", "return test_hat, train_hat"),),
        ),
        Mistake(
            "the variance is divided by n − 1",
            MINUS_ONE,
            INPUT,
            (("n = fitted.shape[0]", "n = fitted.shape[0] - 1"),),
            number=1,
        ),
        Mistake(
            "divided by the variance",
            BY_VARIANCE,
            INPUT,
            (("sigma = np.sqrt(var)", "sigma = var"),),
            number=6,
        ),
        Mistake(
            "the mean is not subtracted",
            NOT_CENTRED,
            INPUT,
            (("x_hat = (x - mu) / sigma", "x_hat = x / sigma"),),
        ),
        Mistake(
            "not divided by the standard deviation",
            "Your results are shifted, and the spread is still that of the input. Divide both by "
            "the standard deviation of each feature of the training data.",
            INPUT,
            (("x_hat = (x - mu) / sigma", "x_hat = x - mu"),),
        ),
        Mistake(
            "one mean for all features",
            ONE_MEAN,
            INPUT,
            (("x_hat = (x - mu)", "x_hat = (x - fitted.mean())"),),
        ),
        Mistake(
            "one standard deviation for all features",
            ONE_SPREAD,
            INPUT,
            (
                (
                    "var = ((fitted - mu) ** 2).sum(axis=0) / n",
                    "var = ((fitted - fitted.mean()) ** 2).mean()",
                ),
            ),
        ),
        Mistake(
            "statistics per example",
            PER_EXAMPLE,
            INPUT,
            (
                (
                    "x_hat = (x - mu) / sigma",
                    "x_hat = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)",
                ),
            ),
        ),
    ),
    hints=(
        "When the model is in use, examples arrive one at a time. Which mean do you know then?",
        "There is one mean and one standard deviation per feature for both sets. Whose?",
        "Compute mean and standard deviation of the training data over the examples, each once. "
        "Subtract and divide twice with these same numbers, and return the two results in order.",
    ),
    read=INPUT,
    laws=(
        Law("mean of the training data", mean_is_zero),
        Law("spread of the training data", spread_is_one),
        Law("scale of the test data", one_scale_for_both),
        Law("shift of the test data", one_shift_for_both),
    ),
    from_scratch=True,
)

IN_SINGLE = "x = np.float32(x)\nout = variance(x)"

VARIANCE = Question(
    name="variance",
    title="A variance that survives a large mean",
    names=("variance",),
    reference=source(variance),
    probes=(
        Probe("small numbers", "small", IN_SINGLE, ("out", "x"), whole_numbers),
        Probe("a large mean", "large mean", IN_SINGLE, ("out", "x"), large_mean_single),
    ),
    points={"small": 1, "large mean": 2},
    mistakes=(
        Mistake(
            "the variance in one pass, E[x²] − E[x]²",
            "Around 100 000 the squares are near 10¹⁰, and float32 rounds them to about a "
            "thousand. You subtract two such numbers that are nearly equal, and all that is left "
            "is rounding. Subtract the mean from x first, then square.",
            PRECISION,
            (("centred = x - mu", "centred = x"), ("return total / n", "return total / n - mu**2")),
            number=7,
            loose=frozenset({"a large mean"}),
        ),
        Mistake(
            "the variance is divided by n − 1",
            "Here the mean of the squared deviations is asked for: divide by n.",
            PRECISION,
            (("n = x.shape[0]", "n = x.shape[0] - 1"),),
            number=1,
        ),
        Mistake(
            "the sum in place of the mean",
            "You add up the squared deviations: divide the sum by n, or take their mean.",
            PRECISION,
            (("return total / n", "return total"),),
        ),
        Mistake(
            "the standard deviation in place of the variance",
            "The variance is asked for, the mean of the squared deviations: leave out the root.",
            PRECISION,
            (("return total / n", "return np.sqrt(total / n)"),),
        ),
        Mistake(
            "absolute deviations in place of squares",
            "You average the sizes of the deviations. The variance averages their squares.",
            PRECISION,
            (("squares = centred**2", "squares = np.abs(centred)"),),
        ),
        Mistake(
            "the mean is not subtracted",
            "You average the squares of x itself: subtract the mean of each feature first.",
            PRECISION,
            (("centred = x - mu", "centred = x"),),
        ),
        Mistake(
            "the mean is not squared",
            "In E[x²] − E[x]² the mean is squared; you subtract E[x] itself. And with a large mean "
            "this formula loses all digits: subtract the mean first, then square.",
            PRECISION,
            (("centred = x - mu", "centred = x"), ("return total / n", "return total / n - mu")),
        ),
        Mistake(
            "the square of the mean in place of the mean of the squares",
            "You average the deviations before you square them. They add up to 0: square each of "
            "them first.",
            PRECISION,
            (
                ("squares = centred**2", "squares = centred"),
                ("return total / n", "return (total / n) ** 2"),
            ),
        ),
        Mistake(
            "one mean for all features",
            ONE_MEAN,
            PRECISION,
            (("mu = x.mean(axis=0)", "mu = x.mean()"),),
        ),
        Mistake(
            "one variance for all features",
            "You return the variance of all numbers together. One per feature is asked for: "
            "average over axis 0 only.",
            PRECISION,
            (
                ("mu = x.mean(axis=0)", "mu = x.mean()"),
                ("n = x.shape[0]", "n = x.size"),
                ("total = squares.sum(axis=0)", "total = squares.sum()"),
            ),
        ),
        Mistake(
            "statistics per example",
            "You return a variance for each example, over its features. One per feature is asked "
            "for: average over axis 0.",
            PRECISION,
            (
                ("mu = x.mean(axis=0)", "mu = x.mean(axis=1, keepdims=True)"),
                ("n = x.shape[0]", "n = x.shape[1]"),
                ("total = squares.sum(axis=0)", "total = squares.sum(axis=1)"),
            ),
        ),
    ),
    hints=(
        "The differences between the values are small, and float32 holds them exactly. At which "
        "step of your computation do the numbers become huge?",
        "Adding a constant to x does not change its variance. So move x near 0 before you square.",
        "Take the mean over the examples, subtract it from x, square what you have then, and "
        "take the mean over the examples again.",
    ),
    read=PRECISION,
    laws=(
        Law("the argument", leaves_x),
        Law("not negative", not_negative),
        Law("common factor", variance_ignores_the_mean),
        Law("mean of squared deviations", mean_of_squares),
    ),
    tolerance=1e-5,
)

REMAINING = value_question(
    "remaining",
    "What is left of a signal",
    0.5**5,
    (
        wrong(
            0.5**6,
            "one step too many",
            "You counted layers and not steps: from layer 1 to layer 6 there are five.",
            INSIDE,
        ),
        wrong(
            0.5**4,
            "one step too few",
            "From layer 1 to layer 6 there are five steps, and you took four.",
            INSIDE,
        ),
        wrong(
            np.sqrt(0.5 * 50 * 0.01**2) ** 5,
            "the variance squared",
            "0.01 is the variance of the weights already: do not square it again.",
            INSIDE,
        ),
        wrong(
            np.sqrt(0.5 * 50 * 0.1) ** 5,
            "the standard deviation in place of the variance",
            "You put the standard deviation of the weights, 0.1, into the formula. It takes the "
            "variance, 0.01.",
            INSIDE,
        ),
        wrong(
            (1 / 6) ** 2.5,
            "the factor of PyTorch's default",
            "0.41 is the factor of PyTorch's default. Here the weights are drawn otherwise: take "
            "n and the variance from the question.",
            INSIDE,
        ),
        wrong(
            100 * 0.5**5,
            "per cent",
            "That is the answer in per cent. A ratio is asked for: divide by 100.",
            INSIDE,
        ),
        wrong(
            0.25**5,
            "the root of the factor left out",
            "½·n·Var(w) is the factor of the mean square. The root mean square is multiplied by "
            "its root.",
            INSIDE,
        ),
        wrong(
            0.5**2.5,
            "ReLU's half left out",
            "Your factor is √(n·Var(w)), that of a linear layer. ReLU throws away half of the "
            "squares: a ½ belongs under the root.",
            INSIDE,
        ),
        wrong(
            0.5,
            "one step only",
            "0.5 is the factor of a single step. Each of the five steps multiplies by it again.",
            INSIDE,
        ),
        wrong(
            0.1,
            "the factor divided by the number of steps",
            "The steps do not share one factor: each of them multiplies by it, so depth enters as "
            "a power.",
            INSIDE,
        ),
        wrong(
            2.5,
            "the factor multiplied by the number of steps",
            "Five steps are five multiplications by the factor, a power, and not a sum.",
            INSIDE,
        ),
        wrong(
            2.0**5,
            "the inverse",
            "You give layer 1 in units of layer 6: the question is the other way round.",
            INSIDE,
        ),
    ),
    (
        "First find the factor of a single step. The table in the chapter shows how it follows "
        "from the variance of the weights.",
        "With n inputs to a unit, a ReLU layer multiplies the root mean square by the root of "
        "half of n times the variance of a weight. How many steps lie between layers 1 and 6?",
        "Multiply n by the variance, halve it, take the root, and raise this factor to the power "
        "of the number of steps.",
    ),
    INSIDE,
    tolerance=0.01,
)

AFTER_RELU = value_question(
    "after_relu",
    "What ReLU does to a standardised unit",
    0.3,
    (
        wrong(
            0.5,
            "the mean square in place of the variance",
            "0.5 is the mean of the squares, and that is halved indeed. But the mean is no longer "
            "0, and the variance counts from the mean.",
            RELU,
        ),
        wrong(
            np.sqrt(0.3),
            "the standard deviation in place of the variance",
            "You took the root. The variance is asked for.",
            RELU,
        ),
        wrong(
            0.4,
            "the variance is divided by n − 1",
            "You divided by 3. Divide by n: there are four values.",
            RELU,
            number=1,
        ),
        wrong(
            1.2,
            "the sum in place of the mean",
            "You added up the squared differences. The variance is their mean: divide by 4.",
            RELU,
        ),
        wrong(
            1.0,
            "the variance before ReLU",
            "That is the variance before ReLU. Two of the four values have become 0.",
            RELU,
        ),
        wrong(
            0.8,
            "clipping left out of the squares",
            "You subtracted the square of the new mean from 1. The mean square is no longer 1: "
            "two of the squares have become 0.",
            RELU,
        ),
        wrong(
            1 / np.sqrt(5),
            "the mean in place of the variance",
            "That is the mean after ReLU, which is no longer 0. The variance is asked for.",
            RELU,
        ),
        wrong(
            1.5,
            "the division by √5 left out",
            "You took the values 0, 0, 1, 3. They are still to be divided by √5, which divides "
            "the variance by 5.",
            RELU,
        ),
        wrong(
            0.2,
            "the variance of the positive values alone",
            "You left out the two images that give 0. They count: a unit that is silent for half "
            "of the images has the value 0 there.",
            RELU,
        ),
        wrong(
            0.34,
            "the value of a Gaussian",
            "0.34 is right for a Gaussian. These four values are another distribution with mean 0 "
            "and variance 1: compute theirs.",
            RELU,
        ),
    ),
    (
        "Write down the four values after ReLU. Two of them are the same.",
        "Is the mean of these four values still 0? The variance counts from their own mean.",
        "Clip at 0, take the mean of all four values, then the mean of the squared differences "
        "from it.",
    ),
    RELU,
)

SHIFT = value_question(
    "shift",
    "What the chapter found about internal covariate shift",
    "c",
    (
        wrong(
            "a",
            "a cause read into a correlation",
            "The means moved less with BN, but that alone cannot show a cause. When shift was "
            "added behind BN on purpose, the network was not slower than the one without BN by "
            "any margin that five seeds can show.",
            SLOWS,
        ),
        wrong(
            "b",
            "the motion of the means overlooked",
            "By one of the two measures BN did reduce the shift: the means moved far less per "
            "step. In training mode each unit's mean is β, so it could not be otherwise.",
            REDUCES,
        ),
        wrong(
            "d",
            "the change of the gradients overlooked",
            "This holds for the means. By the second measure, how much a layer's gradient changes "
            "when the layers below take their step, the two networks showed no such gap.",
            REDUCES,
        ),
    ),
    (
        "The chapter measures shift in two ways. Did they agree?",
        "One of the two measures is small with BN by construction. The other asks what the "
        "optimiser sees.",
        "Compare the two panels of the figure on the two measures, then read the last experiment: "
        "shift was added on purpose. Look for the option that claims no more than that.",
    ),
    REDUCES,
    choices=("a", "b", "c", "d"),
)

EXERCISE = Exercise(
    "ex02_rationale",
    "Standardise, and follow the scales",
    (STANDARDISE, WITH, VARIANCE, REMAINING, AFTER_RELU, SHIFT),
)
