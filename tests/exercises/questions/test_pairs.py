"""Two mistakes in one answer: all pairs of all questions."""

from __future__ import annotations

import pytest

from bncheck import proof
from exercises.questions import COURSE

ROWS: dict[str, list[proof.Row]] = {}


@pytest.mark.parametrize("name", COURSE.names())
def test_no_pair_of_mistakes_is_accepted_or_named_as_a_third(name):
    ROWS[name] = list(proof.pairs(COURSE, 0, [name]))
    assert not [row for row in ROWS[name] if row.outcome in ("accepted", "as another")]


def test_of_the_pairs_of_mistakes_four_in_five_are_named():
    rows = [row for found in ROWS.values() for row in found] or list(proof.pairs(COURSE))
    assert proof.counts(rows)["named"] >= 0.8 * len(rows) > 0
