"""Interactive figures: widgets with a kernel, plain HTML without."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import pytest
from bs4 import BeautifulSoup, Tag
from matplotlib.figure import Figure

from bncourse.figures import interactive
from bncourse.figures.interactive import STATIC, canvas, explore


def draw(height: float, name: str = "BN") -> tuple[Figure, str]:
    """A bar of some height in a fixed frame."""
    figure, (ax,) = canvas(height=1.5)
    ax.bar([0], [height])
    ax.set(ylim=(0, 10), title=name)
    return figure, f"{name} <reaches> {height:g}."


def static(*arguments: Any, **parameters: Any) -> Tag:
    with mock.patch.dict("os.environ", {STATIC: "static"}):
        shown = explore(*arguments, **parameters)
    found = BeautifulSoup(shown.data, "html.parser").select_one("div.explore")
    assert found is not None
    return found


def texts(page: Tag) -> list[str]:
    script = page.select_one("script.explore-texts")
    assert script is not None and script.string is not None
    return list(json.loads(script.string))


def test_each_combination_of_values_has_its_text_in_the_order_of_the_strides() -> None:
    page = static(draw, name=["BN", "LN"], height=[1.0, 2.0, 3.0])
    strides = {"name": 3, "height": 1}
    found = {c.find(["legend", "label"]).get_text(): c for c in page.select(".explore-control")}  # type: ignore[union-attr]
    assert set(found) == set(strides)
    fieldset, slider = found["name"], found["height"].select_one("input[type=range]")
    assert slider is not None
    assert (fieldset["data-stride"], slider["data-stride"]) == ("3", "1")
    assert json.loads(str(slider["data-values"])) == ["1", "2", "3"]
    expected = [f"{n} <reaches> {h}." for n in ("BN", "LN") for h in (1, 2, 3)]
    assert texts(page) == expected


def test_the_page_starts_with_the_values_asked_for() -> None:
    start = {"height": 2.0, "name": "LN"}
    page = static(draw, name=["BN", "LN"], height=[1.0, 2.0, 3.0], start=start)
    slider, picture = page.select_one("input[type=range]"), page.select_one("svg")
    said, checked = page.select_one("[role=status]"), page.select_one("input[checked]")
    assert slider is not None and picture is not None and said is not None and checked is not None
    assert (slider["value"], slider["aria-valuetext"], checked["value"]) == ("1", "2", "1")
    assert (
        picture["aria-label"] == said.get_text() == "LN <reaches> 2." and picture["role"] == "img"
    )
    for group in page.select("[data-frames]"):
        assert ("4" in str(group["data-frames"]).split()) == (
            "display:none" not in str(group.get("style"))
        )


def test_without_javascript_there_are_no_dead_controls() -> None:
    controls = static(draw, height=[1.0, 2.0]).select_one(".explore-controls")
    assert controls is not None and controls.has_attr("hidden")


def test_two_figures_in_a_page_share_no_id() -> None:
    pages = [static(draw, height=[1.0, 2.0]), static(draw, height=[1.0, 3.0])]
    ids = [[str(e["id"]) for e in page.find_parents()[-1].select("[id]")] for page in pages]
    assert ids[0] and len(set(ids[0] + ids[1])) == len(ids[0] + ids[1])


def test_two_runs_write_the_same_bytes() -> None:
    assert str(static(draw, height=[1.0, 2.0])) == str(static(draw, height=[1.0, 2.0]))


def test_a_negative_number_is_written_with_a_minus_sign() -> None:
    def below(height: float) -> tuple[Figure, str]:
        return draw(height)[0], f"batch-wise, 2-4, from {height:g} to -.5"

    page = static(below, height=[-1.0, 2e-05])
    assert texts(page) == ["batch-wise, 2-4, from −1 to −.5", "batch-wise, 2-4, from 2e-05 to −.5"]
    slider = page.select_one("input[type=range]")
    assert slider is not None and json.loads(str(slider["data-values"])) == ["−1", "2e-05"]


def test_booleans_and_names_make_buttons_and_numbers_make_sliders() -> None:
    assert interactive.is_slider([1, 2.5, None])
    assert not interactive.is_slider([True, False])
    assert not interactive.is_slider(["BN", "LN"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "need a parameter to change, got none"),
        ({"height": [1.0]}, r"height: need at least 2 values, got \[1.0\]"),
        ({"height": range(9), "name": "abcdefghij"}, "need at most 80 pictures, got 9 x 10"),
        ({"height": [1.0, 2.0], "start": {"height": 3}}, "start: height=3 is none of"),
        (
            {"height": [1.0, 2.0], "start": {"depth": 3}},
            "start: depth=3 is none of the values None",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        static(draw, **parameters)


def test_a_figure_that_is_too_heavy_is_refused_with_its_size() -> None:
    with (
        mock.patch.object(interactive, "MAX_BYTES", 1000),
        pytest.raises(ValueError, match=r"at most 1 kB in a page, got \d+ kB for 2 pictures"),
    ):
        static(draw, height=[1.0, 2.0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda height: None, "must return a Figure and a text, got NoneType"),
        (lambda height: (draw(height)[0], ""), "must return a text that says what is to be seen"),
    ],
)
def test_a_function_that_draws_nothing_is_named(wrong: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        static(wrong, height=[1.0, 2.0])


# -- with a kernel ------------------------------------------------------------------------------


def test_a_widget_draws_a_picture_when_it_is_asked_for_and_once() -> None:
    asked: list[float] = []

    def counted(height: float, name: str) -> tuple[Figure, str]:
        asked.append(height)
        return draw(height, name)

    widget = explore(counted, height=[1.0, 2.0, 3.0], name=["BN", "LN"], start={"height": 2.0})
    slider, _, picture, said = widget.children
    assert asked == [2.0] and "BN &lt;reaches&gt; 2." in said.value
    first = picture.value
    slider.index = 2
    assert asked == [2.0, 3.0] and "BN &lt;reaches&gt; 3." in said.value and picture.value != first
    slider.index = 1
    assert asked == [2.0, 3.0] and picture.value == first
    assert 'role="img"' in first and "aria-label" in first


def test_a_viewer_without_widgets_gets_the_picture() -> None:
    bundle = explore(draw, height=[1.0, 2.0])._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "<svg" in bundle["text/html"] and "BN &lt;reaches&gt; 1." in bundle["text/html"]


def test_a_text_may_hold_the_end_of_a_script() -> None:
    page = static(lambda height: (draw(height)[0], f"</script> {height}"), height=[1, 2])
    assert texts(page) == ["</script> 1", "</script> 2"]
