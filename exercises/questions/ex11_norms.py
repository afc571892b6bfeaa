"""Exercise 11: batch, layer, group and instance norm as one rule, and where each belongs."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

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

CHAPTER = "09_edge_cases"
SETS = Section(CHAPTER, "One rule for all the norms")
NEIGHBOURS = Section(CHAPTER, "Fewer and fewer neighbours")
ACCUMULATED = Section(CHAPTER, "Accumulated gradients are not a big batch")
TRAP = Section(CHAPTER, "The (N, L, C) trap")
WHICH = Section("10_practice", "Which norm when")
BY_HAND = Section("03_mechanism", "From the z-score to batch normalization, by hand")
EPSILON = Section("03_mechanism", "What ε does")
SHARED = Section("03_mechanism", "Which values share a mean?")
GAMMA = Section("03_mechanism", "γ and β can undo it")
PRECISION = Section("02_rationale", "Numerical stability")


# The references.


def normalise(x: np.ndarray, axes: tuple[int, ...], eps: float) -> np.ndarray:
    mu = x.mean(axis=axes, keepdims=True)
    centred = x - mu
    var = (centred**2).mean(axis=axes, keepdims=True)
    return centred / np.sqrt(var + eps)


def axes_of(kind: str, ndim: int) -> tuple[int, ...]:
    if kind == "batch":
        return (0, *range(2, ndim))
    if kind == "layer":
        return tuple(range(1, ndim))
    if ndim < 3:
        raise ValueError(f"instance norm needs positions, got {ndim} axes")
    return tuple(range(2, ndim))


def group_norm(
    x: np.ndarray, groups: int, gamma: np.ndarray, beta: np.ndarray, eps: float
) -> np.ndarray:
    n, c = x.shape[:2]
    sets = x.reshape(n, groups, c // groups, *x.shape[2:])
    axes = tuple(range(2, sets.ndim))
    mu = sets.mean(axis=axes, keepdims=True)
    var = sets.var(axis=axes, keepdims=True)
    x_hat = ((sets - mu) / np.sqrt(var + eps)).reshape(x.shape)
    shape = (1, -1) + (1,) * (x.ndim - 2)
    return gamma.reshape(shape) * x_hat + beta.reshape(shape)


def layer_norm_nlc(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> np.ndarray:
    axes = 2
    mu = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    shape = (1, 1, -1)
    x_hat = (x - mu) / np.sqrt(var + eps)
    return gamma.reshape(shape) * x_hat + beta.reshape(shape)


def batch_norm_nlc(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> np.ndarray:
    axes = (0, 1)
    rows = x
    mu = rows.mean(axis=axes, keepdims=True)
    var = rows.var(axis=axes, keepdims=True)
    shape = (1, 1, -1)
    x_hat = (rows - mu) / np.sqrt(var + eps)
    y = gamma.reshape(shape) * x_hat + beta.reshape(shape)
    return y


# Laws of their own.

AXES_AS_TEXT = "str(np.array(axes))"
SOLVED = "x̂ = (y − β)/γ"


def axes_in_order(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The axes are those of the array, counted from 0, each once, in rising order."""
    text, ndim = values[AXES_AS_TEXT], inputs["ndim"]
    if text == "None":
        return "`axes_of` returns None here: does it end without `return`?"
    if text.isdigit():
        return f"`axes_of` returns the number {text} here: return a tuple, if only of one axis."
    axes = ast.literal_eval(text.replace(" ", ","))
    for axis in axes:
        if axis < 0:
            return f"your axes {axes} are counted from the end: count from 0."
        if axis >= ndim:
            return f"there is no axis {axis}: with {ndim} axes the last one is {ndim - 1}."
    if axes != sorted(set(axes)):
        return f"your axes {axes} are not in rising order, each once."
    return None


