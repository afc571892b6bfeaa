"""Which tests an edit needs: those that import what was touched, the nearest first."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.project import changed


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "bnlib/norms.py": "",
        "bnlib/deep.py": "import bnlib.norms",
        "bnlib/other.py": "",
        "tests/bnlib/test_norms.py": "from bnlib.norms import x",
        "tests/bnlib/test_deep.py": "def test():\n    import bnlib.deep",
        "tests/bnlib/test_other.py": "import bnlib.other",
        "tests/bncourse/test_far.py": "from tests.bnlib.helpers import a",
        "tests/bnlib/helpers.py": "import bnlib.norms",
        "tests/book/test_reading.py": "import bnlib.norms",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        (path.parent / "__init__.py").touch()
    (tmp_path / "tests" / "__init__.py").touch()
    return tmp_path


def names(tests: list[Path]) -> list[str]:
    return [test.stem for test in tests]


def test_an_edit_needs_the_tests_that_import_it_and_no_other(root: Path) -> None:
    found = names(changed.tests_of([root / "bnlib/norms.py"], root))
    assert found[0] == "test_norms"
    assert set(found) == {"test_norms", "test_deep", "test_far", "test_reading"}
    assert names(changed.tests_of([root / "bnlib/other.py"], root)) == ["test_other"]


def test_an_edit_of_a_test_or_of_its_neighbour_needs_it(root: Path) -> None:
    found = changed.tests_of([root / "tests/bncourse/test_far.py"], root)
    assert names(found) == ["test_far"]
    beside = changed.tests_of([root / "tests/bnlib/helpers.py"], root)
    assert {"test_norms", "test_other", "test_far"} <= set(names(beside))


def test_a_file_that_is_gone_needs_nothing(root: Path) -> None:
    assert changed.tests_of([root / "bnlib/never.py"], root) == []


def test_about_a_minute_is_run_and_the_rest_is_named(root: Path) -> None:
    tests = changed.tests_of([root / "bnlib/norms.py"], root)
    slow = {"tests/bnlib/test_norms.py": 100.0, "tests/bncourse/test_far.py": 1.0}
    run, rest = changed.chosen(tests, slow, root)
    assert names(run) == ["test_norms"], "its own is run in any case"
    assert set(names(rest)) == {"test_deep", "test_far", "test_reading"}
    run, rest = changed.chosen(tests, {}, root)
    assert names(rest) == ["test_reading"], "that one needs a built site"


def test_git_says_what_has_changed(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        own = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", *own, "-C", str(tmp_path), *arguments]
        subprocess.run(command, check=True, capture_output=True)

    git("init")
    for name in ("one", "two"):
        (tmp_path / name).write_text("1")
        git("add", name)
        git("commit", "-m", name)
    assert changed.changed(tmp_path) == [tmp_path / "two"], "nothing since: the last commit"
    (tmp_path / "one").write_text("2")
    (tmp_path / "ä new").write_text("")
    assert changed.changed(tmp_path) == [tmp_path / "one", tmp_path / "ä new"]
