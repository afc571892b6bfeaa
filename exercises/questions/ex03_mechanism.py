"""Exercise 3: which values share a mean, the forward pass for vectors and images, ε, γ and β."""

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
from exercises.questions.inputs import affine, batch, large_mean
from exercises.questions.laws import channel_axes, mean_is_beta, spread_is_gamma

CHAPTER = "03_mechanism"
BY_HAND = Section(CHAPTER, "From the z-score to batch normalization, by hand")
EPSILON = Section(CHAPTER, "What ε does")
SHARED = Section(CHAPTER, "Which values share a mean?")
GAMMA = Section(CHAPTER, "γ and β can undo it")
WEIGHTS = Section(CHAPTER, "The size of the weights no longer matters")
BIAS = Section(CHAPTER, "The bias no longer matters either")
PRECISION = Section("02_rationale", "Numerical stability")


# The references.


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    axes = (0, *range(2, x.ndim))
    mu = x.mean(axis=axes)
    var = x.var(axis=axes)
    return mu, var


def batch_norm(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> np.ndarray:
    axes = (0, *range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mu = x.mean(axis=axes)
    var = x.var(axis=axes)
    mu, var = mu.reshape(shape), var.reshape(shape)
    gamma = gamma.reshape(shape)
    beta = beta.reshape(shape)
    centred = x - mu
    inside = var + eps
    x_hat = centred / np.sqrt(inside)
    return gamma * x_hat + beta


def undo(x: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray]:
    axes = (0, *range(2, x.ndim))
    mu = x.mean(axis=axes)
    var = x.var(axis=axes)
    inside = var + eps
    gamma = np.sqrt(inside)
    beta = mu
    return gamma, beta


# The laws.


def gives_back(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The layer with the learner's γ and β returns its input."""
    x, (gamma, beta) = inputs["x"], values["out"]
    y = batch_norm(x, np.asarray(gamma), np.asarray(beta), inputs["eps"])
    worst = np.unravel_index(int(np.argmax(np.abs(y - x))), x.shape)
    if abs(y[worst] - x[worst]) < 1e-8 * (1 + np.abs(x).max()):
        return None
    place = ", ".join(map(str, worst))
    return (
        f"with your γ and β the layer turns x[{place}] = {x[worst]:.4g} into {y[worst]:.4g}: it "
        "does not give its input back."
    )


def mean_of_each_channel(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The first result is the sum of a channel's values, divided by their number."""
    x, mu = inputs["x"], values["out"][0]
    wanted = x.mean(axis=channel_axes(x))
    worst = int(np.argmax(np.abs(mu - wanted)))
    if abs(mu[worst] - wanted[worst]) < 1e-6 * (1 + np.abs(wanted).max()):
        return None
    return (
        f"the mean of channel {worst} is off: its {x[:, worst].size} values add up to "
        f"{x[:, worst].sum():.6g}. Which values did you take, and by what did you divide?"
    )


def variance_of_each_channel(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The second result is the sum of a channel's squared deviations, divided by their number."""
    x, var = inputs["x"], values["out"][1]
    wanted = x.var(axis=channel_axes(x))
    worst = int(np.argmax(np.abs(var - wanted)))
    if abs(var[worst] - wanted[worst]) < 1e-6 * (1 + np.abs(wanted).max()):
        return None
    return (
        f"the means are right, the variance of channel {worst} is off: its {x[:, worst].size} "
        f"squared deviations from the mean add up to {wanted[worst] * x[:, worst].size:.6g}."
    )


# The inputs.


def constant_second_channel(rng: np.random.Generator) -> Inputs:
    """Three examples of two channels, the second without any spread."""
    x = batch(rng, 3, 2)
    x[:, 1] = 7.0
    return {"x": x, "eps": 1e-2}


def tiny_and_constant(rng: np.random.Generator) -> np.ndarray:
    """Four examples of two channels: the first has a spread of about 0.001, the second none."""
    x = (1e-3 * rng.standard_normal((4, 2))).round(5)
    x[:, 1] = 3.0
    return x


# The questions.

COUNT = value_question(
    "n",
    "How many values share a mean",
    16 * 5 * 6,
    (
        wrong(
            16,
            "n is N alone",
            "You counted the images. In each of them the channel has a value at every position, "
            "and all positions count as examples.",
            SHARED,
            number=26,
        ),
        wrong(
            16 * 8 * 5 * 6,
            "all values of the batch",
            "That is every number in the batch. Each of the 8 channels has a mean of its own, so "
            "the channels are not multiplied in.",
            SHARED,
            number=8,
        ),
        wrong(
            5 * 6,
            "the positions of one image",
            "That would be a mean for each image by itself (instance normalization). The mean "
            "goes over all images of the batch too.",
            SHARED,
            number=8,
        ),
        wrong(
            8 * 5 * 6,
            "one image with all its channels",
            "That is one image with all its channels (layer normalization). Batch normalization "
            "keeps the channels apart and takes all images together.",
            SHARED,
            number=8,
        ),
        wrong(
            16 * 8,
            "the values at one position",
            "That is all images and all channels at one position. It is the other way round: "
            "all images and all positions, in one channel.",
            SHARED,
            number=8,
        ),
        wrong(
            8,
            "the number of channels",
            "That is how many means there are. How many values is each of them taken over?",
            SHARED,
        ),
    ),
    (
        "One channel keeps to itself. What is averaged over: which of the four axes?",
        "Look at the chapter's table of inputs, in the row with four axes.",
        "Multiply the lengths of all axes except that of the channels, axis 1.",
    ),
    SHARED,
    tolerance=1e-6,
)

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
            "statistics over axis 1 alone",
            "You average over the channels, for each example and position by itself. It is the "
            "other way round: average over every axis but the channels', axis 1.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = (1,)"),),
            number=8,
        ),
        Mistake(
            "the last axis taken for the channels",
            "You keep the last axis. In this course, as in PyTorch, channels stand on axis 1; in "
            "an image the last axis holds the columns.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = tuple(range(x.ndim - 1))"),),
            number=8,
        ),
        Mistake(
            "reshaped to (n, C) across the channels",
            "A reshape keeps the order in memory, in which positions come last: with the shape "
            "(n, C) values of several channels end up in one column. Move axis 1 to the end first, "
            "or average over several axes at once.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = 0; x = x.reshape(-1, x.shape[1])"),),
            number=8,
        ),
        Mistake(
            "reshaped to (C, n) across the channels",
            "A reshape keeps the order in memory, in which the examples come first: with the shape "
            "(C, n) values of several channels end up in one row. Move axis 1 to the front first, "
            "or average over several axes at once.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = 1; x = x.reshape(x.shape[1], -1)"),),
            number=8,
        ),
        Mistake(
            "variances of the positions averaged",
            "You take the variance at each position and average these. What differs from position "
            "to position is lost: all N·H·W values deviate from one common mean.",
            SHARED,
            (
                (
                    "x.var(axis=axes)",
                    "x.var(axis=0).reshape(x.shape[1], -1).mean(axis=1)",
                ),
            ),
            number=8,
        ),
        Mistake(
            "n is N alone",
            "You divide the sum of squares by the number of examples. A channel of an image has "
            "N·H·W values: divide by all of them.",
            SHARED,
            (("x.var(axis=axes)", "x.var(axis=axes) * x.size / (x.shape[0] * x.shape[1])"),),
            number=26,
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
            (
                (
                    "return mu, var",
                    "kept = (1, -1) + (1,) * (x.ndim - 2)\n"
                    "    return mu.reshape(kept), var.reshape(kept)",
                ),
            ),
            number=14,
        ),
        Mistake(
            "results in the wrong order",
            "The mean comes first, then the variance: you return them the other way round.",
            BY_HAND,
            (("return mu, var", "return var, mu"),),
        ),
        Mistake(
            "axes that fit images alone",
            "You name axes 2 or 3, and not every input has them: vectors end at axis 1, sequences "
            "at axis 2. Build the tuple from `x.ndim`: every axis but axis 1.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = (0, 2, 3)"),),
        ),
        Mistake(
            "the variance of the averages",
            "You average over the positions first and take the variance of what is left. What "
            "differs within an image is lost: all N·H·W values deviate from one common mean.",
            SHARED,
            (
                (
                    "x.var(axis=axes)",
                    "x.reshape(*x.shape[:2], -1).mean(axis=2).var(axis=0)",
                ),
            ),
        ),
        Mistake(
            "the examples taken for the channels",
            "`x[c]` is example c, with all its channels. Channel c of all examples is `x[:, c]`.",
            SHARED,
            (
                (
                    "mu = x.mean(axis=axes)",
                    "x = np.stack([x[c].ravel() for c in range(x.shape[1])], axis=1)\n"
                    "    axes = 0\n"
                    "    mu = x.mean(axis=axes)",
                ),
            ),
        ),
        Mistake(
            "divided by the number of all values",
            "You divide the squared deviations of a channel by `x.size`, which counts the other "
            "channels too. A channel has only N·H·W of these values.",
            SHARED,
            (("x.var(axis=axes)", "x.var(axis=axes) / x.shape[1]"),),
        ),
        Mistake(
            "n is N alone, in the mean too",
            "You divide both sums by the number of examples. A channel of an image has N·H·W "
            "values: divide by all of them.",
            SHARED,
            (
                (
                    "mu = x.mean(axis=axes)",
                    "n = x.shape[0]\n"
                    "    kept = (1, -1) + (1,) * (x.ndim - 2)\n"
                    "    mu = x.sum(axis=axes) / n",
                ),
                ("x.var(axis=axes)", "((x - mu.reshape(kept)) ** 2).sum(axis=axes) / n"),
            ),
            number=26,
        ),
        Mistake(
            "absolute deviations in place of squares",
            "You average the sizes of the deviations. The variance averages their squares.",
            BY_HAND,
            (
                (
                    "x.var(axis=axes)",
                    "np.abs(x - x.mean(axis=axes, keepdims=True)).mean(axis=axes)",
                ),
            ),
        ),
        Mistake(
            "the mean square in place of the variance",
            "You average the squares of x itself. Subtract the mean of each channel first.",
            BY_HAND,
            (("x.var(axis=axes)", "(x**2).mean(axis=axes)"),),
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
    laws=(
        Law("mean", mean_of_each_channel),
        Law("variance", variance_of_each_channel),
    ),
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
            "a tiny spread, and none at all",
            "small spread",
            "y = batch_norm(x, gamma, beta, eps)",
            ("y",),
            lambda rng: {"x": tiny_and_constant(rng), **affine(rng, 2), "eps": 1e-5},
        ),
        Probe(
            "sequences",
            "images",
            "y = batch_norm(x, gamma, beta, eps)",
            ("y",),
            lambda rng: {"x": batch(rng, 4, 2, 3), **affine(rng, 2), "eps": 1e-3},
        ),
        Probe(
            "a large mean",
            "vectors",
            "y = batch_norm(x, gamma, beta, eps)",
            ("y",),
            lambda rng: {"x": large_mean(rng, 4, 3), **affine(rng, 3), "eps": 1e-3},
        ),
        Probe(
            "images",
            "images",
            "y = batch_norm(x, gamma, beta, eps)",
            ("y",),
            lambda rng: {"x": batch(rng, 4, 3, 2, 5), **affine(rng, 3), "eps": 1e-2},
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
            "Add ε to the variance, before the root. Outside of it, ε hardly counts: a spread of "
            "0.001 comes out as 0.99 and not as 0.30.",
            EPSILON,
            (("np.sqrt(inside)", "(np.sqrt(var) + eps)"),),
            number=4,
        ),
        Mistake(
            "no ε",
            "Add ε to the variance, before the root. Without it a constant channel, of variance "
            "0, gives 0/0, which is NaN.",
            EPSILON,
            (("inside = var + eps", "inside = var"),),
            number=5,
        ),
        Mistake(
            "divided by the variance",
            "Divide by the standard deviation, the root of the variance: only then does the "
            "scale of the input cancel.",
            BY_HAND,
            (("np.sqrt(inside)", "inside"),),
            number=6,
        ),
        Mistake(
            "the variance is divided by n − 1",
            "The normaliser divides by n. With n − 1 the output's variance is (n−1)/n instead "
            "of 1.",
            BY_HAND,
            (("x.var(axis=axes)", "x.var(axis=axes, ddof=1)"),),
            number=1,
        ),
        Mistake(
            "the variance in one pass, E[x²] − E[x]²",
            "This subtracts two huge numbers that are nearly equal, and with a large mean no "
            "digit survives. Subtract the mean first, then square.",
            PRECISION,
            (("x.var(axis=axes)", "(x**2).mean(axis=axes) - x.mean(axis=axes) ** 2"),),
            number=7,
            loose=frozenset({"a large mean"}),
        ),
        Mistake(
            "statistics over the batch axis alone",
            "Each position of an image gets statistics of its own. In a convolution's output a "
            "channel is the same feature at every position: average over N, H and W.",
            SHARED,
            (
                ("axes = (0, *range(2, x.ndim))", "axes = (0,)"),
                (
                    "mu, var = mu.reshape(shape), var.reshape(shape)",
                    "mu, var = mu[None], var[None]",
                ),
            ),
            number=8,
        ),
        Mistake(
            "statistics over the channel axis",
            "You average over the channels of each example: that is layer normalization. Batch "
            "normalization averages over every axis but the channels', axis 1.",
            SHARED,
            (
                ("axes = (0, *range(2, x.ndim))", "axes = tuple(range(1, x.ndim))"),
                (
                    "mu, var = mu.reshape(shape), var.reshape(shape)",
                    "mu, var = (v.reshape(-1, *shape[:1], *shape[2:]) for v in (mu, var))",
                ),
            ),
            number=8,
        ),
        Mistake(
            "statistics per image and channel",
            "Every image gets a mean and a variance of its own, which is instance normalization. "
            "Average over the images too, axis 0.",
            SHARED,
            (
                ("axes = (0, *range(2, x.ndim))", "axes = tuple(range(2, x.ndim)) or (0,)"),
                (
                    "mu, var = mu.reshape(shape), var.reshape(shape)",
                    "mu, var = (v.reshape(-1, x.shape[1], *shape[2:]) for v in (mu, var))",
                ),
            ),
            number=8,
        ),
        Mistake(
            "statistics per example and channel",
            "Every example gets statistics of its own. In a vector that is one number per channel, "
            "which less its own mean is 0, so β is all that comes out. Average over the examples, "
            "axis 0.",
            SHARED,
            (
                ("axes = (0, *range(2, x.ndim))", "axes = tuple(range(2, x.ndim))"),
                (
                    "mu, var = mu.reshape(shape), var.reshape(shape)",
                    "mu, var = (v.reshape(-1, x.shape[1], *shape[2:]) for v in (mu, var))",
                ),
            ),
            number=8,
        ),
        Mistake(
            "one mean and one variance for all channels",
            "You average over the channels too, and they have different units. Each channel has "
            "statistics of its own.",
            SHARED,
            (
                ("axes = (0, *range(2, x.ndim))", "axes = tuple(range(x.ndim))"),
                ("mu, var = mu.reshape(shape), var.reshape(shape)", "mu, var = mu, var"),
            ),
            number=8,
        ),
        Mistake(
            "γ and β on the wrong axis",
            "Broadcasting lays γ and β along the last axis if you leave it to itself. For images "
            "they belong to axis 1. If the sizes differ this is an error; where C = H = W there is "
            "none, and the result is just wrong.",
            SHARED,
            (
                ("gamma = gamma.reshape(shape)", "gamma = gamma"),
                ("beta = beta.reshape(shape)", "beta = beta"),
            ),
            number=9,
            loose=frozenset({"sequences", "images"}),
        ),
        Mistake(
            "μ and σ² on the wrong axis",
            "With the shape (C,), μ and σ² are laid along the last axis by broadcasting. For "
            "images they belong to axis 1: keep the averaged axes, or reshape. If the sizes differ "
            "this is an error; where C = H = W there is none.",
            SHARED,
            (("mu, var = mu.reshape(shape), var.reshape(shape)", "mu, var = mu, var"),),
            number=9,
            loose=frozenset({"sequences", "images"}),
        ),
        Mistake(
            "γ left out",
            "The output is x̂ + β: multiply by γ.",
            GAMMA,
            (("return gamma * x_hat", "return x_hat"),),
        ),
        Mistake(
            "β left out",
            "The output is γ·x̂: add β.",
            GAMMA,
            (("x_hat + beta", "x_hat"),),
        ),
        Mistake(
            "β added before the scaling",
            "You compute γ·(x̂ + β); the definition is γ·x̂ + β.",
            GAMMA,
            (("return gamma * x_hat + beta", "return gamma * (x_hat + beta)"),),
        ),
        Mistake(
            "β divided by the root too",
            "You compute (γ·(x − μ) + β)/√(σ² + ε). Divide the difference only; β is added at the "
            "end, as it is.",
            GAMMA,
            (
                (
                    "return gamma * x_hat + beta",
                    "return gamma * x_hat + beta / np.sqrt(inside)",
                ),
            ),
        ),
        Mistake(
            "γ and β exchanged",
            "You multiply by β and add γ. It is γ that scales, and β that shifts.",
            GAMMA,
            (("return gamma * x_hat + beta", "return beta * x_hat + gamma"),),
        ),
        Mistake(
            "β subtracted",
            "You subtract β. The output is γ·x̂ + β, so that its mean is β.",
            GAMMA,
            (("return gamma * x_hat + beta", "return gamma * x_hat - beta"),),
        ),
        Mistake(
            "γ without its sign",
            "You multiply by |γ|. It is the spread of the output that is |γ|; a negative γ also "
            "turns the signs of x̂. Multiply by γ itself.",
            GAMMA,
            (("gamma = gamma.reshape(shape)", "gamma = np.abs(gamma.reshape(shape))"),),
        ),
        Mistake(
            "the larger of σ² and ε under the root",
            "You take ε only where σ² is smaller. The definition adds it to σ² everywhere.",
            EPSILON,
            (("inside = var + eps", "inside = np.maximum(var, eps)"),),
        ),
        Mistake(
            "ε squared",
            "You add ε². Only σ is squared under the root: ε is added to σ² as it is.",
            EPSILON,
            (("inside = var + eps", "inside = var + eps**2"),),
        ),
        Mistake(
            "brackets missing in γ(x − μ)",
            "You compute γ·x − μ/√(σ² + ε). The whole difference x − μ is divided and multiplied: "
            "put it in brackets.",
            BY_HAND,
            (
                (
                    "return gamma * x_hat + beta",
                    "return gamma * x - mu / np.sqrt(inside) + beta",
                ),
            ),
        ),
        Mistake(
            "γ times x alone",
            "You compute (γ·x − μ)/√(σ² + ε). Subtract μ first, then scale the difference.",
            BY_HAND,
            (
                (
                    "return gamma * x_hat + beta",
                    "return (gamma * x - mu) / np.sqrt(inside) + beta",
                ),
            ),
        ),
        Mistake(
            "n is N alone, in the mean too",
            "You divide by the number of examples. A channel of an image has N·H·W values: divide "
            "by all of them.",
            SHARED,
            (
                ("mu = x.mean(axis=axes)", "mu = x.sum(axis=axes) / x.shape[0]"),
                (
                    "var = x.var(axis=axes)",
                    "var = ((x - mu.reshape(shape)) ** 2).sum(axis=axes) / x.shape[0]",
                ),
            ),
            number=26,
        ),
        Mistake(
            "reshaped to (n, C) across the channels",
            "A reshape keeps the order in memory, in which positions come last: with the shape "
            "(n, C) values of several channels end up in one column. Move axis 1 to the end first, "
            "or average over several axes at once.",
            SHARED,
            (
                (
                    "axes = (0, *range(2, x.ndim))",
                    "full = x.shape; x = x.reshape(-1, x.shape[1]); axes = (0,)",
                ),
                (
                    "return gamma * x_hat + beta",
                    "return (gamma * x_hat + beta).reshape(full)",
                ),
            ),
            number=8,
        ),
        Mistake(
            "channels not moved back before the reshape",
            "You moved the channels to the end, and reshape the result as if they stood on axis 1. "
            "Reshape to (N, H, W, C) first, then move the last axis back to axis 1.",
            SHARED,
            (
                (
                    "return gamma * x_hat + beta",
                    "return np.moveaxis(gamma * x_hat + beta, 1, -1).reshape(x.shape)",
                ),
            ),
        ),
        Mistake(
            "ε fixed in the function",
            "You add 0.00001 whatever is asked for. Use the argument `eps`.",
            EPSILON,
            (("inside = var + eps", "inside = var + 1e-5"),),
        ),
        Mistake(
            "brackets missing around the difference",
            "Division binds more strongly than subtraction: you subtract a quotient from x. Put "
            "the difference x − μ in brackets.",
            BY_HAND,
            (("x_hat = centred / np.sqrt(inside)", "x_hat = x - mu / np.sqrt(inside)"),),
        ),
        Mistake(
            "the mean is not subtracted",
            "You divide x itself by the standard deviation: subtract the mean first.",
            BY_HAND,
            (("centred = x - mu", "centred = x"),),
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
            1e-6 / (1e-6 + 1e-5),
            "the variance in place of the standard deviation",
            "That is the variance of the output. Its root is asked for.",
            EPSILON,
        ),
        wrong(
            1e-3 / np.sqrt(1e-5),
            "σ² left out of the root",
            "You divided by √ε alone. The root holds σ² + ε, and σ² is a tenth of ε.",
            EPSILON,
        ),
        wrong(
            1e-3 / (1e-3 + np.sqrt(1e-5)),
            "the roots added",
            "You added σ and √ε. Add σ² and ε first, then take one root.",
            EPSILON,
        ),
        wrong(
            1e-3,
            "the spread left as it was",
            "That is the spread of the input. The layer divides it by √(σ² + ε).",
            EPSILON,
        ),
        wrong(
            1 / np.sqrt(1e-6 + 1e-5),
            "σ left out",
            "That is the factor, 1/√(σ² + ε). The spread of the input, σ, is multiplied by it.",
            EPSILON,
        ),
        wrong(
            1e-3 / 1e-5,
            "divided by ε",
            "You divided σ by ε. The layer divides by √(σ² + ε).",
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

UNDO = Question(
    name="undo",
    title="The γ and β that undo the layer",
    names=("undo",),
    reference=source(undo),
    probes=(
        Probe(
            "three examples, two channels",
            "vectors",
            "out = undo(x, eps)",
            ("out",),
            lambda rng: {"x": batch(rng, 3, 2), "eps": 1e-2},
        ),
        Probe(
            "a constant channel",
            "small spread",
            "out = undo(x, eps)",
            ("out",),
            constant_second_channel,
        ),
        Probe(
            "images",
            "images",
            "out = undo(x, eps)",
            ("out",),
            lambda rng: {"x": batch(rng, 4, 3, 2, 5), "eps": 1e-2},
        ),
    ),
    points={"vectors": 1, "small spread": 1, "images": 1},
    mistakes=(
        Mistake(
            "no ε",
            "The layer divides by √(σ² + ε), so γ has to multiply by all of it. With γ = σ the "
            "output is a little too narrow, and a constant channel would need γ = 0.",
            GAMMA,
            (("inside = var + eps", "inside = var"),),
            number=5,
        ),
        Mistake(
            "ε outside the root",
            "The layer adds ε inside the root: γ is the same root, √(σ² + ε).",
            GAMMA,
            (("gamma = np.sqrt(inside)", "gamma = np.sqrt(var) + eps"),),
            number=4,
        ),
        Mistake(
            "the variance in place of the root",
            "The layer divides by the root √(σ² + ε), so γ is this root and not its square.",
            GAMMA,
            (("gamma = np.sqrt(inside)", "gamma = inside"),),
            number=6,
        ),
        Mistake(
            "γ is the inverse",
            "You divide a second time. The layer has divided by √(σ² + ε), and γ must multiply by "
            "it.",
            GAMMA,
            (("gamma = np.sqrt(inside)", "gamma = 1 / np.sqrt(inside)"),),
        ),
        Mistake(
            "β with the wrong sign",
            "The layer has subtracted μ, so β must add it: β = μ.",
            GAMMA,
            (("beta = mu", "beta = -mu"),),
        ),
        Mistake(
            "β left at 0",
            "Your γ brings the spread back, but the mean of each channel stays at 0: β has to "
            "add it.",
            GAMMA,
            (("beta = mu", "beta = np.zeros_like(mu)"),),
        ),
        Mistake(
            "β as if it were added before the scaling",
            "You divide μ by √(σ² + ε), as if γ multiplied β too. The layer computes γ·x̂ + β: β is "
            "added at the end, in the units of x.",
            GAMMA,
            (("beta = mu", "beta = mu / np.sqrt(inside)"),),
        ),
        Mistake(
            "β multiplied by the root",
            "You multiply μ by √(σ² + ε). The layer adds β as it is, so β is just what it "
            "subtracted, μ.",
            GAMMA,
            (("beta = mu", "beta = mu * np.sqrt(inside)"),),
        ),
        Mistake(
            "ε subtracted",
            "You take √(σ² − ε). γ is not to undo ε, but to multiply by what the layer divided by, "
            "and that is √(σ² + ε).",
            GAMMA,
            (("inside = var + eps", "inside = var - eps"),),
        ),
        Mistake(
            "ε fixed in the function",
            "You add 0.00001 whatever is asked for. Use the argument `eps`.",
            EPSILON,
            (("inside = var + eps", "inside = var + 1e-5"),),
        ),
        Mistake(
            "γ left at 1",
            "Your β brings the mean back, but the spread stays at 1: γ has to multiply by what the "
            "layer divided by.",
            GAMMA,
            (("gamma = np.sqrt(inside)", "gamma = np.ones_like(mu)"),),
        ),
        Mistake(
            "γ and β that normalise once more",
            "You write the normalisation as a factor and a shift, 1/√(σ² + ε) and −μ/√(σ² + ε). "
            "The layer has done that already: γ and β have to take it back.",
            GAMMA,
            (
                ("gamma = np.sqrt(inside)", "gamma = 1 / np.sqrt(inside)"),
                ("beta = mu", "beta = -mu / np.sqrt(inside)"),
            ),
        ),
        Mistake(
            "results in the wrong order",
            "First comes γ, then β: you return them the other way round.",
            GAMMA,
            (("return gamma, beta", "return beta, gamma"),),
        ),
        Mistake(
            "the variance is divided by n − 1",
            "The layer divides by the variance with n, so γ must be made with the same one.",
            GAMMA,
            (("x.var(axis=axes)", "x.var(axis=axes, ddof=1)"),),
            number=1,
        ),
        Mistake(
            "statistics over the batch axis alone",
            "There is one γ and one β per channel, (C,). For images average over H and W too.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = (0,)"),),
            number=8,
        ),
        Mistake(
            "one mean and one variance for all channels",
            "Each channel has its own μ and σ², and so its own γ and β: average over every axis "
            "but axis 1.",
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = tuple(range(x.ndim))"),),
            number=8,
        ),
    ),
    hints=(
        "Write the formula of the layer, and set its output equal to x. What does the layer "
        "subtract, and what does it divide by?",
        "γ must undo the division and β the subtraction, each channel with its own numbers.",
        "γ is the whole root that the layer divides by, with ε in it; β is the mean it subtracts. "
        "You have written a function for both statistics.",
    ),
    read=GAMMA,
    laws=(Law("the layer gives back its input", gives_back),),
    from_scratch=True,
)

