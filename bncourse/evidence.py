"""What counts as evidence: a claim, its measurement over seeds, an interval, and a verdict.

    measurement over >= 5 seeds  ->  95 % interval of the effect  ->  verdict

The verdict is computed from the interval and from what the claim predicts, never typed in.
"""

import functools
import inspect
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from scipy import stats

Verdict = Literal["supported", "not supported", "inconclusive"]
Scale = Literal["difference", "ratio"]
Kind = Literal["measured", "derived"]

SEEDS = (0, 1, 2, 3, 4)
RESULTS_VARIABLE = "BNCOURSE_RESULTS"


@dataclass(frozen=True)
class Claim:
    """A statement of the lecture notes, in a form that a measurement can contradict.

    id: a short name, unique in the course.
    text: the statement, one sentence.
    notes: the section of the lecture notes, such as "4.1".
    chapter: the chapter that measures it, such as "08_benefits".
    effect: what the effect is, such as "steps to 90 %, none / BN".
    above, below: what the claim predicts; exactly one is given. Choose the smallest effect that
        would matter, or the value that means "no effect": 0 for a difference, 1 for a ratio.
    scale: "difference" takes the arithmetic mean over seeds, "ratio" the geometric mean.
    kind: "measured", or "derived" where an equation says it and the run only checks it.
    unit: unit of the effect, such as "points"; "times" for ratios.
    literature: what published work reports, with a citation; may be empty.
    beyond: the notes do not say this; `notes` names the section that it adds to.
    """

    id: str
    text: str
    notes: str
    chapter: str
    effect: str
    above: float | None = None
    below: float | None = None
    scale: Scale = "difference"
    kind: Kind = "measured"
    unit: str = ""
    literature: str = ""
    beyond: bool = False

    @property
    def bound(self) -> float:
        """The value that the prediction names."""
        return self.above if self.above is not None else self.below  # type: ignore[return-value]

    def __post_init__(self) -> None:
        if (self.above is None) == (self.below is None):
            raise ValueError(
                f"claim {self.id!r} must predict either above or below, got above={self.above}, "
                f"below={self.below}: give exactly one"
            )


@dataclass(frozen=True)
class Result:
    """A claim with its measurement.

    effects: one effect per seed, in the order of `seeds`.
    effect, low, high: the mean over seeds and its 95 % interval.
    arms: what was compared, for the figures: lists of numbers by name, nested as needed.
    """

    claim: Claim
    data: str
    seeds: tuple[int, ...]
    effects: tuple[float, ...]
    effect: float
    low: float
    high: float
    verdict: Verdict
    arms: dict[str, Any] = field(default_factory=dict, repr=False)

    def array(self, arm: str) -> np.ndarray:
        """The numbers of one arm as an array."""
        if arm not in self.arms:
            raise KeyError(f"no arm {arm!r} in {self.claim.id}: it has {', '.join(self.arms)}")
        return np.array(self.arms[arm], dtype=float)

    def number(self) -> str:
        """Effect and interval as text, such as `2.3 times [1.9, 2.8]`."""
        unit = f" {self.claim.unit}" if self.claim.unit else ""
        return f"{_short(self.effect)}{unit} [{_short(self.low)}, {_short(self.high)}]"

    def __str__(self) -> str:
        return f"{self.claim.id}: {self.number()}, {len(self.seeds)} seeds: {self.verdict}"


def interval(
    effects: Sequence[float], *, scale: Scale = "difference", level: float = 0.95
) -> tuple[float, float, float]:
    """Mean of the effects and Student's t interval for it.

    effects: one finite number per seed, at least 2; positive where scale is "ratio", for which
        mean and interval are taken of the logarithms.
    Returns (mean, low, high). Raises ValueError for too few, non-finite or, as ratios,
    non-positive effects.  Student 1908.
    """
    values = np.asarray(effects, dtype=float)
    if values.size < 2:
        raise ValueError(f"need at least 2 effects for an interval, got {values.size}: add seeds")
    if not np.isfinite(values).all():
        raise ValueError(
            f"effects must be finite, got {values.tolist()}: use a bounded measure, such as "
            "steps capped at the length of the run"
        )
    if scale == "ratio":
        if (values <= 0).any():
            raise ValueError(f"ratios must be positive, got {values.tolist()}: use differences")
        values = np.log(values)
    mean = float(values.mean())
    standard_error = float(values.std(ddof=1)) / math.sqrt(values.size)
    half = float(stats.t.ppf((1 + level) / 2, values.size - 1)) * standard_error
    low, high = mean - half, mean + half
    if scale == "ratio":
        return math.exp(mean), math.exp(low), math.exp(high)
    return mean, low, high


