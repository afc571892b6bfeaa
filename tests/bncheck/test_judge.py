"""A check that cannot judge says so; it never passes."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from bncheck.bank import Bank, implementation
from bncheck.guard import ReadyMade
from bncheck.judge import judge
from bncheck.observe import observe
from bncheck.questions.question import Question
from bncheck.report import card, text
from exercises.questions import COURSE


def fresh(name: str, **changes: object) -> Bank:
    """A bank of the question, or of one that is like it, which has seen nothing yet."""
    question: Question = replace(COURSE.find(name)[1], **changes)  # type: ignore[arg-type]
    return Bank(name, question, 0, ReadyMade())


@pytest.mark.parametrize("name", COURSE.names())
def test_where_no_thread_can_start_nothing_passes(name, monkeypatch):
    bank = fresh(name)
    answer = implementation(bank.question, bank.question.reference)

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    verdict = judge(bank, observe(answer, bank.tasks))
    assert (verdict.state, verdict.points) == ("broken", 0)
    assert "can't start new thread" in verdict.reason


BROKEN = {
    "an answer that raises": ({"reference": "def undo(x, eps):\n    return 1 / 0\n"}, "division"),
    "an answer that is not done": (
        {"reference": "def undo(x, eps):\n    raise NotImplementedError\n"},
        "NotImplementedError",
    ),
    "an answer without end": (
        {"reference": "def undo(x, eps):\n    while True: pass\n", "seconds": 0.2},
        "TookTooLong",
    ),
}


@pytest.mark.parametrize(("changes", "said"), BROKEN.values(), ids=BROKEN)
def test_where_the_right_answer_fails_as_the_learners_does_nothing_passes(changes, said):
    bank = fresh("ex03.undo", **changes)
    got = observe(implementation(bank.question, bank.question.reference), bank.tasks)
    verdict = judge(bank, got)
    assert (verdict.state, verdict.points) == ("broken", 0)
    assert said in verdict.reason
    for shown in (text(bank, verdict, got), card(bank, verdict, got)):
        assert "This check is broken, so it cannot judge your answer" in shown
        assert "not judged" in shown


@pytest.mark.parametrize("answer", ["b", "B", " b ", "b.", "(b)", "B)"])
def test_a_choice_may_be_written_in_many_ways(answer):
    bank = COURSE.bank("ex03.weights")
    assert judge(bank, observe({"weights": answer}, bank.tasks)).state == "passed"


@pytest.mark.parametrize("answer", ["a", "bb", "", "b or c", 2])
def test_another_choice_stays_wrong(answer):
    bank = COURSE.bank("ex03.weights")
    assert judge(bank, observe({"weights": answer}, bank.tasks)).state != "passed"
