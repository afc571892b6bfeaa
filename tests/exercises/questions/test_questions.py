"""Every question of every exercise keeps its promises: it is found here by itself.

`python tests/exercises/questions/test_questions.py` prints the smallest distances and the totals.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
from functools import cache
from pathlib import Path

import jupytext
import nbformat
import pytest

from bncheck import proof
from bncheck.bank import implementation
from bncheck.judge import judge
from bncheck.observe import observe
from bncheck.questions.question import Exercise
from exercises.questions import COURSE
from exercises.questions.catalogue import COMMON_MISTAKES, NAMED
from tests.exercises.fresh import UNEXPLAINED, Wrong, first, second
from tests.exercises.variants import VARIANTS, Variant

ROOT = Path(__file__).resolve().parents[3]
NAMES = COURSE.names()
SEEDS = (0, 1, 2)
FRESH: tuple[Wrong, ...] = (*first.WRONG, *second.WRONG)

for path in sorted((ROOT / "tests" / "exercises" / "variants").glob("ex*.py")):
    importlib.import_module(f"tests.exercises.variants.{path.stem}")


@cache
def headings(chapter: str) -> set[str]:
    notebook = nbformat.read(ROOT / "chapters" / f"{chapter}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return {line.lstrip("#").strip() for line in text.splitlines() if line.startswith("#")}


def notebook_of(exercise: Exercise, folder: str = "exercises/solutions") -> nbformat.NotebookNode:
    return nbformat.read(ROOT / folder / f"{exercise.name}.ipynb", as_version=4)


def answered_by(variant: Variant) -> dict[str, object]:
    question = COURSE.find(variant.question)[1]
    made = variant.make()
    answers = made if len(question.names) > 1 else (made,)
    return dict(zip(question.names, answers, strict=True))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_reference_passes(name, seed):
    bank = COURSE.bank(name, seed)
    assert proof.verdict_on(bank, bank.question.reference).state == "passed"
    for task, seen in zip(bank.tasks, bank.reference, strict=True):
        assert seen.failure is None, "a probe that fails tells nothing apart"
        assert set(seen.values) == set(task.keep)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_every_known_mistake_is_named(name, seed):
    rows = [row for row in proof.singles(COURSE, seed, [name])]
    assert rows, "a question without known mistakes names nothing"
    assert not [row for row in rows if row.outcome != "named"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_mistakes_are_told_from_each_other_and_from_the_reference(name, seed):
    near = proof.nearest(COURSE.bank(name, seed))
    wanted = max(1e-3, 1.5 * COURSE.find(name)[1].tolerance)
    assert near.distance >= wanted, near


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_answer_in_another_style_gets_the_verdict_it_deserves(variant, seed):
    bank = COURSE.bank(variant.question, seed)
    verdict = judge(bank, observe(answered_by(variant), bank.tasks))
    if variant.mistakes:
        assert verdict.state == "named", verdict
        assert {mistake.name for mistake in verdict.mistakes} <= set(variant.mistakes)
    else:
        assert verdict.state == "passed", verdict


@pytest.mark.parametrize("name", [n for n in NAMES if not COURSE.find(n)[1].asks_value])
def test_three_right_answers_in_other_styles_are_known(name):
    assert sum(v.question == name and not v.mistakes for v in VARIANTS) >= 3


def test_variants_name_mistakes_of_the_bank():
    for variant in VARIANTS:
        known = {mistake.name for mistake in COURSE.find(variant.question)[1].mistakes}
        assert set(variant.mistakes) <= known, variant


@pytest.mark.parametrize("name", NAMES)
def test_what_a_question_says_can_be_read(name):
    _, question = COURSE.find(name)
    assert len(question.hints) == 3
    code = {line.strip() for line in question.reference.splitlines() if len(line.strip()) > 12}
    for hint in question.hints:
        assert not any(line in hint for line in code), "a hint is not the code"
        assert not re.search(r"(?<![=<>!])=(?!=)(?!True|False|None|\d)", hint), hint
    for section in [question.read, *(mistake.read for mistake in question.mistakes)]:
        assert section.heading in headings(section.chapter), section
    for mistake in question.mistakes:
        assert not re.match(r"[a-zΑ-Ω]", mistake.says), "a capital, but not of a Greek name"
        assert mistake.says.rstrip().endswith((".", "!", "?")), mistake.says
        assert not mistake.name.endswith("."), mistake.name
    assert {probe.group for probe in question.probes} == set(question.points)
    assert len({probe.name for probe in question.probes}) == len(question.probes)
    assert len({mistake.name for mistake in question.mistakes}) == len(question.mistakes)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_example_is_small_enough_to_be_printed(name):
    tasks = COURSE.bank(name).tasks
    sizes = [value.data.size for value in tasks[0].inputs.values() if value.kind == "array"]
    assert sum(sizes) <= 40


def test_a_mistake_has_the_same_number_everywhere():
    numbers: dict[str, set[int | None]] = {}
    for name in NAMES:
        for mistake in COURSE.find(name)[1].mistakes:
            numbers.setdefault(mistake.name, set()).add(mistake.number)
            assert mistake.number is None or mistake.number in COMMON_MISTAKES
    assert {name: found for name, found in numbers.items() if len(found) > 1} == {}


def test_every_common_mistake_that_code_can_make_is_in_the_bank():
    planted = {m.number for name in NAMES for m in COURSE.find(name)[1].mistakes}
    assert set(NAMED) - planted == set()


def test_there_are_enough_exercises_questions_and_mistakes():
    mistakes = {m.name for name in NAMES for m in COURSE.find(name)[1].mistakes}
    assert len(COURSE.exercises()) >= 10
    assert len(NAMES) >= 30
    assert len(mistakes) >= 60


@pytest.mark.parametrize("exercise", COURSE.exercises().values(), ids=lambda e: e.short)
def test_notebook_checks_every_question_with_the_names_it_asks_for(exercise):
    calls = [
        ast.parse(cell.source).body[0].value
        for cell in notebook_of(exercise).cells
        if cell.cell_type == "code" and cell.source.startswith("check(")
    ]
    called = [(ast.literal_eval(c.args[0]), tuple(a.id for a in c.args[1:])) for c in calls]
    asked = [(f"{exercise.short}.{q.name}", q.names) for q in exercise.questions]
    assert called == asked


@pytest.mark.parametrize("exercise", COURSE.exercises().values(), ids=lambda e: e.short)
def test_names_asked_for_are_those_of_one_question_only(exercise):
    names = [name for question in exercise.questions for name in question.names]
    assert len(set(names)) == len(names), "the last definition in a notebook counts"


@pytest.mark.parametrize("exercise", COURSE.exercises().values(), ids=lambda e: e.short)
def test_every_solution_follows_its_stub(exercise):
    cells = [c for c in notebook_of(exercise).cells if c.cell_type == "code"]
    tagged = [i for i, c in enumerate(cells) if "solution" in c.metadata.get("tags", [])]
    assert len(tagged) == len(exercise.questions)
    for i in tagged:
        assert "hide-input" in cells[i].metadata["tags"]
        assert cells[i + 1].source.startswith("check("), cells[i].source
        stub = defined(cells[i - 1].source)
        question = exercise.questions[tagged.index(i)]
        assert set(question.names) <= stub, "the stub defines what the check is given"
        if question.given is not None:
            given = implementation(question, cells[i - 1].source)
            bank = COURSE.bank(f"{exercise.short}.{question.name}")
            assert judge(bank, observe(given, bank.tasks)).state == "not done"


def defined(source: str) -> set[str]:
    """The names that a cell defines."""
    names = set()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("exercise", COURSE.exercises().values(), ids=lambda e: e.short)
def test_notebook_text_is_complete(exercise):
    notebook = notebook_of(exercise)
    first = notebook.cells[0].source
    assert first.startswith(f"# Exercise {int(exercise.short[2:])}: "), first
    text = jupytext.writes(notebook, fmt="md:myst")
    assert "{doc}" in text and "hint(" in text
    for question in exercise.questions:
        assert re.search(rf"## .+\n\n\*{question.out_of} points?\.\*", text), question.name
    assert notebook.cells[-1].source == f'score("{exercise.short}")'


def report() -> None:
    """Print the smallest distance of each question and the totals of the table."""
    for name in NAMES:
        near = min(
            (proof.nearest(COURSE.bank(name, seed)) for seed in SEEDS), key=lambda n: n.distance
        )
        print(f"{name:28} {near.distance:10.3g}  {near.one} | {near.other}")
    for label, rows in (("mistakes", proof.singles(COURSE)), ("pairs", proof.pairs(COURSE))):
        outcomes = [row.outcome for row in rows]
        counts = {kind: outcomes.count(kind) for kind in sorted(set(outcomes))}
        print(f"{label}: {len(outcomes)}, {counts}")
    known = {m.name for name in NAMES for m in COURSE.find(name)[1].mistakes}
    print(
        f"{len(COURSE.exercises())} exercises, {len(NAMES)} questions, "
        f"{len(known)} names of mistakes"
    )


# -- mistakes that nobody has told the checks of ---------------------------------------------------


@pytest.mark.parametrize("name", sorted({wrong.question for wrong in FRESH}))
def test_fresh_wrong_answers_are_refused_and_told_why(name: str) -> None:
    bank = COURSE.bank(name)
    for wrong in (wrong for wrong in FRESH if wrong.question == name):
        verdict = proof.verdict_on(bank, wrong.source)
        assert verdict.state in ("named", "wrong"), wrong
        silent = re.search("no known mistake|no wrong answer known", verdict.reason)
        assert bool(silent) == (str(wrong) in UNEXPLAINED), f"{wrong}: {verdict.reason}"


def test_of_fifty_fresh_wrong_answers_one_at_most_stays_unexplained() -> None:
    """The bank that the checks could learn from; the other one, 11 of 78."""
    assert len(first.WRONG) >= 200 and len({str(wrong) for wrong in FRESH}) == len(FRESH)
    assert len(UNEXPLAINED & {str(wrong) for wrong in first.WRONG}) <= 0.02 * len(first.WRONG)
    assert {str(wrong) for wrong in FRESH} >= UNEXPLAINED


if __name__ == "__main__":
    sys.exit(report())
