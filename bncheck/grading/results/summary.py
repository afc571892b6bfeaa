"""The class at a glance: scores, questions.  For the teacher."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

from bncheck.grading.results.feedback import document
from bncheck.grading.results.records import STATES, Grade


def summary(grades: Sequence[Grade]) -> str:
    """One page: states, the distribution of scores, questions by difficulty."""
    parts = [f"<p>{len(grades)} submissions.</p>", state_table(grades)]
    scored = [grade for grade in grades if grade.out_of]
    if scored:
        parts += [score_part(scored), question_part(scored)]
    return document("Summary of the grades", "\n".join(parts))


def state_table(grades: Sequence[Grade]) -> str:
    """How many submissions are in which state."""
    counts = Counter(grade.state for grade in grades)
    rows = [[state, str(counts[state]), STATES[state]] for state in STATES if counts[state]]
    return "<h2>States</h2>\n" + html_table(["state", "submissions", "meaning"], rows)


def score_part(grades: Sequence[Grade]) -> str:
    """The distribution of the scores, in percent."""
    scores = [100 * grade.points / grade.out_of for grade in grades]
    figure, ax = new_figure()
    ax.hist(scores, bins=[10 * i for i in range(11)], color="#0072b2", edgecolor="white")
    ax.set_xlabel("score (%)")
    ax.set_ylabel("submissions")
    mean = sum(scores) / len(scores)
    return f"<h2>Scores</h2>\n<p>Mean {mean:.0f} %.</p>\n{svg(figure, 'Histogram of scores')}"


def question_part(grades: Sequence[Grade]) -> str:
    """The share of the points that was earned, question by question, the hardest first."""
    earned, possible = Counter[str](), Counter[str]()
    for grade in grades:
        for answer in grade.answers:
            earned[answer.question] += answer.points
            possible[answer.question] += answer.out_of
    shares = {name: 100 * earned[name] / possible[name] for name in possible}
    order = sorted(shares, key=lambda name: (shares[name], name))
    picture = bars(order, [shares[name] for name in order], "points earned (%)")
    rows = [[name, f"{shares[name]:.0f} %"] for name in order]
    return (
        "<h2>Questions, the hardest first</h2>\n"
        f"{svg(picture, 'Bars: share of the points earned')}\n"
        + html_table(["question", "points earned"], rows)
    )


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Texts as an HTML table."""
    first = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{first}</tr></thead><tbody>{body}</tbody></table>"


def new_figure(height: float = 2.8) -> tuple[Any, Any]:
    """A figure that belongs to no window."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, height), layout="constrained")
    return figure, figure.add_subplot()


def bars(names: Sequence[str], values: Sequence[float], label: str) -> Any:
    """Horizontal bars, the first on top."""
    figure, ax = new_figure(1 + 0.28 * len(names))
    ax.barh(range(len(names)), values, color="#0072b2")
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlabel(label)
    return figure


def svg(figure: Any, alt: str) -> str:
    """A figure as SVG to stand in a page, the same bytes for the same data."""
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "bnlib"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    drawn = re.sub(r"^.*?(?=<svg)", "", out.getvalue(), flags=re.S)
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1)
