"""The laws of answering in the page: the built exercises in a browser, with Python in it."""

import ast
import csv
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route

from bncheck import proof
from bncheck.bank import planted
from bncheck.grading.outside.command import main as bncheck
from exercises.questions import COURSE
from tests.book.reading import HTML, PAGES, PHONE, ROOT, Visit
from tests.exercises import variants
from tools.site.live import LIVE, packed_exercise
from tools.site.runtime import SUMS

pytestmark = pytest.mark.usefixtures("site")
EXERCISES = [name for name in PAGES if name.startswith("exercises/ex")]
PAGE = "exercises/ex03_mechanism.html"
RIGHT = "def batch_statistics(x):\n    a = (0, *range(2, x.ndim))\n    return x.mean(a), x.var(a)\n"
BIASED = RIGHT.replace("x.var(a)", "x.var(a, ddof=1)")
STATISTICS = '[data-question="ex03.statistics"]'
START = 60_000  # milliseconds: a machine that does other things, too
PYTHON = "live/pyodide/"


@pytest.fixture(scope="session")
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HTML / LIVE / "live.json").read_text())
    if found["runtime"] is None:
        pytest.skip("no Python for the pages: the build has not found it")
    return found


@pytest.fixture
def reader(chrome: Browser, manifest: dict[str, Any]) -> Iterator[BrowserContext]:
    """A reader who comes for the first time."""
    context = chrome.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield context
    context.close()


@pytest.fixture(scope="session")
def working(chrome: Browser, bases: dict[str, str], manifest: dict[str, Any]) -> Iterator[Page]:
    """A page in which Python runs already; a test leaves the block that it used as it was."""
    context = chrome.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = Visit(context, bases["http"], PAGE).page
    solve(page.locator('[data-question="ex03.n"]'), "480")
    yield page
    context.close()


def solve(block: Locator, answer: str) -> Locator:
    """Type an answer and check it; the verdict."""
    block.locator("textarea, .live-value").fill(answer)
    return checked(block)


def checked(block: Locator) -> Locator:
    """Press Check; the verdict, when it is there."""
    block.get_by_role("button", name="Check").click()
    verdict = block.locator('.live-verdict:not([data-state=""])')
    verdict.wait_for(timeout=START)
    return verdict


def opened(context: BrowserContext, base: str, name: str = PAGE) -> tuple[Visit, Locator]:
    seen = Visit(context, base, name)
    bound(seen.page)
    return seen, seen.page.locator(STATISTICS)


def bound(page: Page) -> None:
    """Wait until the page's scripts have put in what the browser keeps."""
    page.locator(".live-bar button:not([disabled])").first.wait_for()


def reload(page: Page) -> None:
    page.reload()
    bound(page)


# -- the verdicts --------------------------------------------------------------------------------


def written(variant: variants.Variant) -> str:
    """An answer of the tests as what a reader would type: its module's functions, then itself."""
    path = Path(variant.make.__code__.co_filename)
    kept = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
            kept.append(node)
        elif not any(word in ast.unparse(node) for word in ("torch", "nn.", "from ")):
            kept.append(node)
    names = ", ".join(COURSE.find(variant.question)[1].names)
    return f"{ast.unparse(ast.Module(kept, []))}\n{names} = {variant.make.__name__}()\n"


@pytest.mark.parametrize("name", EXERCISES or ["no site"])
def test_every_verdict_in_the_page_is_that_of_a_notebook(
    reader: BrowserContext, bases: dict[str, str], name: str
) -> None:
    """The right answers, all mistakes, and the answers in other styles of all questions."""
    short = name.partition("/")[2][:4]
    importlib.import_module(f"tests.exercises.variants.{Path(name).stem}")
    questions = [f"{short}.{own['name']}" for own in packed_exercise(COURSE, short)["questions"]]
    asked, expected = [], []
    for question in questions:
        bank = COURSE.bank(question)
        sources = [planted(bank.question, ())]
        sources += [planted(bank.question, (mistake,)) for mistake in bank.question.mistakes]
        sources += [written(v) for v in variants.VARIANTS if v.question == question]
        for source in sources:
            assert source is not None
            verdict = proof.verdict_on(bank, source)
            found = sorted(mistake.name for mistake in verdict.mistakes)
            asked.append([question, source])
            expected.append([verdict.state, verdict.points, found])
    if not asked:
        return
    page = Visit(reader, bases["http"], name).page
    page.set_default_timeout(5 * START)
    bound(page)
    got = page.evaluate(
        """async (asked) => {
          const {call} = await import("../_static/live/python.js");
          const told = [];
          for (const [name, source] of asked) {
            const said = await call("check", {name, cells: [[name, source]]}, 60);
            told.push([said.state, said.points, said.names.sort()]);
          }
          return told;
        }""",
        asked,
    )
    different = [
        (*one, wanted, was)
        for one, wanted, was in zip(asked, expected, got, strict=True)
        if wanted != was
    ]
    assert not different


