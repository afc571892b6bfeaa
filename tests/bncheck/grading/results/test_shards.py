"""Parts of a class make the same files as one run, byte for byte, whatever the division."""

from __future__ import annotations

import json
import shutil

import pytest

from bncheck.grading.outside.command import BAD_CALL, DONE, main
from bncheck.grading.results.files import Folder
from bncheck.grading.results.shards import Shard, merge, write_shard
from tests.bncheck.grading.results.graded import grade

CLASS = [
    grade(f"learner{number}", {"undo": number % 4}, account=str(number)) for number in range(7)
]
IDS = [one.id for one in CLASS]


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def parts(root, of, class_=CLASS, digest="run"):
    """The folders that `bncheck grade --shard` leaves, of a run that would give these grades."""
    made = []
    for number in range(1, of + 1):
        shard, path = Shard(number, of), root / f"{number}-of-{of}"
        folder = Folder(path)
        for place in shard.places(len(class_)):
            folder.write_feedback(class_[place])
        write_shard(folder, shard, [one.id for one in class_], digest)
        made.append(path)
    return made


@pytest.fixture
def whole(tmp_path):
    folder = Folder(tmp_path / "whole")
    for one in CLASS:
        folder.write_feedback(one)
    folder.write_tables(CLASS)
    return contents(tmp_path / "whole")


@pytest.mark.parametrize("of", [1, 2, 3, 7, 20])
def test_merged_parts_are_the_whole_byte_for_byte(tmp_path, whole, of):
    made = parts(tmp_path, of)
    merge(made[::-1], tmp_path / "merged")
    assert contents(tmp_path / "merged") == whole


def test_each_submission_is_in_one_part():
    for of in range(1, 9):
        places = [place for number in range(1, of + 1) for place in Shard(number, of).places(20)]
        assert sorted(places) == list(range(20))


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", ""])
def test_a_part_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="need --shard like 3/20"):
        Shard.parse(text)


def test_missing_parts_are_named(tmp_path):
    made = parts(tmp_path, 4)
    with pytest.raises(ValueError, match=r"still to be graded: --shard 2/4, --shard 4/4"):
        merge([made[0], made[2]], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_part_that_was_not_finished_is_refused(tmp_path):
    made = parts(tmp_path, 2)
    (made[1] / "shard.json").unlink()
    with pytest.raises(ValueError, match="finished parts"):
        merge(made, tmp_path / "merged")
    made = parts(tmp_path, 2)
    next((made[1] / "feedback").glob("*.json")).unlink()
    with pytest.raises(ValueError, match="need the grade of"):
        merge(made, tmp_path / "merged")
    assert not (tmp_path / "merged" / "grades.csv").exists()


def test_parts_of_different_runs_are_not_mixed(tmp_path):
    first, second = parts(tmp_path / "a", 2)
    for other, words in (
        (parts(tmp_path / "b", 2, digest="other")[1], "another version or setting"),
        (parts(tmp_path / "c", 2, CLASS[:6])[1], "another class"),
        (parts(tmp_path / "d", 3)[1], "another division"),
        (first, "still to be graded: --shard 2/2"),
    ):
        with pytest.raises(ValueError, match=words):
            merge([first, other], tmp_path / "merged")
    with pytest.raises(ValueError, match="once"):
        merge([first, second, second], tmp_path / "merged")
    with pytest.raises(ValueError, match="another folder"):
        merge([first, second], second)


def test_a_part_graded_again_leaves_nothing_of_an_old_one(tmp_path):
    (path, _) = parts(tmp_path, 2)
    Folder(path).write_feedback(grade("gone"))
    write_shard(Folder(path), Shard(1, 2), IDS, "run")
    assert {p.stem for p in (path / "feedback").iterdir()} == set(IDS[::2])
    Folder(path).clear(keep_feedback=True)
    assert not (path / "shard.json").exists()


def test_merge_is_a_command(tmp_path, whole, capsys):
    made = [str(path) for path in parts(tmp_path, 3)]
    assert main(["merge", *made, "--out", str(tmp_path / "merged")]) == DONE
    assert "7 submissions: 7 graded" in capsys.readouterr().out
    assert contents(tmp_path / "merged") == whole
    assert json.loads((tmp_path / "1-of-3" / "shard.json").read_text())["total"] == 7
    shutil.rmtree(made[0])
    assert main(["merge", *made, "--out", str(tmp_path / "again")]) == BAD_CALL
