"""Every common mistake, planted in a copy, breaks a law; the right code breaks none.

`python tests/mistakes/test_mistakes.py` tries all laws on all mistakes, and prints the list.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bnlib import test_functional, test_scratch
from tests.bnlib.nn import test_nn
from tests.mistakes.catalogue import MISTAKES
from tests.mistakes.planting import Law, Mistake, breaks, laws_of, planted
from tests.mistakes.programs import PROGRAMS, TRAINING_LAWS, Program

# Which laws judge a module, and into which other modules a copy of it has to be built.
LAWS: dict[str, dict[str, Law]] = {
    "bnlib.functional": laws_of(test_functional, "functional"),
    "bnlib.scratch": laws_of(test_scratch, "scratch"),
    "bnlib.nn.layers": laws_of(test_nn, "nn"),
    "bncourse.training": TRAINING_LAWS,
}
DEPENDENTS: dict[str, tuple[str, ...]] = {
    "bnlib.functional": ("bnlib.scratch",),
    "bnlib.nn.autograd": ("bnlib.nn.layers",),
    "bnlib.modes": ("bncourse.training",),
}


def broken_laws(
    module: str, edits: tuple[tuple[str, str], ...], only: str | None = None
) -> list[str]:
    """The laws that a copy of the module with these edits breaks; of all laws, or of `only`."""
    with planted(module, edits, DEPENDENTS.get(module, ())) as copies:
        return [
            name
            for copy in copies
            for name, law in LAWS.get(copy, {}).items()
            if only in (None, name) and breaks(law, copies[copy])
        ]


def test_every_mistake_from_1_to_28_is_tried():
    assert {m.number for m in [*MISTAKES, *PROGRAMS]} == set(range(1, 29))


@pytest.mark.parametrize("module", LAWS)
def test_an_unchanged_copy_breaks_no_law(module):
    assert len(LAWS[module]) > 1
    assert broken_laws(module, ()) == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_planted_mistake_breaks_the_law_that_names_its_symptom(mistake: Mistake):
    assert mistake.symptom in broken_laws(mistake.module, mistake.edits, only=mistake.symptom)


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_the_right_program_keeps_the_law_and_the_wrong_one_breaks_it(program: Program):
    program.law(program.right)
    assert breaks(program.law, program.wrong)


def table() -> Iterator[str]:
    """Markdown: each mistake, the law that names its symptom, how many more laws catch it."""
    yield "| mistake | planted in | law that names it | other laws that catch it |"
    yield "|-|-|-|-|"
    for item in sorted([*MISTAKES, *PROGRAMS], key=lambda item: item.number):
        if isinstance(item, Program):
            place, symptom = "a program", item.law.__name__
            caught = [symptom] if breaks(item.law, item.wrong) else []
        else:
            place, symptom = item.module, item.symptom
            caught = broken_laws(item.module, item.edits)
        others = len(caught) - caught.count(symptom)
        named = symptom if symptom in caught else f"**not by {symptom}**"
        yield f"| {item.number} {item.name} | {place} | {named} | {others} |"


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