def which_survive(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """Said where the axes are in order and still wrong: which are missing, which too many."""
    axes = set(ast.literal_eval(values[AXES_AS_TEXT].replace(" ", ",")))
    ndim, kind = inputs["ndim"], inputs["kind"]
    positions = set(range(2, ndim))
    wanted = {"batch": {0}, "layer": {1}, "instance": set()}[kind] | positions
    across = {"batch": "the examples", "layer": "the channels", "instance": ""}[kind]
    said = " and ".join(part for part in (across, "the positions" * (ndim > 2)) if part)
    known = {0: " (the examples)", 1: " (the channels)"}
    missing, more = sorted(wanted - axes), sorted(axes - wanted)
    parts = [f"axis {axis}{known.get(axis, ' (positions)')} is missing" for axis in missing]
    parts += [f"axis {axis}{known.get(axis, ' (positions)')} is too much" for axis in more]
    return f"{kind} norm averages over {said}. In your axes {', '.join(parts)}."


def are_tuples(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """What comes back is a tuple, for each norm."""
    kinds = dict(zip(("batch", "layer", "instance"), values["kinds"].split(), strict=True))
    for norm, kind in kinds.items():
        if kind != "tuple":
            return (
                f"the axes are right, but for {norm} norm they come as {kind} where a tuple is "
                "asked for: NumPy's `mean` takes a tuple of axes."
            )
    return None


def raises_a_value_error(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The error is a ValueError."""
    if values["raised"] == "ValueError":
        return None
    return f"this is to raise a ValueError, and what your code raises is {values['raised']}."


def standardised(key: str, axes: str) -> Law:
    """Over the axes that the probe names, the mean of `key` is 0."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        out = values[key]
        over = tuple(int(axis) for axis in values[axes])
        largest = float(np.abs(out.mean(axis=over)).max())
        if largest < 1e-6:
            return None
        return (
            f"over the axes {over} each mean of `{key}` is to be 0; yours is up to {largest:.4g} "
            "away. Look at what you subtract."
        )

    return Law("mean", broken)


def spread_of(key: str, axes: str) -> Law:
    """Over the axes that the probe names, the variance of `key` is σ²/(σ² + ε)."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        over = tuple(int(axis) for axis in values[axes])
        return _spread(values[key], inputs["x"], inputs["eps"], over, f"`{key}`")

    return Law("spread", broken)


def _spread(
    out: np.ndarray, x: np.ndarray, eps: float, axes: tuple[int, ...], called: str
) -> str | None:
    """What is wrong with the variance of `out` in the sets that `axes` form in `x`."""
    before = x.var(axis=axes)
    wanted, got = before / (before + eps), out.var(axis=axes)
    worst = np.unravel_index(int(np.argmax(np.abs(got - wanted))), got.shape)
    if abs(got[worst] - wanted[worst]) < 1e-5:
        return None
    if got[worst] == 0:
        return (
            f"in one of the sets all values of {called} are 0. Is this set left out, or is each "
            "value taken as a set of its own?"
        )
    return (
        f"the mean of {called} is 0 in each set, as it should be, but its variance is not "
        f"σ²/(σ² + ε): {got[worst]:.4g} in one of the sets, expected {wanted[worst]:.4g}. Look "
        "at what you divide by."
    )


def set_means(axes: tuple[int, ...]) -> Law:
    """With γ and β taken off again, the mean over `axes` is 0."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        x_hat = (values["y"] - inputs["beta"]) / inputs["gamma"]
        largest = float(np.abs(x_hat.mean(axis=axes)).max())
        if largest < 1e-6:
            return None
        return (
            f"take β off `y` and divide by γ, and you have x̂. Each mean of it over {_said(axes)} "
            f"is to be 0; yours is up to {largest:.4g} away. Look at what you subtract."
        )

    return Law("mean of each set", broken)


def set_spreads(axes: tuple[int, ...]) -> Law:
    """With γ and β taken off again, the variance over `axes` is σ²/(σ² + ε)."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        x_hat = (values["y"] - inputs["beta"]) / inputs["gamma"]
        return _spread(x_hat, inputs["x"], inputs["eps"], axes, SOLVED)

    return Law("spread of each set", broken)


def _said(axes: tuple[int, ...]) -> str:
    """`axes` in words."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"the axes {axes}"


def group_means(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """With γ and β taken off again, the mean of each group of each example is 0."""
    means = _by_group(values["y"], inputs, values["groups"]).mean(axis=2)
    example, group = np.unravel_index(int(np.argmax(np.abs(means))), means.shape)
    if abs(means[example, group]) < 1e-6:
        return None
    return (
        "take β off `y` and divide by γ, and you have x̂. In each group of each example its mean is "
        f"to be 0; in group {group} of example {example} yours is {means[example, group]:.4g}."
    )


def group_spreads(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """With γ and β taken off again, the variance of each group of each example is σ²/(σ² + ε)."""
    groups = values["groups"]
    x = inputs["x"].reshape(len(inputs["x"]), int(groups), -1)
    return _spread(_by_group(values["y"], inputs, groups), x, inputs["eps"], (2,), SOLVED)


def _by_group(y: np.ndarray, inputs: Inputs, groups: float) -> np.ndarray:
    """x̂ from `y`, of the shape (N, G, values of a group)."""
    shape = (1, -1) + (1,) * (y.ndim - 2)
    x_hat = (y - inputs["beta"].reshape(shape)) / inputs["gamma"].reshape(shape)
    return x_hat.reshape(len(y), int(groups), -1)


N_MINUS_1 = (
    "The normaliser divides by n, the number of values in the set. With n − 1 the output's "
    "variance is (n−1)/n instead of 1."
)
OUTSIDE = (
    "The place of ε is under the root, added to the variance. Outside of it, ε hardly counts: "
    "with ε = 1e-5 a spread of 0.001 comes out as 0.99 and not as 0.30."
)
NO_EPSILON = "A set of equal values has variance 0, and 0/0 is NaN. Add ε to the variance."
VARIANCE = "Divide by the standard deviation, the root of the variance plus ε."


def _affine_mistakes() -> tuple[Mistake, ...]:
    """Mistakes with γ and β, which the last three functions share."""
    return (
        Mistake(
            "γ left out",
            "The output is x̂ + β: multiply by γ.",
            GAMMA,
            (("gamma.reshape(shape) * x_hat", "x_hat"),),
        ),
        Mistake(
            "β left out", "The output is γ·x̂: add β.", GAMMA, ((" + beta.reshape(shape)", ""),)
        ),
        Mistake(
            "γ and β swapped",
            "You multiply by β and add γ: γ is the factor, and β is what is added.",
            GAMMA,
            (
                ("gamma.reshape(shape) * x_hat", "beta.reshape(shape) * x_hat"),
                (" + beta.reshape(shape)", " + gamma.reshape(shape)"),
            ),
        ),
        Mistake(
            "β added before γ multiplies",
            "Your β is multiplied by γ, too. Multiply x̂ by γ first, then add β.",
            GAMMA,
            ((" * x_hat + beta.reshape(shape)", " * (x_hat + beta.reshape(shape))"),),
        ),
    )


def _normalised(name: str, group: str, axes: tuple[int, ...], x: Makes) -> Probe:
    code = f"axes = {axes}\nout = normalise(x, axes, eps)"
    return Probe(name, group, code, ("out", "axes"), x)


def _values(*shape: int) -> Makes:
    return lambda rng: {"x": batch(rng, *shape), "eps": 1e-3}


# Where the sizes differ, statistics without their axes raise one of several errors.
RAISES = frozenset(
    {
        "two axes, over the second",
        "a tiny spread",
        "equal values",
        "a large mean",
        "images, each channel of each",
        "images, each as a whole",
        "images, over axes 0, 2 and 3",
    }
)

NORMALISE = Question(
    name="normalise",
    title="Subtract and divide",
    names=("normalise",),
    reference=source(normalise),
    probes=(
        _normalised("two axes, over the first", "two axes", (0,), _values(3, 4)),
        _normalised("two axes, over the second", "two axes", (1,), _values(3, 4)),
        _normalised("a square array, over the second axis", "two axes", (1,), _values(3, 3)),
        _normalised(
            "a tiny spread",
            "small spread",
            (1,),
            lambda rng: {"x": (1e-3 * rng.standard_normal((3, 5))).round(5), "eps": 1e-5},
        ),
        _normalised(
            "equal values",
            "small spread",
            (1,),
            lambda rng: {"x": np.full((3, 4), 2.0), "eps": 1e-5},
        ),
        _normalised("images, each channel of each", "images", (2, 3), _values(4, 3, 2, 5)),
        _normalised("images, each as a whole", "images", (1, 2, 3), _values(4, 3, 2, 5)),
        _normalised("images, over axes 0, 2 and 3", "images", (0, 2, 3), _values(4, 3, 2, 5)),
        _normalised(
            "a large mean",
            "large mean",
            (1,),
            lambda rng: {"x": large_mean(rng, 3, 4), "eps": 1e-5},
        ),
    ),
    points={"two axes": 1, "small spread": 1, "images": 1, "large mean": 1},
    mistakes=(
        Mistake(
            "the variance is divided by n − 1",
            N_MINUS_1,
            BY_HAND,
            (
                (
                    "(centred**2).mean(axis=axes, keepdims=True)",
                    "centred.var(axis=axes, keepdims=True, ddof=1)",
                ),
            ),
            number=1,
        ),
        Mistake(
            "the variance in one pass, E[x²] − E[x]²",
            "This subtracts two huge numbers that are nearly equal, and with a large mean no "
            "digit survives. Subtract the mean first, then square.",
            PRECISION,
            (
                (
                    "(centred**2).mean(axis=axes, keepdims=True)",
                    "(x**2).mean(axis=axes, keepdims=True) - mu**2",
                ),
            ),
            number=7,
            loose=frozenset({"a large mean", "equal values"}),
        ),
        Mistake(
            "the variance about zero",
            "You average x² without subtracting the mean first. The variance is the average of "
            "the squared distance from the mean.",
            BY_HAND,
            (("(centred**2).mean(", "(x**2).mean("),),
        ),
        Mistake(
            "ε outside the root",
            OUTSIDE,
            EPSILON,
            (("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),),
            4,
        ),
        Mistake("no ε", NO_EPSILON, EPSILON, (("(var + eps)", "(var)"),), 5),
        Mistake(
            "divided by the variance",
            VARIANCE,
            BY_HAND,
            (("np.sqrt(var + eps)", "(var + eps)"),),
            6,
        ),
        Mistake(
            "the mean is not subtracted",
            "You divide x itself by the standard deviation: subtract the mean first.",
            BY_HAND,
            (("return centred /", "return x /"),),
        ),
        Mistake(
            "the mean of the whole array",
            "You leave `axes` out of the mean, so one mean serves all sets. Average over the axes "
            "that are given.",
            SETS,
            (("x.mean(axis=axes, ", "x.mean("),),
        ),
        Mistake(
            "the variance of the whole array",
            "You leave `axes` out of the variance, so one spread serves all sets. Average over "
            "the axes that are given.",
            SETS,
            (("(centred**2).mean(axis=axes, ", "x.var("),),
        ),
        Mistake(
            "divided by the size of one axis alone",
            "You divide the sums by the size of the first of the axes. Divide by the number of "
            "values in the set: the product of the sizes of all its axes.",
            SETS,
            (
                (
                    "mu = x.mean(axis=axes, keepdims=True)",
                    "mu = np.sum(x, axis=axes, keepdims=True) / x.shape[axes[0]]",
                ),
                (
                    "(centred**2).mean(axis=axes, keepdims=True)",
                    "np.sum(centred**2, axis=axes, keepdims=True) / x.shape[axes[0]]",
                ),
            ),
        ),
        Mistake(
            "divided by the number of examples",
            "You divide the sums by the size of axis 0, whatever the axes are. Divide by the "
            "number of values in the set: the product of the sizes of its axes.",
            SETS,
            (
                (
                    "mu = x.mean(axis=axes, keepdims=True)",
                    "mu = np.sum(x, axis=axes, keepdims=True) / len(x)",
                ),
                (
                    "(centred**2).mean(axis=axes, keepdims=True)",
                    "np.sum(centred**2, axis=axes, keepdims=True) / len(x)",
                ),
            ),
            number=26,
        ),
        Mistake(
            "axis 0, whatever `axes` says",
            "You always average over the first axis of x. Average over those that `axes` names.",
            SETS,
            (("mu = x.mean(", "axes = (0,)\n    mu = x.mean("),),
        ),
        Mistake(
            "the last axis, whatever `axes` says",
            "You always average over the last axis of x. Average over those that `axes` names.",
            SETS,
            (("mu = x.mean(", "axes = (x.ndim - 1,)\n    mu = np.mean(x, "),),
        ),
        Mistake(
            "the distances not squared",
            "The distances from the mean add up to 0, so what you add ε to is 0. The variance is "
            "the mean of their squares.",
            BY_HAND,
            (("(centred**2).mean(", "centred.mean("),),
        ),
        Mistake(
            "the mean distance in place of the variance",
            "You average the absolute distances from the mean. The variance is the mean of their "
            "squares.",
            BY_HAND,
            (("(centred**2).mean(", "np.abs(centred).mean("),),
        ),
        Mistake(
            "ε added to the output",
            "You divide first and add ε to what comes out. Its place is under the root, next to "
            "the variance: check the brackets.",
            EPSILON,
            (("np.sqrt(var + eps)", "np.sqrt(var) + eps"),),
        ),
        Mistake(
            "the averaged axes are lost",
            "Without `keepdims` the statistics have fewer axes than x, and broadcasting lines "
            "them up from the right. For a square array that raises no error: the result is just "
            "wrong.",
            SHARED,
            (
                ("x.mean(axis=axes, keepdims=True)", "np.mean(x, axis=axes)"),
                (
                    "(centred**2).mean(axis=axes, keepdims=True)",
                    "np.var(x, axis=axes)",
                ),
            ),
            number=14,
            loose=RAISES,
        ),
        Mistake(
            "one axis after the other",
            "You normalise over one axis, and what comes out over the next. The values of a set "
            "share one mean and one variance: average over all the axes at once.",
            SETS,
            (
                (
                    "mu = x.mean(",
                    "for axis in axes[:-1]:\n"
                    "        spread = np.sqrt(x.var(axis=axis, keepdims=True) + eps)\n"
                    "        x = (x - np.mean(x, axis=axis, keepdims=True)) / spread\n"
                    "    axes = axes[-1:]\n"
                    "    mu = x.mean(",
                ),
            ),
        ),
        Mistake(
            "the first of the axes alone",
            "You average over `axes[0]` and leave the others out. All axes named in `axes` are "
            "averaged over.",
            SETS,
            (("mu = x.mean(", "axes = axes[:1]\n    mu = x.mean("),),
        ),
        Mistake(
            "the squares added, not averaged",
            "The variance is the mean of the squared distances: divide their sum by their number.",
            BY_HAND,
            (("(centred**2).mean(", "(centred**2).sum("),),
        ),
        Mistake(
            "σ in place of σ²",
            "You take the root of σ + ε. The root is that of the variance plus ε.",
            EPSILON,
            (("np.sqrt(var + eps)", "np.sqrt(np.sqrt(var) + eps)"),),
        ),
        Mistake(
            "the brackets around x − μ missing",
            "Division comes before subtraction: without brackets only the mean is divided.",
            BY_HAND,
            (("return centred /", "return x - mu /"),),
        ),
        Mistake(
            "averaged over the other axes",
            "You average over the axes that are *not* named in `axes`. Those named are the ones "
            "to average over.",
            SETS,
            (
                (
                    "mu = x.mean(",
                    "axes = tuple(i for i in range(x.ndim) if i not in axes)\n    mu = x.mean(",
                ),
            ),
        ),
    ),
    hints=(
        "What shape must the mean have, so that subtracting it from x lines up?",
        "NumPy's mean takes a tuple of axes, and can keep the averaged axes with the length 1.",
        "The mean over the axes, kept; subtract it; the mean of the squares of what is left, over "
        "the same axes, kept; divide by the root of that plus ε.",
    ),
    read=SETS,
    laws=(standardised("out", "axes"), spread_of("out", "axes")),
    from_scratch=True,
)


def _axes(kind: str, ndim: int, group: str) -> Probe:
    shape = {2: "(N, C)", 3: "(N, C, L)", 4: "(N, C, H, W)", 5: "(N, C, D, H, W)"}[ndim]
    return Probe(
        f"{kind} norm of {shape}",
        group,
        "axes = axes_of(kind, ndim)",
        (AXES_AS_TEXT,),
        lambda rng: {"kind": kind, "ndim": ndim},
    )


AXES = Question(
    name="axes",
    title="Three norms in three lines",
    names=("axes_of",),
    reference=source(axes_of),
    probes=(
        *(_axes("batch", ndim, "batch norm") for ndim in (2, 3, 4, 5)),
        *(_axes("layer", ndim, "layer norm") for ndim in (2, 3, 4, 5)),
        *(_axes("instance", ndim, "instance norm") for ndim in (3, 4, 5)),
        Probe(
            "the form of the answer",
            "error and form",
            "norms = ['batch', 'layer', 'instance']\n"
            "kinds = ' '.join(type(axes_of(norm, 3)).__name__ for norm in norms)",
            ("kinds",),
        ),
        Probe(
            "instance norm without positions",
            "error and form",
            'try:\n    axes_of("instance", 2)\n    raised = "nothing"\n'
            "except Exception as error:\n    raised = type(error).__name__",
            ("raised",),
        ),
    ),
    points={"batch norm": 1, "layer norm": 1, "instance norm": 1, "error and form": 1},
    mistakes=(
        Mistake(
            "batch norm over the batch axis alone",
            "Each position would get statistics of its own. In batch norm all positions of a "
            "channel share them, so their axes are averaged over, too.",
            SHARED,
            (("return (0, *range(2, ndim))", "return (0,)"),),
            number=8,
        ),
        Mistake(
            "batch norm with one mean for all channels",
            "The channels' axis, 1, is to survive: batch norm averages over every axis but that.",
            SHARED,
            (("return (0, *range(2, ndim))", "return tuple(range(ndim))"),),
            number=8,
        ),
        Mistake(
            "batch norm and layer norm swapped",
            "Batch norm reaches across examples and keeps the channels apart. Layer norm stays "
            "within an example and averages over its channels.",
            SETS,
            (
                ('kind == "batch"', 'kind == "layer"'),
                ('"layer":\n        return t', '"batch":\n        return t'),
            ),
            number=8,
        ),
        Mistake(
            "layer norm without the positions",
            "You average over the channels at each position. Layer norm, as in this chapter's "
            "table, averages over C·H·W values: every axis but the examples'.",
            SETS,
            (("return tuple(range(1, ndim))", "return (1,)"),),
        ),
        Mistake(
            "layer norm over the last axis alone",
            "For sequences of tokens layer norm runs over the last axis, since the features "
            "stand there. Here the channels are axis 1, and by the chapter's table a set has "
            "C·H·W values: every axis but the examples'.",
            SETS,
            (("return tuple(range(1, ndim))", "return (ndim - 1,)"),),
        ),
        Mistake(
            "layer norm over the examples too",
            "You average over everything. Layer norm stays within one example: axis 0 is to "
            "survive.",
            SETS,
            (("return tuple(range(1, ndim))", "return tuple(range(0, ndim))"),),
        ),
        Mistake(
            "layer norm and instance norm swapped",
            "Layer norm averages over the channels of an example, too. Instance norm keeps them "
            "apart, and averages over positions alone.",
            SETS,
            (
                ("tuple(range(1, ndim))", "tuple(range(1 + 1, ndim))"),
                ("    return tuple(range(2, ndim))", "    return (1, *range(2, ndim))"),
            ),
        ),
        Mistake(
            "instance norm over the examples too",
            "That is batch norm. Instance norm takes each channel of each example by itself: "
            "axes 0 and 1 are to survive.",
            SETS,
            (("    return tuple(range(2, ndim))", "    return (0, *range(2, ndim, 1))"),),
        ),
        Mistake(
            "instance norm over the last axis alone",
            "Each row of an image would get statistics of its own. All positions of a channel "
            "belong together.",
            SETS,
            (("    return tuple(range(2, ndim))", "    return (ndim - 1,)"),),
        ),
        Mistake(
            "instance norm of vectors is let through",
            "Without positions each set is a single value, and a value minus its own mean is 0, "
            "whatever it was. Raise a ValueError.",
            NEIGHBOURS,
            (("ndim < 3", "ndim < 2"),),
        ),
        Mistake(
            "the axes of images for any input",
            "You return the axes for (N, C, H, W), whatever `ndim` is. The positions are the axes "
            "from 2 to the last one, however many there are.",
            SETS,
            (
                ("return (0, *range(2, ndim))", "return (0, 2, 3)"),
                ("return tuple(range(1, ndim))", "return (1, 2, 3)"),
                ("    return tuple(range(2, ndim))", "    return (2, 3)"),
            ),
        ),
        Mistake(
            "the last axis left out",
            "Your ranges end one too early. A range stops before its end, so a range up to `ndim` "
            "contains the last axis.",
            SETS,
            (
                ("return (0, *range(2, ndim))", "return (0, *range(2, ndim - 1))"),
                ("return tuple(range(1, ndim))", "return tuple(range(1, ndim - 1))"),
                ("    return tuple(range(2, ndim))", "    return tuple(range(2, ndim - 1))"),
            ),
        ),
        Mistake(
            "the channels sought on the last axis",
            "You return the axes for (N, L, C) or (N, H, W, C). Here the channels stand on axis 1 "
            "and the positions after them.",
            TRAP,
            (
                ("return (0, *range(2, ndim))", "return tuple(range(ndim - 1))"),
                ("    return tuple(range(2, ndim))", "    return tuple(range(1, ndim - 1))"),
            ),
            number=10,
        ),
        Mistake(
            "a range as one of the axes",
            "Your tuple contains a whole range, and its elements are to be numbers. Put the "
            "numbers of the range into the tuple: with a star, or by adding two tuples.",
            SETS,
            (("return (0, *range(2, ndim))", "return (0, range(2, ndim))"),),
        ),
        Mistake(
            "the axes that survive",
            "You return the axes that are kept. Return those that are averaged over.",
            SETS,
            (
                ("return (0, *range(2, ndim))", "return (1,)"),
                ("return tuple(range(1, ndim))", "return (0,)"),
                ("    return tuple(range(2, ndim))", "    return (0, 1)"),
            ),
        ),
    ),
    hints=(
        "For each norm: does it reach across examples? Does it reach across channels?",
        "An axis that the norm reaches across is averaged over. The positions always are.",
        "Batch: the examples and the positions. Layer: the channels and the positions. Instance: "
        "the positions alone, and an error if there are none. The positions are the axes from 2 "
        "on; a range gives them for any number of axes.",
    ),
    read=SETS,
    laws=(
        Law("error", raises_a_value_error),
        Law("form", are_tuples),
        Law("order", axes_in_order),
        Law("sets", which_survive),
    ),
)

MEANS = value_question(
    "means",
    "How many means",
    24.0,
    (
        wrong(
            3.0,
            "the groups' means shared by all examples",
            "Group norm stays within an example: each of the 8 has its own 3 means.",
            SETS,
        ),
        wrong(
            16.0,
            "groups of 3 channels",
            "G = 3 is the number of groups. Each of them has 2 channels.",
            SETS,
        ),
        wrong(
            48.0,
            "the means of instance norm",
            "You counted one for each channel of each example. The 2 channels of a group share a "
            "mean.",
            SETS,
        ),
        wrong(
            8.0,
            "the means of layer norm",
            "You counted one for each example. Group norm computes one for each group of it.",
            SETS,
        ),
        wrong(
            2.0,
            "the size of a group",
            "2 is the number of channels in a group. The question is how many sets of values "
            "there are.",
            SETS,
        ),
        wrong(
            18.0,
            "channels times groups",
            "The channels are split into the groups: 6 channels make 3 groups of 2. So an example "
            "has 3 sets.",
            SETS,
        ),
        wrong(
            6.0,
            "the means of batch norm",
            "You counted one per channel of the whole batch. Group norm does not reach across "
            "examples.",
            SETS,
        ),
        wrong(
            24.0 * 16,
            "a mean for each position",
            "All positions of an image belong to the same set: they do not multiply the means.",
            SETS,
        ),
    ),
    (
        "How many sets does one example have?",
        "A set lies within one example and within one group of channels.",
        "Examples times groups.",
    ),
    SETS,
)

MEMBERS = value_question(
    "members",
    "How many values share a mean",
    32.0,
    (
        wrong(
            16.0, "a group of one channel", "That is instance norm: a group has 2 channels.", SETS
        ),
        wrong(
            48.0,
            "groups of 3 channels",
            "G = 3 is the number of groups. Each of them has 6/3 = 2 channels.",
            SETS,
        ),
        wrong(96.0, "all channels of an example", "That is layer norm, with a single group.", SETS),
        wrong(
            256.0,
            "a group of the whole batch",
            "You counted all 8 examples. Group norm stays within one.",
            SETS,
        ),
        wrong(
            128.0,
            "the values of batch norm",
            "You counted one channel of the whole batch. Group norm stays within an example.",
            SETS,
        ),
        wrong(
            2.0,
            "the positions left out",
            "Each channel has 4·4 values, and all of them are in the set.",
            SETS,
            26,
        ),
        wrong(
            8.0,
            "one of the two axes of positions left out",
            "A channel has 4·4 = 16 positions, not 4, and all of them are in the set.",
            SETS,
            26,
        ),
        wrong(
            24.0,
            "the number of means",
            "24 is how many means there are. The question is how many values enter each one.",
            SETS,
        ),
        wrong(
            768.0,
            "all values of the input",
            "8·6·4·4 = 768 values are shared out among all the means.",
            SETS,
        ),
    ),
    (
        "How many channels are in a group?",
        "All positions of these channels belong to the set.",
        "Channels per group, times height, times width.",
    ),
    SETS,
)


def _grouped(name: str, group: str, groups: int, inputs: Makes) -> Probe:
    code = f"groups = {groups}\ny = group_norm(x, groups, gamma, beta, eps)"
    return Probe(name, group, code, ("y", "groups"), inputs)


def _images(*shape: int, eps: float = 1e-3) -> Makes:
    return lambda rng: {"x": batch(rng, *shape), **affine(rng, shape[1]), "eps": eps}


def _still(*shape: int) -> Makes:
    return lambda rng: {"x": np.full(shape, 3.0), **affine(rng, shape[1]), "eps": 1e-5}


def _quiet(channels: int, *shape: int) -> Makes:
    return lambda rng: {
        "x": (1e-3 * rng.standard_normal(shape)).round(5),
        **affine(rng, channels),
        "eps": 1e-5,
    }


# Where the sizes differ, γ on a wrong axis raises one of several errors.
GROUPS_RAISE = frozenset(
    {
        "two sequences, three groups",
        "images, two groups",
        "a tiny spread",
        "equal values",
        "as many groups as channels: instance norm",
        "one group: layer norm",
    }
)

GROUP = Question(
    name="groups",
    title="Group norm",
    names=("group_norm",),
    reference=source(group_norm),
    probes=(
        _grouped("two vectors, two groups", "groups", 2, _images(2, 6)),
        _grouped("two sequences, three groups", "groups", 3, _images(2, 6, 2)),
        _grouped("images, two groups", "groups", 2, _images(4, 6, 3, 5)),
        _grouped("as many rows and columns as channels", "groups", 2, _images(3, 4, 4, 4)),
        _grouped("a tiny spread", "small spread", 2, _quiet(4, 3, 4, 2)),
        _grouped("equal values", "small spread", 2, _still(3, 4, 2)),
        _grouped("as many groups as channels: instance norm", "ends", 4, _images(3, 4, 2, 5)),
        _grouped("one group: layer norm", "ends", 1, _images(3, 4, 2, 5)),
    ),
    points={"groups": 3, "small spread": 1, "ends": 2},
    mistakes=(
        Mistake(
            "`groups` taken for the size of a group",
            "You form groups of `groups` channels. `groups` is their number; each has C/G "
            "channels.",
            SETS,
            (("x.reshape(n, groups, c // groups, ", "x.reshape(n, c // groups, groups, "),),
        ),
        Mistake(
            "interleaved groups",
            "Your groups take every G-th channel. A group holds C/G neighbouring channels.",
            SETS,
            (
                (
                    "x.reshape(n, groups, c // groups, *x.shape[2:])",
                    "x.reshape(n, c // groups, groups, *x.shape[2:]).swapaxes(1, 2)",
                ),
                (".reshape(x.shape)", ".swapaxes(1, 2).reshape(x.shape)"),
            ),
        ),
        Mistake(
            "statistics over the examples too",
            "Your means reach across the batch. Group norm stays within one example, which is why "
            "it does not care about the batch size.",
            SETS,
            (("tuple(range(2, sets.ndim))", "(0, *range(2, sets.ndim))"),),
        ),
        Mistake(
            "examples and groups mixed",
            "Your reshape puts `groups` first, so it cuts the whole batch into so many pieces. The "
            "examples come first in memory: keep N as the first axis, and split C after it.",
            SETS,
            (("x.reshape(n, groups, c // groups, *x.shape[2:])", "x.reshape(groups, 1, -1)"),),
        ),
        Mistake(
            "each position its own statistics",
            "You average over the channels of a group at each position by itself. All positions "
            "of an image belong to the same set.",
            SETS,
            (("tuple(range(2, sets.ndim))", "(2,)"),),
        ),
        Mistake(
            "the last axis left out",
            "Splitting the channels makes one axis more than x has. Your axes end where those of "
            "x end, so the last axis is not averaged over.",
            SETS,
            (("tuple(range(2, sets.ndim))", "tuple(range(2, x.ndim))"),),
        ),
        Mistake(
            "each channel its own statistics",
            "You average over the positions alone: that is instance norm, and the groups have no "
            "effect. A group's channels share a mean.",
            SETS,
            (("c // groups, *x.shape[2:])", "c // groups, *x.shape[2:]).reshape(n, c, 1, -1)"),),
        ),
        Mistake(
            "all channels in one set",
            "You average over all channels of an example: that is layer norm, and the groups have "
            "no effect.",
            SETS,
            (("x.reshape(n, groups, c // groups, ", "x.reshape(n, 1, c, "),),
        ),
        Mistake(
            "γ and β per group",
            "All channels of a group get the γ and β of its first channel. There is a γ and a β "
            "for every channel, whatever the groups are.",
            SETS,
            (
                (
                    "shape = (1, -1)",
                    "first = np.arange(c) // (c // groups) * (c // groups)\n"
                    "    gamma, beta = gamma[first], beta[first]\n"
                    "    shape = (1, -1)",
                ),
            ),
        ),
        Mistake(
            "the first γ and β, one per group",
            "You use the first G values of γ and β, one for each group. There is a γ and a β for "
            "every channel, whatever the groups are.",
            SETS,
            (
                (
                    "shape = (1, -1)",
                    "gamma = gamma[:groups].repeat(c // groups)\n"
                    "    beta = beta[:groups].repeat(c // groups)\n"
                    "    shape = (1, -1)",
                ),
            ),
        ),
        Mistake(
            "γ and β on the wrong axis",
            "You lay γ and β along the last axis, as broadcasting does by itself. They belong to "
            "axis 1. Where C = W this raises no error: the result is just wrong.",
            SHARED,
            (("shape = (1, -1) + (1,) * (x.ndim - 2)", "shape = (-1,)"),),
            number=9,
            loose=GROUPS_RAISE,
        ),
        Mistake(
            "the variance is divided by n − 1",
            N_MINUS_1,
            BY_HAND,
            (("sets.var(axis=axes, ", "sets.var(axis=axes, ddof=1, "),),
            number=1,
        ),
        Mistake(
            "ε outside the root",
            OUTSIDE,
            EPSILON,
            (("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),),
            4,
        ),
        Mistake("no ε", NO_EPSILON, EPSILON, (("(var + eps)", "(var)"),), 5),
        Mistake(
            "divided by the variance",
            VARIANCE,
            BY_HAND,
            (("np.sqrt(var + eps)", "(var + eps)"),),
            6,
        ),
        *_affine_mistakes(),
    ),
    hints=(
        "How would you write layer norm, if each group of channels came as an example of its own?",
        "A reshape can split the channels' axis into two: one that counts the groups, one that "
        "counts the channels in a group. Then the sets are whole axes.",
        "Reshape to N, G, C/G and the positions. Mean and variance over everything from axis 2 "
        "on, kept. Normalise, reshape back to the shape of x, and only then apply γ and β along "
        "axis 1.",
    ),
    read=SETS,
    laws=(Law("mean of each group", group_means), Law("spread of each group", group_spreads)),
    from_scratch=True,
)


def _tokens(n: int, length: int, channels: int) -> Makes:
    def make(rng: np.random.Generator) -> Inputs:
        x = batch(rng, n, channels, length).transpose(0, 2, 1).copy()
        x += np.arange(length)[:, None]
        return {"x": x.round(2), **affine(rng, channels), "eps": 1e-3}

    return make


def _equal(rng: np.random.Generator) -> Inputs:
    return {"x": np.full((3, 2, 4), 3.0), **affine(rng, 4), "eps": 1e-5}


TOKENS_RAISE = frozenset(
    {
        "two tokens with three features",
        "three sequences of four tokens",
        "longer sequences",
        "a tiny spread",
        "equal values",
    }
)

LAYER = "y = layer_norm_nlc(x, gamma, beta, eps)"

TOKENS = Question(
    name="tokens",
    title="Layer norm of tokens",
    names=("layer_norm_nlc",),
    reference=source(layer_norm_nlc),
    probes=(
        Probe("two tokens with three features", "tokens", LAYER, ("y",), _tokens(2, 2, 3)),
        Probe("longer sequences", "tokens", LAYER, ("y",), _tokens(4, 5, 3)),
        Probe("as many tokens as features", "tokens", LAYER, ("y",), _tokens(5, 4, 4)),
        Probe("a tiny spread", "small spread", LAYER, ("y",), _quiet(2, 3, 4, 2)),
        Probe(
            "equal values",
            "small spread",
            LAYER,
            ("y",),
            _equal,
        ),
    ),
    points={"tokens": 2, "small spread": 1},
    mistakes=(
        Mistake(
            "statistics of the whole sequence",
            "All tokens of a sequence share your mean. Here each token is normalised by itself, "
            "so that padding and later tokens do not change it.",
            SETS,
            (("axes = 2", "axes = (1, 2)"),),
        ),
        Mistake(
            "axis 1 taken for the features",
            "You average over the positions, axis 1. In (N, L, C) the features are the last axis.",
            TRAP,
            (("axes = 2", "axes = 1"),),
            number=10,
        ),
        Mistake(
            "statistics over the batch axis",
            "You average over the examples. Layer norm stays within one of them, and here within "
            "one token.",
            SETS,
            (("axes = 2", "axes = 0"),),
        ),
        Mistake(
            "the statistics of batch norm",
            "You average each feature over all examples and positions: that is batch norm. Layer "
            "norm averages over the features of one token.",
            SETS,
            (("axes = 2", "axes = (0, 1)"),),
        ),
        Mistake(
            "one mean for the whole batch",
            "You average over everything. Here each token is normalised by itself, over its C "
            "features.",
            SETS,
            (("axes = 2", "axes = (0, 1, 2)"),),
        ),
        Mistake(
            "(N, L, C) taken for (N, C, L)",
            "You average over axes 0 and 2, as batch norm does where the channels stand on axis 1. "
            "Here they are the last axis, and a token's statistics are over that axis alone.",
            TRAP,
            (("axes = 2", "axes = (0, 2)"),),
            number=10,
        ),
        Mistake(
            "reshaped in place of transposed",
            "You reshape (N, L, C) into (N, C, L). That keeps the numbers in a row and only cuts "
            "them elsewhere: tokens and features get mixed. No reshape is needed.",
            TRAP,
            (
                ("axes = 2", "axes = 1\n    tokens = x\n    x = x.reshape(len(x), x.shape[2], -1)"),
                (
                    "(x - mu) / np.sqrt(var + eps)",
                    "((x - mu) / np.sqrt(var + eps)).reshape(tokens.shape)",
                ),
            ),
        ),
        Mistake(
            "the averaged axes are lost",
            "Without `keepdims` the statistics have the shape (N, L), and broadcasting lines them "
            "up from the right, with the features. Keep the averaged axis, with the length 1.",
            SHARED,
            (
                ("x.mean(axis=axes, keepdims=True)", "x.mean(axis=axes)"),
                ("x.var(axis=axes, keepdims=True)", "x.var(axis=axes)"),
            ),
            number=14,
        ),
        Mistake(
            "γ and β on the wrong axis",
            "You lay γ and β along the positions. In (N, L, C) they belong to the last axis. "
            "Where L = C this raises no error: the result is just wrong.",
            TRAP,
            (("shape = (1, 1, -1)", "shape = (1, -1, 1)"),),
            number=9,
            loose=TOKENS_RAISE,
        ),
        Mistake(
            "the variance is divided by n − 1",
            N_MINUS_1,
            BY_HAND,
            (("x.var(axis=axes, ", "x.var(axis=axes, ddof=1, "),),
            number=1,
        ),
        Mistake(
            "ε outside the root",
            OUTSIDE,
            EPSILON,
            (("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),),
            number=4,
        ),
        Mistake("no ε", NO_EPSILON, EPSILON, (("(var + eps)", "(var)"),), 5),
        Mistake(
            "divided by the variance",
            VARIANCE,
            BY_HAND,
            (("np.sqrt(var + eps)", "(var + eps)"),),
            6,
        ),
        *_affine_mistakes(),
    ),
    hints=(
        "How many numbers belong to one token?",
        "The set is a token's C features. Which axis is that in (N, L, C)?",
        "Mean and variance over the last axis, kept; normalise; γ and β line up with the last "
        "axis as they are.",
    ),
    read=SETS,
    laws=(set_means((2,)), set_spreads((2,))),
    from_scratch=True,
)

BATCHED = "y = batch_norm_nlc(x, gamma, beta, eps)"

SEQUENCES = Question(
    name="sequences",
    title="Batch norm of tokens",
    names=("batch_norm_nlc",),
    reference=source(batch_norm_nlc),
    probes=(
        Probe("three sequences of four tokens", "sequences", BATCHED, ("y",), _tokens(3, 4, 2)),
        Probe("longer sequences", "sequences", BATCHED, ("y",), _tokens(4, 5, 3)),
        Probe("as many tokens as features", "sequences", BATCHED, ("y",), _tokens(5, 4, 4)),
        Probe("a tiny spread", "small spread", BATCHED, ("y",), _quiet(2, 3, 4, 2)),
        Probe(
            "equal values",
            "small spread",
            BATCHED,
            ("y",),
            _equal,
        ),
    ),
    points={"sequences": 3, "small spread": 1},
    mistakes=(
        Mistake(
            "(N, L, C) taken for (N, C, L)",
            "You average as if the channels stood on axis 1, and get statistics for each position. "
            "In (N, L, C) the channels are the last axis, which is to survive. Where L = C nothing "
            "complains.",
            TRAP,
            (("axes = (0, 1)", "axes = (0, 2)"),),
            number=10,
        ),
        Mistake(
            "γ and β on the wrong axis",
            "You lay γ and β along the positions. In (N, L, C) they belong to the last axis. "
            "Where L = C this raises no error: the result is just wrong.",
            TRAP,
            (("shape = (1, 1, -1)", "shape = (1, -1, 1)"),),
            number=9,
            loose=TOKENS_RAISE,
        ),
        Mistake(
            "statistics over the batch axis alone",
            "Each position gets statistics of its own. A channel has N·L values, and they all "
            "share a mean.",
            SHARED,
            (("axes = (0, 1)", "axes = (0,)"),),
            number=8,
        ),
        Mistake(
            "each sequence by itself",
            "You average over the positions of each sequence: that is instance norm. Batch norm "
            "averages over the examples, too.",
            SETS,
            (("axes = (0, 1)", "axes = (1,)"),),
        ),
        Mistake(
            "the statistics of layer norm",
            "You average over the features of each token. Batch norm averages each feature over "
            "all examples and positions.",
            SETS,
            (("axes = (0, 1)", "axes = (2,)"),),
            number=8,
        ),
        Mistake(
            "layer norm of whole sequences",
            "You average over the features and positions of each sequence. Batch norm keeps the "
            "features apart, and averages over all examples and positions.",
            SETS,
            (("axes = (0, 1)", "axes = (1, 2)"),),
            number=8,
        ),
        Mistake(
            "one mean for all features",
            "You average over everything. The features' axis, the last one, is to survive.",
            SHARED,
            (("axes = (0, 1)", "axes = (0, 1, 2)"),),
        ),
        Mistake(
            "one axis after the other",
            "You normalise over one axis, and what comes out over the next. The values of a "
            "feature share one mean and one variance: average over both axes at once.",
            SETS,
            (
                (
                    "rows = x",
                    "rows = (x - np.mean(x, 0)) / np.sqrt(np.var(x, 0) + eps)\n    axes = (1,)",
                ),
            ),
        ),
        Mistake(
            "divided by the number of examples",
            "A feature has N·L values, one for each token: divide the sums by that, not by N.",
            SHARED,
            (
                ("rows.mean(axis=axes, keepdims=True)", "np.sum(x, axis=axes) / len(x)"),
                (
                    "rows.var(axis=axes, keepdims=True)",
                    "np.sum((x - mu) ** 2, axis=axes) / len(x)",
                ),
            ),
            number=26,
        ),
        Mistake(
            "the variances of the sequences averaged",
            "Your variance is the average of each sequence's own. That leaves out how far the "
            "sequences' means lie apart: take it over all tokens at once.",
            SHARED,
            (("rows.var(axis=axes, ", "rows.var(axis=1, keepdims=True).mean(axis=0, "),),
        ),
        Mistake(
            "reshaped in place of transposed",
            "You reshape (N, L, C) into (N, C, L). That keeps the numbers in a row and only cuts "
            "them elsewhere: tokens and features get mixed. Swapping two axes is a transpose.",
            TRAP,
            (
                ("rows = x", "rows = x.reshape(x.shape[0], x.shape[2], x.shape[1])"),
                ("axes = (0, 1)", "axes = (0, 2)"),
                ("shape = (1, 1, -1)", "shape = (1, -1, 1)"),
                ("return y", "return y.reshape(x.shape)"),
            ),
        ),
        Mistake(
            "reshaped into a row for each channel",
            "You reshape (N, L, C) into C rows. That keeps the numbers in a row and only cuts them "
            "elsewhere: the channels, which are last, get mixed. Transpose first, or average over "
            "axes 0 and 1.",
            TRAP,
            (
                ("rows = x", "rows = x.reshape(1, x.shape[2], -1)"),
                ("axes = (0, 1)", "axes = (0, 2)"),
                ("shape = (1, 1, -1)", "shape = (1, -1, 1)"),
                ("return y", "return y.reshape(x.shape)"),
            ),
        ),
        Mistake(
            "the result left as (N, C, L)",
            "The numbers are right, but the channels stand on axis 1. Move them back, so that y "
            "has the axes of x.",
            TRAP,
            (("return y", "return y.transpose(0, 2, 1)"),),
        ),
        Mistake(
            "transposed, and reshaped back",
            "You moved the channels to axis 1 with a transpose, and went back with a reshape, "
            "which mixes tokens and features. Transpose back.",
            TRAP,
            (("return y", "return y.transpose(0, 2, 1).reshape(x.shape)"),),
        ),
        Mistake(
            "the variance is divided by n − 1",
            N_MINUS_1,
            BY_HAND,
            (("rows.var(axis=axes, ", "rows.var(axis=axes, ddof=1, "),),
            number=1,
        ),
        Mistake(
            "ε outside the root",
            OUTSIDE,
            EPSILON,
            (("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),),
            number=4,
        ),
        Mistake("no ε", NO_EPSILON, EPSILON, (("(var + eps)", "(var)"),), 5),
        Mistake(
            "divided by the variance",
            VARIANCE,
            BY_HAND,
            (("np.sqrt(var + eps)", "(var + eps)"),),
            6,
        ),
        *_affine_mistakes(),
    ),
    hints=(
        "Which axis tells the features apart? That one must survive.",
        "Either average over the two axes that are not the channels', or move the channels to "
        "axis 1, normalise as for (N, C, L), and move them back.",
        "Mean and variance over axes 0 and 1, kept. γ and β line up with the last axis without a "
        "reshape.",
    ),
    read=TRAP,
    laws=(set_means((0, 1)), set_spreads((0, 1))),
    from_scratch=True,
)

COMPANY = value_question(
    "company",
    "Whose output depends on the company",
    "c",
    (
        wrong(
            "a",
            "positions taken for independence",
            "Its sets hold many values, but they still reach across the examples of the batch.",
            SETS,
        ),
        wrong(
            "b",
            "ghost batches taken for independence",
            "A ghost batch is a smaller batch: an example still depends on the others in its "
            "group.",
            SETS,
        ),
        wrong(
            "d",
            "synchronised batch norm taken for independence",
            "It takes the statistics from the examples of all devices, so an example depends on "
            "even more others.",
            ACCUMULATED,
            number=33,
        ),
    ),
    (
        "Look at the sets: which lie within one example?",
        "A norm whose sets lie within one example cannot see the others.",
        "In the table of the section, find the method with 1 in the column of examples.",
    ),
    SETS,
    choices=("a", "b", "c", "d"),
)

MODES = value_question(
    "modes",
    "Who needs two modes",
    "d",
    (
        wrong(
            "a",
            "running statistics expected of layer norm",
            "Layer norm takes its statistics from the example itself, in both modes.",
            SETS,
        ),
        wrong(
            "b",
            "running statistics expected of group norm",
            "Group norm takes its statistics from the example itself, in both modes.",
            SETS,
        ),
        wrong(
            "c",
            "running statistics expected of instance norm",
            "Instance norm, as in the chapter, takes its statistics from the example itself, in "
            "both modes.",
            SETS,
        ),
    ),
    (
        "When does a layer need numbers that it remembers?",
        "A layer needs running statistics if its sets may not be there when it is used.",
        "Find the method whose sets reach across examples.",
    ),
    SETS,
    choices=("a", "b", "c", "d"),
)

CHOOSE = value_question(
    "choose",
    "Two images per device",
    "b",
    (
        wrong(
            "a",
            "batch norm on two images",
            "Its statistics come from 2 images at a time. The error that chapter 10 reports for "
            "2 images per device is far higher than with group norm.",
            WHICH,
        ),
        wrong(
            "c",
            "accumulation taken for a big batch",
            "Accumulation adds up gradients. Each forward pass still takes its statistics from 2 "
            "images.",
            ACCUMULATED,
            number=32,
        ),
        wrong(
            "d",
            "instance norm where contrast matters",
            "It removes each image's own mean and contrast, channel by channel. How strongly an "
            "image excites a channel is what tells the classes apart here.",
            WHICH,
        ),
    ),
    (
        "What do 2 images give: good statistics, or noisy ones?",
        "Look for a norm that does not need the neighbours, and does not throw away each "
        "channel's strength.",
        "Find the row for 8 or fewer examples per device in the table of chapter 10.",
    ),
    WHICH,
    choices=("a", "b", "c", "d"),
)

EXERCISE = Exercise(
    "ex11_norms",
    "One rule for all the norms",
    (NORMALISE, AXES, MEANS, MEMBERS, GROUP, TOKENS, SEQUENCES, COMPANY, MODES, CHOOSE),
)
