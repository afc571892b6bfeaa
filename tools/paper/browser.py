"""The browser of the system, for what needs one: the printed book, screenshots, tests of pages.

    with browser.chromium() as chrome:
        page = chrome.new_page()

Playwright drives a Chromium, Chrome or Edge that is installed already; none is downloaded.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

VARIABLE = "BNCOURSE_BROWSER"
NAMES = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    *("microsoft-edge", "msedge"),
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
# no sandbox: it does not start as root, as in a container, and only our own pages are opened
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


class NoBrowser(RuntimeError):
    """No browser was found; the message says how to get one, or how to name it."""


def find() -> str:
    """The path of a browser: the one that BNCOURSE_BROWSER names, else the first of the system.

    Raises NoBrowser if the one that is named is no program, or if there is none.
    """
    if named := os.environ.get(VARIABLE):
        if path := shutil.which(named):
            return path
        raise NoBrowser(f"need a program in {VARIABLE}, got {named!r}: correct it or unset it")
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise NoBrowser(
        "need Chromium, Chrome or Edge, found none: install one (apt-get install chromium),"
        f" or name it in {VARIABLE}"
    )


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser without a window, and end it with the block; raises NoBrowser."""
    path = find()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
