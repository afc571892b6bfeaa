"""Exercises that say what is wrong: `check`, `hint` and `score`, for the notebooks.

    from bnlib.exercises import check, hint, score

    check("ex03.forward", batch_norm)   # passed, or which mistake, with the smallest example
    hint("ex03.forward")                # from a nudge to a plan, never the code
    score("ex03")                       # the points so far

A module `exNN_name` holds the questions of one exercise as data.  The engine has one module per
step: `observe` runs what a learner wrote and keeps plain values, `judge` compares them with those
of the reference and of known mistakes, `report` says the result.  bnlib carries the references
too, so a learner who looks finds them: checks here are for learning, not for marks.
"""

from bnlib.exercises.session import CheckFailed, check, hint, score

__all__ = ["CheckFailed", "check", "hint", "score"]
