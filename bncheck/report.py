"""Say a verdict: a plain text for terminals, a card for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from bncheck.bank import Bank
from bncheck.compare import distance
from bncheck.judge import Verdict
from bncheck.observe import Observation
from bncheck.plain import Plain
from bncheck.questions.question import Section
from bncheck.reasons import word, worst

SHOWN = 24  # numbers: a larger input is described and not printed
STATES = {
    "passed": "passed",
    "named": "not passed",
    "wrong": "not passed",
    "not done": "not done",
    "broken": "not judged",
}
COLOURS = {
    "passed": "#0072b2",
    "named": "#d55e00",
    "wrong": "#d55e00",
    "not done": "#8c8c8c",
    "broken": "#8c8c8c",
}


def line(verdict: Verdict) -> str:
    """The verdict in one line: `ex03.forward  passed  4/4`."""
    state = STATES[verdict.state] + (" yet" if verdict.state == "not done" else "")
    parts = [verdict.question, state, f"{verdict.points}/{verdict.out_of}"]
    if verdict.mistakes:
        parts.append(" and ".join(mistake.name for mistake in verdict.mistakes))
    return "  ".join(parts)


def place(section: Section) -> str:
    """Where to read, in words."""
    return f"chapter {int(section.chapter[:2])}, “{section.heading}”"


def link(section: Section) -> str:
    """The chapter as seen from the folder of the exercises."""
    return f"../chapters/{section.chapter}.ipynb"


def findings(bank: Bank, verdict: Verdict) -> list[tuple[str, Section | None]]:
    """What is wrong, a paragraph each, and where to read about it."""
    if verdict.state == "passed":
        return []
    if verdict.state == "not done":
        todo = (
            f"put your answer in place of the dots after `{bank.question.name} =`"
            if bank.question.asks_value
            else "write the part that raises NotImplementedError"
        )
        return [(f"Not done yet: {verdict.reason or todo}. Then run this cell again.", None)]
    if verdict.state == "broken":
        said = (
            f"This check is broken, so it cannot judge your answer: {verdict.reason}. "
            "That is no fault of yours: tell whoever runs the course."
        )
        return [(said, None)]
    if verdict.mistakes:
        found: list[tuple[str, Section | None]]
        found = [(f"What went wrong: {m.name}. {m.says}", m.read) for m in verdict.mistakes]
        if verdict.beyond:
            where = " and ".join(f"“{group}”" for group in verdict.beyond)
            verb = "shows" if len(verdict.beyond) == 1 else "show"
            found.append(
                (f"There is more: {where} {verb} something else too. Mend this first.", None)
            )
        return found
    reason = verdict.reason
    if reason[:1].isascii():  # not γ, nor x̂
        reason = reason[:1].upper() + reason[1:]
    return [(reason, bank.question.read)]


def example(bank: Bank, verdict: Verdict, got: Sequence[Observation]) -> str:
    """The first probe that differs: its inputs and steps, and the number that is furthest off."""
    if verdict.probe is None or verdict.state == "not done" or bank.question.asks_value:
        return ""
    task, seen = bank.tasks[verdict.probe], got[verdict.probe]
    right = bank.reference[verdict.probe]
    lines = [assignment(name, value) for name, value in task.inputs.items()]
    lines += task.code.strip().splitlines()
    pairs: Mapping[str, Plain] = seen.values
    found = [
        w
        for key, value in right.values.items()
        if key in pairs and (w := worst(pairs[key], value, key)) and w[0] > bank.question.tolerance
    ]
    if seen.failure:
        lines.append(f"# {seen.failure.type}: {seen.failure.message}".splitlines()[0].rstrip(": "))
    elif found:
        _, where, mine, theirs = max(found, key=lambda w: w[0])
        lines.append(f"# {where}: expected {theirs:.7g}, yours {mine:.7g}")
    else:
        for key, value in right.values.items():
            same = key in pairs and distance(pairs[key], value) == 0
            if value.kind in ("text", "bool", "none") and key in pairs and not same:
                lines.append(f"# {key}: expected {word(value)}, yours {word(pairs[key])}")
    return "\n".join(lines) if lines else ""


def assignment(name: str, value: Plain) -> str:
    """An input as a line of Python, if it is small; else its kind and shape as a comment."""
    if value.kind != "array":
        return f"{name} = {value.data!r}" if value.kind != "tuple" else f"# {name}: a tuple"
    if value.data.size > SHOWN:
        return f"# {name}: array of shape {value.data.shape}, random"
    numbers = np.array2string(
        value.data,
        separator=", ",
        floatmode="unique",
        max_line_width=70,
        prefix=f"{name} = np.array(",
    )
    dtype = "" if value.data.dtype in (np.float64, np.int64, bool) else f", np.{value.data.dtype}"
    return f"{name} = np.array({numbers}{dtype})"


def text(bank: Bank, verdict: Verdict, got: Sequence[Observation]) -> str:
    """The verdict for a terminal, its first line as `line` makes it."""
    lines = [line(verdict)]
    for finding, section in findings(bank, verdict):
        lines.append(f"  {finding}")
        if section:
            lines.append(f"  Read: {place(section)} (chapters/{section.chapter}.ipynb)")
    if shown := example(bank, verdict, got):
        lines.append(
            f"  The smallest example that shows it ({bank.tasks[verdict.probe or 0].name}):"
        )
        lines += [f"    {row}" for row in shown.splitlines()]
    if verdict.printed:
        lines.append(f"  {remark(verdict)}")
    return "\n".join(lines)


def remark(verdict: Verdict) -> str:
    """What to say when the code prints."""
    start = verdict.printed.strip().splitlines()[0][:60]
    return f"Your code prints, which the check ignores: {start!r}."


def card(bank: Bank, verdict: Verdict, got: Sequence[Observation]) -> str:
    """The verdict as HTML that needs no style sheet and reads in light and dark."""
    state = STATES[verdict.state] + (" yet" if verdict.state == "not done" else "")
    parts = [
        f'<div role="status" style="{box(COLOURS[verdict.state])}">',
        f"<p style='margin:.2em 0'><strong>{escape(verdict.question)}</strong>: {state}, "
        f"{verdict.points} of {verdict.out_of} points</p>",
    ]
    for finding, section in findings(bank, verdict):
        parts.append(f"<p style='margin:.4em 0'>{marked(finding)}</p>")
        if section:
            where = f'<a href="{link(section)}">{escape(place(section))}</a>'
            parts.append(f"<p style='margin:.2em 0'>Read: {where}</p>")
    if shown := example(bank, verdict, got):
        name = escape(bank.tasks[verdict.probe or 0].name)
        parts.append(f"<p style='margin:.4em 0'>The smallest example that shows it ({name}):</p>")
        parts.append(f"<pre style='margin:.2em 0;font-family:monospace'>{escape(shown)}</pre>")
    if verdict.printed:
        parts.append(f"<p style='margin:.4em 0'>{escape(remark(verdict))}</p>")
    return "".join([*parts, "</div>"])


def hint_card(name: str, number: int, count: int, said: str) -> str:
    """A hint as HTML."""
    return (
        f'<div role="status" style="{box("#cc79a7")}"><strong>{escape(name)}</strong>, '
        f"hint {number} of {count}: {marked(said)}</div>"
    )


def score_card(rows: Sequence[tuple[str, int, int]]) -> str:
    """The points of each question as an HTML table."""
    cells = "".join(
        f'<tr><th scope="row" style="text-align:left">{escape(label)}</th>'
        f"<td>{points} of {out_of}</td></tr>"
        for label, points, out_of in rows
    )
    return f'<div role="status" style="{box("#0072b2")}"><table>{cells}</table></div>'


def box(colour: str) -> str:
    """The style of a card's frame."""
    return f"border-left:4px solid {colour};padding:.2em .8em;margin:.3em 0"


def marked(sentence: str) -> str:
    """A sentence as HTML: `code` in backticks, line breaks kept."""
    pieces = escape(sentence).replace("\n", "<br>").split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces))
