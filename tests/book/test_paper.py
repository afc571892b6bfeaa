"""The laws of the printed book and of the ePub, and of how both are made from the site.

The tests of the files read the folder of BNCOURSE_BOOK, or _build/test; `make test` builds it.
"""

import os
import posixpath
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from tools.notebooks import execution
from tools.paper import browser, leaves, paper, printed
from tools.project import book
from tools.site import drawings

ROOT = execution.ROOT
BOOK = Path(os.environ.get("BNCOURSE_BOOK", ROOT / "_build" / "test"))
XHTML = "{http://www.w3.org/1999/xhtml}"
OPF = "{http://www.idpf.org/2007/opf}"
LATEX = re.compile(r"\\\(|\\\[|\\(?:frac|sqrt|mu|sigma|gamma|beta|varepsilon|partial)\b")


# -- drawings -----------------------------------------------------------------------------------

DRAWING = '<svg viewBox="0 0 1 1"><svg id="a"><path id="b"/></svg><use href="#b"/></svg>'


def test_drawings_are_cut_out_and_put_back_as_they_were() -> None:
    text = f"<p>x {DRAWING} y <math><mi>z</mi></math></p>{DRAWING}"
    rest, found = drawings.cut(text)
    assert found == [DRAWING, "<math><mi>z</mi></math>", DRAWING]
    assert "svg" not in rest and "math" not in rest
    assert drawings.put(rest, found) == text


def test_a_drawing_without_an_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="need an end of <svg>"):
        drawings.cut("<p><svg><g></g></p>")


def test_of_a_figure_with_controls_the_first_frame_is_left_in_its_light_colours() -> None:
    frames = (
        '<svg><g id="all"><g data-frames="0"><g></g></g>'
        '<g data-frames="1" style="display:none"><g><path/></g></g>'
        '<path style="fill: var(--figure-0072b2, #0072b2)"/></g></svg>'
    )
    assert drawings.first_frame(frames) == (
        '<svg><g id="all"><g data-frames="0"><g></g></g><path style="fill: #0072b2"/></g></svg>'
    )


def test_an_isolated_drawing_refers_to_its_own_parts_alone() -> None:
    refers = (
        '<svg aria-labelledby="{0}b"><path id="{0}b"/><use href="#{0}b" fill="url(#{0}b)"/></svg>'
    )
    assert drawings.isolate(refers.format(""), "one-") == refers.format("one-")


def test_a_declared_drawing_is_xml() -> None:
    drawing = '<svg viewBox="0 0 1 1"><use xlink:href="#b"/></svg>'
    root = ElementTree.fromstring(drawings.declare(drawing))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox") == "0 0 1 1"
    assert drawings.declare(drawings.declare(drawing)) == drawings.declare(drawing)


def test_an_id_that_a_drawing_repeats_stands_once() -> None:
    drawing = '<svg><image id="i" x="1"/><image id="i" x="2"/></svg>'
    assert (
        drawings.without_repeated_ids(drawing) == '<svg><image id="i" x="1"/><image x="2"/></svg>'
    )


# -- parts --------------------------------------------------------------------------------------

PAGE = """<html><body><svg class="glyphs"><defs><path id="g"/></defs></svg><nav>no</nav>
<article class="bd-article"><section id="s"><h1>3. Mean<a class="headerlink" href="#s">#</a></h1>
<section id="t"><h2>3.1. Why<a class="headerlink" href="#t">#</a></h2>
<p><a href="../index.html">top</a> <a href="b.html#u">there</a> <a href="#t">here</a>
<a href="https://example.org/">out</a></p></section>
<div class="cell tag_hide-input"><details class="hide above-input"><summary>Show</summary>
<pre>hidden()</pre></details><img class="figure-light" src="../_images/a.svg" loading="lazy">
<img class="figure-dark" src="../_images/b.svg"></div>
<div class="cell tag_solution tag_hide-input"><details class="hide above-input">
<summary>Show the solution</summary><pre>solved()</pre></details></div>
<details class="answer right" name="q1"><summary>Yes</summary>because</details>
<svg><use href="#g"/></svg></section></article></body></html>"""


@pytest.fixture
def part(tmp_path: Path) -> leaves.Part:
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "a.html").write_text(PAGE)
    return leaves.read_part(tmp_path, "chapters/a")