def test_a_mistake_is_named_with_its_section_and_a_repair_passes(working: Page) -> None:
    block = working.locator(STATISTICS)
    verdict = solve(block, BIASED)
    assert verdict.get_attribute("data-state") == "named"
    assert "divided by n − 1" in verdict.inner_text()
    link = verdict.locator("a").first
    link.and_(working.locator('[href*="#"]')).wait_for()
    address = (link.get_attribute("href") or "").removeprefix("../")
    path, _, place = address.partition("#")
    assert f'id="{place}"' in (HTML / path).read_text(encoding="utf-8")
    assert solve(block, RIGHT).get_attribute("data-state") == "passed"
    assert "5 of 15" in working.locator(".live-bar").inner_text()


@pytest.mark.parametrize(
    ("code", "state", "said"),
    [
        ("def batch_statistics(x):\n    return batch_statistics(x)", "wrong", "without end"),
        ("def batch_statistics(x):\n    input()", "wrong", "no keyboard"),
        ("def batch_statistics(x):\n    import torch", "wrong", "torch"),
        ("import torch", "wrong", "a page has no torch"),
        (
            "def batch_statistics(x):\n    return [np.empty(10**8) for _ in range(9)]",
            "wrong",
            "MemoryError",
        ),
        ("def batch_statistics(x:", "wrong", "your code is no Python"),
        ("def batch_statistics(x):\n    raise NotImplementedError", "not-done", "not done"),
        ("def batch_statistics(x):\n    exit()", "wrong", "calls exit"),
    ],
)
def test_what_goes_wrong_is_told_in_a_sentence(
    working: Page, code: str, state: str, said: str
) -> None:
    verdict = solve(working.locator(STATISTICS), code)
    assert verdict.get_attribute("data-state") == state
    assert said in verdict.inner_text()


def test_choices_values_and_hints(working: Page) -> None:
    spread = working.locator('[data-question="ex03.spread"]')
    assert solve(spread, "0.3015").get_attribute("data-state") == "passed"
    choice = working.locator('[data-question="ex03.weights"]')
    choice.get_by_role("radio", name="a", exact=True).check()
    assert checked(choice).get_attribute("data-state") == "named"
    choice.get_by_role("radio", name="b", exact=True).check()
    assert checked(choice).get_attribute("data-state") == "passed"
    for number in (1, 2, 3, 3):
        spread.get_by_role("button", name="Hint").click()
        spread.get_by_text(f"Hint {number} of 3").wait_for()


# -- by keyboard, on a phone, for everybody ------------------------------------------------------


def test_the_keyboard_alone_types_indents_checks_and_leaves(working: Page) -> None:
    block = working.locator(STATISTICS)
    editor = block.get_by_role("textbox", name="Your code: Which values share a mean")
    editor.fill("")
    editor.focus()
    keys = working.keyboard
    keys.type("def batch_statistics(x):")
    keys.press("Enter")
    keys.type("a = (0, *range(2, x.ndim))")
    keys.press("Enter")
    keys.type("return x.mean(a), x.var(a)")
    assert editor.input_value() == RIGHT.rstrip()
    keys.press("Home")
    keys.press("Tab")
    assert editor.input_value() == RIGHT.rstrip().replace("return", "    return")
    keys.press("Shift+Tab")
    keys.press("Control+Enter")
    block.locator('[data-state="passed"]').wait_for(timeout=START)
    keys.press("Escape")
    keys.press("Tab")
    assert working.locator(":focus").inner_text() == "Check"
    keys.press("Shift+Tab")
    keys.press("Tab")
    assert editor.evaluate("(area) => document.activeElement === area")


def test_axe_finds_nothing_before_and_after_a_verdict(
    reader: BrowserContext, bases: dict[str, str]
) -> None:
    seen, block = opened(reader, bases["http"])
    assert not seen.violations()
    solve(block, BIASED)
    assert not seen.violations()
    seen.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert not seen.violations(["color-contrast", "link-in-text-block"])


