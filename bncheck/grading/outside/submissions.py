"""Find the submitted notebooks and read them, whatever state they are in.  Nothing is executed."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST = 20 * 2**20  # bytes of a notebook: a picture or two in the outputs are fine
IGNORED = {"__MACOSX", "__pycache__"}
CHECKED = re.compile(r"""\bcheck\(\s*["'](ex\d\d)\.""")
IN_NAME = re.compile(r"(?<![a-z])ex\d\d(?!\d)")


@dataclass(frozen=True)
class Found:
    """A file that was handed in.  id: unique, safe as a file name; learner: folder or file name."""

    id: str
    learner: str
    path: Path


@dataclass(frozen=True)
class Submission:
    """A notebook as it was read.

    cells: the sources of its code cells, in order; exercise: like `ex03`; notes: what was odd.
    """

    cells: tuple[str, ...]
    exercise: str
    notes: tuple[str, ...] = ()


class Unreadable(Exception):
    """A file that cannot be graded; the message says why, and the way out."""


def find(paths: Sequence[Path]) -> list[Found]:
    """The files in `paths`: files as they are, folders with all that is in them.

    Hidden files, and those that archives and Jupyter leave behind, are passed over.  All others
    are submissions, also those that will prove unreadable: a row for each file.
    Raises ValueError for a path that does not exist.
    """
    pairs: list[tuple[Path, Path]] = []
    for path in paths:
        if not path.exists():
            raise ValueError(f"need files or folders that exist, got {path}")
        if path.is_dir() and path.suffix != ".ipynb":
            pairs += [(path, inner) for inner in sorted(_inside(path))]
        else:
            pairs.append((path.parent, path))
    found: list[Found] = []
    taken: set[str] = set()
    for root, path in dict.fromkeys(pairs):
        relative = path.relative_to(root)
        name = re.sub(r"[^\w.-]+", "_", str(relative.with_suffix(""))).strip("._") or "file"
        if name in taken:  # as a/b and a_b, or the same name in two folders
            name += "_" + hashlib.sha256(str(path).encode()).hexdigest()[:8]
        taken.add(name)
        learner = relative.parts[0] if len(relative.parts) > 1 else relative.stem
        found.append(Found(name, learner, path))
    return found


def _inside(folder: Path) -> Iterable[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in IGNORED:
            continue
        if path.is_dir() and not path.is_symlink() and path.suffix != ".ipynb":
            yield from _inside(path)
        else:
            yield path


def read(path: Path, exercise: str | None = None) -> Submission:
    """Read a notebook.  exercise: its short name; by default it is found out.

    Raises Unreadable: not a file, too large, not JSON, not a notebook, another format version, or
    no exercise to be recognised.
    """
    notes: list[str] = []
    notebook = _notebook(path, notes)
    cells = tuple(_sources(notebook, notes))
    name = exercise or _exercise(cells, path)
    if not name:
        raise Unreadable("which exercise? No check cell and no file name says: use --exercise")
    return Submission(cells, name, tuple(notes))


def _notebook(path: Path, notes: list[str]) -> dict[str, Any]:
    if path.is_symlink():
        raise Unreadable("need a file, got a symbolic link: hand in the file itself")
    if not path.is_file():
        raise Unreadable("need a notebook, got a folder: hand in the file in it")
    size = path.stat().st_size
    if size > LARGEST:
        raise Unreadable(
            f"need at most {LARGEST >> 20} MB, got {size >> 20} MB: clear the outputs, save again"
        )
    raw = path.read_bytes()
    if not raw.strip():
        raise Unreadable("the file is empty: save the notebook and hand it in again")
    if zipfile.is_zipfile(path):
        raise Unreadable("need a notebook, got a zip archive: unpack it first")
    text = _decode(raw, notes)
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON ({error}): the file is damaged, or no notebook") from None
    if not isinstance(notebook, dict) or not {"cells", "worksheets"} & notebook.keys():
        raise Unreadable("JSON, but no notebook: it has no cells")
    version = notebook.get("nbformat")
    if version != 4:
        raise Unreadable(
            f"need notebook format 4, got {version!r}: open it in JupyterLab and save it again"
        )
    if not isinstance(notebook.get("cells"), list):
        raise Unreadable("JSON, but no notebook: its cells are no list")
    return notebook


def _decode(raw: bytes, notes: list[str]) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        notes.append("not UTF-8: read as Latin-1")
        text = raw.decode("latin-1")
    return text.replace("\r\n", "\n")


def _sources(notebook: dict[str, Any], notes: list[str]) -> Iterable[str]:
    """The texts of the code cells."""
    for number, cell in enumerate(notebook["cells"]):
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        if kind != "code":
            if kind not in ("markdown", "raw"):
                notes.append(f"cell {number} has no known type: left out")
            continue
        source = cell.get("source")
        if isinstance(source, list) and all(isinstance(part, str) for part in source):
            source = "".join(source)
        if not isinstance(source, str):
            notes.append(f"cell {number} has no source: taken as empty")
            source = ""
        yield source.replace("\r\n", "\n")


def _exercise(cells: Sequence[str], path: Path) -> str | None:
    """The exercise whose checks the cells call most often, or that the name tells."""
    called = Counter(short for cell in cells for short in CHECKED.findall(cell))
    if called:
        return called.most_common(1)[0][0]
    named = IN_NAME.findall(path.name.lower()) or IN_NAME.findall(path.parent.name.lower())
    return named[-1] if named else None
