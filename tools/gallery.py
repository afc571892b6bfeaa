"""The page of figures for slides: every numbered figure of the chapters, with files to download.

    ```{gallery}
    ```

The figures are those of the pages as they are built, so the gallery cannot go stale.  An
interactive figure is there with its first picture.  The files lie beside the page, named after
the figure: `mechanism-eps.svg` for light slides, `mechanism-eps-dark.svg`, `mechanism-eps.png`.
"""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import launch
import nbformat
import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from bnlib import svg

PIXELS = 1920  # the width of a slide
FOLDER = "figures"
NAMESPACE = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Picture:
    """A numbered figure of a chapter: its place, what it shows, and itself as a light SVG."""

    page: str
    id: str
    number: str
    caption: nodes.Element
    alt: str
    light: str

    @property
    def name(self) -> str:
        return self.id.removeprefix("fig-")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the screen."""
        box = ElementTree.fromstring(self.light).attrib["viewBox"].split()
        width, height = (round(float(number) * 4 / 3) for number in box[2:])
        return width, height


def first_frame(widget: str) -> tuple[str, str]:
    """The picture that an interactive figure shows at first, as a light SVG, and its text.

    widget: HTML with one inline `svg`, whose groups with `display:none` belong to other frames and
    whose colours are CSS variables with the light colour as the fallback.
    Raises ValueError if there is no such picture.
    """
    found = re.search(r"<svg\b.*</svg>", widget, re.S)
    if found is None:
        raise ValueError(f"need an inline svg, got {widget[:80]!r}: let explore() draw it")
    text = re.sub(r"var\(--[\w-]+,\s*([^()]+)\)", r"\1", found.group())
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            if "display:none" in child.get("style", "").replace(" ", ""):
                parent.remove(child)
    alt = root.attrib.pop("aria-label", "")
    return ElementTree.tostring(root, encoding="unicode"), alt


def drawn(app: Sphinx, page: str, figure: nodes.figure) -> tuple[str, str] | None:
    """The picture in a figure as a light SVG, and its alternative text; None if it has none."""
    for image in figure.findall(nodes.image):
        path = Path(app.srcdir) / image["candidates"].get("image/svg+xml", image["uri"])
        if path.suffix == ".svg":
            return svg.compact(path.read_text(encoding="utf-8")), image.get("alt", "")
    for raw in figure.findall(nodes.raw):
        if "<svg" in raw.astext():
            return first_frame(raw.astext())
    return None


def pictures(app: Sphinx, page: str) -> Iterator[Picture]:
    """The numbered figures of a page, in their order."""
    numbers = app.env.toc_fignumbers.get(page, {}).get("figure", {})
    for figure in app.env.get_doctree(page).findall(nodes.figure):
        known = [name for name in figure["ids"] if name in numbers]
        caption = next(iter(figure.findall(nodes.caption)), None)
        if known and caption is not None and (found := drawn(app, page, figure)):
            number = ".".join(map(str, numbers[known[0]]))
            light, alt = found
            yield Picture(page, known[0], number, caption, alt, light)


def png(light: str, cache: Path) -> bytes:
    """The picture on white, as wide as a slide; rendered once for each state of the picture."""
    import resvg_py

    path = cache / f"{hashlib.sha256(light.encode()).hexdigest()[:16]}-{PIXELS}.png"
    if not path.exists():
        made = resvg_py.svg_to_bytes(
            svg_string=light, width=PIXELS, background="white", dpi=96, skip_system_fonts=True
        )
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(bytes(made))
        part.replace(path)
    return path.read_bytes()


def write_files(picture: Picture, folder: Path, cache: Path) -> dict[str, str]:
    """Write the files of a picture to `folder`; returns their names, by what they are for."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, tuple[str, bytes]] = {
        "SVG for light slides": (f"{picture.name}.svg", picture.light.encode()),
        "SVG for dark slides": (f"{picture.name}-dark.svg", svg.darkened(picture.light).encode()),
        "PNG": (f"{picture.name}.png", png(picture.light, cache)),
    }
    for name, content in files.values():
        (folder / name).write_bytes(content)
    return {what: name for what, (name, _) in files.items()}


