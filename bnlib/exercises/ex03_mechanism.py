"""Exercise 3: which values share a mean, the forward pass for vectors and images, ε."""

from __future__ import annotations

import numpy as np

from bnlib.exercises.inputs import affine, batch, large_mean
from bnlib.exercises.laws import mean_is_beta, spread_is_gamma
from bnlib.exercises.question import (
    Exercise,
    Mistake,
    Probe,
    Question,
    Section,
    source,
    value_question,
    wrong,
)

CHAPTER = "03_mechanism"
BY_HAND = Section(CHAPTER, "From the z-score to batch normalization, by hand")
EPSILON = Section(CHAPTER, "What ε does")
SHARED = Section(CHAPTER, "Which values share a mean?")
GAMMA = Section(CHAPTER, "γ and β can undo it")
BIAS = Section(CHAPTER, "The bias no longer matters either")
PRECISION = Section("02_rationale", "Numerical stability")


# The references.


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    axes = (0, *range(2, x.ndim))
    mu = x.mean(axis=axes)
    var = x.var(axis=axes)
    return mu, var


def standardise(x: np.ndarray, eps: float) -> np.ndarray:
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    centred = x - mu
    return centred / np.sqrt(var + eps)


def batch_norm(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> np.ndarray:
    axes = (0, *range(2, x.ndim))
    mu = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    shape = (1, -1) + (1,) * (x.ndim - 2)
    x_hat = (x - mu) / np.sqrt(var + eps)
    return gamma.reshape(shape) * x_hat + beta.reshape(shape)


STATISTICS = Question(
    name="statistics",
    title="Which values share a mean",
    names=("batch_statistics",),
    reference=source(batch_statistics),
    probes=(
        Probe(
            "three examples, two channels",
            "vectors",
            "out = batch_statistics(x)",
            ("out",),
            lambda rng: {"x": batch(rng, 3, 2)},
        ),
        Probe(
            "vectors",
            "vectors",
            "out = batch_statistics(x)",
            ("out",),
            lambda rng: {"x": batch(rng, 5, 4)},
        ),
        Probe(
            "a large mean",
            "large mean",
            "out = batch_statistics(x)",
            ("out",),
            lambda rng: {"x": large_mean(rng, 4, 3)},
        ),
        Probe(
            "sequences",
            "images",
            "out = batch_statistics(x)",
            ("out",),
            lambda rng: {"x": batch(rng, 4, 2, 3)},
        ),
        Probe(
            "images",
            "images",
            "out = batch_statistics(x)",
            ("out",),
            lambda rng: {"x": batch(rng, 4, 3, 2, 5)},
        ),
    ),
    points={"vectors": 1, "large mean": 1, "images": 2},
    mistakes=(
        Mistake(
            "the variance is divided by n − 1",
            "Batch normalization divides by n, the number of values per channel, so use "
            "`ddof=0`. With n − 1 the output would not have variance 1; that correction belongs "
            "to the running variance alone.",
            BY_HAND,
            (("x.var(axis=axes)", "x.var(axis=axes, ddof=1)"),),
            number=1,
        ),
        Mistake(
            "the variance in one pass, E[x²] − E[x]²",
            "This subtracts two huge numbers that are nearly equal, and with a large mean no "
            "digit survives. Subtract the mean first, then square.",
            PRECISION,
            (("x.var(axis=axes)", "(x**2).mean(axis=axes) - mu**2"),),
            number=7,
            loose=frozenset({"a large mean"}),
        ),
        Mistake(
            "statistics over the batch axis alone",
            "Each position of an image gets statistics of its own. In a convolution's output a "
            "channel is the same feature at every position, so N, H and W are all averaged over.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = (0,)"),),
            number=8,
        ),
        Mistake(
            "statistics over the channel axis",
            "You average over the channels of each example: that is layer normalization. Batch "
            "normalization averages over every axis but the channels', axis 1.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = tuple(range(1, x.ndim))"),),
            number=8,
        ),
        Mistake(
            "one mean for all channels",
            "You average over the channels too, and they have different units. Each channel "
            "keeps a mean of its own: average over every axis but axis 1.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = tuple(range(x.ndim))"),),
            number=8,
        ),
        Mistake(
            "the standard deviation in place of the variance",
            "The second result is to be σ², and you return its root.",
            BY_HAND,
            (("x.var(axis=axes)\n", "x.std(axis=axes)\n"),),
        ),
        Mistake(
            "statistics keep the averaged axes",
            "Your results have axes of length 1, like (1, C). Statistics are stored per channel, "
            "with the shape (C,): leave `keepdims` out, or reshape at the end.",
            SHARED,
            (("return mu, var", "return mu.reshape(1, -1), var.reshape(1, -1)"),),
            number=14,
        ),
    ),
    hints=(
        "Which axis tells the features apart? That one must survive.",
        "For images a channel has N·H·W values. Which axes do you average over to be left with C "
        "numbers, whatever the number of axes?",
        "Build a tuple of axes: the first one, and all from the third on. NumPy's mean and var "
        "take such a tuple, and divide by the number of values unless told otherwise.",
    ),
    read=SHARED,
    from_scratch=True,
)