def small_book(part: leaves.Part, site: str) -> leaves.Book:
    other = leaves.Part("chapters/b", "4. Other", part.body.__copy__())
    groups = [leaves.Group("Chapters", [part, other])]
    return leaves.Book("Book", "Authors", "2026", "MIT", "1", "About", "https://a", site, groups)


def test_a_part_is_the_article_without_what_only_works_on_a_screen(part: leaves.Part) -> None:
    assert part.title == "3. Mean"
    assert [heading["data-target"] for heading in part.sections] == ["t"]
    for gone in (
        "headerlink",
        "hidden()",
        "figure-dark",
        "Show the solution",
        "lazy",
        "<nav",
        "q1",
    ):
        assert gone not in part.text, gone
    for kept in ("solved()", "figure-light", "because", '<path id="g"/>'):
        assert kept in part.text, kept


def test_where_a_long_output_was_folded_the_book_says_so() -> None:
    page = '<div><details class="hide below-input"><summary>Show</summary>long</details></div>'
    body = BeautifulSoup(page, "html.parser")
    leaves.clean(body)
    assert body.get_text() == "(Folded on the page of the book, and left out here.)"


def test_a_page_without_a_heading_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<article><p>no title</p></article>")
    with pytest.raises(ValueError, match=r"need an article with a heading in a\.html"):
        leaves.read_part(tmp_path, "a")


def test_links_lead_to_places_in_the_book_or_to_the_published_site(part: leaves.Part) -> None:
    leaves.relink(
        small_book(part, "https://site/"), lambda name, i: f"{name}!{i}", lambda file: f"pic:{file}"
    )
    assert [str(link["href"]) for link in part.body.select("a")] == [
        *("https://site/index.html", "chapters/b!u", "chapters/a!t", "https://example.org/"),
    ]
    assert [str(image["src"]) for image in part.body.select("img")] == ["pic:_images/a.svg"]


def test_a_link_out_of_a_book_whose_site_has_no_address_is_plain_text(part: leaves.Part) -> None:
    leaves.relink(small_book(part, ""), lambda name, i: f"#{i}", str)
    assert [link.get_text() for link in part.body.select("a")] == ["there", "here", "out"]
    assert "top" in part.body.get_text()


def test_without_a_browser_the_way_out_is_said_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> str:
        raise browser.NoBrowser("need Chromium")

    def build(*arguments: object) -> int:
        pytest.fail("the build took minutes, for nothing")

    monkeypatch.setattr(browser, "find", none)
    monkeypatch.setattr(paper, "build", build)
    monkeypatch.setattr("sys.argv", ["paper.py", "epub", "pdf"])
    assert paper.main() == 1
    assert "no PDF: need Chromium" in capsys.readouterr().err


def test_a_file_is_made_again_only_when_something_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def make(root: Path, site: Path, target: Path) -> str:
        made.append(target)
        target.write_text("a book")
        return "1 page"

    digest = "one"
    monkeypatch.setattr(book, "make_current", lambda *arguments: 0)
    monkeypatch.setattr(book, "book_digest", lambda root: digest)
    monkeypatch.setitem(paper.KINDS, "epub", make)
    assert [paper.build("epub", tmp_path, tmp_path) for _ in range(2)] == [0, 0]
    assert len(made) == 1
    digest = "two"
    assert paper.build("epub", tmp_path, tmp_path) == 0
    assert len(made) == 2


# -- the printed book ---------------------------------------------------------------------------


@pytest.fixture(scope="session")
def the_book() -> leaves.Book:
    if not (BOOK / "html").exists():
        pytest.skip("no site was built: run `make test`")
    return leaves.read_book(ROOT, BOOK / "html")


@pytest.fixture(scope="session")
def pdf() -> PdfReader:
    path = BOOK / "batch-normalization.pdf"
    if not path.exists():
        pytest.skip("no printed book: run `make test` where Chromium or Chrome is installed")
    return PdfReader(path)


@pytest.fixture(scope="session")
def texts(pdf: PdfReader) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in pdf.pages]


def outline_of(pdf: PdfReader) -> dict[str, int]:
    """The titles of the outline, on all levels, with the index of their page."""

    def walk(entries: list) -> Iterator[tuple[str, int]]:  # type: ignore[type-arg]
        for entry in entries:
            if isinstance(entry, list):
                yield from walk(entry)
            else:
                yield str(entry.title), pdf.get_destination_page_number(entry) or 0

    return dict(walk(pdf.outline))


