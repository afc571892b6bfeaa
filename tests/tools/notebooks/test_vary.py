"""The laws of changed numbers: which are changed, to what, what is run again, what is a fault."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

from tools.notebooks import affected, execution, numbers


def found(source: str, **metadata: object) -> dict[str, list[str]]:
    """The names of the numbers of a cell, each with its other values."""
    values: dict[str, list[str]] = {}
    for change in numbers.changes([new_code_cell(source, metadata=metadata)]):
        values.setdefault(f"{change.name} {change.old}", []).append(change.new)
    return values


# -- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("fit(net, steps=200)", {"steps 200": ["100", "400", "1"]}),
        ("rate = 0.1", {"rate 0.1": ["0.05", "0.2", "0.0", "10.0"]}),
        ("layer(momentum=0.1)", {"momentum 0.1": ["0.05", "0.2", "0.0", "1.0"]}),
        ("batch_size = 32", {"batch_size 32": ["16", "64", "1", "5000"]}),
        ("g = generator(0)", {"seed 0": ["1", "123"]}),
        ("for depth in (2, 8): pass", {"depth 2": ["1", "4"], "depth 8": ["4", "16", "1"]}),
        ("y = x[:6]", {"size 6": ["3", "12", "1", "5000"]}),
        ("def train(steps=4): pass", {"steps 4": ["2", "8", "1"]}),
        ("shift = -0.5", {"shift 0.5": ["0.25", "1.0", "0.0"]}),
    ],
)
def test_a_number_with_a_name_is_halved_doubled_and_set_to_its_edges(
    source: str, expected: dict[str, list[str]]
) -> None:
    assert found(source) == expected


@pytest.mark.parametrize(
    "source",
    ["y = x[3]", "x.mean(axis=1)", "2 * x + 1", "right = 0", "shapes = {'a': [(3, 4)]}", "f(x, 3)"],
)
def test_places_axes_formulas_and_shapes_are_left_alone(source: str) -> None:
    assert not found(source)


@pytest.mark.parametrize("tag", ["install", "hide-input", "remove-input", "hide-cell"])
def test_only_the_numbers_of_open_cells_are_changed(tag: str) -> None:
    assert found("steps = 3") and not found("steps = 3", tags=[tag])


def test_a_change_alters_one_number_and_nothing_else() -> None:
    source = '%time\nγ = "µ"; steps = (20, 4)  # 20'
    (change,) = [c for c in numbers.changes([new_code_cell(source)]) if c.new == "40"]
    assert change.apply(source) == '%time\nγ = "µ"; steps = (40, 4)  # 20'


def test_the_choice_takes_each_cell_then_each_number_before_it_takes_one_again() -> None:
    cells = [new_code_cell("a = 8; b = 6"), new_markdown_cell("c = 4"), new_code_cell("d = 4")]
    every = numbers.changes(cells)
    assert {change.cell for change in numbers.choice(every, 2)} == {0, 2}
    assert {change.name for change in numbers.choice(every, 4)} == {"a", "b", "d"}
    assert numbers.choice(every, 5) == numbers.choice(every[::-1], 5)
    assert numbers.choice(every, 99) == sorted(every, key=lambda c: (c.cell, c.start, c.new))


# -- what a change can reach --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["a = 1", "b = a", "c = 2", "d = b"], [0, 1, 3]),
        (["a = 1", "c = []", "c.append(a)", "print(c)"], [0, 1, 2, 3]),  # c is needed
        (["a = 1", "a = 2", "print(a)"], [0]),  # bound anew
        (["net = N(1)", "net.fit()", "print(net)"], [0, 1, 2]),
        (["def f(): return a", "a = 1", "f()"], [0, 2, 1]),
        (["x = 1", "for x in [2]: print(x)", "y = [x for x in [3]]"], [0]),
        (["a = 1\nprint(3)", "print(4)"], [0]),  # nothing alters a builtin
        (["import numpy as np\na = np.ones(1)", "np.zeros(2)"], [0]),
        (["a = 1", "n = 0", "n += a", "n"], [0, 1, 2, 3]),
    ],
)
def test_what_uses_a_changed_name_is_run_with_what_it_needs(
    cells: list[str], expected: list[int]
) -> None:
    assert affected.to_run(cells, 0, {}) == sorted(expected)


def test_what_a_cell_uses_counts_as_altered_unless_nothing_can_alter_it() -> None:
    cells = ["f(net, n)", "g(net)", "h(n)"]
    assert affected.to_run(cells, 0, {"net": [], "n": 3}) == [0, 1]
    assert affected.to_run(cells, 0, {"net": [], "n": [3]}) == [0, 1, 2]
    assert affected.to_run(cells, 0, {"net": (1, "a"), "n": 3}) == [0]


# -- outcomes -----------------------------------------------------------------------------------

CELLS = [
    ("import torch\nfrom bncourse.prose import say\nfrom bncourse.training import batches", []),
    ("size = 4\nlimit = 3.0", ["varied"]),
    ("parts = batches(torch.arange(8), size)", ["hide-input"]),
    ("say('At most {n}.', n=len(parts), holds=limit >= len(parts))", ["remove-input"]),
    ("assert len(parts) != 1", ["hide-input"]),
    ("if size == 2:\n    raise ValueError('the point')", ["hide-input", "raises-exception"]),
]


def vary(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.notebooks.vary", str(path), *options]
    return subprocess.run(
        command,
        cwd=execution.ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(execution.ROOT)},
    )


def test_each_change_ends_well_explained_or_as_a_fault(tmp_path: Path) -> None:
    cells = [new_code_cell(source, metadata={"tags": tags}) for source, tags in CELLS]
    path = tmp_path / "a.ipynb"
    path.write_text(writes(new_notebook(cells=cells)))
    run = vary(path, "--all")
    told = dict(
        reversed(line.split(" s  cell 1, ")) for line in run.stdout.splitlines() if " s  " in line
    )
    kinds = {name.split("  ")[0]: kind.split()[0] for name, kind in told.items()}
    assert kinds == {
        "size: 4 -> 1": "fine",
        "size: 4 -> 2": "fine",  # its exception is the point
        "size: 4 -> 5000": "explained",
        "size: 4 -> 8": "raised",
        "limit: 3.0 -> 0.0": "fine",
        "limit: 3.0 -> 1.5": "fine",
        "limit: 3.0 -> 6.0": "fine",
    }, run.stdout + run.stderr
    assert "1 no longer hold" in next(name for name in told if name.startswith("limit: 3.0 -> 0.0"))
    assert run.returncode == 1 and "AssertionError" in run.stdout
    assert "got 5000" in run.stdout


def test_a_notebook_that_fails_as_it_is_is_told(tmp_path: Path) -> None:
    cells = [new_code_cell("size = 1"), new_code_cell("1 / 0"), new_code_cell("steps = 2")]
    path = tmp_path / "a.ipynb"
    path.write_text(writes(new_notebook(cells=cells)))
    run = vary(path)
    assert run.returncode == 1 and "as it is: ZeroDivisionError" in run.stderr
    assert not json.loads(path.read_text())["cells"][1]["outputs"]
