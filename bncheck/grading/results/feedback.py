"""The page that a learner gets: one file, readable without anything else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bncheck.grading.results.records import STATES, Answer, Grade
from bncheck.report import marked

STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
section { border-left: 4px solid; padding: 0 1rem; margin: 1.5rem 0; }
.passed { border-color: #0072b2; }
.named, .wrong, .lost { border-color: #d55e00; }
.not-done, .broken { border-color: #8c8c8c; }
pre { overflow-x: auto; padding: .5rem; border: 1px solid #8c8c8c; }
table { border-collapse: collapse; }
td, th { padding: .2rem .8rem; text-align: left; border-bottom: 1px solid #8c8c8c; }
svg { max-width: 100%; height: auto; background: white; }
"""
WORDS = {
    "passed": "passed",
    "named": "not passed",
    "wrong": "not passed",
    "not done": "not done",
    "lost": "no result",
    "broken": "not judged",
}


def document(title: str, body: str) -> str:
    """A whole HTML page."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


def page(grade: Grade, mark: str = "", steps: Sequence[str] = ()) -> str:
    """The feedback on one submission.  mark, steps: what a policy made of it, if one did."""
    parts = [f"<p>{escape(grade.state.capitalize())}: {escape(STATES[grade.state])}.</p>"]
    if grade.answers:
        parts.insert(0, f"<p><strong>{grade.points} of {grade.out_of} points</strong></p>")
    if mark:
        came = "".join(f"<li>{escape(step)}</li>" for step in steps)
        parts.append(f"<h2>Your mark</h2>\n<p><strong>{escape(mark)}</strong></p>")
        parts.append(f"<ul>{came}</ul>" if came else "")
    if grade.notes:
        notes = "".join(f"<li>{escape(note)}</li>" for note in grade.notes)
        parts.append(f"<h2>About the file</h2>\n<ul>{notes}</ul>")
    parts += [answer_section(answer) for answer in grade.answers]
    return document(f"Feedback on {grade.file}", "\n".join(parts))


def answer_section(answer: Answer) -> str:
    """One question: verdict, what is wrong, where to read, the smallest example."""
    parts = [
        f'<section class="{answer.state.replace(" ", "-")}">',
        f"<h2>{escape(answer.title)}</h2>",
        f"<p><code>{escape(answer.question)}</code>: {WORDS[answer.state]}, "
        f"{answer.points} of {answer.out_of} points</p>",
    ]
    for advice in answer.advice:
        parts.append(f"<p>{marked(advice.text)}</p>")
        if advice.chapter:
            where = f"chapter {int(advice.chapter[:2])}, “{advice.heading}”"
            parts.append(f"<p>Read: {escape(where)}</p>")
    if answer.example:
        parts.append("<p>The smallest example that shows it:</p>")
        parts.append(f"<pre>{escape(answer.example)}</pre>")
    return "\n".join([*parts, "</section>"])
