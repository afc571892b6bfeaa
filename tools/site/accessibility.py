"""What the pages of the theme lack for screen readers, keyboards and phones.

Part of the Sphinx extension of the book, for the HTML builder alone.  What a template can set
stands in chapters/_templates, what a style can set in chapters/_static/accessibility.css; here
is what needs a look at the markup that docutils and the theme have made:

- the theme's icons come twice, as a font and as a script of 1.5 MB: the script is left out;
- the parts of a page beside the main content are landmarks;
- a triangle of the outline says what it folds;
- a wide table scrolls in a box of its own, which the keyboard reaches;
- a table with an empty corner has row headers, and the ledger is a table on a phone, too;
- the boxes of a checklist have labels; entries of the bibliography are the items of a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.application import Sphinx

ICON_SCRIPT = re.compile(r"<script[^>]*/fontawesome\.js[^>]*>\s*</script>")
BOX = "pst-scrollable-table-container"  # the theme's
UNUSED = ("scripts/fontawesome.js", "**/*.map", "**/*.LICENSE.txt")
ROLES = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}


def with_capitals(page: str) -> str:
    """A page whose drawings have the names of SVG, which a parser of HTML writes small.

    A browser reads both in a page; in an ePub, which is XML, `viewbox` would be another name.
    """
    page = page.replace(' viewbox="', ' viewBox="')
    return re.sub(r"(</?)clippath\b", r"\1clipPath", page)


def without_icon_script(head: str) -> str:
    """The head of a page without the script that draws the icons of a font a second time."""
    return ICON_SCRIPT.sub("", head)


def rooted(static: str) -> Callable[[str], str]:
    """What gives the theme's own files their address on the page that is shown for any address."""
    return lambda part: part.replace('="_static/', f'="{static}')


def with_landmarks(page: str) -> str:
    """The content of a page, with its title and outline as a landmark."""
    bar = 'id="pst-primary-sidebar"'
    return page.replace(bar, f'{bar} role="banner"')


def name_the_folds(outline: Tag) -> None:
    """Give each triangle of an outline the name of what it folds."""
    for summary in outline.select("li > details > summary"):
        link = summary.find_previous("a")
        if not summary.get_text(strip=True) and link is not None:
            summary["aria-label"] = f"Pages below {link.get_text(' ', strip=True)}"


def scroll_in_a_box(article: Tag, new_tag: Callable[..., Tag]) -> None:
    """Put each table into a box that scrolls, and let the keyboard reach the box."""
    for table in article.select("table:not(.indextable)"):
        box = table.find_parent("div", class_=BOX)
        if box is None:
            box = table.wrap(new_tag("div", attrs={"class": BOX}))
        box.attrs.update({"tabindex": "0", "role": "group", "aria-label": "Table"})


def name_the_rows(article: Tag) -> None:
    """An empty corner is no header; the cells below it are those of their rows."""
    for table in article.select("table"):
        heads = table.select("thead th")
        for head in heads:
            head["scope"] = "col"
        if heads and not heads[0].get_text(strip=True):
            heads[0].name = "td"
            del heads[0]["scope"]
            for cell in table.select("tbody tr > :first-child"):
                cell.name = "th"
                cell["scope"] = "row"
        for empty in heads[1:]:
            if not empty.get_text(strip=True):
                empty.name = "td"
                del empty["scope"]


def keep_the_ledger_a_table(article: Tag) -> None:
    """A style that shows rows as cards takes their meaning away, unless they say it themselves."""
    for table in article.select(".tag_ledger table"):
        for part in [table, *table.find_all(True)]:
            if part.name == "th":
                part["role"] = "columnheader"
            elif part.name in ROLES:
                part["role"] = ROLES[part.name]


def label_the_boxes(article: Tag, new_tag: Callable[..., Tag]) -> None:
    """What stands behind a box of a checklist is its label; a reader may tick it."""
    for box in article.select("input.task-list-item-checkbox"):
        if box.parent is None:
            continue
        label = new_tag("label")
        box.parent.insert(0, label)
        label.extend(list(label.next_siblings))
        del box["disabled"]


def list_the_works(article: Tag) -> None:
    """The roles that docutils gives to a bibliography are no longer in use."""
    for entry in article.select(".citation-list > .citation"):
        entry["role"] = "listitem"
    for link in article.select('[role="doc-backlink"]'):
        del link["role"]


def accessible(body: str) -> str:
    """The article of a page, mended."""
    soup = BeautifulSoup(body, "html.parser")
    scroll_in_a_box(soup, soup.new_tag)
    name_the_rows(soup)
    keep_the_ledger_a_table(soup)
    label_the_boxes(soup, soup.new_tag)
    list_the_works(soup)
    for link in soup.select("a.headerlink"):
        link["aria-label"] = "Link to this place"
    return with_capitals(str(soup))


def mend(
    app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Mend what the theme is about to put into a page."""
    place = rooted(context["pathto"]("_static/", 1)) if name == "404" else str
    context["without_icon_script"] = lambda head: place(without_icon_script(head))
    context["with_landmarks"] = lambda page: place(with_landmarks(page))
    if app.builder.name != "html":
        return
    if "body" in context:
        context["body"] = accessible(context["body"])
    outline = context["generate_toctree_html"]

    def named(*arguments: Any, **options: Any) -> Any:
        made = outline(*arguments, **options)
        if isinstance(made, Tag):
            name_the_folds(made)
        return made

    context["generate_toctree_html"] = named


def remove_unused(app: Sphinx, error: Exception | None) -> None:
    """Leave out of the site what no page loads."""
    if error is None and app.builder.name == "html":
        for pattern in UNUSED:
            for path in (app.outdir / "_static").glob(pattern):
                path.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_css_file("accessibility.css", priority=900)  # after those of the extensions
    app.connect("html-page-context", mend, priority=900)  # after all others
    app.connect("build-finished", remove_unused, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
