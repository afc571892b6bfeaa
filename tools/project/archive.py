"""Pack the built site into one file to read offline: unpack it, and open index.html in a browser.

    python -m tools.project.archive    _build/html -> _build/batch-normalization.zip

The same site makes the same bytes: names are sorted, dates and rights are fixed.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "batch-normalization"
DATE = (1980, 1, 1, 0, 0, 0)  # the first that the format knows
FILE_MODE = 0o644


def pack(site: Path, target: Path) -> None:
    """Write the files of `site` to `target`, below one folder named after `target`.

    Raises FileNotFoundError if `site` holds no index.html.
    """
    if not (site / "index.html").exists():
        raise FileNotFoundError(f"need a built site, no index.html in {site}: run make book")
    part = target.with_name(target.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(p.relative_to(site).as_posix() for p in site.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(f"{target.stem}/{name}", DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whatever made it
            entry.external_attr = FILE_MODE << 16
            archive.writestr(entry, (site / name).read_bytes())
    part.replace(target)


def main() -> int:
    target = ROOT / "_build" / f"{NAME}.zip"
    pack(ROOT / "_build" / "html", target)
    print(f"{target}: {target.stat().st_size / 2**20:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
