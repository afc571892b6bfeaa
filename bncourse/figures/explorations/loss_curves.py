"""The training loss with and without BN, by depth and learning rate (chapter 8)."""

import numpy as np
from matplotlib.figure import Figure

from bncourse.experiments.ch08_benefits.runs import Recipe, Runs
from bncourse.figures import plots
from bncourse.figures.interactive import Draw, canvas

WINDOW, EVERY, LAST = 10, 5, 20
LOW, HIGH = 0.005, 20.0  # the loss axis
ARMS = {"BN": "with BN", "none": "without BN"}
GUESSING = float(np.log(10))  # the loss of equal probabilities for the ten digits


def last_losses(runs: Runs) -> np.ndarray:
    """The median over seeds of the mean loss of the last 20 steps: `(depths, rates)`.

    A run whose numbers have overflowed counts as infinite.
    """
    return np.median(_finished(runs.losses)[..., -LAST:].mean(-1), -1)


def drawing(recipe: Recipe, bn: Runs, none: Runs) -> Draw:
    """The function that draws the runs of a recipe for one depth and rate, for `explore`."""
    arms = dict(zip(ARMS, (bn, none), strict=True))

    def draw(hidden_layers: int, learning_rate: float) -> tuple[Figure, str]:
        """Loss against steps for one depth and rate, both arms.

        Lines are medians over the seeds of running means over 10 steps, bands reach from the
        lowest to the highest seed. A run whose numbers have overflowed counts as infinite, and
        leaves the picture at its upper edge.
        """
        place = recipe.depths.index(hidden_layers), recipe.rates.index(learning_rate)
        figure, (ax,) = canvas(height=2.8)
        window = min(WINDOW, recipe.steps)
        steps = np.arange(window, recipe.steps + 1)[::EVERY]
        ends, right, lost = [], [], []
        for arm, runs in arms.items():
            losses = _finished(runs.losses[place])
            smooth = np.minimum(plots.smooth(losses, window)[:, ::EVERY], 2 * HIGH)
            shade = plots.colour(arm)
            ax.plot(steps, np.median(smooth, 0), color=shade, linewidth=2.2, label=ARMS[arm])
            low, high = smooth.min(0), smooth.max(0)
            ax.fill_between(steps, low, high, color=shade, alpha=0.18, linewidth=0)
            ends.append(_written(last_losses(runs)[place]))
            right.append(100 * runs.test_accuracy[place][:, -1].mean())
            lost.append(int(np.isinf(losses).any(1).sum()))
        ax.axhline(GUESSING, color="black", linestyle="--", linewidth=1.2, label="guessing")
        ax.set(xlim=(0, recipe.steps), ylim=(LOW, HIGH), yscale="log")
        ax.set(xlabel="steps", ylabel="training loss")
        ax.set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
        ax.minorticks_off()
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, columnspacing=1.2)
        layers = f"{hidden_layers} hidden layer{'s' if hidden_layers > 1 else ''}"
        text = (
            f"{layers}, learning rate {learning_rate:g}: over the last {LAST} steps the loss is "
            f"{ends[0]} with BN and {ends[1]} without; {right[0]:.0f} % and {right[1]:.0f} % of "
            "the test digits are right."
        )
        for count, name in zip(lost, ("With", "Without"), strict=True):
            if count:
                text += f" {name} BN, the numbers overflow in {count} of {len(losses)} runs."
        return figure, text

    return draw


def _finished(losses: np.ndarray) -> np.ndarray:
    return np.nan_to_num(losses, nan=np.inf)


def _written(loss: float) -> str:
    return f"{loss:.2f}" if loss <= HIGH else f"above {HIGH:g}"
