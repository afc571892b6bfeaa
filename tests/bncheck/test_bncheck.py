"""The engine of the exercises: what it observes, what it says, what it refuses."""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import nn

import bnlib.functional
from bncheck.bank import planted
from bncheck.compare import distance
from bncheck.guard import TookTooLong, time_limit
from bncheck.judge import judge
from bncheck.observe import Observation, Task, observe
from bncheck.plain import ELEMENTS, Plain, bare, from_json, plain, to_json
from bncheck.report import card, text
from bncheck.session import CheckFailed, ExerciseError
from exercises.questions import COURSE, check, hint, score

NAME = "ex03.forward"
SESSION = check.__self__


def said(function, name=NAME, **changes):
    """The verdict and its text on a function."""
    bank = COURSE.bank(name)
    bank.tasks = [replace(task, **changes) for task in bank.tasks]
    seen = observe({bank.question.names[0]: function}, bank.tasks)
    verdict = judge(bank, seen)
    return verdict, text(bank, verdict, seen)


def right(x, gamma, beta, eps):
    axes = (0, *range(2, x.ndim))
    shape = (1, -1, *(1,) * (x.ndim - 2))
    mu, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return gamma.reshape(shape) * (x - mu) / np.sqrt(var + eps) + beta.reshape(shape)


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    monkeypatch.setattr(SESSION, "_results", {})
    monkeypatch.setattr(SESSION, "_hinted", {})


# -- plain values --------------------------------------------------------------------------------

NUMBERS = st.floats() | st.integers(-(2**60), 2**60)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=20)
ARRAYS = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.bool_]),
    hnp.array_shapes(max_dims=3, max_side=4, min_side=0),
)
VALUES = st.recursive(
    SCALARS | ARRAYS,
    lambda v: st.lists(v, max_size=3).map(tuple) | st.dictionaries(st.text(max_size=5), v),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_sent_arrives(value):
    sent = json.loads(json.dumps(to_json(plain(value))))
    assert distance(from_json(sent), plain(value)) == 0


@given(VALUES)
def test_a_value_is_at_distance_zero_from_itself_and_from_its_copy(value):
    assert distance(plain(value), plain(value)) == 0


def test_whole_numbers_stay_whole_as_far_as_floats_hold_them():
    assert type(bare(plain(3))) is int and type(bare(plain(np.int64(3)))) is int
    assert type(bare(from_json(to_json(plain(3))))) is int
    assert type(bare(plain(2**60))) is float
    assert plain(10**400).kind == "object"
    assert distance(plain(3), plain(3.0)) == 0


def test_plain_copies():
    x = np.zeros(3)
    kept = plain((x, {"a": x}))
    x += 1
    array, parts = bare(kept)
    assert array.tolist() == parts["a"].tolist() == [0, 0, 0]


def test_plain_never_calls_what_an_object_defines():
    class Hostile(np.ndarray):
        def __array_finalize__(self, other):
            pass

        def __eq__(self, other):
            return True

        def copy(self, order="C"):
            raise AssertionError

    kept = plain(np.ones(2).view(Hostile))
    assert type(kept.data) is np.ndarray
    assert distance(kept, plain(np.zeros(2))) > 0


@pytest.mark.parametrize(
    "value", [object(), 1j, np.array(["a"]), np.array([object()]), {1, 2}, lambda: 0]
)
def test_anything_else_is_an_object(value):
    assert plain(value).kind == "object"


def test_a_nest_too_deep_or_too_long_is_an_object():
    endless: list = []
    endless.append(endless)
    value = plain(endless)
    while value.kind == "tuple":
        (value,) = value.data
    assert value.kind == "object"
    assert plain([0] * 10_000).kind == "object"
    assert plain(np.zeros(ELEMENTS + 1, np.int8)).kind == "object"


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        {},
        {"kind": "array"},
        {"kind": "array", "data": {"dtype": "object", "shape": [1], "bytes": ""}},
        {"kind": "array", "data": {"dtype": "<f8", "shape": [2], "bytes": ""}},
        {"kind": "array", "data": {"dtype": "<f8", "shape": [-1], "bytes": ""}},
        {"kind": "array", "data": {"dtype": "<f8", "shape": [10**9], "bytes": ""}},
        {"kind": "array", "data": {"dtype": "O", "shape": [0], "bytes": "gASVAAAA"}},
        {"kind": "tuple", "data": "ab"},
        {"kind": "number", "data": "no number"},
        {"kind": "text", "data": 3},
        {"kind": "function", "data": "x"},
    ],
)
def test_what_to_json_cannot_have_written_is_refused(sent):
    with pytest.raises(ValueError):
        from_json(sent)