def test_every_part_is_in_the_outline_in_the_order_of_the_book(
    pdf: PdfReader, the_book: leaves.Book
) -> None:
    outline = outline_of(pdf)
    pages = [outline[part.title] for part in the_book.parts]
    assert pages == sorted(pages)
    assert len(set(pages)) == len(pages)


def test_the_contents_say_on_which_page_each_part_begins(
    pdf: PdfReader, texts: list[str], the_book: leaves.Book
) -> None:
    outline = outline_of(pdf)
    first, last = outline["Contents"], outline[the_book.parts[0].title]
    contents = " ".join(texts[first:last])
    for part in the_book.parts:
        page = outline[part.title]
        assert re.search(rf"{re.escape(part.title)} {page + 1}\b", contents), part.title
        assert texts[page].endswith(f" {page + 1}") or f" {page + 1} " in texts[page]


def links(pdf: PdfReader) -> Iterator[tuple[int, str]]:
    """The index of a page and the address, or the name of the place, of each link on it."""
    for number, page in enumerate(pdf.pages):
        for annotation in page.get("/Annots") or []:
            link = annotation.get_object()
            action = link.get("/A", {})
            yield number, str(action.get("/URI") or action.get("/D") or link.get("/Dest"))


def test_links_inside_the_printed_book_lead_to_a_page_of_it(pdf: PdfReader) -> None:
    places = {name.removeprefix("/") for name in pdf.named_destinations}
    inside = [name.removeprefix("/") for _, name in links(pdf) if not re.match(r"[a-z]+:", name)]
    assert len(inside) > 300
    assert set(inside) <= places


def test_links_out_of_the_printed_book_do_not_lead_to_files_of_the_machine(pdf: PdfReader) -> None:
    outside = {name for _, name in links(pdf) if re.match(r"[a-z]+:", name)}
    assert outside
    assert all(name.startswith(("https://", "http://", "mailto:")) for name in outside), outside


def test_the_printed_book_says_who_made_it(pdf: PdfReader, the_book: leaves.Book) -> None:
    assert pdf.metadata is not None
    assert pdf.metadata.title == the_book.title
    assert pdf.metadata.author == the_book.author
    assert pdf.trailer["/Root"]["/Lang"] == "en"
    title_page = " ".join(pdf.pages[1].extract_text().split())
    for said in (the_book.author, the_book.year, the_book.licence, the_book.address):
        assert said in title_page


def test_all_fonts_of_the_printed_book_are_embedded(pdf: PdfReader) -> None:
    found = {}
    for page in pdf.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            font = font.get_object()
            for inner in font.get("/DescendantFonts", [font]):
                inner = inner.get_object()
                descriptor = inner.get("/FontDescriptor", {})
                embedded = inner.get("/Subtype") == "/Type3" or any(
                    key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3")
                )
                found[str(inner.get("/BaseFont", inner.get("/Name")))] = embedded
    assert found and all(found.values()), found


def test_no_formula_is_printed_as_latex(texts: list[str]) -> None:
    for number, text in enumerate(texts, 1):
        assert not LATEX.search(text), f"page {number}: {text[:300]}"


def test_every_figure_is_printed_with_its_caption(
    texts: list[str], pdf: PdfReader, the_book: leaves.Book
) -> None:
    whole = "".join(texts).replace(" ", "")
    figures = [f for part in the_book.parts for f in part.body.select("figure")]
    assert len(figures) > 40
    for figure in figures:
        number = figure.select_one(".caption-number")
        assert number is not None
        assert number.get_text().replace(" ", "").strip() in whole
        assert figure.select_one("img, drawing") is not None


def test_the_code_of_solutions_is_printed_and_hidden_code_is_not(
    texts: list[str], the_book: leaves.Book
) -> None:
    whole = " ".join(texts)
    assert "return mu, var" in whole
    for said in ("Show code cell", "Hide code cell", "Show the solution", "Copy to clipboard"):
        assert said not in whole


def test_the_page_of_a_place_is_that_of_its_heading() -> None:
    assert printed.place("chapters/03_mechanism", "what-does") == "chapters-03_mechanism--what-does"


# -- the ePub -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def epub() -> dict[str, bytes]:
    path = BOOK / "batch-normalization.epub"
    if not path.exists():
        pytest.skip("no ePub was built: run `make test`")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="session")