def judge(low: float, high: float, *, above: float | None, below: float | None) -> Verdict:
    """Compare an interval with the prediction `effect > above` or `effect < below`.

    Supported if the whole interval keeps the prediction, not supported if the whole interval
    breaks it, inconclusive if it does both.
    """
    if above is not None:
        kept, broken = low > above, high <= above
    elif below is not None:
        kept, broken = high < below, low >= below
    else:
        raise ValueError("need a prediction, got neither above nor below: give one of them")
    if kept:
        return "supported"
    return "not supported" if broken else "inconclusive"


def weigh(
    claim: Claim,
    effects: Sequence[float],
    *,
    data: str,
    seeds: Sequence[int] = SEEDS,
    arms: dict[str, Any] | None = None,
) -> Result:
    """Turn the effects of one claim into a Result; the verdict follows from the interval.

    effects: one per seed. arms: anything array-like by name, kept for the figures.
    Raises ValueError for fewer than 5 seeds or if effects and seeds differ in number.
    """
    if len(seeds) < 5:
        raise ValueError(f"need at least 5 seeds, got {len(seeds)}: add seeds")
    if len(effects) != len(seeds):
        raise ValueError(f"need one effect per seed, got {len(effects)} for {len(seeds)} seeds")
    mean, low, high = interval(effects, scale=claim.scale)
    return Result(
        claim=claim,
        data=data,
        seeds=tuple(int(seed) for seed in seeds),
        effects=tuple(float(effect) for effect in effects),
        effect=mean,
        low=low,
        high=high,
        verdict=judge(low, high, above=claim.above, below=claim.below),
        arms={name: np.asarray(values).tolist() for name, values in (arms or {}).items()},
    )


class Experiment(Protocol):
    """A function that measures one claim; made by `measures`."""

    claim: Claim
    __name__: str

    def __call__(self, seeds: Sequence[int] = ..., *setting: Any, **more: Any) -> Result: ...


def measures(claim: Claim) -> Callable[[Callable[..., Result]], Experiment]:
    """Decorate a function of the seeds, and of its setting, that measures `claim`.

    The function returns a Result. Where seeds and setting are the defaults, given or not, it is
    kept in the folder that the environment variable BNCOURSE_RESULTS names, if it is set, and read
    from there the next time: the ledger shows what the chapters measured without running it all
    again. There it lies in a folder named after the module that measures it: whoever edits that
    module, or what it imports, must empty this folder; the book's build does so.
    """

    def decorate(function: Callable[..., Result]) -> Experiment:
        signature = inspect.signature(function)
        usual = {name: p.default for name, p in signature.parameters.items()} | {"seeds": SEEDS}

        @functools.wraps(function)
        def run(seeds: Sequence[int] = SEEDS, *setting: Any, **more: Any) -> Result:
            folder = os.environ.get(RESULTS_VARIABLE)
            given = signature.bind(tuple(seeds), *setting, **more).arguments
            if not folder or any(value != usual[name] for name, value in given.items()):
                return function(seeds, *setting, **more)
            path = Path(folder) / function.__module__ / f"{claim.id}.json"
            if path.exists():
                return from_json(path.read_text(encoding="utf-8"))
            result = function(seeds)
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = path.with_suffix(f".{os.getpid()}.part")
            scratch.write_text(to_json(result), encoding="utf-8")
            scratch.replace(path)
            return result

        run.claim = claim  # type: ignore[attr-defined]
        return run  # type: ignore[return-value]

    return decorate


def to_json(result: Result) -> str:
    """A Result as JSON text; floats survive exactly."""
    return json.dumps(asdict(result))


def from_json(text: str) -> Result:
    """The Result that `to_json` wrote."""
    values = json.loads(text)
    values["claim"] = Claim(**values["claim"])
    values["seeds"] = tuple(values["seeds"])
    values["effects"] = tuple(values["effects"])
    return Result(**values)


def _short(value: float) -> str:
    """Three significant digits; from a thousand on all of them, in groups of three.

    The minus and the narrow space between groups are those at which no line breaks.
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    if digits > 4:
        mantissa, exponent = f"{value:.1e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    else:
        text = f"{value:,.{digits}f}"
    return text.replace("-", "\u2212").replace(",", "\u202f")
