"""The ePub: the parts of the site as one chapter file each, without scripts.

EPUB 3.3, as https://www.w3.org/TR/epub-33/ describes it: a zip whose first entry is `mimetype`,
a package file that lists every other file with what it needs (formulas, drawings), and a
navigation document.  Entries have a fixed order and a fixed date, so that equal books are equal
files.
"""

from __future__ import annotations

import uuid
import zipfile
from html import escape
from pathlib import Path

from tools.paper import cover, leaves
from tools.site import drawings

TYPES = {
    ".css": "text/css",
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".xhtml": "application/xhtml+xml",
}
DATE = (2026, 1, 1, 0, 0, 0)  # of the entries of the zip

PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en"
 xml:lang="en" data-theme="light">
<head><meta charset="utf-8"/><title>{title}</title>
<link rel="stylesheet" type="text/css" href="styles.css"/></head>
<body>
{body}
</body>
</html>
"""
CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles>
<rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/>
</rootfiles>
</container>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:uuid:{identifier}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:language>en</dc:language>
<dc:creator id="author">{author}</dc:creator>
<dc:date>{year}</dc:date>
<dc:description>{abstract}</dc:description>
<dc:rights>{licence}</dc:rights>
<dc:source>{address}</dc:source>
<meta property="dcterms:modified">{year}-01-01T00:00:00Z</meta>
<meta property="schema:accessMode">textual</meta>
<meta property="schema:accessMode">visual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityFeature">structuralNavigation</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
</metadata>
<manifest>
{manifest}
</manifest>
<spine>
{spine}
</spine>
</package>
"""


def file_of(name: str) -> str:
    """The file in the ePub of a page of the site: all of them lie in one folder."""
    return name.replace("/", "-") + ".xhtml"


def read_picture(path: Path) -> bytes:
    if path.suffix != ".svg":
        return path.read_bytes()
    return drawings.without_repeated_ids(path.read_text(encoding="utf-8")).encode()


def write_part(part: leaves.Part) -> str:
    """The chapter file of a part."""
    for entry in part.body.select('[role="doc-biblioentry"]'):  # no longer a role of ePubs
        del entry["role"]
    part.drawings = [drawings.declare(drawing) for drawing in part.drawings]
    return page(part.title, part.text)


def page(title: str, body: str) -> str:
    return PAGE.format(title=escape(title), body=body)


def cover_page(book: leaves.Book) -> str:
    alt = f"Cover: {book.title}"
    return page(book.title, f'<p class="cover"><img src="cover.png" alt="{escape(alt)}"/></p>')


def title_page(book: leaves.Book) -> str:
    return page(
        book.title,
        f"<h1>{escape(book.title)}</h1>\n<p>{escape(book.author)}</p>\n"
        f"<p>{escape(book.abstract)}</p>\n"
        f"<p>Version {escape(book.version)}, {escape(book.year)}<br/>{escape(book.licence)}<br/>"
        f'<a href="{escape(book.address)}">{escape(book.address)}</a></p>',
    )


def navigation(book: leaves.Book) -> str:
    """The table of contents: groups, parts, and the sections of each part."""

    def entry(address: str, title: str, inner: str = "") -> str:
        below = f"<ol>{inner}</ol>" if inner else ""
        return f'<li><a href="{address}">{escape(title)}</a>{below}</li>'

    def sections(part: leaves.Part) -> str:
        return "".join(
            entry(
                f"{file_of(part.name)}#{heading['data-target']}",
                " ".join(heading.get_text().split()),
            )
            for heading in part.sections
        )

    groups = []
    for group in book.groups:
        parts = "\n".join(
            entry(file_of(part.name), part.title, sections(part)) for part in group.parts
        )
        groups.append(entry(file_of(group.parts[0].name), group.title, parts))
    body = "\n".join([entry("title.xhtml", "Title"), *groups])
    nav = f'<nav epub:type="toc" id="toc" role="doc-toc"><h1>Contents</h1><ol>{body}</ol></nav>'
    return page("Contents", nav)


def properties(name: str, content: str) -> str:
    """What a file needs of the device, as the package must say."""
    found = {"nav.xhtml": ["nav"], "cover.png": ["cover-image"]}.get(name, [])
    if name.endswith(".xhtml"):
        found += [tag for word, tag in (("<math", "mathml"), ("<svg", "svg")) if word in content]
    return f' properties="{" ".join(found)}"' if found else ""


def package(book: leaves.Book, files: dict[str, bytes], order: list[str]) -> str:
    manifest, spine = [], []
    for index, (name, content) in enumerate(files.items()):
        text = content.decode() if name.endswith(".xhtml") else ""
        manifest.append(
            f'<item id="f{index}" href="{name}" media-type="{TYPES[Path(name).suffix]}"'
            f"{properties(name, text)}/>"
        )
        if name in order:
            spine.append((order.index(name), f'<itemref idref="f{index}"/>'))
    return PACKAGE.format(
        identifier=uuid.uuid5(uuid.NAMESPACE_URL, book.address),
        title=escape(book.title),
        author=escape(book.author),
        year=book.year,
        abstract=escape(book.abstract),
        licence=escape(book.licence),
        address=escape(book.address),
        manifest="\n".join(manifest),
        spine="\n".join(line for _, line in sorted(spine)),
    )


def collect(root: Path, site: Path) -> tuple[leaves.Book, dict[str, bytes]]:
    """The book, and the files of its ePub by name, without the package file."""
    book = leaves.read_book(root, site)
    pictures: dict[str, Path] = {}

    def picture(file: str) -> str:
        pictures[Path(file).name] = site / file
        return Path(file).name

    leaves.relink(book, lambda name, i: file_of(name) + (f"#{i}" if i else ""), picture)
    texts = {"nav.xhtml": navigation(book), "cover.xhtml": cover_page(book)}
    texts["title.xhtml"] = title_page(book)
    texts |= {file_of(part.name): write_part(part) for part in book.parts}
    files = {name: text.encode() for name, text in texts.items()}
    files["cover.png"] = cover.png(book.title, book.author)
    sheets = [site / "_static" / name for name in leaves.styles(site, "ebook.css")]
    files["styles.css"] = b"\n".join(path.read_bytes() for path in sheets)
    files |= {name: read_picture(path) for name, path in sorted(pictures.items())}
    return book, files


def make(root: Path, site: Path, target: Path) -> str:
    """Write the ePub of the site to `target`; returns how much it holds."""
    book, files = collect(root, site)
    order = ["cover.xhtml", "title.xhtml", "nav.xhtml"]
    order += [file_of(part.name) for part in book.parts]
    entries = {
        "META-INF/container.xml": CONTAINER.encode(),
        "book/package.opf": package(book, files, order).encode(),
        **{f"book/{name}": content for name, content in files.items()},
    }
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        # uncompressed and first, so that the kind of the file stands at a fixed place
        archive.writestr(zipfile.ZipInfo("mimetype", DATE), "application/epub+zip")
        for name, content in entries.items():
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    part.replace(target)
    return f"{len(book.parts)} parts, {len(entries)} files"
