"""The laws of tools.project.archive: the same site makes the same bytes, unpacks as it was."""

import os
import zipfile
from pathlib import Path

import pytest

from tools.project import archive


def make_site(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"this is {name}")
    return folder


NAMES = ("index.html", "chapters/a.html", "_static/b.css", "chapters.html", "_sources/ü.ipynb")


def test_the_same_site_makes_the_same_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    make_site(one, NAMES)
    make_site(two, NAMES[::-1])
    os.utime(two / "index.html", (1_000_000_000, 1_000_000_000))
    (two / "index.html").chmod(0o600)
    made = []
    for site in (one, two):
        target = tmp_path / f"{site.name}-out" / "course.zip"
        target.parent.mkdir()
        archive.pack(site, target)
        made.append(target.read_bytes())
    assert made[0] == made[1]
    (two / "index.html").write_text("edited")
    archive.pack(two, tmp_path / "two-out" / "course.zip")
    assert (tmp_path / "two-out" / "course.zip").read_bytes() != made[0]


def test_it_unpacks_into_one_folder_with_all_files_readable(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", NAMES)
    archive.pack(site, tmp_path / "course.zip")
    with zipfile.ZipFile(tmp_path / "course.zip") as packed:
        assert packed.testzip() is None
        assert packed.namelist() == sorted(f"course/{name}" for name in NAMES)
        assert {(e.create_system, e.external_attr >> 16) for e in packed.infolist()} == {(3, 0o644)}
        packed.extractall(tmp_path / "unpacked")
    for name in NAMES:
        assert (tmp_path / "unpacked" / "course" / name).read_text() == f"this is {name}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["course.zip", "site", "unpacked"]


def test_without_a_site_nothing_is_packed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"need a built site.*run make book"):
        archive.pack(tmp_path, tmp_path / "course.zip")
    assert not list(tmp_path.iterdir())
