"""The laws of tools/site/launch.py: from the repository's address to where its notebooks run."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tools.site import describe, launch

ROOT = Path(__file__).resolve().parents[3]
COURSE = "https://github.com/us/course"
PATH = "chapters/03_mechanism.ipynb"
OPTIONS = {"repository_url": COURSE, "repository_branch": "main"}


def test_binder_opens_the_notebook_in_jupyterlab() -> None:
    assert launch.binder(COURSE, "main", PATH) == (
        "https://mybinder.org/v2/gh/us/course/main?urlpath=lab/tree/chapters/03_mechanism.ipynb"
    )


def test_colab_opens_the_notebook() -> None:
    assert launch.colab(COURSE, "main", PATH) == (
        "https://colab.research.google.com/github/us/course/blob/main/chapters/03_mechanism.ipynb"
    )


@pytest.mark.parametrize(
    "written",
    [
        "https://github.com/you/the-course.2/",
        "https://github.com/you/the-course.2.git",
        "http://www.github.com/you/the-course.2",
    ],
)
def test_a_fork_runs_itself_however_its_address_is_written(written: str) -> None:
    for open_in in (launch.binder, launch.colab):
        expected = open_in("https://github.com/you/the-course.2", "trunk", PATH)
        assert expected is not None and "you/the-course.2/" in expected and "trunk" in expected
        assert open_in(written, "trunk", PATH) == expected


def test_a_branch_may_have_slashes_and_signs() -> None:
    binder = launch.binder(COURSE, "fall/2026 #2", PATH)
    assert binder is not None
    assert "/us/course/fall/2026%20%232?urlpath=" in binder
    colab = launch.colab(COURSE, "fall/2026 #2", PATH)
    assert colab is not None
    assert "/blob/fall%2F2026%20%232/chapters/" in colab


@pytest.mark.parametrize(
    "elsewhere", ["https://gitlab.com/us/course", "https://git.example.org/group/us/course"]
)
def test_a_repository_elsewhere_has_downloads_alone(elsewhere: str) -> None:
    assert launch.binder(elsewhere, "main", PATH) is None
    assert launch.colab(elsewhere, "main", PATH) is None
    assert launch.site(elsewhere) == ""
    assert launch.runs({"repository_url": elsewhere}, "chapters/03_mechanism") == []
    assert launch.downloads("chapters/03_mechanism", "../_sources")


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "us/course", "github.com/us/course", "https://github.com/us", "git@github.com:us/it"),
        *("https://github.com/us/course/tree/main", "https://github.com/us/the course"),
    ],
)
def test_an_address_that_is_no_repository_is_an_error(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"need .*https://.*got .*: set repository: url in _conf"):
        launch.binder(wrong, "main", PATH)


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        (COURSE, "https://us.github.io/course/"),
        ("https://github.com/Us/Course", "https://us.github.io/Course/"),
        ("https://github.com/Us/us.github.io", "https://us.github.io/"),
    ],
)
def test_the_site_is_that_of_the_repository(repository: str, expected: str) -> None:
    assert launch.site(repository) == expected


def urls(buttons: list[dict[str, str]]) -> dict[str, str]:
    assert all(len(button["tooltip"].split()) >= 3 for button in buttons)
    return {button["text"]: button["url"] for button in buttons}


def test_a_chapter_is_run_and_downloaded() -> None:
    assert urls(launch.runs(OPTIONS, "chapters/03_mechanism")) == {
        "Binder": launch.binder(COURSE, "main", PATH),
        "Colab": launch.colab(COURSE, "main", PATH),
    }
    assert urls(launch.downloads("chapters/03_mechanism", "../_sources")) == {
        "Notebook (.ipynb)": "../_sources/chapters/03_mechanism.ipynb"
    }


@pytest.mark.parametrize("folder", ["exercises", "exercises/solutions"])
def test_an_exercise_and_its_solution_run_the_learners_notebook(folder: str) -> None:
    path = "exercises/ex03_mechanism.ipynb"
    assert urls(launch.runs(OPTIONS, f"{folder}/ex03_mechanism")) == {
        "Binder": launch.binder(COURSE, "main", path),
        "Colab": launch.colab(COURSE, "main", path),
    }


def test_a_solution_is_offered_beside_its_exercise_and_says_which_is_which() -> None:
    exercise = {"Exercise (.ipynb)": "_sources/exercises/ex03_mechanism.ipynb"}
    solution = {"Solution (.ipynb)": "_sources/exercises/solutions/ex03_mechanism.ipynb"}
    found = urls(launch.downloads("exercises/solutions/ex03_mechanism", "_sources"))
    assert found == exercise | solution
    assert urls(launch.downloads("exercises/ex03_mechanism", "_sources")) == exercise


def test_without_a_branch_the_buttons_open_main() -> None:
    options: dict[str, Any] = {"repository_url": COURSE}
    assert launch.runs(options, "index") == launch.runs(OPTIONS, "index")


def test_the_configured_address_is_that_of_a_repository() -> None:
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    launch.owner_and_name(settings["repository"]["url"])  # raises ValueError if it is not


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ("", "https://us.github.io/course/"),
        ("https://example.org/book", "https://example.org/book/"),
        ("https://example.org/book/", "https://example.org/book/"),
    ],
)
def test_an_address_of_its_own_comes_before_that_of_the_repository(
    configured: str, expected: str
) -> None:
    config = SimpleNamespace(
        html_baseurl=configured, html_theme_options=OPTIONS, html_title="The course"
    )
    describe.set_addresses(None, config)  # type: ignore[arg-type]
    assert config.html_baseurl == config.ogp_site_url == expected
    assert config.notfound_urls_prefix == urlsplit(expected).path
