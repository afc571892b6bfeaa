"""Laws of pictures: smaller and recoloured, they show the same, and their references hold."""

import io
import re
import xml.etree.ElementTree as ET

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bncourse.figures import svg
from bncourse.figures.colours import on_dark

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)")
SVG = "http://www.w3.org/2000/svg"


def picture(inside: str) -> str:
    return (
        f'<svg xmlns="{SVG}" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'
        f"{inside}</svg>"
    )


@pytest.fixture(scope="module")
def drawn() -> str:
    """A figure with lines, markers, bands, writing, a raster image and writing upon it."""
    matplotlib.use("agg")
    with plt.rc_context({"svg.hashsalt": "test"}):
        figure, (left, right) = plt.subplots(1, 2)
        left.plot([0, 1, 2], [2, 0, 1], "o-", color="#0072b2", label="a line & <more>")
        left.fill_between([0, 1, 2], [2, 0, 1], 3, color="#d55e00", alpha=0.2)
        left.scatter([0, 1], [1, 2], color="#009e73", alpha=0.5)
        left.legend()
        right.imshow(np.eye(2), cmap="cividis")
        right.text(0, 0, "written", color="#ffee00", gid="fixed-0")
        text = io.StringIO()
        figure.savefig(text, format="svg")
        plt.close(figure)
    return text.getvalue()


def elements(text: str) -> list[ET.Element]:
    return list(ET.fromstring(text.encode()).iter())


def ids(text: str) -> list[str]:
    return [element.get("id", "") for element in elements(text) if "id" in element.attrib]


def references(text: str) -> set[str]:
    return {a or b for a, b in re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text)}


def tags(text: str, name: str) -> list[ET.Element]:
    return [element for element in elements(text) if element.tag == f"{{{SVG}}}{name}"]


def test_a_compact_picture_holds_the_same_marks_in_the_same_order(drawn):
    small = svg.compact(drawn)
    assert len(small) < 0.7 * len(drawn)
    assert len(tags(small, "use")) == len(tags(drawn, "use"))
    assert len(tags(small, "path")) == len(tags(drawn, "path")) - 3  # the backgrounds
    images = [re.findall(r'base64,([^"]+)', text) for text in (drawn, small)]
    assert [data.split() for data in images[0]] == [data.split() for data in images[1]] != []


