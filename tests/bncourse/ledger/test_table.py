"""Laws of the ledger as data."""

import csv
import io

import pytest

from bncourse.experiments import all_experiments
from bncourse.ledger.__main__ import main
from bncourse.ledger.table import COLUMNS, row, write


def test_a_row_has_every_column():
    assert tuple(row(all_experiments()[min(all_experiments())](), 1.0)) == COLUMNS


def test_the_table_holds_what_was_measured():
    name = min(all_experiments())
    file = io.StringIO()
    write([name], file)
    (line,) = csv.DictReader(io.StringIO(file.getvalue()))
    measured = all_experiments()[name]()
    assert line["claim"] == name
    assert line["verdict"] == measured.verdict
    assert float(line["effect"]) == measured.effect
    assert float(line["seconds"]) >= 0


def test_an_unknown_claim_is_told_before_anything_is_measured(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--csv", "modes-difer"])
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert "got 'modes-difer'" in said.err and "modes-differ" in said.err
    assert not said.out
