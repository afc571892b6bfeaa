"""A question's file: what is read from it, and what is said about a broken one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bncheck.bank import Bank, planted
from bncheck.guard import ReadyMade
from bncheck.questions import answer
from bncheck.questions.folder import WrittenExercise, read_folder
from bncheck.questions.problems import BrokenQuestion
from tests.bncheck import straight


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    straight.write(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path / "straight" / "ex01_lines"
    straight.forget()


def read(folder: Path) -> WrittenExercise:
    return read_folder(folder, "straight")


def test_a_file_gives_the_question(folder):
    exercise = read(folder).exercise
    assert (exercise.name, exercise.title, exercise.out_of) == ("ex01_lines", "Straight lines", 3)
    question = exercise.questions[0]
    assert question.name == "slope" and question.names == ("slope",)
    assert question.points == {"line": 2} and question.from_scratch
    assert question.read.heading == "Least squares"
    assert question.hints == ("What is left of x without its mean?",)
    assert [probe.name for probe in question.probes] == ["six points", "more points"]
    assert {(probe.code, probe.keep) for probe in question.probes} == {
        ("out = slope(x, y)", ("out",))
    }
    assert [law.name for law in question.laws] == ["a number"]
    origin, reverse = question.mistakes
    assert origin.says == "Take the means away first: only then may the line have an intercept."
    assert (origin.read.heading, origin.number) == ("The intercept", 3)
    assert (reverse.read, reverse.number) == (question.read, None)


def test_of_two_inputs_of_one_name_the_later_counts(folder):
    probe = read(folder).exercise.questions[0].probes[1]
    made = probe.inputs(np.random.default_rng(0))
    assert set(made) == {"x", "y"}
    assert np.array_equal(made["y"], np.arange(9.0))


def test_stub_answer_and_page_come_from_one_block(folder):
    slope = read(folder).questions[0]
    assert slope.stub.endswith('    raise NotImplementedError("your turn")')
    assert "Returns a number." in slope.stub and "Returns a number." in slope.solution
    assert "# answer" not in slope.stub + slope.solution
    assert slope.question.reference == (
        "def slope(x, y):\n"
        "    centred = x - x.mean()\n"
        "    return float(centred @ y / (centred @ centred))\n"
    )
    assert slope.afterwards == "The line goes through the means."
    assert slope.text == "Fit a line to the points by least squares, and return its slope."


def test_a_mistake_is_a_difference_to_the_answer(folder):
    question = read(folder).exercise.questions[0]
    origin, reverse = (planted(question, (mistake,)) for mistake in question.mistakes)
    assert "centred = x\n" in origin
    assert "    y = y - y.mean()\n    return float(centred @ y / (y @ y))\n" in reverse


def test_a_question_without_probes_asks_for_a_value(folder):
    middle = read(folder).questions[1]
    assert middle.question.asks_value and middle.question.points == {"answer": 1}
    assert middle.question.reference == "middle = 5.0\n"
    assert (middle.stub, middle.solution) == ("middle = ...", "middle = 10 / 2")
    assert planted(middle.question, middle.question.mistakes) == "middle = 2.0\n"


def test_a_start_is_the_program_that_the_learner_mends(folder):
    path = folder / "slope.md"
    start = "```python start\ndef slope(x, y):\n    return 0.0\n```\n\n```python\n"
    text = straight.SLOPE.replace("```python\n", start, 1).replace("    # answer\n", "")
    path.write_text(text)
    slope = read(folder).questions[0]
    assert slope.stub == "def slope(x, y):\n    return 0.0"
    assert slope.question.given == slope.stub + "\n"


def test_methods_that_only_the_answer_has_are_not_in_the_stub():
    block = (
        "class Layer:\n    def forward(self, x):\n        # answer\n        return self.own(x)\n\n"
        "    # answer\n    def own(self, x):\n        return x\n"
    )
    turn = 'raise NotImplementedError("your turn")'
    assert answer.stub(block) == f"class Layer:\n    def forward(self, x):\n        {turn}"
    assert "def own" in answer.reference(block)


def test_two_that_are_alone_are_no_pair(folder):
    def pairs() -> int:
        question = read(folder).exercise.questions[0]
        return len(Bank("ex01.slope", question, 0, ReadyMade()).mistakes(2))

    edit(folder, "+ x\n", "+ 1 * x\n")
    edit(
        folder,
        "-     centred = x - x.mean()\n+     centred = x - x.mean()\n+     y = y - y.mean()\n",
        "",
    )
    assert pairs() == 1
    edit(folder, "common mistake 3", "common mistake 3 · alone")
    assert pairs() == 1
    path = folder / "slope.md"
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n") + "\n→ alone\n", encoding="utf-8")
    assert pairs() == 0


def test_what_goes_away_goes_with_its_line(folder):
    edit(folder, "- x - x.mean()\n+ x\n", "- centred = x - x.mean()\n@@\n- centred @ y\n+ x @ y\n")
    edit(
        folder,
        "- centred @ y\n+ x @ y\n",
        "- return float(centred @ y / (centred @ centred))\n+ return 1.0\n",
    )
    question = read(folder).exercise.questions[0]
    assert planted(question, question.mistakes[:1]) == "def slope(x, y):\n    return 1.0\n"


# -- broken files --------------------------------------------------------------------------------


def edit(folder: Path, old: str, new: str, name: str = "slope.md") -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


# what is changed in slope.md, the line that is named, what is said
BROKEN = {
    "no front matter": ("---\ntitle: The", "title: The", 1, "need front matter between"),
    "front matter that is no YAML": ("{line: 2}", "{line: 2", 4, "need YAML in the front matter"),
    "a misspelt name": ("from_scratch:", "from_scrach:", 5, "nearest is 'from_scratch'"),
    "no title": ("title: The slope of the best line\n", "", 1, "need `title: …`"),
    "points that are no number": ("{line: 2}", "{line: two}", 3, "need points as a whole number"),
    "points for no probe": (
        "{line: 2}",
        "{line: 2, lime: 1}",
        23,
        "no probe earns the points for 'lime'",
    ),
    "a probe for no points": (
        "| six points | line |",
        "| six points | lines |",
        31,
        "nearest is 'line'",
    ),
    "no place to read": (
        "01_lines > Least",
        "01_lines, Least",
        4,
        "need where to read as `chapter > heading`",
    ),
    "no text": (
        "Fit a line to the points by least squares, and return its slope.\n",
        "",
        7,
        "need a text",
    ),
    "no answer": (
        "```python\ndef slope",
        "```py\ndef slope",
        7,
        "need one block ```python with the answer",
    ),
    "an answer that is no Python": (
        "centred = x - x.mean()\n    return",
        "centred = = x\n    return",
        13,
        "need Python in the answer, got ['    centred = = x']",
    ),
    "no mark": ("    # answer\n", "", 9, "need a line `# answer`"),
    "an unknown section": ("## Probes", "## Probe", 23, "nearest is 'Probes'"),
    "no hints": ("1. What is left of x without its mean?\n", "", 20, "need one to 3 hints"),
    "code of a probe that is no Python": (
        "out = slope(x, y)\n",
        "out = slope(x, y\n",
        25,
        "need Python here, got 'out = slope(x, y'",
    ),
    "nothing kept": ("Keep `out`", "Keeps `out`", 27, "got 'Keeps `out`'"),
    "inputs that are no Python": (
        "`**noisy_line(rng, 6)`",
        "`x=noisy_line(rng, 6`",
        31,
        "need Python here",
    ),
    "inputs without a name": (
        "`**noisy_line(rng, 6)`",
        "`noisy_line(rng, 6)`",
        31,
        "need inputs like `x=…",
    ),
    "a table without its columns": (
        "| probe | points for |",
        "| probe | points |",
        29,
        "need the columns probe, points for, inputs",
    ),
    "an unknown law": ("`is_a_number`", "`is_number`", 35, "nearest is 'is_a_number'"),
    "a mistake that does not fit": (
        "- x - x.mean()\n",
        "- x - mean(x)\n",
        43,
        "not found in the answer: 'x - mean(x)'; nearest is '    centred = x - x.mean()'",
    ),
    "a mistake that fits twice": (
        "- x - x.mean()\n+ x\n",
        "- centred @\n+ x @\n",
        43,
        "is found 2 times in the answer",
    ),
    "a mistake that changes nothing": ("+ x\n", "+ x - x.mean()\n", 43, "the edit changes nothing"),
    "a mistake that changes the form alone": (
        "+ x\n",
        "+ (x - x.mean())\n",
        42,
        "nothing but the form",
    ),
    "a mistake that is no Python": (
        "+ x\n",
        "+ x -\n",
        42,
        "“the line goes through the origin”: the changed answer is no Python",
    ),
    "a mistake without a difference": (
        "```diff\n- x - x.mean()\n+ x\n```\n",
        "",
        39,
        "need a difference to the answer",
    ),
    "a mistake without a sentence": (
        "Take the means away first: only then\nmay the line have an intercept.\n",
        "",
        39,
        "need a sentence to the learner",
    ),
    "a sentence that begins like a list": (
        "only then\nmay the line",
        "only then\n1. may the line",
        41,
        "need sentences here, got a list: '1. may the line have an intercept.'",
    ),
    "a mistake of which nothing goes away": ("- x - x.mean()\n+ x\n", "+ x\n", 43, "got `+` alone"),
    "a difference without signs": (
        "- x - x.mean()\n",
        "x - x.mean()\n- x\n",
        43,
        "need `-` or `+` in front of each line",
    ),
    "two mistakes of one name": (
        "### the slope of x on y",
        "### the line goes through the origin",
        48,
        "two mistakes have the name",
    ),
    "a number that is none": (
        "common mistake 3",
        "common mistake three",
        46,
        "need `common mistake` and its number",
    ),
    "noise on no probe": ("common mistake 3", "noise: six point", 46, "nearest is 'six points'"),
}


@pytest.mark.parametrize(("old", "new", "line", "said"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_with_a_file_is_told_with_its_line(folder, old, new, line, said):
    edit(folder, old, new)
    with pytest.raises(BrokenQuestion) as caught:
        read(folder)
    found = [(p.path.name, p.line) for p in caught.value.problems if said in p.text]
    assert found == [("slope.md", line)], str(caught.value)


OTHERS = {
    "a wrong answer that is right": (
        "middle.md",
        "middle = 2\n",
        "middle = 5\n",
        "this value is that of the right answer",
    ),
    "a value that cannot be worked out": (
        "middle.md",
        "10 / 2",
        "10 / two",
        "need an answer `middle = …`",
    ),
    "a wrong value that cannot be worked out": (
        "middle.md",
        "middle = 2\n",
        "middel = 2\n",
        "need `middle = …` here",
    ),
    "points for groups without probes": (
        "middle.md",
        "points: 1",
        "points: {a: 1}",
        "need a section `## Probes`",
    ),
    "an answer that is no choice": (
        "middle.md",
        "points: 1",
        "points: 1\nchoices: [a, b]",
        "is not one of `choices`",
    ),
    "a question without a file": ("exercise.md", "middle]", "midle]", "nearest is 'middle'"),
    "a file that is not in the order": (
        "exercise.md",
        ", middle]",
        "]",
        "middle.md is not in the order",
    ),
    "no imports": ("exercise.md", "```python", "```", "need one block ```python with the imports"),
}


@pytest.mark.parametrize(("name", "old", "new", "said"), OTHERS.values(), ids=OTHERS)
def test_what_is_wrong_with_other_files_is_told(folder, name, old, new, said):
    edit(folder, old, new, name)
    with pytest.raises(BrokenQuestion) as caught:
        read(folder)
    assert any(said in p.text and p.path.name == name for p in caught.value.problems), caught.value


def test_everything_that_is_wrong_is_told_at_once(folder):
    edit(folder, "- x - x.mean()\n", "- nothing like it\n")
    edit(folder, "`is_a_number`", "`is_no_number`")
    edit(folder, "middle = 2\n", "middle = 5\n", "middle.md")
    with pytest.raises(BrokenQuestion) as caught:
        read(folder)
    assert [p.path.name for p in caught.value.problems] == ["slope.md", "slope.md", "middle.md"]


def test_inputs_that_cannot_be_made_say_which(folder):
    edit(folder, "noisy_line(rng, 6)", "noisy_lines(rng, 6)")
    probe = read(folder).exercise.questions[0].probes[0]
    with pytest.raises(ValueError, match=r"slope\.md:31: .*name 'noisy_lines' is not defined"):
        probe.inputs(np.random.default_rng(0))
