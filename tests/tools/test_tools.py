"""The laws of the commands: what an installation asks for, and what a build executes again."""

import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
import pytest
import yaml

from tools.notebooks import execution, form, store
from tools.project import book, install
from tools.site import extension

ROOT = execution.ROOT

# -- the installer: which index is asked --------------------------------------------------------


class Index(http.server.BaseHTTPRequestHandler):
    """A wheel index that answers, or says that it does not know the page."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path.startswith("/whl/") else 404)
        self.end_headers()
        self.wfile.write(b"wheels")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()
        thread.join()


@pytest.fixture
def silent_server() -> Iterator[str]:
    """It takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def refused() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}"


class Pip:
    """Records what pip is asked for; fails where it is told to."""

    def __init__(self, fails_at: str = "") -> None:
        self.calls: list[list[str]] = []
        self.fails_at = fails_at

    def __call__(self, arguments: Sequence[str]) -> int:
        self.calls.append(list(arguments))
        return int(bool(self.fails_at) and self.fails_at in arguments)


@pytest.fixture
def constraints(tmp_path: Path) -> Path:
    path = tmp_path / "constraints.txt"
    path.write_text("# pinned\nnumpy==2.0\ntorch==2.15.0\ntorchvision==0.29.2\n")
    return path


def test_an_index_that_answers_is_found(server: str) -> None:
    assert install.answers(f"{server}/whl/cpu/torch/")


def test_an_index_without_the_page_does_not_count_as_answering(server: str) -> None:
    assert not install.answers(f"{server}/other/")


def test_an_index_that_refuses_does_not_answer(refused: str) -> None:
    assert not install.answers(refused)


def test_an_index_that_hangs_does_not_answer(silent_server: str) -> None:
    assert not install.answers(silent_server, seconds=0.2)


def test_an_address_that_is_none_does_not_answer() -> None:
    assert not install.answers("no address")


def test_torch_comes_from_the_cpu_index_if_that_answers(server: str, constraints: Path) -> None:
    pip = Pip()
    index = f"{server}/whl/cpu"
    code = install.install_packages(pip, ["book"], constraints, have_torch=False, index=index)
    assert code == 0
    torch, rest = pip.calls
    assert torch[torch.index("--index-url") + 1] == index
    assert torch[-2:] == ["torch==2.15.0", "torchvision==0.29.2"]
    assert "--no-deps" in torch  # that index has some of the dependencies, in other versions
    assert rest == ["install", "-c", str(constraints), "-e", ".[book]"]


@pytest.mark.parametrize("where", ["refused", "server"])
def test_everything_comes_from_the_default_index_if_the_cpu_index_does_not_answer(
    where: str, constraints: Path, request: pytest.FixtureRequest
) -> None:
    pip = Pip()
    index = request.getfixturevalue(where) + "/nothing/here"
    assert install.install_packages(pip, [], constraints, have_torch=False, index=index) == 0
    assert pip.calls == [["install", "-c", str(constraints), "-e", "."]]


def test_everything_comes_from_the_default_index_if_the_cpu_index_fails_midway(
    server: str, constraints: Path
) -> None:
    pip = Pip(fails_at="--index-url")
    index = f"{server}/whl/cpu"
    assert install.install_packages(pip, [], constraints, have_torch=False, index=index) == 0
    assert [("--index-url" in call) for call in pip.calls] == [True, False]


def test_an_installed_torch_is_not_asked_for_again(constraints: Path) -> None:
    def no_probe(url: str) -> bool:
        raise AssertionError(url)

    pip = Pip()
    assert install.install_packages(pip, [], constraints, have_torch=True, probe=no_probe) == 0
    assert len(pip.calls) == 1


def test_a_failure_of_pip_is_the_failure_of_the_installation(constraints: Path) -> None:
    assert install.install_packages(Pip(fails_at="-e"), [], constraints, have_torch=True) != 0


