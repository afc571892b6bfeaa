"""Reading what is handed in: every kind of file gets a clear message, and nothing is executed."""

from __future__ import annotations

import json
import zipfile

import nbformat
import pytest

from bncheck.grading.outside.archives import LARGEST, File, Unreadable
from bncheck.grading.outside.notebooks import read as read_file
from bncheck.grading.outside.submissions import find
from bncheck.grading.results.suspicion import signs
from exercises.questions import COURSE

CHECK = 'check("ex03.forward", batch_norm)'


def notebook(*cells, **top):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    return {**made, **top}


def save(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def read(path, exercise=None):
    return read_file(File(path, (), (path.parent.name, path.name)), COURSE, exercise)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ex03_mechanism.ipynb"


def test_code_cells_come_in_order_and_nothing_else(path):
    content = notebook("a = 1", CHECK)
    content["cells"].insert(1, nbformat.v4.new_markdown_cell("text"))
    content["cells"][0]["outputs"] = [nbformat.v4.new_output("stream", text="x")]
    submission = read(save(path, content))
    assert submission.cells == ("a = 1", CHECK)
    assert submission.exercise == "ex03" and submission.notes == ()


# -- files that cannot be read --------------------------------------------------------------------


def truncated(path):
    save(path, notebook(CHECK))
    path.write_text(path.read_text()[:-20])


def archive(path):
    with zipfile.ZipFile(path, "w") as handle:
        handle.writestr("ex03.ipynb", json.dumps(notebook(CHECK)))


def huge(path):
    with path.open("wb") as handle:
        handle.truncate(LARGEST + 1)


def link(path):
    (path.parent / "other.ipynb").write_text(json.dumps(notebook(CHECK)))
    path.symlink_to(path.parent / "other.ipynb")


UNREADABLE = {
    "truncated JSON": (truncated, "not JSON"),
    "empty file": (lambda p: p.write_text(""), "the file is empty"),
    "blank file": (lambda p: p.write_text(" \n"), "the file is empty"),
    "no JSON": (lambda p: p.write_text("def f(): pass"), "not JSON"),
    "a list": (lambda p: p.write_text("[1]"), "no notebook"),
    "another JSON": (lambda p: p.write_text('{"a": 1}'), "no notebook"),
    "format 3": (
        lambda p: save(p, {"nbformat": 3, "worksheets": []}),
        "need notebook format 4, got 3",
    ),
    "format 5": (lambda p: save(p, notebook(CHECK, nbformat=5)), "need notebook format 4, got 5"),
    "no format": (lambda p: save(p, {"cells": []}), "need notebook format 4, got None"),
    "cells no list": (lambda p: save(p, {"nbformat": 4, "cells": 3}), "cells are no list"),
    "deeply nested": (lambda p: p.write_text("[" * 200_000), "not JSON"),
    "a zip": (archive, "a zip file that holds no file"),
    "a folder": (lambda p: p.mkdir(), "got a folder"),
    "a link": (link, "symbolic link"),
    "too large": (huge, "need at most 20 MB"),
}


@pytest.mark.parametrize(("make", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_file_is_explained(path, make, words):
    make(path)
    with pytest.raises(Unreadable, match=words):
        read(path)


# -- files that are odd, and are read -------------------------------------------------------------


def test_byte_order_mark_and_line_ends_of_windows_do_not_matter(path):
    text = json.dumps(notebook("a = 1\nb = 2", CHECK), indent=1)
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read(path).cells == ("a = 1\nb = 2", CHECK)
    content = notebook("a = 1\r\nb = 2", CHECK)
    assert read(save(path, content)).cells[0] == "a = 1\nb = 2"


def test_latin_1_is_read_with_a_note(path):
    text = json.dumps(notebook("name = 'Müller'", CHECK), ensure_ascii=False)
    path.write_bytes(text.encode("latin-1"))
    submission = read(path)
    assert submission.cells[0] == "name = 'Müller'"
    assert submission.notes == ("not UTF-8: read as Latin-1",)


def test_zero_cells_are_a_notebook_without_answers(path):
    submission = read(save(path, notebook()))
    assert submission.cells == () and submission.exercise == "ex03"  # by the name of the file


def test_cells_without_source_or_type_are_noted(path):
    content = notebook("a = 1", CHECK)
    del content["cells"][0]["source"]
    content["cells"] += [None, {"cell_type": "poem"}, {"cell_type": "code", "source": [1]}]
    submission = read(save(path, content))
    assert submission.cells == ("", CHECK, "")
    assert len(submission.notes) == 4


def test_metadata_ids_and_order_do_not_matter(path):
    content = notebook(CHECK, "a = 1")
    for cell in content["cells"]:
        cell.pop("metadata")
        cell["id"] = "same"
    content.pop("metadata")
    assert read(save(path, content)).cells == (CHECK, "a = 1")


def test_exercise_is_told_by_its_checks_then_by_the_name(tmp_path):
    assert read(save(tmp_path / "ex04.ipynb", notebook(CHECK))).exercise == "ex03"
    assert read(save(tmp_path / "anna_ex04_final.ipynb", notebook())).exercise == "ex04"
    (tmp_path / "ex05").mkdir()
    assert read(save(tmp_path / "ex05" / "work.ipynb", notebook())).exercise == "ex05"
    nameless = save(tmp_path / "work.ipynb", notebook("index03 = 1"))
    assert read(nameless, "ex07").exercise == "ex07"
    with pytest.raises(Unreadable, match="use --exercise"):
        read(nameless)


# -- finding them ---------------------------------------------------------------------------------


def test_every_file_of_a_folder_is_found_but_for_leftovers(tmp_path):
    wanted = ["anna/ex03.ipynb", "anna/ex03 (1).ipynb", "ben/ex03.ipynb", "ex03.zip", "note.txt"]
    for name in [*wanted, ".hidden", ".ipynb_checkpoints/a.ipynb", "__MACOSX/a.ipynb"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "folder.ipynb").mkdir()
    found = find([tmp_path])
    names = {str(one.file.path.relative_to(tmp_path)) for one in found}
    assert names == {*wanted, "folder.ipynb"}
    assert sorted(one.learner for one in found) == ["anna", "anna", "ben", "ex03", "folder", "note"]
    assert len({one.id for one in found}) == len(found)


def test_ids_stay_apart_and_are_safe_as_file_names(tmp_path):
    for name in ("a/b.ipynb", "a_b.ipynb", "ä ö.ipynb", "ü.ipynb", "(1).ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = find([tmp_path])
    assert len({one.id for one in found}) == 5
    assert all("/" not in one.id and not one.id.startswith(".") for one in found)


def test_the_same_file_is_found_once_and_a_missing_one_is_an_error(tmp_path):
    path = save(tmp_path / "ex03.ipynb", notebook())
    assert len(find([path, path])) == 1
    with pytest.raises(ValueError, match="that exist"):
        find([tmp_path / "nothing.ipynb"])


# -- signs of tampering ---------------------------------------------------------------------------

HONEST = """
import numpy as np
import torch
from torch import nn
import matplotlib.pyplot as plt
from exercises.questions import check, hint, score
from bncourse.data import load
np.random.seed(0)
torch.manual_seed(0)
class BatchNorm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
    def forward(self, x):
        return x * self.weight
layer = BatchNorm(3)
layer.eps = 1e-5
layer.weight.data[:] = 2
try:
    layer(torch.ones(2))
except Exception as error:
    print(error)
"""

TAMPERING = {
    "torch.allclose = lambda *a: True": "replaces torch.allclose",
    "del bnlib.nn.BatchNorm2d": "replaces bnlib.nn.BatchNorm2d",
    "import bncheck.bank": "imports bncheck.bank",
    "from exercises.questions.ex03_mechanism import batch_norm": "imports exercises.questions.ex03",
    "import numpy, subprocess": "imports subprocess",
    "import sys; sys._getframe(1)": "uses sys._getframe",
    "import os\nos.kill(1, 9)": "uses os.kill",
}


def signed(cells):
    return signs(cells, "exercises.questions", ["bnlib", "bncourse"])


def test_honest_work_shows_no_sign():
    assert signed([HONEST]) == []


@pytest.mark.parametrize(("cell", "words"), TAMPERING.items())
def test_tampering_is_described(cell, words):
    (sign, *_) = signed(["x = 1", cell])
    assert sign.startswith("code cell 1: ") and words in sign


def test_cell_that_is_no_python_shows_no_sign():
    assert signed(["def f(:", "(" * 10_000, "\0"]) == []
