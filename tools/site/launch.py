"""Buttons that run a page's notebook, or download it.

All addresses come from the one address of the repository.  Binder and Colab open notebooks of
GitHub; for a repository elsewhere there are downloads alone.  The page of a solution opens the
learner's notebook, the one to work in.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from docutils import nodes
from sphinx.application import Sphinx

BINDER = "https://mybinder.org"
COLAB = "https://colab.research.google.com"
GITHUB = "github.com"
SOLUTIONS = "exercises/solutions/"


def owner_and_name(repository: str) -> tuple[str, str] | None:
    """Owner and name of a repository on GitHub; None for one elsewhere.

    Raises ValueError if the address is not that of a repository.
    """
    address = urlsplit(repository)
    parts = address.path.strip("/").removesuffix(".git").split("/")
    if address.scheme not in ("http", "https") or not address.hostname or len(parts) < 2:
        raise ValueError(
            f"need the address of a repository, https://HOST/OWNER/NAME, got {repository!r}: "
            "set repository: url in _config.yml"
        )
    if address.hostname.removeprefix("www.") != GITHUB:
        return None
    if len(parts) > 2 or not all(re.fullmatch(r"[\w.-]+", part) for part in parts):
        raise ValueError(
            f"need https://{GITHUB}/OWNER/NAME, got {repository!r}: "
            "set repository: url in _config.yml"
        )
    return parts[0], parts[1]


def binder(repository: str, branch: str, path: str) -> str | None:
    """The address that opens the notebook `path` in JupyterLab on Binder, if it can."""
    if (found := owner_and_name(repository)) is None:
        return None
    place = "/".join([*found, quote(branch)])
    return f"{BINDER}/v2/gh/{place}?urlpath=lab/tree/{quote(path)}"


def colab(repository: str, branch: str, path: str) -> str | None:
    """The address that opens the notebook `path` in Colab, if it can."""
    if (found := owner_and_name(repository)) is None:
        return None
    # a slash of the branch is escaped: where the branch ends would be left to guess
    place = "/".join([*found, "blob", quote(branch, safe="")])
    return f"{COLAB}/github/{place}/{quote(path)}"


def site(repository: str) -> str:
    """The address of the published book, on GitHub Pages; empty if the repository is elsewhere."""
    if (found := owner_and_name(repository)) is None:
        return ""
    owner, name = found
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def learners(name: str) -> str:
    """The page of the notebook to work in: the exercise for its solution, else the page itself."""
    exercise = PurePosixPath(name).name
    return f"exercises/{exercise}" if name.startswith(SOLUTIONS) else name


def link(text: str, says: str, url: str, icon: str, label: str) -> dict[str, str]:
    """A button in the form of the theme; what it `says` is read out after its text."""
    return {
        "type": "link",
        "text": text,
        "tooltip": says,
        "url": url,
        "icon": icon,
        "label": label,
    }


def runs(options: dict[str, Any], name: str) -> list[dict[str, str]]:
    """The buttons that run the notebook of the page `name`."""
    repository, branch = options["repository_url"], options.get("repository_branch") or "main"
    path = f"{learners(name)}.ipynb"
    buttons = []
    if url := binder(repository, branch, path):
        says = "Run on Binder, in JupyterLab, without an account"
        buttons.append(link("Binder", says, url, "_static/images/logo_binder.svg", "binder"))
    if url := colab(repository, branch, path):
        says = "Run on Google Colab, with a Google account"
        buttons.append(link("Colab", says, url, "_static/images/logo_colab.png", "colab"))
    return buttons


def downloads(name: str, sources: str) -> list[dict[str, str]]:
    """The buttons that download the notebook of the page `name` as it is in the repository.

    `sources` is the folder of these notebooks, as seen from the page.
    """
    learner = learners(name)
    if learner == name:
        what = "Exercise" if name.startswith("exercises/ex") else "Notebook"
        found = [(what, name)]
    else:
        found = [("Exercise", learner), ("Solution", name)]
    return [
        link(
            f"{what} (.ipynb)",
            f"Download the {what.lower()} as a notebook",
            f"{sources}/{quote(page)}.ipynb",
            "fas fa-download",
            f"download-{what.lower()}",
        )
        for what, page in found
    ]


def add_buttons(
    app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Put the buttons into the bar of a page that is made of a notebook."""
    if doctree is None or app.env.doc2path(name, base=False).rpartition(".")[2] != "ipynb":
        return
    bar = context["header_buttons"]
    if buttons := runs(app.config.html_theme_options, name):
        says = "Run this notebook"
        group = {"type": "group", "tooltip": says, "icon": "fas fa-rocket", "label": "launch"}
        bar.insert(0, group | {"buttons": buttons})
    for group in bar:
        if group.get("label") == "download-buttons":
            kept = [b for b in group["buttons"] if b["label"] != "download-source-button"]
            group["buttons"] = [*downloads(name, context["pathto"]("_sources", 1)), *kept]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_buttons, priority=502)  # the theme's buttons: 501
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
