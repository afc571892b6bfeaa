"""Which verdicts stand when many claims are judged together."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from bncourse.evidence import Result


def p_value(result: Result) -> float:
    """Two-sided p-value of the effect against the bound of its claim, by Student's t test.

    It is below 0.05 where the 95 % interval does not hold the bound. Ratios are tested on the
    logarithmic scale. Effects without any spread have p = 0, or 1 where they are the bound.
    Student 1908.
    """
    values, bound = np.array(result.effects), result.claim.bound
    if result.claim.scale == "ratio":
        values, bound = np.log(values), float(np.log(bound))
    if np.ptp(values) == 0:
        return float(values[0] == bound)
    return float(stats.ttest_1samp(values, bound).pvalue)


def holm(p_values: Sequence[float], level: float = 0.05) -> list[bool]:
    """Which hypotheses are rejected, so that one false rejection among all has chance <= level.

    p_values: one per hypothesis, in any order; the tests may depend on each other. Holm 1979.
    """
    order = np.argsort(p_values, kind="stable")
    small = np.take(p_values, order) <= level / np.arange(len(order), 0, -1)
    rejected = np.zeros(len(order), dtype=bool)
    rejected[order] = np.logical_and.accumulate(small)
    return [bool(one) for one in rejected]


def benjamini_hochberg(p_values: Sequence[float], level: float = 0.05) -> list[bool]:
    """Which hypotheses are rejected, so that a share <= level of the rejections is false.

    p_values: one per hypothesis, in any order. Benjamini & Hochberg 1995.
    """
    return [bool(p <= level) for p in stats.false_discovery_control(p_values, method="bh")]
