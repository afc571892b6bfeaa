"""The exercises as tables, for the page for teachers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from IPython.display import Markdown

from bncheck.proof import Row
from bncheck.questions.question import Exercise

OUTCOMES = ("named", "rejected", "accepted")


def overview(exercises: Iterable[Exercise]) -> Markdown:
    """One row per exercise: its questions, points, and how many mistakes its bank holds."""
    lines = ["| exercise | title | questions | points | known mistakes |", "|-|-|-|-|-|"]
    for exercise in exercises:
        known = sum(len(question.mistakes) for question in exercise.questions)
        lines.append(
            f"| [{exercise.short}]({exercise.name}.ipynb) | {exercise.title} "
            f"| {len(exercise.questions)} | {exercise.out_of} | {known} |"
        )
    return Markdown("\n".join(lines))


def totals(rows: Iterable[Row]) -> Markdown:
    """One row per question: how many of its mistakes are named, rejected, accepted."""
    found: dict[str, Counter[str]] = {}
    for row in rows:
        found.setdefault(row.question, Counter())[_column(row)] += 1
    lines = ["| question | mistakes | named | rejected | accepted |", "|-|-|-|-|-|"]
    lines += [
        f"| `{question}` | {counts.total()} | "
        + " | ".join(str(counts[outcome]) for outcome in OUTCOMES)
        + " |"
        for question, counts in found.items()
    ]
    return Markdown("\n".join(lines))


def _column(row: Row) -> str:
    """Where a row counts; to be taken for another mistake is to be rejected without the name."""
    return "rejected" if row.outcome == "as another" else row.outcome


def mistakes(rows: Iterable[Row]) -> Markdown:
    """One row per mistake: the questions in which the check names, rejects or accepts it."""
    found: dict[str, dict[str, list[str]]] = {}
    numbers: dict[str, int | None] = {}
    for row in rows:
        (mistake,) = row.mistakes
        numbers[mistake.name] = mistake.number
        kinds = found.setdefault(mistake.name, {outcome: [] for outcome in OUTCOMES})
        kinds[_column(row)].append(row.question)
    lines = ["| no. | mistake | named in | rejected in | accepted in |", "|-|-|-|-|-|"]
    for name in sorted(found, key=lambda name: (numbers[name] or 1000, name)):
        cells = [", ".join(found[name][outcome]) or "–" for outcome in OUTCOMES]
        escaped = name.replace("|", "\\|")
        lines.append(f"| {numbers[name] or '–'} | {escaped} | {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def common(names: Mapping[int, str], rows: Iterable[Row]) -> Markdown:
    """One row per common mistake: under which names, and where, the bank holds it."""
    found: dict[int | None, set[str]] = {}
    for row in rows:
        found.setdefault(row.mistakes[0].number, set()).add(row.question)
    lines = ["| no. | common mistake | in the bank of |", "|-|-|-|"]
    for number, name in names.items():
        questions = ", ".join(sorted(found.get(number, ()))) or "no question"
        lines.append(f"| {number} | {name} | {questions} |")
    return Markdown("\n".join(lines))