@pytest.mark.parametrize(
    ("installed", "found"),
    [
        (["torch-2.15.0", "torchvision-0.29.2"], True),
        (["torch-2.15.0+cpu", "torchvision-0.29.2+cpu"], True),
        (["torch-2.14.0", "torchvision-0.29.2"], False),
        (["torch-2.15.0"], False),
        ([], False),
    ],
)
def test_torch_counts_as_installed_in_the_pinned_version_alone(
    installed: list[str], found: bool, tmp_path: Path, constraints: Path
) -> None:
    for name in installed:
        (tmp_path / f"lib/python3.11/site-packages/{name}.dist-info").mkdir(parents=True)
    assert install.has_torch(tmp_path, install.pins(constraints.read_text())) is found


# -- the installer: what is done again ----------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text(f"{name}\n")
    return tmp_path


@pytest.fixture
def venv(project: Path) -> Path:
    folder = project / ".venv"
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True)
    return folder


def test_an_installation_that_is_complete_is_not_done_again(project: Path, venv: Path) -> None:
    wanted = install.wanted_state(project, ["book", "test"])
    assert not install.is_installed(venv, wanted)
    (venv / "installed").write_text(wanted)
    assert install.is_installed(venv, wanted)
    assert install.is_installed(venv, install.wanted_state(project, ["book"]))


def test_more_extras_and_other_pins_are_installed(project: Path, venv: Path) -> None:
    (venv / "installed").write_text(install.wanted_state(project, ["book"]))
    assert not install.is_installed(venv, install.wanted_state(project, ["book", "lab"]))
    (project / "constraints.txt").write_text("numpy==3\n")
    assert not install.is_installed(venv, install.wanted_state(project, ["book"]))


def test_an_interrupted_installation_is_taken_up_again(project: Path, venv: Path) -> None:
    wanted = install.wanted_state(project, ["book"])
    (venv / "installed").write_text(wanted)
    (venv / "unfinished").touch()
    assert not install.is_installed(venv, wanted)
    packages = next(venv.glob("lib/python*/site-packages"))
    for name, files in {"whole-1.0": ["METADATA", "RECORD"], "half-1.0": ["METADATA"]}.items():
        (packages / f"{name}.dist-info").mkdir()
        for file in files:
            (packages / f"{name}.dist-info" / file).touch()
    (packages / "~alf").mkdir()
    install.drop_half_installed(venv)
    left = {path.name for path in packages.iterdir()}
    assert "whole-1.0.dist-info" in left
    assert not left & {"half-1.0.dist-info", "~alf"}


def test_a_stamp_that_is_cut_off_does_not_count(project: Path, venv: Path) -> None:
    wanted = install.wanted_state(project, ["book"])
    (venv / "installed").write_text(wanted[:10])
    assert not install.is_installed(venv, wanted)


def test_a_broken_environment_is_noticed(project: Path, venv: Path) -> None:
    assert install.works(venv)
    wanted = install.wanted_state(project, ["book"])
    (venv / "installed").write_text(wanted)
    install.interpreter(venv).unlink()
    assert not install.works(venv)
    assert not install.is_installed(venv, wanted)


def test_an_environment_that_was_moved_is_noticed(project: Path, venv: Path) -> None:
    (venv / "pyvenv.cfg").unlink()  # then its interpreter is that of the system
    assert not install.works(venv)


def test_every_installed_version_is_pinned_and_no_address_is_named() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][^\s+;@/]*", pin) for pin in pins)
    text = (ROOT / "pyproject.toml").read_text()
    wanted = set(re.findall(r'^\s*"([A-Za-z0-9-]+)[>=<~]', text, re.M)) | {"pytest", "nbval"}
    pinned = {pin.split("==")[0].lower().replace("_", "-") for pin in pins}
    assert {name.lower() for name in wanted} - {"setuptools"} <= pinned


# -- the Makefile -------------------------------------------------------------------------------


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    command = ["make", "--no-print-directory", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@needs_make
def test_help_lists_each_target() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.M)
    assert phony
    listed = re.findall(r"^make (\w+)", make("help").stdout, re.M)
    assert sorted(listed) == sorted(set(phony.group(1).split()) - {"help"})


@needs_make
def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.1"\nexit 1\n')
    old.chmod(0o755)
    answer = make("install", f"PYTHON={old}")
    assert answer.returncode != 0
    assert "need Python >= 3.11, got Python 3.8.1" in answer.stderr
    assert "make PYTHON=" in answer.stderr


