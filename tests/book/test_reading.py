"""The laws of reading: the built site in a browser, from a server and from files.

They hold for all readers: with a keyboard, a screen reader, a phone, without JavaScript, without a
network.  Without a browser they are skipped, and say so.
"""

import itertools
import json
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import yaml
from bs4 import Tag
from playwright.sync_api import BrowserContext, Locator, Page

from tests.book.reading import HTML, LOST, PAGES, PHONE, ROOT, UNFOLD, Open, Visit, parse
from tools.project.screenshots import SET_THEME
from tools.site import extension
from tools.site.figures import READABLE

CHAPTERS = [name for name in PAGES if re.match(r"chapters/\d\d_", name)]
NOTEBOOKS = [name for name in PAGES if re.match(r"chapters/\d\d_|exercises/(solutions/)?ex", name)]
EXPLORING = [name for name in PAGES if parse(name).select_one("div.explore")]
SCHEMES = ["http", "file"]
SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const {value, sources} of list.getEntries())  // the outline may unfold beside the text
      if (sources.some(({node}) => node?.parentElement?.closest("article"))) shifts += value;
  }).observe({type: "layout-shift", buffered: true});
}"""
# Two frames: what observers do in the first is there in the second.
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
FRAME = """(figure) => ({
  seen: [...figure.querySelectorAll("g[data-frames]")]
    .flatMap((group, i) => getComputedStyle(group).display === "none" ? [] : [i]).join(),
  expected: [...figure.querySelectorAll("input[type=range], fieldset")].reduce((sum, control) =>
    sum + control.dataset.stride * (control.value ?? control.querySelector(":checked").value), 0),
  text: figure.querySelector(".explore-text").textContent,
  label: figure.querySelector("svg").getAttribute("aria-label"),
})"""

pytestmark = pytest.mark.usefixtures("site")
each_page = pytest.mark.parametrize("name", PAGES or ["no site"])
at_desk = pytest.mark.parametrize("desk", PAGES or ["no site"], indirect=True, scope="session")
on_phone = pytest.mark.parametrize("phone", PAGES or ["no site"], indirect=True, scope="session")
each_chapter = pytest.mark.parametrize("name", CHAPTERS or ["no site"])
each_notebook = pytest.mark.parametrize("name", NOTEBOOKS or ["no site"])
each_exploring = pytest.mark.parametrize("name", EXPLORING or ["no interactive figure"])
each_scheme = pytest.mark.parametrize("scheme", SCHEMES)


@pytest.fixture(scope="session")
def desk(
    contexts: dict[str, BrowserContext], bases: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[Visit]:
    """A page at a desk, opened once for the tests at_desk; they stand in the order of a visit."""
    seen = Visit(contexts["desk"], bases["http"], request.param)
    yield seen
    seen.page.close()


@pytest.fixture(scope="session")
def phone(
    contexts: dict[str, BrowserContext], bases: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[Visit]:
    """A page on a phone, opened once for the tests on_phone."""
    seen = Visit(contexts["phone"], bases["http"], request.param)
    yield seen
    seen.page.close()


# -- a page that has just been opened ------------------------------------------------------------


def moved(seen: Visit) -> float:
    """How far things in the text have moved until all of the page was seen."""
    seen.page.evaluate(SHIFTS)  # buffered: it is told what has moved before, too
    seen.page.evaluate(
        """async () => {
             for (let y = 0; y < document.body.scrollHeight; y += 2 * innerHeight) {
               scrollTo({top: y, behavior: "instant"});
               await new Promise((resolve) => setTimeout(resolve, 30));
             }
           }"""
    )
    seen.page.wait_for_load_state("networkidle")
    return float(seen.page.evaluate("() => window.shifts"))


@at_desk
def test_nothing_moves_when_formulas_and_pictures_arrive(desk: Visit) -> None:
    assert moved(desk) < 0.02


# -- no network, no error ------------------------------------------------------------------------


def all_of_it_is_fetched(seen: Visit) -> None:
    seen.page.evaluate(UNFOLD)
    seen.page.mouse.wheel(0, 100_000)  # pictures that wait until they are near are fetched, too
    seen.page.wait_for_load_state("networkidle")
    assert not seen.foreign
    assert not seen.complaints


@at_desk
def test_a_page_asks_no_other_host_and_nothing_fails(desk: Visit) -> None:
    all_of_it_is_fetched(desk)


@pytest.mark.parametrize("name", [n for n in PAGES if n != LOST] or ["no site"])
def test_a_page_from_a_file_asks_no_host_and_nothing_fails(visit: Open, name: str) -> None:
    all_of_it_is_fetched(visit(name, scheme="file"))


@each_scheme
@pytest.mark.parametrize("word", ["momentum", "running_var", "unbiased"])
def test_search_finds_the_words_of_the_course(visit: Open, word: str, scheme: str) -> None:
    seen = visit(f"search.html?q={word}", scheme=scheme)
    found = seen.page.locator("#search-results li a")
    found.first.wait_for()
    targets = found.evaluate_all("(links) => links.map((link) => link.href)")
    assert any("chapters/" in target for target in targets)
    seen.page.wait_for_load_state("networkidle")  # what it shows of each page is fetched
    assert not seen.complaints
    found.first.click()
    seen.page.wait_for_load_state("load")
    assert word in seen.page.locator("article").inner_text().lower()


# -- for everyone --------------------------------------------------------------------------------


@at_desk
def test_axe_finds_nothing_in_light_and_dark(desk: Visit) -> None:
    """WCAG 2.2 A and AA, and good practice: landmarks, headings."""
    desk.page.evaluate(UNFOLD)
    desk.page.evaluate(SET_THEME, "light")
    assert not desk.violations()
    desk.page.evaluate(SET_THEME, "dark")
    assert not desk.violations(["color-contrast", "link-in-text-block"]), "dark"  # what differs


@at_desk
def test_the_first_key_leads_past_the_outline_to_the_text(desk: Visit) -> None:
    """But where one searches: there the field has the focus already."""
    if "search.html" in desk.page.url:
        return
    desk.page.keyboard.press("Tab")
    focused = desk.page.locator(":focus")
    assert focused.inner_text().strip() == "Skip to main content"
    assert focused.is_visible()
    focused.press("Enter")
    desk.page.keyboard.press("Tab")
    assert desk.page.locator("main :focus").count() == 1


# What is there, what is wider than most, and the same with wide spaces
FONTS = (
    "/* those of this machine */",
    "*:not(svg *) {font-family: 'DejaVu Sans Mono', monospace !important}",
    "*:not(svg *) {letter-spacing: 0.06em !important}",
)


@on_phone
def test_nothing_moves_on_a_phone_either(phone: Visit) -> None:
    assert moved(phone) < 0.02


@on_phone
def test_a_phone_scrolls_boxes_that_the_keyboard_reaches_and_never_the_page(phone: Visit) -> None:
    seen = phone
    seen.page.evaluate(UNFOLD)
    seen.page.evaluate(PAINTED)  # the boxes that scroll are found when they change their size
    for style in FONTS:  # a phone has fonts of its own
        sheet = seen.page.add_style_tag(content=style)
        assert seen.page.evaluate("() => document.scrollingElement.scrollWidth") <= PHONE["width"]
        sheet.evaluate("(element) => element.remove()")
    boxes = seen.page.locator("main").evaluate(
        """(main) => [...main.querySelectorAll("*")].filter((box) => box.checkVisibility()
             && box.scrollWidth > box.clientWidth + 1
             && ["auto", "scroll"].includes(getComputedStyle(box).overflowX))
           .map((box) => [box.outerHTML.slice(0, 200), box.tabIndex >= 0,
             box.matches("pre, textarea, table, .formula, figure, figure *, .output, "
                         + ".pst-scrollable-table-container")])"""
    )
    for box, reached, known in boxes:
        assert known, f"need code, a formula, a table or a picture, got {box}"
        assert reached, f"need tabindex=0, got {box}"
    assert not seen.violations(["scrollable-region-focusable", "target-size"])


def visible_name(tag: Tag) -> str:
    return str(tag.get("aria-label") or tag.get("aria-labelledby") or "")


@each_page
def test_a_page_says_what_it_is_and_how_it_is_built(name: str) -> None:
    page = parse(name)
    assert page.html is not None and page.html["lang"] == "en"
    assert page.title is not None and page.title.get_text(strip=True)
    if name in NOTEBOOKS or name == "index.html":
        described = page.select_one('meta[name="description"]')
        assert described is not None and len(str(described["content"]).split()) >= 5
    assert len(page.select("main")) == 1
    outside = [f for f in page.select("footer") if not f.find_parent(["main", "article"])]
    assert len(outside) == 1
    navigation = [visible_name(nav) for nav in page.select("nav")]
    assert navigation and all(navigation) and len(set(navigation)) == len(navigation)
    levels = [int(h.name[1]) for h in page.select("main :is(h1, h2, h3, h4, h5, h6)")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))
    assert all(head.get_text(strip=True) for head in page.select("main th"))
    ids = [str(tag["id"]) for tag in page.select("[id]")]
    assert sorted(ids) == sorted(set(ids)), {i for i in ids if ids.count(i) > 1}


# -- quick ---------------------------------------------------------------------------------------


@each_chapter
def test_a_chapter_weighs_at_most_a_megabyte_beside_what_all_share(name: str) -> None:
    page = parse(name)
    for theme, other in (("light", "dark"), ("dark", "light")):
        pictures = {str(image["src"]) for image in page.select(f"img:not(.figure-{other})")}
        files = [(HTML / name).parent / source for source in pictures if "_static/" not in source]
        weights = {path.name: path.stat().st_size for path in [HTML / name, *files]}
        assert sum(weights.values()) <= 1_000_000, (theme, weights)


# -- figures that answer -------------------------------------------------------------------------


def explore_figures(page: Page) -> list[Locator]:
    return page.locator("div.explore").all()


def test_the_book_has_eight_interactive_figures_or_more_and_each_is_small() -> None:
    found = [figure for name in EXPLORING for figure in parse(name).select("div.explore")]
    numbered = [figure for figure in found if figure.find_parent("figure")]
    assert len(numbered) >= 8 and len(found) == len(numbered) + 1  # and one on the first page
    assert all(figure.find_parent("figure").figcaption for figure in numbered)  # type: ignore[union-attr]
    for figure in found:
        assert len(str(figure).encode()) <= 400_000, figure["id"]
        picture = figure.select_one('svg[role="img"][aria-label]')
        said = figure.select_one('.explore-text:is([role="status"], [aria-live="polite"], output)')
        texts = figure.select_one("script.explore-texts")
        assert picture is not None and said is not None and texts is not None
        sentences = json.loads(texts.get_text())
        assert len(sentences) > 1 and all(len(s.split()) >= 5 for s in sentences)
        assert said.get_text().strip() == picture["aria-label"] in sentences
        assert figure.select_one(".explore-controls").has_attr("hidden")  # type: ignore[union-attr]
        for control in figure.select('input[type="range"]'):
            assert figure.select_one(f'label[for="{control["id"]}"]')
            assert control.get("aria-valuetext")


def shown(figure: Locator) -> dict[str, Any]:
    """The frame that a figure shows, which must be the one that its controls and texts say."""
    frame: dict[str, Any] = figure.evaluate(FRAME)
    texts = json.loads(figure.locator("script.explore-texts").text_content() or "")
    assert frame["text"].strip() == frame["label"] == texts[int(frame["expected"])]
    return frame


@each_scheme
@each_exploring
def test_a_control_that_is_moved_by_keyboard_changes_the_picture_and_what_is_said(
    visit: Open, name: str, scheme: str
) -> None:
    seen = visit(name, scheme=scheme)
    figures = explore_figures(seen.page)
    assert figures, "need a page with an interactive figure"
    for figure in figures:
        controls = figure.locator("input[type=range], fieldset").all()
        assert controls
        for control in controls:
            assert control.is_visible()
            slides = control.evaluate("(control) => control.localName") == "input"
            moved = control if slides else control.locator("input").first
            moved.press("Home") if slides else moved.check()
            before, said = shown(figure), moved.get_attribute("aria-valuetext")
            for key in ("ArrowRight", "End") if slides else ("ArrowDown",):
                moved.press(key)
                after = shown(figure)
                assert after["seen"] != before["seen"] and after["text"] != before["text"]
                assert not slides or moved.get_attribute("aria-valuetext") != said
            assert not slides or moved.input_value() == moved.get_attribute("max")
    assert not seen.complaints


# -- quizzes -------------------------------------------------------------------------------------


@each_chapter
def test_an_answer_opened_by_keyboard_says_what_is_right_and_closes_the_others(
    visit: Open, name: str
) -> None:
    seen = visit(name)
    answers = seen.page.locator("#check-yourself details.answer")
    questions: dict[str, list[Locator]] = {}
    for answer in answers.all():
        questions.setdefault(answer.get_attribute("name") or "", []).append(answer)
    assert 3 <= len(questions) <= 5 and "" not in questions
    for asked, offered in questions.items():
        assert 3 <= len(offered) <= 5, asked
        kinds = [(answer.get_attribute("class") or "").split() for answer in offered]
        assert all(("right" in kind) != ("wrong" in kind) for kind in kinds), asked
        assert any("right" in kind for kind in kinds), asked
        for i, (answer, kind) in enumerate(zip(offered, kinds, strict=True)):
            answer.locator("summary").press("Space" if i % 2 else "Enter")
            feedback = answer.locator(":scope > :not(summary)").first
            assert feedback.is_visible(), asked
            assert feedback.inner_text().startswith("Yes." if "right" in kind else "No."), asked
            still = [other for other in offered if other.get_attribute("open") is not None]
            assert len(still) == 1, asked


# -- run it --------------------------------------------------------------------------------------


@each_notebook
def test_the_buttons_open_and_download_the_notebook_of_the_page(name: str) -> None:
    """Of a solution they open the learner's notebook; all of them follow one address."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]
    configured = {"repository_url": settings["url"], "repository_branch": settings["branch"]}
    where = extension.repository(configured, os.environ)
    path = name.replace("solutions/", "").replace(".html", ".ipynb")
    links: dict[str, list[str]] = {}
    for link in parse(name).select(".article-header-buttons a[href]"):
        links.setdefault(urlsplit(str(link["href"])).hostname or "", []).append(str(link["href"]))
    place = urlsplit(where["repository_url"]).path.strip("/")
    branch = where["repository_branch"]
    binder = f"https://mybinder.org/v2/gh/{place}/{quote(branch)}?urlpath=lab/tree/{path}"
    colab = f"https://colab.research.google.com/github/{place}/blob/{quote(branch, safe='')}/{path}"
    on_github = urlsplit(where["repository_url"]).hostname == "github.com"
    assert links.get("mybinder.org", []) == [binder] * on_github
    assert links.get("colab.research.google.com", []) == [colab] * on_github
    downloads = [(HTML / name).parent / link for link in links[""] if link.endswith(".ipynb")]
    assert downloads
    sources = [file.resolve().relative_to(HTML.resolve() / "_sources") for file in downloads]
    assert path in [source.as_posix() for source in sources]
    for file, source in zip(downloads, sources, strict=True):
        assert file.read_bytes() == (ROOT / source).read_bytes()


