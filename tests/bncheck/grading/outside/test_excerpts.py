"""What is shown of a learner's code tells nobody who it was."""

from __future__ import annotations

from bncheck.grading.outside.excerpts import LONGEST, Excerpts


def of(*cells, names=("f",), known=()):
    return Excerpts(cells, known).of(names)


def test_comments_docstrings_and_texts_go():
    cell = '''
def f(x, axis="C"):
    """Written by Anna."""
    # by Anna
    print("Anna", f"Anna {x}")
    return x + 1
'''
    assert of(cell) == "def f(x, axis='C'):\n    print('…', '…')\n    return x + 1"


def test_what_held_a_docstring_alone_stays_python():
    assert of('def f(x):\n    """Anna."""') == "def f(x):\n    pass"


def test_the_last_definition_counts_and_each_stands_once():
    assert of("def f(): return 1", "def f(): return 2", "g = 3") == "def f():\n    return 2"
    assert of("f, g = 1, 2", names=("f", "g")) == "f, g = (1, 2)"


def test_a_name_or_an_account_in_the_code_hides_it():
    assert of("def f(anna_s): return anna_s", known=("Anna Lee", "4712")) == ""
    assert of("f = 4712", known=("Anna Lee", "4712")) == ""
    assert of("f = 3", known=("Al", "")) == "f = 3"


def test_what_cannot_be_shown_is_left_out():
    assert of("def f(:") == "" == of("x = 1")
    assert of(f"f = [{'1, ' * LONGEST}]") == ""
    assert of("f = " + "-" * 50_000 + "1") == ""
