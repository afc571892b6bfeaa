"""The self-check questions of the chapters: each answer explains itself."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

CHAPTERS = sorted((Path(__file__).resolve().parents[2] / "chapters").glob("*.ipynb"))
# Without an empty line, so that the answers of a question are one block of HTML: then they fold in
# every notebook program.  Some show Markdown inside of HTML as it is written.
ANSWER = re.compile(
    r'<details class="answer (right|wrong)" name="([\w-]+)"><summary>([A-E])\. (.+?)</summary>\n'
    r"<p>(.+?)</p></details>"
)
NOT_HTML = re.compile(r"[`$]|\*\*|\{\w+\}|\]\(")


@dataclass(frozen=True)
class Answer:
    right: bool
    group: str
    letter: str
    summary: str
    feedback: str


@dataclass(frozen=True)
class Question:
    label: str  # of the chapter
    number: str
    text: str
    answers: tuple[Answer, ...]


def questions(path: Path) -> list[Question]:
    """The questions of one chapter, in order."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    label = re.search(r"^\(([\w-]+)\)=", cells[0], re.M)
    assert label is not None
    found = []
    for source in cells:
        if '<details class="answer' not in source:
            continue
        head = re.match(r"\*\*(\d+)\.\*\* (.+?)\n\n<details", source, re.S)
        assert head is not None, f"{path.name}: a question is **number.** and a text:\n{source}"
        answers = [Answer(kind == "right", *rest) for kind, *rest in ANSWER.findall(source)]
        assert len(answers) == source.count("<details"), f"{path.name}: not in the form:\n{source}"
        block = source[source.index("<details") : source.rindex("</details>")]
        assert "\n\n" not in block, f"{path.name}: an empty line between answers:\n{source}"
        found.append(Question(label[1], head[1], head[2], tuple(answers)))
    return found


QUESTIONS = [question for path in CHAPTERS for question in questions(path)]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_has_three_to_five_questions_numbered_in_order(path: Path) -> None:
    numbers = [int(question.number) for question in questions(path)]
    assert numbers == list(range(1, len(numbers) + 1)) and 3 <= len(numbers) <= 5


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: f"{q.label}-{q.number}")
def test_a_question_has_one_right_answer_and_a_reason_for_each(question: Question) -> None:
    assert 3 <= len(question.answers) <= 5
    several = "which of these" in question.text.lower()
    right = sum(answer.right for answer in question.answers)
    assert right == 1 or (several and right > 1)
    letters = "".join(answer.letter for answer in question.answers)
    assert letters == "ABCDE"[: len(letters)]
    for answer in question.answers:
        # one name per question: opening an answer closes the others
        assert answer.group == f"{question.label}-{question.number}"
        assert not NOT_HTML.search(re.sub("<code>.*?</code>", "", answer.summary + answer.feedback))
        verdict = "<b>Yes.</b>" if answer.right else "<b>No.</b>"
        assert answer.feedback.startswith(verdict), answer.feedback
        assert len(answer.feedback.split()) >= 8, answer.feedback
    assert len({answer.summary for answer in question.answers}) == len(question.answers)
    assert len({answer.feedback for answer in question.answers}) == len(question.answers)


def test_neither_place_nor_length_gives_the_right_answer_away() -> None:
    places = Counter(
        [answer.right for answer in question.answers].index(True) for question in QUESTIONS
    )
    assert max(places.values()) < 0.5 * len(QUESTIONS), places
    longest = sum(
        max(question.answers, key=lambda answer: len(answer.summary)).right
        for question in QUESTIONS
    )
    assert longest < 0.5 * len(QUESTIONS), f"{longest} of {len(QUESTIONS)}"
