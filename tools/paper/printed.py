"""The printed book: the parts of the site as one page, printed to a PDF by a browser.

The page is printed twice: the first PDF says on which page each section begins, the second one
has these numbers in its contents.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

import matplotlib
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

from tools.paper import browser, cover, leaves
from tools.site import drawings

EVERYWHERE = ("Recap", "Check yourself", "Exercise", "Sources")  # sections of every chapter
# fonts that come with matplotlib, so that the book looks the same wherever it is printed
FONTS = {
    "Course Text": "STIXGeneral{}.ttf",
    "Course Code": "DejaVuSansMono{}.ttf",
    "Course Head": "DejaVuSans{}.ttf",
}
FACES = {
    "STIXGeneral{}.ttf": ("", "Bol", "Italic", "BolIta"),
    "DejaVuSansMono{}.ttf": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "DejaVuSans{}.ttf": ("", "-Bold", "-Oblique", "-BoldOblique"),
}


def place(name: str, identity: str = "") -> str:
    """The id in the printed book of the element `identity` of a page of the site."""
    return name.replace("/", "-") + (f"--{identity}" if identity else "")


def isolate(part: leaves.Part) -> None:
    """Give all ids of a part, and what refers to them, names of its own in the whole book."""
    start = place(part.name, "x")[:-1]
    for tag in part.body.select("[id]"):
        tag["id"] = start + str(tag["id"])
    for heading in part.sections:
        heading["data-target"] = start + str(heading["data-target"])
    part.drawings = [drawings.isolate(drawing, start) for drawing in part.drawings]


def demote(part: leaves.Part) -> None:
    """Move the headings of a part one level down: they stand below that of their group."""
    for level in range(5, 0, -1):
        for heading in part.body.select(f"h{level}"):
            heading.name = f"h{level + 1}"
            heading["class"] = f"level-{level}"


def fonts() -> str:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    rules = []
    for family, pattern in FONTS.items():
        for index, face in enumerate(FACES[pattern]):
            weight = "bold" if index % 2 else "normal"
            style = "italic" if index > 1 else "normal"
            source = (folder / pattern.format(face)).as_uri()
            rules.append(
                f'@font-face {{ font-family: "{family}"; src: url("{source}");'
                f" font-weight: {weight}; font-style: {style}; }}"
            )
    return "\n".join(rules)


def running_heads(book: leaves.Book) -> str:
    """A named page for each part, with its title at the top."""
    rules = []
    for part in book.parts:
        name = place(part.name)
        title = part.title.replace("\\", "").replace('"', "'")
        rules.append(f"#{name} {{ page: {name}; }}")
        rules.append(f'@page {name} {{ @top-left {{ content: "{title}"; }} }}')
        # a part begins with its heading
        rules.append(f"@page {name}:first {{ @top-left {{ content: none; }} }}")
    return "\n".join(rules)


def title_page(book: leaves.Book) -> str:
    said = [
        f'<p class="author">{escape(book.author)}</p>',
        f'<p class="abstract">{escape(book.abstract)}</p>',
        f'<p class="imprint">Version {escape(book.version)}, {escape(book.year)}<br>'
        f"{escape(book.licence)}<br>"
        f'<a href="{escape(book.address)}">{escape(book.address)}</a></p>',
    ]
    front = f'<div class="cover"><img src="cover.svg" alt="Cover: {escape(book.title)}"></div>'
    title = f'<section class="title-page"><h1>{escape(book.title)}</h1>'
    return front + title + "\n".join(said) + "</section>"


def contents(book: leaves.Book, pages: dict[str, int]) -> str:
    """The table of contents; pages: the number of the page on which an id stands."""

    def line(kind: str, identity: str, title: str) -> str:
        number = pages.get(identity, 0)
        return (
            f'<li class="{kind}"><a href="#{identity}"><span class="entry">{escape(title)}</span>'
            f'<span class="leader"></span><span class="number">{number}</span></a></li>'
        )

    lines = []
    for index, group in enumerate(book.groups):
        if index:
            lines.append(line("group", f"group-{index}", group.title))
        for part in group.parts:
            lines.append(line("chapter", place(part.name), part.title))
            if not index:  # sections of the chapters alone: exercises are short
                for heading in part.sections:
                    title = " ".join(heading.get_text().split())
                    if re.sub(r"^[\d.]+ ", "", title) not in EVERYWHERE:
                        lines.append(line("section", str(heading["data-target"]), title))
    items = "\n".join(lines)
    return f'<nav class="contents" id="contents"><h1>Contents</h1><ol>{items}</ol></nav>'


def compose(book: leaves.Book, site: Path) -> tuple[str, str]:
    """What comes before the contents, and what comes after them."""
    address = site.resolve().as_uri()
    leaves.relink(book, lambda name, i: f"#{place(name, i)}", lambda file: f"{address}/{file}")
    styles = [
        f'<link rel="stylesheet" href="{address}/_static/{name}">'
        for name in leaves.styles(site, "print.css")
    ]
    head = "\n".join(
        [
            '<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">',
            f"<title>{escape(book.title)}</title>",
            *styles,
            f"<style>{fonts()}\n{running_heads(book)}</style></head><body>",
            title_page(book),
        ]
    )
    body = []
    for index, group in enumerate(book.groups):
        for number, part in enumerate(group.parts):
            isolate(part)
            for answer in part.body.select("details"):
                answer["open"] = ""
            if index:
                demote(part)
            text = part.text
            if index and number == 0:  # the heading of the group, on the page of its first part
                text = f'<h1 class="group" id="group-{index}">{escape(group.title)}</h1>' + text
            body.append(f'<div class="leaf" id="{place(part.name)}">{text}</div>')
    return head, "\n".join([*body, "</body></html>"])


def pages_of(pdf: Path) -> dict[str, int]:
    """The page, counted from 1, on which each place stands that something links to."""
    reader = PdfReader(pdf)
    found = {}
    for name, destination in reader.named_destinations.items():
        number = reader.get_destination_page_number(destination)
        if number is not None:
            found[name.removeprefix("/")] = number + 1
    return found


def mend_outline(writer: PdfWriter, titles: Iterable[str]) -> None:
    """Write the titles of the outline with all their spaces.

    The browser leaves a space out where a heading was broken into lines.
    """
    whole = {"".join(title.split()): title for title in titles}

    def walk(entry: Any) -> None:
        while entry is not None:
            item = entry.get_object()
            title = whole.get("".join(str(item.get("/Title", "")).split()))
            if title is not None:
                item[NameObject("/Title")] = TextStringObject(title)
            walk(item.get("/First"))
            entry = item.get("/Next")

    walk(writer.root_object["/Outlines"])


def finish(pdf: Path, target: Path, book: leaves.Book) -> int:
    """Write the PDF with who made it and under which licence; returns how many pages it has."""
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of an object that it adds itself
    writer = PdfWriter(clone_from=pdf)
    headings = [h for part in book.parts for h in part.body.select("h1, h2, h3, h4, h5, h6")]
    mend_outline(writer, [book.title, *(" ".join(h.get_text().split()) for h in headings)])
    facts = {"/Title": book.title, "/Author": book.author, "/Subject": book.licence}
    writer.add_metadata(facts)
    writer.write(target)
    return len(writer.pages)


def make(root: Path, site: Path, target: Path) -> str:
    """Print the book of the site to `target`; returns how much it holds.

    Raises browser.NoBrowser where there is none.
    """
    work = target.parent / "printed"
    work.mkdir(parents=True, exist_ok=True)
    book = leaves.read_book(root, site)
    (work / "cover.svg").write_text(cover.svg(book.title, book.author), encoding="utf-8")
    head, body = compose(book, site)
    pdf, page_file = work / "book.pdf", work / "book.html"
    with browser.chromium() as chrome:
        page = chrome.new_context(java_script_enabled=False).new_page()
        numbers: dict[str, int] = {}
        for last in (False, True):
            page_file.write_text(head + contents(book, numbers) + body, encoding="utf-8")
            page.goto(page_file.as_uri(), wait_until="load")
            page.pdf(path=pdf, prefer_css_page_size=True, outline=last, tagged=last)
            numbers = pages_of(pdf)
    count = finish(pdf, work / "finished.pdf", book)
    (work / "finished.pdf").replace(target)
    return f"{count} pages"
