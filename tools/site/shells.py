"""The HTML of what a reader acts on in a page: it has its place before any script is there.

A script that put it in later would move the text below.  chapters/_static/live/ makes it alive; a
page without scripts, or from a file, hides it and shows the code (see live.css).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

KEYS = "Ctrl+Enter checks. Tab indents; Esc, then Tab leaves the editor."
TYPED = 'spellcheck="false" autocomplete="off" autocapitalize="off" autocorrect="off"'


@dataclass(frozen=True)
class Asked:
    """A question as its page shows it.

    name: `exNN.name`; title: its heading; stub: what the learner starts from; kind: "code",
    "value" or "choice"; needs: what a page lacks for it, if anything.
    """

    name: str
    title: str
    stub: str
    kind: str
    points: int
    seconds: float
    choices: tuple[str, ...] = ()
    needs: str = ""

    @property
    def own(self) -> str:
        """The name within its exercise."""
        return self.name.partition(".")[2]

    @property
    def place(self) -> str:
        """The id of its block."""
        return f"answer-{self.own}"


def button(label: str) -> str:
    """A button that waits for its script."""
    return f'<button type="button" disabled>{label}</button>'


def field(asked: Asked) -> str:
    """Where the answer is typed or chosen."""
    if asked.kind == "choice":
        options = "".join(
            f'<label><input type="radio" name="{asked.name}" value="{choice}">{choice}</label>'
            for choice in asked.choices
        )
        return f'<fieldset class="live-choices"><legend>Your answer</legend>{options}</fieldset>'
    if asked.kind == "value":
        typed = f'<input type="text" class="live-value" {TYPED}>'
        return f'<label class="live-label">{asked.own} = {typed}</label>'
    rows = asked.stub.count("\n") + 1
    label = escape(f"Your code: {asked.title}")
    return (
        f'<textarea class="live-editor" aria-label="{label}" rows="{rows}" wrap="off" {TYPED}>\n'
        f"{escape(asked.stub)}</textarea>"
    )


def opening(asked: Asked) -> str:
    """What begins a question's block: all that the scripts know of it before anybody acts."""
    data = {
        "question": asked.name,
        "kind": asked.kind,
        "points": str(asked.points),
        "seconds": f"{asked.seconds:g}",
    }
    if asked.needs:
        data["needs"] = asked.needs
    attributes = "".join(f' data-{key}="{value}"' for key, value in data.items())
    return f'<div class="live" id="{asked.place}"{attributes}>'


def closing(asked: Asked) -> str:
    """What ends it: the answer, the buttons, the verdict."""
    keys = f"<small>{KEYS}</small>" if asked.kind == "code" else ""
    buttons = "".join(map(button, ("Check", "Hint", "Start over")))
    return (
        '<div class="live-shell"><p class="live-note" hidden></p>'
        f'{field(asked)}<p class="live-buttons">{buttons}{keys}</p>'
        '<div class="live-verdict" role="status" data-state=""></div>'
        '<p class="live-progress" hidden><progress max="1" aria-label="Python is loading">'
        '</progress> <span></span></p><div class="live-hint" role="status"></div>'
        '<pre class="live-print"></pre></div></div>'
    )


def bar(questions: Sequence[Asked]) -> str:
    """What stands below the title of an exercise: points, the notebook out and in."""
    rows = [
        f'<a href="#{asked.place}">{escape(asked.title)}</a> <span>0 of {asked.points}</span>'
        for asked in questions
    ]
    each = "".join(f"<li>{row}</li>" for row in rows)
    whole = sum(asked.points for asked in questions)
    return (
        '<div class="live-bar" role="group" aria-label="Your answers"><p>Answer in this page: '
        f'type, then press Check. Your points: <span class="live-total">0 of {whole}</span>. What '
        f'you type is kept in this browser.</p><ul>{each}</ul><p class="live-buttons">'
        f'{button("Download")}{button("Load")}<input type="file" accept=".ipynb" '
        'aria-label="A notebook with your answers" hidden></p>'
        '<p class="live-said" role="status"></p></div>'
    )


def cell(number: int) -> tuple[str, str]:
    """What begins and what ends a cell of a chapter that can be run."""
    return (
        f'<div class="live" data-cell="{number}">',
        f'<div class="live-shell"><p class="live-buttons">{button("Edit and run")}</p>'
        '<p class="live-progress" hidden></p>'
        '<pre class="live-shown" role="status" tabindex="0" hidden></pre></div></div>',
    )