def test_distance_is_the_largest_relative_difference():
    assert distance(plain(np.array([1.0, 2.0])), plain(np.array([1.0, 4.0]))) == 0.5
    assert distance(plain(1e-9), plain(0.0)) == pytest.approx(1e-6)
    assert distance(plain(float("nan")), plain(float("nan"))) == 0
    assert distance(plain(float("nan")), plain(1.0)) == math.inf
    assert distance(plain(np.inf), plain(-np.inf)) == math.inf


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.zeros(2), np.zeros((1, 2))),
        (np.zeros(2), np.zeros(2, np.float32)),
        (np.zeros(2), torch.zeros(2, dtype=torch.float64)),
        ((1.0,), (1.0, 1.0)),
        ({"a": 1.0}, {"b": 1.0}),
        (True, 1.0),
        ("a", "b"),
        (None, 0.0),
    ],
)
def test_values_of_different_form_are_infinitely_far_apart(one, other):
    assert distance(plain(one), plain(other)) == math.inf


# -- what each kind of failure says --------------------------------------------------------------


def test_right_answer_passes_and_prints_one_line():
    verdict, shown = said(right)
    assert verdict.state == "passed"
    assert shown == "ex03.forward  passed  4/4"


def test_endless_loop_is_ended_and_its_line_shown():
    def loops(x, gamma, beta, eps):
        while True:
            x = x + 0

    start = time.monotonic()
    verdict, shown = said(loops, seconds=0.3)
    assert time.monotonic() - start < 20
    assert "does not end within 0.3 s" in shown
    assert "x = x + 0" in shown or "while True" in shown
    assert verdict.points == 0


def test_loop_that_swallows_exceptions_is_ended():
    def stubborn(x, gamma, beta, eps):
        while True:
            with contextlib.suppress(Exception):
                time.sleep(0.01)

    _, shown = said(stubborn, seconds=0.3)
    assert "does not end within" in shown


def test_sleep_is_ended():
    start = time.monotonic()
    with pytest.raises(TookTooLong), time_limit(0.2):
        time.sleep(60)
    assert time.monotonic() - start < 30


def test_user_can_interrupt_within_the_limit():
    def interrupts(x, gamma, beta, eps):
        import signal

        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        said(interrupts)


def test_prints_are_caught_and_mentioned(capsys):
    def chatty(x, gamma, beta, eps):
        print("mean:", 3)
        return right(x, gamma, beta, eps)

    verdict, shown = said(chatty)
    assert verdict.state == "passed"
    assert "Your code prints" in shown and "mean: 3" in shown
    assert capsys.readouterr().out == ""


def test_changed_argument_is_named():
    def in_place(x, gamma, beta, eps):
        y = right(x, gamma, beta, eps)
        x[...] = y
        return x

    verdict, shown = said(in_place)
    assert verdict.state == "wrong"
    assert "changes its argument `x`" in shown


