"""Laws of corrections for many claims: p-values agree with verdicts, no more stands than before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bncourse.evidence import Claim, Result, weigh
from bncourse.ledger.corrections import benjamini_hochberg, holm, p_value

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def result(effects: list[float], **changes: object) -> Result:
    values = dict(id="c", text="t", notes="1.1", chapter="02_rationale", effect="e", above=0.0)
    return weigh(Claim(**(values | changes)), effects, data="d", seeds=range(len(effects)))


def test_the_p_value_of_a_hand_worked_sample():
    # mean 3, standard error sqrt(2.5 / 5): t = 4.2426 with 4 degrees of freedom
    assert p_value(result([1, 2, 3, 4, 5])) == pytest.approx(0.013236, abs=1e-5)


@given(st.lists(st.floats(0.1, 10), min_size=5, max_size=9), st.floats(0.2, 5), st.booleans())
def test_a_verdict_is_decided_exactly_where_p_is_below_5_percent(effects, bound, ratio):
    one = result(effects, above=bound, scale="ratio" if ratio else "difference")
    if np.ptp(effects) < 1e-6 or abs(p_value(one) - 0.05) < 1e-6:
        return
    assert (one.verdict != "inconclusive") == (p_value(one) < 0.05)


def test_effects_without_spread():
    assert p_value(result([2.0] * 5, above=1.0)) == 0
    assert p_value(result([2.0] * 5, above=2.0)) == 1


def test_corrections_of_a_hand_worked_family():
    # Holm compares with 0.05 / 4, / 3, / 2, / 1 and stops at the first miss;
    # Benjamini and Hochberg with 0.05 * 1 / 4, 2 / 4, ... and take all up to the last hit.
    family = [0.03, 0.01, 0.04, 0.02]
    assert holm(family) == [False, True, False, False]
    assert benjamini_hochberg(family) == [True, True, True, True]


@given(p_values)
def test_holm_is_stricter_and_both_are_stricter_than_one_by_one(family):
    alone = [p <= 0.05 for p in family]
    for strict, mild, single in zip(holm(family), benjamini_hochberg(family), alone, strict=True):
        assert strict <= mild <= single


def test_holm_rarely_errs_where_nothing_is_true():
    rng = np.random.default_rng(0)
    erred = np.mean([any(holm(rng.uniform(size=60))) for _ in range(4000)])
    assert 0.03 < erred < 0.07  # 0.05, give or take more than five standard errors
