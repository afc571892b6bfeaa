"""Make .venv and install the course into it, with nothing but the standard library.

    python tools/project/install.py EXTRA...        extras of pyproject.toml: course, book, test...
    python tools/project/install.py --here EXTRA... the same, into this interpreter's environment
    python tools/project/install.py --constraints   write the newest versions to constraints.txt

PyTorch's own wheel index has small CPU wheels; the default index has wheels with the CUDA
libraries, ten times as large.  One short probe decides which of the two is asked.

An installation can be interrupted at any point and run again.  `.venv/installed` is written
last: it names what was installed, and as long as it says what is wanted there is nothing to do.
`.venv/unfinished` is written first and removed last: if it is there, pip was interrupted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
TORCH_PACKAGES = ("torch", "torchvision")
PROBE_SECONDS = 3.0

Run = Callable[[Sequence[str]], int]


def answers(url: str, seconds: float = PROBE_SECONDS) -> bool:
    """Whether `url` answers with success, decided within `seconds`.

    The request runs in a thread because no timeout of urllib covers the look-up of the name.
    """
    result: list[bool] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=seconds) as response:
                result.append(response.status == 200)
        except (OSError, ValueError):
            result.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(result and result[0])


def pins(constraints: str) -> dict[str, str]:
    """The `name==version` lines of a constraints file, as name -> version."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", constraints, flags=re.MULTILINE)
    return {name.lower(): version for name, version in found}


def torch_arguments(index: str, versions: dict[str, str]) -> list[str]:
    """The arguments with which pip installs torch and torchvision alone from `index`.

    Without their dependencies: that index holds some of these, in other versions than ours.
    """
    wanted = [f"{name}=={versions[name]}" for name in TORCH_PACKAGES]
    patience = ["--retries", "1", "--timeout", "15"]
    return ["install", "--no-deps", *patience, "--index-url", index, *wanted]


def install_packages(
    pip: Run,
    extras: Sequence[str],
    constraints: Path,
    *,
    have_torch: bool,
    index: str = TORCH_INDEX,
    probe: Callable[[str], bool] = answers,
) -> int:
    """Install bnlib with its extras; returns pip's exit code.

    torch and torchvision come from `index` if it answers at once; if it does not, or if pip
    then fails there, the default index serves them like everything else.
    """
    if have_torch:
        pass
    elif not probe(f"{index}/torch/"):
        print(f"{index} does not answer: torch comes from the default index", flush=True)
    elif pip(torch_arguments(index, pins(constraints.read_text(encoding="utf-8")))) != 0:
        print(f"{index} failed: torch comes from the default index", flush=True)
    project = f".[{','.join(extras)}]" if extras else "."
    return pip(["install", "-c", str(constraints), "-e", project])


def wanted_state(root: Path, extras: Sequence[str]) -> str:
    """What `.venv/installed` says when nothing is to be done.

    The interpreter is not part of it: a `.venv` that works keeps the one it was made with.
    """
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((root / name).read_bytes())
    return json.dumps({"files": digest.hexdigest(), "extras": sorted(extras)})


def is_installed(venv: Path, wanted: str) -> bool:
    """Whether `venv` works and was installed as `wanted`, possibly with more extras."""
    stamp = venv / "installed"
    if (venv / "unfinished").exists() or not stamp.exists() or not works(venv):
        return False
    try:
        have, want = json.loads(stamp.read_text(encoding="utf-8")), json.loads(wanted)
        return have["files"] == want["files"] and set(want["extras"]) <= set(have["extras"])
    except (ValueError, KeyError, TypeError):
        return False


