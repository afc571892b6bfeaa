"""The laws of the build: what it executes again, and what it refuses."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pytest

from tools.notebooks import execution, form, store
from tools.project import book
from tools.site import extension

ROOT = execution.ROOT

# -- the book: what is executed again -----------------------------------------------------------

CELL = """
from pathlib import Path
import bnlib
with Path("../log.txt").open("a") as log:
    print({name!r}, file=log)
print("the number is", bnlib.NUMBER)
"""
NAMES = ("01_first", "02_second")


class Book:
    """A small book with the tools and the settings of the course."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "log.txt"

    def fill(self) -> None:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "tools", self.root / "tools", ignore=ignored)
        shutil.copytree(ROOT / "chapters" / "_static", self.root / "chapters" / "_static")
        for name in ("_config.yml", "genindex.md", "constraints.txt"):
            shutil.copy(ROOT / name, self.root / name)
        (self.root / "chapters" / "references.bib").write_text("")
        (self.root / "index.md").write_text("# A small book\n")
        (self.root / "bnlib").mkdir()
        self.set_number(41)
        for name in NAMES:
            self.write(name, CELL.format(name=name))
        self.set_toc(NAMES)

    def set_number(self, number: int) -> None:
        (self.root / "bnlib" / "__init__.py").write_text(f"NUMBER = {number}\n")

    def set_toc(self, names: Sequence[str]) -> None:
        files = "".join(f"  - file: chapters/{name}\n" for name in names)
        (self.root / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{files}")

    def write(self, name: str, code: str, text: str = "") -> None:
        cells = [
            nbformat.v4.new_markdown_cell(f"# {name}\n\n{text}"),
            nbformat.v4.new_code_cell(code),
        ]
        notebook = nbformat.v4.new_notebook(cells=cells)
        path = self.root / "chapters" / f"{name}.ipynb"
        path.write_text(form.normalise(nbformat.writes(notebook)))

    def build(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tools.project.book", *arguments]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True)

    def execute(self) -> list[str]:
        """Only execute what a build would execute; returns that, in the order of its end."""
        execution.execute_missing(self.root, execution.chapters(self.root))
        return self.executed()

    def executed(self) -> list[str]:
        """The chapters executed since the last call."""
        names = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return names

    def page(self, name: str, folder: str = "_build") -> str:
        return (self.root / folder / "html" / "chapters" / f"{name}.html").read_text()


@pytest.fixture
def small_book(tmp_path: Path) -> Book:
    book = Book(tmp_path / "book")
    book.fill()
    return book


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A small book that was built."""
    book = Book(tmp_path_factory.mktemp("original") / "book")
    book.fill()
    answer = book.build()
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.splitlines()[-1] == str(book.root / "_build/html/index.html")
    assert sorted(book.executed()) == list(NAMES)
    return book


@pytest.fixture
def built(original: Book, tmp_path: Path) -> Book:
    """A copy of it, to change."""
    shutil.copytree(original.root, tmp_path / "book")
    return Book(tmp_path / "book")


def test_an_edit_of_the_package_changes_the_number_on_the_page(built: Book) -> None:
    assert "the number is 41" in built.page("01_first")
    built.set_number(42)
    assert built.build().returncode == 0
    assert sorted(built.executed()) == list(NAMES)
    for name in NAMES:
        assert "the number is 42" in built.page(name)
        assert "the number is 41" not in built.page(name)


def test_an_edit_of_a_module_executes_the_chapters_that_use_it_alone(built: Book) -> None:
    (built.root / "bnlib" / "own.py").write_text("x = 1\n")
    code = CELL.format(name="02_second") + "\nimport bnlib.own\nprint(bnlib.own.x)"
    built.write("02_second", code)
    assert built.execute() == ["02_second"]
    assert built.execute() == []
    (built.root / "bnlib" / "own.py").write_text("x = 22\n")
    assert built.execute() == ["02_second"]
    (built.root / "bnlib" / "unused.py").write_text("x = 1\n")
    assert built.execute() == []


def test_files_that_the_key_does_not_cover_end_the_build(small_book: Book) -> None:
    """Imported by a name that is made at run time, or opened."""
    package = small_book.root / "bnlib"
    (package / "hidden.py").write_text("x = 1\n")
    (package / "sub").mkdir()
    (package / "sub" / "read.txt").write_text("1")
    reads = {
        "01_first": "import importlib; importlib.import_module('bnlib.' + 'hidden')",
        "02_second": "from pathlib import Path; Path('../bnlib/sub/read.txt').read_text()",
    }
    for name, read in reads.items():
        small_book.write(name, f"{CELL.format(name=name)}\n{read}")
    for _ in range(2):
        with pytest.raises(execution.ChapterFailed) as failed:
            small_book.execute()
        said = "{}.ipynb reads what its key does not cover: bnlib/{}"
        assert said.format("01_first", "hidden.py") in str(failed.value)
        assert said.format("02_second", "sub/read.txt") in str(failed.value)
    for name in NAMES:
        small_book.write(name, CELL.format(name=name))
    small_book.execute()


def test_results_are_kept_for_the_code_that_measured_them_alone(small_book: Book) -> None:
    for name in ("one", "two"):
        (small_book.root / "bnlib" / f"{name}.py").write_text("x = 1\n")
        kept = store.folder(small_book.root) / "results" / f"bnlib.{name}" / "claim.json"
        kept.parent.mkdir(parents=True)
        kept.write_text("{}")
    results = store.folder(small_book.root) / "results"
    store.refresh(small_book.root, [])
    assert list(results.iterdir()) == [], "nobody knows with which code these were made"
    for name in ("one", "two"):
        (results / f"bnlib.{name}").mkdir()
    store.remember(small_book.root, store.keys(small_book.root, []))
    (small_book.root / "bnlib" / "two.py").write_text("x = 2\n")
    store.refresh(small_book.root, [])
    assert [path.name for path in results.iterdir()] == ["bnlib.one"]


def test_an_edit_of_a_chapter_executes_that_chapter_alone(built: Book) -> None:
    built.write("02_second", CELL.format(name="02_second") + "\nprint(6 * 7)")
    assert built.execute() == ["02_second"]


def test_an_edit_of_the_prose_is_on_the_page_and_executes_nothing(built: Book) -> None:
    built.write("02_second", CELL.format(name="02_second"), text="Only the prose is new.")
    assert built.build().returncode == 0
    assert built.executed() == []
    assert "Only the prose is new." in built.page("02_second")
    assert "the number is 41" in built.page("02_second")


def test_a_build_without_a_change_writes_nothing(built: Book) -> None:
    page = built.root / "_build/html/index.html"
    before = page.stat().st_mtime_ns
    answer = built.build()
    assert answer.returncode == 0
    assert answer.stdout.split() == [str(page)]
    assert page.stat().st_mtime_ns == before


def test_a_build_that_fails_fails_again_and_leaves_the_former_site(built: Book) -> None:
    built.write("02_second", CELL.format(name="02_second"), "See {ref}`nowhere`.")
    for _ in range(2):
        answer = built.build()
        assert answer.returncode != 0
        assert re.search("02_second.*nowhere", answer.stderr)
        assert "the number is 41" in built.page("02_second")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import warnings\nwarnings.warn('too small')", "stderr"),
        ("raise RuntimeError('out of eggs')", "out of eggs"),
    ],
    ids=["a cell that warns", "a cell that fails"],
)
def test_no_book_is_made_with(code: str, said: str, small_book: Book) -> None:
    small_book.write("02_second", code)
    answer = small_book.build()
    assert answer.returncode != 0
    assert said in answer.stdout + answer.stderr
    assert "02_second" in answer.stdout + answer.stderr
    assert not (small_book.root / "_build" / "html").exists()


def test_what_was_executed_before_a_failure_is_not_executed_again(small_book: Book) -> None:
    small_book.write("02_second", "raise RuntimeError('out of eggs')")
    with pytest.raises(execution.ChapterFailed, match=r"02_second(.|\n)*out of eggs"):
        small_book.execute()
    assert small_book.executed() == ["01_first"]
    small_book.write("02_second", CELL.format(name="02_second"))
    assert small_book.execute() == ["02_second"]


def test_a_cache_that_an_interruption_left_without_a_file_is_repaired(built: Book) -> None:
    cache = store.folder(built.root) / "jupyter"
    shutil.rmtree(next((cache / "executed").iterdir()))
    assert len(built.execute()) == 1
    assert built.execute() == []


def test_the_ledger_is_executed_when_the_others_are_done(small_book: Book) -> None:
    (ledger,) = execution.LAST
    slow = "import time; time.sleep(1)\n" + CELL.format(name="02_second")
    small_book.write("02_second", slow)
    small_book.write(ledger, CELL.format(name=ledger))
    small_book.set_toc([ledger, *NAMES])
    assert small_book.execute() == ["01_first", "02_second", ledger]


def test_chapters_run_with_their_book_and_its_results(small_book: Book, tmp_path: Path) -> None:
    code = "import os, bnlib\nprint(bnlib.__file__, os.environ['BNCOURSE_RESULTS'])"
    small_book.write("01_first", code)
    small_book.execute()
    execution.export(small_book.root, execution.chapters(small_book.root), tmp_path / "out")
    (_, cell) = nbformat.read(tmp_path / "out" / "01_first.ipynb", as_version=4).cells
    (output,) = cell.outputs
    package, results = output.text.split()
    assert Path(package) == small_book.root / "bnlib" / "__init__.py"
    assert Path(results) == store.folder(small_book.root) / "results"


def test_time_and_memory_of_each_chapter_are_kept(small_book: Book) -> None:
    start = time.perf_counter()
    runs = execution.execute_missing(small_book.root, execution.chapters(small_book.root))
    passed = time.perf_counter() - start
    assert sorted(run.chapter for run in runs) == [f"chapters/{name}.ipynb" for name in NAMES]
    for run in runs:
        assert 0 < run.seconds < passed
        assert run.peak_mb > 1
        assert run.chapter in execution.table(small_book.root)


def test_an_edit_of_the_package_during_a_build_is_noticed(small_book: Book) -> None:
    """Its chapters may have been executed with either state: the next build does it again."""
    edit = "Path('../bnlib/__init__.py').write_text('NUMBER = 42')\n"
    small_book.write("01_first", CELL.format(name="01_first") + edit)
    answer = small_book.build()
    assert answer.returncode != 0
    assert "code was edited during the build" in answer.stderr
    small_book.executed()
    assert sorted(small_book.execute()) == list(NAMES)


def test_jupyter_book_by_itself_sees_an_edit_of_the_package_too(small_book: Book) -> None:
    """The extension sets the cache; executing beforehand only makes a build faster."""
    main = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", main, "build", str(small_book.root), "-q"]
    for number in (41, 42):
        small_book.set_number(number)
        subprocess.run(command, check=True, capture_output=True)
        assert small_book.executed() == list(NAMES)
        assert f"the number is {number}" in small_book.page("01_first")


def test_one_chapter_can_be_built_alone(small_book: Book) -> None:
    chapter = small_book.root / "chapters" / "02_second.ipynb"
    answer = small_book.build("--only", str(chapter))
    assert answer.returncode == 0, answer.stderr
    assert small_book.executed() == ["02_second"]
    assert "the number is 41" in small_book.page("02_second", "_build/preview")


# -- the repository's address -------------------------------------------------------------------


def test_a_fork_links_to_itself() -> None:
    configured = {"repository_url": "https://example.org/us/course", "repository_branch": "main"}
    assert extension.repository(configured, {}) == configured
    fork = {
        "GITHUB_SERVER_URL": "https://example.org",
        "GITHUB_REPOSITORY": "you/course",
        "GITHUB_REF_TYPE": "branch",
        "GITHUB_REF_NAME": "trunk",
    }
    assert extension.repository(configured, fork) == {
        "repository_url": "https://example.org/you/course",
        "repository_branch": "trunk",
    }
    tag = fork | {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1"}
    assert extension.repository(configured, tag)["repository_branch"] == "main"


def test_a_site_is_built_again_where_another_repository_would_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = {book.book_digest(tmp_path)}
    for name in ("SERVER_URL", "REPOSITORY", "REF_TYPE", "REF_NAME"):
        monkeypatch.setenv(f"GITHUB_{name}", "another")
        digests.add(book.book_digest(tmp_path))
    assert len(digests) == 5
