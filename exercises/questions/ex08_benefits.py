"""Exercise 8: fair comparisons, intervals and verdicts, the effective rate, the batch's noise."""

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

CHAPTER = "08_benefits"
FAIR = Section(CHAPTER, "A fair comparison")
FASTER = Section(CHAPTER, "How much faster?")
RATES = Section(CHAPTER, "Learning rate × depth")
NOISY = Section(CHAPTER, "How noisy are the batch statistics?")
REGULARISE = Section(CHAPTER, "Does the noise regularise?")
JUDGED = Section("01_start", "How the claims are judged")
QUIZ = Section("01_start", "Check yourself")
ROW = Section("11_ledger", "How to read a row")
EFFECTIVE = Section("10_practice", "The weights before batch norm have no size, only a rate")
SIZE = Section("03_mechanism", "The size of the weights no longer matters")


# The references.


def steps_to_reach(losses: np.ndarray, target: float) -> int | None:
    reached = losses <= target
    if not reached.any():
        return None
    first = int(np.argmax(reached))
    return first + 1


def mean_losses(losses: np.ndarray, worst: float) -> np.ndarray:
    counted = np.where(np.isnan(losses), worst, losses)
    return counted.mean(axis=1)


def compare(
    plain: np.ndarray, bn: np.ndarray, rates: np.ndarray, worst: float
) -> tuple[float, float, float]:
    plain_means = mean_losses(plain, worst)
    bn_means = mean_losses(bn, worst)
    p = plain_means.argmin()
    b = bn_means.argmin()
    gain = plain_means[p] - bn_means[b]
    return rates[p], rates[b], gain


def judged_losses(losses: np.ndarray, worst: float) -> np.ndarray:
    counted = np.where(np.isnan(losses), worst, losses)
    judged = []
    for seed in range(counted.shape[1]):
        others = np.delete(counted, seed, axis=1)
        means = others.mean(axis=1)
        best = means.argmin()
        judged.append(counted[best, seed])
    return np.array(judged)


def paired_interval(a: np.ndarray, b: np.ndarray, t: float) -> tuple[float, float, float]:
    differences = a - b
    mean = differences.mean()
    s = differences.std(ddof=1)
    error = s / np.sqrt(len(differences))
    half = t * error
    return mean, mean - half, mean + half


def verdict(low: float, high: float, bound: float) -> str:
    if low > bound:
        return "supported"
    if high <= bound:
        return "not supported"
    return "inconclusive"


def effective_rate(rate: float, weight: np.ndarray) -> float:
    size = (weight**2).sum()
    return rate / size


# Steps.


def _falling(rng: np.random.Generator, steps: int) -> np.ndarray:
    return (0.3 + np.cumsum(rng.uniform(0.2, 0.5, steps))[::-1]).round(2)


def _between(rng: np.random.Generator) -> Inputs:
    losses = _falling(rng, 5)
    return {"losses": losses, "target": round(float(0.7 * losses[2] + 0.3 * losses[3]), 2)}


def _exactly(rng: np.random.Generator) -> Inputs:
    losses = _falling(rng, 6)
    return {"losses": losses, "target": float(losses[2])}


def _rising_again(rng: np.random.Generator) -> Inputs:
    shape = np.array([2.4, 2.0, 1.4, 0.7, 1.2, 0.3, 0.6, 0.95, 0.5, 0.42])
    return {"losses": (shape + rng.uniform(-0.03, 0.03, 10)).round(2), "target": 0.82}


