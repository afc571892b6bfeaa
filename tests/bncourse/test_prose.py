"""Laws of the sentences that carry measured numbers."""

import numpy as np
import pytest

from bncourse.evidence import Claim, weigh
from bncourse.prose import ledger, say, source, verdict


def test_a_sentence_takes_its_numbers_from_the_values():
    assert say("{a:.1f} of {b} and $\\hat{{x}}$", a=0.25, b=3).data == "0.2 of 3 and $\\hat{x}$"


def test_a_number_without_a_place_in_the_sentence_is_refused():
    with pytest.raises(ValueError, match="not in the sentence: b"):
        say("{a}", a=1, b=2)


def test_a_place_without_a_number_is_refused():
    with pytest.raises(KeyError):
        say("{a} {b}", a=1)


def test_a_sentence_that_does_not_hold_is_kept_and_told(monkeypatch):
    monkeypatch.delenv("BNCOURSE_STRICT", raising=False)
    told = say("It is {a:.1f}.", holds=np.float64(0.25) > 1, a=0.25).data
    assert told.startswith("**With your numbers this no longer holds.**")
    assert told.endswith("It is 0.2.")


def test_a_sentence_that_does_not_hold_ends_the_build(monkeypatch):
    monkeypatch.setenv("BNCOURSE_STRICT", "1")
    with pytest.raises(AssertionError, match=r"no longer holds: It is 0\.2"):
        say("It is {a:.1f}.", holds=False, a=0.25)


def test_the_source_of_a_method_is_shown_without_its_indent():
    shown = source(Claim.__post_init__).data
    assert shown.startswith("```python\ndef __post_init__(self)") and shown.endswith(")\n```")


def test_the_verdict_card_states_claim_number_prediction_and_verdict():
    claim = Claim("c", "BN is quick.", "4.1", "08_benefits", "ratio", above=1.0, unit="times")
    card = verdict(weigh(claim, [2, 2, 2, 2, 2], data="digits")).data
    for part in ("BN is quick.", "notes 4.1", "2.00 times [2.00, 2.00]", "above 1", "5 seeds"):
        assert part in card
    assert "**Verdict: supported.**" in card


def test_the_ledger_has_one_row_per_result_with_its_number_and_verdict():
    claim = Claim("c", "BN | is quick.", "4.1", "08_benefits", "ratio", above=1.0, unit="times")
    result = weigh(claim, [2, 2, 2, 2, 2], data="digits")
    table = ledger([result, result], {"08_benefits": "What it buys"}).data.split("\n")
    assert len(table) == 4
    assert "BN \\| is quick." in table[2] and "[What it buys](08_benefits.ipynb)" in table[2]
    assert "| ✓ **supported** | **2.00 times [2.00, 2.00]**; predicted above 1 |" in table[2]
    assert "| ratio (digits, 5 seeds) | – |" in table[2] and "`c` |" in table[2]


def test_what_goes_beyond_the_notes_says_so():
    claim = Claim("c", "T.", "4.3", "09_edge_cases", "e", above=1.0, beyond=True)
    result = weigh(claim, [2, 2, 2, 2, 2], data="digits")
    assert "**Claim** (beyond the notes, to 4.3): T." in verdict(result).data
    assert (
        '<span id="claim-c"></span>4.3, added |'
        in ledger([result], {"09_edge_cases": "Edge cases"}).data
    )
