"""Take a picture of every page of the site: at a desk and on a phone, light and dark.

    python -m tools.project.screenshots [PAGE...]    all of _build/html, or those named in part

The pictures stand in _build/screenshots, with an index.html that shows them side by side.
"""

from __future__ import annotations

import argparse
import html
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tools.notebooks import execution
from tools.paper import browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SITE = execution.ROOT / "_build" / "html"
PICTURES = execution.ROOT / "_build" / "screenshots"
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
TALLEST = 12_000  # a browser draws no more than 16384 pixels at once; the rest goes to a next file
READY = """async () => {
  document.querySelectorAll("img").forEach((image) => (image.loading = "eager"));
  const shown = [...document.images].filter((image) => image.checkVisibility());
  await Promise.all(shown.map((image) => image.decode().catch(() => null)));
}"""
SET_THEME = "(theme) => Object.assign(document.documentElement.dataset, {theme, mode: theme})"
# What stays in place while a reader scrolls would be drawn over the text.
LET_GO = ".bd-sidebar, .bd-header-article { position: static !important; }"


def page_names(site: Path, parts: Sequence[str]) -> list[str]:
    """The pages of a site, in order: all, or those whose path holds one of the parts.

    Raises FileNotFoundError if there are none.
    """
    names = sorted(
        path.relative_to(site).as_posix()
        for path in site.rglob("*.html")
        if not path.relative_to(site).parts[0].startswith("_")
    )
    found = [name for name in names if not parts or any(part in name for part in parts)]
    if not found:
        what = f" like {' or '.join(parts)}" if parts else ""
        raise FileNotFoundError(f"need a page{what} in {site}, found none: run `make book`")
    return found


def take(chrome: Browser, site: Path, names: Sequence[str], folder: Path) -> Iterator[Path]:
    """Take the pictures of pages; yields the files."""
    for size, (width, height) in SIZES.items():
        context = chrome.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        page = context.new_page()
        for name in names:
            page.goto((site / name).resolve().as_uri())
            page.add_style_tag(content=LET_GO)
            for theme in THEMES:
                page.evaluate(SET_THEME, theme)
                page.evaluate(READY)
                tall = page.evaluate("() => document.documentElement.scrollHeight")
                for part, top in enumerate(range(0, tall, TALLEST)):
                    number = f"-{part + 1}" if part else ""
                    stem = name.removesuffix(".html").replace("/", "-")
                    path = folder / f"{stem}-{size}-{theme}{number}.png"
                    clip = {"x": 0, "y": top, "width": width, "height": min(TALLEST, tall - top)}
                    page.screenshot(path=path, full_page=True, clip=clip)  # type: ignore[arg-type]
                    yield path
        context.close()


def contact_sheet(files: Sequence[Path]) -> str:
    """A page that shows pictures, in rows by page."""
    rows: dict[str, list[str]] = {}
    for path in sorted(files):
        stem = path.stem.split("-desktop-")[0].split("-phone-")[0]
        name = html.escape(path.name, quote=True)
        rows.setdefault(stem, []).append(
            f'<a href="{name}"><img src="{name}" alt="{name}" loading="lazy"></a>'
        )
    body = "\n".join(f"<h2>{html.escape(k)}</h2>\n<p>{' '.join(v)}</p>" for k, v in rows.items())
    style = "img { border: 1px solid grey; height: 30rem; object-fit: cover; object-position: top }"
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Pages</title>\n'
        f"<style>{style}</style>\n<h1>Pages</h1>\n{body}\n</html>\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Take a picture of every page of the site.")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="a part of a page's path")
    parts = parser.parse_args().pages
    try:
        names = page_names(SITE, parts)
        if not parts:
            shutil.rmtree(PICTURES, ignore_errors=True)
        PICTURES.mkdir(parents=True, exist_ok=True)
        with browser.chromium() as chrome:
            for path in take(chrome, SITE, names, PICTURES):
                print(path.relative_to(execution.ROOT), flush=True)
    except (browser.NoBrowser, FileNotFoundError) as error:
        print(f"no pictures: {error}", file=sys.stderr)
        return 1
    index = PICTURES / "index.html"
    index.write_text(contact_sheet(list(PICTURES.glob("*.png"))), encoding="utf-8")
    print(index)
    return 0


if __name__ == "__main__":
    sys.exit(main())
