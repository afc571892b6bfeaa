"""Make the printed book and the ePub from the site, which is built first if it has to be.

    python -m tools.paper.paper pdf     the printed book, in _build/batch-normalization.pdf
    python -m tools.paper.paper epub    the ePub, in _build/batch-normalization.epub

A file is there when it is complete, and made again only when something changed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tools.paper import browser, ebook, printed
from tools.project import book

NAME = "batch-normalization"  # of the files to download
KINDS = {"pdf": printed.make, "epub": ebook.make}


def build(kind: str, root: Path, destination: Path) -> int:
    """Make `destination`/batch-normalization.`kind`, unless nothing changed; an exit code."""
    target = destination / f"{NAME}.{kind}"
    stamp = destination / f"{kind}.stamp"
    with book.only_one(root / "_build"):
        if (code := book.make_current(root, destination)) != 0:
            return code
        wanted = book.book_digest(root)
        if not (stamp.exists() and stamp.read_text() == wanted and target.exists()):
            stamp.unlink(missing_ok=True)
            target.unlink(missing_ok=True)
            start = time.perf_counter()
            said = KINDS[kind](root, destination / "html", target)
            stamp.write_text(wanted)
            size = target.stat().st_size / 2**20
            print(f"{said}, {size:.1f} MB, {time.perf_counter() - start:.0f} s")
    print(target)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the book to print or to carry.")
    parser.add_argument("kinds", nargs="+", choices=sorted(KINDS))
    kinds = parser.parse_args().kinds
    if "pdf" in kinds:
        try:
            browser.find()  # now, not after the minutes that the site may take
        except browser.NoBrowser as error:
            print(f"no PDF: {error}", file=sys.stderr)
            return 1
    return max(build(kind, book.ROOT, book.ROOT / "_build") for kind in kinds)


if __name__ == "__main__":
    sys.exit(main())
