"""What does the class not understand?  Mistakes by frequency, and what to teach again."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from bncheck.grading.results.feedback import document
from bncheck.grading.results.records import Answer, Grade, who
from bncheck.grading.results.summary import bars, html_table, new_figure, svg
from bncheck.report import marked

MOST = 15  # mistakes that are shown
LINES = 5  # mistakes whose series are drawn
ERROR = re.compile(r"^(# \w*(?:Error|Exception|Exit)): .*$", re.M)  # its text is the learner's

Runs = Sequence[tuple[str, Sequence[Grade]]]
Met = dict[str, list[tuple[str, Answer]]]  # by mistake, who made it where


def class_page(runs: Runs) -> str:
    """The page on one run or several, named, in their order; mistakes are those of the last."""
    _, grades = runs[-1]
    learners = {who(grade) for grade in grades if grade.answers}
    met = mistakes(grades)
    parts = [f"<p>{len(learners)} learners whose work could be read. Nobody is named here.</p>"]
    if met:
        parts += [mistake_part(met, len(learners)), section_part(met), example_part(met)]
    else:
        parts.append("<p>No known mistake was found.</p>")
    parts.append(unnamed_part(grades))
    if len(runs) > 1:
        parts.append(series_part(runs))
    return document("What does the class not understand?", "\n".join(filter(None, parts)))


def mistakes(grades: Iterable[Grade]) -> Met:
    """Each known mistake that was made, the most frequent first, with who made it."""
    met: Met = defaultdict(list)
    for grade in grades:
        for answer in grade.answers:
            for name in answer.mistakes:
                met[name].append((who(grade), answer))
    return dict(sorted(met.items(), key=lambda item: (-_learners(item[1]), item[0])))


def _learners(those: Sequence[tuple[str, Answer]]) -> int:
    return len({learner for learner, _ in those})


def mistake_part(met: Met, learners: int) -> str:
    """The most frequent mistakes: how many learners, in which questions."""
    most = list(met.items())[:MOST]
    numbers = [_learners(those) for _, those in most]
    picture = bars([name for name, _ in most], numbers, "learners")
    rows = []
    for (name, those), number in zip(most, numbers, strict=True):
        questions = sorted({answer.question for _, answer in those})
        rows.append([name, f"{number}", f"{100 * number / learners:.0f} %", ", ".join(questions)])
    head = ["mistake", "learners", "share", "questions"]
    drawn = svg(picture, "Bars: mistakes by the number of learners")
    return f"<h2>Mistakes by frequency</h2>\n{drawn}\n{html_table(head, rows)}"


def section_part(met: Met) -> str:
    """The sections that explain what was got wrong, by how many learners need them."""
    need: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, those in met.items():
        for learner, answer in those:
            for advice in answer.advice:
                if advice.chapter and f": {name}." in advice.text:
                    need[advice.chapter, advice.heading][name].add(learner)
    rows = []
    for (chapter, heading), names in need.items():
        number = len(set().union(*names.values()))
        rows.append([f"chapter {int(chapter[:2])}, {heading}", str(number), ", ".join(names)])
    rows.sort(key=lambda row: (-int(row[1]), row[0]))
    table = html_table(["section", "learners", "for the mistakes"], rows)
    return f"<h2>Sections to teach again</h2>\n{table}"


def example_part(met: Met) -> str:
    """For each frequent mistake what it is, the shortest code that made it, and what it shows."""
    parts = ["<h2>Examples</h2>"]
    for name, those in list(met.items())[:MOST]:
        answers = [answer for _, answer in those]
        said = [a.text for one in answers for a in one.advice if f": {name}." in a.text]
        parts.append(f"<h3>{escape(name)}</h3>")
        parts.append(f"<p>{marked(min(said, key=_short))}</p>" if said else "")
        parts.append(_shortest("Code that made it", (one.code for one in answers)))
        shown = (ERROR.sub(r"\1", one.example) for one in answers)
        parts.append(_shortest("What shows it", shown))
    return "\n".join(filter(None, parts))


def unnamed_part(grades: Iterable[Grade]) -> str:
    """Wrong answers that no known mistake explains, by question: candidates for the bank."""
    wrong: Met = defaultdict(list)
    for grade in grades:
        for answer in grade.answers:
            if answer.state == "wrong":
                wrong[answer.question].append((who(grade), answer))
    if not wrong:
        return ""
    parts = ["<h2>Wrong in a way that no check names</h2>"]
    order = sorted(wrong.items(), key=lambda item: (-_learners(item[1]), item[0]))
    rows = [[question, str(_learners(those))] for question, those in order]
    parts.append(html_table(["question", "learners"], rows))
    for question, those in order[:LINES]:
        code = _shortest(f"One of them, in {question}", (answer.code for _, answer in those))
        parts.append(code)
    return "\n".join(filter(None, parts))


def _shortest(title: str, texts: Iterable[str]) -> str:
    """The shortest of these texts, whoever wrote it: nobody is known by the place of theirs."""
    found = sorted({text for text in texts if text}, key=_short)
    return f"<p>{escape(title)}:</p>\n<pre>{escape(found[0])}</pre>" if found else ""


def _short(text: str) -> tuple[int, str]:
    return len(text), text


def series_part(runs: Runs) -> str:
    """How many learners in a hundred made a mistake, run by run."""
    shares: dict[str, list[float | None]] = {}
    by_run = [(mistakes(grades), _exercises(grades)) for _, grades in runs]
    met: Met = {}
    for found, _ in by_run:
        for name, those in found.items():
            met[name] = met.get(name, []) + those
    names = sorted(met, key=lambda name: (-len(met[name]), name))[:MOST]
    for name in names:
        asked = {answer.question[:4] for _, answer in met[name]}
        shares[name] = []
        for found, exercises in by_run:
            base = set().union(*(exercises.get(short, set()) for short in asked))
            number = _learners(found.get(name, []))
            shares[name].append(100 * number / len(base) if base else None)
    labels = [label for label, _ in runs]
    figure, ax = new_figure(3.2)
    for name, marker in zip(names[:LINES], "os^Dv", strict=False):
        ax.plot(labels, [float("nan") if s is None else s for s in shares[name]], marker, ls="-")
    ax.set_ylabel("learners (%)")
    ax.legend(names[:LINES], fontsize="small")
    rows = [[name, *("–" if s is None else f"{s:.0f} %" for s in shares[name])] for name in names]
    drawn = svg(figure, "Lines: the share of learners with a mistake, run by run")
    table = html_table(["mistake", *labels], rows)
    return (
        "<h2>From run to run</h2>\n<p>Of the learners who handed in the exercise, how many made "
        f"the mistake; – where nobody did.</p>\n{drawn}\n{table}"
    )


def _exercises(grades: Iterable[Grade]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for grade in grades:
        if grade.answers:
            found[grade.exercise[:4]].add(who(grade))
    return found
