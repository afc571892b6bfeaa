"""Figures with panels side by side: on a phone the panels stand below each other.

A browser cannot arrange the parts of a picture anew, but it can show a part of one.  So a phone
gets the same file once for each panel, in a box that shows the panel and hides the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

# The background of each Axes, as matplotlib writes it: its corners, from the lower left one.
AXES = re.compile(
    r'<g id="axes_\d+">\s*<g id="patch_\d+">\s*'
    r'<path d="M ([\d.-]+) [\d.-]+\s+L ([\d.-]+) [\d.-]+\s+L '
)
# Where a text begins; one that is turned by 90 degrees stands on the left of it.
TEXT = re.compile(r'<g transform="translate\(([\d.-]+) [\d.-]+\) (rotate\(-90\))?')
HEIGHT = 10  # points of a letter
TICK = 4  # points of a mark at an axis
SPACE = 2  # points left of the first letter
NARROW = 0.2  # of the widest: a scale of colours, which belongs to the Axes on its left


@dataclass(frozen=True)
class Panel:
    """A part of a picture, from left to right, as shares of its width."""

    left: float
    width: float


def panels(svg: str) -> list[Panel]:
    """The panels of a picture as a notebook wrote it; none unless they stand in one row."""
    size = re.search(r'<svg\b[^>]*? viewBox="0 0 ([\d.]+) ', svg)
    parts = list(AXES.finditer(svg))
    if size is None or not parts:
        return []
    stops = [part.start() for part in parts[1:]] + [len(svg)]
    boxes = []  # left and right edge of each Axes, and where its writing begins
    for part, stop in zip(parts, stops, strict=True):
        left, right = float(part[1]), float(part[2])
        texts = TEXT.findall(svg, part.end(), stop)
        begins = [float(x) - (HEIGHT if turned else 0) for x, turned in texts]
        boxes.append((left, right, min([left - TICK, *begins])))
    widest = max(right - left for left, right, _ in boxes)
    rows = [box for box in sorted(boxes) if box[1] - box[0] >= NARROW * widest]
    if len(rows) < 2 or any(right > left for (_, right, _), (left, *_) in pairwise(rows)):
        return []
    total = float(size[1])
    cuts = [max(right, begin - SPACE) for (_, right, _), (_, _, begin) in pairwise(rows)]
    return [
        Panel(start / total, (end - start) / total) for start, end in pairwise([0.0, *cuts, total])
    ]
