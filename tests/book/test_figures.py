"""Laws of the pictures on the pages: there for both themes, legible in both, and small.

The tests of the site read the folder named by BNCOURSE_BOOK, or _build/test; `make test` builds it.
"""

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup, Tag

from bncourse.figures.colours import DARK_PAGE, LIGHT_PAGE, READABLE, contrast, on_dark
from tools.notebooks import execution
from tools.site import figures

BOOK = Path(os.environ.get("BNCOURSE_BOOK", execution.ROOT / "_build" / "test"))
SVG = "{http://www.w3.org/2000/svg}"
GRID = "#e3e3e3"  # decoration: axes and their numbers say the same
PAGE_WIDTH = 688  # of the text, in a window of 1280
PICTURES_OF_A_PAGE = 450_000


# -- the parts ----------------------------------------------------------------------------------


def drawn(width: str = "460pt", height: str = "240.1pt") -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        '<path d="M 0 0 L 1.23456 1" style="stroke: #0072b2"/></svg>'
    )


@pytest.mark.parametrize("before", ["", '<?xml version="1.0"?>\n<!DOCTYPE svg>\n'])
def test_the_size_is_in_pixels_of_css(before):
    assert figures.size(before + drawn()) == (614, 321)


@pytest.mark.parametrize("text", [drawn(width="460px"), "<svg></svg>", ""])
def test_a_picture_without_a_size_is_refused(text):
    with pytest.raises(ValueError, match="need a picture with width and height in pt"):
        figures.size(text)


def test_a_figure_is_written_for_light_and_for_dark_pages(tmp_path):
    (tmp_path / "raw.svg").write_text(drawn())
    figure = figures.Figure("id1", "fig-a", "alt", tmp_path / "raw.svg", None)
    folder = tmp_path / "new" / "_images"
    assert figures.write(figure, folder) == (614, 321)
    assert "#0072b2" in (folder / "fig-a.svg").read_text()
    assert on_dark("#0072b2") in (folder / "fig-a-dark.svg").read_text()


def written(width: int) -> BeautifulSoup:
    """What a page says for a picture of this width."""
    builder = SimpleNamespace(imgpath="../_images")
    translator = SimpleNamespace(builder=builder, body=[])
    node = figures.picture(light="a.svg", dark="a-dark.svg", alt='a "b" <c>', width=width, height=5)
    node["number"] = "2.3"
    figures.visit_picture(translator, node)
    return BeautifulSoup("".join(translator.body), "html.parser")


def test_a_page_with_two_themes_has_both_pictures_and_reserves_their_place():
    light, dark = written(400).select("div.figure-box > img")
    assert (light["src"], dark["src"]) == ("../_images/a.svg", "../_images/a-dark.svg")
    assert (light["class"], dark["class"]) == (["figure-light"], ["figure-dark"])
    for image in (light, dark):
        assert image["alt"] == 'a "b" <c>'
        assert (image["width"], image["height"]) == ("400", "5")
        assert (image["loading"], image["decoding"]) == ("lazy", "async")


def test_only_a_picture_too_wide_for_a_phone_is_a_stop_of_the_tabulator():
    (narrow,) = written(455).select(".figure-box")
    (wide,) = written(456).select(".figure-box")
    assert not narrow.has_attr("tabindex") and not narrow.has_attr("role")
    assert (wide["tabindex"], wide["role"]) == ("0", "region")
    assert "Figure 2.3" in wide["aria-label"]


# -- the site -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def boxes() -> list[tuple[Path, Tag]]:
    """Page and box of each picture of the site."""
    folder = BOOK / "html"
    if not folder.exists():
        if "BNCOURSE_BOOK" in os.environ:
            pytest.fail(f"no site in {folder}")
        pytest.skip("no site was built: run `make test`")
    found = []
    for page in sorted(folder.glob("chapters/*.html")):
        text = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        found += [(page, box) for box in text.select("article .figure-box")]
    assert len(found) >= 50
    return found


