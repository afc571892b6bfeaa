"""The book without the site around it: what the printed book and the ePub are made from.

Both take the pages of the site that is built already: the formulas, figures, numbers and links
in them are those of the site.  A page becomes a part: its article, without what only works on a
screen (buttons, links to headings, controls of figures) and without hidden code, but with the
code of the solutions.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from bs4 import BeautifulSoup, Tag

from tools.site import drawings, extension

SOLUTIONS = "exercises/solutions/"
# pages that are of use on the site alone
LEFT_OUT = ("genindex", "search", "figures")
# what only works on a screen; what is folded in the site (its code is in the notebooks)
SCREEN = (
    "a.headerlink, script, style, link, template, button, form, .explore-controls, .figure-dark,"
    " .figure-panels, .live-bar, .live-shell, .toctree-wrapper, .only-screen, .d-print-none,"
    " .cell:not(.tag_solution) details.hide:not(.below-input)"
)


@dataclass
class Part:
    """A page of the site as a part of the book.

    name: where it is in the site, without a suffix; title: its heading, with the number;
    body: its article; drawings: the texts of the drawings and formulas that stand in `body` as
    <drawing number="i"/>, kept apart because a parser of HTML would change them.
    """

    name: str
    title: str
    body: Tag
    drawings: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The part as it stands in a file."""
        return drawings.put(str(self.body), self.drawings)

    @property
    def sections(self) -> list[Tag]:
        """The headings of level two, each with the id of its section as `data-target`."""
        return [heading for heading in self.body.select("h2") if heading.get("data-target")]


@dataclass
class Group:
    """Parts under a common heading."""

    title: str
    parts: list[Part]


@dataclass
class Book:
    """What a title page says, and the parts; address: of the sources, site: of the pages."""

    title: str
    author: str
    year: str
    licence: str
    version: str
    abstract: str
    address: str
    site: str
    groups: list[Group]

    @property
    def parts(self) -> list[Part]:
        return [part for group in self.groups for part in group.parts]


def clean(body: Tag) -> None:
    """Take out of `body` what only works on a screen, and unfold the code of solutions."""
    for useless in body.select(SCREEN):
        useless.decompose()
    for fold in body.select("details.below-input"):  # output that is too long to be shown
        said = Tag(name="p")
        said.append("(Folded on the page of the book, and left out here.)")
        fold.replace_with(said)
    for fold in body.select("details.hide"):  # of a solution: the code, without the fold
        for summary in fold.select("summary"):
            summary.decompose()
        fold.name, fold.attrs = "div", {}
    for tag in body.select("[tabindex], [onclick], [loading], [role=region]"):
        for name in ("tabindex", "onclick", "loading", "decoding"):
            tag.attrs.pop(name, None)
        if tag.get("role") == "region":
            del tag["role"]
            tag.attrs.pop("aria-label", None)
    for answer in body.select("details[name]"):  # of a name one alone can be open
        del answer["name"]
    for target in body.select("section[id] > h2, section[id] > span + h2"):
        parent = target.parent
        assert parent is not None
        target["data-target"] = str(parent["id"])


def read_part(site: Path, name: str) -> Part:
    """Read a page of the site; raises ValueError if it has no article with a heading."""
    text, found = drawings.cut((site / f"{name}.html").read_text(encoding="utf-8"))
    start, end = text.find("<article"), text.find("</article>")
    body = BeautifulSoup(text[start:end], "html.parser").select_one("article")
    heading = body.select_one("h1") if body else None
    if body is None or heading is None:
        raise ValueError(f"need an article with a heading in {name}.html, found none")
    clean(body)
    # what stands outside the article may hold the outlines of glyphs that its formulas refer to
    for outside in re.finditer(r'<drawing number="(\d+)">', text[:start] + text[end:]):
        if "<defs" in found[int(outside[1])]:
            body.insert(0, Tag(name="drawing", attrs={"number": outside[1]}))
    body.name, body.attrs = "div", {"class": "part"}
    return Part(name, " ".join(heading.get_text().split()), body, found)


def styles(site: Path, own: str) -> list[str]:
    """The names of the style sheets of a book: the site's for code and formulas, and `own`."""
    shared = ("pygments.css", "mathematics.css")
    return [name for name in shared if (site / "_static" / name).exists()] + [own]


def outline(toc: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The captions of the table of contents with the names of their pages, in its order."""

    def names(entries: list[dict[str, Any]]) -> Iterator[str]:
        for entry in entries:
            if "file" in entry:
                yield str(Path(entry["file"]).with_suffix(""))
                yield from names(entry.get("sections", []))

    for part in toc["parts"]:
        yield part["caption"], list(names(part["chapters"]))


def relink(book: Book, inside: Callable[[str, str], str], picture: Callable[[str], str]) -> None:
    """Let links and pictures of the parts lead to where they are in the new book.

    inside(part, id) is the address of a place in the book, picture(file) that of a file of the
    site.  What is not in the book is linked in the published site, if that has an address.
    """
    names = {part.name for part in book.parts}
    for part in book.parts:

        def target(address: str, part: Part = part) -> str:
            return posixpath.normpath(posixpath.join(posixpath.dirname(part.name), address))

        for link in part.body.select("a[href]"):
            file, _, place = str(link["href"]).partition("#")
            if re.match(r"[a-z]+:", file):
                continue
            name = target(file).removesuffix(".html") if file else part.name
            if name in names:
                link["href"] = inside(name, place)
            elif book.site:
                link["href"] = book.site + target(str(link["href"]))
            else:
                link.unwrap()
        for image in part.body.select("img[src]"):
            if not str(image["src"]).startswith("data:"):
                image["src"] = picture(target(str(image["src"])))


def read_book(root: Path, site: Path) -> Book:
    """Read the site in `site`, which was built from `root`: solutions last, as an appendix."""

    def settings(name: str) -> Any:
        return yaml.safe_load((root / name).read_text(encoding="utf-8"))

    config, citation = settings("_config.yml"), settings("CITATION.cff")
    groups: list[Group] = []
    solutions = Group("Appendix: solutions", [])
    for caption, names in outline(settings("_toc.yml")):
        group = Group(caption, [])
        for name in names:
            if name.split("/")[-1] not in LEFT_OUT:
                part = read_part(site, name)
                (solutions if name.startswith(SOLUTIONS) else group).parts.append(part)
        groups += [group] if group.parts else []
    where = {f"repository_{key}": value for key, value in config["repository"].items()}
    index = BeautifulSoup((site / "index.html").read_text(encoding="utf-8"), "html.parser")
    canonical = index.select_one("link[rel=canonical]")
    return Book(
        title=config["title"],
        author=config["author"],
        year=str(config["copyright"]),
        licence=" ".join(config["html"]["extra_footer"].split()),
        version=str(citation["version"]),
        abstract=citation["abstract"].strip(),
        address=extension.repository(where, os.environ)["repository_url"],
        site=str(canonical["href"]).removesuffix("index.html") if canonical else "",
        groups=[*groups, solutions],
    )