STEPS = Question(
    name="steps",
    title="How many steps to a loss",
    names=("steps_to_reach",),
    reference=source(steps_to_reach),
    probes=(
        Probe(
            "a loss that falls",
            "reached",
            "out = steps_to_reach(losses, target)",
            ("out",),
            _between,
        ),
        Probe(
            "a loss that rises again",
            "reached",
            "out = steps_to_reach(losses, target)",
            ("out",),
            _rising_again,
        ),
        Probe(
            "a loss exactly at the target",
            "at the target",
            "out = steps_to_reach(losses, target)",
            ("out",),
            _exactly,
        ),
        Probe(
            "a target that is never reached",
            "never",
            "out = steps_to_reach(losses, target)",
            ("out",),
            lambda rng: {"losses": _falling(rng, 4), "target": 0.25},
        ),
        Probe(
            "a run that diverges",
            "never",
            "out = steps_to_reach(losses, target)",
            ("out",),
            lambda rng: {
                "losses": np.append((_falling(rng, 3)[::-1] + 1).round(2), [np.nan, np.nan]),
                "target": 1.0,
            },
        ),
    ),
    points={"reached": 1, "at the target": 1, "never": 1},
    mistakes=(
        Mistake(
            "steps counted from 0",
            "Your number is the index. The entry at index 0 is the loss of step 1, so the count is "
            "one more.",
            FASTER,
            (("return first + 1", "return first"),),
        ),
        Mistake(
            "a loss exactly at the target does not count",
            "A loss that equals the target has reached it: compare with `<=`.",
            FASTER,
            (("losses <= target", "losses < target"),),
        ),
        Mistake(
            "the last step at the target",
            "You report the last step at or below the target. What is compared is how soon it is "
            "reached: the first one.",
            FASTER,
            (("int(np.argmax(reached))", "int(np.flatnonzero(reached)[-1])"),),
        ),
        Mistake(
            "the step of the lowest loss",
            "You report where the loss is lowest. Where the run goes on below the target that is "
            "later than the step that reaches it.",
            FASTER,
            (("int(np.argmax(reached))", "int(np.argmin(losses))"),),
        ),
        Mistake(
            "the step nearest to the target",
            "You look for the loss that is closest to the target, which may lie above it. The "
            "first one at or below the target is asked for, however far below.",
            FASTER,
            (("int(np.argmax(reached))", "int(np.nanargmin(np.abs(losses - target)))"),),
        ),
        Mistake(
            "the loss in place of the step",
            "You return how low the loss is there. Asked for is the number of the step.",
            FASTER,
            (("return first + 1", "return losses[first]"),),
        ),
        Mistake(
            "the search ends at the first step",
            "You return None as soon as one loss is above the target: is the `return None` inside "
            "the loop? It belongs behind it.",
            FASTER,
            (("if not reached.any():", "if not reached[0]:"),),
        ),
        Mistake(
            "the steps at or below the target are counted",
            "You count how many steps lie at or below the target, and not how many it takes to get "
            "there.",
            FASTER,
            (("int(np.argmax(reached))", "int(reached.sum()) - 1"),),
        ),
        Mistake(
            "the steps above the target are counted",
            "This is right only for a loss that never rises again. Losses of mini-batches do: look "
            "for the first step at or below the target.",
            FASTER,
            (("int(np.argmax(reached))", "int((losses > target).sum())"),),
        ),
        Mistake(
            "the step from which the loss stays below",
            "The measure is the first step at or below the target, even if the loss rises above "
            "it later.",
            FASTER,
            (("int(np.argmax(reached))", "int(np.flatnonzero(~reached)[-1]) + 1"),),
        ),
        Mistake(
            "at or above the target",
            "A loss gets better downwards: look for the first one at or *below* the target.",
            FASTER,
            (("losses <= target", "losses >= target"),),
        ),
        Mistake(
            "a run that never gets there counts from its first step",
            "`argmax` of a list without any True is 0, so a failed run looks like the fastest of "
            "all. Ask first whether the target is reached at all.",
            FASTER,
            (("    if not reached.any():\n        return None\n", ""),),
        ),
        Mistake(
            "a run that never gets there counts with its last step",
            "That may be a choice for a comparison later on, where one has to say “at least”. "
            "This function is to say that there is no such step: None.",
            FASTER,
            (("return None", "return len(losses)"),),
        ),
        Mistake(
            "NaN counts as reached",
            "Every comparison with NaN is False, so “not above the target” is true of NaN. Ask "
            "for “at or below”, and a diverged run never gets there.",
            FASTER,
            (("losses <= target", "~(losses > target)"),),
        ),
        Mistake(
            "the minimum of a diverged run",
            "The minimum of numbers with a NaN among them is NaN, and no comparison with it is "
            "true. Ask whether any loss is at or below the target.",
            FASTER,
            (("if not reached.any():", "if losses.min() > target:"),),
        ),
        Mistake(
            "the first of an empty list",
            "Where no loss is low enough, the list of such steps is empty: it has no first entry. "
            "Ask first whether the target is reached at all.",
            FASTER,
            (
                ("    if not reached.any():\n        return None\n", ""),
                ("int(np.argmax(reached))", "int(np.flatnonzero(reached)[0])"),
            ),
        ),
        Mistake(
            "the search runs past the last step",
            "Your loop goes on until a loss is low enough, and none may be. Go through the steps "
            "that there are, and return None behind the loop. NaN also ends a loop that goes on "
            "only while the loss is above the target.",
            FASTER,
            (
                (
                    "    if not reached.any():\n        return None\n"
                    "    first = int(np.argmax(reached))\n",
                    "    first = 0\n    while losses[first] > target:\n        first += 1\n",
                ),
            ),
        ),
    ),
    hints=(
        "Go through the losses from the start and stop at the first that is low enough.",
        "What comes back if none is low enough? And what is the number of the first entry?",
        "Compare all losses with the target at once. `np.argmax` of such an array of True and "
        "False is the index of the first True, but also 0 if there is none: test `any` before.",
    ),
    read=FASTER,
)


# Each method at its own best rate.

PLAIN = np.array([[1.2, 1.3, 1.1], [0.8, 0.7, 0.9], [0.3, 1.9, 1.7], [4.0, 3.0, 5.0]])
BN = np.array([[0.9, 1.0, 0.8], [0.5, 0.6, 0.55], [0.4, 0.35, 0.3], [0.2, 1.9, 2.3]])
PLAIN_DIVERGED = np.array(
    [[1.2, 1.3, 1.1], [0.8, 0.7, 0.9], [0.3, 1.9, 1.7], [np.nan, np.nan, 0.6]]
)
BN_DIVERGED = np.array([[0.9, 1.0, 0.8], [0.5, 0.6, 0.55], [0.4, 0.35, 0.3], [0.2, 0.3, np.nan]])


# With a worst loss of 1.5, the last rate is the best one all the same.
BN_ONCE = np.array([[0.9, 1.0, 0.8], [0.8, 0.85, 0.9], [1.0, 0.95, 1.1], [0.1, 0.2, np.nan]])


def _table(rng: np.random.Generator, table: np.ndarray) -> np.ndarray:
    """A table of losses with its seeds shuffled and a little noise."""
    return (rng.permuted(table, axis=1) + rng.uniform(-0.03, 0.03, table.shape)).round(2)


def _two(rng: np.random.Generator, plain: np.ndarray, bn: np.ndarray) -> Inputs:
    return {
        "plain": _table(rng, plain),
        "bn": _table(rng, bn),
        "rates": np.array([0.01, 0.1, 0.3, 1.0]),
        "worst": 10.0,
    }


def _more(rng: np.random.Generator) -> Inputs:
    plain = np.array([1.5, 0.9, 0.5, 1.2, 2.0, 3.0])[:, None] + rng.uniform(-0.15, 0.15, (6, 5))
    bn = np.array([1.6, 1.1, 0.9, 0.7, 1.0, 1.9])[:, None] + rng.uniform(-0.09, 0.09, (6, 5))
    return {
        "plain": plain.round(2),
        "bn": bn.round(2),
        "rates": np.array([0.003, 0.01, 0.03, 0.1, 0.3, 1.0]),
        "worst": 10.0,
    }


COMPARE_CALL = "out = compare(plain, bn, rates, worst)"

