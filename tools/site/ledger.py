"""The table of the ledger: its rows say their chapter and verdict, and a form chooses among them.

Part of the Sphinx extension of the book, for the HTML builder alone.  The form is hidden until its
script (chapters/_static/ledger.js) runs: without it the whole table is there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.application import Sphinx

VERDICTS = ("supported", "not supported", "inconclusive")


def mark(row: Tag) -> tuple[str, str] | None:
    """Note in a row its chapter and its verdict, for styles and scripts; returns them."""
    cells = row.find_all("td")
    link = cells[1].find("a", class_="reference") if len(cells) > 2 else None
    word = cells[2].find("strong") if len(cells) > 2 else None
    if link is None or word is None or word.get_text() not in VERDICTS:
        return None
    row["data-chapter"], row["data-verdict"] = link.get_text(), word.get_text()
    return link.get_text(), word.get_text()


def choice(name: str, label: str, values: Sequence[str]) -> str:
    """A labelled list to choose one of these values from, or all."""
    options = "".join(f"<option>{escape(value)}</option>" for value in values)
    return (
        f'<label>{label}<select name="{name}" autocomplete="off">'
        f'<option value="">all</option>{options}</select></label>'
    )


def with_filter(body: str) -> str:
    """The article of the ledger with its rows marked, and the form above its table."""
    soup = BeautifulSoup(body, "html.parser")
    for table in soup.select(".tag_ledger table"):
        found = [marks for row in table.select("tbody tr") if (marks := mark(row))]
        chapters = list(dict.fromkeys(chapter for chapter, _ in found))
        form = (
            '<form class="ledger-filter" hidden aria-label="Choose claims">'
            + choice("chapter", "Chapter", chapters)
            + choice("verdict", "Verdict", VERDICTS)
            + "<output></output></form>"
        )
        place = table.find_parent("div", class_=re.compile("container$")) or table
        place.insert_before(BeautifulSoup(form, "html.parser"))
    return str(soup)


def add_filter(
    app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if app.builder.name == "html" and "tag_ledger" in context.get("body", ""):
        context["body"] = with_filter(context["body"])
        app.add_css_file("ledger.css")
        app.add_js_file("ledger.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_filter, priority=890)  # before `accessibility`
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
