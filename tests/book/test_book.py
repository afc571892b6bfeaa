"""The laws of the book: of its sources, and of the site that was built from them.

The tests of the site read the folder named by BNCOURSE_BOOK, or _build/test; `make test` builds it.
"""

import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup, Tag

from tools.notebooks import execution, form, plain
from tools.paper import paper
from tools.site import launch

ROOT = execution.ROOT
BOOK = Path(os.environ.get("BNCOURSE_BOOK", ROOT / "_build" / "test"))
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
NOTES = "chapters/lecture_notes"
FRONT = ("index", "teaching", "figures", NOTES)  # pages that are no notebooks
SOLUTIONS = sorted((ROOT / "exercises" / "solutions").glob("*.ipynb"))

# Notes, code, chapters and exercises write a thing by one name: other names for it, and that name.
OTHER_NAMES = {
    **dict.fromkeys(["xhat", "x_norm", "x_normalized", "normalized", "xn"], "x_hat"),
    **dict.fromkeys(["mean", "mean_", "batch_mean", "sample_mean", "mu_b"], "mu"),
    **dict.fromkeys(["variance", "sigma2", "sigma_sq", "batch_var", "sample_var"], "var"),
    **dict.fromkeys(["epsilon", "epsi", "eps_"], "eps"),
    **dict.fromkeys(["moving_mean", "running_avg", "running_mu"], "running_mean"),
    **dict.fromkeys(["moving_var", "moving_variance", "running_variance"], "running_var"),
    **dict.fromkeys(["dout", "grad_out", "grad_output", "upstream"], "dy"),
    **dict.fromkeys(["grad_x", "dinput", "grad_input"], "dx"),
    **dict.fromkeys(["d_gamma", "grad_gamma", "dg"], "dgamma"),
    **dict.fromkeys(["d_beta", "grad_beta", "db"], "dbeta"),
}


def ids(path: Path) -> str:
    return path.stem


each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=ids)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


NAMES = plain.names(ROOT / "chapters")


def markdown(path: Path) -> str:
    """The text of a chapter as the book reads it."""
    cells = [cell for cell in read(path).cells if cell.cell_type == "markdown"]
    texts = [c.source for c in cells if plain.CAPTION not in c.metadata.get("tags", [])]
    return "\n\n".join(plain.to_myst(text, NAMES) for text in texts)


def section(text: str, heading: str) -> str:
    """What stands under a heading of level two, up to the next one; empty if it is missing."""
    found = re.search(rf"^## {re.escape(heading)}\s*$(.*?)(?=^## |\Z)", text, re.M | re.S)
    return found.group(1).strip() if found else ""


# -- the sources --------------------------------------------------------------------------------


def test_the_table_of_contents_and_the_files_agree() -> None:
    outline = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in outline["parts"] for entry in part["chapters"]]
    files = [entry["file"] for entry in entries if entry["file"].startswith("chapters/")]
    assert files == [*(f"chapters/{path.stem}" for path in CHAPTERS), NOTES]
    exercises = {
        entry["file"]: [section["file"] for section in entry["sections"]]
        for entry in entries
        if entry["file"].startswith("exercises/ex")
    }
    assert exercises == {
        f"exercises/{path.stem}": [f"exercises/solutions/{path.stem}"] for path in SOLUTIONS
    }


def test_the_chapters_are_numbered_without_gaps() -> None:
    numbers = [int(path.stem.split("_")[0]) for path in CHAPTERS]
    assert numbers == list(range(1, len(CHAPTERS) + 1))
    assert numbers