def test_on_a_phone_nothing_is_wider_and_nothing_zooms(
    chrome: Browser, bases: dict[str, str], manifest: dict[str, Any]
) -> None:
    context = chrome.new_context(viewport=PHONE, has_touch=True)
    seen, block = opened(context, bases["http"])
    solve(block, BIASED)
    assert seen.page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
    for field in seen.page.locator("textarea, .live-value").all():
        assert field.get_attribute("autocapitalize") == "off"
        assert field.evaluate("(area) => parseFloat(getComputedStyle(area).fontSize)") >= 16
    assert not seen.violations(["target-size", "scrollable-region-focusable"])
    context.close()


def test_on_paper_the_answers_stand_where_the_editors_are(working: Page) -> None:
    working.locator(STATISTICS).locator("textarea").fill(BIASED)
    working.evaluate("dispatchEvent(new Event('beforeprint'))")
    working.emulate_media(media="print")
    printed = working.locator(f"{STATISTICS} .live-print")
    assert printed.is_visible() and printed.inner_text() == BIASED
    assert not working.locator("textarea").locator("visible=true").count()
    working.emulate_media(media="screen")


# -- nothing is lost -----------------------------------------------------------------------------


def test_a_loop_is_stopped_and_the_next_check_works_without_a_network(
    reader: BrowserContext, bases: dict[str, str]
) -> None:
    _, block = opened(reader, bases["http"])
    solve(block, RIGHT)
    reader.set_offline(True)
    verdict = solve(block, "while True:\n    pass")
    assert verdict.get_attribute("data-state") == "wrong"
    assert "does not end within 5 s" in verdict.inner_text()
    assert solve(block, RIGHT).get_attribute("data-state") == "passed"


def test_a_worker_that_died_is_replaced(reader: BrowserContext, bases: dict[str, str]) -> None:
    seen, block = opened(reader, bases["http"])
    solve(block, RIGHT)
    seen.page.workers[0].evaluate("self.close()")
    assert solve(block, BIASED).get_attribute("data-state") == "wrong"
    assert solve(block, BIASED).get_attribute("data-state") == "named"


def test_answers_survive_a_reload_and_reach_another_tab(
    reader: BrowserContext, bases: dict[str, str]
) -> None:
    seen, block = opened(reader, bases["http"])
    solve(block, BIASED)
    _, other = opened(reader, bases["http"])
    assert other.locator("textarea").input_value() == BIASED
    other.locator("textarea").fill(RIGHT)
    seen.page.wait_for_function(
        "(text) => document.querySelector('textarea').value === text", arg=RIGHT
    )
    reload(seen.page)
    assert block.locator("textarea").input_value() == RIGHT


def test_the_points_of_a_passed_question_are_there_after_a_reload(
    reader: BrowserContext, bases: dict[str, str]
) -> None:
    seen, block = opened(reader, bases["http"])
    solve(block, RIGHT)
    reload(seen.page)
    assert "4 of 15" in seen.page.locator(".live-bar").inner_text()
    assert block.locator(".live-verdict").get_attribute("data-state") == "passed"


def test_where_a_stub_has_changed_the_old_text_is_kept_and_told(
    reader: BrowserContext, bases: dict[str, str]
) -> None:
    seen, block = opened(reader, bases["http"])
    block.locator("textarea").fill("def batch_stats(x): ...")
    seen.page.evaluate(
        """() => { for (const key of Object.keys(localStorage).filter((k) => k.includes("ex03"))) {
          const kept = JSON.parse(localStorage[key]);
          localStorage[key] = JSON.stringify({...kept, stub: "def batch_stats(x): ..."});
        } }"""
    )
    reload(seen.page)
    assert block.locator("textarea").input_value() == "def batch_stats(x): ..."
    assert "has changed since you began" in block.locator(".live-note").inner_text()


def test_what_is_typed_before_the_scripts_are_there_stays(
    reader: BrowserContext, bases: dict[str, str]
) -> None:
    held: list[Route] = []
    reader.route("**/live/questions.js", lambda route: held.append(route))
    seen = Visit(reader, bases["http"], PAGE)
    block = seen.page.locator(STATISTICS)
    block.locator("textarea").fill(BIASED)
    assert block.get_by_role("button", name="Check").is_disabled()
    seen.page.wait_for_timeout(100)
    held[0].continue_()
    reader.unroute("**/live/questions.js")
    bound(seen.page)
    assert block.locator("textarea").input_value() == BIASED
    reload(seen.page)
    assert block.locator("textarea").input_value() == BIASED