@pytest.mark.parametrize(
    ("returns", "words"),
    [
        (lambda y: None, "end without `return`"),
        (lambda y: torch.tensor(y), "is a torch tensor"),
        (lambda y: y.tolist(), "tuple or list"),
        (lambda y: (y, y), "tuple or list of 2"),
        (lambda y: "y", "is a text"),
        (lambda y: y[:1], "has the shape (1, 2), expected (3, 2)"),
        (lambda y: y.astype(np.float32), "is float32, expected float64."),
        (lambda y: np.where(y == y.max(), np.nan, y), "holds NaN"),
        (lambda y: np.where(y == y.max(), np.inf, y), "holds infinite"),
        (lambda y: object(), "an object of type object"),
        (lambda y: y + 1, "has the mean"),
        (lambda y: 2 * y - y.mean(0), "has the standard deviation"),
    ],
)
def test_what_comes_back_is_judged_by_law(returns, words):
    def answer(x, gamma, beta, eps):
        with np.errstate(all="ignore"):
            return returns(right(x, gamma, beta, eps))

    verdict, shown = said(answer)
    assert verdict.state == "wrong"
    assert words in shown, shown


def test_numbers_without_a_law_are_shown_at_the_place_that_is_furthest_off():
    def swapped(x, gamma, beta, eps):
        return right(x, gamma, beta, eps)[::-1]

    _, shown = said(swapped)
    assert "The right numbers stand in another order (`y`): `y[" in shown
    assert "# y[" in shown and "expected" in shown and "yours" in shown
    assert "x = np.array(" in shown and "y = batch_norm(x, gamma, beta, eps)" in shown


def raising(error):
    def answer(x, gamma, beta, eps):
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (raising(ValueError("bad thing")), "raises an error in your code: ValueError: bad thing"),
        (raising(SystemExit(3)), "calls exit"),
        (raising(KeyError("k")), "KeyError"),
        (lambda x, gamma: x, "does not fit what you wrote"),
        (lambda x, gamma, beta, eps: x.numpy(), "mixes NumPy and torch"),
        (lambda x, gamma, beta, eps: torch.mean(x), "mixes NumPy and torch"),
        (lambda x, gamma, beta, eps: x.nothing, "raises an error in your code: AttributeError"),
        (lambda *arguments: said_again(*arguments), "NameError"),  # noqa: F821
    ],
)
def test_error_in_the_answer_is_said_in_a_sentence(answer, words):
    verdict, shown = said(answer)
    assert verdict.state == "wrong"
    assert words in shown, shown
    assert "Traceback" not in shown


def test_line_that_raises_is_shown():
    def answer(x, gamma, beta, eps):
        return x.reshape(7, 7)  # this very line

    _, shown = said(answer)
    assert "return x.reshape(7, 7)  # this very line" in shown


def test_recursion_without_end_is_named():
    def answer(x, gamma, beta, eps):
        return answer(x, gamma, beta, eps)

    assert "calls itself without end" in said(answer)[1]


def test_not_implemented_is_not_done_yet():
    verdict, shown = said(raising(NotImplementedError("your turn")))
    assert verdict.state == "not done"
    assert shown.startswith("ex03.forward  not done yet  0/4")


def test_half_of_the_work_earns_its_points():
    def vectors_only(x, gamma, beta, eps):
        if x.ndim > 2:
            raise NotImplementedError
        return right(x, gamma, beta, eps)

    assert said(vectors_only)[0].earned == {"vectors": 1, "small spread": 1, "images": 0}


# -- the ready-made answer -----------------------------------------------------------------------


def by_torch(function):
    def answer(x, gamma, beta, eps):
        with torch.enable_grad():
            return function(torch.tensor(x), torch.tensor(gamma), torch.tensor(beta), eps).numpy()

    return answer


def module(x, gamma, beta, eps):
    layer = nn.BatchNorm1d(x.shape[1], eps=eps, dtype=x.dtype)
    return layer(x).detach()


def compiled_functional(x, gamma, beta, eps):
    return torch.native_batch_norm(x, gamma, beta, None, None, True, 0.1, eps)[0]


def swallowed(x, gamma, beta, eps):
    try:
        y = torch.nn.functional.batch_norm(x, None, None, gamma, beta, True, 0.1, eps)
    except BaseException:
        y = x
    return y


