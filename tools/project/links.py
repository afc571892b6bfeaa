"""Ask the addresses that the text links to whether they still answer; exit code 1 if one does not.

    python -m tools.project.links [ROOT]    prints those that do not; all: _build/links/output.txt

It reads the sources: no chapter is executed.  Links within the book are checked when it is built.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BAD = ("broken", "timeout")


def check(root: Path) -> int:
    """Check the links of the book in `root`; returns an exit code.

    A book without any link fails too: then something else is wrong.
    """
    from jupyter_book.sphinx import build_sphinx

    target = root / "_build" / "links"
    shutil.rmtree(target, ignore_errors=True)
    settings = {
        "nb_execution_mode": "off",
        "external_toc_path": str(root / "_toc.yml"),
        "latex_individualpages": False,  # Jupyter Book reads this for any builder
    }
    build_sphinx(
        root,
        target,
        noconfig=True,
        path_config=root / "_config.yml",
        confoverrides=settings,
        doctreedir=target / "doctrees",
        builder="linkcheck",
        quiet=True,
    )
    report = target / "output.json"
    if not report.exists():
        print("no report: Sphinx failed (see above)", file=sys.stderr)
        return 1
    answers = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    asked = [answer for answer in answers if answer["uri"].startswith("http")]
    bad = [answer for answer in asked if answer["status"] in BAD]
    for answer in bad:
        print(f"{answer['filename']}:{answer['lineno']}: {answer['uri']}: {answer['info']}")
    print(f"{len(asked)} links, {len(bad)} of them do not answer")
    return int(bool(bad) or not asked)


if __name__ == "__main__":
    sys.exit(check(Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT))