@needs_make
def test_no_python_at_all_is_said(tmp_path: Path) -> None:
    answer = make("install", "PYTHON=")
    assert answer.returncode != 0
    assert "need Python >= 3.11, found none" in answer.stderr


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


@pytest.mark.parametrize(
    "read",
    [
        "import importlib; importlib.import_module('bnlib.' + 'hidden')",
        "from pathlib import Path; Path('../bnlib/hidden.py').read_text()",
    ],
    ids=["imported by a name made at run time", "opened"],
)
def test_a_file_that_the_key_does_not_cover_ends_the_build(read: str, small_book: Book) -> None:
    (small_book.root / "bnlib" / "hidden.py").write_text("x = 1\n")
    small_book.write("02_second", CELL.format(name="02_second") + "\n" + read)
    said = r"02_second.ipynb reads what its key does not cover: bnlib/hidden.py"
    for _ in range(2):
        with pytest.raises(execution.ChapterFailed, match=said):
            small_book.execute()
    small_book.write("02_second", CELL.format(name="02_second"))
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
    ("code", "text", "said"),
    [
        ("1 + 1", "See [there](nowhere.md).", "nowhere"),
        ("import warnings\nwarnings.warn('too small')", "", "stderr"),
        ("raise RuntimeError('out of eggs')", "", "out of eggs"),
    ],
    ids=["a link to nothing", "a cell that warns", "a cell that fails"],
)
def test_no_book_is_made_with(code: str, text: str, said: str, small_book: Book) -> None:
    small_book.write("02_second", code, text)
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
    assert small_book.build().returncode == 0
    assert sorted(small_book.executed()) == list(NAMES)
    assert "the number is 42" in small_book.page("02_second")


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


def test_the_address_of_the_repository_stands_in_one_place() -> None:
    address = re.search(r"url: (https://\S+)", (ROOT / "_config.yml").read_text())
    assert address
    tracked = [*ROOT.glob("*"), *ROOT.glob("[a-z]*/**/*"), *ROOT.glob(".[bcg]*/**/*")]
    holders = [
        path.relative_to(ROOT).as_posix()
        for path in tracked
        if path.is_file()
        and path.suffix in {"", ".md", ".py", ".yml", ".yaml", ".toml", ".cff", ".ipynb", ".bib"}
        and ".git" not in path.relative_to(ROOT).parts
        and address.group(1).removeprefix("https://") in path.read_text(errors="ignore")
    ]
    cells = [path.relative_to(ROOT).as_posix() for path in launched()]
    assert sorted(holders) == sorted(["_config.yml", *cells])
    for path in launched():
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if cell.id != "install"]
        assert address.group(1) not in nbformat.writes(notebook), path


def launched() -> list[Path]:
    """The notebooks that Binder and Colab open."""
    return [*form.of_the_course(), *sorted((ROOT / "exercises").glob("ex*.ipynb"))]


def test_the_first_code_cell_installs_from_the_one_address() -> None:
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]
    address = f"'bnlib[course] @ git+{settings['url']}@{settings['branch']}'"
    for path in launched():
        cells = nbformat.read(path, as_version=4).cells
        first = next(cell for cell in cells if cell.cell_type == "code")
        assert first.source.endswith(f"    %pip install -q {address}"), f"{path}: run make fix"
        assert first.source == form.installation()
        assert "remove-cell" in first.metadata.tags, "need it hidden on the page"
        assert sum("pip install" in cell.source for cell in cells) == 1, path


def test_where_the_package_is_there_the_first_cell_installs_nothing() -> None:
    ran = []
    source = form.installation().replace("%pip install", "ran.append(1)  #")
    exec(source, {"ran": ran})
    assert not ran
    exec(source.replace('"bncourse"', '"no_such_package"'), {"ran": ran})
    assert ran


