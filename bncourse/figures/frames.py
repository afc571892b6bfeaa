"""Many pictures in one SVG: what they share stands there once.

The pictures of an interactive figure differ in a line or two; axes, labels and most of the curves
are the same.  `merge` walks through all of them at once and keeps a part once if it is equal in
all, and otherwise once per version, in a group that names the pictures that it belongs to.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
REFERENCE = re.compile(r"url\(#([^)]+)\)")
# Names that bncourse.figures.svg reads: of backgrounds, and of what keeps its colours.
MEANINGFUL = re.compile(r"(figure|axes|patch)_\d+$|fixed")
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def digest(*texts: str) -> str:
    """A short name for some content."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:10]


def merge(pictures: Sequence[str], shown: int = 0) -> str:
    """One SVG that holds all `pictures`; the one with the number `shown` is visible.

    A part that only some pictures have stands in `<g data-frames="0 3">`, with the numbers of
    these pictures.  What is referred to (glyphs, markers, clip paths) is collected at the
    beginning; matplotlib names it after its content, so that one name means one thing.

    Raises ValueError if the pictures differ in size.
    """
    roots = [ElementTree.fromstring(picture) for picture in pictures]
    sizes = {root.get("viewBox") for root in roots}
    if len(sizes) != 1:
        raise ValueError(f"need pictures of one size, got {sorted(map(str, sizes))}: fix figsize")
    shared: dict[str, Element] = {}
    for root in roots:
        _collect(root, shared)
    used = _referred_to(roots, shared)
    for root in roots:
        _forget_names(root, used)
    (merged,) = _merged(roots)
    for group in merged.iter():
        if str(shown) not in group.get("data-frames", str(shown)).split():
            group.set("style", "display:none")
    definitions = Element(f"{{{SVG}}}defs")
    definitions.extend(shared[name] for name in sorted(shared))
    merged.insert(0, definitions)
    return _text(merged)


def labelled(svg: str, text: str) -> str:
    """`svg` as a picture with a text alternative, for a page."""
    escaped = html.escape(text)
    return re.sub(r"<svg\b", f'<svg role="img" aria-label="{escaped}"', svg, count=1)


def _collect(root: Element, shared: dict[str, Element]) -> None:
    """Move what stands in `defs` anywhere below `root` to `shared`, by name."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag != f"{{{SVG}}}defs":
                continue
            for part in child:
                shared.setdefault(part.get("id") or digest(_text(part)), part)
            parent.remove(child)


def _referred_to(roots: Sequence[Element], shared: dict[str, Element]) -> set[str]:
    found = set()
    for tree in [*roots, *shared.values()]:
        for element in tree.iter():
            for name, value in element.items():
                if name in ("href", f"{{{XLINK}}}href"):
                    found.add(value.removeprefix("#"))
                found.update(REFERENCE.findall(value))
    return found


def _forget_names(root: Element, used: set[str]) -> None:
    """Drop the names that nothing refers to and nobody reads: they only count the artists."""
    for element in root.iter():
        name = element.get("id", "")
        if name and name not in used and not MEANINGFUL.match(name):
            del element.attrib["id"]


def _merged(versions: Sequence[Element]) -> list[Element]:
    """The elements that stand for one element in all its versions, one per picture."""
    first = versions[0]
    if len({_text(version) for version in versions}) == 1:
        return [first]
    alike = all(
        (v.tag, v.attrib, v.text) == (first.tag, first.attrib, first.text) for v in versions
    )
    if not (alike and len(first)):
        return _alternatives([[version] for version in versions])
    whole = Element(first.tag, first.attrib)
    whole.text = first.text
    whole.extend(_merged_rows([list(version) for version in versions]))
    return [whole]


def _merged_rows(rows: Sequence[list[Element]]) -> list[Element]:
    """The children of elements that are alike: pair by pair, or what differs as a whole."""
    if len({len(row) for row in rows}) == 1:
        return [part for versions in zip(*rows, strict=True) for part in _merged(versions)]
    shortest = min(len(row) for row in rows)
    texts = [[_text(child) for child in row] for row in rows]
    start = 0
    while start < shortest and len({row[start] for row in texts}) == 1:
        start += 1
    end = 0
    while end < shortest - start and len({row[-1 - end] for row in texts}) == 1:
        end += 1
    middle = [row[start : len(row) - end] for row in rows]
    return [*rows[0][:start], *_alternatives(middle), *rows[0][len(rows[0]) - end :]]


def _alternatives(rows: Sequence[list[Element]]) -> list[Element]:
    """One group per version of a row of elements, with the numbers of its pictures."""
    groups: dict[str, tuple[list[Element], list[str]]] = {}
    for number, row in enumerate(rows):
        key = "".join(map(_text, row))
        groups.setdefault(key, (row, []))[1].append(str(number))
    found = []
    for row, members in groups.values():
        if row:
            group = Element(f"{{{SVG}}}g", {"data-frames": " ".join(members)})
            group.extend(row)
            found.append(group)
    return found


def _text(element: Element) -> str:
    return ElementTree.tostring(element, encoding="unicode").rstrip()
