"""Two mistakes in one answer: all pairs of all questions."""

from __future__ import annotations

import pytest

from bncheck import proof
from exercises.questions import COURSE


@pytest.mark.parametrize("name", COURSE.names())
def test_no_pair_is_accepted_or_named_as_a_third_and_four_in_five_are_named(name):
    """Four in five of each question: then it is so of all together, too."""
    rows = list(proof.pairs(COURSE, 0, [name]))
    assert not [row for row in rows if row.outcome in ("accepted", "as another")]
    assert proof.counts(rows)["named"] >= 0.8 * len(rows)


def test_some_questions_have_pairs():
    """Else the law above would say nothing.  One that has two edits that fit together is enough."""
    assert list(proof.pairs(COURSE, 0, ["ex02.variance"]))
