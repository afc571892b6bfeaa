"""The page on what a class does not understand: who is counted, and that nobody is named."""

from __future__ import annotations

from dataclasses import replace

from bs4 import BeautifulSoup

from bncheck.grading.results.classpage import class_page
from tests.bncheck.grading.results.graded import grade


def read(runs):
    return BeautifulSoup(class_page(runs), "html.parser")


def table(page, heading):
    (title,) = [h for h in page.select("h2") if h.text == heading]
    rows = title.find_next("table").select("tbody tr")
    return [[cell.text for cell in row.select("td")] for row in rows]


CLASS = [
    grade("Anna", {"undo": 1, "forward": 0}),
    grade("Ben", {"undo": 1}),
    grade("Ben", {"undo": 0}, file="again.ipynb"),
    grade("Cleo"),
    grade("Dora", state="unreadable"),
]


def test_learners_are_counted_once_each():
    page = read([("", CLASS)])
    assert "3 learners whose work could be read" in page.text
    assert table(page, "Mistakes by frequency") == [
        ["no undo", "2", "67 %", "ex03.undo"],
        ["no forward", "1", "33 %", "ex03.forward"],
    ]


def test_sections_to_teach_again_are_ordered_by_who_needs_them():
    assert table(read([("", CLASS)]), "Sections to teach again") == [
        ["chapter 3, In code", "2", "no undo, no forward"]
    ]


def test_nobody_is_named_and_the_example_is_the_shortest():
    def with_code(one, code, example=""):
        answers = [
            replace(a, code=code if a.mistakes else "", example=example) for a in one.answers
        ]
        return replace(one, answers=tuple(answers))

    grades = [
        with_code(grade("Anna", {"undo": 1}, account="4712"), "undo = lambda x: x", "undo(x)"),
        with_code(
            grade("Ben", {"undo": 1}, account="4713"), "undo = 1", "f()\n# ValueError: I am Ben"
        ),
    ]
    page = read([("", grades)])
    codes = [pre.text for pre in page.select("pre")]
    assert codes == ["undo = 1", "undo(x)"]
    for word in ("Anna", "Ben", "4712", "4713"):
        assert word not in page.text
    assert class_page([("", grades)]) == class_page([("", grades[::-1])])


def test_what_no_check_names_is_listed_by_question():
    wrong = grade("Anna", {"undo": 1})
    answers = [replace(a, state="wrong", mistakes=()) if a.mistakes else a for a in wrong.answers]
    page = read([("", [replace(wrong, answers=tuple(answers))])])
    assert table(page, "Wrong in a way that no check names") == [["ex03.undo", "1"]]
    assert "No known mistake was found" in page.text


def test_a_series_has_a_share_for_each_run():
    first = [grade("Anna", {"undo": 0}), grade("Ben", {"undo": 0})]
    second = [grade("Anna"), grade("Ben", {"undo": 0})]
    other = [grade("Anna", {"undo": 0}, short="ex04")]
    page = read([("week1", first), ("week2", second), ("week3", [])])
    assert table(page, "From run to run") == [["no undo", "100 %", "50 %", "–"]]
    page = read([("week1", first), ("week2", other)])
    assert table(page, "From run to run") == [["no undo", "100 %", "100 %"]]
    assert "From run to run" not in read([("", first)]).text


def test_a_class_without_work_has_a_page():
    assert "0 learners" in read([("", [])]).text
