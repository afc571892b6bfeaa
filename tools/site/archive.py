"""All figures of the gallery in one zip file, with their captions and credits as text.

    ```{figures-archive}
    ```

is the link to it.  The file is made of the page of the gallery as it is built.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PLACE = "_downloads/batch-normalization-figures.zip"
PAGE = "figures.html"


class FiguresArchive(SphinxDirective):
    """The link to the archive, on a page beside which it lies; nothing in print."""

    def run(self) -> list[nodes.Node]:
        if self.env.app.builder.name != "html":
            return []
        link = f'<p><a href="{PLACE}" download>All figures in one zip file</a></p>'
        return [nodes.raw("", link, format="html")]


def pack(site: Path) -> None:
    """Write the archive of the site's gallery: each file once, and `captions.txt`."""
    gallery = BeautifulSoup((site / PAGE).read_text(encoding="utf-8"), "html.parser")
    figures = gallery.select(".gallery-figure")
    links = [str(link["href"]) for figure in figures for link in figure.select("a[download]")]
    texts = [text.get_text().strip() for figure in figures for text in figure.select("pre")]
    target = site / PLACE
    target.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(set(links)):  # ZipInfo: without the date, two builds are the same
            entry = zipfile.ZipInfo(f"figures/{Path(name).name}")
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (site / name).read_bytes())
        archive.writestr(zipfile.ZipInfo("figures/captions.txt"), "\n\n".join(texts) + "\n")


def write(app: Sphinx, error: Exception | None) -> None:
    """Make the archive when the site is there; a preview of one chapter has no gallery."""
    site = Path(app.outdir)
    if error is None and app.builder.name == "html" and (site / PAGE).exists():
        pack(site)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("figures-archive", FiguresArchive)
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
