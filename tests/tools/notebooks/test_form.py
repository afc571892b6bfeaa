"""The laws of the notebooks' form, and of the cell that installs the course."""

import json
import re
from pathlib import Path

import nbformat
import pytest
import yaml

from tools.notebooks import form

ROOT = Path(__file__).resolve().parents[3]

# -- the cell that installs ---------------------------------------------------------------------


def launched() -> list[Path]:
    """The notebooks that Binder and Colab open."""
    return [*form.of_the_course(), *sorted((ROOT / "exercises").glob("ex*.ipynb"))]


def test_the_address_of_the_repository_stands_in_one_place() -> None:
    address = re.search(r"url: (https://\S+)", (ROOT / "_config.yml").read_text())
    assert address
    tracked = [*ROOT.glob("*"), *ROOT.glob("[a-z]*/**/*"), *ROOT.glob(".[bcg]*/**/*")]
    holders = [
        path.relative_to(ROOT).as_posix()
        for path in tracked
        if path.is_file()
        and path.suffix in {"", ".md", ".py", ".yml", ".yaml", ".toml", ".cff", ".ipynb", ".bib"}
        and ".git" not in path.relative_to(ROOT).parts
        and address.group(1).removeprefix("https://") in path.read_text(errors="ignore")
    ]
    cells = [path.relative_to(ROOT).as_posix() for path in launched()]
    assert sorted(holders) == sorted(["_config.yml", *cells])
    for path in launched():
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if cell.id != "install"]
        assert address.group(1) not in nbformat.writes(notebook), path


def test_the_first_code_cell_installs_from_the_one_address() -> None:
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]
    address = f"bnlib[course] @ git+{settings['url']}@{settings['branch']}"
    for path in launched():
        cells = nbformat.read(path, as_version=4).cells
        first = next(cell for cell in cells if cell.cell_type == "code")
        assert f'COURSE = "{address}"' in first.source, f"{path}: run make fix"
        assert first.source == form.installation()
        assert "remove-cell" in first.metadata.tags, "need it hidden on the page"
        assert sum("pip install" in cell.source for cell in cells) == 1, path


@pytest.mark.parametrize(
    ("package", "place", "installs", "lines"),
    [("bncourse", "sys", 0, 0), ("no_such", "sys", 1, 0), ("no_such", "no_such_place", 0, 1)],
    ids=["there", "on Colab", "elsewhere"],
)
def test_the_first_cell_installs_on_colab_and_elsewhere_says_in_a_line_what_is_missing(
    capsys: pytest.CaptureFixture[str], package: str, place: str, installs: int, lines: int
) -> None:
    ran: list[int] = []
    source = form.installation().replace("%pip install", "ran.append(1)  #", 1)
    exec(source.replace('"bncourse"', f'"{package}"').replace("google.colab", place), {"ran": ran})
    said = capsys.readouterr().out
    assert (len(ran), said.count("\n")) == (installs, lines)
    assert not lines or ("bncourse" in said and '%pip install "bnlib[course] @ git+' in said)


def test_a_fork_changes_one_line_and_runs_one_command(tmp_path: Path) -> None:
    fork = {"repository": {"url": "https://example.org/you/course", "branch": "trunk"}}
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(fork))
    source = form.installation(tmp_path)
    assert "git+https://example.org/you/course@trunk" in source
    text = form.of_the_course()[0].read_text(encoding="utf-8")
    ours, theirs = form.in_form(text, form.installation()), form.in_form(text, source)
    assert theirs != ours
    assert source in [cell.source for cell in nbformat.reads(theirs, as_version=4).cells]
    assert form.in_form(theirs, source) == theirs
    assert form.in_form(theirs, form.installation()) == ours


def test_a_new_notebook_gets_the_cell_that_installs() -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# New"), nbformat.v4.new_code_cell("x = 1")]
    )
    formed = nbformat.reads(form.in_form(nbformat.writes(notebook), "install"), as_version=4)
    assert [cell.source for cell in formed.cells] == ["# New", "install", "x = 1"]


# -- the form of the notebooks ------------------------------------------------------------------


def raw_notebook(*sources: str, **cell: object) -> str:
    """A notebook as an editor may leave it."""
    cells = [
        {
            "cell_type": "code",
            "source": source,
            "metadata": {"collapsed": True, "tags": ["hide-input"]},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}],
            "execution_count": 7,
            **cell,
        }
        for source in sources
    ]
    metadata = {"kernelspec": {"name": "mine", "display_name": "Mine"}, "widgets": {}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook)


def test_the_form_has_no_outputs_and_nothing_of_the_editor() -> None:
    notebook = nbformat.reads(form.normalise(raw_notebook("x = 1  \n\n", "  ")), as_version=4)
    (cell,) = notebook.cells
    assert (cell.source, cell.outputs, cell.execution_count) == ("x = 1", [], None)
    assert cell.metadata == {"tags": ["hide-input"], **form.COLLAPSED}
    assert notebook.metadata.kernelspec.name == "python3"
    nbformat.validate(notebook)


@pytest.mark.parametrize("tag", ["hide-input", "remove-input", "hide-cell", "remove-cell"])
def test_what_the_book_folds_is_collapsed_in_jupyter_and_nothing_else_is(tag: str) -> None:
    text = raw_notebook("x = 1", metadata={"tags": [tag]})
    (folded,) = nbformat.reads(form.normalise(text), as_version=4).cells
    assert folded.metadata.jupyter.source_hidden and folded.metadata.cellView == "form"
    opened = form.normalise(form.normalise(text).replace(tag, "verdicts"))
    (cell,) = nbformat.reads(opened, as_version=4).cells
    assert form.is_open(cell) and cell.metadata == {"tags": ["verdicts"]}


def test_the_form_of_a_form_is_itself() -> None:
    once = form.normalise(raw_notebook("x = 1", "x = 1", "µ = 2"))
    assert form.normalise(once) == once
    assert "µ" in once


def test_a_cell_keeps_its_id() -> None:
    before = nbformat.reads(form.normalise(raw_notebook("x = 1", "y = 2")), as_version=4)
    edited = nbformat.writes(before).replace("x = 1", "x = 3")
    after = nbformat.reads(form.normalise(edited), as_version=4)
    assert [cell.id for cell in after.cells] == [cell.id for cell in before.cells]


def test_ids_differ_for_equal_cells_and_for_copied_ones() -> None:
    for text in (raw_notebook("x = 1", "x = 1"), raw_notebook("x = 1", "y = 2", id="same")):
        cells = nbformat.reads(form.normalise(text), as_version=4).cells
        assert cells[0].id != cells[1].id