# -- degrades ------------------------------------------------------------------------------------


@each_page
def test_without_javascript_all_is_there_but_the_controls(visit: Open, name: str) -> None:
    seen = visit(name, "bare")
    assert seen.page.locator("h1").is_visible()
    for figure in seen.page.locator("main figure").all():
        assert figure.locator("img, svg").locator("visible=true").count() >= 1
        assert figure.locator("figcaption").is_visible()
        assert not figure.locator(".explore-controls").locator("visible=true").count()
    for answer in seen.page.locator("details.answer").all()[:3]:
        answer.locator("summary").click()
        assert answer.locator(":scope > :not(summary)").first.is_visible()
    if name not in ("search.html", LOST):
        text = seen.page.locator("main").inner_text()
        assert len(text.split()) > 20
        assert not re.search(r"\\\(|\\\[|\$\$", text), "a formula is left as it is written"
    assert not seen.complaints


@each_page
def test_no_page_shows_a_widget_or_a_picture_as_its_text(name: str) -> None:
    html = (HTML / name).read_text(encoding="utf-8")
    for raw in ("<Figure", "&lt;Figure", "Output()", "application/vnd.jupyter.widget"):
        assert raw not in html, raw


# -- figures and the ledger ----------------------------------------------------------------------

LEDGER = "chapters/11_ledger.html"
BROKEN = """(cells) => cells.flatMap((cell) => {
  const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), found = [];
  for (let node; (node = walker.nextNode());)
    for (const {0: word, index} of node.data.matchAll(/[A-Za-z]{2,}/g)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      if (new Set([...range.getClientRects()].map((box) => box.top)).size > 1) found.push(word);
    }
  return found;
})"""