def test_starting_over_can_be_taken_back(reader: BrowserContext, bases: dict[str, str]) -> None:
    _, block = opened(reader, bases["http"])
    editor = block.locator("textarea")
    stub = editor.input_value()
    editor.fill(RIGHT)
    block.get_by_role("button", name="Start over").click()
    assert editor.input_value() == stub
    block.get_by_role("button", name="Bring it back").click()
    assert editor.input_value() == RIGHT


@pytest.mark.parametrize("refusal", ["QuotaExceededError", "SecurityError"])
def test_a_browser_that_keeps_nothing_is_told_and_the_answer_stays(
    reader: BrowserContext, bases: dict[str, str], refusal: str
) -> None:
    reader.add_init_script(
        f"Storage.prototype.setItem = () => {{ throw new DOMException('no', '{refusal}'); }}"
    )
    _, block = opened(reader, bases["http"])
    assert solve(block, RIGHT).get_attribute("data-state") == "passed"
    assert "keeps nothing" in block.locator(".live-note").inner_text()
    assert block.locator("textarea").input_value() == RIGHT


def test_what_is_downloaded_gets_the_same_points_in_class_and_can_be_loaded(
    reader: BrowserContext, bases: dict[str, str], tmp_path: Path
) -> None:
    seen, block = opened(reader, bases["http"])
    solve(block, RIGHT)
    solve(seen.page.locator('[data-question="ex03.n"]'), "480")
    with seen.page.expect_download() as started:
        seen.page.get_by_role("button", name="Download", exact=True).click()
    handed_in = tmp_path / "class" / "ada.ipynb"
    handed_in.parent.mkdir()
    started.value.save_as(handed_in)
    assert started.value.suggested_filename == "ex03_mechanism.ipynb"
    nbformat.validate(nbformat.read(handed_in, as_version=4))
    arguments = ["grade", str(handed_in.parent), "--out", str(tmp_path / "out")]
    assert bncheck(arguments) == 0
    with (tmp_path / "out" / "grades.csv").open(newline="") as table:
        (grade,) = csv.DictReader(table)
    assert grade["total"] == "5"
    fresh, empty = opened(reader, bases["http"])
    fresh.page.evaluate("localStorage.clear()")
    fresh.page.reload()
    fresh.page.locator('input[type="file"]').set_input_files(handed_in)
    fresh.page.get_by_text("answers were read from ada.ipynb").wait_for()
    assert empty.locator("textarea").input_value().rstrip() == RIGHT.rstrip()


@pytest.mark.parametrize(
    ("content", "said"),
    [("no json", "no JSON"), ("{}", "without cells"), ('{"cells": []}', 'check("ex03.n"')],
)
def test_a_file_that_is_no_notebook_of_the_exercise_changes_nothing(
    working: Page, content: str, said: str
) -> None:
    before = working.locator("textarea").first.input_value()
    file = {"name": "a.ipynb", "mimeType": "text/plain", "buffer": content.encode()}
    working.locator('input[type="file"]').set_input_files([file])
    working.locator(".live-said", has_text=said).wait_for()
    assert working.locator("textarea").first.input_value() == before


# -- what it costs -------------------------------------------------------------------------------


def test_who_does_not_act_fetches_no_python_and_other_pages_nothing(
    reader: BrowserContext, bases: dict[str, str]
) -> None:
    asked: list[str] = []
    reader.on("request", lambda request: asked.append(request.url))
    for name in (PAGE, "chapters/01_start.html", "index.html"):
        asked.clear()
        page = Visit(reader, bases["http"], name).page
        page.wait_for_load_state("networkidle")
        live = [url.partition("?")[0] for url in asked if "/live/" in url]
        assert not [url for url in live if not url.endswith((".js", ".css"))]
        assert bool(live) == (name == PAGE)


def test_the_site_grows_by_twenty_megabytes_at_most(manifest: dict[str, Any]) -> None:
    folder = HTML / LIVE
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    assert sum(sizes.values()) <= 20_000_000
    assert set(SUMS) <= set(sizes)
    scripts = {name: size for name, size in sizes.items() if name.endswith((".js", ".css"))}
    del scripts["pyodide.asm.js"], scripts["worker.js"]
    assert sum(scripts.values()) <= 40_000  # what an exercise's page weighs more


