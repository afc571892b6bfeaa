"""Laws of the cells that a page can run."""

import contextlib
import io

import pytest

from tools.site.runnable import Cell
from tools.site.runnable import runnable as parts


def seen(source: str) -> Cell:
    return Cell(source, visible=True)


def hidden(source: str) -> Cell:
    return Cell(source, visible=False)


PLUMBING = hidden("import numpy as np\nimport torch\nfrom bncourse import plots\nplots.use_style()")


def runnable(cells: list[Cell]) -> list[tuple[int, str]]:
    return [(part.cell, part.source) for part in parts(cells)]


def numbers(cells: list[Cell]) -> list[int]:
    return [number for number, _ in runnable(cells)]


def test_a_cell_with_numpy_alone_runs_with_the_import_it_needs() -> None:
    cells = [PLUMBING, seen("x = np.ones(3)"), seen("x.mean()")]
    assert runnable(cells) == [
        (0, "import numpy as np"),
        (1, "x = np.ones(3)"),
        (2, "x.mean()"),
    ]


@pytest.mark.parametrize(
    "source",
    ["net = torch.ones(3)", "import torch\n3", "%time x = 3", "plots.panels(2)", "y = missing + 1"],
)
def test_a_cell_that_needs_more_is_left_to_a_notebook(source: str) -> None:
    assert runnable([PLUMBING, seen(source)]) == []


def test_a_cell_below_one_that_cannot_run_is_left_if_it_uses_its_names() -> None:
    cells = [PLUMBING, seen("z = torch.ones(3)"), seen("z + 1"), seen("2 * 3")]
    assert numbers(cells) == [3]


def test_a_name_that_gets_another_value_between_is_not_the_one_from_above() -> None:
    cells = [PLUMBING, seen("x = np.ones(3)"), hidden("x = torch.ones(3)"), seen("x.sum()")]
    assert numbers(cells) == [0, 1]


def test_of_a_hidden_cell_what_no_visible_one_needs_is_left_out() -> None:
    cells = [hidden("import numpy as np\nimport math\na = 1\nb = a + 1"), seen("np.zeros(a)")]
    assert [source for _, source in runnable(cells)] == [
        "import numpy as np",
        "a = 1",
        "np.zeros(a)",
    ]


def test_a_visible_cell_is_there_as_a_whole_or_not_at_all() -> None:
    cells = [PLUMBING, seen("a = 1\nb = torch.ones(a)"), seen("a + 1")]
    assert runnable(cells) == []


def test_what_is_taken_runs_in_this_order() -> None:
    cells = [
        PLUMBING,
        seen("def f(x):\n    return np.sum(x)"),
        hidden("k = 2"),
        seen("print(f([k]))"),
    ]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        space: dict[str, object] = {}
        for _, source in runnable(cells):
            exec(source, space)
    assert out.getvalue() == "2\n"


def test_a_sentence_about_what_runs_runs_too_and_one_about_an_experiment_does_not() -> None:
    plumbing = hidden("import numpy as np\nfrom bncourse.prose import say, verdict")
    cells = [
        plumbing,
        seen("x = np.ones(3)"),
        hidden("top = x.max()\nsay('{a:.1f}', holds=top > 0, a=top)"),
        seen("result = experiment()"),
        hidden("say('{b}', b=result.effect)"),
    ]
    assert [part.says for part in parts(cells)] == [False, False, False, False, True]
    assert numbers(cells) == [0, 0, 1, 2, 2]
