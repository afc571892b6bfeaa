"""Laws of a page's checks: what they need, and that they say what a notebook's checks say."""

import json
import subprocess
import sys

import pytest

from bncheck import proof
from bncheck.bank import planted
from bncheck.packed import imports, needs, pack, unpack
from bncheck.page import Page
from exercises.questions import COURSE
from tools.site.live import ABSENT, packed_exercise

# Run where nothing of torch can be imported and no thread starts, as in a browser.
ALONE = """
import _thread, json, sys
def refuse(*_):
    raise RuntimeError("can't start new thread")
_thread.start_new_thread = refuse
import threading
threading.Thread.start = refuse
for name in ("torch", "markdown_it", "yaml", "scipy", "pandas"):
    sys.modules[name] = None
from bncheck.page import Page
from exercises.questions import COURSE
sys.platform = "emscripten"
asked = json.load(sys.stdin)
page = Page(COURSE, asked["packed"])
print(json.dumps([page.check(name, [[name, source]]) for name, source in asked["answers"]]))
"""
EXERCISES = [short for short in COURSE.folders if packed_exercise(COURSE, short)["questions"]]


def browser_questions(short: str) -> list[str]:
    return [f"{short}.{own['name']}" for own in packed_exercise(COURSE, short)["questions"]]


@pytest.mark.parametrize("short", EXERCISES)
def test_without_torch_and_threads_every_verdict_is_that_of_a_notebook(short: str) -> None:
    answers, expected = [], []
    for name in browser_questions(short):
        bank = COURSE.bank(name)
        for chosen in [(), *((mistake,) for mistake in bank.question.mistakes)]:
            source = planted(bank.question, chosen)
            assert source is not None
            answers.append((name, source))
            verdict = proof.verdict_on(bank, source)
            names = [mistake.name for mistake in verdict.mistakes]
            expected.append((verdict.state, verdict.points, names))
    sent = json.dumps({"packed": packed_exercise(COURSE, short), "answers": answers})
    run = subprocess.run(
        [sys.executable, "-c", ALONE], input=sent, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    got = [(said["state"], said["points"], said["names"]) for said in json.loads(run.stdout)]
    assert got == expected


def test_what_is_packed_is_the_question_again() -> None:
    bank = COURSE.bank("ex03.forward")
    again = unpack(pack(bank, ABSENT), {**vars(sys.modules["exercises.questions.laws"])})
    for name in ("names", "reference", "mistakes", "points", "hints", "read", "tolerance"):
        assert getattr(again, name) == getattr(bank.question, name)
    assert [law.name for law in again.laws] == [law.name for law in bank.question.laws]


def test_a_question_whose_answer_uses_torch_is_left_to_a_notebook() -> None:
    exercise = COURSE.load("ex06")
    left = [question.name for question in exercise.questions if needs(question, ("torch",))]
    assert left == ["layer", "train", "evaluate", "freeze"]
    assert imports("import numpy as np\nimport torch\nfrom torch import nn\n", ABSENT) == (
        "import numpy as np\n"
    )


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(COURSE, packed_exercise(COURSE, "ex03"))


RIGHT = "def batch_statistics(x):\n    a = (0, *range(2, x.ndim))\n    return x.mean(a), x.var(a)\n"


def test_an_answer_may_use_those_above_it(page: Page) -> None:
    forward = (
        "def batch_norm(x, gamma, beta, eps):\n"
        "    mu, var = batch_statistics(x)\n"
        "    shape = (1, -1) + (1,) * (x.ndim - 2)\n"
        "    mu, var, g, b = (v.reshape(shape) for v in (mu, var, gamma, beta))\n"
        "    return g * (x - mu) / np.sqrt(var + eps) + b\n"
    )
    cells = [("ex03.n", "n = ("), ("ex03.statistics", RIGHT), ("ex03.forward", forward)]
    assert page.check("ex03.forward", cells)["state"] == "passed"
    assert page.check("ex03.statistics", cells[:2])["state"] == "passed"
    assert "no Python" in page.check("ex03.n", cells[:1])["card"]


@pytest.mark.parametrize(
    ("source", "state", "said"),
    [
        ("n = ...", "not done", "not done yet"),
        ("n = 480", "passed", "passed"),
        ("n = 16 * 5 * 6  # all", "passed", "passed"),
        ("n = 16 * 5 *", "wrong", "your code is no Python: invalid syntax in line 1"),
        ("m = 3", "wrong", "need <code>n</code>: your code does not define it"),
        ("n = 1 / 0", "wrong", "ZeroDivisionError: division by zero (line 1"),
        ("import torch\nn = 3", "wrong", "a page has no torch: open the notebook"),
        ("raise SystemExit", "wrong", "your code ends with SystemExit"),
    ],
)
def test_what_a_reader_types_is_answered(
    page: Page, source: str, state: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    told = page.check("ex03.n", [("ex03.n", source)])
    assert told["state"] == state and said in told["card"].replace("</code>)", ")")
    assert told["points"] == (1 if state == "passed" else 0)


def test_an_error_in_the_answer_quotes_the_readers_line(page: Page) -> None:
    wrong = "def batch_statistics(x):\n    return x.mean(0) + nothing, x.var(0)\n"
    told = page.check("ex03.statistics", [("ex03.statistics", wrong)])
    assert "return x.mean(0) + nothing" in told["card"]


def test_a_call_in_place_of_the_function_is_told(page: Page) -> None:
    told = page.check("ex03.statistics", [("ex03.statistics", "batch_statistics = 3")])
    assert "must be the function itself" in told["card"]
