"""Weight and arrival of the site's pages, from a server on this machine.

    python benchmarks/bench_site.py     the pages of _build/html

Of each page: its HTML and its pictures (in one theme), what all pages share, the time to the first
paint, and how far things move as they arrive.  Times depend on the machine and on what else it
does; they are a report, and no test.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.book.reading import served
from tools.paper import browser
from tools.project.screenshots import SITE, page_names

OBSERVE = """
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const {value} of list.getEntries()) window.shifts += value;
  }).observe({type: "layout-shift", buffered: true});
"""
MEASURE = """() => {
  const sizes = performance.getEntriesByType("resource")
    .map(({name, decodedBodySize}) => [name, decodedBodySize]);
  const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN;
  const html = performance.getEntriesByType("navigation")[0].decodedBodySize;
  return {html, sizes, paint, shifts: window.shifts};
}"""
SCROLL = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += 2 * innerHeight) {
    scrollTo({top: y, behavior: "instant"});
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}"""


def measure(chrome: Any, address: str, width: int) -> dict[str, Any]:
    """Open a page as a first-time visitor does, and read it to its end."""
    context = chrome.new_context(viewport={"width": width, "height": 800})
    context.add_init_script(OBSERVE)
    page = context.new_page()
    page.goto(address, wait_until="networkidle")
    page.evaluate(SCROLL)
    page.wait_for_load_state("networkidle")
    found: dict[str, Any] = page.evaluate(MEASURE)
    context.close()
    own = [size for name, size in found["sizes"] if "/_images/" in name]
    found["pictures"] = sum(own)
    found["shared"] = sum(size for _, size in found["sizes"]) - sum(own)
    return found


def main() -> int:
    try:
        names = page_names(SITE, sys.argv[1:])
        print(f"{'page':42} {'HTML':>6} {'pictures':>8} {'shared':>7}   first paint      shifts")
        print(f"{'':42} {'kB':>6} {'kB':>8} {'kB':>7}   desk   phone     desk  phone")
        with browser.chromium() as chrome, served(SITE) as base:
            for name in names:
                desk, phone = (measure(chrome, base + name, width) for width in (1280, 390))
                weights = [desk[part] / 1000 for part in ("html", "pictures", "shared")]
                print(
                    f"{name:42} {weights[0]:6.0f} {weights[1]:8.0f} {weights[2]:7.0f}"
                    f" {desk['paint']:4.0f} ms {phone['paint']:4.0f} ms"
                    f"    {desk['shifts']:.3f}  {phone['shifts']:.3f}"
                )
    except (browser.NoBrowser, FileNotFoundError) as error:
        print(f"nothing measured: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