@pytest.mark.parametrize("digits", [0, 1, 3])
def test_coordinates_move_by_less_than_the_last_digit(digits):
    path = "M 0.123456 -1.98765 \nL 0.5 12.000049 \nQ 1e-7 -0.0004 3.999 4 \nz\n"
    small = svg.compact(picture(f'<path d="{path}"/>'), digits)
    (data,) = (element.get("d") for element in tags(small, "path"))
    before, after = (
        [float(n) for n in re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?", text)]
        for text in (path, data)
    )
    assert after == pytest.approx(before, abs=0.5001 * 10**-digits)
    assert re.sub(r"[^A-Za-z]", "", data) == "MLQz"


@given(st.lists(st.tuples(st.floats(-999, 999), st.floats(-999, 999)), min_size=2, max_size=9))
def test_the_numbers_of_a_path_stay_apart(points):
    data = "M " + " L ".join(f"{x:.6f} {y:.6f}" for x, y in points)
    small = svg.compact(picture(f'<path d="{data}"/>'))
    (written,) = (element.get("d", "") for element in tags(small, "path"))
    assert re.fullmatch(r"M[^A-Z]*L[^A-Z]*", written)
    numbers = [float(n) for n in NUMBER.findall(written)]
    assert numbers == pytest.approx([n for point in points for n in point], abs=0.00501)


def test_nothing_is_left_that_is_not_seen(drawn):
    small = svg.compact(drawn)
    for gone in ("<?xml", "<!DOCTYPE", "<!--", "metadata", "Matplotlib", "<style", "\n", "patch_"):
        assert gone not in small
    assert set(ids(small)) == references(small)


def test_the_picture_is_transparent_but_for_what_covers_something(drawn):
    def white(text: str) -> int:
        return sum(e.get("style", "").replace(" ", "") == "fill:#ffffff" for e in elements(text))

    assert white(drawn) == 3  # a figure and two axes
    assert white(svg.compact(drawn)) == 0
    inside = '<g id="figure_1"><g id="axes_1"><g id="line_1"/>{}</g></g>'
    inset = '<g id="axes_2"><g id="patch_5"><path d="M 0 0" style="fill: #ffffff"/></g></g>'
    assert white(svg.compact(picture(inside.format(inset)))) == 1


def test_scales_keep_their_digits(drawn):
    assert "scale(0.015625)" in svg.compact(drawn, 0)


def test_a_compact_picture_cannot_be_made_smaller(drawn):
    small = svg.compact(drawn)
    assert svg.compact(small) == small


def test_a_style_moves_to_the_group_that_shares_it_but_never_opacity():
    shared = picture('<g><path style="stroke: #000000"/><path style="stroke: #000000"/></g>')
    assert svg.compact(shared).count("stroke") == 1
    seen = picture('<g><path style="opacity: 0.5"/><path style="opacity: 0.5"/></g>')
    assert svg.compact(seen).count("opacity") == 2


def test_references_hold_and_ids_are_unique(drawn):
    for text in (svg.compact(drawn), svg.isolate(drawn, "a-"), svg.darkened(drawn)):
        assert len(set(ids(text))) == len(ids(text)) > 0
        assert references(text) <= set(ids(text))


def test_two_isolated_pictures_share_no_id(drawn):
    small = svg.compact(drawn)
    one, two = svg.isolate(small, "one-"), svg.isolate(small, "two-")
    assert not set(ids(one)) & set(ids(two))
    assert all(name.startswith("one-") for name in [*ids(one), *references(one)])


def test_dark_colours_replace_all_but_fixed_ones(drawn):
    for text in (drawn, svg.compact(drawn), svg.isolate(svg.compact(drawn), "p")):
        dark = svg.darkened(text)
        assert on_dark("#0072b2") in dark and "#0072b2" not in dark
        assert "#ffee00" in dark
        assert svg.colours(dark) == {on_dark(colour) for colour in svg.colours(text)}


def test_what_names_no_colour_is_light_on_a_dark_page_and_black_in_a_fixed_group():
    inside = '<path d="M 0 0"/><g id="fixed-1"><path d="M 1 1"/></g>'
    dark = svg.darkened(picture(inside))
    root, _, fixed, _ = elements(dark)
    assert root.get("style") == "fill:#e8e8e8"
    assert fixed.get("style") == "fill:#000000"


def test_variables_give_the_light_picture_or_the_dark_one(drawn):
    small = svg.compact(drawn)
    text, variables = svg.with_variables(small)
    used = dict(re.findall(r"var\((--figure-[0-9a-f]{6}), (#[0-9a-f]{6})\)", text))
    assert set(used) == set(variables) and all(used[n] == f"#{n[-6:]}" for n in used)
    assert {c: on_dark(c) for c in svg.colours(small) if on_dark(c) != c} == {
        used[name]: variables[name] for name in used
    }
    dark = re.sub(r"var\((--figure-\w+), #\w+\)", lambda m: variables[m.group(1)], text)
    assert dark == svg.darkened(small)


@pytest.mark.parametrize("text", ["", "<svg", "<html></html>", "<svg></svg>"])
@pytest.mark.parametrize("function", [svg.compact, svg.darkened, svg.with_variables, svg.colours])
def test_what_is_no_picture_is_refused(function, text):
    with pytest.raises(ValueError, match="not an SVG picture"):
        function(text)


def test_digits_and_prefixes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="digits must be 0 or more, got -1"):
        svg.compact(picture(""), -1)
    for prefix in ("", "1a", "a b", "é"):
        with pytest.raises(ValueError, match="a prefix is a letter"):
            svg.isolate(picture(""), prefix)


def test_each_start_of_a_path_is_kept():
    """Without its letter a second start would be the end of a line."""
    path = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M 0 0 M 1 1 L 2 2 L 3 3 z z"/></svg>'
    assert 'd="M0 0M1 1L2 2 3 3zz"' in svg.compact(path)
