"""Many pictures in one SVG: each can be taken out again as it was."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bncourse.figures import frames

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'


def picture(*shapes: str) -> str:
    return f"{HEAD}{''.join(shapes)}</svg>"


def taken_out(merged: str, number: int) -> list[str]:
    """The shapes of one picture of a merged one, in order, by their tags and attributes."""
    shapes: list[str] = []

    def visit(element: ElementTree.Element) -> None:
        members = element.get("data-frames")
        if element.tag.endswith("defs") or (members and str(number) not in members.split()):
            return
        if len(element) == 0 and not element.tag.endswith("}g"):
            shapes.append(f"{element.tag} {sorted(element.items())}")
        for child in element:
            visit(child)

    visit(ElementTree.fromstring(merged))
    return shapes


def line(x: int) -> str:
    return f'<path d="M0 {x}"/>'


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5), min_size=1, max_size=6))
def test_every_picture_can_be_taken_out_of_the_merged_one(rows: list[list[int]]) -> None:
    pictures = [picture(*map(line, row)) for row in rows]
    merged = frames.merge(pictures)
    for number, alone in enumerate(pictures):
        assert taken_out(merged, number) == taken_out(alone, 0)


@given(st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=2, max_size=5), st.data())
def test_every_picture_in_groups_can_be_taken_out(
    rows: list[list[int]], data: st.DataObject
) -> None:
    inner = [f"<g>{''.join(map(line, row))}</g>{line(9)}" for row in rows]
    pictures = [picture("<g>", text, "</g>") for text in inner]
    merged = frames.merge(pictures, data.draw(st.integers(0, len(rows) - 1)))
    for number, alone in enumerate(pictures):
        assert taken_out(merged, number) == taken_out(alone, 0)


def test_what_all_pictures_share_stands_there_once() -> None:
    shared = "".join(line(i) for i in range(50))
    pictures = [picture(f"<g>{shared}</g>", line(100 + i)) for i in range(20)]
    assert frames.merge(pictures).count("M0 7") == 1
    assert len(frames.merge(pictures)) < 2.5 * len(pictures[0])


def test_only_the_picture_that_is_shown_first_is_visible() -> None:
    merged = ElementTree.fromstring(frames.merge([picture(line(i)) for i in (0, 1, 0)], shown=1))
    groups = {g.get("data-frames"): g.get("style") for g in merged.iter() if g.get("data-frames")}
    assert groups == {"0 2": "display:none", "1": None}


def test_glyphs_and_clip_paths_are_collected_and_still_found() -> None:
    defined = '<defs><path id="glyph" d="M1"/></defs>'
    pictures = [picture(f'<g>{defined}<use href="#glyph" x="{i}"/></g>') for i in range(3)]
    merged = frames.merge(pictures)
    assert merged.count('id="glyph"') == 1 and merged.count("<use") == merged.count("defs>") + 1


def test_names_that_only_count_artists_do_not_keep_pictures_apart() -> None:
    pictures = [picture(f'<g id="line2d_{i}">{line(1)}</g>') for i in range(2)]
    assert "data-frames" not in frames.merge(pictures)


def test_pictures_of_different_sizes_are_refused() -> None:
    other = picture(line(0)).replace("0 0 9 9", "0 0 9 8")
    with pytest.raises(ValueError, match=r"need pictures of one size, got .*9 8.*fix figsize"):
        frames.merge([picture(line(0)), other])


def test_a_label_is_escaped() -> None:
    assert 'aria-label="&quot;x&quot; &lt; 1"' in frames.labelled(picture(), '"x" < 1')