COMPARE = Question(
    name="compare",
    title="Each at its own best rate",
    names=("compare",),
    reference=source(mean_losses, compare),
    probes=(
        Probe(
            "four rates, three seeds",
            "all runs finish",
            COMPARE_CALL,
            ("out",),
            lambda rng: _two(rng, PLAIN, BN),
        ),
        Probe("a case in which plain is better", "all runs finish", COMPARE_CALL, ("out",), _more),
        Probe(
            "some runs diverged",
            "some runs diverge",
            COMPARE_CALL,
            ("out",),
            lambda rng: _two(rng, PLAIN_DIVERGED, BN_DIVERGED),
        ),
        Probe(
            "only runs of the plain network diverged",
            "some runs diverge",
            COMPARE_CALL,
            ("out",),
            lambda rng: _two(rng, PLAIN_DIVERGED, BN),
        ),
        Probe(
            "a good rate at which one run diverged",
            "some runs diverge",
            COMPARE_CALL,
            ("out",),
            lambda rng: {**_two(rng, PLAIN_DIVERGED, BN_ONCE), "worst": 1.5},
        ),
    ),
    points={"all runs finish": 2, "some runs diverge": 2},
    mistakes=(
        Mistake(
            "the same rate for both",
            "You judge BN at the rate that suits the plain network. Each method is judged at the "
            "rate at which *it* is best, otherwise the choice of the rate decides who wins.",
            FAIR,
            (("b = bn_means.argmin()", "b = p"),),
        ),
        Mistake(
            "the plain network at the rate of BN",
            "You judge the plain network at the rate that suits BN, often one at which it "
            "diverges. Give it its own best rate.",
            FAIR,
            (("p = plain_means.argmin()", "p = bn_means.argmin()"),),
        ),
        Mistake(
            "the luckiest seed decides",
            "You take the lowest loss over the seeds, so one lucky run makes a bad rate look good. "
            "Average over the seeds.",
            FAIR,
            (("counted.mean(axis=1)", "counted.min(axis=1)"),),
        ),
        Mistake(
            "the median over the seeds",
            "The rule here is the mean over the seeds. A median does not see that a third of the "
            "runs diverged.",
            FAIR,
            (("counted.mean(axis=1)", "np.median(counted, axis=1)"),),
        ),
        Mistake(
            "the unluckiest seed decides",
            "You take the highest loss over the seeds. The rule here is the mean.",
            FAIR,
            (("counted.mean(axis=1)", "counted.max(axis=1)"),),
        ),
        Mistake(
            "diverged runs are left out",
            "A mean that skips NaN forgives the very failures that the rate caused: a rate at "
            "which most runs explode can win by its survivors. Count each NaN as `worst`.",
            RATES,
            (
                ("counted = np.where(np.isnan(losses), worst, losses)", "counted = losses"),
                ("counted.mean(axis=1)", "np.nanmean(counted, axis=1)"),
            ),
        ),
        Mistake(
            "NaN is left in the table",
            "The mean of a row with NaN is NaN, and `argmin` takes NaN for the smallest: the rate "
            "that diverged is chosen. Put `worst` in its place first. Nothing equals NaN, not even "
            "NaN: find it with `np.isnan`.",
            RATES,
            (("counted = np.where(np.isnan(losses), worst, losses)", "counted = losses"),),
        ),
        Mistake(
            "a rate with one diverged run is ruled out",
            "A single diverged run rules out its whole rate: so it is if you average before you "
            "replace NaN, or put infinity in its place. Each diverged *run* counts as `worst`, and "
            "the other seeds of the rate count as they are: replace, then average.",
            RATES,
            (
                ("counted = np.where(np.isnan(losses), worst, losses)", "counted = losses"),
                ("counted.mean(axis=1)", "np.nan_to_num(counted.mean(axis=1), nan=1e9)"),
            ),
        ),
        Mistake(
            "a diverged run counts as 0",
            "A loss of 0 is the best there is. A diverged run counts as `worst`.",
            RATES,
            (
                (
                    "counted = np.where(np.isnan(losses), worst, losses)",
                    "counted = np.nan_to_num(losses)",
                ),
            ),
        ),
        Mistake(
            "NaN is left in the table of BN",
            "You replace NaN in the table of the plain network only. A rate can be too large for "
            "BN as well: treat both tables alike.",
            RATES,
            (("bn_means = mean_losses(bn, worst)", "bn_means = bn.mean(axis=1)"),),
        ),
        Mistake(
            "averaged over the rates",
            "Rows are rates and columns are seeds. Average along the row, over the seeds, so that "
            "one number per rate is left.",
            FAIR,
            (("counted.mean(axis=1)", "counted.mean(axis=0)"),),
        ),
        Mistake(
            "the index in place of the rate",
            "`argmin` gives the place of the best rate. What comes back is the rate itself, from "
            "`rates`.",
            FAIR,
            (("return rates[p], rates[b], gain", "return p, b, gain"),),
        ),
        Mistake(
            "the gain with the wrong sign",
            "The gain is the loss of the plain network minus that of BN, so that a positive gain "
            "speaks for BN.",
            FAIR,
            (("plain_means[p] - bn_means[b]", "bn_means[b] - plain_means[p]"),),
        ),
        Mistake(
            "the gain without its sign",
            "You return the size of the difference. Its sign says who was better: where the plain "
            "network wins, the gain is negative.",
            FAIR,
            (("plain_means[p] - bn_means[b]", "abs(plain_means[p] - bn_means[b])"),),
        ),
        Mistake(
            "the gain averaged over all rates",
            "You average the difference over all rates, also over those at which nobody would use "
            "the method. Only the best rate of each counts.",
            FAIR,
            (("plain_means[p] - bn_means[b]", "(plain_means - bn_means).mean()"),),
        ),
        Mistake(
            "the gain at the rate of the plain network",
            "You choose a rate for each method, and then take both losses from the same row, that "
            "of the plain network. Take the loss of BN from its own row.",
            FAIR,
            (("plain_means[p] - bn_means[b]", "plain_means[p] - bn_means[p]"),),
        ),
        Mistake(
            "the gain at the rate of BN",
            "You choose a rate for each method, and then take both losses from the same row, that "
            "of BN. Take the loss of the plain network from its own row.",
            FAIR,
            (("plain_means[p] - bn_means[b]", "plain_means[b] - bn_means[b]"),),
        ),
        Mistake(
            "a best rate for each seed",
            "Your gain takes the lowest loss of each seed, so every seed has a rate of its own. "
            "That rewards luck: choose one rate for all seeds of a method.",
            FAIR,
            (
                (
                    "plain_means[p] - bn_means[b]",
                    "np.nanmin(plain, axis=0).mean() - np.nanmin(bn, axis=0).mean()",
                ),
            ),
        ),
        Mistake(
            "the ratio in place of the difference",
            "The gain is asked for as a difference of mean losses, plain minus BN.",
            FAIR,
            (("plain_means[p] - bn_means[b]", "plain_means[p] / bn_means[b]"),),
        ),
        Mistake(
            "the highest loss",
            "A lower loss is better: you choose the rate at which the loss is highest.",
            FAIR,
            (
                ("plain_means.argmin()", "plain_means.argmax()"),
                ("bn_means.argmin()", "bn_means.argmax()"),
            ),
        ),
    ),
    hints=(
        "Do it for one method first: one number per rate, and then the rate of the lowest.",
        "Before you average over the seeds, what should a run count that diverged?",
        "`np.where` with `np.isnan` puts in the worst loss; average along axis 1; `argmin` gives "
        "the row. Do the same for both tables, each with its own row.",
    ),
    read=FAIR,
)


