"""What a page tells machines: its description, its address, its picture, and where all pages are.

None of it makes a browser ask for anything: it is text in the head of the page.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from tools.site import card, launch

LONGEST = 200  # search engines cut what is longer
MISSING = "404"
CARD = "_static/card.png"
OTHERS = {  # pages that have no text of their own
    "genindex": "The index: every term of the course with the places that explain it.",
    "search": "Search the chapters, the exercises and their solutions.",
    MISSING: "There is no page at this address.",
}


def set_addresses(app: Sphinx, config: Config) -> None:
    """Set what depends on the address of the site, which is that of the repository's book."""
    address = config.html_baseurl or launch.site(
        config.html_theme_options.get("repository_url", "")
    )
    config.html_baseurl = f"{address.rstrip('/')}/" if address else ""
    config.ogp_site_url = config.html_baseurl
    config.notfound_urls_prefix = urlsplit(config.html_baseurl).path or "/"
    config.ogp_site_name = config.html_title
    config.ogp_image, config.ogp_image_alt = CARD, card.ALT
    width, height = card.SIZE
    config.ogp_custom_meta_tags = (
        f'<meta property="og:image:width" content="{width}" />',
        f'<meta property="og:image:height" content="{height}" />',
        '<meta name="twitter:card" content="summary_large_image" />',
    )


def shortened(text: str, longest: int = LONGEST) -> str:
    """`text` in at most `longest` characters: its first sentences, or else its first words."""
    if len(text) <= longest:
        return text
    # one short sentence would say too little
    if sentences := re.match(rf".{{{longest // 2},{longest - 1}}}[.?!](?=\s)", text):
        return sentences.group()
    return text[: longest - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def description(doctree: nodes.document) -> str:
    """The first paragraph of a page, as text; empty if it has none."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section | nodes.document):
            text = " ".join(paragraph.astext().split())
            if text and not any(paragraph.findall(nodes.math)):
                return shortened(text)
    return ""


def describe(
    app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a page its description; sphinxext.opengraph makes the tags for other sites from it."""
    said = OTHERS.get(name) or (description(doctree) if doctree else "")
    if not said:
        return
    tag = f'<meta name="description" content="{html.escape(said)}" />\n'
    context["metatags"] = context.get("metatags", "") + tag
    context["meta"] = {**(context.get("meta") or {}), "og:description": html.escape(said)}


def page_not_found(
    app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Fill the page for addresses without one: a search field and the chapters."""
    if name != MISSING:
        return
    root = app.config.notfound_urls_prefix
    chapters = "\n".join(
        f'<li><a href="{root}{app.builder.get_target_uri(page)}">'
        f"{html.escape(app.env.titles[page].astext())}</a></li>"
        for page in app.env.toctree_includes.get(app.config.root_doc, [])
        if page.startswith("chapters/")
    )
    context["body"] = f"""<section>
<h1>Page not found</h1>
<p>There is no page at this address. Search for what you were looking for, or go to
<a href="{root}index.html">the first page</a> or to a chapter.</p>
<form action="{root}search.html" method="get" role="search">
<label for="wanted">Search the course</label>
<input id="wanted" type="search" name="q" />
<button type="submit">Search</button>
</form>
<h2>Chapters</h2>
<ol>
{chapters}
</ol>
</section>"""


def write_files(app: Sphinx, error: Exception | None) -> None:
    """Write the picture of the course, and tell crawlers where the list of pages is."""
    if error is not None or app.builder.name != "html":
        return
    site = app.config.html_baseurl
    address = site.removeprefix("https://").rstrip("/")
    card.write(Path(app.outdir) / CARD, app.config.html_title, address)
    if site:
        text = f"User-agent: *\nAllow: /\nSitemap: {site}sitemap.xml\n"
        (Path(app.outdir) / "robots.txt").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", set_addresses, priority=110)  # the repository is known: 100
    app.connect("html-page-context", describe, priority=300)  # sphinxext.opengraph: 500
    app.connect("html-page-context", page_not_found, priority=300)
    app.connect("build-finished", write_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
