"""The ledger as data, and which of its verdicts stand when all claims are judged together.

python -m bncourse.ledger --csv > ledger.csv     measures every claim, in a few minutes
python -m bncourse.ledger --csv bias-redundant   one or several claims by name
"""

import argparse
import csv
import difflib
import sys
import time
from collections.abc import Sequence
from typing import TextIO

import numpy as np
from scipy import stats

from bncourse.evidence import Result
from bncourse.experiments import all_experiments

COLUMNS = (
    *("claim", "section", "chapter", "kind", "verdict", "predicted", "bound", "seeds"),
    *("effect", "low", "high", "p", "seconds"),
)


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


def row(result: Result, seconds: float) -> dict[str, object]:
    """One line of the table: the values of COLUMNS. seconds: what the measurement took."""
    claim = result.claim
    return {
        "claim": claim.id,
        "section": claim.notes,
        "chapter": claim.chapter,
        "kind": claim.kind,
        "verdict": result.verdict,
        "predicted": "above" if claim.above is not None else "below",
        "bound": claim.bound,
        "seeds": len(result.seeds),
        "effect": result.effect,
        "low": result.low,
        "high": result.high,
        "p": p_value(result),
        "seconds": round(seconds, 2),
    }


def write(names: Sequence[str], file: TextIO) -> None:
    """Measure the claims of these names, and write a line of CSV for each once it is known.

    Raises ValueError for a name that no claim has.
    """
    experiments = all_experiments()
    for name in names:
        if name not in experiments:
            near = difflib.get_close_matches(name, experiments, n=3) or list(experiments)[:3]
            raise ValueError(f"need the name of a claim, got {name!r}: one such as {near}")
    table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    table.writeheader()
    for name in names or experiments:
        start = time.perf_counter()
        result = experiments[name]()
        table.writerow(row(result, time.perf_counter() - start))
        file.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bncourse.ledger", description=__doc__)
    parser.add_argument("claims", nargs="*", help="names of claims; without one, all of them")
    parser.add_argument("--csv", action="store_true", required=True, help="print a table as CSV")
    options = parser.parse_args(arguments)
    try:
        write(options.claims, sys.stdout)
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
