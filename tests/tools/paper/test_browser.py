"""The laws of finding a browser; what it shows is read in the tests of the pages."""

import stat
from pathlib import Path

import pytest

from tools.paper import browser


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds all the programs there are."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(browser.VARIABLE, raising=False)
    monkeypatch.setattr(browser, "NAMES", [name for name in browser.NAMES if "/" not in name])
    return tmp_path


def program(path: Path) -> str:
    path.write_text("#!/bin/sh\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_the_browser_of_the_system_is_found_under_each_of_its_names(programs: Path) -> None:
    for name in browser.NAMES:
        path = program(programs / name)
        assert browser.find() == path
        Path(path).unlink()


def test_the_browser_that_the_environment_names_comes_first(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs / "chromium")
    mine = program(programs / "mine")
    monkeypatch.setenv(browser.VARIABLE, mine)
    assert browser.find() == mine


def test_without_a_browser_the_error_says_how_to_get_one(programs: Path) -> None:
    with pytest.raises(browser.NoBrowser, match=r"install one .* or name it in BNCOURSE_BROWSER"):
        browser.find()


def test_a_name_that_is_no_program_is_an_error(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs / "chromium")
    monkeypatch.setenv(browser.VARIABLE, "/no/such/browser")
    with pytest.raises(browser.NoBrowser, match="got '/no/such/browser'"), browser.chromium():
        pass