@each_chapter
def test_a_notebook_is_in_the_form_of_the_course(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert form.normalise(text) == text, "run: python -m tools.notebooks.form fix"


@each_chapter
def test_a_notebook_stores_no_output_and_has_an_id_for_each_cell(path: Path) -> None:
    cells = read(path).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert code
    assert not any(cell.outputs or cell.execution_count for cell in code)
    identities = [cell.id for cell in cells]
    assert len(set(identities)) == len(identities)


@each_chapter
def test_a_chapter_follows_the_pattern(path: Path) -> None:
    text = markdown(path)
    assert len(re.findall(r"^# \S", text, re.M)) == 1, "need one title"
    assert re.match(r"(\(\S+\)=\n+)*# ", text), "need the title first, after its labels"
    goals = re.search(r"\*\*What you will be able to do\*\*.*\n+([-*] .*\n)+", text)
    assert goals, "need the goals, as a list"
    assert goals.start() < text.index("\n## "), "need the goals before the first section"
    headings = ["Recap", "Check yourself", "Exercise", "Sources"]
    if 2 <= int(path.stem[:2]) <= 10:
        named = re.findall(r"exercises/(ex\d\d)_\w+(?:>|\.ipynb)", section(text, "Exercise"))
        assert f"ex{path.stem[:2]}" in named, "need its exercise"
    else:
        headings.remove("Exercise")
    for heading in headings:
        assert section(text, heading), f"need a section: ## {heading}"
    order = [text.index(f"\n## {heading}") for heading in headings]
    assert order == sorted(order)


@each_chapter
def test_hidden_cells_are_short(path: Path) -> None:
    """Those that a reader sees: see test_measures."""
    for cell in read(path).cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= 40, cell.source[:200]


@each_chapter
def test_lines_that_a_reader_sees_fit_on_the_page(path: Path) -> None:
    for cell in read(path).cells:
        if form.is_open(cell):
            assert all(len(line) <= 100 for line in cell.source.splitlines()), cell.source[:200]


@each_chapter
def test_no_other_name_for_what_has_a_name(path: Path) -> None:
    names = "|".join(sorted({"xhat", "x_norm", "sigma2", "moving_mean", "moving_var"}))
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert not re.findall(rf"\b(?:{names})\b", cell.source), cell.source


def test_each_section_of_the_notes_has_its_chapter() -> None:
    """The map in the first chapter: a row per section, each with a link to a chapter."""
    sections = ["1.1", "1.2", "2.1", "2.2", "2.3", "3.1", "3.2", "4.1", "4.2", "4.3"]
    sections += ["5", "6", "7", "8"]
    text = markdown(CHAPTERS[0])
    for number in sections:
        row = re.search(rf"^\|\s*{re.escape(number)}\s.*$", text, re.M)
        assert row, f"need a row for section {number} of the notes"
        named = re.findall(r"\{ref\}`(?:[^`<]+<)?(ch-[\w-]+)", row.group())
        assert named and set(named) <= set(NAMES.files), row.group()


def public_callables() -> Iterator[tuple[str, object]]:
    from bnlib import functional, nn, scratch

    for module in (functional, scratch, nn):
        for name, value in vars(module).items():
            if name.startswith("_") or not getattr(value, "__module__", "").startswith("bnlib"):
                continue
            if inspect.isclass(value):
                for attribute, method in vars(value).items():
                    if inspect.isfunction(method) and (
                        not attribute.startswith("_") or attribute in ("__init__", "__call__")
                    ):
                        yield f"{module.__name__}.{name}.{attribute}", method
            elif inspect.isfunction(value):
                yield f"{module.__name__}.{name}", value


def test_parameters_are_named_as_the_notation_says() -> None:
    found = list(public_callables())
    assert len(found) > 10
    for where, function in found:
        for parameter in inspect.signature(function).parameters:  # type: ignore[arg-type]
            better = OTHER_NAMES.get(parameter)
            assert better is None, f"{where}: the parameter {parameter} is called {better} here"


def test_what_two_functions_share_has_one_name() -> None:
    """The arguments of the forward and backward passes are those of the notation, in its order."""
    from bnlib import functional

    def named(function: object) -> list[str]:
        return list(inspect.signature(function).parameters)  # type: ignore[arg-type]

    assert named(functional.batch_norm)[:4] == ["x", "gamma", "beta", "eps"]
    assert named(functional.batch_norm_eval)[:3] == ["x", "running_mean", "running_var"]
    assert named(functional.batch_norm_backward)[:4] == ["dy", "x", "gamma", "eps"]
    assert named(functional.update_running) == ["running", "batch", "momentum"]


# -- the site -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def html() -> Path:
    folder = (BOOK / "html").resolve()
    if not folder.exists():
        if "BNCOURSE_BOOK" in os.environ:
            pytest.fail(f"no site in {folder}")
        pytest.skip("no site was built: run `make test`")
    return folder


@pytest.fixture(scope="session")
def pages(html: Path) -> dict[str, BeautifulSoup]:
    """The pages of the site that readers see, parsed, by their path."""
    found = {}
    folders = [html / "chapters", html / "exercises"]
    written = [path for folder in folders for path in sorted(folder.rglob("*.html"))]
    for path in [*(html / f"{name}.html" for name in FRONT), *written]:
        text = path.read_text(encoding="utf-8")
        found[path.relative_to(html).as_posix()] = BeautifulSoup(text, "html.parser")
    return found


def article(page: BeautifulSoup) -> Tag:
    found = page.select_one("article")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def executed(html: Path) -> dict[str, nbformat.NotebookNode]:
    folder = BOOK / "executed"
    return {path.stem: read(path) for path in sorted(folder.glob("*.ipynb"))}


def test_each_notebook_has_its_page(pages: dict[str, BeautifulSoup]) -> None:
    assert set(pages) == {
        *(f"{name}.html" for name in (*FRONT, "exercises/teachers")),
        *(f"chapters/{path.stem}.html" for path in CHAPTERS),
        *(f"exercises/{path.stem}.html" for path in SOLUTIONS),
        *(f"exercises/solutions/{path.stem}.html" for path in SOLUTIONS),
    }
    assert all(article(page).select_one("h1") for page in pages.values())


def test_the_number_of_a_chapter_is_that_of_its_file(pages: dict[str, BeautifulSoup]) -> None:
    for path in CHAPTERS:
        number = article(pages[f"chapters/{path.stem}.html"]).select_one("h1 .section-number")
        assert number is not None
        assert int(number.get_text().strip(" .")) == int(path.stem.split("_")[0])


def test_no_page_shows_a_traceback(pages: dict[str, BeautifulSoup]) -> None:
    for name, page in pages.items():
        text = article(page).get_text()
        assert "Traceback (most recent call last)" not in text, name
        assert not article(page).select(".output.traceback, .output.stderr"), name


def test_no_page_shows_an_object_where_something_else_is_meant(
    pages: dict[str, BeautifulSoup],
) -> None:
    """A picture that could not be drawn, or an object without a text, shows as its address."""
    fallback = re.compile(r"<Figure size|<Axes:|<matplotlib\.| object at 0x|<IPython\.core\.")
    for name, page in pages.items():
        for output in article(page).select(".cell_output"):
            assert not fallback.search(output.get_text()), f"{name}: {output.get_text()[:200]}"


def test_no_markup_is_left_unrendered(pages: dict[str, BeautifulSoup]) -> None:
    left = re.compile(
        r"\{(?:cite|numref|eq|ref|term|doc|math)(?::[a-z]+)?\}`|^:::|\*\*[A-Z]\w+", re.M
    )
    for name, page in pages.items():
        body = BeautifulSoup(str(article(page)), "html.parser")
        for code in body.select("pre, code, script, .math"):
            code.decompose()
        assert not left.search(body.get_text()), f"{name}: {left.findall(body.get_text())}"


def pictures(pages: dict[str, BeautifulSoup]) -> Iterator[tuple[str, Tag]]:
    for name, page in pages.items():
        for image in article(page).select("img"):
            yield f"{name}: {image.get('src')}", image


def test_each_picture_says_what_is_to_be_seen(html: Path, pages: dict[str, BeautifulSoup]) -> None:
    found = list(pictures(pages))
    assert found
    for where, image in found:
        alt = str(image.get("alt", ""))
        assert len(alt.split()) >= 5, f"{where}: need a text of some words, got {alt!r}"
        assert not re.search(r"\.(?:png|svg|jpe?g|gif)\b|_images/", alt), f"{where}: {alt!r}"


def test_each_picture_is_there(html: Path, pages: dict[str, BeautifulSoup]) -> None:
    for name, page in pages.items():
        for image in article(page).select("img"):
            source = str(image["src"])
            assert source.startswith("data:") or (html / name).parent.joinpath(source).exists()


def test_each_picture_has_a_caption_with_a_number(pages: dict[str, BeautifulSoup]) -> None:
    for where, image in pictures(pages):
        figure = image.find_parent("figure")
        assert figure is not None, f"{where}: need mystnb: figure: caption in the cell's metadata"
        caption = figure.select_one("figcaption")
        assert caption is not None and len(caption.get_text().split()) >= 5, where
        assert caption.select_one(".caption-number") is not None, where


def test_a_notebook_counts_figures_and_equations_as_the_pages_do(
    pages: dict[str, BeautifulSoup],
) -> None:
    counted = {}
    for name, page in pages.items():
        if name.startswith("chapters/"):
            for figure in page.select("figure[id] .caption-number"):
                counted[figure.find_parent("figure")["id"]] = figure.get_text().strip()  # type: ignore[index]
            for number in page.select("div.math[id^=equation-] .eqno"):
                label = str(number.find_parent(id=True)["id"]).removeprefix("equation-")  # type: ignore[index]
                counted[label] = number.get_text().strip("#\n ")
    assert len(counted) > 80
    assert counted == {label: NAMES.texts.get(label) for label in counted}


def test_every_formula_was_converted(pages: dict[str, BeautifulSoup]) -> None:
    """Each has a drawing, and MathML for screen readers; no TeX is left, also in headings."""
    formulas = [(name, formula) for name, page in pages.items() for formula in page.select(".math")]
    assert len(formulas) >= 300
    for name, formula in formulas:
        assert formula.select_one('svg[aria-hidden="true"]'), f"{name}: {formula}"
        assert formula.select_one(".assistive > math"), f"{name}: {formula}"
    left = re.compile(r"\\[(\[a-zA-Z]|\$\S[^$\n]*\$")
    for name, page in pages.items():
        texts = [
            text
            for text in page.find_all(string=left)
            if not text.find_parent(["pre", "code", "script", "style"])
        ]
        assert not texts, name
        alts = [str(image.get("alt")) for image in page.select("img")]
        assert not [alt for alt in alts if left.search(alt)], name


def test_a_page_holds_each_glyph_of_its_formulas_once(pages: dict[str, BeautifulSoup]) -> None:
    for name, page in pages.items():
        outlines = [str(outline["id"]) for outline in page.select("svg.glyphs path")]
        used = {str(use["xlink:href"]) for use in page.select(".math use")}
        assert len(outlines) == len(set(outlines)), name
        assert bool(used) == bool(page.select(".math")), name
        assert used <= {f"#{outline}" for outline in outlines}, name


def test_only_links_lead_to_another_host(html: Path, pages: dict[str, BeautifulSoup]) -> None:
    """Nothing that a browser fetches by itself: scripts, styles, fonts, pictures, frames."""
    elsewhere = re.compile(r"(?:https?:)?//")
    said = {"canonical", "license", "author"}  # a link in the head that is not fetched
    others = {
        path.name: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in html.glob("*.html")
        if path.name not in pages
    }
    for name, page in {**pages, **others}.items():
        for element in page.select("[src], [srcset], [data], link[href], image"):
            if not said & set(element.get("rel") or []):
                for attribute in ("src", "srcset", "data", "href", "xlink:href"):
                    for target in str(element.get(attribute, "")).split(","):  # as in a srcset
                        assert not elsewhere.match(target.strip()), f"{name}: {element}"
        for script in page.select("script:not([src])"):
            assert not re.search(r"https?://", script.get_text()), f"{name}: {script}"
    sheets = {path.name: path.read_text(encoding="utf-8") for path in html.rglob("*.css")}
    assert sheets
    for name, page in {**pages, **others}.items():  # in the page itself
        own = [style.get_text() for style in page.select("style")]
        sheets[name] = "\n".join([*own, *(str(tag["style"]) for tag in page.select("[style]"))])
    for name, text in sheets.items():
        assert not re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", text), name


@pytest.fixture(scope="session")
def site(html: Path, pages: dict[str, BeautifulSoup]) -> dict[str, BeautifulSoup]:
    """All pages, with those that Sphinx makes: index, search, and the one for a wrong address."""
    others = {
        path.name: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in html.glob("*.html")
        if path.name not in pages
    }
    assert {"genindex.html", "search.html", "404.html"} <= set(others)
    return {**pages, **others}


@pytest.fixture(scope="session")
def where() -> dict[str, str]:
    """The repository that this build belongs to: address and branch."""
    from tools.site import extension

    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]
    configured = {"repository_url": settings["url"], "repository_branch": settings["branch"]}
    return extension.repository(configured, os.environ)


