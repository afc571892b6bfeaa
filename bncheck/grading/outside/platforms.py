"""Who handed a file in: what learning platforms write into the names of folders and files.

Moodle      Anna Lee_12345_assignsubmission_file_/ex03.ipynb, or the same in the file's name
Canvas      leeanna_LATE_4712_998878_ex03-2.ipynb
Gradescope  submission_5678/ex03.ipynb, and submission_metadata.yml beside these folders
GitHub      a repository each: ex03-submissions/ex03-annalee/ex03.ipynb, or siblings with a .git;
            not when: the date of a commit is its author's word
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import Any

from bncheck.grading.outside.archives import File, Unreadable
from bncheck.grading.results.records import Handed

MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_[a-z]+(_.*)?")
CANVAS = re.compile(r"(?P<name>\w+?)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<file>.+)")
CANVAS_ANONYMOUS = re.compile(r"(?P<late>LATE_)?(?P<name>(?P<id>anon_\w+?))_\d+_(?P<file>.+)")
GRADESCOPE = re.compile(r"submission_\d+")
CLASSROOM = re.compile(r"(?P<assignment>.+)-submissions")
METADATA = "submission_metadata.yml"
AGAIN = re.compile(r"-(\d+)$")  # Canvas, of the second attempt: -1
COPY = re.compile(r" ?\((\d+)\)$")  # a browser, of the second download: (1)


@dataclass
class Platforms:
    """What is to be known of a whole class before one of its files.

    submitted: of Gradescope's folders, by their places; prefixes: what the names of repositories
    begin with, by the place of the folder that holds them.
    """

    submitted: Mapping[tuple[str, ...], Mapping[str, Any]] = field(default_factory=dict)
    prefixes: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Sequence[File]) -> Platforms:
        """Look through a class."""
        submitted: dict[tuple[str, ...], Mapping[str, Any]] = {}
        for one in found:
            if one.name == METADATA:
                for name, said in _metadata(one).items():
                    submitted[(*one.place[:-1], name)] = said
        return cls(submitted, _prefixes(found))

    def who(self, file: File) -> tuple[str, Handed, bool]:
        """The learner, how it was handed in, and whether a platform's names say so."""
        place = file.place
        name = re.sub(r"\.\w+$", "", place[-1])
        copied = int(found[1]) + 1 if (found := COPY.search(name)) else 1
        for depth, part in enumerate(place):
            if match := MOODLE.fullmatch(part):
                return match["name"], Handed(match["id"], copied), True
            if match := CANVAS_ANONYMOUS.fullmatch(part) or CANVAS.fullmatch(part):
                again = AGAIN.search(re.sub(r"\.\w+$", "", match["file"]))
                attempt = int(again[1]) + 1 if again else 1
                return match["name"], Handed(match["id"], attempt, bool(match["late"])), True
            if (said := self.submitted.get(place[: depth + 1])) is not None:
                return (*_submitter(said, part), True)
            if (prefix := self.prefixes.get(place[:depth])) is not None and depth < len(place) - 1:
                learner = part.removeprefix(prefix)
                return learner, Handed(learner, copied), True
        return place[0] if len(place) > 1 else name, Handed(attempt=copied), False


def _metadata(file: File) -> dict[str, Mapping[str, Any]]:
    """What Gradescope's export says about its folders; nothing where it is not as expected."""
    import yaml

    try:
        said = yaml.safe_load(file.content())
    except (yaml.YAMLError, Unreadable, UnicodeDecodeError):
        return {}
    entries = said.items() if isinstance(said, dict) else ()
    return {
        name: entry
        for name, entry in entries
        if isinstance(name, str) and GRADESCOPE.fullmatch(name) and isinstance(entry, dict)
    }


def _submitter(said: Mapping[str, Any], folder: str) -> tuple[str, Handed]:
    """The learner, or those of a group, of an entry of Gradescope's metadata."""
    everyone = said.get(":submitters")
    people = [p for p in everyone if isinstance(p, dict)] if isinstance(everyone, list) else []
    names = [str(p[":name"]) for p in people if p.get(":name")]
    accounts = [str(p.get(":sid") or p.get(":email") or "") for p in people]
    history, when = said.get(":history"), said.get(":created_at")
    attempt = len(history) + 1 if isinstance(history, list) else 1
    submitted = when.isoformat() if isinstance(when, datetime) else ""
    handed = Handed(" ".join(filter(None, accounts)), attempt, submitted=submitted)
    return ", ".join(names) or folder, handed


def _prefixes(found: Iterable[File]) -> dict[tuple[str, ...], str]:
    """Where repositories stand side by side, and what their names have in common."""
    repositories: dict[tuple[str, ...], set[str]] = defaultdict(set)
    prefixes: dict[tuple[str, ...], str] = {}
    for one in found:
        for depth, part in enumerate(one.place[:-1]):
            if (match := CLASSROOM.fullmatch(part)) and depth < len(one.place) - 2:
                prefixes[one.place[: depth + 1]] = f"{match['assignment']}-"
        if not one.inner:
            for up, folder in enumerate(one.path.parents[: len(one.place) - 1], 1):
                if (folder / ".git").exists():
                    repositories[one.place[: -up - 1]].add(folder.name)
    for place, names in repositories.items():
        prefixes.setdefault(place, _shared(sorted(names)))
    return prefixes


def _shared(names: Sequence[str]) -> str:
    """What several names begin with, up to a hyphen: `ex03-` of `ex03-anna` and `ex03-al`."""
    if len(names) < 2:
        return ""
    parts = zip(*(name.split("-")[:-1] for name in names), strict=False)
    return "".join(f"{same[0]}-" for same in takewhile(lambda one: len(set(one)) == 1, parts))
