"""Sentences that take their numbers from the run, so that text and measurement cannot part."""

from __future__ import annotations

import inspect
import os
import re
import string
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # a page in a browser has sentences, and no experiments
    from bncourse.evidence import Claim, Result, Verdict

STRICT = "BNCOURSE_STRICT"  # set where the author's numbers run: a sentence must hold
CHANGED = "**With your numbers this no longer holds.** Of the run that the book shows it says:"
MARKS: dict[Verdict, str] = {"supported": "✓", "not supported": "✗", "inconclusive": "?"}


@dataclass(frozen=True)
class Markdown:
    """Text that a notebook shows as Markdown."""

    data: str

    def _repr_markdown_(self) -> str:
        return self.data

    def __repr__(self) -> str:
        return self.data


class _Numbers(string.Formatter):
    """`str.format`, but a negative number gets a minus sign: a line does not break after it."""

    def format_field(self, value: object, format_spec: str) -> str:
        text = str(super().format_field(value, format_spec))
        return text.replace("-", "−") if isinstance(value, Number) else text


def say(template: str, /, *, holds: bool | np.bool_ = True, **values: object) -> Markdown:
    """Fill measured values into a sentence, as `str.format` does, and show it as text.

    >>> say("It took {n} steps, {share:.0%} of the run.", n=40, share=0.25).data
    'It took 40 steps, 25% of the run.'
    >>> say("A gain of {gain:.1f} points.", gain=-0.2).data
    'A gain of −0.2 points.'

    holds: whether the measurement still bears out what the sentence states.  Where it does not, a
    reader who changed a number is told so above the sentence, and AssertionError is raised where
    the environment variable BNCOURSE_STRICT is set: the book is built and tested with it.

    Braces of LaTeX are doubled. Raises KeyError for a name without a value and ValueError for a
    value without a name in the template: a number that the text does not use is a mistake.
    """
    unused = [name for name in values if "{" + name not in template]
    if unused:
        raise ValueError(f"not in the sentence: {', '.join(unused)}: use it there or drop it")
    sentence = _Numbers().vformat(template, (), values)
    if holds:
        return Markdown(sentence)
    if os.environ.get(STRICT):
        raise AssertionError(f"this no longer holds: {sentence}")
    return Markdown(f"{CHANGED}\n\n{sentence}")


def listed(values: Iterable[float], spec: str = "g") -> str:
    """Numbers as they are written in a sentence.

    >>> listed([0.5, -1, 2], ".1f")
    '0.5, −1.0 and 2.0'
    """
    *first, last = (f"{value:{spec}}".replace("-", "−") for value in values)
    return f"{', '.join(first)} and {last}" if first else last


def source(code: Callable[..., object]) -> Markdown:
    """The source of a function or class, as a block of code to be shown in a chapter."""
    return Markdown(f"```python\n{textwrap.dedent(inspect.getsource(code))}```")


def bound(claim: Claim) -> str:
    """The bound of a claim as it is written, with a minus sign like the numbers beside it."""
    return f"{claim.bound:g}".replace("-", "−")


def verdict(result: Result) -> Markdown:
    """A claim of the notes with its measurement and verdict, as one framed paragraph."""
    claim = result.claim
    side = "above" if claim.above is not None else "below"
    origin = f"beyond the notes, to {claim.notes}" if claim.beyond else f"notes {claim.notes}"
    how = "derived, checked" if claim.kind == "derived" else "measured"
    lines = [
        f"> **Claim** ({origin}): {claim.text}",
        f"> **{how.capitalize()}** on {result.data}, {len(result.seeds)} seeds: {claim.effect} = "
        f"{result.number()}; the claim predicts {side} {bound(claim)}.",
        f"> **Verdict: {result.verdict}.**",
    ]
    return Markdown("\n>\n".join(lines))


def literature(text: str) -> str:
    """Citations as the build of the book reads them, and in any other notebook as links.

    >>> literature("Seen by {cite:t}`wu2018`.")
    'Seen by [Wu 2018](12_reference.ipynb#wu2018).'
    """
    if os.environ.get(STRICT):
        return text

    def link(found: re.Match[str]) -> str:
        how, name, year = found.groups()
        made = f"[{f'{name.capitalize()} {year}'.strip()}](12_reference.ipynb#{name}{year})"
        return f"({made})" if how == "p" else made

    return re.sub(r"\{cite:([tp])\}`([a-z]+)(\d*)`", link, text)


def ledger(results: Sequence[Result], titles: Mapping[str, str]) -> Markdown:
    """A table with one row per Result: claim, verdict, number with interval, measure, literature.

    titles: the title of each chapter by its file name without the ending; it becomes a link.
    A row can be linked to as `#claim-` and the claim's id.
    """
    rows = ["| Notes | Claim | Verdict | Effect and 95 % interval | Measured as | Reported |"]
    rows.append("|-|-|-|-|-|-|")
    for result in results:
        claim = result.claim
        side = "above" if claim.above is not None else "below"
        derived = " (derived)" if claim.kind == "derived" else ""
        link = f"[{titles[claim.chapter]}]({claim.chapter}.ipynb)"
        cells = [
            f'<span id="claim-{claim.id}"></span>{claim.notes}{", added" if claim.beyond else ""}',
            f"{claim.text}{derived} {link}, `{claim.id}`",
            f"{MARKS[result.verdict]} **{result.verdict}**",
            f"**{result.number()}**; predicted {side} {bound(claim)}",
            f"{claim.effect} ({result.data}, {len(result.seeds)} seeds)",
            literature(claim.literature or "–"),
        ]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return Markdown("\n".join(rows))
