"""Say everything about a question: what is wrong with its file, what its check names and misses.

    python -m tools.notebooks.question [ex03.statistics...]    by default: what has changed

Reads the file, plants its mistakes, one at a time and two together, tries the answers in other
styles that the tests know, and shows what a learner is told about each mistake.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from bncheck import proof, report
from bncheck.bank import Bank
from bncheck.course import Course, UnknownQuestion
from bncheck.judge import apart, judge
from bncheck.observe import observe
from bncheck.questions.problems import BrokenQuestion, Problem, choice
from bncheck.questions.question import Section
from bncheck.questions.reader import Written
from exercises.questions import COURSE

ROOT = Path(__file__).resolve().parents[2]
SEEN = ROOT / "_build" / "questions.json"  # what each question was when it was looked at last
PAIRS = 60  # tried here, drawn from the seed; the tests try all
SECONDS = 1.0  # for them: what is not tried by then is counted
LEAST = 1e-3  # the smallest distance at which two mistakes are told from each other


@cache
def headings(chapter: str) -> tuple[str, ...]:
    """The headings of a chapter; none if there is no such chapter."""
    path = ROOT / "chapters" / f"{chapter}.ipynb"
    if not path.exists():
        return ()
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]  # nbformat takes seconds to load
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return tuple(re.findall(r"^#+ (.+?) *$", text, re.M))


def missing(section: Section) -> str | None:
    """What is wrong with a place to read, if anything is."""
    if not (known := headings(section.chapter)):
        chapters = [path.stem for path in sorted((ROOT / "chapters").glob("*.ipynb"))]
        return f"need a chapter: {choice(section.chapter, chapters)}"
    if section.heading not in known:
        return f"need a heading of {section.chapter}: {choice(section.heading, known)}"
    return None


def links(written: Written) -> Iterator[Problem]:
    """The places to read that do not exist."""
    question = written.question
    if found := missing(question.read):
        yield Problem(written.path, 1, f"read: {found}")
    for mistake in question.mistakes:
        if mistake.read != question.read and (found := missing(mistake.read)):
            yield Problem(written.path, written.places[mistake.name], f"“{mistake.name}”: {found}")


def fails(written: Written, bank: Bank) -> Iterator[Problem]:
    """Where the right answer itself fails."""
    for probe, seen in zip(written.question.probes, bank.reference, strict=True):
        if seen.failure is not None:
            said = f"{seen.failure.type}: {seen.failure.message}"
            yield Problem(written.path, 1, f"the answer fails on the probe “{probe.name}”: {said}")


def alike(written: Written, found: Sequence[proof.Nearest]) -> Iterator[Problem]:
    """Mistakes that no probe tells from the answer, or from each other."""
    least = max(LEAST, 1.5 * written.question.tolerance)
    for near in found:
        if near.distance < least:
            line = written.places.get(near.one)
            one = f"“{near.one}” in line {line}" if line else "the right answer"
            said = f"“{near.other}” shows the same as {one}: no probe tells them apart"
            far = f"(distance {near.distance:.2g}, need {least:.2g})"
            yield Problem(written.path, written.places[near.other], f"{said} {far}")


def singles(written: Written, bank: Bank) -> Iterator[str]:
    """Print what a learner is told about each mistake; the outcomes."""
    for mistake in written.question.mistakes:
        seen = bank.mistakes(1)[(mistake,)]
        verdict = judge(bank, seen)
        outcome = proof.outcome(verdict, (mistake,))
        print(f"\n{written.path.name}:{written.places[mistake.name]}: {outcome}")
        print(report.text(bank, verdict, seen))
        yield outcome


def pairs(bank: Bank) -> str:
    """How many pairs of mistakes have each outcome, as far as there is time."""
    start, rows = time.perf_counter(), []
    every = bank.mistakes(2)
    drawn = bank.sample(PAIRS)
    for pair, seen in drawn.mistakes(2).items():
        if time.perf_counter() - start > SECONDS:
            break
        if max(apart(seen, bank.reference, range(len(bank.tasks)))) > bank.question.tolerance:
            rows.append(proof.Row(bank.name, pair, proof.outcome(judge(drawn, seen), pair)))
        else:
            rows.append(proof.Row(bank.name, pair, "cancel each other"))
    said = _counted([row.outcome for row in rows])
    left = f"; {len(every) - len(rows)} are left to the tests" if len(rows) < len(every) else ""
    bad = [r for r in rows if r.outcome in ("accepted", "as another")]
    lines = [f"  {r.outcome}: {' + '.join(m.name for m in r.mistakes)}" for r in bad]
    return "\n".join([f"pairs of mistakes: {said}{left}", *lines])


def variants(bank: Bank) -> Iterator[str]:
    """How the answers in other styles fare, which the tests know."""
    from tests.exercises import variants as known

    short = bank.name.partition(".")[0]
    for path in sorted((ROOT / "tests" / "exercises" / "variants").glob(f"{short}_*.py")):
        importlib.import_module(f"{known.__name__}.{path.stem}")
    of_this = [variant for variant in known.VARIANTS if variant.question == bank.name]
    outcomes = []
    for variant in of_this:
        made = variant.make()
        answers = made if len(bank.question.names) > 1 else (made,)
        named = dict(zip(bank.question.names, answers, strict=True))
        known_pairs = bank.sample(PAIRS, variant.mistakes)
        verdict = judge(known_pairs, observe(named, bank.tasks))
        found = {mistake.name for mistake in verdict.mistakes}
        right = verdict.state == ("named" if variant.mistakes else "passed")
        outcomes.append(
            "as they deserve" if right and found <= {*variant.mistakes} else "otherwise"
        )
        if outcomes[-1] == "otherwise":
            yield f"  {variant}: {report.line(verdict)}"
    yield f"answers in other styles: {_counted(outcomes)}"


def _counted(outcomes: Sequence[str]) -> str:
    kinds = dict.fromkeys(outcomes)
    return ", ".join(f"{outcomes.count(kind)} {kind}" for kind in kinds) or "none"


def examine(course: Course, name: str) -> bool:
    """Print everything about a question; returns whether all is well."""
    written = course.find_written(name)
    bank = course.bank(name)
    question = written.question
    kind = "a value" if question.asks_value else ", ".join(question.names)
    print(f"{name}  “{question.title}”  {question.out_of} points, asks for {kind}")
    problems = [*links(written), *fails(written, bank)]
    if bank.reference[0].failure is None:
        outcomes = list(singles(written, bank))
        ordered = sorted(proof.distances(bank), key=lambda near: near.distance)
        print(f"\nmistakes: {_counted(outcomes)}")
        print(pairs(bank))
        print("\n".join(variants(bank)))
        near = ordered[0]
        print(f"smallest distance: {near.distance:.3g}, {near.one} | {near.other}")
        problems += alike(written, ordered)
        problems += [
            Problem(written.path, written.places[m.name], f"“{m.name}” is {found}, not named")
            for m, found in zip(question.mistakes, outcomes, strict=True)
            if found != "named"
        ]
    for problem in problems:
        print(_short(problem))
    return not problems


def _short(problem: Problem) -> str:
    return str(problem).replace(f"{ROOT}/", "")


def digests(course: Course) -> dict[str, str]:
    """A hash for each question's file and the Python beside it, by `exNN.name`."""
    found = {}
    for short, folder in course.folders.items():
        code = [*folder.glob("*.py"), *folder.parent.glob("*.py")]
        beside = b"".join(path.read_bytes() for path in sorted(code))
        for path in sorted(folder.glob("*.md")):
            text = path.read_bytes() + beside
            found[f"{short}.{path.stem}"] = hashlib.sha256(text).hexdigest()
    return found


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Say everything about a question.")
    parser.add_argument("names", nargs="*", metavar="exNN.name")
    names = parser.parse_args(arguments).names
    now = digests(COURSE)
    seen = json.loads(SEEN.read_text()) if SEEN.exists() else {}
    if not names:
        names = [name for name in now if seen.get(name) != now[name] and seen]
        if not seen:
            print("noted how the questions are now; name one: make question Q=ex03.statistics")
            seen = now
        elif not names:
            print("no question has changed since the last run")
    well = True
    for name in names:
        try:
            if name.endswith(".exercise"):
                COURSE.written(name.partition(".")[0])
                continue
            good = examine(COURSE, name)
        except BrokenQuestion as broken:
            print("\n".join(map(_short, broken.problems)))
            good = False
        except UnknownQuestion as unknown:
            print(unknown)
            good = False
        well &= good
        if good:
            seen[name] = now[name]
    SEEN.parent.mkdir(parents=True, exist_ok=True)
    SEEN.write_text(json.dumps(seen, indent=1, sort_keys=True))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
