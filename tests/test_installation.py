"""The laws of what is installed where: on Binder, and at the lower bounds of the versions."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
BINDER = ROOT / ".binder"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def test_the_folder_holds_what_repo2docker_reads_and_nothing_else() -> None:
    assert {path.name for path in BINDER.iterdir()} == {"runtime.txt", "postBuild", "start"}


def test_the_python_is_the_one_that_is_tested() -> None:
    found = re.fullmatch(r"python-(3\.\d+)\n", (BINDER / "runtime.txt").read_text())
    assert found
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert found.group(1) in workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert f">={found.group(1)}" == PROJECT["requires-python"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such right")
@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_the_steps_are_programs(name: str) -> None:
    path = BINDER / name
    assert os.access(path, os.X_OK)
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
    assert subprocess.run(["bash", "-n", str(path)]).returncode == 0


def programs(folder: Path) -> Path:
    """A folder with a `python` that notes how it was called and with which pip cache."""
    path = folder / "bin" / "python"
    path.parent.mkdir()
    path.write_text('#!/bin/sh\necho "$PWD|$PIP_NO_CACHE_DIR|$*"\n')
    path.chmod(0o755)
    return path.parent


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
def test_the_image_is_made_by_the_one_installer_without_a_cache(tmp_path: Path) -> None:
    path = f"{programs(tmp_path)}{os.pathsep}{os.environ['PATH']}"
    answer = subprocess.run(
        [str(BINDER / "postBuild")],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    folder, cache, call = answer.stdout.strip().split("|")
    assert Path(folder).resolve() == ROOT
    assert cache == "1"
    assert call == "tools/project/install.py --here lab"


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
def test_a_server_starts_with_one_thread_per_visitor() -> None:
    show = "echo $OMP_NUM_THREADS $MKL_NUM_THREADS $OPENBLAS_NUM_THREADS"
    command = [str(BINDER / "start"), "sh", "-c", show]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.stdout.split() == ["1", "1", "1"]


def test_the_image_has_jupyterlab_that_renders_the_chapters() -> None:
    assert {"bnlib[course]", "jupyterlab", "jupyterlab-myst"} <= set(EXTRAS["lab"])
    assert any(name.startswith("ipywidgets") for name in EXTRAS["course"])


def test_each_package_of_the_image_is_pinned() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    pinned = set(re.findall(r"^([a-z0-9.-]+)==", text, re.M))
    wanted = {*PROJECT["dependencies"], *EXTRAS["course"], *EXTRAS["lab"]} - {"bnlib[course]"}
    names = {re.split(r"[<>=]", name)[0].lower() for name in wanted}
    assert names <= pinned


def test_the_lower_bound_that_is_tested_is_the_one_that_is_required() -> None:
    text = (ROOT / ".github/workflows/lower-bound.yml").read_text(encoding="utf-8")
    tried = dict(re.findall(r"(torch|torchvision|numpy)==([\d.]+)", text))
    wanted = [*PROJECT["dependencies"], *EXTRAS["course"]]
    required = dict(name.split(">=") for name in wanted if name.split(">=")[0] in tried)
    assert set(required) == {"torch", "torchvision", "numpy"} == set(tried)
    assert all(tried[name].startswith(required[name]) for name in tried)
