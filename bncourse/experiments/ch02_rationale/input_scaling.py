"""Section 1.1 of the notes, first half: what standardising the *input* does, and to what."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bncourse.data import Data, load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import generator, mlps, shuffles
from bncourse.models import initialise
from bncourse.training import fit_many

CHAPTER = "02_rationale"
RAW, UNIT, STANDARD = "pixels 0 to 16", "pixels 0 to 1", "standardised"
RATES = tuple(0.025 * 2**k for k in range(7))
TARGET = 0.9


def inputs(seed: int = 0) -> dict[str, Data]:
    """The digits three times, in the same split: as they are, divided by 16, standardised."""
    raw = load(standardise=False, seed=seed)
    unit = Data("digits / 16", raw.train_x / 16, raw.train_y, raw.test_x / 16, raw.test_y, 10)
    return {RAW: raw, UNIT: unit, STANDARD: load(seed=seed)}


def with_constant(x: Tensor) -> Tensor:
    """Inputs `(N, D)` in float64 without the features that never vary, plus a column of ones.

    The ones are the input that the bias sees; a feature that never varies has no direction of its
    own beside them. Returns `(N, D' + 1)`.
    """
    varies = x.amax(0) > x.amin(0)
    return torch.cat([x[:, varies], torch.ones(len(x), 1)], 1).double()


def curvatures(x: Tensor) -> Tensor:
    """Eigenvalues of E[x x^T] for inputs `(N, D)` and a bias, in ascending order, `(D' + 1,)`.

    They are the curvatures of a least-squares loss, and up to common factors those of softmax
    regression at zero weights. LeCun et al. 1998.
    """
    extended = with_constant(x)
    return torch.linalg.eigvalsh(extended.T @ extended / len(extended))


def condition_number(x: Tensor) -> float:
    """The largest of the `curvatures` over the smallest."""
    values = curvatures(x)
    return float(values[-1] / values[0])


def rounding_error(x: Tensor, y: Tensor) -> float:
    """Error of a least-squares fit computed in float32, relative to its predictions in float64.

    x: `(N, D)`; y: targets `(N, K)`. The fit solves the normal equations, so that it meets the
    same matrix E[x x^T] as gradient descent.
    """
    extended = with_constant(x)
    exact = extended @ torch.linalg.lstsq(extended, y.double()).solution
    single = extended.float()
    weights = torch.linalg.solve(single.T @ single, single.T @ y.float())
    return float((extended @ weights.double() - exact).norm() / exact.norm())


def at_best_rate(steps: np.ndarray) -> tuple[int, np.ndarray]:
    """The rate with the fewest steps, as an index, and its steps; from `(rates, seeds)`."""
    best = int(np.log(steps).mean(1).argmin())
    return best, steps[best]


@measures(
    Claim(
        id="standardise-conditioning",
        text="Standardising puts the inputs on comparable scales, so that the problem is better "
        "conditioned.",
        notes="1.1",
        chapter=CHAPTER,
        effect="condition number of the inputs with bias, raw / standardised",
        above=1,
        scale="ratio",
        unit="times",
        literature="Inputs with zero mean and equal variance make the loss better conditioned "
        "({cite:t}`lecun1998`).",
    )
)
def standardise_conditioning(seeds: Sequence[int] = SEEDS) -> Result:
    """Condition number of raw and of standardised digits; each seed draws another split."""
    numbers: dict[str, list[float]] = {RAW: [], UNIT: [], STANDARD: []}
    for seed in seeds:
        for arm, data in inputs(seed).items():
            numbers[arm].append(condition_number(data.train_x))
    first = inputs(seeds[0])
    return weigh(
        standardise_conditioning.claim,
        (np.array(numbers[RAW]) / np.array(numbers[STANDARD])).tolist(),
        data="digits, one split per seed",
        seeds=seeds,
        arms={**numbers, **{f"curvatures, {k}": curvatures(d.train_x) for k, d in first.items()}},
    )


@measures(
    Claim(
        id="standardise-stability",
        text="Standardised inputs improve numerical stability.",
        notes="1.1",
        chapter=CHAPTER,
        effect="float32 rounding error of a least-squares fit, raw / standardised",
        above=1,
        scale="ratio",
        unit="times",
    )
)
def standardise_stability(seeds: Sequence[int] = SEEDS) -> Result:
    """Rounding error of the least-squares fit; each seed draws another split."""
    errors: dict[str, list[float]] = {RAW: [], UNIT: [], STANDARD: []}
    for seed in seeds:
        for arm, data in inputs(seed).items():
            errors[arm].append(rounding_error(data.train_x, F.one_hot(data.train_y)))
    return weigh(
        standardise_stability.claim,
        (np.array(errors[RAW]) / np.array(errors[STANDARD])).tolist(),
        data="digits, one split per seed",
        seeds=seeds,
        arms=errors,
    )


@measures(
    Claim(
        id="standardise-speed",
        text="Standardised inputs speed up convergence.",
        notes="1.1",
        chapter=CHAPTER,
        effect="steps to 90 % test accuracy, raw / standardised, each at its best rate",
        above=1,
        scale="ratio",
        unit="times",
        literature="Recommended, with the conditioning as its reason, by {cite:t}`lecun1998`.",
    )
)
def standardise_speed(
    seeds: Sequence[int] = SEEDS, *, rates: Sequence[float] = RATES, steps: int = 120
) -> Result:
    """Steps of an MLP with two hidden layers, at most `steps`, over the learning rates.

    Plain SGD without momentum, so that the rate is all there is to choose.
    Arms: `MLP, ...` and, for comparison in half the steps, `softmax regression, ...`, each
    `(rates, seeds)`.
    """
    needed = {
        f"{name}, {arm}": steps_by_rate(make, data, seeds, rates, steps=most)
        for name, make, most in (
            ("MLP", _two_layers, steps),
            ("softmax regression", _softmax_regression, max(steps // 2, 1)),
        )
        for arm, data in inputs().items()
    }
    raw, standard = (at_best_rate(needed[f"MLP, {arm}"])[1] for arm in (RAW, STANDARD))
    return weigh(
        standardise_speed.claim,
        (raw / standard).tolist(),
        data="digits",
        seeds=seeds,
        arms=needed,
    )


def steps_by_rate(
    make: Callable[[Data, Sequence[int]], Sequence[nn.Module]],
    data: Data,
    seeds: Sequence[int],
    rates: Sequence[float],
    *,
    steps: int,
    every: int = 5,
) -> np.ndarray:
    """Steps until the test accuracy reaches the target, `(rates, seeds)`; at most `steps`.

    make: returns one model per seed; every rate starts from the same weights and batches.
    """
    history = fit_many(
        [model for _ in rates for model in make(data, seeds)],
        data,
        steps=steps,
        generators=[g for _ in rates for g in shuffles(seeds)],
        lrs=np.repeat(rates, len(seeds)).tolist(),
        momentum=0.0,
        eval_every=every,
    )
    return history.steps_to(TARGET).reshape(len(rates), len(seeds))


def _two_layers(data: Data, seeds: Sequence[int]) -> Sequence[nn.Module]:
    return mlps(data, seeds, depth=2, norm=None)


def _softmax_regression(data: Data, seeds: Sequence[int]) -> Sequence[nn.Module]:
    return [
        initialise(nn.Linear(data.features, data.classes), generator(seed), "lecun")
        for seed in seeds
    ]
