"""Exercise 4: the backward pass, by graph and in closed form, and how to check it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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

CHAPTER = "04_backward"
STEPS = Section(CHAPTER, "Back through it, one node at a time")
CLOSED = Section(CHAPTER, "The closed form")
IDENTITIES = Section(CHAPTER, "Two identities")
CHECKING = Section(CHAPTER, "Checking a gradient")
EPSILON = Section("03_mechanism", "What ε does")
SHARED = Section("03_mechanism", "Which values share a mean?")
BY_HAND = Section("03_mechanism", "From the z-score to batch normalization, by hand")
TWO_MODES = Section("05_train_eval", "Two modes, two sets of numbers")

IMPORTS = "from collections.abc import Callable\n\nimport numpy as np\n"


# The references.


def parameter_gradients(dy: np.ndarray, x_hat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    axes = (0, *range(2, dy.ndim))
    products = dy * x_hat
    dgamma = products.sum(axis=axes)
    dbeta = dy.sum(axis=axes)
    return dgamma, dbeta


def numerical_gradient(f: Callable[[np.ndarray], float], x: np.ndarray, h: float) -> np.ndarray:
    point = np.array(x, dtype=np.float64)
    gradient = np.zeros_like(point)
    for i in np.ndindex(point.shape):
        up = point.copy()
        up[i] += h
        above = f(up)
        down = point.copy()
        down[i] -= h
        below = f(down)
        gradient[i] = (above - below) / (2 * h)
    return gradient


def backward_graph(
    dy: np.ndarray, x: np.ndarray, gamma: np.ndarray, eps: float
) -> dict[str, np.ndarray]:
    n = x.shape[0]
    centred = x - x.mean(axis=0)
    var = x.var(axis=0)
    inv_std = 1 / np.sqrt(var + eps)
    dx_hat = gamma * dy
    dinv_std = (dx_hat * centred).sum(axis=0)
    dvar = -0.5 * inv_std**3 * dinv_std
    direct = inv_std * dx_hat
    through_var = 2 * centred / n * dvar
    dcentred = direct + through_var
    dmu = -dcentred.sum(axis=0)
    through_mu = dmu / n
    dx = dcentred + through_mu
    return {"dx_hat": dx_hat, "dvar": dvar, "dmu": dmu, "dx": dx}


def batch_norm_backward(
    dy: np.ndarray, x: np.ndarray, gamma: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    axes = (0, *range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    n = x.size / x.shape[1]
    mu = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    inv_std = 1 / np.sqrt(var + eps)
    x_hat = (x - mu) * inv_std
    dgamma = (dy * x_hat).sum(axis=axes, keepdims=True)
    dbeta = dy.sum(axis=axes, keepdims=True)
    along_x_hat = x_hat * dgamma / n
    scale = gamma.reshape(shape) * inv_std
    dx = scale * (dy - dbeta / n - along_x_hat)
    return dx, dgamma.ravel(), dbeta.ravel()


def eval_backward(
    dy: np.ndarray,
    x: np.ndarray,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    gamma: np.ndarray,
    eps: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    axes = (0, *range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mean = running_mean.reshape(shape)
    var = running_var.reshape(shape)
    inv_std = 1 / np.sqrt(var + eps)
    x_hat = (x - mean) * inv_std
    dgamma = (dy * x_hat).sum(axis=axes)
    dbeta = dy.sum(axis=axes)
    scale = gamma.reshape(shape) * inv_std
    dx = scale * dy
    return dx, dgamma, dbeta


# Inputs of probes.


def upstream(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """A random gradient from the rest of the network, with two decimals."""
    return rng.standard_normal(shape).round(2)


def standardised(rng: np.random.Generator, *shape: int) -> Inputs:
    """`dy` and an `x_hat` as batch normalization makes it, with two decimals."""
    x = batch(rng, *shape)
    axes = (0, *range(2, x.ndim))
    centred = x - x.mean(axis=axes, keepdims=True)
    x_hat = centred / x.std(axis=axes, keepdims=True)
    return {"dy": upstream(rng, *shape), "x_hat": x_hat.round(2)}


def training(rng: np.random.Generator, *shape: int, eps: float = 1e-5) -> Inputs:
    """What the backward pass of training mode is given; γ is not 1, and once negative."""
    x = batch(rng, *shape)
    gamma = affine(rng, shape[1])["gamma"]
    return {"dy": upstream(rng, *shape), "x": x, "gamma": gamma, "eps": eps}


def mixed(rng: np.random.Generator, *shape: int) -> Inputs:
    """The same, where the first channel has a spread as small as √ε."""
    given = training(rng, *shape)
    given["x"][:, 0] = (3e-3 * rng.standard_normal(shape[0])).round(5)
    return given


def evaluation(rng: np.random.Generator, *shape: int, eps: float = 1e-5) -> Inputs:
    """What the backward pass of evaluation mode is given; far from the batch's own statistics."""
    given = training(rng, *shape, eps=eps)
    running = {
        "running_mean": rng.uniform(0.5, 3.0, shape[1]).round(2),
        "running_var": rng.uniform(0.5, 3.0, shape[1]).round(2),
    }
    return {"dy": given["dy"], "x": given["x"], **running, "gamma": given["gamma"], "eps": eps}


# Mistakes that hardly come with another one.

Edits = tuple[tuple[str, str], ...]


def alone(lines: Edits, *mistakes: Mistake) -> tuple[Mistake, ...]:
    """The mistakes, each editing these lines too, to the same effect, where it leaves them alone.

    Two mistakes that edit a line in common are no pair.  All pairs are tried on an answer: with
    fewer of them the check is faster.
    """
    return tuple(
        replace(
            mistake,
            edits=(
                *mistake.edits,
                *(
                    (line, same)
                    for line, same in lines
                    if not any(line in edit[0] or edit[0] in line for edit in mistake.edits)
                ),
            ),
        )
        for mistake in mistakes
    )


GRAPH_LINES: Edits = (
    ("-0.5 * inv_std**3", "-(inv_std**3) / 2"),
    ("(dx_hat * centred).sum(axis=0)", "(centred * dx_hat).sum(axis=0)"),
    ("dx = dcentred + through_mu", "dx = through_mu + dcentred"),
    ("np.sqrt(var + eps)", "np.sqrt(eps + var)"),
    ("-dcentred.sum(axis=0)", "-1.0 * dcentred.sum(axis=0)"),
)
CLOSED_LINES: Edits = (
    ("(dy - dbeta / n - along_x_hat)", "(dy - along_x_hat - dbeta / n)"),
    ("scale = gamma.reshape(shape) * inv_std", "scale = inv_std * gamma.reshape(shape)"),
    ("x_hat * dgamma / n", "dgamma * x_hat / n"),
    ("(dy * x_hat)", "(x_hat * dy)"),
    ("np.sqrt(var + eps)", "np.sqrt(eps + var)"),
    ("n = x.size / x.shape[1]", "n = x.size // x.shape[1]"),
    (
        "return dx, dgamma.ravel(), dbeta.ravel()",
        "return dx, dgamma.reshape(-1), dbeta.reshape(-1)",
    ),
)


# Laws: a gradient says how fast the loss Σ dy·y changes when a value is moved.

Value = Callable[[Inputs], np.ndarray]
Loss = Callable[[Inputs, np.ndarray], float]
Pick = Callable[[dict[str, Any]], Any]


