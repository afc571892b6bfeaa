"""A reader of the built site: its pages, a server for them, and what a browser says about one."""

import functools
import http.server
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import axe_playwright_python
from bs4 import BeautifulSoup
from playwright.sync_api import BrowserContext, Page

from tools.notebooks import execution

ROOT = execution.ROOT
HTML = Path(os.environ.get("BNCOURSE_BOOK", ROOT / "_build" / "test")) / "html"
PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in HTML.rglob("*.html")
    if path.relative_to(HTML).parts[0] not in ("_static", "_sources", "_downloads")
)
# The page for addresses that lead nowhere names all files by their published address.
LOST = "404.html"
LOCAL = "127.0.0.1"
PHONE = {"width": 360, "height": 740}
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

# In a page: opens what is folded.
UNFOLD = """() => document.querySelectorAll("details").forEach((details) => {
  details.removeAttribute("name");  // else one answer of a question closes the others
  details.open = true;
})"""
# Without preload: the style sheets are read already, and a page from a file may not read others.
RUN_AXE = """async (rules) => {
  const options = {resultTypes: ["violations"], preload: false, rules: {
    "empty-table-header": {enabled: false},  // it does not read MathML; there is a test for it
  }};
  if (rules) options.runOnly = {type: "rule", values: rules};
  // Colours of code are those of its words' kinds: a word of each kind is enough.
  const kinds = new Set();
  for (const word of document.querySelectorAll("pre span")) {
    const block = word.closest("div.highlight")?.parentElement;
    const kind = [word, word.parentElement, block].map((part) => part?.className).join("|");
    word.toggleAttribute("data-another", kinds.has(kind));
    kinds.add(kind);
  }
  // what a drawing consists of has no meaning by itself, and makes the check slow
  const exclude = [[".math svg"], [".explore-picture svg > *"], ["[data-another]"]];
  const {violations} = await axe.run({exclude}, options);
  return violations.map(({id, nodes}) => `${id}: ${nodes.length}, of these ` +
    nodes.slice(0, 3).map((node) => `${node.target.join(" ")}: ${node.failureSummary}`));
}"""


def parse(name: str) -> BeautifulSoup:
    return BeautifulSoup((HTML / name).read_text(encoding="utf-8"), "html.parser")


class Published(http.server.SimpleHTTPRequestHandler):
    """Serves a folder below a path, as it is published, in silence."""

    below = "/"

    def translate_path(self, path: str) -> str:
        return super().translate_path("/" + path.removeprefix(self.below))

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a site on this machine, below the path it will have; gives its address."""
    lost = folder / LOST
    text = lost.read_text(encoding="utf-8") if lost.exists() else ""
    found = re.search(r'href="(/[^":]*/)_static/', text)
    Published.below = found.group(1) if found else "/"
    handler = functools.partial(Published, directory=str(folder))
    with http.server.ThreadingHTTPServer((LOCAL, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{LOCAL}:{server.server_address[1]}{Published.below}"
        finally:
            server.shutdown()
            thread.join()


def is_foreign(url: str) -> bool:
    """Whether a request leaves the site."""
    address = urlsplit(url)
    return address.scheme not in ("file", "data", "blob", "about") and address.hostname != LOCAL


class Visit:
    """A page that was opened, and all that went wrong with it."""

    def __init__(self, context: BrowserContext, base: str, name: str) -> None:
        self.page: Page = context.new_page()
        self.foreign: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda r: is_foreign(r.url) and self.foreign.append(r.url))
        self.page.on(
            "requestfailed",
            lambda r: r.failure != "csp" and self.complaints.append(f"{r.failure}: {r.url}"),
        )
        self.page.on(
            "response", lambda r: r.status >= 400 and self.complaints.append(f"{r.status} {r.url}")
        )
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on(
            "console", lambda m: m.type == "error" and self.complaints.append(f"console: {m.text}")
        )
        path, _, query = name.partition("?")
        self.page.goto(base + quote(path) + (f"?{query}" if query else ""), wait_until="load")

    def violations(self, rules: list[str] | None = None) -> list[str]:
        """What axe-core finds wrong: by all of its rules, or by some."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(f"() => {{ {AXE} }}")
        found: list[str] = self.page.evaluate(RUN_AXE, rules)
        return found


Open = Callable[..., Visit]