READY_MADE = [
    lambda x, g, b, e: torch.nn.functional.batch_norm(x, None, None, g, b, True, 0.1, e),
    lambda x, g, b, e: torch.batch_norm(x, g, b, None, None, True, 0.1, e, False),
    lambda x, g, b, e: torch.nn.functional.layer_norm(x, x.shape[1:]),
    lambda x, g, b, e: torch.nn.functional.instance_norm(x[..., None].expand(-1, -1, 2)),
    lambda x, g, b, e: torch.nn.functional.group_norm(x, 1),
    module,
    compiled_functional,
    swallowed,
]


@pytest.mark.parametrize("function", READY_MADE)
def test_ready_made_norm_of_torch_is_refused(function):
    verdict, shown = said(by_torch(function))
    assert verdict.state == "wrong"
    assert "asks you to write it yourself" in shown and "torch's" in shown


def test_ready_made_norm_of_bnlib_is_refused_under_any_name():
    alias = bnlib.functional.batch_norm
    _, shown = said(lambda x, gamma, beta, eps: alias(x, gamma, beta, eps)[0])
    assert "bnlib's batch_norm" in shown
    _, shown = said(lambda x, gamma, beta, eps: bnlib.scratch_like(x))  # no such thing
    assert "asks you to write" not in shown


def test_other_calls_of_torch_are_free():
    def answer(x, gamma, beta, eps):
        axes = (0, *range(2, x.ndim))
        x, shape = torch.tensor(x), (1, -1, *(1,) * (x.ndim - 2))
        mu, var = x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
        y = torch.tensor(gamma).view(shape) * (x - mu) / (var + eps).sqrt()
        return (y + torch.tensor(beta).view(shape)).numpy()

    assert said(answer)[0].state == "passed"


# -- what surrounds the run ----------------------------------------------------------------------


def test_answer_cannot_change_the_state_of_the_session():
    torch.manual_seed(5)
    np.random.seed(5)
    wanted = torch.rand(1).item(), np.random.rand()
    torch.manual_seed(5)
    np.random.seed(5)

    def answer(x, gamma, beta, eps):
        torch.manual_seed(1)
        np.random.seed(1)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        return right(x, gamma, beta, eps)

    try:
        said(answer)
        assert (torch.rand(1).item(), np.random.rand()) == wanted
        assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32
    finally:
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)


def test_probes_share_no_memory():
    first, second = observe(
        {"batch_norm": lambda x, gamma, beta, eps: x.fill(0)}, COURSE.bank(NAME).tasks
    )[:2]
    task = COURSE.bank(NAME).tasks[1]
    assert distance(second.inputs["gamma"], task.inputs["gamma"]) == 0
    assert np.all(first.inputs["x"].data == 0)


