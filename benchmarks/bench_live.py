"""Python in a page: how long until the first verdict, how long each check takes, what it weighs.

    python benchmarks/bench_live.py     exercise 3 of the site in _build/html

Of a first visit, a second one (files kept by the browser) and a restart after an endless loop: the
seconds from the press to the verdict, by the clock of the page.  Of checks in a page where Python
runs: the median.  Times depend on the machine and on what else it does; they are a report, and no
test.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from playwright.sync_api import Locator

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.book.reading import Visit, served
from tools.paper import browser
from tools.project.screenshots import SITE

PAGE = "exercises/ex03_mechanism.html"
RIGHT = "def batch_statistics(x):\n    a = (0, *range(2, x.ndim))\n    return x.mean(a), x.var(a)\n"
ENDLESS = "while True:\n    pass"
CHECKS = 30
LOOP = 5.0  # seconds after which a check of this question is stopped


PRESSED = """(block) => new Promise((done) => {
  const verdict = block.querySelector(".live-verdict");
  const start = performance.now();
  const seen = new MutationObserver(() => {
    if (verdict.dataset.state) {
      seen.disconnect();
      done((performance.now() - start) / 1000);
    }
  });
  seen.observe(verdict, {attributes: true});
  block.querySelector(".live-buttons button").click();
})"""
FETCHED = """() => performance.getEntriesByType("resource")
  .filter(({name}) => name.includes("/live/"))
  .reduce((sum, {decodedBodySize}) => sum + decodedBodySize, 0)"""


def seconds(block: Locator, source: str) -> float:
    """From the press to the verdict."""
    block.locator("textarea").fill("")
    block.locator("textarea").fill(source)
    return float(block.evaluate(PRESSED))


def main() -> None:
    if not (SITE / PAGE).exists():
        sys.exit(f"need the book in {SITE}: run make book")
    with browser.chromium() as chrome, served(SITE) as address:
        context = chrome.new_context()
        first = Visit(context, address, PAGE).page
        first.locator(".live-bar button:not([disabled])").first.wait_for()
        scripts = first.evaluate(FETCHED)
        block = first.locator('[data-question="ex03.statistics"]')
        print(f"{'first verdict, first visit':32} {seconds(block, RIGHT):6.2f} s")
        block.locator("textarea").fill("")
        checks = [seconds(block, f"{RIGHT}# {i}\n") for i in range(CHECKS)]
        print(f"{'a check, median of 30':32} {1000 * statistics.median(checks):6.0f} ms")
        print(f"{'a check, slowest':32} {1000 * max(checks):6.0f} ms")
        stopped = seconds(block, ENDLESS) - LOOP
        print(f"{'an endless loop, beyond its limit':32} {stopped:6.2f} s")
        print(f"{'first verdict after that':32} {seconds(block, RIGHT):6.2f} s")
        heap = first.evaluate("() => performance.memory?.usedJSHeapSize ?? 0") / 1e6
        print(f"{'memory of the page’s scripts':32} {heap:6.1f} MB")
        second = Visit(context, address, PAGE).page
        second.locator(".live-bar button:not([disabled])").first.wait_for()
        again = second.locator('[data-question="ex03.statistics"]')
        print(f"{'first verdict, next page':32} {seconds(again, RIGHT):6.2f} s")
        runtime = first.evaluate(FETCHED) - scripts
    print(f"{'scripts of an exercise’s page':32} {scripts / 1e3:6.1f} kB")
    print(f"{'fetched once a reader acts':32} {runtime / 1e6:6.1f} MB")


if __name__ == "__main__":
    main()
