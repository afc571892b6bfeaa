"""The Sphinx extension of the book.

It tells the execution cache about the code that the chapters import (see execution.py), gives
their kernels a fixed environment, makes a fork's build link to the fork, reads the text of the
chapters as MyST, and links the pages of exercises to those of their solutions.  It loads the other
modules of the extension:

    mathematics     formulas, drawn when the book is built
    figures         pictures for light and for dark pages, panels for phones; gallery and
                    archive: all of them
    launch          buttons that run and download notebooks
    describe        what pages tell search engines and other sites; the page for wrong addresses
    live            what a reader answers and runs in the page; runtime: Python for that;
                    runnable: which cells need nothing else
    quoting         what a page says that another file knows
    ledger          the choice among the rows of the ledger
    accessibility   what the theme lacks for screen readers, keyboards and phones
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from sphinx.application import Sphinx
from sphinx.config import Config

from tools.notebooks import execution, plain, store


def set_execution(app: Sphinx, config: Config) -> None:
    """Let executed notebooks count only for the state of the code that they were executed with."""
    root = Path(app.srcdir)
    config.chapter_keys = store.refresh(root, execution.chapters(root))
    config.nb_execution_cache_path = str(store.folder(root) / "jupyter")
    os.environ.update(execution.kernel_environment(root, store.folder(root) / "results"))


def repository(configured: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """The options of the theme that say where the sources are.

    They stand in `_config.yml`; in a workflow on GitHub, the repository that runs it counts.
    """
    keys = ("repository_url", "repository_branch")
    options = {key: str(configured[key]) for key in keys if configured.get(key)}
    server, name = environment.get("GITHUB_SERVER_URL"), environment.get("GITHUB_REPOSITORY")
    if server and name:
        options["repository_url"] = f"{server}/{name}"
        if environment.get("GITHUB_REF_TYPE") == "branch" and environment.get("GITHUB_REF_NAME"):
            options["repository_branch"] = environment["GITHUB_REF_NAME"]
    return options


def set_repository(app: Sphinx, config: Config) -> None:
    config.html_theme_options.update(repository(config.html_theme_options, os.environ))


@cache
def _names(folder: Path) -> plain.Names:
    return plain.names(folder)


def read_as_myst(app: Sphinx, name: str, source: list[str]) -> None:
    """Give a chapter's text the roles and labels that its notebook has in plain Markdown."""
    if not name.startswith("chapters/") or not app.env.doc2path(name).endswith(".ipynb"):
        return
    known = _names(Path(app.srcdir, "chapters"))
    notebook = nbformat.v4.reads_json(source[0])
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = plain.to_myst(cell.source, known)
    source[0] = nbformat.v4.writes_json(notebook)


def link_exercise_and_solution(app: Sphinx, name: str, source: list[str]) -> None:
    """Tell the page of an exercise from that of its solution, and link one to the other."""
    folder, _, exercise = name.rpartition("/")
    if exercise.startswith("ex") and folder in ("exercises", "exercises/solutions"):
        notebook = nbformat.v4.reads_json(source[0])
        first = notebook.cells[0]
        if folder == "exercises":
            first.source += (
                f"\n\nThis page shows the notebook as you get it. {{doc}}`The solution "
                f"</exercises/solutions/{exercise}>` has a page of its own, with the code folded."
            )
        else:
            first.source = first.source.replace("# Exercise", "# Solution of exercise", 1)
            notebook.metadata["mystnb"] = {"code_prompt_show": "Show the solution"}
            first.source += f"\n\nTry {{doc}}`the exercise </exercises/{exercise}>` first."
        source[0] = nbformat.v4.writes_json(notebook)


def setup(app: Sphinx) -> dict[str, Any]:
    parts = ("mathematics", "figures", "launch", "describe", "ledger", "accessibility", "live")
    for extension in parts:
        app.setup_extension(f"tools.site.{extension}")
    # Sphinx reads all pages again when it changes: their outputs are of other code then
    app.add_config_value("chapter_keys", {}, "env", types=[dict])
    # before the extensions that read these values: theirs have priority 500
    app.connect("config-inited", set_execution, priority=100)
    app.connect("config-inited", set_repository, priority=100)
    app.connect("source-read", read_as_myst)
    app.connect("source-read", link_exercise_and_solution)
    app.setup_extension("tools.site.quoting")
    app.setup_extension("tools.site.gallery")
    app.setup_extension("tools.site.archive")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
