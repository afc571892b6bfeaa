"""The ledger as CSV, a line per claim."""

import csv
import difflib
import time
from collections.abc import Sequence
from typing import TextIO

from bncourse.evidence import Result
from bncourse.experiments import all_experiments
from bncourse.ledger.corrections import p_value

COLUMNS = (
    *("claim", "section", "chapter", "kind", "verdict", "predicted", "bound", "seeds"),
    *("effect", "low", "high", "p", "seconds"),
)


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
