"""Drawings and formulas in the text of a page, which a parser of HTML would change.

A parser of HTML writes `viewbox` for `viewBox`; in an ePub, which is XML, that is another name.
So they are cut out before a page is parsed, and put back when it is written.
"""

from __future__ import annotations

import re

STARTS = re.compile(r"<(svg|math)\b")
NAMESPACES = {
    "svg": 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"',
    "math": 'xmlns="http://www.w3.org/1998/Math/MathML"',
}


def element_end(text: str, start: int, tag: str) -> int:
    """Where the element `tag` that starts at `start` ends; ValueError if it does not end."""
    depth = 0
    for found in re.finditer(rf"<(/?){tag}\b[^>]*?(/?)>", text[start:]):
        depth += -1 if found[1] else int(not found[2])
        if depth == 0:
            return start + found.end()
    raise ValueError(f"need an end of <{tag}>, found none: {text[start : start + 80]}")


def first_frame(drawing: str) -> str:
    """A drawing as it is at first and on white paper, for a figure that has controls.

    Groups that are not displayed are other frames; a variable colour becomes its light value.
    """
    drawing = re.sub(r"var\(--[\w-]+, ?(#\w+)\)", r"\1", drawing)
    while found := re.search(r"<g\b[^>]*display:\s*none[^>]*>", drawing):
        drawing = drawing[: found.start()] + drawing[element_end(drawing, found.start(), "g") :]
    return drawing


def cut(text: str) -> tuple[str, list[str]]:
    """The text with a <drawing number="i"></drawing> for each outermost <svg> and <math>."""
    kept: list[str] = []
    drawings: list[str] = []
    position = 0
    while found := STARTS.search(text, position):
        end = element_end(text, found.start(), found[1])
        kept.append(text[position : found.start()])
        kept.append(f'<drawing number="{len(drawings)}"></drawing>')
        drawings.append(first_frame(text[found.start() : end]))
        position = end
    return "".join([*kept, text[position:]]), drawings


def put(text: str, drawings: list[str]) -> str:
    """The inverse of `cut`."""
    return re.sub(r'<drawing number="(\d+)"></drawing>', lambda m: drawings[int(m[1])], text)


def declare(drawing: str) -> str:
    """A drawing that is XML by itself: HTML does not need its namespaces."""
    tag = STARTS.match(drawing)
    if tag is None:
        raise ValueError(f"need an svg or a math element, got {drawing[:80]!r}")
    end = drawing.index(">")
    start = re.sub(r'\sxmlns(?::xlink)?="[^"]*"', "", drawing[:end])
    return start.replace(tag[0], f"{tag[0]} {NAMESPACES[tag[1]]}", 1) + drawing[end:]


def isolate(drawing: str, start: str) -> str:
    """A drawing whose ids, and what refers to them in the page, begin with `start`."""
    drawing = re.sub(r'(\sid=")', rf"\1{start}", drawing)
    return re.sub(r'(href="#|url\(#|aria-labelledby=")', rf"\1{start}", drawing)


def without_repeated_ids(drawing: str) -> str:
    """A drawing in which an id stands once: matplotlib repeats that of equal images."""
    known: set[str] = set()

    def once(found: re.Match[str]) -> str:
        new = found[1] not in known
        known.add(found[1])
        return found[0] if new else ""

    return re.sub(r'\sid="([^"]*)"', once, drawing)
