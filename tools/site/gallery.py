"""The page of figures for slides: every numbered figure of the chapters, with files to download.

    ```{gallery}
    ```

The figures are those of the pages as they are built, so the gallery cannot go stale.  Its files are
those that the pages show, for light and for dark slides, and the notebook's PNG.  An interactive
figure is there with the picture that it shows first, as SVG alone.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path
from typing import Any

import nbformat
import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from bncourse.figures import svg
from tools.site import drawings, figures

LIGHT, DARK, PRINTED = "SVG for light slides", "SVG for dark slides", "PNG"


@dataclass(frozen=True)
class Picture:
    """A numbered figure: its place, what it says, its size on the page, its files by their use."""

    page: str
    label: str
    number: str
    caption: nodes.Element
    alt: str
    size: tuple[int, int]
    files: dict[str, str]


def first_frame(widget: str) -> tuple[str, str]:
    """The picture that an interactive figure shows at first, as a light SVG, and its text.

    widget: the HTML of `bncourse.figures.interactive.static`.
    Raises ValueError if it holds no picture.
    """
    found = re.search(r"<svg\b.*</svg>", widget, re.S)
    if found is None:
        raise ValueError(f"need an inline svg, got {widget[:80]!r}: let explore() draw it")
    drawing = drawings.first_frame(found.group())
    text = re.search(r'<svg\b[^>]*? aria-label="([^"]*)"', drawing)
    return drawing, unescape(text[1]) if text else ""


def files_of(figure: figures.Figure, folder: Path) -> dict[str, str]:
    """The files of a figure in `folder`; its page writes the SVG."""
    found = {LIGHT: f"{figure.name}.svg", DARK: f"{figure.name}-dark.svg"}
    if figure.png is not None:
        found[PRINTED] = f"{figure.name}.png"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(figure.png, folder / found[PRINTED])
    return found


def files_of_first_frame(label: str, light: str, folder: Path) -> dict[str, str]:
    """Write the first picture of an interactive figure to `folder`, for both kinds of slides."""
    found = {LIGHT: f"{label}.svg", DARK: f"{label}-dark.svg"}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / found[LIGHT]).write_text(light, encoding="utf-8")
    (folder / found[DARK]).write_text(svg.darkened(light), encoding="utf-8")
    return found


def pictures(app: Sphinx, page: str) -> Iterator[Picture]:
    """The numbered figures of a page, in their order, with their files in the site."""
    numbers = app.env.toc_fignumbers.get(page, {}).get("figure", {})
    folder = Path(app.outdir, app.builder.imagedir)
    for node in app.env.get_doctree(page).findall(nodes.figure):
        label = node["ids"][0]
        figure = node.get("course_figure")
        if figure is not None:
            alt, drawn, files = figure.alt, figure.svg.read_text("utf-8"), files_of(figure, folder)
        else:
            widget = "".join(raw.astext() for raw in node.findall(nodes.raw))
            drawn, alt = first_frame(widget)
            files = files_of_first_frame(label, drawn, folder)
        yield Picture(
            page=page,
            label=label,
            number=".".join(map(str, numbers[label])),
            caption=next(iter(node.findall(nodes.caption))),
            alt=alt,
            size=figures.size(drawn[drawn.index("<svg") :]),
            files=files,
        )


def credit(app: Sphinx, picture: Picture) -> str:
    """The line that the licence asks for, with the address of the figure where it is known."""
    citation = yaml.safe_load((Path(app.srcdir) / "CITATION.cff").read_text(encoding="utf-8"))
    authors = ", ".join(
        author.get("name") or f"{author['given-names']} {author['family-names']}"
        for author in citation["authors"]
    )
    site = app.config.html_baseurl
    place = f" {site}{picture.page}.html#{picture.label}" if site else ""
    return f"{authors}, {citation['title']}, figure {picture.number}. CC BY 4.0.{place}"


def caption(app: Sphinx, page: str, picture: Picture) -> nodes.paragraph:
    """The caption as it stands in the chapter, its number a link to the figure's place there."""
    place = f"{app.builder.get_relative_uri(page, picture.page)}#{picture.label}"
    number = nodes.reference("", f"Fig. {picture.number}", refuri=place, internal=True)
    paragraph = nodes.paragraph()
    paragraph += nodes.inline("", "", number, classes=["caption-number"])
    paragraph += nodes.Text(" ")
    paragraph += [child.deepcopy() for child in picture.caption.children]
    for reference in paragraph.findall(addnodes.pending_xref):
        reference["refdoc"] = page  # links start from this page
    return paragraph


def card(app: Sphinx, page: str, picture: Picture) -> nodes.Element:
    """A figure of the gallery: its thumbnail, number, caption, files, and text to copy."""
    folder = app.builder.imagedir
    width, height = picture.size
    shown = "".join(
        f'<img class="figure-{theme}" src="{folder}/{picture.files[use]}" '
        f'alt="{escape(picture.alt)}" width="{width}" height="{height}" loading="lazy" '
        'decoding="async">'
        for theme, use in (("light", LIGHT), ("dark", DARK))
    )
    links = "".join(
        f'<li><a href="{folder}/{name}" download>{use}'
        f'<span class="visually-hidden"> of figure {picture.number}</span></a></li>'
        for use, name in picture.files.items()
    )
    opening = (
        '<figure class="gallery-figure">'
        f'<div class="gallery-picture figure-box" style="--picture: {width}px">{shown}</div>'
        '<figcaption class="gallery-words">'
    )
    closing = (
        f'<ul class="gallery-files">{links}</ul><details class="gallery-text"><summary>'
        f'Text for the slide<span class="visually-hidden">, figure {picture.number}</span>'
        "</summary>"
    )
    text = f"{picture.caption.astext()}\n{credit(app, picture)}"
    box = nodes.container()
    box += nodes.raw("", opening, format="html")
    box += caption(app, page, picture)
    box += nodes.raw("", closing, format="html")
    box += nodes.literal_block(text, text, language="text")
    box += nodes.raw("", "</details></figcaption></figure>", format="html")
    return box


class figures_of(nodes.General, nodes.Element):
    """Where the figures of a page are put when all pages have been read and numbered."""


class Gallery(SphinxDirective):
    """A section for each chapter with figures; without downloads, as in print, a sentence."""

    def run(self) -> list[nodes.Node]:
        if self.env.app.builder.name != "html":
            said = "The figures for slides are on the site of the book."
            return [nodes.paragraph(said, said)]
        sections: list[nodes.Node] = []
        for page in self.config.external_site_map.as_json()["documents"]:
            path = Path(self.env.srcdir) / f"{page}.ipynb"
            if not page.startswith("chapters/") or not path.exists():
                continue
            notebook = nbformat.read(path, as_version=4)
            if any("figure" in cell.metadata.get("mystnb", {}) for cell in notebook.cells):
                heading = re.search(r"^# (.*)$", notebook.cells[0].source, re.M)
                title = heading.group(1) if heading else page
                number = int(page.removeprefix("chapters/").split("_")[0])
                section = nodes.section(ids=[f"figures-of-{page.rpartition('/')[2]}"])
                section += nodes.title(title, f"{number}. {title}")
                section += figures_of(page=page)
                sections.append(section)
        return sections


class FillGallery(SphinxPostTransform):
    """Put the figures in, before the references in their captions are resolved."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        for place in list(self.document.findall(figures_of)):
            found = list(pictures(self.app, place["page"]))
            place.replace_self([card(self.app, self.env.docname, p) for p in found])


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(figures_of)
    app.add_directive("gallery", Gallery)
    app.add_post_transform(FillGallery)
    app.add_css_file("gallery.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