def interpreter(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def works(venv: Path) -> bool:
    """Whether the interpreter of `venv` starts, is recent enough, and is that of `venv`."""
    code = "import sys; assert sys.version_info >= (3, 11); print(sys.prefix)"
    try:
        answer = subprocess.run(
            [str(interpreter(venv)), "-c", code], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    prefix = answer.stdout.strip()
    return answer.returncode == 0 and bool(prefix) and Path(prefix).resolve() == venv.resolve()


def make_venv(venv: Path) -> None:
    """Make `venv`, or make it again if it is broken."""
    pip = [str(interpreter(venv)), "-m", "pip", "--version"]
    if works(venv) and subprocess.run(pip, capture_output=True).returncode == 0:
        return
    if venv.exists():
        print(f"{venv} is incomplete or broken: making it again", flush=True)
        shutil.rmtree(venv)
    if subprocess.run([sys.executable, "-m", "venv", str(venv)]).returncode != 0:
        raise SystemExit(
            f"need the venv module of {sys.executable}, it failed (see above): "
            "on Debian and Ubuntu install the package python3-venv"
        )


def drop_half_installed(venv: Path) -> None:
    """Make pip install again what an interruption left without a list of its files."""
    for info in venv.glob("lib*/**/site-packages/*.dist-info"):
        if not (info / "RECORD").exists():
            shutil.rmtree(info)
    for leftover in venv.glob("lib*/**/site-packages/~*"):
        shutil.rmtree(leftover, ignore_errors=True)


def has_torch(venv: Path, versions: dict[str, str]) -> bool:
    """Whether torch and torchvision stand in `venv` in these versions, CPU build or not."""
    found = {
        re.sub(r"(\+.*)?\.dist-info$", "", info.name)  # 2.9.0+cpu is a build of 2.9.0
        for info in venv.glob("lib*/**/site-packages/torch*.dist-info")
    }
    return {f"{name}-{versions[name]}" for name in TORCH_PACKAGES} <= found


def write_atomically(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def pip_of(python: Path, root: Path) -> Run:
    """The pip of an interpreter, run in `root`."""

    def pip(arguments: Sequence[str]) -> int:
        command = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]
        return subprocess.run(command, cwd=root).returncode

    return pip


def install_here(root: Path, extras: Sequence[str]) -> int:
    """Install into the environment of this interpreter, say of an image; returns an exit code."""
    constraints = root / "constraints.txt"
    versions = pins(constraints.read_text(encoding="utf-8"))
    have_torch = has_torch(Path(sys.prefix), versions)
    pip = pip_of(Path(sys.executable), root)
    return install_packages(pip, extras, constraints, have_torch=have_torch)


def install(root: Path, extras: Sequence[str]) -> int:
    """Bring `root/.venv` to the wanted state; returns an exit code."""
    venv, constraints = root / ".venv", root / "constraints.txt"
    wanted = wanted_state(root, extras)
    if is_installed(venv, wanted):
        return 0
    make_venv(venv)
    if (venv / "unfinished").exists():
        drop_half_installed(venv)
    (venv / "unfinished").touch()

    pip = pip_of(interpreter(venv), root)
    versions = pins(constraints.read_text(encoding="utf-8"))
    code = install_packages(pip, extras, constraints, have_torch=has_torch(venv, versions))
    if code == 0:
        write_atomically(venv / "installed", wanted)
        (venv / "unfinished").unlink()
    return code


def resolve_constraints(root: Path) -> str:
    """The newest versions that suit pyproject.toml with all its extras, as constraints."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
        command += ["--ignore-installed", "--report", str(report), ".[book,test,lab]"]
        subprocess.run(command, cwd=root, check=True)
        entries = json.loads(report.read_text(encoding="utf-8"))["install"]
    found = {entry["metadata"]["name"]: entry["metadata"]["version"] for entry in entries}
    found.pop("bnlib")
    # a local version such as 2.9.0+cpu would exclude the other builds of the same release
    lines = [f"{name}=={found[name].split('+')[0]}" for name in sorted(found, key=str.lower)]
    header = "# The exact version of everything installed.  `make constraints` writes this file.\n"
    return header + "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("extras", nargs="*", help="extras of pyproject.toml: book, test, lab")
    parser.add_argument("--here", action="store_true", help="install without .venv")
    parser.add_argument("--constraints", action="store_true", help="write constraints.txt")
    arguments = parser.parse_args()
    if arguments.constraints:
        write_atomically(ROOT / "constraints.txt", resolve_constraints(ROOT))
        return 0
    return (install_here if arguments.here else install)(ROOT, arguments.extras)


if __name__ == "__main__":
    sys.exit(main())