def credit(app: Sphinx, picture: Picture) -> str:
    """The line that the licence asks for, with the address of the figure where it is known."""
    citation = yaml.safe_load((Path(app.srcdir) / "CITATION.cff").read_text(encoding="utf-8"))
    authors = ", ".join(
        author.get("name") or f"{author['given-names']} {author['family-names']}"
        for author in citation["authors"]
    )
    site = app.config.html_baseurl or launch.site(app.config.html_theme_options["repository_url"])
    place = f" {site}{picture.page}.html#{picture.id}" if site else ""
    return f"{authors}, {citation['title']}, figure {picture.number}. CC BY 4.0.{place}"


def card(app: Sphinx, page: str, picture: Picture) -> nodes.Element:
    """A figure of the gallery: its thumbnail, number, caption, files, and text to copy."""
    cache = Path(app.config.nb_execution_cache_path).parent / "png"
    files = write_files(picture, Path(app.outdir) / FOLDER, cache)
    width, height = picture.size
    shown = "".join(
        f'<img class="figure-{theme}" src="{FOLDER}/{files[f"SVG for {theme} slides"]}" '
        f'alt="{escape(picture.alt)}" width="{width}" height="{height}" loading="lazy" '
        'decoding="async">'
        for theme in ("light", "dark")
    )
    links = "".join(
        f'<li><a href="{FOLDER}/{name}" download>{what}'
        f'<span class="visually-hidden"> of figure {picture.number}</span></a></li>'
        for what, name in files.items()
    )
    box = nodes.container(classes=["gallery-figure"])
    box += nodes.raw("", f'<div class="gallery-picture">{shown}</div>', format="html")
    words = nodes.container(classes=["gallery-words"])
    place = f"{app.builder.get_relative_uri(page, picture.page)}#{picture.id}"
    head = nodes.reference("", f"Fig. {picture.number}", refuri=place, internal=True)
    text = nodes.paragraph("", "", nodes.strong("", "", head), nodes.Text(" "))
    text += [child.deepcopy() for child in picture.caption.children]
    for reference in text.findall(addnodes.pending_xref):
        reference["refdoc"] = page
    words += text
    words += nodes.raw("", f'<ul class="gallery-files">{links}</ul>', format="html")
    summary = f"Text for the slide<span class='visually-hidden'>, figure {picture.number}</span>"
    opening = f'<details class="gallery-text"><summary>{summary}</summary>'
    words += nodes.raw("", opening, format="html")
    copied = f"{picture.caption.astext()}\n{credit(app, picture)}"
    words += nodes.literal_block(copied, copied, language="text")
    words += nodes.raw("", "</details>", format="html")
    box += words
    return box


class figures_of(nodes.General, nodes.Element):
    """Where the figures of a page are put when all pages have been read and numbered."""


class Gallery(SphinxDirective):
    """A section for each chapter; where there are no downloads, as in print, a sentence."""

    def run(self) -> list[nodes.Node]:
        if self.env.app.builder.name != "html":
            said = "The figures for slides are on the site of the book."
            return [nodes.paragraph(said, said)]
        sections: list[nodes.Node] = []
        for page in self.config.external_site_map.as_json()["documents"]:
            if page.startswith("chapters/"):
                notebook = nbformat.read(Path(self.env.srcdir) / f"{page}.ipynb", as_version=4)
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
            cards = [card(self.app, self.env.docname, picture) for picture in found]
            if cards:
                place.replace_self(cards)
            else:
                place.parent.parent.remove(place.parent)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(figures_of)
    app.add_directive("gallery", Gallery)
    app.add_post_transform(FillGallery)
    app.add_css_file("gallery.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
