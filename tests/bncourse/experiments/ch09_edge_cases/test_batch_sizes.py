"""Chapter 9's measurements of small batches, on tiny settings."""

import numpy as np
import pytest

from bncourse.experiments.ch09_edge_cases import batch_sizes
from bncourse.experiments.ch09_edge_cases.batch_sizes import RATES, _better, after


def test_the_rate_with_the_better_mean_counts_for_all_seeds():
    assert _better([0.9, 0.1, 0.6, 0.5], seeds=2) == pytest.approx([60, 50])


def test_each_batch_size_sees_the_same_number_of_examples(monkeypatch):
    seen = []

    def fake(nets, data, *, steps, generators, lrs, batch_size, eval_every):
        seen.append((steps * batch_size, max(lrs) / batch_size))

    monkeypatch.setattr("bncourse.experiments.ch09_edge_cases.batch_sizes.fit_many", fake)
    for size in (2, 8, 32):
        after.__wrapped__("GroupNorm", size, (0,), examples=64)
    assert [examples for examples, _ in seen] == [64, 64, 64]
    assert [rate for _, rate in seen] == pytest.approx([max(RATES) / 32] * 3)


def test_running_twice_gives_the_same():
    first = after.__wrapped__("BN", 16, (0, 1), examples=64)
    again = after.__wrapped__("BN", 16, (0, 1), examples=64)
    for name in ("test", "precise"):
        np.testing.assert_array_equal(first[name], again[name])


@pytest.mark.parametrize(
    ("name", "always"),
    [
        ("small_batch_unstable", {4, 32}),
        ("other_norms_small_batch", {2}),
        ("layer_norm_alone_batch_1", {1, 32}),
    ],
)
def test_the_sizes_that_a_claim_compares_are_always_measured(name, always):
    result = getattr(batch_sizes, name)(range(5), sizes=(16,), examples=32, rates=(0.1,))
    assert set(result.array("sizes")) == always | {16}
    assert (
        result.data == "digits, MLP of 2 × 32, 32 examples at every batch size, better of 1 rates"
    )
