"""The laws of an installation: what it asks for, and what is done again; of the Makefile too."""

import http.server
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tools.project import install

ROOT = Path(__file__).resolve().parents[3]

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