@pytest.fixture(scope="session")
def published(where: dict[str, str]) -> str:
    """The address of the published site; empty where it is not known."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["html"]
    address = settings.get("baseurl") or launch.site(where["repository_url"])
    return f"{address.rstrip('/')}/" if address else ""


def referred(page: BeautifulSoup) -> Iterator[str]:
    """What a page links to or loads, but for what it holds itself and what stands elsewhere."""
    for attribute in ("href", "src", "poster", "data", "action"):
        for tag in page.select(f"[{attribute}]"):
            address = str(tag[attribute])
            if not re.match(r"(?:[a-z]+:|//)", address) and address != "#":
                yield address


def test_links_within_the_site_lead_somewhere(
    html: Path, site: dict[str, BeautifulSoup], published: str
) -> None:
    """Pages, sections, pictures, downloads, style sheets and scripts; on every page.

    A site without a known address links to the books beside it, which are made from it later.
    """
    beside = set() if published else {f"{paper.NAME}.{kind}" for kind in ("pdf", "epub", "zip")}
    prefix = urlsplit(published).path or "/"
    parsed = {(html / name).resolve(): page for name, page in site.items()}
    for name, page in site.items():
        found = [address for address in referred(page) if address not in beside]
        assert len(found) > 10, name
        for address in found:
            parts = urlsplit(address)
            if name == "404.html" and parts.path:  # shown in place of a page in any folder
                assert parts.path.startswith(prefix), f"{name}: {address}"
                path = html / unquote(parts.path.removeprefix(prefix) or "index.html")
            else:
                assert not parts.path.startswith("/"), f"{name}: {address}"
                path = (html / name).parent / unquote(parts.path) if parts.path else html / name
            assert path.is_file(), f"{name}: {address}"
            if parts.fragment and path.resolve() in parsed:
                target = parsed[path.resolve()].find(id=unquote(parts.fragment))
                assert target, f"{name}: {address}"


def test_each_notebook_is_launched_and_downloaded_and_nothing_else_is(
    html: Path, site: dict[str, BeautifulSoup], where: dict[str, str]
) -> None:
    url, branch = where["repository_url"], where["repository_branch"]
    elsewhere = re.compile("[a-z]+:")
    for name, page in site.items():
        bar = page.select_one(".article-header-buttons")
        assert bar is not None, name
        addresses = [str(link["href"]) for link in bar.select("a[href]")]
        stem = name.removesuffix(".html")
        if not (ROOT / f"{stem}.ipynb").exists():
            assert not any(launch.BINDER in a or launch.COLAB in a for a in addresses), name
            continue
        path = f"{stem.replace('/solutions/', '/')}.ipynb"
        for wanted in (launch.binder(url, branch, path), launch.colab(url, branch, path)):
            assert wanted is None or addresses.count(wanted) == 1, f"{name}: {wanted}"
        own = [a for a in addresses if a.endswith(".ipynb") and not elsewhere.match(a)]
        files = [(html / name).parent / address for address in own]
        downloads = {file.resolve().relative_to(html / "_sources").as_posix() for file in files}
        assert downloads == {path, f"{stem}.ipynb"}, name
        for file in files:
            committed = ROOT / file.resolve().relative_to(html / "_sources")
            assert file.read_bytes() == committed.read_bytes(), f"{name}: {file}"


def test_each_button_of_the_bar_has_a_name(site: dict[str, BeautifulSoup]) -> None:
    for name, page in site.items():
        buttons = page.select(".article-header-buttons :is(a, button)")
        assert len(buttons) > 2, name
        for button in buttons:
            said = button.get("aria-label") or button.get("title") or button.get_text(strip=True)
            assert said, f"{name}: {button}"


def content(page: BeautifulSoup, key: str) -> list[str]:
    return [
        str(tag["content"]) for tag in page.select(f"meta[name='{key}'], meta[property='{key}']")
    ]


def test_each_page_is_described_in_a_sentence_without_markup(
    site: dict[str, BeautifulSoup],
) -> None:
    for name, page in site.items():
        assert page.select_one("html[lang=en]"), name
        (said,) = content(page, "description")
        assert 20 <= len(said) <= 200, f"{name}: {said}"
        assert not re.search(r"[<>`{}$\\]|\*\*|&\w+;", said), f"{name}: {said}"


def test_each_page_says_its_address_and_how_to_show_it_elsewhere(
    html: Path, site: dict[str, BeautifulSoup], published: str
) -> None:
    address = published
    if not address:
        pytest.skip("the site of a repository that is not on GitHub has no known address")
    for name, page in site.items():
        (canonical,) = page.select("link[rel=canonical]")
        assert canonical["href"] == address + name
    written = {name for name in site if name not in ("404.html", "search.html", "genindex.html")}
    for name in written:
        page = site[name]
        assert content(page, "og:url") == [address + name]
        assert content(page, "og:description") == content(page, "description")
        assert content(page, "og:title")[0] in page.select("title")[0].get_text()
        assert content(page, "twitter:card") == ["summary_large_image"]
        (picture,) = content(page, "og:image")
        assert (html / picture.removeprefix(address)).is_file()
        assert len(content(page, "og:image:alt")[0].split()) >= 5
    listed = re.findall(r"<loc>(.*?)</loc>", (html / "sitemap.xml").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(address + name for name in written)
    assert f"Sitemap: {address}sitemap.xml" in (html / "robots.txt").read_text(encoding="utf-8")


def test_the_page_for_a_wrong_address_leads_to_each_chapter_and_to_search(
    site: dict[str, BeautifulSoup], published: str
) -> None:
    prefix = urlsplit(published).path or "/"
    page = article(site["404.html"])
    links = [link["href"] for link in page.select("a[href]")]
    for path in CHAPTERS:
        assert f"{prefix}chapters/{path.stem}.html" in links
    (form,) = page.select("form")
    assert form["action"] == f"{prefix}search.html"
    field = form.select_one("input[name=q]")
    assert field is not None and form.select_one(f"label[for={field['id']}]")


def test_each_page_links_to_its_source_to_its_edit_and_to_the_issues(
    pages: dict[str, BeautifulSoup], where: dict[str, str]
) -> None:
    url, branch = where["repository_url"], where["repository_branch"]
    for path in CHAPTERS:
        file = f"chapters/{path.stem}.ipynb"
        page = pages[f"chapters/{path.stem}.html"]
        links = {str(link["href"]).split("?")[0] for link in page.select("a[href]")}
        for end in (f"/blob/{branch}/{file}", f"/edit/{branch}/{file}", "/issues/new"):
            # GitLab has /- before the end
            assert {f"{url}{end}", f"{url}/-{end}"} & links, end


def test_each_page_names_authors_year_and_licences(pages: dict[str, BeautifulSoup]) -> None:
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    for name, page in pages.items():
        text = " ".join(" ".join(f.get_text().split()) for f in page.select("footer"))
        for said in (settings["author"], f"Copyright {settings['copyright']}", "CC BY 4.0", "MIT"):
            assert said in text, f"{name}: {said} is not in: {text}"


def test_exercise_and_solution_have_pages_that_link_to_each_other(
    pages: dict[str, BeautifulSoup],
) -> None:
    for path in SOLUTIONS:
        exercise = article(pages[f"exercises/{path.stem}.html"])
        solution = article(pages[f"exercises/solutions/{path.stem}.html"])
        assert exercise.select_one(f'a[href="solutions/{path.stem}.html"]')
        assert solution.select_one(f'a[href="../{path.stem}.html"]')
        titles = [page.select_one("h1").get_text() for page in (exercise, solution)]  # type: ignore[union-attr]
        assert titles[0].startswith("Exercise ") and titles[1].startswith("Solution of exercise ")


def test_solutions_are_folded_and_executed_and_exercises_are_neither(
    pages: dict[str, BeautifulSoup],
) -> None:
    for path in SOLUTIONS:
        solved = [cell for cell in read(path).cells if "solution" in cell.metadata.get("tags", [])]
        solution = article(pages[f"exercises/solutions/{path.stem}.html"])
        assert len(solution.select("div.tag_solution.tag_hide-input")) == len(solved) > 0
        passed = re.findall(r"ex\d\d\.\w+: passed", solution.get_text())
        assert len(passed) == len(solved)
        exercise = article(pages[f"exercises/{path.stem}.html"])
        assert not exercise.select(".cell_output, .tag_solution")
        for cell in solved:
            assert cell.source not in exercise.get_text()


def test_teachers_see_every_mistake_named_and_none_accepted(
    pages: dict[str, BeautifulSoup],
) -> None:
    page = article(pages["exercises/teachers.html"])
    tables = {
        tuple(cell.get_text() for cell in table.select("thead th")): table
        for table in page.select("table")
    }
    table = tables["no.", "mistake", "named in", "rejected in", "accepted in"]
    rows = [[c.get_text() for c in row.select("td")] for row in table.select("tbody tr")]
    assert len(rows) >= 60
    assert all(row[2] != "–" and row[3] == row[4] == "–" for row in rows)


def test_the_first_page_leads_to_reading_running_solving_and_teaching(
    pages: dict[str, BeautifulSoup],
) -> None:
    page = article(pages["index.html"])
    outline = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = {f"{entry['file']}.html" for entry in outline["parts"][0]["chapters"]}
    wanted = {
        "read": {"chapters/11_ledger.html", *chapters},
        "run": {"README.md"},
        "solve": {"exercises/ex03_mechanism.html"},
        "teach": {"teaching.html", "figures.html", "exercises/teachers.html"},
    }
    for way, targets in wanted.items():
        assert page.select_one(f'.sd-card a[href$="#{way}"]'), way
        section = page.select_one(f"section#{way}")
        assert section is not None, way
        links = [str(link["href"]).split("#")[0] for link in section.select("a[href]")]
        for target in targets:
            assert any(link.endswith(target) for link in links), f"{way}: {target}"


def test_the_first_page_shows_what_chapters_have_shown(pages: dict[str, BeautifulSoup]) -> None:
    """The counts of the verdicts are the ledger's, the live figure is that of chapter 5."""
    first, second = pages["index.html"], pages["chapters/11_ledger.html"]
    counted = re.compile(r"Of the \d+ claims of the notes, \d+ are supported, .*?\.")
    said = [counted.search(" ".join(article(page).get_text().split())) for page in (first, second)]
    assert said[0] and said[1] and said[0][0] == said[1][0]
    shown = article(first).select(".explore")
    there = article(pages["chapters/05_train_eval.html"]).select_one(f"#{shown[0]['id']}")
    assert len(shown) == 1 and str(shown[0]) == str(there)


