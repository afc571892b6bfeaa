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
    r'<path d="M ([\d.-]+) ([\d.-]+)\s+L ([\d.-]+) [\d.-]+\s+L [\d.-]+ ([\d.-]+)'
)
NARROW = 0.2  # of the widest: a scale of colours, which belongs to the Axes on its left
MARGIN = 10  # points at the right of an Axes for the end of its last number


@dataclass(frozen=True)
class Panel:
    """A part of a picture, from left to right, as shares of its width."""

    left: float
    width: float


def panels(svg: str) -> list[Panel]:
    """The panels of a picture as a notebook wrote it; none unless they stand in one row."""
    size = re.search(r'<svg\b[^>]*? viewBox="0 0 ([\d.]+) ', svg)
    boxes = sorted(tuple(map(float, found)) for found in AXES.findall(svg))
    if size is None or not boxes:
        return []
    widest = max(right - left for left, _, right, _ in boxes)
    ends: list[tuple[float, float]] = []
    for left, _, right, _ in boxes:
        if ends and right - left < NARROW * widest:
            ends[-1] = (ends[-1][0], right)
        else:
            ends.append((left, right))
    gaps = [(end, start) for (_, end), (start, _) in pairwise(ends)]
    if not gaps or any(start <= end for end, start in gaps):
        return []
    total = float(size[1])
    cuts = [0.0, *(end + min(MARGIN, (start - end) / 2) for end, start in gaps), total]
    return [Panel(cut / total, (following - cut) / total) for cut, following in pairwise(cuts)]
