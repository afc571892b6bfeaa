"""Laws of evidence: intervals, verdicts, and Results that survive being kept."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bncourse import evidence
from bncourse.evidence import Claim, Result, interval, judge, measures, weigh

finite = st.floats(-1e6, 1e6)


def claim(**changes: object) -> Claim:
    values = dict(id="c", text="t", notes="1.1", chapter="02_rationale", effect="e", above=0.0)
    return Claim(**(values | changes))


def test_the_interval_of_a_hand_worked_sample():
    # mean 3, s = sqrt(2.5), n = 5, t(0.975, 4) = 2.776445
    mean, low, high = interval([1, 2, 3, 4, 5])
    half = 2.776445 * math.sqrt(2.5) / math.sqrt(5)
    assert mean == 3
    assert low == pytest.approx(3 - half, abs=1e-5)
    assert high == pytest.approx(3 + half, abs=1e-5)


@given(st.lists(finite, min_size=2, max_size=8), st.floats(-1e3, 1e3))
def test_the_interval_moves_with_the_effects(effects, shift):
    mean, low, high = interval(effects)
    moved = interval([e + shift for e in effects])
    assert np.allclose(moved, [mean + shift, low + shift, high + shift], atol=1e-3)
    assert low <= mean <= high


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=8))
def test_the_interval_of_inverse_ratios_is_the_inverse_interval(ratios):
    mean, low, high = interval(ratios, scale="ratio")
    inverse = interval([1 / r for r in ratios], scale="ratio")
    assert np.allclose(inverse, [1 / mean, 1 / high, 1 / low])


def test_the_interval_covers_the_true_mean_in_95_of_100_samples():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(4000):
        _, low, high = interval(rng.normal(2, 3, size=5))
        covered += low <= 2 <= high
    assert 0.94 < covered / 4000 < 0.96


@pytest.mark.parametrize(
    ("effects", "scale", "message"),
    [
        ([1.0], "difference", "at least 2 effects"),
        ([1.0, math.inf], "difference", "must be finite"),
        ([1.0, -1.0], "ratio", "must be positive"),
    ],
)
def test_an_interval_needs_enough_usable_effects(effects, scale, message):
    with pytest.raises(ValueError, match=message):
        interval(effects, scale=scale)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.1, 2, "supported"), (-2, -0.1, "not supported"), (-1, 1, "inconclusive")],
)
def test_the_verdict_follows_from_the_interval_and_the_prediction(low, high, verdict):
    assert judge(low, high, above=0, below=None) == verdict
    assert judge(-high, -low, above=None, below=0) == verdict


def test_an_interval_that_touches_the_bound_does_not_support():
    assert judge(0, 1, above=0, below=None) == "inconclusive"
    assert judge(0, 0, above=0, below=None) == "not supported"


@given(st.lists(finite, min_size=5, max_size=5))
def test_a_claim_and_its_opposite_are_never_both_supported(effects):
    more = weigh(claim(), effects, data="d")
    less = weigh(claim(above=None, below=0.0), effects, data="d")
    assert not (more.verdict == less.verdict == "supported")


def test_a_verdict_needs_five_seeds_and_one_effect_for_each():
    with pytest.raises(ValueError, match="at least 5 seeds, got 4"):
        weigh(claim(), [1, 2, 3, 4], data="d", seeds=range(4))
    with pytest.raises(ValueError, match="one effect per seed, got 4 for 5"):
        weigh(claim(), [1, 2, 3, 4], data="d")


def test_a_claim_predicts_exactly_one_side():
    with pytest.raises(ValueError, match="either above or below"):
        claim(below=1.0)
    with pytest.raises(ValueError, match="either above or below"):
        claim(above=None)
    assert claim(above=None, below=2.0).bound == 2.0


@given(st.lists(finite, min_size=5, max_size=5), st.floats())
def test_a_result_survives_json_exactly(effects, extra):
    result = weigh(claim(), effects, data="d", arms={"BN": [[extra, 1.0]]})
    back = evidence.from_json(evidence.to_json(result))
    assert back.claim == result.claim
    assert (back.effects, back.low, back.high) == (result.effects, result.low, result.high)
    assert np.array_equal(back.array("BN"), result.array("BN"), equal_nan=True)


def counted(effects):
    calls = []

    @measures(claim())
    def experiment(seeds=evidence.SEEDS) -> Result:
        """Doc."""
        calls.append(tuple(seeds))
        return weigh(claim(), effects[: len(seeds)], data="d", seeds=seeds)

    return experiment, calls


def test_a_kept_result_is_measured_once(tmp_path, monkeypatch):
    monkeypatch.setenv(evidence.RESULTS_VARIABLE, str(tmp_path / "results"))
    experiment, calls = counted([1, 2, 3, 4, 6])
    first, second = experiment(), experiment()
    assert len(calls) == 1
    assert evidence.to_json(first) == evidence.to_json(second)
    assert [p.name for p in (tmp_path / "results").rglob("*.json")] == ["c.json"]


def test_other_seeds_are_measured_and_never_kept(tmp_path, monkeypatch):
    monkeypatch.setenv(evidence.RESULTS_VARIABLE, str(tmp_path))
    experiment, calls = counted([1, 2, 3, 4, 6, 7])
    experiment(range(6))
    experiment(range(6))
    assert len(calls) == 2
    assert not list(tmp_path.iterdir())


def test_a_setting_that_is_the_default_is_kept_and_another_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv(evidence.RESULTS_VARIABLE, str(tmp_path))
    calls = []

    @measures(claim())
    def experiment(seeds=evidence.SEEDS, steps=10, *, rates=(0.1, 1.0)) -> Result:
        calls.append((steps, rates))
        return weigh(claim(), [float(steps)] * len(seeds), data="d", seeds=seeds)

    assert experiment((0, 1, 2, 3, 4), steps=10, rates=(0.1, 1.0)).effect == 10
    assert experiment().effect == 10 and len(calls) == 1
    assert experiment(steps=20).effect == 20 and experiment(rates=(0.1,)).effect == 10
    assert calls == [(10, (0.1, 1.0)), (20, (0.1, 1.0)), (10, (0.1,))]
    assert len(list(tmp_path.rglob("*.json"))) == 1


def test_without_a_folder_every_call_measures(monkeypatch):
    monkeypatch.delenv(evidence.RESULTS_VARIABLE, raising=False)
    experiment, calls = counted([1, 2, 3, 4, 6])
    experiment()
    experiment()
    assert len(calls) == 2
    assert experiment.claim.id == "c"
    assert experiment.__doc__ == "Doc."


@pytest.mark.parametrize(
    ("effects", "text"),
    [
        ([2.0] * 5, "2.00 steps [2.00, 2.00]"),
        ([12345.0] * 5, "12\u202f345 steps [12\u202f345, 12\u202f345]"),
        ([-0.000123] * 5, "\u22121.2e\u22124 steps [\u22121.2e\u22124, \u22121.2e\u22124]"),
    ],
)
def test_numbers_are_written_with_three_digits(effects, text):
    assert weigh(claim(unit="steps"), effects, data="d").number() == text


def test_an_unknown_arm_is_named_with_those_there_are():
    result = weigh(claim(), [1, 2, 3, 4, 5], data="d", arms={"BN": [1], "none": [2]})
    with pytest.raises(KeyError, match="no arm 'bn' in c: it has BN, none"):
        result.array("bn")
