"""Laws of the registry: every claim of the notes is found, named, and shown in its chapter."""

import json
import re
import sys
from pathlib import Path

import pytest

from bncourse import experiments
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments import all_experiments

ROOT = Path(__file__).resolve().parents[3]
EXPERIMENTS = all_experiments()


def chapter_code(name: str) -> str:
    cells = json.loads((ROOT / "chapters" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_chapter_of_a_claim_runs_its_experiment_and_shows_a_verdict(name):
    experiment = EXPERIMENTS[name]
    code = chapter_code(experiment.claim.chapter)
    assert re.search(rf"\b{experiment.__name__}\b", code), "the chapter never measures it"
    assert "verdict(" in code


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_claim_is_a_sentence_with_known_sources(name):
    claim = EXPERIMENTS[name].claim
    known = re.findall(
        r"^@\w+\{(\w+),", (ROOT / "chapters" / "references.bib").read_text("utf-8"), re.M
    )
    cited = re.findall(r"\{cite:\w+\}`([^`]+)`", claim.literature)
    assert set(",".join(cited).replace(" ", "").split(",")) - {""} <= set(known)
    assert claim.text.endswith(".")
    assert re.fullmatch(r"[0-8](\.[1-8])?", claim.notes), claim.notes


def test_every_section_of_the_notes_that_claims_something_has_a_measurement():
    measured = {experiment.claim.notes for experiment in EXPERIMENTS.values()}
    wanted = {"1.1", "1.2", "2.1", "2.2", "2.3", "3.1", "3.2", "4.1", "4.2", "4.3"}
    assert wanted <= measured
    for section in "567":
        assert any(notes.startswith(section) for notes in measured), section


def test_the_registry_follows_the_order_of_the_notes():
    sections = [experiment.claim.notes for experiment in EXPERIMENTS.values()]
    assert sections == sorted(sections)


def test_two_experiments_cannot_measure_a_claim_of_one_id(tmp_path, monkeypatch):
    source = (
        "from bncourse.evidence import *\n"
        "CLAIM = Claim('same', 'T.', '1.1', '02_rationale', 'e', above=0.0)\n"
        "@measures(CLAIM)\n"
        "def {name}(seeds=SEEDS):\n    return weigh(CLAIM, [1] * 5, data='d')\n"
    )
    for name in ("planted_one", "planted_two"):
        (tmp_path / f"{name}.py").write_text(source.format(name=name))
        sys.modules.pop(f"bncourse.experiments.{name}", None)
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match="two experiments measure 'same'"):
        all_experiments()


def test_an_experiment_takes_its_seeds_and_five_by_default():
    claim = Claim("seeds", "T.", "1.1", "02_rationale", "e", above=0.0)

    @measures(claim)
    def experiment(seeds=SEEDS) -> Result:
        return weigh(claim, [float(seed) for seed in seeds], data="d", seeds=seeds)

    assert len(SEEDS) >= 5
    assert experiment().effects == tuple(map(float, SEEDS))
    assert experiment(range(7)).seeds == tuple(range(7))
