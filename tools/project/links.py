"""Ask the addresses that the text links to whether they still answer; exit code 1 if one does not.

    python -m tools.project.links [ROOT]    prints those that do not; all: _build/links/output.txt

It reads the sources: no chapter is executed.  Links within the book are checked when it is built.
"""

from __future__ import annotations

import sys
from pathlib import Path

from jupyter_book.sphinx import build_sphinx

ROOT = Path(__file__).resolve().parents[2]


def check(root: Path) -> int | Exception:
    """Check the links of the book in `root`; returns an exit code, or what stopped Sphinx."""
    settings = {
        "nb_execution_mode": "off",
        "external_toc_path": str(root / "_toc.yml"),
        "latex_individualpages": False,  # Jupyter Book reads this for any builder
    }
    return build_sphinx(
        root,
        root / "_build" / "links",
        noconfig=True,
        path_config=root / "_config.yml",
        confoverrides=settings,
        doctreedir=root / "_build" / "links" / "doctrees",
        builder="linkcheck",
        quiet=True,
        freshenv=True,
    )


if __name__ == "__main__":
    sys.exit(check(Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT))  # type: ignore[arg-type]
