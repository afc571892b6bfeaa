"""From a platform's download to its gradebook, and what later runs tell."""

from __future__ import annotations

import csv

import pytest

from bncheck.grading.outside.command import BAD_CALL, DONE, main
from bncheck.grading.results.files import Folder
from tests.bncheck.grading.results.graded import grade


@pytest.fixture
def out(tmp_path):
    return finished(tmp_path / "grades", grade("Anna", {"undo": 1}, account="12345"))


def finished(path, *grades):
    folder = Folder(path)
    for one in grades:
        folder.write_feedback(one)
    folder.write_tables(grades)
    return path


def rows(path):
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_gradebook_shows_the_mark_and_its_steps_on_the_learners_page(out, tmp_path, capsys):
    policy = tmp_path / "policy.toml"
    policy.write_text('bonus = ["ex03.undo"]', encoding="utf-8")
    call = ["gradebook", str(out), "--policy", str(policy), "--for", "moodle"]
    assert main(call) == DONE
    (page,) = (out / "feedback").glob("*.html")
    assert "6 of 5 points" in page.read_text() and "ex03.undo is a bonus" in page.read_text()
    assert rows(out / "gradebook.csv")[0]["Grade"] == "120.00"
    assert rows(out / "marks.csv")[0]["steps"] == "ex03.undo is a bonus: 1 points on top"
    assert str(out / "gradebook.csv") in capsys.readouterr().out


def test_who_must_be_looked_at_is_told(tmp_path, capsys):
    out = finished(tmp_path / "grades", grade("Anna", account="1", state="unreadable"))
    assert main(["gradebook", str(out), "--for", "moodle"]) == DONE
    assert "look at Anna: unreadable: empty" in capsys.readouterr().err


def test_a_new_run_leaves_no_marks_of_an_old_one(out):
    main(["gradebook", str(out), "--for", "moodle"])
    Folder(out).clear(keep_feedback=True)
    left = {path.name for path in out.iterdir() if not path.name.startswith(".")}
    assert left == {"feedback"}


def test_changes_are_told_and_written(out, tmp_path, capsys):
    later = finished(tmp_path / "later", grade("Anna", account="12345"))
    assert main(["changes", str(out), str(later)]) == DONE
    assert "1 of 1 changed: 1 gained points" in capsys.readouterr().out
    assert rows(later / "changes.csv")[0]["learner"] == "Anna"


def test_the_class_page_takes_several_runs(out, tmp_path):
    later = finished(tmp_path / "later", grade("Anna", account="12345"))
    assert "From run to run" not in (later / "class.html").read_text()
    assert main(["class", str(out), str(later)]) == DONE
    assert "From run to run" in (later / "class.html").read_text()


def test_runs_of_the_same_name_stay_apart(tmp_path):
    paths = [finished(tmp_path / week / "grades", grade("Anna", {"undo": 1})) for week in "ab"]
    assert main(["class", *map(str, paths)]) == DONE
    text = (paths[1] / "class.html").read_text()
    assert f">{paths[0]}<" in text and f">{paths[1]}<" in text


@pytest.mark.parametrize(
    "call", [["gradebook", "nowhere"], ["changes", "nowhere", "there"], ["class", "nowhere"]]
)
def test_what_is_not_graded_yet_is_refused_and_not_made(call, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(call) == BAD_CALL
    assert "need the folder of a finished run" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
