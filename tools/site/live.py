"""Answer and run in the page: what the build adds to pages, and to the site beside them.

In the text of an exercise each question becomes a block that chapters/_static/live/ makes alive.
When the site is made, `equip` writes what its scripts ask for once a reader acts: Python for
browsers (see runtime.py), the engine of the checks as a zip, and a file per exercise.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.application import Sphinx

from bncheck.course import Course, UnknownQuestion
from bncheck.packed import needs, pack
from exercises.questions import COURSE
from tools.site import runtime, shells
from tools.site.runnable import Cell, runnable

ABSENT = ("torch", "torchvision", "bnlib", "bncourse")  # what a browser does not have
ENGINE = (
    *("bncheck/*.py", "bncheck/questions/*.py", "exercises/questions/**/*.py"),
    *("bnlib/__init__.py", "bnlib/functional.py", "bnlib/checks.py"),  # for cells of chapters
    *("bncourse/__init__.py", "bncourse/prose.py"),
)
PAGE = re.compile(r"exercises/(ex\d\d)_\w+")
CHAPTER = re.compile(r"chapters/\d\d_\w+")
HIDDEN = ("hide", "remove")  # how tags begin that keep a cell from being read
CHECK = re.compile(r'check\("(ex\d\d\.\w+)"')
LIVE = "_static/live"
MOMENT = (2026, 1, 1, 0, 0, 0)  # of the files in the zip: the same files, the same zip


def packed_exercise(course: Course, short: str) -> dict[str, Any]:
    """The questions of an exercise that a page can check."""
    exercise = course.load(short)
    questions = [
        pack(course.bank(f"{short}.{question.name}"), ABSENT)
        for question in exercise.questions
        if not needs(question, ABSENT)
    ]
    return {"name": exercise.name, "questions": questions}


def asked(name: str, title: str, stub: str) -> shells.Asked:
    """A question as its page shows it.  Raises UnknownQuestion."""
    question = COURSE.find(name)[1]
    return shells.Asked(
        name=name,
        title=title,
        stub=stub,
        kind="choice" if question.choices else "value" if question.asks_value else "code",
        points=question.out_of,
        seconds=question.seconds,
        choices=question.choices,
        needs="PyTorch" if needs(question, ABSENT) else "",
    )


def raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def mark_questions(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Make a block of each answer's cell and that of its check, and put the bar below the title."""
    if not PAGE.fullmatch(name):
        return
    questions: list[shells.Asked] = []
    for check in list(doctree.findall(nodes.container)):
        if "cell" not in check["classes"] or not (found := CHECK.match(check.astext())):
            continue
        parent, at = check.parent, check.parent.index(check)
        stub = parent[at - 1].astext().strip("\n")
        try:
            question = asked(found[1], parent.next_node(nodes.title).astext(), stub)
        except UnknownQuestion:
            continue
        questions.append(question)
        parent.insert(at + 1, raw(shells.closing(question)))
        parent.insert(at - 1, raw(shells.opening(question)))
    if questions:
        title = doctree.next_node(nodes.title)
        title.parent.insert(title.parent.index(title) + 1, raw(shells.bar(questions)))


def code_cells(notebook: Path) -> list[Cell]:
    """The code cells of a chapter."""
    return [
        Cell(cell.source, not any(tag.startswith(HIDDEN) for tag in cell.metadata.get("tags", [])))
        for cell in nbformat.read(notebook, as_version=4).cells
        if cell.cell_type == "code"
    ]


def steps(notebook: Path) -> list[dict[str, Any]]:
    """What a chapter's page can execute, in order; visible: it is what a reader may change."""
    cells = code_cells(notebook)
    return [
        {
            "cell": part.cell,
            "source": part.source,
            "visible": part.source == cells[part.cell].source,
            "says": part.says,
        }
        for part in runnable(cells)
    ]