def test_every_script_is_short() -> None:
    for path in (ROOT / "chapters" / "_static" / "live").glob("*.js"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 200, path.name


def test_a_slow_network_shows_how_far_it_is(reader: BrowserContext, bases: dict[str, str]) -> None:
    seen, block = opened(reader, bases["http"])
    network = reader.new_cdp_session(seen.page)
    network.send("Network.enable")
    speed = {"offline": False, "latency": 50, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", {**speed, "downloadThroughput": 2_000_000})
    block.get_by_role("button", name="Check").click()
    progress = block.locator(".live-progress")
    progress.get_by_text("MB").wait_for(timeout=START)
    assert progress.is_visible()
    network.send("Network.emulateNetworkConditions", {**speed, "downloadThroughput": -1})
    block.locator('[data-state="not-done"]').wait_for(timeout=START)
    assert not progress.is_visible()


@pytest.mark.parametrize("lost", ["live.json", "pyodide.asm.wasm", "engine.zip"])
def test_without_python_the_page_says_where_else_to_solve(
    reader: BrowserContext, bases: dict[str, str], lost: str
) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=404, body="")

    reader.route(f"**/{lost}*", refuse)
    _, block = opened(reader, bases["http"])
    verdict = solve(block, RIGHT)
    assert verdict.get_attribute("data-state") == "broken"
    assert "Binder" in verdict.inner_text()
    assert block.locator("textarea").input_value() == RIGHT
    reader.unroute(f"**/{lost}*")
    assert solve(block, RIGHT).get_attribute("data-state") == "passed"


def test_a_question_that_needs_torch_says_so_and_loads_nothing(
    reader: BrowserContext, bases: dict[str, str]
) -> None:
    asked: list[str] = []
    reader.on("request", lambda request: asked.append(request.url))
    page = Visit(reader, bases["http"], "exercises/ex06_pytorch.html").page
    verdict = solve(page.locator('[data-question="ex06.layer"]'), "class BatchNorm: ...")
    assert verdict.get_attribute("data-state") == "broken"
    assert "PyTorch" in verdict.inner_text() and "download it" in verdict.inner_text()
    assert not [url for url in asked if PYTHON in url]


def test_a_page_from_a_file_says_how_to_serve_it(
    reader: BrowserContext, bases: dict[str, str]
) -> None:
    seen = Visit(reader, bases["file"], PAGE)
    assert "python -m http.server" in seen.page.locator(".live-note:visible").inner_text()
    assert not seen.page.locator("textarea:visible, button:visible >> text=Check").count()
    assert not seen.complaints


# -- cells of chapters ---------------------------------------------------------------------------

MECHANISM = "chapters/03_mechanism.html"


@pytest.fixture
def chapter(reader: BrowserContext, bases: dict[str, str]) -> Page:
    return Visit(reader, bases["http"], MECHANISM).page


def run(cell: Locator, code: str) -> str:
    """Open a cell, put code in, run it; what it shows."""
    cell.get_by_role("button").first.wait_for()
    if cell.get_by_role("button", name="Edit and run").count():
        cell.get_by_role("button", name="Edit and run").click()
    cell.locator("textarea").fill(code)
    cell.get_by_role("button", name="Run", exact=True).click()
    shown = cell.locator(".live-shown", has_not_text="Running")
    shown.wait_for(timeout=START)
    return shown.inner_text()


def test_a_cell_runs_after_those_above_it_and_shows_its_value(chapter: Page) -> None:
    cell = chapter.locator("[data-cell]").last
    cell.get_by_role("button", name="Edit and run").click()
    own = cell.locator("textarea").input_value()
    assert run(cell, f"{own}\nfloat(np.arange(3.0).mean())").strip().endswith("1.0")
    assert "3" in run(cell, f"{own}\nprint(1 + 2)")


def test_cells_share_what_they_define_until_python_begins_anew(chapter: Page) -> None:
    first, last = chapter.locator("[data-cell]").first, chapter.locator("[data-cell]").last
    own = first.locator("pre").first.inner_text()
    run(first, f"{own}\nmine = 41")
    assert run(last, "mine + 1").strip().endswith("42")
    last.get_by_role("button", name="Restart").click()
    assert (
        run(last, "'numpy' in dir() or mine").strip().endswith(("41", "True"))
    )  # the changed cell ran again


def test_an_error_a_loop_and_the_way_back(chapter: Page) -> None:
    cell = chapter.locator("[data-cell]").first
    own = cell.locator("pre").first.inner_text().strip()
    assert "ZeroDivisionError" in run(cell, "1 / 0")
    cell.get_by_role("button", name="As in the book").click()
    assert cell.locator("textarea").input_value().strip() == own