FORWARD = Question(
    name="forward",
    title="The forward pass, for vectors and images",
    names=("batch_norm",),
    reference=source(batch_norm),
    probes=(
        Probe(
            "three examples, two channels",
            "vectors",
            "y = batch_norm(x, gamma, beta, eps)",
            ("y",),
            lambda rng: {"x": batch(rng, 3, 2), **affine(rng, 2), "eps": 1e-5},
        ),
        Probe(
            "a tiny spread",
            "small spread",
            "y = batch_norm(x, gamma, beta, eps)",
            ("y",),
            lambda rng: {
                "x": (1e-3 * rng.standard_normal((4, 2))).round(5),
                **affine(rng, 2),
                "eps": 1e-5,
            },
        ),
        Probe(
            "a constant channel",
            "small spread",
            "y = batch_norm(x, gamma, beta, eps)",
            ("y",),
            lambda rng: {"x": np.full((4, 2), 3.0), **affine(rng, 2), "eps": 1e-5},
        ),
        Probe(
            "images",
            "images",
            "y = batch_norm(x, gamma, beta, eps)",
            ("y",),
            lambda rng: {"x": batch(rng, 4, 3, 2, 5), **affine(rng, 3), "eps": 1e-3},
        ),
        Probe(
            "images with as many rows and columns as channels",
            "images",
            "y = batch_norm(x, gamma, beta, eps)",
            ("y",),
            lambda rng: {"x": batch(rng, 4, 3, 3, 3), **affine(rng, 3), "eps": 1e-3},
        ),
    ),
    points={"vectors": 1, "small spread": 1, "images": 2},
    mistakes=(
        Mistake(
            "ε outside the root",
            "Ε is added to the variance before the root. Outside of it, ε hardly counts: a "
            "spread of 0.001 comes out as 0.99 and not as 0.30.",
            EPSILON,
            (("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),),
            number=4,
        ),
        Mistake(
            "no ε",
            "A constant channel has variance 0, and 0/0 is NaN. Add ε to the variance.",
            EPSILON,
            (("np.sqrt(var + eps)", "np.sqrt(var)"),),
            number=5,
        ),
        Mistake(
            "divided by the variance",
            "Divide by the standard deviation, the root of the variance: only then does the "
            "scale of the input cancel.",
            BY_HAND,
            (("np.sqrt(var + eps)", "(var + eps)"),),
            number=6,
        ),
        Mistake(
            "the variance is divided by n − 1",
            "The normaliser divides by n. With n − 1 the output's variance is (n−1)/n instead "
            "of 1.",
            BY_HAND,
            (("x.var(axis=axes, ", "x.var(axis=axes, ddof=1, "),),
            number=1,
        ),
        Mistake(
            "statistics over the batch axis alone",
            "Each position of an image gets statistics of its own. Average over N, H and W.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = (0,)"),),
            number=8,
        ),
        Mistake(
            "γ and β on the wrong axis",
            "γ and β are laid along the last axis, as broadcasting does by itself. For images "
            "they belong to axis 1. Where C = H = W this raises no error: the result is just "
            "wrong.",
            SHARED,
            (("shape = (1, -1) + (1,) * (x.ndim - 2)", "shape = (-1,)"),),
            number=9,
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
            "β added before the scaling",
            "You compute γ·(x̂ + β); the definition is γ·x̂ + β.",
            GAMMA,
            (
                (
                    "gamma.reshape(shape) * x_hat + beta.reshape(shape)",
                    "gamma.reshape(shape) * (x_hat + beta.reshape(shape))",
                ),
            ),
        ),
        Mistake(
            "the mean is not subtracted",
            "You divide x itself by the standard deviation: subtract the mean first.",
            BY_HAND,
            (("(x - mu) /", "x /"),),
        ),
    ),
    hints=(
        "You have the statistics already. What shape must they have so that subtracting them "
        "from x lines up with axis 1?",
        "`keepdims=True` keeps the averaged axes with length 1, and a reshape gives γ and β the "
        "same form.",
        "Statistics with kept axes; subtract; divide by the root of variance plus ε; then γ and "
        "β, each reshaped to length C on axis 1 and length 1 on all others.",
    ),
    read=BY_HAND,
    laws=(mean_is_beta("y"), spread_is_gamma("y", "x", "eps")),
    from_scratch=True,
)

SPREAD = value_question(
    "spread",
    "What ε does to a small spread",
    1e-3 / np.sqrt(1e-6 + 1e-5),
    (
        wrong(
            1e-3 / (1e-3 + 1e-5),
            "ε outside the root",
            "You added ε to σ. It is added to σ², inside the root.",
            EPSILON,
            number=4,
        ),
        wrong(
            1.0,
            "no ε",
            "Without ε the spread would be exactly 1. Here ε is ten times as large as σ².",
            EPSILON,
            number=5,
        ),
        wrong(
            1e-3 / np.sqrt(1e-3 + 1e-5),
            "σ in place of σ²",
            "You added ε to σ = 0.001. The variance is its square, 0.000001.",
            EPSILON,
        ),
        wrong(
            1e-3 / (1e-6 + 1e-5),
            "divided by the variance",
            "The root is missing: divide by √(σ² + ε).",
            EPSILON,
            number=6,
        ),
    ),
    (
        "How large is σ² here, and how large is ε?",
        "The output's spread is σ divided by the whole root.",
        "Square σ, add ε, take the root, and divide σ by it.",
    ),
    EPSILON,
)

EXERCISE = Exercise("ex03_mechanism", "What the layer computes", (STATISTICS, FORWARD, SPREAD))
