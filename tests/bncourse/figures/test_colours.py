"""Laws of colour: contrast as WCAG defines it, and colours that do the same on a dark page."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bncourse.figures.colours import DARK_PAGE, LIGHT_PAGE, READABLE, contrast, on_dark, to_oklab

colours = st.integers(0, 0xFFFFFF).map("#{:06x}".format)
greys = st.integers(0, 255).map(lambda level: "#" + f"{level:02x}" * 3)


@pytest.mark.parametrize(
    ("a", "b", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),  # the lightest grey that fails ...
        ("#767676", "#ffffff", 4.54),  # ... and the one that passes, in the notes to WCAG
        ("#ff0000", "#ffffff", 4.00),
        ("#0000ff", "#FFFFFF", 8.59),
        ("#123456", "#123456", 1.0),
    ],
)
def test_contrasts_that_are_well_known(a, b, ratio):
    assert contrast(a, b) == pytest.approx(ratio, abs=0.005)


@given(colours, colours)
def test_contrast_has_no_direction_and_lies_between_1_and_21(a, b):
    assert contrast(a, b) == contrast(b, a)
    assert 1 <= contrast(a, b) <= 21


def test_red_and_white_in_oklab_are_where_ottosson_has_them():
    assert to_oklab("#ff0000") == pytest.approx((0.628, 0.225, 0.126), abs=5e-4)
    assert to_oklab("#ffffff") == pytest.approx((1, 0, 0), abs=1e-6)


@given(colours)
def test_what_can_be_read_on_white_can_be_read_on_dark(colour):
    if contrast(colour, LIGHT_PAGE) >= READABLE:
        assert contrast(on_dark(colour), DARK_PAGE) >= READABLE


@given(greys)
def test_a_grey_keeps_its_contrast_with_the_page_and_stays_grey(grey):
    dark = on_dark(grey)
    wanted = min(contrast(grey, LIGHT_PAGE), 15.2)
    assert len({dark[1:3], dark[3:5], dark[5:7]}) == 1
    assert wanted * 0.99 <= contrast(dark, DARK_PAGE) <= wanted * 1.05


@given(colours)
def test_a_colour_keeps_its_hue(colour):
    (_, a, b), (_, c, d) = to_oklab(colour), to_oklab(on_dark(colour))
    if math.hypot(a, b) > 0.1 and math.hypot(c, d) > 0.05:
        turn = math.atan2(b, a) - math.atan2(d, c)
        assert abs(math.remainder(turn, math.tau)) < math.radians(4)


def test_pages_change_places_and_black_becomes_a_light_grey():
    assert on_dark(LIGHT_PAGE) == DARK_PAGE
    assert on_dark("#000000") == "#e8e8e8"


def test_a_light_tint_becomes_a_dark_tint():
    assert contrast(on_dark("#e8f1f8"), DARK_PAGE) == pytest.approx(1.14, abs=0.03)
    assert on_dark("#ffff00") == "#ffff00", "a strong light colour is no tint"


@pytest.mark.parametrize("colour", ["grey", "#fff", "#12345g", "#1234567", "112233", ""])
@pytest.mark.parametrize("function", [on_dark, lambda colour: contrast("#ffffff", colour)])
def test_another_form_of_colour_is_refused(function, colour):
    with pytest.raises(ValueError, match="a colour is written #rrggbb, got"):
        function(colour)
