"""What Moodle and Canvas import: their own files with marks in place, and nothing else changed."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from bncheck.grading.results.gradebooks import blank, fill, read_export
from bncheck.grading.results.marks import marks
from bncheck.grading.results.policy import Policy
from tests.bncheck.grading.results.graded import grade

MOODLE = """\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum Grade",\
"Grade can be changed","Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 12345","Lee, Anna",a@example.org,"Submitted for grading - Not graded",,20.00,Yes,\
"Friday, 20 November 2026, 9:58 PM",-,
"Participant 12346",=Ben,b@example.org,"Submitted for grading3 days 4 hours late",,20.00,Yes,-,-,
"Participant 12347",Cleo,c@example.org,"No submission",7.00,20.00,Yes,-,-,"by hand"
"""
CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Exercise 3 (991),Exercise 13 (992),\
Final Score
    Points Possible,,,,,10,5,(read only)
"Lee, Anna",4712,s1,anna,A,,,
"Ben",4713,s2,ben,A,1,2,
"Student, Test",99,,,A,,,
"""


def export(tmp_path, text):
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8")
    return read_export(path)


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_moodles_worksheet_keeps_all_but_grades_and_comments(tmp_path):
    sheet = export(tmp_path, MOODLE)
    found = marks([grade("Anna Lee", {"undo": 1}, account="12345")], Policy())
    text, look = fill(sheet, found, Policy())
    anna, ben, cleo = rows(text)
    assert look == []
    assert anna["Grade"] == "15.00", "6 of 8, out of 20"
    assert anna["Feedback comments"].splitlines() == [
        "6 of 8 points",
        "N: 1 of 1",
        "Forward: 4 of 4",
        "Undo: 1 of 3: no undo",
    ]
    before = rows(MOODLE.removeprefix("\ufeff"))
    assert [ben, cleo] == before[1:]
    for name in set(anna) - {"Grade", "Feedback comments"}:
        assert anna[name] == before[0][name]
    assert not text.startswith("\ufeff") and "\r" not in text


def test_moodles_status_says_how_late(tmp_path):
    assert export(tmp_path, MOODLE).late() == {"12346": timedelta(days=3, hours=4)}


def test_canvas_gets_the_columns_of_the_learner_and_what_was_graded(tmp_path):
    sheet = export(tmp_path, CANVAS)
    found = marks([grade("leeanna", {"undo": 1}, account="4712")], Policy())
    text, look = fill(sheet, found, Policy())
    assert text.splitlines() == [
        "Student,ID,SIS User ID,SIS Login ID,Section,Exercise 3 (991)",
        "    Points Possible,,,,,10",
        '"Lee, Anna",4712,s1,anna,A,7.50',
        "Ben,4713,s2,ben,A,1",
        '"Student, Test",99,,,A,',
    ]
    assert look == []


def test_canvas_learners_are_known_by_their_login_too(tmp_path):
    found = marks([grade("Ben", account="ben")], Policy())
    text, _ = fill(export(tmp_path, CANVAS), found, Policy())
    assert rows(text)[2]["Exercise 3 (991)"] == "10.00"


def test_a_column_that_is_not_clear_must_be_named(tmp_path):
    sheet = export(tmp_path, CANVAS.replace("Exercise 3 (991)", "Homework (991)"))
    found = marks([grade("Ben", account="ben")], Policy())
    with pytest.raises(ValueError, match="--column"):
        fill(sheet, found, Policy())
    text, _ = fill(sheet, found, Policy(), column="Homework")
    assert rows(text)[2]["Homework (991)"] == "10.00"


def test_who_must_be_looked_at_has_no_mark_and_is_told(tmp_path):
    found = marks(
        [
            grade("Ben", account="12346", state="unreadable"),
            grade("Dora", account="9"),
            grade("Emil"),
            grade("Anna", account="12345"),
        ],
        Policy(),
    )
    text, look = fill(export(tmp_path, MOODLE), found, Policy())
    assert [row["Grade"] for row in rows(text)] == ["20.00", "", "7.00"]
    assert look == [
        "Ben: unreadable: empty",
        "9: handed in, and is not in the gradebook",
        "Emil: handed in, and is not in the gradebook",
    ]


def test_all_of_a_group_get_the_mark(tmp_path):
    found = marks([grade("Anna, Ben", account="4712 4713")], Policy())
    text, _ = fill(export(tmp_path, CANVAS), found, Policy())
    assert [row["Exercise 3 (991)"] for row in rows(text)] == ["10", "10.00", "10.00", ""]


def test_several_exercises_go_into_their_columns_or_into_one_mark(tmp_path):
    grades = [grade("Ben", {"forward": 0}, account="4713"), grade("Ben", account="4713")]
    grades[1] = grade("Ben", account="4713", short="ex13")
    found = marks(grades, Policy())
    text, _ = fill(export(tmp_path, CANVAS), found, Policy())
    ben = rows(text)[2]
    assert (ben["Exercise 3 (991)"], ben["Exercise 13 (992)"]) == ("5.00", "5.00")
    sheet = export(tmp_path, MOODLE.replace("12345", "4713"))
    text, _ = fill(sheet, found, Policy())
    assert rows(text)[0]["Grade"] == "15.00", "the mean of 50 % and 100 %, out of 20"
    text, _ = fill(sheet, found, Policy(), exercise="ex03")
    assert rows(text)[0]["Grade"] == "10.00"
    with pytest.raises(ValueError, match="need an exercise of ex03, ex13"):
        fill(sheet, found, Policy(), exercise="ex04")


@pytest.mark.parametrize("platform", ["moodle", "canvas"])
def test_a_gradebook_without_an_export_can_be_read_as_one(tmp_path, platform):
    """What the importers need is there, and spreadsheets take names as text."""
    found = marks([grade("=anna", {"undo": 1}, account="12345")], Policy())
    text, look = fill(blank(platform, found), found, Policy())
    assert look == []
    again = export(tmp_path, text)
    assert again.platform == platform
    if platform == "moodle":
        (row,) = again.rows
        assert (row["Identifier"], row["Grade"]) == ("Participant 12345", "75.00")
        assert "Last modified (grade)" in row
    else:
        possible, row = again.rows
        assert (row["ID"], row["ex03_mechanism"]) == ("12345", "75.00")
        assert possible["Student"] == "Points Possible"
    assert "'=anna" in text


def test_learners_without_an_account_need_the_export():
    found = marks([grade("anna")], Policy())
    with pytest.raises(ValueError, match="use --into"):
        blank("moodle", found)


def test_another_file_is_refused_with_what_it_holds(tmp_path):
    with pytest.raises(ValueError, match="got the columns name, points"):
        export(tmp_path, "name,points\n")


def test_semicolons_are_read_too(tmp_path):
    sheet = export(tmp_path, "Student;ID;Section;ex03\n    Points Possible;;;10\nAnna;1;A;\n")
    text, _ = fill(sheet, marks([grade("anna", account="1")], Policy()), Policy())
    assert text.splitlines()[2] == "Anna,1,A,10.00"