@each_chapter
def test_a_caption_is_as_dark_and_as_strong_as_the_text(visit: Open, name: str) -> None:
    seen = visit(name)
    styles = seen.page.evaluate(
        """() => {
             const look = (element) => {
               const {color, fontWeight} = getComputedStyle(element);
               return `${color} ${fontWeight}`;
             };
             const text = look(document.querySelector("article p"));
             return [...document.querySelectorAll("figcaption .caption-text")]
               .map(look).filter((caption) => caption !== text);
           }"""
    )
    assert not styles


@each_chapter
def test_on_a_phone_panels_stand_below_each_other_at_a_size_that_can_be_read(
    visit: Open, name: str
) -> None:
    seen = visit(name, "phone")
    figures = seen.page.locator(".figure-panels").evaluate_all(
        """(figures) => figures.map((figure) => ({
             boxes: [...figure.children].map((panel) => panel.getBoundingClientRect().toJSON()),
             whole: figure.previousElementSibling.checkVisibility(),
             scale: [...figure.querySelectorAll("img")].filter((image) => image.checkVisibility())
               .map((image) => image.getBoundingClientRect().width / image.getAttribute("width")),
           }))"""
    )
    for figure in figures:
        assert not figure["whole"] and len(figure["boxes"]) >= 2
        for above, below in itertools.pairwise(figure["boxes"]):
            assert below["top"] >= above["bottom"]
        assert all(box["right"] <= PHONE["width"] for box in figure["boxes"])
        assert all(scale >= READABLE for scale in figure["scale"])