def test_the_page_for_teachers_shows_the_citation(pages: dict[str, BeautifulSoup]) -> None:
    from tools.site import quoting

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    canonical = pages["index.html"].select_one("link[rel=canonical]")
    address = str(canonical["href"]).removesuffix("index.html") if canonical else ""
    shown = [block.get_text().strip() for block in article(pages["teaching.html"]).select("pre")]
    assert quoting.bibtex(citation, address) in shown


def width_of_png(path: Path) -> int:
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR", path
    return int.from_bytes(content[16:20], "big")


def test_every_figure_of_the_chapters_can_be_downloaded_for_slides(
    html: Path, pages: dict[str, BeautifulSoup]
) -> None:
    wanted = {
        f"{name}#{figure['id']}": figure
        for name, page in pages.items()
        for figure in article(page).select("figure[id]")
        if name.startswith("chapters/")
    }
    cards = {
        str(card.select_one(".caption-number a[href]")["href"]): card  # type: ignore[index]
        for card in article(pages["figures.html"]).select("figure")
    }
    assert len(wanted) > 50 and list(cards) == list(wanted)
    for place, card in cards.items():
        figure = wanted[place]
        number = figure.select_one(".caption-number").get_text().strip()  # type: ignore[union-attr]
        assert card.select_one(".caption-number").get_text() == number  # type: ignore[union-attr]
        credit = card.select_one("pre").get_text()  # type: ignore[union-attr]
        assert f"figure {number.removeprefix('Fig. ')}. CC BY 4.0." in credit, place
        files = [html / str(link["href"]) for link in card.select("a[download]")]
        light, dark, *printed = files
        assert light.suffix == dark.suffix == ".svg", place
        assert light.read_bytes() != dark.read_bytes(), place
        assert bool(printed) == (figure.select_one(".explore") is None), place
        assert all(width_of_png(path) >= 1400 for path in printed), place
        for image in card.select("img"):
            assert image["loading"] == "lazy" and image["width"] and image["height"], place


