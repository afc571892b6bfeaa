"""The law of the zip file: each file of the gallery once, with its caption, the same each time."""

import zipfile
from pathlib import Path

from tools.site import archive

FIGURE = (
    '<figure class="gallery-figure"><a href="_images/{name}.svg" download>SVG</a>'
    '<a href="_images/{name}.png" download>PNG</a><pre>Caption of {name}\n</pre></figure>'
)


def test_the_archive_has_each_file_of_the_gallery_and_the_captions(tmp_path: Path) -> None:
    (tmp_path / "_images").mkdir()
    for name in ("a.svg", "a.png", "b.svg", "b.png", "other.svg"):
        (tmp_path / "_images" / name).write_text(name)
    page = "".join(FIGURE.format(name=name) for name in "ab")
    (tmp_path / archive.PAGE).write_text(page)
    archive.pack(tmp_path)
    first = (tmp_path / archive.PLACE).read_bytes()
    with zipfile.ZipFile(tmp_path / archive.PLACE) as packed:
        names = [f"figures/{name}" for name in ("a.png", "a.svg", "b.png", "b.svg")]
        assert packed.namelist() == [*names, "figures/captions.txt"]
        assert packed.read("figures/a.svg") == b"a.svg"
        captions = packed.read("figures/captions.txt").decode()
        assert captions == "Caption of a\n\nCaption of b\n"
    archive.pack(tmp_path)
    assert (tmp_path / archive.PLACE).read_bytes() == first
