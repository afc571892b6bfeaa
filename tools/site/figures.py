"""Pictures of the pages, each for light and for dark pages; part of the Sphinx extension.

A figure of a chapter comes out of its notebook as SVG and as PNG.  A page of the site shows the
SVG as two files, compact and transparent, of which a style sheet (chapters/_static/figures.css)
shows one.  The printed book and the ePub are made from the pages and keep the light one.  Other
parts of the extension find a `Figure` as `node["course_figure"]` of each figure in the doctree of
a page.
"""

from __future__ import annotations

import html
import math
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from bncourse.figures import svg
from tools.site.panels import panels

PHONE = 328  # pixels that a screen of 360 leaves to the text
READABLE = 0.72  # of its size: there the smallest writing, 9.5 points, is 9 pixels high


@dataclass(frozen=True)
class Figure:
    """A figure with a picture: the label that its page gives it, its text, and its files.

    `svg` and `png` are as the notebook wrote them, `name` is the stem of the files of the site:
    _images/NAME.svg for light pages, _images/NAME-dark.svg for dark ones.
    """

    label: str
    name: str
    alt: str
    svg: Path
    png: Path | None


class picture(nodes.General, nodes.Element):
    """A picture with the files `light` and, if the page has two themes, `dark`."""


def write(figure: Figure, folder: Path) -> tuple[int, int]:
    """Write the light file of a figure into `folder`, and the dark one; returns their size."""
    light = svg.compact(figure.svg.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{figure.name}.svg").write_text(light, encoding="utf-8")
    (folder / f"{figure.name}-dark.svg").write_text(svg.darkened(light), encoding="utf-8")
    return size(light)


def size(text: str) -> tuple[int, int]:
    """Width and height of an SVG picture in CSS pixels, rounded up.

    Raises ValueError unless the picture states them in points.
    """
    found = re.search(r'<svg\b[^>]*? width="([\d.]+)pt" height="([\d.]+)pt"', text)
    if not found:
        raise ValueError(f"need a picture with width and height in pt, got {text[:200]!r}")
    width, height = (math.ceil(float(points) * 4 / 3) for points in found.groups())
    return width, height


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Note in each figure of a page what it shows, and a name for its files."""
    page = app.env.docname
    for position, node in enumerate(doctree.findall(nodes.figure)):
        images = {Path(image["uri"]).suffix: image for image in node.findall(nodes.image)}
        if ".svg" not in images or not node["ids"]:
            continue
        drawn, printed = images[".svg"], images.get(".png")
        node["course_figure"] = Figure(
            label=node["ids"][0],
            name=node["names"][0] if node["names"] else f"{page.replace('/', '-')}-{position}",
            alt=drawn.get("alt", ""),
            svg=Path(app.srcdir, drawn["uri"]),
            png=Path(app.srcdir, printed["uri"]) if printed else None,
        )


class Pictures(SphinxPostTransform):
    """Put the pictures for light and dark pages in the place of each figure's SVG."""

    default_priority = 5  # after SVG has been chosen among the formats of an output
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        builder = self.app.builder
        numbers = self.env.toc_fignumbers.get(self.env.docname, {}).get("figure", {})
        for node in list(self.document.findall(nodes.figure)):
            figure = node.get("course_figure")
            images = list(node.findall(nodes.image))
            if figure is None or len(images) != 1 or not images[0]["uri"].endswith(".svg"):
                continue
            width, height = write(figure, Path(builder.outdir, builder.imagedir))
            shown = picture(
                light=f"{figure.name}.svg",
                dark=f"{figure.name}-dark.svg",
                alt=figure.alt,
                width=width,
                height=height,
                panels=panels(figure.svg.read_text(encoding="utf-8")),
                number=".".join(map(str, numbers.get(figure.label, ()))),
            )
            images[0].replace_self(shown)


def visit_picture(translator: Any, node: picture) -> None:
    """Write both pictures.  Too wide for a phone, they show their panels there, below each other.

    One without panels scrolls in its box, also by keyboard.
    """
    folder = translator.builder.imgpath

    def image(file: str, attributes: str) -> str:
        source = html.escape(posixpath.join(folder, file))
        measures = f'width="{node["width"]}" height="{node["height"]}"'
        return f'<img src="{source}" alt="{html.escape(node["alt"])}" {measures}{attributes} />'

    box = f'class="figure-box" style="--picture: {node["width"]}px"'
    wide = node["width"] * READABLE > PHONE
    stacked = node.get("panels", []) if wide else []
    if wide and not stacked:
        label = f"Figure {node['number']}, scrolls sideways where it is wider than the screen"
        box += f' tabindex="0" role="region" aria-label="{label}"'
    later = ' loading="lazy" decoding="async"'
    shown = image(node["light"], f' class="figure-light"{later}')
    hidden = image(node["dark"], f' class="figure-dark"{later}')
    translator.body.append(f"<div {box}>\n{shown}\n{hidden}\n</div>\n")
    if stacked:
        parts = "".join(
            f'<div class="figure-panel" style="--left: {part.left:.4f}; --share: {part.width:.4f}; '
            f'--ratio: {part.width * node["width"] / node["height"]:.4f}">{shown}{hidden}</div>'
            for part in stacked
        )
        said = html.escape(node["alt"])
        translator.body.append(
            f'<div class="figure-panels" role="img" aria-label="{said}">{parts}</div>\n'
        )


def depart_picture(translator: Any, node: picture) -> None:
    """Nothing is left to write."""


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(picture, html=(visit_picture, depart_picture))
    app.add_post_transform(Pictures)
    app.connect("doctree-read", collect, priority=900)  # after Sphinx has found the images
    app.add_css_file("figures.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