def test_a_fork_changes_one_line_and_runs_one_command(tmp_path: Path) -> None:
    fork = {"repository": {"url": "https://example.org/you/course", "branch": "trunk"}}
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(fork))
    source = form.installation(tmp_path)
    assert "git+https://example.org/you/course@trunk" in source
    text = form.of_the_course()[0].read_text(encoding="utf-8")
    theirs = form.in_form(text, source)
    assert theirs != text
    assert source in [cell.source for cell in nbformat.reads(theirs, as_version=4).cells]
    assert form.in_form(theirs, source) == theirs
    assert form.in_form(theirs, form.installation()) == text


def test_a_new_notebook_gets_the_cell_that_installs() -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# New"), nbformat.v4.new_code_cell("x = 1")]
    )
    formed = nbformat.reads(form.in_form(nbformat.writes(notebook), "install"), as_version=4)
    assert [cell.source for cell in formed.cells] == ["# New", "install", "x = 1"]


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


# -- the form of the notebooks ------------------------------------------------------------------


def raw_notebook(*sources: str, **cell: object) -> str:
    """A notebook as an editor may leave it."""
    cells = [
        {
            "cell_type": "code",
            "source": source,
            "metadata": {"collapsed": True, "tags": ["hide-input"]},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}],
            "execution_count": 7,
            **cell,
        }
        for source in sources
    ]
    metadata = {"kernelspec": {"name": "mine", "display_name": "Mine"}, "widgets": {}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook)


def test_the_form_has_no_outputs_and_nothing_of_the_editor() -> None:
    notebook = nbformat.reads(form.normalise(raw_notebook("x = 1  \n\n", "  ")), as_version=4)
    (cell,) = notebook.cells
    assert (cell.source, cell.outputs, cell.execution_count) == ("x = 1", [], None)
    assert cell.metadata == {"tags": ["hide-input"]}
    assert notebook.metadata.kernelspec.name == "python3"
    nbformat.validate(notebook)


def test_the_form_of_a_form_is_itself() -> None:
    once = form.normalise(raw_notebook("x = 1", "x = 1", "µ = 2"))
    assert form.normalise(once) == once
    assert "µ" in once


def test_a_cell_keeps_its_id() -> None:
    before = nbformat.reads(form.normalise(raw_notebook("x = 1", "y = 2")), as_version=4)
    edited = nbformat.writes(before).replace("x = 1", "x = 3")
    after = nbformat.reads(form.normalise(edited), as_version=4)
    assert [cell.id for cell in after.cells] == [cell.id for cell in before.cells]


def test_ids_differ_for_equal_cells_and_for_copied_ones() -> None:
    for text in (raw_notebook("x = 1", "x = 1"), raw_notebook("x = 1", "y = 2", id="same")):
        cells = nbformat.reads(form.normalise(text), as_version=4).cells
        assert cells[0].id != cells[1].id


def test_a_notebook_survives_the_way_to_text_and_back() -> None:
    notebook = form.normalise(raw_notebook("x = 1", "print(x)"))
    text = form.to_text(notebook)
    assert "```{code-cell}" in text
    assert form.from_text(text, notebook) == notebook


def test_a_text_alone_makes_a_notebook_and_its_ids_do_not_change() -> None:
    text = form.to_text(form.normalise(raw_notebook("x = 1", "x = 1")))
    once = form.from_text(text)
    assert form.from_text(text) == once
    edited = form.from_text(text.replace("x = 1", "x = 2", 1), once)
    ids = [[cell.id for cell in nbformat.reads(n, as_version=4).cells] for n in (once, edited)]
    assert len(set(ids[0]) & set(ids[1])) == 1


# -- all files ----------------------------------------------------------------------------------


def test_no_package_registry_is_named() -> None:
    """Where packages come from is the reader's choice; only PyTorch's own index is named."""
    hosts = ["py" + "pi.org", "pythonhosted" + ".org", "ana" + "conda.org", "test.py" + "pi"]
    files = [*ROOT.glob("*"), *ROOT.glob("[a-z]*/**/*"), *ROOT.glob(".[bcg]*/**/*")]
    for path in files:
        inside = path.relative_to(ROOT).parts
        if path.is_file() and ".git" not in inside and path.suffix not in {".pyc", ".png"}:
            text = path.read_text(errors="ignore")
            assert not [host for host in hosts if host in text], path