# A rate chosen on the other seeds.

OWN_SEED = np.array(
    [[0.9, 0.9, 0.9, 0.1], [0.75, 0.75, 0.75, 0.75], [1.3, 0.15, 1.4, 1.5], [2.0, 2.1, 2.2, 2.3]]
)
SOME_NAN = np.array(
    [[np.nan, 1.7, 1.5, 1.8], [0.9, 0.8, 0.85, 0.95], [0.6, np.nan, 0.5, 0.4], [1.2, 1.3, 1.1, 1.4]]
)


# With a worst loss of 1.5, the second rate is the best one all the same.
ONE_NAN = np.array([[0.9, 0.8, 0.85, 0.95], [0.1, np.nan, 0.2, 0.15], [1.2, 1.3, 1.1, 1.4]])


def _columns(rng: np.random.Generator, table: np.ndarray) -> np.ndarray:
    """A table with whole columns shuffled, and a little noise."""
    shuffled = table[:, rng.permutation(table.shape[1])]
    return (shuffled + rng.uniform(-0.02, 0.02, table.shape)).round(2)


def _rows(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """Rows where losses are asked for."""
    counted: np.ndarray = np.nan_to_num(inputs["losses"], nan=inputs["worst"])
    others = counted.sum(axis=1, keepdims=True) - counted
    if not np.array_equal(values["out"], others.argmin(axis=0)):
        return None
    return "you return the rows that were chosen. Asked for are the losses of the seeds in them."


JUDGED_CALL = "out = judged_losses(losses, worst)"

OTHERS = Question(
    name="others",
    title="A rate chosen on the other seeds",
    names=("judged_losses",),
    reference=source(judged_losses),
    probes=(
        Probe(
            "four rates, four seeds",
            "all runs finish",
            JUDGED_CALL,
            ("out",),
            lambda rng: {"losses": _columns(rng, OWN_SEED), "worst": 10.0},
        ),
        Probe(
            "two runs diverged",
            "some runs diverge",
            JUDGED_CALL,
            ("out",),
            lambda rng: {"losses": _columns(rng, SOME_NAN), "worst": 10.0},
        ),
        Probe(
            "a good rate at which one run diverged",
            "some runs diverge",
            JUDGED_CALL,
            ("out",),
            lambda rng: {"losses": _columns(rng, ONE_NAN), "worst": 1.5},
        ),
        Probe(
            "three rates, five seeds",
            "all runs finish",
            JUDGED_CALL,
            ("out",),
            lambda rng: {
                "losses": _columns(rng, np.hstack([OWN_SEED[:3], OWN_SEED[:3, :1]])),
                "worst": 10.0,
            },
        ),
    ),
    points={"all runs finish": 3, "some runs diverge": 1},
    mistakes=(
        Mistake(
            "the seed helps to choose its own rate",
            "You average over all seeds, also over the one that is judged. A run that is good by "
            "luck then helps to choose the rate that it is praised for. Leave its column out.",
            FAIR,
            (("np.delete(counted, seed, axis=1)", "counted"),),
        ),
        Mistake(
            "each seed picks the rate that suits it",
            "You take the lowest loss of each column. That is the luck of the run, not the merit "
            "of the rate: choose on the other seeds.",
            FAIR,
            (("np.delete(counted, seed, axis=1)", "counted[:, [seed]]"),),
        ),
        Mistake(
            "the luckiest of the others decides",
            "You take the lowest loss of the other seeds. Average over them.",
            FAIR,
            (("others.mean(axis=1)", "others.min(axis=1)"),),
        ),
        Mistake(
            "the median of the others",
            "The rule here is the mean over the other seeds.",
            FAIR,
            (("others.mean(axis=1)", "np.median(others, axis=1)"),),
        ),
        Mistake(
            "the loss of the others is reported",
            "The other seeds only choose the rate. What is reported is the loss of the seed itself "
            "at that rate.",
            FAIR,
            (("judged.append(counted[best, seed])", "judged.append(means[best])"),),
        ),
        Mistake(
            "the index in place of the loss",
            "You return which rate was chosen. Asked for is the loss of the seed at this rate.",
            FAIR,
            (("judged.append(counted[best, seed])", "judged.append(best)"),),
        ),
        Mistake(
            "the highest loss",
            "A lower loss is better: choose the rate with the lowest mean.",
            FAIR,
            (("means.argmin()", "means.argmax()"),),
        ),
        Mistake(
            "a rate is left out and not a seed",
            "Rows are rates, columns are seeds. You remove a row; remove the column of the seed "
            "that is judged.",
            FAIR,
            (
                (
                    "np.delete(counted, seed, axis=1)",
                    "np.delete(counted, seed, axis=0)",
                ),
            ),
        ),
        Mistake(
            "diverged runs are left out",
            "A mean that skips NaN forgives a rate its failures. Count each NaN as `worst`, also "
            "when the others choose.",
            RATES,
            (
                ("np.delete(counted, seed, axis=1)", "np.delete(losses, seed, axis=1)"),
                ("others.mean(axis=1)", "np.nanmean(others, axis=1)"),
            ),
        ),
        Mistake(
            "NaN is left in the table",
            "The mean of a row with NaN is NaN, and `argmin` takes NaN for the smallest: the rate "
            "that diverged is chosen. Put `worst` in its place first. Nothing equals NaN, not even "
            "NaN: find it with `np.isnan`.",
            RATES,
            (("counted = np.where(np.isnan(losses), worst, losses)", "counted = losses"),),
        ),
        Mistake(
            "a rate with one diverged run is ruled out",
            "A single diverged run rules out its whole rate: so it is if you average before you "
            "replace NaN, or put infinity in its place. Each diverged *run* counts as `worst`, and "
            "the other seeds of the rate count as they are: replace, then average.",
            RATES,
            (
                ("np.delete(counted, seed, axis=1)", "np.delete(losses, seed, axis=1)"),
                ("others.mean(axis=1)", "np.nan_to_num(others.mean(axis=1), nan=1e9)"),
            ),
        ),
        Mistake(
            "a diverged run counts as 0",
            "A loss of 0 is the best there is. A diverged run counts as `worst`.",
            RATES,
            (
                (
                    "counted = np.where(np.isnan(losses), worst, losses)",
                    "counted = np.nan_to_num(losses)",
                ),
            ),
        ),
        Mistake(
            "NaN is reported",
            "You put `worst` in the place of NaN to choose the rate, but report the loss from the "
            "table as it was. A diverged run counts as `worst` there, too.",
            RATES,
            (("judged.append(counted[best, seed])", "judged.append(losses[best, seed])"),),
        ),
        Mistake(
            "averaged over the whole table",
            "You average all losses of the others into one number, so there is nothing to choose "
            "from, and the first rate always wins. Average along the row: one number per rate.",
            FAIR,
            (("others.mean(axis=1)", "others.mean()"),),
        ),
        Mistake(
            "averaged over the rates",
            "Rows are rates and columns are seeds. Average along the row, over the seeds, so that "
            "one number per rate is left.",
            FAIR,
            (
                (
                    "others = np.delete(counted, seed, axis=1)\n"
                    "        means = others.mean(axis=1)\n",
                    "means = np.delete(counted, [seed], axis=1).mean(axis=0)\n",
                ),
            ),
        ),
        Mistake(
            "a column removed without its axis",
            "Without `axis=1`, `np.delete` makes one long list of the table and removes a single "
            "number from it. Say that a column is meant.",
            FAIR,
            (("np.delete(counted, seed, axis=1)", "np.delete(counted, seed)"),),
        ),
    ),
    hints=(
        "Do one seed by hand: cover its column, choose a row, uncover it, and read one number.",
        "A loop over the seeds is fine. `np.delete` gives a table without one column.",
        "First `worst` for each NaN. Then for each seed: the table without its column, the mean "
        "along axis 1, the row of the lowest mean, and the entry of that row in the seed's own "
        "column.",
    ),
    read=FAIR,
    laws=(Law("rows", _rows),),
)


# Interval and verdict.


def _arms(rng: np.random.Generator, seeds: int, t: float, least: float = 1.5) -> Inputs:
    """Two arms that share the luck of the seed: paired, the interval is much narrower.

    least: the mean difference at least; below 1 the seeds disagree about the sign.
    """
    luck = rng.permutation(np.linspace(-6.0, 6.0, seeds)) + rng.uniform(-0.5, 0.5, seeds)
    b = 60 + luck
    a = b + rng.uniform(least, least + 1) + rng.permutation(np.linspace(-1.0, 1.3, seeds))
    return {"a": a.round(2), "b": b.round(2), "t": t}


def _middle(inputs: Inputs, values: dict[str, Any]) -> str | None:
    mean, low, high = values["out"]
    right = float(np.mean(inputs["a"] - inputs["b"]))
    if abs(mean - right) > 1e-6 * (1 + abs(right)):
        return f"the first value is {mean:.4g}, expected the mean of the differences, {right:.4g}."
    if abs((low + high) / 2 - right) > 1e-6 * (1 + abs(right)):
        return (
            f"the middle of your interval is {(low + high) / 2:.4g}, expected the mean "
            f"{right:.4g}: it reaches equally far to both sides."
        )
    return None


def _width(inputs: Inputs, values: dict[str, Any]) -> str | None:
    _, low, high = values["out"]
    d = inputs["a"] - inputs["b"]
    right = float(inputs["t"] * d.std(ddof=1) / np.sqrt(len(d)))
    if abs((high - low) / 2 - right) < 1e-6 * right:
        return None
    return (
        f"your interval reaches {(high - low) / 2:.4g} to each side of the mean, expected "
        f"{right:.4g}: t times s over the root of n, with n = {len(d)} and s = {d.std(ddof=1):.4g}."
    )


INTERVAL_CALL = "out = paired_interval(a, b, t)"

INTERVAL = Question(
    name="interval",
    title="The interval of a paired difference",
    names=("paired_interval",),
    reference=source(paired_interval),
    probes=(
        Probe("five seeds", "interval", INTERVAL_CALL, ("out",), lambda rng: _arms(rng, 5, 2.776)),
        Probe(
            "seven seeds",
            "interval",
            INTERVAL_CALL,
            ("out",),
            lambda rng: _arms(rng, 7, 2.447, -0.6),
        ),
        Probe(
            "the mean alone, nine seeds",
            "mean",
            "mean = paired_interval(a, b, t)[0]",
            ("mean",),
            lambda rng: _arms(rng, 9, 2.306),
        ),
    ),
    points={"interval": 3, "mean": 1},
    mistakes=(
        Mistake(
            "the two arms are not paired",
            "You add the variances of the two arms as if their runs had nothing in common. Run i "
            "of both has the same seed: take the differences first, and what the two share "
            "cancels.",
            QUIZ,
            (
                (
                    "error = s / np.sqrt(len(differences))",
                    "error = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))",
                ),
            ),
        ),
        Mistake(
            "s divided by n in place of n − 1",
            "The spread of a sample around its own mean is too small; divide by n − 1, `ddof=1`. "
            "With few seeds the interval is else too narrow.",
            ROW,
            (("std(ddof=1)", "std()"),),
        ),
        Mistake(
            "no √n",
            "The product t·s says how far single seeds scatter. The mean of n seeds is steadier "
            "by √n: divide by it.",
            ROW,
            (("error = s / np.sqrt(len(differences))", "error = s"),),
        ),
        Mistake(
            "n in place of √n",
            "The error of a mean falls with the root of n: divide s by √n.",
            NOISY,
            (("s / np.sqrt(len(differences))", "s / len(differences)"),),
        ),
        Mistake(
            "√(n − 1) in place of √n",
            "The n − 1 belongs into s, and only there. The error of the mean is s over √n.",
            ROW,
            (("np.sqrt(len(differences))", "np.sqrt(len(differences) - 1)"),),
        ),
        Mistake(
            "s under the root",
            "Only n stands under the root: s/√n.",
            ROW,
            (("error = s / np.sqrt(len(differences))", "error = np.sqrt(s / len(differences))"),),
        ),
        Mistake(
            "the spread of one arm",
            "You take the standard deviation of a. How much the seeds of one arm differ does not "
            "matter here: s is the standard deviation of the differences.",
            QUIZ,
            (("s = differences.std(ddof=1)", "s = a.std(ddof=1)"),),
        ),
        Mistake(
            "1.96 in place of t",
            "1.96 is for hundreds of seeds, or a known spread. With a few seeds s is itself "
            "uncertain, and t is larger: use the t that you are given.",
            ROW,
            (("half = t * error", "half = 1.96 * error"),),
        ),
        Mistake(
            "t left out",
            "You return the standard error to each side. The 95 % interval is t times as wide.",
            ROW,
            (("half = t * error", "half = error"),),
        ),
        Mistake(
            "half of the interval",
            "The interval reaches t·s/√n to *each* side of the mean, and not in all.",
            ROW,
            (("half = t * error", "half = t * error / 2"),),
        ),
        Mistake(
            "the variance in place of s",
            "The formula has s, the standard deviation: the root of the variance.",
            ROW,
            (("differences.std(ddof=1)", "differences.var(ddof=1)"),),
        ),
        Mistake(
            "b − a in place of a − b",
            "The difference is a minus b: a positive one says that a is larger.",
            ROW,
            (("differences = a - b", "differences = b - a"),),
        ),
        Mistake(
            "the differences without their sign",
            "You take the size of each difference. Where the seeds disagree about who is better, "
            "this turns noise into an effect: keep the signs.",
            ROW,
            (("differences = a - b", "differences = np.abs(a - b)"),),
        ),
        Mistake(
            "the interval lies around 0",
            "Your interval is −t·s/√n to t·s/√n. Its middle is the mean difference.",
            ROW,
            (("return mean, mean - half, mean + half", "return mean, -half, half"),),
        ),
        Mistake(
            "the ends exchanged",
            "The lower end comes first: the mean, then mean minus half, then mean plus half.",
            ROW,
            (
                (
                    "return mean, mean - half, mean + half",
                    "return mean, mean + half, mean - half",
                ),
            ),
        ),
        Mistake(
            "the lowest and the highest seed as the interval",
            "You return the range of the differences. It grows with more seeds, while the interval "
            "of the mean shrinks.",
            ROW,
            (
                (
                    "return mean, mean - half, mean + half",
                    "return mean, differences.min(), differences.max()",
                ),
            ),
        ),
    ),
    hints=(
        "Which two numbers belong together? Subtract them before you do anything else.",
        "From here on there is one list of n differences: its mean, its spread, and the error of "
        "its mean.",
        "Mean of the differences; their standard deviation with `ddof=1`; divided by the root of "
        "n, times t. That is how far the interval reaches to each side.",
    ),
    read=ROW,
    laws=(Law("middle", _middle), Law("width", _width)),
)


def _bounds(low: float, high: float, bound: float) -> Inputs:
    return {"low": low, "high": high, "bound": bound}


def _sides(inputs: Inputs, values: dict[str, Any]) -> str | None:
    low, high, bound = inputs["low"], inputs["high"], inputs["bound"]
    if low > bound:
        where = f"lies above the bound, {bound:g}, as a whole"
    elif high <= bound:
        where = f"has no part above the bound, {bound:g}"
    elif low == bound:
        where = "begins at the bound, and the rest of it lies above"
    else:
        where = f"reaches to both sides of the bound, {bound:g}"
    return f"the interval from {low:g} to {high:g} {where}. This is not “{values['out']}”."


VERDICT_CALL = "out = verdict(low, high, bound)"

VERDICT = Question(
    name="verdict",
    title="From an interval to a verdict",
    names=("verdict",),
    reference=source(verdict),
    probes=(
        Probe(
            "an interval above the bound",
            "clear",
            VERDICT_CALL,
            ("out",),
            lambda rng: _bounds(1.2, 1.9, 1.0),
        ),
        Probe(
            "an interval below the bound",
            "clear",
            VERDICT_CALL,
            ("out",),
            lambda rng: _bounds(1.7, 3.5, 5.0),
        ),
        Probe(
            "an interval around the bound, most of it above",
            "around",
            VERDICT_CALL,
            ("out",),
            lambda rng: _bounds(-0.3, 2.7, 0.0),
        ),
        Probe(
            "an interval around the bound, most of it below",
            "around",
            VERDICT_CALL,
            ("out",),
            lambda rng: _bounds(0.5, 1.2, 1.0),
        ),
        Probe(
            "an interval that begins at the bound",
            "edges",
            VERDICT_CALL,
            ("out",),
            lambda rng: _bounds(2.0, 3.0, 2.0),
        ),
        Probe(
            "an interval that ends at the bound",
            "edges",
            VERDICT_CALL,
            ("out",),
            lambda rng: _bounds(1.0, 2.0, 2.0),
        ),
        Probe(
            "an interval below 0",
            "clear",
            VERDICT_CALL,
            ("out",),
            lambda rng: _bounds(-2.0, -1.0, 0.0),
        ),
    ),
    points={"clear": 1, "around": 1, "edges": 1},
    mistakes=(
        Mistake(
            "the mean decides",
            "You compare the middle of the interval with the bound, so every measurement gets a "
            "clear verdict, whatever its error. The whole interval has to lie on one side.",
            JUDGED,
            (
                ("if low > bound:", "if (low + high) / 2 > bound:"),
                ("if high <= bound:", "if (low + high) / 2 <= bound:"),
            ),
        ),
        Mistake(
            "inconclusive called not supported",
            "An interval with the bound inside does not speak against the claim; it says that "
            "these runs cannot tell.",
            JUDGED,
            (('return "inconclusive"', 'return "not supported"'),),
        ),
        Mistake(
            "inconclusive called supported",
            "You ask whether the interval reaches above the bound. Supported means that *all* of "
            "it lies above.",
            JUDGED,
            (("if low > bound:", "if high > bound:"),),
        ),
        Mistake(
            "everything that is not above counts as inconclusive",
            "Where the whole interval lies on the other side, the runs speak against the claim: "
            "not supported.",
            JUDGED,
            (('return "not supported"', 'return "inconclusive"'),),
        ),
        Mistake(
            "the bound taken as 0",
            "The claim names its bound: 1 for a ratio, or the smallest effect that would matter. "
            "An effect above 0 does not support a claim of more than 5.",
            ROW,
            (("if low > bound:", "if low > 0:"), ("if high <= bound:", "if high <= 0:")),
        ),
        Mistake(
            "the claim turned round",
            "The claim predicts an effect *above* the bound: supported is an interval that lies "
            "above.",
            JUDGED,
            (
                ('return "supported"', 'return "refuted"'),
                ('return "not supported"', 'return "supported"'),
                ('return "refuted"', 'return "not supported"'),
            ),
        ),
        Mistake(
            "an interval that begins at the bound called supported",
            "The claim says above, and its lower end is not above the bound but at it. Then the "
            "interval does not keep the prediction as a whole.",
            JUDGED,
            (("low > bound", "low >= bound"),),
        ),
        Mistake(
            "an interval that ends at the bound called inconclusive",
            "No value of this interval is above the bound, so all of it breaks the prediction.",
            JUDGED,
            (("high <= bound", "high < bound"),),
        ),
        Mistake(
            "an interval that begins at the bound called not supported",
            "All of this interval but its lower end is above the bound: that does not break the "
            "prediction. Not supported means that no part lies above.",
            JUDGED,
            (("if high <= bound:", "if low == bound or high <= bound:"),),
        ),
    ),
    hints=(
        "Draw the bound as a vertical line, and the interval in its three positions.",
        "For “supported”, which end of the interval must lie above the bound? For “not supported”, "
        "which one must not?",
        "Two tests, one for each end, each with a verdict of its own. What neither catches is "
        "inconclusive.",
    ),
    read=JUDGED,
    laws=(Law("sides", _sides),),
    choices=("supported", "not supported", "inconclusive"),
)

HONEST = value_question(
    "honest",
    "What the interval allows you to say",
    "d",
    (
        wrong(
            "a",
            "the mean read without its interval",
            "The mean is 1.3, but the interval reaches below 1: runs with other seeds could come "
            "out the other way.",
            JUDGED,
        ),
        wrong(
            "b",
            "inconclusive taken for no effect",
            "An interval that contains 1 contains 1.9 as well. Not having shown an effect is not "
            "having shown that there is none.",
            JUDGED,
        ),
        wrong(
            "c",
            "inconclusive taken for refuted",
            "The claim would be refuted by an interval that lies at or below 1 as a whole. This "
            "one reaches up to 1.9.",
            JUDGED,
        ),
    ),
    (
        "Where does the bound of the claim lie, inside or outside the interval?",
        "Which true effects are compatible with these runs? Is only one side of 1 among them?",
        "With the bound inside, the runs speak neither for nor against. Choose the sentence that "
        "claims neither.",
    ),
    JUDGED,
    choices=("a", "b", "c", "d"),
)


# The size of the weights.

GRADIENT_FACTOR = value_question(
    "gradient_factor",
    "Weights four times as large: the gradient",
    0.25,
    (
        wrong(
            4.0,
            "the gradient grows with the weights",
            "It shrinks. From L(4W) = L(W), differentiated by W, follows 4·∇L(4W) = ∇L(W).",
            EFFECTIVE,
        ),
        wrong(
            1.0,
            "the gradient taken for as invariant as the output",
            "The output stays, the gradient does not: the same change of the weights is now a "
            "smaller part of them.",
            EFFECTIVE,
        ),
        wrong(
            1 / 16,
            "the factor of the relative step",
            "1/16 is by how much a step shrinks *relative to* the weights. The gradient itself "
            "shrinks by less.",
            EFFECTIVE,
        ),
        wrong(
            16.0,
            "the square of the factor",
            "The gradient shrinks, and by the factor itself: from L(4W) = L(W), differentiated by "
            "W, follows 4·∇L(4W) = ∇L(W).",
            EFFECTIVE,
        ),
        wrong(
            0.5,
            "the root of the factor",
            "There is no root in it: the factor on the weights divides the gradient.",
            EFFECTIVE,
        ),
    ),
    (
        "The loss does not change. What does that say about a step that is a fixed share of the "
        "weights?",
        "Differentiate both sides of L(4W) and L(W) being equal, with respect to W.",
        "The chain rule gives a factor 4 on the left side. Divide by it.",
    ),
    EFFECTIVE,
)

RATE_FACTOR = value_question(
    "rate_factor",
    "Weights four times as large: the learning rate",
    16.0,
    (
        wrong(
            4.0,
            "the gradient's factor alone made good",
            "That makes the steps as long as before. But the weights are four times as large, so "
            "the steps have to be four times as long.",
            EFFECTIVE,
        ),
        wrong(
            1 / 16,
            "the factor upside down",
            "Larger weights slow the training down: the learning rate has to grow.",
            EFFECTIVE,
        ),
        wrong(
            0.25,
            "the gradient's factor in place of the rate's",
            "The gradient is a quarter of what it was. The rate has to make up for that, and for "
            "the size of the weights.",
            EFFECTIVE,
        ),
        wrong(
            1.0,
            "the rate left as it is",
            "The function is the same, but its training is not: relative to the weights, a step "
            "would be 16 times smaller.",
            EFFECTIVE,
        ),
        wrong(
            8.0,
            "the two factors added",
            "There are two factors of 4, one from the gradient and one from the weights. They "
            "multiply.",
            EFFECTIVE,
        ),
        wrong(
            64.0,
            "a factor too many",
            "The effective rate is the rate over the *square* of the norm: two factors of 4, not "
            "three.",
            EFFECTIVE,
        ),
        wrong(
            2.0,
            "the root of the factor",
            "The effective rate is the rate over the *square* of the norm.",
            EFFECTIVE,
        ),
    ),
    (
        "What counts is the step relative to the weights.",
        "The gradient became smaller by the factor, and the weights larger by the factor.",
        "The effective rate is the learning rate over the squared norm of the weights. Keep it as "
        "it was.",
    ),
    EFFECTIVE,
)


def _divided_by(inputs: Inputs, values: dict[str, Any]) -> str | None:
    squares = float((inputs["weight"] ** 2).sum())
    return (
        f"you divide the rate by {inputs['rate'] / values['out']:.4g}, expected the sum of the "
        f"squares of all entries, {squares:.4g}."
    )


EFFECTIVE_RATE = Question(
    name="effective_rate",
    title="The effective learning rate",
    names=("effective_rate",),
    reference=source(effective_rate),
    probes=(
        Probe(
            "a small matrix",
            "matrix",
            "out = effective_rate(rate, weight)",
            ("out",),
            lambda rng: {"rate": 0.3, "weight": (2 * rng.standard_normal((3, 2))).round(2)},
        ),
        Probe(
            "a matrix",
            "matrix",
            "out = effective_rate(rate, weight)",
            ("out",),
            lambda rng: {"rate": 0.05, "weight": rng.uniform(0.5, 2, (4, 5)).round(2)},
        ),
        Probe(
            "the kernels of a convolution",
            "convolution",
            "out = effective_rate(rate, weight)",
            ("out",),
            lambda rng: {"rate": 2.0, "weight": rng.standard_normal((4, 2, 3, 3)).round(2)},
        ),
    ),
    points={"matrix": 1, "convolution": 1},
    mistakes=(
        Mistake(
            "the norm without its square",
            "You divide by ‖W‖. One factor comes from the gradient, which shrinks by it, and one "
            "from the weights, which grow by it: divide by ‖W‖².",
            EFFECTIVE,
            (("size = (weight**2).sum()", "size = np.sqrt((weight**2).sum())"),),
        ),
        Mistake(
            "the mean of the squares",
            "‖W‖² is the sum of the squared entries, not their mean.",
            EFFECTIVE,
            (("size = (weight**2).sum()", "size = (weight**2).mean()"),),
        ),
        Mistake(
            "the sum of the absolute values",
            "You add up |w|. The squared norm adds up the squares.",
            EFFECTIVE,
            (("size = (weight**2).sum()", "size = np.abs(weight).sum()"),),
        ),
        Mistake(
            "the square of the sum",
            "Square first and add then: the entries have both signs, and their sum says nothing "
            "about their size.",
            EFFECTIVE,
            (("size = (weight**2).sum()", "size = weight.sum() ** 2"),),
        ),
        Mistake(
            "a rate for each row",
            "The norm here is that of the whole array, so one number comes back.",
            EFFECTIVE,
            (
                (
                    "size = (weight**2).sum()",
                    "size = (weight.reshape(len(weight), -1) ** 2).sum(axis=1)",
                ),
            ),
        ),
        Mistake(
            "the largest singular value",
            "`np.linalg.norm` with the argument 2 is another norm of a matrix, and none of a "
            "kernel with four axes. Here ‖W‖² is the sum of all squares.",
            EFFECTIVE,
            (("size = (weight**2).sum()", "size = np.linalg.norm(weight, 2) ** 2"),),
        ),
        Mistake(
            "multiplied in place of divided",
            "Large weights make the effective rate *small*: divide by ‖W‖².",
            EFFECTIVE,
            (("return rate / size", "return rate * size"),),
        ),
        Mistake(
            "the fraction upside down",
            "You return ‖W‖² over the rate. It is the rate over ‖W‖².",
            EFFECTIVE,
            (("return rate / size", "return size / rate"),),
        ),
    ),
    hints=(
        "What happens to the effective rate if all weights are multiplied by 10?",
        "‖W‖² is one number for the whole array, whatever its axes.",
        "Square every entry, add all of them up, and divide the rate by the sum.",
    ),
    read=EFFECTIVE,
    laws=(Law("sum of squares", _divided_by),),
)


# The noise of the batch.

NOISE = value_question(
    "noise",
    "How far the batch mean misses",
    0.75,
    (
        wrong(
            3 / 16,
            "n in place of √n",
            "The noise of a mean falls with the root of n: 16 values make it 4 times smaller.",
            NOISY,
        ),
        wrong(
            12.0,
            "multiplied by √n",
            "More values make the mean steadier, not noisier: divide by √n.",
            NOISY,
        ),
        wrong(
            0.25,
            "σ left out",
            "That is 1/√n, the noise in units of σ. Here σ is 3.",
            NOISY,
        ),
        wrong(
            9 / 4,
            "σ² in place of σ",
            "The standard deviation of the mean is σ/√n, with σ and not its square above.",
            NOISY,
        ),
        wrong(
            48.0,
            "multiplied by n",
            "That is how σ would grow if values that are all alike were added. The mean of 16 "
            "independent values is steadier than one of them: divide by √n.",
            NOISY,
        ),
        wrong(
            9 / 16,
            "the variance in place of the standard deviation",
            "You computed σ²/n, the variance of the mean. Its root is the standard deviation.",
            NOISY,
        ),
        wrong(
            np.sqrt(3 / 16),
            "σ under the root",
            "Only n stands under the root: σ/√n.",
            NOISY,
        ),
        wrong(
            3.0,
            "the spread of single values",
            "Single values scatter by σ. The mean of 16 of them scatters less.",
            NOISY,
        ),
        wrong(
            3 / np.sqrt(15),
            "√(n − 1) in place of √n",
            "The law has √n. The n − 1 belongs to the estimate of σ from a sample, and here σ is "
            "given.",
            NOISY,
        ),
    ),
    (
        "Does the mean of 16 values scatter more or less than a single value?",
        "The standard error of a mean falls with the root of the number of values.",
        "Divide σ by the root of 16.",
    ),
    NOISY,
)

CONTROL = value_question(
    "control",
    "Which experiment separates the two noises",
    "b",
    (
        wrong(
            "a",
            "two noises changed at once",
            "With a smaller SGD batch, the batch statistics *and* the gradient get noisier. You "
            "could not say which of the two made the gap smaller.",
            REGULARISE,
        ),
        wrong(
            "c",
            "a change that touches neither noise",
            "Longer training changes how well the training digits are fitted, and the gap with "
            "it, but it does not vary the noise of the statistics.",
            REGULARISE,
        ),
        wrong(
            "d",
            "a control without the effect",
            "Without BN there are no batch statistics. This run shows what the noise of the "
            "gradient does, and is a good control, but by itself it does not vary the noise of "
            "the statistics.",
            REGULARISE,
        ),
    ),
    (
        "Two things get noisier when the SGD batch shrinks. Which of them is asked about?",
        "You want to change the number of examples that share a mean, and nothing else.",
        "The chapter has a word for the parts of an SGD batch that are normalised by themselves.",
    ),
    REGULARISE,
    choices=("a", "b", "c", "d"),
)

EXERCISE = Exercise(
    "ex08_benefits",
    "What it buys, and how to know",
    (
        STEPS,
        COMPARE,
        OTHERS,
        INTERVAL,
        VERDICT,
        HONEST,
        GRADIENT_FACTOR,
        RATE_FACTOR,
        EFFECTIVE_RATE,
        NOISE,
        CONTROL,
    ),
)
