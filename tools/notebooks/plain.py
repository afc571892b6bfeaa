"""The text of a chapter in two ways of writing: for the book, and for any Jupyter.

The book's text is MyST: roles such as {ref}, {numref}, {cite:t} and {term}, labels, numbered
equations.  Jupyter and Colab show these as they are written.  So the notebooks are stored with
Markdown alone, which they all read, and the book reads them back:

    {ref}`the ledger <ch-ledger>`     [the ledger](11_ledger.ipynb#ch-ledger)
    {numref}`fig-drift`               [Fig. 2.3](02_rationale.ipynb#fig-drift)
    {term}`mini-batch`                [mini-batch](12_reference.ipynb#term-mini-batch)
    {cite:t}`ioffe2015`               [Ioffe and Szegedy (2015)](12_reference.ipynb#ioffe2015)
    {eq}`eq-layer`                    [(3.2)](03_mechanism.ipynb#eq-layer)
    {index}`ratio`                    ratio<!-- index: ratio -->

A label stands as a comment below its heading, a number of an equation as a tag in the equation.

The glossary and the bibliography are lists.  Below each figure stands a cell with its number
and caption, which the page has in its own way.  `make fix` keeps all of it up to date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import nbformat

REFERENCE = "12_reference.ipynb"  # holds the glossary and the bibliography
CAPTION = "caption"  # the tag of a cell that is made of a figure's caption
ROLE = re.compile(r"\{(ref|numref|term|cite:[tp]|eq|index|doc)\}`([^`]+?)(?: <([^`>]+)>)?`")
LINK = re.compile(r"\[([^\[\]]+)\]\((?:[\w./-]*\.ipynb)?#([\w-]+)\)")
INDEXED = re.compile(r"<!-- index: ([^<>]+?)(?: <([^<>]+)>)? -->")
NUMBER = re.compile(r"([Cc]hapter|Fig\.) [\d.]+")
LABEL = re.compile(r"^(\([\w-]+\)=)\n+(#+ .+)$", re.M)
LABEL_BELOW = re.compile(r"^(#+ .+)\n<!-- (\([\w-]+\)=) -->$", re.M)
GLOSSARY = re.compile(r"^```\{glossary\}\n(.*?)\n```$", re.M | re.S)
BIBLIOGRAPHY = "```{bibliography}\n```"
LIST = "<!-- {name} -->\n{entries}\n<!-- end of the {name} -->"
LISTED = re.compile(r"<!-- (glossary|bibliography) -->\n(.*?)\n<!-- end of the \1 -->", re.S)
EQUATION = re.compile(r"\$\$\s*(?P<inside>(?:(?!\$\$).)+?)\s*\$\$ \((?P<label>eq-[\w-]+)\)", re.S)
TAGGED = re.compile(
    r"<!-- \((eq-[\w-]+)\) -->\n\\begin\{equation\*\}\n(.*?)\n\\tag\{[\d.]+\}\n\\end\{equation\*\}",
    re.S,
)


@dataclass(frozen=True)
class Work:
    """A source: who wrote it, as a text names them, and what."""

    who: str
    year: str
    title: str
    address: str


@dataclass
class Names:
    """What can be referred to, by its label: where it stands, its number or title; the sources."""

    files: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    terms: dict[str, str] = field(default_factory=dict)
    works: dict[str, Work] = field(default_factory=dict)


def names(folder: Path) -> Names:
    """The names that the chapters of a folder, and its bibliography, give."""
    found = Names()
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        notebook = nbformat.v4.reads_json(path.read_text(encoding="utf-8"))
        number, figures, equations = int(path.name[:2]), 0, 0
        for cell in notebook.cells:
            text = to_myst(cell.source) if cell.cell_type == "markdown" else ""
            for label, title in re.findall(r"^\(([\w-]+)\)=\n+#+ (.+)$", text, re.M):
                found.files[label], found.titles[label] = path.name, title
                if label.startswith("ch-"):
                    found.texts[label] = f"Chapter {number}"
            for equation in EQUATION.finditer(text):
                equations += 1
                found.files[equation["label"]] = path.name
                found.texts[equation["label"]] = f"({number}.{equations})"
            if label := cell.metadata.get("mystnb", {}).get("figure", {}).get("name"):
                figures += 1
                found.files[label], found.texts[label] = path.name, f"Fig. {number}.{figures}"
            if glossary := GLOSSARY.search(text):
                found.terms |= {slug(t): t for t in re.findall(r"^(\S.*)$", glossary[1], re.M)}
    bibliography = folder / "references.bib"
    if bibliography.exists():
        found.works = works(bibliography.read_text(encoding="utf-8"))
    return found


def works(bibliography: str) -> dict[str, Work]:
    """The works of a bibliography, by their keys."""
    from pybtex.database import parse_string
    from pybtex.richtext import Text

    found = {}
    for key, entry in parse_string(bibliography, "bibtex").entries.items():
        last = [" ".join(map(str, p.rich_last_names)) for p in entry.persons.get("author", [])]
        who = " and ".join(last) if len(last) < 3 else f"{last[0]} et al."
        title = str(Text.from_latex(entry.fields.get("title", key)))
        address = entry.fields.get("url", "")
        found[key] = Work(who, entry.fields.get("year", ""), title, address)
    return found


def slug(term: str) -> str:
    """A term as a part of an address."""
    return re.sub(r"[ _]", "-", term)


def to_plain(text: str, known: Names) -> str:
    """A text of the book for Jupyter.  Raises KeyError, with the role, for an unknown label."""

    def link(shown: str, label: str, file: str) -> str:
        return f"[{shown}]({file}#{label})"

    def plain(role: re.Match[str]) -> str:
        kind, text, label = role[1], role[2], role[3] or role[2]
        try:
            if kind == "index":
                return f"{text}<!-- index: {role[0][8:-1]} -->"
            if kind == "doc":
                return f"[{text}](..{label}.ipynb)" if role[3] else role[0]
            if kind == "term":
                known.terms[slug(label)]
                return link(text, f"term-{slug(label)}", REFERENCE)
            if kind.startswith("cite"):
                work = known.works[label]
                in_text = f"{work.who} ({work.year})"
                shown = in_text if kind == "cite:t" else f"({work.who}, {work.year})"
                return link(shown, label, REFERENCE)
            if kind == "ref":
                shown = text if role[3] else known.titles[label]
            else:
                shown = known.texts[label]
                if text.startswith("chapter"):
                    shown = shown.replace("Chapter", "chapter")
            return link(shown, label, known.files[label])
        except KeyError:
            raise KeyError(f"{role[0]}: no chapter, glossary or bibliography has it") from None

    def equation(found: re.Match[str]) -> str:
        number = known.texts[found["label"]].strip("()")
        lines = [f"<!-- ({found['label']}) -->", r"\begin{equation*}", found["inside"]]
        return "\n".join([*lines, rf"\tag{{{number}}}", r"\end{equation*}"])

    text = ROLE.sub(plain, to_myst(text, known))
    text = EQUATION.sub(equation, text)
    text = GLOSSARY.sub(_glossary_as_list, text)
    text = text.replace(BIBLIOGRAPHY, _bibliography_as_list(known))
    return LABEL.sub(r"\2\n<!-- \1 -->", text)


def to_myst(text: str, known: Names | None = None) -> str:
    """A text of a notebook as the book reads it; without `known`, labels and equations alone."""
    text = LABEL_BELOW.sub(r"\2\n\1", text)
    text = TAGGED.sub(r"$$\n\2\n$$ (\1)", text)
    text = LISTED.sub(_unlisted, text)
    if known is None:
        return text
    text = re.sub(rf"[^\n]*?{INDEXED.pattern}", _indexed, text)
    return LINK.sub(partial(_role, known), text)


def _glossary_as_list(found: re.Match[str]) -> str:
    entries = re.sub(r"^(\S.*)\n  (.*)\n?$", r"- **\1**: \2", found[1], flags=re.M)
    return LIST.format(name="glossary", entries=re.sub(r"\n{2,}", "\n", entries))


def _bibliography_as_list(known: Names) -> str:
    works = sorted(known.works.values(), key=lambda work: (work.who, work.year))
    entries = [f"- {w.who} ({w.year}): *{w.title}*. {w.address}".rstrip() for w in works]
    return LIST.format(name="bibliography", entries="\n".join(entries))


def _unlisted(found: re.Match[str]) -> str:
    if found[1] == "bibliography":
        return BIBLIOGRAPHY
    entries = re.findall(r"^- \*\*(.+?)\*\*: (.+)$", found[2], re.M)
    return "```{glossary}\n" + "\n\n".join(f"{t}\n  {said}" for t, said in entries) + "\n```"


def _indexed(found: re.Match[str]) -> str:
    text, entry = found[1], found[2]
    before = found[0][: found[0].index("<!-- index: ")].removesuffix(text)
    return f"{before}{{index}}`{text} <{entry}>`" if entry else f"{before}{{index}}`{text}`"


def _role(known: Names, found: re.Match[str]) -> str:
    text, label = found[1], found[2]
    term = known.terms.get(label.removeprefix("term-"))
    if term is not None:
        return f"{{term}}`{text}`" if text == term else f"{{term}}`{text} <{term}>`"
    if label in known.works:
        return f"{{cite:{'p' if text.startswith('(') else 't'}}}`{label}`"
    if label.startswith("eq-"):
        return f"{{eq}}`{label}`"
    if label in known.texts and NUMBER.fullmatch(text):
        return f"{{numref}}`{'chapter %s <' + label + '>' if text[0] == 'c' else label}`"
    if label in known.files:
        title = known.titles.get(label)
        return f"{{ref}}`{label}`" if text == title else f"{{ref}}`{text} <{label}>`"
    return found[0]


def cells(found: Iterable[Any], known: Names, rewrite: Callable[[str], str]) -> list[Any]:
    """The cells of a notebook with their texts rewritten, and a caption below each figure."""
    made = []
    for cell in found:
        if CAPTION in cell.metadata.get("tags", []):
            continue
        if cell.cell_type == "markdown":
            cell.source = rewrite(cell.source)
        made.append(cell)
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if figure.get("name") in known.texts:
            said = rewrite(f"**{known.texts[figure['name']]}.** {figure['caption']}")
            tags = {"tags": [CAPTION, "remove-cell"]}
            made.append(nbformat.v4.new_markdown_cell(said, metadata=tags, id=f"{figure['name']}"))
    return made