def mark_cells(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Put each cell that a page can run into a block."""
    if not CHAPTER.fullmatch(name):
        return
    wanted = [step for step in steps(Path(app.srcdir, f"{name}.ipynb")) if step["visible"]]
    for cell in list(doctree.findall(nodes.container)):
        if not wanted or "cell" not in cell["classes"]:
            continue
        code = next(iter(cell.findall(nodes.literal_block)), None)
        if code is not None and code.astext().strip() == wanted[0]["source"].strip():
            at = cell.parent.index(cell)
            begin, end = shells.cell(wanted.pop(0)["cell"])
            cell.parent.insert(at + 1, raw(end))
            cell.parent.insert(at, raw(begin))


def add_scripts(
    app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """The pages with blocks load what makes them alive, and no other does."""
    if 'class="live"' in context.get("body", ""):
        app.add_css_file("live/live.css")
        app.add_js_file("live/live.js", loading_method="defer")


def engine(root: Path) -> bytes:
    """The files that check answers, as a zip; no question and no answer is among them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted({path for pattern in ENGINE for path in root.glob(pattern)}):
            file = zipfile.ZipInfo(path.relative_to(root).as_posix(), MOMENT)
            archive.writestr(file, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def places(html: Path, short: str) -> dict[str, str]:
    """Where the sections begin that the verdicts of an exercise send to: ids, by their names."""
    questions = COURSE.load(short).questions
    read = {mistake.read for question in questions for mistake in question.mistakes}
    read |= {question.read for question in questions}
    found = {}
    for chapter in sorted({section.chapter for section in read}):
        page = html / "chapters" / f"{chapter}.html"
        if not page.exists():  # a preview of some pages
            continue
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        for heading in soup.select("section[id] > :is(h1, h2, h3)"):
            for part in heading.select(".headerlink, .section-number"):
                part.decompose()
            found[f"{chapter}: {heading.get_text().strip()}"] = str(heading.parent["id"])  # type: ignore[index]
    wanted = {f"{section.chapter}: {section.heading}" for section in read}
    return {name: place for name, place in found.items() if name in wanted}


def files_for(root: Path, html: Path) -> Iterator[tuple[str, str]]:
    """What each page needs beside the runtime: names and texts of files."""
    for page in sorted(html.glob("chapters/*.html")):
        if 'class="live"' in page.read_text(encoding="utf-8"):
            source = steps(root / "chapters" / f"{page.stem}.ipynb")
            yield f"{page.stem}.cells.json", json.dumps(source)
    for page in sorted(html.glob("exercises/ex*.html")):
        short = page.stem[:4]
        if 'class="live"' not in page.read_text(encoding="utf-8"):
            continue
        yield f"{short}.json", json.dumps(packed_exercise(COURSE, short))
        hints = {f"{short}.{q.name}": q.hints for q in COURSE.load(short).questions}
        yield f"{short}.more.json", json.dumps({"hints": hints, "places": places(html, short)})


def entry(path: str, content: bytes) -> dict[str, Any]:
    """What a page must know of a file: where it is, its size for the progress, its version."""
    return {
        "path": path,
        "size": len(content),
        "version": hashlib.sha256(content).hexdigest()[:12],
    }


def equip(root: Path, html: Path, kept: Path) -> str:
    """Write what the pages of a built site ask for when a reader acts; a sentence on it.

    kept: a folder for what was fetched, for the next build.  Writes nothing where no page asks.
    """
    folder = html / LIVE
    texts = dict(files_for(root, html))
    if not texts:
        return ""
    start = time.perf_counter()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    short = {name[:4]: entry(name, text.encode()) for name, text in texts.items() if len(name) == 9}
    manifest: dict[str, Any] = {"exercises": short, "runtime": None}
    files, place = runtime.fetch(kept)
    if files:
        contents = {f"pyodide/{name}": content for name, content in files.items()}
        contents["pyodide/pyodide-lock.json"] = runtime.lock().encode()
        contents["engine.zip"] = engine(root)
        (folder / "pyodide").mkdir(exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        contents["worker.js"] = (folder / "worker.js").read_bytes()
        manifest["runtime"] = {name: entry(name, content) for name, content in contents.items()}
    (folder / "live.json").write_text(json.dumps(manifest), encoding="utf-8")
    seconds = time.perf_counter() - start
    if not files:
        return f"no Python for the pages: {place}; they say where else to solve"
    size = sum(len(content) for content in files.values()) / 1e6
    return f"Python for the pages: {size:.1f} MB from {place}, in {seconds:.1f} s"


def lacks_python(html: Path) -> bool:
    """Whether a site has pages that would use Python, and no Python."""
    manifest = html / LIVE / "live.json"
    return manifest.exists() and json.loads(manifest.read_text())["runtime"] is None


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", mark_questions)
    app.connect("doctree-resolved", mark_cells)
    app.connect("html-page-context", add_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