SIZE = value_question(
    "weights",
    "Weights ten times as large",
    "b",
    (
        wrong(
            "a",
            "the normalisation forgotten",
            "Without the layer it would be so. With it, z, its mean and its standard deviation "
            "all become ten times as large, and the factor cancels.",
            WEIGHTS,
        ),
        wrong(
            "c",
            "the gradient taken as unchanged",
            "The output is the same, right. But the weights are ten times as large now: to turn "
            "them by the same angle takes a step ten times as long, so the loss changes by a "
            "tenth per unit of weight.",
            WEIGHTS,
        ),
        wrong(
            "d",
            "the gradient's factor upside down",
            "The output is the same, right. Differentiate f(aW) = f(W) with respect to W: "
            "a·∇f(aW) = ∇f(W). So the gradient is divided by a.",
            WEIGHTS,
        ),
    ),
    (
        "What happens to the mean and to the standard deviation of z?",
        "The loss has the same value at aW and at W, for every W. Differentiate both sides with "
        "respect to W.",
        "The chain rule puts a factor a in front of the gradient at aW. Solve for that gradient, "
        "and set a to 10.",
    ),
    WEIGHTS,
    choices=("a", "b", "c", "d"),
)

BIAS_BEFORE = value_question(
    "bias",
    "The bias in front of the layer",
    "d",
    (
        wrong(
            "a",
            "the activation in between overlooked",
            "Behind the ReLU the bias has decided which values are cut off, and no mean brings "
            "those back. Only directly in front of the layer does a constant cancel.",
            BIAS,
        ),
        wrong(
            "b",
            "the stored mean overlooked",
            "In eval mode μ is a stored number. It does not follow the bias, so the bias moves "
            "the output.",
            BIAS,
        ),
        wrong(
            "c",
            "a bias behind the layer taken for one in front",
            "Nothing follows the layer here that would subtract a mean: the bias behind it "
            "does the same as β, and moves the output.",
            BIAS,
        ),
    ),
    (
        "Add a constant to z in all examples. What happens to μ, and to z − μ?",
        "The constant cancels if μ is computed from the same values, and if nothing bends them "
        "before.",
        "Go through the four cases and ask for each: is the mean taken directly behind the "
        "linear layer, and is it that of this batch?",
    ),
    BIAS,
    choices=("a", "b", "c", "d"),
)

EXERCISE = Exercise(
    "ex03_mechanism",
    "What the layer computes",
    (COUNT, STATISTICS, FORWARD, SPREAD, UNDO, SIZE, BIAS_BEFORE),
)
