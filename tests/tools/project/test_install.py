"""The laws of an installation: what it asks for, and what is done again; of the Makefile too."""

import http.server
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.project import install

ROOT = Path(__file__).resolve().parents[3]


class Index(http.server.BaseHTTPRequestHandler):
    """A wheel index that answers, or says that it does not know the page."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/cpu/torch/" else 404)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()


@pytest.fixture
def silent() -> Iterator[str]:
    """It takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


class Pip:
    """Records what pip is asked for; fails as often as it is told to."""

    def __init__(self, *codes: int) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.codes = [*codes, 0]

    def __call__(self, python: Path, *arguments: str) -> int:
        self.calls.append(arguments)
        return self.codes.pop(0)


def with_pip(monkeypatch: pytest.MonkeyPatch, *codes: int, index: tuple[str, ...] = ()) -> Pip:
    pip = Pip(*codes)
    monkeypatch.setattr(install, "pip", pip)
    monkeypatch.setattr(install, "cpu_index", lambda: list(index))
    return pip


def test_an_index_that_answers_is_asked_besides_the_default_one(server: str) -> None:
    assert install.cpu_index(f"{server}/cpu") == ["--extra-index-url", f"{server}/cpu"]


def test_an_index_that_does_not_answer_is_not_asked(
    server: str, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "SECONDS", 1.0)
    for address in (f"{server}/gone", silent, "http://127.0.0.1:1", "no address"):
        assert install.cpu_index(address) == []


def test_an_index_that_fails_midway_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    pip = with_pip(monkeypatch, 1, index=("--extra-index-url", "there"))
    assert install.install_into(Path(sys.executable), ["book", "test"]) == 0
    wanted = ("install", "-c", "constraints.txt", "-e", ".[book,test]")
    assert pip.calls == [(*wanted, "--extra-index-url", "there"), wanted]


def test_a_failure_of_pip_is_the_failure_of_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = with_pip(monkeypatch, 1)
    assert install.install(tmp_path / ".venv", []) == 1
    assert install.install(tmp_path / ".venv", []) == 0
    assert len(pip.calls) == 2


def test_only_what_is_missing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip, venv = with_pip(monkeypatch, *[0] * 9), tmp_path / ".venv"
    for extras, calls in ((["book", "test"], 1), (["book"], 1), (["lab"], 2)):
        assert install.install(venv, extras) == 0
        assert len(pip.calls) == calls, extras
    monkeypatch.setattr(install, "digest", lambda venv: "other pins")
    assert install.install(venv, ["lab"]) == 0
    assert len(pip.calls) == 3


@pytest.mark.parametrize("broken", ["interrupted", "without its interpreter", "stamp cut off"])
def test_a_broken_environment_is_mended(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip, venv = with_pip(monkeypatch, *[0] * 9), tmp_path / ".venv"
    install.install(venv, ["book"])
    if broken == "interrupted":
        monkeypatch.setattr(install, "cpu_index", lambda: sys.exit("interrupted"))
        with pytest.raises(SystemExit):
            install.install(venv, ["lab"])
        (venv / "half").touch()
        monkeypatch.setattr(install, "cpu_index", list)
    elif broken == "without its interpreter":
        (venv / "bin" / "python").unlink()
    else:
        (venv / "installed").write_text((venv / "installed").read_text()[:10])
    assert install.install(venv, ["book"]) == 0
    assert len(pip.calls) == 2
    assert install.works(venv / "bin" / "python")
    assert not (venv / "half").exists()


def test_other_pins_have_another_digest(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("one")
    found = set()
    for pins in ("one", "two"):
        (tmp_path / "constraints.txt").write_text(pins)
        found |= {install.digest(tmp_path / name, tmp_path) for name in (".venv", "moved")}
    (tmp_path / "pyproject.toml").write_text("two")
    assert install.digest(tmp_path / ".venv", tmp_path) not in found
    assert len(found) == 4


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