def test_there_is_an_index_and_a_glossary(html: Path, pages: dict[str, BeautifulSoup]) -> None:
    index = BeautifulSoup((html / "genindex.html").read_text(encoding="utf-8"), "html.parser")
    assert len(article(index).select("table.indextable a, li a")) >= 10
    terms = [term for page in pages.values() for term in page.select("dl.glossary dt")]
    assert len(terms) >= 10


def test_each_work_in_the_bibliography_file_is_listed_once(
    pages: dict[str, BeautifulSoup],
) -> None:
    text = (ROOT / "chapters" / "references.bib").read_text(encoding="utf-8")
    keys = re.findall(r"^@\w+\{(\w+),", text, re.M)
    assert len(set(keys)) == len(keys) > 0
    cited = set(re.findall(r"\{cite(?::\w+)?\}`([\w, ]+)`", "".join(map(markdown, CHAPTERS))))
    assert {key.strip() for keys in cited for key in keys.split(",")} <= set(keys)


def test_every_code_cell_was_executed(executed: dict[str, nbformat.NotebookNode]) -> None:
    assert list(executed) == [*(path.stem for path in [*CHAPTERS, *SOLUTIONS]), "teachers"]
    for name, notebook in executed.items():
        counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
        assert counts == list(range(1, len(counts) + 1)), name


def test_nothing_in_a_chapter_warns(executed: dict[str, nbformat.NotebookNode]) -> None:
    for name, notebook in executed.items():
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                assert output.output_type != "error", f"{name}: {cell.source}"
                assert output.get("name") != "stderr", f"{name}: {output.text}"


def test_numbers_in_the_text_come_from_the_run(
    executed: dict[str, nbformat.NotebookNode],
) -> None:
    """Each chapter but the reference shows sentences that its run has written."""
    for name, notebook in executed.items():
        if name.endswith("reference") or name.startswith("ex"):
            continue
        sentences = [
            output.data["text/markdown"]
            for cell in notebook.cells
            for output in cell.get("outputs", [])
            if "text/markdown" in output.get("data", {})
        ]
        assert any(re.search(r"\d", "".join(sentence)) for sentence in sentences), name
