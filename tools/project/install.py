"""Make .venv and install the course into it, with nothing but the standard library.

    python tools/project/install.py EXTRA...        extras of pyproject.toml: course, book, test...
    python tools/project/install.py --here EXTRA... the same, into this interpreter's environment
    python tools/project/install.py --constraints   write the newest versions to constraints.txt

PyTorch's own wheel index has small CPU wheels; the default index has wheels with the CUDA
libraries, ten times as large.  Where both have a version, pip takes the CPU build.

An installation can be interrupted at any point and run again.  `.venv/installed` is written last
and says what was installed; `.venv/unfinished` is there while pip runs, and if it is left, .venv is
made anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
SECONDS = 5.0


def cpu_index(index: str = TORCH_INDEX) -> list[str]:
    """pip's arguments for PyTorch's index; none if it does not answer at once.

    Asked by a process of its own, since no timeout of urllib covers the look-up of the name.
    """
    ask = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])"
    command = [sys.executable, "-c", ask, f"{index}/torch/"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        print(f"{index} does not answer: torch comes from the default index", flush=True)
        return []
    return ["--extra-index-url", index]


def pip(python: Path, *arguments: str) -> int:
    """Run the pip of an interpreter; returns its exit code."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, cwd=ROOT).returncode


def install_into(python: Path, extras: Sequence[str]) -> int:
    """Install the packages with `extras`; returns an exit code.

    If pip fails with PyTorch's index, the default index serves torch like everything else.
    """
    project = f".[{','.join(extras)}]" if extras else "."
    wanted = ["install", "-c", "constraints.txt", "-e", project]
    index = cpu_index()
    code = pip(python, *wanted, *index)
    return pip(python, *wanted) if code and index else code


def digest(venv: Path, root: Path = ROOT) -> str:
    """A hash of the place of an environment and of what is to be installed there."""
    files = [(root / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join([str(venv).encode(), *files])).hexdigest()


def works(python: Path) -> bool:
    """Whether an interpreter starts, is recent enough, and has pip."""
    code = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([str(python), "-c", code], capture_output=True).returncode == 0
    except OSError:
        return False


def install(venv: Path, extras: Sequence[str]) -> int:
    """Bring an environment to the wanted state, if it is not in it; returns an exit code."""
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, unfinished, wanted = venv / "installed", venv / "unfinished", digest(venv)
    fit = works(python) and not unfinished.exists()
    if not fit and subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)]).returncode:
        raise SystemExit(
            f"need the venv module of {sys.executable}, it failed (see above): "
            "on Debian and Ubuntu install the package python3-venv"
        )
    found, *there = stamp.read_text().split() if stamp.exists() else [""]
    if found == wanted and set(extras) <= set(there):
        return 0
    unfinished.touch()
    code = install_into(python, extras)
    if code == 0:
        stamp.write_text(" ".join([wanted, *extras]))
    unfinished.unlink()
    return code


def newest() -> str:
    """The newest versions that suit pyproject.toml with all its extras, as constraints."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--quiet", "--dry-run", "--ignore-installed", "--report", str(report)]
        if code := pip(Path(sys.executable), "install", *options, ".[book,test,lab]"):
            raise SystemExit(code)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    versions = {entry["metadata"]["name"]: entry["metadata"]["version"] for entry in found}
    del versions["bnlib"]
    # a local version such as 2.9.0+cpu would exclude the other builds of the same release
    lines = [f"{name}=={versions[name].split('+')[0]}" for name in sorted(versions, key=str.lower)]
    header = "# The exact version of everything installed.  `make constraints` writes this file."
    return "\n".join([header, *lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("extras", nargs="*", help="extras of pyproject.toml: book, test, lab")
    parser.add_argument("--here", action="store_true", help="install without .venv")
    parser.add_argument("--constraints", action="store_true", help="write constraints.txt")
    options = parser.parse_args()
    if options.constraints:
        (ROOT / "constraints.txt").write_text(newest(), encoding="utf-8")
        return 0
    if options.here:
        return install_into(Path(sys.executable), options.extras)
    return install(ROOT / ".venv", options.extras)


if __name__ == "__main__":
    sys.exit(main())
