"""The training loss with and without BN, by depth and learning rate (chapter 8)."""

import numpy as np
from matplotlib.figure import Figure

from bncourse.evidence import SEEDS
from bncourse.experiments.ch08_benefits.runs import DEPTHS, RATES, STEPS, both
from bncourse.figures import plots
from bncourse.figures.interactive import canvas

WINDOW, EVERY, LAST = 10, 5, 20
LOW, HIGH = 0.005, 20.0  # the loss axis
ARMS = {"BN": "with BN", "none": "without BN"}  # in the order of `both`
GUESSING = float(np.log(10))  # the loss of equal probabilities for the ten digits


def last_losses() -> dict[str, np.ndarray]:
    """By arm, the median over seeds of the mean loss of the last 20 steps: `(depths, rates)`.

    A run whose numbers have overflowed counts as infinite.
    """
    return {
        arm: np.median(_finished(runs.losses)[..., -LAST:].mean(-1), -1)
        for arm, runs in zip(ARMS, both(SEEDS), strict=True)
    }


def draw(hidden_layers: int, learning_rate: float) -> tuple[Figure, str]:
    """Loss against steps for one depth and rate of `ch08_benefits.runs.runs`, both arms.

    Lines are medians over the seeds of running means over 10 steps, bands reach from the lowest
    to the highest seed. A run whose numbers have overflowed counts as infinite, and leaves the
    picture at its upper edge.
    """
    depth, rate = DEPTHS.index(hidden_layers), RATES.index(learning_rate)
    figure, (ax,) = canvas(height=3.1)
    steps = np.arange(WINDOW, STEPS + 1)[::EVERY]
    ends, right, lost = [], [], []
    for (arm, label), runs in zip(ARMS.items(), both(SEEDS), strict=True):
        losses = _finished(runs.losses[depth, rate])
        smooth = np.minimum(plots.smooth(losses, WINDOW)[:, ::EVERY], 2 * HIGH)
        shade = plots.colour(arm)
        ax.plot(steps, np.median(smooth, 0), color=shade, linewidth=2.2, label=label)
        ax.fill_between(steps, smooth.min(0), smooth.max(0), color=shade, alpha=0.18, linewidth=0)
        ends.append(_written(last_losses()[arm][depth, rate]))
        right.append(100 * runs.test_accuracy[depth, rate, :, -1].mean())
        lost.append(int(np.isinf(losses).any(1).sum()))
    ax.axhline(GUESSING, color="black", linestyle="--", linewidth=1.2, label="guessing")
    ax.set(xlim=(0, STEPS), ylim=(LOW, HIGH), yscale="log", xlabel="steps", ylabel="training loss")
    ax.set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    ax.minorticks_off()
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, columnspacing=1.2)
    layers = f"{hidden_layers} hidden layer{'s' if hidden_layers > 1 else ''}"
    text = (
        f"{layers}, learning rate {learning_rate:g}: over the last {LAST} steps the loss is "
        f"{ends[0]} with BN and {ends[1]} without; {right[0]:.0f} % and {right[1]:.0f} % of the "
        "test digits are right."
    )
    for count, arm in zip(lost, ("With", "Without"), strict=True):
        if count:
            text += f" {arm} BN, the numbers overflow in {count} of {len(SEEDS)} runs."
    return figure, text


def _finished(losses: np.ndarray) -> np.ndarray:
    return np.nan_to_num(losses, nan=np.inf)


def _written(loss: float) -> str:
    return f"{loss:.2f}" if loss <= HIGH else f"above {HIGH:g}"