def chapters(epub: dict[str, bytes]) -> dict[str, ElementTree.Element]:
    """The chapter files, which must be XML."""
    return {
        name: ElementTree.fromstring(content)
        for name, content in epub.items()
        if name.endswith(".xhtml")
    }


def test_the_drawings_of_the_epub_have_the_names_of_svg(
    chapters: dict[str, ElementTree.Element],
) -> None:
    for name, root in chapters.items():
        for element in root.iter():
            kind = element.tag.rpartition("}")[2]
            assert "viewbox" not in element.attrib and kind != "clippath", f"{name}: <{kind}>"


def test_the_package_lists_each_file_of_the_epub_and_no_other(epub: dict[str, bytes]) -> None:
    package = ElementTree.fromstring(epub["book/package.opf"])
    listed = [f"book/{item.get('href')}" for item in package.iter(f"{OPF}item")]
    assert len(set(listed)) == len(listed)
    others = {"mimetype", "META-INF/container.xml", "book/package.opf"}
    assert set(listed) == set(epub) - others


def test_the_epub_says_what_it_is(epub: dict[str, bytes], the_book: leaves.Book) -> None:
    text = " ".join(
        str(element.text) for element in ElementTree.fromstring(epub["book/package.opf"]).iter()
    )
    for said in (the_book.title, the_book.author, the_book.licence, the_book.address, "urn:uuid:"):
        assert said in text
    assert " en " in text
    assert epub["mimetype"] == b"application/epub+zip"


def test_the_contents_of_the_epub_name_each_part_and_section(
    epub: dict[str, bytes],
    chapters: dict[str, ElementTree.Element],
    the_book: leaves.Book,
) -> None:
    entries = {
        str(link.get("href")): "".join(link.itertext())
        for link in chapters["book/nav.xhtml"].iter(f"{XHTML}a")
    }
    assert set(entries.values()) >= {part.title for part in the_book.parts}
    sections = sum(len(part.sections) for part in the_book.parts)
    assert sum("#" in address for address in entries) == sections > 100


def test_links_inside_the_epub_lead_to_a_place_in_it(
    chapters: dict[str, ElementTree.Element],
) -> None:
    ids = {name: {e.get("id") for e in root.iter()} for name, root in chapters.items()}
    count = 0
    for name, root in chapters.items():
        for link in root.iter(f"{XHTML}a"):
            file, _, place = str(link.get("href")).partition("#")
            if not re.match(r"[a-z]+:", file):
                target = posixpath.join("book", unquote(file)) if file else name
                assert target in ids and (not place or place in ids[target]), f"{name}: {file}"
                count += 1
    assert count > 300


def test_the_epub_asks_no_other_host_for_anything_and_runs_nothing(
    epub: dict[str, bytes], chapters: dict[str, ElementTree.Element]
) -> None:
    for name, root in chapters.items():
        for element in root.iter():
            assert not str(element.tag).endswith(("}script", "}iframe", "}form")), name
            for key, value in element.attrib.items():
                if key.endswith(("src", "href")) and element.tag != f"{XHTML}a":
                    assert not re.match(r"(?:https?:)?//", value), f"{name}: {value}"
                    if not value.startswith(("#", "data:")):
                        assert f"book/{value}" in epub, f"{name}: {value}"
    assert not re.search(rb"@import|url\(\s*['\"]?http", epub["book/styles.css"])


def test_each_picture_of_the_epub_says_what_is_to_be_seen(
    chapters: dict[str, ElementTree.Element],
) -> None:
    pictures = [image for root in chapters.values() for image in root.iter(f"{XHTML}img")]
    assert len(pictures) > 40
    for image in pictures:
        assert len(str(image.get("alt", "")).split()) >= 4, image.attrib


def test_formulas_of_the_epub_are_mathml_and_none_is_latex(
    chapters: dict[str, ElementTree.Element],
) -> None:
    formulas = 0
    for name, root in chapters.items():
        formulas += len(list(root.iter("{http://www.w3.org/1998/Math/MathML}math")))
        code = {c for c in root.iter() if c.tag in (f"{XHTML}pre", f"{XHTML}code")}
        for element in root.iter(f"{XHTML}p"):
            if not code & set(element.iter()):
                assert not LATEX.search("".join(element.itertext())), name
    assert formulas > 500
