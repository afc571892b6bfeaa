"""The built site and its readers, for the tests that open pages."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.book.reading import HTML, PAGES, PHONE, Open, Visit, served
from tools.paper import browser


@pytest.fixture(scope="session")
def site() -> None:
    if not PAGES:
        if "BNCOURSE_BOOK" in os.environ:
            pytest.fail(f"no site in {HTML}")
        pytest.skip("no site was built: run `make test`")


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    try:
        browser.find()
    except browser.NoBrowser as error:
        pytest.skip(f"no page is opened without a browser: {error}")
    with browser.chromium() as chrome:
        yield chrome


@pytest.fixture(scope="session")
def bases() -> Iterator[dict[str, str]]:
    with served(HTML) as address:
        yield {"http": address, "file": HTML.resolve().as_uri() + "/"}


@pytest.fixture(scope="session")
def contexts(chrome: Browser) -> dict[str, BrowserContext]:
    """Readers: what they have in the cache they keep, as a reader does."""
    return {
        "desk": chrome.new_context(
            viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
        ),
        "phone": chrome.new_context(viewport=PHONE, reduced_motion="reduce", has_touch=True),
        "bare": chrome.new_context(viewport=PHONE, java_script_enabled=False),
    }


@pytest.fixture
def visit(contexts: dict[str, BrowserContext], bases: dict[str, str]) -> Iterator[Open]:
    """Opens a page: at a desk, on a phone, or without JavaScript (bare)."""
    opened: list[Visit] = []

    def open_page(name: str, reader: str = "desk", scheme: str = "http") -> Visit:
        opened.append(Visit(contexts[reader], bases[scheme], name))
        return opened[-1]

    yield open_page
    for made in opened:
        made.page.close()
