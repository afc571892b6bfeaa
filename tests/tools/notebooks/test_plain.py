"""The laws of a chapter's text: any Jupyter shows it, and the book gets back what it needs."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.notebooks import form, plain

BIBLIOGRAPHY = """
@article{one2015, author = {Ng, Ann}, year = {2015}, title = {A {BN} Study}}
@article{two2018, author = {M{\\k{a}}dry, Al and Li, Bo}, year = {2018}, title = {T},
  url = {https://example.org/t}}
@article{all2020, author = {Ng, A. and Li, B. and Ho, C.}, year = {2020}, title = {All}}
"""
GLOSSARY = (
    "```{glossary}\nmini-batch\n  The examples of a step.\n\nstate_dict\n  What is saved.\n```"
)
FIGURE = {"mystnb": {"figure": {"name": "fig-a", "caption": "See {ref}`ch-a`."}}}
PAIRS = {
    "{ref}`the start <ch-a>`": "[the start](01_a.ipynb#ch-a)",
    "{ref}`ch-a`": "[First things](01_a.ipynb#ch-a)",
    "{numref}`ch-a`": "[Chapter 1](01_a.ipynb#ch-a)",
    "in {numref}`chapter %s <ch-a>`": "in [chapter 1](01_a.ipynb#ch-a)",
    "{numref}`fig-a`": "[Fig. 1.1](01_a.ipynb#fig-a)",
    "{ref}`the spectrum <fig-a>`": "[the spectrum](01_a.ipynb#fig-a)",
    "{eq}`eq-a`": "[(1.2)](01_a.ipynb#eq-a)",
    "{cite:t}`one2015`": "[Ng (2015)](12_reference.ipynb#one2015)",
    "{cite:p}`two2018`": "[(Mądry and Li, 2018)](12_reference.ipynb#two2018)",
    "{cite:t}`all2020`": "[Ng et al. (2020)](12_reference.ipynb#all2020)",
    "{term}`state_dict`": "[state_dict](12_reference.ipynb#term-state-dict)",
    "{term}`batches <mini-batch>`": "[batches](12_reference.ipynb#term-mini-batch)",
    "a {index}`learning rate` of 1": "a learning rate<!-- index: learning rate --> of 1",
    "{index}`Ratios <ratio>`": "Ratios<!-- index: Ratios <ratio> -->",
    "(ch-a)=\n# First things\n\nText": "# First things\n<!-- (ch-a)= -->\n\nText",
    "$$\nx = 1\n$$ (eq-a)": (
        "<!-- (eq-a) -->\n\\begin{equation*}\nx = 1\n\\tag{1.2}\n\\end{equation*}"
    ),
    GLOSSARY: (
        "<!-- glossary -->\n- **mini-batch**: The examples of a step.\n"
        "- **state_dict**: What is saved.\n<!-- end of the glossary -->"
    ),
    "```{bibliography}\n```": (
        "<!-- bibliography -->\n- Mądry and Li (2018): *T*. https://example.org/t\n"
        "- Ng (2015): *A BN Study*.\n- Ng et al. (2020): *All*.\n<!-- end of the bibliography -->"
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    first = "(ch-a)=\n# First things\n\n$$\ny\n$$ (eq-b)\n\n$$\nx = 1\n$$ (eq-a)"
    notebooks = {
        "01_a.ipynb": [new_markdown_cell(first), new_code_cell("draw()", metadata=FIGURE)],
        "12_reference.ipynb": [new_markdown_cell(f"(ch-reference)=\n# Reference\n\n{GLOSSARY}")],
    }
    for name, cells in notebooks.items():
        nbformat.write(new_notebook(cells=cells), tmp_path / name)
    (tmp_path / "references.bib").write_text(BIBLIOGRAPHY)
    return tmp_path


@pytest.mark.parametrize("book", PAIRS)
def test_what_the_book_has_as_a_role_jupyter_has_as_markdown_and_back(
    folder: Path, book: str
) -> None:
    known = plain.names(folder)
    assert plain.to_plain(book, known) == PAIRS[book]
    assert plain.to_myst(PAIRS[book], known) == book
    assert plain.to_plain(PAIRS[book], known) == PAIRS[book]


def test_a_number_follows_what_it_counts(folder: Path) -> None:
    known = plain.names(folder)
    assert plain.to_plain("[Fig. 7.9](07_old.ipynb#fig-a)", known) == PAIRS["{numref}`fig-a`"]
    assert plain.to_plain("[(9.9)](01_a.ipynb#eq-a)", known) == PAIRS["{eq}`eq-a`"]


@pytest.mark.parametrize("text", ["[a](b.md)", "[c](https://a.org/#d)", "[f](g.ipynb#unknown)"])
def test_other_links_are_left_alone(folder: Path, text: str) -> None:
    known = plain.names(folder)
    assert plain.to_plain(text, known) == plain.to_myst(text, known) == text


@pytest.mark.parametrize("role", ["{ref}`ch-x`", "{term}`x`", "{cite:t}`x2000`", "{numref}`fig-x`"])
def test_an_unknown_label_is_told(folder: Path, role: str) -> None:
    with pytest.raises(KeyError, match="no chapter, glossary or bibliography has it"):
        plain.to_plain(role, plain.names(folder))


def test_a_caption_with_its_number_stands_below_the_figure_and_not_on_the_page(
    folder: Path,
) -> None:
    known = plain.names(folder)
    text = (folder / "01_a.ipynb").read_text()
    once = form.in_form(text, "install", known)
    assert form.in_form(once, "install", known) == once
    *_, caption = nbformat.reads(once, as_version=4).cells
    assert caption.source == "**Fig. 1.1.** See [First things](01_a.ipynb#ch-a)."
    assert "remove-cell" in caption.metadata.tags
    changed = once.replace('"caption": "See', '"caption": "Look at')
    *_, caption = nbformat.reads(form.in_form(changed, "install", known), as_version=4).cells
    assert caption.source.startswith("**Fig. 1.1.** Look at")


def test_the_numbers_of_a_folder_are_the_same_in_both_ways_of_writing(folder: Path) -> None:
    before = plain.names(folder)
    for path in folder.glob("*.ipynb"):
        path.write_text(form.in_form(path.read_text(), "install", before))
    assert plain.names(folder) == before
