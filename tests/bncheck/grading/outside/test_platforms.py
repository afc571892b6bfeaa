"""What the folders of learning platforms say about who handed in, when, and for which time."""

from __future__ import annotations

import io
import json
import zipfile

import nbformat
import pytest

from bncheck.grading.outside.archives import LARGEST, MOST, Unreadable
from bncheck.grading.outside.notebooks import read
from bncheck.grading.outside.submissions import find
from bncheck.grading.results.records import Handed
from exercises.questions import COURSE

NOTEBOOK = json.dumps(
    nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('check("ex03.n", n)')])
)


def lay(folder, *names, content=NOTEBOOK):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def zipped(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def zip_bytes(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def said(folder):
    return {(one.learner, *vars(one.handed).values()) for one in find([folder])}


def test_moodle_says_name_and_participant_in_a_folder_or_in_the_file_name(tmp_path):
    lay(tmp_path, "Anna Lee_12345_assignsubmission_file_/ex03.ipynb")
    lay(tmp_path, "Jürgen O'Neill-Groß_12346_assignsubmission_file_ex03_final.ipynb")
    lay(tmp_path, "Participant_77_assignsubmission_file_/deep/er/ex03 (1).ipynb")
    assert said(tmp_path) == {
        ("Anna Lee", "12345", 1, False, ""),
        ("Jürgen O'Neill-Groß", "12346", 1, False, ""),
        ("Participant", "77", 2, False, ""),
    }


def test_canvas_says_name_lateness_number_and_attempt(tmp_path):
    lay(tmp_path, "leeanna_4712_998877_ex03.ipynb", "leeanna_LATE_4712_998878_ex03-2.ipynb")
    lay(tmp_path, "großjürgen_9_10_my_3_ex03.ipynb", "anon_Xy12z_4713_ex03.ipynb")
    assert said(tmp_path) == {
        ("leeanna", "4712", 1, False, ""),
        ("leeanna", "4712", 3, True, ""),
        ("großjürgen", "9", 1, False, ""),
        ("anon_Xy12z", "anon_Xy12z", 1, False, ""),
    }


def test_gradescope_says_it_in_its_metadata(tmp_path):
    export = tmp_path / "assignment_99_export"
    lay(export, "submission_1/ex03.ipynb", "submission_1/notes.md", "submission_2/ex03.ipynb")
    lay(export, "submission_3/report.pdf")
    (export / "submission_metadata.yml").write_text(
        """
submission_1:
  :submitters:
  - :name: Anna Lee
    :sid: '4712'
    :email: anna@example.org
  :created_at: 2026-11-20 23:59:00.000000000 Z
  :score: 3.0
  :history:
  - :id: 7
submission_2:
  :submitters:
  - :name: Ben
    :email: ben@example.org
  - :name: Cleo
    :sid: '4714'
""",
        encoding="utf-8",
    )
    assert said(tmp_path) == {
        ("Anna Lee", "4712", 2, False, "2026-11-20T23:59:00+00:00"),
        ("Ben, Cleo", "ben@example.org 4714", 1, False, ""),
        ("assignment_99_export", "", 1, False, ""),
    }


@pytest.mark.parametrize("content", ["- a", "submission_1: 3", "{", "a: !!python/name:os.system"])
def test_metadata_that_is_none_leaves_the_folders_names(tmp_path, content):
    lay(tmp_path, "submission_1/ex03.ipynb")
    lay(tmp_path, "submission_metadata.yml", content=content)
    assert said(tmp_path) == {("submission_1", "", 1, False, "")}


def test_repositories_side_by_side_are_learners(tmp_path):
    lay(tmp_path, "a/ex03-anna-lee/work/ex03.ipynb", "a/ex03-anna-lee/README.md")
    lay(tmp_path, "a/ex03-al/ex03.ipynb")
    for name in ("ex03-anna-lee", "ex03-al"):
        (tmp_path / "a" / name / ".git").mkdir()
    lay(tmp_path, "b/ex03-submissions/ex03-anna-lee/ex03.ipynb")
    assert [(one.learner, one.handed.account, one.file.name) for one in find([tmp_path])] == [
        ("al", "al", "ex03.ipynb"),
        ("anna-lee", "anna-lee", "ex03.ipynb"),
        ("anna-lee", "anna-lee", "ex03.ipynb"),
    ]


def test_a_learner_without_a_notebook_has_a_row_all_the_same(tmp_path):
    lay(tmp_path, "Anna_1_assignsubmission_file_/ex03.pdf", content="%PDF")
    lay(tmp_path, "Ben_2_assignsubmission_file_/ex03.ipynb", "Ben_2_assignsubmission_file_/a.png")
    assert [(one.learner, one.file.name) for one in find([tmp_path])] == [
        ("Anna", "ex03.pdf"),
        ("Ben", "ex03.ipynb"),
    ]


# -- zip files ------------------------------------------------------------------------------------


def test_a_zip_file_is_a_folder_of_its_name(tmp_path):
    zipped(tmp_path / "anna.zip", {"ex03.ipynb": NOTEBOOK, "__MACOSX/._ex03.ipynb": "", "d/": ""})
    lay(tmp_path, "ben/ex03.ipynb")
    found = find([tmp_path])
    assert [one.learner for one in found] == ["anna", "ben"]
    assert [read(one.file, COURSE).exercise for one in found] == ["ex03", "ex03"]


def test_what_a_platform_hands_out_is_read_as_it_is(tmp_path):
    work = zip_bytes({"project/ex03.ipynb": NOTEBOOK, "project/data.csv": "1"})
    download = zipped(
        tmp_path / "class.zip",
        {
            "Anna_1_assignsubmission_file_/ex03.ipynb": NOTEBOOK,
            "Ben_2_assignsubmission_file_/work.zip": work,
        },
    )
    found = find([download])
    assert [(one.learner, one.handed.account) for one in found] == [("Anna", "1"), ("Ben", "2")]
    assert [read(one.file, COURSE).exercise for one in found] == ["ex03", "ex03"]
    assert len({one.id for one in found}) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["class.zip"], "nothing is unpacked"


def test_names_in_a_zip_file_are_no_paths(tmp_path):
    zipped(tmp_path / "a.zip", {"../../b.ipynb": NOTEBOOK, "/c.ipynb": NOTEBOOK})
    found = find([tmp_path])
    assert [one.file.place for one in found] == [("a", "b.ipynb"), ("a", "c.ipynb")]
    assert all("/" not in one.id and ".." not in one.id for one in found)


def test_zip_files_that_cannot_be_taken_as_folders_are_a_row(tmp_path):
    many = {f"{number}.ipynb": "" for number in range(MOST + 1)}
    zipped(tmp_path / "many.zip", many)
    zipped(tmp_path / "empty.zip", {})
    lay(tmp_path, "damaged.zip", content="PK\3\4")
    zipped(tmp_path / "outer.zip", {"inner.zip": b"PK\3\4"})
    found = find([tmp_path])
    assert [one.learner for one in found] == ["damaged", "empty", "many", "outer"]
    for one in found:
        with pytest.raises(Unreadable):
            read(one.file, COURSE)


def test_a_zip_bomb_is_not_blown_up(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ex03.ipynb", bytes(LARGEST + 1))
    (one,) = find([tmp_path])
    with pytest.raises(Unreadable, match="need at most 20 MB"):
        read(one.file, COURSE)


def test_a_damaged_or_locked_file_in_a_zip_file_is_explained(tmp_path):
    path = zipped(tmp_path / "a.zip", {"ex03.ipynb": NOTEBOOK})
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    (one,) = find([tmp_path])
    with pytest.raises(Unreadable, match="pack it again"):
        read(one.file, COURSE)


def test_handed_is_part_of_what_a_grade_depends_on(tmp_path):
    from bncheck.grading.outside.grade import key

    (one,) = find([lay(tmp_path, "leeanna_4712_998877_ex03.ipynb")])
    assert one.handed == Handed("4712")
    late = type(one)(one.id, one.learner, one.file, Handed("4712", late=True))
    assert key("run", one) != key("run", late)