WORKER = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import numpy as np
from bncheck.observe import Task, observe
space = {"np": np}
sent = json.load(sys.stdin)
exec(sent["source"], space)
seen = observe(space, [Task.from_json(task) for task in sent["tasks"]])
print(json.dumps([observation.to_json() for observation in seen]))
"""


@pytest.mark.parametrize("wrong", [None, 0, 3])
def test_probes_give_the_same_verdict_across_a_process_boundary(wrong):
    bank = COURSE.bank(NAME, seed=7)
    mistakes = () if wrong is None else (bank.question.mistakes[wrong],)
    sent = {
        "source": planted(bank.question, mistakes),
        "tasks": [task.to_json() for task in bank.tasks],
    }
    answer = subprocess.run(
        [sys.executable, "-c", WORKER, json.dumps(sys.path)],
        input=json.dumps(sent),
        capture_output=True,
        text=True,
        check=True,
    )
    seen = [Observation.from_json(one) for one in json.loads(answer.stdout)]
    assert judge(bank, seen).mistakes == mistakes


def test_tasks_that_are_sent_hold_no_reference():
    bank = COURSE.bank(NAME)
    sent = json.dumps([task.to_json() for task in bank.tasks])
    assert "def " not in sent
    for task in map(Task.from_json, json.loads(sent)):
        assert task.code and task.keep


# -- check, hint, score --------------------------------------------------------------------------


def test_check_raises_the_line_of_the_verdict_and_prints_the_rest(capsys):
    with pytest.raises(CheckFailed, match=r"^ex03.forward  not passed  [0-3]/4  no ε$") as caught:
        check(NAME, lambda x, gamma, beta, eps: right(x, gamma, beta, 0.0))
    assert isinstance(caught.value, AssertionError)
    assert caught.value._render_traceback_() == [str(caught.value)]
    out = capsys.readouterr().out
    assert out.startswith(str(caught.value))
    assert "What went wrong: no ε." in out and "Read: chapter 3, “What ε does”" in out


def test_check_passes_silently_but_for_its_line(capsys):
    assert check(NAME, right) is None
    assert capsys.readouterr().out == "ex03.forward  passed  4/4\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ex03.nothing", right), "need a question of"),
        (("ex99.forward", right), "need an exercise of ex"),
        ((NAME,), "got 0 answers"),
        ((NAME, right, right), "got 2 answers"),
        ((NAME, np.zeros(3)), "must be the function itself, got ndarray"),
        ((NAME, None), "must be the function itself, got NoneType"),
    ],
)
def test_wrong_call_of_check_is_explained(arguments, words):
    with pytest.raises(ExerciseError, match=words):
        check(*arguments)


@pytest.mark.parametrize("answer", [..., "dots"])
def test_value_question_never_shows_its_answer(answer, capsys):
    with pytest.raises(CheckFailed):
        check("ex03.spread", answer)
    out = capsys.readouterr().out
    assert "0.30" not in out
    assert ("place of the dots" in out) == (answer is ...)


def test_hints_come_one_after_the_other_and_then_stay(capsys):
    hints = COURSE.find(NAME)[1].hints
    for wanted in (*hints, hints[-1]):
        hint(NAME)
        assert wanted in capsys.readouterr().out
    hint(NAME, 1)
    assert hints[0] in capsys.readouterr().out
    with pytest.raises(ExerciseError, match="hints 1 to 3, got 4"):
        hint(NAME, 4)


def test_score_sums_up_and_writes(tmp_path, capsys):
    with pytest.raises(ExerciseError, match="nothing checked yet"):
        score()
    check(NAME, right)
    path = tmp_path / "points.json"
    score(write=path)
    out = capsys.readouterr().out
    assert "ex03.forward" in out and "4/4" in out
    record = json.loads(path.read_text())
    (exercise,) = record["exercises"]
    assert exercise["name"] == "ex03_mechanism" and exercise["points"] == 4
    assert exercise["questions"][NAME] == 4 and exercise["questions"]["ex03.spread"] == 0
    assert exercise["out_of"] == COURSE.find(NAME)[0].out_of
    score("ex03", write=path)  # its own file it may replace


def test_score_forgets_points_that_a_later_check_takes_back():
    check(NAME, right)
    with pytest.raises(CheckFailed):
        check(NAME, lambda x, gamma, beta, eps: x)
    assert SESSION._points(COURSE.find(NAME)[0])[NAME] == 0


def test_score_does_not_replace_a_file_of_somebody_else(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"mine": 1}')
    check(NAME, right)
    with pytest.raises(ExerciseError, match="is no file of points"):
        score(write=path)
    assert path.read_text() == '{"mine": 1}'


def test_card_escapes_what_the_learner_wrote():
    bank = COURSE.bank(NAME)
    seen = observe({"batch_norm": raising(ValueError("<script>alert(1)</script>"))}, bank.tasks)
    html = card(bank, judge(bank, seen), seen)
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_plain_is_frozen():
    with pytest.raises(AttributeError):
        Plain("number", 1.0).data = 2.0  # type: ignore[misc]


def test_more_mistakes_than_two_are_named_as_far_as_the_first_probes_show_them():
    def for_vectors_only(x, gamma, beta, eps):
        mu, var = x.mean(0), x.var(0, ddof=1)
        return gamma * (x - mu) / (np.sqrt(var) + eps) + beta

    verdict, shown = said(for_vectors_only)
    names = {mistake.name for mistake in verdict.mistakes}
    assert names == {"the variance is divided by n − 1", "ε outside the root"}
    assert verdict.beyond == ("images",)
    assert "There is more: “images” shows something else too" in shown