@pytest.mark.parametrize("width", [360, 1000, 1100, 1199, 1300])
def test_the_ledger_fits_its_page_and_breaks_no_word(visit: Open, width: int) -> None:
    seen = visit(LEDGER)
    seen.page.set_viewport_size({"width": width, "height": 800})
    assert seen.page.evaluate("() => document.scrollingElement.scrollWidth") <= width
    assert not seen.page.locator(".tag_ledger td").evaluate_all(BROKEN)


def test_the_ledger_shows_the_rows_of_a_chapter_and_a_verdict(visit: Open) -> None:
    seen = visit(LEDGER)
    rows = seen.page.locator(".tag_ledger tbody tr")
    colours = seen.page.locator("tr[data-verdict] > td:nth-child(3)").evaluate_all(
        "(cells) => cells.map((cell) => getComputedStyle(cell, '::before').backgroundColor)"
    )
    assert len(colours) == rows.count() and len(set(colours)) == 3
    seen.page.get_by_label("Verdict").select_option("inconclusive")
    few = rows.locator("visible=true").count()
    assert 0 < few < rows.count()
    said = seen.page.locator(".ledger-filter output").inner_text()
    assert said == f"{few} of {rows.count()} claims"
    chapter = rows.locator("visible=true").first.get_attribute("data-chapter") or ""
    seen.page.get_by_label("Chapter").select_option(chapter)
    kept = rows.locator("visible=true").evaluate_all("(rows) => rows.map((row) => row.dataset)")
    assert kept and all(row == {"chapter": chapter, "verdict": "inconclusive"} for row in kept)


def test_without_javascript_the_ledger_is_whole(visit: Open) -> None:
    seen = visit(LEDGER, "bare")
    rows = seen.page.locator(".tag_ledger tbody tr")
    assert rows.count() == rows.locator("visible=true").count() > 40
    assert not seen.page.locator(".ledger-filter").is_visible()
