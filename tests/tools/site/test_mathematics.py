"""The laws of the renderer of formulas, on a small site of its own."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from sphinx.errors import ExtensionError

from tools.notebooks import execution
from tools.site import mathematics

ROOT = execution.ROOT

CONFIGURATION = f"""
project, version, language = "formulas", "1", "en"
extensions = ["myst_parser", "tools.site.mathematics"]
myst_enable_extensions = ["amsmath", "dollarmath"]
html_static_path = [{str(ROOT / "chapters" / "_static")!r}]
numfig = True
"""

PAGES = {
    "index.md": """
# Formulas

```{toctree}
:numbered:
inline
displayed
titled
```
""",
    "inline.md": r"""
# Inline

The variance $\sigma^2$, and $\sigma^2$ again; $a < b \text{ if } c$.
""",
    "displayed.md": r"""
# Displayed

$$
\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}
$$ (eq-hat)

From {eq}`eq-hat`:

$$
a = b
$$

```{math}
:label: eq-lines

a &= b \\
&= c

d &= e
```

\begin{align}
p &= q \\
r &= s
\end{align}

\begin{equation*}
t = u
\end{equation*}
""",
    "titled.md": r"""
# The law of $\Omega$

## The second of $\kappa$
""",
}


def run_sphinx(
    folder: Path, builder: str, pages: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Build a site of these pages in folder/BUILDER."""
    source = folder / "source"
    source.mkdir(exist_ok=True)
    (source / "conf.py").write_text(CONFIGURATION)
    for name, text in pages.items():
        (source / name).write_text(text.lstrip(), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "sphinx", "-q", "-b", builder]
    command += ["-d", str(folder / "doctrees"), str(source), str(folder / builder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BeautifulSoup]:
    folder = tmp_path_factory.mktemp("formulas")
    answer = run_sphinx(folder, "html", PAGES)
    assert answer.returncode == 0 and answer.stderr == "", answer.stderr
    return {
        path.stem: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in (folder / "html").glob("*.html")
    }


@pytest.fixture(scope="module")
def mathjax() -> Iterator[mathematics.MathJax]:
    engine = mathematics.MathJax()
    yield engine
    engine.close()


def drawing(formula: Tag) -> Tag:
    svg = formula.select_one("svg")
    assert svg is not None
    return svg


def mathml(formula: Tag) -> str:
    math = formula.select_one(".assistive > math")
    assert math is not None
    return math.get_text()


def test_a_formula_in_a_line_is_drawn_and_can_be_read(site: dict[str, BeautifulSoup]) -> None:
    formulas = site["inline"].select("p span.math")
    assert [mathml(formula) for formula in formulas] == ["σ2", "σ2", "a<b\xa0if\xa0c"]
    for formula in formulas:
        assert drawing(formula)["aria-hidden"] == "true"
        assert "$" not in formula.get_text() and "\\" not in formula.get_text()


def test_a_drawing_has_its_size_and_the_colour_of_the_text(
    site: dict[str, BeautifulSoup],
) -> None:
    for formula in [*site["inline"].select(".math"), *site["displayed"].select(".math")]:
        svg = drawing(formula)
        for side in ("width", "height"):
            assert re.fullmatch(r"\d+(\.\d+)?ex", str(svg[side]))
        colours = {
            element[name] for name in ("fill", "stroke") for element in svg.select(f"[{name}]")
        }
        assert colours <= {"currentColor", "none"} and "currentColor" in colours


def test_a_labelled_equation_has_a_number_and_its_references_lead_to_it(
    site: dict[str, BeautifulSoup],
) -> None:
    page = site["displayed"]
    number = page.select_one("#equation-eq-hat > .eqno")
    assert number is not None and number.get_text().startswith("(2.1)")
    link = page.select_one('p a[href="#equation-eq-hat"]')
    assert link is not None and link.get_text() == "(2.1)"
    permalink = number.select_one("a.headerlink")
    assert permalink is not None and permalink["href"] == "#equation-eq-hat"


def test_displayed_formulas_are_numbered_only_if_they_have_a_label(
    site: dict[str, BeautifulSoup],
) -> None:
    found = {
        mathml(formula): bool(formula.select_one(".eqno"))
        for formula in site["displayed"].select("div.math")
    }
    assert found == {
        "x^=x−μσ2+ε": True,
        "a=b": False,
        "a=b=cd=e": True,
        "p=qr=s": True,  # an environment whose name has no star
        "t=u": False,
    }


def test_lines_of_an_equation_are_aligned_at_their_marks(site: dict[str, BeautifulSoup]) -> None:
    lines = site["displayed"].select_one("#equation-eq-lines math")
    assert lines is not None
    outer = lines.select_one("mtable")
    assert outer is not None and len(outer.find_all("mtr", recursive=False)) == 2
    inner = outer.select_one("mtr mtable")
    assert inner is not None
    rows = [[cell.get_text() for cell in row.select("mtd")] for row in inner.select("mtr")]
    assert rows == [["a", "=b"], ["", "=c"]]


def test_a_page_holds_each_glyph_once(site: dict[str, BeautifulSoup]) -> None:
    for name in ("inline", "displayed"):
        page = site[name]
        outlines = [str(outline["id"]) for outline in page.select("svg path")]
        used = {str(use["xlink:href"])[1:] for use in page.select("use")}
        assert len(outlines) == len(set(outlines)) > 0
        assert used <= set(outlines)
        assert len(page.select("svg.glyphs")) == 1


def test_a_formula_in_a_title_is_whole_wherever_the_title_stands(
    site: dict[str, BeautifulSoup],
) -> None:
    heading = site["titled"].select_one("h1 .math")
    assert heading is not None and mathml(heading) == "Ω"
    title = site["titled"].title
    assert title is not None and "Ω" in title.get_text() and "\\" not in title.get_text()
    elsewhere = site["index"]
    used = {str(use["xlink:href"])[1:] for use in elsewhere.select(".math use")}
    assert used
    assert used <= {str(outline["id"]) for outline in elsewhere.select("svg.glyphs path")}


def test_a_page_without_formulas_holds_nothing_for_them(tmp_path: Path) -> None:
    assert run_sphinx(tmp_path, "html", {"index.md": "# Prose\n"}).stderr == ""
    assert "<svg" not in (tmp_path / "html" / "index.html").read_text(encoding="utf-8")


def test_pages_name_no_script_of_mathjax(site: dict[str, BeautifulSoup]) -> None:
    for page in site.values():
        assert not [s for s in page.select("script") if "mathjax" in str(s).lower()]


def test_the_pages_of_an_epub_are_well_formed(tmp_path: Path) -> None:
    assert run_sphinx(tmp_path, "epub", PAGES).returncode == 0
    for name in ("inline", "displayed", "titled"):
        root = ElementTree.parse(tmp_path / "epub" / f"{name}.xhtml")
        assert root.findall(".//{http://www.w3.org/1998/Math/MathML}math")
        used = {
            use.attrib["{http://www.w3.org/1999/xlink}href"][1:]
            for use in root.iterfind(".//{http://www.w3.org/2000/svg}use")
        }
        outlines = [
            path.attrib["id"] for path in root.iterfind(".//{http://www.w3.org/2000/svg}path")
        ]
        assert used and used <= set(outlines)


WRONG = {
    "brace": (r"\frac{1", "Missing close brace"),
    "unknown": (r"\variance", r"Undefined control sequence \variance"),
    "tag": (r"x \tag{7}", r"\tag is not supported"),
    "ref": (r"x \ref{eq}", r"\ref is not supported"),
    "character": (r"\text{é}", "lack a character"),
}


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What Sphinx says about a site with a wrong formula on each page, and the folder with it."""
    folder = tmp_path_factory.mktemp("wrong")
    pages = {
        f"{name}.md": f"# Wrong\n\nLine three.\n\n$${formula}$$\n"
        for name, (formula, _) in WRONG.items()
    }
    index = "# Wrong\n\n```{toctree}\n" + "\n".join(WRONG) + "\n```\n"
    answer = run_sphinx(folder, "html", {"index.md": index, **pages})
    return answer.stderr, folder / "html"


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_formula_is_reported_with_its_place(name: str, wrong: tuple[str, Path]) -> None:
    stderr, html = wrong
    formula, said = WRONG[name]
    (report,) = re.findall(rf"{name}\.md:5: WARNING: formula: (.*)", stderr)
    assert said in report and report.endswith(formula)
    page = BeautifulSoup((html / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
    shown = page.select_one(".math code")
    assert shown is not None and shown.get_text() == formula


def test_a_formula_is_converted_once(mathjax: mathematics.MathJax) -> None:
    assert mathjax.convert("x", display=False) is mathjax.convert("x", display=False)
    assert mathjax.convert(r"\sum_i x_i", False).svg != mathjax.convert(r"\sum_i x_i", True).svg


def test_a_formula_does_not_depend_on_those_before_it() -> None:
    first, second = mathematics.MathJax(), mathematics.MathJax()
    first.convert(r"\frac{", display=False)
    first.convert(r"\sqrt{y}", display=True)
    assert first.convert("x", display=False) == second.convert("x", display=False)
    first.close()
    second.close()


def test_a_mathjax_that_does_not_run_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mathematics, "SCRIPT", tmp_path / "missing.js")
    engine = mathematics.MathJax()
    with pytest.raises(ExtensionError, match="ended without an answer"):
        engine.convert("x", display=False)
    engine.close()