def along(v: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The (C,) vector v as (1, C, 1, …)."""
    return v.reshape(1, -1, *(1,) * (x.ndim - 2))


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance of each channel."""
    axes = (0, *range(2, x.ndim))
    return x.mean(axis=axes), x.var(axis=axes)


def normalised(x: np.ndarray, mu: np.ndarray, var: np.ndarray, eps: float) -> np.ndarray:
    """(x − mu)/√(var + eps), channel by channel."""
    return (x - along(mu, x)) / np.sqrt(along(var, x) + eps)


def weighted(inputs: Inputs, x_hat: np.ndarray, gamma: np.ndarray | None = None) -> float:
    """The loss Σ dy·y for this x_hat; β is left out: it moves the loss by a constant."""
    scale = inputs["gamma"] if gamma is None else gamma
    return float((inputs["dy"] * along(scale, x_hat) * x_hat).sum())


def train_x_hat(inputs: Inputs, x: np.ndarray | None = None) -> np.ndarray:
    """x_hat in training mode, of the input's x or of another one."""
    x = inputs["x"] if x is None else x
    return normalised(x, *batch_statistics(x), inputs["eps"])


def eval_x_hat(inputs: Inputs, x: np.ndarray | None = None) -> np.ndarray:
    """x_hat in evaluation mode."""
    x = inputs["x"] if x is None else x
    return normalised(x, inputs["running_mean"], inputs["running_var"], inputs["eps"])


def loss_of_var(inputs: Inputs, var: np.ndarray) -> float:
    """The loss where σ² is moved, and the deviations stay as they are."""
    mu, _ = batch_statistics(inputs["x"])
    return weighted(inputs, normalised(inputs["x"], mu, var, inputs["eps"]))


def loss_of_mu(inputs: Inputs, mu: np.ndarray) -> float:
    """The loss where μ is moved, and with it the deviations and their mean square."""
    var = ((inputs["x"] - along(mu, inputs["x"])) ** 2).mean(axis=0)
    return weighted(inputs, normalised(inputs["x"], mu, var, inputs["eps"]))


def part(number: int) -> Pick:
    """The part of that number of the result `out`."""
    return lambda values: values["out"][number]


def entry(name: str) -> Pick:
    """The entry of that name of the result `out`, where it is kept by itself."""
    return lambda values: values[f"out['{name}']"]


def slope(label: str, moved: str, pick: Pick, start: Value, loss: Loss) -> Law:
    """What `pick` finds in the result is the gradient of `loss` at `start`.

    label: the name of the gradient; moved: of what is moved.
    """

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        got = pick(values)
        at = start(inputs)
        step = min(1e-6, 1e-4 * np.abs(at[at != 0]).min())
        rates = numerical_gradient(lambda value: loss(inputs, value), at, step)
        gap = np.abs(got - rates)
        worst = np.unravel_index(int(np.argmax(gap)), gap.shape)
        if gap[worst] <= 1e-4 * (np.abs(rates).max() + 1e-3):
            return None
        place = f"[{', '.join(map(str, worst))}]"
        said = (
            f"let {moved}{place} grow by a tiny δ: the loss Σ dy·y then changes by "
            f"{rates[worst]:.4g}·δ, and by your `{label}{place}` it would be {got[worst]:.4g}·δ."
        )
        return f"{said} {proportion(label, got, rates)}".strip()

    return Law(f"slope of {label}", broken)


def proportion(label: str, got: np.ndarray, right: np.ndarray) -> str:
    """A sentence where all of `got` is the same multiple of `right`, else nothing."""
    factor = float((got * right).sum() / (right * right).sum())
    if np.abs(got - factor * right).max() > 1e-4 * np.abs(got).max() or abs(factor) < 1e-6:
        return ""
    return f"All of `{label}` is {factor:.4g} times what it should be: look for a factor."


def sum_of_dx(pick: Pick) -> Law:
    """In each channel `dx` adds up to zero."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        dx = pick(values)
        axes = (0, *range(2, dx.ndim))
        sums, sizes = dx.sum(axis=axes), np.abs(dx).sum(axis=axes)
        worst = int(np.argmax(np.abs(sums) / (sizes + 1e-12)))
        if abs(sums[worst]) < 1e-8 * (1 + sizes[worst]):
            return None
        return (
            f"in channel {worst} `dx` adds up to {sums[worst]:.4g}, expected 0: adding the same "
            "to all x of a channel changes no output. A path back to x is missing, or too large."
        )

    return Law("sum of dx", broken)


def sum_of_dx_x_hat(pick: Pick) -> Law:
    """In each channel Σ dx·x̂ is γ·dgamma·ε/(σ² + ε)^(3/2)."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        dx, eps = pick(values), inputs["eps"]
        axes = (0, *range(2, dx.ndim))
        x_hat = train_x_hat(inputs)
        _, var = batch_statistics(inputs["x"])
        dgamma = (inputs["dy"] * x_hat).sum(axis=axes)
        wanted = inputs["gamma"] * dgamma * eps / (var + eps) ** 1.5
        sums, sizes = (dx * x_hat).sum(axis=axes), np.abs(dx * x_hat).sum(axis=axes)
        gaps = np.abs(sums - wanted) / (sizes + np.abs(wanted) + 1e-12)
        worst = int(np.argmax(gaps))
        right, *_ = batch_norm_backward(inputs["dy"], inputs["x"], inputs["gamma"], eps)
        factor = (dx * right).sum(axis=axes) / (right**2).sum(axis=axes)
        beside = np.abs(dx - along(factor, dx) * right).max()
        if gaps[worst] < 0.01 or beside < 1e-6 * np.abs(dx).max():
            return None  # what differs by a factor in front is told by the slopes
        return (
            f"in channel {worst} the sum of `dx`·x̂ is {sums[worst]:.4g}, expected "
            f"{wanted[worst]:.4g}, which is γ·dgamma·ε/(σ² + ε)^(3/2). Look at the path through "
            "σ²: is all of it there, and of the right size?"
        )

    return Law("sum of dx·x_hat", broken)


def no_multiple_of_the_slope() -> Law:
    """The numerical gradient is not a multiple of the right one."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        got, x, h = values["out"], inputs["x"], inputs["h"]
        right = numerical_gradient(PROBED[x.shape], x, h)
        return proportion("out", got, right) or None

    return Law("multiple of the slope", broken)


def central_difference() -> Law:
    """Each entry is the difference of two losses, divided by the distance of the two points."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        got, x, h = values["out"], inputs["x"], inputs["h"]
        f = PROBED[x.shape]
        right = numerical_gradient(f, x, h)
        worst = np.unravel_index(int(np.argmax(np.abs(got - right))), x.shape)
        step = np.zeros(x.shape)
        step[worst] = h
        place = f"[{', '.join(map(str, worst))}]"
        above, below = f(x + step), f(x - step)
        return (
            f"f is {above:.6g} where x{place} alone is raised by h, and {below:.6g} where it "
            f"alone is lowered by h. The points are {2 * h:g} apart, so the slope there is "
            f"{right[worst]:.5g}; yours is {got[worst]:.5g}."
        )

    return Law("central difference", broken)


PROBED: dict[tuple[int, ...], Callable[[np.ndarray], float]] = {
    (2,): lambda x: float(2 * x[0] ** 3 + x[0] * x[1] ** 2),
    (3,): lambda x: float((x**3).sum() + x[0] * x[1]),
    (2, 3): lambda x: float((x**3).sum() + x[0, 0] * x[0, 1] * x[1, 2] ** 2),
}


def parameter_laws(gamma_at: int, beta_at: int, x_hat: Value) -> tuple[Law, ...]:
    """The slopes of the loss in γ and β, which do not depend on where γ and β are."""

    def loss_of_gamma(inputs: Inputs, gamma: np.ndarray) -> float:
        return weighted(inputs, x_hat(inputs), gamma)

    def loss_of_beta(inputs: Inputs, beta: np.ndarray) -> float:
        return float((inputs["dy"] * along(beta, inputs["dy"])).sum())

    def ones(inputs: Inputs) -> np.ndarray:
        return np.ones(inputs["dy"].shape[1])

    return (
        slope("dgamma", "γ", part(gamma_at), ones, loss_of_gamma),
        slope("dbeta", "β", part(beta_at), ones, loss_of_beta),
    )


def the_x(inputs: Inputs) -> np.ndarray:
    """The input itself, where it is what is moved."""
    return np.asarray(inputs["x"])


def train_loss(inputs: Inputs, x: np.ndarray) -> float:
    """The loss in training mode as a function of x."""
    return weighted(inputs, train_x_hat(inputs, x))


def eval_loss(inputs: Inputs, x: np.ndarray) -> float:
    """The loss in evaluation mode as a function of x."""
    return weighted(inputs, eval_x_hat(inputs, x))


# What several questions say.

DGAMMA_MEAN = (
    "You return a mean. The same γ is in all n outputs of its channel, and each of them adds its "
    "share of the gradient: `dgamma` is the sum of dy·x̂."
)
DBETA_MEAN = (
    "You return a mean. The same β is in all n outputs of its channel, and each of them adds its "
    "share of the gradient: `dbeta` is the sum of dy."
)
BOTH_MEAN = (
    "You return means. The same γ and β are in all n outputs of their channel, so their gradients "
    "are sums: of dy·x̂ for `dgamma`, of dy for `dbeta`. A mean is n times too small."
)
BATCH_ALONE = (
    "For images, `dgamma` and `dbeta` are sums over the positions too. There is one γ and one β "
    "per channel, so that (C,) numbers are left."
)
SWAPPED = "You return `dbeta` where `dgamma` is asked for, and the other way round."
NO_EPS = (
    "The forward pass divides by √(σ² + ε). Without ε the gradient is too large in a channel of "
    "small spread, and infinite in a constant one."
)
EPS_OUTSIDE = (
    "The forward pass adds ε to σ² before the root. The gradient has to use the same root, "
    "√(σ² + ε), not √σ² + ε."
)
DDOF = (
    "The forward pass divides by n, and the gradient has to use the same σ². With n − 1 this is "
    "the gradient of another layer."
)
NO_ROOT = "You divide by σ² + ε. The forward pass divides by its root, √(σ² + ε)."
PLAIN_GAMMA = (
    "The outputs are γ·x̂ + β, so γ multiplies every gradient on its way to x. With γ = 1 this "
    "mistake does not show: always test with another γ."
)
CONSTANTS = (
    "You treat μ and σ² as if they did not depend on x. In training mode every x of a channel is "
    "in both, and the gradient has a path through each. The sum of `dx`, which must be 0, shows it."
)
NO_MEAN_PATH = (
    "Every x is also in μ, and this path is not in your `dx`. What it adds makes `dx` sum to 0 in "
    "each channel; yours does not."
)
NO_VAR_PATH = (
    "Every x is also in σ², and this path is not in your `dx`. The sum of `dx` is 0 as it must "
    "be, but the sum of dx·x̂, which must be nearly 0 too, is not."
)
X_FOR_X_HAT = (
    "You multiply dy by x. What γ multiplies in the forward pass is x̂, so `dgamma` is the sum of "
    "dy·x̂."
)
DEVIATION = (
    "You multiply dy by the deviation. What γ multiplies in the forward pass is x̂, the deviation "
    "divided by √(σ² + ε)."
)
GAMMA_IN_SUMS = (
    "You sum γ·dy, the gradient of x̂. γ and β enter after x̂: `dgamma` is the sum of dy·x̂ and "
    "`dbeta` the sum of dy, both without γ."
)
GAMMA_AXIS = (
    "Your γ lies along the last axis, as broadcasting does by itself. It belongs to axis 1. Where "
    "C = H = W this raises no error: the result is just wrong."
)
OWN_EPS = (
    "Your code sets ε itself. Use the `eps` that it is given: the forward pass did, and here it is "
    "not always 1e-5."
)
FLAT = (
    "`reshape(-1, C)` leaves the numbers in their order and cuts them into rows of C. For images a "
    "row then holds neighbouring positions, not channels: move axis 1 to the end first."
)
KEPT_AXES = (
    "Your results have axes of length 1, like (1, C). Gradients have the shape of what they belong "
    "to: γ and β are (C,)."
)

WHOLE_IN_PLACE = (
    "You move x in place and back again. An array of integers drops what is behind the point, so "
    "neither the way up nor the way back arrives: turn x into float64 first, which is a copy too."
)

PARAMETERS = Question(
    name="parameters",
    title="The gradients of γ and β",
    names=("parameter_gradients",),
    reference=source(parameter_gradients),
    probes=(
        Probe(
            "four examples, two channels",
            "vectors",
            "out = parameter_gradients(dy, x_hat)",
            ("out",),
            lambda rng: standardised(rng, 4, 2),
        ),
        Probe(
            "vectors",
            "vectors",
            "out = parameter_gradients(dy, x_hat)",
            ("out",),
            lambda rng: standardised(rng, 5, 3),
        ),
        Probe(
            "sequences",
            "images",
            "out = parameter_gradients(dy, x_hat)",
            ("out",),
            lambda rng: standardised(rng, 3, 2, 2),
        ),
        Probe(
            "images",
            "images",
            "out = parameter_gradients(dy, x_hat)",
            ("out",),
            lambda rng: standardised(rng, 4, 3, 2, 5),
        ),
    ),
    points={"vectors": 1, "images": 2},
    mistakes=(
        Mistake(
            "dγ and dβ averaged",
            BOTH_MEAN,
            STEPS,
            (
                (
                    "products.sum(axis=axes)\n    dbeta = dy.sum(axis=axes)",
                    "products.mean(axis=axes)\n    dbeta = dy.mean(axis=axes)",
                ),
            ),
            number=25,
        ),
        Mistake(
            "dγ averaged",
            DGAMMA_MEAN,
            STEPS,
            (
                (
                    "products.sum(axis=axes)\n    dbeta = dy.sum(axis=axes)",
                    "products.mean(axis=axes)\n    dbeta = dy.sum(axis=axes)",
                ),
            ),
            number=25,
        ),
        Mistake(
            "dβ averaged",
            DBETA_MEAN,
            STEPS,
            (
                (
                    "products.sum(axis=axes)\n    dbeta = dy.sum(axis=axes)",
                    "products.sum(axis=axes)\n    dbeta = dy.mean(axis=axes)",
                ),
            ),
            number=25,
        ),
        Mistake(
            "dγ and dβ divided by N",
            "You divide the sums by the number of examples. `dgamma` and `dbeta` are sums: where "
            "the loss is a mean over the examples, that 1/N is in dy already.",
            STEPS,
            (
                (
                    "products.sum(axis=axes)\n    dbeta = dy.sum(axis=axes)",
                    "products.sum(axis=axes) / len(dy)\n    dbeta = dy.sum(axis=axes) / len(dy)",
                ),
                # the same axes: over the batch axis alone, a mean is this too
                ("axes = (0, *range(2, dy.ndim))", "axes = tuple({0, *range(2, dy.ndim)})"),
            ),
            number=25,
        ),
        Mistake(
            "dγ and dβ summed over the batch axis alone",
            BATCH_ALONE,
            SHARED,
            (("axes = (0, *range(2, dy.ndim))", "axes = (0,)"),),
            number=8,
        ),
        Mistake(
            "dγ and dβ summed over the channel axis",
            "You sum over the channels of each example. γ and β are one per channel, so axis 1 is "
            "the one that stays.",
            SHARED,
            (("axes = (0, *range(2, dy.ndim))", "axes = tuple(range(1, dy.ndim))"),),
        ),
        Mistake(
            "one dγ and one dβ for all channels",
            "You sum over everything, the channels included. Each channel has a γ and a β of its "
            "own: (C,) numbers are left.",
            SHARED,
            (("axes = (0, *range(2, dy.ndim))", "axes = tuple(range(dy.ndim))"),),
        ),
        Mistake(
            "axes that only images have",
            "Your axes are those of an image, (0, 2, 3), and an input of the shape (N, C) has no "
            "axis 2. Build them from the number of axes: the first one, and all from the third "
            "on.",
            SHARED,
            (("axes = (0, *range(2, dy.ndim))", "axes = (0, 2, 3)"),),
        ),
        Mistake(
            "gradients keep the summed axes",
            KEPT_AXES,
            STEPS,
            (("return dgamma, dbeta", "return dgamma.reshape(1, -1), dbeta.reshape(1, -1)"),),
        ),
        Mistake(
            "dγ and dβ swapped",
            SWAPPED,
            STEPS,
            (("return dgamma, dbeta", "return dbeta, dgamma"),),
        ),
        Mistake(
            "x̂ left out of dγ",
            "You sum dy alone. γ is multiplied by x̂ in the forward pass, so each dy counts as "
            "much as its x̂: `dgamma` is the sum of dy·x̂.",
            STEPS,
            (("products = dy * x_hat", "products = dy"),),
        ),
        Mistake(
            "dy left out of dγ",
            "You sum x̂ alone, and that is 0 in every channel. Each x̂ counts as much as the "
            "gradient that arrives at its output: `dgamma` is the sum of dy·x̂.",
            STEPS,
            (("products = dy * x_hat", "products = x_hat"),),
        ),
        Mistake(
            "sums multiplied, in place of products summed",
            "You sum dy and x̂ first and multiply the sums. Σ x̂ is 0, so this says nothing: "
            "multiply value by value, then sum.",
            STEPS,
            (
                ("products = dy * x_hat", "products = dy"),
                ("products.sum(axis=axes)", "products.sum(axis=axes) * x_hat.sum(axis=axes)"),
            ),
        ),
        Mistake(
            "images cut into rows of C numbers",
            FLAT,
            SHARED,
            (
                ("axes = (0, *range(2, dy.ndim))", "axes = (0,)"),
                (
                    "products = dy * x_hat",
                    "dy = dy.reshape(-1, dy.shape[1])\n    products = dy * x_hat.reshape(dy.shape)",
                ),
            ),
            number=8,
        ),
    ),
    hints=(
        "In how many of the outputs does one γ appear? The chain rule adds up what comes from all "
        "of them.",
        "For one output, the derivative with respect to γ is x̂, and with respect to β it is 1. "
        "Multiply by dy, then add up over everything that shares this γ.",
        "Build the tuple of all axes but axis 1. Sum the products of dy and x̂ over them, and sum "
        "dy over them.",
    ),
    read=STEPS,
    laws=parameter_laws(0, 1, lambda inputs: inputs["x_hat"]),
    preamble=IMPORTS,
    from_scratch=True,
)

NUMERICAL = Question(
    name="numerical",
    title="A gradient by finite differences",
    names=("numerical_gradient",),
    reference=source(numerical_gradient),
    probes=(
        Probe(
            "two values, a large step",
            "one axis",
            "def f(x):\n"
            "    return float(2 * x[0] ** 3 + x[0] * x[1] ** 2)\n"
            "out = numerical_gradient(f, x, h)",
            ("out",),
            lambda rng: {"x": rng.uniform(1.0, 3.0, 2).round(2), "h": 0.5},
        ),
        Probe(
            "two values, a small step",
            "one axis",
            "def f(x):\n"
            "    return float(2 * x[0] ** 3 + x[0] * x[1] ** 2)\n"
            "out = numerical_gradient(f, x, h)",
            ("out",),
            lambda rng: {"x": rng.uniform(1.0, 3.0, 2).round(2), "h": 1e-4},
        ),
        Probe(
            "a matrix",
            "more axes",
            "def f(x):\n"
            "    return float((x**3).sum() + x[0, 0] * x[0, 1] * x[1, 2] ** 2)\n"
            "out = numerical_gradient(f, x, h)",
            ("out",),
            lambda rng: {"x": rng.uniform(1.0, 3.0, (2, 3)).round(2), "h": 0.25},
        ),
        Probe(
            "whole numbers",
            "whole numbers",
            "def f(x):\n"
            "    return float((x**3).sum() + x[0] * x[1])\n"
            "out = numerical_gradient(f, x, h)",
            ("out",),
            lambda rng: {"x": rng.integers(1, 5, 3), "h": 0.3},
        ),
    ),
    points={"one axis": 1, "more axes": 1, "whole numbers": 1},
    mistakes=(
        Mistake(
            "a forward difference",
            "You compare f(x + h) with f(x). Its error is proportional to h, that of the central "
            "difference to h²: compare f(x + h) with f(x − h), and divide by their distance, 2h.",
            CHECKING,
            (("down[i] -= h", "pass"), ("(above - below) / (2 * h)", "(above - below) / h")),
        ),
        Mistake(
            "a backward difference",
            "You compare f(x) with f(x − h). Its error is proportional to h, that of the central "
            "difference to h²: compare f(x + h) with f(x − h), and divide by their distance, 2h.",
            CHECKING,
            (("up[i] += h", "pass"), ("(above - below) / (2 * h)", "(above - below) / h")),
        ),
        Mistake(
            "a forward difference divided by 2h",
            "Your second point is x itself, and not x − h: is it moved from x + h by 2h? Between "
            "x and x + h the distance is h alone, so this comes out half as large as it should.",
            CHECKING,
            (("down[i] -= h", "pass"), ("(above - below) / (2 * h)", "(above - below) / 2 / h")),
        ),
        Mistake(
            "divided by h",
            "The two points are 2h apart, so the difference of the losses is divided by 2h. With "
            "h alone every gradient is twice as large.",
            CHECKING,
            (("(above - below) / (2 * h)", "(above - below) / h"),),
        ),
        Mistake(
            "divided by 2 and multiplied by h",
            "`/ 2 * h` divides by 2 and then multiplies by h: the brackets around 2·h are missing.",
            CHECKING,
            (("(above - below) / (2 * h)", "(above - below) / 2 * h"),),
        ),
        Mistake(
            "not divided by the step",
            "You return the difference of the losses. A gradient is a rate: divide by the "
            "distance of the two points, 2h.",
            CHECKING,
            (("(above - below) / (2 * h)", "(above - below)"),),
        ),
        Mistake(
            "the sign of the difference",
            "You subtract the loss at x + h from that at x − h. A gradient is positive where the "
            "loss rises with x.",
            CHECKING,
            (("(above - below) / (2 * h)", "(below - above) / (2 * h)"),),
        ),
        Mistake(
            "the moved value is not moved back",
            "After a value has had its turn it stays at x − h, and all that come after are "
            "computed at another point. Move one value at a time: begin each turn from x itself.",
            CHECKING,
            (
                ("up = point.copy()", "up = point"),
                ("down = point.copy()", "down = point"),
                ("down[i] -= h", "down[i] -= 2 * h"),
            ),
            loose=frozenset({"whole numbers"}),
        ),
        Mistake(
            "x itself is moved, and not moved back",
            "Your code writes into x and leaves it changed. What comes after is computed at "
            "another point, and whoever called you still needs x: work on a copy in each turn.",
            CHECKING,
            (
                ("point = np.array(x, dtype=np.float64)", "point = x"),
                ("np.zeros_like(point)", "np.zeros(point.shape)"),
                ("up = point.copy()", "up = point"),
                ("down = point.copy()", "down = point"),
                ("down[i] -= h", "down[i] -= 2 * h"),
            ),
            loose=frozenset({"whole numbers"}),
        ),
        Mistake(
            "the copies are made once for all places",
            "Your two copies are made before the loop, so what was moved in one turn is still "
            "moved in the next. Move one value at a time: begin each turn from x itself.",
            CHECKING,
            (
                (
                    "for i in np.ndindex(point.shape):\n        up = point.copy()",
                    "up = point.copy()\n    down = point.copy()\n"
                    "    for i in np.ndindex(point.shape):",
                ),
                ("down = point.copy()\n        down[i] -= h", "down[i] -= h"),
            ),
            loose=frozenset({"whole numbers"}),
        ),
        Mistake(
            "whole numbers moved in place",
            WHOLE_IN_PLACE,
            CHECKING,
            (
                ("point = np.array(x, dtype=np.float64)", "point = x"),
                ("up = point.copy()", "up = point"),
                ("down = point.copy()", "down = point"),
                ("down[i] -= h", "down[i] -= 2 * h"),
                ("below = f(down)", "below = f(down)\n        down[i] += h"),
            ),
        ),
        Mistake(
            "whole numbers moved in place, the result in float64",
            WHOLE_IN_PLACE,
            CHECKING,
            (
                ("point = np.array(x, dtype=np.float64)", "point = x"),
                ("np.zeros_like(point)", "np.zeros(point.shape)"),
                ("up = point.copy()", "up = point"),
                ("down = point.copy()", "down = point"),
                ("down[i] -= h", "down[i] -= 2 * h"),
                ("below = f(down)", "below = f(down)\n        down[i] += h"),
            ),
        ),
        Mistake(
            "half a step to each side",
            "You go h/2 up and h/2 down and divide by h. That is a central difference too, but "
            "of half the step: here h is the step to each side, and the points are 2h apart.",
            CHECKING,
            (
                ("up[i] += h", "up[i] += h / 2"),
                ("down[i] -= h", "down[i] -= h / 2"),
                ("(above - below) / (2 * h)", "(above - below) / h"),
            ),
        ),
        Mistake(
            "both points are the same array",
            "A plain assignment makes no copy: your two points are one array, moved up and down "
            "again, so their difference is 0. Take a copy of x for each.",
            CHECKING,
            (
                (
                    "above = f(up)\n        down = point.copy()\n        down[i] -= h",
                    "down = up\n        down[i] -= h\n        above = f(up)",
                ),
            ),
            loose=frozenset({"whole numbers"}),
        ),
        Mistake(
            "all values moved at once",
            "You add h to the whole array, so every entry of your result is the sum of all "
            "slopes. Move one value at a time.",
            CHECKING,
            (("up[i] += h", "up += h"), ("down[i] -= h", "down -= h")),
        ),
        Mistake(
            "whole rows moved",
            "You run through the first axis alone, so on a matrix a whole row is moved at once. "
            "Run through every place: `np.ndindex(x.shape)` gives all of them.",
            CHECKING,
            (("np.ndindex(point.shape)", "range(len(point))"),),
        ),
        Mistake(
            "a step of its own",
            "Your code sets the step itself. Use the h that it is given: which step is good "
            "depends on the loss and on the type of the numbers.",
            CHECKING,
            (("np.zeros_like(point)", "np.zeros_like(point)\n    h = 1e-5"),),
        ),
        Mistake(
            "whole numbers stay whole",
            "An array of integers drops what is behind the point: 3 + 0.3 is 3 again. Turn x "
            "into float64 first, then both the moved points and the result can hold fractions.",
            CHECKING,
            (("point = np.array(x, dtype=np.float64)", "point = np.array(x)"),),
        ),
        Mistake(
            "the gradient is stored in whole numbers",
            "`np.zeros_like(x)` takes over the type of x. For integers it drops what is behind "
            "the point of every slope: make the result float64.",
            CHECKING,
            (("np.zeros_like(point)", "np.zeros_like(x)"),),
        ),
        Mistake(
            "the points are stored in whole numbers",
            "A copy of an array of integers drops what is behind the point: 3 + 0.3 is 3 again. "
            "Turn x into float64 before you move it.",
            CHECKING,
            (
                ("point = np.array(x, dtype=np.float64)", "point = np.array(x)"),
                ("np.zeros_like(point)", "np.zeros(point.shape)"),
            ),
        ),
        Mistake(
            "moved down by h, and not by 2h",
            "After the way up by h you go down by h, which is x again, and then up once more. From "
            "x + h it is 2h down to x − h, and h up to be back at x.",
            CHECKING,
            (
                ("up = point.copy()", "up = point"),
                ("down = point.copy()", "down = point"),
                ("down[i] -= h", "down[i] = down[i] - h"),
                ("below = f(down)", "below = f(down)\n        down[i] += h"),
            ),
            loose=frozenset({"whole numbers"}),
        ),
    ),
    hints=(
        "One entry of the gradient answers one question: how much does the loss change when this "
        "one value is moved, and nothing else?",
        "For each place make two copies of x, one moved up by h and one moved down by h, and "
        "compare their losses. How far are the two points apart?",
        "Turn x into float64 and make an empty result of its shape. Run through all places with "
        "np.ndindex. In each turn copy twice, move, call f twice, divide by twice the step.",
    ),
    read=CHECKING,
    laws=(no_multiple_of_the_slope(), central_difference()),
    preamble=IMPORTS,
)

# Where two mistakes together are a third one, as 22 and 23 are 21, they edit a line in common, so
# that they are no pair.
GRAPH = Question(
    name="graph",
    title="Back through the graph",
    names=("backward_graph",),
    reference=source(backward_graph),
    probes=(
        Probe(
            "dx_hat of four examples",
            "dx_hat",
            "out = backward_graph(dy, x, gamma, eps)",
            ("out['dx_hat']",),
            lambda rng: training(rng, 4, 2, eps=0.1),
        ),
        Probe(
            "dvar of four examples",
            "dvar",
            "out = backward_graph(dy, x, gamma, eps)",
            ("out['dvar']",),
            lambda rng: training(rng, 4, 2, eps=0.1),
        ),
        Probe(
            "dmu of four examples",
            "dmu",
            "out = backward_graph(dy, x, gamma, eps)",
            ("out['dmu']",),
            lambda rng: training(rng, 4, 2, eps=0.1),
        ),
        Probe(
            "dx of four examples",
            "dx",
            "out = backward_graph(dy, x, gamma, eps)",
            ("out['dx']",),
            lambda rng: training(rng, 4, 2, eps=0.1),
        ),
        Probe(
            "dx of five examples, with a channel of tiny spread",
            "dx",
            "out = backward_graph(dy, x, gamma, eps)",
            ("out['dx']",),
            lambda rng: mixed(rng, 5, 3),
        ),
    ),
    points={"dx_hat": 1, "dvar": 2, "dmu": 1, "dx": 2},
    mistakes=(
        Mistake(
            "μ and σ² taken as constants",
            CONSTANTS,
            STEPS,
            (("dx = dcentred + through_mu", "dx = direct"),),
            number=21,
        ),
        Mistake(
            "the path through μ missing",
            NO_MEAN_PATH,
            STEPS,
            (("dx = dcentred + through_mu", "dx = dcentred"),),
            number=22,
        ),
        Mistake(
            "the path through σ² missing",
            NO_VAR_PATH,
            STEPS,
            (
                ("dcentred = direct + through_var", "dcentred = direct"),
                ("dx = dcentred + through_mu", "dx = through_mu + dcentred"),
            ),
            number=23,
        ),
        Mistake(
            "γ left out of the backward pass",
            PLAIN_GAMMA,
            STEPS,
            (("dx_hat = gamma * dy", "dx_hat = dy"),),
            number=24,
        ),
        Mistake(
            "the factor −½ of the root left out",
            "The derivative of (σ² + ε)^(−½) is −½·(σ² + ε)^(−3/2). Your `dvar` lacks the −½.",
            STEPS,
            (("-0.5 * inv_std**3", "inv_std**3"),),
        ),
        Mistake(
            "the factor ½ of the root left out",
            "The derivative of (σ² + ε)^(−½) is −½·(σ² + ε)^(−3/2). Your `dvar` has the sign but "
            "not the ½.",
            STEPS,
            (("-0.5 * inv_std**3", "-(inv_std**3)"),),
        ),
        Mistake(
            "the sign of dσ²",
            "A larger σ² makes every x̂ smaller in size: the derivative of (σ² + ε)^(−½) is "
            "−½·(σ² + ε)^(−3/2). Your `dvar` has the opposite sign.",
            STEPS,
            (("-0.5 * inv_std**3", "0.5 * inv_std**3"),),
        ),
        Mistake(
            "the power −½ where −3/2 belongs",
            "Differentiating lowers the exponent by one: from (σ² + ε)^(−½) comes "
            "−½·(σ² + ε)^(−3/2), which is −½·r³.",
            STEPS,
            (("-0.5 * inv_std**3", "-0.5 * inv_std"),),
        ),
        Mistake(
            "the power 3/2 where −3/2 belongs",
            "You multiply by (σ² + ε)^(3/2) and should divide: the exponent is −3/2.",
            STEPS,
            (("-0.5 * inv_std**3", "-0.5 * inv_std**-3"),),
        ),
        Mistake(
            "dσ² averaged",
            "The one σ² is in all n values of x̂, and each adds its share: `dvar` is a sum over "
            "the batch, not a mean.",
            STEPS,
            (("(dx_hat * centred).sum(axis=0)", "(dx_hat * centred).mean(axis=0)"),),
        ),
        Mistake(
            "x in place of x − μ",
            "What is multiplied by 1/√(σ² + ε) is the deviation x − μ, so that is what stands in "
            "the sum for `dvar`.",
            STEPS,
            (("(dx_hat * centred).sum(axis=0)", "(dx_hat * x).sum(axis=0)"),),
        ),
        Mistake(
            "x̂ in place of x − μ",
            "In the sum for `dvar` stands the deviation x − μ. With x̂ there is a factor "
            "1/√(σ² + ε) too many.",
            STEPS,
            (("-0.5 * inv_std**3 * dinv_std", "-0.5 * inv_std * inv_std**3 * dinv_std"),),
        ),
        Mistake(
            "the direct path without 1/√(σ² + ε)",
            "On the direct path x − μ is multiplied by 1/√(σ² + ε), and so is the gradient that "
            "flows back. Yours goes through unchanged.",
            STEPS,
            (("direct = inv_std * dx_hat", "direct = dx_hat"),),
        ),
        Mistake(
            "dx_hat added to dx as it is",
            "In `dx` you add `dx_hat` itself. On the direct path x − μ is multiplied by "
            "1/√(σ² + ε), and so is the gradient that flows back.",
            STEPS,
            (
                ("dx = dcentred + through_mu", "dx = dx_hat + through_var + through_mu"),
                ("dmu = -dcentred", "dmu = -1 * dcentred"),
            ),
        ),
        Mistake(
            "the path through μ subtracted",
            "`dmu` has its minus sign already: in `dx` the share `dmu`/n is added.",
            STEPS,
            (
                ("dx = dcentred + through_mu", "dx = dcentred - through_mu"),
                ("dmu = -dcentred", "dmu = -1 * dcentred"),
            ),
        ),
        Mistake(
            "γ left out of dσ²",
            "Your sum for `dvar` has dy in it. The gradient that arrives at x̂ is `dx_hat`, with "
            "γ: the chain goes on from there.",
            STEPS,
            (("(dx_hat * centred).sum(axis=0)", "(dy * centred).sum(axis=0)"),),
            number=24,
        ),
        Mistake(
            "the factor 2 of the square left out",
            "The derivative of (x − μ)²/n is 2·(x − μ)/n. The 2 is missing.",
            STEPS,
            (("2 * centred", "centred"),),
        ),
        Mistake(
            "the path through σ² not divided by n",
            "Here σ² is the mean of the squares, so each x has only the share 1/n in it: the "
            "derivative is 2·(x − μ)/n.",
            STEPS,
            (("centred / n", "centred"),),
        ),
        Mistake(
            "the path through μ not divided by n",
            "Here μ is the mean of the x, so each x has only the share 1/n in it: `dx` takes "
            "`dmu`/n.",
            STEPS,
            (("through_mu = dmu / n", "through_mu = dmu"),),
        ),
        Mistake(
            "the sign of dμ",
            "In x − μ the mean is subtracted, so its gradient is minus the sum of those of the "
            "deviations.",
            STEPS,
            (("dmu = -dcentred", "dmu = dcentred"),),
        ),
        Mistake(
            "the sign of dμ, made good in dx",
            "Your `dx` is right, but `dmu` has the wrong sign: in x − μ the mean is subtracted, "
            "so `dmu` is minus the sum, and `dx` adds `dmu`/n.",
            STEPS,
            (
                (
                    "dmu = -dcentred.sum(axis=0)\n    through_mu = dmu / n",
                    "dmu = dcentred.sum(axis=0)\n    through_mu = -dmu / n",
                ),
            ),
        ),
        Mistake(
            "dμ averaged, made good in dx",
            "Your `dx` is right, but `dmu` is 1/n of what it is to be: the gradient of μ is the "
            "sum, and the 1/n comes with the step from μ to x.",
            STEPS,
            (
                (
                    "dmu = -dcentred.sum(axis=0)\n    through_mu = dmu / n",
                    "dmu = -dcentred.mean(axis=0)\n    through_mu = dmu",
                ),
            ),
        ),
        Mistake(
            "dμ averaged",
            "The one μ is in all n deviations, and each adds its share: `dmu` is minus their sum, "
            "not their mean.",
            STEPS,
            (
                (
                    "dmu = -dcentred.sum(axis=0)\n    through_mu = dmu / n",
                    "dmu = -dcentred.mean(axis=0)\n    through_mu = dmu / n",
                ),
            ),
        ),
        Mistake(
            "dμ without 1/√(σ² + ε)",
            "You sum `dx_hat`. Between x̂ and μ lies the factor 1/√(σ² + ε): sum the gradients of "
            "the deviations.",
            STEPS,
            (("-dcentred.sum(axis=0)", "-dx_hat.sum(axis=0)"),),
        ),
        Mistake(
            "no ε",
            NO_EPS,
            EPSILON,
            (("np.sqrt(var + eps)", "np.sqrt(var)"),),
            number=5,
        ),
        Mistake(
            "ε outside the root",
            EPS_OUTSIDE,
            EPSILON,
            (("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),),
            number=4,
        ),
        Mistake(
            "the variance is divided by n − 1",
            DDOF,
            BY_HAND,
            (("x.var(axis=0)", "x.var(axis=0, ddof=1)"),),
            number=1,
        ),
        *alone(
            GRAPH_LINES,
            Mistake(
                "an ε of its own",
                OWN_EPS,
                EPSILON,
                (("np.sqrt(var + eps)", "np.sqrt(var + 1e-5)"),),
            ),
            Mistake(
                "no ε in dσ²",
                "In `dvar` you divide by σ³. It is the derivative of (σ² + ε)^(−½), so the ε stays "
                "under the power: −½·(σ² + ε)^(−3/2).",
                EPSILON,
                (("-0.5 * inv_std**3", "-0.5 * var**-1.5"),),
                number=5,
            ),
            Mistake(
                "divided by the variance",
                NO_ROOT,
                STEPS,
                (("np.sqrt(var + eps)", "(var + eps)"),),
                number=6,
            ),
            Mistake(
                "the root in place of its inverse",
                "Your r is √(σ² + ε). In the chapter r is 1/√(σ² + ε), so that x̂ is the deviation "
                "times r.",
                STEPS,
                (("inv_std = 1 / np", "inv_std = np"),),
            ),
            Mistake(
                "−3/2 without brackets",
                "`a ** -3/2` is read as `(a ** -3) / 2`. Put the exponent in brackets, `a ** "
                "(-3/2)`, or write −1.5.",
                STEPS,
                (("-0.5 * inv_std**3", "-0.5 * (var + eps) ** -3 / 2"),),
            ),
            Mistake(
                "the power −1 where −3/2 belongs",
                "Your `dvar` has r², which is (σ² + ε)^(−1). The derivative of (σ² + ε)^(−½) is "
                "−½·r³.",
                STEPS,
                (("-0.5 * inv_std**3", "-0.5 * inv_std**2"),),
            ),
            Mistake(
                "γ twice in dσ²",
                "`dx_hat` has γ in it already, and you multiply by γ again on the way to `dvar`.",
                STEPS,
                (("(dx_hat * centred).sum(axis=0)", "(gamma * dx_hat * centred).sum(axis=0)"),),
            ),
            Mistake(
                "dσ² not summed",
                "Your `dvar` has a value per example. The one σ² of a channel is in all n values "
                "of x̂, and each adds its share: sum over the batch.",
                STEPS,
                (("(dx_hat * centred).sum(axis=0)", "dx_hat * centred"),),
            ),
            Mistake(
                "dμ not summed",
                "Your `dmu` has a value per example. The one μ of a channel is in all n "
                "deviations, and each adds its share: sum over the batch.",
                STEPS,
                (("-dcentred.sum(axis=0)", "-dcentred"),),
            ),
            Mistake(
                "dμ from dy",
                "You sum dy. On the way from y to μ lie γ and 1/√(σ² + ε): sum the gradients of "
                "the deviations.",
                STEPS,
                (("-dcentred.sum(axis=0)", "-dy.sum(axis=0)"),),
            ),
            Mistake(
                "x̂ in the path through σ²",
                "In `dx` the path through σ² has your x̂ where the deviation x − μ belongs: the "
                "derivative of (x − μ)²/n is 2·(x − μ)/n.",
                STEPS,
                (("2 * centred / n * dvar", "2 * centred * inv_std / n * dvar"),),
            ),
            Mistake(
                "x in the path through σ²",
                "In `dmu` the path through σ² has x where the deviation x − μ belongs: the "
                "derivative of (x − μ)²/n is 2·(x − μ)/n. Subtracting the mean hides this in `dx`.",
                STEPS,
                (("2 * centred / n * dvar", "2 * x / n * dvar"),),
            ),
            Mistake(
                "x in the path through σ², in dx alone",
                "In `dx` the path through σ² has x where the deviation x − μ belongs: the "
                "derivative of (x − μ)²/n is 2·(x − μ)/n.",
                STEPS,
                (
                    ("2 * centred / n * dvar", "2 * x / n * dvar"),
                    ("-dcentred.sum(axis=0)", "-direct.sum(axis=0)"),
                ),
            ),
            Mistake(
                "n counts the channels too",
                "The n is the number of values that share a mean, here N. `x.size` counts all "
                "channels together.",
                STEPS,
                (("n = x.shape[0]", "n = x.size"),),
            ),
            Mistake(
                "n is the number of channels",
                "The n is the number of values that share a mean, here N, the length of axis 0. "
                "You take the length of axis 1.",
                STEPS,
                (("n = x.shape[0]", "n = x.shape[1]"),),
            ),
            Mistake(
                "dσ² and dμ keep the summed axis",
                "`dvar` and `dmu` have an axis of length 1 in front. They are one number per "
                "channel, (C,): sum once more without `keepdims`, or drop that axis.",
                STEPS,
                (
                    (
                        'return {"dx_hat": dx_hat, "dvar": dvar, "dmu": dmu, "dx": dx}',
                        'return {"dx_hat": dx_hat, "dvar": dvar[None], "dmu": dmu[None], "dx": dx}',
                    ),
                ),
            ),
            Mistake(
                "no dictionary",
                "You return the gradients one after the other. Return them in a dictionary, each "
                'under its name: `{"dx_hat": …, "dvar": …}`.',
                STEPS,
                (
                    (
                        'return {"dx_hat": dx_hat, "dvar": dvar, "dmu": dmu, "dx": dx}',
                        "return dx_hat, dvar, dmu, dx",
                    ),
                ),
            ),
        ),
    ),
    hints=(
        "Draw the graph and go against its arrows. At which nodes do two arrows leave, so that "
        "two gradients meet on the way back?",
        "A node that is used by all examples, like σ² or μ, collects a sum over the batch. A node "
        "with one value per example, like x, takes a share of such a sum: 1/n of it.",
        "Recompute the forward pass. Then six steps: x̂, the inverse root, σ², the deviation "
        "(direct, plus through σ²), μ, and x (the deviation, plus through μ). Write one line for "
        "each equation of the chapter.",
    ),
    read=STEPS,
    laws=(
        slope(
            "dx_hat",
            "x̂",
            entry("dx_hat"),
            lambda inputs: train_x_hat(inputs),
            lambda inputs, x_hat: weighted(inputs, x_hat),
        ),
        slope(
            "dvar",
            "σ²",
            entry("dvar"),
            lambda inputs: batch_statistics(inputs["x"])[1],
            loss_of_var,
        ),
        slope(
            "dmu", "μ", entry("dmu"), lambda inputs: batch_statistics(inputs["x"])[0], loss_of_mu
        ),
        sum_of_dx(entry("dx")),
        sum_of_dx_x_hat(entry("dx")),
        slope("dx", "x", entry("dx"), the_x, train_loss),
    ),
    preamble=IMPORTS,
    from_scratch=True,
)

CLOSED_FORM = Question(
    name="closed",
    title="The closed form, for vectors and images",
    names=("batch_norm_backward",),
    reference=source(batch_norm_backward),
    probes=(
        Probe(
            "four examples, two channels",
            "vectors",
            "out = batch_norm_backward(dy, x, gamma, eps)",
            ("out",),
            lambda rng: training(rng, 4, 2, eps=0.1),
        ),
        Probe(
            "a channel of tiny spread",
            "small spread",
            "out = batch_norm_backward(dy, x, gamma, eps)",
            ("out",),
            lambda rng: mixed(rng, 5, 2),
        ),
        Probe(
            "images",
            "images",
            "out = batch_norm_backward(dy, x, gamma, eps)",
            ("out",),
            lambda rng: training(rng, 4, 3, 2, 5, eps=0.1),
        ),
        Probe(
            "images with as many rows and columns as channels",
            "images",
            "out = batch_norm_backward(dy, x, gamma, eps)",
            ("out",),
            lambda rng: training(rng, 4, 3, 3, 3),
        ),
    ),
    points={"vectors": 2, "small spread": 1, "images": 3},
    mistakes=(
        Mistake(
            "μ and σ² taken as constants",
            CONSTANTS,
            CLOSED,
            (("(dy - dbeta / n - along_x_hat)", "dy"),),
            number=21,
        ),
        Mistake(
            "the path through μ missing",
            NO_MEAN_PATH,
            CLOSED,
            (("(dy - dbeta / n - along_x_hat)", "(dy - along_x_hat)"),),
            number=22,
        ),
        Mistake(
            "the path through σ² missing",
            NO_VAR_PATH,
            CLOSED,
            (("(dy - dbeta / n - along_x_hat)", "(dy - dbeta / n)"),),
            number=23,
        ),
        Mistake(
            "the path through μ not divided by n",
            "You subtract `dbeta`, a sum. What is subtracted is the mean of dy: divide by n.",
            CLOSED,
            (("(dy - dbeta / n - along_x_hat)", "(dy - dbeta - along_x_hat)"),),
        ),
        Mistake(
            "the path through σ² not divided by n",
            "You subtract x̂ times `dgamma`, a sum. It is x̂ times the mean of dy·x̂: divide by n.",
            CLOSED,
            (("x_hat * dgamma / n", "x_hat * dgamma"),),
        ),
        Mistake(
            "dy divided by n too",
            "With 1/n in front of the bracket, the first term in it is n·dy: only the two sums "
            "are divided by n.",
            CLOSED,
            (("(dy - dbeta / n - along_x_hat)", "(dy - dbeta - n * along_x_hat) / n"),),
        ),
        Mistake(
            "the factor in front of dy alone",
            "You multiply dy alone by γ/√(σ² + ε), and subtract the rest without it: put the three "
            "terms in brackets.",
            CLOSED,
            (
                (
                    "scale * (dy - dbeta / n - along_x_hat)",
                    "scale * dy - dbeta / n - along_x_hat",
                ),
            ),
        ),
        Mistake(
            "x − μ in place of x̂ in the path through σ²",
            "You multiply `dgamma`/n by the deviation. In the bracket stands x̂, the deviation "
            "divided by √(σ² + ε).",
            CLOSED,
            (("x_hat * dgamma / n", "(x - mu) * dgamma / n"),),
        ),
        Mistake(
            "the path through σ² added",
            "You add the part along x̂. It is subtracted, as is the mean of dy: what is left has "
            "no part in either direction.",
            CLOSED,
            (("(dy - dbeta / n - along_x_hat)", "(dy - dbeta / n + along_x_hat)"),),
        ),
        Mistake(
            "x̂ left out of the path through σ²",
            "You subtract `dgamma`/n alone, the same from every example. This path is the larger "
            "the further an example lies from the mean: multiply by x̂.",
            CLOSED,
            (("x_hat * dgamma / n", "dgamma / n"),),
        ),
        Mistake(
            "γ left out of the backward pass",
            PLAIN_GAMMA,
            CLOSED,
            (("scale = gamma.reshape(shape) * inv_std", "scale = inv_std"),),
            number=24,
        ),
        Mistake(
            "1/√(σ² + ε) left out of dx",
            "The bracket is multiplied by γ alone. In front of it stands γ/√(σ² + ε), the slope of "
            "the layer.",
            CLOSED,
            (("scale = gamma.reshape(shape) * inv_std", "scale = gamma.reshape(shape)"),),
        ),
        Mistake(
            "no ε in front of dx",
            "Your x̂ has the ε, but the factor in front of the bracket is γ/σ. It has the same "
            "root as the forward pass: γ/√(σ² + ε).",
            EPSILON,
            (
                (
                    "scale = gamma.reshape(shape) * inv_std",
                    "scale = gamma.reshape(shape) / np.sqrt(var)",
                ),
            ),
            number=5,
        ),
        Mistake(
            "dx divided by the variance",
            "In front of the bracket you divide by σ² + ε, or by the root twice. It is divided by "
            "√(σ² + ε), once.",
            CLOSED,
            (
                (
                    "scale = gamma.reshape(shape) * inv_std",
                    "scale = gamma.reshape(shape) * inv_std**2",
                ),
            ),
        ),
        Mistake(
            "γ on the wrong axis",
            GAMMA_AXIS,
            SHARED,
            (("gamma.reshape(shape)", "gamma"),),
            number=9,
            loose=frozenset({"images"}),
        ),
        Mistake(
            "dγ and dβ averaged",
            BOTH_MEAN + " Your `dx` is right: there the means are what is needed.",
            CLOSED,
            (
                (
                    "return dx, dgamma.ravel(), dbeta.ravel()",
                    "return dx, dgamma.ravel() / n, dbeta.ravel() / n",
                ),
            ),
            number=25,
        ),
        Mistake(
            "dγ averaged, and divided by n again",
            DGAMMA_MEAN + " In `dx` the 1/n then counts twice.",
            CLOSED,
            (("(dy * x_hat).sum(", "(dy * x_hat).mean("),),
            number=25,
        ),
        Mistake(
            "dβ averaged, and divided by n again",
            DBETA_MEAN + " In `dx` the 1/n then counts twice.",
            CLOSED,
            (("dy.sum(", "dy.mean("),),
            number=25,
        ),
        Mistake(
            "γ in dγ",
            "You have γ in `dgamma`, and then once more in `dx`. γ enters after x̂: `dgamma` is "
            "the sum of dy·x̂ alone.",
            STEPS,
            (("(dy * x_hat)", "(gamma.reshape(shape) * dy * x_hat)"),),
        ),
        Mistake(
            "γ in dγ and dβ, and twice in dx",
            "Your two sums are over γ·dy, the gradient of x̂, and `dx` then counts γ twice. "
            "`dgamma` is the sum of dy·x̂ and `dbeta` the sum of dy, both without γ.",
            STEPS,
            (
                ("(dy * x_hat)", "(gamma.reshape(shape) * x_hat * dy)"),
                ("= dy.sum(", "= (gamma.reshape(shape) * dy).sum("),
            ),
        ),
        Mistake(
            "γ in dγ and dβ",
            GAMMA_IN_SUMS,
            STEPS,
            (
                (
                    "return dx, dgamma.ravel(), dbeta.ravel()",
                    "return dx, gamma * dgamma.ravel(), gamma * dbeta.ravel()",
                ),
            ),
        ),
        Mistake(
            "dγ and dβ swapped",
            SWAPPED,
            CLOSED,
            (
                (
                    "return dx, dgamma.ravel(), dbeta.ravel()",
                    "return dx, dbeta.ravel(), dgamma.ravel()",
                ),
            ),
        ),
        Mistake(
            "x in place of x̂ in dγ",
            X_FOR_X_HAT,
            STEPS,
            (("(dy * x_hat)", "(dy * x)"),),
        ),
        Mistake(
            "x − μ in place of x̂ in dγ",
            DEVIATION,
            STEPS,
            (("(dy * x_hat)", "(dy * (x - mu))"),),
        ),
        Mistake(
            "n counts the examples alone",
            "The n is the number of values that share a mean: N·H·W for images, not N. On (N, C) "
            "they are the same, so only images show it: what you subtract is H·W times too large.",
            CLOSED,
            (("n = x.size / x.shape[1]", "n = x.shape[0]"),),
            number=26,
        ),
        Mistake(
            "n counts the channels too",
            "The n is the number of values that share a mean. `x.size` counts all channels "
            "together: divide by C.",
            CLOSED,
            (("n = x.size / x.shape[1]", "n = x.size"),),
        ),
        Mistake(
            "statistics over the batch axis alone",
            "Each position of an image gets statistics and sums of its own. A channel is the same "
            "feature at every position: every sum and mean runs over N, H and W.",
            SHARED,
            (
                ("axes = (0, *range(2, x.ndim))", "axes = (0,)"),
                ("n = x.size / x.shape[1]", "n = x.shape[0]"),
                ("return dx, dgamma.ravel(), dbeta.ravel()", "return dx, dgamma[0], dbeta[0]"),
            ),
            number=8,
        ),
        Mistake(
            "no ε",
            NO_EPS,
            EPSILON,
            (("np.sqrt(var + eps)", "np.sqrt(var)"),),
            number=5,
        ),
        Mistake(
            "ε outside the root",
            EPS_OUTSIDE,
            EPSILON,
            (("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),),
            number=4,
        ),
        Mistake(
            "divided by the variance",
            NO_ROOT,
            CLOSED,
            (("np.sqrt(var + eps)", "(var + eps)"),),
            number=6,
        ),
        Mistake(
            "the variance is divided by n − 1",
            DDOF,
            BY_HAND,
            (("x.var(axis=axes, ", "x.var(axis=axes, ddof=1, "),),
            number=1,
        ),
        *alone(
            CLOSED_LINES,
            Mistake(
                "an ε of its own",
                OWN_EPS,
                EPSILON,
                (("np.sqrt(var + eps)", "np.sqrt(var + 1e-5)"),),
            ),
            Mistake(
                "ε outside the root in front of dx",
                "Your x̂ is right, but the factor in front of the bracket is γ/(√σ² + ε). It has "
                "the same root as the forward pass: γ/√(σ² + ε).",
                EPSILON,
                (
                    (
                        "scale = gamma.reshape(shape) * inv_std",
                        "scale = gamma.reshape(shape) / (np.sqrt(var) + eps)",
                    ),
                ),
                number=4,
            ),
            Mistake(
                "dx multiplied by the root",
                "In front of the bracket you multiply by √(σ² + ε). It is divided by it: γ/√(σ² + "
                "ε).",
                CLOSED,
                (
                    (
                        "scale = gamma.reshape(shape) * inv_std",
                        "scale = gamma.reshape(shape) / inv_std",
                    ),
                ),
            ),
            Mistake(
                "x in place of x̂ in the path through σ²",
                "You multiply `dgamma`/n by x. In the bracket stands x̂, which is (x − μ)/√(σ² + "
                "ε).",
                CLOSED,
                (("x_hat * dgamma / n", "x * dgamma / n"),),
            ),
            Mistake(
                "dγ and dβ crossed in dx",
                "In the bracket you subtract `dgamma`/n and x̂·`dbeta`/n. It is the other way "
                "round: x̂ goes with `dgamma`.",
                CLOSED,
                (("(dy - dbeta / n - along_x_hat)", "(dy - dgamma / n - x_hat * dbeta / n)"),),
            ),
            Mistake(
                "γ in x̂",
                "Your x̂ is multiplied by γ. x̂ is (x − μ)/√(σ² + ε): γ enters after it, and in "
                "`dx` it stands in front of the bracket, once.",
                STEPS,
                (("(x - mu) * inv_std", "gamma.reshape(shape) * (x - mu) * inv_std"),),
            ),
            Mistake(
                "n is the number of channels",
                "The n is the number of values that share a mean: N for (N, C), and N·H·W for "
                "images. You take the length of axis 1.",
                CLOSED,
                (("n = x.size / x.shape[1]", "n = x.shape[1]"),),
            ),
            Mistake(
                "n counts the positions alone",
                "For images your n is H·W. The n is the number of values that share a mean, and "
                "all N images share it: N·H·W.",
                CLOSED,
                (
                    (
                        "n = x.size / x.shape[1]",
                        "n = x.shape[0] if x.ndim == 2 else x[0, 0].size",
                    ),
                ),
                number=26,
            ),
            Mistake(
                "statistics over each image alone",
                "Each image gets a mean and a variance of its own. In batch normalization the "
                "images of a batch share them: every sum and mean runs over N, H and W.",
                SHARED,
                (
                    (
                        "axes = (0, *range(2, x.ndim))",
                        "axes = (0,) if x.ndim == 2 else tuple(range(2, x.ndim))",
                    ),
                    (
                        "return dx, dgamma.ravel(), dbeta.ravel()",
                        "return dx, dgamma.sum(axis=0).ravel(), dbeta.sum(axis=0).ravel()",
                    ),
                ),
                number=8,
            ),
            Mistake(
                "images cut into rows of C numbers",
                FLAT,
                SHARED,
                (
                    (
                        "axes = (0, *range(2, x.ndim))",
                        "axes = (0,)\n    form = x.shape\n    x = x.reshape(-1, form[1])\n"
                        "    dy = dy.reshape(-1, form[1])",
                    ),
                    (
                        "return dx, dgamma.ravel(), dbeta.ravel()",
                        "return dx.reshape(form), dgamma.ravel(), dbeta.ravel()",
                    ),
                ),
                number=8,
            ),
            Mistake(
                "dx not moved back to the shape of x",
                "You moved axis 1 to the end before the work, and cut `dx` into the shape of x "
                "right away: first (N, H, W, C), then move the last axis back to place 1.",
                SHARED,
                (
                    (
                        "axes = (0, *range(2, x.ndim))",
                        "axes = (0,)\n    form = x.shape\n"
                        "    x = np.moveaxis(x, 1, -1).reshape(-1, form[1])\n"
                        "    dy = np.moveaxis(dy, 1, -1).reshape(-1, form[1])",
                    ),
                    (
                        "return dx, dgamma.ravel(), dbeta.ravel()",
                        "return dx.reshape(form), dgamma.ravel(), dbeta.ravel()",
                    ),
                ),
            ),
            Mistake(
                "gradients keep the summed axes",
                KEPT_AXES,
                STEPS,
                (("return dx, dgamma.ravel(), dbeta.ravel()", "return dx, dgamma, dbeta"),),
            ),
        ),
    ),
    hints=(
        "Read the closed form of the chapter from right to left: three terms in a bracket, and a "
        "factor in front. Which of them have one value per channel?",
        "The two sums that the bracket needs are `dgamma` and `dbeta`. Only n and the axes change "
        "from vectors to images: n counts all values that share a mean.",
        "Recompute μ, σ² and x̂ with `keepdims=True`. Take the two sums, with kept axes as well. "
        "Put the bracket together, multiply by γ (reshaped to axis 1) and the inverse root. "
        "Return the sums as (C,).",
    ),
    read=CLOSED,
    laws=(
        *parameter_laws(1, 2, lambda inputs: train_x_hat(inputs)),
        sum_of_dx(part(0)),
        sum_of_dx_x_hat(part(0)),
        slope("dx", "x", part(0), the_x, train_loss),
    ),
    preamble=IMPORTS,
    from_scratch=True,
)

EVALUATION = Question(
    name="evaluation",
    title="The gradient in evaluation mode",
    names=("eval_backward",),
    reference=source(eval_backward),
    probes=(
        Probe(
            "four examples, two channels",
            "vectors",
            "out = eval_backward(dy, x, running_mean, running_var, gamma, eps)",
            ("out",),
            lambda rng: evaluation(rng, 4, 2, eps=0.1),
        ),
        Probe(
            "a single example",
            "vectors",
            "out = eval_backward(dy, x, running_mean, running_var, gamma, eps)",
            ("out",),
            lambda rng: evaluation(rng, 1, 3),
        ),
        Probe(
            "images",
            "images",
            "out = eval_backward(dy, x, running_mean, running_var, gamma, eps)",
            ("out",),
            lambda rng: evaluation(rng, 4, 3, 2, 5),
        ),
        Probe(
            "images with as many rows and columns as channels",
            "images",
            "out = eval_backward(dy, x, running_mean, running_var, gamma, eps)",
            ("out",),
            lambda rng: evaluation(rng, 4, 3, 3, 3),
        ),
    ),
    points={"vectors": 2, "images": 1},
    mistakes=(
        Mistake(
            "the training formula in evaluation mode",
            "You use the backward pass of training mode, with the batch's statistics. In "
            "evaluation mode the forward pass uses the running statistics, which are constants: "
            "no path leads through them, and each example has a gradient of its own.",
            CLOSED,
            (
                ("mean = running_mean.reshape(shape)", "mean = x.mean(axis=axes, keepdims=True)"),
                ("var = running_var.reshape(shape)", "var = x.var(axis=axes, keepdims=True)"),
                (
                    "dx = scale * dy",
                    "n = x.size // x.shape[1]\n"
                    "    along_x_hat = x_hat * dgamma.reshape(shape) / n\n"
                    "    dx = scale * (dy - dbeta.reshape(shape) / n - along_x_hat)",
                ),
            ),
            number=27,
        ),
        Mistake(
            "the paths through μ and σ² in evaluation mode",
            "You subtract the paths through μ and σ². The running statistics are constants, they "
            "do not depend on this x, so no path leads through them: `dx` is dy times a constant.",
            CLOSED,
            (
                (
                    "dx = scale * dy",
                    "n = x.size // x.shape[1]\n"
                    "    along_x_hat = x_hat * dgamma.reshape(shape) / n\n"
                    "    dx = scale * (dy - dbeta.reshape(shape) / n - along_x_hat)",
                ),
            ),
            number=27,
        ),
        Mistake(
            "batch statistics in evaluation mode",
            "You compute the mean and variance of this batch. The forward pass in evaluation mode "
            "uses running_mean and running_var, so the backward pass does too.",
            TWO_MODES,
            (
                ("mean = running_mean.reshape(shape)", "mean = x.mean(axis=axes, keepdims=True)"),
                ("var = running_var.reshape(shape)", "var = x.var(axis=axes, keepdims=True)"),
                ("dx = scale * dy", "dx = dy * scale"),
            ),
            number=16,
        ),
        Mistake(
            "batch statistics in the x̂ of dγ",
            "Your `dx` is right, but the x̂ in `dgamma` is that of the batch's own statistics. Use "
            "the x̂ of the forward pass: (x − running_mean)/√(running_var + ε).",
            CLOSED,
            (
                (
                    "x_hat = (x - mean) * inv_std",
                    "centred = x - x.mean(axis=axes, keepdims=True)\n"
                    "    x_hat = centred / np.sqrt(x.var(axis=axes, keepdims=True) + eps)",
                ),
            ),
            number=16,
        ),
        Mistake(
            "γ left out of the backward pass",
            PLAIN_GAMMA,
            CLOSED,
            (("scale = gamma.reshape(shape) * inv_std", "scale = inv_std"),),
            number=24,
        ),
        Mistake(
            "1/√(σ² + ε) left out of dx",
            "You multiply dy by γ alone. The slope of the layer is γ/√(running_var + ε).",
            CLOSED,
            (("scale = gamma.reshape(shape) * inv_std", "scale = gamma.reshape(shape)"),),
        ),
        Mistake(
            "γ on the wrong axis",
            GAMMA_AXIS,
            SHARED,
            (("gamma.reshape(shape)", "gamma"),),
            number=9,
            loose=frozenset({"images"}),
        ),
        Mistake(
            "γ and running_var on the wrong axis in dx",
            "In `dx` you multiply by γ/√(running_var + ε) without a reshape, so it lies along the "
            "last axis. It belongs to axis 1. Where C = H = W this raises no error: the result is "
            "just wrong.",
            SHARED,
            (
                (
                    "scale = gamma.reshape(shape) * inv_std",
                    "scale = gamma / np.sqrt(running_var + eps)",
                ),
                ("dx = scale * dy", "dx = dy * scale"),
            ),
            number=9,
            loose=frozenset({"images"}),
        ),
        Mistake(
            "all vectors on the wrong axis",
            "You lay γ and the running statistics along the last axis, as broadcasting does by "
            "itself. They belong to axis 1: reshape them first. Where C = H = W this raises no "
            "error: the result is just wrong.",
            SHARED,
            (
                ("shape = (1, -1) + (1,) * (x.ndim - 2)", "shape = (-1,)"),
                ("dx = scale * dy", "dx = scale * (1.0 * dy)"),
            ),
            number=9,
            loose=frozenset({"images"}),
        ),
        Mistake(
            "dγ and dβ averaged",
            BOTH_MEAN,
            STEPS,
            (
                (
                    "(dy * x_hat).sum(axis=axes)\n    dbeta = dy.sum(axis=axes)",
                    "(dy * x_hat).mean(axis=axes)\n    dbeta = dy.mean(axis=axes)",
                ),
            ),
            number=25,
        ),
        Mistake(
            "dγ and dβ summed over the batch axis alone",
            BATCH_ALONE,
            SHARED,
            (("axes = (0, *range(2, x.ndim))", "axes = (0,)"),),
            number=8,
        ),
        Mistake(
            "dγ and dβ swapped",
            SWAPPED,
            CLOSED,
            (("return dx, dgamma, dbeta", "return dx, dbeta, dgamma"),),
        ),
        Mistake(
            "x in place of x̂ in dγ",
            X_FOR_X_HAT,
            STEPS,
            (("(dy * x_hat)", "(dy * x)"),),
        ),
        Mistake(
            "x − μ in place of x̂ in dγ",
            DEVIATION,
            STEPS,
            (("(dy * x_hat)", "(dy * (x - mean))"),),
        ),
        Mistake(
            "γ in dγ and dβ",
            GAMMA_IN_SUMS,
            STEPS,
            (("return dx, dgamma, dbeta", "return dx, gamma * dgamma, gamma * dbeta"),),
        ),
        Mistake(
            "the running mean not subtracted",
            "Your x̂ in `dgamma` is x/√(running_var + ε): subtract running_mean first.",
            CLOSED,
            (("(x - mean) * inv_std", "x * inv_std"),),
        ),
        Mistake(
            "no ε",
            NO_EPS,
            EPSILON,
            (("np.sqrt(var + eps)", "np.sqrt(var)"),),
            number=5,
        ),
        Mistake(
            "ε outside the root",
            EPS_OUTSIDE,
            EPSILON,
            (("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),),
            number=4,
        ),
        Mistake(
            "divided by the variance",
            NO_ROOT,
            CLOSED,
            (("np.sqrt(var + eps)", "(var + eps)"),),
            number=6,
        ),
        Mistake(
            "the path through μ in evaluation mode",
            "You subtract the mean of dy, the path through μ. In evaluation mode the mean is "
            "running_mean, a constant: no path leads through it.",
            CLOSED,
            (("dx = scale * dy", "dx = scale * (dy - dy.mean(axis=axes, keepdims=True))"),),
            number=27,
        ),
        Mistake(
            "the batch mean in evaluation mode",
            "Your x̂ subtracts the mean of this batch. In evaluation mode it is running_mean.",
            TWO_MODES,
            (
                ("mean = running_mean.reshape(shape)", "mean = x.mean(axis=axes, keepdims=True)"),
                ("dx = scale * dy", "dx = 1 * scale * dy"),
            ),
            number=16,
        ),
        Mistake(
            "the batch variance in evaluation mode",
            "You divide by the root of this batch's variance. In evaluation mode it is "
            "running_var.",
            TWO_MODES,
            (
                ("var = running_var.reshape(shape)", "var = x.var(axis=axes, keepdims=True)"),
                ("x_hat = (x - mean) * inv_std", "x_hat = inv_std * (x - mean)"),
                ("dx = scale * dy", "dx = 1 * scale * dy"),
            ),
            number=16,
        ),
        Mistake(
            "the running variance rescaled",
            "You multiply running_var by (n − 1)/n. It is used as it is: the n of this batch has "
            "nothing to do with it.",
            CLOSED,
            (
                (
                    "var = running_var.reshape(shape)",
                    "n = x.size // x.shape[1]\n    var = running_var.reshape(shape) * (n - 1) / n",
                ),
            ),
        ),
        Mistake(
            "dγ and dβ taken for zero",
            "Evaluation mode fixes the statistics, not γ and β: they have gradients, and the sums "
            "are those of training mode, with this x̂.",
            STEPS,
            (("return dx, dgamma, dbeta", "return dx, 0 * dgamma, 0 * dbeta"),),
        ),
        Mistake(
            "dx taken for zero",
            "Evaluation mode fixes the statistics, but the output still depends on x, with the "
            "slope γ/√(running_var + ε).",
            CLOSED,
            (("dx = scale * dy", "dx = 0 * dy"),),
        ),
        Mistake(
            "x̂ in dx",
            "You multiply dy by γ·x̂. The output is γ·x̂ + β, and x̂ changes with x at the rate "
            "1/√(running_var + ε): `dx` is dy times γ times this rate.",
            CLOSED,
            (("dx = scale * dy", "dx = gamma.reshape(shape) * x_hat * dy"),),
        ),
        Mistake(
            "γ in dγ",
            "You have γ in `dgamma`. γ enters after x̂: `dgamma` is the sum of dy·x̂ alone.",
            STEPS,
            (("(dy * x_hat)", "(gamma.reshape(shape) * dy * x_hat)"),),
        ),
        Mistake(
            "gradients keep the summed axes",
            KEPT_AXES,
            STEPS,
            (
                (
                    "return dx, dgamma, dbeta",
                    "return dx, dgamma.reshape(shape), dbeta.reshape(shape)",
                ),
            ),
        ),
    ),
    hints=(
        "Which of the numbers in γ·(x − running_mean)/√(running_var + ε) + β depend on x?",
        "For one example and channel the layer is a straight line. Its slope is the whole of what "
        "stands between dy and dx. γ and β are where they were, so their gradients are sums as "
        "before.",
        "Reshape γ and both running statistics to axis 1. Compute x̂ from the running statistics. "
        "Multiply dy by the slope, and take the two sums over every axis but axis 1.",
    ),
    read=CLOSED,
    laws=(
        slope("dx", "x", part(0), the_x, eval_loss),
        *parameter_laws(1, 2, lambda inputs: eval_x_hat(inputs)),
    ),
    preamble=IMPORTS,
    from_scratch=True,
)

ONES = value_question(
    "ones",
    "A test with ones upstream",
    "c",
    (
        wrong(
            "a",
            "tested with dy of ones",
            "The value is right, but it does not show that the code is. With dy of ones the true "
            "`dx` is 0 for every x and γ, and code with a wrong factor in front gives 0 as well.",
            CHECKING,
            number=28,
        ),
        wrong(
            "b",
            "a zero gradient taken for a mistake",
            "0 is right here: Σ y is β·n in each channel whatever x is, so no x can change this "
            "loss.",
            CHECKING,
        ),
        wrong(
            "d",
            "a zero gradient taken for rounding",
            "Float64 is exact enough: with dy of ones the true `dx` is 0, and the 1e-17 is all "
            "that rounding adds. A larger batch changes nothing of it.",
            CHECKING,
        ),
    ),
    (
        "With dy of ones the loss is the sum of all outputs. What is that sum, in one channel?",
        "x̂ sums to 0 in each channel. Can any x change the loss, then?",
        "Put dy of ones into the closed form: find the mean of dy and the sum of dy·x̂, and look "
        "at what is left in the bracket. Then ask which mistakes would change that.",
    ),
    CHECKING,
    choices=("a", "b", "c", "d"),
)

SEEN = value_question(
    "seen",
    "What ones upstream can see",
    "b",
    (
        wrong(
            "a",
            "γ taken to show with dy of ones",
            "The bracket of the closed form is 0 for this dy, and 0 without γ is still 0.",
            CHECKING,
            number=28,
        ),
        wrong(
            "c",
            "the path through σ² taken to show with dy of ones",
            "The path through σ² is x̂·dgamma/n, and with this dy `dgamma` is Σ x̂, which is 0: "
            "nothing is missing when it is left out.",
            CHECKING,
            number=28,
        ),
        wrong(
            "d",
            "the root taken to show with dy of ones",
            "The bracket of the closed form is 0 for this dy, whatever stands in front of it.",
            CHECKING,
            number=28,
        ),
    ),
    (
        "Put dy of ones into the closed form, once for each of the four mistakes.",
        "Which of the four changes the bracket, and not what stands in front of it? For those that "
        "do, what is the missing term with this dy?",
        "The bracket is dy, minus its mean, minus x̂ times the mean of dy·x̂. Work out the three "
        "terms with dy of ones, then strike out one term for each mistake.",
    ),
    CHECKING,
    choices=("a", "b", "c", "d"),
)

EXERCISE = Exercise(
    "ex04_backward",
    "The backward pass",
    (PARAMETERS, NUMERICAL, GRAPH, CLOSED_FORM, EVALUATION, ONES, SEEN),
)
