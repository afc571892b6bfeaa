"""Find what was handed in.  Nothing is executed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bncheck.grading.outside.archives import File, files
from bncheck.grading.outside.platforms import METADATA, Platforms
from bncheck.grading.results.records import Handed


@dataclass(frozen=True)
class Found:
    """A file that was handed in.

    id: unique, safe as a file name.  learner: the name that the platform says; else the first
    folder, or the file's own name.
    """

    id: str
    learner: str
    file: File
    handed: Handed


def find(paths: Sequence[Path]) -> list[Found]:
    """The files in `paths`: files as they are, folders and zip files with all that is in them.

    A row for each file, also for those that will prove unreadable; but where a platform says who
    handed in, only that learner's notebooks count, if there are any: a repository has other files.
    Raises ValueError for a path that does not exist.
    """
    found: list[Found] = []
    taken: set[str] = set()
    seen: set[tuple[Path, tuple[str, ...]]] = set()
    for root in paths:
        if not root.exists():
            raise ValueError(f"need files or folders that exist, got {root}")
        for file, learner, handed in _handed_in(root):
            if (where := (file.path, file.inner)) in seen:
                continue
            seen.add(where)
            name = re.sub(r"[^\w.-]+", "_", re.sub(r"\.\w+$", "", "/".join(file.place)))
            name = name.strip("._")[:150] or "file"
            if name in taken:  # as a/b and a_b, or the same name in two folders
                name += "_" + hashlib.sha256(repr(where).encode()).hexdigest()[:8]
            taken.add(name)
            found.append(Found(name, learner, file, handed))
    return found


def _handed_in(root: Path) -> list[tuple[File, str, Handed]]:
    every = list(files(root))
    platforms = Platforms.of(every)
    told = [(file, *platforms.who(file)) for file in every if file.name != METADATA]
    with_notebooks = {
        (learner, handed.account)
        for file, learner, handed, sure in told
        if sure and file.name.endswith(".ipynb")
    }
    return [
        (file, learner, handed)
        for file, learner, handed, sure in told
        if file.name.endswith(".ipynb")
        or not (sure and (learner, handed.account) in with_notebooks)
    ]
