"""Build the book: execute the chapters that need it, then make the site from all of them.

    python -m tools.project.book                    the book, in _build/html
    python -m tools.project.book --only CHAPTER...  these chapters alone, in _build/preview/html

Every build starts without Sphinx's memory of earlier ones.  With that memory a build would
only report the warnings of the pages that it writes, so that after a failed build the next
one succeeds.  The expensive part, executing the chapters, has its own cache.  The site is made
next to its place and moved there when it is complete: what is in DESTINATION/html was built
without a warning.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from tools.notebooks import closure, execution, store
from tools.site import live, runtime

ROOT = execution.ROOT
SOURCES = (
    "_config.yml",
    "_toc.yml",
    "CITATION.cff",
    "*.md",
    *(f"{package}/**/*" for package in closure.PACKAGES),
    "tools/**/*",
    "chapters/**/*",
)
GIVEN = (  # what a build is told from outside
    "GITHUB_SERVER_URL",
    "GITHUB_REPOSITORY",
    "GITHUB_REF_TYPE",
    "GITHUB_REF_NAME",
    runtime.FOLDER,
)
KEPT = Path("_build", "pyodide")  # below the root: Python for pages, once fetched


def book_digest(root: Path) -> str:
    """A hash of all that the site depends on."""
    digest = hashlib.sha256(closure.versions().encode())
    tools = sorted(f"{d.name} {d.version}" for d in metadata.distributions())
    digest.update("\n".join([*tools, *(os.environ.get(name, "") for name in GIVEN)]).encode())
    for path in sorted({path for pattern in SOURCES for path in root.glob(pattern)}):
        if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts):
            digest.update(f"\n{path.relative_to(root).as_posix()}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def only_one(build: Path) -> Iterator[None]:
    """Wait until no other process builds in `build`; the system ends the lock with us."""
    build.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # no such locks on Windows: there, do not build twice at once
        yield
        return
    with (build / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("waiting for another build to end", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def make_site(root: Path, destination: Path, toc: Path | None) -> int:
    """Run Jupyter Book, and put what it makes in place; returns its exit code.

    Warnings are errors, unless `toc` is given: then some of what is referred to is left out.
    """
    work = destination / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    command = [
        sys.executable,
        "-X",
        "utf8",
        "-c",
        "from jupyter_book.cli.main import main; main()",
        "build",
    ]
    command += [str(root), "--path-output", str(work), "-q"]
    command += ["--toc", str(toc)] if toc else ["-W", "-n", "--keep-going"]
    answer = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, encoding="utf-8", errors="replace"
    )
    if answer.returncode != 0:
        print(answer.stdout)
        return answer.returncode
    shutil.rmtree(destination / "html", ignore_errors=True)
    (work / "_build" / "html").rename(destination / "html")
    shutil.rmtree(work)
    return 0


def make_book(root: Path, destination: Path, toc: Path | None) -> int:
    """Execute what needs it and make the site; returns an exit code."""
    start = time.perf_counter()
    notebooks = execution.chapters(root, toc)
    keys = store.refresh(root, notebooks)
    try:
        executed = execution.execute_missing(root, notebooks)
    except execution.ChapterFailed as error:
        print(execution.table(root), flush=True)
        print(f"{error}\nno book: a chapter failed (see above)", file=sys.stderr)
        return 1
    if executed:
        seconds = time.perf_counter() - start
        print(f"{execution.table(root)}\n{len(executed)} executed in {seconds:.0f} s")
        sys.stdout.flush()
    if make_site(root, destination, toc) != 0:
        print("no book: Jupyter Book warned or failed (see above)", file=sys.stderr)
        return 1
    if said := live.equip(root, destination / "html", root / KEPT):
        print(said, flush=True)
    after = store.keys(root, notebooks)
    if edited := sorted(name for name in after if after[name] != keys.get(name, after[name])):
        # these may hold the outputs of two states of the code
        store.forget(root, [*edited, *store.measured(root)])
        names = ", ".join(edited)
        print(f"code was edited during the build, which {names} use: build again", file=sys.stderr)
        return 0 if toc else 1
    return 0


def make_current(
    root: Path, destination: Path, *, always: bool = False, toc: Path | None = None
) -> int:
    """Build the site in `destination`, unless nothing changed; returns an exit code.

    The caller holds the lock of `only_one`.
    """
    stamp, index = destination / "book.stamp", destination / "html" / "index.html"
    wanted = book_digest(root)
    current = stamp.exists() and stamp.read_text() == wanted and index.exists()
    if not current or always:
        stamp.unlink(missing_ok=True)
        if (code := make_book(root, destination, toc)) != 0:
            return code
        stamp.write_text(wanted)
    elif live.lacks_python(destination / "html"):  # there may be a network now
        print(live.equip(root, destination / "html", root / KEPT))
    return 0


def build(root: Path, destination: Path, *, always: bool = False, toc: Path | None = None) -> int:
    """Build the site in `destination` and say where it is; returns an exit code."""
    with only_one(root / "_build"):
        if (code := make_current(root, destination, always=always, toc=toc)) != 0:
            return code
    print(destination / "html" / "index.html")
    return 0


def preview(root: Path, chapters: Sequence[Path]) -> int:
    """Build a site of some chapters alone; returns an exit code."""
    destination = root / "_build" / "preview"
    destination.mkdir(parents=True, exist_ok=True)
    names = [chapter.resolve().relative_to(root).with_suffix("") for chapter in chapters]
    toc = destination / "toc.yml"
    lines = ["format: jb-book", "root: index", "options: {numbered: 2}", "chapters:"]
    toc.write_text("\n".join(lines + [f"  - file: {name.as_posix()}" for name in names]))
    return build(root, destination, always=True, toc=toc)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the book.")
    parser.add_argument("--only", nargs="+", type=Path, metavar="CHAPTER")
    chapters = parser.parse_args().only
    return preview(ROOT, chapters) if chapters else build(ROOT, ROOT / "_build")


if __name__ == "__main__":
    sys.exit(main())