def files(boxes: list[tuple[Path, Tag]], theme: str) -> list[Path]:
    images = [(page, box.select_one(f"img.figure-{theme}")) for page, box in boxes]
    return [(page.parent / str(image["src"])).resolve() for page, image in images if image]


def test_each_picture_of_a_chapter_is_there_for_both_themes(boxes):
    light, dark = files(boxes, "light"), files(boxes, "dark")
    assert len(light) == len(dark) == len(boxes)
    assert all(path.exists() for path in [*light, *dark])
    assert len(set(light)) == len(light), "two figures have one name"


def test_no_chapter_shows_a_drawing_outside_of_a_box(boxes):
    for page in {page for page, _ in boxes}:
        text = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        for image in text.select("article img[src$='.svg']"):
            assert image.find_parent(class_=["figure-box", "figure-panel"]), (
                f"{page.name}: {image['src']}"
            )


def test_the_place_of_a_picture_is_reserved_at_its_size(boxes):
    for page, box in boxes:
        for image in box.select("img"):
            text = (page.parent / str(image["src"])).read_text(encoding="utf-8")
            assert figures.size(text) == (int(image["width"]), int(image["height"]))


def test_writing_is_no_smaller_than_9_5_points_and_pages_do_not_shrink_it(boxes):
    for path in files(boxes, "light"):
        text = path.read_text(encoding="utf-8")
        sizes = [float(s) for s in re.findall(r"scale\((\.?[\d.]+) -\1\)", text)]
        assert min(sizes, default=1) >= 0.095, path.name  # matplotlib scales glyphs of 100 points
        assert figures.size(text)[0] <= PAGE_WIDTH, path.name


def marks(element: ET.Element, style: dict[str, str]) -> Iterator[tuple[str, str, float]]:
    """("writing", "fill" or "stroke"; colour; opacity) of what is drawn below `element`."""
    if element.get("class") == "fixed-colours" or element.tag in (f"{SVG}defs", f"{SVG}image"):
        return
    own = dict(part.split(":", 1) for part in element.get("style", "").split(";") if part)
    style = {k: v for k, v in style.items() if k != "opacity"} | own
    writing = element.tag == f"{SVG}g" and " -" in element.get("transform", "")
    if element.tag in (f"{SVG}path", f"{SVG}use", f"{SVG}rect"):
        for kind in ("fill", "stroke"):
            colour = style.get(kind, "none")
            if colour.startswith("#"):
                opacity = float(style.get(f"{kind}-opacity", 1)) * float(style.get("opacity", 1))
                yield ("writing" if "in text" in style else kind), colour, opacity
    for child in element:
        yield from marks(child, style | ({"in text": "yes"} if writing else {}))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_mark_can_be_seen_on_its_page(boxes, theme):
    """Contrast of 4.5 for writing, lines and dots; not for the grid, bands and backgrounds.

    A band is nearly transparent, and a background has a tint; neither is a line or a letter.
    """
    page = {"light": LIGHT_PAGE, "dark": DARK_PAGE}[theme]
    grid = {"light": GRID, "dark": on_dark(GRID)}[theme]
    seen = set()
    for path in files(boxes, theme):
        root = ET.fromstring(path.read_text(encoding="utf-8"))
        for kind, colour, opacity in marks(root, {"fill": "#000000"}):
            seen.add(kind)
            if kind != "writing" and (colour in (page, grid) or opacity <= 0.3):
                continue
            background = kind == "fill" and contrast(colour, page) < 1.8
            assert background or contrast(colour, page) >= READABLE, (path.name, kind, colour)
            assert background or opacity >= 0.9, (path.name, kind, colour, opacity)
    assert seen == {"writing", "fill", "stroke"}


def test_the_pictures_of_a_page_are_small(boxes):
    weights: dict[Path, int] = {}
    for (page, _), path in zip(boxes, files(boxes, "light"), strict=True):
        weights[page] = weights.get(page, 0) + path.stat().st_size
    assert all(weight <= PICTURES_OF_A_PAGE for weight in weights.values()), weights
