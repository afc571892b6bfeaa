"""Folders and zip files as one tree of files.  Nothing is unpacked: contents are read where asked.

A zip file is taken as a folder of its name, also inside of another one.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

LARGEST = 20 * 2**20  # bytes of a notebook: a picture or two in the outputs are fine
ARCHIVE = 200 * 2**20  # bytes of a zip file inside of another, which is held in memory
MOST = 2000  # files in a zip file that a learner made
DEEPEST = 3
IGNORED = {"__MACOSX", "__pycache__"}
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class Unreadable(Exception):
    """A file that cannot be graded; the message says why, and the way out."""


@dataclass(frozen=True)
class File:
    """A file of a class.  path: on the disk; inner: then the names within zip files, if any.

    place: the names of its folders and its own, from the folder that was given, without the
    endings of zip files.
    """

    path: Path
    inner: tuple[str, ...]
    place: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.inner[-1]).name if self.inner else self.path.name

    def content(self, most: int = LARGEST) -> bytes:
        """What is in it.  Raises Unreadable where it is no file, damaged, or larger than `most`."""
        if not self.inner:
            return _on_disk(self.path, most)
        archive = _opened(self.path)
        for name in self.inner[:-1]:
            archive = zipfile.ZipFile(io.BytesIO(_member(archive, name, ARCHIVE)))
        return _member(archive, self.inner[-1], most)


def _on_disk(path: Path, most: int) -> bytes:
    if path.is_symlink():
        raise Unreadable("need a file, got a symbolic link: hand in the file itself")
    if not path.is_file():
        raise Unreadable("need a notebook, got a folder: hand in the file in it")
    _bounded(path.stat().st_size, most)
    return path.read_bytes()


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A file in a zip file; its size is believed only where it is too large."""
    try:
        _bounded(archive.getinfo(name).file_size, most)
        with archive.open(name) as handle:
            content = handle.read(most + 1)
    except DAMAGED as error:
        raise Unreadable(f"cannot be read in its zip file ({error}): pack it again") from None
    _bounded(len(content), most)
    return content


def _bounded(size: int, most: int) -> None:
    if size > most:
        raise Unreadable(
            f"need at most {most >> 20} MB, got {size >> 20} MB: clear the outputs, save again"
        )


def _opened(path: Path) -> zipfile.ZipFile:
    return _as_it_was(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)  # that of the whole class has thousands of files, and is read in order
def _as_it_was(path: Path, changed: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def files(root: Path) -> Iterator[File]:
    """All files of a folder or of a zip file, in order, or the one file that `root` is.

    Hidden files, and those that archives and Jupyter leave behind, are passed over.  A zip file
    that cannot be opened, or holds nothing, is a file like any other.
    """
    if root.is_dir() and root.suffix != ".ipynb":
        yield from _folder(root, ())
    else:
        yield from _file(root, (), most=10**6)


def _folder(folder: Path, place: tuple[str, ...]) -> Iterator[File]:
    for path in sorted(folder.iterdir()):
        if _left_behind(path.name):
            continue
        if path.is_dir() and not path.is_symlink() and path.suffix != ".ipynb":
            yield from _folder(path, (*place, path.name))
        else:
            yield from _file(path, place, MOST)


def _file(path: Path, place: tuple[str, ...], most: int) -> Iterator[File]:
    found: list[File] = []
    if path.suffix.lower() == ".zip" and path.is_file() and not path.is_symlink():
        try:
            inside = place if most > MOST else (*place, path.stem)  # the class's own names nobody
            found = list(_archive(_opened(path), File(path, (), inside), most))
        except (*DAMAGED, OSError):
            found = []
    yield from found or [File(path, (), (*place, path.name))]


def _archive(archive: zipfile.ZipFile, outer: File, most: int) -> Iterator[File]:
    """The files in a zip file, whose names may be anything: they are parts, never paths."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > most:
        return
    for entry in sorted(entries, key=lambda one: one.filename):
        parts = [p for p in entry.filename.split("/") if p not in ("", ".", "..")]
        if not parts or any(_left_behind(part) for part in parts):
            continue
        inner = (*outer.inner, entry.filename)
        found: list[File] = []
        if parts[-1].lower().endswith(".zip") and len(inner) < DEEPEST:
            place = (*outer.place, *parts[:-1], parts[-1][:-4])
            try:
                within = zipfile.ZipFile(io.BytesIO(_member(archive, entry.filename, ARCHIVE)))
                found = list(_archive(within, File(outer.path, inner, place), MOST))
            except (*DAMAGED, Unreadable):
                found = []
        yield from found or [File(outer.path, inner, (*outer.place, *parts))]


def _left_behind(name: str) -> bool:
    return name.startswith(".") or name in IGNORED
