"""What a page says that another file knows: nobody types it twice, and it cannot go stale.

    ```{shown} chapters/11_ledger
    :cell: verdicts
    ```                              what the cell of this tag, or figure, showed in the build
    {time}`chapters/03_mechanism`    how long a chapter takes to read, or an exercise to solve
    ```{bibtex}
    ```                              CITATION.cff as an entry for BibTeX
    [PDF](published:book.pdf)        a file beside the published site
    [CITATION.cff](source:CITATION.cff)  a file of the repository

Part of the Sphinx extension: see bnlib_book.py.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, ClassVar

import nbformat
import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective, SphinxRole

WORDS_PER_MINUTE = 200
STEP = 5  # minutes; a finer number would promise more than it holds
ESTIMATE = re.compile(r"takes? about (?:(\d+) minutes|(an hour))")


def words(notebook: nbformat.NotebookNode) -> int:
    """How many words the text cells of a notebook have."""
    cells = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return sum(len(re.findall(r"\w+", source)) for source in cells)


def minutes(path: Path) -> int:
    """How long a notebook takes, in minutes.

    For an exercise it is the estimate that it gives itself ("takes about 45 minutes").  For a
    chapter it is the time to read its text cells, at 200 words a minute, rounded up to 5 minutes.
    Raises ValueError for an exercise without an estimate.
    """
    notebook = nbformat.read(path, as_version=4)
    if path.parent.name != "exercises":
        return STEP * math.ceil(words(notebook) / WORDS_PER_MINUTE / STEP)
    found = ESTIMATE.search(notebook.cells[0].source)
    if found is None:
        raise ValueError(
            f"need 'takes about NN minutes' or 'takes about an hour' in the first cell of "
            f"{path.name}, got {notebook.cells[0].source[:80]!r}: write the estimate there"
        )
    return int(found[1] or 60)


class Time(SphinxRole):
    """The minutes of a notebook, named by its path without the ending."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        path = Path(self.env.srcdir) / f"{self.text}.ipynb"
        self.env.note_dependency(str(path))
        try:
            return [nodes.Text(f"{minutes(path)} min")], []
        except (OSError, ValueError) as error:
            message = self.inliner.reporter.error(str(error), line=self.lineno)
            return [], [message]


def displayed(notebook: nbformat.NotebookNode, name: str) -> list[dict[str, Any]]:
    """What the cell with this tag, or with the figure of this name, has displayed.

    Raises LookupError unless there is exactly one such cell.
    """

    def has_name(cell: nbformat.NotebookNode) -> bool:
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        return name in cell.metadata.get("tags", []) or name == figure.get("name")

    cells = [cell for cell in notebook.cells if has_name(cell)]
    if len(cells) != 1:
        raise LookupError(f"need one cell with the tag or the figure {name!r}, got {len(cells)}")
    return [output.data for output in cells[0].get("outputs", []) if "data" in output]


class Shown(SphinxDirective):
    """The Markdown or the HTML that a tagged cell of an executed chapter has displayed."""

    required_arguments = 1
    option_spec: ClassVar = {"cell": directives.unchanged_required}

    def executed(self) -> nbformat.NotebookNode:
        """The chapter with its outputs; raises KeyError if it has not been executed."""
        from jupyter_cache import get_cache

        path = Path(self.env.srcdir) / f"{self.arguments[0]}.ipynb"
        self.env.note_dependency(str(path))
        cache = get_cache(self.config.nb_execution_cache_path)
        return cache.merge_match_into_notebook(nbformat.read(path, as_version=4))[1]

    def run(self) -> list[nodes.Node]:
        try:
            outputs = displayed(self.executed(), self.options["cell"])
        except (KeyError, LookupError) as error:
            where = f"{self.arguments[0]}: {error}"
            return [self.state.document.reporter.warning(where, line=self.lineno)]
        container = nodes.container(classes=["shown"])
        for data in outputs:
            if "text/markdown" in data:
                text = StringList(data["text/markdown"].splitlines(), source=self.arguments[0])
                self.state.nested_parse(text, self.content_offset, container)
            elif "text/html" in data:
                container += nodes.raw("", data["text/html"], format="html")
        return [container]


def bibtex(citation: dict[str, Any], address: str) -> str:
    """CITATION.cff, as a mapping, as an entry for BibTeX; address: of the published course."""
    authors = " and ".join(
        f"{{{author['name']}}}"  # in braces: the name of a group is not divided
        if "name" in author
        else f"{author['family-names']}, {author['given-names']}"
        for author in citation["authors"]
    )
    fields = {
        "title": f"{{{citation['title']}}}",
        "author": authors,
        "year": str(citation["date-released"])[:4],
        "version": citation["version"],
        "url": address,
    }
    lines = [f"  {name:7} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join(["@misc{batch-normalization,", *lines, "}"])


class Bibtex(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / "CITATION.cff"
        self.env.note_dependency(str(path))
        citation = yaml.safe_load(path.read_text(encoding="utf-8"))
        entry = bibtex(citation, self.config.html_baseurl)
        return [nodes.literal_block(entry, entry, language="bibtex")]


def set_addresses(app: Sphinx, config: Config) -> None:
    """Let links of a page name a file of the published site, or one of the repository."""
    options = config.html_theme_options
    repository, branch = options.get("repository_url", ""), options.get("repository_branch", "")
    config.myst_url_schemes = {
        **dict.fromkeys(["http", "https", "mailto", "ftp"]),
        "published": f"{config.html_baseurl}{{{{path}}}}",
        "source": f"{repository}/blob/{branch}/{{{{path}}}}",
    }


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", set_addresses, priority=400)  # describe.py: 110
    app.add_role("time", Time())
    app.add_directive("shown", Shown)
    app.add_directive("bibtex", Bibtex)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
