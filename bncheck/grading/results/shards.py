"""Parts of a class that were graded on machines of their own, put together as one run.

A part holds its feedback, and a file that says which part of what it is, written last.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bncheck.grading.results.files import Folder, write
from bncheck.grading.results.records import Grade

FILE = "shard.json"


@dataclass(frozen=True)
class Shard:
    """Part `number` of `of`, from 1.  Each takes every `of`-th submission."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """From `3/20`.  Raises ValueError."""
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        shard = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.of:
            raise ValueError(f"need --shard like 3/20, from 1/20 to 20/20, got {text!r}")
        return shard

    def places(self, total: int) -> range:
        """Which submissions of so many are in it."""
        return range(self.number - 1, total, self.of)


def write_shard(folder: Folder, shard: Shard, ids: Sequence[str], digest: str) -> None:
    """Say that this part is done.  ids: of all submissions of the class; digest: of the run."""
    mine = [ids[place] for place in shard.places(len(ids))]
    folder.keep_only(mine)
    class_ = hashlib.sha256("\0".join(ids).encode()).hexdigest()
    said = asdict(shard) | {"run": digest, "class": class_, "total": len(ids), "ids": mine}
    write(folder.path / FILE, json.dumps(said, indent=1, ensure_ascii=False) + "\n")


def merge(parts: Sequence[Path], out: Path) -> list[Grade]:
    """Write the folder that one run over the whole class writes, from all of its parts.

    Raises ValueError where a part is missing, stands twice, or is of another class or run.
    """
    if out.resolve() in [part.resolve() for part in parts]:
        raise ValueError(f"need another folder as --out than those of the parts, got {out}")
    said = [_read(part) for part in parts]
    first = said[0]
    for part, one in zip(parts, said, strict=True):
        for key, words in (("class", "class"), ("of", "division"), ("run", "version or setting")):
            if one[key] != first[key]:
                raise ValueError(f"{part} is of another {words} than {parts[0]}: grade it again")
    numbers = [one["number"] for one in said]
    if missing := sorted(set(range(1, first["of"] + 1)) - set(numbers)):
        named = ", ".join(f"--shard {number}/{first['of']}" for number in missing)
        raise ValueError(f"need all {first['of']} parts, still to be graded: {named}")
    if len(numbers) > first["of"]:
        raise ValueError(f"need each of the {first['of']} parts once, got {len(numbers)} folders")
    grades: list[Grade | None] = [None] * first["total"]
    folder = Folder(out)
    folder.clear(keep_feedback=False)
    for part, one in zip(parts, said, strict=True):
        shard = Shard(one["number"], one["of"])
        for place, name in zip(shard.places(first["total"]), one["ids"], strict=True):
            grade = Folder(part).read(name)
            folder.write_feedback(grade)
            grades[place] = grade
    whole = [grade for grade in grades if grade is not None]
    folder.write_tables(whole)
    return whole


def _read(part: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((part / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        raise ValueError(
            f"need the folders of finished parts, got {part}: grade it again with --resume"
        ) from None
